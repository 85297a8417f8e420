"""What a repair of a model's confidence would bring: its logits scaled, by cross-validation inside the test set.

Temperature scaling divides all logits by one number, which changes no prediction (Guo et al. 2017, "On calibration of
modern neural networks"). Vector scaling multiplies every class's logit by its own number and adds another, which may
change predictions. Both are fitted on some of the persons and scored on the others. Nothing else in a report uses them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from reportgen.evidence.performance.calibration import equal_mass
from reportgen.evidence.stats.clustered import Clusters, clusters, mean_interval
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate, bootstrap_counts, percentile_interval
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.types import AnyFloatArray, FloatArray, IntArray, ObjectArray

__all__ = ["FOLDS", "LEAST_IMAGES", "Recalibration", "Repair", "Scaling", "fit_scaling", "recalibrate"]

Scaling = Literal["temperature", "vector"]

FOLDS = 5
LEAST_IMAGES = 100
"""With fewer labelled images a fit says more about them than about the model."""

_MOST_FITTED = 20_000  # images of a fold; more change the third digit of a temperature no longer
_BINS = 15
_DRAWS = 1000
_WIDEST = math.log(100)  # a temperature lies between 1/100 and 100
# Weight of the penalty that keeps a vector's numbers near those of one temperature, as if so many images said so.
_PRIOR = 5.0


@dataclass(frozen=True)
class Repair:
    """What one way of scaling would give, on images that it was not fitted on.

    Attributes
    ----------
    temperature
        Fitted on all images: what logits would be divided by; for a vector the reciprocal of its mean factor.
    temperatures
        The least and the largest of the folds.
    ece, brier, nll
        Scores after it; lower is better.
    ece_change, brier_change, nll_change
        After minus before on the same images: below 0 it helps. Their intervals count persons where these are known;
        that of `ece_change` is a bootstrap's.
    accuracy_change
        After minus before, 0 for a temperature.
    changed
        Predictions that it changes.
    """

    scaling: Scaling
    temperature: float
    temperatures: tuple[float, float]
    ece: Estimate
    brier: Estimate
    nll: Estimate
    ece_change: Estimate
    brier_change: Estimate
    nll_change: Estimate
    accuracy_change: Estimate
    changed: int

    @property
    def helps(self) -> bool:
        """Whether log loss falls, beyond what chance explains."""
        return self.nll_change.high < 0

    @property
    def hurts(self) -> bool:
        """Whether log loss rises, beyond what chance explains."""
        return self.nll_change.low > 0


@dataclass(frozen=True)
class Recalibration:
    """One model.

    Attributes
    ----------
    images, folds
        Labelled images, and how many parts they were cut into, no person in two of them.
    ece, brier, nll
        As the model is.
    repairs
        By temperature, then by vector.
    """

    model: str
    images: int
    folds: int
    ece: Estimate
    brier: Estimate
    nll: Estimate
    repairs: tuple[Repair, ...]


def fit_scaling(logits: FloatArray, labels: IntArray, scaling: Scaling) -> tuple[FloatArray, FloatArray]:
    """Factor and addend of every class's logit with the least log loss.

    A temperature has no addend and one factor for all. A vector's numbers are pulled towards the best temperature, as
    a few images would, so that classes with few images stay finite.

    Parameters
    ----------
    logits
        (n, C)
    labels
        (n,) index of the class.

    Returns
    -------
    factor, addend
        (C,) each.
    """
    n, c = logits.shape
    one_hot, every, pull = np.eye(c)[labels], np.arange(n), _PRIOR / n

    def loss_of_temperature(log_factor: FloatArray) -> tuple[float, FloatArray]:
        factor = math.exp(float(log_factor[0]))
        scaled = log_softmax(factor * logits, axis=1)
        slope = ((np.exp(scaled) - one_hot) * logits).sum() * factor / n
        return float(-scaled[every, labels].mean()), np.array([slope])

    found = minimize(loss_of_temperature, np.zeros(1), jac=True, method="L-BFGS-B", bounds=[(-_WIDEST, _WIDEST)])
    factor = math.exp(float(found.x[0]))
    if scaling == "temperature":
        return np.full(c, factor), np.zeros(c)

    def loss_of_vector(values: FloatArray) -> tuple[float, FloatArray]:
        ratio, addend = values[:c], values[c:]
        scaled = log_softmax(factor * ratio * logits + addend, axis=1)
        rest = (np.exp(scaled) - one_hot) / n
        loss = float(-scaled[every, labels].mean()) + pull * float(((ratio - 1) ** 2).sum() + addend @ addend) / 2
        slope = np.concatenate(
            [(rest * logits).sum(axis=0) * factor + pull * (ratio - 1), rest.sum(axis=0) + pull * addend]
        )
        return loss, slope

    start = np.concatenate([np.ones(c), np.zeros(c)])
    found = minimize(
        loss_of_vector, start, jac=True, method="L-BFGS-B", bounds=[(0.01, 100.0)] * c + [(-20.0, 20.0)] * c
    )
    return factor * found.x[:c], np.asarray(found.x[c:] - found.x[c:].mean())


def recalibrate(
    name: str, logits: AnyFloatArray, labels: IntArray, units: ObjectArray | None, seed: int
) -> Recalibration | None:
    """Fit both ways of scaling and score them on images that they were not fitted on.

    Parameters
    ----------
    logits
        (n, C)
    labels
        (n,) index of the class, -1 where unlabelled.
    units
        (n,) as `stats.units` gives them: a person's photos, and copies, are never in two folds.
    seed
        Of the folds and of the bootstrap.

    Returns
    -------
    None with fewer than `LEAST_IMAGES` labelled images, persons or different photos than folds, or a single emotion.
    """
    rows = np.flatnonzero(labels >= 0)
    truth, raw = labels[rows], np.asarray(logits, dtype=np.float64)[rows]
    group = clusters(None if units is None else units[rows], len(rows))
    if len(rows) < LEAST_IMAGES or group.count < max(FOLDS, MIN_PERSONS) or len(np.unique(truth)) < 2:
        return None
    rng = np.random.default_rng(seed)
    fold = (rng.permutation(group.count) % FOLDS)[group.code]
    before = softmax(raw, axis=1)
    ways: tuple[Scaling, ...] = ("temperature", "vector")
    scaled = [_scaled(raw, truth, fold, scaling, rng) for scaling in ways]
    scores = [_Scores.of(probabilities, truth) for probabilities in (before, *(one.after for one in scaled))]
    columns = [column for one in scores for column in (one.brier, one.nll)]
    columns += [column for one in scores[1:] for column in (one.brier - scores[0].brier, one.nll - scores[0].nll)]
    means = _means(np.column_stack(columns), group, seed)
    was = before.argmax(axis=1)
    repairs = []
    for k, (scaling, one) in enumerate(zip(ways, scaled, strict=True), 1):
        now = one.after.argmax(axis=1)
        change = 2 * (len(ways) + k)
        repairs.append(
            Repair(
                scaling=scaling,
                temperature=one.own,
                temperatures=(min(one.folds), max(one.folds)),
                ece=_ece_difference(scores[k], None, group, seed),
                brier=means[2 * k],
                nll=means[2 * k + 1],
                ece_change=_ece_difference(scores[k], scores[0], group, seed),
                brier_change=means[change],
                nll_change=means[change + 1],
                accuracy_change=paired_proportions(now == truth, was == truth, group, seed)[0],
                changed=int((was != now).sum()),
            )
        )
    ece = _ece_difference(scores[0], None, group, seed)
    return Recalibration(name, len(rows), FOLDS, ece, means[0], means[1], tuple(repairs))


@dataclass(frozen=True)
class _Scaled:
    """(n, C) probabilities by what was fitted on the other folds; the temperature of all images, and of each fold."""

    after: FloatArray
    own: float
    folds: tuple[float, ...]


def _scaled(logits: FloatArray, truth: IntArray, fold: IntArray, scaling: Scaling, rng: np.random.Generator) -> _Scaled:
    after, temperatures = np.empty_like(logits), []
    for k in (*range(FOLDS), -1):  # the last fit is on all images
        trained = np.flatnonzero(fold != k)
        if len(trained) > _MOST_FITTED:
            trained = np.sort(rng.choice(trained, _MOST_FITTED, replace=False))
        factor, addend = fit_scaling(logits[trained], truth[trained], scaling)
        after[fold == k] = softmax(factor * logits[fold == k] + addend, axis=1)
        temperatures.append(1 / float(factor.mean()))
    return _Scaled(after, temperatures[-1], tuple(temperatures[:-1]))


@dataclass(frozen=True)
class _Scores:
    """What is averaged over images: (n,) Brier score and log loss, and (n, B) gaps between confidence and being right
    by bin of confidence, 0 outside an image's own.
    """

    brier: FloatArray
    nll: FloatArray
    gaps: FloatArray

    @classmethod
    def of(cls, probabilities: FloatArray, truth: IntArray) -> _Scores:
        n, c = probabilities.shape
        every = np.arange(n)
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
        order = np.argsort(confidence, kind="stable")
        starts = equal_mass(confidence[order], max(1, min(_BINS, n // 10)))
        place = np.empty(n, dtype=np.int64)
        place[order] = np.searchsorted(starts, every, side="right") - 1
        gaps = np.zeros((n, len(starts)))
        gaps[every, place] = confidence - right
        true = np.maximum(probabilities[every, truth], np.finfo(np.float64).tiny)
        return cls(((probabilities - np.eye(c)[truth]) ** 2).sum(axis=1), -np.log(true), gaps)


def _means(values: FloatArray, group: Clusters, seed: int) -> list[Estimate]:
    """The mean of every column of (n, T)."""
    persons = None if group.single else group.count
    parts = zip(*mean_interval(values, group, seed), strict=True)
    return [
        Estimate(float(value), float(low), float(high), len(values), persons, group.named) for value, low, high in parts
    ]


def _ece_difference(scores: _Scores, other: _Scores | None, group: Clusters, seed: int) -> Estimate:
    """Calibration error, less that of other probabilities of the same images where these are given.

    Clusters are resampled with the bins as they are; resampling makes errors larger on both sides, so that the
    middle of the samples is moved to the value.
    """
    n = len(scores.nll)
    sums = [group.sums(each.gaps) for each in (scores, other) if each is not None]
    sizes = np.bincount(group.code, minlength=group.count).astype(np.float64)
    values = [float(np.abs(each.sum(axis=0)).sum()) / n for each in sums]
    value = values[0] - (values[1] if other is not None else 0.0)
    least = 0.0 if other is None else -1.0
    rng = np.random.default_rng(seed)
    drawn = []
    step = max(1, 4_000_000 // group.count)
    for start in range(0, _DRAWS, step):
        often = bootstrap_counts(group.count, min(step, _DRAWS - start), rng).astype(np.float64)
        parts = [np.abs(often @ each).sum(axis=1) / (often @ sizes) for each in sums]
        drawn.append(parts[0] - (parts[1] if other is not None else 0.0))
    samples = np.concatenate(drawn)
    found = percentile_interval(value, samples - samples.mean() + value, n)
    persons = None if group.single else group.count
    return Estimate(value, max(found.low, least), min(found.high, 1.0), n, persons, group.named)
