"""What labels that people corrected change: every model's scores with the old labels and with the new ones, paired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import AnalysisPredictions
from reportgen.evidence.stats.clustered import Clusters, clusters, linear_estimate, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = ["CorrectedLabels", "CorrectedScores", "judged_by_hand", "labels_by_hand", "macro_f1", "weigh_corrections"]


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
        After minus before; counts persons where they are known.
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


def _corrections(analysis: AnalysisPredictions) -> Sequence[Mapping[str, str]]:
    """What people said of labels, as the analysis records it: `file`, `old`, `new`, `who`, `when`, `note`."""
    found: Sequence[Mapping[str, str]] = analysis.manifest.get("data", {}).get("corrections", ())
    return found


def labels_by_hand(analysis: AnalysisPredictions) -> Mapping[str, tuple[str, str]]:
    """By path of every image whose label a person has judged, the old label and the new one."""
    return {one["file"]: (one["old"], one["new"]) for one in _corrections(analysis)}


def judged_by_hand(analysis: AnalysisPredictions) -> BoolArray:
    """(n,) whether a person has judged an image's label."""
    files = set(labels_by_hand(analysis))
    rows = np.zeros(len(analysis.images), dtype=bool)
    return rows if not files else np.asarray(analysis.images["path"].isin(files), dtype=bool)


def weigh_corrections(everything: AnalysisPredictions, units: ObjectArray | None, seed: int) -> CorrectedLabels | None:
    """Compare the scores before and after; None where no label was judged.

    Parameters
    ----------
    units
        (n,) unit of each image, as `stats.units` gives them.
    seed
        Of the resampling of persons.
    """
    given = {one["file"]: one["old"] for one in _corrections(everything)}
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
                *_f1_scores(before, after, answer, len(classes), group),
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


def macro_f1(labels: IntArray, predicted: IntArray, classes: int) -> tuple[float, FloatArray]:
    """Mean F1 of the emotions that have an image or a prediction, and by how much each image moves it, (n,).

    The second is the influence function: what the mean gains where one more image like this one is counted.
    """
    given, said = np.eye(classes)[labels], np.eye(classes)[predicted]
    hits = given * said
    total = given.sum(axis=0) + said.sum(axis=0)
    there = total > 0
    score = 2 * hits.sum(axis=0)[there] / total[there]
    influence = (2 * hits[:, there] - score * (given + said)[:, there]) / total[there]
    return float(score.mean()), influence.mean(axis=1)


def _f1_scores(
    before: IntArray, after: IntArray, predicted: IntArray, classes: int, group: Clusters
) -> tuple[float, float, Estimate]:
    """Macro-F1 before and after, and the difference; its error is that of the images' influences, summed by person."""
    (old, moved_old), (new, moved_new) = (macro_f1(labels, predicted, classes) for labels in (before, after))
    return old, new, linear_estimate(new - old, moved_new - moved_old, group, -1.0, 1.0)
