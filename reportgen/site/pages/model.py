"""One model's page: scores per emotion, confusion matrix, calibration, mean attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reportgen.site.html.components import Cell, Crumb, Legend, Link, Number, Page, series_of
from reportgen.site.interactive.confused_images import ConfusedImages, confused_images
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pictures.examples import Picture
from reportgen.site.pictures.mean_maps import MeanMaps
from reportgen.site.plots.enrichment_forest import enrichment_alt
from reportgen.site.plots.recall import confusion_table
from reportgen.site.report import Report
from reportgen.site.sections.enrichment_table import HeatRow, heat_rows
from reportgen.site.sections.mean_maps import MeanPair, mean_pairs
from reportgen.site.sections.patterns import PatternRow, pattern_rows, peaks_note
from reportgen.site.sections.performance.recalibration import RepairSection, repair_section
from reportgen.site.sections.region_importance import ImportancePictures, ImportanceSection, importance_section
from reportgen.site.sections.trust import TrustPanel, trust_panel
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import (
    and_list,
    chance_alone,
    count,
    decimal,
    decimal_interval,
    percent,
    percent_interval,
    persons_too,
    plain,
)
from reportgen.site.wording.input_choice import choice_texts, default_text, prepared_text
from reportgen.site.wording.models import (
    MACRO_ALL,
    OVER_MANY,
    accuracy_of,
    class_order_warning,
    leakage_sentence,
    macro_f1_of,
    recall_of,
    state_trust,
    stated_accuracy_text,
    stated_accuracy_warning,
    trust_words,
)
from reportgen.site.wording.scope import grid_text, map_origin, model_choices, places_text
from reportgen.site.wording.shortcuts import model_proofs

__all__ = ["ModelView", "ScoreRow", "model_view"]


@dataclass(frozen=True)
class ScoreRow:
    """One emotion's scores. The positions of the recall bar are in per cent."""

    emotion: str
    href: str
    n: int
    count: str
    recall: Number
    precision: Number
    f1: Number
    position: tuple[float, float, float]
    thin: bool
    images: str
    trust: str


@dataclass(frozen=True)
class ModelView:
    """`models/<slug>.html`."""

    page: Page
    tabs: tuple[Link, ...]
    series: str
    title: str
    lede: str
    known_by: str
    known_at: Link
    numbers: tuple[Number, ...]
    rows: tuple[ScoreRow, ...]
    classes: tuple[str, ...]
    confusion: tuple[tuple[str, str, bool, tuple[Cell, ...]], ...]
    confused: tuple[ConfusedImages, ...]
    reliability: tuple[Picture, Picture] | None
    reliability_text: str
    repair: RepairSection | None
    forest: tuple[Picture, Picture] | None
    forest_alt: str
    banded: bool
    heat: tuple[HeatRow, ...]
    means: tuple[MeanPair, ...]
    legend: Legend
    patterns: tuple[PatternRow, ...]
    peaks_note: str
    importance: ImportanceSection | None
    trust: TrustPanel | None
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    warning: str
    errors: Link


