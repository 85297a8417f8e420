"""How much of what was known is lost, in one emotion and in others: fragility loses everywhere, a shortcut does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import Estimate
from reportgen.types import BoolArray, FloatArray, ObjectArray

__all__ = ["FEWEST_KNOWN", "Lost", "count_lost", "exceed", "lost_share"]


FEWEST_KNOWN = 5
"""So many known images another emotion must have to be a comparison, and so many persons the emotion itself."""

_DRAWS = 20_000


@dataclass(frozen=True)
class Lost:
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


def count_lost(known: BoolArray, lost: BoolArray, persons: ObjectArray | None) -> Lost:
    """Count (s,) images; `persons` (s,) names, None where unknown, or None."""
    n = int(known.sum())
    group = clusters(None if persons is None else persons[known], n)
    gone, size = np.bincount(group.code, lost[known], group.count), np.bincount(group.code, minlength=group.count)
    return Lost(int((known & lost).sum()), n, group.count, float((gone / size).sum()))


def lost_share(mine: Lost, seed: int) -> Estimate:
    """The share with a 95 % interval."""
    return _estimate(mine.share, mine.draws(np.random.default_rng(seed)), mine.known, (0.0, 1.0))


def exceed(mine: Lost, others: Sequence[Lost], seed: int) -> tuple[float, Estimate, float]:
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
