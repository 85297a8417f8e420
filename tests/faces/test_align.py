from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reportgen.errors import DataError
from reportgen.faces.align import (
    STABLE,
    apply_affine,
    canonical_points,
    fit_affine,
    fit_similarity,
    inter_ocular,
    mean_shape,
    to_canonical,
    warp_map_to_canonical,
    warp_to_canonical,
)

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [3.0, 2.0]])
coefficients = arrays(np.float64, (2, 3), elements=st.floats(-3, 3, width=32))


def residual(matrix: np.ndarray, source: np.ndarray, target: np.ndarray) -> float:
    return float(np.sum((apply_affine(matrix, source) - target) ** 2))


@settings(max_examples=40, deadline=None)
@given(coefficients)
def test_an_affine_map_is_found_back(matrix: np.ndarray) -> None:
    np.testing.assert_allclose(fit_affine(POINTS, apply_affine(matrix, POINTS)), matrix, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.1, 5), st.floats(-5, 5), st.floats(-5, 5))
def test_a_similarity_is_found_back(angle: float, scale: float, x: float, y: float) -> None:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[c, -s, x], [s, c, y]])
    np.testing.assert_allclose(fit_similarity(POINTS, apply_affine(matrix, POINTS)), matrix, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_other_map_fits_better(seed: int) -> None:
    random = np.random.default_rng(seed)
    source, target = random.normal(size=(6, 2)), random.normal(size=(6, 2))
    affine, similarity = fit_affine(source, target), fit_similarity(source, target)
    assert residual(affine, source, target) <= residual(similarity, source, target) + 1e-9
    assert residual(affine, source, target) <= residual(affine + random.normal(0, 0.01, (2, 3)), source, target)
    a, b, x, y = np.array([similarity[0, 0], similarity[1, 0], *similarity[:, 2]]) + random.normal(0, 0.01, 4)
    other = np.array([[a, -b, x], [b, a, y]])
    assert residual(similarity, source, target) <= residual(other, source, target)


def test_a_similarity_never_mirrors() -> None:
    matrix = fit_similarity(POINTS, POINTS * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) >= 0


@pytest.mark.parametrize("fit", [fit_affine, fit_similarity])
def test_points_that_fix_no_map_are_refused(fit: object) -> None:
    with pytest.raises(DataError, match=r"one (line|place)"):
        fit(np.ones((5, 2)), POINTS[[0, 1, 2, 3, 0]])  # type: ignore[operator]
    with pytest.raises(DataError, match="expected two sets"):
        fit(POINTS, POINTS[:3])  # type: ignore[operator]
    with pytest.raises(DataError, match="finite"):
        fit(POINTS * np.nan, POINTS)  # type: ignore[operator]


def test_an_affine_map_needs_more_than_a_line() -> None:
    with pytest.raises(DataError, match="one line"):
        fit_affine(np.array([[0, 0], [1, 1], [2, 2.0]]), POINTS[:3])


def test_any_seen_face_comes_to_the_median_face(face: np.ndarray) -> None:
    seen = face @ np.array([[0.5, 0.1], [-0.2, 0.7]]) + [0.1, 0.3]
    np.testing.assert_allclose(apply_affine(to_canonical(seen), seen), canonical_points(), atol=1e-6)
    np.testing.assert_allclose(mean_shape(np.stack([seen, face, face * 2])), canonical_points(), atol=1e-6)


def test_an_open_mouth_stays_open(face: np.ndarray) -> None:
    opened = face.copy()
    jaw = [14, 17, 152, 61, 291]
    opened[jaw] += [0, 0.1]
    assert not set(jaw) & set(STABLE)
    np.testing.assert_allclose(apply_affine(to_canonical(opened), opened), opened, atol=1e-6)


def test_a_mean_shape_needs_faces() -> None:
    with pytest.raises(DataError, match="no faces"):
        mean_shape(np.empty((0, 478, 2)))


def test_the_median_face_in_its_own_crop_is_not_moved(face: np.ndarray) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    found = warp_to_canonical(picture, face, 32)
    assert np.abs(found.astype(int) - picture).max() <= 1


def test_a_picture_and_its_map_are_warped_alike(face: np.ndarray) -> None:
    # A face in the right-hand half of a wide picture: the warp leaves just that half.
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[10:20, 50:60] = 240
    seen = face * [0.5, 1] + [0.5, 0]
    warped = warp_to_canonical(picture, seen, 40)
    np.testing.assert_allclose(warped, picture[:, 40:], atol=2)
    values = picture[:, :, 0].astype(np.float64)
    np.testing.assert_allclose(warp_map_to_canonical(values, seen, 40), values[:, 40:], atol=0.01)


def test_a_map_is_bilinear_between_cell_centres_and_constant_outside_them(face: np.ndarray) -> None:
    found = warp_map_to_canonical(np.array([[0.0, 8.0]]), face, 8)
    np.testing.assert_allclose(found, np.tile([0, 0, 1, 3, 5, 7, 8, 8], (8, 1)), atol=1e-3)


def test_where_the_image_does_not_reach_a_map_is_empty(face: np.ndarray) -> None:
    seen = face + np.array([0.5, 0])  # the face hangs half out on the right
    found = warp_map_to_canonical(np.ones((4, 4)), seen, 8)
    assert np.isnan(found[:, 4:]).all() and (found[:, :4] == 1).all()
    assert (warp_map_to_canonical(np.ones((4, 4)), seen, 8, outside=0.0)[:, 4:] == 0).all()


def test_eye_distance_is_between_the_middles_of_the_eyes() -> None:
    points = np.zeros((478, 2))
    points[33], points[133] = [0.1, 0.5], [0.3, 0.5]
    points[362], points[263] = [0.5, 0.9], [0.7, 0.9]
    assert inter_ocular(points) == pytest.approx(np.hypot(0.4, 0.4))
    assert inter_ocular(points, 300, 400) == pytest.approx(np.hypot(120, 160))
