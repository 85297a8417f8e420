"""Test sets whose gaps between groups are known: of persons with several photos, and with unequal mixes of emotions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from reportgen.analysis import Analysis, ModelRecords

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
C = len(CLASSES)


def simulated(
    seed: int,
    *,
    persons: int = 200,
    alike: float = 0.2,
    gap: float = 0.0,
    share: float = 0.15,
    uneven: bool = False,
    mixes: bool = True,
) -> Analysis:
    """A test set with three columns: `source` and `sex` are the person's, `view` the photo's.

    Parameters
    ----------
    alike
        Correlation of what makes two photos of a person hard, 0..1.
    gap
        By how much less often photos of the source "b" are predicted correctly than others of the same emotion.
    share
        Of persons in the smaller group of each column, and of photos in that of `view`.
    uneven
        Whether one person in ten has 30 photos and the others one; else about four on average.
    mixes
        Whether the source has a mix of emotions of its own.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 30], persons, p=[0.9, 0.1]) if uneven else rng.geometric(0.25, persons)
    person = np.repeat(np.arange(persons), sizes)
    n = len(person)
    source = (rng.random(persons) < share)[person]
    recall = rng.uniform(0.2, 0.95, C)
    base = rng.dirichlet(np.full(C, 3.0))
    own = rng.dirichlet(np.ones(C)) if mixes else base
    labels = np.where(source, rng.choice(C, n, p=own), rng.choice(C, n, p=base))
    hard = rng.normal(size=persons)[person] * np.sqrt(alike) + rng.normal(size=n) * np.sqrt(1 - alike)
    right = norm.cdf(hard) < np.clip(recall[labels] - gap * source, 0.01, 0.99)
    predicted = np.where(right, labels, (labels + rng.integers(1, C, n)) % C)
    frame = pd.DataFrame({
        "source": np.where(source, "b", "a"),
        "sex": np.where((rng.random(persons) < share)[person], "f", "m"),
        "view": np.where(rng.random(n) < share, "side", "front"),
    })  # fmt: skip
    return analysis_of(frame, labels, predicted, [f"p{k}" for k in person])


def analysis_of(
    columns: pd.DataFrame, labels: np.ndarray, predicted: np.ndarray, persons: list[str] | None = None
) -> Analysis:
    """An analysis without faces, with one model that predicts just so."""
    n = len(labels)
    images = columns.assign(
        row=np.arange(n),
        image_id=[f"i{k}" for k in range(n)],
        path=[f"{k}.jpg" for k in range(n)],
        sha256=[f"i{k}" for k in range(n)],
        person=persons if persons is not None else pd.Series([None] * n, dtype=object),
        label=labels,
        width=100,
        height=100,
        format="JPEG",
    )
    logits = np.eye(C, dtype=np.float32)[predicted] * 4
    model = ModelRecords("Net", "net", {}, logits, np.zeros((n, C, 1, 1), np.float32))
    return Analysis(Path(), {"classes": list(CLASSES)}, images, pd.DataFrame(), (model,))
