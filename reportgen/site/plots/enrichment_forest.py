"""Enrichment of every emotion and region of one model, with intervals, beside chance and beside people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reportgen.evidence.attention.human_reference import HUMAN
from reportgen.evidence.stats.intervals import Estimate
from reportgen.faces.regions import REGIONS
from reportgen.site.plots.style import SETTINGS, Palette, style_axes, to_svg
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES

__all__ = ["PANELS", "EnrichmentRow", "enrichment_alt", "enrichment_plot", "enrichment_rows"]

PANELS = tuple(REGION_NAMES)
"""Regions from left to right."""

# Beyond this an axis is all interval and no point; a point further out is shown all the same.
_WIDEST = 5.0
# An interval or band may reach so many times further than the points before it is cut, lest it squeeze them.
_REACH = 1.5
# Inches; an inch is 72 CSS pixels here.
_WIDTH = 14.2


@dataclass(frozen=True)
class EnrichmentRow:
    """One emotion: per region the enrichment, the random head's 95 % band (or None) and people's (or NaN)."""

    emotion: str
    values: tuple[Estimate, ...]
    bands: tuple[tuple[float, float] | None, ...]
    people: tuple[float, ...]


def enrichment_rows(report: Report, k: int) -> tuple[EnrichmentRow, ...]:
    """Rows of the emotions with ten images or more; empty where nothing was measured."""
    attention, model = report.regions, report.models[k].name
    if attention is None:
        return ()
    rows = []
    found = attention.findings.bands[k]
    for emotion, name in enumerate(report.classes):
        profile = attention.profile(model, name)
        if profile is None or report.close_images_of(emotion) < 10:
            continue
        index = [REGIONS.index(region) for region in PANELS]
        values = tuple(profile.regions[r] for r in index)
        if all(math.isnan(value.value) for value in values):
            continue
        human = HUMAN.get(name)
        people = {"eyes+brows": human.eyes, "mouth": human.mouth} if human else {}
        rows.append(
            EnrichmentRow(
                name,
                values,
                tuple(
                    None if found is None else (float(found[0][emotion, r]), float(found[1][emotion, r])) for r in index
                ),
                tuple(people.get(region, math.nan) for region in PANELS),
            )
        )
    return tuple(rows)


def enrichment_alt(report: Report, k: int) -> str:
    """What the plot shows, in words."""
    rows = enrichment_rows(report, k)
    names = ", ".join(REGION_NAMES[region] for region in PANELS)
    return (
        f"Forest plot of {report.models[k].name}: enrichment with 95 % intervals for {names}, one line per emotion "
        f"({', '.join(row.emotion for row in rows)}); 1 is average heat"
    )


def enrichment_plot(rows: tuple[EnrichmentRow, ...], series: int, palette: Palette) -> tuple[bytes, int, int]:
    """One panel per region, one line per emotion.

    Returns
    -------
    content, width, height
        SVG and its size in CSS pixels.
    """
    colour = palette.models[series % len(palette.models)]
    height = 0.44 * len(rows) + 1.2
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(_WIDTH, height), facecolor="none")
        FigureCanvasSVG(figure)
        panels = figure.subplots(1, len(PANELS), sharey=True, squeeze=False)[0]
        figure.subplots_adjust(left=0.085, right=0.995, wspace=0.13, top=1 - 0.42 / height, bottom=0.66 / height)
        places = np.arange(len(rows))[::-1]
        for region, axes in enumerate(panels):
            top = _top(rows, region)
            for place, row in zip(places, rows, strict=True):
                band = row.bands[region]
                if band is not None and np.isfinite(band).all():
                    axes.fill_betweenx(
                        [place - 0.34, place + 0.34], band[0], band[1], color=palette.soft, alpha=0.16, linewidth=0
                    )
                    if band[1] > top:  # an arrowhead where it goes on beyond the axis
                        axes.plot(top, place, color=palette.soft, marker=">", markersize=5, markeredgewidth=0)
                value = row.values[region]
                if value.defined:
                    axes.hlines(place, value.low, min(value.high, top), color=colour, alpha=0.55, linewidth=2.4)
                    if value.high > top:
                        axes.plot(top, place, color=colour, marker=">", markersize=5, markeredgewidth=0)
                    axes.plot(value.value, place, color=colour, marker="o", markersize=6.5)
                if np.isfinite(row.people[region]):
                    axes.plot(
                        row.people[region], place, color=palette.ink, marker="D", markersize=6.5, fillstyle="none",
                        markeredgewidth=1.3,
                    )  # fmt: skip
            axes.axvline(1.0, color=palette.ink, linewidth=1, dashes=(4, 3), zorder=1)
            axes.set_title(REGION_NAMES[PANELS[region]], fontsize=13, color=palette.ink, loc="left", pad=6)
            axes.set_xlim(0, 1.03 * top)
            axes.set_ylim(-0.6, len(rows) - 0.4)
            style_axes(axes, palette)
            axes.tick_params(axis="both", labelsize=12)
            axes.tick_params(axis="y", length=0)
            axes.xaxis.set_major_locator(MaxNLocator(3, steps=(1, 2, 5, 10)))
        panels[0].set_yticks(places, [row.emotion for row in rows])
        figure.supxlabel("enrichment: enrichment, 1 = average heat", fontsize=12, color=palette.soft, x=0.54, y=0.012)
        return to_svg(figure), round(_WIDTH * 72), round(height * 72)


def _top(rows: tuple[EnrichmentRow, ...], region: int) -> float:
    """End of one panel's axis: every point and person on it, intervals and bands as far as they fit."""
    points, ends = [1.5], [0.0]
    for row in rows:
        value, band = row.values[region], row.bands[region]
        points += [point for point in (value.value, row.people[region]) if math.isfinite(point)]
        ends += [end for end in (value.high, band[1] if band is not None else math.nan) if math.isfinite(end)]
    return 1.06 * max(*points, min(_REACH * max(points), max(ends), _WIDEST))
