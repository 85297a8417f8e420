"""Second opinions on labels that the models contradict: from landmarks, and from photos whose faces are most alike.

Neither is a model under test, and neither sees a pixel, so that no shortcut through colour, light or background is
shared with them. Both learn from the labels of this very test set, never from photos of the same person or copies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GroupKFold

from reportgen.analysis import FaceRecords
from reportgen.evidence.errors.label_suspects import LabelSuspects
from reportgen.evidence.stats.clustered import Clusters
from reportgen.faces.align import face_affines
from reportgen.types import AnyFloatArray, FloatArray, IntArray

__all__ = ["ENOUGH", "TWINS", "LabelVote", "expressions", "label_votes", "landmark_likelihoods", "nearest_faces"]

TWINS = 15
"""How many of the photos with the most similar face vote."""

ENOUGH = 6.0
"""Evidence from which a label is worth a look, if a second opinion contradicts it: of 3 to 10 the best at finding
flipped labels of half a real test set. The other half is in `tests/benchmarks/bench_label_noise.py`."""

_MOST_OF_TWINS = math.log((TWINS + 0.5) / 0.5)
"""What similar faces can add to the evidence at most."""
_SIMILAR = 6  # of them that are shown
_FOLDS = 5
_FEWEST = 10  # labelled faces of an emotion from which its shape can be told
_FLOOR = 1e-3  # of a likelihood: one opinion alone does not settle a rank
# Points that expressions move: brows, lids, lips, chin and cheeks.
_POINTS = (
    70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276,
    33, 160, 159, 158, 133, 153, 145, 144, 362, 385, 386, 387, 263, 373, 374, 380,
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
    152, 148, 377, 176, 400, 172, 397, 205, 425, 50, 280,
)  # fmt: skip


@dataclass(frozen=True)
class LabelVote:
    """What speaks for and against one label that the models contradict.

    Attributes
    ----------
    row, predicted
        Of the analysis; index of the class that all models predict.
    models
        Mean over the models of the logarithm of p(predicted) / p(label).
    landmarks
        Logarithm of the likelihood ratio of the two, from the face's landmarks; NaN where they are not known or either
        emotion has too few faces. Above 0: landmarks contradict the label, too.
    twins, twins_predicted, twins_label
        Photos with the most similar face, and how many of them have either label; 0 where landmarks are not known.
    similar
        Rows of the first of them, the most similar first.
    """

    row: int
    predicted: int
    models: float
    landmarks: float
    twins: int
    twins_predicted: int
    twins_label: int
    similar: tuple[int, ...] = ()

    @property
    def evidence(self) -> float:
        """Sum of the three logarithms, by which labels are ranked; no probability: the opinions are not independent."""
        twins = math.log((self.twins_predicted + 0.5) / (self.twins_label + 0.5))
        return self.models + (0.0 if math.isnan(self.landmarks) else self.landmarks) + twins

    @property
    def against(self) -> int:
        """How many of the two second opinions contradict the label, 0..2."""
        return int(self.landmarks > 0) + int(self.twins_predicted > self.twins_label)

    @property
    def stands(self) -> bool:
        """Whether the label stays suspect: a second opinion contradicts it as well, or there is none.

        With 5 % of the labels of a real test set flipped, of those that both models contradict 94 % were flipped ones,
        of those that a second opinion contradicts, too, 97 %, and of those that neither contradicts 7 %
        (`tests/benchmarks/bench_label_noise.py`). Random flips are easier to find than the errors that people make, so
        that this is no precision on real label noise.
        """
        return self.against > 0 or not (self.twins or not math.isnan(self.landmarks))

    @property
    def compelling(self) -> bool:
        """Whether the evidence is enough to look at the label, however sure each model is."""
        return self.against > 0 and self.evidence >= ENOUGH


def label_votes(
    suspects: LabelSuspects,
    probabilities: Sequence[AnyFloatArray],
    labels: IntArray,
    faces: FaceRecords | None,
    group: Clusters,
) -> tuple[LabelVote, ...]:
    """One vote per label that the models contradict, the strongest evidence first.

    Labels that are not suspect only get one where similar faces could make the evidence enough.

    Parameters
    ----------
    suspects
        As `find_label_suspects` gives them.
    probabilities
        Of each model, (n, C).
    labels
        (n,) -1 where unlabelled.
    faces, group
        Of the same images; without faces there is no second opinion.
    """
    rows = np.flatnonzero(suspects.contradicted)
    if not len(rows):
        return ()
    stacked = np.log(np.maximum(np.stack([p[rows] for p in probabilities]).astype(np.float64), _FLOOR))
    classes, at = stacked.shape[2], np.arange(len(rows))
    predicted, given = suspects.predicted[rows], labels[rows]
    models = (stacked[:, at, predicted] - stacked[:, at, given]).mean(axis=0)
    shapes = expressions(faces, len(labels))
    likelihood = np.log(np.maximum(landmark_likelihoods(shapes, labels, group, classes)[rows], _FLOOR))
    landmarks = likelihood[at, predicted] - likelihood[at, given]
    asked = suspects.suspect[rows] | (models + np.nan_to_num(landmarks) + _MOST_OF_TWINS >= ENOUGH)
    near = nearest_faces(shapes, labels, group, rows[asked])
    found = []
    for i, others in zip(np.flatnonzero(asked).tolist(), near, strict=True):
        known = labels[others[others >= 0]]
        found.append(
            LabelVote(
                int(rows[i]),
                int(predicted[i]),
                float(models[i]),
                float(landmarks[i]),
                len(known),
                int((known == predicted[i]).sum()),
                int((known == given[i]).sum()),
                tuple(others[others >= 0][:_SIMILAR].tolist()),
            )
        )
    return tuple(sorted(found, key=lambda vote: (-vote.evidence, vote.row)))


def landmark_likelihoods(shapes: FloatArray, labels: IntArray, group: Clusters, classes: int) -> FloatArray:
    """(n, C) likelihood of each emotion from the shape of the face, each row's largest about 1; NaN where unknown.

    Linear discriminant analysis with Ledoit and Wolf's shrinkage (Friedman 1989; Ledoit and Wolf 2004), all emotions
    taken for equally frequent; each face is judged by what was learnt from other persons' faces (five folds).

    Parameters
    ----------
    shapes
        (n, F), NaN where unknown.
    """
    found = np.full((len(labels), classes), np.nan)
    rows = np.flatnonzero((labels >= 0) & np.isfinite(shapes).all(axis=1))
    if not len(rows) or len(np.unique(group.code[rows])) < _FOLDS:
        return found
    for train, test in GroupKFold(_FOLDS).split(rows, groups=group.code[rows]):
        learnt = rows[train]
        named, count = np.unique(labels[learnt], return_counts=True)
        learnt = learnt[np.isin(labels[learnt], named[count >= _FEWEST])]
        kept = np.unique(labels[learnt])
        if len(kept) < 2:
            continue
        rule = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage="auto", priors=np.full(len(kept), 1 / len(kept))
        ).fit(shapes[learnt], labels[learnt])
        found[np.ix_(rows[test], kept)] = rule.predict_proba(shapes[rows[test]])
    return found


def nearest_faces(shapes: FloatArray, labels: IntArray, group: Clusters, rows: IntArray) -> IntArray:
    """(len(rows), `TWINS`) labelled photos of other persons with the most similar face, the most similar first.

    Distance is Euclidean, every feature in its standard deviations. All -1 for a row without a shape.
    """
    found = np.full((len(rows), TWINS), -1)
    known = np.flatnonzero((labels >= 0) & np.isfinite(shapes).all(axis=1))
    if not len(known):
        return found
    scaled = (shapes - shapes[known].mean(axis=0)) / np.maximum(shapes[known].std(axis=0), 1e-9)
    for i, row in enumerate(rows):
        others = known[group.code[known] != group.code[row]]
        if not np.isfinite(shapes[row]).all() or len(others) < TWINS:
            continue
        apart = ((scaled[others] - scaled[row]) ** 2).sum(axis=1)
        found[i] = others[np.argsort(apart, kind="stable")[:TWINS]]
    return found


def expressions(faces: FaceRecords | None, n: int) -> FloatArray:
    """(n, F) expressive points in the median face's frame, and facial actions where they are known of all faces."""
    if faces is None:
        return np.full((n, 1), np.nan)
    affine = face_affines(faces.points, faces.source)
    points = faces.points[:, list(_POINTS)].astype(np.float64)
    moved = np.einsum("nij,nkj->nki", affine[:, :, :2], points) + affine[:, None, :, 2]
    shapes: FloatArray = np.asarray(moved.reshape(n, -1), dtype=np.float64)
    found = np.isfinite(shapes).all(axis=1)
    if not np.isfinite(faces.actions[found]).all():
        return shapes
    return np.hstack([shapes, faces.actions.astype(np.float64)])
