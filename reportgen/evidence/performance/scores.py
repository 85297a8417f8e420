"""Scores of one model, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, stdtrit

from reportgen.evidence.performance.calibration import CalibrationBin, calibrate
from reportgen.evidence.stats.clustered import Clusters, clusters, proportion
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate, percentile_interval
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = ["FEW", "EmotionScore", "ModelScores", "score_model"]


FEW = 10
"""With fewer images than this an emotion is shown as "k of n", without ranking or verdict."""


@dataclass(frozen=True)
class EmotionScore:
    """One emotion of one model.

    Attributes
    ----------
    n
        Labelled images.
    correct, predicted
        How many of them are right; how many images of any label are predicted to be this emotion.
    recall, precision, f1
        0..1. Where persons are known all intervals count persons (`clustered.proportion`). Else recall has Wilson's
        interval; precision and F1 a bootstrap stratified by label, or Wilson's of the same counts where all or none are
        right and a bootstrap would claim certainty. NaN where undefined: all three without a labelled image, precision
        without a prediction.
    few
        n < 10.
    """

    emotion: str
    n: int
    correct: int
    predicted: int
    recall: Estimate
    precision: Estimate
    f1: Estimate
    few: bool

    @property
    def persons(self) -> int | None:
        """Persons in the labelled images; None where every image counts for itself."""
        return self.recall.persons

    @property
    def k_of_n(self) -> str:
        """Shown instead of a rate when there are few images."""
        return f"{self.correct} of {self.n}"


@dataclass(frozen=True)
class ModelScores:
    """One model on the labelled images.

    Attributes
    ----------
    n
        Labelled images; the others are left out everywhere here.
    balanced_accuracy, macro_f1
        Mean recall and mean F1 over the emotions that have a labelled image. An emotion with two or three
        images counts like one with a thousand, and the bootstrap cannot know what other images of it would
        do: read `macro_f1_without_few` beside it.
    macro_f1_without_thin
        Over the emotions with at least 10 images; None where no emotion has fewer, or all have.
    brier
        Multi-class Brier score, mean over images of sum_c (p_c - y_c)^2, 0..2; lower is better.
    nll
        Mean negative log-likelihood in nats; lower is better.
    ece, ece_band, overconfidence, bins
        See `calibration.Calibration`.
    confusion
        (C, C) images; rows are labels, columns predictions.
    """

    name: str
    n: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    macro_f1_without_few: Estimate | None
    brier: float
    nll: float
    ece: float
    ece_band: tuple[float, float]
    overconfidence: float
    bins: tuple[CalibrationBin, ...]
    confusion: IntArray
    emotions: tuple[EmotionScore, ...]

    @property
    def mean_confidence(self) -> float:
        """Mean probability of the predicted class, 0..1."""
        return self.accuracy.value + self.overconfidence

    def emotion(self, name: str) -> EmotionScore:
        """The scores of one emotion.

        Raises
        ------
        KeyError
            There is no such emotion.
        """
        for score in self.emotions:
            if score.emotion == name:
                return score
        raise KeyError(name)


def score_model(
    name: str,
    labels: IntArray,
    probabilities: FloatArray,
    classes: Sequence[str],
    seed: int,
    persons: ObjectArray | None = None,
    *,
    draws: int = 2000,
) -> ModelScores:
    """Score one model.

    Parameters
    ----------
    labels
        (n,) index into `classes`; -1 where unlabelled, and left out.
    probabilities
        (n, C), rows sum to 1.
    seed, draws
        Of the bootstrap, which resamples images within each label so that the mix of emotions stays as it is.
    persons
        (n,) unit of each image, as `stats.units` gives them; None: every image counts for itself.

    Raises
    ------
    ValueError
        The shapes do not fit one another.
    """
    from sklearn.metrics import confusion_matrix, log_loss  # half a second to load; words need this module, too

    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    c = len(classes)
    if probabilities.shape != (len(labels), c):
        raise ValueError(f"expected probabilities of shape {(len(labels), c)}, found {probabilities.shape}")
    labelled = labels >= 0
    labels, probabilities = labels[labelled], probabilities[labelled]
    n = len(labels)
    group = clusters(None if persons is None else persons[labelled], n)
    if n == 0:
        return _nothing(name, classes)
    predicted = probabilities.argmax(axis=1)
    matrix = confusion_matrix(labels, predicted, labels=np.arange(c)).astype(np.int64)
    samples = _resample(matrix, draws, np.random.default_rng(seed))
    emotions = _emotion_scores(labels, predicted, classes, matrix, samples, group)
    spread = None if group.single else _Spread(labels, predicted, matrix, group)
    present = np.array([e.n > 0 for e in emotions])
    thick = np.array([e.n >= FEW for e in emotions])
    calibration = calibrate(probabilities.max(axis=1), predicted == labels, seed, group)
    # scikit-learn before 1.7 knows the Brier score of two classes only.
    brier = float(((probabilities - np.eye(c)[labels]) ** 2).sum(axis=1).mean())
    recalls, f1s = np.array([e.recall for e in emotions]), np.array([e.f1 for e in emotions])
    return ModelScores(
        name=name,
        n=n,
        accuracy=proportion(predicted == labels, group),
        balanced_accuracy=_mean_over(
            recalls[present],
            samples.recall[:, present],
            n,
            None if spread is None else spread.recall(present),
            named=group.named,
        ),
        macro_f1=_mean_over(
            f1s[present], samples.f1[:, present], n, None if spread is None else spread.f1(present), named=group.named
        ),
        macro_f1_without_few=(
            _mean_over(
                f1s[thick],
                samples.f1[:, thick],
                int(matrix[thick].sum()),
                None if spread is None else spread.f1(thick),
                named=group.named,
            )
            if thick.any() and not thick[present].all()
            else None
        ),
        brier=brier,
        nll=float(log_loss(labels, probabilities, labels=np.arange(c))),
        ece=calibration.ece,
        ece_band=calibration.band,
        overconfidence=calibration.overconfidence,
        bins=calibration.bins,
        confusion=matrix,
        emotions=emotions,
    )


@dataclass(frozen=True)
class _Samples:
    """Bootstrapped scores, each (draws, C); NaN where undefined."""

    recall: FloatArray
    precision: FloatArray
    f1: FloatArray


def _resample(matrix: IntArray, draws: int, rng: np.random.Generator) -> _Samples:
    # Resampling images within a label changes nothing but that label's row of counts: a multinomial, whatever
    # n.
    c = len(matrix)
    drawn = np.zeros((draws, c, c))
    for row, counts in enumerate(matrix):
        total = int(counts.sum())
        if total:
            drawn[:, row] = rng.multinomial(total, counts / total, size=draws)
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    support, predicted = matrix.sum(axis=1, dtype=np.float64), drawn.sum(axis=1)
    return _Samples(
        recall=_divide(hits, np.broadcast_to(support, hits.shape)),
        precision=_divide(hits, predicted),
        f1=_divide(2 * hits, support + predicted),
    )


def _divide(top: FloatArray, bottom: FloatArray) -> FloatArray:
    out: FloatArray = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0)
    return out


@dataclass(frozen=True)
class _Spread:
    """What each person adds to the error of a mean over emotions: the mean's influence function, summed per person."""

    labels: IntArray
    predicted: IntArray
    matrix: IntArray
    group: Clusters

    def recall(self, of: BoolArray) -> tuple[float, int]:
        """Standard error of the mean recall of some emotions, and the number of persons."""
        correct, support = np.diagonal(self.matrix), np.maximum(self.matrix.sum(axis=1), 1)
        one = self._one(self.labels)
        return self._error(((self._one(self.labels, right=True) - one * (correct / support)) / support)[:, of])

    def f1(self, of: BoolArray) -> tuple[float, int]:
        """The same of the mean F1."""
        total = np.maximum(self.matrix.sum(axis=1) + self.matrix.sum(axis=0), 1)
        score = 2 * np.diagonal(self.matrix) / total
        hits = 2 * self._one(self.labels, right=True)
        return self._error(((hits - score * (self._one(self.labels) + self._one(self.predicted))) / total)[:, of])

    def _one(self, values: IntArray, *, right: bool = False) -> FloatArray:
        chosen = np.eye(len(self.matrix))[values]
        return chosen * (self.labels == self.predicted)[:, None] if right else chosen

    def _error(self, influence: FloatArray) -> tuple[float, int]:
        each, count = self.group.sums(influence.mean(axis=1, keepdims=True)), self.group.count
        return float(np.sqrt((each**2).sum() * count / max(count - 1, 1))), count


