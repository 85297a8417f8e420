"""How far a head is turned, bowed and tilted, in degrees: a mean face in three dimensions, fitted to the landmarks.

The mean face (478 points) is turned, scaled and shifted so that, seen from afar, its points fall on the landmarks: the
best linear map of its three coordinates to the picture's two, of which the nearest rotation is taken. Only points that
the skull carries take part, so that an open mouth or raised brows are no turn. The camera is taken to be far away, so
that a face at arm's length, which a lens distorts, seems to turn a little.
"""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import numpy.typing as npt

from reportgen.faces.interpreter import data_file

__all__ = ["MEAN_FACE", "head_angles", "mean_face", "rotation_of"]

MEAN_FACE = "mean478_demo.npy"

# Forehead, temples, corners of the eyes, bridge, tip and base of the nose, cheekbones, ears.
_RIGID = np.array([
    33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 129, 358, 10, 151, 9, 8, 127, 356, 234, 454, 21, 251, 54,
    284, 103, 332, 67, 297, 109, 338, 162, 389, 71, 301, 116, 345, 117, 346, 118, 347, 50, 280, 205, 425, 101, 330, 36,
    266,
])  # fmt: skip


@cache
def mean_face() -> npt.NDArray[np.float64]:
    """(478, 3) the mean face, read-only: x to the picture's right, y up, z towards the camera."""
    points: npt.NDArray[np.float64] = np.load(io.BytesIO(data_file(MEAN_FACE)), allow_pickle=False).astype(np.float64)
    points.setflags(write=False)
    return points


def head_angles(
    points: npt.NDArray[np.floating], width: npt.ArrayLike, height: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Turn, nod and tilt of n heads, degrees.

    Parameters
    ----------
    points
        (n, 478, 2) fractions of width and height.
    width, height
        (n,) of the pictures, pixels.

    Returns
    -------
    (n, 3)
        Turn (yaw): positive where the nose points to the picture's right. Nod (pitch): positive where the head is
        bowed. Tilt (roll): positive clockwise. NaN where points are not those of a face.
    """
    size = np.stack([np.asarray(width, dtype=np.float64), np.asarray(height, dtype=np.float64)], axis=1)
    places = np.asarray(points, dtype=np.float64)[:, _RIGID] * size[:, None]
    places -= places.mean(axis=1, keepdims=True)
    places[..., 1] *= -1.0
    face = mean_face()[_RIGID]
    linear = np.einsum("nki,jk->nij", places, np.linalg.pinv(face - face.mean(axis=0)))  # (n, 2, 3)
    known = np.isfinite(linear).all(axis=(1, 2))
    left, stretch, right = np.linalg.svd(np.where(known[:, None, None], linear, 0.0), full_matrices=False)
    known &= stretch[:, 1] > 0
    rows = left @ right  # the nearest two rows of a rotation
    rows = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)
    angles = np.degrees(np.stack([
        np.arctan2(-rows[:, 2, 0], rows[:, 2, 2]),
        np.arcsin(np.clip(rows[:, 2, 1], -1.0, 1.0)),
        np.arctan2(rows[:, 0, 1], rows[:, 1, 1]),
    ], axis=1))  # fmt: skip
    return np.where(known[:, None], angles, np.nan)


def rotation_of(yaw: float, pitch: float, roll: float) -> npt.NDArray[np.float64]:
    """(3, 3) the rotation of a head with these angles in degrees: first turned, then bowed, then tilted."""
    (cy, cp, cr), (sy, sp, sr) = (f(np.radians([yaw, pitch, -roll])) for f in (np.cos, np.sin))
    turn = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    nod = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
    tilt = np.array([[cr, -sr, 0.0], [sr, cr, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(tilt @ nod @ turn)
