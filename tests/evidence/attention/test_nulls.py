from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from reportgen.evidence.attention.map_statistics import areas, describe, weights
from reportgen.evidence.attention.nulls import (
    EXACT_CLUSTERS,
    NullShares,
    band,
    class_swap,
    class_swap_test,
    placement_test,
    swap_differences,
)  # fmt: skip
from reportgen.evidence.stats.clustered import clusters
from reportgen.faces.regions import REGIONS

MOUTH = REGIONS.index("mouth")


def test_band_is_the_spread_over_permutations() -> None:
    area = np.full((2, len(REGIONS)), 0.2)
    share = np.repeat(np.linspace(0.0, 0.4, 101)[None, :, None], 2, axis=0) * np.ones(len(REGIONS))
    low, high = band(NullShares(np.ones((2, 101)), share), area, np.array([True, True]))
    assert low == pytest.approx(0.05) and high == pytest.approx(1.95)
    low, _ = band(NullShares(np.ones((2, 101)), share), area, np.array([False, False]))
    assert np.isnan(low).all()


def test_a_map_dropped_anywhere_has_the_regions_area_as_its_mean_share(
    face_masks: Callable[..., np.ndarray],
) -> None:
    masks = face_masks(1, 3, 7)
    raw = np.random.default_rng(0).gamma(0.3, 1, (1, 7, 7))
    shifted = [np.roll(raw, (dy, dx), (1, 2)) for dy in range(7) for dx in range(7)]
    shares = [describe(s, masks).share[0] for s in shifted]
    assert np.mean(shares, axis=0) == pytest.approx(areas(masks)[0])


def test_placement_equals_enumeration_for_one_image(face_masks: Callable[..., np.ndarray]) -> None:
    masks = face_masks(1, 3, 7)
    raw = np.random.default_rng(5).gamma(0.3, 1, (1, 7, 7))
    p, _ = weights(raw)
    shares = np.array([describe(np.roll(raw, (dy, dx), (1, 2)), masks).share[0] for dy in range(7) for dx in range(7)])
    observed = describe(raw, masks).share[0]
    expected = np.minimum(
        1, 2 * np.minimum((shares >= observed - 1e-9).mean(axis=0), (shares <= observed + 1e-9).mean(axis=0))
    )
    found = placement_test(p, masks, np.ones((1, len(REGIONS)), bool), clusters(None, 1), 0, 40_000)
    assert found == pytest.approx(expected, abs=0.02)


def test_placement_does_not_fall_for_peaked_maps(face_masks: Callable[..., np.ndarray]) -> None:
    """Ten one-cell maps that all happen to lie on the face's 35 cells of 49: 2 * .71^10 = .07, signs say 2 / 2^10."""
    masks = np.zeros((10, len(REGIONS), 7, 7))
    masks[:, REGIONS.index("face"), :, 1:6] = 1.0
    masks[:, REGIONS.index("background")] = 1 - masks[:, REGIONS.index("face")]
    p = np.zeros((10, 7, 7))
    p[:, 3, 3] = 1.0
    found = placement_test(p, masks, np.ones((10, len(REGIONS)), bool), clusters(None, 10), 0)
    assert found[REGIONS.index("face")] == pytest.approx(2 * (5 / 7) ** 10, abs=0.01)
    assert found[REGIONS.index("face")] == found[REGIONS.index("background")]


def test_placement_moves_a_persons_maps_together(face_masks: Callable[..., np.ndarray]) -> None:
    masks = np.repeat(face_masks(1, 0, 7), 30, axis=0)
    p = np.zeros((30, 7, 7))
    p[:, 4:6, 3] = 0.5
    used = np.ones((30, len(REGIONS)), bool)
    person = np.asarray(["only one"] * 30, dtype=object)
    assert placement_test(p, masks, used, clusters(person, 30), 0)[MOUTH] > 0.01
    assert placement_test(p, masks, used, clusters(None, 30), 0)[MOUTH] < 0.001


def test_guards_step_back_when_there_are_many(face_masks: Callable[..., np.ndarray]) -> None:
    n = EXACT_CLUSTERS + 1
    p = np.full((n, 7, 7), 1 / 49)
    masks = np.repeat(face_masks(1, 0, 7), n, axis=0)
    assert (placement_test(p, masks, np.ones((n, len(REGIONS)), bool), clusters(None, n), 0) == 0).all()


def test_class_swap_by_hand() -> None:
    share = np.array([[[0.6], [0.2], [0.1]], [[0.5], [np.nan], [0.3]], [[np.nan], [0.2], [0.4]]])
    difference, others = class_swap(share, np.array([0, 0, 0]))
    assert difference[0, 0] == pytest.approx(0.45) and others[0, 0] == pytest.approx(0.15)
    # One other map is too few, and a blank own map is no map.
    assert np.isnan(difference[1:]).all()
    assert np.nansum(swap_differences(share)[0]) == pytest.approx(0.45 - 0.15 - 0.3)


def test_with_two_classes_the_other_one_is_enough() -> None:
    share = np.array([[[0.6], [0.2]], [[0.5], [np.nan]], [[np.nan], [0.2]]])
    difference, others = class_swap(share, np.array([0, 0, 0]))
    assert difference[0, 0] == pytest.approx(0.4) and others[0, 0] == pytest.approx(0.2)
    assert np.isnan(difference[1:]).all()


def test_class_swap_test_equals_enumeration() -> None:
    rng = np.random.default_rng(0)
    share = rng.random((4, 3, 1))
    differences = swap_differences(share)[:, :, 0]
    own = np.array([0, 1, 2, 1])
    observed = differences[np.arange(4), own].sum()
    sums = np.array([sum(differences[i, c] for i, c in enumerate(pick)) for pick in np.ndindex(3, 3, 3, 3)])
    expected = 2 * min((sums >= observed - 1e-9).mean(), (sums <= observed + 1e-9).mean())
    found = class_swap_test(share, own, clusters(None, 4), 0, 40_000)
    assert found[0] == pytest.approx(min(1.0, expected), abs=0.02)


def test_class_swap_test_without_any_pair() -> None:
    assert class_swap_test(np.full((3, 3, 2), np.nan), np.zeros(3, int), clusters(None, 3), 0).tolist() == [1.0, 1.0]
