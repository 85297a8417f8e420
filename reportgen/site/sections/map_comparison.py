"""Comparing by hand: the numbers of every map of one image, for a script that colours what the reader picks."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

import numpy as np

from reportgen.site.html.components import Tile, series_of
from reportgen.site.pictures.examples import PictureStyle
from reportgen.site.pictures.overlays import colour_table, difference_table, heat_table
from reportgen.site.pictures.sprites import map_cells
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles

__all__ = ["ComparedMaps", "MapComparison", "map_comparison", "ramp_data"]


@dataclass(frozen=True)
class ComparedMaps:
    """One model's maps of one image.

    Attributes
    ----------
    height, width
        Cells of a map.
    rows, columns
        Centre of what the first cell sees, and the way to the next one, as fractions of the picture.
    values
        Base64 of one byte per class and cell, row by row: positive evidence, 255 the most on this image in any class.
    predicted
        Index of the answer.
    """

    series: str
    name: str
    method: str
    height: int
    width: int
    rows: tuple[float, float]
    columns: tuple[float, float]
    values: str
    predicted: int


@dataclass(frozen=True)
class MapComparison:
    """What the script needs of one image; `label` is -1 where there is none."""

    original: Tile
    models: tuple[ComparedMaps, ...]
    classes: tuple[str, ...]
    label: int


def map_comparison(report: Report, tiles: Tiles, row: int) -> MapComparison:
    """The maps of one image, no finer than in the explorer."""
    models = []
    for k, model in enumerate(report.models):
        (cells,), grid = map_cells(model.maps[row : row + 1], model.grid)
        values = np.rint(cells * 255).astype(np.uint8)
        models.append(
            ComparedMaps(
                series_of(k),
                model.name,
                report.methods[k],
                cells.shape[1],
                cells.shape[2],
                (grid.rows.first, grid.rows.step),
                (grid.columns.first, grid.columns.step),
                b64encode(values.tobytes()).decode("ascii"),
                int(model.predicted[row]),
            )
        )
    return MapComparison(tiles.original(row), tuple(models), report.classes, int(report.labels[row]))


def ramp_data(style: PictureStyle) -> dict[str, list[int]]:
    """The colours of overlays and differences as the pictures have them: 256 times red, green, blue, opacity."""
    if style.classic:
        # Half and half, wherever there is heat or none.
        heat = np.concatenate([colour_table("jet"), np.full((256, 1), 128, dtype=np.uint8)], axis=1)
    else:
        heat = heat_table(style.colormap)
    colours, opacity = difference_table()
    difference = np.concatenate([np.rint(colours), np.rint(255 * opacity)], axis=1).astype(int)
    return {"heat": heat.reshape(-1).tolist(), "difference": difference.reshape(-1).tolist()}
