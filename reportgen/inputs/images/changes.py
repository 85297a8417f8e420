"""Photos with one property taken away, or put in: what they show stays, how they were taken or stored does not."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageFilter

from reportgen.analysis import FaceRecords
from reportgen.faces.pose import measure_pose, pose_table
from reportgen.faces.regions import REGIONS, region_map
from reportgen.inputs.images.framing import FRAMING, move_neutrally, moved
from reportgen.inputs.images.quality import JPEG_BLOCK, blockiness, noise, sharpness

__all__ = [
    "CHANGES",
    "EVERYWHERE",
    "FRAMING",
    "NATIVE",
    "UNCHANGED",
    "AddedCue",
    "Level",
    "add",
    "aim_of",
    "can_change",
    "change",
    "neutral",
    "typical_level",
]

Pixels = npt.NDArray[np.uint8]
Points = npt.NDArray[np.floating]

UNCHANGED = "unchanged"

EVERYWHERE = "everywhere"
"""In place of a region: the whole photo is changed."""

_BLUR = 2 / 224
"""Standard deviation of the blur as a share of the side: what is left is about what a photo of 80 pixels holds, so
small and large, sharp and soft photos look alike, and brows, eyes and mouth stay plain."""

_QUALITY = 40
"""Low enough to cover the traces of any usual quality, high enough to leave the face as it is."""

_FINE = 1.5 / 224
"""Standard deviation, as a share of the side, of the blur whose difference from the photo is its fine detail."""

_MOST_DETAIL = 6.0

NATIVE = frozenset({"deblocked"})
"""Changes that are made to a photo as it was stored, before it is scaled: JPEG's blocks lie on its own pixels."""

_MOST_STEP = 24.0

_FLAT = 12 / 224
"""Standard deviation, as a share of the side, of the blur that flattens a background."""

_MOST_NOISE = 60.0  # standard deviation, 0..255

_GAIN = 4.0  # a nearly even picture would become all noise


@dataclass(frozen=True)
class Level:
    """What pictures are brought to.

    Attributes
    ----------
    luminance, contrast, sharpness, noise, blockiness
        Mean luma and its standard deviation, 0..1; the others as in `Quality`, NaN where not measured.
    eyes, x, y, roll
        Of the face, as in `Pose`; NaN where no photo has one.
    """

    luminance: float
    contrast: float
    sharpness: float
    noise: float = math.nan
    blockiness: float = math.nan
    eyes: float = math.nan
    x: float = math.nan
    y: float = math.nan
    roll: float = math.nan

    @property
    def marks(self) -> tuple[str, ...]:
        """What tells two levels apart, for the keys of answers on disk."""
        return tuple(f"{value:.6f}" for value in astuple(self))


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
        luma and its standard deviation, 0..1, NaN for what stays; for "blurred" and "sharpened" the sharpness; for
        "denoised" the noise; for "deblocked" the blockiness; for a change of `FRAMING` the face's measures, NaN for
        what stays.
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


def change(name: str, rgb: Pixels, level: Level, points: Points | None = None) -> Pixels:
    """A photo with one property taken away.

    Parameters
    ----------
    name
        One of `CHANGES`.
    rgb
        (H, W, 3) uint8; for a change of `NATIVE` as it was stored.
    level
        What photos are brought to.
    points
        (478, 2) landmarks, fractions of width and height. Without a face, what changes a face's place or its
        surroundings changes nothing.

    Returns
    -------
    (H, W, 3) uint8
    """
    return CHANGES[name](rgb, level, points)


def add(cue: AddedCue, rgb: Pixels, points: Points | None = None) -> Pixels:
    """A photo with a cue put in.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8.
    points
        As for `change`.

    Returns
    -------
    (H, W, 3) uint8

    Raises
    ------
    KeyError
        The cue is one that cannot be put in.
    """
    if cue.change in FRAMING:
        return _framed(cue.change, rgb, cue.aim, points)
    return _ADDED[cue.change](rgb, cue.aim)


def neutral(
    name: str, rgb: Pixels, changed: Pixels, aim: tuple[float, ...], points: Points | None, angle: float
) -> Pixels:
    """A photo changed as much as another changed version is, without the property.

    Where a face was moved the whole picture is shifted as far (`move_neutrally`); else light falls across it.

    Parameters
    ----------
    name
        The change that takes the property away, one of `CHANGES`.
    rgb, changed
        (H, W, 3) uint8.
    aim
        What `changed` was brought to; counts where a face was moved.
    points
        As for `change`.
    angle
        0 to 2 pi, drawn at random: the direction.
    """
    if name not in FRAMING:
        return _ramp(rgb, changed, angle)
    pose = None if points is None else measure_pose(points)
    return rgb if pose is None else move_neutrally(name, rgb, pose, aim, angle)


def aim_of(name: str, level: Level) -> tuple[float, ...]:
    """What a change of `FRAMING` brings faces to; empty for other changes."""
    return tuple(getattr(level, measure) for measure in FRAMING.get(name, ()))


