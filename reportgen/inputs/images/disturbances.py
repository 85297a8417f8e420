"""Photos made worse on purpose, as cameras, storage and what is worn do it: each kind of change in a few severities.

`DISTURBANCES` is the one table of what is done and how much; the method page prints it. Everything is made at the size
at which the models see the photo, and depends on the photo alone.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from reportgen.faces.regions import outlines

__all__ = ["DISTURBANCES", "UNIT", "Disturbance", "Severity", "disturb"]

Pixels = npt.NDArray[np.uint8]
Points = npt.NDArray[np.floating]
Severity = float | str

UNIT = 224
"""Side, in pixels, of the picture that lengths in the table are of; they grow with the side."""


@dataclass(frozen=True)
class Disturbance:
    """One kind of change.

    Attributes
    ----------
    levels
        Severities, the weakest first, in the unit that the table names.
    graded
        Whether a later level does more of the same; else the levels are alternatives.
    moves
        Whether parts of the face come to lie elsewhere.
    swapped
        Place of the level at which regions are swapped as well, to see whether their importance moves; None: at none.
    """

    levels: tuple[Severity, ...]
    graded: bool = True
    moves: bool = False
    swapped: int | None = None


DISTURBANCES: Mapping[str, Disturbance] = MappingProxyType({
    "blur": Disturbance((1.0, 2.0, 4.0), swapped=1),  # standard deviation of a Gaussian, pixels of 224
    "noise": Disturbance((10.0, 20.0, 40.0)),  # standard deviation, levels of 255, the same in all channels
    "jpeg": Disturbance((40.0, 20.0, 8.0)),  # quality, of 100
    "resolution": Disturbance((64.0, 40.0, 24.0), swapped=1),  # pixels a side to which it is reduced
    "darkness": Disturbance((1.0, 2.0, 3.0), swapped=1),  # stops: each halves the light (sRGB)
    "contrast": Disturbance((0.5, 0.25, 0.12)),  # share of the distance from the photo's mean that is left
    "crop": Disturbance((0.9, 0.8, 0.7), moves=True),  # share of the side, around the middle, that is left
    "rotation": Disturbance((5.0, 10.0, 20.0), moves=True),  # degrees about the middle; border continued
    "mirror": Disturbance((1.0,), moves=True),  # left and right exchanged
    "cover": Disturbance(("eyes+brows", "nose", "mouth"), graded=False),  # region under a plain rectangle
})  # fmt: skip
"""In the order of the pages."""

_REACH = 0.25  # of the side: as far as a picture turned by any angle of the table looks beyond its border


def disturb(name: str, level: Severity, rgb: Pixels, points: Points | None = None) -> Pixels:
    """A photo with one change.

    Parameters
    ----------
    name
        One of `DISTURBANCES`.
    level
        One of its levels.
    rgb
        (S, S, 3) uint8.
    points
        (478, 2) landmarks as fractions of the sides; needed to cover a region.

    Returns
    -------
    (S, S, 3) uint8

    Raises
    ------
    ValueError
        A region is to be covered, and there are no landmarks.
    """
    if name == "cover":
        if points is None:
            raise ValueError("a region is covered where its landmarks are: there are none")
        return _covered(rgb, points, str(level))
    return _MADE[name](rgb, float(level))


def _blurred(rgb: Pixels, sigma: float) -> Pixels:
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(sigma * len(rgb) / UNIT)))


def _noisy(rgb: Pixels, spread: float) -> Pixels:
    grain = np.random.default_rng(_fingerprint(rgb)).standard_normal((*rgb.shape[:2], 1))
    return _rounded(rgb + spread * grain)


def _fingerprint(rgb: Pixels) -> int:
    """A number that depends on the picture alone: what is drawn at random stays the same in every test set."""
    return zlib.crc32(np.ascontiguousarray(rgb).data)


def _encoded(rgb: Pixels, quality: float) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=int(quality))
    with Image.open(stream) as image:
        return np.asarray(image.convert("RGB"))


def _reduced(rgb: Pixels, side: float) -> Pixels:
    small = Image.fromarray(rgb).resize((int(side), int(side)), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((rgb.shape[1], rgb.shape[0]), Image.Resampling.BILINEAR))


def _darkened(rgb: Pixels, stops: float) -> Pixels:
    """Less light before the camera: in linear light, not in the levels that sRGB stores."""
    stored = np.arange(256) / 255
    light = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4) / 2**stops
    again = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * again).astype(np.uint8)[rgb])


def _flattened(rgb: Pixels, left: float) -> Pixels:
    mean = float(rgb.mean())
    return _rounded(mean + left * (rgb - mean))


def _cropped(rgb: Pixels, left: float) -> Pixels:
    height, width = rgb.shape[:2]
    across, down = width * (1 - left) / 2, height * (1 - left) / 2
    box = (across, down, width - across, height - down)
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR, box=box))


def _rotated(rgb: Pixels, degrees: float) -> Pixels:
    """To a side that the picture itself decides, so that neither is preferred."""
    height, width = rgb.shape[:2]
    border = math.ceil(_REACH * max(height, width))
    wide = np.pad(rgb, ((border, border), (border, border), (0, 0)), mode="edge")
    angle = degrees if _fingerprint(rgb) % 2 else -degrees
    turned = np.asarray(Image.fromarray(wide).rotate(angle, Image.Resampling.BILINEAR))
    return np.ascontiguousarray(turned[border : border + height, border : border + width])


def _covered(rgb: Pixels, points: Points, region: str) -> Pixels:
    """The rectangle around the region, in the photo's mean colour."""
    height, width = rgb.shape[:2]
    places = np.concatenate(outlines(points)[region])
    left, top = np.floor(places.min(axis=0) * (width, height)).astype(int)
    right, bottom = np.ceil(places.max(axis=0) * (width, height)).astype(int)
    made = rgb.copy()
    made[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = np.rint(rgb.mean(axis=(0, 1)))
    return made


def _rounded(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.rint(np.clip(values, 0, 255)).astype(np.uint8))


_MADE: Mapping[str, Callable[[Pixels, float], Pixels]] = MappingProxyType({
    "blur": _blurred,
    "noise": _noisy,
    "jpeg": _encoded,
    "resolution": _reduced,
    "darkness": _darkened,
    "contrast": _flattened,
    "crop": _cropped,
    "rotation": _rotated,
    "mirror": lambda rgb, _: np.ascontiguousarray(rgb[:, ::-1]),
})  # fmt: skip
