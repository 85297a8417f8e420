"""What photos look like in a common frame: faces in the frame of the median face, and spectra of whole photos.

In such a frame the photos of an emotion can be averaged: what is at one place in most of them stays, and what differs
from photo to photo fades. A patch of such a mean can be laid back into a photo, and a spectrum be given to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.faces.warp import transform

__all__ = [
    "FRAME",
    "LUMA",
    "MARGIN",
    "Looks",
    "aligned",
    "frequencies",
    "into_frame",
    "lay",
    "log_power",
    "look_of",
    "tone",
    "with_power",
]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

FRAME = 80
"""Side of the common frame in pixels."""

MARGIN = 0.35
"""How far the frame reaches beyond the median face's crop, on each side, as a share of the crop's."""

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in the luma (ITU-R BT.601)."""

_BIN = 3  # frequencies along each axis whose power is summed
_LEAST_TONE = 20  # pixels of plain skin


@dataclass(frozen=True)
class Looks:
    """Some photos in the common frame.

    Attributes
    ----------
    rows
        (m,) of the analysis.
    faces
        (m, FRAME, FRAME, 4) uint8: red, green, blue, and 255 where the frame lies inside the photo; 0 throughout for
        a photo without a face.
    patterns
        (m, h, w) float32, see `log_power`.
    side
        Of the photos whose spectra these are, in pixels.
    """

    rows: npt.NDArray[np.int64]
    faces: Pixels
    patterns: Floats
    side: int


