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
    mean_shape,
    to_canonical,
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
@given(st.integers(0, 2**32 - 1))
def test_no_other_map_fits_better(seed: int) -> None:
    random = np.random.default_rng(seed)
    source, target = random.normal(size=(6, 2)), random.normal(size=(6, 2))
    affine = fit_affine(source, target)
    assert residual(affine, source, target) <= residual(affine + random.normal(0, 0.01, (2, 3)), source, target)


def test_points_that_fix_no_map_are_refused() -> None:
    with pytest.raises(DataError, match="one line"):
        fit_affine(np.ones((5, 2)), POINTS[[0, 1, 2, 3, 0]])
    with pytest.raises(DataError, match="expected two sets"):
        fit_affine(POINTS, POINTS[:3])
    with pytest.raises(DataError, match="finite"):
        fit_affine(POINTS * np.nan, POINTS)


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


def test_a_face_beside_the_middle_of_a_wide_picture_comes_to_the_frame(face: np.ndarray) -> None:
    # A face in the right-hand half of a wide picture: the warp leaves just that half.
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[10:20, 50:60] = 240
    seen = face * [0.5, 1] + [0.5, 0]
    warped = warp_to_canonical(picture, seen, 40)
    np.testing.assert_allclose(warped, picture[:, 40:], atol=2)
