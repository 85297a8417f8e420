"""Two models on the same images: who is right where, and whether the difference is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import cohen_kappa_score

from reportgen.analysis import ModelPredictions
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.types import IntArray, ObjectArray

__all__ = ["Comparison", "RecallDifference", "compare_models", "recall_differences"]


MIN_DISCORDANT = 6
"""Fewer discordant images than this cannot reach p < .05, however one-sided: 2 * 0.5**5 = .0625."""


@dataclass(frozen=True)
class Comparison:
    """Two models on the labelled images.

    Attributes
    ----------
    a, b
        The models' names.
    both, only_a, only_b, neither
        Images that both get right, only A, only B, neither; they add up to `n`.
    same_prediction
        Images with the same prediction, right or wrong.
    wrong_alike
        The part of `neither` on which both predict the same wrong class.
    difference
        Accuracy of A minus accuracy of B, -1..1, with the paired interval.
    p_value
        Exact two-sided McNemar test, on the discordant images; where persons are known a sign-flip test of persons.
    decided
        p < .05.
    kappa
        Cohen's kappa between the two models' predictions: 1 always the same, 0 chance agreement; NaN where both
        predict one and the same class for everything.
    """

    a: str
    b: str
    n: int
    both: int
    only_a: int
    only_b: int
    neither: int
    same_prediction: int
    wrong_alike: int
    difference: Estimate
    p_value: float
    decided: bool
    kappa: float

    @property
    def discordant(self) -> int:
        """Images that exactly one of the two gets right."""
        return self.only_a + self.only_b


@dataclass(frozen=True)
class RecallDifference:
    """Recall of A minus recall of B on one emotion's images, paired.

    Attributes
    ----------
    n, only_a, only_b
        The emotion's images; those only A, only B gets right.
    difference
        -1..1 with the paired interval.
    p_value, p_holm
        The same test, alone and adjusted (Holm 1979) over the emotions that have images.
    decided
        p_holm < .05.
    """

    emotion: str
    n: int
    only_a: int
    only_b: int
    difference: Estimate
    p_value: float
    p_holm: float
    decided: bool


def compare_models(
    a: ModelPredictions, b: ModelPredictions, labels: IntArray, persons: ObjectArray | None = None, seed: int = 0
) -> Comparison:
    """Compare two models on the labelled images.

    Parameters
    ----------
    labels
        (n,) index of the labelled class; -1 where unlabelled, and left out.
    persons
        (n,) unit of each image, as `stats.units` gives them; None: every image counts for itself.
    seed
        Of the resampling of persons.
    """
    labelled = labels >= 0
    truth, answer_a, answer_b = labels[labelled], a.predicted[labelled], b.predicted[labelled]
    right_a, right_b = answer_a == truth, answer_b == truth
    same = answer_a == answer_b
    n, only_a, only_b = len(truth), int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    both, neither = int((right_a & right_b).sum()), int((~right_a & ~right_b).sum())
    wrong_alike = int((same & ~right_a).sum())
    group = clusters(None if persons is None else persons[labelled], n)
    difference, p_value = paired_proportions(right_a, right_b, group, seed)
    constant = n == 0 or (same.all() and len(np.unique(answer_a)) == 1)
    return Comparison(
        a=a.name,
        b=b.name,
        n=n,
        both=both,
        only_a=only_a,
        only_b=only_b,
        neither=neither,
        same_prediction=int(same.sum()),
        wrong_alike=wrong_alike,
        difference=difference,
        p_value=p_value,
        decided=p_value < ALPHA,
        kappa=math.nan if constant else float(cohen_kappa_score(answer_a, answer_b)),
    )


def recall_differences(
    a: ModelPredictions,
    b: ModelPredictions,
    labels: IntArray,
    classes: Sequence[str],
    persons: ObjectArray | None = None,
    seed: int = 0,
) -> tuple[RecallDifference, ...]:
    """Compare two models' recall per emotion, in the order of `classes`; NaN where there are no images."""
    right_a, right_b = a.predicted == labels, b.predicted == labels
    counts, tests = [], []
    everyone = clusters(persons, len(labels))
    for i in range(len(classes)):
        of = labels == i
        counts.append((int(of.sum()), int((of & right_a & ~right_b).sum()), int((of & right_b & ~right_a).sum())))
        tests.append(paired_proportions(right_a[of], right_b[of], everyone.subset(np.flatnonzero(of)), seed))
    p_values = [p for _, p in tests]
    # An emotion without an image is no test: it stays out of the family, and nothing is decided about it.
    adjusted = np.nan_to_num(
        holm([p if n else math.nan for p, (n, _, _) in zip(p_values, counts, strict=True)]), nan=1.0
    )
    return tuple(
        RecallDifference(emotion, n, only_a, only_b, difference, p, float(p_holm), bool(p_holm < ALPHA))
        for emotion, (n, only_a, only_b), (difference, p), p_holm in zip(classes, counts, tests, adjusted, strict=True)
    )
