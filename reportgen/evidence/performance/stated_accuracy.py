"""The accuracy that a checkpoint states, compared with the accuracy found on the test set."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from reportgen.evidence.stats.intervals import Estimate

__all__ = ["FAR", "StatedAccuracy", "stated_accuracies"]

FAR = 0.1
"""A stated accuracy this far from the one found, and outside its 95 % interval, is a warning."""

_PART, _MEASURE = "(?:val|valid|validation|test|eval|dev)", "(?:acc|accuracy|acc1|acc_1|top1|top1_acc|top1_accuracy)"
_NAME = re.compile(rf"(?:best_?)?(?:{_PART}_?)?{_MEASURE}(?:_?(?:best|max))?")


@dataclass(frozen=True)
class StatedAccuracy:
    """One statement.

    Attributes
    ----------
    name
        As it stands in the checkpoint.
    stated
        0..1.
    found
        Over the labelled test images.
    far
        Whether the two contradict each other.
    """

    name: str
    stated: float
    found: Estimate
    far: bool


def stated_accuracies(facts: Mapping[str, object], found: Estimate) -> tuple[StatedAccuracy, ...]:
    """The accuracies of validation or test that a checkpoint states, those of training left aside.

    Parameters
    ----------
    facts
        Plain values beside the weights: `val_acc`, `best_acc`, `test_accuracy` and the like. Numbers above 1 are per
        cent.
    found
        Accuracy over the test set.
    """
    statements = []
    for name, value in facts.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            continue
        share = value / 100 if value > 1 else float(value)
        if not 0 < share <= 1 or _NAME.fullmatch(name.strip().lower().replace("-", "_").replace("/", "_")) is None:
            continue
        outside = share < found.low or share > found.high
        far = found.defined and outside and abs(share - found.value) >= FAR
        statements.append(StatedAccuracy(name, share, found, far))
    return tuple(statements)
