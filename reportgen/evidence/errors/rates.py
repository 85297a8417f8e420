"""How often each flag is raised: among errors and, where the rule applies, among correct images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.errors.rules import Flag
from reportgen.evidence.stats.clustered import person_codes
from reportgen.evidence.stats.intervals import Estimate, bootstrap_counts, risk_ratio
from reportgen.types import BoolArray, ObjectArray

__all__ = ["FlagRate", "SwapCheck", "flag_rate", "rate_ratio", "swap_check"]

DRAWS = 2000
# Resampling more persons than this at once costs memory and changes nothing.
_MANY = 20_000


@dataclass(frozen=True)
class FlagRate:
    """One flag over all images of one model.

    Attributes
    ----------
    raised, tested
        Errors with the flag, of those to which the rule applies.
    primary
        Errors whose first reason it is.
    in_errors, errors, in_correct, correct
        The comparable part of the rule, counted in both groups: errors that no shown shortcut accounts for, and
        correct images; all 0 where there is none.
    ratio
        Rate in errors divided by rate in correct images; None for a rule about errors alone.
    """

    flag: str
    raised: int
    tested: int
    primary: int
    in_errors: int = 0
    errors: int = 0
    in_correct: int = 0
    correct: int = 0
    ratio: Estimate | None = None

    @property
    def telling(self) -> bool:
        """Whether the rule fires more often on errors than on correct images, beyond chance."""
        return self.ratio is not None and self.ratio.defined and self.ratio.low > 1


@dataclass(frozen=True)
class SwapCheck:
    """Whether other backgrounds help errors with heat there more than errors without.

    Attributes
    ----------
    hot, rises
        Tested errors with much heat on the background, and those whose label gains on every other background.
    controls, controls_rise
        The same of errors without.
    ratio
        Rate with heat divided by rate without.
    """

    hot: int
    rises: int
    controls: int
    controls_rise: int
    ratio: Estimate


def flag_rate(
    flag: Flag, wrong: BoolArray, right: BoolArray, primary: int, persons: ObjectArray | None, seed: int
) -> FlagRate:
    """Count one flag, its comparable part among `wrong` and `right` images.

    `persons` (n,) names or None, so that photos of one person do not count as independent.
    """
    raised, tested = int(flag.fires.sum()), int(flag.tested.sum())
    if flag.common is None or flag.comparable is None:
        return FlagRate(flag.name, raised, tested, primary)
    errors, correct = wrong & flag.comparable, right & flag.comparable
    ratio = rate_ratio(flag.common, errors, correct, persons, seed)
    return FlagRate(
        flag.name, raised, tested, primary,
        int((flag.common & errors).sum()), int(errors.sum()),
        int((flag.common & correct).sum()), int(correct.sum()), ratio,
    )  # fmt: skip


def rate_ratio(
    flag: BoolArray, first: BoolArray, second: BoolArray, persons: ObjectArray | None, seed: int
) -> Estimate:
    """Rate of a flag in one group divided by its rate in another.

    Without persons Walter's interval (`estimate.risk_ratio`); with them the middle 95 % of a bootstrap over persons,
    one half added to every count as there, widened to hold the estimate.
    """
    columns = np.stack([flag & first, first, flag & second, second], axis=1).astype(np.float64)  # (n, 4)
    used = first | second
    k1, n1, k0, n0 = (int(value) for value in columns.sum(axis=0))
    plain = risk_ratio(k1, n1, k0, n0)
    if persons is None or not plain.defined or not math.isfinite(plain.value) or plain.value == 0:
        return plain
    codes = person_codes(persons[used])
    count = int(codes.max()) + 1
    if count == len(codes) or count < 2:
        return plain
    sums = np.stack([np.bincount(codes, column, minlength=count) for column in columns[used].T], axis=1)
    rng = np.random.default_rng(seed)
    draws = max(200, min(DRAWS, DRAWS * _MANY // count))
    totals = bootstrap_counts(count, draws, rng) @ sums + 0.5  # (draws, 4)
    samples = (totals[:, 0] / totals[:, 1]) / (totals[:, 2] / totals[:, 3])
    low, high = np.quantile(samples, (0.025, 0.975))
    return Estimate(plain.value, min(float(low), plain.value), max(float(high), plain.value), plain.n)


def swap_check(flag: Flag, swapped: Mapping[int, Sequence[float]] | None, controls: BoolArray) -> SwapCheck | None:
    """Compare the effect of other backgrounds on errors with heat there and without; None where either is missing.

    Parameters
    ----------
    flag
        The background's.
    controls
        (n,) images whose backgrounds were exchanged for this comparison.
    """
    if swapped is None or flag.common is None or flag.comparable is None:
        return None
    wrong_hot = flag.tested & flag.common
    cold = controls & flag.tested & ~flag.common
    rises = np.zeros_like(cold)
    for row, changes in swapped.items():
        rises[row] = bool(len(changes)) and min(changes) > 0
    if not wrong_hot.any() or not cold.any():
        return None
    k1, n1 = int((rises & wrong_hot).sum()), int(wrong_hot.sum())
    k0, n0 = int((rises & cold).sum()), int(cold.sum())
    return SwapCheck(n1, k1, n0, k0, risk_ratio(k1, n1, k0, n0))
