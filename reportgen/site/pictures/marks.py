"""Every mark in pictures: the mean photos in which it is seen, and photos that lose or gain an emotion with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from reportgen.evidence.shortcuts.marks import Mark
from reportgen.faces.align import face_affines
from reportgen.faces.looks import aligned, lay, look_of, with_power
from reportgen.site.pictures.examples import Picture, Save, save_picture
from reportgen.site.pictures.overlays import resize
from reportgen.site.report import Report

__all__ = ["MARKED", "MarkPictures", "draw_marks"]

MARKED = 4
"""Photos of a kind that are shown with a mark and without it."""

_SIDE, _MEAN = 112, 160
_QUALITY = 82
_TONE = (176.0, 148.0, 132.0)  # in which mean faces are drawn: what they are compared in is each photo's own


@dataclass(frozen=True)
class MarkPictures:
    """Of one mark.

    Attributes
    ----------
    means
        The mean of the emotion's photos that carry it, that of other emotions' photos, and the difference, doubled
        around grey; empty for a pattern.
    pairs
        By row: the photo as it is, and with the mark taken away or put in.
    """

    means: tuple[Picture, ...]
    pairs: Mapping[int, tuple[Picture, Picture]]


def draw_marks(report: Report, save: Save) -> tuple[MarkPictures, ...]:
    """Draw every mark that was tested; photos only of those that a model relies on, and not where faces are hidden."""
    found = report.marks
    if found is None:
        return ()
    drawn = []
    for number, mark in enumerate(found.marks):
        tests = [test for test in found.of(number) if test.answer == "yes" and report.privacy == "none"]
        rows = {  # of photos that several models share one pair serves
            row: added
            for test in tests
            for added, turned in ((False, test.lost_rows), (True, test.turned_rows))
            for row in turned[:MARKED]
        }
        pairs = {row: _pair(report, mark, number, row, added, save) for row, added in rows.items()}
        drawn.append(MarkPictures(_means(mark, number, save) if mark.where == "face" else (), pairs))
    return tuple(drawn)


def _means(mark: Mark, number: int, save: Save) -> tuple[Picture, ...]:
    tone = np.array(_TONE, dtype=np.float32)
    pictures = []
    difference = 128 + 2 * (mark.own - mark.other)
    for name, values in (("own", mark.own + tone), ("others", mark.other + tone), ("difference", difference)):
        pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
        enlarged = np.asarray(Image.fromarray(pixels).resize((_MEAN, _MEAN), Image.Resampling.BICUBIC))
        pictures.append(save_picture(enlarged, f"mark-{number}-{name}", _QUALITY, save))
    return tuple(pictures)


def _pair(report: Report, mark: Mark, number: int, row: int, added: bool, save: Save) -> tuple[Picture, Picture]:
    """The photo as it is, and with the mark put in or taken away as the models saw it."""
    look = mark.own if added else mark.other
    # A pattern lies at the frequencies of the size at which the models see the photo.
    side = _SIDE if mark.where == "face" else max(int(side) for model in report.models for side in model.info["input"])
    photo = resize(report.load_image(row), side, side)
    if mark.where == "face" and report.analysis.faces is not None:
        faces = report.analysis.faces
        shown = [*mark.rows, *mark.others]
        giver = mark.givers[shown.index(row)][0 if added else 1] if mark.givers else row
        of, own = face_affines(faces.points[[giver, row]], [faces.source[giver], faces.source[row]])
        if mark.givers:
            look = look_of(aligned(resize(report.load_image(giver), side, side), of), mark.skin, look)
        changed = lay(photo, own, look, mark.weight, mark.skin)
    else:
        changed = with_power(photo, look, mark.weight)
    name = f"{report.ids[row]}-mark-{number}-{'added' if added else 'away'}"
    return (
        save_picture(photo, f"{name}-before", _QUALITY, save),
        save_picture(changed, name, _QUALITY, save),
    )
