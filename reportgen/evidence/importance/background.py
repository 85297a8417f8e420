"""Is the model cheating? Heat on the background, compared with reliance on the background.

Heat alone is no proof: evidence can lie where the prediction does not depend on it. And a prediction may depend
on what its heatmap does not show. So both are reported, and only reliance is called cheating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.importance.regions import RegionImportance

__all__ = ["BackgroundFinding", "BackgroundState", "Status", "judge_backgrounds", "status_of"]

Status = Literal["confirmed", "contradicted", "undetermined", "not tested"]
BackgroundState = Literal["uses it", "uses a little", "looks only", "undetermined", "clear", "not tested"]


@dataclass(frozen=True)
class BackgroundFinding:
    """What one model does with the background for one emotion.

    Attributes
    ----------
    state
        "uses it": cheating by the transplant test, whether or not the heatmap shows it; "uses a little": significant,
        but below what is called cheating; "looks only": heat without importance; "clear": neither; "undetermined": an
        importance above the minimum is neither shown nor ruled out; "not tested": no transplant test.
    looks
        Whether the heatmap falls on the background.
    place
        Where on the background the heat lies, in words; "" where there is no hot cell.
    score
        Log-odds drop, 0 where not positive; the measure of suspicion that can be ranked.
    importance
        What the transplant test found; None where it was not made or had too few faces.
    """

    model: str
    emotion: str
    state: BackgroundState
    looks: bool
    place: str
    score: float
    importance: RegionImportance | None

    @property
    def cheating(self) -> bool:
        """Whether the model is reported as cheating."""
        return self.state == "uses it"


def status_of(importance: RegionImportance | None) -> Status:
    """Whether a region on which the heatmap falls is important to the model."""
    if importance is None or importance.answer == "insufficient evidence":
        return "not tested"
    if importance.answer == "yes":
        return "confirmed"
    return "contradicted" if importance.answer in ("no", "small") else "undetermined"


def judge_backgrounds(
    verdicts: Sequence[Verdict], regions: Sequence[RegionImportance]
) -> tuple[BackgroundFinding, ...]:
    """One finding per model and emotion with a verdict about the background."""
    by_key = {(region.model, region.emotion): region for region in regions if region.region == "background"}
    return tuple(
        _finding(verdict, by_key.get((verdict.model, verdict.emotion)))
        for verdict in verdicts
        if verdict.kind == "background"
    )


def _finding(verdict: Verdict, importance: RegionImportance | None) -> BackgroundFinding:
    looks = verdict.answer == "yes"
    tested = importance is not None and importance.answer != "insufficient evidence"
    score = max(importance.drop, 0.0) if importance is not None and np.isfinite(importance.drop) else 0.0
    place = verdict.place if looks else ""
    state = _state(looks, importance if tested else None)
    return BackgroundFinding(verdict.model, verdict.emotion, state, looks, place, score, importance if tested else None)


def _state(looks: bool, importance: RegionImportance | None) -> BackgroundState:
    if importance is None:
        return "not tested"
    if importance.cheating:
        return "uses it"
    if importance.answer in ("yes", "small"):
        return "uses a little"
    if importance.answer == "no":
        return "looks only" if looks else "clear"
    return "undetermined"
