"""Everything that is measured of one model's maps before any verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reportgen.evidence.attention import (
    Floats,
    Ints,
    MapStatistics,
    blank_maps,
    contrast_classes,
    describe,
    merge_masks,
    unresolved_groups,
    weights,
)
from reportgen.evidence.cases import Cases, ModelMaps
from reportgen.evidence.emotion_evidence import EmotionEvidence, gather_evidence
from reportgen.evidence.inference import DRAWS
from reportgen.evidence.nulls import class_swap

__all__ = ["ModelMeasures", "measure_model"]


@dataclass(frozen=True)
class ModelMeasures:
    """Everything measured of one model.

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
    share_others: Floats
    masks: Floats
    groups: tuple[tuple[str, ...], ...]
    plain: EmotionEvidence
    contrastive: EmotionEvidence


def measure_model(model: ModelMaps, cases: Cases, seed: int, draws: int = DRAWS) -> ModelMeasures:
    """Measure one model's maps on the labelled images; see the classes for what comes out."""
    groups = unresolved_groups(model.masks)
    masks = merge_masks(model.masks, groups)
    raw = np.asarray(model.maps, dtype=np.float64)
    rows, label = np.arange(len(raw)), np.where(cases.labels >= 0, cases.labels, model.predicted)
    contrast = contrast_classes(raw)
    blank = np.zeros(raw.shape[:2], dtype=bool)
    blank[rows, label] = blank_maps(weights(raw[rows, label])[1], None if model.null is None else model.null.mass)
    plain = describe(raw, masks, unit=cases.unit, blank=blank)
    # A map that the random head calls blank has no contrast worth reading either.
    against = describe(contrast, masks, unit=cases.unit, blank=blank)
    own, other = _pick(plain, label), _pick(against, label)
    _, others = class_swap(plain.share, label)
    predicted = _pick(describe(raw, masks, unit=cases.unit), model.predicted)
    # Owners of peaks are named on the unmerged masks.
    predicted, own, other = (
        replace(part, peak_region=describe(maps[rows, which], model.masks, blank=part.blank).peak_region)
        for part, maps, which in ((predicted, raw, model.predicted), (own, raw, label), (other, contrast, label))
    )
    found = [
        gather_evidence(maps, stats, masks, model, cases, seed, draws)
        for maps, stats in ((raw, plain), (contrast, against))
    ]
    return ModelMeasures(own, predicted, other, others, masks, groups, found[0], found[1])


def _pick(stats: MapStatistics, chosen: Ints) -> MapStatistics:
    rows = np.arange(len(chosen))
    return MapStatistics(**{name: value[rows, chosen] for name, value in vars(stats).items()})
