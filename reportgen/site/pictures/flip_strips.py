"""Small pictures of one image on its way to another prediction: region after region, and the face that gives them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.analysis import Analysis, content_hash
from reportgen.evidence.errors.flips import FlipFindings, FlipResult
from reportgen.faces.transplant import TRANSPLANTED, Portrait, laid, layer
from reportgen.site.pictures.drawing import SheetFile
from reportgen.site.pictures.examples import Save, encode_webp
from reportgen.site.pictures.sprites import SheetView

__all__ = ["SIDE", "draw_flips"]

SIDE = 104
"""Side of one small picture in pixels."""

_MADE_AT = 208  # as the models see it, nearly; the feathering is drawn at this size
_QUALITY = 76
_VERSION = "1"


def draw_flips(
    analysis: Analysis,
    found: FlipFindings | None,
    with_page: Collection[int],
    load_image: Callable[[int], npt.NDArray[np.uint8]],
    known: Mapping[str, bytes],
    save: Save,
) -> dict[tuple[str, int], SheetFile]:
    """One sheet per model and image with a page: the face, each step, and the face that gives.

    Returns
    -------
    dict
        Sheet by model's slug and row of the analysis; empty where nothing was tried.
    """
    faces = analysis.faces
    if found is None or faces is None:
        return {}
    ids = analysis.images["image_id"].tolist()
    sheets = {}
    for slug, flips in found.flips.items():
        for row, flip in flips.items():
            if row not in with_page:
                continue
            rows = (row, flip.case.donor)
            # With privacy on, less than the image is shown, so the hash of its file does not identify the picture.
            pixels = [load_image(i) for i in rows]
            made_from = [part for i, own in zip(rows, pixels, strict=True) for part in (own, faces.points[i])]
            steps = [step.region for step in flip.steps]
            key = content_hash(_VERSION, *steps, *(part.tobytes() for part in made_from))[:10]
            path = f"pictures/{ids[row]}-flip-{key}.webp"
            content = known.get(path)
            if content is None:
                face, giver = (_portrait(own, faces.points[i]) for i, own in zip(rows, pixels, strict=True))
                content = encode_webp(_sheet(flip, face, giver), _QUALITY)
            save(path, content)
            columns = len(steps) + 1
            sheets[slug, row] = SheetFile(path, columns * SIDE, SIDE, SheetView.of_squares(SIDE))
    return sheets


def _portrait(pixels: npt.NDArray[np.uint8], points: npt.NDArray[np.floating]) -> Portrait:
    square = Image.fromarray(pixels).resize((_MADE_AT, _MADE_AT), Image.Resampling.BILINEAR)
    return Portrait(np.asarray(square), points)


def _sheet(flip: FlipResult, face: Portrait, giver: Portrait) -> npt.NDArray[np.uint8]:
    made, chosen = [face.pixels], list[str]()
    for step in flip.steps[1:]:
        chosen = list(TRANSPLANTED) if step.region == "all" else [*chosen, step.region]
        made.append(laid(face, {name: layer(face, giver, name) for name in chosen}))
    small = [Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BILINEAR) for one in (*made, giver.pixels)]
    return np.concatenate([np.asarray(one) for one in small], axis=1)
