"""The images behind every cell of a confusion matrix, to be opened in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reportgen.site.html.components import Link, Thumb
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import count, number, sure

__all__ = ["ConfusedImages", "confused_images"]

_SHOWN = 24


@dataclass(frozen=True)
class ConfusedImages:
    """One cell: its row and column in the matrix; of each photo its thumbnail, page, words for it and confidence."""

    row: int
    column: int
    title: str
    photos: tuple[tuple[Thumb, str, str, str], ...]
    note: str
    all: Link


def confused_images(report: Report, links: Links, tiles: Tiles, k: int) -> tuple[ConfusedImages, ...]:
    """Those of model `k`, the most confident first, of every cell that has images which are looked at closely."""
    model, labels = report.models[k], report.labels
    found = []
    for truth, label in enumerate(report.classes):
        for predicted, answer in enumerate(report.classes):
            rows = np.flatnonzero((labels == truth) & (model.predicted == predicted))
            if not len(rows):
                continue
            rows = rows[np.argsort(-model.confidence[rows], kind="stable")]
            view = links.token("true", label), links.token("pred", answer), f"model:{model.slug}"
            found.append(
                ConfusedImages(
                    truth,
                    predicted,
                    f"{count(len(rows), 'image')} of {label} predicted as {answer}",
                    tuple(
                        (
                            tiles.thumb(row, ""),
                            links.image_path(row),
                            f"Image {report.ids[row]}, {label}, predicted {answer}",
                            sure(float(model.confidence[row])),
                        )
                        for row in rows[:_SHOWN].tolist()
                    ),
                    f"The {number(_SHOWN)} most confident." if len(rows) > _SHOWN else "",
                    Link("All of them in the explorer, with their heatmaps", links.explorer(*view)),
                )
            )
    return tuple(found)
