"""Which predictions can be trusted: per model and emotion, from all that is known.

An emotion is trusted where both its recall and its precision are shown to be above one half, no shortcut was proved for
it, the classes are in their order, and the score is of persons and files that training did not see. It is not trusted
where one of these is shown not to hold. Everything else is open. A shortcut counts whatever the scores say: they were
measured on photos that have it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from reportgen.evidence.importance.trust import Grade
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.scores import EmotionScore, ModelScores

__all__ = ["LEAST_SCORE", "Doubt", "EmotionTrust", "ModelTrust", "Trust", "judge_trust"]

LEAST_SCORE = 0.5
"""Recall and precision from which predictions of an emotion are more often right than wrong, and found than missed."""

Trust = Literal["trusted", "not trusted", "open"]
Doubt = Literal["class order", "shortcut", "low recall", "low precision", "leakage", "few images", "uncertain"]
_AGAINST = frozenset({"class order", "shortcut", "low recall", "low precision"})


@dataclass(frozen=True)
class EmotionTrust:
    """One emotion of one model.

    Attributes
    ----------
    doubts
        What speaks against it, the gravest first; empty where it is trusted. "leakage": some scores are of persons or
        files of the training data; "uncertain": recall or precision may lie on either side of one half.
    """

    emotion: str
    doubts: tuple[Doubt, ...]
    score: EmotionScore

    @property
    def trust(self) -> Trust:
        """What follows."""
        if not self.doubts:
            return "trusted"
        return "not trusted" if _AGAINST & set(self.doubts) else "open"


@dataclass(frozen=True)
class ModelTrust:
    """One model.

    Attributes
    ----------
    emotions
        In the order of the classes, those with a labelled image.
    confidence
        How confidences compare with accuracy, beyond chance: "sound" where no difference was shown.
    grade
        Of its heatmaps; "" where they were not graded.
    leakage
        None where it is not known what the model was trained on.
    """

    model: str
    emotions: tuple[EmotionTrust, ...]
    confidence: Literal["too high", "too low", "sound"]
    grade: Grade
    leakage: Leakage | None

    def of(self, trust: Trust) -> tuple[str, ...]:
        """Emotions with this answer."""
        return tuple(one.emotion for one in self.emotions if one.trust == trust)


def judge_trust(
    scores: ModelScores, relied: Collection[str], *, permuted: bool, leakage: Leakage | None, grade: Grade
) -> ModelTrust:
    """Judge one model.

    Parameters
    ----------
    relied
        Emotions for which a shortcut of any kind was proved.
    permuted
        Whether the classes look permuted.
    leakage
        None where it is not known what the model was trained on.
    """
    leaky = leakage is not None and leakage.matters
    emotions = []
    for score in scores.emotions:
        if score.n:
            doubts: list[Doubt] = ["class order"] if permuted else []
            doubts += ["shortcut"] if score.emotion in relied else []
            doubts += _by_scores(score)
            doubts += ["leakage"] if leaky else []
            emotions.append(EmotionTrust(score.emotion, tuple(doubts), score))
    off = scores.ece > scores.ece_band[1]
    confidence: Literal["too high", "too low", "sound"] = "sound"
    if off:
        confidence = "too high" if scores.overconfidence > 0 else "too low"
    return ModelTrust(scores.name, tuple(emotions), confidence, grade, leakage)


def _by_scores(score: EmotionScore) -> list[Doubt]:
    if score.few:
        return ["few images"]
    found: list[Doubt] = []
    if score.recall.high < LEAST_SCORE:
        found.append("low recall")
    if score.precision.defined and score.precision.high < LEAST_SCORE:
        found.append("low precision")
    sure = score.recall.low > LEAST_SCORE and score.precision.defined and score.precision.low > LEAST_SCORE
    return found or ([] if sure else ["uncertain"])