def _framed(name: str, rgb: Pixels, aim: tuple[float, ...], points: Points | None) -> Pixels:
    pose = None if points is None else measure_pose(points)
    return rgb if pose is None else moved(name, rgb, pose, aim)


def _ramp(rgb: Pixels, changed: Pixels, angle: float) -> Pixels:
    """A photo with an even ramp of light across it, as far from the photo as another changed version is.

    The ramp leaves mean brightness, colour and fine detail as they are. Distance is the root mean square over pixels
    and channels; it gets lighter in the direction of `angle`.
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
    """Brought to this mean luma and this standard deviation of it; NaN for what stays.

    Only the luma is moved: colour is another property, and scaling all channels would fade or deepen it.
    """
    luma, blue, red = Image.fromarray(rgb).convert("YCbCr").split()
    values = np.asarray(luma).astype(np.float32)
    luminance, contrast = (
        255 * wanted if math.isfinite(wanted) else float(own)
        for wanted, own in zip(aim, (values.mean(), values.std()), strict=True)
    )
    # Where values clip, a second round comes closer to the aim.
    for _round in range(2):
        spread = float(values.std())
        gain = min(max(contrast / spread, 1 / _GAIN), _GAIN) if spread > 0 else 1.0
        values = np.clip((values - values.mean()) * np.float32(gain) + np.float32(luminance), 0, 255)
    light = Image.fromarray(np.rint(values).astype(np.uint8))
    return np.asarray(Image.merge("YCbCr", (light, blue, red)).convert("RGB"))


def _made_sharp(rgb: Pixels, aim: float) -> Pixels:
    """Fine detail raised or lowered until the photo is as sharp as `aim`, or as near to it as detail allows."""
    values = rgb.astype(np.float32)
    radius = _FINE * (rgb.shape[0] + rgb.shape[1]) / 2
    detail = values - np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius)))
    low, high, made = -1.0, _MOST_DETAIL, rgb
    for _step in range(7):
        amount = (low + high) / 2
        made = _plus(values, amount, detail)
        low, high = (amount, high) if sharpness(made) < aim else (low, amount)
    return np.asarray(made)


def _plus(values: npt.NDArray[np.float32], amount: float, away: npt.NDArray[np.float32]) -> Pixels:
    """`values` + `amount` x `away`, as pixels."""
    return _rounded(values + np.float32(amount) * away)


def _rounded(values: npt.NDArray[np.float32]) -> Pixels:
    """As pixels; `values` are written over, which is quicker than making new ones for every step."""
    np.rint(np.clip(values, 0, 255, out=values), out=values)
    return values.astype(np.uint8)


def _sharpened(rgb: Pixels, level: Level, _: Points | None) -> Pixels:
    """Soft photos only: to sharp ones nothing is done."""
    return rgb if sharpness(rgb) >= level.sharpness else _made_sharp(rgb, level.sharpness)


def _with_noise(rgb: Pixels, aim: float) -> Pixels:
    """Noise put in, or fine detail smoothed, until the photo is as noisy as `aim`, or as near to it as it gets.

    Smoothing mixes the photo with its median over 3 x 3 pixels, which leaves edges where they are. Noise is the same in
    all channels, so that it adds no colour; what it is depends on the picture alone.
    """
    if not math.isfinite(aim):
        return rgb
    values, smoothed = rgb.astype(np.float32), noise(rgb) > aim
    if smoothed:
        away = np.asarray(Image.fromarray(rgb).filter(ImageFilter.MedianFilter(3))).astype(np.float32) - values
    else:
        rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(rgb).data))
        away = rng.standard_normal((*rgb.shape[:2], 1)).astype(np.float32)
    low, high, made = 0.0, 1.0 if smoothed else _MOST_NOISE, rgb
    for _step in range(10):
        amount = (low + high) / 2
        made = _plus(values, amount, away)
        enough = (noise(made) > aim) != smoothed
        low, high = (low, amount) if enough else (amount, high)
    return np.asarray(made)


_ADDED: dict[str, Callable[[Pixels, tuple[float, ...]], Pixels]] = {
    "grey": _cast,
    "equalised": _relit,
    "deblocked": lambda rgb, aim: _with_blocks(rgb, aim[0]),
    "denoised": lambda rgb, aim: _with_noise(rgb, aim[0]),
    "blurred": lambda rgb, aim: _made_sharp(rgb, aim[0]),
    "sharpened": lambda rgb, aim: _made_sharp(rgb, aim[0]),
}


def _grey(rgb: Pixels, _level: Level, _: Points | None) -> Pixels:
    return np.asarray(Image.fromarray(rgb).convert("L").convert("RGB"))


def _blurred(rgb: Pixels, _level: Level, _: Points | None) -> Pixels:
    radius = _BLUR * (rgb.shape[0] + rgb.shape[1]) / 2
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius)))


def _reencoded(rgb: Pixels, _level: Level, _: Points | None) -> Pixels:
    return _encoded(rgb, _QUALITY)


def _encoded(rgb: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"))


def _with_blocks(rgb: Pixels, aim: float) -> Pixels:
    """Encoded anew, or smoothed across the borders of blocks, until these show as much as `aim`, or nearly."""
    own = blockiness(rgb)
    if not (math.isfinite(aim) and math.isfinite(own)):
        return rgb
    if own < aim:
        low, high, made = 1, 96, rgb
        while high - low > 1:
            quality = (low + high) // 2
            made = _encoded(rgb, quality)
            low, high = (quality, high) if blockiness(made) >= aim else (low, quality)
        return _encoded(rgb, low)
    amount_low, amount_high, made = 0.0, 1.0, rgb
    for _step in range(7):
        amount = (amount_low + amount_high) / 2
        made = _smoothed_borders(rgb, amount)
        amount_low, amount_high = (amount_low, amount) if blockiness(made) < aim else (amount, amount_high)
    return made


def _smoothed_borders(rgb: Pixels, amount: float) -> Pixels:
    """Steps across the borders of blocks, spread over four pixels; one too large for a block's is an edge and stays."""
    values = rgb.astype(np.float32)
    for _axis in range(2):
        end = values.shape[1] - 1
        after, before = values[:, JPEG_BLOCK:end:JPEG_BLOCK], values[:, JPEG_BLOCK - 1 : end - 1 : JPEG_BLOCK]
        step = after - before
        step = np.float32(amount) * np.where(np.abs(step) <= _MOST_STEP, step, 0)
        for place, share in ((-2, 0.2), (-1, 0.4), (0, -0.4), (1, -0.2)):
            values[:, JPEG_BLOCK + place : end + place : JPEG_BLOCK] += np.float32(share) * step
        values = values.transpose(1, 0, 2)
    return _rounded(values)


