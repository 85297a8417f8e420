"""What is trusted, on constructed scores."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.scores import EmotionScore, ModelScores
from reportgen.evidence.reliability import Doubt, ModelTrust, judge_trust
from reportgen.evidence.stats.intervals import Estimate, wilson

GOOD, POOR, LOOSE = Estimate(0.8, 0.7, 0.9, 40), Estimate(0.3, 0.2, 0.4, 40), Estimate(0.55, 0.4, 0.7, 40)
NEVER = Estimate(math.nan, 0.0, 1.0, 0)


def score(emotion: str, recall: Estimate = GOOD, precision: Estimate = GOOD, n: int = 40) -> EmotionScore:
    return EmotionScore(emotion, n, 30, 40, recall, precision, recall, n < 10)


def judged(
    *emotions: EmotionScore,
    relied: tuple[str, ...] = (),
    permuted: bool = False,
    leakage: Leakage | None = None,
    ece: float = 0.02,
) -> ModelTrust:
    whole = Estimate(0.7, 0.6, 0.8, 100)
    scores = ModelScores(
        "A", 100, whole, whole, whole, None, 0.3, 0.8, ece, (0.0, 0.05), -0.1, (), np.eye(2, dtype=int), emotions
    )
    return judge_trust(scores, relied, permuted=permuted, leakage=leakage, grade="C")


@pytest.mark.parametrize(
    ("emotion", "doubts", "trust"),
    [
        (score("joy"), (), "trusted"),
        (score("joy", recall=POOR), ("low recall",), "not trusted"),
        (score("joy", precision=POOR), ("low precision",), "not trusted"),
        (score("joy", recall=POOR, precision=NEVER), ("low recall",), "not trusted"),
        (score("joy", recall=LOOSE), ("uncertain",), "open"),
        (score("joy", precision=NEVER), ("uncertain",), "open"),
        (score("joy", n=3), ("few images",), "open"),
    ],
)
def test_scores_decide_where_nothing_was_proved(emotion: EmotionScore, doubts: tuple[Doubt, ...], trust: str) -> None:
    (one,) = judged(emotion).emotions
    assert (one.doubts, one.trust) == (doubts, trust)


@pytest.mark.parametrize("emotion", [score("joy"), score("joy", recall=LOOSE), score("joy", n=3)])
def test_an_emotion_with_a_proven_shortcut_is_never_trusted(emotion: EmotionScore) -> None:
    found = judged(emotion, score("fear"), relied=("joy",))
    assert found.of("not trusted") == ("joy",)
    assert found.of("trusted") == ("fear",)


def test_nothing_is_trusted_under_other_names_or_of_persons_seen_in_training() -> None:
    assert judged(score("joy"), score("fear"), permuted=True).of("not trusted") == ("joy", "fear")
    inflated = Leakage("A", wilson(90, 100), wilson(60, 100), Estimate(0.1, 0.05, 0.15, 100))
    assert judged(score("joy"), leakage=inflated).of("open") == ("joy",)
    assert judged(score("joy"), leakage=replace(inflated, inflation=Estimate(0.0, -0.1, 0.1, 100))).of("trusted")
    everyone = replace(inflated, on_new=NEVER, inflation=NEVER)
    assert judged(score("joy"), leakage=everyone).emotions[0].doubts == ("leakage",)


def test_confidences_are_off_only_beyond_chance_and_emotions_without_images_are_left_out() -> None:
    assert judged(score("joy")).confidence == "sound"
    assert judged(score("joy"), ece=0.06).confidence == "too low"
    assert judged(score("joy"), score("fear", n=0)).of("trusted") == ("joy",)
