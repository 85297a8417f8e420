"""The top photos of every component, each as the model sees it and with the component's heat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reportgen.evidence.shortcuts.components import PICTURED
from reportgen.site.pictures.examples import Picture, PictureStyle, Save, save_picture
from reportgen.site.pictures.overlays import blend_classic, blend_heat, display_maps, resize
from reportgen.site.report import Report

__all__ = ["ComponentPictures", "draw_components"]

ComponentPictures = Mapping[int, tuple[tuple[Picture, ...], ...]]
"""By the component's place in the findings, of each of its top photos: where a model was shown to rely on it the photo,
and the heat over it; else one picture of the photo above the heat, which halves what a page of many has to name."""

_SIDE = 112


def draw_components(report: Report, style: PictureStyle, save: Save) -> ComponentPictures:
    """Draw them all; empty where no component was found."""
    found = report.components
    if found is None:
        return {}
    models = {model.name: model for model in report.models}
    side = min(_SIDE, style.longest)
    drawn: dict[int, tuple[tuple[Picture, ...], ...]] = {}
    for place, component in enumerate(found.components):
        if component.maps is None:
            continue
        model, photos = models[component.model], []
        for row, raw in list(zip(component.top, component.maps, strict=True))[:PICTURED]:
            pixels = resize(report.load_image(row), side, side)
            evidence = display_maps(raw[None], side, side, model.grid)[0]
            heat = blend_classic(pixels, evidence) if style.classic else blend_heat(pixels, evidence, style.colormap)
            name = f"{report.ids[row]}-cue"
            parts = [(name, pixels), (f"{name}-heat", heat)]
            if component.answer != "yes":
                parts = [(f"{name}-both", np.concatenate((pixels, heat)))]
            photos.append(tuple(save_picture(part, called, style.quality, save) for called, part in parts))
        drawn[place] = tuple(photos)
    return drawn
