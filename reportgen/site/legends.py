"""What the colours of heatmaps mean."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.site.html.components import Legend
from reportgen.site.pictures.mean_maps import Frames
from reportgen.site.report import Report
from reportgen.site.wording.format import and_list, count
from reportgen.site.wording.scope import grid_text

__all__ = ["Legends"]


class Legends:
    """The legends of one report.

    Parameters
    ----------
    ramp
        Name of the colour map of the pictures.
    frames
        How the images were aligned for mean maps; None where they were not.
    """

    def __init__(self, report: Report, ramp: str, frames: Frames | None) -> None:
        self._report, self._ramp, self._frames = report, ramp, frames

    def maps(self, models: Sequence[int] | None = None, *, grids: bool = False) -> Legend:
        """The legend of single heatmaps, of some models or of all; `grids`: with the size of their cells."""
        chosen = [self._report.models[k] for k in (range(len(self._report.models)) if models is None else models)]
        cells = "; ".join(
            dict.fromkeys(
                f"{model.name}: {grid_text(model)}" if len(chosen) > 1 else grid_text(model) for model in chosen
            )
        )
        which = range(len(self._report.models)) if models is None else models
        ablated = [self._report.models[k].name for k in which if self._report.ablated(k)]
        scale = "each image on a scale of its own, the maps of one error on one scale"
        drop = "how far the log-odds of one class fall when this place is hidden"
        if len(ablated) == len(chosen):
            text = f"{drop.capitalize()}; {scale}."
        else:
            text = f"Evidence for one class; {scale}."
            text += f" The maps of {and_list(ablated)} show {drop}." if ablated else ""
        return Legend(self._ramp, "none", "most on this image", f"{text} {cells}." if grids else text)

    def means(self, *, rows: bool, left_out: bool = False) -> Legend:
        """The legend of mean maps.

        Parameters
        ----------
        rows
            Several models are shown, each on its own scale.
        left_out
            Whether to say how many images are not in the means.
        """
        scale = "one scale per model" if rows else "one scale for all of them"
        left = ""
        if left_out and self._frames is not None and self._frames.left_out:
            own = "its" if self._frames.left_out == 1 else "their"
            left = f" Without {count(self._frames.left_out, 'image')} that have no landmarks of {own} own."
        return Legend(
            self._ramp,
            "none",
            "most of these means",
            f"Mean share of the evidence, {scale}, on the emotion's mean face.{left}",
        )
