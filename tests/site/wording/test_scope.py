from __future__ import annotations

import numpy as np
import pytest

from reportgen.analysis import ModelRecords
from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.site.wording.scope import grid_text, places_text

UP = CellAxis(7, 0.5 / 224, 32 / 224)
DOWN = CellAxis(7, 31.5 / 224, 32 / 224)
EVEN = CellAxis.even(7)


def model(grid: CellGrid, side: int = 224) -> ModelRecords:
    info = {"input": [side, side], "cell_centres": grid.record}
    return ModelRecords("M", "m", info, np.zeros((1, 2)), np.zeros((1, 2, *grid.shape), np.float32))


@pytest.mark.parametrize(
    ("rows", "columns", "text"),
    [
        (EVEN, EVEN, ""),
        (UP, UP, "each drawn at the middle of what it sees, half a cell up and left of the usual place"),
        (DOWN, DOWN, "each drawn at the middle of what it sees, half a cell down and right of the usual place"),
        (UP, EVEN, "each drawn at the middle of what it sees, half a cell up of the usual place"),
        (CellAxis(7, 14.5 / 224, 32 / 224), UP,
         "each drawn at the middle of what it sees, 0.05 of a cell up and half a cell left of the usual place"),
    ],
)  # fmt: skip
def test_where_cells_are_drawn(rows: CellAxis, columns: CellAxis, text: str) -> None:
    found = model(CellGrid(rows, columns))
    assert places_text(found) == text
    assert grid_text(found) == "7 × 7 cells of 32 px, enlarged"


def test_cells_that_are_only_further_apart_have_no_direction() -> None:
    wide = CellAxis(3, 0.5 / 65, 32 / 65)
    assert places_text(model(CellGrid(wide, wide), 65)) == "each drawn at the middle of what it sees, 32 px apart"
