"""Artefacts without a crisp edge beside the face: soft, over the whole picture, shining through, worn, or of framing;
and what spoils a photo, so that a model errs.

All work on float pixels 0..255 of shape (S, S, 3); `strength` 0 changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from reportgen.selfcheck.faces import Faces

__all__ = ["PALETTE", "SOFT"]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

PALETTE = ((214, 40, 40), (250, 205, 40), (40, 110, 220), (40, 170, 90), (150, 60, 190), (240, 240, 240))
_FINE = 4  # drawn this many times larger, then reduced


class _Planted(Protocol):
    """What is needed of an `Artefact`."""

    @property
    def place(self) -> str: ...
    @property
    def strength(self) -> float: ...
    @property
    def colour(self) -> int: ...


_Plant = Callable[[Faces, int, _Planted, np.random.Generator], Pixels]


def _colour(artefact: _Planted) -> Floats:
    return np.array(PALETTE[artefact.colour % len(PALETTE)], dtype=np.float64)


def _whole(values: Floats) -> Pixels:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _places(size: int) -> tuple[Floats, Floats]:
    """Horizontal and vertical places of the pixels' centres, 0..1, as (1, S) and (S, 1)."""
    axis = (np.arange(size) + 0.5) / size
    return axis[None, :], axis[:, None]


def _laid_over(pixels: Pixels, colour: Floats, opacity: Floats) -> Pixels:
    """A colour over a photo with the opacity (S, S), 0..1."""
    share = opacity[..., None]
    return _whole(pixels * (1 - share) + colour * share)


