"""One emotion's page: both models side by side, right and wrong, and what it is confused with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.mining import Pick
from reportgen.site.context import Context
from reportgen.site.text import (
    and_list,
    capital,
    count,
    decimal,
    decimal_interval,
    percent,
    percent_interval,
    rate,
)
from reportgen.site.views import Bar, Crumb, Example, Gallery, Legend, Link, Number, Page, Tile
from reportgen.site.views_attention import RegionTable, region_table
from reportgen.site.views_index import MeanMaps

__all__ = ["EmotionColumn", "EmotionView", "emotion_view", "split"]

_SHOWN = 3
_RIGHT_COLUMNS = ("image", "as the model sees it", "heat", "overlay")

_KINDS = (
    ("fallback", "Least wrong", "No image of this emotion is read correctly. This one comes nearest."),
    ("typical-correct", "Typical", "Correct, with heat closest to the emotion's mean map."),
    ("surest-correct", "Surest", "Correct, and the model is surest of it."),
    ("least-sure-correct", "Barely", "Correct, by the smallest confidence."),
    ("surest-error", "Surely wrong", "Misread with the highest confidence."),
    ("near-miss", "Nearly right", "Misread; the label came second, by a small margin."),
)


@dataclass(frozen=True)
class EmotionColumn:
    """What one model makes of the emotion."""

    series: str
    model: str
    anchor: str
    href: str
    numbers: tuple[Number, ...]
    sentence: str
    means: tuple[Tile, ...]
    answers: tuple[Bar, ...]
    regions: RegionTable | None
    galleries: tuple[Gallery, ...]


@dataclass(frozen=True)
class EmotionView:
    """`emotions/<emotion>.html`."""

    page: Page
    tabs: tuple[Link, ...]
    title: str
    lede: str
    empty: str
    thin: str
    columns: tuple[EmotionColumn, ...]
    legend: Legend
    explorer: Link


def split(examples: Sequence[Example], shown: int) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Those shown at once and those behind a disclosure; a single left-over is shown as well."""
    cut = len(examples) if len(examples) <= shown + 1 else shown
    return tuple(examples[:cut]), tuple(examples[cut:])


def emotion_view(context: Context, emotion: int, means: MeanMaps) -> EmotionView:
    """The page of one emotion."""
    name, n = context.classes[emotion], context.images_of(emotion)
    before = emotion - 1 if emotion > 0 else None
    after = emotion + 1 if emotion + 1 < len(context.classes) else None
    thin = ""
    if 0 < n < 10:
        thin = f"Only {count(n, 'image')}: the counts are shown, and nothing general can be said."
    return EmotionView(
        page=Page(
            capital(name),
            f"How the models read {name}: correct and misread images with heatmaps",
            "Emotions",
            (Crumb("Emotions", "emotions.html"), Crumb(name)),
            Link(context.classes[before], context.emotion_path(before)) if before is not None else None,
            Link(context.classes[after], context.emotion_path(after)) if after is not None else None,
        ),
        tabs=context.emotion_links(emotion),
        title=_title(context, emotion),
        lede=_lede(context, emotion),
        empty="" if n else f"The test set has no image labelled {name}.",
        thin=thin,
        columns=tuple(_column(context, emotion, k, means) for k in range(len(context.models))) if n else (),
        legend=context.legend(),
        explorer=Link(
            f"All {count(n, 'image')} of {name} in the explorer", context.explorer(context.token("true", name))
        ),
    )


def _title(context: Context, emotion: int) -> str:
    name = context.classes[emotion]
    parts = [score.emotions[emotion] for score in context.report.scores]
    if not parts[0].n:
        return f"{capital(name)}: nothing to see yet."
    if parts[0].thin:
        return f"{capital(name)}: {count(parts[0].n, 'image')}, too few to judge."
    lows = [part.recall.value for part in parts]
    if min(lows) > 0.5:
        return f"{capital(name)} is mostly recognised."
    if max(lows) < 0.5:
        return f"{capital(name)} is mostly missed."
    good = [score.name for score, low in zip(context.report.scores, lows, strict=True) if low > 0.5]
    return f"{capital(name)} is mostly recognised by {and_list(good)} only."


