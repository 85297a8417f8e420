"""Where a face lies, worked by hand on faces of six points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reportgen.analysis import FaceRecords
from reportgen.faces.align import canonical_points
from reportgen.faces.pose import POSE_MEASURES, measure_pose, pose_table


def face(roll: float = 0.0, tip: tuple[float, float] = (0.0, 0.3), eyes: float = 0.4) -> np.ndarray:
    """Eyes around (.5, .4); the nose's base .4 below them, its tip at `tip`, both along the face."""
    points = np.zeros((478, 2), np.float32)
    for index, (x, y) in {
        33: (-eyes / 2 - 0.05, 0), 133: (-eyes / 2 + 0.05, 0), 362: (eyes / 2 - 0.05, 0), 263: (eyes / 2 + 0.05, 0),
        4: tip, 2: (0, 0.4),
    }.items():  # fmt: skip
        c, s = math.cos(roll), math.sin(roll)
        points[index] = 0.5 + c * x - s * y, 0.4 + s * x + c * y
    return points


@pytest.mark.parametrize("roll", [0.0, 0.3, -0.5])
def test_a_pose_is_read_from_eyes_and_nose_whatever_the_tilt(roll: float) -> None:
    pose = measure_pose(face(roll, (0.1, 0.3)))
    assert pose is not None
    found = [getattr(pose, name) for name in POSE_MEASURES]
    assert found == pytest.approx([0.4, 0.5, 0.4, roll, 0.25, 0.75], abs=1e-6)


def test_a_mirrored_face_turns_and_tilts_the_other_way() -> None:
    points = face(0.2, (0.1, 0.3))
    mirrored = points * (-1, 1) + (1, 0)
    # The eyes change places.
    mirrored[[33, 133, 362, 263]] = mirrored[[263, 362, 133, 33]]
    one, other = measure_pose(points), measure_pose(mirrored)
    assert one is not None and other is not None
    assert (other.yaw, other.roll) == pytest.approx((-one.yaw, -one.roll), abs=1e-6)
    assert (other.eyes, other.pitch, other.y) == pytest.approx((one.eyes, one.pitch, one.y), abs=1e-6)


def test_the_median_face_looks_ahead() -> None:
    pose = measure_pose(canonical_points())
    assert pose is not None
    assert abs(pose.yaw) < 0.05 and abs(pose.roll) < 0.05 and pose.x == pytest.approx(0.5, abs=0.03)


def test_without_a_face_nothing_is_measured() -> None:
    assert measure_pose(np.zeros((478, 2))) is None
    points = np.stack([face(), face(), np.zeros((478, 2))])
    faces = FaceRecords(
        points, np.ones(3, np.float32), ("detector", "template", "given"), ("detector",) * 3,
        np.zeros((3, 52), np.float32),
    )  # fmt: skip
    table = pose_table(faces)
    assert tuple(table) == POSE_MEASURES
    assert all(np.isfinite(value).tolist() == [True, False, False] for value in table.values())
    assert pose_table(None) == {}
