"""Small pictures of one error with one region changed: filled from around it, and exchanged for another face's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.analysis import Analysis, content_hash
from reportgen.evidence.errors.occlusions import Occlusions, RegionChange
from reportgen.faces.transplant import Portrait, fill_region, transplant
from reportgen.site.pictures.drawing import SheetFile
from reportgen.site.pictures.examples import Save, encode_webp
from reportgen.site.pictures.sprites import SheetView

__all__ = ["SIDE", "draw_strips"]

SIDE = 104
"""Side of one small picture in pixels."""

_MADE_AT = 208  # as the models see it, nearly; the feathering is drawn at this size
_QUALITY = 76
_VERSION = "1"


def draw_strips(
    analysis: Analysis,
    occlusions: Occlusions | None,
    load_image: Callable[[int], npt.NDArray[np.uint8]],
    known: Mapping[str, bytes],
    save: Save,
) -> dict[int, SheetFile]:
    """One sheet per image: a column per region, exchanged (the first donor's) above, filled below.

    Returns
    -------
    dict
        Sheet by row of the analysis; empty without experiments.
    """
    faces = analysis.faces
    if occlusions is None or faces is None or not occlusions.strips:
        return {}
    strips = next(iter(occlusions.strips.values()))  # every model was shown the same pictures
    ids = analysis.images["image_id"].tolist()
    sheets = {}
    for row, changes in strips.items():
        rows = [row, *sorted({change.donors[0] for change in changes if change.donors})]
        # With privacy on, less than the image is shown, so the hash of its file does not identify the picture.
        pixels = {i: load_image(i) for i in rows}
        made_from = (part for i in rows for part in (pixels[i].tobytes(), faces.points[i].tobytes()))
        key = content_hash(_VERSION, *(change.region for change in changes), *made_from)[:10]
        path = f"pictures/{ids[row]}-regions-{key}.webp"
        content = known.get(path)
        if content is None:
            portraits = {i: _portrait(pixels[i], faces.points[i]) for i in rows}
            content = encode_webp(_sheet(changes, row, portraits), _QUALITY)
        save(path, content)
        sheets[row] = SheetFile(path, len(changes) * SIDE, 2 * SIDE, SheetView.of_squares(SIDE))
    return sheets


def _portrait(pixels: npt.NDArray[np.uint8], points: npt.NDArray[np.floating]) -> Portrait:
    square = Image.fromarray(pixels).resize((_MADE_AT, _MADE_AT), Image.Resampling.BILINEAR)
    return Portrait(np.asarray(square), points)


def _sheet(changes: tuple[RegionChange, ...], row: int, portraits: Mapping[int, Portrait]) -> npt.NDArray[np.uint8]:
    face = portraits[row]
    sheet = np.zeros((2 * SIDE, len(changes) * SIDE, 3), dtype=np.uint8)
    for column, change in enumerate(changes):
        # Without a donor the upper picture is the face as it is.
        upper = transplant(face, portraits[change.donors[0]], change.region) if change.donors else face.pixels
        for line, made in enumerate((upper, fill_region(face, change.region))):
            small = Image.fromarray(made).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            sheet[line * SIDE : (line + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = np.asarray(small)
    return sheet
