"""One photo with every change at its strongest, as the models saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reportgen.inputs.images.disturbances import DISTURBANCES, disturb
from reportgen.site.pictures.examples import Picture, Save, save_picture
from reportgen.site.pictures.overlays import resize
from reportgen.site.report import Report

__all__ = ["DisturbedPictures", "draw_disturbed"]

_QUALITY = 80
_LONGEST = 224


@dataclass(frozen=True)
class DisturbedPictures:
    """The photo of row `example` by change and place of its level; ("", -1) is the photo as it is."""

    example: int
    pictures: Mapping[tuple[str, int], Picture]


def draw_disturbed(report: Report, save: Save) -> DisturbedPictures | None:
    """Draw what was shown at its strongest; None where nothing was."""
    findings = report.robustness
    if findings is None or not findings.effects:
        return None
    analysis = report.analysis
    faces = analysis.faces
    found = np.array([faces is not None and faces.source[row] != "template" for row in range(len(report.labels))])
    covered = any(effect.change == "cover" for effect in findings.effects)
    # Sharp and lit as the typical photo: blur and darkness are then seen for what they are.
    light, sharp = (analysis.images[name].to_numpy(dtype=np.float64) for name in ("luminance", "sharpness"))
    usual = np.abs(light - np.nanmedian(light)) + np.abs(sharp - np.nanmedian(sharp)) / max(np.nanstd(sharp), 1e-9)
    row = int(np.lexsort((usual, (report.labels < 0) | (covered & ~found)))[0])
    side = min(_LONGEST, max(int(s) for model in report.models for s in model.info.get("input", (_LONGEST,))))
    pixels, name = resize(report.load_image(row), side, side), report.ids[row]
    points = faces.points[row] if faces is not None and found[row] else None
    drawn = {("", -1): save_picture(pixels, f"{name}-unchanged", _QUALITY, save)}
    for key in dict.fromkeys((effect.change, effect.level) for effect in findings.effects if effect.hardest):
        level = DISTURBANCES[key[0]].levels[key[1]]
        made = disturb(key[0], level, pixels, points)
        drawn[key] = save_picture(made, f"{name}-{key[0]}-{key[1]}", _QUALITY, save)
    return DisturbedPictures(row, drawn)
