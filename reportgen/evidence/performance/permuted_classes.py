"""Whether a checkpoint's outputs appear to be in another order than the class list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from reportgen.types import IntArray

__all__ = ["PermutedOrder", "best_assignment", "likely_order"]


_SUPPORT = 10
_NO_SKILL, _SKILL, _RISE = 0.05, 0.25, 0.2
_ALPHA = 0.01


@dataclass(frozen=True)
class PermutedOrder:
    """Another order of the outputs fits the labels clearly better.

    Attributes
    ----------
    accuracy_now, accuracy_then
        0..1, with the class list as given and with `order`.
    order
        What the checkpoint's outputs seem to mean, first output first.
    n
        Labelled images.
    silent
        Classes of `order` whose outputs are never the largest, so that their places among each other are unknown.
    """

    accuracy_now: float
    accuracy_then: float
    order: tuple[str, ...]
    n: int
    silent: tuple[str, ...]


def likely_order(labels: IntArray, predicted: IntArray, classes: Sequence[str]) -> PermutedOrder | None:
    """Look for a better order of the outputs; None where the given one may well be right.

    The best order maximises the agreement beyond chance (the numerator of Cohen's kappa), so that a model
    which predicts one class for everything favours none. Some order always fits a weak model a little better
    than the true one, so the rest is about being sure. Youden's J of a class is the share of its images that
    are predicted as it minus the share of all other images that are; a mere bias towards a class has J = 0. The order
    is reported if, among the classes that change place and have 10 labelled images or more,

    - the mean J is below .05 as the order is (no skill) and at least .25 in the new one (skill); - J rises by
    at least .2 for two of them: one class that goes by another's name is a confusion, not an order; - the
    mean rise is beyond chance: one-sided normal test with p < .01 after multiplying by the number of
      orders that were searched, C!.

    The price is that a swap of two classes which the model hardly knows goes unnoticed.

    Parameters
    ----------
    labels
        (n,) index into `classes`, -1 where unlabelled.
    predicted
        (n,) index of the largest output.
    """
    labelled = labels >= 0
    labels, predicted = labels[labelled], predicted[labelled]
    c, n = len(classes), len(labels)
    if n == 0:
        return None
    from sklearn.metrics import confusion_matrix  # half a second to load, and a build without news asks nothing

    matrix = confusion_matrix(labels, predicted, labels=np.arange(c)).astype(np.int64)
    means = best_assignment(matrix)
    if not _clearly_better(matrix, means):
        return None
    now, then = float(np.trace(matrix)) / n, float(matrix[means, np.arange(c)].sum()) / n
    order = tuple(classes[i] for i in means)
    silent = tuple(order[k] for k in np.flatnonzero(matrix.sum(axis=0) == 0))
    return PermutedOrder(now, then, order, n, silent)


def best_assignment(matrix: IntArray) -> IntArray:
    """(C,) class that each output stands for, in the order that agrees best beyond chance."""
    n, c = int(matrix.sum()), len(matrix)
    # Times n, so that everything is a whole number and the bonus for staying put can only break ties.
    beyond = n * matrix - np.outer(matrix.sum(axis=1), matrix.sum(axis=0))
    rows, columns = linear_sum_assignment(beyond * (c + 1) + np.eye(c, dtype=np.int64), maximize=True)
    means = np.empty(c, dtype=np.int64)
    means[columns] = rows
    return means


def _clearly_better(matrix: IntArray, means: IntArray) -> bool:
    c = len(matrix)
    support = matrix.sum(axis=1)
    output_of = np.argsort(means)
    counted = np.flatnonzero((output_of != np.arange(c)) & (support >= _SUPPORT))
    if len(counted) < 2:
        return False
    images = np.maximum(support, 1)[:, None]
    # J is a weighted sum of the rates at which labels are predicted as one class: its own label's minus the others'.
    own = np.eye(c)[counted]
    weights = own - (1 - own) * support / (support.sum() - support[counted])[:, None]
    now = (weights * (matrix / images)[:, counted].T).sum(axis=1)
    then = (weights * (matrix / images)[:, output_of[counted]].T).sum(axis=1)
    rise = then - now
    if now.mean() >= _NO_SKILL or then.mean() < _SKILL or (rise >= _RISE).sum() < 2:
        return False
    # The predictions for one label are a multinomial sample. Half an image more in every cell: a label whose few
    # images all got the same prediction has a variance all the same.
    signed = np.zeros((c, c))
    signed[:, output_of[counted]] += weights.T / len(counted)
    signed[:, counted] -= weights.T / len(counted)
    rates = (matrix + 0.5) / (support + 0.5 * c)[:, None]
    spread = (rates * signed**2).sum(axis=1) - (rates * signed).sum(axis=1) ** 2
    error = math.sqrt(float((spread / images[:, 0]).sum()))
    # In logarithms: C! overflows the reciprocal of any p for many classes.
    return float(norm.logsf(rise.mean() / error)) + math.lgamma(c + 1) < math.log(_ALPHA)
