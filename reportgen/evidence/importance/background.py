"""Is the model cheating? Heat on the background, compared with reliance on the background.

Heat alone is no proof: evidence can lie where the prediction does not depend on it. And a prediction may depend
on what its heatmap does not show. So both are reported, and only reliance is called cheating.

Backgrounds are swapped twice: brought to the receiver's light and colour, which leaves what they show; and as they are.
What is found only as they are rests on light or colour, and further swaps of one property at a time say which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.importance.regions import RegionImportance

__all__ = [
    "BackgroundCue",
    "BackgroundFinding",
    "BackgroundState",
    "Status",
    "decisive",
    "judge_backgrounds",
    "only_unmatched",
    "status_of",
]

Status = Literal["confirmed", "contradicted", "undetermined", "not tested"]
BackgroundState = Literal[
    "uses it", "uses a little", "looks only", "undetermined", "clear", "cannot be tested", "not tested"
]
BackgroundCue = Literal["content", "brightness", "contrast", "colour", "light and colour"]


@dataclass(frozen=True)
class BackgroundFinding:
    """What one model does with the background for one emotion.

    Attributes
    ----------
    state
        "uses it": cheating by a swap, matched or unmatched, whether or not the heatmap shows it; "uses a little":
        important, but below what is called cheating; "looks only": heat, but no importance: the two disagree; "clear":
        neither; "undetermined": an importance above the minimum is neither shown nor ruled out; "cannot be tested": the
        model hardly ever predicts the emotion; "not tested": no swaps.
    looks
        Whether the heatmap falls on the background.
    place
        Where on the background the heat lies, in words; "" where there is no hot cell.
    score
        Log-odds drop, the larger of both swaps, 0 where not positive; the measure of suspicion that can be ranked.
    importance
        What the swap with matched light and colour found; None where it was not made or had too few faces.
    cues
        Of "uses it": by what of the background. "content" where the matched swap shows it; else those of its tones that
        show it by themselves, the largest drop first; "light and colour" where they do only together.
    typical
        Per cue, how the emotion's photos differ from the others' in the property, as the area under the ROC curve
        (above 1/2: more of it); NaN for what is no single property.
    """

    model: str
    emotion: str
    state: BackgroundState
    looks: bool
    place: str
    score: float
    importance: RegionImportance | None
    cues: tuple[BackgroundCue, ...] = ()
    typical: tuple[float, ...] = ()

    @property
    def cheating(self) -> bool:
        """Whether the model is reported as cheating."""
        return self.state == "uses it"

    @property
    def decisive(self) -> RegionImportance | None:
        """The swap that decided."""
        return None if self.importance is None else decisive(self.importance)


def status_of(importance: RegionImportance | None) -> Status:
    """Whether a region on which the heatmap falls is important to the model."""
    if importance is None or not importance.tested:
        return "not tested"
    answer = decisive(importance).answer
    return "confirmed" if answer == "yes" else "contradicted" if answer == "no" else "undetermined"


def only_unmatched(found: RegionImportance) -> bool:
    """Whether reliance on a background shows only with the donors' own light and colour."""
    return not found.cheating and found.unmatched is not None and found.unmatched.cheating


def decisive(found: RegionImportance) -> RegionImportance:
    """The swap to go by: of a background that which says more against the model, of a part of the face the matched one.

    So a background is "not important" only where both swaps show that.
    """
    if found.region != "background" or found.unmatched is None or found.cheating:
        return found
    if only_unmatched(found):
        return found.unmatched
    if not found.tested:
        return found
    rank = {"yes": 2, "undetermined": 1}
    return max((found, found.unmatched), key=lambda swap: (rank.get(swap.answer, 0), swap.drop))


def judge_backgrounds(
    verdicts: Sequence[Verdict], regions: Sequence[RegionImportance], tones: Mapping[str, Mapping[str, float]]
) -> tuple[BackgroundFinding, ...]:
    """One finding per model and emotion with a verdict about the background.

    Parameters
    ----------
    tones
        By emotion and name of a tone, how the emotion's photos differ in it: see `BackgroundFinding.typical`.
    """
    by_key = {(region.model, region.emotion): region for region in regions if region.region == "background"}
    return tuple(
        _finding(verdict, by_key.get((verdict.model, verdict.emotion)), tones.get(verdict.emotion, {}))
        for verdict in verdicts
        if verdict.kind == "background"
    )


def _finding(verdict: Verdict, importance: RegionImportance | None, tones: Mapping[str, float]) -> BackgroundFinding:
    looks = verdict.answer == "yes"
    state = _state(looks, importance)
    made = importance is not None and importance.answer != "insufficient evidence"
    cues = _cues(importance) if importance is not None and state == "uses it" else ()
    swaps = () if importance is None else (importance, importance.unmatched)
    drops = [swap.drop for swap in swaps if swap is not None and np.isfinite(swap.drop)]
    return BackgroundFinding(
        verdict.model, verdict.emotion, state, looks, verdict.place if looks else "", max([0.0, *drops]),
        importance if made else None, cues, tuple(tones.get(cue, math.nan) for cue in cues),
    )  # fmt: skip


def _state(looks: bool, importance: RegionImportance | None) -> BackgroundState:
    if importance is None or importance.answer == "insufficient evidence":
        return "not tested"
    swap = decisive(importance)
    if swap.cheating:
        return "uses it"
    if importance.answer == "cannot be tested":
        return "cannot be tested"
    if swap.answer == "yes":
        return "uses a little"
    if swap.answer == "no":
        return "looks only" if looks else "clear"
    return "undetermined"


def _cues(importance: RegionImportance) -> tuple[BackgroundCue, ...]:
    if importance.cheating:
        return ("content",)
    names: tuple[BackgroundCue, ...] = ("brightness", "contrast", "colour")
    drops = {tone: one.drop for tone, one in importance.tones if one.cheating}
    return tuple(sorted((n for n in names if n in drops), key=lambda n: -drops[n])) or ("light and colour",)
