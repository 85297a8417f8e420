from __future__ import annotations

import io

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from reportgen.site.pictures.overlays import heat_table
from reportgen.site.pictures.sprites import BORDER, THUMB, map_cells, map_sheet, thumb_sheet


def test_all_classes_of_an_image_share_one_scale() -> None:
    maps = np.zeros((2, 2, 3, 3), dtype=np.float32)
    maps[0, 0, 0, 0], maps[0, 1, 1, 1], maps[0, 1, 2, 2] = 2.0, 1.0, -7.0
    cells = map_cells(maps)
    assert_allclose([cells[0, 0, 0, 0], cells[0, 1, 1, 1], cells[0, 1, 2, 2]], [1, 0.5, 0])
    assert_array_equal(cells[1], 0)


def test_a_fine_layer_is_pooled() -> None:
    maps = np.zeros((1, 1, 56, 57), dtype=np.float32)
    maps[0, 0, :3, :3] = 1.0
    cells = map_cells(maps)
    assert cells.shape == (1, 1, 19, 19)
    assert cells[0, 0, 0, 0] == 1
    assert cells[0, 0].sum() == 1


def test_a_cell_of_the_sheet_is_the_map_in_colour_and_opacity() -> None:
    maps = np.zeros((3, 2, 4, 5), dtype=np.float32)
    maps[1, 1, 3, 4] = 2.0
    sheet = map_sheet(maps, "inferno")
    image = np.asarray(Image.open(io.BytesIO(sheet.content)).convert("RGBA"))
    assert image.shape == (3 * 6, 2 * 7, 4)
    assert (sheet.width, sheet.height, sheet.map_width, sheet.map_height) == (14, 18, 5, 4)
    assert_array_equal(image[6 + BORDER + 3, 7 + BORDER + 4], heat_table("inferno")[255])
    # The border repeats the outermost cell, so that smoothing stops where the map stops.
    assert_array_equal(image[6 + BORDER + 4, 7 + BORDER + 5], heat_table("inferno")[255])
    assert image[:6, :, 3].max() == 0


def test_thumbs_lie_row_by_row() -> None:
    thumbs = [np.full((THUMB, THUMB, 3), value, dtype=np.uint8) for value in range(0, 240, 20)]
    content, width, height = thumb_sheet(thumbs, 90)
    image = np.asarray(Image.open(io.BytesIO(content)))
    assert image.shape[:2] == (height, width) == (2 * THUMB, 10 * THUMB)
    assert abs(int(image[THUMB + THUMB // 2, THUMB + THUMB // 2, 0]) - 220) <= 3
