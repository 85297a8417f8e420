from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.evidence.attention.map_statistics import (
    areas,
    common_grid,
    contrast_classes,
    contrast_error,
    describe,
    enrichment,
    merge_masks,
    null_maps,
    resolvability,
    unresolved_groups,
    weights,
)  # fmt: skip
from reportgen.faces.regions import REGIONS

FACE, EYES, NOSE, MOUTH = (REGIONS.index(name) for name in ("face", "eyes+brows", "nose", "mouth"))
BACKGROUND = REGIONS.index("background")


def hand_masks() -> np.ndarray:
    """One 2 x 2 crop: eyes in the top left cell, half a mouth in the bottom left one, the rest background."""
    masks = np.zeros((1, len(REGIONS), 2, 2))
    masks[0, EYES, 0, 0] = 1.0
    masks[0, MOUTH, 1, 0] = 0.5
    masks[0, FACE] = masks[0, EYES] + masks[0, MOUTH]
    masks[0, BACKGROUND] = 1 - masks[0, FACE]
    return masks


RAW = np.array([[[3.0, -7.0], [1.0, 0.0]]])  # relu leaves 3 and 1: p = .75 and .25


def test_hand_worked_shares_and_enrichment() -> None:
    stats = describe(RAW, hand_masks())
    assert stats.mass[0] == 4.0
    expected = {FACE: 0.875, EYES: 0.75, MOUTH: 0.125, BACKGROUND: 0.125, NOSE: 0.0}
    for region, share in expected.items():
        assert stats.share[0, region] == pytest.approx(share)
    area = areas(hand_masks())
    assert area[0, [FACE, EYES, MOUTH, BACKGROUND]] == pytest.approx([0.375, 0.25, 0.125, 0.625])
    ratio = enrichment(stats.share, area)
    assert ratio[[FACE, EYES, MOUTH, BACKGROUND]] == pytest.approx([0.875 / 0.375, 3.0, 1.0, 0.2])
    assert np.isnan(ratio[NOSE])


def test_hand_worked_spread_and_place() -> None:
    stats = describe(RAW, hand_masks(), unit=np.array([0.5]))
    assert stats.effective_area[0] == pytest.approx(np.exp(entropy([0.75, 0.25])) / 4)
    assert stats.peak[0] == 0
    assert REGIONS[stats.peak_region[0]] == "eyes+brows"
    assert stats.centroid[0] == pytest.approx([0.25, 0.75 * 0.25 + 0.25 * 0.75])
    # Variance along y only: .5^2 * .75 * .25; in units of half the crop's width.
    assert stats.dispersion[0] == pytest.approx(np.sqrt(0.25 * 0.1875) / 0.5)


def test_uniform_and_single_cell_maps_are_the_ends_of_effective_area() -> None:
    one = np.zeros((1, 2, 2))
    one[0, 1, 1] = 5.0
    both = describe(np.concatenate([np.ones((1, 2, 2)), one]), np.repeat(hand_masks(), 2, axis=0))
    assert both.effective_area == pytest.approx([1.0, 0.25])
    assert enrichment(both.share[:1], areas(hand_masks()))[[FACE, EYES, BACKGROUND]] == pytest.approx(1.0)


def test_null_and_broken_maps_are_left_out_not_filled() -> None:
    maps = np.stack([RAW[0], -np.ones((2, 2)), np.array([[np.nan, 1.0], [1.0, 1.0]])])
    stats = describe(maps, np.repeat(hand_masks(), 3, axis=0))
    assert stats.null_map.tolist() == [False, True, True]
    assert stats.peak[1:].tolist() == [-1, -1]
    assert np.isnan(stats.share[1:]).all() and np.isnan(stats.effective_area[1:]).all()
    area = np.repeat(areas(hand_masks()), 3, axis=0)
    assert enrichment(stats.share, area)[EYES] == pytest.approx(3.0)


def test_the_null_map_rule_is_the_95th_percentile_of_the_random_head() -> None:
    null = np.tile(np.arange(101.0), (3, 1))
    assert null_maps(np.array([95.0, 95.1, 0.0]), null).tolist() == [True, False, True]
    assert null_maps(np.array([1e-9, 0.0]), None).tolist() == [False, True]


def test_aggregate_is_a_ratio_of_means_not_a_mean_of_ratios() -> None:
    share = np.full((2, len(REGIONS)), 0.2)
    area = np.full((2, len(REGIONS)), 0.1)
    area[1] = 0.4
    assert enrichment(share, area) == pytest.approx(0.8)
    assert enrichment(share, area, np.array([True, False])) == pytest.approx(2.0)


@settings(max_examples=60, deadline=None)
@given(
    raw=arrays(np.float32, (2, 3, 4, 4), elements=st.floats(-5, 5, width=32)),
    part=arrays(np.float64, (2, 6, 4, 4), elements=st.floats(0.01, 1)),
)
def test_parts_of_a_partition_sum_to_one(raw: np.ndarray, part: np.ndarray) -> None:
    part = part / part.sum(axis=1, keepdims=True)
    masks = np.concatenate([part[:, :5].sum(axis=1, keepdims=True), part], axis=1)
    stats = describe(raw, masks)
    seen = ~stats.null_map
    assert stats.share[seen][:, 1:].sum(axis=1) == pytest.approx(1.0)
    assert stats.share[seen][:, FACE] + stats.share[seen][:, BACKGROUND] == pytest.approx(1.0)
    assert (stats.effective_area[seen] <= 1 + 1e-9).all() and (stats.effective_area[seen] >= 1 / 16 - 1e-9).all()
    p, _ = weights(raw)
    i, c = np.argwhere(seen)[0] if seen.any() else (0, 0)
    if seen.any():
        assert stats.effective_area[i, c] * 16 == pytest.approx(np.exp(entropy(p[i, c].ravel())))


