"""Groups of photos on which models fare worse, or better, than on others of the same emotions.

Every group is compared with all other photos of its grouping: accuracy over all emotions, recall and precision emotion
by emotion, all at the group's own mix of labels (`gaps`). The chance of any wrong "yes" on the whole page is 5 %. It is
shared out over four families, each corrected by Holm: half of it to the overall gaps, three tenths to the emotions, a
tenth to intersections of two groups and a tenth to region importance. "No" is corrected likewise.

A gap may go with another group: blurred photos may be those of one source. So each proven gap is measured again without
the photos of the group with the widest gap, and where it is not shown any more, it is said to go with that group.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.groups.equal_odds import EqualOdds, equalised_odds
from reportgen.evidence.groups.gaps import LEAST_PHOTOS, MIN_GAP, Gap, precision_gap, standardised_gap
from reportgen.evidence.groups.groupings import (
    Grouping,
    called_groupings,
    given_groupings,
    measured_groupings,
    unknown_groups,
)
from reportgen.evidence.groups.importance import ImportanceGap, importance_gaps
from reportgen.evidence.groups.intersections import Intersection, search_intersections
from reportgen.evidence.importance.findings import ImportanceFindings
from reportgen.evidence.stats.clustered import Clusters, clusters
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.units import units_of
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["SHARES", "GroupAnswer", "GroupFindings", "GroupGap", "PersonScore", "Score", "judge_groups"]

Score = Literal["accuracy", "recall", "precision"]
GroupAnswer = Literal["yes", "no", "undetermined", "insufficient evidence"]

SHARES: Mapping[str, float] = {"overall": 0.5, "emotions": 0.3, "intersections": 0.1, "importance": 0.1}
"""How the error of the page is shared out over the families of tests."""

_PERSON_PHOTOS = 10
_PERSONS = 5


@dataclass(frozen=True)
class GroupGap:
    """One group of one model.

    Attributes
    ----------
    grouping, level
        Name of the grouping, and of the group in it.
    emotion
        "" over all emotions.
    plain
        The gap of the photos as they are, whatever their labels.
    gap
        At the group's own mix of labels.
    p, p_narrower
        That the gap is at most `MIN_GAP`, and at least that; adjusted. NaN where there is too little to compare.
    by_mix
        Whether the plain gap is there by its interval, while photos of the same emotions show no such gap, or less than
        half of it: the mix of emotions explains it.
    through
        Grouping and group that the gap goes with: without its photos it is not shown any more; None where it is, or
        where that was not asked.
    photos
        Labelled photos of the group.
    share
        Its share, 0..1, of all labelled photos; for one emotion of those of the emotion.
    """

    model: str
    grouping: str
    level: str
    emotion: str
    score: Score
    plain: Gap
    gap: Gap
    p: float
    p_narrower: float
    by_mix: bool
    photos: int
    share: float
    through: tuple[str, str] | None = None

    @property
    def answer(self) -> GroupAnswer:
        """Whether the gap is wider than `MIN_GAP`."""
        if not self.gap.testable:
            return "insufficient evidence"
        if self.p < ALPHA:
            return "yes"
        return "no" if self.p_narrower < ALPHA else "undetermined"

    @property
    def worse(self) -> bool:
        """Whether the group is proven to fare worse than the others."""
        return self.answer == "yes" and self.gap.value < 0


@dataclass(frozen=True)
class PersonScore:
    """One person with many photos. Photos of one person are no independent observations: no test is made.

    Attributes
    ----------
    row
        The first photo of the person.
    expected
        Share of correct predictions that photos of other persons with the same labels have.
    """

    model: str
    row: int
    n: int
    right: int
    expected: float


@dataclass(frozen=True)
class GroupFindings:
    """What was compared.

    Attributes
    ----------
    groupings
        In the order of the page: given ones first.
    gaps
        By model, grouping, group and emotion.
    odds
        By model and grouping.
    intersections
        Pairs of groups that the search brought up, tested on the other half of the persons.
    importance
        By model, group and region; empty where no group has enough swapped faces.
    persons
        By model those with the fewest correct predictions beside what was expected.
    missing
        Columns that were asked for and are not there.
    """

    groupings: tuple[Grouping, ...] = ()
    gaps: tuple[GroupGap, ...] = ()
    odds: tuple[EqualOdds, ...] = ()
    intersections: tuple[Intersection, ...] = ()
    importance: tuple[ImportanceGap, ...] = ()
    persons: tuple[PersonScore, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def tested(self) -> int:
        """How many gaps were tested."""
        return sum(one.gap.testable for one in self.gaps)

    @property
    def compared(self) -> tuple[str, ...]:
        """Models of which any gap over all emotions could be tested."""
        return tuple(dict.fromkeys(one.model for one in self.gaps if not one.emotion and one.gap.testable))

    def grouping(self, name: str) -> Grouping:
        """A grouping by its name."""
        return next(one for one in self.groupings if one.name == name)

    def called(self, grouping: str, level: str) -> str:
        """What the photos of a group are called, as in "in colour"; "" where its name says it."""
        own = next((one for one in self.groupings if one.name == grouping), None)
        return own.called[own.levels.index(level)] if own is not None and own.called and level in own.levels else ""

    def having(self, grouping: str, level: str) -> int:
        """How many labelled photos of a group have the property that it is called by; -1 where it is called by none."""
        own = next((one for one in self.groupings if one.name == grouping), None)
        return own.having[own.levels.index(level)] if own is not None and own.having and level in own.levels else -1

    def photos(self, gap: GroupGap) -> BoolArray:
        """(n,) photos of a gap's group."""
        grouping = self.grouping(gap.grouping)
        return grouping.photos(grouping.levels.index(gap.level))

    def overall(self, model: str) -> tuple[GroupGap, ...]:
        """Gaps over all emotions."""
        return tuple(one for one in self.gaps if one.model == model and not one.emotion)

    def without_own_columns(self) -> GroupFindings:
        """The same without the user's columns, which may tell who is who, but for those that were asked for."""
        groupings = tuple(one for one in self.groupings if one.origin == "measured" or one.asked)
        names = {one.name for one in groupings}
        return replace(
            self,
            groupings=groupings,
            gaps=tuple(one for one in self.gaps if one.grouping in names),
            odds=tuple(one for one in self.odds if one.grouping in names),
            intersections=tuple(one for one in self.intersections if {one.first[0], one.second[0]} <= names),
            importance=tuple(one for one in self.importance if one.grouping in names),
        )


