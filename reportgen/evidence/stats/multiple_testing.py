"""Adjusting p-values for the number of tests in a family.

Our own few lines, because scipy has no family-wise adjustment: `scipy.stats.false_discovery_control` bounds the share
of false discoveries, which is a weaker promise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reportgen.types import FloatArray

__all__ = ["ALPHA", "holm"]


ALPHA = 0.05
"""Level of the tests, held after adjustment."""


def holm(p: npt.ArrayLike) -> FloatArray:
    """Holm's step-down adjustment over all entries of an array of any shape; NaN entries are not part of the family.

    Source: Holm 1979.
    """
    raw = np.asarray(p, dtype=np.float64)
    flat = raw.ravel()
    order = np.argsort(flat, kind="stable")
    order = order[np.isfinite(flat[order])]
    family = len(order)
    adjusted = np.full(flat.shape, np.nan)
    steps = flat[order] * (family - np.arange(family))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if family else steps
    return adjusted.reshape(raw.shape)
