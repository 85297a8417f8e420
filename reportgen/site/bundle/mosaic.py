"""A picture as a mosaic so coarse that no face can be told in it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["mosaic", "tile_size"]

# Tiles across a face, and at most across the picture where the landmarks may be wrong about the face.
_ACROSS_FACE = 8
_ACROSS_PICTURE = 16


def tile_size(height: int, width: int, points: npt.NDArray[np.floating] | None) -> int:
    """Side of a square tile in pixels: an eighth of the face's width, and a sixteenth of the picture at least.

    Parameters
    ----------
    points
        (478, 2) fractions of width and height; None where the face is not known, and may fill the picture.
    """
    face = float(width)
    if points is not None:
        x = np.clip(np.asarray(points)[:, 0], 0.0, 1.0)
        face = float(x.max() - x.min()) * width
    return max(1, math.ceil(face / _ACROSS_FACE), math.ceil(max(height, width) / _ACROSS_PICTURE))


def mosaic(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Every tile in its mean colour, rounded; what comes out depends on nothing but those means.

    Parameters
    ----------
    pixels
        (H, W, 3).
    side
        Of a tile, pixels; those at the right and lower edge may be smaller.

    Returns
    -------
    (H, W, 3) uint8
    """
    height, width = pixels.shape[:2]
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.int64), rows, axis=0), columns, axis=1)
    tall, wide = np.diff([*rows, height]), np.diff([*columns, width])
    means = np.rint(sums / (tall[:, None] * wide[None, :])[..., None]).astype(np.uint8)
    return np.repeat(np.repeat(means, tall, axis=0), wide, axis=1)
