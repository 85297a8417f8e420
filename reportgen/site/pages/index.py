"""The first page, and the two overviews behind it (models, emotions)."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.importance.regions import MIN_DROP
from reportgen.site.context import Context
from reportgen.site.html.components import Finding, Headline, Legend, Link, MarkRow, Number, Page, Tile
from reportgen.site.pictures.mean_maps import MeanMap, MeanMaps
from reportgen.site.plots.recall import recall_rows
from reportgen.site.report import DataNote
from reportgen.site.sections.region_matrix import MatrixKey, RegionMatrix, matrix_keys, region_matrices
from reportgen.site.wording.claims import takeaways_link
from reportgen.site.wording.format import (
    chance_alone,
    count,
    decimal,
    decimal_interval,
    percent,
    percent_interval,
    plain,
    rate,
)
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.importance import USE_RULE, use_basis
from reportgen.site.wording.next_steps import Step, next_steps
from reportgen.site.wording.proofs import known_words, model_proofs

__all__ = [
    "EmotionsView",
    "IndexView",
    "MapRow",
    "ModelKey",
    "ModelsView",
    "emotions_view",
    "index_view",
    "map_rows",
    "model_keys",
    "models_view",
    "recall_table",
]


@dataclass(frozen=True)
class ModelKey:
    """One model in a key: its mark, name, page and a line about it."""

    series: str
    name: str
    href: str
    text: str


@dataclass(frozen=True)
class MapRow:
    """One model's mean maps, an entry per emotion; None where there is nothing to average."""

    series: str
    model: str
    href: str
    tiles: tuple[Tile | None, ...]


@dataclass(frozen=True)
class RecallTable:
    """The recall plot as a table: per emotion n and each model's recall with its interval."""

    models: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Number, ...]], ...]


@dataclass(frozen=True)
class IndexView:
    """`index.html`."""

    page: Page
    facts: str
    headline: Headline
    findings: tuple[Finding, ...]
    emotions: tuple[Link, ...]
    regions: tuple[RegionMatrix, ...]
    cells: tuple[MatrixKey, ...]
    tested: bool
    basis: str
    rule: str
    maps: tuple[MapRow, ...]
    legend: Legend
    keys: tuple[ModelKey, ...]
    recall: tuple[MarkRow, ...]
    recall_table: RecallTable
    steps: tuple[Step, ...]
    notes: tuple[DataNote, ...]
    ran: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ModelsView:
    """`models.html`: the models side by side; `known`: per key, what was proved not to be read off the face."""

    page: Page
    title: str
    lede: str
    keys: tuple[ModelKey, ...]
    known: tuple[str, ...]
    measures: tuple[tuple[str, str, str, tuple[Number, ...]], ...]
    recall: tuple[MarkRow, ...]
    recall_table: RecallTable
    takeaways: Link | None


@dataclass(frozen=True)
class EmotionsView:
    """`emotions.html`: every emotion with its mean maps."""

    page: Page
    title: str
    lede: str
    cards: tuple[EmotionCard, ...]
    legend: Legend


@dataclass(frozen=True)
class EmotionCard:
    """One emotion at a glance; `known`: what it was proved to be known by beside the face."""

    name: str
    href: str
    n: str
    thin: bool
    tiles: tuple[Tile, ...]
    recalls: tuple[Number, ...]
    known: str


def model_keys(context: Context) -> tuple[ModelKey, ...]:
    """The key to marks and colours."""
    return tuple(
        ModelKey(
            context.series(k),
            model.name,
            context.model_path(k),
            f"{model.info.get('architecture', 'model')}, layer {model.info.get('target_layer', '?')}, "
            f"{context.grid_text(model)}",
        )
        for k, model in enumerate(context.models)
    )


def _mean_tile(context: Context, k: int, emotion: int, mean: MeanMap | None, href: str) -> Tile | None:
    if mean is None or mean.picture is None:
        return None
    model, name = context.models[k], context.classes[emotion]
    return Tile(
        mean.picture,
        f"Mean {context.method} map of {model.name} for {name} over {count(mean.n, 'image')}, on their mean face",
        model.name,
        f"n = {mean.n:,}{', too few for a mean' if mean.few else ''}",
        href,
        mean.few,
    )


def map_rows(context: Context, means: MeanMaps) -> tuple[MapRow, ...]:
    """Mean maps of all emotions, a row per model."""
    rows = []
    for k, model in enumerate(context.models):
        tiles = tuple(
            _mean_tile(context, k, emotion, means[k].get((emotion, "all")), context.emotion_path(emotion))
            for emotion in range(len(context.classes))
        )
        rows.append(MapRow(context.series(k), model.name, context.model_path(k), tiles))
    return tuple(rows)


def recall_table(context: Context) -> RecallTable:
    """Recall with intervals as a table."""
    scores = context.report.scores
    rows = tuple(
        (
            name,
            f"{scores[0].emotions[emotion].n:,}",
            tuple(
                Number(
                    score.name,
                    rate(score.emotions[emotion]),
                    percent_interval(score.emotions[emotion].recall),
                )
                for score in scores
            ),
        )
        for emotion, name in enumerate(context.classes)
    )
    return RecallTable(tuple(score.name for score in scores), rows)


