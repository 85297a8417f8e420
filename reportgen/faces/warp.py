"""Cutting a rotated square, or any affine piece, out of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Square", "cut", "transform"]


@dataclass(frozen=True)
class Square:
    """A square in an image, in pixels: centre, side, and rotation in radians (clockwise on the screen)."""

    x: float
    y: float
    side: float
    rotation: float = 0.0

    def matrix(self, size: int) -> npt.NDArray[np.float64]:
        """(2, 3) affine from the pixels of a `size` x `size` cut-out to the pixels of the image."""
        scale = self.side / size
        c, s = math.cos(self.rotation) * scale, math.sin(self.rotation) * scale
        half = size / 2
        return np.array([[c, -s, self.x - (c - s) * half], [s, c, self.y - (s + c) * half]])


def transform(image: Image.Image, matrix: npt.NDArray[np.float64], width: int, height: int) -> Image.Image:
    """Resample an image, bilinear, zero outside it.

    Parameters
    ----------
    matrix
        (2, 3) affine from output pixels to input pixels, pixel centres at half-integers.
    """
    # Bilinear sampling skips source pixels from a ratio of 2 on; a box reduction first keeps it free of
    # aliasing.
    ratio = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    factor = min(int(ratio + 1e-6), *image.size)
    if factor >= 2:
        # A size that does not divide leaves a partly filled last pixel, so the ratio of sizes is not the
        # factor: reduce() covers it as if whole, which keeps the coordinates simply divided by the factor.
        image = image.reduce(factor)
        matrix = matrix / factor
    return image.transform(
        (width, height),
        Image.Transform.AFFINE,
        tuple(float(value) for value in matrix.ravel()),
        resample=Image.Resampling.BILINEAR,
    )


def cut(image: Image.Image, square: Square, size: int) -> npt.NDArray[np.uint8]:
    """The square as (size, size, 3) or, for a grey image, (size, size) uint8; black outside the image."""
    return np.asarray(transform(image, square.matrix(size), size, size))
