"""What a model still recognises once a property of the photo is taken away: recall before and after.

A shortcut needs three things together. Recall of an emotion falls when the property is taken away; the property goes
with that emotion in the data; and images of other emotions, changed in the same way, lose less, because a model that
is merely fragile loses everywhere. Each is tested by itself, and the answer is three-valued.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.evidence.estimate import Estimate, paired_difference, wilson
from reportgen.evidence.inference import Clusters, clusters, flip_test, holm, mean_interval
from reportgen.evidence.lost_share import FEWEST_KNOWN, Lost, exceed, lost_share
from reportgen.evidence.properties import ALPHA, Association
from reportgen.evidence.scores import THIN

__all__ = ["LEAST_EXCESS", "LEAST_FALL", "TAKES_AWAY", "Effect", "Shown", "judge_interventions"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST_FALL = 0.10
"""Recall has to fall by at least ten points: the measure that "may be cheating" asks of a background, too."""

LEAST_EXCESS = 0.10
"""The emotion has to lose so much more of the images it knew than other emotions lose."""

TAKES_AWAY = {
    "grey": (("colour", 1), ("colourfulness", 1)),
    "equalised": (("brightness", 1), ("brightness", -1), ("contrast", 1), ("contrast", -1)),
    "blurred": (("sharpness", 1), ("size", 1)),
    "re-encoded": (("JPEG quality", 1), ("JPEG file", -1)),
}
"""Which property each change takes away, and from which photos: 1 from those that have more of it. A blur takes the
sharpness of sharp photos and leaves soft ones soft; one brightness for all takes brightness and darkness alike."""


@dataclass(frozen=True)
class Shown:
    """The labelled images that were shown again, and what one model said.

    Attributes
    ----------
    rows, labels
        (s,) row of the analysis, index of the emotion.
    altered
        Per change, (s,) whether it altered the image at all.
    before, after
        Per change, (s,) the predicted class without it and with it.
    sure
        (s,) the model's probability of the label before.
    """

    rows: Ints
    labels: Ints
    altered: dict[str, Bools]
    before: dict[str, Ints]
    after: dict[str, Ints]
    sure: Floats


@dataclass(frozen=True)
class Effect:
    """One change, one emotion, one model.

    Attributes
    ----------
    n, persons
        Images of the emotion that were shown; their persons, None where not known.
    altered, known
        How many of them the change alters; how many the model knew before.
    before, after
        Recall with Wilson's interval.
    fall
        before - after of the same images, with a paired 95 % interval (persons drawn again where known).
    lost, gained
        Images right only before, only after.
    p
        Exact two-sided sign-flip test of the fall over persons, which with one image each is McNemar's exact test;
        adjusted (Holm) over the model's emotions x changes for which a property goes with the emotion, and over the
        rest by themselves, as only the former can be shortcuts.
    goes_with
        Properties that this change takes away and that go with the emotion in the data, in the order of `TAKES_AWAY`.
    loss
        Share of the known and altered images that are lost.
    elsewhere
        The same of other emotions with which the property does not go: their median; NaN where there are none.
    excess
        loss - elsewhere.
    falls
        "yes", "no", "undetermined" or "insufficient evidence": whether recall falls by ten points or more.
    answer
        Likewise: whether the model knows the emotion by what was taken away.
    note
        What limits the answer.
    lost_rows
        Rows of the lost images, those the model had been surest of first.
    lost_as
        What each of them is taken for now.
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
    note: str
    lost_rows: tuple[int, ...]
    lost_as: tuple[str, ...]


@dataclass(frozen=True)
class _Counts:
    """One emotion's images under one change."""

    emotion: int
    change: str
    chosen: Bools
    fall: Estimate
    p: float
    reach: float
    goes_with: tuple[str, ...]


def judge_interventions(
    model: str,
    shown: Shown,
    classes: Sequence[str],
    links: Sequence[Association],
    persons: npt.NDArray[np.object_] | None,
    seed: int,
) -> tuple[Effect, ...]:
    """Judge every change on every emotion of one model.

    Parameters
    ----------
    links
        How properties go with emotions in the whole test set.
    persons
        (s,) of the shown images, None where unknown; None where no person is known at all.
    """
    parts = [
        _count(shown, e, name, change, links, persons, seed)
        for change in shown.after
        for e, name in enumerate(classes)
        if (shown.labels == e).any()
    ]
    enough = [int(part.chosen.sum()) >= THIN for part in parts]
    could = [ok and bool(part.goes_with) for part, ok in zip(parts, enough, strict=True)]
    raw = [part.p for part in parts]
    ours = holm([p if c else np.nan for p, c in zip(raw, could, strict=True)])
    rest = holm([p if ok and not c else np.nan for p, ok, c in zip(raw, enough, could, strict=True)])
    adjusted = np.where(could, ours, rest)
    return tuple(
        _judge(model, shown, part, float(p), sum(could), parts, classes, persons, seed)
        for part, p in zip(parts, adjusted, strict=True)
    )


