from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.site.pictures.overlays import (
    blend_classic,
    blend_difference,
    blend_heat,
    display_maps,
    fit_within,
    grey_face,
    heat_table,
    upsample,
)

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40))


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(0, 1000))
def test_upsampling_equals_torch(shape: tuple[int, int, int, int], seed: int) -> None:
    torch = pytest.importorskip("torch")
    h, w, height, width = shape
    maps = np.random.default_rng(seed).normal(size=(2, h, w)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[None], size=(height, width), mode="bilinear", align_corners=False
    )[0].numpy()
    # torch works out positions in single precision, so a weight may differ by a few of its last digits.
    assert_allclose(upsample(maps, height, width), expected, atol=2e-5)


def test_upsampling_by_hand() -> None:
    # Two cells on four pixels: centres at 1/4, 3/4, 5/4, 7/4 of a cell, the outer ones clamped.
    assert_allclose(upsample(np.array([[[0.0, 4.0]]], dtype=np.float32), 1, 4)[0, 0], [0, 1, 3, 4])


def test_a_single_map_is_stretched_from_its_least_to_its_most() -> None:
    shown = display_maps(np.array([[[-5.0, 1.0], [2.0, 3.0]]], dtype=np.float32), 2, 2)
    assert_allclose(shown[0], [[0, 1 / 3], [2 / 3, 1]], atol=1e-6)


def test_two_maps_of_one_image_share_one_scale() -> None:
    raw = np.zeros((2, 3, 3), dtype=np.float32)
    raw[0, 1, 1], raw[1, 1, 1] = 4.0, 1.0
    strong, weak = display_maps(raw, 3, 3)
    assert strong.max() == pytest.approx(1)
    assert weak.max() == pytest.approx(0.25)


def test_no_positive_evidence_shows_nothing() -> None:
    assert_array_equal(display_maps(np.full((1, 7, 7), -1.0, dtype=np.float32), 20, 20), 0)


def test_without_heat_the_overlay_is_the_grey_face() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 9, 3)).astype(np.uint8)
    nothing = np.zeros((12, 9), dtype=np.float32)
    assert_array_equal(blend_heat(pixels, nothing, "inferno"), grey_face(pixels))
    same = np.full((12, 9), 0.4, dtype=np.float32)
    assert np.abs(blend_difference(pixels, same, same).astype(int) - grey_face(pixels)).max() <= 2


def test_opacity_never_falls_as_heat_grows() -> None:
    alpha = heat_table("inferno")[:, 3].astype(int)
    assert alpha[0] == 0
    assert (np.diff(alpha) >= 0).all()


def test_the_difference_is_orange_for_the_first_and_violet_for_the_second() -> None:
    pixels = np.full((1, 2, 3), 128, dtype=np.uint8)
    first, second = np.array([[1.0, 0.0]], dtype=np.float32), np.array([[0.0, 1.0]], dtype=np.float32)
    (orange, violet) = blend_difference(pixels, first, second)[0].astype(int)
    assert orange[0] > orange[1] > orange[2]
    assert violet[2] > violet[0] > violet[1]


def test_the_classic_overlay_is_half_jet_half_picture() -> None:
    pixels = np.full((1, 1, 3), 100, dtype=np.uint8)
    # jet ends in (127.5, 0, 0).
    assert_allclose(blend_classic(pixels, np.ones((1, 1), dtype=np.float32))[0, 0], [114, 50, 50], atol=1)


@pytest.mark.parametrize(
    ("shape", "expected"), [((350, 350), (288, 288)), ((48, 24), (288, 144)), ((1, 900), (1, 288))]
)
def test_pictures_fit(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit_within(*shape, 288) == expected


def test_a_cell_is_brightest_where_it_sees() -> None:
    grid = CellGrid(CellAxis(7, 0.5 / 224, 32 / 224), CellAxis.even(7))
    one = np.zeros((1, 7, 7), dtype=np.float32)
    one[0, 3, 3] = 1.0
    drawn = upsample(one, 224, 224, grid)[0]
    # Rows in steps of 32 pixels around pixel 96, columns around the middle of the fourth seventh.
    assert drawn.argmax() // 224 == 96
    assert_allclose(drawn[[64, 80, 96, 112, 128], 111], np.array([0, 0.5, 1, 0.5, 0]) * drawn[96, 111], atol=1e-6)
    assert_allclose(
        drawn[:, 111:113].mean(axis=1) @ np.arange(224) / drawn[:, 111:113].mean(axis=1).sum(), 96, atol=1e-3
    )


def test_beyond_the_outermost_cells_a_map_stays_as_it_is() -> None:
    grid = CellGrid(CellAxis(2, 0.125, 0.25), CellAxis.even(1))
    assert_allclose(
        upsample(np.array([[[0.0], [4.0]]], dtype=np.float32), 8, 1, grid)[0, :, 0], [0, 1, 3, 4, 4, 4, 4, 4]
    )
