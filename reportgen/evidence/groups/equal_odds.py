"""Equalised odds: how far recall, and false alarms, differ between the groups of one grouping.

Hardt, Price and Srebro 2016. With many groups and emotions the widest difference is wide by chance, so it stands beside
what groups without any difference would show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import ModelRecords
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.stats.clustered import Clusters
from reportgen.evidence.stats.intervals import MIN_PERSONS
from reportgen.types import FloatArray, IntArray

__all__ = ["EqualOdds", "equalised_odds"]

_DRAWS = 2000


@dataclass(frozen=True)
class EqualOdds:
    """One model and grouping.

    Attributes
    ----------
    difference
        The wider one of the differences in recall and in false alarms, between any two groups and for any emotion,
        0..1. NaN where fewer than two groups have ten photos of any emotion.
    of, emotion, high, low
        "recall" or "false alarms"; of which emotion; and in which groups it is highest and lowest.
    chance
        95th percentile of that difference if groups did not differ.
    """

    model: str
    grouping: str
    difference: float
    of: str
    emotion: str
    high: str
    low: str
    chance: float


def equalised_odds(
    model: ModelRecords, classes: tuple[str, ...], labels: IntArray, grouping: Grouping, group: Clusters, seed: int
) -> EqualOdds:
    """The widest difference over emotions; false alarms are weighted to the mix of labels of all photos.

    Parameters
    ----------
    labels
        (n,) -1 where unlabelled.
    """
    levels, c = len(grouping.levels), len(classes)
    rates, errors = np.full((2, c, levels), np.nan), np.full((2, c, levels), np.nan)
    mix = np.bincount(labels[labels >= 0], minlength=c).astype(np.float64)
    counts = np.stack([np.bincount(labels[grouping.photos(k) & (labels >= 0)], minlength=c) for k in range(levels)])
    enough = counts >= FEW
    compared = enough.any(axis=1)
    for e in range(c):
        rest = (np.arange(c) != e) & (enough[compared].all(axis=0) if compared.any() else False)
        for k in range(levels):
            inside = grouping.photos(k)
            if enough[k, e]:
                weight = np.where(inside & (labels == e), 1.0, 0.0)
                rates[0, e, k], errors[0, e, k] = _rate(model.predicted == e, weight, group)
            if rest.any() and enough[k, rest].all():
                of_label = np.where(rest, mix / np.maximum(counts[k], 1), 0.0)
                weight = np.where(inside & (labels >= 0), of_label[labels], 0.0)
                rates[1, e, k], errors[1, e, k] = _rate(model.predicted == e, weight, group)
    pairs = np.isfinite(rates).sum(axis=2) > 1
    if not pairs.any():
        return EqualOdds(model.name, grouping.name, math.nan, "", "", "", "", math.nan)
    rates[~pairs], errors[~pairs] = np.nan, np.nan
    with np.errstate(invalid="ignore"):
        spread = np.where(pairs, _range(np.where(pairs[..., None], rates, 0.0)), -1.0)
    kind, widest = divmod(int(spread.argmax()), c)
    own = rates[kind, widest]
    noise = np.random.default_rng(seed).normal(size=(_DRAWS, *rates.shape)) * errors
    drawn = np.where(pairs, _range(np.where(pairs[..., None], noise, 0.0)), -1.0)
    return EqualOdds(
        model.name, grouping.name, float(spread[kind, widest]), ("recall", "false alarms")[kind], classes[widest],
        grouping.levels[int(np.nanargmax(own))], grouping.levels[int(np.nanargmin(own))],
        float(np.quantile(drawn.reshape(_DRAWS, -1).max(axis=1), 0.95)),
    )  # fmt: skip


def _range(values: FloatArray) -> FloatArray:
    return np.asarray(np.nanmax(values, axis=-1) - np.nanmin(values, axis=-1))


def _rate(hit: IntArray, weight: FloatArray, group: Clusters) -> tuple[float, float]:
    """A weighted share and its standard error by persons; NaN with too few of them."""
    at = np.flatnonzero(weight)
    units, unit = np.unique(group.code[at], return_inverse=True)
    if len(units) < MIN_PERSONS:
        return math.nan, math.nan
    w = weight[at] / weight[at].sum()
    share = float(w @ hit[at])
    held = np.bincount(unit, w)
    pulls = np.bincount(unit, w * (hit[at] - share)) / np.sqrt(np.maximum(1.0 - held, 1e-9))
    smooth = (share * len(at) + 0.5) / (len(at) + 1)
    return share, math.sqrt(max(float((pulls**2).sum()), smooth * (1 - smooth) * float((w**2).sum())))
