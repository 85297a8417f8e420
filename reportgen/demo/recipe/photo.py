"""From a rendered head to a photo: background, sticker, tone, and what goes wrong with photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter

__all__ = ["Photo", "compose", "draw_photo", "paste_sticker"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

BACKGROUNDS = ("studio", "wall", "lights", "garden", "curtain", "shelf")


@dataclass(frozen=True)
class Photo:
    """How one photo was taken and treated.

    Attributes
    ----------
    background
        One of `BACKGROUNDS`; `seed` fixes its pattern.
    exposure
        Factor on the linear light.
    grey
        Stored without colour.
    small
        Side in pixels of the copy that was scaled up again; 0 for none.
    blur
        Sigma in pixels of 224; 0 for none.
    noise
        Sigma of the sensor's noise in grey levels.
    """

    background: str
    seed: int
    exposure: float
    grey: bool
    small: int
    blur: float
    noise: float


def draw_photo(rng: np.random.Generator) -> Photo:
    """Draw the treatment of one photo: about one in six is grey, small or blurred."""
    trouble = rng.random()
    return Photo(
        background=str(rng.choice(BACKGROUNDS)),
        seed=int(rng.integers(2**31)),
        exposure=float(rng.uniform(0.85, 1.15)),
        grey=bool(trouble < 0.08),
        small=int(rng.integers(56, 88)) if 0.08 <= trouble < 0.13 else 0,
        blur=float(rng.uniform(1.2, 2.0)) if 0.13 <= trouble < 0.17 else 0.0,
        noise=float(rng.uniform(0.8, 2.5)),
    )


def compose(rgba: NDArray[np.float32], photo: Photo, size: int, sticker: tuple[float, float] | None) -> Pixels:
    """Develop a photo.

    Parameters
    ----------
    rgba
        (s, s, 4) linear and premultiplied, any s.
    photo
        Treatment.
    size
        Side of the result.
    sticker
        Where the sticker goes, see `paste_sticker`; None for none.

    Returns
    -------
    Pixels
        (size, size, 3) uint8 sRGB.
    """
    rng = np.random.default_rng(photo.seed)
    behind = _background(photo.background, rng, rgba.shape[0])
    light = (rgba[..., :3] * _metered(rgba) + (1 - rgba[..., 3:]).clip(0, 1) * behind) * photo.exposure
    pixels = np.round(_developed(light) * 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    if size != rgba.shape[0]:
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    if sticker is not None:
        image = paste_sticker(image, sticker)
    if photo.small:
        side = max(8, round(photo.small * size / 224))
        image = image.resize((side, side), Image.Resampling.BOX).resize((size, size), Image.Resampling.BILINEAR)
    if photo.blur:
        image = image.filter(ImageFilter.GaussianBlur(photo.blur * size / 224))
    if photo.grey:
        image = image.convert("L").convert("RGB")
    values = np.asarray(image, dtype=float)
    grain = rng.normal(0, photo.noise, (size, size, 1))
    return np.clip(np.round(values + grain), 0, 255).astype(np.uint8)


def paste_sticker(image: Image.Image, place: tuple[float, float]) -> Image.Image:
    """Stick a round yellow label with a dark star into the upper left corner.

    Parameters
    ----------
    image
        RGB, any size.
    place
        x and y of the sticker's upper left corner in 224ths of the width; it is 38 wide.
    """
    scale, fine = image.width / 224, 4
    side = max(4, round(38 * scale))
    big = Image.new("RGBA", (side * fine, side * fine), (0, 0, 0, 0))
    draw = ImageDraw.Draw(big)
    edge = side * fine - 1
    draw.ellipse((0, 0, edge, edge), fill=(214, 150, 10, 255))
    rim = edge * 0.06
    draw.ellipse((rim, rim, edge - rim, edge - rim), fill=(255, 209, 41, 255))
    turn = np.arange(10) * np.pi / 5 - np.pi / 2
    reach = np.where(np.arange(10) % 2 == 0, 0.34, 0.145) * edge
    star = [(edge / 2 + r * np.cos(a), edge / 2 + r * np.sin(a)) for a, r in zip(turn, reach, strict=True)]
    draw.polygon(star, fill=(60, 42, 20, 255))
    label = big.resize((side, side), Image.Resampling.LANCZOS)
    out = image.convert("RGB").copy()
    out.paste(label, (round(place[0] * scale), round(place[1] * scale)), label)
    return out


def _metered(rgba: NDArray[np.float32]) -> float:
    """What a camera's light meter does, half-way: bright skin is held back, dark skin lifted a little."""
    brightness = rgba[..., :3].mean(axis=2)[rgba[..., 3] > 0.9]
    if not brightness.size:
        return 1.0
    return float(np.clip((0.42 / max(float(np.percentile(brightness, 85)), 1e-3)) ** 0.6, 0.5, 1.35))


