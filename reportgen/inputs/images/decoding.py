"""Decoding one image to RGB pixels the way a person would expect to see it, and saying what that took."""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from reportgen.errors import DataError

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "ORIGIN_COLUMNS",
    "SUFFIXES",
    "Decoded",
    "Header",
    "decode",
    "read_file",
    "read_header",
]

ORIGIN_COLUMNS = ("camera", "software", "taken", "jpeg_tables")
"""What a file says of where it comes from, as in `Decoded`."""

# Formats of photographs only: every further decoder of Pillow would be code that untrusted files can reach.
# Their plug-ins are named here because `Image.open(formats=...)` knows only those that are already
# imported. The JPEG one also opens phones' MPO files, as their first picture.
_PLUGINS = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
    BmpImagePlugin.BmpImageFile,
    GifImagePlugin.GifImageFile,
    TiffImagePlugin.TiffImageFile,
    PpmImagePlugin.PpmImageFile,
)
FORMATS = tuple(plugin.format for plugin in _PLUGINS)
SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
)
MAX_PIXELS = 64_000_000
_LARGEST = 1 << 29  # bytes of an image file: the largest image accepted, uncompressed, is smaller
_STANDARD_LUMA_SUM = 3688  # of the example table in ITU-T T.81, annex K, which the IJG's quality scales
_ORIENTATION = 0x0112
_DAY = re.compile(r"(\d{4}):(\d{2}):(\d{2})")  # as EXIF writes it
_LONGEST_LINE = 60  # characters kept of a text of the EXIF data
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_GREY_MODES = frozenset({"L", "1", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})


def ignore_remarks() -> None:
    """Keep Pillow's warnings about odd files off the terminal: such files are read, or refused with the reason."""
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


ignore_remarks()


@dataclass(frozen=True)
class Decoded:
    """An image as pixels, upright.

    Attributes
    ----------
    samples
        uint8; (height, width) where red, green and blue are equal everywhere, because a third of the values is a
        third of the work for everything that follows; else (height, width, 3), RGB.
    width, height
        In pixels, after any rotation.
    notes
        What decoding had to do, in words: "grey", "EXIF-rotated", "alpha on white", "palette", "CMYK",
        "16-bit scaled", "32-bit scaled", "float scaled", "first of 12 frames". Empty for a plain RGB image.
    format
        As Pillow names it: "JPEG", "PNG" ...
    jpeg_quality
        1..100, estimated from the file's quantisation table; NaN for other formats.
    camera, software, taken
        What the EXIF data say, "" where nothing: make and model; the program that wrote the file; the day, as in
        "2019-05-17". Nothing else of them is read, such as places or serial numbers.
    jpeg_tables
        Eight hex digits that name the quantisation tables, which tell encoders of one quality apart; "" for other
        formats.
    """

    samples: npt.NDArray[np.uint8]
    width: int
    height: int
    notes: tuple[str, ...]
    format: str = ""
    jpeg_quality: float = math.nan
    camera: str = ""
    software: str = ""
    taken: str = ""
    jpeg_tables: str = ""

    @cached_property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """(height, width, 3) RGB, whatever the samples are."""
        return self.samples if self.samples.ndim == 3 else np.repeat(self.samples[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class Header:
    """What a file says of itself without being decoded; width and height before any rotation."""

    format: str
    mode: str
    width: int
    height: int


def decode(data: bytes | Path) -> Decoded:
    """Decode an image to upright RGB.

    The pixels of plain RGB and grey images are exactly `np.asarray(Image.open(f).convert("RGB"))`. Otherwise: EXIF
    orientation is applied; transparency is laid on white; of animations and multi-page files the first
    frame is taken; 16-bit and 32-bit integers are scaled by their full range, not per image, so that
    brightness stays comparable; floats are read as 0..1 where they fit, else as 0..255 where they fit, else
    stretched between their extremes.

    Parameters
    ----------
    data
        The file's content, or its path.

    Raises
    ------
    DataError
        The file is missing, empty, no image of an accepted format, damaged, truncated or too large.
    """
    try:
        with _open(data) as image:
            _check_size(image, data)
            return _decode(image)
    except DataError:
        raise
    except Exception as error:
        # Damaged files make decoders raise nearly anything (SyntaxError, struct.error, IndexError ...); one
        # bad image must never stop a build.
        raise _refusal(data, error) from None


def read_file(file: Path, name: str) -> bytes:
    """The content of an image file.

    Parameters
    ----------
    name
        What the user calls it.

    Raises
    ------
    DataError
        It cannot be read, or is larger than any image that is accepted.
    """
    try:
        size = file.stat().st_size
        if size > _LARGEST:
            raise DataError(f"{name}: {size / 1e9:.1f} GB, at most {_LARGEST / 1e9:.1f} GB are read")
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); check the file and its permissions") from None


def read_header(data: bytes | Path) -> Header:
    """Format and size from the first bytes; nothing is decoded.

    Raises
    ------
    DataError
        As for `decode`, except that damage behind the header stays unseen.
    """
    try:
        with _open(data) as image:
            _check_size(image, data)
            return Header(image.format or "", image.mode, image.width, image.height)
    except DataError:
        raise
    except Exception as error:
        raise _refusal(data, error) from None


def _open(data: bytes | Path) -> Image.Image:
    return Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=FORMATS)


def _check_size(image: Image.Image, data: bytes | Path) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"{_name(data)}: {image.width} x {image.height} pixels, at most {MAX_PIXELS:,} are accepted; "
            "make the image smaller"
        )


