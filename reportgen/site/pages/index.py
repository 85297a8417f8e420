"""The first page, and the two overviews behind it (models, emotions)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reportgen.site.html.components import Finding, Headline, Legend, Link, Number, Page, Tile, series_of
from reportgen.site.interactive.before_after import HeadlineProof, ProofPictures, headline_proof
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pictures.mean_maps import MeanMap, MeanMaps
from reportgen.site.report import DataNote, Report
from reportgen.site.sections.certificate import certificate_line
from reportgen.site.sections.region_matrix import MatrixKey, RegionMatrix, matrix_keys, region_matrices
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import (
    count,
    percent_interval,
    plain,
)
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.importance import LEAST_FALL, matter_sentences
from reportgen.site.wording.models import recall_of
from reportgen.site.wording.next_steps import Step, next_steps
from reportgen.site.wording.performance.groups import groups_answer
from reportgen.site.wording.performance.robustness import robustness_answer
from reportgen.site.wording.scope import facts, map_origin, remarks
from reportgen.site.wording.shortcuts import cue_label

__all__ = ["EmotionsView", "IndexView", "MapRow", "emotions_view", "index_view", "map_rows"]


@dataclass(frozen=True)
class MapRow:
    """One model's mean maps, an entry per emotion; None where there is nothing to average."""

    series: str
    model: str
    href: str
    tiles: tuple[Tile | None, ...]


@dataclass(frozen=True)
class IndexView:
    """`index.html`; `proof` of the headline in pictures; `maps` where there is none, as the first pictures.

    `words`: of what the sentences take for known the term, how it is written there, and what it means.
    `findings` answer the four questions, `more` those that a part of the report is about where it was measured;
    `certified`: how often reports like this one are right, "" where that is not known.
    """

    page: Page
    facts: str
    headline: Headline
    words: tuple[tuple[str, str, str], ...]
    proof: HeadlineProof | None
    findings: tuple[Finding, ...]
    more: tuple[Finding, ...]
    certified: str
    emotions: tuple[Link, ...]
    regions: tuple[RegionMatrix, ...]
    cells: tuple[MatrixKey, ...]
    tested: bool
    maps: tuple[MapRow, ...]
    legend: Legend
    steps: tuple[Step, ...]
    notes: tuple[DataNote, ...]
    noted: str
    ran: tuple[tuple[str, str], ...]


_WORDS = (
    (r"\brecall\b", "recall", "Recall", "share of an emotion's photos predicted as it"),
    (r"\bpoints\b", "percentage point", "Points", "percentage points"),
    (r"\[", "interval", "Brackets", "95 % interval"),
)
"""How a word is met, its term, how it is written and what it means, in few words."""


