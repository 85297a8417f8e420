"""Bringing faces into one frame: fits between point sets, warps into the median face, distances.

Faces are compared in the frame of the median face. The fit is affine and uses only points that expressions
hardly move (eye corners, bridge and base of the nose, temples, upper forehead). Affine, because an image's
width and height may be scaled apart and a turned head is foreshortened sideways: a similarity can undo
neither. Rigid points only, because what brows, mouth and chin do is the expression, which a mean face is to
show and not to fit away. With 21 points for six numbers the fit stays steady.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.errors import DataError
from reportgen.faces.landmarks import median_points
from reportgen.faces.warp import transform

__all__ = [
    "STABLE",
    "apply_affine",
    "canonical_points",
    "fit_affine",
    "fit_similarity",
    "inter_ocular",
    "mean_shape",
    "to_canonical",
    "warp_map_to_canonical",
    "warp_to_canonical",
]

STABLE = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 2, 98, 327, 129, 358, 127, 356, 162, 389, 10, 151)
"""Points that expressions hardly move."""

_RIGHT_EYE, _LEFT_EYE = (33, 133), (362, 263)


def canonical_points(name: Literal["photo", "fer2013"] = "photo") -> npt.NDArray[np.float32]:
    """(478, 2) float32 fractions of a tight face crop: the median of 800 photos or of 479 FER2013 images."""
    return median_points("canonical478_fer2013.npy" if name == "fer2013" else "canonical478_mux.npy")


def fit_affine(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The affine map that brings points nearest to others, in least squares.

    Parameters
    ----------
    source, target
        (k, 2), k >= 3.

    Returns
    -------
    (2, 3) float64
        `apply_affine(result, source)` is nearest to `target`.

    Raises
    ------
    DataError
        Fewer than three points, or points on one line.
    """
    source, target = _pairs(source, target, 3)
    design = np.column_stack([source, np.ones(len(source))])
    solution, _, rank, _ = np.linalg.lstsq(design, target, rcond=1e-9)
    if rank < 3:
        raise DataError("alignment: all points lie on one line, expected a face; leave this image's points empty")
    return np.asarray(solution.T)


