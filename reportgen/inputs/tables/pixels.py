"""Images that a table holds as numbers, such as the `pixels` column of `fer2013.csv`, or as the bytes of files."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["as_file", "parse_image", "parse_images"]

_BRACKETS = bytes.maketrans(b"[](),;", b"      ")
_NUMBERS = b"0123456789 \t\r\n\f\v"
_LEAST = 64  # numbers: fewer are no face
_ROUNDING = 0.1  # grey levels: what half precision leaves of a number that was divided by 255


def parse_images(cells: Iterable[object]) -> tuple[npt.NDArray[Any], list[tuple[int, str]]]:
    """Images from cells of numbers 0..255 or of the bytes of image files.

    Parameters
    ----------
    cells
        As for `parse_image`.

    Returns
    -------
    images
        (n, height, width) uint8 where all are grey and of one size; else (n,) objects, arrays or bytes. A cell that
        cannot be read leaves a black image.
    bad
        (row, reason) of every such cell.
    """
    found: list[npt.NDArray[np.uint8] | bytes | None] = []
    bad: list[tuple[int, str]] = []
    for row, cell in enumerate(cells):
        image, reason = parse_image(cell)
        if image is None:
            bad.append((row, reason))
        found.append(image)
    shapes = {image.shape if isinstance(image, np.ndarray) else () for image in found if image is not None}
    if len(shapes) == 1 and len(shape := shapes.pop()) == 2:
        images = np.zeros((len(found), *shape), dtype=np.uint8)
    else:
        images = np.full(len(found), None, dtype=object)
    for row, image in enumerate(found):
        if image is not None:
            images[row] = image
    return images, bad


def as_file(image: npt.NDArray[np.uint8] | bytes) -> bytes:
    """An image (height, width[, 3]) as a PGM or PPM file: exact, and the same bytes under any library version."""
    if isinstance(image, bytes):
        return image
    kind = b"P5" if image.ndim == 2 else b"P6"
    return b"%b\n%d %d\n255\n" % (kind, image.shape[1], image.shape[0]) + np.ascontiguousarray(image).tobytes()


def parse_image(cell: object) -> tuple[npt.NDArray[np.uint8] | bytes | None, str]:
    """The image in one cell, or None and the reason.

    Parameters
    ----------
    cell
        Numbers 0..255 as text (with blanks or commas between them, in brackets or not), as sequences or as arrays,
        there also divided by 255: a flat list is a square grey image, (h, w) or (h, w, 1) is grey, (h, w, 3) or
        (3, h, w) is RGB. Or the bytes of an image file, alone or under `bytes` in a dict.

    Returns
    -------
    image
        (h, w) or (h, w, 3) uint8, or the file's bytes.
    reason
        Why there is none.
    """
    if isinstance(cell, dict):
        cell = cell.get("bytes")
    if isinstance(cell, bytes | bytearray):
        return (bytes(cell), "") if cell else (None, "no bytes")
    try:
        if isinstance(cell, str):
            text = cell.encode("ascii").translate(_BRACKETS)
            if not text or text.translate(None, _NUMBERS):
                return None, "not a list of whole numbers"
            numbers = np.fromstring(text, dtype=np.int64, sep=" ")
        else:
            numbers = np.asarray(cell)
            if numbers.dtype == object:
                numbers = np.stack([np.asarray(row) for row in numbers])
        values = numbers.astype(np.float64)
        if numbers.dtype.kind == "f" and values.size and values.min() >= 0 and values.max() <= 1:
            values = _unscaled(values)
    except (ValueError, TypeError, OverflowError):
        return None, "not a list of whole numbers"
    if not ((values >= 0) & (values <= 255) & (values == np.rint(values))).all():
        return None, "values that are no whole numbers from 0 to 255, as they are or divided by 255"
    return _in_shape(values.astype(np.uint8))


def _unscaled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Whole numbers 0..255 of an image that was divided by 255; as it is where it was not."""
    scaled = values * 255
    whole = np.rint(scaled)
    divided = bool((np.abs(scaled - whole) < _ROUNDING).all()) and not bool((values == np.rint(values)).all())
    return whole if divided else values


def _in_shape(values: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8] | None, str]:
    if values.ndim == 3 and values.shape[2] != 3 and values.shape[0] in (1, 3):
        values = values.transpose(1, 2, 0)
    if values.ndim == 3 and values.shape[2] == 3 and values.size >= 3 * _LEAST:
        return values, ""
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim == 2 and min(values.shape) > 1 and values.size >= _LEAST:
        return values, ""
    side = math.isqrt(values.size)
    if values.size < _LEAST or side * side != values.size or values.ndim > 2:
        return None, f"{values.size} pixels are no square image"
    return values.reshape(side, side), ""
