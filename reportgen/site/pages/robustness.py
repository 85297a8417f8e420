"""The page about robustness: what blur, noise, covered regions and other changes cost, and what faces turn into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.robustness.findings import LevelEffect, RobustnessFindings
from reportgen.evidence.robustness.importance import ImportanceMove
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.site.html.components import Page, Tile, series_of
from reportgen.site.links import Links
from reportgen.site.pictures.robustness import DisturbedPictures
from reportgen.site.plots.robustness import Panel, panel
from reportgen.site.report import Report
from reportgen.site.wording.format import capital, count, fixed, format_p, number, percent, signed
from reportgen.site.wording.performance.robustness import (
    CHANGE_NAMES,
    MOVE_WORDS,
    VERDICT_WORDS,
    drift_sentence,
    effect_sentence,
    flow_sentence,
    heat_limits,
    heat_sentence,
    move_region,
    moves_limits,
    recall_moved,
    recall_words,
    robustness_title,
    severity,
    shown_as,
    verdict_rule,
    weaker_said,
)

__all__ = [
    "ChangeCurves",
    "ModelTurns",
    "RobustnessView",
    "SeverityRow",
    "SwapMoveRow",
    "VerdictCell",
    "robustness_view",
]


@dataclass(frozen=True)
class VerdictCell:
    """One model under one change at its strongest; `tone`: "bad" where it breaks, "good" where it holds."""

    recall: str
    drop: str
    interval: str
    verdict: str
    tone: str


@dataclass(frozen=True)
class SeverityRow:
    """One model, severity and emotion in the table of a change; `emotion` is "all" for all photos."""

    emotion: str
    series: str
    model: str
    severity: str
    n: str
    before: str
    after: str
    drop: str
    interval: str
    p: str
    verdict: str


@dataclass(frozen=True)
class ChangeCurves:
    """One change: recall against severity of all photos, then emotion by emotion, and the same as a table.

    `sentences` tell what the page's first table does not: weaker levels that break a model.
    """

    anchor: str
    title: str
    sentences: tuple[str, ...]
    overall: Panel
    emotions: tuple[Panel, ...]
    table: tuple[SeverityRow, ...]


@dataclass(frozen=True)
class SwapMoveRow:
    """Importance of one region as photos are and with one change; `tone` is "open" where nothing is shown."""

    region: str
    shown: str
    faces: str
    before: str
    after: str
    move: str
    interval: str
    p: str
    verdict: str
    tone: str


@dataclass(frozen=True)
class ModelTurns:
    """What a model's predictions turn into, and how its heatmaps move: a sentence each; and how its regions' importance
    does.
    """

    series: str
    model: str
    drifts: tuple[str, ...]
    flows: tuple[str, ...]
    heat: tuple[str, ...]
    moves: tuple[SwapMoveRow, ...]


@dataclass(frozen=True)
class RobustnessView:
    """`robustness.html`. `keys`: each model's series, name and page; `verdicts`: how photos were shown, a cell per
    model; `rule`: what a verdict means; `weaker`: to how many photos weaker changes were shown.
    """

    page: Page
    title: str
    lede: str
    caution: str
    rule: str
    weaker: str
    keys: tuple[tuple[str, str, str], ...]
    verdicts: tuple[tuple[str, tuple[VerdictCell, ...]], ...]
    tiles: tuple[Tile, ...]
    changes: tuple[ChangeCurves, ...]
    models: tuple[ModelTurns, ...]
    mapped: bool
    heat_limits: str
    moves_limits: str


def robustness_view(
    report: Report, links: Links, findings: RobustnessFindings, pictures: DisturbedPictures | None
) -> RobustnessView:
    """The page for one report."""
    shown = dict.fromkeys((effect.change, effect.level) for effect in findings.effects if effect.hardest)
    return RobustnessView(
        page=Page("Robustness", "What blur, noise, covered regions and other changes of the photos cost", "Robustness"),
        title=robustness_title(report, findings),
        lede=_lede(report, findings),
        caution=_caution(report, findings),
        rule=verdict_rule(),
        weaker=weaker_said(findings),
        keys=tuple((series_of(k), model.name, links.model_path(k)) for k, model in enumerate(report.models)),
        verdicts=tuple((capital(shown_as(*key)), _cells(report, findings, key)) for key in shown),
        tiles=() if pictures is None else _tiles(report, links, pictures),
        changes=tuple(
            curves for name in DISTURBANCES if (curves := _change(report, links, findings, name)) is not None
        ),
        models=tuple(_turns(findings, k, model.name) for k, model in enumerate(report.models)) if shown else (),
        mapped=bool(findings.heat),
        heat_limits=heat_limits(report, findings) if shown else "",
        moves_limits=moves_limits(findings) if shown else "",
    )


def _lede(report: Report, findings: RobustnessFindings) -> str:
    if not findings.effects:
        return (
            "Robustness may cost a third of the time that the models need for the whole test set. Of "
            f"{count(len(report.labels), 'photo')} that leaves fewer than ten per kind of change: too few to tell "
            "anything. With experiments = full more are shown."
        )
    as_they_are = {
        effect.model: effect.overall.before.value
        for effect in sorted(findings.effects, key=lambda effect: effect.overall.n)
    }
    shares = [
        f"{model.name} {percent(as_they_are[model.name])} "
        f"(of all test photos {percent(report.scores[k].accuracy.value)})"
        for k, model in enumerate(report.models)
        if model.name in as_they_are
    ]
    return (
        f"{count(findings.photos, 'photo')}, emotions and persons in turn, were shown to the models with each change "
        f"at its strongest, and with weaker ones where that costs predictions: {count(findings.pictures, 'picture')} "
        f"in all. Each emotion is drawn alike. Correct as they are: {'; '.join(shares)}."
    )


def _caution(report: Report, findings: RobustnessFindings) -> str:
    hard = [effect for effect in findings.effects if effect.hardest]
    fewest = min((part.n for effect in hard for part in effect.emotions), default=FEW)
    if not hard or fewest >= FEW:
        return ""
    return (
        f"So few photos give wide intervals: of some emotions {count(fewest, 'photo')}. Emotions with fewer than {FEW} "
        "are counted and not judged."
    )


def _cells(report: Report, findings: RobustnessFindings, key: tuple[str, int]) -> tuple[VerdictCell, ...]:
    cells = []
    for model in report.models:
        effect = next((one for one in findings.of(model.name, key[0]) if one.level == key[1]), None)
        if effect is None:
            cells.append(VerdictCell("–", "", "", "", ""))
            continue
        part = effect.overall
        tone = {"breaks": "bad", "holds": "good"}.get(part.answer, "open")
        recall = f"{part.right} → {part.still} of {part.n}"
        cells.append(VerdictCell(recall, *recall_moved(part), VERDICT_WORDS[part.answer], tone))
    return tuple(cells)


def _tiles(report: Report, links: Links, pictures: DisturbedPictures) -> tuple[Tile, ...]:
    href, found = links.image_path(pictures.example), []
    for (change, level), picture in pictures.pictures.items():
        title = capital(shown_as(change, level)) if change else "As it is"
        found.append(Tile(picture, f"Image {report.ids[pictures.example]}, {title.lower()}", title, href=href))
    return tuple(found)


def _change(report: Report, links: Links, findings: RobustnessFindings, name: str) -> ChangeCurves | None:
    overall = panel(report, findings, name, CHANGE_NAMES[name])
    if overall is None:
        return None
    emotions = [panel(report, findings, name, e, e, links.emotion_path(k)) for k, e in enumerate(report.classes)]
    effects = [effect for model in report.models for effect in findings.of(model.name, name)]
    told = [effect for effect in effects if not effect.hardest and effect.overall.answer == "breaks"]
    return ChangeCurves(
        name,
        CHANGE_NAMES[name],
        tuple(f"{effect_sentence(report, effect)} {capital(VERDICT_WORDS[effect.overall.answer])}." for effect in told),
        overall,
        tuple(one for one in emotions if one is not None),
        tuple(row for effect in effects for row in _rows(report, effect)),
    )


def _rows(report: Report, effect: LevelEffect) -> list[SeverityRow]:
    k = [model.name for model in report.models].index(effect.model)
    rows = []
    for part in (effect.overall, *effect.emotions):
        before, after = recall_words(part)
        few = part.n < FEW  # counts tell more
        rows.append(
            SeverityRow(
                part.emotion or "all",
                series_of(k),
                effect.model,
                severity(effect.change, effect.level),
                number(part.n),
                before,
                after,
                *(("–", "") if few else recall_moved(part)),
                "–" if part.p != part.p else format_p(part.p).removeprefix("p = ").removeprefix("p "),
                VERDICT_WORDS[part.answer] if effect.hardest or not part.emotion else "–",
            )
        )
    return rows


def _turns(findings: RobustnessFindings, k: int, model: str) -> ModelTurns:
    hard = [effect for effect in findings.effects if effect.model == model and effect.hardest]
    hard.sort(key=lambda effect: -effect.overall.drop.value)
    turned = [(effect, effect.drift) for effect in hard if effect.drift is not None and effect.drift.shown]
    drifts = [drift_sentence(*one) for one in turned]
    breaking = [effect for effect in hard if effect.overall.answer == "breaks"]
    flows: Sequence[str] = [flow_sentence(effect, effect.flow) for effect in breaking if effect.flow is not None]
    moves = [heat_sentence(move) for move in findings.heat if move.model == model and move.shown]
    rows = tuple(_move_row(move) for move in findings.moves or () if move.model == model)
    return ModelTurns(series_of(k), model, tuple(drifts), tuple(flows), tuple(moves), rows)


def _move_row(move: ImportanceMove) -> SwapMoveRow:
    return SwapMoveRow(
        move_region(move),
        shown_as(move.change, move.level),
        number(move.receivers),
        fixed(move.before),
        fixed(move.after),
        signed(move.move.value),
        f"[{fixed(move.move.low)}, {fixed(move.move.high)}]" if math.isfinite(move.move.low) else "",
        "–" if math.isnan(move.p) else format_p(move.p).removeprefix("p = ").removeprefix("p "),
        MOVE_WORDS[move.answer],
        "" if move.answer in ("moves", "stays") else "open",
    )
