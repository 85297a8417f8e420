from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.measure import measure_model
from reportgen.evidence.attention.profiles import average_maps, emotion_profiles, profile_distance, warp_maps
from reportgen.evidence.attention.verdicts import judge_model
from reportgen.faces.align import to_canonical
from reportgen.faces.landmarks import template
from reportgen.faces.regions import REGIONS

MOUTH, EYES = REGIONS.index("mouth"), REGIONS.index("eyes+brows")


def test_profiles_say_who_looks_like_people(
    face_masks: Callable[..., np.ndarray], make_cases: Callable[..., Cases], make_model: Callable[..., ModelMaps]
) -> None:
    labels = np.repeat(np.arange(7), 40)
    masks = face_masks(len(labels), 0, 14)
    maps = np.random.default_rng(0).gamma(4.0, 1.0, (len(labels), 7, 14, 14))
    # Everything is read from the mouth: right for happiness, not for anger; nothing is expected of neutral.
    for e in (0, 3, 4):
        inside = masks[labels == e, MOUTH] > 0.5
        maps[labels == e, e] = inside * maps[labels == e, e] + 1e-3
    cases, model = make_cases(labels), make_model(maps, masks, labels)
    measures = measure_model(model, cases, 0, 2500)
    profiles = {
        p.emotion: p for p in emotion_profiles(model, measures, cases, judge_model(model, measures, cases, 0), 0)
    }
    assert (profiles["happiness"].human_like, profiles["happiness"].naive) == ("yes", "yes")
    assert (profiles["anger"].human_like, profiles["anger"].naive) == ("no", "no")
    assert (profiles["neutral"].human_like, profiles["neutral"].naive) == ("no expectation", "no expectation")
    assert profiles["surprise"].human_like == "undetermined"
    assert profiles["sadness"].naive == "no expectation" and profiles["sadness"].action_units == (1, 4, 15)
    anger = profiles["anger"]
    assert anger.regions[MOUTH].low > 1 and anger.regions[MOUTH].n == 40
    assert anger.eyes_to_mouth.high < 0.2 < anger.human_eyes_to_mouth == pytest.approx(1.57 / 1.12)
    assert anger.correct == pytest.approx([r.value for r in anger.regions])


def test_warped_maps_equal_scipys_interpolation() -> None:
    rng = np.random.default_rng(0)
    points = template(224, 224).points
    moved = [points, points * 0.8 + 0.15, points @ np.array([[0.9, 0.2], [-0.2, 0.9]])]
    affines = np.stack([to_canonical(face) for face in moved])
    maps = rng.random((3, 7, 5))
    warped = warp_maps(maps, affines, 40)
    centres = (np.arange(40) + 0.5) / 40
    frame = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)  # x and y of every pixel
    for values, affine, found in zip(maps, affines, warped, strict=True):
        seen = np.linalg.solve(affine[:, :2], (frame - affine[:, 2]).T)  # where the image shows that pixel
        wanted = map_coordinates(values, [seen[1] * 7 - 0.5, seen[0] * 5 - 0.5], order=1, mode="nearest")
        wanted[((seen < 0) | (seen > 1)).any(axis=0)] = np.nan
        np.testing.assert_allclose(found.ravel(), wanted, atol=1e-5)


def test_a_warped_map_is_bilinear_between_cell_centres_and_constant_outside_them() -> None:
    found = warp_maps(np.array([[[0.0, 8.0]]]), np.eye(2, 3)[None], 8)
    np.testing.assert_allclose(found[0], np.tile([0, 0, 1, 3, 5, 7, 8, 8], (8, 1)), atol=1e-6)


def test_a_warped_map_is_empty_where_the_image_does_not_reach() -> None:
    half_out = np.array([[[1.0, 0.0, -0.5], [0.0, 1.0, 0.0]]])  # the image lies half to the left of the frame
    found = warp_maps(np.ones((1, 4, 4)), half_out, 8)[0]
    assert np.isnan(found[:, 4:]).all() and (found[:, :4] == 1).all()


def test_identity_and_broken_affines() -> None:
    maps = np.arange(8.0).reshape(2, 2, 2)
    affines = np.stack([np.eye(2, 3), np.zeros((2, 3))])
    warped = warp_maps(maps, affines, 2)
    assert warped[0] == pytest.approx(maps[0])
    assert np.isnan(warped[1]).all()
    affines[1] = np.nan
    assert np.isnan(warp_maps(maps, affines, 2)[1]).all()


def test_the_mean_of_aligned_maps_leaves_out_what_an_image_does_not_reach() -> None:
    warped = np.full((3, 2, 2), 0.25)
    warped[0, 0, 0] = np.nan
    warped[1, 0, 0] = 0.5
    warped[2, 0, 0] = np.nan
    assert average_maps(warped, cells=4).tolist() == [[2.0, 1.0], [1.0, 1.0]]
    warped[:, 0, 1] = np.nan
    assert np.isnan(average_maps(warped, cells=4)[0, 1])


def _profiles(rng: np.random.Generator, n: int, effect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(3), n)
    area = np.tile(np.array([0.6, 0.1, 0.1, 0.1, 0.2, 0.1, 0.4]), (3 * n, 1))
    share = area + rng.normal(0, 0.05, area.shape)
    share[labels == 1, MOUTH] += effect
    return share, area, labels


def test_distance_between_profiles_by_hand() -> None:
    share, area, labels = _profiles(np.random.default_rng(0), 20, 0.3)
    share = area.copy()
    share[labels == 1, MOUTH] += 0.3
    share[labels == 1, EYES] -= 0.4
    found = profile_distance(share, area, labels, 3, draws=200)
    assert found.distance == pytest.approx(np.array([[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]]))
    assert found.mean.value == pytest.approx(1 / 3) and found.p == pytest.approx(1 / 201)


def test_distance_holds_its_level_and_finds_an_effect() -> None:
    rng = np.random.default_rng(1)
    p = [profile_distance(*_profiles(rng, 15, 0.0), 3, draws=99).p for _ in range(100)]
    assert np.mean(np.asarray(p) < 0.05) <= 0.12
    strong = profile_distance(*_profiles(rng, 15, 0.1), 3, draws=200)
    assert strong.p < 0.05 and strong.mean.value > strong.chance_high
    assert strong.mean.low <= strong.mean.value <= strong.mean.high


def test_emotions_with_few_images_and_repeated_persons_do_not_count() -> None:
    share, area, labels = _profiles(np.random.default_rng(2), 15, 0.1)
    labels[labels == 2] = np.r_[2, 2, 2, np.full(12, -1)]
    assert np.isnan(profile_distance(share, area, labels, 3, draws=50).distance[2]).all()
    people = np.asarray([f"p{i % 2}" for i in range(len(labels))], dtype=object)
    found = profile_distance(share, area, labels, 3, people, draws=50)
    assert np.isnan(found.mean.value) and found.p == 1.0


def test_maps_are_brought_into_the_frame_from_where_their_cells_see() -> None:
    grid = CellGrid(CellAxis.even(1), CellAxis(2, 0.125, 0.25))
    found = warp_maps(np.array([[[0.0, 8.0]]]), np.eye(2, 3)[None], 8, grid)
    np.testing.assert_allclose(found[0, 0], [0, 2, 6, 8, 8, 8, 8, 8])
