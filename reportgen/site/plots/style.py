"""What all plots share: colours of the light and of the dark page, axes, and SVG without anything that changes.

SVG text stays text and takes the page's typeface; ids are salted with a constant and there is no date, so the same
numbers give the same bytes.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["DARK", "LIGHT", "SETTINGS", "Palette", "in_dark", "style_axes", "to_svg"]

SETTINGS: Any = {
    "svg.hashsalt": "reportgen",
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "text.parse_math": False,
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
}
_FONTS = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Palette:
    """Colours of one scheme; the same as in the style sheet."""

    ink: str
    soft: str
    line: str
    models: tuple[str, ...]
    paper: str


LIGHT = Palette(
    "#1d1c1a", "#67645c", "#d9d4c8", ("#b4531f", "#1f5f8b", "#5b7a1f", "#7a3f98", "#8a6d00", "#006d77"), "#fbfaf7"
)
DARK = Palette(
    "#ece9e2", "#a8a397", "#45413a", ("#f0935c", "#7cb9e4", "#a9c76a", "#cfa0e6", "#dcbf4d", "#63c5cd"), "#161513"
)


def style_axes(axes: Axes, palette: Palette) -> None:
    """Grid, ticks and spines of one panel in the page's colours."""
    axes.set_facecolor("none")
    axes.tick_params(colors=palette.soft, labelcolor=palette.soft, length=3)
    axes.xaxis.label.set_color(palette.soft)
    axes.yaxis.label.set_color(palette.soft)
    axes.grid(color=palette.line, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(palette.line)


def to_svg(figure: Figure) -> bytes:
    """The figure as SVG without anything that changes from run to run."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode("utf-8")
    # matplotlib measures with its own font; the page shows the reader's.
    return text.replace("'DejaVu Sans'", _FONTS).encode("utf-8")


def in_dark(svg: bytes) -> bytes:
    """A light figure in the colours of dark pages: drawing it a second time would take as long as the first."""
    return _COLOUR.sub(lambda found: _DARKER.get(found[0], found[0]), svg)


def _colours(palette: Palette) -> list[bytes]:
    return [colour.encode() for colour in (palette.ink, palette.soft, palette.line, *palette.models, palette.paper)]


_COLOUR = re.compile(rb"#[0-9a-f]{6}\b")
_DARKER = dict(zip(_colours(LIGHT), _colours(DARK), strict=True))
