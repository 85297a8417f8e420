"""One emotion's page: both models side by side, right and wrong, and what it is confused with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reportgen.evidence.examples.mining import Pick
from reportgen.site.html.components import Bar, Crumb, Example, Gallery, Legend, Link, Number, Page, Tile, series_of
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pictures.mean_maps import MeanMaps
from reportgen.site.pictures.patches import PatchStrip
from reportgen.site.report import Report
from reportgen.site.sections.mean_maps import mean_note
from reportgen.site.sections.region_profile import ActionGroup, RegionProfile, action_groups, region_profile
from reportgen.site.sections.region_rows import else_decided
from reportgen.site.tiles import Tiles
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.emotions import correct_predictions, emotion_lede, emotion_title
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    decimal_interval,
    number,
    percent,
    percent_interval,
    persons_too,
    small,
)
from reportgen.site.wording.models import recall_of
from reportgen.site.wording.shortcuts import Proof, emotion_proofs

__all__ = ["EmotionColumn", "EmotionView", "emotion_view", "split"]

_SHOWN = 3

Patches = tuple[Mapping[int, PatchStrip], ...]
"""Per model, the strips by label."""

_RIGHT_COLUMNS = ("image", "as the model sees it", "heat", "overlay")

_KINDS = (
    ("fallback", "Closest", "No image of this emotion is classified correctly. This one comes nearest."),
    ("typical-correct", "Typical correct images", "Heat closest to the emotion's mean map."),
    ("surest-error", "Most confident errors", ""),
)
_FOLDED = (
    ("surest-correct", "Most confident correct images", ""),
    ("least-sure-correct", "Least confident correct images", ""),
    ("near-miss", "Near misses", "The true label came second, the smallest margin first."),
)


@dataclass(frozen=True)
class EmotionColumn:
    """How one model does on the emotion; `folded` are galleries behind a disclosure."""

    series: str
    model: str
    anchor: str
    href: str
    numbers: tuple[Number, ...]
    sentence: str
    means: tuple[Tile, ...]
    answers: tuple[Bar, ...]
    decided: tuple[tuple[str, bool], ...]
    patches: tuple[Tile, ...]
    patch_note: str
    galleries: tuple[Gallery, ...]
    folded: tuple[Gallery, ...]
    folded_title: str


@dataclass(frozen=True)
class EmotionView:
    """`emotions/<emotion>.html`."""

    page: Page
    tabs: tuple[Link, ...]
    name: str
    title: str
    proofs: tuple[Proof, ...]
    lede: str
    empty: str
    thin: str
    columns: tuple[EmotionColumn, ...]
    profile: RegionProfile | None
    actions: tuple[ActionGroup, ...]
    mean_legend: Legend
    legend: Legend
    explorer: Link


def split(examples: Sequence[Example], shown: int) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Those shown at once and those behind a disclosure; a single left-over is shown as well."""
    cut = len(examples) if len(examples) <= shown + 1 else shown
    return tuple(examples[:cut]), tuple(examples[cut:])


def emotion_view(
    report: Report, links: Links, tiles: Tiles, legends: Legends, emotion: int, means: MeanMaps, patches: Patches
) -> EmotionView:
    """The page of one emotion."""
    name, n = report.classes[emotion], report.images_of(emotion)
    before = emotion - 1 if emotion > 0 else None
    after = emotion + 1 if emotion + 1 < len(report.classes) else None
    thin = ""
    if 0 < n < 10:
        thin = f"Only {count(n, 'image')}: only counts are shown."
    return EmotionView(
        page=Page(
            capital(name),
            f"How the models recognise {name}: correct and misclassified images with heatmaps",
            "Emotions",
            (Crumb("Emotions", "emotions.html"), Crumb(name)),
            Link(report.classes[before], links.emotion_path(before)) if before is not None else None,
            Link(report.classes[after], links.emotion_path(after)) if after is not None else None,
        ),
        tabs=links.emotion_links(emotion),
        name=name,
        title=emotion_title(report, emotion),
        proofs=emotion_proofs(report, links, emotion),
        lede=emotion_lede(report, emotion),
        empty="" if n else f"The test set has no image labelled {name}.",
        thin=thin,
        columns=tuple(
            _column(report, links, tiles, emotion, k, means, patches[k].get(emotion)) for k in range(len(report.models))
        )
        if n
        else (),
        profile=region_profile(report, links, emotion),
        actions=action_groups(report, emotion),
        mean_legend=legends.means(rows=True),
        legend=legends.maps(),
        explorer=Link(
            f"{_which(report, emotion)} of {name} in the explorer", links.explorer(links.token("true", name))
        ),
    )


def _which(report: Report, emotion: int) -> str:
    shown, n = report.close_images_of(emotion), report.images_of(emotion)
    return f"{number(shown)} of {count(n, 'image')}" if shown < n else f"All {count(n, 'image')}"


