"""Light on a face, on pictures whose light is known, and on faces that get dark glasses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from reportgen.demo import demo_files
from reportgen.faces.align import canonical_points
from reportgen.faces.landmarks import Landmarker, Landmarks
from reportgen.faces.light import cheek_light, eye_light, face_contrast

EYES = ((33, 133), (362, 263))
DARK = 0.4  # the limit of `reportgen.evidence.errors.rules`


def face(source: str = "detector", points: np.ndarray | None = None) -> Landmarks:
    return Landmarks(canonical_points() if points is None else points, 1.0, source, None)  # type: ignore[arg-type]


def test_contrast_is_that_of_the_face_alone() -> None:
    points = np.full((478, 2), 0.5)
    points[0], points[1] = (0.25, 0.25), (0.75, 0.75)
    picture = np.zeros((80, 40, 3), np.uint8)
    picture[20:40, 10:30], picture[40:60, 10:30] = 100, 200
    assert face_contrast(picture, points) == pytest.approx(50 / 255)
    assert face_contrast(picture[:, :, 0], points) == pytest.approx(50 / 255)  # grey photos keep one channel
    assert np.isnan(face_contrast(picture, points + 2))  # a face outside the picture
    assert face_contrast(np.tile(picture, (1, 30, 1)), points) > 0  # wide pictures are thinned


def test_eyes_are_held_against_the_cheeks_of_the_same_face() -> None:
    size = 200
    picture = np.full((size, size, 3), 160, np.uint8)
    y, x = np.mgrid[:size, :size]
    for corners in EYES:
        a, b = canonical_points()[list(corners)] * size
        middle = (a + b) / 2
        picture[np.hypot(x - middle[0], y - middle[1]) < 0.75 * np.linalg.norm(b - a)] = 40
    assert eye_light(picture, face()) == pytest.approx(40 / 160)
    assert eye_light(picture[:, :, 0], face()) == pytest.approx(40 / 160)
    dark = (picture // 2).astype(np.uint8)
    assert eye_light(dark, face()) == pytest.approx(40 / 160)  # dark skin or a dark photo is no cover
    right = picture.copy()
    right[:, size // 2 :] = 160
    assert eye_light(right, face()) == pytest.approx(1.0)  # one dark eye: the lighter one counts


def test_what_cannot_be_seen_is_not_measured() -> None:
    picture = np.full((100, 100, 3), 90, np.uint8)
    assert np.isnan(eye_light(picture, face("template")))
    assert np.isnan(eye_light(picture, face(points=canonical_points() + np.float32(3))))
    assert np.isnan(eye_light(picture[:6, :6], face()))  # a few pixels are no eye


def glasses(rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    picture, places = Image.fromarray(rgb), points * rgb.shape[1::-1]
    middles = [places[list(corners)].mean(axis=0) for corners in EYES]
    apart = float(np.linalg.norm(middles[1] - middles[0]))
    for x, y in middles:
        ImageDraw.Draw(picture).ellipse(
            [x - 0.42 * apart, y - 0.32 * apart, x + 0.42 * apart, y + 0.36 * apart], fill=(22, 20, 18)
        )
    return np.asarray(picture)


def test_dark_glasses_are_found_on_faces_that_are_searched_again() -> None:
    files, landmarker = demo_files(), Landmarker()
    plain, covered = [], []
    for path in pd.read_csv(files.data)["image_path"][::24]:
        with Image.open(files.data.parent / path) as image:
            rgb = np.asarray(image.convert("RGB"))
        found = landmarker.locate(rgb)
        plain.append(eye_light(rgb, found))
        dark = glasses(rgb, found.points)
        covered.append(eye_light(dark, landmarker.locate(dark)))
    assert len(plain) > 8
    assert np.nanmax(covered) < DARK < np.nanmin(plain)


def test_cheeks_tell_brightness_and_from_which_side_light_comes() -> None:
    size = 200
    picture = np.full((size, size, 3), 160, np.uint8)
    assert cheek_light(picture, face()) == pytest.approx((160 / 255, 1.0))
    picture[:, size // 2 :] = 80  # light from the left
    assert cheek_light(picture, face()) == pytest.approx((120 / 255, 0.5))
    darker = (picture // 2).astype(np.uint8)
    assert cheek_light(darker, face()) == pytest.approx((60 / 255, 0.5))  # skin or lamp: the balance stays
    assert np.isnan(cheek_light(picture, face("template"))).all()
    assert np.isnan(cheek_light(picture, face(points=canonical_points() + np.float32(3)))).all()
