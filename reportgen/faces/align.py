"""Bringing faces into one frame: affine fits between point sets, and warps into the median face.

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
    "mean_shape",
    "to_canonical",
    "warp_to_canonical",
]

STABLE = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 2, 98, 327, 129, 358, 127, 356, 162, 389, 10, 151)
"""Points that expressions hardly move."""


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
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 2 or len(a) < 3 or not np.isfinite(a + b).all():
        raise DataError(
            f"alignment: found points of shapes {a.shape} and {b.shape}, "
            "expected two sets of at least 3 pairs of finite x and y"
        )
    design = np.column_stack([a, np.ones(len(a))])
    solution, _, rank, _ = np.linalg.lstsq(design, b, rcond=1e-9)
    if rank < 3:
        raise DataError("alignment: all points lie on one line, expected a face; leave this image's points empty")
    return np.asarray(solution.T)


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
    """Affines of many photos into the median face's frame.

    Parameters
    ----------
    points
        (n, 478, 2) landmarks, fractions of width and height.
    sources
        (n,) as in `landmarks.SOURCES`.

    Returns
    -------
    (n, 2, 3) float64
        As `to_canonical`; NaN where the points are the template's, or not those of a face.
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
    forward = np.vstack([to_canonical(points), [0.0, 0.0, 1.0]])
    if abs(np.linalg.det(forward)) < 1e-12:
        raise DataError("alignment: the face has no area, expected a face; leave this image's points empty")
    # From pixels of the result to pixels of the image.
    matrix = np.linalg.inv(forward)[:2] * np.array([[width], [height]])
    matrix[:, :2] /= size
    return np.asarray(transform(Image.fromarray(np.ascontiguousarray(rgb)), matrix, size, size))
