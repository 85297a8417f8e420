"""What changed between two analyses of the same images: predictions, and where the heat lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import ModelPredictions, ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.evidence.attention.map_statistics import FACE, common_grid, null_maps, weights
from reportgen.evidence.performance.model_comparison import (
    Comparison,
    RecallDifference,
    compare_models,
    recall_differences,
)
from reportgen.evidence.performance.scores import ModelScores, score_model
from reportgen.evidence.stats.clustered import Clusters, clusters, mean_interval, mean_test
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.faces.regions import REGIONS
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = ["HeatChange", "PredictionChange", "PredictionFlow", "RegionMove", "heat_change", "prediction_change"]

MIN_CLUSTERS = 6
"""Fewer images (or persons) than this cannot reach p < .05 by flipping signs."""

_BACKGROUND = REGIONS.index("background")


@dataclass(frozen=True)
class PredictionFlow:
    """Images of one label whose prediction changed from one emotion to another."""

    truth: str
    before: str
    after: str
    count: int


@dataclass(frozen=True)
class PredictionChange:
    """One model's predictions before and after, on the images both analyses have.

    Attributes
    ----------
    comparison
        A is after, B is before: a positive difference is an improvement.
    recalls
        Per emotion, after minus before.
    before, after
        Scores on the same images.
    changed
        Images whose prediction changed.
    flows
        The changed predictions by label, before and after, the most frequent first.
    brier, brier_p
        Brier score of an image, after minus before, mean over labelled images with interval and two-sided p of no
        change; above 0 the probabilities got worse.
    fixed, broken, moved
        Positions of the images that became right, that became wrong, and that are wrong in another way; the most
        confident first.
    """

    comparison: Comparison
    recalls: tuple[RecallDifference, ...]
    before: ModelScores
    after: ModelScores
    changed: int
    flows: tuple[PredictionFlow, ...]
    brier: Estimate
    brier_p: float
    fixed: IntArray
    broken: IntArray
    moved: IntArray


@dataclass(frozen=True)
class RegionMove:
    """The mean share of the heat on one region of one emotion's images, before and after.

    Attributes
    ----------
    difference
        After minus before, paired on the image, with a 95 % interval; `n` counts persons where known.
    p
        Adjusted (Holm) over emotions x regions.
    """

    emotion: str
    region: str
    before: float
    after: float
    difference: Estimate
    p: float

    @property
    def decided(self) -> bool:
        """Whether test and interval agree that it moved."""
        return self.p < ALPHA and self.difference.excludes(0.0)


@dataclass(frozen=True)
class HeatChange:
    """Where the heat of the labelled class moved.

    Attributes
    ----------
    regions
        Emotions x regions; empty where regions were not measured.
    moved
        Per emotion: the part of the heat that lies elsewhere now (total variation distance of the two maps of one
        image, 0 the same, 1 no cell in common), mean over images with interval.
    null_maps
        Images left out because one of their two maps is null.
    n
        Images used.
    """

    regions: tuple[RegionMove, ...]
    moved: tuple[tuple[str, Estimate], ...]
    null_maps: int
    n: int


def prediction_change(
    name: str,
    before: ModelPredictions,
    after: ModelPredictions,
    labels: IntArray,
    classes: Sequence[str],
    seed: int,
    persons: ObjectArray | None = None,
) -> PredictionChange:
    """Compare two models' predictions on the same images.

    Parameters
    ----------
    before, after
        Their predictions, row by row on the same images.
    labels
        (m,) -1 for images that count nowhere: unlabelled, or labelled otherwise in one of the analyses.
    persons
        (m,) unit of each image, as `stats.units` gives them; None: every image counts for itself.
    """
    old = ModelPredictions(f"{name} before", f"{before.slug}-before", before.info, before.logits)
    new = ModelPredictions(f"{name} after", f"{after.slug}-after", after.info, after.logits)
    known = labels >= 0
    was, now = old.predicted == labels, new.predicted == labels
    turned = old.predicted != new.predicted
    counted = Counter(
        zip(labels[turned & known].tolist(), old.predicted[turned & known].tolist(),
            new.predicted[turned & known].tolist(), strict=True)
    )  # fmt: skip
    flows = tuple(
        PredictionFlow(classes[truth], classes[one], classes[two], count)
        for (truth, one, two), count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    )
    sure = np.minimum(old.confidence, new.confidence)

    def ranked(mask: BoolArray) -> IntArray:
        rows = np.flatnonzero(mask & known)
        return np.asarray(rows[np.argsort(-sure[rows], kind="stable")], dtype=np.int64)

    everyone = clusters(persons, len(labels))
    one_hot = np.eye(len(classes))[labels[known]]
    rise = sum(
        sign * ((model.probabilities[known] - one_hot) ** 2).sum(axis=1) for sign, model in ((1, new), (-1, old))
    )
    group = everyone.subset(np.flatnonzero(known))
    brier, brier_p = _change(np.asarray(rise, dtype=np.float64), group, seed)
    return PredictionChange(
        compare_models(new, old, labels, persons, seed),
        recall_differences(new, old, labels, classes, persons, seed),
        score_model(old.name, labels, old.probabilities, classes, seed, persons),
        score_model(new.name, labels, new.probabilities, classes, seed, persons),
        int(turned.sum()),
        flows,
        brier,
        brier_p,
        ranked(now & ~was),
        ranked(was & ~now),
        ranked(turned & ~was & ~now),
    )


def _change(difference: FloatArray, group: Clusters, seed: int) -> tuple[Estimate, float]:
    """Mean of paired differences (n,) with a 95 % interval, and the p-value of no change; (NaN, 1) without any."""
    persons = None if group.single else group.count
    if group.count < MIN_CLUSTERS:
        value = float(difference.mean()) if len(difference) else float("nan")
        return Estimate(value, -2.0, 2.0, len(difference), group.count, group.named and not group.single), 1.0
    value, low, high = (float(part[0]) for part in mean_interval(difference[:, None], group, seed))
    p = float(mean_test(difference[:, None], group, seed)[0][0])
    return Estimate(value, low, high, len(difference), persons, group.named), p


def heat_change(
    before: ModelRecords,
    after: ModelRecords,
    labels: IntArray,
    classes: Sequence[str],
    persons: ObjectArray | None,
    seed: int,
) -> HeatChange:
    """Compare two models' maps of the labelled class on the same images, on the coarser of their grids.

    Parameters
    ----------
    before, after
        Their records, row by row on the same images.
    labels
        (m,) -1 for images that count nowhere.
    persons
        (m,) or None.
    """
    rows = np.arange(len(labels))
    own = np.maximum(labels, 0)
    p, is_null = [], np.zeros(len(labels), dtype=bool)
    coarse = min((after, before), key=lambda model: model.maps.shape[-1] * model.maps.shape[-2])
    for model in (before, after):
        weight, mass = weights(model.maps[rows, own])
        is_null |= null_maps(mass, model.null_mass)
        p.append(common_grid(weight, _grid(model, after, before), _grid(coarse, after, before)))
    used = (labels >= 0) & ~is_null
    elsewhere = 0.5 * np.abs(p[1] - p[0]).sum(axis=(1, 2))
    everyone = clusters(persons, len(labels))
    moved = tuple(
        (name, _mean(elsewhere[used & (labels == e)], everyone, used & (labels == e), seed + e))
        for e, name in enumerate(classes)
    )
    regions: tuple[RegionMove, ...] = ()
    if coarse.masks is not None:
        shares = [np.einsum("nhw,nrhw->nr", part, coarse.masks.astype(np.float64)) for part in p]
        regions = _regions(shares[0], shares[1], used, labels, classes, everyone, seed)
    return HeatChange(regions, moved, int((is_null & (labels >= 0)).sum()), int(used.sum()))


def _grid(model: ModelRecords, *both: ModelRecords) -> CellGrid:
    """Where a model's cells see; an analysis of an older version does not say: as the other's of that shape."""
    said = [one.grid for one in (model, *both) if "cell_centres" in one.info and one.grid.shape == model.grid.shape]
    return said[0] if said else model.grid


def _regions(
    before: FloatArray,
    after: FloatArray,
    used: BoolArray,
    labels: IntArray,
    classes: Sequence[str],
    everyone: Clusters,
    seed: int,
) -> tuple[RegionMove, ...]:
    difference = after - before
    shape = (len(classes), len(REGIONS))
    p = np.full(shape, np.nan)
    values, lows, highs, units = (np.full(shape, np.nan) for _ in range(4))
    for e in range(len(classes)):
        chosen = np.flatnonzero(used & (labels == e))
        group = everyone.subset(chosen)
        units[e] = group.count
        if not len(chosen):
            continue
        values[e], lows[e], highs[e] = mean_interval(difference[chosen], group, seed + e)
        if group.count >= MIN_CLUSTERS:
            p[e] = mean_test(difference[chosen], group, seed + e)[0]
    # The background is what the face leaves: one test serves both.
    tested = [k for k in range(len(REGIONS)) if k != _BACKGROUND]
    adjusted = np.ones(shape)
    adjusted[:, tested] = np.nan_to_num(holm(p[:, tested]), nan=1.0)
    adjusted[:, _BACKGROUND] = adjusted[:, FACE]
    found = []
    for e, name in enumerate(classes):
        rows = used & (labels == e)
        if not rows.any():
            continue
        for r, region in enumerate(REGIONS):
            estimate = Estimate(float(values[e, r]), float(lows[e, r]), float(highs[e, r]), int(units[e, r]))
            found.append(
                RegionMove(
                    name, region, float(before[rows, r].mean()), float(after[rows, r].mean()), estimate,
                    float(adjusted[e, r]),
                )
            )  # fmt: skip
    return tuple(found)


def _mean(values: FloatArray, everyone: Clusters, rows: BoolArray, seed: int) -> Estimate:
    group = everyone.subset(np.flatnonzero(rows))
    if not len(values):
        return Estimate(float("nan"), 0.0, 1.0, 0)
    value, low, high = (float(part[0]) for part in mean_interval(values[:, None], group, seed))
    return Estimate(value, max(0.0, low), min(1.0, high), group.count)
