"""Tests and intervals for means over images, with the person as the unit where persons are known.

Every quantity judged here is a sum over images (a share minus an area, one map's share minus another's), so one set
of functions serves all verdicts. Values may be missing (NaN) image by image and column by column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtr, stdtrit
from scipy.stats import beta

from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate, Z, bootstrap_counts, risk_ratio, wilson
from reportgen.evidence.stats.units import names_persons
from reportgen.types import AnyFloatArray, BoolArray, Float32Array, FloatArray, IntArray, ObjectArray

__all__ = [
    "DRAWS",
    "Clusters",
    "bounded_test",
    "clusters",
    "linear_estimate",
    "mean_estimate",
    "mean_interval",
    "mean_test",
    "min_p",
    "person_means",
    "proportion",
    "ratio_interval",
    "risk_ratio_of",
    "risk_ratio_p",
    "sign_flip",
    "studentised",
]

DRAWS = 10_000
# Up to this many clusters signs are flipped; a resampled standard error is too rough below it.
_FEW = 20
_EXACT = 14
# Beyond this many the bootstrap only repeats the normal approximation, at a price.
_MANY = 2000
_KEPT = 80 << 20  # bytes
_BLOCK = 1 << 15  # signs drawn at once
# Up to this many clusters a bootstrap of them is too narrow on its own.
_WIDENED = 50
# Quantile of Student's distribution. At .975 intervals of skewed values held the mean in 92 % of simulations.
_LEVEL = 0.98


@dataclass(frozen=True)
class Clusters:
    """Which cluster (person, else image) each of n images belongs to, and how many there are.

    `named`: whether any cluster is a known person; else clusters of several images are copies of one photo.
    """

    code: IntArray
    count: int
    named: bool = True

    @property
    def single(self) -> bool:
        """Whether every image is a cluster of its own."""
        return self.count == len(self.code)

    def sums(self, values: FloatArray) -> FloatArray:
        """(count, T) sums of (n, T) values, NaN counted as 0."""
        total = np.zeros((self.count, values.shape[1]))
        np.add.at(total, self.code, np.nan_to_num(values))
        return total

    def subset(self, rows: IntArray) -> Clusters:
        """The clusters of some of the images, numbered anew."""
        used, code = np.unique(self.code[rows], return_inverse=True)
        return Clusters(code.astype(np.int64), len(used), self.named)


def clusters(persons: ObjectArray | None, n: int) -> Clusters:
    """Clusters of n images: persons where known; an image without a known person is a cluster of its own.

    Parameters
    ----------
    persons
        (n,) names, None or NaN where unknown; or None.
    """
    if persons is None:
        return Clusters(np.arange(n, dtype=np.int64), n)
    keys = [f"image {i}" if p is None or p != p else f"person {p}" for i, p in enumerate(persons)]
    _, code = np.unique(np.asarray(keys, dtype=object).astype(str), return_inverse=True)
    return Clusters(code.astype(np.int64).reshape(n), int(code.max(initial=-1)) + 1, names_persons(persons))


def proportion(success: BoolArray, group: Clusters | None = None) -> Estimate:
    """Share of images of which something holds, with a 95 % interval that counts clusters.

    The interval is that of Clopper and Pearson for the number of independent images that would be as uncertain (Korn
    and Graubard 1998). The variance is CR2 with the degrees of freedom of Bell and McCaffrey (2002), made for few
    clusters of unequal size. Where all images agree, every cluster counts as one. Without clusters of several images it
    is Wilson's.

    Parameters
    ----------
    success
        (n,)
    group
        Of the same images; None: every image counts for itself.
    """
    n, k = len(success), int(success.sum())
    if group is None or group.single:
        return wilson(k, n)
    persons = group.count
    if persons < MIN_PERSONS:
        return Estimate(k / n, 0.0, 1.0, n, persons, group.named)
    hits, sizes = group.sums(success[:, None].astype(np.float64)), group.sums(np.ones((n, 1)))
    share, error, freedom = _cr2(hits, sizes)
    p, variance = float(share[0]), float(error[0]) ** 2
    independent = float(persons)
    if 0.0 < p < 1.0 and variance > 0.0:
        independent = p * (1.0 - p) / variance * (Z / float(stdtrit(freedom[0], 0.975))) ** 2
    independent = min(max(independent, 1.0), float(n))
    hit, miss = p * independent, (1.0 - p) * independent
    low = 0.0 if k == 0 else min(float(beta.ppf(0.025, hit, miss + 1.0)), p)
    high = 1.0 if k == n else max(float(beta.ppf(0.975, hit + 1.0, miss)), p)
    return Estimate(k / n, low, high, n, persons, group.named)


def risk_ratio_of(flag: BoolArray, first: BoolArray, second: BoolArray, group: Clusters) -> Estimate:
    """How many times as frequent a flag is in `first` as in `second`, with a 95 % interval that counts clusters.

    Without clusters of several images it is that of `risk_ratio`. Else the logarithm of the ratio is taken to be linear
    in what each cluster adds to the four counts, one half added to each, and Student's distribution has as many degrees
    of freedom as the smaller group has clusters, less one.

    Parameters
    ----------
    flag, first, second
        (n,) the last two do not overlap.
    """
    counts, log, error, units = _log_ratio(flag, first, second, group)
    plain = risk_ratio(*(int(value) for value in counts))
    if group.single or not plain.defined:
        return plain
    if units < MIN_PERSONS:
        return Estimate(plain.value, 0.0, math.inf, plain.n, units, group.named)
    # Never surer than if all images were independent: that few persons happen to be alike is no evidence.
    half = float(stdtrit(units - 1, 0.975)) * error
    low, high = math.exp(log - half), math.exp(log + half)
    low = 0.0 if counts[0] == 0 else min(plain.low, low, plain.value)
    high = math.inf if counts[2] == 0 else max(plain.high, high, plain.value)
    return Estimate(plain.value, low, high, plain.n, units, group.named)


def risk_ratio_p(flag: BoolArray, first: BoolArray, second: BoolArray, group: Clusters) -> float:
    """Two-sided p that a flag is as frequent in `first` as in `second`: the test of `risk_ratio_of`'s interval.

    NaN where the ratio is not defined or there are too few clusters for an interval.
    """
    counts, log, error, units = _log_ratio(flag, first, second, group)
    if not counts[1] or not counts[3] or not counts[0] + counts[2]:
        return math.nan
    alone = math.sqrt(sum(1 / (counts[k] + 0.5) * (1 if k in (0, 2) else -1) for k in range(4)))
    p = 2.0 * float(ndtr(-abs(log) / alone)) if alone > 0 else 1.0
    if group.single:
        return p
    if units < MIN_PERSONS:
        return math.nan
    return max(p, 2.0 * float(stdtr(units - 1, -abs(log) / error)) if error > 0 else 0.0)


def _log_ratio(
    flag: BoolArray, first: BoolArray, second: BoolArray, group: Clusters
) -> tuple[FloatArray, float, float, int]:
    """The four counts, the logarithm of the ratio with one half added to each, its standard error by clusters (NaN
    with fewer than two), and how many clusters the smaller group has.
    """
    columns = np.stack([flag & first, first, flag & second, second], axis=1).astype(np.float64)  # (n, 4)
    counts, sums = columns.sum(axis=0), group.sums(columns)
    share = (counts[[0, 2]] + 0.5) / (counts[[1, 3]] + 0.5)
    units = int(min((sums[:, 1] > 0).sum(), (sums[:, 3] > 0).sum()))
    each = (sums[:, [0, 2]] - share * sums[:, [1, 3]]) / (counts[[0, 2]] + 0.5)
    spread = float(((each[:, 0] - each[:, 1]) ** 2).sum())
    error = math.sqrt(spread * units / (units - 1)) if units > 1 else math.nan
    return counts, math.log(share[0] / share[1]), error, units


def _cr2(top: FloatArray, bottom: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`sum(top) / sum(bottom)` per column of (G, T) cluster sums, with its CR2 standard error and degrees of freedom.

    Each cluster's residual is divided by sqrt(1 - h), where h is its share of `bottom`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        total = bottom.sum(axis=0)
        value, h = top.sum(axis=0) / total, bottom / total
        rest = np.maximum(1.0 - h, 1e-9)
        error = np.sqrt(((top - value * bottom) ** 2 / rest).sum(axis=0)) / np.abs(total)
        q = h**2 / rest
        freedom = 1.0 / ((h**2).sum(axis=0) + q.sum(axis=0) ** 2 - (q**2).sum(axis=0))
    return value, error, np.maximum(np.nan_to_num(freedom, nan=1.0), 1.0)


def mean_test(values: FloatArray, group: Clusters, seed: int, draws: int = DRAWS) -> tuple[FloatArray, IntArray]:
    """Two-sided test that the mean of each column is zero.

    Sign-flip for up to 20 clusters, studentised bootstrap with 10,000 draws beyond.

    Parameters
    ----------
    values
        (n, T), NaN where an image does not count for a column.

    Returns
    -------
    p, count
        (T,) p-values (1 where there is nothing to test), and how many clusters each rests on.
    """
    sums, sizes = group.sums(values), group.sums(np.isfinite(values).astype(np.float64))
    count = (sizes > 0).sum(axis=0)
    p = np.ones(values.shape[1])
    rng = np.random.default_rng(seed)
    few = count <= _FEW
    # Columns with the same gaps are tested together; gaps differ only where a region is missing from an image.
    present = sizes > 0
    for pattern in np.unique(present, axis=1).T:
        columns = np.flatnonzero((present == pattern[:, None]).all(axis=0))
        if pattern.sum() == 0:
            continue
        part = np.ix_(pattern, columns)
        if few[columns[0]]:
            p[columns] = sign_flip(sums[part], rng, draws)
        else:
            p[columns] = studentised(sums[part], sizes[part], seed, draws)
    return p, count.astype(np.int64)


def sign_flip(sums: FloatArray, rng: np.random.Generator, draws: int = DRAWS) -> FloatArray:
    """Two-sided sign-flip test of (G, T) cluster sums; all 2^G flips up to G = 14, else a seeded sample of them."""
    count = len(sums)
    observed = np.abs(sums.sum(axis=0))
    # Rounding must not turn a tie with the observed sum into a miss.
    least = observed - 1e-9 * np.abs(sums).sum(axis=0)
    if count <= _EXACT:
        signs = 1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return np.asarray((np.abs(signs @ sums) >= least).mean(axis=0))
    reached = np.ones(sums.shape[1], dtype=np.int64)  # the flip of nothing
    # In blocks that stay in the processor's cache, which draw the same signs as one large block.
    block = max(1, _BLOCK // count)
    for start in range(0, draws, block):
        signs = rng.integers(0, 2, (min(block, draws - start), count)) * 2.0 - 1.0
        reached += (np.abs(signs @ sums) >= least).sum(axis=0)
    return np.asarray(reached / (draws + 1))


def studentised(sums: FloatArray, sizes: FloatArray, seed: int, draws: int = DRAWS) -> FloatArray:
    """Two-sided, equal-tailed studentised bootstrap test that sum / size is zero, for (G, T) cluster sums.

    Source: Davison and Hinkley 1997, section 4.4.
    """
    moments = np.concatenate([sums, sizes, sums**2, sums * sizes, sizes**2], axis=1)
    mean, error = _ratio(moments.sum(axis=0))
    count = len(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.where(error > 0, mean / error, np.sign(mean) * np.inf)
        if count > _MANY:
            return np.asarray(2.0 * ndtr(-np.abs(observed) * np.sqrt((count - 1) / count)))
        again, spread = _ratio(_resamples(count, draws, seed) @ moments.astype(np.float32))
        drawn = (again - mean) / spread
    drawn = np.where(np.isnan(drawn), 0.0, drawn)
    tail = np.minimum((drawn <= observed).sum(axis=0), (drawn >= observed).sum(axis=0))
    p = np.minimum(2.0 * (tail + 1.0) / (draws + 1.0), 1.0)
    return np.where(np.isnan(observed) | (mean == 0), 1.0, p)


def _ratio(moments: AnyFloatArray) -> tuple[FloatArray, FloatArray]:
    """Ratio of sums and its linearised standard error, from (..., 5 T) sums of d, v, d^2, d v and v^2."""
    d, v, dd, dv, vv = np.split(np.asarray(moments, dtype=np.float64), 5, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = d / v
        error = np.sqrt(np.maximum(dd - 2.0 * mean * dv + mean**2 * vv, 0.0)) / v
    return mean, error


def _resamples(count: int, draws: int, seed: int) -> Float32Array:
    """(draws, count) how often each cluster enters each bootstrap sample."""
    return _DRAWN(count, draws, seed).astype(np.float32)


class _Drawn:
    """Bootstrap samples in bytes: a cluster enters one once on average, and never more than 255 times.

    An emotion's tests share their draws, for every model and all kinds of maps. The last used are kept, up to `_KEPT`.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int, int], npt.NDArray[np.uint8]] = {}  # last used last
        self._turn = Lock()  # models are measured side by side, with the same draws

    def __call__(self, count: int, draws: int, seed: int) -> npt.NDArray[np.uint8]:
        """(draws, count)."""
        key = count, draws, seed
        with self._turn:
            drawn = self._kept.pop(key, None)
            if drawn is None:
                drawn = bootstrap_counts(count, draws, np.random.default_rng(seed)).astype(np.uint8)
            self._kept[key] = drawn
            while sum(each.nbytes for each in self._kept.values()) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return drawn