def judge_groups(
    analysis: Analysis, importance: ImportanceFindings | None, wanted: Sequence[str], seed: int
) -> GroupFindings:
    """Compare models by groups of photos; without labels nothing is.

    Parameters
    ----------
    importance
        Its swaps tell region importance by group; None where it was not measured.
    wanted
        Columns and pairs ("sex*age") that were asked for; empty for all columns that part the photos into a few groups.
    """
    labels = analysis.labels
    if not (labels >= 0).any():
        return GroupFindings()
    measured = measured_groupings(analysis)
    groupings = (*given_groupings(analysis.images, analysis.classes, wanted, measured), *measured)
    group = clusters(units_of(analysis.images), len(labels))
    overall = [one for model in analysis.models for one in _overall(model, labels, groupings, group)]
    emotions = [one for model in analysis.models for one in _emotions(model, analysis, groupings, group)]
    gaps = (*_adjusted(overall, SHARES["overall"]), *_adjusted(emotions, SHARES["emotions"]))
    found = search_intersections(analysis, groupings, group, seed)
    swapped = () if importance is None else importance_gaps(analysis, importance, groupings, group)
    return GroupFindings(
        groupings=called_groupings(analysis, groupings),
        gaps=tuple(_with_causes(gaps, analysis, groupings, group)),
        odds=tuple(
            equalised_odds(model, analysis.classes, labels, grouping, group, seed)
            for model in analysis.models
            for grouping in groupings
        ),
        intersections=tuple(
            replace(one, p=p) for one, p in zip(found, _shared(found, SHARES["intersections"]), strict=True)
        ),
        importance=tuple(
            replace(one, p=p) for one, p in zip(swapped, _shared(swapped, SHARES["importance"]), strict=True)
        ),
        persons=tuple(one for model in analysis.models for one in _worst_persons(model, analysis)),
        missing=unknown_groups(wanted, [one.name for one in measured], analysis.images, analysis.classes),
    )


def _shared(found: Sequence[Intersection] | Sequence[ImportanceGap], share: float) -> list[float]:
    return [min(float(p) / share, 1.0) for p in holm([one.p for one in found])]


def _adjusted(found: Sequence[GroupGap], share: float) -> list[GroupGap]:
    wider, narrower = (
        np.minimum(holm([getattr(one, name) for one in found]) / share, 1.0) for name in ("p", "p_narrower")
    )
    return [
        replace(one, p=float(p), p_narrower=float(q)) for one, p, q in zip(found, wider, narrower, strict=True)
    ]  # fmt: skip


def _overall(
    model: ModelRecords, labels: IntArray, groupings: Sequence[Grouping], group: Clusters
) -> Iterator[GroupGap]:
    right = (model.predicted == labels).astype(np.float64)
    for grouping, level, inside, outside in _groups(groupings, labels):
        plain = standardised_gap(right, np.where(labels >= 0, 0, -1), inside, outside, group)
        gap = standardised_gap(right, labels, inside, outside, group)
        yield _gap(model, grouping, level, "", "accuracy", (plain, gap), inside, labels >= 0)


