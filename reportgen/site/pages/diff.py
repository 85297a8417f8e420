"""The page that compares two analyses of the same images: what got better, what got worse, what moved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.comparison.change import HeatChange, PredictionChange, RegionMove
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.html.components import Gallery, Legend, Link, MarkRow, Number, Page, PlotMark
from reportgen.site.pages.models import ModelKey, RecallTable
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    format_p,
    percent,
    percent_interval,
    plural,
    points,
    points_interval,
    rate,
)
from reportgen.site.wording.models import MACRO_ALL

__all__ = [
    "ChangeRow",
    "ChangeView",
    "GateRow",
    "MovedHeatRow",
    "OverviewRow",
    "OverviewView",
    "change_title",
    "change_view",
    "overview_view",
]

_FLOWS = 12
_BEFORE, _AFTER = "a", "b"


@dataclass(frozen=True)
class ChangeRow:
    """One emotion: recall before and after, and whether the change is more than chance."""

    emotion: str
    n: str
    before: str
    after: str
    change: str
    interval: str
    fixed: str
    broken: str
    verdict: str
    decided: bool
    thin: bool


@dataclass(frozen=True)
class MovedHeatCell:
    """Change of a region's share of the heat in points; `tone` as in the region matrix."""

    text: str
    tone: str
    sign: str
    title: str


@dataclass(frozen=True)
class MovedHeatRow:
    """One emotion; `moved` is the part of the heat that lies elsewhere now."""

    emotion: str
    n: str
    cells: tuple[MovedHeatCell, ...]
    moved: str
    interval: str


@dataclass(frozen=True)
class GateRow:
    """One gate: its verdict in a few words, how many tests it made, and a sentence for each that failed or is open.

    `tone` is "bad" where it failed, "open" where nothing could be measured, else "good"; `watched`: it was asked for.
    """

    name: str
    what: str
    tone: str
    verdict: str
    text: str
    findings: tuple[str, ...]
    watched: bool


@dataclass(frozen=True)
class ChangeView:
    """One model's page."""

    page: Page
    title: str
    lede: str
    numbers: tuple[Number, ...]
    keys: tuple[ModelKey, ...]
    recall: tuple[MarkRow, ...]
    recall_table: RecallTable
    rows: tuple[ChangeRow, ...]
    flows: tuple[tuple[str, str, str, str], ...]
    flows_more: str
    regions: tuple[str, ...]
    heat: tuple[MovedHeatRow, ...]
    heat_text: str
    galleries: tuple[Gallery, ...]
    legend: Legend
    cautions: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    downloads: tuple[tuple[str, str, str], ...]
    checks: tuple[GateRow, ...]


@dataclass(frozen=True)
class OverviewRow:
    """One model on the first page of a comparison of several."""

    name: str
    href: str
    before: str
    after: str
    change: str
    interval: str
    verdict: str


@dataclass(frozen=True)
class OverviewView:
    """`index.html` where several models are compared."""

    page: Page
    title: str
    lede: str
    rows: tuple[OverviewRow, ...]
    cautions: tuple[str, ...]
    checks: tuple[GateRow, ...]


def change_view(
    name: str,
    here: str,
    answers: PredictionChange,
    heat: HeatChange,
    galleries: Sequence[Gallery],
    page: Page,
    legend: Legend,
    cautions: Sequence[str],
    facts: Sequence[tuple[str, str, str]],
    downloads: Sequence[tuple[str, str, str]],
    checks: Sequence[GateRow] = (),
) -> ChangeView:
    """The page of one model; `here` is its path, and `checks` are there where it is the only page."""
    rows = _rows(answers)
    flows = tuple((flow.truth, flow.before, flow.after, f"{flow.count:,}") for flow in answers.flows[:_FLOWS])
    rest = len(answers.flows) - len(flows)
    return ChangeView(
        page,
        _with_checks(change_title(name, answers), checks),
        _lede(answers),
        _numbers(answers),
        tuple(
            ModelKey(series, which, f"{here}#what", "") for series, which in ((_BEFORE, "before"), (_AFTER, "after"))
        ),
        _recall(answers, here) if answers.comparison.n else (),
        _recall_table(answers),
        rows,
        flows,
        f"and {count(rest, 'rarer change')}" if rest > 0 else "",
        tuple(REGION_NAMES.values()),
        _heat(heat),
        _heat_text(heat),
        tuple(galleries),
        legend,
        tuple(cautions),
        tuple(facts),
        tuple(downloads),
        tuple(checks),
    )


