"""Enrichment and class-specific share of every region, for every emotion of one model, with tests.

One function measures the plain and the contrastive maps alike, so that a verdict can be held against both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.hot_cells import HotCells, find_hot_cells
from reportgen.evidence.attention.map_statistics import FACE, MapStatistics, areas, enrichment, weights
from reportgen.evidence.attention.nulls import EXACT_CLUSTERS, class_swap, class_swap_test, placement_test
from reportgen.evidence.stats.clustered import (
    Clusters,
    bounded_test,
    clusters,
    mean_interval,
    mean_test,
    min_p,
    ratio_interval,
)
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.faces.regions import REGIONS
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = ["LOCALIZED", "EmotionEvidence", "Maps", "gather_evidence"]

# Effective area of about one eye; one to two cells of a 7 x 7 grid.
LOCALIZED = 0.03

_BACKGROUND = REGIONS.index("background")
_EYES = REGIONS.index("eyes+brows")
# The background is 1 - face: one two-sided test serves both.
_TESTED: IntArray = np.asarray([k for k in range(len(REGIONS)) if k != _BACKGROUND], dtype=np.int64)


@dataclass(frozen=True)
class EmotionEvidence:
    """What the maps of one kind show; arrays over emotions (C) and regions (R), p-values adjusted (Holm).

    Attributes
    ----------
    n, persons
        (C, R) images and clusters behind each number.
    enrichment, low, high
        (C, R) with 95 % interval; `p_on` tests it against 1.
    correct
        (C, R) enrichment over the correctly classified images alone.
    swap, swap_low, swap_high
        (C, R) share minus the mean share of the other classes' maps on the same images.
    elsewhere
        (C, R) share minus the share that the class's maps have on the other emotions' images.
    p_specific
        (C, R) tests both differences together; 1 where they disagree in sign.
    reachable_on, reachable_specific
        (C, R) whether so few images could have given an adjusted p below alpha at all.
    area, area_low, area_high
        (C,) effective area; `p_diffuse` and `p_localized` test it against the face's share of the crop and against
        one eye.
    face_area
        (C,) the face's share of the crop.
    """

    n: IntArray
    persons: IntArray
    enrichment: FloatArray
    low: FloatArray
    high: FloatArray
    correct: FloatArray
    share: FloatArray
    p_on: FloatArray
    reachable_on: BoolArray
    swap: FloatArray
    swap_low: FloatArray
    swap_high: FloatArray
    elsewhere: FloatArray
    p_specific: FloatArray
    reachable_specific: BoolArray
    hot: tuple[HotCells, ...]
    p_hot: FloatArray
    area: FloatArray
    area_low: FloatArray
    area_high: FloatArray
    face_area: FloatArray
    p_diffuse: FloatArray
    p_localized: FloatArray
    reachable_spread: BoolArray


Maps = Callable[[slice | IntArray], FloatArray]
"""The signed maps of all classes of some images, (m, C, h, w): made when they are needed, an emotion at a time."""


def gather_evidence(
    maps: Maps,
    stats: MapStatistics,
    masks: AnyFloatArray,
    model: ModelMaps,
    cases: Cases,
    seed: int,
    draws: int,
) -> EmotionEvidence:
    """Measure one kind of maps on the labelled images.

    Parameters
    ----------
    maps
        Gives the maps.
    stats
        Their statistics, (n, C, ...).
    masks
        (n, R, h, w) region masks as used for `stats`.
    draws
        Bootstrap draws and permutations of each test.
    """
    area = areas(masks)
    classes, regions = len(cases.classes), len(REGIONS)
    cells = masks.shape[-2] * masks.shape[-1]
    out: dict[str, FloatArray] = {
        key: np.full((classes, regions), np.nan)
        for key in ("enrichment", "low", "high", "correct", "share", "p_on", "swap", "swap_low", "swap_high",
                    "elsewhere", "p_specific")
    }  # fmt: skip
    spread: dict[str, FloatArray] = {
        key: np.full(classes, np.nan)
        for key in ("area", "area_low", "area_high", "face_area", "p_diffuse", "p_localized")
    }
    n, persons = np.zeros((classes, regions), np.int64), np.zeros((classes, regions), np.int64)
    hot: list[HotCells] = []
    everyone = clusters(cases.persons, len(cases.labels))
    for e in range(classes):
        chosen = np.flatnonzero(cases.labels == e)
        group = everyone.subset(chosen)
        share = _valid_shares(stats.share[:, e], cases.template)
        s, a = share[chosen], area[chosen]
        n[e] = np.isfinite(s).sum(axis=0)
        persons[e] = (group.sums(np.isfinite(s).astype(np.float64)) > 0).sum(axis=0)
        p, _ = weights(maps(chosen))
        p_own = np.where(stats.null_map[chosen, e][:, None, None], np.nan, p[:, e])
        p[:, e] = p_own
        hot.append(find_hot_cells(p, masks[chosen], e, group, seed + e, ALPHA, draws, model.grid))
        if not len(chosen) or not n[e].any():
            continue
        out["enrichment"][e], out["low"][e], out["high"][e] = ratio_interval(s, a, group, seed + e, draws)
        out["share"][e] = _mean(s)
        right = model.predicted[chosen] == e
        out["correct"][e] = enrichment(s[right], a[right])
        p_on = np.maximum(
            mean_test(s - a, group, seed + e, draws)[0],
            placement_test(p_own, masks[chosen], np.isfinite(s), group, seed + e, draws),
        )
        out["p_on"][e] = p_on
        swap_shares = stats.share[chosen].copy()
        swap_shares[:, e] = s
        difference, _ = class_swap(swap_shares, np.full(len(chosen), e))
        out["swap"][e], out["swap_low"][e], out["swap_high"][e] = mean_interval(difference, group, seed + e, draws)
        elsewhere, p_else = _two_sample(share, cases.labels, e, everyone)
        out["elsewhere"][e] = elsewhere
        p_swap = np.maximum(
            mean_test(difference, group, seed + e, draws)[0],
            class_swap_test(swap_shares, np.full(len(chosen), e), group, seed + e, draws),
        )
        agree = np.sign(out["swap"][e]) == np.sign(elsewhere)
        out["p_specific"][e] = np.where(agree, np.maximum(p_swap, p_else), 1.0)
        wide, face = stats.effective_area[chosen, e], a[:, FACE]
        for key, value in zip(
            ("area", "area_low", "area_high"), mean_interval(wide[:, None], group, seed + e, draws), strict=True
        ):
            spread[key][e] = value[0]
        spread["face_area"][e] = float(face[np.isfinite(wide)].mean())
        spread["p_diffuse"][e] = _above(wide - face, 1.0 / cells - face.max(), group, seed + e, draws)
        spread["p_localized"][e] = mean_test((wide - LOCALIZED)[:, None], group, seed + e, draws)[0][0]
    return _adjust(out, spread, n, persons, tuple(hot), min_p(persons, draws))


def _adjust(
    out: dict[str, FloatArray],
    spread: dict[str, FloatArray],
    n: IntArray,
    persons: IntArray,
    hot: tuple[HotCells, ...],
    floor: FloatArray,
) -> EmotionEvidence:
    """Holm over emotions x regions; the hot-cell test belongs to the same family as the regions' enrichment."""
    raw_on = np.concatenate([out["p_on"][:, _TESTED], np.asarray([[h.p] for h in hot])], axis=1)
    raw_on = np.where(np.isnan(raw_on), 1.0, raw_on)
    raw_specific = np.where(np.isnan(out["p_specific"][:, _TESTED]), 1.0, out["p_specific"][:, _TESTED])
    on, specific = holm(raw_on), holm(raw_specific)
    for key, adjusted in (("p_on", on), ("p_specific", specific)):
        out[key][:, _TESTED] = adjusted[:, : len(_TESTED)]
        out[key][:, _BACKGROUND] = adjusted[:, list(_TESTED).index(FACE)]
    diffuse = holm(np.where(np.isnan(spread["p_diffuse"]), 1.0, spread["p_diffuse"]))
    localized = holm(np.where(np.isnan(spread["p_localized"]), 1.0, spread["p_localized"]))
    spread = {**spread, "p_diffuse": diffuse, "p_localized": localized}
    return EmotionEvidence(
        n=n, persons=persons, hot=hot, p_hot=on[:, -1],
        reachable_on=_reachable(floor, on), reachable_specific=_reachable(floor, specific),
        reachable_spread=_reachable(floor[:, :1], diffuse)[:, 0],
        **out, **spread,
    )  # fmt: skip


