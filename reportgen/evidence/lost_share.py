"""How much of what was known is lost, in one emotion and in others: fragility loses everywhere, a shortcut does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.evidence.estimate import Estimate

__all__ = ["FEWEST_KNOWN", "Lost", "exceed", "lost_share"]

Floats = npt.NDArray[np.float64]

FEWEST_KNOWN = 5
"""So many known images another emotion must have to be a comparison."""

_DRAWS = 4000


@dataclass(frozen=True)
class Lost:
    """Lost images of known ones; `units` is how many independent observations (persons, else images) the known are."""

    lost: int
    known: int
    units: int

    @property
    def share(self) -> float:
        """0..1, NaN where none was known."""
        return self.lost / self.known if self.known else float("nan")

    def draws(self, rng: np.random.Generator) -> Floats:
        """Draws from Jeffreys' distribution of the share, which stays honest where none or all are lost."""
        worth = self.units / self.known if self.known else 0.0
        kept = self.known - self.lost
        return np.asarray(rng.beta(self.lost * worth + 0.5, kept * worth + 0.5, _DRAWS))


def lost_share(mine: Lost, seed: int) -> Estimate:
    """The share with a 95 % interval."""
    return _estimate(mine.share, mine.draws(np.random.default_rng(seed)), mine.known, (0.0, 1.0))


def exceed(mine: Lost, others: Sequence[Lost], seed: int) -> tuple[float, Estimate]:
    """The others' median share, and how far the share exceeds it, with a 95 % interval.

    The median, because one emotion that is easily lost must not speak for all. NaN where there is nothing to compare.
    """
    if not others or not mine.known:
        return float("nan"), Estimate(float("nan"), -1.0, 1.0, mine.known)
    rng = np.random.default_rng(seed)
    draws = mine.draws(rng) - np.median([other.draws(rng) for other in others], axis=0)
    elsewhere = float(np.median([other.share for other in others]))
    return elsewhere, _estimate(mine.share - elsewhere, draws, mine.known, (-1.0, 1.0))


def _estimate(value: float, draws: Floats, n: int, widest: tuple[float, float]) -> Estimate:
    if value != value:
        return Estimate(value, *widest, n)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(value, min(float(low), value), max(float(high), value), n)
