"""The drawn face: shades of what was measured, dashes where nothing was."""

from __future__ import annotations

import pytest

from reportgen.faces.regions import REGIONS
from reportgen.site.plots.face_diagram import face_diagram, shade


@pytest.mark.parametrize(
    ("value", "tone"), [(0.0, "h0"), (1.0, "h4"), (2.5, "h10"), (9.0, "h10"), (1.3, "h5"), (float("nan"), "unknown")]
)
def test_shade_grows_with_the_heat(value: float, tone: str) -> None:
    assert shade(value) == tone


def test_a_face_shades_what_is_known_and_dashes_the_rest() -> None:
    names = {region: region for region in REGIONS}
    face = face_diagram("people", {"mouth": 1.47, "nose": float("nan")}, names)
    tones = {shape.title.partition(":")[0]: shape.tone for shape in face.shapes if shape.title}
    assert tones == {**dict.fromkeys(REGIONS[1:], "unknown"), "mouth": "h6"}
    assert face.alt == "Face of people, regions shaded by enrichment: mouth 1.47"
