"""Calibration of a model's confidence, beside what chance gives a perfectly calibrated model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["Calibration", "CalibrationBin", "calibrate"]


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
        Share classified correctly, with Wilson's interval.
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
    confidence: FloatArray, correct: BoolArray, seed: int, *, bins: int = 15, draws: int = 1000
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
    bins
        Number of equal-mass bins; fewer where images are few (at least ten per bin) or confidences are
        tied, which stay together so that the order of the images cannot matter.
    draws
        Simulated test sets. A label drawn from the model's probabilities equals its prediction with
        probability `confidence`, so it is enough to simulate right and wrong.
    """
    n = len(confidence)
    if n == 0:
        return Calibration(math.nan, (math.nan, math.nan), math.nan, (), 0)
    order = np.argsort(confidence, kind="stable")
    expected = np.asarray(confidence, dtype=np.float64)[order]
    observed = np.asarray(correct, dtype=np.float64)[order]
    starts = _equal_mass(expected, max(1, min(bins, n // 10)))
    sizes = np.diff(np.append(starts, n))
    expected_sums = np.add.reduceat(expected, starts)
    observed_sums = np.add.reduceat(observed, starts)
    ece = float(np.abs(expected_sums - observed_sums).sum() / n)
    null = _null_errors(expected, starts, expected_sums, draws, np.random.default_rng(seed))
    low, high = np.quantile(null, (0.025, 0.975))
    rows = tuple(
        CalibrationBin(
            low=float(expected[start]),
            high=float(expected[start + size - 1]),
            confidence=float(expected_sums[i] / size),
            accuracy=wilson(round(observed_sums[i]), int(size)),
            n=int(size),
        )
        for i, (start, size) in enumerate(zip(starts, sizes, strict=True))
    )
    return Calibration(ece, (float(low), float(high)), float(expected.mean() - observed.mean()), rows, n)


def _equal_mass(ascending: FloatArray, bins: int) -> IntArray:
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
