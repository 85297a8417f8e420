from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from reportgen.analysis import ModelRecords
from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.site.pictures.patches import alike, draw_patches, patch_box, ranked_peaks


@pytest.mark.parametrize(
    ("peak", "grid", "box"),
    [
        (24, (7, 7), (0.3, 0.3, 0.7, 0.7)),
        (0, (7, 7), (0.0, 0.0, 0.4, 0.4)),
        (48, (7, 7), (0.6, 0.6, 1.0, 1.0)),
        (5, (4, 4), (0.125, 0.125, 0.625, 0.625)),
        # Row 1, column 2 of 14 x 14: the centre is at (2.5, 1.5) / 14, so the patch touches the top and the left.
        (16, (14, 14), (0.0, 0.0, 0.4, 0.4)),
        (0, (1, 1), (0.0, 0.0, 1.0, 1.0)),
    ],
)
def test_the_patch_is_around_the_cell_and_inside_the_image(
    peak: int, grid: tuple[int, int], box: tuple[float, ...]
) -> None:
    assert_allclose(patch_box(peak, CellGrid.even(*grid)), box)


def test_the_strongest_peak_comes_first() -> None:
    maps = np.zeros((4, 2, 2), dtype=np.float32)
    maps[0, 0, 1], maps[1, 1, 0], maps[2, 1, 1], maps[3, 0, 0] = 2, 9, 2, 5
    assert ranked_peaks(maps, np.array([0, 1, 2])) == [(1, 2), (0, 1), (2, 3)]
    assert ranked_peaks(maps, np.array([], dtype=np.int64)) == []


def test_brightness_and_contrast_do_not_make_a_patch_another() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 120, (112, 112, 1)).repeat(3, axis=2).astype(np.uint8) for _ in range(2))
    coarse = np.kron(rng.integers(0, 100, (7, 7, 1)), np.ones((16, 16, 3))).astype(np.uint8)
    assert alike(coarse, coarse * 2 + 20)
    assert not alike(coarse, coarse[::-1])
    assert not alike(first, second)


def _images() -> list[np.ndarray]:
    """Patterned images that differ, the peak's corner in a colour of its own."""
    rng = np.random.default_rng(1)
    images = []
    for row in range(6):
        image = np.kron(rng.integers(0, 80, (10, 10, 1)), np.ones((10, 10, 3))).astype(np.uint8)
        image[60:, 60:, 0] += np.uint8(100 + 20 * row)
        images.append(image)
    return images


def _model(strength: list[float]) -> ModelRecords:
    maps = np.zeros((6, 2, 5, 5), dtype=np.float32)
    maps[:, 0, 4, 4] = strength
    logits = np.tile(np.array([1.0, 0.0], dtype=np.float32), (6, 1))
    logits[5] = [0.0, 1.0]
    return ModelRecords("M", "m", {}, logits, maps)


def test_strips_hold_what_the_model_got_right_once_each() -> None:
    images = _images()
    images[1] = images[0].copy()
    saved: dict[str, bytes] = {}
    strips = draw_patches(
        _model([3, 2, 5, 4, 1, 9]),
        np.zeros(6, dtype=np.int64),
        np.array([False, False, False, True, False, False]),
        None,
        [None, None, "p", None, "p", None],
        [f"id{row}" for row in range(6)],
        images.__getitem__,
        saved.__setitem__,
    )
    # Row 5 is wrong, 3 blank, 1 a copy of 0, and 4 shows the same person as 2.
    assert [patch.row for patch in strips[0].patches] == [2, 0]
    assert strips[0].correct == 4
    for patch in strips[0].patches:
        with Image.open(io.BytesIO(saved[patch.picture.path])) as image:
            assert image.size == (112, 112)
            cut = np.asarray(image).astype(float)
        # The last cell's patch is the lower right 40 %, exactly the coloured corner.
        assert_allclose(cut[..., 0].mean(), images[patch.row][60:, 60:, 0].mean(), atol=6)
        assert_allclose(cut[..., 2].mean(), images[patch.row][60:, 60:, 2].mean(), atol=6)


def test_at_most_six() -> None:
    rng = np.random.default_rng(2)
    images = [np.kron(rng.integers(0, 255, (10, 10, 1)), np.ones((10, 10, 3))).astype(np.uint8) for _ in range(9)]
    maps = np.zeros((9, 1, 5, 5), dtype=np.float32)
    maps[:, 0, 2, 2] = np.arange(1, 10)
    model = ModelRecords("M", "m", {}, np.ones((9, 1), dtype=np.float32), maps)
    labels, blank = np.zeros(9, dtype=np.int64), np.zeros(9, dtype=bool)
    strips = draw_patches(
        model, labels, blank, None, [None] * 9, [str(r) for r in range(9)], images.__getitem__, lambda *_: None
    )
    assert [patch.row for patch in strips[0].patches] == [8, 7, 6, 5, 4, 3]


def test_the_patch_is_what_the_cell_sees() -> None:
    grid = CellGrid(CellAxis(7, 0.5 / 224, 32 / 224), CellAxis.even(7))
    left, top, right, bottom = patch_box(24, grid)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((0.5, 96.5 / 224))
