"""Which candidate fits a sample: hand-worked counts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from reportgen.evidence.performance.input_choice import (
    InputChoice,
    Tried,
    TriedInput,
    chance_agreement,
    judge_candidates,
    permuted_fit,
)


def correct(*counts: tuple[int, ...], n: int = 40) -> np.ndarray:
    """(inputs, orders, n), each pair correct on its first few images."""
    return np.array([[np.arange(n) < count for count in row] for row in counts])


def flat(of: np.ndarray) -> np.ndarray:
    return np.full(of.shape[:2], 1 / 7)


def judged(*counts: tuple[int, ...]) -> tuple[str, int, float]:
    shown = correct(*counts)
    found = judge_candidates(shown, flat(shown))
    return found.outcome, found.used, found.input_p


def test_another_input_is_chosen_only_where_it_is_clearly_better() -> None:
    # 12 images that only the second input classifies correctly: p = 2 / 2 ** 12, twice for two rivals of the default.
    outcome, used, p = judged((18,), (30,), (20,))
    assert (outcome, used) == ("chosen", 1)
    assert p == pytest.approx(2 * 2 / 2**12)
    # 8 of them are too few: p = 2 * 2 / 2 ** 8 = .016
    outcome, used, p = judged((22,), (30,), (20,))
    assert (outcome, used) == ("undecided", 0)
    assert p == pytest.approx(2 * 2 / 2**8)


def test_a_default_that_is_not_beaten_is_no_choice_of_the_sample() -> None:
    assert judged((30,), (30,), (12,))[:2] == ("default", 0)
    assert judged((30,))[:2] == ("given", 0)


def test_nothing_is_chosen_where_none_is_better_than_chance() -> None:
    assert judged((6,), (8,))[:2] == ("undecided", 0)
    found = judge_candidates(correct((6, 3), (8, 2)), np.full((2, 2), 1 / 7))
    assert not found.skilled and not found.order_clear


def test_an_order_has_to_beat_every_pair_of_another_order_and_an_input() -> None:
    shown = correct((30, 6), (31, 10))
    found = judge_candidates(shown, flat(shown))
    assert found.order == 0 and found.order_clear
    # Of 21 images only the best pair has right, times two pairs with the other order.
    assert found.order_p == pytest.approx(2 * 2 / 2**21)
    # Confounded: the other order fits as well, with another input.
    shown = correct((30, 6), (6, 30))
    assert not judge_candidates(shown, flat(shown)).order_clear


def test_chance_is_that_of_the_frequencies() -> None:
    assert chance_agreement(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])) == pytest.approx(0.75 * 0.5 + 0.25 * 0.5)


def test_an_order_with_two_classes_swapped_is_seen() -> None:
    labels = np.repeat(np.arange(7), 12)
    right = labels.copy()
    right[::4] = (right[::4] + 1) % 7  # a quarter of the predictions are wrong
    assert not permuted_fit(labels, right, 7)
    swapped = right.copy()
    swapped[right == 2], swapped[right == 5] = 5, 2
    assert permuted_fit(labels, swapped, 7)


def test_a_choice_outlives_json() -> None:
    choice = InputChoice(
        40, "outputs", (Tried("FER2013", ("a", "b"), 30),), True, 0.001,
        (TriedInput({"width": 48, "mean": [0.5]}, 12), TriedInput({"width": 112, "mean": [0.0]}, 30)), 1, "chosen",
        0.002, 0.5, True,
    )  # fmt: skip
    assert InputChoice.from_json(json.loads(json.dumps(choice.as_json()))) == choice
    assert choice.decided and choice.best_input == 1
    open_choice = InputChoice.from_json(json.loads(json.dumps(InputChoice(0, outcome="too few").as_json())))
    assert math.isnan(open_choice.order_p) and not open_choice.decided
