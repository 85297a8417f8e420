"""Properties of the photo itself, which may explain an error or give a label away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = [
    "JPEG_BLOCK",
    "QUALITY_COLUMNS",
    "WORKING_SIZE",
    "Quality",
    "blockiness",
    "image_quality",
    "noise",
    "sharpness",
]

WORKING_SIZE = 128
"""Side in pixels at which every photo is measured: sharpness would otherwise depend on the number of
pixels."""

JPEG_BLOCK = 8
"""Pixels along a side."""

_HASHED = 32
_MOST_NATIVE = 32 * JPEG_BLOCK


@dataclass(frozen=True)
class Quality:
    """What can be said of a photo without knowing what it shows.

    Attributes
    ----------
    sharpness
        Variance of the Laplacian of the luma (0..255) at the working size; a blurred or enlarged photo is
        low.
    noise
        Standard deviation of the noise of the luma (0..255) at the working size, from where the picture is even.
    blockiness
        How much larger the luma's steps are across the borders of JPEG's blocks than elsewhere, as a ratio: about 1
        without blocks. Of the photo as it was stored, because scaling hides the borders; NaN where it is too small.
    luminance
        Mean luma, 0 black..1 white.
    contrast
        Standard deviation of the luma, 0..0.5.
    colourfulness
        Hasler & Süsstrunk (2003) on channels scaled to 0..1: 0 grey, about .1 slight, above .4 very strong.
    red_green, yellow_blue
        Colour cast, on the axes of colourfulness: means of R - G and of (R + G) / 2 - B, -1..1; 0 without a cast.
    perceptual_hash
        64 bits as 16 hex digits: copies that were resized, re-encoded or slightly retouched differ in few bits.
    """

    sharpness: float
    noise: float
    blockiness: float
    luminance: float
    contrast: float
    colourfulness: float
    red_green: float
    yellow_blue: float
    perceptual_hash: str


QUALITY_COLUMNS = tuple(field.name for field in fields(Quality))
"""Each is a column of the images table."""


def image_quality(samples: npt.NDArray[np.uint8]) -> Quality:
    """Measure one decoded photo.

    Parameters
    ----------
    samples
        (H, W, 3) uint8 RGB, or (H, W) where all three are equal: the same numbers for less work.

    Raises
    ------
    ValueError
        Another shape or type, or no pixels.
    """
    if samples.ndim not in (2, 3) or samples.shape[2:] not in ((), (3,)) or samples.dtype != np.uint8:
        raise ValueError(f"expected (H, W, 3) or (H, W) uint8 pixels, found shape {samples.shape} of {samples.dtype}")
    if not samples.size:
        raise ValueError(f"expected at least one pixel, found shape {samples.shape}")
    (red, green, blue), luma = _planes(samples)
    colour = _colour(red, green, blue) if samples.ndim == 3 else (0.0, 0.0, 0.0)
    return Quality(
        sharpness=_sharpness(luma),
        noise=_noise(luma),
        blockiness=blockiness(samples),
        luminance=float(luma.mean() / 255),
        contrast=float(luma.std() / 255),
        colourfulness=colour[0],
        red_green=colour[1],
        yellow_blue=colour[2],
        perceptual_hash=_perceptual_hash(luma),
    )


def sharpness(samples: npt.NDArray[np.uint8]) -> float:
    """See `Quality`, and `image_quality` for the samples."""
    return _sharpness(_planes(samples)[1])


def noise(samples: npt.NDArray[np.uint8]) -> float:
    """See `Quality`, and `image_quality` for the samples."""
    return _noise(_planes(samples)[1])


def _planes(samples: npt.NDArray[np.uint8]) -> tuple[Sequence[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """Red, green and blue at the working size, and the luma."""
    # Reducing by whole factors first makes a photo of several megapixels about as quick as a small one.
    small = Image.fromarray(samples).resize((WORKING_SIZE, WORKING_SIZE), Image.Resampling.BILINEAR, reducing_gap=1.0)
    # One plane after the other in memory: arithmetic on every third byte takes twice as long.
    planes = np.asarray(small).reshape(WORKING_SIZE, WORKING_SIZE, -1).transpose(2, 0, 1).astype(np.float32, order="C")
    red, green, blue = planes if len(planes) == 3 else (planes[0],) * 3
    return (red, green, blue), np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue


def _sharpness(luma: npt.NDArray[np.float32]) -> float:
    middle = luma[1:-1, 1:-1]
    return float((luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * middle).var())


def blockiness(samples: npt.NDArray[np.uint8]) -> float:
    """See `Quality`; the middle of a large photo stands for all of it."""
    starts = [max(0, (side - _MOST_NATIVE) // 2 // JPEG_BLOCK * JPEG_BLOCK) for side in samples.shape[:2]]
    part = samples[starts[0] : starts[0] + _MOST_NATIVE, starts[1] : starts[1] + _MOST_NATIVE]
    if min(part.shape[:2]) < 3 * JPEG_BLOCK:
        return float("nan")
    luma = np.asarray(Image.fromarray(np.ascontiguousarray(part)).convert("L")).astype(np.float32)
    ratios = []
    for plane in (luma, luma.T):
        steps = np.abs(np.diff(plane, axis=1)).mean(axis=0)
        across = np.arange(len(steps)) % JPEG_BLOCK == JPEG_BLOCK - 1
        # One level is added to both, so that an even photo has no ratio of next to nothing.
        ratios.append((float(steps[across].mean()) + 1) / (float(steps[~across].mean()) + 1))
    return float(np.mean(ratios))


def _noise(luma: npt.NDArray[np.float32]) -> float:
    """Standard deviation of the noise, from second differences of second differences (Immerkær 1996).

    These hold no edge that is straight along an axis. Of the values the lower half counts, which lies where nothing is
    to be seen; of normal noise its mean is .3246 standard deviations of the values, and these are six of the noise's.
    """
    rows = luma[:-2] - 2 * luma[1:-1] + luma[2:]
    both = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]).ravel()
    half = len(both) // 2
    return float(np.partition(both, half)[:half].mean() / (6 * 0.3246))


def _colour(
    red: npt.NDArray[np.float32], green: npt.NDArray[np.float32], blue: npt.NDArray[np.float32]
) -> tuple[float, float, float]:
    """Colourfulness and the mean of both opponent channels."""
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    cast = red_green.mean() / 255, yellow_blue.mean() / 255
    return float(spread / 255 + 0.3 * np.hypot(*cast)), float(cast[0]), float(cast[1])


def _perceptual_hash(luma: npt.NDArray[np.float32]) -> str:
    """Signs of the 64 lowest frequencies (without the mean) against their median: "pHash", Zauner 2010, section 3.2."""
    small = luma.reshape(_HASHED, WORKING_SIZE // _HASHED, _HASHED, -1).mean(axis=(1, 3))
    basis = _cosines()
    low = basis @ small @ basis.T  # (9, 9) from the mean on
    kept = low[1:, 1:].ravel()
    return np.packbits(kept > np.median(kept)).tobytes().hex()


@lru_cache(maxsize=1)
def _cosines() -> npt.NDArray[np.float32]:
    """(9, 32) first rows of the discrete cosine transform, unscaled: only signs against a median are used."""
    k, i = np.arange(9)[:, None], np.arange(_HASHED)[None, :]
    return np.cos(np.pi * k * (2 * i + 1) / (2 * _HASHED)).astype(np.float32)
