"""Photos before and after a property was removed, drawn from the original as the models saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reportgen.inputs.images.changes import NATIVE, can_change, change, typical_level
from reportgen.site.pictures.examples import Picture, Save, save_picture
from reportgen.site.pictures.overlays import resize
from reportgen.site.report import Report

__all__ = ["EXAMPLES", "ShortcutPictures", "draw_shortcuts"]

EXAMPLES = 4
"""Lost images that are shown of one shortcut."""

_QUALITY = 80
_LONGEST = 224


@dataclass(frozen=True)
class ShortcutPictures:
    """The pictures by row and change; "" is the photo as the models see it.

    Attributes
    ----------
    example
        The row on which every change is shown.
    """

    example: int
    pictures: Mapping[tuple[int, str], Picture]


def draw_shortcuts(report: Report, save: Save) -> ShortcutPictures | None:
    """Draw the pictures of the page about shortcuts; None where the models were shown no changed photos."""
    findings = report.shortcuts
    if findings is None or not findings.effects:
        return None
    images = report.analysis.images
    example = _example(report)
    wanted = {(example, name) for name in ("", *dict.fromkeys(effect.change for effect in findings.effects))}
    for shortcut in findings.found:
        wanted |= {(row, name) for row in shortcut.images[:EXAMPLES] for name in ("", shortcut.change)}
    faces = report.analysis.faces
    level = typical_level(images, faces)
    side = min(_LONGEST, max(int(s) for model in report.analysis.models for s in model.info.get("input", (_LONGEST,))))
    ids = images["image_id"].tolist()
    drawn: dict[tuple[int, str], Picture] = {}
    for row in sorted({row for row, _ in wanted}):
        stored = report.load_image(row)
        pixels = resize(stored, side, side)
        points = None if faces is None or faces.source[row] == "template" else faces.points[row]
        for name in sorted(name for at, name in wanted if at == row):
            if name in NATIVE:
                shown = resize(change(name, stored, level, points), side, side)
            else:
                shown = change(name, pixels, level, points) if name else pixels
            drawn[row, name] = save_picture(shown, f"{ids[row]}-{name or 'unchanged'}", _QUALITY, save)
    return ShortcutPictures(example, drawn)


def _example(report: Report) -> int:
    """Row of a labelled photo on which each change shows: colourful, among the sharper half, and with a face."""
    images, labelled = report.analysis.images, report.analysis.labels >= 0
    sharp = images["sharpness"].to_numpy(dtype=np.float64)
    colour = images["colourfulness"].to_numpy(dtype=np.float64)
    fit = labelled & (sharp >= np.median(sharp[labelled])) & can_change("zoomed", images, report.analysis.faces)
    return int(np.lexsort((-sharp, -colour, ~fit))[0])
