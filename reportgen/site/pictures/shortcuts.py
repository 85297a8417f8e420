"""Photos before and after a property was removed or added, drawn from the original as the models saw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from reportgen.inputs.images.changes import NATIVE, add, can_change, change, typical_level
from reportgen.site.pictures.examples import Picture, Save, save_picture
from reportgen.site.pictures.overlays import resize
from reportgen.site.report import Report

__all__ = ["EXAMPLES", "ShortcutPictures", "draw_shortcuts"]

EXAMPLES = 4
"""Lost images that are shown of one shortcut."""

Pixels = npt.NDArray[np.uint8]

_QUALITY = 80
_LONGEST = 224


@dataclass(frozen=True)
class ShortcutPictures:
    """The pictures by row and change; "" is the photo as the models see it.

    Attributes
    ----------
    example
        The row on which every change is shown.
    added
        By row, change and emotion: photos of other emotions with what the change takes away from those of the emotion.
    """

    example: int
    pictures: Mapping[tuple[int, str], Picture]
    added: Mapping[tuple[int, str, str], Picture] = field(default_factory=dict)


def draw_shortcuts(report: Report, save: Save) -> ShortcutPictures | None:
    """Draw the pictures of the page about shortcuts; None where the models were shown no changed photos."""
    findings = report.shortcuts
    if findings is None or not findings.effects:
        return None
    images = report.analysis.images
    example = _example(report)
    faces, level = report.analysis.faces, typical_level(images, report.analysis.faces)
    alter: dict[tuple[int, str, str], Callable[..., Pixels]] = {}
    for name in dict.fromkeys(effect.change for effect in findings.effects):
        alter[example, name, ""] = partial(change, name, level=level)
    for shortcut in findings.found:
        for row in shortcut.images[:EXAMPLES]:
            alter[row, shortcut.change, ""] = partial(change, shortcut.change, level=level)
        if shortcut.turned is not None:
            for row in shortcut.turned.rows:
                alter[row, shortcut.change, shortcut.emotion] = partial(add, shortcut.turned.cue)
    # Changed at the models' size, as they saw it, and shown no larger than the page needs.
    size = max(int(s) for model in report.analysis.models for s in model.info.get("input", (_LONGEST,)))
    side = min(_LONGEST, size)
    pictures: dict[tuple[int, str], Picture] = {}
    added: dict[tuple[int, str, str], Picture] = {}
    for row in sorted({row for row, *_ in alter} | {example}):
        stored = report.load_image(row)
        pixels = resize(stored, size, size)
        points = None if faces is None or faces.source[row] == "template" else faces.points[row]

        def keep(shown: Pixels, name: str, row: int = row) -> Picture:
            return save_picture(resize(shown, side, side), f"{report.ids[row]}-{name}", _QUALITY, save)

        pictures[row, ""] = keep(pixels, "unchanged")
        for key in sorted(key for key in alter if key[0] == row):
            _, name, emotion = key
            made = resize(alter[key](rgb=stored if name in NATIVE else pixels, points=points), size, size)
            if emotion:
                added[key] = keep(made, f"{name}-added-{report.classes.index(emotion)}")
            else:
                pictures[row, name] = keep(made, name)
    return ShortcutPictures(example, pictures, added)


def _example(report: Report) -> int:
    """Row of a labelled photo on which each change shows: colourful, among the sharper half, and with a face."""
    images, labelled = report.analysis.images, report.analysis.labels >= 0
    sharp = images["sharpness"].to_numpy(dtype=np.float64)
    colour = images["colourfulness"].to_numpy(dtype=np.float64)
    fit = labelled & (sharp >= np.median(sharp[labelled])) & can_change("zoomed", images, report.analysis.faces)
    return int(np.lexsort((-sharp, -colour, ~fit))[0])
