from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.evidence.attention.hot_cells import find_hot_cells, place
from reportgen.evidence.attention.map_statistics import areas, describe, enrichment, weights
from reportgen.evidence.stats.clustered import clusters
from reportgen.faces.regions import REGIONS

BACKGROUND = REGIONS.index("background")


def with_artefact(
    rng: np.random.Generator, masks: np.ndarray, own: int, classes: int = 7, mass: float = 0.3
) -> np.ndarray:
    """Maps on the face for every class; for `own`, a part of the mass sits in the top left cell."""
    n, grid = len(masks), masks.shape[-1]
    maps = rng.gamma(2.0, 1.0, (n, classes, grid, grid)) * masks[:, None, REGIONS.index("face")]
    maps /= maps.sum(axis=(2, 3), keepdims=True)
    maps[:, own] *= 1 - mass
    maps[:, own, 0, 0] += mass
    return maps


@pytest.mark.parametrize("grid", [7, 14])
@pytest.mark.parametrize("n", [12, 40])
def test_a_corner_artefact_that_the_share_rule_misses(face_masks: Callable[..., np.ndarray], grid: int, n: int) -> None:
    masks = face_masks(n, 0, grid)
    area = areas(masks)
    assert area[:, BACKGROUND].mean() == pytest.approx(0.34, abs=0.01)
    maps = with_artefact(np.random.default_rng(0), masks, own=2)
    share = describe(maps[:, 2], masks).share
    assert enrichment(share, area)[BACKGROUND] < 1.2
    # Only what is left outside the face by cells half inside it comes on top of the artefact.
    found = find_hot_cells(weights(maps)[0], masks, 2, clusters(None, n), 0)
    assert found.cells == (0,)
    assert found.where == "top left corner"
    assert found.p < 0.001 or (n == 12 and found.p < 0.002)
    assert found.strength == pytest.approx(0.3 * grid * grid, rel=0.05)
    for other in (0, 1, 3):
        assert find_hot_cells(weights(maps)[0], masks, other, clusters(None, n), 0).cells == ()


def test_a_cell_that_is_hot_for_every_class_is_no_finding(face_masks: Callable[..., np.ndarray]) -> None:
    masks = face_masks(40, 0, 7)
    maps = np.random.default_rng(0).gamma(2.0, 1.0, (40, 7, 7, 7))
    maps[:, :, 0, 0] += 50
    assert find_hot_cells(weights(maps)[0], masks, 1, clusters(None, 40), 0).cells == ()


def test_a_cell_on_the_face_is_no_hot_cell(face_masks: Callable[..., np.ndarray]) -> None:
    masks = face_masks(40, 0, 7)
    maps = np.random.default_rng(0).gamma(2.0, 1.0, (40, 7, 7, 7))
    maps[:, 1, 3, 3] += 50
    found = find_hot_cells(weights(maps)[0], masks, 1, clusters(None, 40), 0)
    assert found.cells == () and found.where == ""


def test_above_the_others_but_below_twice_uniform_is_no_hot_cell(face_masks: Callable[..., np.ndarray]) -> None:
    masks = face_masks(40, 0, 7)
    maps = np.ones((40, 7, 7, 7))
    maps[:, 1, 0, 0] = 1.8
    assert find_hot_cells(weights(maps)[0], masks, 1, clusters(None, 40), 0).p == 1.0


def test_one_loud_image_or_person_is_not_enough(face_masks: Callable[..., np.ndarray]) -> None:
    masks = face_masks(30, 0, 7)
    maps = with_artefact(np.random.default_rng(0), masks, own=1)
    one = clusters(np.asarray(["same"] * 30, dtype=object), 30)
    assert find_hot_cells(weights(maps)[0], masks, 1, one, 0).cells == ()
    maps[1:, 1] = maps[1:, 2]
    assert find_hot_cells(weights(maps)[0], masks, 1, clusters(None, 30), 0).cells == ()


def test_null_maps_leave_nothing(face_masks: Callable[..., np.ndarray]) -> None:
    p = np.full((5, 7, 7, 7), np.nan)
    assert find_hot_cells(p, face_masks(5, 0, 7), 0, clusters(None, 5), 0).count == 0


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "top left corner"), (0, 6, "top right corner"), (6, 0, "bottom left corner"), (6, 6, "bottom right corner"),
     (0, 3, "top edge"), (6, 3, "bottom edge"), (3, 0, "left edge"), (3, 6, "right edge"), (3, 3, "centre")],
)  # fmt: skip
def test_places_in_words(row: int, column: int, words: str) -> None:
    assert place(row * 7 + column, CellGrid.even(7, 7)) == words


def test_the_place_in_words_is_where_the_cell_sees() -> None:
    # Cell (2, 4) of 7 x 7 is drawn in the middle third usually; half a cell further up it sees the upper one.
    assert place(2 * 7 + 3, CellGrid.even(7, 7)) == "centre"
    assert place(2 * 7 + 3, CellGrid(CellAxis(7, 0.5 / 224, 32 / 224), CellAxis.even(7))) == "top edge"
