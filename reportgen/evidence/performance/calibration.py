"""Calibration of a model's confidence, beside what chance gives a perfectly calibrated model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.stats.clustered import Clusters, clusters, mean_estimate, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["Calibration", "CalibrationBin", "calibrate", "calibrate_shares", "equal_mass"]


# Draws times images held in memory at once while simulating: 32 MB of float64.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class CalibrationBin:
    """Images of about the same confidence.

    Attributes
    ----------
    low, high
        Smallest and largest confidence in the bin, 0..1.
    confidence
        Mean confidence.
    accuracy
        Share classified correctly, with an interval that counts persons where they are known.
    n
        Images in the bin.
    """

    low: float
    high: float
    confidence: float
    accuracy: Estimate
    n: int


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error, with its chance level.

    Attributes
    ----------
    ece
        Mean distance between confidence and accuracy over equal-mass bins, 0..1; lower is better.
    band
        The middle 95 % of the ECE of a perfectly calibrated model that gives these very confidences to as
        many images. It lies above 0: a finite test set makes every model look a little miscalibrated.
    overconfidence
        Mean confidence minus accuracy, -1..1: above 0 the model is overconfident.
    bins
        By rising confidence.
    """

    ece: float
    band: tuple[float, float]
    overconfidence: float
    bins: tuple[CalibrationBin, ...]
    n: int


def calibrate(
    confidence: FloatArray,
    correct: BoolArray,
    seed: int,
    group: Clusters | None = None,
    *,
    bins: int = 15,
    draws: int = 1000,
) -> Calibration:
    """Calibration of the predicted class's probability.

    Parameters
    ----------
    confidence
        (n,) probability of the predicted class, 0..1.
    correct
        (n,) whether the prediction is the label.
    seed
        Of the simulated labels.
    group
        Persons of the images; None: every image counts for itself.
    bins
        Number of equal-mass bins; fewer where images are few (at least ten per bin) or confidences are
        tied, which stay together so that the order of the images cannot matter.
    draws
        Simulated test sets. A label drawn from the model's probabilities equals its prediction with
        probability `confidence`, so it is enough to simulate right and wrong. Photos of one person are right and wrong
        together; how much, is taken from the data: each person's residuals keep their size and change sign at random
        (wild cluster bootstrap).
    """
    everyone = clusters(None, len(confidence)) if group is None else group
    return _calibration(confidence, correct, everyone, seed, bins, draws, shares=False)


def calibrate_shares(
    confidence: FloatArray, share: FloatArray, seed: int, group: Clusters, *, bins: int = 15, draws: int = 1000
) -> Calibration:
    """Calibration against a share in place of right and wrong, such as the share of votes for the prediction.

    The chance level is that of residuals of the same size whose sign is random, cluster by cluster (wild bootstrap).

    Parameters
    ----------
    confidence, share
        (n,) 0..1 each.
    group, bins, draws
        As for `calibrate`; `accuracy` of a bin is its mean share.
    """
    return _calibration(confidence, share, group, seed, bins, draws, shares=True)


def _calibration(
    confidence: FloatArray, given: FloatArray | BoolArray, group: Clusters, seed: int, bins: int, draws: int, *,
    shares: bool,
) -> Calibration:  # fmt: skip
    n = len(confidence)
    if n == 0:
        return Calibration(math.nan, (math.nan, math.nan), math.nan, (), 0)
    order = np.argsort(confidence, kind="stable")
    expected, observed = (np.asarray(values, dtype=np.float64)[order] for values in (confidence, given))
    inner = Clusters(group.code[order], group.count, group.named)
    starts = equal_mass(expected, max(1, min(bins, n // 10)))
    sizes = np.diff(np.append(starts, n))
    expected_sums, observed_sums = (np.add.reduceat(values, starts) for values in (expected, observed))
    ece = float(np.abs(expected_sums - observed_sums).sum() / n)
    rng = np.random.default_rng(seed)
    if shares or not group.single:
        null = _wild_errors(observed - expected, starts, inner, draws, rng)
    else:
        null = _null_errors(expected, starts, expected_sums, draws, rng)
    low, high = np.quantile(null, (0.025, 0.975))
    rows = []
    for total, start, size in zip(expected_sums.tolist(), starts.tolist(), sizes.tolist(), strict=True):
        values, part = observed[start : start + size], inner.subset(np.arange(start, start + size))
        rows.append(
            CalibrationBin(
                low=float(expected[start]),
                high=float(expected[start + size - 1]),
                confidence=total / size,
                accuracy=mean_estimate(values, part, seed, 0.0, 1.0) if shares else proportion(values > 0, part),
                n=size,
            )
        )
    return Calibration(ece, (float(low), float(high)), float(expected.mean() - observed.mean()), tuple(rows), n)


def equal_mass(ascending: FloatArray, bins: int) -> IntArray:
    """First position of every bin in ascending values; a run of ties belongs to one bin."""
    cuts = np.arange(bins) * len(ascending) // bins
    return np.unique(np.searchsorted(ascending, ascending[cuts], side="left")).astype(np.int64)


def _null_errors(
    expected: FloatArray, starts: IntArray, expected_sums: FloatArray, draws: int, rng: np.random.Generator
) -> FloatArray:
    """(draws,) ECE of simulated test sets on which every confidence is exactly right."""
    n = len(expected)
    step = max(1, _CHUNK // n)
    errors = []
    for first in range(0, draws, step):
        right = (rng.random((min(step, draws - first), n)) < expected).astype(np.float64)
        errors.append(np.abs(np.add.reduceat(right, starts, axis=1) - expected_sums).sum(axis=1) / n)
    return np.concatenate(errors)


def _wild_errors(
    residual: FloatArray, starts: IntArray, group: Clusters, draws: int, rng: np.random.Generator
) -> FloatArray:
    """(draws,) ECE of residuals whose mean is zero and that belong to persons."""
    ends = np.append(starts[1:], len(residual))
    sums = np.zeros((group.count, len(starts)))
    np.add.at(sums, (group.code, np.repeat(np.arange(len(starts)), ends - starts)), residual)
    # In blocks, which draw the same signs as one large block.
    step = max(1, _CHUNK // group.count)
    errors = []
    for first in range(0, draws, step):
        signs = rng.integers(0, 2, (min(step, draws - first), group.count)) * 2.0 - 1.0
        errors.append(np.abs(signs @ sums).sum(axis=1) / len(residual))
    return np.concatenate(errors)
