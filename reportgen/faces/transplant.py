"""Changing one region of a face and nothing else: another face's region, or a plain fill from around it.

Both sides of a comparison carry the same seams, the same blending and the same lighting, so that what differs is what
the region shows. Everything works in fractions of the picture, at any size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from reportgen.errors import DataError
from reportgen.faces.align import STABLE, fit_affine
from reportgen.faces.regions import REGIONS, region_map
from reportgen.faces.warp import transform

__all__ = [
    "BACKGROUND_TONES",
    "TRANSPLANTED",
    "Layer",
    "Portrait",
    "Tone",
    "blend_region",
    "fill_region",
    "laid",
    "layer",
    "transplant",
]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

TRANSPLANTED = ("eyes+brows", "nose", "mouth", "cheeks+jaw", "forehead", "background")
"""Regions that can be exchanged, in the report's order."""

Tone = Literal["matched", "unmatched", "brightness", "contrast", "colour"]
"""What a transplant takes of the donor. "matched": the content, in the receiver's light and colour; "unmatched": the
donor's pixels as they are. Of a background alone, the content stays the receiver's own and one property becomes the
donor's: "brightness" (mean luma), "contrast" (spread of luma) or "colour" (mean and spread of both chroma channels)."""

BACKGROUND_TONES: tuple[Tone, ...] = ("brightness", "contrast", "colour")
"""Properties of a background that can be exchanged by themselves."""

_BACKGROUND = REGIONS.index("background")
_FEATURES = [REGIONS.index(name) for name in ("eyes+brows", "nose", "mouth")]
_AROUND = ("cheeks+jaw", "forehead")
_ORDER = ("background", *_AROUND, "nose", "mouth", "eyes+brows")  # in which layers are laid
# In pixels of a picture of 224: how far a region is grown, and how softly its edge and the background's end.
_UNIT = 224
_GROWTH, _FEATHER, _FEATHER_BACKGROUND, _FILL = 8, 3.0, 2.0, 16.0
# The fill is smooth: it is computed on a picture this many times smaller.
_REDUCED = 4
# A donor's contrast is changed by at most this factor: stretching a flat picture further shows only its noise.
_MOST_CONTRAST = 2.0
_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_TO_RGB = np.linalg.inv(_TO_YCC).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Layer:
    """One region of a donor, in place over a receiver.

    Attributes
    ----------
    piece
        (h, w, 3) 0..255, over the window `box` of the receiver.
    mask
        (size, size) 0..1, how much of it shows.
    box
        Rows and columns.
    """

    piece: Pixels | Floats
    mask: Floats
    box: tuple[slice, slice]


@dataclass(frozen=True)
class _Tone:
    """Mean and spread of luma and both chroma channels, 0..255, each (3,)."""

    mean: Floats
    spread: Floats


@dataclass(frozen=True, eq=False)
class Portrait:
    """One face with everything a transplant needs of it, computed once.

    Attributes
    ----------
    pixels
        (size, size, 3) uint8.
    points
        (478, 2) fractions of width and height.
    """

    pixels: Pixels
    points: npt.NDArray[np.floating]
    _masks: dict[str, Pixels] = field(default_factory=dict, init=False, repr=False)

    @property
    def size(self) -> int:
        """Side in pixels."""
        return len(self.pixels)

    @cached_property
    def regions(self) -> Pixels:
        """(size, size) index into `REGIONS` of every pixel."""
        return region_map(self.points, self.size, self.size)

    @cached_property
    def face_tone(self) -> _Tone:
        """Lighting and colour of the face."""
        return _tone(self.pixels, self.regions != _BACKGROUND)

    @cached_property
    def background_tone(self) -> _Tone:
        """Lighting and colour of what is not the face."""
        return _tone(self.pixels, self.regions == _BACKGROUND)

    @cached_property
    def without_face(self) -> Pixels:
        """The background alone: where the face was, its surround flows in, so that no expression is left."""
        return _filled(self.pixels, self.regions != _BACKGROUND)

    @cached_property
    def without_features(self) -> Pixels:
        """The face without eyes, nose and mouth: what surrounds them flows in, so that none of theirs is left."""
        reach = round(_GROWTH * self.size / _UNIT)
        return _filled(self.pixels, _grown(np.isin(self.regions, _FEATURES), reach))

    def soft_mask(self, region: str) -> Floats:
        """(size, size) 0..1: the region, grown and feathered so that no seam shows; the background is not grown."""
        if region not in self._masks:
            self._masks[region] = self._make_mask(region)
        mask = _as_share(self._masks[region])
        return 1.0 - mask if region == "background" else mask

    def _make_mask(self, region: str) -> Pixels:
        """In bytes, a quarter of the memory; of the background what is not it."""
        scale = self.size / _UNIT
        if region == "background":
            return _blur(self.regions != _BACKGROUND, _FEATHER_BACKGROUND * scale)
        inside = _grown(self.regions == REGIONS.index(region), round(_GROWTH * scale))
        if region in _AROUND:
            # These two surround the features: grown into them, they would bring the donor's along.
            inside &= ~np.isin(self.regions, _FEATURES)
        return _blur(inside, _FEATHER * scale)


