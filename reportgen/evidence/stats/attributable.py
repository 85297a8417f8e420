"""Which share of the errors would be gone without a property: attributable fractions."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from reportgen.evidence.stats.clustered import Clusters
from reportgen.evidence.stats.intervals import Estimate
from reportgen.types import BoolArray, FloatArray

__all__ = ["attributable_fraction", "net_share"]

_FEWEST = 10
"""Persons (or photos) with the property, and as many without, from which an interval is given: from here on it held the
truth in 93 % of simulations (`tests/evidence/stats/test_attributable.py`)."""


def attributable_fraction(flag: BoolArray, wrong: BoolArray, among: BoolArray, group: Clusters) -> Estimate:
    """Share of the errors that would be gone if flagged images were misclassified no more often than the others.

    `AF = 1 - P(error | no flag) / P(error)` (Levin 1953); it equals the share of errors that are flagged, times
    `(RR - 1) / RR` (Miettinen 1974), and is below 0 where flagged images are misclassified less often. The logarithm of
    `1 - AF` is taken to be linear in what each cluster adds to its four counts (Walter 1976), one half added to both
    counts of errors. The variance is never smaller than if all images were independent. Student's distribution has as
    many degrees of freedom as the flagged or the other images have clusters, whichever are fewer, less one.

    Parameters
    ----------
    flag, wrong, among
        (n,) the property, the errors, and the images to count.
    group
        Of the same images.

    Returns
    -------
    Estimate
        With a 95 % interval; `n` is the number of images. NaN where no image is flagged, all are, or none is wrong;
        unbounded where flagged or other images are of fewer than 10 clusters.
    """
    bare = among & ~flag
    columns = np.stack([wrong & bare, bare, wrong & among, among], axis=1).astype(np.float64)
    counts, n = columns.sum(axis=0), int(among.sum())
    if not counts[2] or not counts[1] or counts[1] == counts[3]:
        return Estimate(math.nan, -math.inf, math.inf, n)
    value = float(1.0 - counts[0] / counts[1] * counts[3] / counts[2])
    units = _fewest(flag & among, bare, group)
    named = group.named and not group.single
    if units < _FEWEST:
        return Estimate(value, -math.inf, math.inf, n, units, named)
    bottom = counts + np.array([0.5, 0.0, 0.5, 0.0])

    def variance(part: FloatArray) -> float:
        # A cluster's residuals: its errors less those that its images would have at the common rate.
        each = (part[:, 0] - counts[0] / counts[1] * part[:, 1]) / bottom[0]
        each -= (part[:, 2] - counts[2] / counts[3] * part[:, 3]) / bottom[2]
        # As in CR2: a cluster that holds much of the flagged images drags their rate along.
        held = (part[:, 3] - part[:, 1]) / (counts[3] - counts[1])
        return float((each**2 / np.maximum(1.0 - held, 0.1)).sum() * units / (units - 1))

    error = math.sqrt(max(variance(columns), variance(group.sums(columns))))
    log = math.log(bottom[0] / bottom[1] * bottom[3] / bottom[2])
    half = float(stdtrit(units - 1, 0.975)) * error
    low, high = 1.0 - math.exp(log + half), 1.0 - math.exp(log - half)
    return Estimate(value, min(low, value), max(high, value), n, None if group.single else units, named)


def net_share(flag: BoolArray, first: BoolArray, second: BoolArray, group: Clusters, weight: float) -> Estimate:
    """How much more often something holds in `first` than in `second`, times `weight`, with a 95 % interval.

    Of a shortcut: errors that become right without the property, net of other errors that do so when changed likewise.
    The difference is linear in what each cluster adds; the variance is never smaller than if all images were
    independent, and Student's distribution is that of the group with fewer clusters.

    Parameters
    ----------
    flag, first, second
        (n,) the last two do not overlap.
    group
        Of the same images.
    weight
        Share of all errors that `first` stands for, 0..1.

    Returns
    -------
    Estimate
        -1..1; NaN where either group is empty; unbounded where either is of fewer than 10 clusters.
    """
    columns = np.stack([flag & first, first, flag & second, second], axis=1).astype(np.float64)
    counts, n = columns.sum(axis=0), int(first.sum() + second.sum())
    if not counts[1] or not counts[3]:
        return Estimate(math.nan, -math.inf, math.inf, n)
    one, other = counts[0] / counts[1], counts[2] / counts[3]
    value, units = float(one - other) * weight, _fewest(first, second, group)
    named = group.named and not group.single
    if units < _FEWEST:
        return Estimate(value, -math.inf, math.inf, n, units, named)
    # One half added to each count keeps a share of 0 or 1 from looking certain (Agresti and Caffo 2000 add one).
    shares = (counts[[0, 2]] + 0.5) / (counts[[1, 3]] + 1.0)
    least = float((shares * (1 - shares) / counts[[1, 3]]).sum())
    part = group.sums(columns)
    each = (part[:, 0] - one * part[:, 1]) / counts[1] - (part[:, 2] - other * part[:, 3]) / counts[3]
    error = math.sqrt(max(least, float((each**2).sum() * units / (units - 1))))
    half = float(stdtrit(units - 1, 0.975)) * error
    low, high = (float(min(max(one - other + side * half, -1.0), 1.0)) * weight for side in (-1, 1))
    return Estimate(value, low, high, n, None if group.single else units, named)


def _fewest(first: BoolArray, second: BoolArray, group: Clusters) -> int:
    """Clusters of the group of images that has fewer."""
    return min(len(np.unique(group.code[part])) for part in (first, second))
