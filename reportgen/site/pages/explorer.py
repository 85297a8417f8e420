"""The explorer: every image in static pages, and the data with which a script filters them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from reportgen.evidence.examples.likeness import UNKNOWN, map_features, shape_features, sketch
from reportgen.site.html.components import Legend, Link, Page, Prediction, Thumb, series_of
from reportgen.site.image_facets import image_facets
from reportgen.site.image_sets import image_sets
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pictures.drawing import Drawn
from reportgen.site.pictures.sprites import CELLS, COLUMNS, THUMB
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import number, shorten
from reportgen.site.wording.scope import sampling
from reportgen.types import FloatArray

__all__ = ["ExplorerRow", "ExplorerView", "explorer_data", "explorer_details", "explorer_view"]


@dataclass(frozen=True)
class ExplorerRow:
    """One image."""

    thumb: Thumb
    href: str | None
    name: str
    truth: str
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class ExplorerView:
    """`explorer.html` and its further pages."""

    page: Page
    title: str
    text: str
    sampling: str
    first: bool
    details: str
    rows: tuple[ExplorerRow, ...]
    pages: tuple[Link, ...]
    classes: tuple[str, ...]
    example: str
    either: str
    words: tuple[tuple[tuple[str, ...], str], ...]
    legend: Legend
    data: str


def page_path(index: int) -> str:
    """Where the static page with the images from `index` x 100 on is."""
    return "explorer.html" if index == 0 else f"explorer/{index + 1}.html"


def explorer_view(
    report: Report, links: Links, tiles: Tiles, legends: Legends, index: int, scripts: tuple[str, str]
) -> ExplorerView:
    """Static page `index`; `scripts` are the paths of the data and of the details."""
    order = tiles.drawn.order[index * CELLS : (index + 1) * CELLS].tolist()
    count = len(tiles.drawn.thumbs)
    last = index * CELLS + len(order)
    return ExplorerView(
        page=Page(
            "Explorer" if index == 0 else f"Explorer, page {index + 1}",
            "Every test image with every model's prediction",
            "Explorer",
            (),
            Link(f"Page {index}", page_path(index - 1)) if index else None,
            Link(f"Page {index + 2}", page_path(index + 1)) if index + 1 < count else None,
        ),
        title="A sample of the images" if sampling(report) else "Every image",
        text=f"{number(index * CELLS + 1)} to {number(last)} of {number(len(report.labels))}, by label and prediction",
        sampling=sampling(report),
        first=index == 0,
        details=scripts[1],
        rows=tuple(_row(report, tiles, row) for row in order),
        pages=tuple(Link(str(i + 1), page_path(i), i == index) for i in range(count)) if count > 1 else (),
        classes=report.classes,
        example=f"true:{links.emotion_slugs[0]} wrong conf:>0.8",
        either=f"true:{','.join(links.emotion_slugs[:2])}",
        words=_words(report, links),
        legend=legends.maps(),
        data=scripts[0],
    )


def _words(report: Report, links: Links) -> tuple[tuple[tuple[str, ...], str], ...]:
    """What can be typed, alternatives together, and what it looks for."""
    slug = links.emotion_slugs[0]
    words = [
        ((f"true:{slug}",), "the label"),
        ((f"pred:{slug}",), "the prediction"),
        ((f"model:{report.models[0].slug}",), "whose prediction"),
        (("right", "wrong"), "predictions that match the label, or do not"),
    ]
    if len(report.models) > 1:
        words.append((("agree", "differ"), "images on which all models agree, or do not"))
    words.append((("conf:>0.8", "conf:<0.5"), "confidence of the model"))
    if report.attention is not None:
        words.append((("region:mouth",), "where the map of the prediction peaks"))
    words += [((f"{one.kind}:{one.slugs[0]}",), one.explain) for one in image_sets(report)]
    words += [((f"{one.kind}:{one.slugs[0]}",), one.explain) for one in image_facets(report)]
    return (*words, (("note:grey",), "how the file was decoded"), (("has:page",), "images with pictures in full size"))


def _row(report: Report, tiles: Tiles, row: int) -> ExplorerRow:
    href = f"images/{report.ids[row]}.html" if row in tiles.drawn.pictures else None
    alt = f"Image {report.ids[row]}, labelled {report.truth(row)}"
    return ExplorerRow(
        tiles.thumb(row, alt), href, shorten(report.names[row], 26), report.truth(row), tiles.predictions(row)
    )


def explorer_data(report: Report, links: Links, tiles: Tiles) -> dict[str, Any]:
    """Columns of all images in the explorer's order: what the scripts filter, in as few bytes as it takes."""
    order, drawn = tiles.drawn.order, tiles.drawn
    measures = report.attention.measures if report.attention else ()
    peaks = [measure.predicted.peak_region[order].tolist() for measure in measures]
    return {
        "classes": list(report.classes),
        "slugs": list(links.emotion_slugs),
        "models": [_model_data(report, drawn, k) for k in range(len(report.models))],
        "ids": [report.ids[row] for row in order.tolist()],
        "names": [report.names[row] for row in order.tolist()],
        "labels": report.labels[order].tolist(),
        "notes": [str(note) for note in report.analysis.images["notes"].iloc[order].tolist()],
        "pages": [int(row in drawn.pictures) for row in order.tolist()],
        "sheets": [sheet.path for sheet in drawn.thumbs],
        "sizes": [[sheet.width, sheet.height] for sheet in drawn.thumbs],
        "thumb": THUMB,
        "columns": COLUMNS,
        "cells": CELLS,
        "regions": list(REGION_NAMES) if peaks else [],
        "peaks": peaks,
        "sets": [
            {
                "kind": one.kind,
                "title": one.title,
                "slugs": list(one.slugs),
                "names": list(one.names),
                "bits": [bits[order].tolist() for bits in one.bits],
            }
            for one in image_sets(report)
        ],
        "facets": [
            {
                "kind": one.kind,
                "title": one.title,
                "slugs": list(one.slugs),
                "names": list(one.names),
                "main": one.main,
                "values": one.codes[order].tolist(),
            }
            for one in image_facets(report)
        ],
    }


