"""How much less often a model is right on one group of photos than on others, emotion by emotion.

Groups differ in their mix of emotions, and models in how well they know each emotion: a group with many photos of a
hard emotion scores low without any fault of its own. So photos of the same emotion are compared, and the differences
are averaged over the group's own mix (direct standardisation): the others score what they would score with the group's
mix. Where most photos of the group have a counterpart of the same person and emotion among the others, persons are
compared with themselves.

The unit of the standard error is the person (see `stats.units`), who may be on both sides. It is the larger of two:
by how the persons' sums differ, each divided by the root of what it leaves of its emotion's mean (CR2, Bell and
McCaffrey 2002); and what photos that are right alike on both sides would give, where photos of one person are as much
alike as they are over all persons (a pooled intraclass correlation). A group of few persons that happen to be alike is
no evidence by the second; a group of persons that differ more than others is judged by the first. Degrees of freedom
are those of the first, and those of the correlation as far as the second is the larger one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from reportgen.evidence.stats.clustered import Clusters
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["LEAST_IN_CELL", "LEAST_PHOTOS", "MIN_GAP", "Gap", "precision_gap", "standardised_gap"]

MIN_GAP = 0.05
"""The gap, as a share of predictions, that every test is about: "yes" where it is shown to be wider, "no" where it is
shown to be narrower."""

LEAST_PHOTOS = 20
"""With fewer photos of emotions that both sides have, a group is not compared."""

LEAST_IN_CELL = 5
"""With fewer photos of an emotion on either side, the emotion is not compared."""

_LEAST_UNITS_IN_CELL = 3
_LEAST_PAIRS = 10  # persons on both sides from which they are compared with themselves


@dataclass(frozen=True)
class Gap:
    """One side's score less the other's, both with the first side's mix of emotions.

    Attributes
    ----------
    own, others
        Scores of the two sides, 0..1: of the photos whose emotion both sides have. NaN where nothing can be compared.
    error, freedom
        Standard error of their difference, and degrees of freedom.
    photos, others_photos
        How many photos are compared on either side.
    persons
        Persons (see `stats.units`) on the side that has fewer.
    emotions
        Of which emotions photos are compared, as indices.
    paired
        Whether persons were compared with themselves.
    named
        Whether any unit is a known person.
    """

    own: float
    others: float
    error: float
    freedom: float
    photos: int
    others_photos: int
    persons: int
    emotions: tuple[int, ...]
    paired: bool = False
    named: bool = False

    @property
    def value(self) -> float:
        """Own less the others', -1..1: negative where the group fares worse."""
        return self.own - self.others

    @property
    def testable(self) -> bool:
        """Whether there are enough photos and persons on both sides."""
        return math.isfinite(self.error) and self.freedom >= 1.0

    @property
    def estimate(self) -> Estimate:
        """With its 95 % interval, within -1..1."""
        persons = self.persons if self.named else None
        if not self.testable:
            return Estimate(self.value, -1.0, 1.0, self.photos, persons, self.named)
        half = float(stdtrit(self.freedom, 0.975)) * self.error
        low, high = max(self.value - half, -1.0), min(self.value + half, 1.0)
        return Estimate(self.value, low, high, self.photos, persons, self.named)

    def p_wider(self, least: float = MIN_GAP) -> float:
        """P that the gap is at most `least` to either side; NaN where it cannot be tested."""
        if not self.testable:
            return math.nan
        size = abs(self.value)
        if self.error == 0:
            return 0.0 if size > least else 1.0
        near, far = ((size - least) / self.error, (size + least) / self.error)
        return float(min(1.0, stdtr(self.freedom, -near) + stdtr(self.freedom, -far)))

    def p_narrower(self, least: float = MIN_GAP) -> float:
        """P that the gap is at least `least` to one side or the other; NaN where it cannot be tested."""
        if not self.testable:
            return math.nan
        if self.error == 0:
            return 0.0 if abs(self.value) < least else 1.0
        return float(stdtr(self.freedom, -(least - abs(self.value)) / self.error))


