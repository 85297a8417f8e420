"""Which groups are the same photos under different names.

The photos of one source differ from others in several traits at once: in the size of their picture, in the tables that
their files are stored with, in colour. Each trait makes a grouping of its own, and all of these are tested. But a
reader is to be told of the photos once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reportgen.evidence.groups.groupings import alike
from reportgen.evidence.groups.judging import GroupFindings, GroupGap

__all__ = ["ToldGap", "told_once"]


@dataclass(frozen=True)
class ToldGap:
    """One gap that is told.

    Attributes
    ----------
    same
        Gaps of other groups that are (nearly) the same photos.
    mirrored
        The gap of the only other group of the grouping; None where there are more groups, or it was not compared.
    """

    gap: GroupGap
    same: tuple[GroupGap, ...] = ()
    mirrored: GroupGap | None = None


def told_once(found: GroupFindings, gaps: Sequence[GroupGap]) -> tuple[ToldGap, ...]:
    """The gaps of one model and emotion without repetition, in their order.

    Of the two groups of a grouping that has no more, the one that is proven to fare worse is told, else the one whose
    gap is proven, else the one with the lower score. Of groups of the same photos the first that goes with no other.
    """
    told: list[ToldGap] = []
    for one in gaps:
        pair = [other for other in gaps if (other.grouping, other.score, other.emotion) == _key(one)]
        if len(found.grouping(one.grouping).levels) == 2 and len(pair) == 2:
            first, second = sorted(pair, key=_rank)
            if one is second:
                continue
            told.append(ToldGap(first, (), second))
        else:
            told.append(ToldGap(one))
    kept: list[ToldGap] = []
    for line in sorted(told, key=lambda line: line.gap.through is not None):
        k = next((k for k, other in enumerate(kept) if _same(found, line.gap, other.gap)), None)
        if k is None:
            kept.append(line)
        else:
            kept[k] = replace(kept[k], same=(*kept[k].same, line.gap))
    return tuple(sorted(kept, key=lambda line: next(k for k, gap in enumerate(gaps) if gap is line.gap)))


def _key(one: GroupGap) -> tuple[str, str, str]:
    return one.grouping, one.score, one.emotion


def _rank(one: GroupGap) -> tuple[bool, bool, bool, float]:
    return not one.worse, one.answer != "yes", not one.gap.testable, one.gap.value


def _same(found: GroupFindings, one: GroupGap, other: GroupGap) -> bool:
    if (one.score, one.emotion) != (other.score, other.emotion):
        return False
    return alike(found.photos(one), found.photos(other))
