"""Every change by hand, by other code than ours, and what stays the same."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS, outlines, region_map
from reportgen.inputs.images.disturbances import DISTURBANCES, disturb

SIDE = 112
POINTS = 0.2 + 0.6 * canonical_points()


@pytest.fixture
def photo():
    """Broad strokes and fine grain, neither black nor white."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = 128 + 50 * np.stack([np.sin(6 * x), np.cos(5 * y), np.sin(4 * x * y + 1)], axis=2)
    return np.clip(waves + rng.normal(0, 12, waves.shape), 20, 235).astype(np.uint8)


def test_the_table_gets_worse_from_level_to_level(photo):
    far = []
    for name, change in DISTURBANCES.items():
        moved = [np.abs(disturb(name, level, photo, POINTS).astype(float) - photo).mean() for level in change.levels]
        assert min(moved) > 0, name
        if change.graded and name != "rotation":  # a regular picture may come to lie on itself
            assert moved == sorted(moved), name
        far += moved
        assert all(disturb(name, level, photo, POINTS).shape == photo.shape for level in change.levels)
    assert len(far) == 28


def test_blur_is_that_of_its_pixels_in_224(photo):
    edge = np.zeros((SIDE, SIDE, 3), np.uint8)
    edge[:, SIDE // 2 :] = 200
    made = disturb("blur", 4.0, edge)[SIDE // 2, :, 0].astype(float)
    step = np.diff(made)
    at = np.arange(SIDE - 1) - (SIDE / 2 - 1)
    spread = np.sqrt((step * at**2).sum() / step.sum())
    assert spread == pytest.approx(4.0 * SIDE / 224, rel=0.08)


def test_noise_has_its_spread_no_colour_and_is_the_photos_own(photo):
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    added = disturb("noise", 20.0, grey).astype(float) - 128
    assert added.std() == pytest.approx(20.0, rel=0.03)
    assert np.array_equal(added[..., 0], added[..., 2])
    assert np.array_equal(disturb("noise", 20.0, photo), disturb("noise", 20.0, photo.copy()))
    first = disturb("noise", 20.0, photo).astype(int) - photo
    assert not np.array_equal(first, disturb("noise", 20.0, photo[::-1].copy()).astype(int) - photo[::-1])


def test_jpeg_is_pillows(photo):
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", quality=8)
    assert np.array_equal(disturb("jpeg", 8.0, photo), np.asarray(Image.open(stream).convert("RGB")))


@pytest.mark.parametrize(("level", "stops", "expected"), [(255, 1, 188), (128, 1, 92), (128, 3, 46), (8, 2, 2)])
def test_a_stop_halves_the_light_and_not_the_stored_number(level, stops, expected):
    """Half the light of white is stored as 188: sRGB of .5; 128 holds .216 of the light, of which
    half is stored as 92 and an eighth as 46. Near black light and number are proportional.
    """
    picture = np.full((4, 4, 3), level, np.uint8)
    assert set(disturb("darkness", float(stops), picture).ravel().tolist()) == {expected}


def test_contrast_keeps_the_mean_and_scales_the_rest():
    picture = np.array([[[100] * 3, [140] * 3]], np.uint8)
    assert disturb("contrast", 0.5, picture)[0, :, 0].tolist() == [110, 130]
    assert disturb("contrast", 0.25, picture)[0, :, 0].tolist() == [115, 125]


def test_resolution_leaves_as_many_pixels_as_it_says():
    """A checkerboard of single pixels is even grey once it is reduced."""
    board = np.zeros((SIDE, SIDE, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 200
    assert disturb("resolution", 24.0, board)[10:-10, 10:-10].std() < 8
    large = np.zeros((SIDE, SIDE, 3), np.uint8)
    large[: SIDE // 2] = 200
    assert disturb("resolution", 24.0, large)[5, 5, 0] == 200


def test_a_crop_enlarges_the_middle_about_the_middle():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[40:60, 40:60] = 200
    made = disturb("crop", 0.7, picture)[..., 0] > 100
    rows = np.flatnonzero(made.any(axis=1))
    assert rows[0] + rows[-1] == 99
    assert len(rows) == pytest.approx(20 / 0.7, abs=1)


def test_rotation_turns_by_its_angle_and_continues_the_border():
    picture = np.full((SIDE, SIDE, 3), 60, np.uint8)
    picture[:, SIDE // 2 - 2 : SIDE // 2 + 2] = 220
    made = disturb("rotation", 20.0, picture)
    bright = made[..., 0] > 140
    top, bottom = (np.flatnonzero(bright[row]).mean() for row in (16, SIDE - 17))
    assert np.degrees(np.arctan(abs(top - bottom) / (SIDE - 33))) == pytest.approx(20.0, abs=1.0)
    assert made.min() >= 60


def test_a_mirror_image_twice_is_the_photo(photo):
    assert np.array_equal(disturb("mirror", 1.0, disturb("mirror", 1.0, photo)), photo)


@pytest.mark.parametrize("region", DISTURBANCES["cover"].levels)
def test_a_region_is_covered_whole_in_the_mean_colour_and_nothing_else(photo, region):
    made = disturb("cover", region, photo, POINTS)
    inside = region_map(POINTS, SIDE, SIDE) == REGIONS.index(region)
    assert (made[inside] == np.rint(photo.mean(axis=(0, 1))).astype(np.uint8)).all()
    changed = (made != photo).any(axis=2)
    places = outlines(POINTS)[region][0] * SIDE
    y, x = np.nonzero(changed)
    assert x.min() >= np.floor(places[:, 0].min()) and x.max() < np.ceil(places[:, 0].max())
    assert y.min() >= np.floor(places[:, 1].min()) and y.max() < np.ceil(places[:, 1].max())


def test_without_landmarks_nothing_can_be_covered(photo):
    with pytest.raises(ValueError, match="landmarks"):
        disturb("cover", "mouth", photo)
