"""The pictures of the mined examples: original, model input, heat, overlay, and for errors both classes.

Every file name carries a hash of all that the picture was made from, so an unchanged picture of the last site is taken
over byte by byte instead of being drawn again. Files hold pixels only: no EXIF, no profile, no time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.analysis import ModelRecords, content_hash
from reportgen.cell_grid import CellGrid
from reportgen.site.pictures.overlays import (
    blend_classic,
    blend_difference,
    blend_heat,
    display_maps,
    fit_within,
    heat_picture,
    resize,
)

__all__ = ["ImagePictures", "ModelPictures", "Picture", "PictureStyle", "draw_image", "encode_webp", "save_picture"]

Pixels = npt.NDArray[np.uint8]
Save = Callable[[str, bytes], None]

_VERSION = "1"


@dataclass(frozen=True)
class Picture:
    """One picture file: its path from the site's root and its size in pixels."""

    path: str
    width: int
    height: int


@dataclass(frozen=True)
class ModelPictures:
    """The pictures of one model's maps on one image.

    Attributes
    ----------
    heat, overlay
        The predicted class, on its own scale (shared with `truth` where there is one).
    truth, difference
        Errors only: the labelled class on the same scale, and where which of the two outweighs the other.
    """

    heat: Picture
    overlay: Picture
    truth: Picture | None
    difference: Picture | None


@dataclass(frozen=True)
class ImagePictures:
    """All pictures of one image; `models` in the order of the analysis."""

    original: Picture
    prepared: Picture
    models: tuple[ModelPictures, ...]


@dataclass(frozen=True)
class PictureStyle:
    """How pictures are drawn.

    Attributes
    ----------
    longest
        Longer side of original and overlays, pixels.
    quality
        WebP quality, 0..100.
    """

    colormap: str = "inferno"
    classic: bool = False
    longest: int = 288
    quality: int = 78

    @property
    def map_name(self) -> str:
        """The colour map in use; the classic overlay brings its own."""
        return "jet" if self.classic else self.colormap

    def key(self) -> str:
        """Everything that changes a picture's pixels besides the image and its map."""
        return f"{_VERSION}|{self.map_name}|{self.classic}|{self.longest}|{self.quality}"


def encode_webp(pixels: Pixels, quality: int) -> bytes:
    """Lossy WebP without any metadata; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue()


def save_picture(pixels: Pixels, name: str, quality: int, save: Save) -> Picture:
    """Save a picture as WebP under `name` and a hash of its content."""
    content = encode_webp(pixels, quality)
    path = f"pictures/{name}-{content_hash(content)[:10]}.webp"
    save(path, content)
    return Picture(path, pixels.shape[1], pixels.shape[0])


def draw_image(
    row: int,
    image_id: str,
    sha256: str,
    label: int,
    pixels: Pixels,
    models: tuple[ModelRecords, ...],
    style: PictureStyle,
    known: Mapping[str, bytes],
    save: Save,
) -> ImagePictures:
    """Draw and save all pictures of one image.

    Parameters
    ----------
    row, image_id, sha256, label
        The image's row in the analysis, its id, the hash of its file, and its label (-1: none).
    pixels
        (H, W, 3) the decoded original.
    known
        Pictures of the last site by path; one with the same name is the same picture.
    save
        Called with path and content for every picture.

    Returns
    -------
    ImagePictures
        Paths relative to the site's root.
    """
    height, width = fit_within(pixels.shape[0], pixels.shape[1], style.longest)
    shown: Pixels | None = None

    def base() -> Pixels:
        nonlocal shown
        if shown is None:
            shown = resize(pixels, height, width)
        return shown

    def keep(kind: str, made_from: tuple[bytes, ...], size: tuple[int, int], draw: Callable[[], Pixels]) -> Picture:
        key = content_hash(style.key(), kind, sha256, f"{size}", *made_from)[:10]
        path = f"pictures/{image_id}-{kind}-{key}.webp"
        content = known.get(path)
        save(path, content if content is not None else encode_webp(draw(), style.quality))
        return Picture(path, size[1], size[0])

    size = (height, width)
    original = keep("original", (), size, base)
    input_size = _input_size(models)
    prepared = keep("input", (), input_size, lambda: resize(pixels, *input_size))
    drawn = []
    for model in models:
        predicted = int(model.predicted[row])
        wrong = label >= 0 and predicted != label
        raw = model.maps[row, [predicted, label] if wrong else [predicted]]
        made_from = (raw.tobytes(), f"{raw.shape} {model.grid}".encode())
        layers = _Layers(raw, model.grid, base, height, width, style)
        slug = model.slug
        drawn.append(
            ModelPictures(
                heat=keep(f"{slug}-heat", made_from, size, layers.heat),
                overlay=keep(f"{slug}-overlay", made_from, size, layers.overlay),
                truth=keep(f"{slug}-truth", made_from, size, layers.truth) if wrong else None,
                difference=keep(f"{slug}-difference", made_from, size, layers.difference) if wrong else None,
            )
        )
    return ImagePictures(original, prepared, tuple(drawn))


class _Layers:
    """The pictures of one model's maps on one image, drawn only when asked for."""

    def __init__(
        self,
        raw: npt.NDArray[np.float32],
        grid: CellGrid,
        base: Callable[[], Pixels],
        height: int,
        width: int,
        style: PictureStyle,
    ) -> None:
        self._raw, self._grid, self._base, self._size, self._style = raw, grid, base, (height, width), style

    @cached_property
    def _evidence(self) -> npt.NDArray[np.float32]:
        return display_maps(self._raw, *self._size, self._grid)

    def _blend(self, index: int) -> Pixels:
        if self._style.classic:
            return blend_classic(self._base(), self._evidence[index])
        return blend_heat(self._base(), self._evidence[index], self._style.colormap)

    def heat(self) -> Pixels:
        return heat_picture(self._evidence[0], self._style.map_name)

    def overlay(self) -> Pixels:
        return self._blend(0)

    def truth(self) -> Pixels:
        return self._blend(1)

    def difference(self) -> Pixels:
        return blend_difference(self._base(), self._evidence[0], self._evidence[1])


def _input_size(models: tuple[ModelRecords, ...]) -> tuple[int, int]:
    height, width = models[0].info.get("input", (224, 224))
    return int(height), int(width)
