"""Two conditions on the same images: a test and an interval from the images on which they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import binomtest

from reportgen.evidence.stats.clustered import Clusters, clusters, mean_interval, sign_flip
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate, Z
from reportgen.types import BoolArray, IntArray, ObjectArray

__all__ = ["giver_clusters", "mcnemar", "paired_difference", "paired_over_givers", "paired_proportions"]


def paired_difference(only_a: int, only_b: int, n: int) -> Estimate:
    """Difference of two proportions of the same `n` images, A minus B, from the images where they differ.

    The adjusted Wald interval of Bonett & Price (2012), one image added to either side: close to nominal
    coverage also for few discordant images.

    Parameters
    ----------
    only_a, only_b
        Images on which only A, only B succeeds.
    n
        All images, discordant or not.

    Raises
    ------
    ValueError
        The counts are negative or exceed `n`.
    """
    only_a, only_b, n = int(only_a), int(only_b), int(n)
    if min(only_a, only_b) < 0 or only_a + only_b > n:
        raise ValueError(f"{only_a} and {only_b} discordant images do not fit into {n}")
    if n == 0:
        return Estimate(math.nan, -1.0, 1.0, 0)
    a, b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    half = Z * math.sqrt((a + b - (a - b) ** 2) / (n + 2))
    return Estimate((only_a - only_b) / n, max(-1.0, a - b - half), min(1.0, a - b + half), n)


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact McNemar test: the discordant images as tosses of a fair coin; 1 when there are none."""
    discordant = int(only_a) + int(only_b)
    return float(binomtest(int(only_a), discordant, 0.5).pvalue) if discordant else 1.0


def paired_over_givers(
    a: BoolArray,
    b: BoolArray,
    group: Clusters,
    givers: Sequence[IntArray],
    units: ObjectArray | None,
    seed: int,
) -> tuple[Estimate, float]:
    """As `paired_proportions`, where images were given something of a few other images: holds over those, too.

    What one of them does is seen as often as it is given, and says no more about others. So the interval is the widest
    and p the largest of those that count receivers, and that count each side that gives.

    Parameters
    ----------
    group
        Of the receivers.
    givers
        Rows of the images that give, (n,) of each side.
    units
        Of all images; None: every image is its own.
    """
    estimate, p = paired_proportions(a, b, group, seed)
    for rows in givers:
        by_giver, p_giver = paired_proportions(a, b, giver_clusters(rows, units), seed)
        low, high = min(estimate.low, by_giver.low), max(estimate.high, by_giver.high)
        estimate, p = replace(estimate, low=low, high=high), max(p, p_giver)
    return estimate, p


def giver_clusters(rows: IntArray, units: ObjectArray | None) -> Clusters:
    """Clusters of images that give: an image that gives several times is one."""
    names = np.asarray([f"photo {row}" for row in rows], dtype=object) if units is None else units[rows]
    return clusters(names, len(rows))


def paired_proportions(a: BoolArray, b: BoolArray, group: Clusters, seed: int) -> tuple[Estimate, float]:
    """Share of images with `a` minus share with `b`, with a 95 % interval and the two-sided p-value of equality.

    Where images stand alone, the interval of `paired_difference` and McNemar's exact test. Where a cluster (a person)
    has several images, the few-cluster interval and the sign-flip test of `stats.clustered`; the interval is never
    narrower than where images stand alone.

    Parameters
    ----------
    a, b
        (n,) of the same images.
    """
    n = len(a)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    alone = paired_difference(only_a, only_b, n)
    if group.single:
        return alone, mcnemar(only_a, only_b)
    difference = (a.astype(np.float64) - b)[:, None]
    value, low, high = (float(part[0]) for part in mean_interval(difference, group, seed))
    persons = group.count
    if persons < MIN_PERSONS:
        return Estimate(value, -1.0, 1.0, n, persons, group.named), 1.0
    # Signs are flipped for any number of persons: where nearly all differ alike, resampling finds no spread.
    p = float(sign_flip(group.sums(difference), np.random.default_rng(seed))[0])
    # Never surer than if all images were independent: where none of them differs, persons show no spread at all.
    low, high = max(min(low, alone.low), -1.0), min(max(high, alone.high), 1.0)
    return Estimate(value, low, high, n, persons, group.named), p
