"""Every mark in pictures: the mean photos in which it is seen, and photos that lose or gain an emotion with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from reportgen.analysis import content_hash
from reportgen.evidence.shortcuts.marks import Mark
from reportgen.faces.align import face_affines
from reportgen.faces.looks import aligned, lay, look_of, with_power
from reportgen.site.pictures.examples import Picture, Save, encode_webp
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
        tests = [test for test in found.of(number) if test.answer == "yes"]
        pairs: dict[int, tuple[Picture, Picture]] = {}
        for test in tests if report.privacy == "none" else ():
            for row in test.lost_rows[:MARKED]:
                pairs.setdefault(row, _pair(report, mark, row, False, f"mark-{number}-away", save))
            for row in test.turned_rows[:MARKED]:
                pairs.setdefault(row, _pair(report, mark, row, True, f"mark-{number}-added", save))
        drawn.append(MarkPictures(_means(mark, number, save) if mark.where == "face" else (), pairs))
    return tuple(drawn)


def _means(mark: Mark, number: int, save: Save) -> tuple[Picture, ...]:
    tone = np.array(_TONE, dtype=np.float32)
    pictures = []
    difference = 128 + 2 * (mark.own - mark.other)
    for name, values in (("own", mark.own + tone), ("others", mark.other + tone), ("difference", difference)):
        pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
        enlarged = np.asarray(Image.fromarray(pixels).resize((_MEAN, _MEAN), Image.Resampling.BICUBIC))
        content = encode_webp(enlarged, _QUALITY)
        path = f"pictures/mark-{number}-{name}-{content_hash(content)[:10]}.webp"
        save(path, content)
        pictures.append(Picture(path, _MEAN, _MEAN))
    return tuple(pictures)


def _pair(report: Report, mark: Mark, row: int, added: bool, name: str, save: Save) -> tuple[Picture, Picture]:
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
    pictures = []
    for kind, pixels in ((f"{name}-before", photo), (name, changed)):
        content = encode_webp(pixels, _QUALITY)
        path = f"pictures/{report.ids[row]}-{kind}-{content_hash(content)[:10]}.webp"
        save(path, content)
        pictures.append(Picture(path, _SIDE, _SIDE))
    return pictures[0], pictures[1]
