"""Interventions: recall of each emotion before and after a property of the photo is removed.

A shortcut needs several things together. The property is associated with the emotion in the data. Recall of the
emotion drops when the property is removed; images of other emotions that the change alters too lose less, because a
model that is merely fragile loses everywhere; and an equally large change that does not concern the property costs
less. Where the change alters hardly any image of another emotion, as it cannot make grey photos grey, there is nothing
to compare with: then, or where too few persons show the drop, the other direction has to tell (`added_cues`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.added_cues import TAKES_AWAY, AddedEffect
from reportgen.evidence.shortcuts.properties import Association
from reportgen.evidence.stats.clustered import clusters, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = [
    "MIN_EXCESS",
    "MIN_KNOWN",
    "MIN_RECALL_DROP",
    "ChangedPredictions",
    "InterventionEffect",
    "LostImages",
    "count_losses",
    "judge_interventions",
]

MIN_RECALL_DROP = 0.10
"""Smallest recall drop that counts: ten points."""

MIN_EXCESS = 0.10
"""How much more of its correct images the emotion must lose than other emotions do."""

MIN_KNOWN = 5
"""Fewest correct images for another emotion to serve as a comparison, and fewest persons of the emotion itself."""

# The share of fewer known images is too uncertain to be the highest.
_WELL_KNOWN = 10
_DRAWS = 20_000

EffectNote = Literal["", "fragile", "no comparison"]


@dataclass(frozen=True)
class ChangedPredictions:
    """One model's predictions for the sampled images, unchanged and changed.

    Attributes
    ----------
    rows, labels
        (s,) row of the analysis, index of the emotion.
    sampled, altered
        Per change, (s,) whether the image counts, and whether the change altered it at all.
    before, after
        Per change, (s,) the predicted class without it and with it.
    sure
        (s,) the model's probability of the label, unchanged.
    """

    rows: IntArray
    labels: IntArray
    sampled: dict[str, BoolArray]
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
        Test of lost against gained images (`paired_proportions`): more than flicker. Adjusted (Holm) over the model's
        emotions x changes for which a property goes with the emotion, and over the rest by themselves, as only the
        former can be shortcuts.
    goes_with
        Properties that this change removes and that are associated with the emotion, in the order of `TAKES_AWAY`.
    loss
        Share of the known and altered images that are lost.
    elsewhere
        The same of other emotions with which the property does not go: their median; NaN where the change alters fewer
        than `MIN_KNOWN` correct images of each.
    excess
        loss - elsewhere.
    falls
        "yes", "no", "undetermined" or "insufficient evidence": whether recall drops by ten points or more.
    answer
        Likewise: whether the model predicts the emotion from what was removed, by this and the other direction.
    note
        What limits the conclusion: "fragile" where nothing that is taken away goes with the emotion in the data, or
        where other emotions or a neutral change lose as much; "no comparison" where the change alters too few correct
        images of other emotions.
    lost_rows
        Rows of the lost images, the most confident first.
    lost_as
        The class predicted for each of them now.
    added
        The other direction; None where the property does not go with the emotion or cannot be added.
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
    added: AddedEffect | None = None


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
    added: Mapping[tuple[str, str], AddedEffect] = MappingProxyType({}),
) -> tuple[InterventionEffect, ...]:
    """Judge every change on every emotion of one model.

    Parameters
    ----------
    links
        Associations of properties with emotions over the whole test set.
    persons
        (s,) units of the sampled images; None where every image counts for itself.
    added
        The other direction by change and emotion.
    """
    parts = [
        _part(shown, e, name, change, links, persons, seed)
        for change in shown.after
        for e, name in enumerate(classes)
        if ((shown.labels == e) & shown.sampled[change]).any()
    ]
    compared = [_compare(part, parts, seed) for part in parts]
    raw = [part.flicker for part in parts]
    enough = [int(part.chosen.sum()) >= FEW for part in parts]
    could = [ok and bool(part.goes_with) for part, ok in zip(parts, enough, strict=True)]
    ours = holm([p if c else np.nan for p, c in zip(raw, could, strict=True)])
    rest = holm([p if ok and not c else np.nan for p, ok, c in zip(raw, enough, could, strict=True)])
    adjusted = np.where(could, ours, rest)
    return tuple(
        _judge(model, shown, part, comparison, float(p), sum(could), classes, persons, seed,
               added.get((part.change, classes[part.emotion])))
        for part, comparison, p in zip(parts, compared, adjusted, strict=True)
    )  # fmt: skip


def _part(
    shown: ChangedPredictions,
    e: int,
    name: str,
    change: str,
    links: Sequence[Association],
    persons: ObjectArray | None,
    seed: int,
) -> _Part:
    chosen = (shown.labels == e) & shown.sampled[change]
    right, still = shown.before[change][chosen] == e, shown.after[change][chosen] == e
    n = len(right)
    fall, flicker = paired_proportions(right, still, clusters(None if persons is None else persons[chosen], n), seed)
    loss = _lost(shown, e, change, shown.altered[change], persons)
    removed = TAKES_AWAY.get(change, ())
    fitting = [link for link in links if link.emotion == name and link.answer == "yes"]
    fitting = [link for link in fitting if (link.name, link.sign) in removed]
    fitting.sort(key=lambda link: removed.index((link.name, link.sign)))
    reach = min(1.0, 2.0 ** (1 - loss.units))
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
    added: AddedEffect | None,
) -> InterventionEffect:
    e, change, chosen = part.emotion, part.change, part.chosen
    right, still = shown.before[change] == e, shown.after[change] == e
    lost, n = chosen & right & ~still, int(chosen.sum())
    falls = _falls(part, p, family, n)
    if persons is not None and falls in ("yes", "undetermined") and part.loss.units < MIN_KNOWN:
        falls = "insufficient evidence"
    answer, note = _answer(falls, part, comparison, added)
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
        loss=comparison.loss,
        elsewhere=comparison.elsewhere,
        excess=comparison.excess,
        falls=falls,
        answer=answer,
        note=note,
        lost_rows=tuple(shown.rows[rows].tolist()),
        predicted_now=tuple(classes[k] for k in shown.after[change][rows].tolist()),
        added=added,
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


def _answer(falls: str, part: _Part, comparison: _Comparison, added: AddedEffect | None) -> tuple[str, EffectNote]:
    """Both directions together, and what limits the answer."""
    if not part.goes_with:
        limited: EffectNote = "fragile" if falls == "yes" else comparison.note
        return falls if falls == "insufficient evidence" else "no", limited
    removed, note = _removed(falls, part, comparison, added)
    if removed == "yes":
        return removed, note
    # Added, the cue has controls of its own: a neutral change of the same photos, and the rise of other emotions. The
    # fall must point the same way, though few persons may show it: a fragile model loses as much elsewhere.
    excess = comparison.excess
    leans = part.fall.value >= MIN_RECALL_DROP and (not excess.defined or excess.value >= MIN_EXCESS)
    if added is not None and added.answer == "yes" and removed != "no" and leans:
        return "yes", note
    return ("undetermined", note) if removed == "alone" else (removed, note)


def _removed(falls: str, part: _Part, comparison: _Comparison, added: AddedEffect | None) -> tuple[str, EffectNote]:
    """What taking the property away shows; "alone" where there is nothing to hold it against."""
    if falls != "yes":
        return falls, comparison.note
    # A neutral change of the same size that costs as much says that any such change does.
    if added is not None and added.beyond.defined and not added.beyond.too_few and added.beyond.low <= 0:
        return ("no", "fragile") if added.beyond.high < MIN_EXCESS else ("undetermined", comparison.note)
    excess = comparison.excess
    if not excess.defined:
        return "alone", comparison.note
    if excess.low > 0 and excess.value >= MIN_EXCESS:
        # A fragile model's predictions fall to a few emotions, and these lose little: without the other direction the
        # emotion must lose more than every other, beyond chance. Directions that disagree decide nothing.
        if added is not None and added.answer in ("yes", "no"):
            return ("yes" if added.answer == "yes" else "undetermined"), ""
        ahead = comparison.ahead
        return ("yes" if ahead.value >= MIN_EXCESS and ahead.low > 0 else "undetermined"), ""
    return ("no", "fragile") if excess.high < MIN_EXCESS else ("undetermined", "")


@dataclass(frozen=True)
class _Comparison:
    """One emotion's loss, that of others (their median), and how far it exceeds that and is ahead of the highest."""

    loss: Estimate
    elsewhere: float
    excess: Estimate
    ahead: Estimate
    note: EffectNote


