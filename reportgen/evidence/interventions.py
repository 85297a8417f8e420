"""What a model still recognises once a property of the photo is taken away: recall before and after.

A shortcut needs three things together. Recall of an emotion falls when the property is taken away; the property goes
with that emotion in the data; and images of other emotions, changed in the same way, lose less, because a model that
is merely fragile loses everywhere. Each is tested by itself, and the answer is three-valued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.evidence.estimate import Estimate, paired_difference, wilson
from reportgen.evidence.inference import Clusters, clusters, holm, mean_interval
from reportgen.evidence.properties import ALPHA, Association
from reportgen.evidence.scores import THIN

__all__ = ["LEAST_EXCESS", "LEAST_FALL", "TAKES_AWAY", "Effect", "Shown", "flip_test", "judge_interventions"]

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

# So many known images of another emotion must have been changed for it to be a comparison.
_FEWEST = 5
_DRAWS = 4000


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


def flip_test(sums: npt.ArrayLike) -> float:
    """Exact two-sided sign-flip test that a sum of whole numbers is zero; 1 where all are zero.

    All 2^G flips are counted by adding the numbers one after the other (the distribution of a signed-rank statistic,
    with counts in place of ranks).
    """
    sizes = np.abs(np.asarray(sums, dtype=np.int64))
    sizes = sizes[sizes > 0]
    total = int(sizes.sum())
    weight = np.zeros(2 * total + 1)
    weight[total] = 1.0
    for size in sizes.tolist():
        moved = np.zeros_like(weight)
        moved[size:] += 0.5 * weight[: len(weight) - size]
        moved[: len(weight) - size] += 0.5 * weight[size:]
        weight = moved
    observed = abs(int(np.asarray(sums, dtype=np.int64).sum()))
    return float(min(1.0, weight[np.abs(np.arange(-total, total + 1)) >= observed].sum()))


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
    """Loss of the emotion and of others among the images that were known and altered.

    The median over other emotions, because one that is easily lost must not speak for all. Uncertainty: draws from
    Jeffreys' distribution of each share, which stays honest at none and at all; persons count, not images.
    """
    change = part.change
    altered = shown.altered[change]
    mine = _loss(shown, part, altered, persons)
    others = [other for other in parts if other.change == change and other.emotion != part.emotion]
    free = [other for other in others if not other.goes_with]
    note = ""
    counts = [_loss(shown, other, altered, persons) for other in free]
    counts = [count for count in counts if count[1] >= _FEWEST]
    if not counts:
        every = np.ones_like(altered)
        counts = [_loss(shown, other, every, persons) for other in free]
        counts = [count for count in counts if count[1] >= _FEWEST]
        note = "hardly any known image of another emotion is altered, so those left as they are stand in for them"
    rng = np.random.default_rng(seed)
    draws = _draws(mine, rng)
    loss = Estimate(*_summary(mine, draws), mine[1])
    if not counts or not mine[1]:
        return loss, float("nan"), Estimate(float("nan"), -1.0, 1.0, mine[1]), "no other emotion to compare with"
    theirs = np.median([_draws(count, rng) for count in counts], axis=0)
    elsewhere = float(np.median([count[0] / count[1] for count in counts]))
    low, high = np.quantile(draws - theirs, (0.025, 0.975))
    value = mine[0] / mine[1] - elsewhere
    return loss, elsewhere, Estimate(value, min(float(low), value), max(float(high), value), mine[1]), note


def _loss(
    shown: Shown, part: _Counts, altered: Bools, persons: npt.NDArray[np.object_] | None
) -> tuple[int, int, float]:
    """Lost images, known images, and how many independent observations these are worth each."""
    right = part.chosen & altered & (shown.before[part.change] == part.emotion)
    lost = right & (shown.after[part.change] != part.emotion)
    known = int(right.sum())
    units = _clusters(persons, right).count if known else 0
    return int(lost.sum()), known, units / known if known else 0.0


def _draws(count: tuple[int, int, float], rng: np.random.Generator) -> Floats:
    lost, known, worth = count
    return np.asarray(rng.beta(lost * worth + 0.5, (known - lost) * worth + 0.5, _DRAWS))


def _summary(count: tuple[int, int, float], draws: Floats) -> tuple[float, float, float]:
    if not count[1]:
        return float("nan"), 0.0, 1.0
    value = count[0] / count[1]
    low, high = np.quantile(draws, (0.025, 0.975))
    return value, min(float(low), value), max(float(high), value)


def _clusters(persons: npt.NDArray[np.object_] | None, chosen: Bools) -> Clusters:
    return clusters(None if persons is None else persons[chosen], int(chosen.sum()))
