from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from reportgen.evidence.attention.facial_actions import actions_of_confidence, actions_of_labels

CLASSES = ("anger", "happiness", "fear")
NAMES = ("browDownLeft", "mouthSmileLeft", "jawOpen", "never")


def example(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2, -1], [40, 60, 3, 20])
    actions = rng.random((len(labels), 4))
    actions[labels == 1, 1] += 1.0
    actions[labels == 0, 0] += 0.6
    actions[:, 3] = 0.0
    actions[5] = np.nan
    return actions, labels


def test_planted_actions_are_found_and_nothing_else() -> None:
    actions, labels = example()
    links = actions_of_labels(actions, NAMES, labels, CLASSES)
    clear = {(link.emotion, link.action): link.effect.value for link in links if link.clear}
    assert clear["anger", "browDownLeft"] > 1 and clear["happiness", "mouthSmileLeft"] > 2
    assert {action for _, action in clear} == {"browDownLeft", "mouthSmileLeft"}
    # Seen from the other emotion the same difference has the other sign; three fear images say nothing.
    assert clear["anger", "mouthSmileLeft"] < 0 and not any(emotion == "fear" for emotion, _ in clear)


def test_effect_and_p_against_plain_formulas() -> None:
    actions, labels = example()
    link = actions_of_labels(actions, NAMES, labels, CLASSES)[1]
    assert (link.emotion, link.action, link.effect.n) == ("anger", "mouthSmileLeft", 39)
    known = np.isfinite(actions).all(axis=1)
    a, b = actions[known & (labels == 0), 1], actions[known & (labels > 0), 1]
    pooled = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2))
    assert link.effect.value == pytest.approx((a.mean() - b.mean()) / pooled)
    assert link.p >= mannwhitneyu(a, b).pvalue
    assert link.effect.low < link.effect.value < link.effect.high


def test_no_false_alarms_over_many_actions() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], 40)
    wrong = sum(
        any(
            link.clear
            for link in actions_of_labels(rng.random((120, 10)), [str(k) for k in range(10)], labels, CLASSES)
        )
        for _ in range(40)
    )
    assert wrong <= 6


def test_confidence_within_an_emotion() -> None:
    rng = np.random.default_rng(2)
    actions, labels = example()
    probabilities = rng.dirichlet(np.ones(3), len(labels))
    probabilities[labels == 1, 1] = 0.3 + 0.2 * actions[labels == 1, 1]
    links = actions_of_confidence("Net", probabilities, actions, NAMES, labels, CLASSES)
    clear = [(link.model, link.emotion, link.action) for link in links if link.clear]
    assert clear == [("Net", "happiness", "mouthSmileLeft")]
    assert next(link for link in links if link.clear).effect.value == pytest.approx(1.0)


def test_persons_repeated_do_not_add_evidence() -> None:
    actions, labels = example()
    people = np.asarray([f"p{i}" for i in range(len(labels))], dtype=object)
    once = actions_of_labels(actions, NAMES, labels, CLASSES, people)
    twice = actions_of_labels(np.tile(actions, (2, 1)), NAMES, np.tile(labels, 2), CLASSES, np.tile(people, 2))
    assert [link.p for link in once] == pytest.approx([link.p for link in twice])


def test_draws_without_any_spread_leave_an_open_end_and_no_warning() -> None:
    # Two images on each side: a draw often takes the same one twice on both, and any difference is then infinite.
    actions = np.asarray([[0.1], [0.2], [0.7], [0.9]])
    link = actions_of_labels(actions, ["a"], np.asarray([0, 0, 1, 1]), ("x", "y"))[0]
    assert link.effect.value == pytest.approx((0.15 - 0.8) / np.sqrt((0.005 + 0.02) / 2), abs=1e-9)
    assert link.effect.low == -np.inf
    assert link.effect.value <= link.effect.high <= np.inf
