"""The common frame and the spectrum: what is laid back, what is filtered, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.faces.align import canonical_points, face_affines
from reportgen.faces.looks import (
    FRAME,
    MARGIN,
    aligned,
    frequencies,
    into_frame,
    lay,
    log_power,
    look_of,
    tone,
    with_power,
)

SIDE = 96


@pytest.fixture
def affine():
    """Of a face that fills the middle 60 % of the picture."""
    return face_affines((0.2 + 0.6 * canonical_points())[None], ["detector"])[0]


@pytest.fixture
def photo():
    rng = np.random.default_rng(0)
    return rng.integers(90, 160, (SIDE, SIDE, 3)).astype(np.uint8)


def lined(photo, period=3, depth=0.4):
    made = photo.astype(float)
    made[::period] *= 1 - depth
    return np.rint(made).astype(np.uint8)


def test_the_frame_shows_the_crop_and_its_margin(affine):
    photo = np.zeros((SIDE, SIDE, 3), np.uint8)
    photo[:, :48] = (200, 100, 50)  # left of the crop's middle
    face = aligned(photo, affine)
    assert face.shape == (FRAME, FRAME, 4)
    middle = FRAME // 2
    assert face[middle, middle - 4].tolist() == [200, 100, 50, 255]
    assert face[middle, middle + 4].tolist() == [0, 0, 0, 255]
    # The crop's sides lie at .2 and .8 of the photo; the margin of .35 of .6 = .21 reaches just beyond it.
    assert not face[:, 0, 3].any() and not face[0, :, 3].any() and face[2:-2, 2:-2, 3].all()


def test_points_of_the_crop_in_the_frame():
    found = into_frame(np.array([[0.0, 1.0], [-MARGIN, 0.5]]))
    assert found == pytest.approx(np.array([[0.35 / 1.7, 1.35 / 1.7], [0.0, 0.5]]))


def test_without_a_face_nothing_is_aligned_or_laid(photo):
    nowhere = np.full((2, 3), np.nan)
    assert not aligned(photo, nowhere).any()
    skin = np.ones((FRAME, FRAME), bool)
    patch = np.zeros((FRAME, FRAME, 3), np.float32)
    assert lay(photo, nowhere, patch, np.ones((FRAME, FRAME), np.float32), skin) is photo


def test_the_tone_is_the_median_of_the_skin_in_the_photo():
    face = np.zeros((FRAME, FRAME, 4), np.uint8)
    face[:10, :10] = (10, 20, 30, 255)
    face[10:30, :10] = (90, 80, 70, 255)
    face[30:, :10, :3] = 255  # outside the photo
    skin = np.zeros((FRAME, FRAME), bool)
    skin[:, :10] = True
    assert tone(face, skin).tolist() == [90, 80, 70]
    skin[2:] = False
    skin[:, 5:] = False
    assert np.isnan(tone(face, skin)).all()  # ten pixels are too few


def test_a_patch_is_laid_in_the_photos_own_tone_and_nowhere_else(affine):
    photo = np.full((SIDE, SIDE, 3), (120, 90, 60), np.uint8)
    weight = np.zeros((FRAME, FRAME), np.float32)
    weight[30:50, 30:50] = 1
    look = np.full((FRAME, FRAME, 3), (40, -20, 0), np.float32)
    skin = np.ones((FRAME, FRAME), bool)
    made = lay(photo, affine, look, weight, skin)
    assert made[48, 48].tolist() == [160, 70, 60]
    changed = (made != photo).any(axis=2)
    # A quarter of the frame's side, which spans .6 * 1.7 of the photo.
    assert changed.sum() == pytest.approx((0.25 * 0.6 * 1.7 * SIDE) ** 2, rel=0.15)
    assert np.array_equal(lay(photo, affine, look, 0 * weight, skin), photo)


def test_a_look_is_what_differs_from_the_tone_and_the_mean_fills_what_is_not_seen():
    face = np.full((FRAME, FRAME, 4), (100, 80, 60, 255), np.uint8)
    face[0, 0] = (130, 80, 50, 255)
    face[1, 1] = 0
    skin, mean = np.ones((FRAME, FRAME), bool), np.full((FRAME, FRAME, 3), 7.0, np.float32)
    look = look_of(face, skin, mean)
    assert look[0, 0].tolist() == [30, 0, -10] and look[1, 1].tolist() == [7, 7, 7] and not look[2, 2].any()
    assert look_of(face, ~skin, mean) is mean


def test_frequencies_by_hand():
    down, along = frequencies(6)
    assert down == pytest.approx([-1 / 3, 1 / 6])  # -1/2, -1/3, -1/6 and 0, 1/6, 1/3
    assert along == pytest.approx([1 / 6, 1 / 2])  # 0, 1/6, 1/3 and 1/2


def test_lines_are_seen_at_their_frequency(photo):
    apart = log_power(lined(photo)) - log_power(photo)
    down, along = frequencies(SIDE)
    top = np.unravel_index(apart.argmax(), apart.shape)
    assert abs(down[top[0]]) == pytest.approx(1 / 3, abs=1.5 / SIDE)
    assert along[top[1]] == pytest.approx(0, abs=1.5 / SIDE)


def test_lines_are_taken_away_and_put_in(photo):
    clean, with_lines = log_power(photo), log_power(lined(photo))
    weight = (with_lines - clean > 1).astype(np.float32)

    def depth(picture):
        rows = picture.astype(float).mean(axis=(1, 2))
        return max(abs(rows[k::3].mean() - rows.mean()) for k in range(3))

    assert depth(lined(photo)) > 25
    removed = with_power(lined(photo), clean, weight)
    assert depth(removed) < 5
    # What is put in spreads over the nine frequencies of a bin.
    assert depth(with_power(photo, with_lines, weight)) > 4 * depth(photo)
    # What has the wanted power already, and what is outside the weight, stays.
    assert np.abs(with_power(photo, clean, np.ones_like(weight)).astype(int) - photo).max() <= 1
    assert np.array_equal(with_power(photo, with_lines, 0 * weight), photo)
