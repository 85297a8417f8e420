"""Few numbers per image whose distances follow those of its map or of its face, to put images in order of likeness.

Maps are compared by the square roots of their shares per cell (Hellinger distance), faces by their landmarks in the
frame of the median face. Either has tens to hundreds of numbers per image; the first principal components keep most of
the distances in a few bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.analysis import ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.evidence.attention.map_statistics import common_grid, weights
from reportgen.types import AnyFloatArray, FloatArray

__all__ = ["NUMBERS", "UNKNOWN", "Sketch", "map_features", "shape_features", "sketch"]

NUMBERS = 24
"""Numbers per image."""
UNKNOWN = -128
"""In place of all numbers of an image that has no map or no landmarks."""

_MOST = 127
_GRID = CellGrid.even(7, 7)
_EVERY = 3  # neighbouring landmarks move together


@dataclass(frozen=True)
class Sketch:
    """Images as points whose distances can be compared.

    Attributes
    ----------
    values
        (n, k) int8, k <= NUMBERS; UNKNOWN throughout for images without features.
    kept
        Share, 0..1, of the features' variance that the k numbers keep.
    """

    values: npt.NDArray[np.int8]
    kept: float


def sketch(features: FloatArray, numbers: int = NUMBERS) -> Sketch:
    """The first principal components of features, all on one scale so that distances stay what they are.

    Parameters
    ----------
    features
        (n, d); rows with NaN are unknown.
    numbers
        At most so many numbers per image.
    """
    known = np.isfinite(features).all(axis=1)
    values = np.full((len(features), min(numbers, features.shape[1])), UNKNOWN, dtype=np.int8)
    if not known.any():
        return Sketch(values, 0.0)
    centred = features[known] - features[known].mean(axis=0)
    spread, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, : values.shape[1]]
    # An axis may point either way; the same way on every machine.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    points = centred @ axes
    reach = float(np.abs(points).max())
    values[known] = np.rint(points * (_MOST / reach if reach > 0 else 0.0)).astype(np.int8)
    total = float(spread.clip(min=0).sum())
    return Sketch(values, float(spread[::-1][: values.shape[1]].clip(min=0).sum()) / total if total > 0 else 1.0)


def map_features(model: ModelRecords) -> FloatArray:
    """(n, 49) square roots of the prediction's map on seven by seven cells; NaN where the map is blank."""
    found, _ = weights(model.maps[np.arange(len(model.logits)), model.predicted])
    return np.sqrt(common_grid(found, model.grid, _GRID)).reshape(len(found), -1)


def shape_features(points: AnyFloatArray, affines: FloatArray) -> FloatArray:
    """(n, 320) a third of the landmarks in the median face's frame, spread over the face.

    Parameters
    ----------
    points
        (n, 478, 2) fractions of width and height.
    affines
        (n, 2, 3) into the frame; NaN for faces that are left out.
    """
    placed = np.einsum("nij,nkj->nki", affines[:, :, :2], points[:, ::_EVERY]) + affines[:, None, :, 2]
    return np.asarray(placed.reshape(len(points), -1), dtype=np.float64)
