"""Sheets: a hundred thumbnails, or a hundred images' maps, in one file.

A page shows one cell of a sheet through an SVG view box, so ten thousand images are a hundred files, and any
class's map of any image can be shown without a picture of its own. Map cells keep the layer's resolution; the browser
enlarges them, and a border that repeats the outermost cells makes that enlargement end where the map ends.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.site.pictures.overlays import heat_table

__all__ = ["BORDER", "CELLS", "COLUMNS", "FINEST", "THUMB", "MapSheet", "map_cells", "map_sheet", "thumb_sheet"]

CELLS = 100
COLUMNS = 10
THUMB = 80
BORDER = 1
# A finer layer is pooled for its thumbnail; its full-size pictures are drawn from every cell.
FINEST = 28
# Fewer levels than 256 halve the file, and no eye tells them apart at thumbnail size.
_LEVELS = 64


@dataclass(frozen=True)
class MapSheet:
    """One sheet of maps: encoded PNG, its size, and the inner size of one map."""

    content: bytes
    width: int
    height: int
    map_width: int
    map_height: int


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


def map_cells(maps: npt.NDArray[np.float32], finest: int = FINEST) -> npt.NDArray[np.float32]:
    """Positive evidence, 0..1, on ONE scale per image over all its classes; pooled where the layer is very fine.

    Parameters
    ----------
    maps
        (n, C, h, w) signed.
    """
    positive = np.maximum(maps, 0.0)
    height, width = positive.shape[-2:]
    step = -(-max(height, width) // finest)
    if step > 1:
        padded = np.pad(positive, ((0, 0), (0, 0), (0, -height % step), (0, -width % step)), mode="edge")
        n, classes, tall, wide = padded.shape
        positive = padded.reshape(n, classes, tall // step, step, wide // step, step).mean(axis=(3, 5))
    top = positive.max(axis=(1, 2, 3), keepdims=True)
    return np.asarray(positive / np.where(top > 0, top, 1.0), dtype=np.float32)


def map_sheet(maps: npt.NDArray[np.float32], colormap: str, finest: int = FINEST) -> MapSheet:
    """Maps of up to `CELLS` images as one palette PNG: a row per image, a column per class.

    Parameters
    ----------
    maps
        (n, C, h, w) signed.
    """
    cells = map_cells(maps, finest)
    n, classes, height, width = cells.shape
    bordered = np.pad(cells, ((0, 0), (0, 0), (BORDER, BORDER), (BORDER, BORDER)), mode="edge")
    levels = np.rint(bordered * (_LEVELS - 1)).astype(np.uint8)
    tall, wide = levels.shape[-2:]
    sheet = levels.transpose(0, 2, 1, 3).reshape(n * tall, classes * wide)
    picked = heat_table(colormap)[np.rint(np.linspace(0, 255, _LEVELS)).astype(int)]
    palette = Image.frombytes("P", (sheet.shape[1], sheet.shape[0]), sheet.tobytes())
    palette.putpalette(picked[:, :3].tobytes(), "RGB")
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=picked[:, 3].tobytes(), optimize=False, compress_level=6)
    return MapSheet(buffer.getvalue(), sheet.shape[1], sheet.shape[0], width, height)
