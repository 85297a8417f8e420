from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from reportgen.site.averages import mean_map


def test_every_image_counts_alike_and_blank_maps_are_left_out() -> None:
    maps = np.zeros((3, 1, 2), dtype=np.float32)
    maps[0, 0] = [100, 0]
    maps[1, 0] = [1, 3]
    maps[2, 0] = [-1, -1]
    mean, used = mean_map(maps)
    assert used == 2
    assert_allclose(mean, [[(1 + 0.25) / 2, 0.75 / 2]])


def test_nothing_but_blank_maps() -> None:
    assert mean_map(np.full((4, 7, 7), -1, dtype=np.float32)) == (None, 0)
