"""Interventions: recall of each emotion before and after a property of the photo is removed.

A shortcut needs three things together. Recall of an emotion drops when the property is removed; the property is
associated with that emotion in the data; and images of other emotions, changed in the same way, lose less, because a
model that is merely fragile loses everywhere. Each is tested on its own: yes, no or undetermined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.properties import Association
from reportgen.evidence.stats.clustered import clusters, mean_interval, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.paired import mcnemar, paired_difference
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = [
    "MIN_EXCESS",
    "MIN_KNOWN",
    "MIN_RECALL_DROP",
    "TAKES_AWAY",
    "ChangedPredictions",
    "InterventionEffect",
    "LostImages",
    "count_losses",
    "excess_loss",
    "judge_interventions",
    "loss_interval",
]

MIN_RECALL_DROP = 0.10
"""Smallest recall drop that counts: ten points."""

MIN_EXCESS = 0.10
"""How much more of its correct images the emotion must lose than other emotions do."""

MIN_KNOWN = 5
"""Fewest correct images for another emotion to serve as a comparison, and fewest persons of the emotion itself."""

_DRAWS = 20_000

TAKES_AWAY = {
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
    "re-encoded": (("JPEG quality", 1), ("JPEG file", -1)),
}
"""Properties that each change removes, and from which photos: 1 means from those with more of it. A blur removes the
sharpness of sharp photos and leaves soft ones soft; equal brightness removes brightness and darkness alike."""


EffectNote = Literal["", "fragile", "unaltered stand in", "no comparison"]


@dataclass(frozen=True)
class ChangedPredictions:
    """One model's predictions for the sampled images, unchanged and changed.

    Attributes
    ----------
    rows, labels
        (s,) row of the analysis, index of the emotion.
    altered
        Per change, (s,) whether it altered the image at all.
    before, after
        Per change, (s,) the predicted class without it and with it.
    sure
        (s,) the model's probability of the label, unchanged.
    """

    rows: IntArray
    labels: IntArray
    altered: dict[str, BoolArray]
    before: dict[str, IntArray]
    after: dict[str, IntArray]
    sure: FloatArray


@dataclass(frozen=True)
class InterventionEffect:
    """One change, one emotion, one model.

    Attributes
    ----------
    n, persons
        Sampled images of the emotion; their persons, None where not known.
    altered, known
        How many of them the change alters; how many the model classified correctly before.
    before, after
        Recall with an interval that counts persons where they are known.
    fall
        before - after of the same images, with a paired 95 % interval (persons drawn again where known).
    lost, gained
        Images right only before, only after.
    p
        McNemar's exact test of lost against gained images: more than flicker. Where persons are known the larger of
        that and the p-value that the emotion's persons lose no more than others'. Adjusted (Holm) over the model's
        emotions x changes for which a property goes with the emotion, and over the rest by themselves, as only the
        former can be shortcuts.
    goes_with
        Properties that this change removes and that are associated with the emotion, in the order of `TAKES_AWAY`.
    loss
        Share of the known and altered images that are lost.
    elsewhere
        The same of other emotions with which the property does not go: their median; NaN where there are none.
    excess
        loss - elsewhere.
    falls
        "yes", "no", "undetermined" or "insufficient evidence": whether recall drops by ten points or more.
    answer
        Likewise: whether the model predicts the emotion from what was removed.
    note
        What limits the conclusion: "fragile" where nothing that is taken away goes with the emotion in the data;
        "unaltered stand in" where hardly any known image of another emotion is altered, so that those left as they are
        stand in for them; "no comparison" where there is no other emotion to compare with.
    lost_rows
        Rows of the lost images, the most confident first.
    lost_as
        The class predicted for each of them now.
    """

    model: str
    emotion: str
    change: str
    n: int
    persons: int | None
    altered: int
    known: int
    before: Estimate
    after: Estimate
    fall: Estimate
    lost: int
    gained: int
    p: float
    goes_with: tuple[str, ...]
    loss: Estimate
    elsewhere: float
    excess: Estimate
    falls: str
    answer: str
    note: EffectNote
    lost_rows: tuple[int, ...]
    predicted_now: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """One emotion's images under one change; `reach` is the smallest p that so many known images can give."""

    emotion: int
    change: str
    chosen: BoolArray
    fall: Estimate
    loss: LostImages
    flicker: float
    reach: float
    goes_with: tuple[str, ...]


