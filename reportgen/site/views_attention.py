"""Where the models look, measured: region matrix, one emotion's regions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from reportgen.evidence.estimate import two_decimals
from reportgen.evidence.use_case import UseFindings
from reportgen.evidence.verdicts import Verdict
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.site.attention import REGION_NAMES, SHOWN, Attention, alarming
from reportgen.site.context import Context
from reportgen.site.text import count
from reportgen.site.use_words import STATUS_WORDS, signed, use_sentence, with_use

__all__ = [
    "RegionCell",
    "RegionMatrix",
    "RegionRow",
    "else_decided",
    "region_cell",
    "region_matrices",
    "use_cell",
]

# Radius in pixels of a dot that means even attention; its area grows with the enrichment.
_EVEN = 7.0
_MOST = 16.5


@dataclass(frozen=True)
class RegionCell:
    """One region of one emotion. `tone`: strong, some, open, off or bad; `sign` says the same without colour; `use`
    what the transplant test says of it; `href` leads to the images whose map peaks there.
    """

    radius: float
    text: str
    interval: str
    tone: str
    sign: str
    sentence: str
    use: str = ""
    href: str = ""


@dataclass(frozen=True)
class RegionRow:
    """One emotion; without `cells` there are too few images to say."""

    emotion: str
    href: str
    n: str
    cells: tuple[RegionCell, ...]


@dataclass(frozen=True)
class RegionMatrix:
    """One model."""

    series: str
    model: str
    href: str
    regions: tuple[str, ...]
    rows: tuple[RegionRow, ...]
    even: float


def region_matrices(context: Context, attention: Attention) -> tuple[RegionMatrix, ...]:
    """One matrix per model: emotions by regions, heat against use where use was tested, else heat alone."""
    use = context.report.use
    tested = use is not None and use.tested
    shown = TRANSPLANTED if tested else SHOWN
    matrices = []
    for k, model in enumerate(context.models):
        rows = []
        for emotion, name in enumerate(context.classes):
            cells = tuple(
                replace(
                    use_cell(attention, use, model.name, name, region)
                    if use is not None and tested
                    else region_cell(attention, model.name, name, region),
                    href=context.peaks_in(k, name, region),
                )
                for region in shown
                if attention.on(model.name, name, region) is not None
            )
            n = context.close_images_of(emotion)
            rows.append(RegionRow(name, context.emotion_path(emotion), count(n, "image"), () if n < 10 else cells))
        matrices.append(
            RegionMatrix(
                context.series(k),
                model.name,
                context.model_path(k),
                tuple(REGION_NAMES[region] for region in shown),
                tuple(rows),
                _EVEN,
            )
        )
    return tuple(matrices)


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
        round(min(_MOST, _EVEN * math.sqrt(max(0.0, value))), 2),
        two_decimals(value),
        "" if math.isnan(low) else f"[{two_decimals(low)}, {two_decimals(high)}]",
        tone,
        sign,
        verdict.sentence,
    )


def use_cell(attention: Attention, use: UseFindings, model: str, emotion: str, region: str) -> RegionCell:
    """Heat as a dot, use as number and tint."""
    heat = region_cell(attention, model, emotion, region)
    found = use.use(model, emotion, region)
    if found is None or found.answer == "insufficient evidence":
        return replace(heat, text="–", interval="", tone="open", sign="", use="use not tested")
    tone = {"yes": "strong", "small": "some", "no": "off"}.get(found.answer, "open")
    sign = {"yes": "●", "small": "○"}.get(found.answer, "")
    if found.cheating:
        tone, sign = "bad", "▲"
    verdict = attention.on(model, emotion, region)
    said = heat.sentence if verdict is None else with_use(verdict, use)
    return RegionCell(
        heat.radius,
        signed(found.gap),
        f"[{signed(found.low)}, {signed(found.high)}]",
        tone,
        sign,
        f"{said} {use_sentence(found)}",
        STATUS_WORDS[use.status(model, emotion, region)],
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
    attention: Attention, use: UseFindings | None, model: str, emotion: str
) -> tuple[tuple[str, bool], ...]:
    """What was decided beside the regions: the sentence, and whether it calls for a look."""
    said = (v for v in attention.said(model, emotion) if not v.kind.startswith("on "))
    return tuple((with_use(v, use), alarming(v)) for v in said)
