"""The other direction: a property is put where it is not, and more photos are predicted as the emotion it goes with.

Taking a property away says what few photos of the emotion lose. Adding it to photos of other emotions rests on many
persons, and can be held against two changes that do not carry the property: the same photos with an equally large,
neutral change, and the rise of every other emotion under the same change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.properties import Association, Property
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.inputs.images.changes import CHANGES, FRAMING, AddedCue
from reportgen.types import BoolArray, IntArray, ObjectArray

__all__ = [
    "CUE_BUDGETS",
    "MIN_GAIN",
    "SWAPPED",
    "TAKES_AWAY",
    "AddedEffect",
    "AddedPredictions",
    "CueBudget",
    "called_for",
    "cannot_be_changed",
    "choose_cues",
    "judge_added",
]

_TIMES = 2.0
# So many cues get as many photos as their budget says; of fewer photos nothing can be said.
_FULL_CUES, _LEAST_ADDED = 5, 2 * FEW
MIN_GAIN = 0.10
"""Smallest share of other photos that must become the emotion, beyond those that a neutral change turns."""

TAKES_AWAY: Mapping[str, tuple[tuple[str, int], ...]] = MappingProxyType({
    "grey": (
        ("colour", 1),
        ("colourfulness", 1),
        ("red cast", 1),
        ("red cast", -1),
        ("yellow cast", 1),
        ("yellow cast", -1),
    ),
    "equalised": (("brightness", 1), ("brightness", -1), ("contrast", 1), ("contrast", -1)),
    "blurred": (("sharpness", 1), ("size", 1)),
    "sharpened": (("sharpness", -1), ("size", -1)),
    "re-encoded": (("JPEG quality", 1), ("JPEG file", -1)),
    "deblocked": (("blockiness", 1), ("blockiness", -1)),
    "denoised": (("noise", 1), ("noise", -1)),
    "zoomed": (("face size", 1), ("face size", -1)),
    "shifted": (
        ("horizontal face position", 1),
        ("horizontal face position", -1),
        ("vertical face position", 1),
        ("vertical face position", -1),
    ),
    "straightened": (("head tilt", 1), ("head tilt", -1)),
    "flattened": (("background detail", 1),),
    "mirrored": (("head turn", 1), ("head turn", -1)),
})  # fmt: skip
"""Properties that each change removes, and from which photos: 1 means from those with more of it. A blur removes the
sharpness of sharp photos and leaves soft ones soft; equal brightness removes brightness and darkness alike. What a
photo lost when it was stored cannot be put back, so that change has no other direction, nor has a smoothed background;
a mirror needs none, as it takes one side away and puts the other."""

SWAPPED = frozenset({"background brightness", "background colour"})
"""Properties that no change here takes away, because swaps of backgrounds test them."""

_AIMS = {
    "equalised": ("brightness", "contrast"),
    "deblocked": ("blockiness",),
    "denoised": ("noise",),
    "zoomed": ("face size",),
    "shifted": ("horizontal face position", "vertical face position"),
    "straightened": ("head tilt",),
}
"""By change, the properties that its aim names, in this order; one that does not go with the emotion stays."""


@dataclass(frozen=True)
class CueBudget:
    """Most photos to which one cue is added, and of the emotion itself that are changed neutrally."""

    added: int
    own: int

    def share(self, cues: int) -> CueBudget:
        """The same for each of so many cues: more than five share what five have."""
        part = min(1.0, _FULL_CUES / max(cues, 1))
        return CueBudget(max(_LEAST_ADDED, int(part * self.added)), max(_LEAST_ADDED, int(part * self.own)))


CUE_BUDGETS: Mapping[str, CueBudget] = MappingProxyType({
    "quick": CueBudget(40, 20),
    "default": CueBudget(90, 60),
    "full": CueBudget(300, 200),
})  # fmt: skip


def called_for(links: Sequence[Association]) -> dict[str, tuple[str, ...]]:
    """The changes that take away something that goes with an emotion, each with these emotions.

    Only these can show a shortcut.
    """
    found = {}
    for name in CHANGES:
        there = [link.emotion for link in links if link.answer == "yes" and (link.name, link.sign) in TAKES_AWAY[name]]
        if there:
            found[name] = tuple(dict.fromkeys(there))
    return found


def cannot_be_changed(links: Sequence[Association]) -> tuple[Association, ...]:
    """Associations of properties with an emotion that no change takes away."""
    taken = {key for keys in TAKES_AWAY.values() for key in keys}
    taken |= {(name, sign) for name in SWAPPED for sign in (1, -1)}
    return tuple(link for link in links if link.answer == "yes" and (link.name, link.sign) not in taken)


def choose_cues(
    properties: Sequence[Property],
    links: Sequence[Association],
    labels: IntArray,
    classes: Sequence[str],
    budget: str,
    seed: int,
) -> tuple[AddedCue, ...]:
    """Which cues are added to which photos; the same seed gives the same choice.

    Parameters
    ----------
    links
        Associations over the whole test set.
    budget
        A key of `CUE_BUDGETS`.
    """
    value = {item.name: item.value for item in properties}
    most, planned = CUE_BUDGETS[budget], []
    for place, change in enumerate(CHANGES):
        for e, emotion in enumerate(classes):
            keys = {(link.name, link.sign) for link in links if link.emotion == emotion and link.answer == "yes"}
            mine = [key for key in TAKES_AWAY[change] if key in keys]
            aim = _aim(change, mine, value, labels == e) if mine else None
            if aim is not None:
                planned.append((place, change, e, mine, aim))
    share = most.share(len(planned))
    found = []
    for place, change, e, mine, aim in planned:
        lacking = (labels >= 0) & (labels != e) & _lacking(change, mine, value, labels == e)
        rng = np.random.default_rng([seed, place, e])
        own = np.sort(rng.permutation(np.flatnonzero((labels == e) & _altered(change, value)))[: share.own])
        found.append(AddedCue(change, e, aim, _spread(lacking, labels, share.added, rng), tuple(own.tolist())))
    return tuple(found)


def _aim(
    change: str, mine: Sequence[tuple[str, int]], value: Mapping[str, np.ndarray], of: BoolArray
) -> tuple[float, ...] | None:
    """What photos are brought to: medians of the emotion's photos; None where the property cannot be added."""
    names = {name for name, _ in mine}

    def median(name: str, *, wanted: bool) -> float:
        known = value[name][of & np.isfinite(value[name])]
        return float(np.median(known)) if wanted and len(known) else float("nan")

    if change == "grey":
        cast = median("red cast", wanted=True), median("yellow cast", wanted=True)
        return cast if np.isfinite(cast).all() else None
    if change in _AIMS:
        return tuple(median(name, wanted=name in names) for name in _AIMS[change])
    if change in ("blurred", "sharpened"):
        return (median("sharpness", wanted=True),)
    return None


