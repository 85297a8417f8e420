"""The interpretation tables of guides to heatmaps, measured: how often a model's maps show each pattern.

A model's page has a row per pattern with examples; the method page has the guide: how to read a pattern, and how often
it was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.attention.patterns import Pattern
from reportgen.evidence.attention.region_tests import LOCALIZED
from reportgen.evidence.importance.background import Status, decisive
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.faces.regions import REGIONS
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.site.attention import Attention
from reportgen.site.html.components import Link, Thumb, series_of
from reportgen.site.image_sets import pattern_slug
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.attention import PATTERN_WORDS, REGION_NAMES
from reportgen.site.wording.format import and_list, capital, count, percent, percent_interval, signed
from reportgen.site.wording.importance import STATUS_WORDS, fall_of

__all__ = ["GuideExample", "GuideRow", "PatternRow", "guide", "pattern_rows", "peaks_note"]

_EXAMPLES = 5
# Guides name no emotion for these parts of the face; without them the places of the peak would not add up to all maps.
_UNNAMED = ("cheeks+jaw", "forehead")


@dataclass(frozen=True)
class PatternRow:
    """One row of an interpretation table, measured; `note`: what has to be known beside the emotions."""

    pattern: str
    meaning: str
    rule: str
    share: str
    counts: str
    width: float
    emotions: str
    note: str
    href: str
    examples: tuple[tuple[Thumb, Thumb, str], ...]


def pattern_rows(report: Report, links: Links, tiles: Tiles, attention: Attention, k: int) -> tuple[PatternRow, ...]:
    """Both interpretation tables of one model."""
    model = report.models[k]
    rows = []
    for pattern in attention.patterns(model.name):
        region, words = pattern.kind.removeprefix("on "), PATTERN_WORDS[pattern.kind]
        if region == "background":
            rows += [_unnamed(report, links, tiles, attention, k, part, pattern.total) for part in _UNNAMED]
        found = [int(row) for row in pattern.images]
        href = links.explorer(f"pattern:{pattern_slug(pattern.kind)}", f"model:{model.slug}")
        blank = pattern.kind == "blank"
        rows.append(
            _row(
                report,
                links,
                tiles,
                k,
                words.name,
                words.meaning,
                "no positive evidence at all; “blank” elsewhere counts maps within chance as well"
                if blank
                else words.rule,
                found,
                pattern.total,
                _with_status(report, model.name, region, pattern.emotions),
                _background_importance(report, model.name, len(found)) if region == "background" else "",
                href,
            )
        )
    return tuple(rows)


def peaks_note(attention: Attention, k: int) -> str:
    """That the places add up; not so where a user's masks mark a face beyond its parts, and a map may peak there."""
    if (attention.findings.measures[k].predicted.peak_region == REGIONS.index("face")).any():
        return ""
    return "The six rows from eyes and brows to the background add up to all maps but empty ones."


def _unnamed(
    report: Report, links: Links, tiles: Tiles, attention: Attention, k: int, region: str, total: int
) -> PatternRow:
    """A part of the face of which guides say nothing."""
    model = report.models[k]
    peak = attention.findings.measures[k].predicted.peak_region
    found = np.flatnonzero(peak == REGIONS.index(region)).tolist()
    verdicts = [(name, attention.on(model.name, name, region)) for name in report.classes]
    emotions = tuple(name for name, verdict in verdicts if verdict is not None and verdict.answer == "yes")
    name = REGION_NAMES[region]
    return _row(
        report,
        links,
        tiles,
        k,
        f"heat on the {name}",
        "no claim in guides",
        f"peak cell on the {name}",
        found,
        total,
        _with_status(report, model.name, region, emotions),
        "",
        links.explorer(f"region:{region}", f"model:{model.slug}"),
    )


def _row(
    report: Report,
    links: Links,
    tiles: Tiles,
    k: int,
    pattern: str,
    meaning: str,
    rule: str,
    found: Sequence[int],
    total: int,
    emotions: str,
    note: str,
    href: str,
) -> PatternRow:
    share = len(found) / total if total else math.nan
    return PatternRow(
        capital(pattern),
        meaning,
        rule,
        percent(share),
        f"{len(found):,} of {total:,}",
        0.0 if math.isnan(share) else round(100 * share, 2),
        emotions or "none",
        note,
        href if found else "",
        tuple(_example(report, links, tiles, k, row) for row in _spread(report, tiles, k, found)),
    )


def _example(report: Report, links: Links, tiles: Tiles, k: int, row: int) -> tuple[Thumb, Thumb, str]:
    predicted = int(report.models[k].predicted[row])
    alt = tiles.alt(row, k, predicted)
    return tiles.thumb(row, ""), tiles.map_thumb(row, k, predicted, alt), links.image_path(row)


def _with_status(report: Report, model: str, region: str, emotions: tuple[str, ...]) -> str:
    """The emotions, and where heat on a region is claimed, whether the model uses that region for them."""
    if region not in TRANSPLANTED:
        return and_list(emotions)
    importance = report.importance
    by: dict[str, list[str]] = {}
    for emotion in emotions:
        status: Status = "not tested" if importance is None else importance.status(model, emotion, region)
        by.setdefault(STATUS_WORDS[status], []).append(emotion)
    return "; ".join(f"{and_list(names)} ({words})" for words, names in by.items())


