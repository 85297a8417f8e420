from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score

from reportgen.evidence.performance import scores
from reportgen.evidence.performance.scores import score_model
from reportgen.types import FloatArray, IntArray
from tests.evidence.performance.confusion_matrices import CLASSES, UNBALANCED, from_confusion


def scored(matrix: IntArray) -> tuple[IntArray, FloatArray]:
    """Labels and probabilities that have this confusion matrix."""
    c = len(matrix)
    labels, predicted = from_confusion(matrix)
    return labels, np.full((len(labels), c), 0.3 / (c - 1)) + np.eye(c)[predicted] * (0.7 - 0.3 / (c - 1))


def random_case(seed: int, n: int, c: int) -> tuple[IntArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return rng.integers(-1, c, n), rng.dirichlet(np.full(c, 0.4), n)


def test_all_is_complete() -> None:
    assert all(hasattr(scores, name) for name in scores.__all__)


def test_by_hand() -> None:
    labels, probabilities = scored(np.array([[8, 2, 0], [3, 9, 0], [1, 1, 2]]))
    found = score_model("m", labels, probabilities, ("x", "y", "z"), 0)
    assert found.accuracy.value == pytest.approx(19 / 26)
    assert found.balanced_accuracy.value == pytest.approx((8 / 10 + 9 / 12 + 2 / 4) / 3)
    x, y, z = found.emotions
    assert (x.n, x.correct, x.predicted, x.few, x.k_of_n) == (10, 8, 12, False, "8 of 10")
    assert (z.n, z.correct, z.predicted, z.few, z.k_of_n) == (4, 2, 2, True, "2 of 4")
    assert x.precision.value == pytest.approx(8 / 12)
    assert x.precision.n == 12
    assert (x.f1.value, y.f1.value, z.f1.value) == pytest.approx((16 / 22, 18 / 24, 4 / 6))
    assert found.macro_f1.value == pytest.approx((16 / 22 + 18 / 24 + 4 / 6) / 3)
    assert found.macro_f1_without_few is not None
    assert found.macro_f1_without_few.value == pytest.approx((16 / 22 + 18 / 24) / 2)
    assert found.macro_f1_without_few.n == 22
    # right: .3^2 + 2 * .15^2 = .135; wrong: .7^2 + .85^2 + .15^2 = 1.235
    assert found.brier == pytest.approx((19 * 0.135 + 7 * 1.235) / 26)
    assert found.nll == pytest.approx(-(19 * np.log(0.7) + 7 * np.log(0.15)) / 26)
    assert found.mean_confidence == pytest.approx(0.7)
    assert found.emotion("y") is y
    with pytest.raises(KeyError):
        found.emotion("w")


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 90), st.integers(2, 8))
def test_equals_scikit_learn(seed: int, n: int, c: int) -> None:
    labels, probabilities = random_case(seed, n, c)
    labels[0] = 0
    found = score_model("m", labels, probabilities, [f"c{i}" for i in range(c)], 1, draws=50)
    truth, p = labels[labels >= 0], probabilities[labels >= 0]
    answer, present = p.argmax(axis=1), np.unique(truth)
    assert found.n == len(truth)
    assert found.accuracy.value == pytest.approx(accuracy_score(truth, answer))
    options = {"labels": present, "zero_division": 0}
    assert found.macro_f1.value == pytest.approx(f1_score(truth, answer, average="macro", **options))
    assert found.balanced_accuracy.value == pytest.approx(recall_score(truth, answer, average="macro", **options))
    assert found.nll == pytest.approx(log_loss(truth, p, labels=range(c)))
    assert found.brier == pytest.approx(
        sum(sum((q - (j == t)) ** 2 for j, q in enumerate(row)) for t, row in zip(truth, p, strict=True)) / len(truth)
    )
    precision = precision_score(truth, answer, average=None, labels=range(c), zero_division=np.nan)
    for i, emotion in enumerate(found.emotions):
        assert found.confusion[i].sum() == emotion.n == (truth == i).sum()
        assert emotion.few == (emotion.n < 10)
        if emotion.n:
            assert emotion.precision.value == pytest.approx(precision[i], nan_ok=True)
            for estimate in (emotion.recall, emotion.precision, emotion.f1):
                assert 0 <= estimate.low < estimate.high <= 1
                assert not estimate.defined or estimate.low <= estimate.value <= estimate.high
        else:
            assert not (emotion.recall.defined or emotion.precision.defined or emotion.f1.defined)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_order_of_images_does_not_matter(seed: int) -> None:
    labels, probabilities = random_case(seed, 120, 4)
    order = np.random.default_rng(seed).permutation(120)
    one = score_model("m", labels, probabilities, "abcd", 5, draws=100)
    other = score_model("m", labels[order], probabilities[order], "abcd", 5, draws=100)
    assert one.emotions == other.emotions
    assert one.macro_f1 == other.macro_f1
    assert (one.brier, one.nll, one.ece) == pytest.approx((other.brier, other.nll, other.ece))
    assert one.ece_band == pytest.approx(other.ece_band)


