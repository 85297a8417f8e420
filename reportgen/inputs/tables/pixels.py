"""Images that a table holds as numbers, such as the `pixels` column of `fer2013.csv`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["as_pgm", "parse_cell", "parse_pixels"]

_DIGITS = re.compile(r"[\d\s]+", re.ASCII)


def parse_pixels(cells: Iterable[object]) -> tuple[npt.NDArray[np.uint8], list[tuple[int, str]]]:
    """Square grey images from cells of 0..255.

    Parameters
    ----------
    cells
        Text with blanks between the numbers, or sequences or arrays of them.

    Returns
    -------
    images
        (n, side, side) uint8; a cell that cannot be read leaves a black image.
    bad
        (row, reason) of every such cell.
    """
    flat: list[npt.NDArray[np.uint8] | None] = []
    bad: list[tuple[int, str]] = []
    size = 0
    for row, cell in enumerate(cells):
        values, reason = parse_cell(cell)
        if values is None:
            bad.append((row, reason))
        elif size and values.size != size:
            bad.append((row, f"{values.size} pixels where the others have {size}"))
            values = None
        else:
            size = values.size
        flat.append(values)
    side = math.isqrt(size)
    images = np.zeros((len(flat), side, side), dtype=np.uint8)
    for row, values in enumerate(flat):
        if values is not None:
            images[row] = values.reshape(side, side)
    return images, bad


def as_pgm(image: npt.NDArray[np.uint8]) -> bytes:
    """A grey image (height, width) as a PGM file: exact, and the same bytes under any library version."""
    height, width = image.shape
    return b"P5\n%d %d\n255\n" % (width, height) + np.ascontiguousarray(image).tobytes()


def parse_cell(cell: object) -> tuple[npt.NDArray[np.uint8] | None, str]:
    """The pixels of one cell, flat, or None and the reason."""
    try:
        if isinstance(cell, str):
            if not _DIGITS.fullmatch(cell):
                return None, "not a list of whole numbers"
            numbers = np.fromstring(cell, dtype=np.int64, sep=" ")
        else:
            numbers = np.asarray(cell)
        values = numbers.ravel().astype(np.float64)
    except (ValueError, TypeError, OverflowError):
        return None, "not a list of whole numbers"
    if values.size < 64 or math.isqrt(values.size) ** 2 != values.size:
        return None, f"{values.size} pixels are no square image"
    if not ((values >= 0) & (values <= 255) & (values == np.rint(values))).all():
        return None, "values that are no whole numbers from 0 to 255"
    return values.astype(np.uint8), ""
