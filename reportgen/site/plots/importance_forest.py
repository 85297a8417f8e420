"""How much every region matters to one model, per emotion: log-odds drops of the transplant test with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reportgen.evidence.attention.human_reference import HUMAN
from reportgen.evidence.importance.background import decisive
from reportgen.evidence.importance.regions import MIN_DROP, RegionImportance
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.site.plots.style import SETTINGS, Palette, style_axes, to_svg
from reportgen.site.wording.attention import REGION_NAMES

__all__ = ["ImportanceRow", "importance_alt", "importance_plot", "importance_rows"]

# Inches; an inch is 72 CSS pixels here.
_WIDTH = 14.2
# Of the axis's length: room for the diamond at the right end.
_ROOM = 0.1
# An interval may reach so many times further than the outermost point before it is cut, lest it squeeze all others.
_REACH = 1.6
_LEAST_END = 0.6


@dataclass(frozen=True)
class ImportanceRow:
    """One emotion: the importance of every region of `TRANSPLANTED`, of the background by the swap that decides, and
    which of the regions people need.
    """

    emotion: str
    regions: tuple[RegionImportance, ...]
    people: tuple[bool, ...]


def importance_rows(importances: Sequence[RegionImportance], classes: tuple[str, ...]) -> tuple[ImportanceRow, ...]:
    """Rows of the emotions of which anything was measured, from one model's region importances."""
    rows = []
    for name in classes:
        own = {one.region: decisive(one) for one in importances if one.emotion == name}
        if not any(math.isfinite(one.drop) for one in own.values()):
            continue
        human = HUMAN.get(name)
        needed = human.required if human is not None else ()
        rows.append(
            ImportanceRow(name, tuple(own[r] for r in TRANSPLANTED), tuple(region in needed for region in TRANSPLANTED))
        )
    return tuple(rows)


def importance_alt(model: str, rows: Sequence[ImportanceRow]) -> str:
    """What the plot shows, in words."""
    names = ", ".join(REGION_NAMES[region] for region in TRANSPLANTED)
    emotions = ", ".join(row.emotion for row in rows)
    return (
        f"Forest plot of {model}: log-odds drop of each emotion, with 95 % intervals, when {names} come from "
        f"another emotion's face, one line per emotion ({emotions}); the same numbers are in the table below"
    )


def importance_plot(rows: Sequence[ImportanceRow], series: int, palette: Palette) -> tuple[bytes, int, int]:
    """One panel per region, one line per emotion, all panels on one scale.

    Returns
    -------
    content, width, height
        SVG and its size in CSS pixels.
    """
    colour = palette.models[series % len(palette.models)]
    height = 0.44 * len(rows) + 1.2
    low, high = _limits(rows)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(_WIDTH, height), facecolor="none")
        FigureCanvasSVG(figure)
        panels = figure.subplots(1, len(TRANSPLANTED), sharex=True, sharey=True, squeeze=False)[0]
        figure.subplots_adjust(left=0.085, right=0.995, wspace=0.1, top=1 - 0.42 / height, bottom=0.66 / height)
        places = np.arange(len(rows))[::-1]
        for region, axes in enumerate(panels):
            for place, row in zip(places, rows, strict=True):
                if row.people[region]:
                    _people(axes, float(place), palette)
                _value(axes, float(place), row.regions[region], (low, high), colour, palette.paper)
            axes.axvline(0.0, color=palette.ink, linewidth=1, zorder=1)
            axes.axvline(MIN_DROP, color=palette.ink, linewidth=1, dashes=(4, 3), zorder=1)
            axes.set_title(REGION_NAMES[TRANSPLANTED[region]], fontsize=13, color=palette.ink, loc="left", pad=6)
            axes.set_xlim(low, high + _ROOM * (high - low))
            axes.set_ylim(-0.6, len(rows) - 0.4)
            style_axes(axes, palette)
            axes.tick_params(axis="both", labelsize=12)
            axes.tick_params(axis="y", length=0)
            axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
        panels[0].set_yticks(places, [row.emotion for row in rows])
        figure.supxlabel(
            "log-odds drop with the region of another emotion's face", fontsize=12, color=palette.soft, x=0.54,
            y=0.012,
        )  # fmt: skip
        return to_svg(figure), round(_WIDTH * 72), round(height * 72)


def _value(
    axes: Axes, place: float, one: RegionImportance, limits: tuple[float, float], colour: str, paper: str
) -> None:
    """Interval and point; an arrowhead where an interval goes on beyond the axis; nothing if not measured."""
    if not math.isfinite(one.drop):
        return
    low, high = max(one.low, limits[0]), min(one.high, limits[1])
    axes.hlines(place, low, high, color=colour, alpha=0.55, linewidth=2.4)
    for end, marker, cut in ((low, "<", one.low < limits[0]), (high, ">", one.high > limits[1])):
        if cut:
            axes.plot(end, place, color=colour, marker=marker, markersize=5, markeredgewidth=0)
    inside = colour if one.answer == "yes" else paper
    axes.plot(
        one.drop, place, color=colour, marker="o", markersize=7, markerfacecolor=inside, markeredgewidth=1.5, zorder=4
    )


def _people(axes: Axes, place: float, palette: Palette) -> None:
    """People need this region: a band over the panel, and their diamond at its end."""
    axes.axhspan(place - 0.4, place + 0.4, color=palette.soft, alpha=0.16, linewidth=0, zorder=0)
    axes.plot(
        0.955, place, transform=axes.get_yaxis_transform(), color=palette.ink, marker="D", markersize=6,
        fillstyle="none", markeredgewidth=1.3, clip_on=False,
    )  # fmt: skip


def _limits(rows: Sequence[ImportanceRow]) -> tuple[float, float]:
    """Ends of the axis: every point, and intervals as far as they do not squeeze the rest."""
    importances = [one for row in rows for one in row.regions if math.isfinite(one.drop)]
    drops = [one.drop for one in importances]
    far = _REACH * max(_LEAST_END, *(abs(drop) for drop in drops))
    low = min(-MIN_DROP, *drops, max(-far, min(one.low for one in importances)))
    high = max(_LEAST_END, *drops, min(far, max(one.high for one in importances)))
    margin = 0.04 * (high - low)
    return low - margin, high + margin