def model_view(
    report: Report,
    links: Links,
    tiles: Tiles,
    legends: Legends,
    k: int,
    means: MeanMaps,
    reliability: tuple[Picture, Picture] | None,
    forest: tuple[Picture, Picture] | None,
    importance: ImportancePictures,
) -> ModelView:
    """The page of model `k`; `reliability` and `forest` are diagrams, each for light and for dark pages."""
    model, score = report.models[k], report.scores[k]
    proofs = model_proofs(report, links, k)
    previous = k - 1 if k > 0 else None
    following = k + 1 if k + 1 < len(report.models) else None
    return ModelView(
        page=Page(
            model.name,
            f"Scores, confusions, calibration and mean heatmaps of {model.name}",
            "Models",
            (Crumb("Models", "models.html"), Crumb(model.name)),
            Link(report.models[previous].name, links.model_path(previous)) if previous is not None else None,
            Link(report.models[following].name, links.model_path(following)) if following is not None else None,
        ),
        tabs=links.model_links(k),
        series=series_of(k),
        title=_title(report, k),
        lede=_lede(report, k),
        known_by=" ".join(proof.claim for proof in proofs),
        known_at=_proved_at(report, links, k),
        numbers=_numbers(report, k),
        rows=_rows(report, links, k),
        classes=report.classes,
        confusion=tuple(
            (name, count(row.n, "image"), row.few, cells)
            for name, row, cells in zip(
                report.classes, score.emotions, confusion_table(report, links, k, score), strict=True
            )
        )
        if score.n
        else (),
        confused=confused_images(report, links, tiles, k),
        reliability=reliability,
        reliability_text=_reliability_text(report, k),
        repair=repair_section(report, k),
        forest=forest,
        forest_alt=enrichment_alt(report, k),
        banded=report.attention is not None and report.attention.bands[k] is not None,
        heat=heat_rows(report, k),
        means=mean_pairs(report, links, k, means),
        legend=legends.means(rows=False),
        patterns=pattern_rows(report, links, tiles, report.regions, k) if report.regions else (),
        peaks_note=peaks_note(report.regions, k) if report.regions else "",
        importance=importance_section(report, links, k, importance),
        trust=trust_panel(report, links, k),
        facts=_facts(report, k),
        notes=tuple(_notes(report, k)),
        warning=" ".join(_warnings(report, k)),
        errors=Link(f"Errors of {model.name}", links.errors_path(k)),
    )


def _warnings(report: Report, k: int) -> Iterator[str]:
    """What makes the scores of model `k` doubtful as a whole."""
    order, name = report.class_orders[k], report.models[k].name
    if order is not None:
        yield class_order_warning(order)
    for leakage in (one for one in report.leakages if one.model == name and one.matters):
        yield leakage_sentence(leakage)
    for statements in report.stated_accuracies[k : k + 1]:
        yield from (stated_accuracy_warning(name, statement) for statement in statements if statement.far)
    for choice in model_choices(report.models[k]):
        yield from (f"{said.text} {said.advice}" for said in choice_texts(name, choice) if said.advice)


def _notes(report: Report, k: int) -> Iterator[str]:
    model = report.models[k]
    for choice in model_choices(model):
        yield from (said.text for said in choice_texts(model.name, choice) if not said.advice)
        if choice.outcome == "default":
            yield default_text(choice)
    yield from (plain(str(note)) for note in model.info.get("notes", ()))


def _title(report: Report, k: int) -> str:
    score = report.scores[k]
    if not score.n:
        return f"{score.name}: its predictions, without labels to check against."
    return f"{score.name} classifies {accuracy_of(report, score)} of {count(score.n, 'image')} correctly."


def _proved_at(report: Report, links: Links, k: int) -> Link:
    """Where the numbers are: on this page where it has a section on use, else where the proof is."""
    proofs = model_proofs(report, links, k)
    if report.importance is not None or not proofs:
        return Link("Region importance", f"{links.model_path(k)}#use")
    return proofs[0].link


def _lede(report: Report, k: int) -> str:
    score = report.scores[k]
    rows = [row for row in score.emotions if not row.few]
    if not rows:
        return ""
    best = max(rows, key=lambda row: row.recall.value)
    worst = min(rows, key=lambda row: row.recall.value)
    text = f"Best on {best.emotion} ({recall_of(report, score.name, best)} of {best.n:,} recognised)"
    if worst is not best:
        text += f", weakest on {worst.emotion} ({recall_of(report, score.name, worst)} of {worst.n:,})"
    never = [row.emotion for row in score.emotions if row.predicted == 0]
    if never:
        text += f". It never predicts {and_list(never, 'or')}"
    return text + "."