def _lacking(change: str, mine: Sequence[tuple[str, int]], value: Mapping[str, np.ndarray], of: BoolArray) -> BoolArray:
    """(n,) photos that have less of the first of the properties than the emotion's usual photo."""
    if change == "grey":
        return np.asarray(value["colour"] == 0.0)
    name, sign = ("sharpness", 1 if change == "blurred" else -1) if change in ("blurred", "sharpened") else mine[0]
    with np.errstate(invalid="ignore"):
        return np.asarray(sign * (np.nanmedian(value[name][of]) - value[name]) > 0)


def _altered(change: str, value: Mapping[str, np.ndarray]) -> BoolArray:
    if change == "grey":
        return np.asarray(value["colourfulness"] > 0.0)
    return np.asarray(np.isfinite(value["face size" if change in FRAMING else "brightness"]))


def _spread(among: BoolArray, labels: IntArray, most: int, rng: np.random.Generator) -> tuple[int, ...]:
    """At most so many rows, from every emotion alike as far as they go."""
    lists = [rng.permutation(np.flatnonzero(among & (labels == e))).tolist() for e in np.unique(labels[among])]
    turns = [row for turn in range(max(map(len, lists), default=0)) for rows in lists for row in rows[turn : turn + 1]]
    return tuple(sorted(turns[:most]))


@dataclass(frozen=True)
class AddedPredictions:
    """One model's predictions for one cue.

    Attributes
    ----------
    change, emotion
        What the cue is the opposite of, and the index of the emotion it goes with.
    rows
        (r,) photos of other emotions.
    before, added, neutral
        (r,) the class predicted as they are, with the cue, and with an equally large neutral change.
    own
        (o,) photos of the emotion.
    own_before, own_without, own_neutral
        (o,) the class predicted as they are, without the property, and with a neutral change as large as that.
    """

    change: str
    emotion: int
    rows: IntArray
    before: IntArray
    added: IntArray
    neutral: IntArray
    own: IntArray
    own_before: IntArray
    own_without: IntArray
    own_neutral: IntArray


