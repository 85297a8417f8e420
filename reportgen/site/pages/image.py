"""One image: everything known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reportgen.analysis import VOTES
from reportgen.site.html.components import Bar, Crumb, Legend, Link, Page, Prediction, Thumb, Tile, series_of
from reportgen.site.image_facets import STANDARD_COLUMNS
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.sections.error_reasons import CardReasons, card_reasons
from reportgen.site.sections.errors.flip_sets import FlipStrip, flip_strip
from reportgen.site.sections.errors.occlusions import OcclusionTest, occlusion_test
from reportgen.site.sections.map_comparison import MapComparison, map_comparison
from reportgen.site.tiles import Tiles
from reportgen.site.wording.errors.labels import label_judged
from reportgen.site.wording.format import and_list, capital, count, plain, shorten, sure
from reportgen.site.wording.performance.votes import vote_facts
from reportgen.site.wording.photos import photo_facts

__all__ = ["ImageView", "ModelPanel", "image_view"]

_KIND_WORDS = {
    "surest-correct": "most confident of its emotion",
    "least-sure-correct": "barely right",
    "typical-correct": "typical of its emotion",
    "surest-error": "among the most confident errors",
    "confusion": "an example of its confusion",
    "near-miss": "nearly right",
    "fallback": "least wrong of its emotion",
    "random": "drawn at random",
}


@dataclass(frozen=True)
class ProbabilityRow:
    """One class: what each model gave it. `true` marks the label."""

    emotion: str
    true: bool
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class ClassMap:
    """One class's map for the comparison by hand."""

    emotion: str
    probability: str
    predicted: bool
    true: bool
    thumb: Thumb


@dataclass(frozen=True)
class ModelPanel:
    """One model on this image."""

    series: str
    slug: str
    answer: Prediction
    tiles: tuple[Tile, ...]
    maps: tuple[ClassMap, ...]
    caution: str
    why: str
    reasons: CardReasons | None = None
    occlusions: OcclusionTest | None = None
    flip: FlipStrip | None = None


@dataclass(frozen=True)
class ImageView:
    """`images/<id>.html`; `judged`: what a person said of its label, "" where nobody did."""

    page: Page
    title: str
    judged: str
    original: Tile
    prepared: Tile
    face: Thumb
    models: tuple[str, ...]
    panels: tuple[ModelPanel, ...]
    rows: tuple[ProbabilityRow, ...]
    facts: tuple[tuple[str, str], ...]
    among: str
    legend: Legend
    map_comparison: MapComparison
    explorer: Link
    position: str


def image_view(
    report: Report, links: Links, tiles: Tiles, legends: Legends, row: int, ordered: Sequence[int], place: int
) -> ImageView:
    """The page of one image, at `place` among the `ordered` rows that have pages."""
    label = int(report.labels[row])
    before = ordered[place - 1] if place else None
    after = ordered[place + 1] if place + 1 < len(ordered) else None
    emotion = (
        Crumb(report.classes[label], links.emotion_path(label)) if label >= 0 else Crumb("Explorer", "explorer.html")
    )
    photos = count(len(report.labels), "photo")
    return ImageView(
        page=Page(
            f"Image {report.ids[row]}",
            f"Image {report.ids[row]}, {report.truth(row)}, as every model sees it",
            "Emotions" if label >= 0 else "Explorer",
            (emotion, Crumb(shorten(report.names[row]))),
            Link(report.names[before], links.image_path(before)) if before is not None else None,
            Link(report.names[after], links.image_path(after)) if after is not None else None,
        ),
        title=_title(report, tiles, row),
        judged=label_judged(report, row),
        original=tiles.original(row),
        prepared=tiles.prepared(row),
        face=tiles.thumb(row, ""),
        models=tuple(model.name for model in report.models),
        panels=tuple(_panel(report, links, tiles, row, k) for k in range(len(report.models))),
        rows=_probability_rows(report, row),
        facts=_facts(report, row),
        among=f"compared with the {photos} explained" if report.sampled else f"compared with all {photos}",
        legend=legends.maps(),
        map_comparison=map_comparison(report, tiles, row),
        explorer=Link("in the explorer", f"explorer.html#open={report.ids[row]}"),
        position=f"{place + 1} of {len(ordered)}",
    )


