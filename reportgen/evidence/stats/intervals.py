"""A number with its uncertainty, and the few ways in which one is obtained here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from reportgen.types import FloatArray

__all__ = [
    "MIN_PERSONS",
    "Estimate",
    "Z",
    "bootstrap_counts",
    "percentile_interval",
    "risk_ratio",
    "wilson",
]


Z = NormalDist().inv_cdf(0.975)
"""How many standard errors a 95 % interval reaches to either side."""

MIN_PERSONS = 5
"""With photos of fewer persons than this no interval is given. From here on intervals that count persons held the truth
in 93 % of simulations or more (`tests/evidence/stats/test_coverage.py`)."""

_BLOCK = 1 << 15  # numbers drawn at once


@dataclass(frozen=True)
class Estimate:
    """A point estimate with its 95 % interval.

    Attributes
    ----------
    value
        NaN where nothing was counted (`n` = 0) or the quantity does not exist, e.g. the precision of a class
        that is never predicted; `low` and `high` then span the whole range.
    low, high
        Ends of the interval, `low <= value <= high`; infinite only for ratios.
    n
        How many images (or persons) the estimate rests on.
    persons
        How many persons (see `stats.units`) the interval counts; None where every image counts for itself.
    named
        Whether those are known persons; else they are different photos, of which some have copies.
    """

    value: float
    low: float
    high: float
    n: int
    persons: int | None = None
    named: bool = True

    @property
    def defined(self) -> bool:
        """Whether there is a value at all."""
        return not math.isnan(self.value)

    @property
    def too_few(self) -> bool:
        """Whether there are too few persons or different photos for an interval; it then spans the whole range."""
        return self.persons is not None and self.persons < MIN_PERSONS

    def excludes(self, null: float) -> bool:
        """Whether the interval lies wholly above or wholly below `null`."""
        return self.low > null or self.high < null


def wilson(k: int, n: int) -> Estimate:
    """Proportion `k` of `n` with Wilson's score interval (Wilson 1927): honest at 0, at 1 and for small n.

    Raises
    ------
    ValueError
        Unless 0 <= k <= n.
    """
    return _proportion(k, n, "wilson")


def exact(k: int, n: int) -> Estimate:
    """Proportion `k` of `n` with the exact interval (Clopper and Pearson 1934): covers at least 95 % whatever is true.

    Raises
    ------
    ValueError
        Unless 0 <= k <= n.
    """
    return _proportion(k, n, "exact")


def _proportion(k: int, n: int, method: Literal["wilson", "exact"]) -> Estimate:
    k, n = int(k), int(n)
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a proportion")
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    interval = binomtest(k, n).proportion_ci(method=method)
    # Both ends are exact there; rounding would otherwise put the value a hair outside.
    return Estimate(k / n, 0.0 if k == 0 else float(interval.low), 1.0 if k == n else float(interval.high), n)


def risk_ratio(k1: int, n1: int, k0: int, n0: int) -> Estimate:
    """How many times as frequent something is in group 1 as in group 0, with an interval on the log scale.

    Walter's (1975) variant of the Katz interval: one half is added to every count, so that a zero gives an
    open interval instead of none. The value is the plain ratio: infinite when only group 0 has none, NaN when
    both have none or a group is empty.

    Raises
    ------
    ValueError
        Unless 0 <= k <= n in both groups.
    """
    k1, n1, k0, n0 = int(k1), int(n1), int(k0), int(n0)
    if not (0 <= k1 <= n1 and 0 <= k0 <= n0):
        raise ValueError(f"{k1} of {n1} and {k0} of {n0} are not proportions")
    n = n1 + n0
    if n1 == 0 or n0 == 0 or k1 == k0 == 0:
        return Estimate(math.nan, 0.0, math.inf, n)
    value = math.inf if k0 == 0 else (k1 / n1) / (k0 / n0)
    log = math.log((k1 + 0.5) / (n1 + 0.5)) - math.log((k0 + 0.5) / (n0 + 0.5))
    variance = 1 / (k1 + 0.5) - 1 / (n1 + 0.5) + 1 / (k0 + 0.5) - 1 / (n0 + 0.5)
    half = Z * math.sqrt(variance)
    low = 0.0 if k1 == 0 else min(value, math.exp(log - half))
    high = math.inf if k0 == 0 else max(value, math.exp(log + half))
    return Estimate(value, low, high, n)


def bootstrap_counts(
    n: int,
    draws: int,
    rng: np.random.Generator,
    *,
    strata: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int32]:
    """How often each row enters each bootstrap sample.

    Any statistic made of sums is then one matrix product: `counts @ values`.

    Parameters
    ----------
    n
        Rows.
    draws
        Bootstrap samples.
    strata
        (n,) group of each row; every sample keeps each group's number of rows (or of clusters). None: one
        group.
    clusters
        (n,) e.g. the person of each row: all rows of a cluster enter together, because two photos of one
        person are not two independent observations. A person with rows in several strata is drawn in each by
        itself. None: every row stands alone.

    Returns
    -------
    (draws, n) int32; each row sums to n when there are no clusters.

    Raises
    ------
    ValueError
        `strata` or `clusters` has another length than n.
    """
    stratum = _codes(strata, n)
    unit = np.arange(n) if clusters is None else _codes(clusters, n)
    counts = np.empty((draws, n), dtype=np.int32)
    for group in range(int(stratum.max()) + 1 if n else 0):
        rows = np.flatnonzero(stratum == group)
        members, inverse = np.unique(unit[rows], return_inverse=True)
        size = len(members)
        # In blocks that stay in the processor's cache, which draw the same numbers as one large block.
        block = max(1, _BLOCK // size)
        for start in range(0, draws, block):
            stop = min(start + block, draws)
            drawn = rng.integers(0, size, (stop - start, size))
            drawn += np.arange(stop - start)[:, None] * size
            often = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
            counts[start:stop, rows] = often[:, inverse]
    return counts


def percentile_interval(value: float, samples: FloatArray, n: int) -> Estimate:
    """The middle 95 % of bootstrap `samples`, widened to hold `value` where they all lie to one side."""
    if not len(samples):
        return Estimate(value, value, value, n)
    low, high = np.quantile(samples, (0.025, 0.975))
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def _codes(labels: npt.ArrayLike | None, n: int) -> npt.NDArray[np.intp]:
    if labels is None:
        return np.zeros(n, dtype=np.intp)
    values = np.asarray(labels)
    if values.shape != (n,):
        raise ValueError(f"expected one group for each of {n} rows, found shape {values.shape}")
    return np.unique(values, return_inverse=True)[1].astype(np.intp)