def _reachable(floor: FloatArray, adjusted: FloatArray) -> BoolArray:
    """Whether a test's smallest p could pass Holm's next step, given what the other tests of the family gave."""
    steps = adjusted.size - int((adjusted < ALPHA).sum())
    return np.asarray(floor * max(steps, 1) < ALPHA)


def _above(difference: FloatArray, lowest: float, group: Clusters, seed: int, draws: int) -> float:
    """Two-sided p of a mean against zero, with a guard against skew on the upper side."""
    p = float(mean_test(difference[:, None], group, seed, draws)[0][0])
    if group.count <= EXACT_CLUSTERS and np.nansum(difference) > 0:
        p = max(p, min(1.0, 2.0 * bounded_test(difference, lowest, group, seed, draws)))
    return p


def _valid_shares(share: FloatArray, template: BoolArray) -> FloatArray:
    valid = share.copy()
    valid[template, _EYES] = np.nan
    return valid


def _mean(values: FloatArray) -> FloatArray:
    valid = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: FloatArray = np.where(valid, values, 0.0).sum(axis=0) / valid.sum(axis=0)
    return mean


def _two_sample(share: FloatArray, labels: IntArray, emotion: int, group: Clusters) -> tuple[FloatArray, FloatArray]:
    """Mean share on the emotion's images minus that on the other emotions', and Welch's p over persons."""
    means, variances, sizes = [], [], []
    for chosen in (np.flatnonzero(labels == emotion), np.flatnonzero((labels >= 0) & (labels != emotion))):
        part = group.subset(chosen)
        count = part.sums(np.isfinite(share[chosen]).astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            person = np.where(count > 0, part.sums(share[chosen]) / count, np.nan)
            size = (count > 0).sum(axis=0)
            mean = _mean(person)
            means.append(mean)
            variances.append(np.nansum((person - mean) ** 2, axis=0) / (size - 1) / size)
            sizes.append(size)
    difference, variance = means[0] - means[1], variances[0] + variances[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = difference / np.sqrt(variance)
        freedom = variance**2 / sum(v**2 / (m - 1) for v, m in zip(variances, sizes, strict=True))
        p = 2.0 * stdtr(freedom, -np.abs(statistic))
    # Shares that do not vary at all differ by rounding only, or beyond doubt.
    certain = np.where(np.abs(difference) > 1e-12, 0.0, 1.0)
    p = np.where(variance < 1e-24, certain, p)
    return difference, np.where(np.isnan(p), 1.0, p)
