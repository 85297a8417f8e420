"""What a photo is like, beside its label: quality, and states of the face that make an expression hard to tell."""

from __future__ import annotations

import numpy as np

from reportgen.analysis import Analysis
from reportgen.faces.pose import pose_table
from reportgen.types import FloatArray

__all__ = ["FULL_TURN", "face_states", "photo_quality"]

_INNER_LIPS, _MOUTH_CORNERS = (13, 14), (61, 291)

FULL_TURN = 0.65
"""Depth of the nose's tip before the eyes in distances of the eyes, in MediaPipe's canonical face model (4.12 of 6.30):
a head turned by an angle t shows the tip of its nose by `FULL_TURN * tan(t)` of the visible distance to one side."""


def photo_quality(analysis: Analysis) -> dict[str, FloatArray]:
    """What low quality is judged by: sharpness, contrast, and pixels between the eyes where landmarks were found.

    Contrast is that of the face itself where it was measured: mean brightness would call dark skin poor light.
    """
    images = analysis.images
    quality = {name: images[name].to_numpy(dtype=np.float64) for name in ("sharpness", "contrast") if name in images}
    if analysis.faces is not None and analysis.faces.contrast is not None:
        quality.pop("contrast", None)
        quality["contrast of the face"] = analysis.faces.contrast.astype(np.float64)
    if analysis.faces is not None:
        points = analysis.faces.points.astype(np.float64)
        right, left = (points[:, list(corners)].mean(axis=1) for corners in ((33, 133), (362, 263)))
        apart = np.linalg.norm((left - right) * images[["width", "height"]].to_numpy(dtype=np.float64), axis=1)
        quality["pixels between the eyes"] = np.where(_found(analysis), apart, np.nan)
    return quality


def face_states(analysis: Analysis) -> dict[str, FloatArray]:
    """States of the face by name, each (n,), NaN where no face was found; empty without regions.

    "turn of the head" is in degrees to either side, "opening of the mouth" the gap between the inner lips in widths of
    the mouth, "light on the eyes" that of `reportgen.faces.light.eye_light` where it was measured.
    """
    faces = analysis.faces
    if faces is None:
        return {}
    turn = np.degrees(np.arctan(np.abs(pose_table(faces)["yaw"]) / FULL_TURN))
    places = faces.points.astype(np.float64) * analysis.images[["width", "height"]].to_numpy(dtype=np.float64)[:, None]
    gap, width = (np.linalg.norm(places[:, a] - places[:, b], axis=1) for a, b in (_INNER_LIPS, _MOUTH_CORNERS))
    with np.errstate(invalid="ignore", divide="ignore"):
        opening = np.where(_found(analysis) & (width > 0), gap / width, np.nan)
    states = {"turn of the head": turn, "opening of the mouth": opening}
    if faces.eye_light is not None:
        states["light on the eyes"] = faces.eye_light.astype(np.float64)
    return states


def _found(analysis: Analysis) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    sources = () if analysis.faces is None else analysis.faces.source
    return np.asarray([source != "template" for source in sources], dtype=bool)