def _developed(light: Floats) -> Floats:
    """Filmic shoulder, then the sRGB curve: highlights on skin roll off instead of clipping."""
    x = np.clip(light, 0, None) * 0.95
    toned = np.where(x < 0.6, x, 0.6 + 0.4 * (1 - np.exp(-(x - 0.6) / 0.4)))
    encoded: Floats = np.where(toned <= 0.0031308, toned * 12.92, 1.055 * toned ** (1 / 2.4) - 0.055)
    return np.clip(encoded, 0, 1)


def _background(kind: str, rng: np.random.Generator, size: int) -> Floats:
    """(size, size, 3) linear, out of focus."""
    y, x = np.mgrid[0:size, 0:size] / size
    tone = _tone(rng)
    picture = np.broadcast_to(tone, (size, size, 3)).copy()
    if kind == "studio":
        cx, cy = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.6)
        picture *= np.clip(1.35 - 1.5 * ((x - cx) ** 2 + (y - cy) ** 2), 0.25, None)[..., None]
    elif kind == "wall":
        edge = rng.uniform(0.25, 0.75)
        picture = np.where((x + 0.1 * y < edge)[..., None], tone, _tone(rng))
        picture = picture * (1.2 - 0.5 * y)[..., None]
    elif kind == "lights":
        picture *= 0.35
        for _ in range(int(rng.integers(9, 18))):
            cx, cy, r = rng.uniform(-0.05, 1.05), rng.uniform(-0.05, 0.8), rng.uniform(0.03, 0.09)
            glow = np.array([1.0, rng.uniform(0.5, 0.95), rng.uniform(0.2, 0.9)]) * rng.uniform(0.15, 0.6)
            picture += (np.hypot(x - cx, y - cy) < r)[..., None] * glow
    elif kind == "garden":
        sky = np.array([0.55, 0.68, 0.85]) * rng.uniform(0.7, 1.1)
        leaves = np.array([0.10, 0.22, 0.06]) * rng.uniform(0.7, 1.5)
        patches: Floats = gaussian_filter(rng.normal(size=(size, size)), size / 22)
        patches /= patches.std() + 1e-9
        hedge = 1 / (1 + np.exp(-(y - rng.uniform(0.1, 0.5) + 0.10 * patches) * 14))
        picture = sky * (1 - hedge)[..., None] + leaves * (1 + 0.4 * patches)[..., None].clip(0.2) * hedge[..., None]
    elif kind == "curtain":
        waves = 0.5 + 0.5 * np.sin(2 * np.pi * (x * rng.uniform(3, 7) + 0.15 * np.sin(x * 9 + rng.uniform(0, 6))))
        picture *= (0.6 + 0.7 * waves)[..., None]
    else:
        for row in range(4):
            left = -0.1
            while left < 1.1:
                width = rng.uniform(0.04, 0.12)
                top = row * 0.28 + rng.uniform(0.0, 0.06)
                book = (x > left) & (x < left + width) & (y > top) & (y < row * 0.28 + 0.25)
                picture[book] = _tone(rng) * 0.8
                left += width
    sharpness = {"wall": 0.02, "studio": 0.03, "lights": 0.012, "shelf": 0.022}.get(kind, 0.02)
    return np.clip(gaussian_filter(picture, (size * sharpness, size * sharpness, 0)), 0.005, 1.2)


def _tone(rng: np.random.Generator) -> Floats:
    grey = rng.uniform(0.08, 0.55)
    tint: Floats = grey * (1 + rng.normal(0, 0.22, 3))
    return np.clip(tint, 0.02, 0.8)
