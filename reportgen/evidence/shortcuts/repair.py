"""What a repair would bring: the last layer fitted again so that a proven cue tells nothing, and what that changes.

After deep feature reweighting (Kirichenko et al. 2023): the features stay, and the last layer is fitted to groups that
count alike, each emotion with the cue and without it. Where photos of the training splits are at hand, it is fitted on
them; else on one half of the test set's persons and measured on the other, and the other way round. No photo is judged
by what it taught. Kirichenko et al. average over subsamples of equally many photos of each group; here all photos are
used, and those of small groups weigh more, which gives the same on the planted square
(`tests/benchmarks/bench_repair.py`) and throws away none of the few without the cue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
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
    "Shares",
    "TaughtPhotos",
    "balanced",
    "fit_halves",
    "fit_taught",
    "halves",
    "preview_repair",
    "refit",
    "repair_table",
]

CueKind = Literal["property", "component", "mark", "background"]

_STRENGTH = 0.01
"""Of the pull towards the layer as it is, per standardised weight, where all photos together weigh 1. On three planted
squares and the demo .001 to .03 recovered about the same, .1 less."""
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
    predicted
        (m,) class that the model predicts.
    features
        (m, F).
    """

    rows: IntArray
    taken: BoolArray
    predicted: IntArray
    features: AnyFloatArray

    @classmethod
    def joined(cls, parts: Sequence[ChangedPhotos]) -> ChangedPhotos | None:
        """All of them; None where there are no parts."""
        if not parts:
            return None
        names = [entry.name for entry in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class TaughtPhotos:
    """Photos that only teach, as they are and with a cue changed.

    Attributes
    ----------
    features, labels
        (n, F) and (n,) as they are.
    changed
        The same photos with the cue taken away or put in; its rows are theirs.
    """

    features: AnyFloatArray
    labels: IntArray
    changed: ChangedPhotos

    def can_teach(self, emotion: int, wanted: IntArray) -> bool:
        """Whether photos of the emotion without the cue are enough to fit, and no emotion is missing as it is.

        Parameters
        ----------
        wanted
            (n,) labels of the photos that are to be predicted; -1 where there is none.
        """
        without = self.changed.taken & (self.labels[self.changed.rows] == emotion)
        return int(without.sum()) >= 2 * _LEAST and not np.setdiff1d(wanted[wanted >= 0], self.labels).size


@dataclass(frozen=True)
class Shares:
    """A share of some photos with their cue changed, predicted by the layer as it is and by the one fitted again.

    Attributes
    ----------
    known
        The same photos as they are, predicted by the layer as it is.
    before, after
        With the cue changed.
    gain
        `after` less `before`, paired.
    """

    known: Estimate
    before: Estimate
    after: Estimate
    gain: Estimate


@dataclass(frozen=True)
class RepairPreview:
    """One cue of one model.

    Attributes
    ----------
    kind, cue
        What carries the emotion: the change that takes a property away, the place of a component, the region of a mark;
        "" of a background.
    without
        Recall of the emotion's photos without the cue.
    others
        Recall of other emotions' photos with the cue put in; None where it cannot be.
    turned
        Share of these that are predicted as the emotion.
    recall
        Of all of the emotion's photos as they are: before, after.
    accuracy
        Of all labelled photos as they are.
    cost
        Difference of `accuracy`, after less before, paired.
    taught
        How many photos of the training splits it was fitted on; 0: on halves of the test set.
    """

    model: str
    slug: str
    emotion: str
    kind: CueKind
    cue: str
    without: Shares
    others: Shares | None
    turned: Shares | None
    recall: tuple[Estimate, Estimate]
    accuracy: tuple[Estimate, Estimate]
    cost: Estimate
    taught: int

    @property
    def recovered(self) -> float:
        """Share of the recall lost without the cue, and of other emotions with it, that comes back; both count alike.
        NaN where none is lost.
        """
        parts = [part for part in (self.without, self.others) if part is not None]
        lost = sum(part.known.value - part.before.value for part in parts)
        return sum(part.after.value - part.before.value for part in parts) / lost if lost > 0 else float("nan")


@dataclass(frozen=True)
class RepairFindings:
    """The previews, in the order of the proofs, and by model and emotion why others were not made; `training`: whether
    photos of the training splits were at hand.
    """

    previews: tuple[RepairPreview, ...]
    left_out: tuple[tuple[str, str, str], ...]
    tables: Mapping[str, pd.DataFrame]
    training: bool = False


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


def balanced(labels: IntArray, cue: BoolArray) -> FloatArray:
    """(n,) weights with sum 1: every emotion counts alike, and within it photos with the cue and without it."""
    weight = np.zeros(len(labels))
    for emotion in np.unique(labels):
        parts = [(labels == emotion) & (cue == which) for which in (False, True)]
        present = [part for part in parts if part.any()]
        for part in present:
            weight[part] = 1.0 / (len(present) * part.sum())
    return np.asarray(weight / weight.sum())


def halves(group: Clusters, emotion: int, seed: int) -> IntArray:
    """(n,) 0 or 1: the half of the units that each photo belongs to."""
    return np.asarray(np.random.default_rng([seed, 0x4E, emotion]).permutation(group.count)[group.code] % 2)


def fit_halves(
    photos: tuple[AnyFloatArray, AnyFloatArray, IntArray],
    changed: ChangedPhotos,
    emotion: int,
    layer: AnyFloatArray,
    half: IntArray,
) -> list[tuple[FloatArray, FloatArray]]:
    """Weights (C, F) and bias (C,) of the last layer fitted to half 0, and to half 1; see `preview_repair`."""
    features, _, labels = photos
    start, side = _as_it_is(photos, layer), half[changed.rows]
    return [_fitted(features, labels, half == which, changed, side == which, emotion, start) for which in (0, 1)]


def fit_taught(
    photos: tuple[AnyFloatArray, AnyFloatArray, IntArray], taught: TaughtPhotos, emotion: int, layer: AnyFloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weights (C, F) and bias (C,) of the last layer fitted to other photos; see `preview_repair`."""
    every, more = np.ones(len(taught.labels), dtype=bool), np.ones(len(taught.changed.rows), dtype=bool)
    start = _as_it_is(photos, layer)
    return _fitted(taught.features, taught.labels, every, taught.changed, more, emotion, start)


def _as_it_is(
    photos: tuple[AnyFloatArray, AnyFloatArray, IntArray], layer: AnyFloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weights and bias, the latter from what the layer answers."""
    own = np.asarray(layer, dtype=np.float64)
    return own, (photos[1].astype(np.float64) - photos[0].astype(np.float64) @ own.T).mean(axis=0)


def _fitted(
    features: AnyFloatArray,
    labels: IntArray,
    plain: BoolArray,
    changed: ChangedPhotos,
    shown: BoolArray,
    emotion: int,
    start: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """A last layer fitted to the photos that are `plain` as they are, and to changed ones that are `shown`."""
    truth = labels[changed.rows]
    fit, more = (labels >= 0) & plain, (truth >= 0) & shown
    taught = np.concatenate([labels[fit], truth[more]])
    # As they are, the emotion's photos have the cue and the others' have not.
    cue = np.concatenate([labels[fit] == emotion, ~changed.taken[more]])
    seen = np.concatenate([features[fit], changed.features[more]]).astype(np.float64)
    return refit(seen, taught, balanced(taught, cue), *start)


def preview_repair(
    named: tuple[str, str],
    kind: CueKind,
    cue: str,
    emotion: int,
    classes: Sequence[str],
    photos: tuple[AnyFloatArray, AnyFloatArray, IntArray],
    changed: ChangedPhotos | None,
    layer: AnyFloatArray,
    group: Clusters,
    seed: int,
    taught: TaughtPhotos | None = None,
) -> RepairPreview | None:
    """Fit on one half of the units and measure on the other, both ways; None where a half has too few changed photos.

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
    taught
        Other photos to fit on, in place of the halves; then all photos are measured by one layer.
    """
    if changed is None:
        return None
    labels, half = photos[2], halves(group, emotion, seed)
    side, truth = half[changed.rows], labels[changed.rows]
    without = changed.taken & (truth == emotion)
    if any((without & (side == which)).sum() < _LEAST for which in (0, 1)):
        return None
    plain = [photos[1].argmax(axis=1), np.zeros(len(labels), dtype=np.int64)]  # before, after
    moved = [changed.predicted, np.zeros(len(side), dtype=np.int64)]
    if taught is None:
        fitted = fit_halves(photos, changed, emotion, layer, half)
    else:
        fitted = [fit_taught(photos, taught, emotion, layer)] * 2
    for which, (new, shift) in enumerate(fitted):
        plain[1][half != which] = (photos[0][half != which] @ new.T + shift).argmax(axis=1)
        moved[1][side != which] = (changed.features[side != which] @ new.T + shift).argmax(axis=1)

    def shares(chosen: BoolArray, wanted: IntArray) -> Shares:
        rows = changed.rows[chosen]
        units, (before, after) = group.subset(rows), (one[chosen] == wanted[chosen] for one in moved)
        known = proportion(plain[0][rows] == wanted[chosen], units)
        gain = paired_proportions(after, before, units, seed)[0]
        return Shares(known, proportion(before, units), proportion(after, units), gain)

    def both(rows: IntArray) -> tuple[Estimate, Estimate]:
        before, after = (proportion(one[rows] == labels[rows], group.subset(rows)) for one in plain)
        return before, after

    put, every = ~changed.taken & (truth != emotion) & (truth >= 0), np.flatnonzero(labels >= 0)
    right = [one[every] == labels[every] for one in plain]
    return RepairPreview(
        model=named[0],
        slug=named[1],
        emotion=classes[emotion],
        kind=kind,
        cue=cue,
        without=shares(without, truth),
        others=shares(put, truth) if put.any() else None,
        turned=shares(put, np.full(len(truth), emotion)) if put.any() else None,
        recall=both(np.flatnonzero(labels == emotion)),
        accuracy=both(every),
        cost=paired_proportions(right[1], right[0], group.subset(every), seed)[0],
        taught=0 if taught is None else len(taught.labels),
    )


def repair_table(previews: Sequence[RepairPreview]) -> pd.DataFrame:
    """One row for each preview."""
    rows = []
    for one in previews:
        row: dict[str, str | float] = {"model": one.model, "emotion": one.emotion, "kind": one.kind, "cue": one.cue}
        for name, part in (("without", one.without), ("others", one.others), ("turned", one.turned)):
            if part is not None:
                row |= {
                    f"{name}_photos": part.known.n, f"{name}_known": part.known.value,
                    f"{name}_before": part.before.value, f"{name}_after": part.after.value,
                    f"{name}_gain_low": part.gain.low, f"{name}_gain_high": part.gain.high,
                }  # fmt: skip
        rows.append(row | {
            "taught_photos": one.taught, "recovered": one.recovered,
            "recall_before": one.recall[0].value, "recall_after": one.recall[1].value,
            "accuracy_before": one.accuracy[0].value, "accuracy_after": one.accuracy[1].value,
            "cost_low": one.cost.low, "cost_high": one.cost.high,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(REPAIR_COLUMNS["repairs"]))


REPAIR_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "repairs": {
        "model": "name of the model",
        "emotion": "emotion that it predicts from a proven cue",
        "kind": "property, component, mark or background",
        "cue": "the change that takes a property away, the place of a component, or the region of a mark",
        "taught_photos": "photos of the training splits that the last layer is fitted on; 0: on one half of the "
        "test set's persons, and measured on the other, both ways",
        "without_photos": "photos of the emotion that are shown without the cue",
        "without_known": "recall of these photos as they are, with the last layer as it is, 0..1",
        "without_before": "the same with the cue changed",
        "without_after": "the same with the last layer fitted again",
        "without_gain_low": "lower end of the 95 % interval of without_after - without_before",
        "without_gain_high": "upper end of that interval",
        "others_photos": "photos of other emotions that are shown with the cue",
        "others_known": "recall of these photos as they are, with the last layer as it is, 0..1",
        "others_before": "the same with the cue changed",
        "others_after": "the same with the last layer fitted again",
        "others_gain_low": "lower end of the 95 % interval of others_after - others_before",
        "others_gain_high": "upper end of that interval",
        "turned_photos": "the same photos of other emotions",
        "turned_known": "share of them that become the emotion as they are, with the last layer as it is, 0..1",
        "turned_before": "the same with the cue changed",
        "turned_after": "the same with the last layer fitted again",
        "turned_gain_low": "lower end of the 95 % interval of turned_after - turned_before",
        "turned_gain_high": "upper end of that interval",
        "recovered": "share of the recall lost in both kinds of photos that comes back; empty where none is lost",
        "recall_before": "recall of all photos of the emotion as they are, with the last layer as it is, 0..1",
        "recall_after": "the same with the last layer fitted again",
        "accuracy_before": "accuracy on all photos as they are, before",
        "accuracy_after": "the same after",
        "cost_low": "lower end of the 95 % interval of accuracy_after - accuracy_before",
        "cost_high": "upper end of that interval",
    },
})  # fmt: skip
