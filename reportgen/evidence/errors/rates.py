"""How often each flag is raised: among errors and, where the rule applies, among correct images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reportgen.evidence.errors.rules import OF_PHOTOS, Flag
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors
from reportgen.evidence.stats.attributable import attributable_fraction, net_share
from reportgen.evidence.stats.clustered import Clusters, risk_ratio_of, risk_ratio_p
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.types import BoolArray

__all__ = ["FlagRate", "SwapCheck", "flag_rate", "share_of_errors", "swap_check"]


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
        correct images; all 0 where there is none. Of a shortcut: predictions that change among the errors that it may
        account for, and among other errors.
    ratio
        Rate in the first group divided by rate in the second; None for a rule about errors alone.
    p
        Two-sided, that both rates are equal; adjusted (Holm) over the model's rules once `weigh_reasons` has them all;
        NaN where there is no such test.
    share
        Share of all errors that it accounts for: of a property of the photo the attributable fraction, of a shortcut
        the errors that become right without it, net of other errors that do; None for what is no such property.
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
    p: float = math.nan
    share: Estimate | None = None

    @property
    def telling(self) -> bool:
        """Whether the rule fires more often in the first group, beyond chance: only then it counts."""
        return self.ratio is not None and self.ratio.low > 1 and self.p < ALPHA


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


def flag_rate(flag: Flag, first: BoolArray, second: BoolArray, group: Clusters) -> FlagRate:
    """Count one flag, its comparable part in two groups; `primary` stays 0.

    Parameters
    ----------
    first, second
        (n,) errors and correct images; of a shortcut the errors that it may account for, and other errors.
    group
        Persons of all images, so that photos of one person do not count as independent.
    """
    raised, tested = int(flag.fires.sum()), int(flag.tested.sum())
    if flag.common is None or flag.comparable is None:
        return FlagRate(flag.name, raised, tested, 0)
    errors, correct = first & flag.comparable, second & flag.comparable
    ratio = risk_ratio_of(flag.common, errors, correct, group)
    return FlagRate(
        flag.name, raised, tested, 0,
        int((flag.common & errors).sum()), int(errors.sum()),
        int((flag.common & correct).sum()), int(correct.sum()), ratio,
        risk_ratio_p(flag.common, errors, correct, group),
    )  # fmt: skip


def share_of_errors(
    flag: Flag,
    wrong: BoolArray,
    first: BoolArray,
    second: BoolArray,
    group: Clusters,
    shortcut: ShortcutErrors | None = None,
) -> Estimate | None:
    """Share of all errors that a flag accounts for, see `FlagRate.share`.

    Parameters
    ----------
    wrong
        (n,) all errors.
    first, second, group
        As for `flag_rate`. Errors that are not in `first`, because a shortcut accounts for them or the rule could not
        be asked of them, count as not accounted for.
    shortcut
        What became of errors without a shortcut's property; None where no photo was changed.
    """
    errors = int(wrong.sum())
    if flag.name == "shortcut":
        if shortcut is None or not errors:
            return None
        weight = int(shortcut.suspected.sum()) / errors
        return net_share(shortcut.right | shortcut.compared_right, shortcut.shown, shortcut.compared, group, weight)
    if flag.name not in OF_PHOTOS or flag.common is None or flag.comparable is None or not errors:
        return None
    asked = first & flag.comparable
    found = attributable_fraction(flag.common, asked, asked | (second & flag.comparable), group)
    part = int(asked.sum()) / errors
    return replace(found, value=part * found.value, low=part * found.low, high=part * found.high)


def swap_check(
    flag: Flag, swapped: Mapping[int, Sequence[float]] | None, controls: BoolArray, group: Clusters
) -> SwapCheck | None:
    """Compare the effect of other backgrounds on errors with heat there and without; None where either is missing.

    Parameters
    ----------
    flag
        The background's.
    controls
        (n,) images whose backgrounds were exchanged for this comparison.
    group
        Persons of all images.
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
    return SwapCheck(n1, k1, n0, k0, risk_ratio_of(rises, wrong_hot, cold, group))
