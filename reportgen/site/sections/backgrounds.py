"""Backgrounds swapped, matched and unmatched: one row per model and emotion, and by what of the background."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.faces.transplant import BACKGROUND_TONES
from reportgen.site.html.components import BeforeAfter, series_of
from reportgen.site.interactive.before_after import background_pairs
from reportgen.site.links import Links
from reportgen.site.pictures.background_swaps import BackgroundPictures
from reportgen.site.report import Report
from reportgen.site.wording.format import points, signed
from reportgen.site.wording.importance import (
    IMPORTANCE_WORDS,
    background_cue,
    background_sentence,
    corrected,
    importance_interval,
)

__all__ = ["BackgroundRow", "BackgroundSwaps", "SwapCell", "background_swaps"]

_STATES = {
    "uses it": "counts as cheating",
    "uses a little": "important, less than counts as cheating",
    "looks only": "not found; heat and swaps disagree",
    "clear": "not found by these swaps",
    "undetermined": "inconclusive",
    "cannot be tested": "cannot be tested",
    "not tested": "not tested",
}


@dataclass(frozen=True)
class SwapCell:
    """One swap: log-odds drop with its interval, recall drop, p and answer; all empty where it was not made."""

    drop: str = ""
    interval: str = ""
    note: str = ""


@dataclass(frozen=True)
class BackgroundRow:
    """One model and emotion. `strong`: counts as cheating; `tones`: empty where they were not exchanged."""

    series: str
    model: str
    emotion: str
    href: str
    strong: bool
    conclusion: str
    matched: SwapCell
    unmatched: SwapCell
    tones: tuple[SwapCell, ...]


@dataclass(frozen=True)
class BackgroundSwaps:
    """The section; `counts`: how many tests came to which conclusion; `tones` names the columns of what was exchanged
    by itself, empty where nothing was; `proved`: each finding in words, and photos with another background.
    """

    rows: tuple[BackgroundRow, ...]
    counts: str
    tones: tuple[str, ...]
    proved: tuple[tuple[str, tuple[BeforeAfter, ...]], ...]


def background_swaps(report: Report, links: Links, pictures: BackgroundPictures) -> BackgroundSwaps | None:
    """All backgrounds that were swapped; None where none was."""
    found = report.importance
    made = [] if found is None else [b for b in found.backgrounds if b.importance is not None]
    if not made:
        return None
    tones = BACKGROUND_TONES if any(b.importance is not None and b.importance.tones for b in made) else ()
    names = [model.name for model in report.models]
    states = [b.state for b in made]
    return BackgroundSwaps(
        tuple(_row(report, links, b, b.importance, names, tones) for b in made if b.importance is not None),
        ", ".join(f"{states.count(state)} {words}" for state, words in _STATES.items() if state in states),
        tones,
        tuple((background_sentence(b), background_pairs(report, links, b, pictures)) for b in made if b.cheating),
    )


def _row(
    report: Report, links: Links, found: BackgroundFinding, importance: RegionImportance, names: Sequence[str],
    tones: Sequence[str],
) -> BackgroundRow:  # fmt: skip
    made = dict(importance.tones)
    return BackgroundRow(
        series=series_of(names.index(found.model)),
        model=found.model,
        emotion=found.emotion,
        href=links.emotion_path(report.classes.index(found.emotion)),
        strong=found.cheating,
        conclusion=f"{background_cue(found)}: {_STATES[found.state]}" if found.cheating else _STATES[found.state],
        matched=_cell(importance),
        unmatched=_cell(importance.unmatched),
        tones=tuple(_cell(made.get(tone)) for tone in tones),
    )


def _cell(swap: RegionImportance | None) -> SwapCell:
    if swap is None or not math.isfinite(swap.drop):
        return SwapCell()
    words, p = IMPORTANCE_WORDS[swap.answer][1], corrected(swap)
    tested = f"corrected {p}: " if p != "–" else ""
    return SwapCell(
        signed(swap.drop),
        importance_interval(swap),
        f"recall {points(-swap.recall_drop, 0)}, {tested}{words}",
    )
