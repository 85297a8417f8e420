"""Labels that all models contradict: the thresholds of confident learning, applied to all models at once.

Northcutt, Jiang & Chuang (2021), "Confident learning: estimating uncertainty in dataset labels": an image is counted
for class k when the model's p_k reaches the mean p_k of the images labelled k. One model alone doubts whatever it is
bad at, so here all of them have to agree; and models that were trained on the same data share their shortcuts, so
their agreement on k only counts where it is right more often than not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = ["TRUSTED", "LabelSuspects", "find_label_suspects"]


TRUSTED = 0.5
"""Share of the confident agreements on k that have to be labelled k. Without it, 32 of the 73 suspects on a real test
set are coloured photos that both models take for disgust, and with 5 % of the labels flipped only .60 of the newly
suspected labels are flipped ones; with it .94, at all but the same recall (`tests/benchmarks/bench_label_noise.py`)."""


@dataclass(frozen=True)
class LabelSuspects:
    """Which labels are in doubt.

    Attributes
    ----------
    suspect
        (n,) bool.
    predicted
        (n,) the class that all models predict, -1 where they differ.
    probability
        (M, n) the probability that each model gives to that class (to the last class where they differ).
    thresholds
        (M, C) mean probability of a class over the images labelled so; NaN for a class without images.
    tested
        Whether there are two models or more, and a label.
    contradicted
        (n,) bool: all models predict the same other emotion, and are mostly right where they are confident of it. No
        confidence is asked for here, and one model is enough: it takes further evidence to doubt these labels.
    """

    suspect: BoolArray
    predicted: IntArray
    probability: FloatArray
    thresholds: FloatArray
    tested: bool
    contradicted: BoolArray


def find_label_suspects(probabilities: Sequence[AnyFloatArray], labels: IntArray) -> LabelSuspects:
    """Images whose label every model contradicts with confidence and with the same prediction.

    Parameters
    ----------
    probabilities
        Of each model, (n, C).
    labels
        (n,) index of the labelled class, -1 where unlabelled (never suspect).
    """
    stacked = np.stack([np.asarray(p, dtype=np.float64) for p in probabilities])  # (M, n, C)
    classes = stacked.shape[2]
    thresholds = np.full((len(stacked), classes), np.nan)
    for k in range(classes):
        of = labels == k
        if of.any():
            thresholds[:, k] = stacked[:, of, k].mean(axis=1)
    each = stacked.argmax(axis=2)  # (M, n)
    predicted = np.where((each == each[0]).all(axis=0), each[0], -1)
    rows = np.arange(len(labels))
    probability = stacked[:, rows, predicted]  # (M, n); meaningless where the predictions differ
    with np.errstate(invalid="ignore"):
        sure = (predicted >= 0) & (probability >= thresholds[:, predicted]).all(axis=0) & (labels >= 0)
    agreed = np.bincount(predicted[sure], minlength=classes)
    right = np.bincount(predicted[sure & (predicted == labels)], minlength=classes)
    with np.errstate(invalid="ignore"):
        support = np.where(agreed > 0, right / np.maximum(agreed, 1), np.nan)
    tested = len(stacked) > 1 and bool((labels >= 0).any())
    contradicted = (predicted >= 0) & (labels >= 0) & (predicted != labels) & (support[predicted] >= TRUSTED)
    return LabelSuspects(sure & contradicted & tested, predicted, probability, thresholds, tested, contradicted)