def _count(
    shown: Shown,
    e: int,
    name: str,
    change: str,
    links: Sequence[Association],
    persons: npt.NDArray[np.object_] | None,
    seed: int,
) -> _Counts:
    chosen = shown.labels == e
    right, still = shown.before[change][chosen] == e, shown.after[change][chosen] == e
    who = _clusters(persons, chosen)
    drop = right.astype(np.float64) - still
    n = len(right)
    if persons is None:
        fall = paired_difference(int((right & ~still).sum()), int((still & ~right).sum()), n)
    else:
        value, low, high = (float(part[0]) for part in mean_interval(drop[:, None], who, seed))
        fall = Estimate(value, max(low, -1.0), min(high, 1.0), who.count)
    sums = np.rint(who.sums(drop[:, None])[:, 0])
    knowing = np.unique(who.code[right & shown.altered[change][chosen]])
    wanted = TAKES_AWAY.get(change, ())
    fitting = [link for link in links if link.emotion == name and link.answer == "yes"]
    fitting = [link for link in fitting if (link.name, link.sign) in wanted]
    fitting.sort(key=lambda link: wanted.index((link.name, link.sign)))
    reach = min(1.0, 2.0 ** (1 - len(knowing)))
    return _Counts(e, change, chosen, fall, flip_test(sums), reach, tuple(link.name for link in fitting))


def _judge(
    model: str,
    shown: Shown,
    part: _Counts,
    p: float,
    family: int,
    parts: Sequence[_Counts],
    classes: Sequence[str],
    persons: npt.NDArray[np.object_] | None,
    seed: int,
) -> Effect:
    e, change, chosen = part.emotion, part.change, part.chosen
    right, still = shown.before[change] == e, shown.after[change] == e
    altered = shown.altered[change]
    lost, n = chosen & right & ~still, int(chosen.sum())
    falls = _falls(part, p, family, n)
    loss, elsewhere, excess, note = _compare(shown, part, parts, persons, seed)
    if falls == "yes" and not part.goes_with:
        note = "nothing that this change takes away goes with the emotion in the data: fragile, not a shortcut"
    rows = np.flatnonzero(lost)
    rows = rows[np.argsort(-shown.sure[rows], kind="stable")]
    return Effect(
        model=model,
        emotion=classes[e],
        change=change,
        n=n,
        persons=None if persons is None else _clusters(persons, chosen).count,
        altered=int((chosen & altered).sum()),
        known=int((chosen & right).sum()),
        before=wilson(int((chosen & right).sum()), n),
        after=wilson(int((chosen & still).sum()), n),
        fall=part.fall,
        lost=int(lost.sum()),
        gained=int((chosen & still & ~right).sum()),
        p=p,
        goes_with=part.goes_with,
        loss=loss,
        elsewhere=elsewhere,
        excess=excess,
        falls=falls,
        answer=_answer(falls, part, excess),
        note=note,
        lost_rows=tuple(shown.rows[rows].tolist()),
        lost_as=tuple(classes[k] for k in shown.after[change][rows].tolist()),
    )


def _falls(part: _Counts, p: float, family: int, n: int) -> str:
    if n < THIN:
        return "insufficient evidence"
    if p < ALPHA and part.fall.value >= LEAST_FALL:
        return "yes"
    if part.fall.high < LEAST_FALL:
        return "no"
    # Even if every known image were lost, that would not be enough.
    if part.reach * max(family, 1) > ALPHA:
        return "insufficient evidence"
    return "undetermined"


def _answer(falls: str, part: _Counts, excess: Estimate) -> str:
    if falls == "insufficient evidence":
        return falls
    if falls == "no" or not part.goes_with:
        return "no"
    if falls == "undetermined":
        return falls
    if excess.low > 0 and excess.value >= LEAST_EXCESS:
        return "yes"
    return "no" if excess.high < LEAST_EXCESS else "undetermined"


def _compare(
    shown: Shown, part: _Counts, parts: Sequence[_Counts], persons: npt.NDArray[np.object_] | None, seed: int
) -> tuple[Estimate, float, Estimate, str]:
    """Loss among the images that were known and altered: the emotion's, and others' with which nothing goes."""
    altered, note = shown.altered[part.change], ""
    mine = _lost(shown, part, altered, persons)
    free = [
        other
        for other in parts
        if other.change == part.change and other.emotion != part.emotion and not other.goes_with
    ]
    others = _comparable(_lost(shown, other, altered, persons) for other in free)
    if not others:
        others = _comparable(_lost(shown, other, np.ones_like(altered), persons) for other in free)
        note = "hardly any known image of another emotion is altered, so those left as they are stand in for them"
    elsewhere, excess = exceed(mine, others, seed)
    if not excess.defined:
        note = "no other emotion to compare with"
    return lost_share(mine, seed), elsewhere, excess, note


def _comparable(counts: Iterable[Lost]) -> list[Lost]:
    return [count for count in counts if count.known >= FEWEST_KNOWN]


def _lost(shown: Shown, part: _Counts, altered: Bools, persons: npt.NDArray[np.object_] | None) -> Lost:
    known = part.chosen & altered & (shown.before[part.change] == part.emotion)
    lost = known & (shown.after[part.change] != part.emotion)
    return Lost(int(lost.sum()), int(known.sum()), _clusters(persons, known).count)


def _clusters(persons: npt.NDArray[np.object_] | None, chosen: Bools) -> Clusters:
    return clusters(None if persons is None else persons[chosen], int(chosen.sum()))
