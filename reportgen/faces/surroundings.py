"""What surrounds a face, and how much is drawn on it: light, colour and detail off the face and on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.faces.regions import REGIONS, region_map

__all__ = ["Surroundings", "measure_surroundings"]

_SIDE = 128  # photos are measured at one size, since detail would otherwise depend on the number of pixels
_EDGE = 3  # pixels on either side of the outline that count for neither part
_LEAST = 0.02  # share of the picture below which a part says nothing


@dataclass(frozen=True)
class Surroundings:
    """Measures of one photo; NaN where a part is hardly there.

    Attributes
    ----------
    background_luminance
        Mean luma off the face, 0 black..1 white.
    background_colourfulness
        Root mean square distance of the colours off the face from grey, 0..1.
    background_detail, face_detail
        Mean slope of the luma (0..255) per pixel at the working size: high where there are many edges, as of text,
        patterns, hair, glasses or a beard.
    """

    background_luminance: float
    background_colourfulness: float
    background_detail: float
    face_detail: float


def measure_surroundings(samples: npt.NDArray[np.uint8], points: npt.NDArray[np.floating]) -> Surroundings:
    """Measure one decoded photo.

    Parameters
    ----------
    samples
        (H, W, 3) uint8 RGB, or (H, W) where all three are equal.
    points
        (478, 2) landmarks, fractions of width and height.

    Raises
    ------
    DataError
        The points are not those of a face.
    """
    small = Image.fromarray(samples).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=1.0)
    luma = np.asarray(small.convert("L")).astype(np.float32)
    off = region_map(points, _SIDE, _SIDE) == REGIONS.index("background")
    outside, inside = _inner(off), _inner(~off)
    # Replicated at the border, so that the border itself is no edge.
    slope = np.hypot(np.gradient(luma, axis=0), np.gradient(luma, axis=1))
    colour = 0.0
    if samples.ndim == 3:
        rgb = np.asarray(small).astype(np.float32) / 255
        spread = ((rgb - rgb.mean(axis=2, keepdims=True)) ** 2).sum(axis=2)
        colour = math.sqrt(float(spread[outside].mean())) if outside.any() else 0.0
    has = [float(part.mean()) >= _LEAST for part in (outside, inside)]
    return Surroundings(
        background_luminance=float(luma[outside].mean() / 255) if has[0] else math.nan,
        background_colourfulness=colour if has[0] else math.nan,
        background_detail=float(slope[outside].mean()) if has[0] else math.nan,
        face_detail=float(slope[inside].mean()) if has[1] else math.nan,
    )


def _inner(part: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The part without what lies near its outline; the picture's border is none."""
    height, width = part.shape
    padded = np.pad(part, _EDGE, mode="edge")
    places = range(2 * _EDGE + 1)
    rows = np.logical_and.reduce([padded[place : place + height] for place in places])
    return np.asarray(np.logical_and.reduce([rows[:, place : place + width] for place in places]))