def _column(
    report: Report, links: Links, tiles: Tiles, emotion: int, k: int, means: MeanMaps, patches: PatchStrip | None
) -> EmotionColumn:
    model, score = report.models[k], report.scores[k].emotions[emotion]
    folded = _galleries(report, tiles, emotion, k, _FOLDED)
    return EmotionColumn(
        series=series_of(k),
        model=model.name,
        anchor=model.slug,
        href=links.model_path(k),
        numbers=(
            Number(
                "Recall",
                recall_of(report, model.name, score),
                percent_interval(score.recall),
                f"{score.correct:,} of {persons_too(score.n, score.persons, named=report.names_persons)} recognised",
                "recall",
            ),
            Number(
                "Precision",
                percent(score.precision.value),
                percent_interval(score.precision),
                correct_predictions(score),
                "precision",
            ),
            Number("F1", decimal(score.f1.value), decimal_interval(score.f1), "both in one", "F1"),
        ),
        sentence="" if _is_confused(report, emotion, k) else "Never predicted as anything else.",
        means=_mean_tiles(report, emotion, k, means),
        answers=_answers(report, links, emotion, k),
        decided=else_decided(report.regions, report.importance, model.name, report.classes[emotion])
        if report.regions
        else (),
        patches=_patch_tiles(report, links, emotion, k, patches),
        patch_note=_patch_note(report, emotion, patches),
        galleries=_galleries(report, tiles, emotion, k, _KINDS),
        folded=folded,
        folded_title=capital(and_list([small(gallery.title) for gallery in folded])),
    )


def _is_confused(report: Report, emotion: int, k: int) -> bool:
    row = report.scores[k].confusion[emotion]
    return bool(row.sum() > row[emotion])


def _mean_tiles(report: Report, emotion: int, k: int, means: MeanMaps) -> tuple[Tile, ...]:
    tiles = []
    for which, title in (("correct", "Mean, classified correctly"), ("wrong", "Mean, misclassified")):
        mean = means[k].get((emotion, which))
        if mean is not None and mean.picture is not None:
            alt = (
                f"Mean {report.methods[k]} map of {report.models[k].name} for {report.classes[emotion]} over "
                f"{count(mean.n, 'image')}, {'classified correctly' if which == 'correct' else 'misclassified'}"
            )
            tiles.append(Tile(mean.picture, alt, title, mean_note(mean), few=mean.few))
    return tuple(tiles)


def _patch_tiles(report: Report, links: Links, emotion: int, k: int, strip: PatchStrip | None) -> tuple[Tile, ...]:
    model, name = report.models[k], report.classes[emotion]
    tiles = []
    for patch in strip.patches if strip is not None else ():
        region = REGION_NAMES.get(patch.region, "")
        alt = f"Patch of image {report.ids[patch.row]} at the peak of {model.name}'s map for {name}"
        tiles.append(
            Tile(
                patch.picture,
                alt + (f": {region}" if region else ""),
                capital(region) or "Peak",
                href=links.image_path(patch.row),
            )
        )
    return tuple(tiles)


def _patch_note(report: Report, emotion: int, strip: PatchStrip | None) -> str:
    name = report.classes[emotion]
    if strip is None or not strip.patches:
        return (
            f"No image of {name} is classified correctly with a map that is not blank, so there is nothing to cut out."
        )
    text = "Cut where the evidence is strongest, one image each, near-duplicates left out."
    if strip.regions:
        places = and_list([f"on the {REGION_NAMES[region]} in {number(n)}" for region, n in strip.regions[:3]])
        text += f" Of {count(strip.correct, 'correct image')} the peak lies {places}."
    return text


def _answers(report: Report, links: Links, emotion: int, k: int) -> tuple[Bar, ...]:
    row = report.scores[k].confusion[emotion]
    total = int(row.sum())
    bars = []
    for predicted in sorted(range(len(row)), key=lambda i: (-int(row[i]), i)):
        value = int(row[predicted])
        if not value:
            continue
        href = None if predicted == emotion else f"errors.html#{links.pair_anchor(k, emotion, predicted)}"
        bars.append(
            Bar(
                report.classes[predicted],
                round(100 * value / total, 2),
                f"{value:,}",
                href,
                predicted == emotion,
                series_of(k),
            )
        )
    return tuple(bars)


def _galleries(
    report: Report, tiles: Tiles, emotion: int, k: int, kinds: tuple[tuple[str, str, str], ...]
) -> tuple[Gallery, ...]:
    model, name = report.models[k], report.classes[emotion]
    galleries = []
    for kind, title, explain in kinds:
        picks: tuple[Pick, ...] = report.mined.of(model.slug, name, kind)
        if not picks:
            continue
        wrong = kind in ("surest-error", "near-miss", "fallback")
        anchor = f"{model.slug}-{kind}"
        if kind == "typical-correct":
            anchor = f"{model.slug}-correct"
        columns = (
            ("image", "evidence for the prediction", f"evidence for {name}", "difference") if wrong else _RIGHT_COLUMNS
        )
        shown, more = split([replace(tiles.example(pick, k), truth="") for pick in picks], _SHOWN)
        galleries.append(Gallery(anchor, title, explain, columns, shown, more))
    return tuple(galleries)