def _to_photo(affine: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    """(3, 3) from the frame's pixels to the photo's; `affine` (2, 3) as in `faces.align.face_affines`."""
    step = (1 + 2 * MARGIN) / FRAME
    to_crop = np.array([[step, 0.0, -MARGIN], [0.0, step, -MARGIN], [0.0, 0.0, 1.0]])
    from_crop = np.linalg.inv(np.vstack([affine, [0.0, 0.0, 1.0]]))
    return np.asarray(np.diag([float(width), float(height), 1.0]) @ from_crop @ to_crop)


def into_frame(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Points of the median face's crop, (k, 2) fractions, as fractions of the frame."""
    return np.asarray((points + MARGIN) / (1 + 2 * MARGIN), dtype=np.float64)


def aligned(rgb: Pixels, affine: npt.NDArray[np.float64]) -> Pixels:
    """A photo (H, W, 3) in the frame, (FRAME, FRAME, 4), as in `Looks.faces`.

    Parameters
    ----------
    affine
        (2, 3) from fractions of the photo to the median face's crop; NaN for a photo without a face.
    """
    if not np.isfinite(affine).all():
        return np.zeros((FRAME, FRAME, 4), dtype=np.uint8)
    height, width = rgb.shape[:2]
    matrix = _to_photo(affine, height, width)[:2]
    colours = np.asarray(transform(Image.fromarray(rgb), matrix, FRAME, FRAME))
    whole = Image.new("L", (width, height), 255)
    inside = np.asarray(transform(whole, matrix, FRAME, FRAME)) == 255
    return np.dstack([colours, np.where(inside, np.uint8(255), np.uint8(0))])


def tone(face: Pixels, skin: npt.NDArray[np.bool_]) -> Floats:
    """(3,) median colour of a face's plain skin, 0..255; NaN where too little of it is in the photo.

    Parameters
    ----------
    face
        (FRAME, FRAME, 4), see `aligned`.
    skin
        (FRAME, FRAME) where skin is.
    """
    seen = face[skin & (face[:, :, 3] == 255), :3]
    return np.asarray(np.median(seen, axis=0) if len(seen) >= _LEAST_TONE else np.full(3, np.nan), dtype=np.float32)


def look_of(face: Pixels, skin: npt.NDArray[np.bool_], otherwise: Floats) -> Floats:
    """(FRAME, FRAME, 3) difference of an aligned face from the tone of its skin; `otherwise` where it is not in the
    photo, or all of it where its tone is not known.
    """
    own = tone(face, skin)
    if not np.isfinite(own).all():
        return otherwise
    inside = (face[:, :, 3] == 255)[:, :, None]
    return np.asarray(np.where(inside, face[:, :, :3] - own, otherwise), dtype=np.float32)


def lay(
    rgb: Pixels, affine: npt.NDArray[np.float64], look: Floats, weight: Floats, skin: npt.NDArray[np.bool_]
) -> Pixels:
    """A photo with a patch of a mean face laid over its own face, in the photo's own tone.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8.
    affine, skin
        As for `aligned` and `tone`.
    look
        (FRAME, FRAME, 3) difference from the tone of the skin, -255..255.
    weight
        (FRAME, FRAME) 0..1: how much of the patch is laid over.

    Returns
    -------
    (H, W, 3) uint8; the photo itself where it has no face, or too little skin in the picture.
    """
    if not np.isfinite(affine).all():
        return rgb
    own = tone(aligned(rgb, affine), skin)
    if not np.isfinite(own).all():
        return rgb
    height, width = rgb.shape[:2]
    back = np.linalg.inv(_to_photo(affine, height, width))[:2].ravel().tolist()

    def placed(values: Floats) -> Floats:
        plane = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
        moved = plane.transform((width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        return np.asarray(moved, dtype=np.float32)

    share = placed(weight)[:, :, None]
    patch = np.stack([placed(look[:, :, k] + own[k]) for k in range(3)], axis=2)
    return np.asarray(np.rint(np.clip(rgb * (1 - share) + patch * share, 0, 255)), dtype=np.uint8)


def log_power(rgb: Pixels) -> Floats:
    """Logarithm of the power of a photo's luma, summed over squares of 3 x 3 frequencies.

    Parameters
    ----------
    rgb
        (S, S, 3) uint8.

    Returns
    -------
    (h, w) float32
        Rows from the lowest vertical frequency, -1/2 per pixel, to the highest; columns from 0 to 1/2 per pixel.
    """
    rows, columns = _bins(len(rgb))
    return np.asarray(np.log(_binned(np.abs(_spectrum(rgb)) ** 2, rows, columns) + 1.0), dtype=np.float32)


def frequencies(side: int) -> tuple[Floats, Floats]:
    """The vertical and the horizontal frequency in the middle of each bin of `log_power`, (h,) and (w,), in cycles per
    pixel of a photo of this side.
    """
    rows, columns = _bins(side)
    vertical = np.bincount(rows, np.fft.fftfreq(side)) / np.bincount(rows)
    horizontal = np.bincount(columns, np.arange(len(columns)) / side) / np.bincount(columns)
    return vertical.astype(np.float32), horizontal.astype(np.float32)


def with_power(rgb: Pixels, power: Floats, weight: Floats) -> Pixels:
    """A photo whose luma has a given power at some frequencies; what it shows stays where it is.

    Parameters
    ----------
    rgb
        (S, S, 3) uint8.
    power
        (h, w) as `log_power` gives it.
    weight
        (h, w) 0..1: how far the photo's own power moves there.
    """
    rows, columns = _bins(len(rgb))
    spectrum = _spectrum(rgb)
    own = np.log(_binned(np.abs(spectrum) ** 2, rows, columns) + 1.0)
    gain = np.exp(weight * (power - own) / 2)[rows[:, None], columns[None, :]]
    change = np.fft.irfft2(spectrum * (gain - 1.0), s=rgb.shape[:2])
    return np.asarray(np.rint(np.clip(rgb + change[:, :, None], 0, 255)), dtype=np.uint8)


def _spectrum(rgb: Pixels) -> npt.NDArray[np.complex128]:
    luma = rgb.astype(np.float32) @ LUMA
    return np.asarray(np.fft.rfft2(luma - luma.mean()))


@lru_cache(maxsize=8)
def _bins(side: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The bin of every vertical and of every horizontal frequency, in the order of `numpy.fft.rfft2`."""
    vertical = np.fft.ifftshift(np.arange(side) // _BIN)
    return vertical.astype(np.int64), (np.arange(side // 2 + 1) // _BIN).astype(np.int64)


def _binned(
    power: npt.NDArray[np.float64], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Mean power of every bin."""
    shape = int(rows.max()) + 1, int(columns.max()) + 1
    place = (rows[:, None] * shape[1] + columns[None, :]).ravel()
    total = np.bincount(place, power.ravel(), shape[0] * shape[1])
    return np.asarray((total / np.bincount(place, minlength=len(total))).reshape(shape))
