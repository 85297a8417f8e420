"""Photos with one property taken away, or put in: what they show stays, how they were taken or stored does not."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageFilter

from reportgen.inputs.images.quality import image_quality

__all__ = ["CHANGES", "UNCHANGED", "AddedCue", "Level", "add", "change", "is_grey", "neutral", "typical_level"]

Pixels = npt.NDArray[np.uint8]

UNCHANGED = "unchanged"

_BLUR = 2 / 224
"""Standard deviation of the blur as a share of the side: what is left is about what a photo of 80 pixels holds, so
small and large, sharp and soft photos look alike, and brows, eyes and mouth stay plain."""

_QUALITY = 40
"""Low enough to cover the traces of any usual quality, high enough to leave the face as it is."""

_FINE = 1.5 / 224
"""Standard deviation, as a share of the side, of the blur whose difference from the photo is its fine detail."""

_MOST_DETAIL = 6.0

_GAIN = 4.0  # a nearly even picture would become all noise


@dataclass(frozen=True)
class Level:
    """Mean luma and its standard deviation, 0..1, and sharpness (see `quality`) that pictures are brought to."""

    luminance: float
    contrast: float
    sharpness: float

    @property
    def marks(self) -> tuple[str, ...]:
        """What tells two levels apart, for the keys of answers on disk."""
        return tuple(f"{value:.6f}" for value in (self.luminance, self.contrast, self.sharpness))


@dataclass(frozen=True)
class AddedCue:
    """A property that goes with an emotion, and the photos of other emotions that it is put into.

    Attributes
    ----------
    change
        The change that takes it away, one of `CHANGES`.
    emotion
        Index of the emotion.
    aim
        What photos are brought to: for "grey" the means of R - G and of (R + G) / 2 - B, -1..1; for "equalised" mean
        luma and its standard deviation, 0..1, NaN for what stays; for "blurred" and "sharpened" the sharpness.
    rows
        Photos of other emotions that lack the property.
    own
        Photos of the emotion, to be shown without the property and with a neutral change of the same size.
    """

    change: str
    emotion: int
    aim: tuple[float, ...]
    rows: tuple[int, ...]
    own: tuple[int, ...]


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


def add(cue: AddedCue, rgb: Pixels) -> Pixels:
    """A photo with a cue put in.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8.

    Returns
    -------
    (H, W, 3) uint8

    Raises
    ------
    KeyError
        The cue is one that cannot be put in.
    """
    return _ADDED[cue.change](rgb, cue.aim)


def neutral(rgb: Pixels, changed: Pixels, angle: float) -> Pixels:
    """A photo with an even ramp of light across it, as far from the photo as another changed version is.

    The ramp leaves mean brightness, colour and fine detail as they are. Distance is the root mean square over pixels
    and channels.

    Parameters
    ----------
    rgb, changed
        (H, W, 3) uint8.
    angle
        Direction in which it gets lighter, in radians.
    """
    size = float(np.sqrt(np.mean((changed.astype(np.float32) - rgb) ** 2)))
    y, x = (np.linspace(-1.0, 1.0, side, dtype=np.float32) for side in rgb.shape[:2])
    ramp = np.float32(np.cos(angle)) * x[None, :] + np.float32(np.sin(angle)) * y[:, None]
    ramp = (ramp - ramp.mean()) / max(float(ramp.std()), 1e-6)
    reach, made = size, rgb
    # Where values clip, a second round comes closer to the aim.
    for _round in range(2):
        made = np.rint(np.clip(rgb + np.float32(reach) * ramp[:, :, None], 0, 255)).astype(np.uint8)
        got = float(np.sqrt(np.mean((made.astype(np.float32) - rgb) ** 2)))
        reach *= min(size / got, 2.0) if got > 0 else 1.0
    return np.asarray(made)


def _cast(rgb: Pixels, aim: tuple[float, ...]) -> Pixels:
    """The same shift of all pixels' channels, which leaves the luma as it is."""
    values = rgb.astype(np.float32)
    red, green, blue = (values[:, :, k].mean() / 255 for k in range(3))
    wanted = [aim[0] - (red - green), aim[1] - ((red + green) / 2 - blue), 0.0]
    axes = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, -1.0], [0.299, 0.587, 0.114]])
    shift = 255 * np.linalg.solve(axes, wanted)
    return np.rint(np.clip(values + shift.astype(np.float32), 0, 255)).astype(np.uint8)


def _relit(rgb: Pixels, aim: tuple[float, ...]) -> Pixels:
    luma = np.asarray(Image.fromarray(rgb).convert("L")).astype(np.float32) / 255
    luminance, contrast = (
        float(wanted) if np.isfinite(wanted) else float(own)
        for wanted, own in zip(aim, (luma.mean(), luma.std()), strict=True)
    )
    return _equalised(rgb, Level(luminance, contrast, 0.0))


def _made_sharp(rgb: Pixels, aim: float) -> Pixels:
    """Fine detail raised or lowered until the photo is as sharp as `aim`, or as near to it as detail allows."""
    values = rgb.astype(np.float32)
    radius = _FINE * (rgb.shape[0] + rgb.shape[1]) / 2
    soft = np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius))).astype(np.float32)
    low, high, made = -1.0, _MOST_DETAIL, rgb
    for _step in range(7):
        amount = (low + high) / 2
        made = np.rint(np.clip(values + np.float32(amount) * (values - soft), 0, 255)).astype(np.uint8)
        low, high = (amount, high) if image_quality(made).sharpness < aim else (low, amount)
    return np.asarray(made)


def _sharpened(rgb: Pixels, level: Level) -> Pixels:
    """Soft photos only: to sharp ones nothing is done."""
    return rgb if image_quality(rgb).sharpness >= level.sharpness else _made_sharp(rgb, level.sharpness)


_ADDED: dict[str, Callable[[Pixels, tuple[float, ...]], Pixels]] = {
    "grey": _cast,
    "equalised": _relit,
    "blurred": lambda rgb, aim: _made_sharp(rgb, aim[0]),
    "sharpened": lambda rgb, aim: _made_sharp(rgb, aim[0]),
}


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
    "sharpened": _sharpened,
    "re-encoded": _reencoded,
}
"""In the order of the pages."""


def is_grey(images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """(n,) photos without any colour, so that making them grey changes nothing; `images` as in an analysis."""
    return np.asarray(images["colourfulness"].to_numpy(dtype=np.float64) == 0.0)


def typical_level(images: pd.DataFrame) -> Level:
    """The median brightness, contrast and sharpness of a test set."""
    return Level(*(float(images[name].median()) for name in ("luminance", "contrast", "sharpness")))
