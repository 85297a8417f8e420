"""Class-activation maps as pictures: enlarged, put on a scale, coloured, laid over the face.

Statistics never use these pictures. A shared scale keeps two maps of one image comparable, and the face stays grey and
readable wherever there is little evidence.
"""

from __future__ import annotations

from functools import cache

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.cell_grid import CellAxis, CellGrid

__all__ = [
    "blend_classic",
    "blend_difference",
    "blend_heat",
    "colour_table",
    "difference_table",
    "display_maps",
    "fit_within",
    "grey_face",
    "heat_picture",
    "heat_table",
    "resize",
    "upsample",
]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# The darkest eighth of a perceptual map is black: over a grey face it reads as shadow, not as little evidence.
_DARK_END = 0.2
_HEAT_OPACITY = 0.92
_OPACITY_GAMMA = 1.0
_VIOLET = np.array([74, 26, 140], dtype=np.float32)
_ORANGE = np.array([226, 118, 12], dtype=np.float32)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@cache
def _neighbours(size: int, cells: CellAxis) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """For each of `size` pixels the two cells it lies between and how far it is towards the second, 0..1."""
    source = np.clip(cells.positions((np.arange(size, dtype=np.float64) + 0.5) / size), 0, cells.count - 1)
    low = source.astype(np.intp)
    return low, np.minimum(low + 1, cells.count - 1), (source - low).astype(np.float32)


def upsample(maps: Floats, height: int, width: int, grid: CellGrid | None = None) -> Floats:
    """Enlarge maps bilinearly between the centres of what their cells see, and constant outside the outermost.

    Parameters
    ----------
    maps
        (..., h, w).
    grid
        Where the cells see. None: equal shares of the picture; then it is the same as
        `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`.

    Returns
    -------
    (..., height, width) float32.
    """
    # Element by element rather than as matrix products: linear algebra libraries start threads of their own for
    # those, and inside a pool of threads that costs far more than it saves.
    cells = maps.astype(np.float32)
    grid = grid or CellGrid.even(*cells.shape[-2:])
    low, high, fraction = _neighbours(height, grid.rows)
    tall = cells[..., low, :] * (1 - fraction)[:, None] + cells[..., high, :] * fraction[:, None]
    low, high, fraction = _neighbours(width, grid.columns)
    return np.asarray(tall[..., low] * (1 - fraction) + tall[..., high] * fraction, dtype=np.float32)


def display_maps(raw: Floats, height: int, width: int, grid: CellGrid | None = None) -> Floats:
    """Display maps of one image on ONE scale: positive part, enlarged, min-max over all of them together.

    Parameters
    ----------
    raw
        (k, h, w) signed maps; k = 1 gives the usual min-max of a single map.
    grid
        As in `upsample`.

    Returns
    -------
    (k, height, width) float32, 0..1; all zero where there is no positive evidence at all.
    """
    enlarged = upsample(np.maximum(raw, 0.0), height, width, grid)
    low, high = float(enlarged.min()), float(enlarged.max())
    return np.asarray((enlarged - low) / (high - low + 1e-8), dtype=np.float32)


@cache
def colour_table(name: str) -> Pixels:
    """(256, 3) RGB of one of matplotlib's colour maps."""
    colours = matplotlib.colormaps[name](np.linspace(0.0, 1.0, 256))[:, :3]
    table: Pixels = np.rint(colours * 255).astype(np.uint8)
    return table


@cache
def heat_table(name: str) -> Pixels:
    """(256, 4) RGBA: the overlay's colour and opacity for evidence 0..1; fully transparent where there is none."""
    evidence = np.linspace(0.0, 1.0, 256)
    picked = np.rint((_DARK_END + (1 - _DARK_END) * evidence) * 255).astype(int)
    alpha = np.rint(255 * _HEAT_OPACITY * evidence**_OPACITY_GAMMA).astype(np.uint8)
    return np.concatenate([colour_table(name)[picked], alpha[:, None]], axis=1)


def _index(evidence: Floats) -> npt.NDArray[np.uint8]:
    return np.asarray(np.clip(evidence, 0.0, 1.0) * 255 + 0.5, dtype=np.uint8)


def _luma(pixels: Pixels) -> Floats:
    red, green, blue = (pixels[..., channel].astype(np.float32) for channel in range(3))
    return np.asarray(_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue, dtype=np.float32)


def grey_face(pixels: Pixels) -> Pixels:
    """(H, W, 3) the picture in grey (Rec. 601 luma)."""
    luma = np.rint(_luma(pixels)).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=2)


def heat_picture(evidence: Floats, colormap: str) -> Pixels:
    """(H, W, 3) the map alone; the lowest colour means no evidence."""
    return np.asarray(colour_table(colormap).take(_index(evidence), axis=0))


def blend_heat(pixels: Pixels, evidence: Floats, colormap: str) -> Pixels:
    """The default overlay: the face in grey, heat on top with an opacity that grows with the heat.

    Parameters
    ----------
    pixels
        (H, W, 3) the picture.
    evidence
        (H, W), 0..1.
    """
    table = heat_table(colormap).astype(np.float32)
    alpha = table[:, 3:] / 255.0
    return _lay_over(_luma(pixels), _index(evidence), table[:, :3], alpha)


def blend_classic(pixels: Pixels, evidence: Floats) -> Pixels:
    """The notebook's overlay: the picture in colour and `jet`, half and half."""
    heat = (colour_table("jet").astype(np.float32) * 0.5 + 0.5).take(_index(evidence), axis=0)
    return np.asarray(pixels * np.float32(0.5) + heat, dtype=np.uint8)


def blend_difference(pixels: Pixels, first: Floats, second: Floats) -> Pixels:
    """Where one map outweighs the other: orange the first, violet the second, the grey face where they agree.

    Parameters
    ----------
    first, second
        (H, W) on the same 0..1 scale.
    """
    colours, alpha = difference_table()
    return _lay_over(_luma(pixels), _index((first - second) * 0.5 + 0.5), colours, alpha)


@cache
def difference_table() -> tuple[Floats, Floats]:
    """(256, 3) colours and (256, 1) opacities for differences from -1 to 1; 127 and 128 are all but clear."""
    difference = np.linspace(-1.0, 1.0, 256, dtype=np.float32)[:, None]
    opacity = (0.9 * np.abs(difference) ** _OPACITY_GAMMA).astype(np.float32)
    return np.where(difference > 0, _ORANGE, _VIOLET), opacity


def _lay_over(luma: Floats, index: npt.NDArray[np.uint8], colours: Floats, alpha: Floats) -> Pixels:
    """Grey picture below, `colours` with `alpha` above, both looked up by `index`; rounded."""
    under = (1.0 - alpha[:, 0]).take(index) * luma
    over = (colours * alpha + 0.5).take(index, axis=0)
    return np.asarray(under[..., None] + over, dtype=np.uint8)


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """(height, width, 3) bilinear with antialiasing, as the models' preprocessing does it."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def fit_within(height: int, width: int, longest: int) -> tuple[int, int]:
    """(height, width) of the same shape whose longer side is `longest`; small pictures grow, so that maps show."""
    scale = longest / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