def overview_view(
    changes: Sequence[tuple[str, PredictionChange]],
    paths: Sequence[str],
    page: Page,
    cautions: Sequence[str],
    checks: Sequence[GateRow],
) -> OverviewView:
    """All models on one page."""
    rows = []
    for (name, answers), path in zip(changes, paths, strict=True):
        c = answers.comparison
        rows.append(
            OverviewRow(
                name,
                path,
                percent(answers.before.accuracy.value, 1),
                percent(answers.after.accuracy.value, 1),
                points(c.difference.value) if c.n else "–",
                points_interval(c.difference) if c.n else "",
                _verdict(c.difference, c.p_value, decided=c.decided) if c.n else "no labels",
            )
        )
    better = [
        name for name, answers in changes if answers.comparison.decided and answers.comparison.difference.value > 0
    ]
    worse = [
        name for name, answers in changes if answers.comparison.decided and answers.comparison.difference.value < 0
    ]
    parts = [f"{and_list(better)} got better"] if better else []
    parts += [f"{and_list(worse)} got worse"] if worse else []
    title = f"{capital(and_list(parts))}." if parts else "No change of accuracy is proven."
    n = changes[0][1].comparison.n
    return OverviewView(
        page,
        _with_checks(title, checks),
        f"On the {count(n, 'labelled image')} of both.",
        tuple(rows),
        tuple(cautions),
        tuple(checks),
    )


def _with_checks(title: str, checks: Sequence[GateRow]) -> str:
    """A title that is of accuracy, with how many checks fail: nobody shall read "no change" above a failure."""
    failed = sum(check.tone == "bad" for check in checks)
    return f"{title.rstrip('.')}; {count(failed, 'check')} {plural(failed, 'fails', 'fail')}." if failed else title


def change_title(name: str, answers: PredictionChange) -> str:
    """What is proven of accuracy and recall."""
    c = answers.comparison
    if not c.n:
        return f"{name}: what changed, without labels to tell whether for better or worse."
    decided = [(r.emotion, r.difference.value) for r in answers.recalls if r.decided]
    moved = {
        "better": and_list([emotion for emotion, difference in decided if difference > 0]),
        "worse": and_list([emotion for emotion, difference in decided if difference < 0]),
    }
    if c.decided:
        way, against = ("better", "worse") if c.difference.value > 0 else ("worse", "better")
        but = f", but {against} on {moved[against]}" if moved[against] else ""
        return f"{name} got {way}{but}."
    parts = and_list([f"{way} on {emotions}" for way, emotions in moved.items() if emotions])
    if parts:
        return f"{name} is {parts}; over all, no change of accuracy is proven."
    return f"No change of accuracy is proven for {name}."


def _lede(answers: PredictionChange) -> str:
    c = answers.comparison
    if not c.n:
        return f"{count(answers.changed, 'prediction')} changed."
    return (
        f"Right on {percent(answers.before.accuracy.value, 1)} before and {percent(answers.after.accuracy.value, 1)} "
        f"after, of {count(c.n, 'image')}. {count(answers.changed, 'prediction')} changed: {c.only_a:,} became "
        f"right, {c.only_b:,} became wrong."
    )


def _numbers(answers: PredictionChange) -> tuple[Number, ...]:
    c, a, b = answers.comparison, answers.before, answers.after
    if not c.n:
        return ()
    return (
        Number(
            "Accuracy", points(c.difference.value), points_interval(c.difference),
            f"{percent(a.accuracy.value, 1)} before, {percent(b.accuracy.value, 1)} after", "accuracy",
        ),
        Number("McNemar test" if c.difference.persons is None else "Sign-flip test", format_p(c.p_value), "",
               f"on {count(c.discordant, 'image')} correct in one only",
               "McNemar" if c.difference.persons is None else "sign-flip test"),
        Number(MACRO_ALL, f"{decimal(a.macro_f1.value)} → {decimal(b.macro_f1.value)}", "", "higher is better",
               "macro-F1"),
        Number("Brier score", f"{decimal(a.brier, 3)} → {decimal(b.brier, 3)}", "", "lower is better", "Brier score"),
        Number("Calibration error", f"{percent(a.ece, 1)} → {percent(b.ece, 1)}", "",
               f"chance gives a perfect model up to {percent(b.ece_band[1], 1)}", "calibration error"),
    )  # fmt: skip


