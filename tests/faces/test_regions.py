from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.errors import DataError
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import (
    INNER,
    REGIONS,
    fractions_of_map,
    fractions_on_grids,
    outlines,
    region_map,
    regions_from_label_png,
)

FACE = canonical_points().astype(np.float64)
ROW = {name: index for index, name in enumerate(REGIONS)}


def area(polygon: np.ndarray) -> float:
    """Shoelace formula."""
    x, y = polygon.T
    return abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


def small(face: np.ndarray) -> np.ndarray:
    """The face wholly inside the picture."""
    return (face - 0.5) * 0.6 + 0.55


@pytest.mark.parametrize("grid", [(7, 7), (14, 14), (13, 5), (1, 1)])
def test_regions_partition_every_cell(face: np.ndarray, grid: tuple[int, int]) -> None:
    masks = fractions_on_grids(face, [CellGrid.even(*grid)])[0]
    assert masks.shape == (7, *grid) and masks.dtype == np.float32
    assert masks.min() >= 0 and masks.max() <= 1
    np.testing.assert_allclose(masks[1:].sum(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(masks[0], masks[1:6].sum(axis=0), atol=1e-5)


def test_areas_are_those_of_the_polygons(face: np.ndarray) -> None:
    face = small(face)
    shapes = outlines(face)
    share = fractions_on_grids(face, [CellGrid.even(9, 9)])[0].mean(axis=(1, 2))
    assert share[ROW["face"]] == pytest.approx(area(shapes["face"][0]), abs=1e-4)
    # Nothing covers the eyes, the mouth and the nose's tip; the eyes cover a little of the nose's root.
    assert share[ROW["eyes+brows"]] == pytest.approx(area(shapes["eyes+brows"][0]), abs=1e-4)
    assert share[ROW["mouth"]] == pytest.approx(area(shapes["mouth"][0]), abs=1e-4)
    assert 0.9 * area(shapes["nose"][0]) < share[ROW["nose"]] <= area(shapes["nose"][0]) + 1e-4


def test_regions_lie_where_anatomy_has_them(face: np.ndarray) -> None:
    labels = region_map(face, 200, 200)

    def at(point: int) -> str:
        x, y = face[point] * 200
        return REGIONS[labels[int(y), int(x)]]

    assert [at(p) for p in (159, 386, 105, 334, 9)] == ["eyes+brows"] * 5  # lids, brows, glabella
    assert [at(p) for p in (4, 195, 1)] == ["nose"] * 3
    assert [at(p) for p in (13, 14, 0, 17, 61, 291)] == ["mouth"] * 6
    assert [at(p) for p in (151, 108, 337)] == ["forehead"] * 3
    assert [at(p) for p in (50, 280, 199, 205, 425)] == ["cheeks+jaw"] * 5
    assert {REGIONS[labels[i, j]] for i in (0, 199) for j in (0, 199)} == {"background"}


def test_the_forehead_reaches_above_the_mesh(face: np.ndarray) -> None:
    oval = outlines(face)["face"][0]
    assert oval[:, 1].min() < face[10, 1] - 0.02
    assert oval[:, 1].max() == pytest.approx(face[152, 1])


def test_masks_equal_a_fine_raster_of_the_same_face(face: np.ndarray) -> None:
    fine = region_map(face, 14 * 120, 14 * 120)
    for cells, tolerance in ((7, 0.002), (14, 0.004)):
        block = 14 * 120 // cells
        for region in range(1, 7):
            counted = (fine == region).reshape(cells, block, cells, block).mean(axis=(1, 3))
            found = fractions_on_grids(face, [CellGrid.even(cells, cells)])[0][region]
            np.testing.assert_allclose(found, counted, atol=tolerance)


def test_coarse_cells_are_the_means_of_fine_ones(face: np.ndarray) -> None:
    coarse, fine = fractions_on_grids(face, [CellGrid.even(7, 7), CellGrid.even(14, 14)])
    np.testing.assert_allclose(fine.reshape(7, 7, 2, 7, 2).mean(axis=(2, 4)), coarse, atol=1e-5)


def test_painting_the_outlines_gives_the_map(face: np.ndarray) -> None:
    from PIL import Image, ImageDraw

    size = 400
    picture = Image.new("L", (size, size))
    pen = ImageDraw.Draw(picture)
    for region, polygons in outlines(face).items():
        if region != "face":
            for polygon in polygons:
                pen.polygon([(x * size - 0.5, y * size - 0.5) for x, y in polygon], fill=ROW[region])
    # Pillow also fills the pixels under the outline itself.
    assert np.mean(np.asarray(picture) != region_map(face, size, size)) < 0.02


@settings(max_examples=40, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.3, 3), st.floats(0.3, 3), st.floats(-1, 1), st.floats(-1, 1))
def test_outlines_follow_any_rotation_shift_and_stretch(
    angle: float, wide: float, high: float, x: float, y: float
) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([wide, high])
    moved = outlines(FACE @ turn.T + [x, y])
    for region, (polygon,) in outlines(FACE).items():
        if region in ("face", "cheeks+jaw"):  # a hull, which may start anywhere
            assert area(moved[region][0]) == pytest.approx(wide * high * area(polygon))
        elif region != "background":
            np.testing.assert_allclose(moved[region][0], polygon @ turn.T + [x, y], atol=1e-6)


def test_the_face_encloses_a_nose_in_profile(face: np.ndarray) -> None:
    turned = small(face) * [0.4, 1] + [0.4, 0]
    turned[[1, 4, 5, 195, 129, 98, 198, 209], 0] -= 0.3
    hull = outlines(turned)["face"][0]
    assert hull[:, 0].min() == pytest.approx(turned[[98, 129, 198, 209], 0].min())
    along = np.roll(hull, -1, axis=0) - hull
    following = np.roll(along, -1, axis=0)
    assert (along[:, 0] * following[:, 1] - along[:, 1] * following[:, 0] > 0).all()  # it turns one way only
    share = fractions_on_grids(turned, [CellGrid.even(9, 9)])[0].mean(axis=(1, 2))
    assert share[ROW["face"]] == pytest.approx(area(hull), abs=1e-4)
    assert share[ROW["nose"]] > 0.02


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.2))
def test_the_partition_holds_for_crumpled_faces(seed: int, noise: float) -> None:
    points = FACE + np.random.default_rng(seed).normal(0, noise, FACE.shape)
    masks = fractions_on_grids(points, [CellGrid.even(7, 7)])[0]
    np.testing.assert_allclose(masks[1:].sum(axis=0), 1, atol=1e-5)
    assert masks.min() >= 0


