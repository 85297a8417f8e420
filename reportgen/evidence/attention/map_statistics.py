"""Statistics of class-activation maps: share of each region, spread, place.

Everything here works on the raw map at the target layer's resolution. A cell's weight is `p_i = relu(raw_i) / mass`,
a region mask holds the fraction of each cell that lies inside the region. The display map (enlarged, stretched to
0..1) is never measured: stretching makes a flat map look strong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.faces.regions import REGIONS
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = [
    "FACE",
    "PARTS",
    "MapStatistics",
    "areas",
    "common_grid",
    "contrast_classes",
    "contrast_error",
    "describe",
    "enrichment",
    "merge_masks",
    "null_maps",
    "resolvability",
    "unresolved_groups",
    "weights",
]


FACE = REGIONS.index("face")
# The face is the sum of five of the others, so only these six own a cell.
PARTS: IntArray = np.asarray([k for k in range(len(REGIONS)) if k != FACE], dtype=np.int64)

# Which region a small one is judged together with when the grid cannot tell them apart: its neighbour on the face
# that carries the nearest meaning first.
_NEIGHBOURS = {
    "eyes+brows": ("forehead", "nose", "cheeks+jaw"),
    "nose": ("mouth", "cheeks+jaw", "eyes+brows"),
    "mouth": ("cheeks+jaw", "nose"),
    "forehead": ("eyes+brows",),
    "cheeks+jaw": ("mouth", "nose"),
}


@dataclass(frozen=True)
class MapStatistics:
    """Statistics of maps of any leading shape `(...)`; NaN (or -1 for indices) where a map is null.

    Attributes
    ----------
    mass
        (...) sum of the positive part, in logit units; 0 for a null map.
    share
        (..., R) share of the mass inside each region, 0..1.
    effective_area
        (...) `exp(entropy(p)) / cells`: 1 = uniform, 1 / cells = one cell.
    peak
        (...) flat index of the largest cell (the first of equals).
    peak_region
        (...) index into REGIONS of the region that covers most of the peak cell; "face" only where a user's masks mark
        face outside the five inner regions.
    centroid
        (..., 2) x and y as fractions of the crop's width and height.
    dispersion
        (...) root mean square distance from the centroid, in the unit given to `describe`.
    null_map
        (...) True where there is nothing to measure.
    """

    mass: FloatArray
    share: FloatArray
    effective_area: FloatArray
    peak: IntArray
    peak_region: IntArray
    centroid: FloatArray
    dispersion: FloatArray
    null_map: BoolArray


def weights(raw: AnyFloatArray) -> tuple[FloatArray, FloatArray]:
    """Positive part of raw maps and its distribution over the cells.

    Parameters
    ----------
    raw
        (..., h, w) signed maps. A map with a value that is not finite counts as having no mass.

    Returns
    -------
    p, mass
        (..., h, w) summing to 1 (NaN where the mass is 0), and (...) the mass.
    """
    cam = np.maximum(np.asarray(raw, dtype=np.float64), 0.0)
    broken = ~np.isfinite(raw).all(axis=(-2, -1))
    if broken.any():
        cam[broken] = 0.0
    mass = cam.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = cam / mass[..., None, None]
    return p, mass


def null_maps(mass: FloatArray, null_mass: AnyFloatArray | None) -> BoolArray:
    """Maps of the explained class that say nothing: no mass, or no more than a scrambled head gives.

    Parameters
    ----------
    mass
        (n,) mass of the explained class's map.
    null_mass
        (n, P) mass of the same image's map under P permutations of the channel weights, or None where not computed.
    """
    null_map: BoolArray = ~(mass > 0)
    if null_mass is not None:
        null_map |= mass <= np.quantile(np.asarray(null_mass, dtype=np.float64), 0.95, axis=1)
    return null_map


def areas(masks: AnyFloatArray) -> FloatArray:
    """(n, R) share of the cells in each region, from masks (n, R, h, w): what uniform attention would give."""
    return np.asarray(np.asarray(masks, dtype=np.float64).mean(axis=(-2, -1)))


def resolvability(masks: AnyFloatArray) -> FloatArray:
    """(n, R) `sum(M^2) / sum(M)`: the share that a map lying perfectly inside the region would recover on this grid.

    NaN where the region is not in the crop.
    """
    m = np.asarray(masks, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: FloatArray = (m * m).sum(axis=(-2, -1)) / m.sum(axis=(-2, -1))
    return ratio


def unresolved_groups(masks: AnyFloatArray) -> tuple[tuple[str, ...], ...]:
    """Regions that this grid cannot tell apart and that are therefore judged together.

    A region stands on its own when at least half of the images that show it have a cell lying mostly inside it; else
    it joins its nearest neighbour on the face.

    Returns
    -------
    groups
        Tuples of two or more region names in the order of REGIONS; empty when every region stands on its own.
    """
    m = np.asarray(masks)
    seen = m.sum(axis=(-2, -1)) > 0
    clear = m.max(axis=(-2, -1)) > 0.5
    group = {name: {name} for name in _NEIGHBOURS}
    present = {name for name in _NEIGHBOURS if seen[:, REGIONS.index(name)].any()}
    for name in REGIONS:
        k = REGIONS.index(name)
        if name not in present or clear[seen[:, k], k].mean() >= 0.5:
            continue
        partner = next((other for other in _NEIGHBOURS[name] if other in present), None)
        if partner is not None:
            joined = group[name] | group[partner]
            for member in joined:
                group[member] = joined
    found = {tuple(r for r in REGIONS if r in members) for members in group.values() if len(members) > 1}
    return tuple(sorted(found, key=lambda members: REGIONS.index(members[0])))


def merge_masks(masks: AnyFloatArray, groups: Sequence[Sequence[str]]) -> FloatArray:
    """Masks in which every member of a group carries the group's sum; (n, R, h, w) in and out."""
    merged = np.array(masks, dtype=np.float64)
    for group in groups:
        index = [REGIONS.index(name) for name in group]
        merged[:, index] = merged[:, index].sum(axis=1, keepdims=True)
    return merged


