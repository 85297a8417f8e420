from __future__ import annotations

import numpy as np
import pytest

from reportgen.cell_grid import CellAxis, CellGrid

# Seven cells that see what lies around pixels 0, 32, 64 ... of 224, as those of a ResNet do.
RESNET = CellAxis(7, 0.5 / 224, 32 / 224)


def test_cells_of_equal_shares() -> None:
    even = CellAxis.even(4)
    assert even.is_even and even.fits
    np.testing.assert_allclose(even.centres, [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(even.edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(even.positions(np.array([0.0, 0.125, 1.0])), [-0.5, 0, 3.5])
    assert even.offset == pytest.approx(0)


def test_a_place_belongs_to_the_cell_whose_centre_is_nearest() -> None:
    np.testing.assert_allclose(RESNET.centres * 224, np.arange(7) * 32 + 0.5)
    # The first cell has half a cell of picture, the last one and a half.
    np.testing.assert_allclose(RESNET.edges * 224, [0, 16.5, 48.5, 80.5, 112.5, 144.5, 176.5, 224])
    np.testing.assert_allclose(RESNET.positions(np.array([0.5, 16.5, 224]) / 224), [0, 0.5, 223.5 / 32])
    assert RESNET.offset == pytest.approx(-15.5 / 32)
    assert not RESNET.is_even


def test_cells_further_apart_than_equal_shares_have_an_offset_that_changes() -> None:
    axis = CellAxis(9, 0.5 / 260, 32 / 260)  # 260 pixels: nine cells of 28.9, seen every 32
    away = (axis.centres - CellAxis.even(9).centres) * 260
    assert away[0] == pytest.approx(0.5 - 260 / 18)
    assert away[8] == pytest.approx(256.5 - 260 * 17 / 18)
    assert axis.offset == pytest.approx(away.mean() * 9 / 260)


def test_a_cell_that_is_nowhere_the_nearest_does_not_fit() -> None:
    assert RESNET.fits
    assert not CellAxis(2, -0.5, 0.6).fits
    assert not CellAxis(3, 0.5, 0.5).fits
    assert not CellAxis.even(0).fits


def test_means_of_neighbours_see_the_middle_of_what_they_saw() -> None:
    assert CellAxis.even(8).pooled(2) == CellAxis.even(4)
    pooled = RESNET.pooled(3)
    assert pooled.count == 3
    np.testing.assert_allclose(pooled.centres * 224, [32.5, 128.5, 224.5])


def test_a_record_keeps_every_digit_and_an_older_one_is_even() -> None:
    grid = CellGrid(RESNET, CellAxis.even(5))
    assert CellGrid.from_record(7, 5, grid.record) == grid
    assert CellGrid.from_record(7, 5, None) == CellGrid.even(7, 5)
    assert grid.shape == (7, 5)
    assert grid.offset == pytest.approx((-15.5 / 32, 0))
    assert len({grid, CellGrid.even(7, 5), CellGrid(RESNET, CellAxis.even(5))}) == 2
