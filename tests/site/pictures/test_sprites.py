from __future__ import annotations

import io

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.site.pictures.overlays import heat_table
from reportgen.site.pictures.sprites import THUMB, map_cells, map_sheet, thumb_sheet


def test_all_classes_of_an_image_share_one_scale() -> None:
    maps = np.zeros((2, 2, 3, 3), dtype=np.float32)
    maps[0, 0, 0, 0], maps[0, 1, 1, 1], maps[0, 1, 2, 2] = 2.0, 1.0, -7.0
    cells, _ = map_cells(maps, CellGrid.even(3, 3))
    assert_allclose([cells[0, 0, 0, 0], cells[0, 1, 1, 1], cells[0, 1, 2, 2]], [1, 0.5, 0])
    assert_array_equal(cells[1], 0)


def test_a_fine_layer_is_pooled() -> None:
    maps = np.zeros((1, 1, 56, 57), dtype=np.float32)
    maps[0, 0, :3, :3] = 1.0
    cells, grid = map_cells(maps, CellGrid.even(56, 57))
    assert cells.shape[2:] == grid.shape
    # The last column has the one of 57 that is left over: what it stands for ends where the picture ends.
    assert grid.rows == CellAxis(19, 1.5 / 56, 3 / 56)
    assert grid.columns == CellAxis.even(19)
    assert cells.shape == (1, 1, 19, 19)
    assert cells[0, 0, 0, 0] == 1
    assert cells[0, 0].sum() == 1


def test_a_cell_of_the_sheet_is_the_map_in_colour_and_opacity() -> None:
    maps = np.zeros((3, 2, 4, 5), dtype=np.float32)
    maps[1, 1, 3, 4] = 2.0
    sheet = map_sheet(maps, CellGrid.even(4, 5), "inferno")
    image = np.asarray(Image.open(io.BytesIO(sheet.content)).convert("RGBA"))
    assert image.shape == (3 * 6, 2 * 7, 4)
    assert (sheet.width, sheet.height, sheet.view.box(1, 1)) == (14, 18, (8, 7, 5, 4))
    assert_array_equal(image[6 + 1 + 3, 7 + 1 + 4], heat_table("inferno")[255])
    # The border repeats the outermost cell, so that smoothing stops where the map stops.
    assert_array_equal(image[6 + 1 + 4, 7 + 1 + 5], heat_table("inferno")[255])
    assert image[:6, :, 3].max() == 0


def test_thumbs_lie_row_by_row() -> None:
    thumbs = [np.full((THUMB, THUMB, 3), value, dtype=np.uint8) for value in range(0, 240, 20)]
    content, width, height = thumb_sheet(thumbs, 90)
    image = np.asarray(Image.open(io.BytesIO(content)))
    assert image.shape[:2] == (height, width) == (2 * THUMB, 10 * THUMB)
    assert abs(int(image[THUMB + THUMB // 2, THUMB + THUMB // 2, 0]) - 220) <= 3


def test_a_sheet_shows_the_part_of_a_map_that_lies_over_the_picture() -> None:
    maps = np.zeros((1, 2, 7, 4), dtype=np.float32)
    # Rows: seen 15.5 of 32 pixels further up. Columns: centres at .4, .5, .6 and .7 of the picture.
    sheet = map_sheet(maps, CellGrid(CellAxis(7, 0.5 / 224, 32 / 224), CellAxis(4, 0.4, 0.1)), "inferno")
    # 3.5 cells left of the first cell and 2.5 right of the last are border, and half a cell more to smooth with.
    assert (sheet.view.column, sheet.view.row) == (4 + 2 * 4, 7 + 2 * 4)
    assert_allclose(sheet.view.box(1, 0), (12 + 4 - 3.5, 4 + 15.5 / 32, 10, 7), atol=1e-4)
