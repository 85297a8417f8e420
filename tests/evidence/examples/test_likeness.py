"""Few numbers per image: what they keep of the distances, and what is unknown."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.analysis import ModelRecords
from reportgen.evidence.examples.likeness import UNKNOWN, map_features, shape_features, sketch
from reportgen.faces.align import canonical_points, face_affines


def distances(points: np.ndarray) -> np.ndarray:
    """(n, n) between all pairs."""
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=-1))


def test_points_of_a_plane_keep_their_distances() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(0, 1, (40, 2)) @ rng.normal(0, 1, (2, 30)) + 7
    made = sketch(flat, numbers=4)
    assert made.values.shape == (40, 4) and made.kept == pytest.approx(1)
    # Rounding to whole steps moves a point by at most half a step in either direction of the plane.
    before, after = distances(flat), distances(made.values.astype(float))
    scale = after.max() / before.max()
    assert np.abs(after - scale * before).max() < 2
    assert np.abs(made.values.astype(int)).max() == 127


def test_the_axes_point_the_same_way_whatever_the_order_of_rows() -> None:
    features = np.random.default_rng(1).normal(0, [5, 3, 1], (50, 3))
    order = np.random.default_rng(2).permutation(50)
    made, shuffled = sketch(features).values.astype(int), sketch(features[order]).values.astype(int)
    assert np.abs(made[order] - shuffled).max() <= 1


def test_what_has_no_features_is_unknown_and_moves_nobody() -> None:
    features = np.random.default_rng(3).normal(0, 1, (20, 5))
    holes = np.insert(features, 4, np.nan, axis=0)
    made = sketch(holes).values
    assert (made[4] == UNKNOWN).all()
    assert (np.delete(made, 4, axis=0) == sketch(features).values).all()
    assert (sketch(np.full((3, 5), np.nan)).values == UNKNOWN).all()
    alone = sketch(features[:1])
    assert (alone.values == 0).all() and alone.kept == 1


def test_maps_are_compared_by_their_shares_and_blank_ones_not_at_all() -> None:
    maps = np.zeros((3, 2, 7, 7), dtype=np.float32)
    maps[0, 0, 2, 3] = 4  # all heat in one cell
    maps[1, 1] = 1  # everywhere alike
    maps[2, 0] = -1  # no positive evidence
    logits = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    model = ModelRecords("A", "a", {"grid": [7, 7]}, logits, maps)
    found = map_features(model)
    assert found[0].tolist() == [float(cell == 2 * 7 + 3) for cell in range(49)]
    assert found[1] == pytest.approx(np.full(49, 1 / 7))
    assert np.isnan(found[2]).all()


def test_faces_are_compared_in_one_frame() -> None:
    face = canonical_points().astype(np.float64)
    smile = face.copy()
    smile[61] += (-0.05, -0.05)
    moved = 0.5 * face + (0.2, 0.1)
    points = np.stack([face, moved, smile])
    sources = ("detector", "detector", "detector")
    found = shape_features(points, face_affines(points, sources))
    assert found.shape == (3, 320)
    assert found[1] == pytest.approx(found[0], abs=1e-6)
    template = shape_features(points, face_affines(points, ("detector", "template", "detector")))
    assert np.isnan(template[1]).all() and np.isfinite(template[[0, 2]]).all()
