"""A drawn face whose regions are shaded by their enrichment: share of the heat per share of the area."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from reportgen.faces.align import canonical_points
from reportgen.faces.regions import outlines

__all__ = ["MOST", "FaceDiagram", "Shape", "face_diagram", "shade"]

MOST = 2.5
"""Enrichment from which on the strongest shade is used."""

_STEPS = 10
_UNIT = 200.0
_MARGIN = 0.04


@dataclass(frozen=True)
class Shape:
    """One region: outline as an SVG path, class ("h0" to "h10", "unknown" or "line"), and value in words."""

    path: str
    tone: str
    title: str


@dataclass(frozen=True)
class FaceDiagram:
    """One face, back to front."""

    name: str
    series: str
    href: str | None
    box: str
    shapes: tuple[Shape, ...]
    alt: str
    note: str


def shade(value: float) -> str:
    """CSS class of an enrichment's shade: "h0" none, "h4" average heat, "h10" 2.5 and more, "unknown" for NaN."""
    if math.isnan(value):
        return "unknown"
    return f"h{round(_STEPS * min(max(value, 0.0), MOST) / MOST)}"


def face_diagram(
    name: str, values: Mapping[str, float], names: Mapping[str, str], *, series: str = "", href: str | None = None,
    note: str = "",
) -> FaceDiagram:  # fmt: skip
    """Draw one face.

    Parameters
    ----------
    values
        Enrichment by region; regions that are missing or NaN are drawn as not measured.
    names
        Regions in words.
    """
    shapes = []
    for region, path in _paths().items():
        if region == "face":
            shapes.append(Shape(path, "line", ""))
            continue
        value = values.get(region, math.nan)
        text = "not measured" if math.isnan(value) else f"{value:.2f}"
        shapes.append(Shape(path, shade(value), f"{names[region]}: {text}"))
    known = [f"{names[region]} {value:.2f}" for region, value in values.items() if not math.isnan(value)]
    alt = f"Face of {name}, regions shaded by enrichment: {', '.join(known) or 'nothing measured'}"
    return FaceDiagram(name, series, href, _box(), tuple(shapes), alt, note)


@cache
def _paths() -> dict[str, str]:
    shapes = outlines(canonical_points())
    left, top, right, bottom = _corners()
    frame = [[(left, top), (right, top), (right, bottom), (left, bottom)]]
    found = {}
    for region, polygons in shapes.items():
        drawn = frame if region == "background" else polygons
        found[region] = "".join(
            "M" + "L".join(f"{_UNIT * x:.1f} {_UNIT * y:.1f}" for x, y in polygon) + "Z" for polygon in drawn
        )
    return found


@cache
def _corners() -> tuple[float, float, float, float]:
    """The face with a margin of background, so that heat beside it has a place."""
    (face,) = outlines(canonical_points())["face"]
    (left, top), (right, bottom) = face.min(axis=0), face.max(axis=0)
    side = _MARGIN + max(right - left, bottom - top) * 0.08
    return float(left - side), float(top - _MARGIN), float(right + side), float(bottom + _MARGIN)


def _box() -> str:
    left, top, right, bottom = (_UNIT * value for value in _corners())
    return f"{left:.1f} {top:.1f} {right - left:.1f} {bottom - top:.1f}"
