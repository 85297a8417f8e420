"""The image patches under the strongest evidence for an emotion.

Region summary and high-impact patches are what FaceX (Sarridis et al. 2024) found lay readers to understand best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.analysis import ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.faces.regions import REGIONS
from reportgen.site.pictures.examples import Picture, Save, save_picture
from reportgen.site.pictures.overlays import grey_face, resize

__all__ = ["Patch", "PatchStrip", "alike", "draw_patches", "patch_box", "ranked_peaks"]

Pixels = npt.NDArray[np.uint8]
Load = Callable[[int], Pixels]

_STRIP = 6
_SIZE = 112
# Two cells of a coarse map, and on a fine map as much of the face as makes a patch readable.
_CELLS = 2.0
_LEAST = 0.4
# Looking further than this for patches that differ only finds weaker evidence.
_LOOKED_AT = 60
_ALIKE = 0.93
_THUMB = 16


@dataclass(frozen=True)
class Patch:
    """One patch.

    Attributes
    ----------
    row
        Image, as row of the analysis.
    region
        Region that covers most of the peak cell, "" where regions were not measured.
    """

    row: int
    region: str
    picture: Picture


@dataclass(frozen=True)
class PatchStrip:
    """The patches of one model and emotion, strongest evidence first.

    Attributes
    ----------
    correct
        Images predicted correctly whose map is no null map.
    regions
        On how many of those the peak lies in each region, most frequent first; empty where not measured.
    """

    patches: tuple[Patch, ...]
    correct: int
    regions: tuple[tuple[str, int], ...]


def patch_box(peak: int, grid: CellGrid) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the patch that a cell sees, as fractions of the image.

    What it sees is in the middle except at the image's edge, where the patch is moved inside.

    Parameters
    ----------
    peak
        Flat index of the cell.
    grid
        Where the cells see.
    """
    row, column = divmod(peak, grid.columns.count)
    wide, high = (min(1.0, max(_CELLS * axis.step, _LEAST)) for axis in (grid.columns, grid.rows))
    left = min(max(float(grid.columns.centres[column]) - wide / 2, 0.0), 1.0 - wide)
    top = min(max(float(grid.rows.centres[row]) - high / 2, 0.0), 1.0 - high)
    return left, top, left + wide, top + high


def ranked_peaks(maps: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """(row, peak cell) of the given images, strongest peak first; ties in the order of the rows.

    Parameters
    ----------
    maps
        (n, h, w) signed maps of one class on all images.
    """
    if not len(rows):
        return []
    flat = maps[rows].reshape(len(rows), -1)
    order, peaks = np.argsort(-flat.max(axis=1), kind="stable"), flat.argmax(axis=1)
    return [(int(rows[i]), int(peaks[i])) for i in order]


def alike(a: Pixels, b: Pixels) -> bool:
    """Whether two patches of one size show the same: their brightness correlates by more than .93."""
    x, y = (grey_face(resize(p, _THUMB, _THUMB))[..., 0].astype(np.float64).ravel() for p in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    # Two uniform patches have no pattern that could differ.
    return scale == 0 or float((x * y).sum()) / scale > _ALIKE


def draw_patches(
    model: ModelRecords,
    labels: npt.NDArray[np.int64],
    null: npt.NDArray[np.bool_],
    measures: ModelMeasures | None,
    persons: list[str | None],
    ids: list[str],
    load: Load,
    save: Save,
) -> dict[int, PatchStrip]:
    """Cut and save the strips of one model, one per emotion that has labelled images.

    One patch per image and, where they are known, per person; near-duplicates are passed over.

    Parameters
    ----------
    null
        (n,) maps of the labelled class to leave out.
    measures
        Names the regions; None where they were not measured.
    persons, ids
        (n,) each.
    """
    strips = {}
    right = (labels >= 0) & (model.predicted == labels) & ~null
    for label in sorted(set(labels[labels >= 0].tolist())):
        rows = np.flatnonzero(right & (labels == label))
        cut: list[Pixels] = []
        chosen: list[Patch] = []
        seen: set[str] = set()
        for row, peak in ranked_peaks(model.maps[:, label], rows)[:_LOOKED_AT]:
            person = persons[row]
            if person is not None and person in seen:
                continue
            pixels = _cut(load(row), patch_box(peak, model.grid))
            if any(alike(pixels, other) for other in cut):
                continue
            picture = save_picture(pixels, f"patch-{model.slug}-{label:02d}-{ids[row]}", 80, save)
            region = "" if measures is None else REGIONS[int(measures.own.peak_region[row])]
            chosen.append(Patch(row, region, picture))
            cut.append(pixels)
            if person is not None:
                seen.add(person)
            if len(chosen) == _STRIP:
                break
        strips[label] = PatchStrip(tuple(chosen), len(rows), _regions(measures, rows))
    return strips


def _cut(pixels: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    height, width = pixels.shape[:2]
    left, top = round(box[0] * width), round(box[1] * height)
    right, bottom = max(left + 1, round(box[2] * width)), max(top + 1, round(box[3] * height))
    return resize(np.ascontiguousarray(pixels[top:bottom, left:right]), _SIZE, _SIZE)


def _regions(measures: ModelMeasures | None, rows: npt.NDArray[np.int64]) -> tuple[tuple[str, int], ...]:
    if measures is None:
        return ()
    counted = Counter(REGIONS[index] for index in measures.own.peak_region[rows].tolist() if index >= 0)
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
