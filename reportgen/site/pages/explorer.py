"""The explorer: every image in static pages, and the data with which a script filters them."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from reportgen.site.html.components import Legend, Link, Page, Prediction, Thumb, series_of
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

__all__ = ["ExplorerRow", "ExplorerView", "explorer_data", "explorer_view"]


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
    rows: tuple[ExplorerRow, ...]
    pages: tuple[Link, ...]
    classes: tuple[str, ...]
    example: str
    words: tuple[tuple[tuple[str, ...], str], ...]
    legend: Legend
    data: str


def page_path(index: int) -> str:
    """Where the static page with the images from `index` x 100 on is."""
    return "explorer.html" if index == 0 else f"explorer/{index + 1}.html"


def explorer_view(report: Report, links: Links, tiles: Tiles, legends: Legends, index: int, data: str) -> ExplorerView:
    """Static page `index`; `data` is the path of the data script."""
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
        rows=tuple(_row(report, tiles, row) for row in order),
        pages=tuple(Link(str(i + 1), page_path(i), i == index) for i in range(count)) if count > 1 else (),
        classes=report.classes,
        example=f"true:{links.emotion_slugs[0]} wrong conf:>0.8",
        words=_words(report, links),
        legend=legends.maps(),
        data=data,
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
    if len(set(_grey(report))) > 1:
        words.append((("photo:grey", "photo:colour"), "photos without any colour, or with some"))
    return (*words, (("note:grey",), "how the file was decoded"), (("has:page",), "images with pictures in full size"))


def _grey(report: Report) -> list[int]:
    """1 for photos without any colour; files that are stored in colour can be grey all the same."""
    images = report.analysis.images
    if "colourfulness" in images:
        return [int(value) for value in images["colourfulness"] == 0]
    return [int(value) for value in images["notes"].str.contains("grey")]


def _row(report: Report, tiles: Tiles, row: int) -> ExplorerRow:
    href = f"images/{report.ids[row]}.html" if row in tiles.drawn.pictures else None
    alt = f"Image {report.ids[row]}, labelled {report.truth(row)}"
    return ExplorerRow(
        tiles.thumb(row, alt), href, shorten(report.names[row], 26), report.truth(row), tiles.predictions(row)
    )


def explorer_data(report: Report, links: Links, tiles: Tiles) -> dict[str, Any]:
    """Columns of all images in the explorer's order: what the script filters, in as few bytes as it takes."""
    order, drawn = tiles.drawn.order, tiles.drawn
    measures = report.attention.measures if report.attention else ()
    grey = _grey(report)
    peaks = [measure.predicted.peak_region[order].tolist() for measure in measures]
    return {
        "classes": list(report.classes),
        "slugs": list(links.emotion_slugs),
        "models": [_model_data(report, drawn, k) for k in range(len(report.models))],
        "ids": [report.ids[row] for row in order.tolist()],
        "names": [report.names[row] for row in order.tolist()],
        "labels": report.labels[order].tolist(),
        "notes": [str(note) for note in report.analysis.images["notes"].iloc[order].tolist()],
        "grey": [grey[row] for row in order.tolist()],
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
