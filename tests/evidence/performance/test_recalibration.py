"""Scaling of logits: what was multiplied in is found again, on persons that were not fitted, and nothing is promised
where there is nothing to gain.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from reportgen.evidence.performance.calibration import calibrate
from reportgen.evidence.performance.recalibration import FOLDS, LEAST_IMAGES, fit_scaling, recalibrate

CLASSES = 4


def drawn(n: int, seed: int, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a model and labels drawn from its probabilities; its logits are those times a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, CLASSES))
    labels = np.array([rng.choice(CLASSES, p=row) for row in softmax(logits, axis=1)])
    return logits * temperature, labels


def test_a_temperature_of_two_classes_by_hand() -> None:
    """Logit 2 for the label of three images in four: log loss is least where its probability is 3/4, so log(3) / 2."""
    logits = np.array([[2.0, 0.0]] * 4)
    factor, addend = fit_scaling(logits, np.array([0, 0, 0, 1]), "temperature")
    assert factor == pytest.approx([math.log(3) / 2] * 2, rel=1e-4) and addend.tolist() == [0, 0]


def test_a_temperature_that_was_multiplied_in_is_found_again() -> None:
    logits, labels = drawn(4000, 0, temperature=2.5)
    found = recalibrate("A", logits, labels, None, 0)
    assert found is not None and (found.images, found.folds, found.model) == (4000, FOLDS, "A")
    repair = found.repairs[0]
    assert repair.temperature == pytest.approx(2.5, rel=0.06)
    assert repair.temperatures[0] <= repair.temperature <= repair.temperatures[1]
    assert repair.helps and not repair.hurts and repair.changed == 0 and repair.accuracy_change.value == 0
    assert found.ece.value > 0.1 > 0.03 > repair.ece.value and repair.ece_change.high < 0 > repair.brier_change.high
    # Every change is the difference of the scores beside it, and those are the scores of the model's own page.
    for name in ("ece", "brier", "nll"):
        change = getattr(repair, f"{name}_change").value
        assert change == pytest.approx(getattr(repair, name).value - getattr(found, name).value, abs=1e-12)
    probabilities = softmax(logits, axis=1)
    own = calibrate(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels, 0)
    assert found.ece.value == pytest.approx(own.ece)
    assert found.nll.value == pytest.approx(-np.log(probabilities[np.arange(4000), labels]).mean())
    assert found.brier.value == pytest.approx(((probabilities - np.eye(CLASSES)[labels]) ** 2).sum(axis=1).mean())


def test_where_nothing_is_wrong_nothing_is_promised() -> None:
    """Twelve calibrated models: the interval of the change lies below 0 in few of them."""
    promised = 0
    for seed in range(12):
        logits, labels = drawn(250, seed)
        found = recalibrate("A", logits, labels, None, seed)
        assert found is not None
        promised += found.repairs[0].helps
    assert promised <= 2


def test_one_emotion_that_is_given_too_often_needs_a_vector() -> None:
    logits, labels = drawn(3000, 3)
    logits[:, 0] += 1.5
    found = recalibrate("A", logits, labels, None, 0)
    assert found is not None
    one, vector = found.repairs
    assert vector.helps and vector.changed > 300 and vector.accuracy_change.low > 0
    assert vector.nll.value < one.nll.value - 0.02
    factor, addend = fit_scaling(logits, labels, "vector")
    assert addend[0] == pytest.approx(addend[1:].mean() - 1.5, abs=0.25) and factor == pytest.approx(1, abs=0.15)


def test_persons_are_never_in_two_folds_and_widen_the_intervals() -> None:
    """Every person's photos are copies of one: a fit that saw one of them would know the others."""
    logits, labels = (np.repeat(values, 10, axis=0) for values in drawn(60, 5, temperature=3.0))
    units = np.array([f"person {row // 10}" for row in range(600)], dtype=object)
    alone, grouped = recalibrate("A", logits, labels, None, 0), recalibrate("A", logits, labels, units, 0)
    assert alone is not None and grouped is not None
    for name in ("ece_change", "nll_change", "brier_change"):
        one, other = getattr(alone.repairs[0], name), getattr(grouped.repairs[0], name)
        assert other.persons == 60 and one.persons is None
        assert other.high - other.low > 2 * (one.high - one.low)


def test_too_few_images_persons_or_emotions() -> None:
    logits, labels = drawn(LEAST_IMAGES + 20, 1)
    assert recalibrate("A", logits, labels, None, 0) is not None
    few = labels.copy()
    few[: 20 + 1] = -1
    assert recalibrate("A", logits, few, None, 0) is None
    persons = np.array([f"person {row % (FOLDS - 1)}" for row in range(len(labels))], dtype=object)
    assert recalibrate("A", logits, labels, persons, 0) is None
    assert recalibrate("A", logits, np.zeros_like(labels), None, 0) is None


def test_unlabelled_images_do_not_count() -> None:
    logits, labels = drawn(300, 2, temperature=2.0)
    more = np.concatenate([logits, np.full((50, CLASSES), 9.0)])
    found = recalibrate("A", logits, labels, None, 0)
    assert found == recalibrate("A", more, np.concatenate([labels, np.full(50, -1)]), None, 0)


def test_an_emotion_with_one_image_keeps_a_vector_finite() -> None:
    logits, labels = drawn(200, 4)
    labels[labels == 3] = 0
    labels[0] = 3
    factor, addend = fit_scaling(logits, labels, "vector")
    assert np.isfinite(factor).all() and np.isfinite(addend).all() and (factor > 0).all()
    assert recalibrate("A", logits, labels, None, 0) is not None


@given(st.floats(0.3, 4.0), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_a_fit_is_no_worse_than_none_where_it_was_fitted(temperature: float, seed: int) -> None:
    """And a number that all logits of an image share changes nothing."""
    logits, labels = drawn(120, seed, temperature)

    def loss(scaled: np.ndarray) -> float:
        return float(-np.log(softmax(scaled, axis=1)[np.arange(len(labels)), labels]).mean())

    factor, addend = fit_scaling(logits, labels, "temperature")
    assert loss(factor * logits + addend) <= loss(logits) + 1e-9
    assert loss(factor * logits) <= min(loss(k * factor * logits) for k in (0.98, 1.02)) + 1e-6
    shifted, _ = fit_scaling(logits + np.arange(len(labels))[:, None], labels, "temperature")
    assert shifted == pytest.approx(factor, rel=1e-2)
