"""How frequent each emotion was in the training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["training_priors"]


def training_priors(training: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Share of each class among the labelled training images; None if no frame has labels.

    Frames named after validation do not count: a model has not learnt from them.

    Parameters
    ----------
    training
        Frames with `emotion` (a class, or None), by name.

    Returns
    -------
    (C,) float64
        Sums to 1; 0 for a class without training images.
    """
    labels = [frame["emotion"] for name, frame in training.items() if "val" not in name.casefold()]
    counts = np.zeros(len(classes))
    for emotions in labels:
        counts += emotions.value_counts().reindex(list(classes), fill_value=0).to_numpy(dtype=np.float64)
    return counts / counts.sum() if counts.sum() else None