def _flattened(rgb: Pixels, _level: Level, points: Points | None) -> Pixels:
    """Detail off the face smoothed away; its light and colours stay, and nothing of the face flows into it."""
    if points is None:
        return rgb
    height, width = rgb.shape[:2]
    off = (region_map(points, height, width) == REGIONS.index("background")).astype(np.float32)
    wide, near = (
        [_blur_matrix(side, part * (height + width) / 2) for side in (height, width)] for part in (_FLAT, _FLAT / 6)
    )
    values = rgb.astype(np.float32)
    weight = np.maximum(wide[0] @ off @ wide[1].T, 1e-3)
    flat = np.stack([wide[0] @ (values[:, :, k] * off) @ wide[1].T / weight for k in range(3)], axis=2)
    share = (near[0] @ off @ near[1].T * off)[:, :, None]
    return np.asarray(np.rint(np.clip(values + share * (flat - values), 0, 255)).astype(np.uint8))


def _blur_matrix(side: int, spread: float) -> npt.NDArray[np.float32]:
    """(side, side) weights of a Gaussian blur along one axis; at the border those inside count for all."""
    place = np.arange(side, dtype=np.float32)
    weights = np.exp(-(((place[:, None] - place[None, :]) / np.float32(spread)) ** 2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _frame(name: str) -> Callable[[Pixels, Level, Points | None], Pixels]:
    return lambda rgb, level, points: _framed(name, rgb, aim_of(name, level), points)


CHANGES: dict[str, Callable[[Pixels, Level, Points | None], Pixels]] = {
    "grey": _grey,
    "equalised": lambda rgb, level, _: _relit(rgb, (level.luminance, level.contrast)),
    "blurred": _blurred,
    "sharpened": _sharpened,
    "re-encoded": _reencoded,
    "deblocked": lambda rgb, level, _: _with_blocks(rgb, level.blockiness),
    "denoised": lambda rgb, level, _: _with_noise(rgb, level.noise),
    **{name: _frame(name) for name in FRAMING},
    "flattened": _flattened,
    "mirrored": lambda rgb, _level, _: np.ascontiguousarray(rgb[:, ::-1]),
}
"""In the order of the pages."""


def can_change(name: str, images: pd.DataFrame, faces: FaceRecords | None) -> npt.NDArray[np.bool_]:
    """(n,) photos that a change alters: a grey one made grey stays as it is, and without a face none is moved.

    Parameters
    ----------
    images, faces
        As in an analysis.
    """
    if name == "grey":
        return np.asarray(images["colourfulness"].to_numpy(dtype=np.float64) > 0.0)
    if name in FRAMING or name == "flattened":
        return np.isfinite(pose_table(faces)["eyes"]) if faces is not None else np.zeros(len(images), dtype=bool)
    return np.ones(len(images), dtype=bool)


def typical_level(images: pd.DataFrame, faces: FaceRecords | None) -> Level:
    """The medians of a test set; `images` and `faces` as in an analysis."""
    measured = [name for name in ("luminance", "contrast", "sharpness", "noise", "blockiness") if name in images]
    values = {name: images[name].to_numpy(dtype=np.float64) for name in measured}
    values |= {name: value for name, value in pose_table(faces).items() if name in ("eyes", "x", "y", "roll")}
    return Level(**{name: float(np.nanmedian(value)) for name, value in values.items() if np.isfinite(value).any()})