_DRAWN = _Drawn()


def bounded_test(values: FloatArray, lowest: float, group: Clusters, seed: int, draws: int = DRAWS) -> float:
    """One-sided p-value that a mean is above zero, safe for skewed values that have a lower bound.

    The worst possible value is added to the sample, which is then weighted by a uniform Dirichlet: for values of two
    kinds this is the exact binomial test. Source: Gaffke 2004; Learned-Miller and Thomas 2019.

    Parameters
    ----------
    values
        (n,) differences from the hypothesis; NaN is left out.
    lowest
        The smallest value possible.

    Returns
    -------
    p
        1 where there is nothing to test.
    """
    sums, sizes = group.sums(values[:, None]), group.sums(np.isfinite(values[:, None]).astype(np.float64))
    mean = sums[sizes > 0] / sizes[sizes > 0]
    if len(mean) == 0:
        return 1.0
    rng = np.random.default_rng(seed)
    sample = np.append(mean, min(lowest, float(mean.min())))
    below = 0
    block = max(1, 2_000_000 // len(sample))
    for start in range(0, draws, block):
        weight = rng.standard_exponential((min(block, draws - start), len(sample)))
        below += int((weight @ sample <= 0.0).sum())
    return (below + 1.0) / (draws + 1.0)


def ratio_interval(
    top: FloatArray, bottom: FloatArray, group: Clusters, seed: int, draws: int = DRAWS
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """95 % interval of `sum(top) / sum(bottom)` per column, by bootstrap over clusters.

    Percentiles are widened for small samples as in Hesterberg 2015 ("expanded percentile"), because plain percentile
    intervals of a dozen images are too narrow. Up to 50 clusters the interval also holds that of the CR2 variance with
    the degrees of freedom of Bell and McCaffrey (2002), since clusters of unequal size count as fewer than they are.

    Parameters
    ----------
    top, bottom
        (n, T); an image whose `top` is NaN counts in neither.

    Returns
    -------
    value, low, high
        (T,) NaN where there is nothing; the interval is infinite with fewer than `MIN_PERSONS` clusters.
    """
    valid = np.isfinite(top)
    upper, lower = group.sums(top), group.sums(np.where(valid, bottom, 0.0))
    count = (group.sums(valid.astype(np.float64)) > 0).sum(axis=0)
    keep = group.sums(valid.astype(np.float64)).any(axis=1)
    upper, lower = upper[keep], lower[keep]
    empty = np.full(top.shape[1], np.nan)
    if len(upper) == 0:
        return empty, empty.copy(), empty.copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        value = upper.sum(axis=0) / lower.sum(axis=0)
        if len(upper) > _MANY:
            error = np.sqrt(((upper - value * lower) ** 2).sum(axis=0)) / lower.sum(axis=0)
            return value, value - Z * error, value + Z * error
        both = np.concatenate([upper, lower], axis=1).astype(np.float32)
        tops, bottoms = np.split(np.asarray(_resamples(len(upper), draws, seed) @ both, dtype=np.float64), 2, axis=1)
        drawn = tops / bottoms
    low, high = np.full_like(value, -np.inf), np.full_like(value, np.inf)
    # Columns of equal counts share their percentiles, so one sort serves them all.
    for n in np.unique(count[count >= MIN_PERSONS]):
        tail = float(ndtr(-np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.975)))
        columns = np.flatnonzero(count == n)
        block = drawn[:, columns]
        if np.isfinite(block).all():
            low[columns], high[columns] = np.quantile(block, [tail, 1.0 - tail], axis=0)
            continue
        for column in columns:
            finite = drawn[np.isfinite(drawn[:, column]), column]
            if len(finite):
                low[column], high[column] = np.quantile(finite, [tail, 1.0 - tail])
    if len(upper) <= _WIDENED:
        _, error, freedom = _cr2(upper, lower)
        half = np.where(count >= MIN_PERSONS, stdtrit(freedom, _LEVEL) * error, 0.0)
        low, high = np.fmin(low, value - half), np.fmax(high, value + half)
    return value, np.where(np.isnan(value), np.nan, low), np.where(np.isnan(value), np.nan, high)


def mean_interval(
    values: FloatArray, group: Clusters, seed: int, draws: int = DRAWS
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """95 % interval of the mean of each column of (n, T), by bootstrap over clusters; see `ratio_interval`."""
    return ratio_interval(values, np.ones_like(values), group, seed, draws)


def mean_estimate(
    values: FloatArray, group: Clusters, seed: int, least: float = -math.inf, most: float = math.inf
) -> Estimate:
    """The mean of (n,) values that are not NaN, with the interval of `mean_interval` cut to what is possible."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return Estimate(math.nan, least, most, 0)
    group = group.subset(known)
    value, low, high = (float(end[0]) for end in mean_interval(values[known, None], group, seed))
    return Estimate(value, max(low, least), min(high, most), len(known), *_counted(group))


def linear_estimate(value: float, each: FloatArray, group: Clusters, least: float, most: float) -> Estimate:
    """A quantity that is about linear in what each image adds to it, with a 95 % interval that counts clusters.

    The delta method, with Student's distribution.

    Parameters
    ----------
    each
        (n,) by how much an image moves the quantity.
    least, most
        Of the quantity.
    """
    if group.count < MIN_PERSONS:
        return Estimate(value, least, most, len(each), *_counted(group))
    sums = group.sums(each[:, None])[:, 0]
    sums -= sums.mean()
    error = math.sqrt(float((sums**2).sum()) * group.count / (group.count - 1))
    half = float(stdtrit(group.count - 1, 0.975)) * error
    return Estimate(value, max(value - half, least), min(value + half, most), len(each), *_counted(group))


def _counted(group: Clusters) -> tuple[int | None, bool]:
    """`persons` and `named` of an `Estimate`: units are told where some have several images, or where they are few."""
    persons = None if group.single and group.count >= MIN_PERSONS else group.count
    return persons, group.named and not group.single


def min_p(count: npt.ArrayLike, draws: int = DRAWS) -> FloatArray:
    """The smallest p-value that `mean_test` can give for that many clusters."""
    n = np.asarray(count, dtype=np.float64)
    exact = np.minimum(1.0, 2.0 ** (1.0 - np.minimum(n, 60)))
    sampled = np.where(n <= _FEW, 1.0, 2.0) / (draws + 1.0)
    return np.where(n <= _EXACT, exact, np.where(n <= _MANY, sampled, 0.0))


def person_means(values: FloatArray, persons: ObjectArray | None) -> FloatArray:
    """(G, T) means of (n, T) values over each person's images; the values themselves where no person is known."""
    if persons is None or not len(values):
        return values
    group = clusters(persons, len(values))
    return np.asarray(group.sums(values) / np.bincount(group.code)[:, None])
