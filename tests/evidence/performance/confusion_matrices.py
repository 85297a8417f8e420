"""Confusion matrices that tests of performance share, and the images that have them."""

from __future__ import annotations

import numpy as np

from reportgen.types import IntArray

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
# Labels by predictions of a model that never predicts anger or fear; fear has three images.
UNBALANCED = np.array(
    [
        [0, 2, 0, 11, 18, 1, 6],
        [0, 25, 0, 2, 2, 2, 0],
        [0, 2, 0, 0, 1, 0, 0],
        [0, 49, 0, 581, 210, 12, 2],
        [0, 14, 0, 111, 884, 4, 17],
        [0, 14, 0, 3, 13, 9, 1],
        [0, 0, 0, 2, 38, 2, 13],
    ]
)


def from_confusion(matrix: IntArray) -> tuple[IntArray, IntArray]:
    """Labels and predictions that have this confusion matrix."""
    labels, predicted = np.divmod(np.repeat(np.arange(matrix.size), matrix.ravel()), len(matrix))
    return labels, predicted