def explorer_details(report: Report, tiles: Tiles) -> dict[str, Any]:
    """What is read once an image is opened: where its pictures are, and what it is like, in the explorer's order."""
    order, drawn = tiles.drawn.order, tiles.drawn
    kinds = [("map", model.slug, map_features(model)) for model in report.models]
    faces, frames = report.analysis.faces, drawn.frames
    if faces is not None and frames is not None:
        kinds.append(("face", "", shape_features(faces.points, frames.affines)))
    return {
        "photos": [_photos(drawn, row) for row in order.tolist()],
        "likeness": [_likeness(kind, slug, features[order]) for kind, slug, features in kinds],
        "unknown": UNKNOWN,
    }


def _photos(drawn: Drawn, row: int) -> list[Any]:
    """Path, width and height of the photo and of the same as the models see it; nothing where it was not drawn."""
    if row not in drawn.pictures:
        return []
    pictures = drawn.pictures[row]
    return [value for one in (pictures.original, pictures.prepared) for value in (one.path, one.width, one.height)]


def _likeness(kind: str, slug: str, features: FloatArray) -> dict[str, Any]:
    values = sketch(features).values
    return {
        "kind": kind,
        "model": slug,
        "numbers": values.shape[1],
        "values": b64encode(values.tobytes()).decode("ascii"),
    }


def _model_data(report: Report, drawn: Drawn, k: int) -> dict[str, Any]:
    model = report.models[k]
    # Per mille; capped so that nothing claims to be certain.
    probabilities = np.minimum(999, np.floor(model.probabilities[drawn.order] * 1000)).astype(int)
    return {
        "name": model.name,
        "slug": model.slug,
        "method": report.methods[k],
        "series": series_of(k),
        "predicted": model.predicted[drawn.order].tolist(),
        "probabilities": probabilities.reshape(-1).tolist(),
        "sheets": [sheet.path for sheet in drawn.maps[k]],
        "sizes": [[sheet.width, sheet.height] for sheet in drawn.maps[k]],
        "view": list(astuple(drawn.maps[k][0].view)) if drawn.maps[k] else [1, 1, 0, 0, 1, 1],
    }
