"""Whether heatmaps move when a photo is changed: enrichment of every region, without the change and with it.

Of changes that leave the face where it is: its regions are then the same on both pictures. Heat is that of the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.attention.map_statistics import PARTS, areas, enrichment, weights
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.robustness.plan import UNCHANGED
from reportgen.evidence.stats.clustered import clusters, mean_test, ratio_interval
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.faces.regions import REGIONS
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.types import Float32Array, FloatArray, ObjectArray

__all__ = ["HeatMove", "heat_moves"]


@dataclass(frozen=True)
class HeatMove:
    """One model, one change at its strongest, one region.

    Attributes
    ----------
    images
        Photos with heat for their label on both pictures.
    before, after
        Enrichment of the region over them.
    move
        after - before, with a 95 % interval by persons.
    p
        Two-sided, that nothing changes; adjusted (Holm) over the model's changes x regions.
    """

    model: str
    change: str
    level: int
    region: str
    images: int
    before: float
    after: float
    move: Estimate
    p: float
    shown: bool


def heat_moves(
    analysis: Analysis,
    model: ModelRecords,
    design: pd.DataFrame,
    maps: Float32Array,
    units: ObjectArray | None,
    seed: int,
) -> list[HeatMove]:
    """How far heat moves; empty without regions.

    Parameters
    ----------
    design
        `image`, `change` and `level` of every picture.
    maps
        (pictures, C, h, w) of the same pictures.
    """
    if model.masks is None:
        return []
    image, change = design["image"].to_numpy(dtype=np.int64), design["change"].to_numpy(dtype=object)
    level, labels = design["level"].to_numpy(dtype=np.int64), analysis.labels
    own = maps[np.arange(len(maps)), labels[image]]
    plain = model.maps[np.arange(len(labels)), np.maximum(labels, 0)].copy()
    bare = change == UNCHANGED
    plain[image[bare]] = own[bare]
    found: list[tuple[str, int, int, FloatArray, FloatArray, list[Estimate]]] = []
    raw = []
    for name, place in dict.fromkeys(zip(change[~bare].tolist(), level[~bare].tolist(), strict=True)):
        at = np.flatnonzero((change == name) & (level == place))
        if DISTURBANCES[name].moves:
            continue
        before, after = _shares(plain[image[at]], model.masks[image[at]]), _shares(own[at], model.masks[image[at]])
        used = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
        group = clusters(None if units is None else units[image[at[used]]], int(used.sum()))
        if used.sum() < FEW or group.count < MIN_PERSONS:
            continue
        before, after, area = before[used], after[used], areas(model.masks[image[at[used]]])[:, PARTS]
        value, low, high = ratio_interval(after - before, area, group, seed)
        p, _ = mean_test(after - before, group, seed)
        raw.append(p)
        ends = zip(value.tolist(), low.tolist(), high.tolist(), strict=True)
        moves = [Estimate(middle, start, stop, int(used.sum())) for middle, start, stop in ends]
        found.append((name, place, int(used.sum()), enrichment(before, area), enrichment(after, area), moves))
    adjusted = holm(np.array(raw)) if raw else np.empty((0, len(PARTS)))
    return [
        HeatMove(
            model.name, name, place, REGIONS[part], n, float(before[k]), float(after[k]), moves[k],
            float(adjusted[row, k]), bool(adjusted[row, k] < ALPHA),
        )
        for row, (name, place, n, before, after, moves) in enumerate(found)
        for k, part in enumerate(PARTS.tolist())
        if np.isfinite(moves[k].value)
    ]  # fmt: skip


def _shares(maps: Float32Array, masks: Float32Array) -> FloatArray:
    """(n, regions) share of each map's heat in each region but the whole face; NaN for a map without heat."""
    p, _ = weights(maps)
    return np.asarray(np.einsum("nhw,nrhw->nr", p, masks[:, PARTS].astype(np.float64)))
