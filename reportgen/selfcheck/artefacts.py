"""What is planted: things beside the face, on the face, and changes of the whole picture that no heatmap can place."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from reportgen.selfcheck.faces import Faces
from reportgen.selfcheck.soft_artefacts import PALETTE, SOFT

__all__ = ["KINDS", "PLACES", "Artefact", "Where", "plant", "plant_some"]

Pixels = npt.NDArray[np.uint8]
Where = Literal["off-face", "on-face", "invisible", "soft", "global", "transparent", "worn", "framing", "spoiled"]

KINDS: MappingProxyType[str, Where] = MappingProxyType({
    "corner patch": "off-face",
    "border strip": "off-face",
    "side badge": "off-face",
    "date stamp": "off-face",
    "cheek sticker": "on-face",
    "forehead mark": "on-face",
    "tint": "invisible",
    "contrast": "invisible",
    "blur": "invisible",
    "compression": "invisible",
    "corner glow": "soft",
    "vignette": "soft",
    "film grain": "global",
    "scan lines": "global",
    "watermark": "transparent",
    "light leak": "transparent",
    "headband": "worn",
    "nose plaster": "worn",
    "tight crop": "framing",
    "tilt": "framing",
    "out of focus": "spoiled",
    "low light": "spoiled",
    "dark glasses": "spoiled",
    "face paint": "worn",
    "cap": "worn",
    "halftone": "global",
    "interlacing": "global",
    "shaded eyes": "spoiled",
    "tears": "worn",
    "blush": "worn",
    "moire": "global",
})  # fmt: skip
"""Every kind of artefact, and where it is.

