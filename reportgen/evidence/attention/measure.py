"""Measurements of one model's maps, before any verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.map_statistics import (
    MapStatistics,
    contrast_classes,
    describe,
    merge_masks,
    null_maps,
    unresolved_groups,
    weights,
)
from reportgen.evidence.attention.nulls import class_swap
from reportgen.evidence.attention.region_tests import EmotionEvidence, Maps, gather_evidence
from reportgen.evidence.stats.clustered import DRAWS
from reportgen.types import AnyFloatArray, FloatArray, IntArray

__all__ = ["ModelMeasures", "measure_model"]

_BLOCK = 1024


@dataclass(frozen=True)
class ModelMeasures:
    """Measurements of one model.

    Attributes
    ----------
    own
        Maps of the labelled class.
    predicted
        Maps of the predicted class.
    contrast
        Contrastive maps of the labelled class.
    share_others
        (n, R) mean share of the other classes' maps on the same image; NaN where the pair is missing.
    masks
        The masks that were used: members of `groups` carry their group's sum.
    groups
        Regions that this grid cannot tell apart.
    """

    own: MapStatistics
    predicted: MapStatistics
    contrast: MapStatistics
    share_others: FloatArray
    masks: AnyFloatArray
    groups: tuple[tuple[str, ...], ...]
    plain: EmotionEvidence
    contrastive: EmotionEvidence


def measure_model(model: ModelMaps, cases: Cases, seed: int, draws: int = DRAWS) -> ModelMeasures:
    """Measure one model's maps on the labelled images; see the classes for what comes out."""
    groups = unresolved_groups(model.masks)
    masks = np.asarray(merge_masks(model.masks, groups), dtype=np.float32) if groups else model.masks
    label = np.where(cases.labels >= 0, cases.labels, model.predicted)
    # In double precision all classes' maps are several times their records: a block at a time.
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(label), _BLOCK)]
    parts = [_measure(model, masks, label, cases, block) for block in blocks]
    own, predicted, other, plain, against = (_joined([part[k] for part in parts]) for k in range(5))
    _, others = class_swap(plain.share, label)
    found = [
        gather_evidence(maps, stats, masks, model, cases, seed, draws)
        for maps, stats in ((_raw(model), plain), (_contrast(model), against))
    ]
    return ModelMeasures(own, predicted, other, others, masks, groups, found[0], found[1])


def _measure(
    model: ModelMaps, masks: AnyFloatArray, label: IntArray, cases: Cases, block: slice
) -> tuple[MapStatistics, ...]:
    """Statistics of some images: of the labelled class, the predicted one, the contrast, and of all classes of both."""
    raw, seen, unit = _raw(model)(block), masks[block], None if cases.unit is None else cases.unit[block]
    label, top = label[block], model.predicted[block]
    rows = np.arange(len(raw))
    contrast = contrast_classes(raw)
    null_map = np.zeros(raw.shape[:2], dtype=bool)
    null = None if model.null is None else model.null.mass[block]
    null_map[rows, label] = null_maps(weights(raw[rows, label])[1], null)
    plain = describe(raw, seen, unit=unit, null_map=null_map, grid=model.grid)
    # A map that is null by the random head has no contrast to interpret either.
    against = describe(contrast, seen, unit=unit, null_map=null_map, grid=model.grid)
    own, other = _pick(plain, label), _pick(against, label)
    predicted = _pick(describe(raw, seen, unit=unit, grid=model.grid), top)
    # Owners of peaks are named on the unmerged masks.
    own, predicted, other = (
        replace(part, peak_region=describe(maps[rows, which], model.masks[block], null_map=part.null_map).peak_region)
        for part, maps, which in ((own, raw, label), (predicted, raw, top), (other, contrast, label))
    )
    return own, predicted, other, plain, against


def _raw(model: ModelMaps) -> Maps:
    return lambda rows: np.asarray(model.maps[rows], dtype=np.float64)


def _contrast(model: ModelMaps) -> Maps:
    return lambda rows: contrast_classes(model.maps[rows])


def _joined(parts: list[MapStatistics]) -> MapStatistics:
    return MapStatistics(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def _pick(stats: MapStatistics, chosen: IntArray) -> MapStatistics:
    rows = np.arange(len(chosen))
    return MapStatistics(**{name: value[rows, chosen] for name, value in vars(stats).items()})
