"""What gives labels away in the data, near duplicates under different labels, and groups of heatmaps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.attention.map_clusters import MIN_MAPS, MapCluster
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.findings import ShortcutFindings
from reportgen.evidence.shortcuts.near_duplicates import NearPair
from reportgen.evidence.shortcuts.properties import Association, Property
from reportgen.evidence.shortcuts.property_score import PropertyScore
from reportgen.site.html.components import Cell, Number, Prediction, Thumb, series_of
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.attention import group_name
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    format_p,
    half_up,
    number,
    percent,
    percent_estimate,
    percent_interval,
    points,
)

__all__ = [
    "ClusterModel",
    "Duplicates",
    "PropertyTable",
    "clusters_view",
    "duplicates_view",
    "property_table",
]

_PAIRS = 24
_GONE = {
    "colour": "no photo of this set has any colour",
    "JPEG file": "all photos are stored in the same kind of file",
    "JPEG quality": "all photos have the same JPEG quality, or none has one",
}
# Of a grey set "no photo has any colour" says it all.
_OF_COLOUR = ("colourfulness", "red cast", "yellow cast", "background colour")


@dataclass(frozen=True)
class PropertyRow:
    """One property: a cell per emotion; `flagged`: whether it goes with one of them."""

    name: str
    unit: str
    cells: tuple[Cell, ...]
    flagged: bool


@dataclass(frozen=True)
class PropertyTable:
    """How properties go with emotions, and the classifier that sees nothing else."""

    sentence: str
    numbers: tuple[Number, ...]
    emotions: tuple[tuple[str, str, str], ...]
    rows: tuple[PropertyRow, ...]
    left_out: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class NearDuplicatePair:
    """Two photos that are nearly the same, their labels, and what the models say of each."""

    bits: str
    sides: tuple[tuple[Thumb, str, str, tuple[Prediction, ...]], tuple[Thumb, str, str, tuple[Prediction, ...]]]


@dataclass(frozen=True)
class Duplicates:
    """Near duplicates under different labels."""

    sentence: str
    pairs: tuple[NearDuplicatePair, ...]
    more: tuple[NearDuplicatePair, ...]


@dataclass(frozen=True)
class HeatmapGroup:
    """One group of heatmaps."""

    name: str
    size: str
    right: str
    background: str
    suspect: bool
    examples: tuple[tuple[Thumb, Thumb, str], ...]


@dataclass(frozen=True)
class ClusterEmotion:
    """The groups of one emotion."""

    emotion: str
    href: str
    note: str
    clusters: tuple[HeatmapGroup, ...]


@dataclass(frozen=True)
class ClusterModel:
    """One model: emotions with groups, and in a sentence those without."""

    anchor: str
    series: str
    model: str
    suspects: str
    emotions: tuple[ClusterEmotion, ...]
    single: str


def property_table(report: Report, links: Links, findings: ShortcutFindings) -> PropertyTable | None:
    """The table; None without labels."""
    if not findings.links:
        return None
    by, score = {(link.name, link.emotion): link for link in findings.links}, findings.score
    shown = [e for e in range(len(report.classes)) if report.images_of(e)]
    rows, gone = [], []
    words = [f"The tree is given {and_list(list(score.properties))}."] if score is not None else []
    for item in findings.properties:
        if item.varies:
            row = [by[item.name, report.classes[e]] for e in shown]
            what = "share that is" if item.binary else f"how often {item.more}"
            cells, flagged = tuple(_cell(link, item) for link in row), any(link.answer == "yes" for link in row)
            rows.append(PropertyRow(capital(item.name), what, cells, flagged))
            words += [_words(link, findings.properties) for link in row if link.answer == "yes"]
        elif item.name not in _OF_COLOUR:
            gone.append(_GONE.get(item.name, f"{item.name} is the same everywhere"))
    emotions = ((report.classes[e], links.emotion_path(e), count(report.images_of(e), "image")) for e in shown)
    return PropertyTable(
        sentence=_score_sentence(findings.score),
        numbers=_numbers(findings.score),
        emotions=tuple(emotions),
        rows=tuple(rows),
        left_out=f"Left out: {and_list(gone)}." if gone else "",
        words=tuple(words),
    )


def _cell(link: Association, item: Property) -> Cell:
    if link.answer == "insufficient evidence" or not link.auc.defined:
        return Cell("–", 0, f"{link.emotion}: fewer than {FEW} images")
    text = percent(link.typical) if item.binary else percent(link.auc.value)
    shade = min(10, math.ceil(20 * abs(link.auc.value - 0.5)))
    sign = "" if link.answer != "yes" else " ▲" if link.sign > 0 else " ▼"
    return Cell(text + sign, shade if link.answer == "yes" else 0, _in_short(link, item), diagonal=link.answer == "yes")


def _in_short(link: Association, item: Property) -> str:
    """The numbers of one cell, whose row and column name the rest."""
    p = f"({format_p(link.p)}, corrected)"
    if item.binary:
        return f"{percent(link.typical)}, of the others {percent(link.elsewhere)} {p}"
    return f"{percent(link.auc.value)} [{half_up(100 * link.auc.low, 0)}, {half_up(100 * link.auc.high, 0)}] {p}"


def _words(link: Association, properties: tuple[Property, ...]) -> str:
    item = next(item for item in properties if item.name == link.name)
    if item.binary:
        # Of a property that is there or not, the share of pairs and the difference of both shares say the same.
        ends = ", ".join(points(2 * end - 1, 0, unit="") for end in (link.auc.low, link.auc.high))
        return (
            f"{capital(link.emotion)}: {percent(link.typical)} {item.more}, {percent(link.elsewhere)} of the others, "
            f"{points(link.typical - link.elsewhere, 0, unit=' percentage points')} [{ends}] "
            f"({format_p(link.p)}, corrected)."
        )
    low, high = (100 * end for end in (link.auc.low, link.auc.high))
    return (
        f"{capital(link.emotion)}: {item.more} than a photo of another emotion {percent(link.auc.value)} of the time "
        f"[{half_up(low, 0)}, {half_up(high, 0)}], {item.less} in the rest ({format_p(link.p)}, corrected)."
    )


def _score_sentence(score: PropertyScore | None) -> str:
    if score is None:
        return "Too few images or nothing that differs: no classifier could be trained on the photos' properties alone."
    seen = count(len(score.properties), "property", "properties")
    verdict = (
        "better than chance, so the photos do give labels away"
        if score.gives_away
        else "no better than chance, so these properties give nothing away"
    )
    out = f" Too few images to take part: {and_list(list(score.left_out))}." if score.left_out else ""
    return (
        f"A small decision tree that never sees a face, only {seen}, finds the label {verdict}. Each photo is judged "
        f"by a tree that has seen neither it nor a copy nor, where persons are known, its person.{out}"
    )


def _numbers(score: PropertyScore | None) -> tuple[Number, ...]:
    if score is None:
        return ()
    best = max(range(len(score.emotions)), key=lambda k: score.recalls[k].value)
    value = score.balanced_accuracy
    return (
        Number(
            "Without a face",
            percent(value.value),
            percent_interval(value),
            f"balanced accuracy, n = {value.n:,}",
            "balanced accuracy",
        ),
        Number("Guessing", percent(score.chance), "", f"one of {len(score.emotions)} emotions"),
        Number(
            "With shuffled labels",
            f"≤ {percent(score.null_high)}",
            "",
            f"in 95 % of {number(score.permutations)} shuffles; {format_p(score.p)}",
        ),
        Number(
            "Best found",
            score.emotions[best],
            "",
            f"{percent_estimate(score.recalls[best])} of {number(score.recalls[best].n)}",
        ),
    )


def duplicates_view(report: Report, links: Links, tiles: Tiles, findings: ShortcutFindings) -> Duplicates:
    """The gallery."""
    near = findings.duplicates
    pairs = [_pair(report, links, tiles, pair) for pair in near.pairs[: 4 * _PAIRS]]
    if near.pairs:
        many = len(near.pairs) > len(pairs)
        sentence = (
            f"{count(len(near.pairs), 'pair')} of nearly the same picture under different labels"
            f"{f', the closest {len(pairs)} are shown' if many else ''}. At least one label of each pair may be wrong: "
            "look, and relabel."
        )
    elif near.compared:
        sentence = "No two images under different labels are nearly the same picture."
    else:
        sentence = "Nothing to compare: no labelled image."
    if near.compared:
        sentence += (
            f" All {count(near.compared, 'labelled image')} were compared by a fingerprint of 64 bits that survives "
            f"resizing and storing again; near means at most {near.most_bits} different bits."
        )
        if near.alike:
            sentence += f" {count(near.alike, 'pair')} with equal labels {'is' if near.alike == 1 else 'are'} as near."
    return Duplicates(sentence, tuple(pairs[:_PAIRS]), tuple(pairs[_PAIRS:]))


def _pair(report: Report, links: Links, tiles: Tiles, pair: NearPair) -> NearDuplicatePair:
    def side(row: int) -> tuple[Thumb, str, str, tuple[Prediction, ...]]:
        alt = f"Image {report.ids[row]}, labelled {report.truth(row)}"
        return tiles.thumb(row, alt), report.truth(row), links.image_path(row), tiles.predictions(row)

    return NearDuplicatePair(f"{pair.distance} of 64 bits differ", (side(pair.a), side(pair.b)))


def clusters_view(
    report: Report, links: Links, tiles: Tiles, findings: ShortcutFindings
) -> tuple[tuple[ClusterModel, ...], str]:
    """The groups of every model, or why there are none."""
    if not findings.clusters:
        if not report.labelled:
            return (), "No image has a label, so there is no emotion whose heatmaps could be sorted."
        if report.analysis.faces is None:
            return (), "Faces were not located in this build, so heatmaps cannot be laid over each other."
        return (), f"No emotion has {MIN_MAPS} heatmaps or more: fewer form no groups."
    return tuple(_cluster_model(report, links, tiles, k, findings) for k in range(len(report.models))), ""


def _cluster_model(report: Report, links: Links, tiles: Tiles, k: int, findings: ShortcutFindings) -> ClusterModel:
    model = report.models[k]
    mine = [cluster for cluster in findings.clusters if cluster.model == model.name]
    grouped: dict[str, list[MapCluster]] = {}
    for cluster in mine:
        grouped.setdefault(cluster.emotion, []).append(cluster)
    # Emotions with a suspicious group first.
    several = [name for name, group in grouped.items() if len(group) > 1]
    several.sort(key=lambda name: not any(cluster.suspect for cluster in grouped[name]))
    single = [name for name, group in grouped.items() if len(group) == 1]
    return ClusterModel(
        f"groups-{model.slug}",
        series_of(k),
        model.name,
        _suspects([cluster for cluster in mine if cluster.suspect]),
        tuple(_emotion(report, links, tiles, k, name, grouped[name]) for name in several),
        f"One way of looking, no groups: {and_list(single)}." if single else "",
    )


def _suspects(suspects: list[MapCluster]) -> str:
    if not suspects:
        return ""
    named = and_list(
        [f"{cluster.emotion} ({number(cluster.count)} of {count(cluster.total, 'map')})" for cluster in suspects]
    )
    return f"Suspicious, because small and warm on the background: {named}."


def _emotion(report: Report, links: Links, tiles: Tiles, k: int, name: str, group: list[MapCluster]) -> ClusterEmotion:
    e = report.classes.index(name)
    return ClusterEmotion(
        name,
        links.emotion_path(e),
        f"{len(group)} groups of {count(group[0].total, 'map')}",
        tuple(_cluster(report, links, tiles, k, e, cluster) for cluster in group),
    )


def _cluster(report: Report, links: Links, tiles: Tiles, k: int, e: int, cluster: MapCluster) -> HeatmapGroup:
    examples = tuple(
        (
            tiles.thumb(row, ""),
            tiles.map_thumb(row, k, e, tiles.named(row, k)),
            links.image_path(row),
        )
        for row in cluster.exemplars
    )
    return HeatmapGroup(
        capital(group_name(cluster)),
        f"{count(cluster.count, 'map')}, {percent(cluster.share)}",
        f"{percent(cluster.accuracy.value)} correct {percent_interval(cluster.accuracy)}",
        f"{percent(cluster.background)} of the heat on the background",
        cluster.suspect,
        examples,
    )
