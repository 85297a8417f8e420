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

    def maps(self, models: Sequence[int] | None = None) -> Legend:
        """The legend of single heatmaps, of some models or of all."""
        chosen = [self._report.models[k] for k in (range(len(self._report.models)) if models is None else models)]
        grids = "; ".join(
            dict.fromkeys(
                f"{model.name}: {grid_text(model)}" if len(chosen) > 1 else grid_text(model) for model in chosen
            )
        )
        which = range(len(self._report.models)) if models is None else models
        ablated = [self._report.models[k].name for k in which if self._report.ablated(k)]
        scale = "scaled image by image; the maps of one error share one scale"
        drop = "how far the log-odds of one class fall when this place is hidden"
        limit = "Places are hidden one at a time: where two carry the same evidence, neither shows much"
        if len(ablated) == len(chosen):
            text = f"{drop.capitalize()}, {scale}. {grids}. {limit}."
        else:
            text = (
                f"Evidence for one class, {scale}. {grids}. "
                "Not a cause: it shows where the evidence sits, not what the prediction depends on."
            )
            text += f" The maps of {and_list(ablated)} show {drop}. {limit}." if ablated else ""
        return Legend(self._ramp, "none", "most on this image", text)

    def means(self, *, rows: bool) -> Legend:
        """The legend of mean maps; `rows`: several models are shown, each on its own scale."""
        scale = "One scale per model" if rows else "One scale for all of them"
        below = "The face below is the plain mean of the emotion's images."
        if self._frames is not None:
            below = (
                "Faces and maps are aligned by landmarks before averaging; the face below is the emotion's mean face."
            )
            if self._frames.left_out:
                own = "its" if self._frames.left_out == 1 else "their"
                below += f" Left out: {count(self._frames.left_out, 'image')} without landmarks of {own} own."
        return Legend(
            self._ramp,
            "none",
            "most of these means",
            f"Share of the evidence that falls on a place, averaged over the images, each counting alike. {scale}, "
            f"set by the means of ten images or more. Blank maps are left out. {below}",
        )
