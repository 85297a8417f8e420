"""Which photos are shown with which changes, so that robustness costs no more than its share of the pass.

Every change is shown at its strongest first, to the same photos. What is left of the budget goes to the weaker levels
of those changes that cost predictions: where the strongest costs none, weaker ones have nothing to show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.evidence.examples.sampling import interleave, persons_in_turn, with_own_face
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.stats.units import units_of
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.types import Float32Array, IntArray

__all__ = [
    "BUDGETS",
    "MIN_DROP",
    "UNCHANGED",
    "Answers",
    "RobustnessBudget",
    "Shown",
    "Wanted",
    "choose_strongest",
    "choose_weaker",
    "maps_wanted",
    "read_shown",
    "strongest",
]

MIN_DROP = 0.15
"""Smallest drop of recall that counts: fifteen points. Below it a change "holds", above it it "breaks" the model."""

Wanted = Mapping[tuple[str, int], tuple[int, ...]]
"""By change and place of its level in `DISTURBANCES`: rows of the analysis, in the order of the sample."""

Answers = Mapping[str, tuple[pd.DataFrame, Float32Array]]
"""By model's slug: the design (`image`, `change`, `level`) and its logits (n, C)."""

UNCHANGED = "unchanged"

_FIRST = 0.85  # share of the pictures that the strongest levels may take: there verdicts are told
_SMALL = 0.43  # pictures per photo that ten photos of each may cost where there are few
_MAPPED = 30  # photos from which on a move of heat can be shown


@dataclass(frozen=True)
class RobustnessBudget:
    """How much is shown.

    Attributes
    ----------
    pictures
        Changed pictures per photo of the analysis. Each costs a forward pass of every model, but no landmarks and no
        statistics: .36 of them take less than a third of the pass (`docs/performance.md`).
    per_emotion
        Photos of an emotion at most: beyond them intervals hardly narrow.
    swaps
        Whether regions are swapped on changed photos. That takes as many pictures again, and few of them show nothing
        (`docs/performance.md`).
    """

    pictures: float
    per_emotion: int
    swaps: bool = False


BUDGETS: Mapping[str, RobustnessBudget] = MappingProxyType({
    "default": RobustnessBudget(pictures=0.36, per_emotion=40),
    "full": RobustnessBudget(pictures=1.5, per_emotion=120, swaps=True),
})  # fmt: skip
"""By the setting `experiments`; with "quick" and "off" nothing is shown."""


def strongest(name: str) -> tuple[int, ...]:
    """Places of the levels that are shown first: the last one, or all where they are alternatives."""
    change = DISTURBANCES[name]
    return (len(change.levels) - 1,) if change.graded else tuple(range(len(change.levels)))


def choose_strongest(analysis: Analysis, budget: str, seed: int, *, baseline: bool) -> Wanted:
    """The strongest level of every change, over as many photos as the budget allows; empty where these are too few.

    Photos take turns by emotion and, within an emotion, by person.

    Parameters
    ----------
    baseline
        Whether every photo is shown unchanged, too.
    """
    order = _order(analysis, seed)
    nowhere = np.zeros(len(analysis.labels), dtype=bool)
    coverable = nowhere if analysis.faces is None else with_own_face(analysis.faces)
    levels = [(name, level) for name in DISTURBANCES for level in strongest(name) if name != "cover" or coverable.any()]
    most = BUDGETS[budget]
    n, each = len(analysis.labels), len(levels) + baseline
    count = max(int(_FIRST * most.pictures * n / each), min(FEW, int(_SMALL * n) // each))
    chosen = order[: min(count, most.per_emotion * len(analysis.classes))]
    if len(chosen) < FEW:
        return {}
    return {(name, level): tuple(row for row in chosen if name != "cover" or coverable[row]) for name, level in levels}


def maps_wanted(first: Wanted) -> bool:
    """Whether heatmaps of the strongest levels are worth making."""
    return max(map(len, first.values()), default=0) >= _MAPPED


def choose_weaker(analysis: Analysis, first: Wanted, answers: Answers, budget: str, *, baseline: bool) -> Wanted:
    """The weaker levels of changes that cost a model at least `MIN_DROP` of its recall, the stronger ones first.

    Each is shown to as many of the same photos as the rest of the budget allows, and to no fewer than ten.

    Parameters
    ----------
    first, answers
        What was shown at its strongest, and what the models predicted.
    """
    if not first:
        return {}
    most = max(first.values(), key=len)
    spent = sum(len(rows) for rows in first.values()) + baseline * len(most)
    left = max(int(BUDGETS[budget].pictures * len(analysis.labels)) - spent, 0)
    costly = [
        name
        for name, change in DISTURBANCES.items()
        if change.graded and (name, len(change.levels) - 1) in first and _costs(analysis, answers, name)
    ]
    deepest = max((len(DISTURBANCES[name].levels) for name in costly), default=0)
    wanted = [
        (name, len(DISTURBANCES[name].levels) - 1 - step)
        for step in range(1, deepest)
        for name in costly
        if step < len(DISTURBANCES[name].levels)
    ][: left // FEW]
    each = min(left // max(len(wanted), 1), len(most))
    return {key: first[key[0], len(DISTURBANCES[key[0]].levels) - 1][:each] for key in wanted}


def _costs(analysis: Analysis, answers: Answers, name: str) -> bool:
    """Whether any model loses so much at the strongest level that weaker ones are of interest."""
    for model in analysis.models:
        if model.slug not in answers:
            continue
        shown = read_shown(analysis, model.predicted, *answers[model.slug])[name, len(DISTURBANCES[name].levels) - 1]
        right, still = shown.before == shown.labels, shown.after == shown.labels
        if right.mean() - still.mean() >= MIN_DROP:
            return True
    return False


@dataclass(frozen=True)
class Shown:
    """One model's predictions for the photos of one level: rows, labels, without the change, with it; (n,) each."""

    rows: IntArray
    labels: IntArray
    before: IntArray
    after: IntArray


def read_shown(
    analysis: Analysis, predicted: IntArray, design: pd.DataFrame, logits: Float32Array
) -> dict[tuple[str, int], Shown]:
    """One model's predictions by change and level.

    Parameters
    ----------
    predicted
        (n,) of the analysis's photos; where the design has unchanged pictures, theirs count.
    design, logits
        One row per picture.
    """
    start, now = predicted.copy(), logits.argmax(axis=1).astype(np.int64)
    image, change = design["image"].to_numpy(dtype=np.int64), design["change"].to_numpy(dtype=object)
    level, bare = design["level"].to_numpy(dtype=np.int64), design["change"].to_numpy(dtype=object) == UNCHANGED
    start[image[bare]] = now[bare]
    found = {}
    for key in dict.fromkeys(zip(change[~bare].tolist(), level[~bare].tolist(), strict=True)):
        at = (change == key[0]) & (level == key[1])
        rows = image[at]
        found[key] = Shown(rows, analysis.labels[rows], start[rows], now[at])
    return found


def _order(analysis: Analysis, seed: int) -> tuple[int, ...]:
    """All labelled photos in random order, emotions in turn, and within an emotion persons in turn."""
    units = units_of(analysis.images)
    own = [np.flatnonzero(analysis.labels == e) for e in range(len(analysis.classes))]
    drawn = [np.random.default_rng([seed, e]).permutation(rows) for e, rows in enumerate(own)]
    return interleave([persons_in_turn(rows, units).tolist() for rows in drawn])
