"""Errors shown again without the property that a shown shortcut rests on: does the wrong answer go with it?

A model that knows an emotion by a property of the photo also sees that emotion where only the property is. Such an
error has a cause that can be taken away: the answer leaves, or it stays. Errors with other answers get the same
treatment, for comparison, because any change of a picture flips some answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.examples.sampling import interleave
from reportgen.evidence.performance.margins import rivals
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.inputs.images.changes import CHANGES, UNCHANGED, is_grey
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray, ObjectArray

__all__ = [
    "SHORTCUT_ERROR_BUDGETS",
    "ShortcutErrorBudget",
    "ShortcutErrors",
    "choose_shortcut_errors",
    "measure_shortcut_errors",
]


@dataclass(frozen=True)
class ShortcutErrorBudget:
    """How many errors are shown again per change: such as the shortcut may explain, and others for comparison."""

    suspected: int
    controls: int


SHORTCUT_ERROR_BUDGETS: Mapping[str, ShortcutErrorBudget] = MappingProxyType({
    "quick": ShortcutErrorBudget(60, 30),
    "default": ShortcutErrorBudget(240, 80),
    "full": ShortcutErrorBudget(1000, 300),
})  # fmt: skip


@dataclass(frozen=True)
class ShortcutErrors:
    """What one model said to its errors without a property.

    Attributes
    ----------
    suspected
        (n,) errors whose answer is an emotion that the model was shown to know by a property which the photo has.
    change
        (n,) the change that was made (one of `CHANGES`): of several the first that the answer does not survive; empty
        where none was.
    answer
        (n,) class answered then; -1 where nothing was shown.
    lead
        (n,) logit of the answer less the strongest other, without the property; below 0 the answer is gone. NaN where
        nothing was shown.
    controls, controls_gone
        Errors with other answers that were shown with the same change, and how many of their answers went, too.
    """

    suspected: BoolArray
    change: ObjectArray
    predicted: IntArray
    margin: FloatArray
    controls: int
    controls_gone: int

    @property
    def shown(self) -> BoolArray:
        """(n,) suspected errors that were shown again."""
        return np.asarray(self.suspected & np.isfinite(self.margin))

    @property
    def gone(self) -> BoolArray:
        """(n,) of those, the ones whose answer went with the property."""
        return np.asarray(self.shown & (np.nan_to_num(self.margin, nan=1.0) < 0))


def choose_shortcut_errors(
    analysis: Analysis, found: Sequence[Shortcut], budget: str, seed: int
) -> dict[str, tuple[int, ...]]:
    """Per change, the rows to show again: drawn at random, the models in turn; empty without a shortcut.

    Parameters
    ----------
    found
        Shortcuts that were shown.
    budget
        A key of `SHORTCUT_ERROR_BUDGETS`.
    """
    most, chosen = SHORTCUT_ERROR_BUDGETS[budget], {}
    for place, change in enumerate(CHANGES):
        suspects, controls = [], []
        for k, model in enumerate(analysis.models):
            suspected, others = _errors(analysis, model, found, change)
            rng = np.random.default_rng([seed, place, k])
            suspects.append(rng.permutation(np.flatnonzero(suspected)).tolist())
            controls.append(rng.permutation(np.flatnonzero(others)).tolist())
        rows = {*interleave(suspects)[: most.suspected], *interleave(controls)[: most.controls]}
        if rows:
            chosen[change] = tuple(sorted(rows))
    return chosen


def _errors(
    analysis: Analysis, model: ModelRecords, found: Sequence[Shortcut], change: str
) -> tuple[BoolArray, BoolArray]:
    """(n,) errors that a shortcut of this change may explain, and errors with answers that no shortcut names."""
    mine = [shortcut for shortcut in found if shortcut.model == model.name]
    classes, labels = analysis.classes, analysis.labels
    by_this = [classes.index(shortcut.emotion) for shortcut in mine if shortcut.change == change]
    by_any = [classes.index(shortcut.emotion) for shortcut in mine]
    wrong = (labels >= 0) & (model.predicted != labels)
    alters = ~is_grey(analysis.images) if change == "grey" else np.ones_like(wrong)
    suspected = wrong & alters & np.isin(model.predicted, by_this)
    others = wrong & alters & ~np.isin(model.predicted, by_any) & bool(by_this)
    return np.asarray(suspected), np.asarray(others)


def measure_shortcut_errors(
    analysis: Analysis,
    found: Sequence[Shortcut],
    answers: Mapping[str, tuple[pd.DataFrame, AnyFloatArray]],
) -> dict[str, ShortcutErrors]:
    """What became of the answers, by model's slug; a model without a shortcut has nothing suspected.

    Parameters
    ----------
    answers
        Per slug the design (`image`, row of the analysis; `change`) and the (m, C) logits; empty where no shortcut was
        found.
    """
    nothing = pd.DataFrame({"image": [], "change": []}), np.zeros((0, len(analysis.classes)))
    return {
        model.slug: _measure(analysis, model, found, *answers.get(model.slug, nothing)) for model in analysis.models
    }


def _measure(
    analysis: Analysis,
    model: ModelRecords,
    found: Sequence[Shortcut],
    design: pd.DataFrame,
    logits: AnyFloatArray,
) -> ShortcutErrors:
    images, asked = design["image"].to_numpy(dtype=np.int64), design["change"].to_numpy(dtype=object)
    predicted_now, before, pictures = logits.argmax(axis=1), model.predicted[images], np.arange(len(images))
    ahead = logits[pictures, before].astype(np.float64) - logits[pictures, rivals(logits, before)]
    # A picture scaled twice may be answered otherwise before anything is taken away: that tells nothing.
    steady = ~np.isin(images, images[(asked == UNCHANGED) & (predicted_now != before)])
    n = len(analysis.labels)
    suspected, change = np.zeros(n, dtype=bool), np.full(n, "", dtype=object)
    predicted, margin = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    controls = controls_gone = 0
    for name in CHANGES:
        mine, others = _errors(analysis, model, found, name)
        suspected |= mine
        of = (asked == name) & steady
        control = of & others[images]
        controls, controls_gone = controls + int(control.sum()), controls_gone + int((control & (ahead < 0)).sum())
        for at in np.flatnonzero(of & mine[images] & ~(margin[images] < 0)):
            change[images[at]], predicted[images[at]], margin[images[at]] = name, int(predicted_now[at]), ahead[at]
    return ShortcutErrors(suspected, change, predicted, margin, controls, controls_gone)