def transplant(receiver: Portrait, donor: Portrait, region: str, tone: Tone = "matched") -> Pixels:
    """The receiver with one region of the donor, or with one property of the donor's background.

    The donor's face is brought into place by the affine map that best fits the points that expressions hardly move, so
    that an open mouth stays open and a raised brow raised; what is exchanged covers the region of both faces. (A fit of
    the region's own outline would squeeze the expression into the receiver's.) Of a donor whose cheeks, jaw or forehead
    are wanted, eyes, nose and mouth are filled first. The background stays where it is in the picture; the donor's own
    face is filled from its surround first.

    Parameters
    ----------
    receiver, donor
        Of the same size.
    region
        One of `TRANSPLANTED`.
    tone
        "matched": the donor takes over the receiver's lighting (brightness, contrast) and colour, so that the two
        pictures differ in content only: mean and spread per channel (Reinhard et al. 2001) of face or background, then
        the region's mean. "unmatched": the donor's pixels as they are. The others are for the background alone.

    Returns
    -------
    ndarray
        (size, size, 3) uint8.

    Raises
    ------
    DataError
        The landmarks lie on one line, the sizes differ, or a property of a facial region is asked for.
    """
    return laid(receiver, {region: layer(receiver, donor, region, tone)})


def layer(receiver: Portrait, donor: Portrait, region: str, tone: Tone = "matched") -> Layer:
    """What `transplant` lays over the receiver; parameters and errors as there."""
    if receiver.size != donor.size:
        raise DataError(f"transplant: pictures of {receiver.size} and {donor.size} pixels, expected the same size")
    if region == "background":
        mask = receiver.soft_mask(region)
        box = _box(mask)
        return Layer(_background(receiver, donor, tone, box), mask, box)
    if tone not in ("matched", "unmatched"):
        raise DataError(f"transplant: {tone} alone is exchanged for the background only, not for {region}")
    fit = _fit(receiver, donor)
    mask = receiver.soft_mask(region) if region in _AROUND else _common_mask(receiver, donor, region, fit)
    box = _box(mask)
    piece = _cut_out(donor.without_features if region in _AROUND else donor.pixels, fit, box)
    if tone == "unmatched":
        return Layer(piece, mask, box)
    toned = _retoned(piece, donor.face_tone, receiver.face_tone)
    return Layer(_mean_matched(toned, receiver.pixels[box], mask[box]), mask, box)


def laid(receiver: Portrait, layers: Mapping[str, Layer]) -> Pixels:
    """The receiver, (size, size, 3), with the layers of any regions: first what lies around the features, then these.

    A region's softened edge so never covers a feature that is exchanged beside it.
    """
    result = receiver.pixels
    for region in sorted(layers, key=_ORDER.index):
        result = _blend(result, layers[region].piece, layers[region].mask, layers[region].box)
    return result