def _numbers(report: Report, k: int) -> tuple[Number, ...]:
    score = report.scores[k]
    if not score.n:
        return ()
    macro = score.macro_f1_without_few
    return (
        Number(
            "Accuracy",
            accuracy_of(report, score, 1),
            percent_interval(score.accuracy, 1),
            "higher is better",
            "accuracy",
        ),
        Number(
            "Balanced accuracy",
            percent(score.balanced_accuracy.value, 1),
            percent_interval(score.balanced_accuracy, 1),
            "higher is better",
            "balanced accuracy",
        ),
        Number(
            MACRO_ALL,
            macro_f1_of(report, score.name, score.macro_f1),
            decimal_interval(score.macro_f1),
            f"{macro_f1_of(report, score.name, macro, OVER_MANY)} over {OVER_MANY}" if macro else "higher is better",
            "macro-F1",
        ),
        Number("Brier score", decimal(score.brier, 3), "", "lower is better", "Brier score"),
        Number(
            "Calibration error",
            percent(score.ece, 1),
            chance_alone(score.ece_band),
            "lower is better",
            "calibration error",
        ),
    )


def _rows(report: Report, links: Links, k: int) -> tuple[ScoreRow, ...]:
    state_trust(report, report.trust[k])
    rows, trust = [], {one.emotion: trust_words(one) for one in report.trust[k].emotions}
    for emotion, row in enumerate(report.scores[k].emotions):
        recall = row.recall
        rows.append(
            ScoreRow(
                row.emotion,
                links.emotion_path(emotion),
                row.n,
                persons_too(row.n, row.persons, named=report.names_persons),
                Number("", recall_of(report, report.scores[k].name, row) if row.n else "–", percent_interval(recall)),
                Number(
                    "",
                    percent(row.precision.value),
                    percent_interval(row.precision),
                    f"{row.correct} of {row.predicted}",
                ),
                Number("", decimal(row.f1.value), decimal_interval(row.f1)),
                (round(100 * recall.low, 2), round(100 * recall.value, 2), round(100 * recall.high, 2))
                if recall.defined
                else (0.0, 0.0, 0.0),
                row.few,
                links.explorer(links.token("true", row.emotion)) if row.n else "",
                trust.get(row.emotion, ""),
            )
        )
    return tuple(rows)


def _reliability_text(report: Report, k: int) -> str:
    score = report.scores[k]
    if not score.n:
        return ""
    if score.ece > score.ece_band[1]:
        way = "is overconfident" if score.overconfidence > 0 else "is underconfident"
        return (
            f"{score.name} {way}: mean confidence {percent(score.mean_confidence)}, accuracy "
            f"{percent(score.accuracy.value)}. The calibration error of {percent(score.ece, 1)} is larger than the "
            f"{percent(score.ece_band[1], 1)} that chance gives a perfectly calibrated model."
        )
    return (
        f"The calibration error of {percent(score.ece, 1)} is within what chance gives a perfectly calibrated model "
        f"(up to {percent(score.ece_band[1], 1)})."
    )


def _input(info: Mapping[str, Any], width: int, height: int) -> str:
    """How images are prepared; the size alone where an older analysis holds no more."""
    spec = info.get("preprocessing")
    if spec is None:
        return f"{width} × {height} pixels"
    return prepared_text(spec)


def _facts(report: Report, k: int) -> tuple[tuple[str, str], ...]:
    info = report.models[k].info
    height, width = info.get("input", (224, 224))
    named = str(info.get("target_layer") or "none is known")
    layer = (
        "the patches that the first block of this grid takes" if report.follows_patches(k) else named,
        grid_text(report.models[k]),
        places_text(report.models[k]),
    )
    rows = [
        ("Architecture", str(info.get("architecture", "unknown"))),
        ("Checkpoint", str(info.get("file", "unknown"))),
        ("sha256", str(info.get("sha256", "unknown"))),
        ("Input", _input(info, width, height)),
        ("Target layer", ", ".join(part for part in layer if part)),
        ("Heatmaps", map_origin(report, k)),
        ("Pretraining", str(info.get("pretraining") or "unknown")),
    ]
    rows += [
        ("Accuracy stated in the checkpoint", stated_accuracy_text(statement))
        for statements in report.stated_accuracies[k : k + 1]
        for statement in statements
    ]
    completeness = info.get("completeness")
    if completeness is not None:
        rows.append(("Completeness of the maps", str(completeness)))
    return tuple(rows)
