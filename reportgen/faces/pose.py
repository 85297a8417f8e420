"""How a face lies in the picture: its size, its place, and how the head is tilted, turned and bowed.

Measured from points that expressions hardly move: the corners of the eyes, the tip of the nose and its base. Lengths
are fractions of the picture's sides, as a model sees them whose input is a square.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from reportgen.analysis import FaceRecords

__all__ = ["POSE_MEASURES", "Pose", "measure_pose", "pose_table"]

_EYES = ([33, 133], [362, 263])
"""Corners of the eye on the picture's left, and of that on its right."""

_NOSE_TIP, _NOSE_BASE = 4, 2
_LEAST = 1e-4  # distance below which points are not those of a face


@dataclass(frozen=True)
class Pose:
    """One face.

    Attributes
    ----------
    eyes
        Distance between the middles of the eyes: how large the face is.
    x, y
        The middle between the eyes, from the left and from the top.
    roll
        Angle of the line through the eyes, radians; positive where it falls to the right (clockwise).
    yaw
        How far the tip of the nose lies to the right of the middle between the eyes, along that line, in distances of
        the eyes; about 0 for a face that looks ahead.
    pitch
        Height of the tip of the nose below the eyes in such heights of the base of the nose; the larger, the further
        the head is bowed.
    """

    eyes: float
    x: float
    y: float
    roll: float
    yaw: float
    pitch: float


POSE_MEASURES = tuple(field.name for field in fields(Pose))


def measure_pose(points: npt.NDArray[np.floating]) -> Pose | None:
    """The pose of one face; None where the points are not those of a face.

    Parameters
    ----------
    points
        (478, 2) fractions of width and height.
    """
    measures = _measure(np.asarray(points, dtype=np.float64)[None])
    return Pose(*measures[0].tolist()) if np.isfinite(measures[0, 0]) else None


def pose_table(faces: FaceRecords | None) -> dict[str, npt.NDArray[np.float64]]:
    """By measure of `Pose`, (n,) values of n images; NaN where no face was found, empty without regions."""
    if faces is None:
        return {}
    measures = _measure(faces.points.astype(np.float64))
    measures[np.array([source == "template" for source in faces.source], dtype=bool)] = np.nan
    return dict(zip(POSE_MEASURES, measures.T, strict=True))


def _measure(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 6) measures of n faces; NaN where points are not those of a face."""
    left, right = (points[:, corners].mean(axis=1) for corners in _EYES)
    middle, across = (left + right) / 2, right - left
    distance = np.hypot(*across.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        along = across / distance[:, None]
        down = np.stack([-along[:, 1], along[:, 0]], axis=1)
        tip, base = points[:, _NOSE_TIP] - middle, points[:, _NOSE_BASE] - middle
        height = (base * down).sum(axis=1)
        found = np.column_stack([
            distance,
            middle,
            np.arctan2(across[:, 1], across[:, 0]),
            (tip * along).sum(axis=1) / distance,
            np.where(height > _LEAST, (tip * down).sum(axis=1) / height, np.nan),
        ])  # fmt: skip
        found[~((distance > _LEAST) & np.isfinite(distance))] = np.nan
    return found