def standardised_gap(
    score: FloatArray,
    stratum: IntArray,
    inside: BoolArray,
    outside: BoolArray,
    group: Clusters,
    *,
    cell: int = LEAST_IN_CELL,
    least: int = LEAST_PHOTOS,
) -> Gap:
    """The mean score of the photos inside less that of the photos outside, at the mix of strata inside.

    Parameters
    ----------
    score
        (n,) such as 1 for a correct prediction and 0 for another.
    stratum
        (n,) the emotion of each photo; negative where it is not known: such a photo does not count.
    inside, outside
        (n,) the two sides, which do not overlap.
    group
        Person (else photo) of each photo.
    cell, least
        Least photos of a stratum on either side, and least photos of a side.
    """
    sides, strata = _comparable(stratum, inside, outside, group, cell)
    rows = [np.flatnonzero(side) for side in sides]
    if not _enough(rows, group, least):
        return _untested(score, rows, strata, group)
    paired = None if group.single else _within_persons(score, stratum, rows, group)
    if paired is not None:
        return paired
    most = int(strata.max()) + 1
    sizes = [np.bincount(stratum[at], minlength=most) for at in rows]
    weights = [sizes[0][stratum[at]] / len(rows[0]) / size[stratum[at]] for at, size in zip(rows, sizes, strict=True)]
    return _difference(score, rows, weights, stratum, strata, group)


def precision_gap(
    predicted: IntArray, labels: IntArray, emotion: int, inside: BoolArray, outside: BoolArray, group: Clusters
) -> Gap:
    """Precision of one emotion inside less outside, where the photos outside are weighted to the mix of labels inside.

    With another mix of labels, precision differs between groups of which a model knows every emotion alike.

    Parameters
    ----------
    predicted, labels
        (n,) -1 where unlabelled.
    """
    sides, strata = _comparable(labels, inside, outside, group, LEAST_IN_CELL)
    right = (predicted == labels).astype(np.float64)
    rows = [np.flatnonzero(side & (predicted == emotion)) for side in sides]
    if emotion not in strata or not _enough(rows, group, LEAST_PHOTOS // 2):
        return _untested(right, rows, strata, group)
    most = int(strata.max()) + 1
    mix, rest = (np.bincount(labels[side], minlength=most) for side in sides)
    known = (mix / np.maximum(rest, 1))[labels[rows[1]]]
    weights = [np.full(len(rows[0]), 1.0 / len(rows[0])), known / known.sum()]
    return _difference(right, rows, weights, np.zeros_like(labels), strata, group)


def _comparable(
    stratum: IntArray, inside: BoolArray, outside: BoolArray, group: Clusters, cell: int
) -> tuple[list[BoolArray], IntArray]:
    """Both sides without the strata of which either has too few photos or persons; and the other strata, ascending."""
    most = int(stratum.max(initial=-1)) + 1
    enough = np.ones(most, dtype=bool)
    sides = [side & (stratum >= 0) for side in (inside, outside)]
    for side in sides:
        pairs = np.unique(stratum[side] * np.int64(group.count) + group.code[side])
        units = np.bincount(pairs // group.count, minlength=most)
        enough &= (np.bincount(stratum[side], minlength=most) >= cell) & (units >= min(cell, _LEAST_UNITS_IN_CELL))
    return [side & np.append(enough, False)[stratum] for side in sides], np.flatnonzero(enough)


def _enough(rows: list[IntArray], group: Clusters, least: int) -> bool:
    return all(len(at) >= least and len(np.unique(group.code[at])) >= MIN_PERSONS for at in rows)


def _untested(score: FloatArray, rows: list[IntArray], strata: IntArray, group: Clusters) -> Gap:
    own, others = (float(score[at].mean()) if len(at) else math.nan for at in rows)
    return Gap(own, others, math.nan, 0.0, len(rows[0]), len(rows[1]), _persons(rows, group), tuple(strata.tolist()))


def _persons(rows: list[IntArray], group: Clusters) -> int:
    return min(len(np.unique(group.code[at])) for at in rows)


def _difference(
    score: FloatArray, rows: list[IntArray], weights: list[FloatArray], cells: IntArray, strata: IntArray,
    group: Clusters,
) -> Gap:  # fmt: skip
    """Difference of two weighted means whose weights sum to 1; photos vary around the means of their cells."""
    at, weight = np.concatenate(rows), np.concatenate(weights)
    second = np.repeat([0, 1], [len(part) for part in rows])
    values, most = score[at], int(cells[at].max()) + 1
    place = second * most + cells[at]
    total = np.bincount(place, weight, minlength=2 * most)
    mean = np.bincount(place, weight * values, minlength=2 * most) / np.where(total > 0, total, 1.0)
    units, unit = np.unique(group.code[at], return_inverse=True)
    parts, part = np.unique(unit * np.int64(2 * most) + place, return_inverse=True)
    held = np.bincount(part, weight) / total[parts % (2 * most)]  # share of its cell that a unit holds
    residual = values - mean[place]
    pull = np.bincount(part, weight * residual) / np.sqrt(np.maximum(1.0 - held, 1e-9))
    owner, other_side = parts // (2 * most), parts % (2 * most) >= most
    pulls = np.stack([np.bincount(owner, pull * side, minlength=len(units)) for side in (~other_side, other_side)])
    reach: FloatArray = np.stack(
        [np.bincount(unit, weight * side, minlength=len(units)) for side in (second == 0, second == 1)]
    ).astype(np.float64)
    spreads, free = (pulls**2).sum(axis=1), _freedom(reach)
    freedom = float(spreads.sum() ** 2 / (spreads**2 / free).sum()) if spreads.any() else float(free.min())
    error, freedom = _error(
        float(((pulls[0] - pulls[1]) ** 2).sum()), freedom, residual, np.where(second == 0, weight, -weight),
        _spread(values, place, 2 * most), _spread(values, cells[at], most), unit,
    )  # fmt: skip
    own, others = (float(w @ score[r]) for w, r in zip(weights, rows, strict=True))
    return Gap(
        own, others, error, freedom, len(rows[0]), len(rows[1]), _persons(rows, group), tuple(strata.tolist()),
        named=group.named,
    )  # fmt: skip


def _within_persons(score: FloatArray, stratum: IntArray, rows: list[IntArray], group: Clusters) -> Gap | None:
    """The gap within persons and emotions; None where less than half of the group has a counterpart."""
    key = group.code * np.int64(stratum.max() + 1) + stratum
    there, place = np.unique(key[rows[1]], return_inverse=True)
    partner = np.bincount(place, score[rows[1]]) / np.bincount(place)
    found = np.minimum(np.searchsorted(there, key[rows[0]]), len(there) - 1)
    matched = there[found] == key[rows[0]]
    own, partners = rows[0][matched], partner[found[matched]]
    units, unit = np.unique(group.code[own], return_inverse=True)
    if 2 * len(own) < len(rows[0]) or len(units) < _LEAST_PAIRS or len(own) < LEAST_PHOTOS:
        return None
    difference, n = score[own] - partners, len(own)
    value = float(difference.mean())
    held = np.bincount(unit) / n
    pulls = np.bincount(unit, difference - value) / n / np.sqrt(np.maximum(1.0 - held, 1e-9))
    typical = np.full(n, math.sqrt((float((difference**2).sum()) + 0.5) / (n + 1)))
    error, freedom = _error(
        float((pulls**2).sum()), float(_freedom(held[None])[0]), difference - value, np.full(n, 1 / n), typical,
        typical, unit,
    )  # fmt: skip
    mean = float(score[own].mean())
    return Gap(
        mean, mean - value, error, freedom, n, int(np.isin(key[rows[1]], key[own]).sum()), len(units),
        tuple(np.unique(stratum[own]).tolist()), paired=True, named=group.named,
    )  # fmt: skip


def _spread(values: FloatArray, place: IntArray, most: int) -> FloatArray:
    """(n,) standard deviation in each photo's cell, half a 0 and half a 1 added: of scores that are all alike not 0."""
    n = np.bincount(place, minlength=most) + 1.0
    mean = (np.bincount(place, values, minlength=most) + 0.5) / n
    square = (np.bincount(place, values**2, minlength=most) + 0.5) / n
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 1e-12))[place])


