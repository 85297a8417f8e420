"""What a repair would bring: the last layer fitted again so that a proven cue tells nothing, and what that changes.

After deep feature reweighting (Kirichenko et al. 2023): the features stay, and the last layer is fitted to groups that
count alike, each emotion with its photos as they are and with the cue taken away or put in. It is fitted on one half of
the persons and measured on the other, and the other way round, so that no photo is judged by what it taught.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import logsumexp

from reportgen.evidence.stats.clustered import Clusters, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = [
    "REPAIR_COLUMNS",
    "ChangedPhotos",
    "CueKind",
    "RepairFindings",
    "RepairPreview",
    "balanced",
    "preview_repair",
    "refit",
    "repair_table",
]

CueKind = Literal["property", "component", "mark"]

_STRENGTH = 0.001
"""Of the pull towards the layer as it is, per standardised weight, where all photos together weigh 1."""
_STEPS = 300
_LEAST = 4  # photos of the emotion without the cue in either half


@dataclass(frozen=True)
class ChangedPhotos:
    """Photos with a cue taken away or put in.

    Attributes
    ----------
    rows
        (m,) of the analysis.
    taken
        (m,) whether the cue was taken away; else it was put in.
    features
        (m, F).
    """

    rows: IntArray
    taken: BoolArray
    features: AnyFloatArray


@dataclass(frozen=True)
class RepairPreview:
    """One cue of one model, each share before and after; both of the same photos.

    Attributes
    ----------
    kind, cue
        What carries the emotion: the change that takes a property away, the place of a component, the region of a mark.
    recall
        Of the emotion's photos as they are.
    known
        Recall, before, of those of them that are shown without the cue, as they are.
    without
        Of these photos without it.
    turned
        Share of other emotions' photos with the cue put in that are predicted as the emotion; None where it cannot be.
    accuracy
        Of all labelled photos as they are.
    gain, cost
        Difference of `without` and of `accuracy`, after less before, paired.
    """

    model: str
    slug: str
    emotion: str
    kind: CueKind
    cue: str
    recall: tuple[Estimate, Estimate]
    known: Estimate
    without: tuple[Estimate, Estimate]
    turned: tuple[Estimate, Estimate] | None
    accuracy: tuple[Estimate, Estimate]
    gain: Estimate
    cost: Estimate

    @property
    def recovered(self) -> float:
        """Share of the recall that is lost without the cue and comes back; NaN where none is lost."""
        lost = self.known.value - self.without[0].value
        return (self.without[1].value - self.without[0].value) / lost if lost > 0 else float("nan")


@dataclass(frozen=True)
class RepairFindings:
    """The previews, in the order of the proofs, and by model and emotion why others were not made."""

    previews: tuple[RepairPreview, ...]
    left_out: tuple[tuple[str, str, str], ...]
    tables: Mapping[str, pd.DataFrame]


def refit(
    features: FloatArray, labels: IntArray, weight: FloatArray, layer: FloatArray, bias: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """A last layer (C, F) and its bias (C,) fitted to weighted photos, starting from and drawn to the one given.

    Parameters
    ----------
    features, labels, weight
        (n, F), (n,) and (n,), the last with sum 1.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    scaled, given = (features - mean) / spread, features @ layer.T + bias
    classes, width = layer.shape
    each = np.arange(len(labels))

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        change, shift = values[: classes * width].reshape(classes, width), values[classes * width :]
        z = given + scaled @ change.T + shift
        total = logsumexp(z, axis=1)
        slope = np.exp(z - total[:, None])
        slope[each, labels] -= 1.0
        slope *= weight[:, None]
        down = slope.T @ scaled + _STRENGTH * change
        value = float(weight @ (total - z[each, labels]) + _STRENGTH / 2 * (change**2).sum())
        return value, np.concatenate([down.ravel(), slope.sum(axis=0)])

    start = np.zeros(classes * width + classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    change = found[: classes * width].reshape(classes, width) / spread
    return layer + change, bias + found[classes * width :] - change @ mean


def balanced(labels: IntArray, changed: BoolArray) -> FloatArray:
    """(n,) weights with sum 1: every emotion alike, and within it its photos as they are and its changed ones alike."""
    weight = np.zeros(len(labels))
    for emotion in np.unique(labels):
        parts = [(labels == emotion) & (changed == which) for which in (False, True)]
        present = [part for part in parts if part.any()]
        for part in present:
            weight[part] = 1.0 / (len(present) * part.sum())
    return np.asarray(weight / weight.sum())


def preview_repair(
    named: tuple[str, str],
    kind: CueKind,
    cue: str,
    emotion: int,
    classes: Sequence[str],
    photos: tuple[AnyFloatArray, AnyFloatArray, IntArray],
    changed: ChangedPhotos,
    layer: AnyFloatArray,
    group: Clusters,
    seed: int,
) -> RepairPreview | None:
    """Fit on one half of the units and measure on the other, both ways; None where a half has too few photos.

    Parameters
    ----------
    named
        The model's name and slug.
    photos
        Features (n, F), logits (n, C) and labels (n,) of all photos as they are.
    layer
        (C, F) as it is.
    group
        Units of all photos.
    """
    features, logits, labels = photos[0].astype(np.float64), photos[1].astype(np.float64), photos[2]
    own = np.asarray(layer, dtype=np.float64)
    bias = (logits - features @ own.T).mean(axis=0)
    half = np.random.default_rng([seed, 0x4E, emotion]).permutation(group.count)[group.code] % 2
    side, truth = half[changed.rows], labels[changed.rows]
    shown = np.asarray(changed.features, dtype=np.float64)
    without = changed.taken & (truth == emotion)
    if any((without & (side == which)).sum() < _LEAST for which in (0, 1)):
        return None
    labelled = labels >= 0
    plain = [logits.argmax(axis=1), np.zeros(len(labels), dtype=np.int64)]  # before, after
    moved = [(shown @ own.T + bias).argmax(axis=1), np.zeros(len(shown), dtype=np.int64)]
    for which in (0, 1):
        fit, more = labelled & (half == which), (side == which) & (truth >= 0)
        taught = np.concatenate([labels[fit], truth[more]])
        weight = balanced(taught, np.repeat([False, True], [fit.sum(), more.sum()]))
        new, shift = refit(np.concatenate([features[fit], shown[more]]), taught, weight, own, bias)
        plain[1][half != which] = (features[half != which] @ new.T + shift).argmax(axis=1)
        moved[1][side != which] = (shown[side != which] @ new.T + shift).argmax(axis=1)

    def shares(hits: Sequence[BoolArray], rows: IntArray) -> tuple[Estimate, Estimate]:
        before, after = (proportion(one, group.subset(rows)) for one in hits)
        return before, after

    all_rows, own_rows, bare = np.flatnonzero(labelled), np.flatnonzero(labels == emotion), changed.rows[without]
    put = ~changed.taken & (truth != emotion)
    right = [one[all_rows] == labels[all_rows] for one in plain]
    found = [one[without] == emotion for one in moved]
    return RepairPreview(
        model=named[0],
        slug=named[1],
        emotion=classes[emotion],
        kind=kind,
        cue=cue,
        recall=shares([one[own_rows] == emotion for one in plain], own_rows),
        known=proportion(plain[0][bare] == emotion, group.subset(bare)),
        without=shares(found, bare),
        turned=shares([one[put] == emotion for one in moved], changed.rows[put]) if put.any() else None,
        accuracy=shares(right, all_rows),
        gain=paired_proportions(found[1], found[0], group.subset(bare), seed)[0],
        cost=paired_proportions(right[1], right[0], group.subset(all_rows), seed)[0],
    )


def repair_table(previews: Sequence[RepairPreview]) -> pd.DataFrame:
    """One row for each preview."""
    rows = [
        {
            "model": one.model, "emotion": one.emotion, "kind": one.kind, "cue": one.cue,
            "recall_before": one.recall[0].value, "recall_after": one.recall[1].value,
            "photos": one.known.n, "known": one.known.value,
            "without_before": one.without[0].value, "without_after": one.without[1].value,
            "gain_low": one.gain.low, "gain_high": one.gain.high, "recovered": one.recovered,
            "turned_before": one.turned[0].value if one.turned else np.nan,
            "turned_after": one.turned[1].value if one.turned else np.nan,
            "accuracy_before": one.accuracy[0].value, "accuracy_after": one.accuracy[1].value,
            "cost_low": one.cost.low, "cost_high": one.cost.high,
        }
        for one in previews
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(REPAIR_COLUMNS["repairs"]))


REPAIR_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "repairs": {
        "model": "name of the model",
        "emotion": "emotion that it predicts from a proven cue",
        "kind": "property, component or mark",
        "cue": "the change that takes a property away, the place of a component, or the region of a mark",
        "recall_before": "recall of the emotion's photos as they are, with the last layer as it is, 0..1",
        "recall_after": "the same with the last layer fitted again on the other half of the persons",
        "photos": "photos of the emotion that are shown without the cue",
        "known": "recall of these photos as they are, before",
        "without_before": "recall of these photos without the cue, before",
        "without_after": "the same after",
        "gain_low": "lower end of the 95 % interval of without_after - without_before",
        "gain_high": "upper end of that interval",
        "recovered": "share of the recall lost without the cue that comes back; empty where none is lost",
        "turned_before": "share of other emotions' photos with the cue put in that become the emotion, before",
        "turned_after": "the same after",
        "accuracy_before": "accuracy on all photos as they are, before",
        "accuracy_after": "the same after",
        "cost_low": "lower end of the 95 % interval of accuracy_after - accuracy_before",
        "cost_high": "upper end of that interval",
    },
})  # fmt: skip