def test_intervals_equal_a_bootstrap_of_images() -> None:
    labels, probabilities = scored(UNBALANCED)
    found = score_model("m", labels, probabilities, CLASSES, 0, draws=4000)
    predicted, rng = probabilities.argmax(axis=1), np.random.default_rng(99)
    groups = [np.flatnonzero(labels == i) for i in range(7)]
    f1, precision = [], []
    for _ in range(400):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
        f1.append(f1_score(labels[rows], predicted[rows], average="macro", labels=range(7), zero_division=0))
        given_sadness = predicted[rows] == 5
        precision.append((labels[rows][given_sadness] == 5).mean())
    assert (found.macro_f1.low, found.macro_f1.high) == pytest.approx(np.quantile(f1, (0.025, 0.975)), abs=0.006)
    sadness = found.emotions[5].precision
    assert (sadness.low, sadness.high) == pytest.approx(np.quantile(precision, (0.025, 0.975)), abs=0.03)


def test_never_right_is_not_certainly_zero() -> None:
    found = score_model("m", *scored(UNBALANCED), CLASSES, 0)
    anger, _, fear = found.emotions[:3]
    assert (anger.f1.value, fear.f1.value) == (0, 0)
    # J = 0 of 38, whose Wilson bound .0918 is an F1 of 2 * .0918 / 1.0918
    assert anger.f1.high == pytest.approx(0.1681, abs=1e-3)
    assert fear.f1.high > 0.5
    assert not anger.precision.defined
    assert fear.few
    assert not anger.few


def test_always_right_is_not_certainly_one() -> None:
    found = score_model("m", *scored(np.diag([20, 30])), "xy", 0)
    assert found.macro_f1.value == found.balanced_accuracy.value == 1
    assert found.macro_f1.low < 0.96
    assert found.emotions[0].precision.low < 0.9
    assert found.macro_f1_without_few is None


def test_only_emotions_with_few_images() -> None:
    found = score_model("m", *scored(np.diag([3, 4])), "xy", 0)
    assert found.macro_f1_without_few is None
    assert all(e.few for e in found.emotions)


def test_no_labelled_image() -> None:
    found = score_model("m", np.full(4, -1), np.full((4, 2), 0.5), "xy", 0)
    assert found.n == 0
    assert not found.accuracy.defined
    assert found.confusion.sum() == 0
    assert [e.emotion for e in found.emotions] == ["x", "y"]


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        score_model("m", np.zeros(3, dtype=np.int64), np.full((3, 3), 1 / 3), "xy", 0)


def test_seed_decides() -> None:
    case = scored(UNBALANCED)
    assert score_model("m", *case, CLASSES, 3).macro_f1 == score_model("m", *case, CLASSES, 3).macro_f1
    assert score_model("m", *case, CLASSES, 3).macro_f1 != score_model("m", *case, CLASSES, 4).macro_f1


def test_is_quick() -> None:
    case = scored(UNBALANCED)
    assert len(case[0]) == 2051
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        score_model("m", *case, CLASSES, 0)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


@pytest.mark.slow
def test_intervals_cover_as_promised() -> None:
    rates = UNBALANCED / UNBALANCED.sum(axis=1, keepdims=True)
    support, thick = UNBALANCED.sum(axis=1), UNBALANCED.sum(axis=1) >= 10
    truth = 2 * np.diag(UNBALANCED) / (support + UNBALANCED.sum(axis=0))
    rng = np.random.default_rng(11)
    sadness, macro = [], []
    for _ in range(200):
        matrix = np.array([rng.multinomial(n, p) for n, p in zip(support, rates, strict=True)])
        found = score_model("m", *scored(matrix), CLASSES, int(rng.integers(2**31)), draws=500)
        f1, rest = found.emotions[5].f1, found.macro_f1_without_few
        assert rest is not None
        sadness.append(f1.low <= truth[5] <= f1.high)
        macro.append(rest.low <= truth[thick].mean() <= rest.high)
    # 200 draws: a standard error of .015
    assert 0.90 < np.mean(sadness) < 0.99
    assert 0.90 < np.mean(macro) < 0.99