def _freedom(share: FloatArray) -> FloatArray:
    """Degrees of freedom of each row's mean over units that hold these shares of it (Bell and McCaffrey 2002)."""
    q = share**2 / np.maximum(1.0 - share, 1e-9)
    freedom = 1.0 / ((share**2).sum(axis=1) + q.sum(axis=1) ** 2 - (q**2).sum(axis=1))
    return np.asarray(np.maximum(freedom, 1.0))


def _error(
    spread: float, freedom: float, residual: FloatArray, weight: FloatArray, own: FloatArray, both: FloatArray,
    unit: IntArray,
) -> tuple[float, float]:  # fmt: skip
    """Standard error and degrees of freedom, from the spread of persons' sums and what no gap would give.

    Parameters
    ----------
    spread, freedom
        Variance by persons' sums.
    residual, weight
        (n,) of each photo; weights of the other side are negative.
    own, both
        (n,) standard deviation of scores like the photo's, on its side and on both.
    unit
        (n,) person.
    """
    size = np.bincount(unit)
    scaled = residual / own
    alike = np.bincount(unit, scaled) ** 2 - np.bincount(unit, scaled**2)
    pairs = float((size - 1).sum())
    correlation = min(max(float((alike / size).sum()) / pairs, 0.0), 1.0) if pairs else 0.0
    shared = correlation * float((np.bincount(unit, weight * both) ** 2).sum())
    alone = (1.0 - correlation) * float(((weight * both) ** 2).sum())
    null = shared + alone
    known = null**2 / (shared**2 / max(int((size > 1).sum()) - 1, 1) + alone**2 / len(unit))
    variance = max(spread, null)
    return math.sqrt(variance), freedom + known * (null / variance) ** 4