@dataclass(frozen=True)
class AddedEffect:
    """One cue of one emotion, added to photos of other emotions, for one model.

    Attributes
    ----------
    n, persons
        Photos of other emotions that the model did not predict as this one; their persons, None where not known.
    became, became_neutral
        How many of them are predicted as the emotion with the cue, and with an equally large neutral change.
    gain
        The difference as a share, with a 95 % interval.
    p
        Two-sided, adjusted (Holm) over the model's cues.
    elsewhere
        The largest such difference of any emotion with which nothing goes that this change takes away.
    answer
        "yes", "no", "undetermined" or "insufficient evidence": whether the cue makes photos the emotion.
    beyond
        Of the emotion's own correct predictions, share lost without the property less share lost by a neutral change of
        the same size; NaN where none was shown.
    images
        Rows that became the emotion with the cue and not with the neutral change.
    """

    model: str
    emotion: str
    change: str
    n: int
    persons: int | None
    became: int
    became_neutral: int
    gain: Estimate
    p: float
    elsewhere: float
    answer: Literal["yes", "no", "undetermined", "insufficient evidence"]
    beyond: Estimate
    images: tuple[int, ...]


def judge_added(
    model: str, shown: Sequence[AddedPredictions], classes: Sequence[str], units: ObjectArray | None, seed: int
) -> tuple[AddedEffect, ...]:
    """Judge every cue of one model.

    Parameters
    ----------
    units
        (n,) of all images, as `stats.units` gives them; None: every image counts for itself.
    """
    raw = []
    for part in shown:
        other = part.before != part.emotion
        rows = part.rows[other]
        group = clusters(None if units is None else units[rows], len(rows))
        turned, neutral = part.added[other] == part.emotion, part.neutral[other] == part.emotion
        gain, p = paired_proportions(turned, neutral, group, seed)
        known = part.own_before == part.emotion
        mine = clusters(None if units is None else units[part.own[known]], int(known.sum()))
        lost = (part.own_without[known] != part.emotion, part.own_neutral[known] != part.emotion)
        beyond, _ = paired_proportions(*lost, mine, seed)
        raw.append((part, rows, group, turned, neutral, gain, p, beyond))
    adjusted = holm([p if len(rows) >= FEW else np.nan for _, rows, *_, p, _ in raw])
    found = []
    for (part, rows, group, turned, neutral, gain, _, beyond), p in zip(raw, adjusted, strict=True):
        alike = {other.emotion for other in shown if other.change == part.change}
        elsewhere = _elsewhere(part, [c for c in range(len(classes)) if c not in alike])
        found.append(
            AddedEffect(
                model, classes[part.emotion], part.change, len(rows), None if group.single else group.count,
                int(turned.sum()), int(neutral.sum()), gain, float(p), elsewhere,
                _answer(gain, float(p), elsewhere, len(rows), group.count), beyond,
                tuple(rows[turned & ~neutral].tolist()),
            )
        )  # fmt: skip
    return tuple(found)


def _elsewhere(part: AddedPredictions, classes: Sequence[int]) -> float:
    """The largest gain of these emotions, each among the photos that were not predicted as it."""
    gains = []
    for c in classes:
        other = part.before != c
        if other.any():
            gains.append(float((part.added[other] == c).mean() - (part.neutral[other] == c).mean()))
    return max(gains, default=float("nan"))


def _answer(
    gain: Estimate, p: float, elsewhere: float, n: int, units: int
) -> Literal["yes", "no", "undetermined", "insufficient evidence"]:
    if n < FEW or units < MIN_PERSONS:
        return "insufficient evidence"
    # A fragile model's predictions fall to some emotion, too: only one that gains far more than any other is meant.
    most = max(elsewhere, 0.0)
    meant = gain.value >= _TIMES * most and gain.value - most >= MIN_GAIN
    if p < ALPHA and gain.low > 0 and meant:
        return "yes"
    return "no" if gain.high < MIN_GAIN or (gain.low > 0 and gain.value <= most) else "undetermined"