def describe(
    raw: AnyFloatArray,
    masks: AnyFloatArray,
    *,
    unit: AnyFloatArray | None = None,
    null_map: BoolArray | None = None,
    grid: CellGrid | None = None,
) -> MapStatistics:
    """Measure maps against the regions of their images.

    Parameters
    ----------
    raw
        (n, h, w) or (n, C, h, w) signed maps.
    masks
        (n, R, h, w) fraction of each cell inside each region.
    unit
        (n,) length that dispersion is given in, as a fraction of the crop's width (the distance between the eyes);
        None: the crop's width.
    null_map
        Same leading shape as `raw`: maps to leave out beside those without mass.
    grid
        Where the cells see, for centroid and dispersion; None: equal shares of the picture.
    """
    p, mass = weights(raw)
    null_map = ~(mass > 0) if null_map is None else ~(mass > 0) | null_map
    p = np.where(null_map[..., None, None], np.nan, p)
    height, width = p.shape[-2:]
    pattern = "nchw,nrhw->ncr" if p.ndim == 4 else "nhw,nrhw->nr"
    share = np.einsum(pattern, p, np.asarray(masks, dtype=np.float64), optimize=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), np.where(np.isnan(p), np.nan, 0.0)).sum(axis=(-2, -1))
    grid = grid or CellGrid.even(height, width)
    x, y = grid.columns.centres, grid.rows.centres
    centre_x, centre_y = p.sum(axis=-2) @ x, p.sum(axis=-1) @ y
    # Where the crop is not square the fractions are of different lengths; inputs of the models are square.
    variance = p.sum(axis=-2) @ x**2 - centre_x**2 + p.sum(axis=-1) @ y**2 - centre_y**2
    scale = np.ones(len(p)) if unit is None else np.asarray(unit, dtype=np.float64)
    dispersion = np.sqrt(np.maximum(variance, 0.0)) / scale.reshape(-1, *[1] * (p.ndim - 3))
    peak = np.where(null_map, -1, np.nan_to_num(p).reshape(*p.shape[:-2], -1).argmax(axis=-1))
    return MapStatistics(
        mass, share, np.exp(entropy) / (height * width), peak, _owner(peak, masks),
        np.stack([centre_x, centre_y], axis=-1), dispersion, null_map,
    )  # fmt: skip