def _ran(context: Context) -> tuple[tuple[str, str], ...]:
    manifest = context.analysis.manifest
    data = manifest.get("data", {})
    source = plain(str(data.get("source") or data.get("file") or "test set"))
    rows = [
        ("Test set", f"{source}, {count(len(context.everything.labels), 'image')}"),
        ("Heatmaps", f"{context.method} of every class, at the layer's own resolution"),
    ]
    for model in context.models:
        info = model.info
        rows.append(
            (
                model.name,
                f"{info.get('architecture', 'model')} from {info.get('file', 'a checkpoint')}, "
                f"sha256 {str(info.get('sha256', ''))[:12]}…",
            )
        )
    versions = manifest.get("versions", {})
    if versions:
        rows.append(("Versions", ", ".join(f"{name} {value}" for name, value in sorted(versions.items()))))
    return tuple(rows)


def index_view(context: Context, means: MeanMaps) -> IndexView:
    """The first page."""
    head = headline(context)
    matrices = region_matrices(context, context.attention) if context.attention and context.labelled else ()
    use = context.report.use if context.report.use is not None and context.report.use.tested else None
    return IndexView(
        page=Page("Answers", f"{head.text} {head.lede}", "Answers"),
        facts=context.facts,
        headline=head,
        findings=answer_questions(context),
        emotions=tuple(Link(name, context.emotion_path(index)) for index, name in enumerate(context.classes)),
        regions=matrices,
        cells=matrix_keys(matrices, tested=use is not None, least=f"{MIN_DROP:g}"),
        tested=use is not None,
        basis="" if use is None else use_basis(use),
        rule=USE_RULE,
        maps=map_rows(context, means),
        legend=context.mean_legend(rows=True),
        keys=model_keys(context),
        recall=recall_rows(context) if context.labelled else (),
        recall_table=recall_table(context),
        steps=next_steps(context),
        notes=context.data_notes,
        ran=_ran(context),
    )


def models_view(context: Context) -> ModelsView:
    """The models side by side."""
    scores = context.report.scores
    measures: tuple[tuple[str, str, str, tuple[Number, ...]], ...] = (
        (
            "Accuracy",
            "accuracy",
            "higher is better",
            tuple(Number("", percent(s.accuracy.value, 1), percent_interval(s.accuracy, 1)) for s in scores),
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
            "Macro-F1",
            "macro-F1",
            "higher is better",
            tuple(Number("", decimal(s.macro_f1.value), decimal_interval(s.macro_f1)) for s in scores),
        ),
        (
            "Macro-F1, emotions with 10 images or more",
            "macro-F1",
            "higher is better",
            tuple(
                Number("", decimal(s.macro_f1_without_few.value), decimal_interval(s.macro_f1_without_few))
                if s.macro_f1_without_few
                else Number("", "the same")
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
    lede = (
        context.report.comparisons[0].sentence
        if len(context.report.comparisons) == 1
        else (f"Scores of {count(len(context.models), 'model')} on {count(context.labelled, 'labelled image')}.")
    )
    if not context.labelled:
        lede, measures = "None of the images has a label, so nothing was scored.", ()
    return ModelsView(
        page=Page("Models", "Scores of the models, side by side", "Models"),
        title="How good they are, side by side" if len(context.models) > 1 else "How good it is",
        lede=lede,
        keys=model_keys(context),
        known=tuple(" ".join(p.claim for p in model_proofs(context, k)) for k in range(len(context.models))),
        measures=measures,
        recall=recall_rows(context) if context.labelled else (),
        recall_table=recall_table(context),
        takeaways=takeaways_link(context),
    )


def emotions_view(context: Context, means: MeanMaps) -> EmotionsView:
    """Every emotion with its mean maps."""
    cards = []
    for emotion, name in enumerate(context.classes):
        tiles = [
            _mean_tile(context, k, emotion, means[k].get((emotion, "all")), context.emotion_path(emotion))
            for k in range(len(context.models))
        ]
        parts = [score.emotions[emotion] for score in context.report.scores]
        cards.append(
            EmotionCard(
                name,
                context.emotion_path(emotion),
                context.n_text(emotion),
                parts[0].thin,
                tuple(tile for tile in tiles if tile is not None),
                tuple(
                    Number(score.name, rate(part), percent_interval(part.recall))
                    for score, part in zip(context.report.scores, parts, strict=True)
                    if part.n
                ),
                known_words(context, name),
            )
        )
    return EmotionsView(
        page=Page("Emotions", "Where the models look for each emotion", "Emotions"),
        title="What each emotion looks like to the models",
        lede="The mean of all heatmaps of an emotion's images, for the labelled class, over the mean of those images.",
        cards=tuple(cards),
        legend=context.mean_legend(rows=True),
    )