def _background(receiver: Portrait, donor: Portrait, tone: Tone, box: tuple[slice, slice]) -> Pixels | Floats:
    """The donor's background, or the receiver's own with one property of the donor's."""
    own, given = receiver.background_tone, donor.background_tone
    if tone == "unmatched":
        return donor.without_face[box]
    if tone == "matched":
        return _retoned(donor.without_face[box], given, own)
    mean, spread = own.mean.copy(), own.spread.copy()
    if tone == "brightness":
        mean[0] = given.mean[0]
    elif tone == "contrast":
        spread[0] = given.spread[0]
    else:
        mean[1:], spread[1:] = given.mean[1:], given.spread[1:]
    return _retoned(receiver.pixels[box], own, _Tone(mean, spread))


def fill_region(receiver: Portrait, region: str) -> Pixels:
    """The receiver with one region filled smoothly from around it, (size, size, 3); the background from the face."""
    mask = receiver.soft_mask(region)
    box = _box(mask)
    return _blend(receiver.pixels, _filled(receiver.pixels, mask > 0.5)[box], mask, box)


def blend_region(receiver: Portrait, changed: Pixels, region: str) -> Pixels:
    """The receiver with one region of another version of the same picture, (size, size, 3) both."""
    mask = receiver.soft_mask(region)
    box = _box(mask)
    return _blend(receiver.pixels, changed[box], mask, box)


def _fit(receiver: Portrait, donor: Portrait) -> npt.NDArray[np.float64]:
    """(2, 3) affine from the receiver's pixels to the donor's."""
    index = list(STABLE)
    return fit_affine(np.asarray(receiver.points)[index] * receiver.size, np.asarray(donor.points)[index] * donor.size)


def _common_mask(receiver: Portrait, donor: Portrait, region: str, fit: npt.NDArray[np.float64]) -> Floats:
    """(size, size) 0..1: the receiver's region and the donor's, grown and feathered as in `Portrait.soft_mask`."""
    whole = slice(0, receiver.size)
    own = receiver.regions == REGIONS.index(region)
    theirs = _cut_out((donor.regions == REGIONS.index(region)).astype(np.uint8) * 255, fit, (whole, whole))
    scale = receiver.size / _UNIT
    return _blurred(_grown(own | (theirs > 127), round(_GROWTH * scale)), _FEATHER * scale)


def _cut_out(source: Pixels, fit: npt.NDArray[np.float64], box: tuple[slice, slice]) -> Pixels:
    """The donor's pixels for the receiver's pixels of `box`; beyond the donor's picture its border is continued."""
    size = len(source)
    rows, columns = box
    corners = np.array([(x, y) for x in (columns.start, columns.stop) for y in (rows.start, rows.stop)], np.float64)
    reached = corners @ fit[:, :2].T + fit[:, 2]
    # An affine map that reaches further than a picture's width beside the picture shows nothing there anyway.
    margin = int(np.clip(np.ceil(max(-reached.min(), reached.max() - size)) + 1, 0, size))
    padding = ((margin, margin), (margin, margin), (0, 0))[: source.ndim]
    padded = np.pad(source, padding, mode="edge") if margin else source
    shifted = fit.copy()
    shifted[:, 2] += fit[:, :2] @ np.array([columns.start, rows.start], np.float64) + margin
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return np.asarray(transform(Image.fromarray(padded), shifted, width, height))


