from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.analysis import ModelRecords
from reportgen.evidence.performance import model_comparison as agreement
from reportgen.evidence.performance.model_comparison import compare_models, recall_differences


def model(name: str, predicted: Sequence[int], classes: int = 3) -> ModelRecords:
    logits = np.eye(classes, dtype=np.float32)[np.asarray(predicted, dtype=np.int64)].reshape(-1, classes)
    return ModelRecords(name, name.lower(), {}, logits, np.zeros((len(logits), classes, 1, 1), dtype=np.float32))


def pair(both: int, only_a: int, only_b: int, neither: int) -> tuple[ModelRecords, ModelRecords, np.ndarray]:
    """Two models with these counts; label 0, A errs with 1 and B with 2."""
    a = [0] * both + [0] * only_a + [1] * only_b + [1] * neither
    b = [0] * both + [2] * only_a + [0] * only_b + [2] * neither
    return model("A", a), model("B", b), np.zeros(len(a), dtype=np.int64)


def test_all_is_complete() -> None:
    assert all(hasattr(agreement, name) for name in agreement.__all__)


def test_by_hand() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 2, -1])
    a, b = model("A", [0, 1, 1, 0, 2, 0, 0, 0]), model("B", [0, 0, 1, 0, 1, 1, 0, 0])
    found = compare_models(a, b, labels)
    assert (found.n, found.both, found.only_a, found.only_b, found.neither) == (7, 2, 1, 1, 3)
    assert (found.same_prediction, found.wrong_alike) == (4, 2)
    assert found.difference.value == 0
    assert found.p_value == 1
    # observed 4/7; A says 0,1,2 4,2,1 times and B 4,3,0 times: chance (16 + 6) / 49
    assert found.kappa == pytest.approx((4 / 7 - 22 / 49) / (1 - 22 / 49))


def test_fewer_than_six_discordant_images_decide_nothing() -> None:
    five, six = compare_models(*pair(50, 5, 0, 9)), compare_models(*pair(50, 6, 0, 9))
    assert five.p_value == pytest.approx(0.0625)
    assert not five.decided
    assert six.p_value == pytest.approx(0.03125)
    assert six.decided


def test_a_difference_is_that_of_the_first_minus_the_second() -> None:
    found = compare_models(*pair(1404, 108, 269, 270))
    assert found.difference.value == pytest.approx(-161 / 2051)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_properties(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    labels, a, b = rng.integers(-1, 3, n), rng.integers(0, 3, n), rng.integers(0, 3, n)
    found = compare_models(model("A", a), model("B", b), labels)
    swapped = compare_models(model("B", b), model("A", a), labels)
    order = rng.permutation(n)
    assert compare_models(model("A", a[order]), model("B", b[order]), labels[order]) == found or math.isnan(found.kappa)
    assert found.both + found.discordant + found.neither == found.n == (labels >= 0).sum()
    assert found.wrong_alike <= found.neither
    assert found.same_prediction == found.both + found.wrong_alike
    assert (swapped.only_a, swapped.only_b, swapped.p_value) == (found.only_b, found.only_a, found.p_value)
    assert (swapped.difference.low, swapped.difference.high) == pytest.approx(
        (-found.difference.high, -found.difference.low)
    )
    by_emotion = recall_differences(model("A", a), model("B", b), labels, "xyz")
    assert sum(d.n for d in by_emotion) == found.n
    assert sum(d.only_a for d in by_emotion) == found.only_a
    assert all(d.p_holm >= d.p_value for d in by_emotion)


def test_kappa_at_its_ends() -> None:
    labels = np.array([0, 1, 2, 0])
    assert compare_models(model("A", [0, 1, 2, 1]), model("B", [0, 1, 2, 1]), labels).kappa == pytest.approx(1)
    assert math.isnan(compare_models(model("A", [1, 1, 1, 1]), model("B", [1, 1, 1, 1]), labels).kappa)


def test_recall_differences_by_hand() -> None:
    # emotion x: A alone right on 8 of 12; y: B alone on 7 of 9; z has no image
    labels = np.repeat([0, 1], [12, 9])
    a = [0] * 8 + [1] * 4 + [0] * 7 + [1] * 2
    b = [1] * 8 + [1] * 4 + [1] * 7 + [1] * 2
    x, y, z = recall_differences(model("A", a), model("B", b), labels, "xyz")
    assert (x.n, x.only_a, x.only_b, x.difference.value) == (12, 8, 0, pytest.approx(8 / 12))
    assert (y.n, y.only_a, y.only_b, y.difference.value) == (9, 0, 7, pytest.approx(-7 / 9))
    assert (x.p_value, y.p_value) == pytest.approx((2 / 256, 2 / 128))
    # Holm over two tests, z is none: the smaller times 2, the larger as it is but no smaller
    assert (x.p_holm, y.p_holm, z.p_holm) == pytest.approx((4 / 256, 4 / 256, 1))
    assert (x.decided, y.decided, z.decided) == (True, True, False)
    assert not z.difference.defined