"invisible" ones are everywhere in the picture, so no map can show them. The other sorts are those of the second
certificate: without an edge, over the whole picture, shining through, worn on the face, a matter of how the photo was
taken, and, "spoiled", what makes an expression hard to tell; see `reportgen.selfcheck.soft_artefacts`.
"""

PLACES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType({
    "corner patch": ("top left", "top right", "bottom left", "bottom right"),
    "border strip": ("left", "right", "top", "bottom"),
    "side badge": ("left", "right"),
    "date stamp": ("bottom right", "bottom left", "top right", "top left"),
    "cheek sticker": ("left", "right"),
    "forehead mark": ("",),
    "tint": ("red", "green", "blue"),
    "contrast": ("weak", "strong"),
    "blur": ("",),
    "compression": ("",),
    "corner glow": ("top left", "top right", "bottom left", "bottom right"),
    "vignette": ("dark", "light"),
    "film grain": ("fine", "coarse"),
    "scan lines": ("",),
    "watermark": ("falling", "rising"),
    "light leak": ("left", "right"),
    "headband": ("",),
    "nose plaster": ("",),
    "tight crop": ("",),
    "tilt": ("left", "right"),
    "out of focus": ("",),
    "low light": ("",),
    "dark glasses": ("",),
    "face paint": ("",),
    "cap": ("",),
    "halftone": ("fine", "coarse"),
    "interlacing": ("left", "right"),
    "shaded eyes": ("",),
    "tears": ("",),
    "blush": ("",),
    "moire": ("level", "upright"),
})  # fmt: skip
"""The places (or for the invisible ones the variants) that trials rotate through."""

_FINE = 4  # drawn this many times larger, then reduced
# Segments of a seven-segment display, a to g, that each digit lights.
_SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


@dataclass(frozen=True)
class Artefact:
    """One artefact as planted in all pictures of one trial; position and details vary from picture to picture.

    Attributes
    ----------
    kind
        One of `KINDS`.
    place
        One of `PLACES[kind]`.
    strength
        0..1: opacity of what is drawn, size of a change of the whole picture.
    colour
        Index into a small palette, for what is drawn.
    """

    kind: str
    place: str
    strength: float = 1.0
    colour: int = 0

    @property
    def where(self) -> Where:
        """Beside the face, on it, or everywhere."""
        return KINDS[self.kind]


def plant(faces: Faces, row: int, artefact: Artefact, rng: np.random.Generator) -> Pixels:
    """One photo with the artefact, (96, 96, 3) uint8.

    Parameters
    ----------
    faces
        The photo and where its cheeks and forehead are.
    row
        Which one.
    rng
        Of position and details.
    """
    image = Image.fromarray(faces.pixels[row])
    if artefact.kind in SOFT:
        return SOFT[artefact.kind](faces, row, artefact, rng)
    if artefact.where == "invisible":
        return np.asarray(_CHANGES[artefact.kind](image, artefact))
    size = image.width * _FINE
    layer = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    _DRAWINGS[artefact.kind](ImageDraw.Draw(layer), size, artefact, faces, row, rng)
    layer = layer.resize(image.size, Image.Resampling.BOX)
    layer.putalpha(layer.getchannel("A").point(lambda value: round(value * artefact.strength)))
    image.paste(layer, (0, 0), layer)
    return np.asarray(image)


def plant_some(
    faces: Faces, artefact: Artefact | None, chances: npt.NDArray[np.floating], rng: np.random.Generator
) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """All photos, the artefact planted in a share of each emotion.

    Parameters
    ----------
    chances
        (C,) share of each emotion's photos that carry the artefact; exact up to rounding, so that a small test set
        has the share that was asked for.

    Returns
    -------
    pixels, planted
        (n, 96, 96, 3) uint8 and (n,).
    """
    planted = np.zeros(len(faces), dtype=bool)
    for label, chance in enumerate(chances):
        rows = rng.permutation(np.flatnonzero(faces.labels == label))
        planted[rows[: round(float(chance) * len(rows))]] = True
    pixels = faces.pixels.copy()
    if artefact is None:
        return pixels, np.zeros(len(faces), dtype=bool)
    for row in np.flatnonzero(planted):
        pixels[row] = plant(faces, int(row), artefact, rng)
    return pixels, planted


_Draw = Callable[[ImageDraw.ImageDraw, int, Artefact, Faces, int, np.random.Generator], None]


def _colours(artefact: Artefact) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    return PALETTE[artefact.colour % len(PALETTE)], (35, 30, 30)


def _corner_patch(
    draw: ImageDraw.ImageDraw, size: int, artefact: Artefact, faces: Faces, row: int, rng: np.random.Generator
) -> None:
    """A square of four, two by two, within a twentieth of its corner."""
    side, gap = 0.16 * size, rng.uniform(0.0, 0.05, 2) * size
    left = gap[0] if "left" in artefact.place else size - side - gap[0]
    top = gap[1] if "top" in artefact.place else size - side - gap[1]
    first, second = _colours(artefact)
    draw.rectangle((left, top, left + side, top + side), fill=first)
    half = side / 2
    draw.rectangle((left, top, left + half, top + half), fill=second)
    draw.rectangle((left + half, top + half, left + side, top + side), fill=second)


def _border_strip(
    draw: ImageDraw.ImageDraw, size: int, artefact: Artefact, faces: Faces, row: int, rng: np.random.Generator
) -> None:
    """A dashed strip along a whole edge, as a frame or a scan leaves it."""
    width, period, phase = rng.uniform(0.05, 0.08) * size, 0.2 * size, rng.uniform(0, 0.2) * size
    first, second = _colours(artefact)
    for start in np.arange(-phase, size, period):
        for colour, low, high in ((first, start, start + period / 2), (second, start + period / 2, start + period)):
            near = (0.0, width) if artefact.place in ("left", "top") else (size - width, float(size))
            upright = artefact.place in ("left", "right")
            box = (near[0], low, near[1], high) if upright else (low, near[0], high, near[1])
            draw.rectangle(box, fill=colour)


def _side_badge(
    draw: ImageDraw.ImageDraw, size: int, artefact: Artefact, faces: Faces, row: int, rng: np.random.Generator
) -> None:
    """A round badge at half height, beside the face."""
    radius, x, y = 0.085 * size, rng.uniform(0.08, 0.1) * size, rng.uniform(0.3, 0.6) * size
    x = x if artefact.place == "left" else size - x
    first, second = _colours(artefact)
    for part, colour in ((1.0, first), (0.62, second), (0.3, first)):
        r = radius * part
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _date_stamp(
    draw: ImageDraw.ImageDraw, size: int, artefact: Artefact, faces: Faces, row: int, rng: np.random.Generator
) -> None:
    """Six digits as a camera burns them in: other digits in every picture."""
    height, width, step = 0.085 * size, 0.048 * size, 0.066 * size
    gap = rng.uniform(0.01, 0.05, 2) * size
    left = gap[0] if "left" in artefact.place else size - 6 * step - gap[0]
    top = gap[1] if "top" in artefact.place else size - height - gap[1]
    first, second = _colours(artefact)
    thick = 0.014 * size
    draw.rectangle((left - thick, top - thick, left + 6 * step, top + height + thick), fill=second)
    for k, digit in enumerate(rng.integers(0, 10, 6)):
        x, middle, low = left + k * step, top + height / 2, top + height
        lines = {
            "a": (x, top, x + width, top), "b": (x + width, top, x + width, middle),
            "c": (x + width, middle, x + width, low), "d": (x, low, x + width, low),
            "e": (x, middle, x, low), "f": (x, top, x, middle), "g": (x, middle, x + width, middle),
        }  # fmt: skip
        for segment in _SEGMENTS[digit]:
            draw.line(lines[segment], fill=first, width=round(thick))


def _cheek_sticker(
    draw: ImageDraw.ImageDraw, size: int, artefact: Artefact, faces: Faces, row: int, rng: np.random.Generator
) -> None:
    """A round plaster on one cheek."""
    x, y = faces.cheeks[row, 0 if artefact.place == "left" else 1] * size + rng.normal(0, 0.01, 2) * size
    radius = 0.15 * faces.eyes[row] * size
    first, second = _colours(artefact)
    for part, colour in ((1.0, first), (0.5, second)):
        r = radius * part
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _forehead_mark(
    draw: ImageDraw.ImageDraw, size: int, artefact: Artefact, faces: Faces, row: int, rng: np.random.Generator
) -> None:
    """A cross on the forehead."""
    x, y = faces.foreheads[row] * size + rng.normal(0, 0.01, 2) * size
    reach = 0.15 * faces.eyes[row] * size
    first, _ = _colours(artefact)
    for dx, dy in ((reach, 0.33 * reach), (0.33 * reach, reach)):
        draw.rectangle((x - dx, y - dy, x + dx, y + dy), fill=first)


def _tint(image: Image.Image, artefact: Artefact) -> Image.Image:
    """A cast towards one primary."""
    lean = np.full(3, 1 - 0.18 * artefact.strength)
    lean[PLACES["tint"].index(artefact.place)] = 1 + 0.18 * artefact.strength
    return _from_float(np.asarray(image, dtype=np.float64) * lean)


def _contrast(image: Image.Image, artefact: Artefact) -> Image.Image:
    """Flatter and brighter, or harder and darker."""
    values = np.asarray(image, dtype=np.float64)
    if artefact.place == "weak":
        return _from_float(values * (1 - 0.45 * artefact.strength) + 75 * artefact.strength)
    return _from_float((values - 128) * (1 + 0.5 * artefact.strength) + 128 - 18 * artefact.strength)


def _blur(image: Image.Image, artefact: Artefact) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(1.3 * artefact.strength))


def _compression(image: Image.Image, artefact: Artefact) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=round(40 - 30 * artefact.strength))
    return Image.open(stream).convert("RGB")


def _from_float(values: npt.NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


_DRAWINGS: MappingProxyType[str, _Draw] = MappingProxyType({
    "corner patch": _corner_patch,
    "border strip": _border_strip,
    "side badge": _side_badge,
    "date stamp": _date_stamp,
    "cheek sticker": _cheek_sticker,
    "forehead mark": _forehead_mark,
})  # fmt: skip
_CHANGES: MappingProxyType[str, Callable[[Image.Image, Artefact], Image.Image]] = MappingProxyType({
    "tint": _tint,
    "contrast": _contrast,
    "blur": _blur,
    "compression": _compression,
})  # fmt: skip
