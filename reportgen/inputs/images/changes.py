"""Photos with one property taken away: what they show stays, how they were taken or stored does not."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageFilter

__all__ = ["CHANGES", "UNCHANGED", "Level", "change", "is_grey", "typical_level"]

Pixels = npt.NDArray[np.uint8]

UNCHANGED = "unchanged"

_BLUR = 2 / 224
"""Standard deviation of the blur as a share of the side: what is left is about what a photo of 80 pixels holds, so
small and large, sharp and soft photos look alike, and brows, eyes and mouth stay plain."""

_QUALITY = 40
"""Low enough to cover the traces of any usual quality, high enough to leave the face as it is."""

_GAIN = 4.0  # a nearly even picture would become all noise


@dataclass(frozen=True)
class Level:
    """Mean luma and its standard deviation, 0..1, that pictures are brought to."""

    luminance: float
    contrast: float


def change(name: str, rgb: Pixels, level: Level) -> Pixels:
    """A photo with one property taken away.

    Parameters
    ----------
    name
        One of `CHANGES`.
    rgb
        (H, W, 3) uint8.
    level
        What "equalised" aims at.

    Returns
    -------
    (H, W, 3) uint8
    """
    return CHANGES[name](rgb, level)


def _grey(rgb: Pixels, _: Level) -> Pixels:
    return np.asarray(Image.fromarray(rgb).convert("L").convert("RGB"))


def _equalised(rgb: Pixels, level: Level) -> Pixels:
    """Only the luma is moved: colour is another property, and scaling all channels would fade or deepen it."""
    luma, blue, red = Image.fromarray(rgb).convert("YCbCr").split()
    values = np.asarray(luma).astype(np.float32)
    # Where values clip, a second round comes closer to the aim.
    for _round in range(2):
        spread = float(values.std())
        gain = min(max(255 * level.contrast / spread, 1 / _GAIN), _GAIN) if spread > 0 else 1.0
        values = np.clip((values - values.mean()) * np.float32(gain) + np.float32(255 * level.luminance), 0, 255)
    moved = Image.fromarray(np.rint(values).astype(np.uint8))
    return np.asarray(Image.merge("YCbCr", (moved, blue, red)).convert("RGB"))


def _blurred(rgb: Pixels, _: Level) -> Pixels:
    radius = _BLUR * (rgb.shape[0] + rgb.shape[1]) / 2
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius)))


def _reencoded(rgb: Pixels, _: Level) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=_QUALITY)
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"))


CHANGES: dict[str, Callable[[Pixels, Level], Pixels]] = {
    "grey": _grey,
    "equalised": _equalised,
    "blurred": _blurred,
    "re-encoded": _reencoded,
}
"""In the order of the pages."""


def is_grey(images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """(n,) photos without any colour, so that making them grey changes nothing; `images` as in an analysis."""
    return np.asarray(images["colourfulness"].to_numpy(dtype=np.float64) == 0.0)


def typical_level(images: pd.DataFrame) -> Level:
    """The median brightness and contrast of a test set."""
    return Level(float(images["luminance"].median()), float(images["contrast"].median()))