def _background_importance(report: Report, model: str, seen: int) -> str:
    """Peaks on the background, held against what exchanging it does: either may be without the other."""
    found = report.importance
    uses = [] if found is None else [u for u in found.regions if u.model == model and u.region == "background"]
    tested = [decisive(importance) for importance in uses if importance.tested]
    if not tested:
        return "The effect of swapping the background was not tested." if seen else ""
    said = _ruled_out(tested)
    for words, answer in (("important for", "yes"), ("inconclusive for", "undetermined")):
        rest = [
            f"{u.emotion} ({signed(u.drop)} [{signed(u.low)}, {signed(u.high)}], {count(u.receivers, 'face')})"
            for u in tested
            if u.answer == answer
        ]
        if rest:
            said.append(f"{capital(words)} {and_list(rest)}.")
    return " ".join(said)


def _ruled_out(tested: Sequence[RegionImportance]) -> list[str]:
    """For how many emotions the background was shown not to matter; empty where for none."""
    ruled = [one for one in tested if one.answer == "no"]
    if not ruled:
        return []
    most = max(max(one.high, 0.0) for one in ruled)
    which = "all" if len(ruled) == len(tested) else f"{len(ruled)} of"
    heat = "" if len(ruled) < len(tested) else " Where heat lies on it all the same, heat and swaps disagree."
    return [
        f"Swapping the background, as it is or in the face's own light, lowers the odds of {which} "
        f"{count(len(tested), 'emotion')} tested by at most {fall_of(most)} (upper end of the 95 % interval).{heat}"
    ]


def _spread(report: Report, tiles: Tiles, k: int, rows: Sequence[int]) -> list[int]:
    """A few of the rows, those with a page of their own first, one answer after the other rather than all alike."""
    model = report.models[k]
    queues: dict[int, list[int]] = {}
    for row in sorted(rows, key=lambda row: (row not in tiles.drawn.pictures, -float(model.confidence[row]), row)):
        queues.setdefault(int(model.predicted[row]), []).append(row)
    chosen: list[int] = []
    while queues and len(chosen) < _EXAMPLES:
        for answer in sorted(queues):
            chosen.append(queues[answer].pop(0))
        queues = {answer: queue for answer, queue in queues.items() if queue}
    return chosen[:_EXAMPLES]


_GUIDE: tuple[tuple[str, str, str], ...] = (
    ("Heat on eyes and brows", "on eyes+brows", "Expected for anger, fear, sadness and surprise."),
    ("Heat on the mouth", "on mouth", "Expected for happiness and disgust, and for surprise."),
    ("Heat on the face", "on face", "Expected; which part of the face matters more."),
    (
        "Heat on hair, border or background",
        "background",
        "A possible shortcut: test whether the prediction depends on it.",
    ),
    ("Heat spread evenly", "diffuse", "Said to mean an uncertain prediction{}."),
    (
        "Heat in one small spot",
        "too localized",
        "Check whether the spot is the same in all images of the emotion.",
    ),
    (
        "No heat at all",
        "blank",
        "Do not interpret it; the prediction came from evidence against the other classes.",
    ),
)


@dataclass(frozen=True)
class GuideExample:
    """How often one model's maps show a pattern; `images` leads to them, None where there are none."""

    series: str
    model: str
    share: str
    interval: str
    images: Link | None
    n: str


@dataclass(frozen=True)
class GuideRow:
    """One pattern; `rule` says how it was measured, `found` is empty where it was not."""

    name: str
    take: str
    rule: str
    found: tuple[GuideExample, ...]


def guide(report: Report, links: Links) -> tuple[GuideRow, ...]:
    """All patterns, in the order of reading a face from the middle outwards."""
    rows = []
    for name, pattern, take in _GUIDE:
        measured = [
            (k, one)
            for k, model in enumerate(report.models)
            for one in (report.regions.patterns(model.name) if report.regions else ())
            if one.kind == pattern
        ]
        rows.append(
            GuideRow(
                name,
                take.format(_unsure(report)),
                _rule(measured[0][1]) if measured else "",
                tuple(_found(report, links, k, one) for k, one in measured),
            )
        )
    return tuple(rows)


def _rule(pattern: Pattern) -> str:
    """How a pattern is measured, without words that only the tables explain."""
    plain = {
        "diffuse": "spread over at least as much area as the face has",
        "too localized": f"spread over at most {percent(LOCALIZED)} of the picture",
        "blank": "no positive evidence anywhere",
    }
    return capital(plain.get(pattern.kind, PATTERN_WORDS[pattern.kind].rule))


def _found(report: Report, links: Links, k: int, pattern: Pattern) -> GuideExample:
    model, shown = report.models[k], len(pattern.images)
    there = links.explorer(f"pattern:{pattern_slug(pattern.kind)}", f"model:{model.slug}")
    return GuideExample(
        series_of(k),
        model.name,
        percent(pattern.share.value),
        percent_interval(pattern.share),
        Link(f"{shown:,}", there) if shown else None,
        f"of {pattern.total:,}" if shown else f"0 of {pattern.total:,}",
    )


def _unsure(report: Report) -> str:
    """What came out for the takeaway that spread heat means an unsure answer, so that the guide does not repeat it."""
    claims = [claim for claim in (report.regions.claims if report.regions else ()) if claim.kind == "uncertain"]
    if not claims or not report.labelled:
        return ": compare with the confidence"
    models: dict[str, list[str]] = {}
    for claim in claims:
        words = {"holds": "that holds", "does not hold": "that does not hold"}.get(claim.answer, "that is inconclusive")
        models.setdefault(words, []).append(claim.model)
    return "; here " + and_list([f"{words} for {and_list(names)}" for words, names in models.items()])
