"""Null models: what maps look like when attention has nothing to do with the regions or the class.

- N0, placement: the same map dropped anywhere on the same crop. Its mean share of a region is exactly the region's
  area, so it also tests enrichment against 1, whatever the shape of the map.
- N2, class swap: the same image, another class's map.
- N1, random head: the channel weights permuted over the channels, one permutation for all images. A band for figures,
  null maps and the trust grade; no verdict is tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reportgen.evidence.stats.clustered import DRAWS, Clusters
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = [
    "EXACT_CLUSTERS",
    "NullShares",
    "band",
    "class_swap",
    "class_swap_test",
    "placement_test",
    "swap_differences",
]

# Beyond this many clusters the mean is close enough to normal for the bootstrap alone.
EXACT_CLUSTERS = 128


@dataclass(frozen=True)
class NullShares:
    """What P scrambled heads give on every image.

    Attributes
    ----------
    mass
        (n, P) positive mass, in logit units.
    share
        (n, P, R) share of the mass in each region; NaN where the mass is 0.
    """

    mass: AnyFloatArray
    share: AnyFloatArray


def band(null: NullShares, area: FloatArray, used: BoolArray) -> tuple[FloatArray, FloatArray]:
    """95 % band of the enrichment that scrambled heads give over a set of images.

    Parameters
    ----------
    null
        Of all n images.
    area
        (n, R) area of each region.
    used
        (n,) the images of the set.

    Returns
    -------
    low, high
        (R,) 2.5th and 97.5th percentile over the permutations; NaN where no image is used.
    """
    share = np.asarray(null.share[used], dtype=np.float64)  # (m, P, R)
    valid = np.isfinite(share)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(valid, share, 0.0).sum(axis=0) / np.where(valid, area[used][:, None], 0.0).sum(axis=0)
    low, high = np.full(ratio.shape[1], np.nan), np.full(ratio.shape[1], np.nan)
    for k in range(ratio.shape[1]):
        drawn = ratio[np.isfinite(ratio[:, k]), k]
        if len(drawn):
            low[k], high[k] = np.quantile(drawn, [0.025, 0.975])
    return low, high


def placement_test(
    p: FloatArray,
    masks: AnyFloatArray,
    used: BoolArray,
    group: Clusters,
    seed: int,
    draws: int = DRAWS,
) -> FloatArray:
    """Two-sided p-value of each region's mean share against the same maps dropped anywhere on their crops.

    A map is shifted around the torus, all maps of a person alike. This is exact for any number of images and any shape
    of map when maps have nothing to do with the regions; the sign-flip test is not when maps are peaked (a peaked map
    lies inside a large region most of the time, so "most images above the area" proves nothing).

    Parameters
    ----------
    p
        (n, h, w) distributions over the cells; NaN for null maps.
    masks
        (n, R, h, w) region masks.
    used
        (n, R) which images count for which region.

    Returns
    -------
    p
        (R,); 0 beyond 128 clusters, where the guard is not needed and the bootstrap decides alone.
    """
    height, width = p.shape[1:]
    m = np.asarray(masks, dtype=np.float64)
    seen: BoolArray = np.asarray(np.isfinite(p).all(axis=(1, 2)))
    valid = used & seen[:, None]
    if len(np.unique(group.code[valid.any(axis=1)])) > EXACT_CLUSTERS:
        return np.zeros(m.shape[1])
    # Cross-correlation by FFT: excess[i, r, s] = share of region r when map i is shifted by s, minus the region's area.
    spectrum = np.conj(np.fft.rfft2(np.nan_to_num(p)))[:, None] * np.fft.rfft2(m)
    shifted = np.fft.irfft2(spectrum, s=(height, width)).reshape(*m.shape[:2], height * width)
    excess = np.where(valid[..., None], shifted - m.mean(axis=(2, 3))[..., None], 0.0)
    by_person = np.zeros((group.count, *excess.shape[1:]))
    np.add.at(by_person, group.code, excess)
    present = np.zeros(group.count, dtype=bool)
    present[group.code[valid.any(axis=1)]] = True
    by_person = by_person[present]  # (G, R, S); shift 0 is the observed map
    return _two_sided(by_person, by_person[:, :, 0].sum(axis=0), seed, draws)


def _two_sided(tables: FloatArray, observed: FloatArray, seed: int, draws: int) -> FloatArray:
    """P-value of a sum over G units, each of which draws one of S equally likely rows; tables (G, R, S)."""
    units, columns, choices = tables.shape
    rng = np.random.default_rng(seed)
    total = np.zeros((draws, columns))
    for unit in range(units):
        total += tables[unit].T[rng.integers(0, choices, draws)]
    slack = 1e-9 * (1.0 + np.abs(tables).max(axis=(0, 2), initial=0.0) * units)
    high = (total >= observed - slack).sum(axis=0) + 1.0
    low = (total <= observed + slack).sum(axis=0) + 1.0
    return np.asarray(np.minimum(2.0 * np.minimum(low, high) / (draws + 1.0), 1.0))


def swap_differences(share: FloatArray) -> FloatArray:
    """What every class's map has more of than the mean of the other classes' maps on the same image.

    Parameters
    ----------
    share
        (n, C, T) shares, NaN for null maps.

    Returns
    -------
    difference
        (n, C, T); NaN where the class's own map is null or fewer than two others (with two classes: the other) are
        not.
    """
    valid = np.isfinite(share)
    filled = np.where(valid, share, 0.0)
    others = valid.sum(axis=1, keepdims=True) - valid
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (filled.sum(axis=1, keepdims=True) - filled) / others
    fewest = min(2, share.shape[1] - 1)
    return np.where(valid & (others >= max(fewest, 1)), share - mean, np.nan)


def class_swap(share: FloatArray, own: IntArray) -> tuple[FloatArray, FloatArray]:
    """Own class's share minus the mean of the others', and that mean, on the same image.

    Parameters
    ----------
    share
        (n, C, T).
    own
        (n,) class whose map is explained.

    Returns
    -------
    difference, others
        (n, T) each.
    """
    rows = np.arange(len(share))
    difference = swap_differences(share)[rows, own]
    return difference, share[rows, own] - difference


def class_swap_test(share: FloatArray, own: IntArray, group: Clusters, seed: int, draws: int = DRAWS) -> FloatArray:
    """Two-sided p-value of the mean class-swap difference when the class whose map is shown is drawn at random.

    Exact for any number of images and any shape of map when the classes of an image are exchangeable. All images of a
    person draw alike.

    Returns
    -------
    p
        (T,); 0 beyond 128 clusters, as in `placement_test`.
    """
    difference = swap_differences(share)  # (n, C, T)
    rows = np.arange(len(share))
    observed = np.nan_to_num(difference[rows, own])
    keep = np.isfinite(difference[rows, own]).any(axis=1)
    if len(np.unique(group.code[keep])) > EXACT_CLUSTERS:
        return np.zeros(share.shape[2])
    tables = np.zeros((group.count, share.shape[2], share.shape[1]))
    for i in np.flatnonzero(keep):
        available = np.flatnonzero(np.isfinite(difference[i]).any(axis=1))
        # An image with a null map has fewer classes to draw; the row is filled by going round them.
        turn = available[np.arange(share.shape[1]) % len(available)]
        tables[group.code[i]] += np.nan_to_num(difference[i][turn]).T
    used = np.unique(group.code[keep])
    if len(used) == 0:
        return np.ones(share.shape[2])
    return _two_sided(tables[used], observed[keep].sum(axis=0), seed, draws)
