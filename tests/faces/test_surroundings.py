"""Light, colour and detail off the face and on it, on pictures whose measures are known."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS, region_map
from reportgen.faces.surroundings import measure_surroundings

POINTS = (canonical_points() - 0.5) * 0.6 + 0.5
SIDE = 256


def picture(face: tuple[int, int, int], around: tuple[int, int, int]) -> np.ndarray:
    off = region_map(POINTS, SIDE, SIDE) == REGIONS.index("background")
    return np.where(off[:, :, None], np.uint8(around), np.uint8(face))


def test_light_and_colour_are_those_of_the_background() -> None:
    found = measure_surroundings(picture((255, 255, 255), (200, 100, 0)), POINTS)
    luma = (0.299 * 200 + 0.587 * 100) / 255
    assert found.background_luminance == pytest.approx(luma, abs=0.005)
    assert found.background_colourfulness == pytest.approx(np.hypot(100, 100) / 255, abs=0.005)
    # The outline of the face is no detail of either part.
    assert found.background_detail == pytest.approx(0, abs=0.01) and found.face_detail == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("where", ["background", "face"])
def test_detail_counts_where_it_is(where: str) -> None:
    off = region_map(POINTS, SIDE, SIDE) == REGIONS.index("background")
    ramp = np.broadcast_to(np.arange(SIDE), (SIDE, SIDE))  # two levels per pixel at half the size
    grey = np.where(off == (where == "background"), ramp, 128).astype(np.uint8)
    found = measure_surroundings(grey, POINTS)
    slopes = (found.background_detail, found.face_detail)
    assert slopes == pytest.approx((2, 0) if where == "background" else (0, 2), abs=0.05)
    assert found.background_colourfulness == 0


def test_a_face_that_fills_the_picture_has_no_background() -> None:
    found = measure_surroundings(picture((90, 90, 90), (90, 90, 90)), (canonical_points() - 0.5) * 3 + 0.5)
    assert np.isnan([found.background_luminance, found.background_detail, found.background_colourfulness]).all()
    assert found.face_detail == 0