def _title(report: Report, tiles: Tiles, row: int) -> str:
    predictions = tiles.predictions(row)
    if not predictions:
        return capital(report.truth(row))
    label = int(report.labels[row])
    found = {one.predicted for one in predictions}
    names = and_list([one.model for one in predictions])
    if label < 0:
        if len(found) == 1:
            return f"{names} {'predict' if len(predictions) > 1 else 'predicts'} {predictions[0].predicted}."
        return capital(and_list([f"{one.model} predicts {one.predicted}" for one in predictions])) + "."
    truth, by = report.truth(row), f" by {names}" if len(predictions) > 1 else ""
    if found == {truth}:
        return f"{capital(truth)}, classified correctly{by}."
    if len(found) == 1:
        return f"{capital(truth)}, predicted as {predictions[0].predicted}{by}."
    parts = [f"{one.model} predicts {one.predicted}" for one in predictions]
    return f"Labelled {truth}: {and_list(parts)}."


def _probability_rows(report: Report, row: int) -> tuple[ProbabilityRow, ...]:
    """Probabilities of all models, sorted by the first one's."""
    label, models = int(report.labels[row]), report.models
    ranked = np.argsort(-models[0].probabilities[row], kind="stable").tolist() if models else []
    return tuple(
        ProbabilityRow(
            report.classes[c],
            c == label,
            tuple(
                Bar(
                    model.name,
                    round(100 * float(model.probabilities[row, c]), 1),
                    sure(float(model.probabilities[row, c])),
                    strong=int(model.predicted[row]) == c,
                    series=series_of(k),
                )
                for k, model in enumerate(models)
            ),
        )
        for c in ranked
    )


def _panel(report: Report, links: Links, tiles: Tiles, row: int, k: int) -> ModelPanel:
    model = report.models[k]
    wrong = report.labels[row] >= 0 and model.predicted[row] != report.labels[row]
    shown = tiles.error_tiles(row, k)[1:] if wrong else (tiles.overlay(row, k),)
    order = sorted(range(len(report.classes)), key=lambda c: (-float(model.probabilities[row, c]), c))
    picks = [pick for pick in report.mined.on_image(row) if pick.model == model.slug and not pick.other]
    why = and_list(list(dict.fromkeys(_KIND_WORDS.get(pick.kind, pick.kind) for pick in picks)))
    answer = tiles.predictions(row, (k,))[0]
    occlusions, flip = occlusion_test(report, tiles, row, k), flip_strip(report, tiles, row, k)
    swapped = occlusions is not None or flip is not None
    return ModelPanel(
        series=series_of(k),
        slug=model.slug,
        answer=answer,
        tiles=(*shown, tiles.heat(row, k)),
        maps=tuple(
            ClassMap(
                report.classes[c],
                sure(float(model.probabilities[row, c])),
                c == int(model.predicted[row]),
                c == int(report.labels[row]),
                tiles.map_thumb(row, k, c, tiles.alt(row, k, c)),
            )
            for c in order
        ),
        caution=tiles.caution(row, k),
        why=capital(why),
        reasons=card_reasons(report, links, row, k, swapped=swapped),
        occlusions=occlusions,
        flip=flip,
    )


def _facts(report: Report, row: int) -> tuple[tuple[str, str], ...]:
    record = report.analysis.images.iloc[row]
    facts = [("File", report.names[row]), ("Label", report.truth(row))]
    if report.image_votes is not None:
        facts += vote_facts(report, report.image_votes, row)
    if not pd.isna(record["person"]):
        facts.append(("Person", plain(str(record["person"]))))
    size = (int(record["width"]), int(record["height"]))
    quality = float(record["jpeg_quality"])
    facts += photo_facts(report.properties, row, size, str(record["format"] or ""), quality)
    for column, name in (("camera", "Camera"), ("software", "Software"), ("taken", "Taken")):
        if isinstance(record.get(column), str):  # analyses of older versions lack it
            facts.append((name, str(record[column])))
    # That a photo is grey is said already.
    decoded = [note for note in str(record["notes"] or "").split("; ") if note not in ("", "grey")]
    if decoded:
        facts.append(("On reading", "; ".join(decoded)))
    for column in report.analysis.images.columns:
        # Votes are listed above.
        told = report.image_votes is not None and str(column).startswith(VOTES)
        if column not in STANDARD_COLUMNS and not told and not pd.isna(record[column]):
            facts.append((str(column), shorten(plain(str(record[column])), 80)))
    return tuple(facts)
