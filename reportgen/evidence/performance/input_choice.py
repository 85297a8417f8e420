"""What a model's outputs mean and how its pictures are prepared, decided by how well known candidates fit a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import binomtest

from reportgen.evidence.performance.permuted_classes import best_assignment
from reportgen.evidence.stats.paired import mcnemar
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = [
    "CHOICE_ALPHA",
    "InputChoice",
    "Judgement",
    "Tried",
    "TriedInput",
    "chance_agreement",
    "judge_candidates",
    "permuted_fit",
]

Outcome = Literal["given", "chosen", "default", "undecided", "too few"]
"""The preprocessing was no question; another than the default is clearly better; no other is better; another is better,
but not clearly, or none is better than chance; there are too few images to ask."""

CHOICE_ALPHA = 0.01
"""Of a choice, after multiplication by the number of candidates that it was made from."""
_DOUBT = 0.05
"""Of what speaks against a choice, which is not adjusted: where in doubt, nothing is chosen."""


@dataclass(frozen=True)
class Tried:
    """One class order, or one meaning of numeric labels.

    Attributes
    ----------
    name
        Where it comes from, such as "FER2013".
    order
        The classes in the order of the outputs, or of the numbers.
    correct
        Images of the sample that are classified correctly with it, under the preprocessing that suits it best.
    """

    name: str
    order: tuple[str, ...]
    correct: int


@dataclass(frozen=True)
class TriedInput:
    """One preprocessing.

    Attributes
    ----------
    spec
        The fields of `reportgen.config.Preprocessing` in plain values.
    correct
        Images of the sample that are classified correctly with it, under the order that is used.
    """

    spec: Mapping[str, Any]
    correct: int


@dataclass(frozen=True)
class InputChoice:
    """What a sample showed of one model.

    Attributes
    ----------
    images
        Of the sample.
    question
        What the names in `orders` order: the model's outputs, or the numbers among the labels.
    orders
        Best first; empty where the order was known.
    order_clear
        Whether the first of them fits clearly better than every other.
    order_p
        Of the exact McNemar test against the closest rival, times the number of comparisons; NaN without a rival.
    inputs
        The family's default first; empty where the preprocessing was known.
    used
        Which of them is used.
    outcome
        How that was decided.
    input_p
        Of the best input against the default, times the number of comparisons; NaN where the default is the best.
    chance
        Share of the sample that the best candidate would classify correctly by chance.
    skilled
        Whether it classifies more correctly than that.
    """

    images: int
    question: Literal["outputs", "numbers"] = "outputs"
    orders: tuple[Tried, ...] = ()
    order_clear: bool = False
    order_p: float = math.nan
    inputs: tuple[TriedInput, ...] = ()
    used: int = 0
    outcome: Outcome = "given"
    input_p: float = math.nan
    chance: float = math.nan
    skilled: bool = False

    @property
    def decided(self) -> bool:
        """Whether the sample chose anything, so that scores may not use it."""
        return self.order_clear or self.outcome == "chosen"

    @property
    def best_input(self) -> int:
        """The first of the inputs with most correct images."""
        return max(range(len(self.inputs)), key=lambda index: (self.inputs[index].correct, -index))

    def as_json(self) -> dict[str, Any]:
        """Plain values; NaN, which JSON cannot write, as None."""
        plain = {
            **asdict(self),
            "orders": [{**asdict(tried), "order": list(tried.order)} for tried in self.orders],
            "inputs": [{"spec": dict(tried.spec), "correct": tried.correct} for tried in self.inputs],
        }
        return {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in plain.items()}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> InputChoice:
        """The choice that `as_json` made into plain values."""
        values = {name: math.nan if entry[name] is None else entry[name] for name in ("order_p", "input_p", "chance")}
        lists: dict[str, Any] = {
            "orders": tuple(Tried(**{**one, "order": tuple(one["order"])}) for one in entry["orders"]),
            "inputs": tuple(TriedInput(**one) for one in entry["inputs"]),
        }
        return cls(**{**entry, **values, **lists})


@dataclass(frozen=True)
class Judgement:
    """Which of the candidates fits; the fields are those of `InputChoice`.

    Attributes
    ----------
    order, used
        Index of the best order, and of the input that is used.
    """

    order: int
    order_clear: bool
    order_p: float
    used: int
    outcome: Outcome
    input_p: float
    skilled: bool


def judge_candidates(correct: BoolArray, chance: FloatArray) -> Judgement:
    """Decide between candidates by the images that only one of two classifies correctly.

    An order is clear if it beats every pair of another order and any input: where order and preprocessing together
    are confounded, nothing is clear. An input is chosen if it clearly beats the first one, the default.

    Parameters
    ----------
    correct
        (inputs, orders, n) whether each image is classified correctly.
    chance
        (inputs, orders) share that would be correct if predictions and labels had nothing to do with each other, 0..1.
    """
    inputs, orders, n = correct.shape
    counts = correct.sum(axis=2)
    best, order = (int(index) for index in np.unravel_index(int(counts.argmax()), counts.shape))
    skill = binomtest(int(counts[best, order]), n, float(chance[best, order]), alternative="greater").pvalue
    skilled = bool(skill * inputs * orders < CHOICE_ALPHA)
    rivals = [_beats(correct[best, order], correct[i, o]) for i in range(inputs) for o in range(orders) if o != order]
    order_p = min(1.0, max(rivals) * len(rivals)) if rivals else math.nan
    input_p = min(1.0, _beats(correct[best, order], correct[0, order]) * (inputs - 1)) if best else math.nan
    outcome: Outcome = "given"
    if inputs > 1:
        outcome = "undecided" if not skilled or best else "default"
        if best and skilled and input_p < CHOICE_ALPHA:
            outcome = "chosen"
    used = best if outcome == "chosen" else 0
    return Judgement(
        order, bool(rivals) and skilled and order_p < CHOICE_ALPHA, order_p, used, outcome, input_p, skilled
    )


def _beats(one: BoolArray, other: BoolArray) -> float:
    """P of the exact McNemar test for the first being better; 1 where it is not."""
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    return mcnemar(only_one, only_other) if only_one > only_other else 1.0


def chance_agreement(labels: IntArray, predicted: IntArray) -> float:
    """Share of images on which two independent columns with these frequencies of classes agree, 0..1."""
    values = np.unique(labels)
    return float(sum((labels == value).mean() * (predicted == value).mean() for value in values))


def permuted_fit(labels: IntArray, predicted: IntArray, classes: int) -> bool:
    """Whether some other order of the outputs fits better still, so that the right one is not among the known ones.

    Parameters
    ----------
    labels, predicted
        (n,) index of the class, 0..`classes` - 1.
    """
    from sklearn.metrics import confusion_matrix  # half a second to load, and a build without news asks nothing

    means = best_assignment(confusion_matrix(labels, predicted, labels=np.arange(classes)).astype(np.int64))
    return _beats(means[predicted] == labels, predicted == labels) < _DOUBT