def _verdict(difference: Estimate, p: float, *, decided: bool) -> str:
    if not decided:
        return f"inconclusive, {format_p(p)}"
    return f"{'better' if difference.value > 0 else 'worse'}, {format_p(p)}"


def _rows(answers: PredictionChange) -> tuple[ChangeRow, ...]:
    rows = []
    for recall, before, after in zip(answers.recalls, answers.before.emotions, answers.after.emotions, strict=True):
        if not recall.n:
            continue
        thin = recall.n < FEW
        rows.append(
            ChangeRow(
                recall.emotion,
                count(recall.n, "image"),
                rate(before),
                rate(after),
                "" if thin else points(recall.difference.value),
                "" if thin else points_interval(recall.difference),
                f"{recall.only_a:,}",
                f"{recall.only_b:,}",
                "too few images" if thin else _verdict(recall.difference, recall.p_holm, decided=recall.decided),
                recall.decided and not thin,
                thin,
            )
        )
    return tuple(rows)


def _recall(answers: PredictionChange, here: str) -> tuple[MarkRow, ...]:
    rows = []
    for before, after in zip(answers.before.emotions, answers.after.emotions, strict=True):
        marks = tuple(
            PlotMark(
                series,
                round(100 * part.recall.value, 2),
                round(100 * part.recall.low, 2),
                round(100 * part.recall.high, 2),
                lane,
                f"{which}: {rate(part)} {percent_interval(part.recall)}",
            )
            for series, which, part, lane in ((_BEFORE, "before", before, 33.33), (_AFTER, "after", after, 66.67))
            if part.n
        )
        between = "\n→ " if before.few else " → "
        text = f"{rate(before)}{between}{rate(after)}" if before.n else "no image"
        rows.append(
            MarkRow(
                before.emotion, f"{here}#what", count(before.n, "image"), marks, text, before.few, 20 + 14 * len(marks)
            )
        )
    return tuple(rows)


def _recall_table(answers: PredictionChange) -> RecallTable:
    rows = tuple(
        (
            before.emotion,
            f"{before.n:,}",
            tuple(Number("", rate(part), percent_interval(part.recall)) for part in (before, after)),
        )
        for before, after in zip(answers.before.emotions, answers.after.emotions, strict=True)
    )
    return RecallTable(("before", "after"), rows)


def _heat(heat: HeatChange) -> tuple[MovedHeatRow, ...]:
    moves: dict[str, list[RegionMove]] = {}
    for move in heat.regions:
        moves.setdefault(move.emotion, []).append(move)
    rows = []
    for emotion, moved in heat.moved:
        if not moved.n:
            continue
        rows.append(
            MovedHeatRow(
                emotion,
                f"n = {moved.n:,}",
                tuple(_heat_cell(move) for move in moves.get(emotion, ())),
                percent(moved.value),
                percent_interval(moved),
            )
        )
    return tuple(rows)


def _heat_cell(move: RegionMove) -> MovedHeatCell:
    d = move.difference
    region = REGION_NAMES[move.region]
    if math.isnan(d.value):
        return MovedHeatCell("–", "open", "", "not measured")
    text = f"{100 * d.value:+.1f}".replace("-", "−")
    title = (
        f"{move.emotion}, {region}: {percent(move.before, 1)} of the heat before, {percent(move.after, 1)} after, "
        f"{text} points {points_interval(d)}, {format_p(move.p)}, n = {d.n:,}"
    )
    if not move.decided:
        return MovedHeatCell(text, "open", "", f"{title}: inconclusive")
    bad = move.region == "background" and d.value > 0
    return MovedHeatCell(text, "bad" if bad else "strong", "▲" if d.value > 0 else "▼", title)


def _heat_text(heat: HeatChange) -> str:
    if not heat.n:
        return "No image has a map in both analyses, so heat cannot be compared."
    text = f"Measured on {count(heat.n, 'image')}, for the class of the label, each image against itself"
    if heat.null_maps:
        text += f"; {count(heat.null_maps, 'image')} with a blank map before or after left out"
    if not heat.regions:
        return f"{text}. Regions were not measured in both analyses."
    return f"{text}. Tests are adjusted (Holm) for all emotions and regions."


def change_links(names: Sequence[str], paths: Sequence[str], index: int) -> tuple[Link | None, Link | None]:
    """The pages before and after."""
    before = Link(names[index - 1], paths[index - 1]) if index else None
    after = Link(names[index + 1], paths[index + 1]) if index + 1 < len(names) else None
    return before, after
