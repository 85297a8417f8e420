"""What was done to the photos, and each emotion's recall before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.findings import ShortcutFindings
from reportgen.evidence.shortcuts.interventions import MIN_RECALL_DROP, InterventionEffect
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.html.components import Tile, series_of
from reportgen.site.links import Links
from reportgen.site.pictures.shortcuts import ShortcutPictures
from reportgen.site.report import Report
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    fixed,
    format_p,
    percent,
    percent_interval,
    plural,
)
from reportgen.site.wording.shortcuts import DONE, effect_note

__all__ = ["Change", "InterventionRow", "Move", "MoveRow", "change_view", "example_tile"]

_HOW = {
    "grey": "Colour is gone; light and dark stay as they were.",
    "equalised": "Every photo gets the set's typical brightness and contrast; its colours stay.",
    "blurred": "Fine detail is gone, as in a photo of about 80 pixels; brows, eyes and mouth stay plain.",
    "sharpened": "Soft photos get the set's typical sharpness; sharp ones stay as they are.",
    "re-encoded": "Saved once more as a JPEG of quality 40, so that all photos carry the same traces of storage.",
    "deblocked": "JPEG blocks are smoothed away or added, until every photo is as blocky as is typical of the set.",
    "denoised": "Noisy photos are smoothed and clean ones get noise, up to the set's typical noise.",
    "zoomed": "Every face gets the set's typical size, by the distance of its eyes; the eyes stay in place.",
    "shifted": "Every face is moved to the set's typical position, by the middle between its eyes.",
    "straightened": "Every face gets the set's typical tilt, by the line through its eyes.",
    "flattened": "Edges, text and patterns off the face are blurred away; the background's light and colours stay.",
    "mirrored": "Left and right are exchanged; expressions keep their meaning.",
}


@dataclass(frozen=True)
class Move:
    """One model's recall on a track, before and after; positions in per cent, `lane` in per cent of the height."""

    series: str
    before: float
    after: float
    low: float
    high: float
    lane: float
    text: str
    short: str
    strong: bool


@dataclass(frozen=True)
class MoveRow:
    """One emotion. `flag`: a shortcut was proved for one of the models."""

    label: str
    href: str
    note: str
    moves: tuple[Move, ...]
    height: int
    thin: bool
    flag: bool


@dataclass(frozen=True)
class InterventionRow:
    """One emotion and model in the table."""

    emotion: str
    series: str
    model: str
    n: str
    altered: str
    before: str
    after: str
    fall: str
    interval: str
    p: str
    falls: str
    answer: str
    note: str
    strong: bool


@dataclass(frozen=True)
class Change:
    """One thing that was done to the photos."""

    anchor: str
    title: str
    how: str
    tile: Tile | None
    summary: str
    rows: tuple[MoveRow, ...]
    table: tuple[InterventionRow, ...]
    open: bool


def change_view(
    report: Report, links: Links, findings: ShortcutFindings, name: str, pictures: ShortcutPictures | None
) -> Change:
    """One change over all emotions, suspicious ones first."""
    effects = [effect for effect in findings.effects if effect.change == name]
    by_emotion = [[effect for effect in effects if effect.emotion == emotion] for emotion in report.classes]
    groups = sorted((group for group in by_emotion if group), key=_suspicion)
    proved = [effect for effect in effects if effect.answer == "yes"]
    return Change(
        anchor=name,
        title=capital(DONE[name]),
        how=_HOW[name],
        tile=None if pictures is None else example_tile(report, links, pictures, name, capital(DONE[name]), _HOW[name]),
        summary=_summary(effects, proved),
        rows=tuple(_move_row(report, links, group) for group in groups),
        table=tuple(_table_row(report, effect) for group in groups for effect in group),
        open=bool(proved),
    )


def _suspicion(group: Sequence[InterventionEffect]) -> tuple[bool, bool, float]:
    """Proved ones first, then by the largest fall; emotions with few images last."""
    return (
        not any(effect.answer == "yes" for effect in group),
        any(effect.before.n < FEW for effect in group),
        -max(effect.fall.value for effect in group),
    )