def _owner(peak: IntArray, masks: AnyFloatArray) -> IntArray:
    """Index into REGIONS of the part that covers most of each peak cell; -1 where there is no peak."""
    cells = np.asarray(masks).reshape(*masks.shape[:2], -1)  # (n, R, h*w)
    rows = np.arange(len(peak)).reshape(-1, *[1] * (peak.ndim - 1))
    at_peak = cells[rows, :, np.maximum(peak, 0)]  # (..., R)
    covered = at_peak[..., PARTS]
    # A user's own masks may mark face that is in none of the inner regions.
    unnamed = 1.0 - covered.sum(axis=-1) > covered.max(axis=-1)
    owner = np.where(unnamed, FACE, PARTS[covered.argmax(axis=-1)])
    return np.where(peak < 0, -1, owner)


def enrichment(share: FloatArray, area: FloatArray, used: BoolArray | None = None) -> FloatArray:
    """Enrichment of each region over a set of images: mean share divided by mean area.

    A ratio of means, because a mean of ratios is ruled by the images in which a region happens to be tiny.

    Parameters
    ----------
    share, area
        (n, R); rows with a NaN share (null maps) are left out of both means.
    used
        (n,) or (n, R): restrict to these.

    Returns
    -------
    enrichment
        (R,); 1 is what uniform attention would give; NaN where nothing is left.
    """
    valid = np.isfinite(share)
    if used is not None:
        valid &= used if used.ndim == 2 else used[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: FloatArray = np.where(valid, share, 0.0).sum(axis=0) / np.where(valid, area, 0.0).sum(axis=0)
    return ratio


def contrast_classes(raw: AnyFloatArray) -> FloatArray:
    """Contrastive maps `raw_c - mean(raw_others)` of every class; (n, C, h, w) in and out.

    Adding one vector to the weights of all classes changes the plain maps although no probability changes; these
    maps stay the same.

    Raises
    ------
    ValueError
        There is only one class, so nothing to contrast with.
    """
    maps = np.asarray(raw, dtype=np.float64)
    classes = maps.shape[1]
    if classes < 2:
        raise ValueError("a contrastive map needs at least two classes")
    return np.asarray((maps * classes - maps.sum(axis=1, keepdims=True)) / (classes - 1))


def contrast_error(raw: AnyFloatArray, predicted: IntArray, truth: IntArray) -> FloatArray:
    """(n, h, w) `raw_predicted - raw_truth`: what speaks for the wrong class rather than for the right one."""
    rows = np.arange(len(raw))
    maps = np.asarray(raw, dtype=np.float64)
    return maps[rows, predicted] - maps[rows, truth]


def common_grid(maps: AnyFloatArray, source: CellGrid, target: CellGrid) -> FloatArray:
    """Maps on another grid, so that maps of two models can be compared cell by cell.

    Parameters
    ----------
    maps
        (..., h, w) non-negative maps, or distributions over cells.
    source, target
        Where the maps' cells and those of the result see. Every place has the value of the cell that sees it.

    Returns
    -------
    pooled
        (..., *target.shape) mean value of the places of each target cell, scaled to the same total: a uniform map stays
        uniform, also where the cells at the picture's edge see more or less of it than the others.
    """
    if source == target:
        return np.asarray(maps, dtype=np.float64)
    values = np.asarray(maps, dtype=np.float64)
    pooled = _overlap(source.rows, target.rows) @ values @ _overlap(source.columns, target.columns).T
    before, after = (part.sum(axis=(-2, -1), keepdims=True) for part in (values, pooled))
    return np.asarray(pooled * np.divide(before, after, out=np.zeros_like(after), where=after > 0))


def _overlap(source: CellAxis, target: CellAxis) -> FloatArray:
    """(target, source) share of each target cell's length that each source cell sees."""
    low, high = source.edges[:-1], source.edges[1:]
    left, right = target.edges[:-1, None], target.edges[1:, None]
    return np.asarray(np.maximum(np.minimum(high, right) - np.maximum(low, left), 0.0) / (right - left))
