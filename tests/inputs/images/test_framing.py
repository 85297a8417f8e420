"""A face that was moved is found where it was moved to, and nothing else of it was changed."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.demo import demo_files
from reportgen.faces.landmarks import Landmarker
from reportgen.faces.pose import POSE_MEASURES, Pose, measure_pose
from reportgen.inputs.images.framing import FRAMING, move_neutrally, moved

SIDE = 224
POSE = Pose(0.4, 0.45, 0.4, 0.1, 0.0, 0.7)
AIMS = [
    ("zoomed", (0.28,)), ("zoomed", (0.5,)), ("shifted", (0.6, 0.5)), ("shifted", (math.nan, 0.3)),
    ("straightened", (0.0,)), ("straightened", (-0.25,)),
]  # fmt: skip


def eyes(pose: Pose) -> np.ndarray:
    """(2, 2) places of the eyes, in fractions."""
    half = pose.eyes / 2 * np.array([math.cos(pose.roll), math.sin(pose.roll)])
    return np.array([pose.x, pose.y]) + np.stack([-half, half])


def marked(pose: Pose) -> np.ndarray:
    """A picture with a green dot for the one eye and a red dot for the other."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    planes = [np.exp(-(((x - a) ** 2 + (y - b) ** 2) / (2 * 0.02**2))) for a, b in eyes(pose)]
    return np.rint(255 * np.stack([*planes, np.zeros_like(x)], axis=2)).astype(np.uint8)


def found(picture: np.ndarray) -> np.ndarray:
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    weights = [picture[:, :, k].astype(float) for k in range(2)]
    return np.array([[(w * x).sum() / w.sum(), (w * y).sum() / w.sum()] for w in weights])


def wanted(name: str, aim: tuple[float, ...], pose: Pose) -> Pose:
    return replace(pose, **{m: goal for m, goal in zip(FRAMING[name], aim, strict=True) if math.isfinite(goal)})


@pytest.mark.parametrize(("name", "aim"), AIMS)
def test_the_eyes_come_to_lie_where_they_are_to(name: str, aim: tuple[float, ...]) -> None:
    made = moved(name, marked(POSE), POSE, aim)
    assert made.shape == (SIDE, SIDE, 3) and made.dtype == np.uint8
    np.testing.assert_allclose(found(made), eyes(wanted(name, aim, POSE)), atol=0.003)


@pytest.mark.parametrize(("name", "aim"), AIMS)
@pytest.mark.parametrize("angle", [0.5, 4.0])
def test_the_neutral_change_moves_as_much_and_leaves_the_property(
    name: str, aim: tuple[float, ...], angle: float
) -> None:
    picture = marked(POSE)
    step = found(move_neutrally(name, picture, POSE, aim, angle)) - eyes(POSE)
    np.testing.assert_allclose(step[0], step[1], atol=0.003)  # so size and tilt stay
    far = float(np.hypot(*step.mean(axis=0)))
    if name == "shifted":
        path = np.array([getattr(wanted(name, aim, POSE), m) - getattr(POSE, m) for m in ("x", "y")])
        assert far == pytest.approx(np.hypot(*path), abs=0.003)
        assert abs(step.mean(axis=0) @ path) < 0.001
    else:
        y, x = (np.mgrid[:64, :64] + 0.5) / 64
        reach = np.sqrt(np.mean((x - POSE.x) ** 2 + (y - POSE.y) ** 2))
        goal = aim[0] / POSE.eyes - 1 if name == "zoomed" else 2 * math.sin((aim[0] - POSE.roll) / 2)
        # How far a pixel of the result comes from: a larger face is taken from nearby.
        goal = goal / (1 + goal) if name == "zoomed" else goal
        assert far == pytest.approx(abs(goal) * reach, rel=0.05)


def test_outside_the_picture_its_border_goes_on() -> None:
    picture = np.full((60, 80, 3), 90, np.uint8)
    picture[:, 0] = 200
    made = moved("shifted", picture, POSE, (POSE.x + 0.25, math.nan))
    assert (made[:, :20] == 200).all() and (made[:, 22:] == 90).all()


def test_nothing_is_moved_further_than_leaves_a_face() -> None:
    picture = marked(POSE)
    far = found(moved("shifted", picture, POSE, (POSE.x + 0.9, math.nan))) - eyes(POSE)
    np.testing.assert_allclose(far, [[0.25, 0.0]] * 2, atol=0.003)
    small = found(moved("zoomed", picture, POSE, (0.01,)))
    assert np.hypot(*(small[1] - small[0])) == pytest.approx(POSE.eyes / 2, abs=0.003)


@pytest.mark.parametrize(("name", "aim"), AIMS)
def test_landmarks_of_the_changed_photo_say_so_too(name: str, aim: tuple[float, ...]) -> None:
    """Not by the arithmetic that moved it: the faces are searched again."""
    files, landmarker, off = demo_files(), Landmarker(), []
    for path in pd.read_csv(files.data)["image_path"][::97]:
        with Image.open(files.data.parent / path) as image:
            rgb = np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
        before = measure_pose(landmarker.locate(rgb).points)
        assert before is not None
        after = measure_pose(landmarker.locate(moved(name, rgb, before, aim)).points)
        assert after is not None
        off.append(np.subtract(astuple(after), astuple(wanted(name, aim, before))))
    limits = dict(zip(POSE_MEASURES, np.median(np.abs(off), axis=0), strict=True))
    assert limits["eyes"] < 0.015 and limits["x"] < 0.015 and limits["y"] < 0.015 and limits["roll"] < 0.03
