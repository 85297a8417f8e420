"""Errors classified again without the property of a shown shortcut: does the wrong prediction change?

A model that predicts an emotion from a property of the photo also predicts that emotion where only the property is
present. Such an error has a cause that can be removed: the prediction changes, or it stays. Errors with other
predictions are changed in the same way for comparison, because any change of a picture flips some predictions.
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
from reportgen.inputs.images.changes import CHANGES, UNCHANGED, can_change
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
    """Most errors that are changed per change: those that a shortcut may explain, and others for comparison."""

    suspected: int
    controls: int


SHORTCUT_ERROR_BUDGETS: Mapping[str, ShortcutErrorBudget] = MappingProxyType({
    "quick": ShortcutErrorBudget(60, 30),
    "default": ShortcutErrorBudget(240, 80),
    "full": ShortcutErrorBudget(1000, 300),
})  # fmt: skip


@dataclass(frozen=True)
class ShortcutErrors:
    """One model's predictions for its errors without the property.

    Attributes
    ----------
    suspected
        (n,) errors predicted as an emotion that the model was shown to predict from a property which the photo has.
    change
        (n,) the change that was made (one of `CHANGES`): of several the first that changes the prediction; empty
        where none was.
    predicted
        (n,) class predicted then; -1 where the photo was not changed.
    margin
        (n,) logit of the original prediction less the strongest other, without the property; below 0 the prediction
        changed. NaN where the photo was not changed.
    compared, compared_gone
        (n,) errors with other predictions that were changed in the same way, and those whose prediction changed too.
    right, compared_right
        (n,) of either, those that are predicted as their label then.
    """

    suspected: BoolArray
    change: ObjectArray
    predicted: IntArray
    margin: FloatArray
    compared: BoolArray
    compared_gone: BoolArray
    right: BoolArray
    compared_right: BoolArray

    @property
    def shown(self) -> BoolArray:
        """(n,) suspected errors that were shown again."""
        return np.asarray(self.suspected & np.isfinite(self.margin))

    @property
    def gone(self) -> BoolArray:
        """(n,) of those, the ones whose prediction changed."""
        return np.asarray(self.shown & (np.nan_to_num(self.margin, nan=1.0) < 0))

    @property
    def usual(self) -> float:
        """Share of other errors whose prediction changes too, 0..1; NaN where none was shown."""
        compared = int(self.compared.sum())
        return int(self.compared_gone.sum()) / compared if compared else float("nan")

    @property
    def net(self) -> int:
        """How many more predictions changed than as many other errors would have; 0 where there is no comparison."""
        expected = self.usual * int(self.shown.sum())
        return 0 if expected != expected else max(0, round(int(self.gone.sum()) - expected))


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
    """(n,) errors that a shortcut of this change may explain, and errors with predictions that no shortcut concerns."""
    mine = [shortcut for shortcut in found if shortcut.model == model.name]
    classes, labels = analysis.classes, analysis.labels
    by_this = [classes.index(shortcut.emotion) for shortcut in mine if shortcut.change == change]
    by_any = [classes.index(shortcut.emotion) for shortcut in mine]
    wrong = (labels >= 0) & (model.predicted != labels)
    alters = can_change(change, analysis.images, analysis.faces)
    suspected = wrong & alters & np.isin(model.predicted, by_this)
    others = wrong & alters & ~np.isin(model.predicted, by_any) & bool(by_this)
    return np.asarray(suspected), np.asarray(others)


def measure_shortcut_errors(
    analysis: Analysis,
    found: Sequence[Shortcut],
    answers: Mapping[str, tuple[pd.DataFrame, AnyFloatArray]],
) -> dict[str, ShortcutErrors]:
    """Predictions without the property, by model's slug; a model without a shortcut has nothing suspected.

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
    images, changes = design["image"].to_numpy(dtype=np.int64), design["change"].to_numpy(dtype=object)
    predicted_now, before, pictures = logits.argmax(axis=1), model.predicted[images], np.arange(len(images))
    ahead = logits[pictures, before].astype(np.float64) - logits[pictures, rivals(logits, before)]
    # Scaling twice alone may change a prediction: such an error says nothing about the property.
    steady = ~np.isin(images, images[(changes == UNCHANGED) & (predicted_now != before)])
    n = len(analysis.labels)
    suspected, change = np.zeros(n, dtype=bool), np.full(n, "", dtype=object)
    predicted, margin = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    compared, compared_gone, compared_right = (np.zeros(n, dtype=bool) for _ in range(3))
    for name in CHANGES:
        mine, others = _errors(analysis, model, found, name)
        suspected |= mine
        of = (changes == name) & steady
        control = of & others[images]
        compared[images[control]] = True
        compared_gone[images[control & (ahead < 0)]] = True
        compared_right[images[control & (predicted_now == analysis.labels[images])]] = True
        for at in np.flatnonzero(of & mine[images] & ~(margin[images] < 0)):
            change[images[at]], predicted[images[at]], margin[images[at]] = name, int(predicted_now[at]), ahead[at]
    right = np.asarray((predicted == analysis.labels) & (predicted >= 0))
    return ShortcutErrors(suspected, change, predicted, margin, compared, compared_gone, right, compared_right)
