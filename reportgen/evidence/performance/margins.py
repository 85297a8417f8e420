"""How far a class is ahead of the others, from logits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from reportgen.types import AnyFloatArray, FloatArray, IntArray

__all__ = ["log_odds", "rivals"]


def rivals(logits: AnyFloatArray, labels: IntArray) -> IntArray:
    """(n,) the strongest class other than the label: the prediction on an error, the runner-up on a correct image."""
    others = np.array(logits, dtype=np.float64)
    labelled = np.flatnonzero(labels >= 0)
    others[labelled, labels[labelled]] = -np.inf
    return np.asarray(others.argmax(axis=1), dtype=np.int64)


def log_odds(logits: AnyFloatArray, emotion: npt.NDArray[np.integer]) -> FloatArray:
    """(n,) log-odds of one class against all others, from (n, C) logits and (n,) class indices."""
    z = logits.astype(np.float64)
    rows = np.arange(len(z))
    own = z[rows, emotion]
    rest = z.copy()
    rest[rows, emotion] = -np.inf
    return np.asarray(own - logsumexp(rest, axis=1))
