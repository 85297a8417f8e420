"""Light on a face: its own contrast, whether the eyes lie in the dark, and how brightly and evenly the cheeks are lit.

The mean brightness of a photo would call dark skin poor light. So contrast is measured within the face, and the light
on the eyes is held against that on the cheeks of the same face.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reportgen.faces.landmarks import Landmarks

__all__ = ["cheek_light", "eye_light", "face_contrast"]

_LUMA = np.array([0.299, 0.587, 0.114])
_EYES = ((33, 133), (362, 263))
"""Corners of both eyes."""
_CHEEKS = (50, 280)
# In widths of an eye: half axes of the ellipse around it, which holds lids and lenses but no brow.
_ALONG, _ACROSS = 0.65, 0.4
_CHEEK = 0.18  # radius on a cheek, in distances of the eyes
_MOST = 256  # pixels along a side: more of them add no light
_FEWEST = 6  # pixels from which a mean is taken


def face_contrast(rgb: npt.NDArray[np.uint8], points: npt.NDArray[np.floating]) -> float:
    """Standard deviation of the luma in the box around a face, 0..0.5; NaN where that is outside the picture.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8, or (H, W) where all three are equal.
    points
        (478, 2) fractions of width and height.
    """
    face = _thinned(_cut(rgb, points.min(axis=0), points.max(axis=0)))
    return float(_luma(face).std() / 255) if face.size else float("nan")


def eye_light(rgb: npt.NDArray[np.uint8], face: Landmarks) -> float:
    """Mean luma around the lighter eye, divided by that on the cheeks.

    Of 250 photos of faces 5 % had less than .45 and half less than .72; with opaque dark glasses drawn on them 99 % had
    less than .24, with tinted ones a quarter less than .40. Deep shade, as that of a cap, does the same, so that a low
    value does not tell which it is.

    Parameters
    ----------
    rgb
        As for `face_contrast`.
    face
        Its landmarks.

    Returns
    -------
    float
        About 0..1.2; NaN where landmarks are the template's, or eyes or cheeks are outside the picture or too small.
    """
    if face.source == "template":
        return float("nan")
    size = np.array(rgb.shape[1::-1], dtype=np.float64)
    points = face.points.astype(np.float64)
    eyes = []
    for corners in _EYES:
        a, b = points[list(corners)] * size
        width = float(np.linalg.norm(b - a))
        eyes.append(_mean_luma(rgb, (a + b) / 2, (b - a) / max(width, 1e-9), _ALONG * width, _ACROSS * width))
    cheek = float(np.mean(_cheeks(rgb, points * size)))
    return max(eyes) / max(cheek, 1.0) if np.isfinite([*eyes, cheek]).all() else float("nan")


def cheek_light(rgb: npt.NDArray[np.uint8], face: Landmarks) -> tuple[float, float]:
    """Mean luma of the cheeks, and that of the darker one divided by that of the lighter.

    The first is what the picture shows, light and skin together: it tells neither. The second is the light's alone, as
    both cheeks have the same skin: 1 is light from the front, less is light from one side.

    Parameters
    ----------
    rgb, face
        As for `eye_light`.

    Returns
    -------
    brightness, balance
        0..1 each; NaN where landmarks are the template's, or a cheek is outside the picture or too small.
    """
    if face.source == "template":
        return float("nan"), float("nan")
    cheeks = _cheeks(rgb, face.points.astype(np.float64) * np.array(rgb.shape[1::-1], dtype=np.float64))
    return float(np.mean(cheeks)) / 255, min(cheeks) / max(*cheeks, 1.0)


def _cheeks(rgb: npt.NDArray[np.uint8], places: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean luma of either cheek, 0..255; NaN where it is not to be seen. `places`: (478, 2) pixels."""
    eyes = [places[list(corners)].mean(axis=0) for corners in _EYES]
    flat, radius = np.array([1.0, 0.0]), _CHEEK * float(np.linalg.norm(eyes[0] - eyes[1]))
    first, second = (_mean_luma(rgb, places[place], flat, radius, radius) for place in _CHEEKS)
    return first, second


def _mean_luma(
    rgb: npt.NDArray[np.uint8], centre: npt.NDArray[np.float64], along: npt.NDArray[np.float64], a: float, b: float
) -> float:
    """Mean luma in an ellipse with half axes a and b, pixels; NaN where fewer than `_FEWEST` pixels lie in it."""
    reach = max(a, b)
    size = np.array(rgb.shape[1::-1], dtype=np.float64)
    low = np.clip(np.floor(centre - reach), 0, size).astype(int)
    high = np.clip(np.ceil(centre + reach) + 1, 0, size).astype(int)
    step = max(1, int(2 * reach) // _MOST)
    part = rgb[low[1] : high[1] : step, low[0] : high[0] : step]
    y, x = np.mgrid[low[1] : high[1] : step, low[0] : high[0] : step] - centre[::-1, None, None]
    u, v = x * along[0] + y * along[1], y * along[0] - x * along[1]
    inside = (u / max(a, 1e-9)) ** 2 + (v / max(b, 1e-9)) ** 2 <= 1
    return float(_luma(part)[inside].mean()) if inside.sum() >= _FEWEST else float("nan")


def _cut(
    rgb: npt.NDArray[np.uint8], low: npt.NDArray[np.floating], high: npt.NDArray[np.floating]
) -> npt.NDArray[np.uint8]:
    size = np.array(rgb.shape[1::-1])
    (left, top), (right, bottom) = (np.rint(np.clip(end, 0.0, 1.0) * size).astype(int) for end in (low, high))
    return rgb[top:bottom, left:right]


def _thinned(part: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    step = max(1, max(part.shape[:2]) // (2 * _MOST))
    return part[::step, ::step]


def _luma(part: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return np.asarray(part @ _LUMA if part.ndim == 3 else part, dtype=np.float64)
