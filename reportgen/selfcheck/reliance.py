"""What a model really depends on: paste the artefact on photos of other emotions and measure the change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.selfcheck.artefacts import Artefact, plant
from reportgen.selfcheck.faces import Faces

__all__ = ["STRONG", "Reliance", "measure_reliance"]

STRONG = 0.3
"""From here on a dependence counts as strong; fixed before any model was trained."""

_Predict = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Reliance:
    """How much the artefact changes predictions.

    Attributes
    ----------
    change
        Mean change of the probability of the artefact's emotion, -1..1, over test photos of the other emotions.
    moved
        Share of those photos, predicted as something else before, that are predicted as that emotion after.
    n
        Photos.
    """

    change: float
    moved: float
    n: int


def measure_reliance(
    predict: _Predict, faces: Faces, artefact: Artefact, label: int, rng: np.random.Generator
) -> Reliance:
    """Compare each photo of another emotion with itself plus the artefact.

    Parameters
    ----------
    predict
        From (n, H, W, 3) uint8 photos to (n, C) probabilities.
    faces
        Test photos without any artefact.
    label
        The emotion that the artefact goes with.
    """
    rows = np.flatnonzero(faces.labels != label)
    before = predict(faces.pixels[rows])
    after = predict(np.stack([plant(faces, int(row), artefact, rng) for row in rows]))
    could = before.argmax(axis=1) != label
    moved = (after.argmax(axis=1) == label)[could]
    return Reliance(
        change=float((after[:, label] - before[:, label]).mean()),
        moved=float(moved.mean()) if could.any() else float("nan"),
        n=len(rows),
    )
