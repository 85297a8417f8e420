"""The reliability diagram: is a model's confidence as high as its accuracy?"""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reportgen.evidence.performance.scores import ModelScores
from reportgen.site.plots.style import SETTINGS, Palette, style_axes, to_svg

__all__ = ["reliability_diagram"]


def reliability_diagram(score: ModelScores, series: int, palette: Palette) -> tuple[bytes, int, int]:
    """Reliability diagram: accuracy of each confidence bin with its interval, above the number of images per bin.

    Returns
    -------
    content, width, height
        SVG and its size in CSS pixels.
    """
    colour = palette.models[series % len(palette.models)]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(5.2, 5.0), facecolor="none")
        FigureCanvasSVG(figure)
        top, bottom = figure.subplots(
            2,
            1,
            height_ratios=(5, 1),
            sharex=True,
            gridspec_kw={"hspace": 0.12, "left": 0.165, "right": 0.94, "top": 0.97, "bottom": 0.12},
        )
        confidence = np.array([bin_.confidence for bin_ in score.bins])
        accuracy = np.array([bin_.accuracy.value for bin_ in score.bins])
        low = np.array([bin_.accuracy.low for bin_ in score.bins])
        high = np.array([bin_.accuracy.high for bin_ in score.bins])
        top.plot([0, 1], [0, 1], color=palette.soft, linewidth=1, dashes=(4, 3))
        top.annotate(
            "perfect calibration", (0.06, 0.075), rotation=44, color=palette.soft, fontsize=9.5, rotation_mode="anchor"
        )
        top.vlines(confidence, low, high, color=colour, alpha=0.45, linewidth=2.2)
        top.plot(confidence, accuracy, color=colour, linewidth=1.2, marker="o", markersize=6)
        top.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
        bottom.vlines(
            confidence,
            0,
            [bin_.n for bin_ in score.bins],
            color=colour,
            linewidth=5,
            alpha=0.75,
        )
        bottom.set(xlabel="mean confidence per bin", ylabel="images")
        bottom.set_ylim(bottom=0)
        ticks = [0, 0.25, 0.5, 0.75, 1]
        bottom.set_xticks(ticks, [f"{100 * t:.0f} %" for t in ticks])
        top.set_yticks(ticks, [f"{100 * t:.0f} %" for t in ticks])
        for axes in (top, bottom):
            style_axes(axes, palette)
        return to_svg(figure), 374, 360
