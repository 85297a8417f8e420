"""The guide to heatmaps: what a pattern shows, how to take it, and how often it was measured here."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.attention.patterns import Pattern
from reportgen.evidence.attention.region_tests import LOCALIZED
from reportgen.evidence.stats.intervals import wilson
from reportgen.site.html.components import Link, series_of
from reportgen.site.image_sets import pattern_slug
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.attention import PATTERN_WORDS
from reportgen.site.wording.format import and_list, capital, percent, percent_interval

__all__ = ["GuideExample", "GuideRow", "guide"]

_GUIDE: tuple[tuple[str, str, str, str], ...] = (
    (
        "Heat on eyes and brows",
        "on eyes+brows",
        "The model relies on the upper face.",
        "Expected for anger, fear, sadness and surprise.",
    ),
    (
        "Heat on the mouth",
        "on mouth",
        "The model relies on the lower face.",
        "Expected for happiness and disgust, and for surprise.",
    ),
    (
        "Heat on the face",
        "on face",
        "The evidence sits where the expression is.",
        "Expected; which part of the face matters more.",
    ),
    (
        "Heat on hair, border or background",
        "background",
        "The evidence sits where no expression is.",
        "A possible shortcut: test whether the prediction depends on it.",
    ),
    ("Heat spread evenly", "diffuse", "No part of the image stands out.", "Said to mean an uncertain prediction{}."),
    (
        "Heat in one small spot",
        "too localized",
        "One feature decides the map.",
        "Check whether the spot is the same in all images of the emotion.",
    ),
    (
        "No heat at all",
        "blank",
        "No positive evidence at this layer.",
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
    shows: str
    take: str
    rule: str
    found: tuple[GuideExample, ...]


def guide(report: Report, links: Links) -> tuple[GuideRow, ...]:
    """All patterns, in the order of reading a face from the middle outwards."""
    rows = []
    for name, pattern, shows, take in _GUIDE:
        measured = [
            (k, one)
            for k, model in enumerate(report.models)
            for one in (report.regions.patterns(model.name) if report.regions else ())
            if one.kind == pattern
        ]
        rows.append(
            GuideRow(
                name,
                shows,
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
    model, share, shown = report.models[k], wilson(len(pattern.images), pattern.total), len(pattern.images)
    there = links.explorer(f"pattern:{pattern_slug(pattern.kind)}", f"model:{model.slug}")
    return GuideExample(
        series_of(k),
        model.name,
        percent(share.value),
        percent_interval(share),
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
