"""How much better a model is on photos of persons whom it was trained on than on photos of others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from reportgen.evidence.stats.clustered import Clusters, proportion
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["Leakage", "measure_leakage"]

_COMPARED = 5  # images of an emotion on either side from which it takes part


@dataclass(frozen=True)
class Leakage:
    """Accuracy on photos that training leaked into, and on the others.

    Attributes
    ----------
    on_seen, on_new
        Accuracy on images whose person or whose file is in the training data, and on the others, 0..1; NaN where there
        is none.
    inflation
        By how much accuracy on both together would be lower if the seen ones were classified as well as new ones of
        the same emotion, -1..1, with an interval that counts persons; NaN where no emotion has five images or more on
        either side.
    """

    model: str
    on_seen: Estimate
    on_new: Estimate
    inflation: Estimate

    @property
    def proven(self) -> bool:
        """Whether accuracy is shown to be inflated."""
        return self.inflation.defined and not self.inflation.too_few and self.inflation.low > 0

    @property
    def nothing_new(self) -> bool:
        """Whether every image is seen: then no score says anything of new persons."""
        return self.on_new.n == 0

    @property
    def matters(self) -> bool:
        """Whether the scores cannot be taken for those of new persons."""
        return self.proven or self.nothing_new


def measure_leakage(
    model: str, predicted: IntArray, labels: IntArray, seen: FloatArray, group: Clusters
) -> Leakage | None:
    """Compare one model's accuracy on seen and on new images; None where no labelled image is known to be seen.

    Emotions are compared one by one, so that another mix of emotions on either side counts for nothing. The interval is
    Student's, of what each person adds to the difference; its degrees of freedom are those of the side with fewer
    persons.

    Parameters
    ----------
    predicted, labels
        (n,) class; a label of -1 where there is none.
    seen
        (n,) 1 where the image's person or file is in the training data, 0 where not, NaN where that is not known.
    group
        Person (else photo) of each of the n images.
    """
    known = np.isfinite(seen) & (labels >= 0)
    old, new = known & (seen == 1), known & (seen == 0)
    if not old.any():
        return None
    right = predicted == labels
    on_seen, on_new = (proportion(right[part], group.subset(np.flatnonzero(part))) for part in (old, new))
    return Leakage(model, on_seen, on_new, _inflation(right, labels, old, new, group))


def _inflation(right: BoolArray, labels: IntArray, old: BoolArray, new: BoolArray, group: Clusters) -> Estimate:
    n = int((old | new).sum())
    value, adds, used = 0.0, np.zeros(len(labels)), np.zeros(len(labels), dtype=bool)
    for e in np.unique(labels[old]):
        mine, others = old & (labels == e), new & (labels == e)
        if min(mine.sum(), others.sum()) < _COMPARED:
            continue
        p, q, ratio = right[mine].mean(), right[others].mean(), mine.sum() / others.sum()
        value += mine.sum() * (p - q) / n
        adds[mine] = (right[mine] - p) / n
        adds[others] = -ratio * (right[others] - q) / n
        used |= mine | others
    if not used.any():
        return Estimate(math.nan, -1.0, 1.0, n)
    sides = [len(np.unique(group.code[used & part])) for part in (old, new)]
    fewest, persons = min(sides), None if group.single else min(sides)
    if fewest < MIN_PERSONS:
        return Estimate(value, -1.0, 1.0, n, fewest, group.named)
    each = group.sums(adds[:, None])[:, 0]
    error = math.sqrt(float((each**2).sum()) * fewest / (fewest - 1))
    reach = float(stdtrit(fewest - 1, 0.975)) * error
    return Estimate(value, max(value - reach, -1.0), min(value + reach, 1.0), n, persons, group.named)