def _lede(context: Context, emotion: int) -> str:
    parts = [score.emotions[emotion] for score in context.report.scores]
    if not parts[0].n:
        return ""
    said = [
        f"{score.name} finds {rate(part) if part.thin else f'{percent(part.recall.value)}'}"
        for score, part in zip(context.report.scores, parts, strict=True)
    ]
    return f"Of {count(parts[0].n, 'image')} labelled {context.classes[emotion]}, {and_list(said)}."


def _column(context: Context, emotion: int, k: int, means: MeanMaps) -> EmotionColumn:
    model, score = context.models[k], context.report.scores[k].emotions[emotion]
    return EmotionColumn(
        series=context.series(k),
        model=model.name,
        anchor=model.slug,
        href=context.model_path(k),
        numbers=(
            Number(
                "Recall",
                rate(score),
                percent_interval(score.recall),
                f"{score.correct:,} of {score.n:,} found",
                "recall",
            ),
            Number(
                "Precision",
                percent(score.precision.value),
                percent_interval(score.precision),
                f"{score.correct:,} of {score.predicted:,} answers right",
                "precision",
            ),
            Number("F1", decimal(score.f1.value), decimal_interval(score.f1), "both in one", "F1"),
        ),
        sentence=_confused(context, emotion, k),
        means=_mean_tiles(context, emotion, k, means),
        answers=_answers(context, emotion, k),
        regions=region_table(context, context.attention, k, emotion) if context.attention else None,
        galleries=_galleries(context, emotion, k),
    )


def _confused(context: Context, emotion: int, k: int) -> str:
    row = context.report.scores[k].confusion[emotion].copy()
    row[emotion] = 0
    if not row.any():
        return "Never taken for anything else."
    top = int(row.argmax())
    return f"Taken for {context.classes[top]} most often: {count(int(row[top]), 'time')}."


def _mean_tiles(context: Context, emotion: int, k: int, means: MeanMaps) -> tuple[Tile, ...]:
    tiles = []
    for which, title in (("correct", "Mean, read correctly"), ("wrong", "Mean, misread")):
        mean = means[k].get((emotion, which))
        if mean is not None and mean.picture is not None:
            alt = (
                f"Mean {context.method} map of {context.models[k].name} for {context.classes[emotion]} over "
                f"{count(mean.n, 'image')}, {'read correctly' if which == 'correct' else 'misread'}"
            )
            tiles.append(Tile(mean.picture, alt, title, f"n = {mean.n:,}"))
    return tuple(tiles)


def _answers(context: Context, emotion: int, k: int) -> tuple[Bar, ...]:
    row = context.report.scores[k].confusion[emotion]
    total = int(row.sum())
    bars = []
    for predicted in sorted(range(len(row)), key=lambda i: (-int(row[i]), i)):
        value = int(row[predicted])
        if not value:
            continue
        href = None if predicted == emotion else f"{context.errors_path(k)}#{context.pair_anchor(emotion, predicted)}"
        bars.append(
            Bar(
                context.classes[predicted],
                round(100 * value / total, 2),
                f"{value:,}",
                href,
                predicted == emotion,
                context.series(k),
            )
        )
    return tuple(bars)


def _galleries(context: Context, emotion: int, k: int) -> tuple[Gallery, ...]:
    model, name = context.models[k], context.classes[emotion]
    galleries = []
    correct_seen = False
    for kind, title, explain in _KINDS:
        picks: tuple[Pick, ...] = context.report.mined.of(model.slug, name, kind)
        if not picks:
            continue
        wrong = kind in ("surest-error", "near-miss", "fallback")
        anchor = f"{model.slug}-{kind}"
        if not wrong and not correct_seen:
            correct_seen, anchor = True, f"{model.slug}-correct"
        columns = (
            ("image", "evidence for the answer", f"evidence for {name}", "who wins where") if wrong else _RIGHT_COLUMNS
        )
        shown, more = split([context.example(pick, k) for pick in picks], _SHOWN)
        galleries.append(Gallery(anchor, title, explain, columns, shown, more))
    return tuple(galleries)
