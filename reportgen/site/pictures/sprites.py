"""Sheets: a hundred thumbnails, or a hundred images' maps, in one file.

A page shows one cell of a sheet through an SVG view box, so ten thousand images are a hundred files, and any
class's map of any image can be shown without a picture of its own. Map cells keep the layer's resolution; the browser
enlarges them, and a border that repeats the outermost cells is shown where the picture goes on beyond what they see.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.site.pictures.overlays import heat_table

__all__ = ["CELLS", "COLUMNS", "FINEST", "THUMB", "MapSheet", "SheetView", "map_cells", "map_sheet", "thumb_sheet"]

CELLS = 100
COLUMNS = 10
THUMB = 80
# A finer layer is pooled for its thumbnail; its full-size pictures are drawn from every cell.
FINEST = 28
# Fewer levels than 256 halve the file, and no eye tells them apart at thumbnail size.
_LEVELS = 64


@dataclass(frozen=True)
class SheetView:
    """Where one picture lies in a sheet, in the sheet's pixels, which are the cells of a map.

    Attributes
    ----------
    column, row
        From one to the next, with the border.
    left, top, width, height
        What of it lies over the picture: part of the border too where cells see less than the whole picture, and not
        all of the outermost cells where they see beyond it.
    """

    column: int
    row: int
    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of_squares(cls, side: int) -> Self:
        """Squares without a border."""
        return cls(side, side, 0, 0, side, side)

    def box(self, across: int, down: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of the map in a column and a row of the sheet."""
        return _tidy(across * self.column + self.left), _tidy(down * self.row + self.top), self.width, self.height


@dataclass(frozen=True)
class MapSheet:
    """One sheet of maps: encoded PNG, its size, and what of it shows one map."""

    content: bytes
    width: int
    height: int
    view: SheetView


def thumb_sheet(thumbs: list[npt.NDArray[np.uint8]], quality: int) -> tuple[bytes, int, int]:
    """Thumbnails as one WebP.

    Parameters
    ----------
    thumbs
        At most `CELLS` arrays (THUMB, THUMB, 3).

    Returns
    -------
    content, width, height
    """
    columns = min(COLUMNS, len(thumbs))
    rows = -(-len(thumbs) // columns)
    sheet = np.zeros((rows * THUMB, columns * THUMB, 3), dtype=np.uint8)
    for index, thumb in enumerate(thumbs):
        top, left = index // columns * THUMB, index % columns * THUMB
        sheet[top : top + THUMB, left : left + THUMB] = thumb
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue(), sheet.shape[1], sheet.shape[0]


def map_cells(
    maps: npt.NDArray[np.float32], grid: CellGrid, finest: int = FINEST
) -> tuple[npt.NDArray[np.float32], CellGrid]:
    """Positive evidence, 0..1, on ONE scale per image over all its classes; pooled where the layer is very fine.

    Parameters
    ----------
    maps
        (n, C, h, w) signed.
    grid
        Where their cells see.

    Returns
    -------
    cells, grid
    """
    positive = np.maximum(maps, 0.0)
    height, width = positive.shape[-2:]
    step = -(-max(height, width) // finest)
    if step > 1:
        padded = np.pad(positive, ((0, 0), (0, 0), (0, -height % step), (0, -width % step)), mode="edge")
        n, classes, tall, wide = padded.shape
        positive = padded.reshape(n, classes, tall // step, step, wide // step, step).mean(axis=(3, 5))
    top = positive.max(axis=(1, 2, 3), keepdims=True)
    return np.asarray(positive / np.where(top > 0, top, 1.0), dtype=np.float32), grid.pooled(step)


def map_sheet(maps: npt.NDArray[np.float32], grid: CellGrid, colormap: str, finest: int = FINEST) -> MapSheet:
    """Maps of up to `CELLS` images as one palette PNG: a row per image, a column per class.

    Parameters
    ----------
    maps
        (n, C, h, w) signed.
    grid
        Where their cells see.
    """
    cells, grid = map_cells(maps, grid, finest)
    n, classes, height, width = cells.shape
    top, bottom = _reach(grid.rows)
    left, right = _reach(grid.columns)
    # Half a cell beyond the part that is shown, for the enlargement between cells, and whole cells.
    border = max(1, *(int(np.ceil(beyond + 0.5 - 1e-9)) for beyond in (-top, bottom - height, -left, right - width)))
    bordered = np.pad(cells, ((0, 0), (0, 0), (border, border), (border, border)), mode="edge")
    levels = np.rint(bordered * (_LEVELS - 1)).astype(np.uint8)
    tall, wide = levels.shape[-2:]
    sheet = levels.transpose(0, 2, 1, 3).reshape(n * tall, classes * wide)
    picked = heat_table(colormap)[np.rint(np.linspace(0, 255, _LEVELS)).astype(int)]
    view = SheetView(wide, tall, _tidy(border + left), _tidy(border + top), _tidy(right - left), _tidy(bottom - top))
    palette = Image.frombytes("P", (sheet.shape[1], sheet.shape[0]), sheet.tobytes())
    palette.putpalette(picked[:, :3].tobytes(), "RGB")
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=picked[:, 3].tobytes(), optimize=False, compress_level=6)
    return MapSheet(buffer.getvalue(), sheet.shape[1], sheet.shape[0], view)


def _tidy(value: float) -> float:
    """Four digits, and none behind a whole number."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def _reach(axis: CellAxis) -> tuple[float, float]:
    """The picture's edges in units of cells, 0 at the first cell's edge in an ordinary enlargement."""
    start, stop = axis.positions(np.array([0.0, 1.0])) + 0.5
    return float(start), float(stop)
