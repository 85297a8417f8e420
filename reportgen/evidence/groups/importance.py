"""Whether parts of the face matter more to a model in one group of photos than in others.

From the swaps that were made anyway: no face is swapped for it. Faces are compared with others of the same emotion, at
the group's mix, as scores are. The design has about a dozen faces of an emotion, so that a group needs many of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import Analysis
from reportgen.evidence.groups.gaps import Gap, standardised_gap
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.importance.findings import ImportanceFindings, Swaps
from reportgen.evidence.importance.regions import MIN_DROP
from reportgen.evidence.performance.margins import log_odds
from reportgen.evidence.stats.clustered import Clusters
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.types import BoolArray, FloatArray

__all__ = ["LEAST_FACES", "ImportanceGap", "importance_gaps"]

LEAST_FACES = 12
"""With fewer swapped faces on either side, a group's region importance is not compared."""
_IN_CELL = 2


@dataclass(frozen=True)
class ImportanceGap:
    """One region.

    Attributes
    ----------
    gap
        Log-odds drop in the group less that in the others.
    p
        That the drops differ by `MIN_DROP` at most; adjusted.
    """

    model: str
    grouping: str
    level: str
    region: str
    gap: Gap
    p: float

    @property
    def differs(self) -> bool:
        """Whether the region is proven to matter more, or less, in the group."""
        return self.p < ALPHA


def importance_gaps(
    analysis: Analysis, importance: ImportanceFindings, groupings: Sequence[Grouping], group: Clusters
) -> tuple[ImportanceGap, ...]:
    """All that can be compared, with p before adjustment."""
    found = []
    for model in analysis.models:
        swaps = importance.swaps.get(model.slug)
        if swaps is None:
            continue
        for region in (region for region in TRANSPLANTED if region != "background"):
            tested = {
                analysis.classes.index(one.emotion)
                for one in importance.regions
                if (one.model, one.region) == (model.name, region) and one.tested
            }
            drop = _drops(swaps, region, tested, len(analysis.labels))
            stratum = np.where(np.isfinite(drop), analysis.labels, -1)
            for one, k in _large(groupings, stratum >= 0):
                gap = standardised_gap(
                    np.nan_to_num(drop), stratum, one.photos(k), one.others(k), group, cell=_IN_CELL, least=LEAST_FACES
                )
                if gap.testable:
                    found.append(ImportanceGap(model.name, one.name, one.levels[k], region, gap, gap.p_wider(MIN_DROP)))
    return tuple(found)


def _large(groupings: Sequence[Grouping], swapped: BoolArray) -> Iterator[tuple[Grouping, int]]:
    for one in groupings:
        for k in range(len(one.levels)):
            if min(int((one.photos(k) & swapped).sum()), int((one.others(k) & swapped).sum())) >= LEAST_FACES:
                yield one, k


def _drops(swaps: Swaps, region: str, emotions: set[int], n: int) -> FloatArray:
    """(n,) by photo, its log-odds with faces of its own emotion less those with others'; NaN where not swapped."""
    design = swaps.design
    taken = (design["kind"] == "matched") & (design["region"] == region) & design["emotion"].isin(emotions)
    at = np.flatnonzero(taken.to_numpy())
    emotion, donor, receiver = (
        design[name].to_numpy(dtype=np.int64)[at] for name in ("emotion", "donor_emotion", "receiver")
    )
    margin = log_odds(swaps.logits[at], emotion)
    mean = []
    for part in (donor == emotion, donor != emotion):
        count = np.bincount(receiver[part], minlength=n)
        mean.append(np.bincount(receiver[part], margin[part], minlength=n) / np.where(count > 0, count, np.nan))
    return np.asarray(mean[0] - mean[1])
