"""What labels that people corrected change: every model's scores with the old labels and with the new ones, paired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import AnalysisPredictions
from reportgen.evidence.stats.clustered import Clusters, clusters, proportion
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.types import FloatArray, IntArray, ObjectArray

__all__ = ["CorrectedLabels", "CorrectedScores", "corrections_of", "macro_f1", "weigh_corrections"]

_DRAWS = 1000
_MOST = 100_000_000  # images times draws


@dataclass(frozen=True)
class CorrectedScores:
    """One model's scores with the labels as they were given and as they were corrected.

    Attributes
    ----------
    before, after
        Accuracy.
    difference
        Accuracy after minus before, with the paired interval; it counts persons where they are known.
    p_value
        Two-sided, that they are the same.
    f1_before, f1_after
        Macro-F1 over the emotions that have an image or a prediction.
    f1_difference
        After minus before; bootstrap over persons where they are known, else over images.
    """

    model: str
    before: Estimate
    after: Estimate
    difference: Estimate
    p_value: float
    f1_before: float
    f1_after: float
    f1_difference: Estimate


@dataclass(frozen=True)
class CorrectedLabels:
    """What people said of labels.

    Attributes
    ----------
    images
        Labelled images.
    changed, confirmed
        Labels that were changed, and that were judged right.
    as_predicted
        Changed labels that are now what all models predict.
    moves
        Old emotion, new emotion and how many, the most frequent first.
    scores
        In the order of the models.
    """

    images: int
    changed: int
    confirmed: int
    as_predicted: int
    moves: tuple[tuple[str, str, int], ...]
    scores: tuple[CorrectedScores, ...]


def corrections_of(analysis: AnalysisPredictions) -> Sequence[Mapping[str, str]]:
    """What people said of labels, as the analysis records it: `file`, `old`, `new`, `who`, `when`, `note`."""
    found: Sequence[Mapping[str, str]] = analysis.manifest.get("data", {}).get("corrections", ())
    return found


def weigh_corrections(everything: AnalysisPredictions, units: ObjectArray | None, seed: int) -> CorrectedLabels | None:
    """Compare the scores before and after; None where no label was judged.

    Parameters
    ----------
    units
        (n,) unit of each image, as `stats.units` gives them.
    seed
        Of everything that is drawn.
    """
    given = {one["file"]: one["old"] for one in corrections_of(everything)}
    if not given:
        return None
    classes, labelled = everything.classes, everything.labels >= 0
    after = everything.labels[labelled]
    old = [given.get(path) for path in everything.images["path"].to_numpy()[labelled]]
    before = np.array([classes.index(name) if name in classes else now for name, now in zip(old, after, strict=True)])
    judged = np.array([name is not None for name in old], dtype=bool)
    changed = before != after
    group = clusters(None if units is None else units[labelled], len(after))
    predicted = np.stack([model.predicted[labelled] for model in everything.models])
    moves = Counter((classes[a], classes[b]) for a, b in zip(before[changed], after[changed], strict=True))
    scores = []
    for model, answer in zip(everything.models, predicted, strict=True):
        right_before, right_after = answer == before, answer == after
        difference, p_value = paired_proportions(right_after, right_before, group, seed)
        scores.append(
            CorrectedScores(
                model.name,
                proportion(right_before, group),
                proportion(right_after, group),
                difference,
                p_value,
                macro_f1(before, answer, len(classes)),
                macro_f1(after, answer, len(classes)),
                _f1_difference(before, after, answer, len(classes), group, seed),
            )
        )
    return CorrectedLabels(
        len(after),
        int(changed.sum()),
        int((judged & ~changed).sum()),
        int((changed & (predicted == after).all(axis=0)).sum()),
        tuple((a, b, n) for (a, b), n in sorted(moves.items(), key=lambda move: (-move[1], move[0]))),
        tuple(scores),
    )


def macro_f1(labels: IntArray, predicted: IntArray, classes: int, weights: FloatArray | None = None) -> float:
    """Mean F1 of the emotions that have an image or a prediction; each image counts `weights` times."""
    counts = np.bincount(labels * classes + predicted, weights, classes * classes).reshape(classes, classes)
    total = counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * np.diagonal(counts)[total > 0] / total[total > 0])) if total.any() else float("nan")


def _f1_difference(
    before: IntArray, after: IntArray, predicted: IntArray, classes: int, group: Clusters, seed: int
) -> Estimate:
    """Both scores are made of the same resampled persons each time."""
    value = macro_f1(after, predicted, classes) - macro_f1(before, predicted, classes)
    n, persons = len(after), None if group.single else group.count
    if persons is not None and persons < MIN_PERSONS:
        return Estimate(value, -1.0, 1.0, n, persons, group.named)
    rng, count = np.random.default_rng(seed), n if persons is None else persons
    code = np.arange(n) if persons is None else group.code
    drawn = np.empty(max(100, min(_DRAWS, _MOST // n)))
    for draw in range(len(drawn)):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[code].astype(np.float64)
        drawn[draw] = macro_f1(after, predicted, classes, weights) - macro_f1(before, predicted, classes, weights)
    low, high = (float(end) for end in np.quantile(drawn, (0.025, 0.975)))
    return Estimate(value, low, high, n, persons, group.named)
