"""Groups within groups: two traits together on which a model fares worse than on either alone.

There are hundreds of pairs of groups, of which some are bad by chance. So persons are split into two halves at random:
in one half all pairs are looked through, and the worst few are kept; they alone are tested, in the other half, which
has had no part in choosing them. A pair counts only where it fares worse than the rest of its first group and worse
than the rest of its second: both tests must hold (an intersection-union test, Berger 1982, whose p is the larger of the
two). Splitting costs power: small intersections are missed rather than made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.groups.gaps import LEAST_PHOTOS, Gap, standardised_gap
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.stats.clustered import Clusters
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["Intersection", "search_intersections"]

_KEPT = 3  # pairs of a model that are tested


@dataclass(frozen=True)
class Intersection:
    """Two groups together.

    Attributes
    ----------
    first, second
        Grouping and group of either.
    beside_first, beside_second
        The photos of both, against the other photos of the first and of the second, in the half that tests.
    p
        Adjusted.
    """

    model: str
    first: tuple[str, str]
    second: tuple[str, str]
    beside_first: Gap
    beside_second: Gap
    p: float

    @property
    def worse(self) -> bool:
        """Whether it is proven to fare worse than either group without the other."""
        return self.p < ALPHA and max(self.beside_first.value, self.beside_second.value) < 0


def search_intersections(
    analysis: Analysis, groupings: Sequence[Grouping], group: Clusters, seed: int
) -> tuple[Intersection, ...]:
    """The pairs that were tested, with p before adjustment."""
    parts = [
        (one, level, one.photos(k))
        for one in groupings
        for k, level in enumerate(one.levels)
        if one.photos(k).sum() >= LEAST_PHOTOS
    ]
    labels = analysis.labels
    chosen = np.random.default_rng([seed, 19]).random(group.count) < 0.5
    looked = chosen[group.code] & (labels >= 0)
    tested = ~chosen[group.code] & (labels >= 0)
    if len(parts) < 2 or not looked.any() or not tested.any():
        return ()
    member = np.stack([photos for *_, photos in parts], axis=1)
    found = []
    for model in analysis.models:
        right = (model.predicted == labels).astype(np.float64)
        pairs = _worst_pairs(model, labels, member, looked, [one.name for one, *_ in parts])
        for i, j in pairs:
            both = member[:, i] & member[:, j] & tested
            gaps = [
                standardised_gap(right, labels, both, member[:, k] & ~member[:, other] & tested, group)
                for k, other in ((i, j), (j, i))
            ]
            if all(gap.testable for gap in gaps):
                p = max(gap.p_wider() for gap in gaps) if max(gap.value for gap in gaps) < 0 else 1.0
                names = [(parts[k][0].name, parts[k][1]) for k in (i, j)]
                found.append(Intersection(model.name, names[0], names[1], gaps[0], gaps[1], p))
    return tuple(found)


def _worst_pairs(
    model: ModelRecords, labels: IntArray, member: BoolArray, looked: BoolArray, names: Sequence[str]
) -> list[tuple[int, int]]:
    """Pairs of groups that fare worse than both of their groups, the surest first.

    What a photo's label makes likely is taken off first, so that plain means may be compared.
    """
    at = np.flatnonzero(looked)
    right = (model.predicted[at] == labels[at]).astype(np.float64)
    sizes = np.bincount(labels[at])
    rest = right - (np.bincount(labels[at], right) / np.maximum(sizes, 1))[labels[at]]
    inside = member[at].astype(np.float64)
    n, total = inside.T @ inside, inside.T @ (inside * rest[:, None])
    square = inside.T @ (inside * (rest**2)[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        sure = np.minimum(_lower(n, total, square), _lower(n, total, square).T)
    apart = np.array([[a != b for b in names] for a in names])
    sure[~apart | (n < LEAST_PHOTOS)] = -np.inf
    sure[~np.isfinite(sure)] = -np.inf
    order = np.argsort(-np.triu(sure, 1), axis=None, kind="stable")
    found = [divmod(int(place), len(names)) for place in order[: _KEPT * 2]]
    return [(i, j) for i, j in found if i < j and sure[i, j] > 0][:_KEPT]


def _lower(n: FloatArray, total: FloatArray, square: FloatArray) -> FloatArray:
    """(L, L) by how many standard errors photos of both groups lie below the other photos of the row's group."""
    m = np.diag(n)[:, None] - n
    own, others = total / n, (np.diag(total)[:, None] - total) / m
    spread = square / n - own**2, (np.diag(square)[:, None] - square) / m - others**2
    return np.asarray((others - own) / np.sqrt(spread[0] / n + spread[1] / m))