def _emotion_scores(
    labels: IntArray,
    predicted: IntArray,
    classes: Sequence[str],
    matrix: IntArray,
    samples: _Samples,
    group: Clusters,
) -> tuple[EmotionScore, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    precision, _, f1, _ = precision_recall_fscore_support(
        labels, predicted, labels=np.arange(len(classes)), zero_division=0.0
    )
    scores = []
    for i, emotion in enumerate(classes):
        n, correct, given = int(matrix[i].sum()), int(matrix[i, i]), int(matrix[:, i].sum())
        undefined = Estimate(math.nan, 0.0, 1.0, 0)
        of, called = labels == i, predicted == i
        recall, share, jaccard = (
            proportion((of & called)[rows], None if group.single else group.subset(np.flatnonzero(rows)))
            for rows in (of, called, of | called)
        )
        # F1 = 2J / (1 + J) rises with J = TP / (TP + FP + FN), so an interval of the one is an interval of
        # the other.
        counted = Estimate(
            f1[i], 2 * jaccard.low / (1 + jaccard.low), 2 * jaccard.high / (1 + jaccard.high), n,
            jaccard.persons, group.named,
        )  # fmt: skip
        if not group.single:
            scores.append(
                EmotionScore(emotion, n, correct, given, recall, share if n and given else undefined,
                             counted if n else undefined, n < FEW)
            )  # fmt: skip
            continue
        scores.append(
            EmotionScore(
                emotion=emotion,
                n=n,
                correct=correct,
                predicted=given,
                recall=recall,
                precision=(
                    _interval(float(precision[i]), samples.precision[:, i], share, given) if n and given else undefined
                ),
                f1=_interval(float(f1[i]), samples.f1[:, i], counted, n) if n else undefined,
                few=n < FEW,
            )
        )
    return tuple(scores)


def _interval(value: float, samples: FloatArray, counted: Estimate, n: int) -> Estimate:
    """The bootstrap interval, or that of the counts where every sample is alike."""
    interval = percentile_interval(value, samples[~np.isnan(samples)], n)
    return interval if interval.high > interval.low else Estimate(value, counted.low, counted.high, n)


def _mean_over(
    parts: ObjectArray, samples: FloatArray, n: int, spread: tuple[float, int] | None = None, *, named: bool = True
) -> Estimate:
    """Mean of several emotions' scores; `spread`: its standard error over so many persons, `named` or not."""
    value = float(np.mean([p.value for p in parts]))
    if spread is not None and spread[0] > 0:
        error, persons = spread
        if persons < MIN_PERSONS:
            return Estimate(value, 0.0, 1.0, n, persons, named)
        # On the scale of log-odds the interval stays inside 0..1.
        reach = float(stdtrit(persons - 1, 0.975)) * error / (value * (1 - value))
        low, high = (float(expit(logit(value) + side * reach)) for side in (-1, 1))
        return Estimate(value, low, high, n, persons, named)
    counted = Estimate(0.0, float(np.mean([p.low for p in parts])), float(np.mean([p.high for p in parts])), n)
    return _interval(value, samples.mean(axis=1), counted, n)


def _nothing(name: str, classes: Sequence[str]) -> ModelScores:
    """Scores of a model when no image is labelled: all undefined."""
    undefined, nan = Estimate(math.nan, 0.0, 1.0, 0), math.nan
    emotions = tuple(EmotionScore(e, 0, 0, 0, undefined, undefined, undefined, True) for e in classes)
    empty = np.zeros((len(classes), len(classes)), dtype=np.int64)
    return ModelScores(
        name, 0, undefined, undefined, undefined, None, nan, nan, nan, (nan, nan), nan, (), empty, emotions
    )