def _emotions(
    model: ModelRecords, analysis: Analysis, groupings: Sequence[Grouping], group: Clusters
) -> Iterator[GroupGap]:
    labels, predicted = analysis.labels, model.predicted
    for grouping, level, inside, outside in _groups(groupings, labels):
        for e, emotion in enumerate(analysis.classes):
            own = labels == e
            of_emotion = np.where(own, e, -1)
            hit = (predicted == e).astype(np.float64)
            recall = standardised_gap(hit, of_emotion, inside, outside, group, least=LEAST_PHOTOS // 2)
            yield _gap(model, grouping, level, emotion, "recall", (recall, recall), inside, own)
            called = np.where((predicted == e) & (labels >= 0), 0, -1)
            right = (own & (predicted == e)).astype(np.float64)
            plain = standardised_gap(right, called, inside, outside, group, least=LEAST_PHOTOS // 2)
            precision = precision_gap(predicted, labels, e, inside, outside, group)
            yield _gap(model, grouping, level, emotion, "precision", (plain, precision), inside, called >= 0)


def _groups(groupings: Sequence[Grouping], labels: IntArray) -> Iterator[tuple[Grouping, str, BoolArray, BoolArray]]:
    for grouping in groupings:
        for k, level in enumerate(grouping.levels):
            inside, outside = grouping.photos(k) & (labels >= 0), grouping.others(k) & (labels >= 0)
            if inside.any() and outside.any():
                yield grouping, level, inside, outside


def _gap(
    model: ModelRecords, grouping: Grouping, level: str, emotion: str, score: Score, gaps: tuple[Gap, Gap],
    inside: BoolArray, of: BoolArray,
) -> GroupGap:  # fmt: skip
    plain, gap = gaps
    there = plain.testable and abs(plain.value) >= MIN_GAP and plain.estimate.excludes(0.0)
    wide = gap.p_wider()
    n = int((inside & of).sum())
    return GroupGap(
        model.name, grouping.name, level, emotion, score, plain, gap, wide, gap.p_narrower(),
        by_mix=there and gap.testable and wide >= ALPHA and abs(gap.value) <= abs(plain.value) / 2,
        photos=n, share=n / max(int(of.sum()), 1),
    )  # fmt: skip


def _with_causes(
    found: Sequence[GroupGap], analysis: Analysis, groupings: Sequence[Grouping], group: Clusters
) -> list[GroupGap]:
    """Gaps with the group that they go with, where that is another one with a wider gap."""
    named = {one.name: one for one in groupings}
    worst = {
        model.name: min(
            (one for one in found if one.model == model.name and not one.emotion and one.worse),
            key=lambda one: one.gap.value, default=None,
        )
        for model in analysis.models
    }  # fmt: skip
    predicted = {model.name: model.predicted for model in analysis.models}
    judged = []
    for one in found:
        cause = worst[one.model]
        if cause is None or one.answer != "yes" or one.grouping == cause.grouping:
            judged.append(one)
            continue
        grouping, other = named[one.grouping], named[cause.grouping]
        kept = other.others(other.levels.index(cause.level))
        level = grouping.levels.index(one.level)
        sides = grouping.photos(level) & kept, grouping.others(level) & kept
        again = _measured(one, predicted[one.model], analysis, *sides, group)
        remains = again.testable and again.value * one.gap.value > 0 and again.p_wider() < ALPHA
        judged.append(one if remains else replace(one, through=(cause.grouping, cause.level)))
    return judged


def _measured(
    one: GroupGap, predicted: IntArray, analysis: Analysis, inside: BoolArray, outside: BoolArray, group: Clusters
) -> Gap:
    """The gap of the same kind between other photos."""
    labels = analysis.labels
    if not one.emotion:
        return standardised_gap((predicted == labels).astype(np.float64), labels, inside, outside, group)
    e = analysis.classes.index(one.emotion)
    if one.score == "precision":
        return precision_gap(predicted, labels, e, inside, outside, group)
    hit, of_emotion = (predicted == e).astype(np.float64), np.where(labels == e, e, -1)
    return standardised_gap(hit, of_emotion, inside, outside, group, least=LEAST_PHOTOS // 2)


def _worst_persons(model: ModelRecords, analysis: Analysis) -> tuple[PersonScore, ...]:
    """Persons with many photos, those with the fewest correct predictions beside what was expected first."""
    labels = analysis.labels
    names = analysis.images["person"].to_numpy(dtype=object)
    known = np.array([isinstance(name, str) for name in names], dtype=bool) & (labels >= 0)
    if not known.any():
        return ()
    right = model.predicted == labels
    hits, sizes = (
        np.bincount(labels[part], minlength=len(analysis.classes)) for part in (right & (labels >= 0), labels >= 0)
    )
    found = []
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(known).tolist():
        rows_of.setdefault(names[row], []).append(row)
    for rows in rows_of.values():
        if len(rows) >= _PERSON_PHOTOS:
            expected = _expected(labels[rows], right[rows], hits, sizes)
            if math.isfinite(expected):
                found.append(PersonScore(model.name, rows[0], len(rows), int(right[rows].sum()), expected))
    return tuple(sorted(found, key=lambda one: one.right / one.n - one.expected)[:_PERSONS])


def _expected(labels: IntArray, right: BoolArray, hits: IntArray, sizes: IntArray) -> float:
    """Mean recall of these labels over other persons' photos; NaN where one has none."""
    own = np.bincount(labels, minlength=len(sizes))
    rest = sizes - own
    recall: FloatArray = (hits - np.bincount(labels[right], minlength=len(sizes))) / np.where(rest > 0, rest, np.nan)
    return float(recall[labels].mean())