@settings(max_examples=40, deadline=None)
@given(
    raw=arrays(np.float64, (2, 4, 3, 3), elements=st.floats(-5, 5)),
    shared=arrays(np.float64, (2, 1, 3, 3), elements=st.floats(-5, 5)),
)
def test_contrastive_maps_ignore_what_all_classes_share(raw: np.ndarray, shared: np.ndarray) -> None:
    assert contrast_classes(raw + shared) == pytest.approx(contrast_classes(raw), abs=1e-9)
    others = (raw[:, 0] + raw[:, 2] + raw[:, 3]) / 3
    assert contrast_classes(raw)[:, 1] == pytest.approx(raw[:, 1] - others, abs=1e-9)


def test_contrast_needs_two_classes_and_an_error_is_predicted_minus_true() -> None:
    with pytest.raises(ValueError, match="two classes"):
        contrast_classes(np.ones((1, 1, 2, 2)))
    raw = np.arange(12.0).reshape(1, 3, 2, 2)
    assert (contrast_error(raw, np.array([2]), np.array([0])) == 8.0).all()


@pytest.mark.parametrize(("source", "target"), [((14, 14), (7, 7)), ((7, 7), (5, 3)), ((6, 4), (6, 4))])
def test_pooling_keeps_the_mass_and_the_centre(source: tuple[int, int], target: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).random((2, *source))
    pooled = common_grid(maps, CellGrid.even(*source), CellGrid.even(*target))
    assert pooled.shape == (2, *target)
    assert pooled.sum(axis=(1, 2)) == pytest.approx(maps.sum(axis=(1, 2)))
    if source == (14, 14):
        assert pooled == pytest.approx(maps.reshape(2, 7, 2, 7, 2).sum(axis=(2, 4)))


def test_resolvability_is_the_share_that_a_perfect_map_recovers() -> None:
    masks = hand_masks()
    perfect = describe(masks[:, MOUTH], masks).share[0, MOUTH]
    assert resolvability(masks)[0, MOUTH] == pytest.approx(perfect) == pytest.approx(0.5)
    assert np.isnan(resolvability(masks)[0, NOSE])


def test_regions_without_a_cell_of_their_own_join_their_neighbour() -> None:
    masks = np.zeros((3, len(REGIONS), 2, 2))
    masks[:, EYES, 0, 0], masks[:, NOSE, 1, 1], masks[:, MOUTH, 1, 1] = 0.9, 0.4, 0.6
    assert unresolved_groups(masks) == (("nose", "mouth"),)
    merged = merge_masks(masks, [("nose", "mouth")])
    assert merged[0, NOSE, 1, 1] == merged[0, MOUTH, 1, 1] == pytest.approx(1.0)
    assert merged[0, EYES, 0, 0] == pytest.approx(0.9)
    masks[:, NOSE, 0, 1] = 0.8
    assert unresolved_groups(masks) == ()


def test_a_users_face_without_inner_regions_owns_its_peak() -> None:
    masks = np.zeros((1, len(REGIONS), 2, 2))
    masks[0, FACE, 0, 0] = 1.0
    masks[0, BACKGROUND] = 1 - masks[0, FACE]
    assert REGIONS[describe(RAW, masks).peak_region[0]] == "face"


def test_the_centre_is_that_of_what_the_cells_see() -> None:
    grid = CellGrid(CellAxis(2, 0.0, 0.5), CellAxis(2, 0.1, 0.8))
    stats = describe(np.array([[[0.0, 1.0], [0.0, 3.0]]]), hand_masks(), grid=grid)
    assert stats.centroid[0] == pytest.approx([0.9, 0.375])
    assert stats.dispersion[0] == pytest.approx(np.sqrt(0.75 * 0.5**2 - 0.375**2))


def test_maps_of_models_that_see_different_places_meet_on_one_grid() -> None:
    up = CellGrid(CellAxis(2, 0.0, 0.5), CellAxis.even(1))  # the upper quarter, and the rest
    even = CellGrid.even(2, 1)
    # The lower cell has a value of 3 on three quarters of the picture: half of the upper even cell, all of the lower.
    assert common_grid(np.array([[1.0], [3.0]]), up, even).ravel() == pytest.approx(np.array([2, 3]) * 4 / 5)
    assert common_grid(np.array([[1.0], [4.0]]), even, up).ravel() == pytest.approx(np.array([1, 3]) * 5 / 4)
    assert (common_grid(np.array([[1.0], [3.0]]), up, up) == [[1.0], [3.0]]).all()
    # What is uniform stays uniform, and nothing stays nothing.
    assert common_grid(np.full((2, 1), 0.5), up, CellGrid.even(3, 2)) == pytest.approx(np.full((3, 2), 1 / 6))
    assert (common_grid(np.zeros((2, 1)), up, even) == 0).all()
