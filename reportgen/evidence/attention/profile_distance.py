"""How far apart the emotions' mean region profiles are, against chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.evidence.attention.map_statistics import PARTS
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import Estimate, bootstrap_counts
from reportgen.types import FloatArray, IntArray, ObjectArray

__all__ = ["ProfileDistance", "profile_distance"]

_PERMUTATIONS = 2000
_FEWEST = 6


@dataclass(frozen=True)
class ProfileDistance:
    """How far apart the emotions' mean profiles are.

    Attributes
    ----------
    distance
        (C, C) Euclidean distance between the mean excess shares (share minus area over the six parts); NaN where an
        emotion has fewer than six persons (or images) with a map.
    mean
        Over all pairs with an interval from persons (or images) resampled within the emotions.
    chance, chance_high
        Mean and 95th percentile of the same number when the labels are permuted.
    p
        One-sided permutation p-value of the separation, measured as the variance between the emotions' means.
    """

    distance: FloatArray
    mean: Estimate
    chance: float
    chance_high: float
    p: float


def profile_distance(
    share: FloatArray,
    area: FloatArray,
    labels: IntArray,
    classes: int,
    persons: ObjectArray | None = None,
    seed: int = 0,
    draws: int = _PERMUTATIONS,
) -> ProfileDistance:
    """Distance between the emotions' mean profiles, held against a permutation of the labels.

    A profile is the share minus the area of the six parts, so that emotions which merely enlarge a region do not
    differ. Where persons are known, the mean over a person's images of one emotion is what is permuted.

    Parameters
    ----------
    share, area
        (n, R); NaN rows (blank maps) are left out.
    labels
        (n,) -1 where unlabelled.
    classes
        Number of emotions.
    """
    valid = np.isfinite(share).all(axis=1) & (labels >= 0)
    excess, kept = (share - area)[valid][:, PARTS], labels[valid]
    if persons is not None and valid.any():
        excess, kept = _by_person(excess, kept, persons[valid], classes)
    # Two or three faces are no profile; six are the least for which a test exists.
    thin = np.bincount(kept, minlength=classes) < _FEWEST
    excess, kept = excess[~thin[kept]], kept[~thin[kept]]
    rng = np.random.default_rng(seed)
    observed = _means(excess, kept, classes)
    pairs = np.triu_indices(classes, 1)
    distance = _distances(observed)
    value = float(_mean_distances(distance[pairs]))
    if np.isfinite(distance[pairs]).sum() == 0:
        return ProfileDistance(distance, Estimate(value, 0.0, float("inf"), len(kept)), np.nan, np.nan, 1.0)
    shuffled = rng.permuted(np.broadcast_to(kept, (draws, len(kept))), axis=1)  # (B, n)
    weight = bootstrap_counts(len(kept), draws, rng, strata=kept)
    chance_means = _grouped(excess, np.ones(1), shuffled, classes)
    drawn_means = _grouped(excess, weight, kept[None], classes)
    sizes, centre = np.bincount(kept, minlength=classes)[:, None], excess.mean(axis=0)
    # Sum of squares between the emotions' means; the total is the same for every permutation.
    between = (sizes * np.nan_to_num(chance_means - centre) ** 2).sum(axis=(1, 2))
    reached = int((between >= (sizes * np.nan_to_num(observed - centre) ** 2).sum() * (1 - 1e-9)).sum())
    chance, drawn = (_mean_distances(_distances(m)[:, pairs[0], pairs[1]]) for m in (chance_means, drawn_means))
    # Resampling adds its own noise to every distance; the pivot takes it out again.
    low, high = 2 * value - np.quantile(drawn, [0.975, 0.025])
    estimate = Estimate(value, min(max(0.0, float(low)), value), max(float(high), value), len(kept))
    p = (reached + 1.0) / (draws + 1.0)
    return ProfileDistance(distance, estimate, float(chance.mean()), float(np.quantile(chance, 0.95)), p)


def _by_person(excess: FloatArray, labels: IntArray, persons: ObjectArray, classes: int) -> tuple[FloatArray, IntArray]:
    code = clusters(persons, len(labels)).code * classes + labels
    used, inverse = np.unique(code, return_inverse=True)
    total = np.zeros((len(used), excess.shape[1]))
    np.add.at(total, inverse, excess)
    return total / np.bincount(inverse)[:, None], np.asarray(used % classes, dtype=np.int64)


def _means(values: FloatArray, labels: IntArray, classes: int) -> FloatArray:
    counts = np.bincount(labels, minlength=classes)[:, None]
    sums = np.stack([np.bincount(labels, values[:, k], classes) for k in range(values.shape[1])], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / counts)


def _grouped(values: FloatArray, weight: npt.NDArray[np.number], labels: IntArray, classes: int) -> FloatArray:
    """(B, C, D) weighted means of (n, D) values per emotion; weights and labels are (B, n) or broadcast to it."""
    means = []
    for e in range(classes):
        part = ((labels == e) * weight).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append((part @ values) / part.sum(axis=1, keepdims=True))
    return np.stack(means, axis=1)


def _distances(means: FloatArray) -> FloatArray:
    """(..., C, C) Euclidean distances between (..., C, D) means."""
    return np.asarray(np.sqrt(((means[..., :, None, :] - means[..., None, :, :]) ** 2).sum(axis=-1)))


def _mean_distances(pairs: FloatArray) -> FloatArray:
    """Mean over the last axis of what is not NaN; NaN where all is."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.nansum(pairs, axis=-1) / np.isfinite(pairs).sum(axis=-1))