def test_a_face_outside_the_picture_is_all_background(face: np.ndarray) -> None:
    masks = fractions_on_grids(face + 3, [CellGrid.even(7, 7)])[0]
    np.testing.assert_array_equal(masks[ROW["background"]], 1)
    np.testing.assert_array_equal(masks[ROW["face"]], 0)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((68, 2)), r"found shape \(68, 2\)"),
        (np.full((478, 2), np.nan), "not a number"),
        (np.full((478, 2), 0.5), "on one line"),
    ],
)
def test_what_is_no_face_is_refused(points: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fractions_on_grids(points, [CellGrid.even(7, 7)])[0]


def test_a_grid_needs_cells(face: np.ndarray) -> None:
    with pytest.raises(DataError, match="0 x 7 cells"):
        fractions_on_grids(face, [CellGrid.even(0, 7)])[0]


def test_label_images_become_masks() -> None:
    picture = np.array([[0, 0, 9, 9], [0, 0, 255, 255]])
    mapping = {0: "background", 9: "mouth", 255: "nose", 4: "forehead"}
    labels = regions_from_label_png(picture, mapping)
    np.testing.assert_array_equal(labels, [[6, 6, 3, 3], [6, 6, 2, 2]])
    masks = fractions_of_map(labels, CellGrid.even(1, 2))
    np.testing.assert_allclose(masks[ROW["mouth"], 0], [0, 0.5])
    np.testing.assert_allclose(masks[ROW["nose"], 0], [0, 0.5])
    np.testing.assert_allclose(masks[ROW["face"], 0], [0, 1])


def test_labels_that_only_say_face_count_for_the_face() -> None:
    labels = regions_from_label_png(np.array([[1, 0]], np.uint8), {1: "face", 0: ""})
    masks = fractions_of_map(labels, CellGrid.even(1, 2))
    np.testing.assert_allclose(masks[ROW["face"], 0], [1, 0])
    assert all(masks[ROW[region]].sum() == 0 for region in INNER)


@pytest.mark.parametrize(
    ("picture", "mapping", "message"),
    [
        (np.zeros((2, 2, 3), int), {0: "face"}, "one channel"),
        (np.zeros((2, 2)), {0: "face"}, "float64"),
        (np.array([[5]]), {0: "face"}, "found the label 5"),
        (np.array([[0]]), {0: "chin"}, "found the name 'chin'"),
    ],
)
def test_label_images_that_cannot_be_used(picture: np.ndarray, mapping: dict[int, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        regions_from_label_png(picture, mapping)


def test_masks_of_cells_that_see_elsewhere_equal_a_fine_raster_of_the_same_face(face: np.ndarray) -> None:
    grid = CellGrid(CellAxis(7, 0.5 / 224, 32 / 224), CellAxis(4, 0.25, 0.2))
    fine = region_map(face, 2240, 2240)
    rows = np.array([0, 165, 485, 805, 1125, 1445, 1765, 2240])
    columns = np.array([0, 784, 1232, 1680, 2240])  # centres at .25, .45, .65 and .85
    np.testing.assert_array_equal(np.rint(grid.columns.edges * 2240), columns)
    even = CellGrid.even(7, 4)
    found, usual = fractions_on_grids(face, [grid, even])
    for region in range(1, 7):
        counted = np.array([
            [(fine[rows[i] : rows[i + 1], columns[j] : columns[j + 1]] == region).mean() for j in range(4)]
            for i in range(7)
        ])  # fmt: skip
        np.testing.assert_allclose(found[region], counted, atol=0.003)
    assert np.abs(found - usual).max() > 0.2
