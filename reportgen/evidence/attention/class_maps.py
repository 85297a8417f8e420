"""How far a map lies from what is usual for its class."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import jensenshannon

from reportgen.evidence.attention.map_statistics import weights
from reportgen.evidence.performance.scores import THIN
from reportgen.types import AnyFloatArray, FloatArray, IntArray

__all__ = ["distance_to_class", "map_distance"]


def distance_to_class(maps: AnyFloatArray, labels: IntArray, chosen: IntArray) -> FloatArray:
    """Jensen-Shannon distance between an image's map of a class and the mean map of that class on its own images.

    The image itself is left out of the mean, so that its own class has no advantage.

    Parameters
    ----------
    maps
        (n, C, h, w) raw signed maps.
    labels
        (n,) index of the labelled class, -1 where unlabelled.
    chosen
        (n,) which class's map is asked about, image by image.

    Returns
    -------
    (n,) float64
        0 (the same) to 1 (no cell in common), base 2; NaN where the map is blank or fewer than ten other images of
        the class have a map.
    """
    distance = np.full(len(labels), np.nan)
    for k in range(maps.shape[1]):
        asked = np.flatnonzero(chosen == k)
        if not len(asked):
            continue
        shares = weights(maps[:, k])[0].reshape(len(labels), -1)
        usable = np.isfinite(shares[:, 0])
        members = usable & (labels == k)
        total, count = shares[members].sum(axis=0), int(members.sum())
        asked = asked[usable[asked]]
        own = members[asked]
        others = count - own
        asked, own, others = asked[others >= THIN], own[others >= THIN], others[others >= THIN]
        if not len(asked):
            continue
        mean = (total - np.where(own[:, None], shares[asked], 0.0)) / others[:, None]
        # Subtracting may leave a cell a rounding error below zero.
        distance[asked] = map_distance(shares[asked], np.maximum(mean, 0.0))
    return distance


def map_distance(shares: FloatArray, others: FloatArray) -> FloatArray:
    """(n,) Jensen-Shannon distance, base 2, between two (n, cells) tables of maps that each hold some heat."""
    # Rounding may leave the divergence of equal maps a hair below 0, and its root is NaN.
    with np.errstate(invalid="ignore"):
        found = jensenshannon(shares, others, base=2, axis=1)
    return np.nan_to_num(np.asarray(found, dtype=np.float64), nan=0.0)
