"""Where the models look, measured: region matrix, one emotion's regions, interpretation tables, tested takeaways."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.human import ACTION_UNITS, HUMAN
from reportgen.evidence.verdicts import Verdict
from reportgen.site.attention import REGION_NAMES, SHOWN, Attention, alarming
from reportgen.site.context import Context
from reportgen.site.text import and_list, capital, percent
from reportgen.site.views import Thumb

__all__ = [
    "ClaimRow",
    "PatternRow",
    "RegionCell",
    "RegionMatrix",
    "RegionRow",
    "RegionTable",
    "claim_rows",
    "pattern_rows",
    "region_matrices",
    "region_table",
]

# Radius in pixels of a dot that means even attention; its area grows with the enrichment.
_EVEN = 7.0
_MOST = 16.5
_EXAMPLES = 5


@dataclass(frozen=True)
class RegionCell:
    """One region of one emotion. `tone`: strong, some, open, off or bad; `sign` says the same without colour."""

    radius: float
    text: str
    interval: str
    tone: str
    sign: str
    sentence: str


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


@dataclass(frozen=True)
class RegionTable:
    """One emotion's regions for one model, beside people's."""

    rows: tuple[tuple[str, RegionCell, str, str], ...]
    human: str
    actions: str
    sentences: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class PatternRow:
    """One row of an interpretation table, measured."""

    table: str
    pattern: str
    meaning: str
    rule: str
    share: str
    counts: str
    width: float
    emotions: str
    examples: tuple[tuple[Thumb, Thumb, str], ...]


@dataclass(frozen=True)
class ClaimRow:
    """One takeaway and its tests: for each model (or pair) its name, the answer, and the numbers."""

    claim: str
    how: str
    tests: tuple[tuple[str, str, str], ...]


def region_matrices(context: Context, attention: Attention) -> tuple[RegionMatrix, ...]:
    """One matrix per model: emotions by regions."""
    matrices = []
    for k, model in enumerate(context.models):
        rows = []
        for emotion, name in enumerate(context.classes):
            cells = tuple(
                _cell(attention, model.name, name, region)
                for region in SHOWN
                if attention.on(model.name, name, region) is not None
            )
            thin = context.images_of(emotion) < 10
            rows.append(RegionRow(name, context.emotion_path(emotion), context.n_text(emotion), () if thin else cells))
        matrices.append(
            RegionMatrix(
                context.series(k),
                model.name,
                context.model_path(k),
                tuple(REGION_NAMES[region] for region in SHOWN),
                tuple(rows),
                _EVEN,
            )
        )
    return tuple(matrices)


def _cell(attention: Attention, model: str, emotion: str, region: str) -> RegionCell:
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
        f"{value:.2f}",
        "" if math.isnan(low) else f"[{low:.2f}, {high:.2f}]",
        tone,
        sign,
        verdict.sentence,
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


def region_table(context: Context, attention: Attention, k: int, emotion: int) -> RegionTable | None:
    """One emotion's regions; None where nothing was measured."""
    model, name = context.models[k].name, context.classes[emotion]
    profile = attention.profile(model, name)
    if profile is None or all(math.isnan(estimate.value) for estimate in profile.regions):
        return None
    human = HUMAN.get(name)
    people = {"eyes+brows": human.eyes, "mouth": human.mouth} if human else {}
    rows = []
    for region in REGION_NAMES:
        cell = _cell(attention, model, name, region)
        words = {"strong": "yes, more than for other emotions", "some": "yes", "off": "no", "bad": "yes"}.get(
            cell.tone, "undetermined"
        )
        verdict = attention.on(model, name, region)
        if verdict is not None and verdict.place:
            words = f"in one place, {verdict.place}"
        rows.append((REGION_NAMES[region], cell, f"{people[region]:.2f}" if region in people else "", words))
    actions = [f"{ACTION_UNITS[unit]} (AU {unit})" for unit in profile.action_units if unit in ACTION_UNITS]
    sentences = tuple((v.sentence, alarming(v)) for v in attention.said(model, name) if not v.kind.startswith("on "))
    return RegionTable(tuple(rows), capital(profile.sentence), and_list(actions), sentences)


def pattern_rows(context: Context, attention: Attention, k: int) -> tuple[PatternRow, ...]:
    """Both interpretation tables of one model."""
    model = context.models[k]
    rows = []
    for pattern in attention.patterns(model.name):
        found = [int(row) for row in pattern.images]
        share = len(found) / pattern.total if pattern.total else math.nan
        examples = tuple(
            (
                context.thumb(row, ""),
                context.map_thumb(
                    row,
                    k,
                    int(model.predicted[row]),
                    context.alt(row, k, int(model.predicted[row]), f"{context.method} map"),
                ),
                context.image_path(row),
            )
            for row in _spread(context, k, found)
        )
        rows.append(
            PatternRow(
                pattern.table,
                capital(pattern.pattern),
                pattern.meaning,
                pattern.rule,
                percent(share),
                f"{len(found):,} of {pattern.total:,}",
                0.0 if math.isnan(share) else round(100 * share, 2),
                and_list(list(pattern.emotions)) or "none",
                examples,
            )
        )
    return tuple(rows)


def _spread(context: Context, k: int, rows: list[int]) -> list[int]:
    """A few of the rows, those with a page of their own first, one answer after the other rather than all alike."""
    model = context.models[k]
    queues: dict[int, list[int]] = {}
    for row in sorted(rows, key=lambda row: (row not in context.drawn.pictures, -float(model.confidence[row]), row)):
        queues.setdefault(int(model.predicted[row]), []).append(row)
    chosen: list[int] = []
    while queues and len(chosen) < _EXAMPLES:
        for answer in sorted(queues):
            chosen.append(queues[answer].pop(0))
        queues = {answer: queue for answer, queue in queues.items() if queue}
    return chosen[:_EXAMPLES]


def claim_rows(attention: Attention) -> tuple[ClaimRow, ...]:
    """The tested takeaways."""
    tests: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for claim in attention.claims:
        result = claim.result
        shown = (
            "not measurable"
            if math.isnan(result.value)
            else f"{result.value:.2f} [{result.low:.2f}, {result.high:.2f}]"
        )
        numbers = f"{claim.quantity} {shown}, n = {result.n:,}"
        tests.setdefault((claim.claim, claim.how), []).append((claim.model, claim.answer, numbers))
    return tuple(ClaimRow(claim, capital(how), tuple(found)) for (claim, how), found in tests.items())
