"""Facial actions associated with a label, and with a model's probability for it.

An action is one of the 52 coefficients that the landmark model reads from a face (jawOpen, mouthSmileLeft ...), 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import mannwhitneyu

from reportgen.evidence.stats.clustered import person_means
from reportgen.evidence.stats.correlation import spearman_columns
from reportgen.evidence.stats.intervals import Estimate, bootstrap_counts
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.types import AnyFloatArray, FloatArray, IntArray, ObjectArray

__all__ = ["ActionLink", "actions_of_confidence", "actions_of_labels"]

# Below this many persons (or images) no action is named.
_FEWEST = 10
_DRAWS = 2000


@dataclass(frozen=True)
class ActionLink:
    """Association of one action with one emotion.

    Attributes
    ----------
    model
        "" for the label.
    measure
        "standardised mean difference" (emotion's images minus the others', in standard deviations) or "Spearman
        correlation" (with the probability that the model gives to the emotion, within its images).
    effect
        With a 95 % interval; `n` counts persons where known.
    p
        Adjusted (Holm) over emotions x actions.
    clear
        p below .05, an interval without 0, and at least ten persons (or images).
    """

    model: str
    emotion: str
    action: str
    measure: str
    effect: Estimate
    p: float
    clear: bool


def actions_of_labels(
    actions: AnyFloatArray,
    names: Sequence[str],
    labels: IntArray,
    classes: Sequence[str],
    persons: ObjectArray | None = None,
    seed: int = 0,
) -> tuple[ActionLink, ...]:
    """Actions that are stronger or weaker on an emotion's images than on the others.

    The effect is a standardised mean difference with a bootstrap interval (persons resampled within the emotion and
    within the rest); the p-value is Mann and Whitney's over persons' means.

    Parameters
    ----------
    actions
        (n, A) coefficients, NaN rows where no face was found.
    names
        A names.
    labels
        (n,) -1 where unlabelled.
    """
    known = np.isfinite(actions).all(axis=1) & (labels >= 0)
    values, kept = np.asarray(actions, dtype=np.float64)[known], labels[known]
    who = None if persons is None else persons[known]
    effects: list[tuple[FloatArray, FloatArray, FloatArray, int]] = []
    p = np.full((len(classes), len(names)), np.nan)
    for e in range(len(classes)):
        inside = person_means(values[kept == e], None if who is None else who[kept == e])
        outside = person_means(values[kept != e], None if who is None else who[kept != e])
        effects.append((*_standardised(inside, outside, seed + e), len(inside)))
        if min(len(inside), len(outside)) >= 2:
            p[e] = mannwhitneyu(inside, outside, axis=0, method="asymptotic").pvalue
            # An action that never varies carries no rank information.
            p[e, np.ptp(np.concatenate([inside, outside]), axis=0) == 0] = 1.0
    adjusted = holm(p)
    return tuple(
        _link("", classes[e], names[k], "standardised mean difference", effects[e], k, float(adjusted[e, k]))
        for e in range(len(classes))
        for k in range(len(names))
    )


def actions_of_confidence(
    model: str,
    probabilities: FloatArray,
    actions: AnyFloatArray,
    names: Sequence[str],
    labels: IntArray,
    classes: Sequence[str],
    persons: ObjectArray | None = None,
) -> tuple[ActionLink, ...]:
    """Actions associated with a model's probability for an emotion, within the emotion's images.

    Spearman's correlation over persons' means, with the interval of Bonett and Wright 2000.

    Parameters
    ----------
    probabilities
        (n, C), rows sum to 1.
    actions, names, labels
        As in `actions_of_labels`.
    """
    known = np.isfinite(actions).all(axis=1)
    effects: list[tuple[FloatArray, FloatArray, FloatArray, int]] = []
    p = np.full((len(classes), len(names)), np.nan)
    for e in range(len(classes)):
        chosen = known & (labels == e)
        both = np.column_stack([np.asarray(actions, dtype=np.float64)[chosen], probabilities[chosen, e]])
        means = person_means(both, None if persons is None else persons[chosen])
        value, low, high, p_value = spearman_columns(means[:, :-1], means[:, -1])
        effects.append((value, low, high, len(means)))
        if len(means) >= 4:
            p[e] = p_value
    adjusted = holm(p)
    return tuple(
        _link(model, classes[e], names[k], "Spearman correlation", effects[e], k, float(adjusted[e, k]))
        for e in range(len(classes))
        for k in range(len(names))
    )


def _standardised(inside: FloatArray, outside: FloatArray, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Difference of means over the pooled standard deviation, with a bootstrap interval; (A,) each."""
    columns = inside.shape[1]
    if min(len(inside), len(outside)) < 2:
        return np.full(columns, np.nan), np.full(columns, -np.inf), np.full(columns, np.inf)
    rng = np.random.default_rng(seed)
    moments = []
    for part in (inside, outside):
        count = len(part)
        weight = bootstrap_counts(count, _DRAWS, rng) / count
        weight = np.concatenate([np.full((1, count), 1.0 / count), weight])
        mean = weight @ part
        moments.append((mean, np.maximum(weight @ part**2 - mean**2, 0.0) * count, count))
    (a, va, m), (b, vb, k) = moments
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = (a - b) / np.sqrt((va + vb) / (m + k - 2))
        effect = np.where(np.isnan(effect), 0.0, effect)
        # Draws without any spread are infinite, and nothing lies between two of them: that end is then open.
        low, high = np.quantile(effect[1:], [0.025, 0.975], axis=0)
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    return effect[0], np.minimum(low, effect[0]), np.maximum(high, effect[0])


def _link(
    model: str,
    emotion: str,
    action: str,
    measure: str,
    effect: tuple[FloatArray, FloatArray, FloatArray, int],
    column: int,
    p: float,
) -> ActionLink:
    value, low, high, n = effect
    estimate = Estimate(float(value[column]), float(low[column]), float(high[column]), n)
    clear = bool(p < ALPHA and estimate.excludes(0.0) and n >= _FEWEST)
    return ActionLink(model, emotion, action, measure, estimate, p, clear)
