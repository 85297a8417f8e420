"""Where a face lies in its picture is changed: the whole picture is moved, and its border is continued outwards."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.faces.pose import Pose

__all__ = ["FRAMING", "move_neutrally", "moved"]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

FRAMING: dict[str, tuple[str, ...]] = {"zoomed": ("eyes",), "shifted": ("x", "y"), "straightened": ("roll",)}
"""By change, the measures of `Pose` that it brings to an aim. Each leaves the others as they are, because the middle
between the eyes is what zooming and turning leave in place."""

# Further than this nothing of the face or little else would be left.
_MOST_ZOOM, _MOST_SHIFT, _MOST_TURN = 2.0, 0.25, math.radians(45)


def moved(name: str, rgb: Pixels, pose: Pose, aim: tuple[float, ...]) -> Pixels:
    """A picture whose face has another size, place or tilt.

    Parameters
    ----------
    name
        One of `FRAMING`.
    rgb
        (H, W, 3) uint8.
    pose
        The face as it is.
    aim
        The measures of that change as they are to be; NaN for what stays.

    Returns
    -------
    (H, W, 3) uint8
        Bilinear. Where the picture does not reach, its border is repeated.
    """
    return _warp(rgb, _inverse(name, pose, aim))


def move_neutrally(name: str, rgb: Pixels, pose: Pose, aim: tuple[float, ...], angle: float) -> Pixels:
    """A picture shifted as far as `moved` moves its pixels, in a direction that does not carry the property.

    That far is the root mean square over the picture. A shift leaves size and tilt as they are, so against "zoomed" and
    "straightened" its direction is free; against "shifted" it is one of the two at right angles.

    Parameters
    ----------
    angle
        0 to 2 pi, drawn at random: the direction, or which of the two.
    """
    inverse = _inverse(name, pose, aim)
    step = (np.arange(16) + 0.5) / 16
    x, y = np.meshgrid(step, step)
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    path = places @ inverse[:, :2].T + inverse[:, 2] - places
    far = min(float(np.sqrt((path**2).sum(axis=1).mean())), _MOST_SHIFT)
    if name == "shifted":
        angle = math.atan2(*path.mean(axis=0)[::-1]) + (math.pi / 2 if angle < math.pi else -math.pi / 2)
    return _warp(rgb, np.array([[1.0, 0.0, far * math.cos(angle)], [0.0, 1.0, far * math.sin(angle)]]))


def _inverse(name: str, pose: Pose, aim: tuple[float, ...]) -> Floats:
    """(2, 3) affine from the places of the changed picture to those of the picture, in fractions."""
    own = tuple(getattr(pose, measure) for measure in FRAMING[name])
    wanted = [float(goal) if math.isfinite(goal) else value for goal, value in zip(aim, own, strict=True)]
    middle, turn, shift = np.array([pose.x, pose.y]), np.eye(2), np.zeros(2)
    if name == "zoomed":
        turn = turn / min(max(wanted[0] / own[0], 1 / _MOST_ZOOM), _MOST_ZOOM)
    elif name == "straightened":
        angle = min(max(own[0] - wanted[0], -_MOST_TURN), _MOST_TURN)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    else:
        shift = np.clip(np.subtract(own, wanted), -_MOST_SHIFT, _MOST_SHIFT)
    return np.column_stack([turn, middle - turn @ middle + shift])


def _warp(rgb: Pixels, inverse: Floats) -> Pixels:
    height, width = rgb.shape[:2]
    # No point of the result lies further outside than this.
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]) @ inverse[:, :2].T + inverse[:, 2]
    border = math.ceil(max(0.0, float(np.max(np.abs(corners - 0.5))) - 0.5) * max(height, width)) + 1
    framed = np.pad(rgb, ((border, border), (border, border), (0, 0)), mode="edge")
    sides = np.array([width, height], dtype=np.float64)
    matrix = np.column_stack([
        inverse[:, :2] * sides[:, None] / sides[None, :],
        inverse[:, 2] * sides + border,
    ])  # fmt: skip
    picture = Image.fromarray(framed).transform(
        (width, height), Image.Transform.AFFINE, tuple(matrix.ravel().tolist()), resample=Image.Resampling.BILINEAR
    )
    return np.asarray(picture)