def _words(texts: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
    """Of `_WORDS` those that are met."""
    text = " ".join(texts)
    return tuple((term, word, means) for met, term, word, means in _WORDS if re.search(met, text))


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
    """One emotion at a glance; `known`: what it was proved to be known by beside the face; `used`: which regions of the
    face were shown to matter when swapped.
    """

    name: str
    href: str
    n: str
    thin: bool
    tiles: tuple[Tile, ...]
    recalls: tuple[Number, ...]
    known: str
    used: tuple[str, ...]


def _mean_tile(report: Report, k: int, emotion: int, mean: MeanMap | None, href: str) -> Tile | None:
    if mean is None or mean.picture is None:
        return None
    model, name = report.models[k], report.classes[emotion]
    return Tile(
        mean.picture,
        f"Mean {report.methods[k]} map of {model.name} for {name} over {count(mean.n, 'image')}, on their mean face",
        model.name,
        f"{count(mean.n, 'image')}{', too few for a mean' if mean.few else ''}",
        href,
        mean.few,
    )


def map_rows(report: Report, links: Links, means: MeanMaps) -> tuple[MapRow, ...]:
    """Mean maps of all emotions, a row per model."""
    rows = []
    for k, model in enumerate(report.models):
        tiles = tuple(
            _mean_tile(report, k, emotion, means[k].get((emotion, "all")), links.emotion_path(emotion))
            for emotion in range(len(report.classes))
        )
        rows.append(MapRow(series_of(k), model.name, links.model_path(k), tiles))
    return tuple(rows)


def _ran(report: Report) -> tuple[tuple[str, str], ...]:
    manifest = report.analysis.manifest
    data = manifest.get("data", {})
    source = plain(str(data.get("source") or data.get("file") or "test set"))
    rows = [
        ("Test set", f"{source}, {count(len(report.everything.labels), 'image')}"),
        ("Heatmaps", "; ".join(dict.fromkeys(map_origin(report, k) for k in range(len(report.models))))),
    ]
    for model in report.models:
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


def index_view(
    report: Report, links: Links, tiles: Tiles, legends: Legends, means: MeanMaps, proofs: ProofPictures
) -> IndexView:
    """The first page."""
    head = headline(report)
    findings = answer_questions(report, links)
    more = tuple(filter(None, (groups_answer(report), robustness_answer(report))))
    proof = headline_proof(report, links, tiles, proofs)
    matrices = region_matrices(report, links, report.regions) if report.regions and report.labelled else ()
    importance = report.importance if report.importance is not None and report.importance.tested else None
    light = sum(not note.serious for note in remarks(report))
    return IndexView(
        page=Page("Answers", f"{head.text} {head.lede}", "Answers"),
        facts=facts(report),
        headline=head,
        words=_words((head.text, head.lede, *(f"{one.lead} {one.whole}" for one in (*findings, *more)))),
        proof=proof,
        findings=findings,
        more=more,
        certified=certificate_line(report),
        emotions=tuple(Link(name, links.emotion_path(index)) for index, name in enumerate(report.classes)),
        regions=matrices,
        cells=matrix_keys(matrices, tested=importance is not None, least=LEAST_FALL),
        tested=importance is not None,
        maps=() if proof else map_rows(report, links, means),
        legend=legends.means(rows=True),
        steps=next_steps(report, links),
        notes=tuple(note for note in remarks(report) if note.serious),
        noted=count(light, "more note") if light else "",
        ran=_ran(report),
    )


_HEAT_AND_USE = {
    True: "Heat does not tell what a model uses; below each emotion stands what swapping regions showed to matter.",
    False: "Heat does not tell what a model uses: regions were not swapped.",
}
"""By whether regions were swapped."""


def emotions_view(report: Report, links: Links, legends: Legends, means: MeanMaps) -> EmotionsView:
    """Every emotion with its mean maps."""
    cards = []
    for emotion, name in enumerate(report.classes):
        tiles = [
            _mean_tile(report, k, emotion, means[k].get((emotion, "all")), links.emotion_path(emotion))
            for k in range(len(report.models))
        ]
        parts = [score.emotions[emotion] for score in report.scores]
        cards.append(
            EmotionCard(
                name,
                links.emotion_path(emotion),
                count(report.images_of(emotion), "image"),
                parts[0].few,
                tuple(tile for tile in tiles if tile is not None),
                tuple(
                    Number(score.name, recall_of(report, score.name, part), percent_interval(part.recall))
                    for score, part in zip(report.scores, parts, strict=True)
                    if part.n
                ),
                cue_label(report, name),
                matter_sentences(report, name),
            )
        )
    return EmotionsView(
        page=Page("Emotions", "Heat and region importance for each emotion", "Emotions"),
        title="Where the heat lies for each emotion",
        lede=(
            "The mean of all heatmaps of an emotion's images, for the labelled class, over the mean of those images. "
            f"{_HEAT_AND_USE[report.importance is not None and report.importance.tested]}"
        ),
        cards=tuple(cards),
        legend=legends.means(rows=True, left_out=True),
    )
