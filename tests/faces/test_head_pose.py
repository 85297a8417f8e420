"""Angles of the head: of a face turned by known angles, and of the demo's photos, whose cameras are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reportgen.demo import demo_files
from reportgen.faces.head_pose import head_angles, mean_face, rotation_of
from reportgen.faces.landmarks import Landmarker


def seen(turn: float, nod: float, tilt: float, width: int = 400, height: int = 300) -> np.ndarray:
    """(1, 478, 2) the mean face turned and seen from afar, in fractions of a picture."""
    places = (mean_face() @ rotation_of(turn, nod, tilt).T)[:, :2] * (30, -30) + (200, 140)
    return (places / (width, height))[None]


def test_signs_are_those_of_the_picture() -> None:
    nose, forehead = 4, 10
    front = seen(0, 0, 0)[0]
    assert seen(20, 0, 0)[0, nose, 0] > front[nose, 0]  # turned: the nose moves to the picture's right
    assert seen(0, 20, 0)[0, nose, 1] > front[nose, 1]  # bowed: it moves down
    assert seen(0, 0, 20)[0, forehead, 0] > front[forehead, 0]  # tilted clockwise: the forehead moves to the right
    # A quarter of a turn about one axis, worked out by hand: x goes to -z, z to x.
    assert rotation_of(90, 0, 0) @ np.array([1.0, 2.0, 3.0]) == pytest.approx([3.0, 2.0, -1.0])


@given(st.floats(-60, 60), st.floats(-40, 40), st.floats(-60, 60))
def test_a_turned_mean_face_gives_its_angles(turn: float, nod: float, tilt: float) -> None:
    assert head_angles(seen(turn, nod, tilt), [400], [300])[0] == pytest.approx([turn, nod, tilt], abs=1e-6)


@given(st.floats(0.2, 3.0), st.floats(-0.3, 0.3), st.integers(50, 900))
def test_size_place_and_shape_of_the_picture_do_not_matter(scale: float, shift: float, width: int) -> None:
    points = seen(15, -8, 5) * (400, 300) * scale + shift * 100
    assert head_angles(points / (width, 300), [width], [300])[0] == pytest.approx([15, -8, 5], abs=1e-6)


def test_what_is_no_face_has_no_angles() -> None:
    points = np.stack([np.full((478, 2), 0.5), np.full((478, 2), np.nan), seen(0, 0, 0)[0]])
    found = head_angles(points, [400] * 3, [300] * 3)
    assert np.isnan(found[:2]).all() and np.isfinite(found[2]).all()


def test_the_mean_face_is_symmetric_and_looks_ahead() -> None:
    face = mean_face()
    assert face.shape == (478, 3)
    assert face[[33, 61, 234]] * (-1, 1, 1) == pytest.approx(face[[263, 291, 454]], abs=1e-6)
    assert face[4, 2] == face[:, 2].max()  # the tip of the nose is nearest to the camera
    with pytest.raises(ValueError, match="read-only"):
        face[0] = 0


def test_errors_against_the_demos_cameras(capsys: pytest.CaptureFixture[str]) -> None:
    """Every tenth photo; all of them, and persons who are not in the mean face: `bench_head_pose.py`."""
    files = demo_files()
    truth = json.loads((files.data.parent / "truth.json").read_text(encoding="utf-8"))["images"][::10]
    landmarker, found = Landmarker(), []
    for entry in truth:
        rgb = np.asarray(Image.open(files.data.parent / entry["image"]).convert("RGB"))
        shot = entry["shot"]
        true = np.degrees([shot["yaw"], shot["pitch"], -shot["roll"]])
        found.append(head_angles(landmarker.locate(rgb).points[None], [rgb.shape[1]], [rgb.shape[0]])[0] - true)
    size = np.abs(found).mean(axis=0)
    with capsys.disabled():
        print(f"\nhead pose, mean absolute error: turn {size[0]:.1f}, nod {size[1]:.1f}, tilt {size[2]:.1f} degrees")
    assert (size < (2.0, 4.5, 1.0)).all()