def _compare(part: _Part, parts: Sequence[_Part], seed: int) -> _Comparison:
    """Loss among the images that were known and altered: the emotion's, and others' with which nothing goes.

    It is held against the median of the others, because one emotion that is easily lost must not speak for all, and
    against the highest: of every draw, which takes into account that the highest of several is high by chance.
    """
    others = [
        other.loss
        for other in parts
        if other.change == part.change and other.emotion != part.emotion and not other.goes_with
        and other.loss.known >= MIN_KNOWN
    ]  # fmt: skip
    mine, rng = part.loss, np.random.default_rng(seed)
    drawn = mine.draws(rng)
    loss = _estimate(mine.share, drawn, mine.known, (0.0, 1.0))
    if not others or not mine.known:
        nothing = Estimate(float("nan"), -1.0, 1.0, mine.known)
        return _Comparison(loss, float("nan"), nothing, nothing, "no comparison")
    theirs = [other.draws(rng) for other in others]
    elsewhere = float(np.median([other.share for other in others]))
    highest = max(other.share for other in [other for other in others if other.known >= _WELL_KNOWN] or others)
    excess, ahead = (
        _estimate(mine.share - value, drawn - summary(theirs, axis=0), mine.known, (-1.0, 1.0))
        for value, summary in ((elsewhere, np.median), (highest, np.max))
    )
    return _Comparison(loss, elsewhere, excess, ahead, "")


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


def _estimate(value: float, draws: FloatArray, n: int, widest: tuple[float, float]) -> Estimate:
    if value != value:
        return Estimate(value, *widest, n)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(value, min(float(low), value), max(float(high), value), n)
