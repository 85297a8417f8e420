from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.faces.raster import label_map, map_shares, run_shares, scan

SQUARE = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])
TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def strips(polygons: list[np.ndarray], rows: int) -> np.ndarray:
    corners = np.concatenate(polygons)[:, 1]
    return np.union1d(np.linspace(0, 1, rows + 1), corners[(corners > 0) & (corners < 1)])


def shares(polygons: list[np.ndarray], grid: tuple[int, int], rows: int) -> np.ndarray:
    labels = list(range(1, len(polygons) + 1))
    return run_shares(scan(polygons, labels, 0, strips(polygons, rows)), CellGrid.even(*grid), len(polygons) + 1)


def test_a_square_that_cuts_cells_at_a_quarter() -> None:
    # Cells are thirds: the square reaches 1/12 of the width, a quarter of a cell, into the outer ones.
    inside = shares([SQUARE], (3, 3), 3)[1]
    edge, corner = 0.25, 0.0625
    expected = [[corner, edge, corner], [edge, 1.0, edge], [corner, edge, corner]]
    np.testing.assert_allclose(inside, expected, atol=1e-6)


def test_a_diagonal_halves_the_cells_it_crosses_at_any_number_of_strips() -> None:
    for rows in (3, 6, 33):
        inside = shares([TRIANGLE], (3, 3), rows)[1]
        np.testing.assert_allclose(inside, [[1, 1, 0.5], [1, 0.5, 0], [0.5, 0, 0]], atol=1e-6)


def test_a_flat_slope_through_many_columns_in_one_strip_has_its_closed_form() -> None:
    # Below the line from (0, .5) to (1, 1/6): one row of cells holds the rise of column j as a trapezium.
    wedge = np.array([[0.0, 0.5], [1.0, 1 / 6], [1.0, 1.0], [0.0, 1.0]])
    inside = shares([wedge], (1, 4), 1)[1][0]
    middles = (np.arange(4) + 0.5) / 4
    np.testing.assert_allclose(inside, 1 - (0.5 - middles / 3), atol=1e-6)


def test_the_later_polygon_covers_the_earlier_one() -> None:
    left = np.array([[0, 0], [0.75, 0], [0.75, 1], [0, 1.0]])
    right = np.array([[0.5, 0], [1, 0], [1, 1], [0.5, 1.0]])
    np.testing.assert_allclose(shares([left, right], (1, 4), 4)[:, 0], [[0] * 4, [1, 1, 0, 0], [0, 0, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(shares([right, left], (1, 4), 4)[:, 0], [[0] * 4, [0, 0, 0, 1], [1, 1, 1, 0]], atol=1e-6)


def test_what_is_wound_twice_is_inside() -> None:
    # A square walked twice has winding number 2; the even-odd rule would call it empty.
    np.testing.assert_allclose(shares([np.concatenate([SQUARE, SQUARE])], (1, 1), 8)[1], 0.25, atol=1e-6)


def test_the_direction_of_an_outline_does_not_matter() -> None:
    np.testing.assert_array_equal(shares([SQUARE], (3, 3), 6), shares([SQUARE[::-1]], (3, 3), 6))


def test_polygons_beyond_the_picture_are_cut_off() -> None:
    np.testing.assert_allclose(shares([SQUARE * 8 - 3.5], (2, 2), 8)[1], 1, atol=1e-6)
    np.testing.assert_allclose(shares([SQUARE + 2], (2, 2), 8)[1], 0, atol=1e-6)
    np.testing.assert_allclose(shares([SQUARE + np.array([0.5, 0])], (1, 1), 8)[1], 0.125, atol=1e-6)


def test_a_pixel_belongs_to_what_covers_its_centre() -> None:
    runs = scan([SQUARE], [7], 2, np.linspace(0, 1, 5))
    expected = np.full((4, 4), 2)
    expected[1:3, 1:3] = 7
    np.testing.assert_array_equal(label_map(runs, 4), expected)


polygon = arrays(np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=st.floats(-0.5, 1.5, width=32))


@settings(max_examples=60, deadline=None)
@given(st.lists(polygon, min_size=1, max_size=4), st.sampled_from([(1, 1), (3, 2), (4, 5)]))
def test_shares_are_those_of_a_fine_raster(polygons: list[np.ndarray], grid: tuple[int, int]) -> None:
    h, w = grid
    found = shares(polygons, grid, h * 60)
    labels = list(range(1, len(polygons) + 1))
    fine = label_map(scan(polygons, labels, 0, np.linspace(0, 1, h * 120 + 1)), w * 120)
    counted = [(fine == label).reshape(h, 120, w, 120).mean(axis=(1, 3)) for label in range(len(polygons) + 1)]
    # An edge cuts at most 240 of a cell's 14,400 squares, and each is off by half at the most.
    np.testing.assert_allclose(found, counted, atol=0.03)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    assert found.min() >= 0


@settings(max_examples=30, deadline=None)
@given(polygon)
def test_a_label_map_agrees_with_the_winding_number_of_every_pixel(corners: np.ndarray) -> None:
    size = 12
    drawn = label_map(scan([corners], [1], 0, np.linspace(0, 1, size + 1)), size)
    nearest = 1.0
    for i in range(size):
        for j in range(size):
            arms = corners - [(j + 0.5) / size, (i + 0.5) / size]
            following = np.roll(arms, -1, axis=0)
            cross = arms[:, 0] * following[:, 1] - arms[:, 1] * following[:, 0]
            angles = np.arctan2(cross, (arms * following).sum(axis=1))
            length = np.maximum(np.linalg.norm(following - arms, axis=1), 1e-12)
            nearest = np.min(np.abs(cross) / length)
            if nearest > 1e-6:  # on the outline itself there is no right answer
                assert drawn[i, j] == (round(angles.sum() / (2 * np.pi)) != 0)


def test_shares_of_a_map_count_the_parts_of_cut_pixels() -> None:
    # Three columns over two cells: the middle one counts half here, half there.
    found = map_shares(np.array([[0, 1, 1]], np.uint8), CellGrid.even(1, 2), 2)
    np.testing.assert_allclose(found[1, 0], [1 / 3, 1], atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (5, 7)])
def test_shares_of_a_map_keep_the_total(grid: tuple[int, int]) -> None:
    labels = np.random.default_rng(3).integers(0, 4, (10, 9)).astype(np.uint8)
    found = map_shares(labels, CellGrid.even(*grid), 4)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), [(labels == k).mean() for k in range(4)], atol=1e-6)


def test_shares_of_cells_that_see_a_quarter_of_the_picture_further_up() -> None:
    # Centres at 0 and .5: the upper cell has the upper quarter, the lower one the rest.
    grid = CellGrid(CellAxis(2, 0.0, 0.5), CellAxis.even(1))
    upper_half = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.0, 0.5]])
    runs = scan([upper_half], [1], 0, np.array([0, 0.25, 0.5, 1.0]))
    np.testing.assert_allclose(run_shares(runs, grid, 2)[1, :, 0], [1, 1 / 3], atol=1e-6)
    labels = np.repeat(np.array([[1], [0]], np.uint8), 2, axis=0)
    np.testing.assert_allclose(map_shares(labels, grid, 2)[1, :, 0], [1, 1 / 3], atol=1e-6)