def judge_interventions(
    model: str,
    shown: ChangedPredictions,
    classes: Sequence[str],
    links: Sequence[Association],
    persons: ObjectArray | None,
    seed: int,
) -> tuple[InterventionEffect, ...]:
    """Judge every change on every emotion of one model.

    Parameters
    ----------
    links
        Associations of properties with emotions over the whole test set.
    persons
        (s,) of the sampled images, None where unknown; None where no person is known at all.
    """
    parts = [
        _part(shown, e, name, change, links, persons, seed)
        for change in shown.after
        for e, name in enumerate(classes)
        if (shown.labels == e).any()
    ]
    compared = [_compare(shown, part, parts, persons, seed) for part in parts]
    raw = [part.flicker if persons is None else max(part.flicker, c.p) for part, c in zip(parts, compared, strict=True)]
    enough = [int(part.chosen.sum()) >= FEW for part in parts]
    could = [ok and bool(part.goes_with) for part, ok in zip(parts, enough, strict=True)]
    ours = holm([p if c else np.nan for p, c in zip(raw, could, strict=True)])
    rest = holm([p if ok and not c else np.nan for p, ok, c in zip(raw, enough, could, strict=True)])
    adjusted = np.where(could, ours, rest)
    return tuple(
        _judge(model, shown, part, comparison, float(p), sum(could), classes, persons, seed)
        for part, comparison, p in zip(parts, compared, adjusted, strict=True)
    )


def _part(
    shown: ChangedPredictions,
    e: int,
    name: str,
    change: str,
    links: Sequence[Association],
    persons: ObjectArray | None,
    seed: int,
) -> _Part:
    chosen = shown.labels == e
    right, still = shown.before[change][chosen] == e, shown.after[change][chosen] == e
    lost, gained = int((right & ~still).sum()), int((still & ~right).sum())
    if persons is None:
        fall = paired_difference(lost, gained, len(right))
    else:
        group = clusters(persons[chosen], len(right))
        drop = right.astype(np.float64) - still
        value, low, high = (float(part[0]) for part in mean_interval(drop[:, None], group, seed))
        fall = Estimate(value, max(low, -1.0), min(high, 1.0), group.count)
    loss = _lost(shown, e, change, shown.altered[change], persons)
    removed = TAKES_AWAY.get(change, ())
    fitting = [link for link in links if link.emotion == name and link.answer == "yes"]
    fitting = [link for link in fitting if (link.name, link.sign) in removed]
    fitting.sort(key=lambda link: removed.index((link.name, link.sign)))
    flicker = mcnemar(lost, gained)
    reach = min(1.0, 2.0 ** (1 - loss.known))
    return _Part(e, change, chosen, fall, loss, flicker, reach, tuple(link.name for link in fitting))


def _judge(
    model: str,
    shown: ChangedPredictions,
    part: _Part,
    comparison: _Comparison,
    p: float,
    family: int,
    classes: Sequence[str],
    persons: ObjectArray | None,
    seed: int,
) -> InterventionEffect:
    e, change, chosen = part.emotion, part.change, part.chosen
    right, still = shown.before[change] == e, shown.after[change] == e
    lost, n = chosen & right & ~still, int(chosen.sum())
    falls = _falls(part, p, family, n)
    if persons is not None and falls in ("yes", "undetermined") and part.loss.units < MIN_KNOWN:
        falls = "insufficient evidence"
    note = comparison.note
    if falls == "yes" and not part.goes_with:
        note = "fragile"
    group = clusters(None if persons is None else persons[chosen], n)
    rows = np.flatnonzero(lost)
    rows = rows[np.argsort(-shown.sure[rows], kind="stable")]
    return InterventionEffect(
        model=model,
        emotion=classes[e],
        change=change,
        n=n,
        persons=None if persons is None else clusters(persons[chosen], n).count,
        altered=int((chosen & shown.altered[change]).sum()),
        known=int((chosen & right).sum()),
        before=proportion(right[chosen], group),
        after=proportion(still[chosen], group),
        fall=part.fall,
        lost=int(lost.sum()),
        gained=int((chosen & still & ~right).sum()),
        p=p,
        goes_with=part.goes_with,
        loss=loss_interval(part.loss, seed),
        elsewhere=comparison.elsewhere,
        excess=comparison.excess,
        falls=falls,
        answer=_answer(falls, part, comparison.excess),
        note=note,
        lost_rows=tuple(shown.rows[rows].tolist()),
        predicted_now=tuple(classes[k] for k in shown.after[change][rows].tolist()),
    )


