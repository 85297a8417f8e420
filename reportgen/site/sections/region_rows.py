"""Where the models look, measured: one emotion's regions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.importance.findings import ImportanceFindings
from reportgen.site.attention import Attention, alarming
from reportgen.site.wording.attention import REGION_NAMES, verdict_sentence
from reportgen.site.wording.format import fixed
from reportgen.site.wording.importance import with_importance

__all__ = [
    "EVEN",
    "RegionCell",
    "else_decided",
    "region_cell",
]

EVEN = 7.0
"""Radius in pixels of a dot that means average heat; its area grows with the enrichment."""

_MOST = 16.5


@dataclass(frozen=True)
class RegionCell:
    """The heat of one region of one emotion. `tone`: strong, some, open, off or bad; `sign` says the same without
    colour; `n`: images; `href` leads to those whose map peaks there.
    """

    radius: float
    text: str
    interval: str
    tone: str
    sign: str
    sentence: str
    n: int = 0
    href: str = ""


def region_cell(attention: Attention, model: str, emotion: str, region: str) -> RegionCell:
    """One region of one emotion: number, interval and verdict."""
    verdict = attention.on(model, emotion, region)
    if verdict is None or math.isnan(verdict.value):
        return RegionCell(0.0, "–", "", "open", "", "not measured")
    value, low, high = _enrichment(attention, verdict, model, emotion, region)
    specific = attention.specific(model, emotion, region)
    tone, sign = "open", ""
    if verdict.answer == "yes":
        tone, sign = ("bad", "▲") if region == "background" else ("strong", "●") if specific else ("some", "○")
    elif verdict.answer == "no":
        tone = "off"
    return RegionCell(
        round(min(_MOST, EVEN * math.sqrt(max(0.0, value))), 2),
        fixed(value),
        "" if math.isnan(low) else f"[{fixed(low)}, {fixed(high)}]",
        tone,
        sign,
        verdict_sentence(verdict),
        verdict.n,
    )


def _enrichment(
    attention: Attention, verdict: Verdict, model: str, emotion: str, region: str
) -> tuple[float, float, float]:
    """Enrichment with its interval; a hot cell's verdict speaks of a strength instead, the profile still has it."""
    if verdict.quantity == "enrichment":
        return verdict.value, verdict.low, verdict.high
    profile = attention.profile(model, emotion)
    if profile is None:
        return verdict.value, math.nan, math.nan
    estimate = profile.regions[list(REGION_NAMES).index(region)]
    return estimate.value, estimate.low, estimate.high


def else_decided(
    attention: Attention, importance: ImportanceFindings | None, model: str, emotion: str
) -> tuple[tuple[str, bool], ...]:
    """What was decided beside the regions: the sentence, and whether it calls for a look."""
    beside = (v for v in attention.decided(model, emotion) if not v.kind.startswith("on "))
    return tuple((with_importance(v, importance), alarming(v)) for v in beside)
