from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.evidence.performance import permuted_classes
from reportgen.evidence.performance.permuted_classes import likely_order
from reportgen.types import FloatArray, IntArray
from tests.evidence.performance.confusion_matrices import CLASSES, UNBALANCED, from_confusion

SUPPORT = np.array([38, 31, 3, 854, 1030, 40, 55])
# Labels by predictions of a better model than `UNBALANCED`; both were trained in the right order.
FAIR = np.array(
    [
        [10, 2, 0, 11, 8, 0, 7],
        [0, 20, 0, 7, 3, 1, 0],
        [0, 2, 0, 1, 0, 0, 0],
        [3, 36, 0, 695, 107, 10, 3],
        [13, 12, 1, 66, 919, 7, 12],
        [1, 10, 0, 2, 12, 13, 2],
        [3, 0, 0, 2, 32, 2, 16],
    ]
)


def draw(rates: FloatArray, support: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Labels and predictions of a model whose answers to each label have these rates."""
    matrix = np.array([rng.multinomial(n, p) for n, p in zip(support, rates, strict=True)])
    return from_confusion(matrix)


def test_all_is_complete() -> None:
    assert all(hasattr(permuted_classes, name) for name in permuted_classes.__all__)


def test_two_classes_swapped_by_hand() -> None:
    labels, predicted = from_confusion(np.array([[2, 38, 0], [36, 4, 0], [0, 0, 20]]))
    found = likely_order(labels, predicted, ("cat", "dog", "owl"))
    assert found is not None
    assert found.order == ("dog", "cat", "owl")
    assert found.accuracy_now == pytest.approx(26 / 100)
    assert found.accuracy_then == pytest.approx(94 / 100)
    assert (found.n, found.silent) == (100, ())


@pytest.mark.parametrize("matrix", [UNBALANCED, FAIR], ids=["weak", "fair"])
def test_models_in_the_right_order_are_left_alone(matrix: IntArray) -> None:
    assert likely_order(*from_confusion(matrix), CLASSES) is None


def test_permutations_of_a_fair_model_are_found() -> None:
    labels, answers = from_confusion(FAIR)
    rng, found_any = np.random.default_rng(0), 0
    for _ in range(200):
        means = rng.permutation(7)  # output k of the checkpoint means class means[k]
        found = likely_order(labels, np.argsort(means)[answers], CLASSES)
        if found is not None:
            found_any += 1
            assert found.order == tuple(CLASSES[i] for i in means)
            assert found.accuracy_then == pytest.approx(np.trace(FAIR) / 2051)
            assert found.accuracy_now < found.accuracy_then
    assert found_any >= 190


def test_outputs_never_predicted_are_named_as_open() -> None:
    labels, answers = from_confusion(UNBALANCED)
    means = np.array([4, 3, 0, 1, 2, 6, 5])
    found = likely_order(labels, np.argsort(means)[answers], CLASSES)
    assert found is not None
    answered = [k for k in range(7) if means[k] not in (0, 2)]
    assert [found.order[k] for k in answered] == [CLASSES[means[k]] for k in answered]
    assert set(found.silent) == {"anger", "fear"} == set(found.order) - {found.order[k] for k in answered}


def test_common_order_mistake() -> None:
    # FER2013's order against the alphabet's: the usual way to get this wrong
    fer = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    labels, answers = from_confusion(FAIR)
    found = likely_order(labels, np.array([fer.index(c) for c in CLASSES])[answers], CLASSES)
    assert found is not None
    assert found.order == fer


@pytest.mark.parametrize("answer", range(7))
def test_a_model_that_predicts_one_class_is_not_permuted(answer: int) -> None:
    labels = np.repeat(np.arange(7), SUPPORT)
    assert likely_order(labels, np.full(len(labels), answer), CLASSES) is None


def test_one_class_going_by_anothers_name_is_a_confusion(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, predicted = from_confusion(np.array([[1, 99, 0], [3, 5, 12], [0, 0, 300]]))
    assert likely_order(labels, predicted, "abc") is None
    # nothing else holds this one back
    monkeypatch.setattr(permuted_classes, "_RISE", 0.0)
    assert likely_order(labels, predicted, "abc") is not None


def test_classes_with_few_images_alone_do_not_warn() -> None:
    labels, predicted = from_confusion(np.array([[0, 9, 0], [9, 0, 0], [0, 0, 500]]))
    assert likely_order(labels, predicted, "abc") is None


def test_nothing_labelled() -> None:
    assert likely_order(np.full(5, -1), np.zeros(5, dtype=np.int64), "ab") is None
    assert likely_order(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), "ab") is None


def test_unlabelled_images_do_not_count() -> None:
    labels, predicted = from_confusion(np.array([[2, 38], [36, 4]]))
    with_others = likely_order(np.append(labels, [-1] * 9), np.append(predicted, [0] * 9), "ab")
    assert with_others == likely_order(labels, predicted, "ab")
    assert with_others is not None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_assignment_is_the_best_of_all_orders(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 12, (4, 4))
    n, rows, columns = matrix.sum(), matrix.sum(axis=1), matrix.sum(axis=0)
    beyond = {
        means: sum(n * matrix[m, k] - rows[m] * columns[k] for k, m in enumerate(means))
        for means in permutations(range(4))
    }
    found = tuple(permuted_classes.best_assignment(matrix))
    assert beyond[found] == max(beyond.values())
    staying = {means: sum(m == k for k, m in enumerate(means)) for means in beyond}
    assert staying[found] == max(staying[m] for m in beyond if beyond[m] == beyond[found])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_order_of_images_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, predicted = from_confusion(FAIR[rng.permutation(7)])
    order = rng.permutation(len(labels))
    assert likely_order(labels, predicted, CLASSES) == likely_order(labels[order], predicted[order], CLASSES)


def false_alarms(
    rates_of: Callable[[np.random.Generator], FloatArray],
    support: IntArray,
    trials: int,
    seed: int,
) -> int:
    rng = np.random.default_rng(seed)
    return sum(likely_order(*draw(rates_of(rng), support, rng), CLASSES) is not None for _ in range(trials))


@pytest.mark.slow
@pytest.mark.parametrize("support", [SUPPORT, np.full(7, 12), np.full(7, 300)], ids=["real", "small", "even"])
def test_weak_models_raise_no_false_alarm(support: IntArray) -> None:
    def guessing(rng: np.random.Generator) -> FloatArray:
        return np.tile(rng.dirichlet(np.full(7, 0.7)), (7, 1))

    def barely_trained(rng: np.random.Generator) -> FloatArray:
        # right a little more often than its habit of answering, each label with habits of its own
        habit = rng.dirichlet(np.full(7, 0.7))
        skill = rng.uniform(0, 0.3, (7, 1))
        own = np.array([rng.dirichlet(20 * habit + 0.05) for _ in range(7)])
        return skill * np.eye(7) + (1 - skill) * own

    assert false_alarms(guessing, support, 400, 1) == 0
    # Some of these labels get habits so much their own that the model is truly confused: at most 1 %.
    assert false_alarms(barely_trained, support, 400, 2) <= 4


@pytest.mark.parametrize("matrix", [UNBALANCED, FAIR], ids=["weak", "fair"])
def test_other_test_sets_of_the_same_models_raise_no_false_alarm(matrix: IntArray) -> None:
    rates = matrix / matrix.sum(axis=1, keepdims=True)
    assert false_alarms(lambda rng: rates, SUPPORT, 150, 3) == 0
    assert false_alarms(lambda rng: rates, np.maximum(SUPPORT // 10, 1), 150, 4) == 0