def _summary(effects: Sequence[InterventionEffect], proved: Sequence[InterventionEffect]) -> str:
    altered = sum(effect.altered for effect in effects if effect.model == effects[0].model)
    if not altered:
        return "It alters none of the images: they are like that already."
    if proved:
        named = and_list([f"{effect.emotion} ({effect.model})" for effect in proved])
        return f"A shortcut: {named}."
    falling = [effect for effect in effects if effect.falls == "yes"]
    said: list[str] = []
    for open_, conclusion in ((False, "no shortcut was shown"), (True, "whether that is a shortcut is inconclusive")):
        these = [f"{one.emotion} ({one.model})" for one in falling if (one.answer == "undetermined") == open_]
        if these:
            said.append(f"Recall falls for {and_list(these)}: {conclusion}.")
    if said:
        return f"{' '.join(said)} The table gives the reasons."
    return f"No emotion is shown to lose {100 * MIN_RECALL_DROP:.0f} percentage points of recall or more."


def _move_row(report: Report, links: Links, group: Sequence[InterventionEffect]) -> MoveRow:
    e = report.classes.index(group[0].emotion)
    names = [model.name for model in report.models]
    moves = tuple(
        Move(
            series_of(names.index(effect.model)),
            round(100 * effect.before.value, 2),
            round(100 * effect.after.value, 2),
            round(100 * effect.after.low, 2),
            round(100 * effect.after.high, 2),
            round(100 * (index + 1) / (len(group) + 1), 2),
            f"{effect.model}: {percent(effect.before.value)} before, {percent(effect.after.value)} after "
            f"{percent_interval(effect.after)}",
            f"{_recall(effect, effect.before)} → {_recall(effect, effect.after)}",
            effect.answer == "yes",
        )
        for index, effect in enumerate(group)
    )
    n = group[0].n
    note = count(n, "image") if n < FEW or group[0].altered == n else f"{n} images, {group[0].altered} altered"
    return MoveRow(
        group[0].emotion,
        links.emotion_path(e),
        note,
        moves,
        20 + 14 * len(moves),
        n < FEW,
        any(effect.answer == "yes" for effect in group),
    )


def _table_row(report: Report, effect: InterventionEffect) -> InterventionRow:
    k = [model.name for model in report.models].index(effect.model)
    thin = effect.n < FEW
    return InterventionRow(
        effect.emotion,
        series_of(k),
        effect.model,
        f"{effect.n:,}",
        f"{effect.altered:,}",
        _recall(effect, effect.before),
        _recall(effect, effect.after),
        "–" if thin else _points(effect.fall),
        "" if thin else f"[{fixed(100 * effect.fall.low, 0)}, {fixed(100 * effect.fall.high, 0)}]",
        "–" if effect.p != effect.p else format_p(effect.p).removeprefix("p = ").removeprefix("p "),
        effect.falls,
        effect.answer,
        _note(effect),
        effect.answer == "yes",
    )


def _recall(effect: InterventionEffect, recall: Estimate) -> str:
    return percent(recall.value) if effect.n >= FEW else f"{round(recall.value * effect.n)} of {effect.n}"


def _points(fall: Estimate) -> str:
    return fixed(100 * fall.value, 0)


def _note(effect: InterventionEffect) -> str:
    parts = []
    if effect.goes_with:
        parts.append(f"goes with {and_list(list(effect.goes_with))}")
    if effect.falls == "yes" and effect.excess.defined:
        mine, theirs = percent(effect.loss.value), percent(effect.elsewhere)
        parts.append(f"{mine} of the correct predictions lost, of other emotions {theirs}")
    if effect.note and effect.falls == "yes":
        parts.append(effect_note(effect))
    added = effect.added
    if added is not None and added.n:
        parts.append(
            f"added to {count(added.n, 'other photo')}, {added.became} {plural(added.became, 'becomes', 'become')} "
            f"{effect.emotion}, with another change of the same size {added.became_neutral} ({added.answer})"
        )
    return "; ".join(parts)


def example_tile(report: Report, links: Links, pictures: ShortcutPictures, name: str, title: str, note: str) -> Tile:
    row = pictures.example
    return Tile(
        pictures.pictures[row, name],
        f"Image {report.ids[row]}, {title.lower()}",
        title,
        note,
        links.image_path(row),
    )
