from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from reportgen.evidence.attention.class_maps import distance_to_class


def bars(n: int, column: int) -> np.ndarray:
    """(n, 2, 1, 3): the map of class 0 has its heat in one column, that of class 1 is even."""
    maps = np.zeros((n, 2, 1, 3))
    maps[:, 0, 0, column] = 1.0
    maps[:, 1] = 1.0
    return maps


def test_the_image_itself_is_left_out_of_its_own_mean() -> None:
    maps = np.concatenate([bars(10, 0), bars(1, 2)])
    labels = np.zeros(11, dtype=np.int64)
    distance = distance_to_class(maps, labels, labels)
    assert distance[10] == pytest.approx(1.0)  # nothing in common with the other ten
    others = np.array([9, 0, 1]) / 10
    assert distance[0] == pytest.approx(jensenshannon([1, 0, 0], others, base=2))


def test_an_image_of_another_class_is_compared_with_all_of_the_class() -> None:
    maps = np.concatenate([bars(10, 0), bars(1, 1)])
    labels = np.array([0] * 10 + [1])
    assert distance_to_class(maps, labels, np.zeros(11, dtype=np.int64))[10] == pytest.approx(1.0)
    maps[10, 0] = maps[0, 0]
    assert distance_to_class(maps, labels, np.zeros(11, dtype=np.int64))[10] == pytest.approx(0.0)


def test_blank_maps_and_small_classes_have_no_distance() -> None:
    maps = np.concatenate([bars(11, 0), bars(1, 1)])
    maps[3, 0] = -1.0
    labels = np.array([0] * 11 + [1])
    distance = distance_to_class(maps, labels, np.zeros(12, dtype=np.int64))
    assert np.isnan(distance[3])
    assert np.isnan(distance[0])  # ten usable images of the class, itself among them
    assert np.isfinite(distance[11])
    assert np.isnan(distance_to_class(maps, labels, np.ones(12, dtype=np.int64))).all()