def _decode(image: Image.Image) -> Decoded:
    notes: list[str] = []
    frames = getattr(image, "n_frames", 1) if image.format in ("GIF", "PNG", "WEBP", "TIFF") else 1
    if frames > 1:
        notes.append(f"first of {frames} {'pages' if image.format == 'TIFF' else 'frames'}")
    turn: Image.Transpose | None = None
    camera = software = taken = ""
    # Asking only where there is EXIF data (TIFF keeps it in its own tags) spares plain files the parsing.
    if "exif" in image.info or image.format == "TIFF":
        turn = _TURNS.get(_orientation(image))
        camera, software, taken = _made_by(image)
    if image.mode in _GREY_MODES:
        notes.append("grey")
    plain = image.mode in ("RGB", "L") and "transparency" not in image.info
    upright = image if plain else _to_rgb(image, notes)
    if turn is not None:
        upright = upright.transpose(turn)
        notes.append("EXIF-rotated")
    samples = _without_copies(np.asarray(upright))
    return Decoded(
        samples,
        upright.width,
        upright.height,
        tuple(notes),
        image.format or "",
        _jpeg_quality(image),
        camera,
        software,
        taken,
        _jpeg_tables(image),
    )


def _without_copies(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """One channel where all three are equal."""
    if pixels.ndim == 2:
        return pixels
    # A few pixels tell nearly every colour photo at once; only then is it worth comparing all.
    for part in (pixels[::37, ::11], pixels):
        red = part[:, :, 0]
        if not (np.array_equal(red, part[:, :, 1]) and np.array_equal(red, part[:, :, 2])):
            return pixels
    return np.ascontiguousarray(pixels[:, :, 0])


def _orientation(image: Image.Image) -> Any:
    """What the EXIF data say, None where they cannot be read: broken ones do not make the pixels wrong."""
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # as with pixels, damage makes the parser raise nearly anything
        return None


def _made_by(image: Image.Image) -> tuple[str, str, str]:
    """Camera, software and day, each "" where the EXIF data do not say; broken ones say nothing."""
    try:
        exif = image.getexif()
        make, model = (_line(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
        taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        day = _DAY.match(_line(taken or exif.get(ExifTags.Base.DateTime)))
        # Most models repeat their make.
        camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
        software = _line(exif.get(ExifTags.Base.Software))
    except Exception:  # as with pixels, damage makes the parser raise nearly anything
        return "", "", ""
    return camera, software, "-".join(day.groups()) if day else ""


def _line(value: Any) -> str:
    """A text of the EXIF data as one line of printable characters, cut where it is long; "" for anything else."""
    text = value if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_LINE]


def _jpeg_tables(image: Image.Image) -> str:
    """See `Decoded.jpeg_tables`."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return ""
    content = repr([list(tables[k]) for k in sorted(tables)]).encode()
    return hashlib.sha256(content).hexdigest()[:8]


def _jpeg_quality(image: Image.Image) -> float:
    """The Independent JPEG Group's 1..100 whose luma table has the same mean: sum of its standard table is 3,688."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return math.nan
    scale = 100.0 * sum(tables[min(tables)]) / _STANDARD_LUMA_SUM
    return float(np.clip(5000.0 / scale if scale > 100 else (200.0 - scale) / 2, 1, 100))


def _to_rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """RGB from any mode but plain RGB and L; appends what it did to `notes`."""
    mode = image.mode
    if mode == "P":
        notes.append("palette")
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if rgba.getchannel("A").getextrema() == (255, 255):
            return rgba.convert("RGB")
        notes.append("alpha on white")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    if mode.startswith("I") or mode == "F":
        grey, note = _scale(np.asarray(image))
        notes.append(note)
        return Image.fromarray(grey).convert("RGB")
    if mode == "CMYK":
        notes.append("CMYK")
    return image.convert("RGB")


def _scale(values: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.uint8], str]:
    """Single-channel values of 16 or 32 bits as 0..255, and the note that says so."""
    raw = values.astype(np.float64)
    if values.dtype.kind == "f":
        finite = raw[np.isfinite(raw)]
        if finite.size == 0:
            raise ValueError("no finite pixel value")
        low, high = float(finite.min()), float(finite.max())
        raw = np.nan_to_num(raw, nan=low, posinf=high, neginf=low)
        if low >= 0 and high <= 1:
            raw = raw * 255
        elif low < 0 or high > 255:
            raw = (raw - low) * (255 / (high - low))
        note = "float scaled"
    elif values.dtype.itemsize == 2 or raw.max() <= 65535:
        # Pillow hands 16-bit PNG files over as 32-bit integers in some versions: the range decides, not the
        # type.
        raw, note = raw / 257, "16-bit scaled"
    else:
        raw, note = raw * (255 / (2**32 - 1)), "32-bit scaled"
    return np.clip(np.rint(raw), 0, 255).astype(np.uint8), note


def _name(data: bytes | Path) -> str:
    return "image" if isinstance(data, bytes) else data.name


def _refusal(data: bytes | Path, error: Exception) -> DataError:
    name = _name(data)
    if isinstance(error, FileNotFoundError):
        return DataError(f"{name}: no such file; correct its path or remove it from the list")
    if isinstance(error, PermissionError):
        return DataError(f"{name}: may not be read; correct its permissions")
    empty = len(data) == 0 if isinstance(data, bytes) else data.is_file() and data.stat().st_size == 0
    if empty:
        return DataError(f"{name}: the file is empty; copy it again or remove it from the list")
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return DataError(
            f"{name}: its header announces far more than the {MAX_PIXELS:,} pixels that are accepted; make it smaller"
        )
    if isinstance(error, UnidentifiedImageError):
        return DataError(f"{name}: not an image of an accepted format ({', '.join(FORMATS)}); convert it, e.g. to PNG")
    return DataError(f"{name}: damaged or truncated ({error or type(error).__name__}); copy it again or remove it")
