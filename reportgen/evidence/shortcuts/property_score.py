"""How well a small classifier predicts the label from the photo's properties alone, without the face."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.tree import DecisionTreeClassifier

from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.properties import Property
from reportgen.evidence.stats.clustered import Clusters, proportion
from reportgen.evidence.stats.intervals import Estimate, bootstrap_counts, percentile_interval
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["PERMUTATIONS", "PropertyScore", "score_properties"]


PERMUTATIONS = 200
_FOLDS = 5
_DRAWS = 2000
_DEPTH, _LEAF = 4, 5
# A tree learns nothing more from the thousandth image of an emotion, and the permutations stay quick.
_PER_EMOTION = 300


@dataclass(frozen=True)
class PropertyScore:
    """The classifier's cross-validated score.

    Attributes
    ----------
    balanced_accuracy
        Mean recall over `emotions`, each image classified by a tree that saw neither it nor another photo of its
        person. `n` counts persons where known, else images.
    chance
        1 / emotions.
    null_high
        95th percentile of the same score after permuting the labels.
    p, permutations
        Share of that many permutations that reach the score, one added to both counts.
    recalls
        Per emotion, in the order of `emotions`.
    left_out
        Emotions with fewer than ten images, which no fold can learn.
    properties
        What the classifier saw.
    """

    balanced_accuracy: Estimate
    chance: float
    null_high: float
    p: float
    permutations: int
    emotions: tuple[str, ...]
    recalls: tuple[Estimate, ...]
    left_out: tuple[str, ...]
    properties: tuple[str, ...]

    @property
    def gives_away(self) -> bool:
        """Whether the properties tell the label better than chance."""
        return self.p < ALPHA


def score_properties(
    properties: Sequence[Property],
    labels: IntArray,
    classes: Sequence[str],
    group: Clusters,
    seed: int,
    permutations: int = PERMUTATIONS,
) -> PropertyScore | None:
    """Cross-validate a small decision tree; None where no property varies or fewer than two emotions have enough.

    Parameters
    ----------
    labels
        (n,) -1 where unlabelled.
    group
        Photos of one cluster (a person, or copies of one photo) are never split between training and test folds.
    """
    varying = [item for item in properties if item.varies and item.scored]
    counts = [int((labels == e).sum()) for e in range(len(classes))]
    kept = [e for e, n in enumerate(counts) if n >= FEW]
    few = tuple(classes[e] for e, n in enumerate(counts) if 0 < n < FEW)
    if len(kept) < 2 or not varying:
        return None
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(np.flatnonzero(labels == e))[:_PER_EMOTION] for e in kept]
    rows = np.sort(np.concatenate(drawn))
    target = np.searchsorted(np.asarray(kept), labels[rows])
    _, code = np.unique(group.code[rows], return_inverse=True)
    folds = min(_FOLDS, int(code.max()) + 1)
    if folds < 2:
        return None
    table = np.column_stack([item.value[rows] for item in varying])
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    parts = [(train, test) for train, test in split.split(table, target, code) if len(train) and len(test)]
    predictions = _predictions(table, target, parts)
    right = predictions == target
    persons = group.subset(rows)
    recalls = [proportion(right[target == k], persons.subset(np.flatnonzero(target == k))) for k in range(len(kept))]
    value = _balanced(right, target)
    shuffled = [rng.permutation(target) for _ in range(permutations)]
    with ThreadPoolExecutor() as pool:  # trees grow without the interpreter's lock
        null = np.array(
            list(pool.map(lambda other: _balanced(_predictions(table, other, parts) == other, other), shuffled))
        )
    return PropertyScore(
        balanced_accuracy=_interval(value, right, target, code, rng),
        chance=1 / len(kept),
        null_high=float(np.quantile(null, 0.95)),
        permutations=permutations,
        p=float((1 + (null >= value - 1e-12).sum()) / (1 + permutations)),
        emotions=tuple(classes[e] for e in kept),
        recalls=tuple(recalls),
        left_out=few,
        properties=tuple(item.name for item in varying),
    )


def _predictions(table: FloatArray, target: IntArray, parts: Sequence[tuple[IntArray, IntArray]]) -> IntArray:
    """(n,) class predicted by a tree trained on the other folds; -1 where none was trained."""
    predicted = np.full(len(target), -1, dtype=np.int64)
    for train, test in parts:
        tree = DecisionTreeClassifier(
            max_depth=_DEPTH, min_samples_leaf=_LEAF, class_weight="balanced", random_state=0
        ).fit(table[train], target[train])
        predicted[test] = tree.predict(table[test])
    return predicted


def _balanced(right: BoolArray, target: IntArray) -> float:
    return float(np.mean(np.bincount(target, right) / np.bincount(target)))


def _interval(
    value: float, right: BoolArray, target: IntArray, code: npt.NDArray[np.intp], rng: np.random.Generator
) -> Estimate:
    """Resamples persons (or images) within each emotion; the trees are not refitted."""
    counts = bootstrap_counts(len(target), _DRAWS, rng, strata=target, clusters=code)
    recalls = []
    for k in range(int(target.max()) + 1):
        of = counts[:, target == k]
        recalls.append((of @ right[target == k]) / np.maximum(of.sum(axis=1), 1))
    return percentile_interval(value, np.mean(recalls, axis=0), int(code.max()) + 1)
