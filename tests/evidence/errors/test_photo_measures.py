"""States of the face on constructed faces: six points in space turned by a known angle, lips apart by a known share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, FaceRecords
from reportgen.evidence.errors.photo_measures import face_states
from reportgen.faces.align import canonical_points

# Corners of the eyes, tip and base of the nose: x, y and depth as in MediaPipe's canonical face model, centimetres.
SPACE = {33: (-4.45, -2.66, 3.17), 133: (-1.86, -2.59, 3.76), 362: (1.86, -2.59, 3.76), 263: (4.45, -2.66, 3.17),
         4: (0.0, 0.46, 7.59), 2: (0.0, 1.2, 6.2)}  # fmt: skip


def seen(angle: float) -> np.ndarray:
    """(478, 2) points of a head turned by so many degrees, as a camera far away sees it, in 200 x 100 pixels."""
    points, t = canonical_points().astype(float), np.radians(angle)
    for index, (x, y, z) in SPACE.items():
        points[index] = 0.5 + (x * np.cos(t) + z * np.sin(t)) / 20, 0.4 + y / 20
    return points


def analysis(points: np.ndarray, size: tuple[int, int] = (100, 100), light: np.ndarray | None = None) -> Analysis:
    n = len(points)
    source = ("detector",) * (n - 1) + ("template",)
    faces = FaceRecords(
        points.astype(np.float32), np.ones(n, np.float32), source, source, np.zeros((n, 52), np.float32), None, light
    )
    images = pd.DataFrame({"width": [size[0]] * n, "height": [size[1]] * n})
    return Analysis(Path(), {"classes": []}, images, pd.DataFrame(), (), faces)


@pytest.mark.parametrize("angle", [0.0, 15.0, -30.0, 45.0])
def test_the_turn_of_a_head_is_read_in_degrees(angle: float) -> None:
    turn = face_states(analysis(np.stack([seen(angle)] * 2)))["turn of the head"]
    assert turn[0] == pytest.approx(abs(angle), abs=0.5)
    assert np.isnan(turn[1])  # nobody's head


def test_lips_are_apart_by_a_share_of_the_mouths_width() -> None:
    points = np.stack([canonical_points()] * 3).astype(float)
    points[:, [61, 291]] = (0.3, 0.7), (0.7, 0.7)
    points[:, [13, 14]] = (0.5, 0.7), (0.5, 0.7)
    points[1, 14] = 0.5, 0.8
    assert face_states(analysis(points))["opening of the mouth"] == pytest.approx([0, 0.25, np.nan], nan_ok=True)
    # A picture twice as high as wide: its fractions of height are twice as long.
    tall = face_states(analysis(points, (100, 200)))["opening of the mouth"]
    assert tall == pytest.approx([0, 0.5, np.nan], nan_ok=True)


def test_what_was_not_measured_is_no_state() -> None:
    points = np.stack([canonical_points()] * 2)
    assert "light on the eyes" not in face_states(analysis(points))
    found = face_states(analysis(points, light=np.array([0.3, np.nan], np.float32)))
    assert found["light on the eyes"] == pytest.approx([0.3, np.nan], nan_ok=True)
    none = Analysis(Path(), {"classes": []}, pd.DataFrame(), pd.DataFrame(), (), None)
    assert face_states(none) == {}
