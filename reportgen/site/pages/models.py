"""The models side by side: scores, recall, who is correct where, and where two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.stats.multiple_testing import holm
from reportgen.site.html.components import Legend, Link, MarkRow, Number, Page, series_of
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pages.compare import PairRow, PairView, best_model, pair_of, pair_rows, pair_title
from reportgen.site.plots.recall import recall_rows
from reportgen.site.report import Report
from reportgen.site.sections.performance.votes import VoteSection, vote_section
from reportgen.site.sections.region_matrix import RegionMatrix, region_matrices
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import (
    chance_alone,
    count,
    decimal,
    decimal_interval,
    paired_test,
    percent,
    percent_interval,
    persons_too,
)
from reportgen.site.wording.models import MACRO_ALL, OVER_MANY, accuracy_of, comparison_sentence, macro_f1_of, recall_of
from reportgen.site.wording.scope import grid_text, layer_text
from reportgen.site.wording.shortcuts import model_proofs

__all__ = ["ModelKey", "ModelsView", "RecallTable", "models_view"]


@dataclass(frozen=True)
class ModelKey:
    """One model in a key: its mark, name, page and a line about it."""

    series: str
    name: str
    href: str
    text: str


@dataclass(frozen=True)
class RecallTable:
    """The recall plot as a table: per emotion n and each model's recall with its interval."""

    models: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Number, ...]], ...]


@dataclass(frozen=True)
class ModelsView:
    """`models.html`.

    Attributes
    ----------
    known
        Per key, the shortcuts that were proved of the model.
    regions, tested
        Heat and region importance, shown as tables, and whether importance was tested.
    pair
        The comparison of the two models, where there are two.
    pairs, explain
        The table of all pairs and how to read it, where there are more.
    """

    page: Page
    title: str
    lede: str
    keys: tuple[ModelKey, ...]
    known: tuple[str, ...]
    measures: tuple[tuple[str, str, str, tuple[Number, ...]], ...]
    recall: tuple[MarkRow, ...]
    recall_table: RecallTable
    regions: tuple[RegionMatrix, ...]
    tested: bool
    votes: VoteSection | None
    takeaways: Link | None
    pair: PairView | None
    pairs: tuple[PairRow, ...]
    explain: str
    legend: Legend


def _model_keys(report: Report, links: Links) -> tuple[ModelKey, ...]:
    """The key to marks and colours."""
    return tuple(
        ModelKey(
            series_of(k),
            model.name,
            links.model_path(k),
            f"{model.info.get('architecture', 'model')}, {layer_text(report, k)}{grid_text(model)}",
        )
        for k, model in enumerate(report.models)
    )


def _recall_table(report: Report) -> RecallTable:
    """Recall with intervals as a table."""
    scores = report.scores
    rows = tuple(
        (
            name,
            persons_too(scores[0].emotions[emotion].n, scores[0].emotions[emotion].persons, named=report.names_persons),
            tuple(
                Number(
                    score.name,
                    recall_of(report, score.name, score.emotions[emotion]),
                    percent_interval(score.emotions[emotion].recall),
                )
                for score in scores
            ),
        )
        for emotion, name in enumerate(report.classes)
    )
    return RecallTable(tuple(score.name for score in scores), rows)


def models_view(report: Report, links: Links, tiles: Tiles, legends: Legends) -> ModelsView:
    """The page."""
    comparisons, explain = report.comparisons, ""
    title, lede = "Scores of the model", f"On {count(report.labelled, 'labelled image')}."
    pairs: tuple[PairRow, ...] = ()
    if len(comparisons) == 1:
        title, lede = pair_title(comparisons[0]), comparison_sentence(comparisons[0])
    elif comparisons:
        adjusted = holm([c.p_value for c in comparisons])
        title, lede = best_model(report, adjusted)
        explain = (
            "First minus second model, on the same images, with 95 % intervals. Whether a difference is significant is "
            f"decided by {paired_test(comparisons[0].difference)}, adjusted (Holm) for {len(comparisons)} pairs."
        )
        pairs = pair_rows(report, links, adjusted)
    if not report.labelled:
        lede = "None of the images has a label, so nothing was scored."
    return ModelsView(
        page=Page("Models", "Scores of the models, which is correct where, and where they differ", "Models"),
        title=title,
        lede=lede,
        keys=_model_keys(report, links),
        known=tuple(" ".join(p.claim for p in model_proofs(report, links, k)) for k in range(len(report.models))),
        measures=_measures(report) if report.labelled else (),
        recall=recall_rows(report, links) if report.labelled else (),
        recall_table=_recall_table(report),
        regions=region_matrices(report, links, report.regions) if report.regions and report.labelled else (),
        tested=report.importance is not None and report.importance.tested,
        votes=vote_section(report, links),
        takeaways=Link("Claims of heatmap guides, tested here", "method.html#takeaways")
        if report.regions is not None and report.labelled and report.regions.claims
        else None,
        pair=pair_of(report, links, tiles, 0) if len(comparisons) == 1 else None,
        pairs=pairs,
        explain=explain,
        legend=legends.maps(),
    )


def _measures(report: Report) -> tuple[tuple[str, str, str, tuple[Number, ...]], ...]:
    """Name, term, direction and every model's value of each score."""
    scores = report.scores
    return (
        (
            "Accuracy",
            "accuracy",
            "higher is better",
            tuple(Number("", accuracy_of(report, s, 1), percent_interval(s.accuracy, 1)) for s in scores),
        ),
        (
            "Balanced accuracy",
            "balanced accuracy",
            "higher is better",
            tuple(
                Number("", percent(s.balanced_accuracy.value, 1), percent_interval(s.balanced_accuracy, 1))
                for s in scores
            ),
        ),
        (
            MACRO_ALL,
            "macro-F1",
            "higher is better",
            tuple(Number("", macro_f1_of(report, s.name, s.macro_f1), decimal_interval(s.macro_f1)) for s in scores),
        ),
        (
            f"Macro-F1, {OVER_MANY}",
            "macro-F1",
            "higher is better",
            tuple(
                Number(
                    "",
                    macro_f1_of(report, s.name, s.macro_f1_without_few, OVER_MANY),
                    decimal_interval(s.macro_f1_without_few),
                )
                if s.macro_f1_without_few
                else Number("", "as over all emotions")
                for s in scores
            ),
        ),
        ("Brier score", "Brier score", "lower is better", tuple(Number("", decimal(s.brier, 3)) for s in scores)),
        ("Log loss", "log loss", "lower is better", tuple(Number("", decimal(s.nll, 2)) for s in scores)),
        (
            "Calibration error",
            "calibration error",
            "lower is better; chance alone: what a perfect model would show",
            tuple(Number("", percent(s.ece, 1), chance_alone(s.ece_band) if s.n else "") for s in scores),
        ),
    )
