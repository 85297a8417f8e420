"""What defines each emotion for a model: its regions beside people's, and how far the emotions lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.cell_grid import CellGrid
from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.human_reference import HUMAN, NAIVE
from reportgen.evidence.attention.map_statistics import PARTS, areas
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.attention.verdicts import Verdict, VerdictAnswer
from reportgen.evidence.stats.clustered import clusters, ratio_interval
from reportgen.evidence.stats.intervals import Estimate, bootstrap_counts
from reportgen.faces.regions import REGIONS
from reportgen.types import AnyFloatArray, BoolArray, Float32Array, FloatArray, IntArray, ObjectArray

__all__ = [
    "EmotionProfile",
    "ProfileDistance",
    "average_maps",
    "emotion_profiles",
    "profile_distance",
    "warp_maps",
]

_EYES, _MOUTH = REGIONS.index("eyes+brows"), REGIONS.index("mouth")
_PERMUTATIONS = 2000
_FEWEST = 6


@dataclass(frozen=True)
class EmotionProfile:
    """Where one model looks for one emotion, beside what people do.

    Attributes
    ----------
    regions
        Enrichment of each region in the order of REGIONS, with 95 % interval.
    correct
        Enrichment over the correctly classified images alone (NaN where there is none).
    eyes_to_mouth
        Enrichment of eyes and brows divided by that of the mouth, each image's part weighted alike.
    human_eyes_to_mouth
        The same for human observers; NaN where not known.
    human_like
        "yes" when the heatmap falls on every region that people need, "no" when it does not fall on one of them;
        "no expectation" where people need none in particular.
    naive
        Agreement with the simple table of many notebooks, in the same words.
    action_units
        Numbers of the facial action coding system.
    """

    model: str
    emotion: str
    regions: tuple[Estimate, ...]
    correct: tuple[float, ...]
    eyes_to_mouth: Estimate
    human_eyes_to_mouth: float
    human_like: str
    naive: str
    action_units: tuple[int, ...]


def emotion_profiles(
    model: ModelMaps, measures: ModelMeasures, cases: Cases, verdicts: Sequence[Verdict], seed: int
) -> tuple[EmotionProfile, ...]:
    """Profiles of one model, one per emotion, from its measures and its own verdicts."""
    answers = {(v.emotion, v.kind): v.answer for v in verdicts if v.model == model.name}
    area = areas(measures.masks)
    plain = measures.plain
    profiles = []
    for e, emotion in enumerate(cases.classes):
        human = HUMAN.get(emotion)
        regions = tuple(
            Estimate(
                float(plain.enrichment[e, r]),
                float(plain.low[e, r]),
                float(plain.high[e, r]),
                int(plain.n[e, r]),
                None if cases.persons is None else int(plain.persons[e, r]),
            )
            for r in range(len(REGIONS))
        )
        required = human.required if human else ()
        like = _all_of([answers[emotion, f"on {region}"] for region in required])
        table = NAIVE.get(emotion, "")
        naive = _all_of([answers[emotion, f"on {table}"]] if table else [])
        chosen = np.flatnonzero((cases.labels == e) & ~cases.template & ~measures.own.null_map)
        persons = None if cases.persons is None else cases.persons[chosen]
        ratio = _eyes_to_mouth(measures.own.share[chosen], area[chosen], persons, seed + e)
        profiles.append(
            EmotionProfile(
                model.name, emotion, regions, tuple(float(v) for v in plain.correct[e]), ratio,
                human.eyes / human.mouth if human else float("nan"), like, naive,
                human.action_units if human else (),
            )
        )  # fmt: skip
    return tuple(profiles)


def _all_of(answers: Sequence[VerdictAnswer]) -> str:
    if not answers:
        return "no expectation"
    if "no" in answers:
        return "no"
    if all(answer == "yes" for answer in answers):
        return "yes"
    return "insufficient evidence" if "insufficient evidence" in answers else "undetermined"


def _eyes_to_mouth(share: FloatArray, area: FloatArray, persons: ObjectArray | None, seed: int) -> Estimate:
    if not len(share):
        return Estimate(float("nan"), 0.0, float("inf"), 0)
    group = clusters(persons, len(share))
    scale = area.mean(axis=0)
    top, bottom = share[:, [_EYES]] / scale[_EYES], share[:, [_MOUTH]] / scale[_MOUTH]
    value, low, high = ratio_interval(top, bottom, group, seed)
    return Estimate(float(value[0]), float(low[0]), float(high[0]), group.count)


def warp_maps(
    maps: AnyFloatArray, affines: AnyFloatArray, size: int = 56, grid: CellGrid | None = None
) -> Float32Array:
    """Maps of many images in one canonical frame.

    Parameters
    ----------
    maps
        (n, h, w) values on the model's grid.
    affines
        (n, 2, 3) from fractions of the image to fractions of the canonical frame, as `faces.align.to_canonical` gives.
    size
        Side of the frame in pixels.
    grid
        Where the cells see; None: equal shares of the picture.

    Returns
    -------
    warped
        (n, size, size) bilinear between cell centres, constant from the outermost centres to the image's edge, NaN
        where the image does not reach (or the affine cannot be inverted).
    """
    n, height, width = maps.shape
    grid = grid or CellGrid.even(height, width)
    square = np.zeros((n, 3, 3))
    square[:, :2] = affines
    square[:, 2, 2] = 1.0
    usable: BoolArray = np.asarray(np.isfinite(square).all(axis=(1, 2)))
    usable[usable] = np.abs(np.linalg.det(square[usable])) > 1e-12
    back = np.full((n, 2, 3), np.nan)
    back[usable] = np.linalg.inv(square[usable])[:, :2]
    centres = (np.arange(size) + 0.5) / size
    frame = np.stack([np.tile(centres, size), np.repeat(centres, size), np.ones(size * size)])  # (3, size*size)
    x, y = np.moveaxis(back @ frame, 1, 0)  # (n, size*size) each, fractions of the image
    inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    column = np.clip(grid.columns.positions(np.nan_to_num(x)), 0, width - 1)
    row = np.clip(grid.rows.positions(np.nan_to_num(y)), 0, height - 1)
    j, i = column.astype(np.intp), row.astype(np.intp)
    right, below = column - j, row - i
    j1, i1, k = np.minimum(j + 1, width - 1), np.minimum(i + 1, height - 1), np.arange(n)[:, None]
    upper = maps[k, i, j] * (1 - right) + maps[k, i, j1] * right
    lower = maps[k, i1, j] * (1 - right) + maps[k, i1, j1] * right
    result = np.where(inside, upper * (1 - below) + lower * below, np.nan)
    return result.reshape(n, size, size).astype(np.float32)


def average_maps(warped: AnyFloatArray, cells: int) -> FloatArray:
    """(size, size) mean of aligned maps per unit of uniform attention; NaN where no image reaches.

    Parameters
    ----------
    warped
        (n, size, size) aligned distributions p, NaN where an image does not reach.
    cells
        Number of cells of the model's grid: p is multiplied by it, so that 1 is uniform attention.
    """
    valid = np.isfinite(warped)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(valid, warped, 0.0).sum(axis=0, dtype=np.float64) / valid.sum(axis=0)
    return np.asarray(mean * cells)


@dataclass(frozen=True)
class ProfileDistance:
    """How far apart the emotions' mean profiles are.

    Attributes
    ----------
    distance
        (C, C) Euclidean distance between the mean excess shares (share minus area over the six parts); NaN where an
        emotion has fewer than six persons (or images) with a map.
    mean
        Over all pairs with an interval from persons (or images) resampled within the emotions.
    chance, chance_high
        Mean and 95th percentile of the same number when the labels are permuted.
    p
        One-sided permutation p-value of the separation, measured as the variance between the emotions' means.
    """

    distance: FloatArray
    mean: Estimate
    chance: float
    chance_high: float
    p: float


def profile_distance(
    share: FloatArray,
    area: FloatArray,
    labels: IntArray,
    classes: int,
    persons: ObjectArray | None = None,
    seed: int = 0,
    draws: int = _PERMUTATIONS,
) -> ProfileDistance:
    """Distance between the emotions' mean profiles, held against a permutation of the labels.

    A profile is the share minus the area of the six parts, so that emotions which merely enlarge a region do not
    differ. Where persons are known, the mean over a person's images of one emotion is what is permuted.

    Parameters
    ----------
    share, area
        (n, R); NaN rows (null maps) are left out.
    labels
        (n,) -1 where unlabelled.
    classes
        Number of emotions.
    """
    valid = np.isfinite(share).all(axis=1) & (labels >= 0)
    excess, kept = (share - area)[valid][:, PARTS], labels[valid]
    if persons is not None and valid.any():
        excess, kept = _by_person(excess, kept, persons[valid], classes)
    # Two or three faces are no profile; six are the least for which a test exists.
    few = np.bincount(kept, minlength=classes) < _FEWEST
    excess, kept = excess[~few[kept]], kept[~few[kept]]
    rng = np.random.default_rng(seed)
    observed = _means(excess, kept, classes)
    pairs = np.triu_indices(classes, 1)
    distance = _distances(observed)
    value = float(_mean_distances(distance[pairs]))
    if np.isfinite(distance[pairs]).sum() == 0:
        return ProfileDistance(distance, Estimate(value, 0.0, float("inf"), len(kept)), np.nan, np.nan, 1.0)
    shuffled = rng.permuted(np.broadcast_to(kept, (draws, len(kept))), axis=1)  # (B, n)
    weight = bootstrap_counts(len(kept), draws, rng, strata=kept)
    chance_means = _grouped(excess, np.ones(1), shuffled, classes)
    drawn_means = _grouped(excess, weight, kept[None], classes)
    sizes, centre = np.bincount(kept, minlength=classes)[:, None], excess.mean(axis=0)
    # Sum of squares between the emotions' means; the total is the same for every permutation.
    between = (sizes * np.nan_to_num(chance_means - centre) ** 2).sum(axis=(1, 2))
    reached = int((between >= (sizes * np.nan_to_num(observed - centre) ** 2).sum() * (1 - 1e-9)).sum())
    chance, drawn = (_mean_distances(_distances(m)[:, pairs[0], pairs[1]]) for m in (chance_means, drawn_means))
    # Resampling adds its own noise to every distance; the pivot takes it out again.
    low, high = 2 * value - np.quantile(drawn, [0.975, 0.025])
    estimate = Estimate(value, min(max(0.0, float(low)), value), max(float(high), value), len(kept))
    p = (reached + 1.0) / (draws + 1.0)
    return ProfileDistance(distance, estimate, float(chance.mean()), float(np.quantile(chance, 0.95)), p)


def _by_person(excess: FloatArray, labels: IntArray, persons: ObjectArray, classes: int) -> tuple[FloatArray, IntArray]:
    code = clusters(persons, len(labels)).code * classes + labels
    used, inverse = np.unique(code, return_inverse=True)
    total = np.zeros((len(used), excess.shape[1]))
    np.add.at(total, inverse, excess)
    return total / np.bincount(inverse)[:, None], np.asarray(used % classes, dtype=np.int64)


def _means(values: FloatArray, labels: IntArray, classes: int) -> FloatArray:
    counts = np.bincount(labels, minlength=classes)[:, None]
    sums = np.stack([np.bincount(labels, values[:, k], classes) for k in range(values.shape[1])], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / counts)


def _grouped(values: FloatArray, weight: npt.NDArray[np.number], labels: IntArray, classes: int) -> FloatArray:
    """(B, C, D) weighted means of (n, D) values per emotion; weights and labels are (B, n) or broadcast to it."""
    means = []
    for e in range(classes):
        part = ((labels == e) * weight).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append((part @ values) / part.sum(axis=1, keepdims=True))
    return np.stack(means, axis=1)


def _distances(means: FloatArray) -> FloatArray:
    """(..., C, C) Euclidean distances between (..., C, D) means."""
    return np.asarray(np.sqrt(((means[..., :, None, :] - means[..., None, :, :]) ** 2).sum(axis=-1)))


def _mean_distances(pairs: FloatArray) -> FloatArray:
    """Mean over the last axis of what is not NaN; NaN where all is."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.nansum(pairs, axis=-1) / np.isfinite(pairs).sum(axis=-1))