def _falls(part: _Part, p: float, family: int, n: int) -> str:
    if n < FEW:
        return "insufficient evidence"
    if p < ALPHA and part.fall.value >= MIN_RECALL_DROP:
        return "yes"
    if part.fall.high < MIN_RECALL_DROP:
        return "no"
    # Even if every known image were lost, that would not be enough.
    if part.reach * max(family, 1) > ALPHA:
        return "insufficient evidence"
    return "undetermined"


def _answer(falls: str, part: _Part, excess: Estimate) -> str:
    if falls == "insufficient evidence":
        return falls
    if falls == "no" or not part.goes_with:
        return "no"
    if falls == "undetermined":
        return falls
    if excess.low > 0 and excess.value >= MIN_EXCESS:
        return "yes"
    return "no" if excess.high < MIN_EXCESS else "undetermined"


@dataclass(frozen=True)
class _Comparison:
    """One emotion's loss against that of others."""

    elsewhere: float
    excess: Estimate
    p: float
    note: EffectNote


def _compare(
    shown: ChangedPredictions, part: _Part, parts: Sequence[_Part], persons: ObjectArray | None, seed: int
) -> _Comparison:
    """Loss among the images that were known and altered: the emotion's, and others' with which nothing goes."""
    free = [
        other
        for other in parts
        if other.change == part.change and other.emotion != part.emotion and not other.goes_with
    ]
    note: EffectNote = ""
    others = [other.loss for other in free if other.loss.known >= MIN_KNOWN]
    if not others:
        every = np.ones(len(shown.rows), dtype=bool)
        whole = [_lost(shown, other.emotion, part.change, every, persons) for other in free]
        others = [loss for loss in whole if loss.known >= MIN_KNOWN]
        note = "unaltered stand in"
    elsewhere, excess, p = excess_loss(part.loss, others, seed)
    return _Comparison(elsewhere, excess, p, note if excess.defined else "no comparison")


def _lost(shown: ChangedPredictions, e: int, change: str, among: BoolArray, persons: ObjectArray | None) -> LostImages:
    known = (shown.labels == e) & among & (shown.before[change] == e)
    return count_losses(known, shown.after[change] != e, persons)


@dataclass(frozen=True)
class LostImages:
    """Lost images of known ones.

    Attributes
    ----------
    lost, known
        Images.
    units, lost_units
        Independent observations among the known (persons, else images), and the sum of the shares each has lost.
    """

    lost: int
    known: int
    units: int
    lost_units: float

    @property
    def share(self) -> float:
        """Of the images, 0..1; NaN where none was known."""
        return self.lost / self.known if self.known else float("nan")

    def draws(self, rng: np.random.Generator) -> FloatArray:
        """Draws from Jeffreys' distribution of the share, which stays honest where none or all are lost."""
        return np.asarray(rng.beta(self.lost_units + 0.5, self.units - self.lost_units + 0.5, _DRAWS))


def count_losses(known: BoolArray, lost: BoolArray, persons: ObjectArray | None) -> LostImages:
    """Count (s,) images; `persons` (s,) names, None where unknown, or None."""
    n = int(known.sum())
    group = clusters(None if persons is None else persons[known], n)
    gone, size = np.bincount(group.code, lost[known], group.count), np.bincount(group.code, minlength=group.count)
    return LostImages(int((known & lost).sum()), n, group.count, float((gone / size).sum()))


def loss_interval(mine: LostImages, seed: int) -> Estimate:
    """The share with a 95 % interval."""
    return _estimate(mine.share, mine.draws(np.random.default_rng(seed)), mine.known, (0.0, 1.0))


def excess_loss(mine: LostImages, others: Sequence[LostImages], seed: int) -> tuple[float, Estimate, float]:
    """How far the share exceeds the others'.

    The median of the others, because one emotion that is easily lost must not speak for all.

    Returns
    -------
    elsewhere, excess, p
        The others' median share; mine minus that with a 95 % interval; and the two-sided p-value that they are equal.
        NaN and 1 where there is nothing to compare.
    """
    if not others or not mine.known:
        return float("nan"), Estimate(float("nan"), -1.0, 1.0, mine.known), 1.0
    rng = np.random.default_rng(seed)
    draws = mine.draws(rng) - np.median([other.draws(rng) for other in others], axis=0)
    elsewhere = float(np.median([other.share for other in others]))
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p = min(1.0, 2 * (tail + 1) / (_DRAWS + 1))
    return elsewhere, _estimate(mine.share - elsewhere, draws, mine.known, (-1.0, 1.0)), p


def _estimate(value: float, draws: FloatArray, n: int, widest: tuple[float, float]) -> Estimate:
    if value != value:
        return Estimate(value, *widest, n)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(value, min(float(low), value), max(float(high), value), n)
