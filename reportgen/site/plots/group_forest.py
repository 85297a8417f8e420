"""How each group of photos fares beside others of the same emotions: gaps of one model with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reportgen.evidence.groups.gaps import MIN_GAP
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.groups.same_photos import told_once
from reportgen.site.plots.style import SETTINGS, Palette, style_axes, to_svg
from reportgen.site.wording.format import shorten
from reportgen.site.wording.performance.groups import group_words

__all__ = ["group_alt", "group_plot", "group_rows"]

# Inches; an inch is 72 CSS pixels here.
_WIDTH, _ROW = 5.0, 0.5
_MOST = 40


def group_rows(found: GroupFindings, model: str) -> tuple[GroupGap, ...]:
    """The groups that could be compared, each once, grouping by grouping; of very many those with the widest gaps."""
    rows = [one.gap for one in told_once(found, found.overall(model)) if one.gap.gap.testable]
    kept = sorted(rows, key=lambda one: -abs(one.gap.value))[:_MOST]
    return tuple(one for one in rows if any(one is other for other in kept))


def group_alt(model: str, rows: Sequence[GroupGap], found: GroupFindings) -> str:
    """What the plot shows, in words."""
    proven = [group_words(one.grouping, one.level, found) for one in rows if one.answer == "yes"]
    told = f"; proven for {', '.join(proven)}" if proven else "; none is proven"
    return (
        f"Forest plot of {model}: gap in accuracy of {len(rows)} groups of photos to others of the same emotions, with "
        f"95 % intervals{told}; the same numbers are in the table below"
    )


def group_plot(rows: Sequence[GroupGap], series: int, palette: Palette, found: GroupFindings) -> tuple[bytes, int, int]:
    """One line per group: a filled point where the gap is proven, an open one where it is not.

    Names stand above the points, so that the plot fits a phone.

    A small stroke is the plain gap, of photos whatever their emotions. The band holds gaps that are too small to count.

    Returns
    -------
    content, width, height
        SVG and its size in CSS pixels.
    """
    colour = palette.models[series % len(palette.models)]
    height = _ROW * len(rows) + 0.95
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(_WIDTH, height), facecolor="none")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        figure.subplots_adjust(left=0.03, right=0.97, top=1 - 0.1 / height, bottom=0.68 / height)
        axes.axvspan(-100 * MIN_GAP, 100 * MIN_GAP, color=palette.soft, alpha=0.16, linewidth=0, zorder=0)
        axes.axvline(0.0, color=palette.ink, linewidth=1, zorder=1)
        places = np.arange(len(rows))[::-1].astype(float)
        for place, one in zip(places.tolist(), rows, strict=True):
            gap = one.gap.estimate
            axes.hlines(place, 100 * gap.low, 100 * gap.high, color=colour, alpha=0.55, linewidth=2.4)
            if one.plain.value == one.plain.value:
                axes.plot(100 * one.plain.value, place, color=palette.soft, marker="|", markersize=10, linewidth=0)
            inside = colour if one.answer == "yes" else palette.paper
            axes.plot(
                100 * gap.value, place, color=colour, marker="o", markersize=7, markerfacecolor=inside,
                markeredgewidth=1.5, zorder=4,
            )  # fmt: skip
            name = shorten(group_words(one.grouping, one.level, found).removeprefix("photos "), 46)
            axes.text(
                0.0, place + 0.26, name, color=palette.ink, fontsize=11, va="bottom", ha="left",
                transform=axes.get_yaxis_transform(),
            )  # fmt: skip
        axes.set_yticks([])
        axes.set_ylim(-0.6, len(rows) - 0.2)
        far = max(20.0, *(100 * max(abs(one.gap.value), abs(one.plain.value)) + 6 for one in rows))
        widest = max(100 * max(-one.gap.estimate.low, one.gap.estimate.high) for one in rows)
        end = min(max(far, widest + 3), 1.4 * far, 100.0)
        axes.set_xlim(-end, end)
        style_axes(axes, palette)
        axes.tick_params(axis="both", labelsize=11)
        axes.set_xlabel(
            "gap in accuracy, points (left: fares worse)",
            fontsize=11,
        )
        return to_svg(figure), round(_WIDTH * 72), round(height * 72)