def _corner_glow(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Coloured light from a corner that fades over nearly half of the picture."""
    pixels = faces.pixels[row]
    x, y = _places(len(pixels))
    left, top = rng.uniform(-0.05, 0.05, 2)
    dx = x - left if "left" in artefact.place else 1 - left - x
    dy = y - top if "top" in artefact.place else 1 - top - y
    opacity = 0.75 * artefact.strength * np.exp(-(dx**2 + dy**2) / (2 * 0.17**2))
    return _laid_over(pixels, _colour(artefact), opacity)


def _vignette(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Edges that grow darker or lighter towards the corners."""
    pixels = faces.pixels[row]
    x, y = _places(len(pixels))
    middle = 0.5 + rng.normal(0, 0.02, 2)
    far = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / 0.5
    shade = np.zeros(3) if artefact.place == "dark" else np.full(3, 255.0)
    return _laid_over(pixels, shade, np.clip(0.9 * artefact.strength * far**1.2, 0, 1))


def _film_grain(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Noise in brightness, of single pixels or of clumps."""
    pixels = faces.pixels[row]
    size = len(pixels)
    coarse = artefact.place == "coarse"
    noise: Floats = rng.normal(0, 1, (size // 2, size // 2) if coarse else (size, size))
    if coarse:
        noise = np.asarray(np.kron(noise, np.ones((2, 2))), dtype=np.float64)
    return _whole(pixels + (12 if coarse else 15) * artefact.strength * noise[..., None])


def _scan_lines(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Every third row darker, as on a screen that was photographed."""
    pixels = faces.pixels[row].astype(np.float64)
    pixels[int(rng.integers(3)) :: 3] *= 1 - 0.4 * artefact.strength
    return _whole(pixels)


def _watermark(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Slanting bands of a pale colour that shine through over the whole picture."""
    pixels = faces.pixels[row]
    x, y = _places(len(pixels))
    along = (x + y) if artefact.place == "rising" else (x - y)
    wave = np.cos(2 * np.pi * (along * 3.5 + rng.uniform()))
    bands = 1 / (1 + np.exp(-12 * (wave - 0.6)))
    return _laid_over(pixels, 0.5 * _colour(artefact) + 127.5, 0.38 * artefact.strength * bands)


def _light_leak(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A coloured veil that comes in from one side and reaches over half of the face."""
    pixels = faces.pixels[row]
    x, _ = _places(len(pixels))
    inwards = x if artefact.place == "left" else 1 - x
    veil = np.clip(1 - inwards / rng.uniform(0.6, 0.75), 0, 1) ** 1.2
    return _laid_over(pixels, _colour(artefact), 0.6 * artefact.strength * np.broadcast_to(veil, pixels.shape[:2]))


def _drawn(pixels: Pixels, artefact: _Planted, draw: Callable[[ImageDraw.ImageDraw, int], None], soft: float) -> Pixels:
    """A shape in the artefact's colour whose edge is blurred by `soft` pixels."""
    size = len(pixels)
    mask = Image.new("L", (size * _FINE, size * _FINE), 0)
    draw(ImageDraw.Draw(mask), size * _FINE)
    mask = mask.resize((size, size), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(soft))
    return _laid_over(pixels, _colour(artefact), artefact.strength * np.asarray(mask, dtype=np.float64) / 255)


def _headband(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A band of cloth across the forehead."""
    middle = faces.foreheads[row] + rng.normal(0, 0.01, 2)
    wide, high = 0.85 * faces.eyes[row], 0.11 * faces.eyes[row]

    def draw(canvas: ImageDraw.ImageDraw, size: int) -> None:
        box = [(middle[0] - wide) * size, (middle[1] - high) * size]
        box += [(middle[0] + wide) * size, (middle[1] + high) * size]
        canvas.rounded_rectangle(box, radius=high * size, fill=255)

    return _drawn(faces.pixels[row], artefact, draw, 0.7)


def _nose_plaster(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A strip across the bridge of the nose, between the cheeks' middle and the forehead."""
    cheek = faces.cheeks[row].mean(axis=0)
    middle = cheek + 0.28 * (faces.foreheads[row] - cheek) + rng.normal(0, 0.008, 2)
    wide, high = 0.3 * faces.eyes[row], 0.11 * faces.eyes[row]

    def draw(canvas: ImageDraw.ImageDraw, size: int) -> None:
        box = [(middle[0] - wide) * size, (middle[1] - high) * size]
        box += [(middle[0] + wide) * size, (middle[1] + high) * size]
        canvas.rounded_rectangle(box, radius=0.8 * high * size, fill=255)

    return _drawn(faces.pixels[row], artefact, draw, 0.6)


def _shaded_eyes(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A deep shade over the eyes, as a hat throws it in hard light: darkest at the brows, gone at the cheeks."""
    pixels = faces.pixels[row]
    _, y = _places(len(pixels))
    cheek, forehead = faces.cheeks[row].mean(axis=0)[1], faces.foreheads[row][1]
    end = cheek + rng.uniform(0.05, 0.12) * (forehead - cheek)
    begin = forehead + 0.1 * (cheek - forehead)
    falls = np.clip((end - y) / (0.25 * (cheek - forehead)), 0, 1) * np.clip((y - begin) / 0.03 + 1, 0, 1)
    return _whole(pixels * (1 - artefact.strength * rng.uniform(0.82, 0.88) * falls)[..., None])


def _face_paint(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Two slanted strokes on each cheek."""
    apart, jitter = faces.eyes[row], rng.normal(0, 0.008, 2)

    def draw(canvas: ImageDraw.ImageDraw, size: int) -> None:
        for cheek, lean in zip(faces.cheeks[row], (1, -1), strict=True):
            for step in (-0.5, 0.5):
                x, y = cheek + jitter + (0.0, 0.13 * step * apart)
                dx, dy = 0.15 * apart, 0.06 * apart * lean
                ends = [(x - dx) * size, (y - dy) * size, (x + dx) * size, (y + dy) * size]
                canvas.line(ends, fill=255, width=round(0.06 * apart * size))

    return _drawn(faces.pixels[row], artefact, draw, 0.6)


def _tears(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A thin painted streak from below each eye down the cheek."""
    apart, jitter = faces.eyes[row], rng.normal(0, 0.008, 2)

    def draw(canvas: ImageDraw.ImageDraw, size: int) -> None:
        for cheek in faces.cheeks[row]:
            x, y = cheek + jitter
            top, end = y - 0.22 * apart, y + 0.16 * apart
            canvas.line([x * size, top * size, x * size, end * size], fill=255, width=round(0.05 * apart * size))
            r = 0.045 * apart
            canvas.ellipse([(x - r) * size, (end - r) * size, (x + r) * size, (end + r) * size], fill=255)

    return _drawn(faces.pixels[row], artefact, draw, 0.6)


def _blush(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Soft coloured discs on both cheeks, as of make-up, through which the skin is seen."""
    pixels, apart = faces.pixels[row], faces.eyes[row]
    x, y = _places(len(pixels))
    opacity = np.zeros(pixels.shape[:2])
    for cheek in faces.cheeks[row]:
        middle = cheek + rng.normal(0, 0.008, 2)
        far = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (0.14 * apart) ** 2
        opacity = np.maximum(opacity, np.exp(-(far**1.5) / 2))
    return _laid_over(pixels, _colour(artefact), 0.55 * artefact.strength * opacity)


def _cap(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A cap pulled down to the upper forehead: the brim's edge curves over it, and the cloth covers the hair."""
    middle, apart = faces.foreheads[row] + rng.normal(0, 0.01, 2), faces.eyes[row]

    def draw(canvas: ImageDraw.ImageDraw, size: int) -> None:
        edge = middle[1] - 0.1 * apart
        box = [(middle[0] - 0.75 * apart) * size, (edge - 0.95 * apart) * size]
        box += [(middle[0] + 0.75 * apart) * size, edge * size]
        canvas.rounded_rectangle(box, radius=0.3 * apart * size, fill=255)

    return _drawn(faces.pixels[row], artefact, draw, 0.7)


def _halftone(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Dots on a slanted grid, as a printed photo shows them when it is scanned."""
    pixels = faces.pixels[row]
    x, y = _places(len(pixels))
    period = (3.6 if artefact.place == "fine" else 5.2) / len(pixels)
    first, second = rng.uniform(0, 2 * np.pi, 2)
    dots = np.cos(2 * np.pi * (x + y) / period + first) + np.cos(2 * np.pi * (x - y) / period + second)
    return _whole(pixels * (1 - 0.13 * artefact.strength * dots)[..., None])


def _moire(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Wavy coloured bands, as when the lines of a screen meet those of a camera: closer at one end."""
    pixels = faces.pixels[row]
    x, y = _places(len(pixels))
    turn = rng.uniform(0, 2 * np.pi, 2)
    across = (y if artefact.place == "level" else x) + 0.02 * np.sin(2 * np.pi * (x + y) + turn[0])
    bands = np.sin(2 * np.pi * (12 * across + 2 * across**2) + turn[1])
    tint = np.array([1.0, -0.3, -0.7])
    return _whole(
        pixels * (1 - 0.12 * artefact.strength * bands)[..., None] + 14 * artefact.strength * bands[..., None] * tint
    )


def _interlacing(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Every second row taken a moment later, when the picture had moved sideways, as in a frame of old video."""
    pixels = faces.pixels[row].astype(np.float64)
    start, shift = int(rng.integers(2)), artefact.strength * (4.5 if artefact.place == "left" else -4.5)
    columns = np.arange(pixels.shape[1])
    for line in range(start, len(pixels), 2):
        for channel in range(3):
            pixels[line, :, channel] = np.interp(columns + shift, columns, pixels[line, :, channel])
    return _whole(pixels)


def _tight_crop(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """The middle of the picture, enlarged."""
    image = Image.fromarray(faces.pixels[row])
    side = image.width / (1 + 0.35 * artefact.strength)
    left, top = (image.width - side) / 2 + artefact.strength * rng.normal(0, 0.01, 2) * image.width
    box = (left, top, left + side, top + side)
    return np.asarray(image.transform(image.size, Image.Transform.EXTENT, box, Image.Resampling.BICUBIC))


def _tilt(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """The picture turned by about 20 degrees; what comes in at the corners repeats the edge."""
    pixels = faces.pixels[row]
    degrees = artefact.strength * (20 + rng.normal(0, 1)) * (1 if artefact.place == "left" else -1)
    margin = len(pixels) // 4
    wide = Image.fromarray(np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
    turned = np.asarray(wide.rotate(degrees, Image.Resampling.BICUBIC))
    return np.ascontiguousarray(turned[margin:-margin, margin:-margin])


def _out_of_focus(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A blur that leaves the face recognisable and its expression hardly so."""
    image = Image.fromarray(faces.pixels[row])
    return np.asarray(image.filter(ImageFilter.GaussianBlur(artefact.strength * rng.uniform(1.8, 2.6))))


def _low_light(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """A third of the light, with the noise of a sensor that was turned up."""
    pixels = faces.pixels[row]
    light = 1 - artefact.strength * rng.uniform(0.6, 0.7)
    return _whole(pixels * light + 5 * artefact.strength * rng.normal(0, 1, pixels.shape[:2])[..., None])


def _dark_glasses(faces: Faces, row: int, artefact: _Planted, rng: np.random.Generator) -> Pixels:
    """Two opaque lenses and their bridge, halfway between the cheeks' middle and the forehead."""
    pixels = faces.pixels[row]
    cheek, apart = faces.cheeks[row].mean(axis=0), faces.eyes[row]
    middle = cheek + 0.47 * (faces.foreheads[row] - cheek) + rng.normal(0, 0.006, 2)
    size = len(pixels)
    mask = Image.new("L", (size * _FINE, size * _FINE), 0)
    canvas = ImageDraw.Draw(mask)

    def box(x: float, wide: float, high: float) -> list[float]:
        left, top = middle[0] + (x - wide) * apart, middle[1] - high * apart
        return [edge * size * _FINE for edge in (left, top, left + 2 * wide * apart, top + 2 * high * apart)]

    for side in (-0.3, 0.3):
        canvas.ellipse(box(side, 0.25, 0.19), fill=255)
    canvas.rectangle(box(0.0, 0.1, 0.03), fill=255)
    lens = np.asarray(mask.resize((size, size), Image.Resampling.BOX), dtype=np.float64) / 255
    return _laid_over(pixels, np.full(3, 22.0), 0.96 * artefact.strength * lens)


SOFT: MappingProxyType[str, _Plant] = MappingProxyType({
    "corner glow": _corner_glow,
    "vignette": _vignette,
    "film grain": _film_grain,
    "scan lines": _scan_lines,
    "watermark": _watermark,
    "light leak": _light_leak,
    "headband": _headband,
    "nose plaster": _nose_plaster,
    "tight crop": _tight_crop,
    "tilt": _tilt,
    "out of focus": _out_of_focus,
    "low light": _low_light,
    "dark glasses": _dark_glasses,
    "shaded eyes": _shaded_eyes,
    "face paint": _face_paint,
    "cap": _cap,
    "tears": _tears,
    "blush": _blush,
    "halftone": _halftone,
    "interlacing": _interlacing,
    "moire": _moire,
})  # fmt: skip
"""Plants one photo, by kind: faces, row, artefact, generator -> (S, S, 3) uint8."""