def _box(mask: Floats) -> tuple[slice, slice]:
    """The smallest window that holds everything the mask touches."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _blend(pixels: Pixels, piece: Pixels | Floats, mask: Floats, box: tuple[slice, slice]) -> Pixels:
    result = pixels.copy()
    weight = mask[box][..., None]
    mixed = pixels[box] * (1.0 - weight) + piece * weight
    result[box] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result


def _tone(pixels: Pixels, inside: npt.NDArray[np.bool_]) -> _Tone:
    chosen = pixels[inside] if inside.any() else pixels.reshape(-1, 3)
    channels = chosen.astype(np.float32) @ _TO_YCC.T
    return _Tone(channels.mean(axis=0), channels.std(axis=0))


def _retoned(pixels: Pixels, own: _Tone, wanted: _Tone) -> Floats:
    """Pixels with the mean and spread of another picture's channels; a grey donor takes the mean tint, no more."""
    gain = np.divide(wanted.spread, own.spread, out=np.zeros(3, np.float32), where=own.spread > 0.5)
    gain[0] = np.clip(gain[0], 1 / _MOST_CONTRAST, _MOST_CONTRAST) if own.spread[0] > 0.5 else 1.0
    gain[1:] = np.minimum(gain[1:], _MOST_CONTRAST)
    channels = (pixels.astype(np.float32) @ _TO_YCC.T - own.mean) * gain + wanted.mean
    return np.asarray(channels @ _TO_RGB.T, dtype=np.float32)


def _mean_matched(piece: Floats, target: Pixels, mask: Floats) -> Floats:
    """The piece moved so that its mean colour under the mask is the target's."""
    weight = mask / max(float(mask.sum()), 1e-9)
    shift = np.einsum("hwc,hw->c", target.astype(np.float32) - piece, weight)
    return np.asarray(piece + shift, dtype=np.float32)


def _grown(inside: npt.NDArray[np.bool_], by: int) -> npt.NDArray[np.bool_]:
    """Dilation by a square of side 2 `by` + 1: along rows, then columns, by doubling shifts."""
    result = inside
    for axis in (0, 1):
        reach = 0
        while reach < by:
            step = min(max(reach, 1), by - reach)
            wide = result.copy()
            ahead, behind = _shifted(axis, step)
            wide[ahead] |= result[behind]
            wide[behind] |= result[ahead]
            result, reach = wide, reach + step
    return result


def _shifted(axis: int, step: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    whole = slice(None)
    late, early = slice(step, None), slice(None, -step)
    return ((late, whole), (early, whole)) if axis == 0 else ((whole, late), (whole, early))


def _blurred(inside: npt.NDArray[np.bool_], sigma: float) -> Floats:
    return _as_share(_blur(inside, sigma))


def _blur(inside: npt.NDArray[np.bool_], sigma: float) -> Pixels:
    return np.asarray(Image.fromarray(inside.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(sigma)))


def _as_share(levels: Pixels) -> Floats:
    return levels.astype(np.float32) / np.float32(255.0)


def _filled(pixels: Pixels, hole: npt.NDArray[np.bool_]) -> Pixels:
    """Pixels whose hole is filled by the normalised blur of what surrounds it (sigma 16 at 224), with a soft edge."""
    size = len(pixels)
    small = max(size // _REDUCED, 1)
    kernel = _kernel(small, _FILL * small / _UNIT)
    outside = 1.0 - hole.astype(np.float32)
    planes = np.empty((4, size, size), np.float32)
    np.multiply(pixels.transpose(2, 0, 1), outside, out=planes[:3])
    planes[3] = outside
    spread = [kernel @ _resized(plane, small, Image.Resampling.BOX) @ kernel.T for plane in planes]
    weight = np.maximum(spread[3], 1e-12)
    fill = np.stack([_resized(plane / weight, size, Image.Resampling.BILINEAR) for plane in spread[:3]], axis=2)
    edge = np.maximum(_blurred(hole, _FEATHER_BACKGROUND * size / _UNIT), hole)
    box = _box(edge)
    return _blend(pixels, fill[box], edge, box)


def _resized(plane: npt.NDArray[np.floating], size: int, how: Image.Resampling) -> Floats:
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((size, size), how))


@lru_cache(maxsize=4)
def _kernel(size: int, sigma: float) -> npt.NDArray[np.float64]:
    """(size, size) rows of a normalised Gaussian; float64, as deep inside a hole only its far tail reaches out."""
    distance = np.arange(size)[:, None] - np.arange(size)[None, :]
    weights = np.exp(-0.5 * (distance / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