def fit_similarity(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The rotation, uniform scale and shift that bring points nearest to others, without mirroring.

    Both sets need square pixels, so pixels rather than fractions of an image that is not square. Closed form:
    in complex numbers the map is z -> a z + b, which is linear regression.

    Parameters
    ----------
    source, target
        (k, 2), k >= 2.

    Returns
    -------
    (2, 3) float64

    Raises
    ------
    DataError
        Fewer than two points, or all in one place.
    """
    source, target = _pairs(source, target, 2)
    z, w = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    z_mean, w_mean = z.mean(), w.mean()
    spread = float(np.sum(np.abs(z - z_mean) ** 2))
    if spread <= 1e-18:
        raise DataError("alignment: all points lie in one place, expected a face; leave this image's points empty")
    a = np.sum(np.conj(z - z_mean) * (w - w_mean)) / spread
    b = w_mean - a * z_mean
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def apply_affine(matrix: npt.NDArray[np.floating], points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(k, 2) points moved by a (2, 3) affine map."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)


def to_canonical(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(2, 3) affine from fractions of an image to those of the median face's crop, by the `STABLE` points.

    Raises
    ------
    DataError
        The points are not those of a face.
    """
    index = list(STABLE)
    return fit_affine(np.asarray(points)[index], canonical_points()[index])


def face_affines(points: npt.NDArray[np.floating], sources: Sequence[str]) -> npt.NDArray[np.float64]:
    """(n, 2, 3) transforms into the median face's frame; NaN for photos whose points are the template's or no face's.

    Parameters
    ----------
    points
        (n, 478, 2) landmarks.
    sources
        Where each photo's points come from.
    """
    affines = np.full((len(points), 2, 3), np.nan)
    for row, source in enumerate(sources):
        if source == "template":
            continue
        try:
            affine = to_canonical(points[row])
        except DataError:
            continue
        if abs(np.linalg.det(affine[:, :2])) > 1e-9:
            affines[row] = affine
    return affines


def mean_shape(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Mean of n faces' points after each was brought into the median face's frame.

    Parameters
    ----------
    points
        (n, 478, 2) fractions, n >= 1.

    Returns
    -------
    (478, 2) float64
        Fractions of the median face's crop.

    Raises
    ------
    DataError
        No faces, or points that are not those of a face.
    """
    if len(points) == 0:
        raise DataError("mean shape: found no faces, expected at least one")
    return np.asarray(np.mean([apply_affine(to_canonical(face), face) for face in points], axis=0))


def warp_to_canonical(rgb: npt.NDArray[np.uint8], points: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.uint8]:
    """An image in the median face's frame.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8.
    points
        (478, 2) fractions of width and height.
    size
        Side of the result in pixels.

    Returns
    -------
    (size, size, 3) uint8
        Bilinear; black where the image does not reach.

    Raises
    ------
    DataError
        The points are not those of a face.
    """
    height, width = rgb.shape[:2]
    matrix = _sampling(points, width, height, size)
    return np.asarray(transform(Image.fromarray(np.ascontiguousarray(rgb)), matrix, size, size))


def warp_map_to_canonical(
    values: npt.NDArray[np.floating], points: npt.NDArray[np.floating], size: int, outside: float = np.nan
) -> npt.NDArray[np.float32]:
    """A heatmap, one value per grid cell, in the median face's frame.

    Parameters
    ----------
    values
        (h, w), laid over the whole image.
    points
        (478, 2) fractions of the image's width and height.
    size
        Side of the result in pixels.
    outside
        Value where the image does not reach; with NaN, `np.nanmean` over images averages what each one shows.

    Returns
    -------
    (size, size) float32
        Bilinear between cell centres, constant from the outermost centres to the image's edge.

    Raises
    ------
    DataError
        The points are not those of a face.
    """
    h, w = values.shape
    matrix = _sampling(points, w, h, size)
    centres = np.arange(size) + 0.5
    x = matrix[0, 0] * centres[None, :] + matrix[0, 1] * centres[:, None] + matrix[0, 2]
    y = matrix[1, 0] * centres[None, :] + matrix[1, 1] * centres[:, None] + matrix[1, 2]
    column, right = np.modf(np.clip(x - 0.5, 0, w - 1))[::-1]
    row, below = np.modf(np.clip(y - 0.5, 0, h - 1))[::-1]
    i, j = row.astype(np.intp), column.astype(np.intp)
    i1, j1 = np.minimum(i + 1, h - 1), np.minimum(j + 1, w - 1)
    upper = values[i, j] * (1 - right) + values[i, j1] * right
    lower = values[i1, j] * (1 - right) + values[i1, j1] * right
    result = upper * (1 - below) + lower * below
    return np.where((x >= 0) & (x <= w) & (y >= 0) & (y <= h), result, outside).astype(np.float32)


def inter_ocular(points: npt.NDArray[np.floating], width: float = 1.0, height: float = 1.0) -> float:
    """Distance between the eyes' centres (each the middle of its corners), in width's and height's unit."""
    scale = np.array([width, height], np.float64)
    right, left = points[list(_RIGHT_EYE)].mean(axis=0), points[list(_LEFT_EYE)].mean(axis=0)
    return float(np.linalg.norm((left - right) * scale))


def _sampling(points: npt.NDArray[np.floating], width: int, height: int, size: int) -> npt.NDArray[np.float64]:
    """(2, 3) affine from pixels of the canonical picture to pixels of the image."""
    forward = np.vstack([to_canonical(points), [0.0, 0.0, 1.0]])
    if abs(np.linalg.det(forward)) < 1e-12:
        raise DataError("alignment: the face has no area, expected a face; leave this image's points empty")
    inverse = np.linalg.inv(forward)[:2]
    matrix = inverse * np.array([[width], [height]])
    matrix[:, :2] /= size
    return np.asarray(matrix)


def _pairs(
    source: npt.NDArray[np.floating], target: npt.NDArray[np.floating], least: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 2 or len(a) < least or not np.isfinite(a + b).all():
        raise DataError(
            f"alignment: found points of shapes {a.shape} and {b.shape}, "
            f"expected two sets of at least {least} pairs of finite x and y"
        )
    return a, b
