"""How often a property that has nothing to do with errors is called a reason."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.evidence.errors.label_suspects import LabelSuspects
from reportgen.evidence.errors.reasons import weigh_reasons
from reportgen.evidence.errors.rules import OF_PHOTOS, ErrorCase, raise_flags

SETTINGS = ((120, 0.3, 1), (300, 0.3, 1), (1000, 0.2, 1), (2000, 0.2, 1), (300, 0.3, 4), (1200, 0.2, 4))
"""Images, share of errors, photos per person."""


def any_reason(rng: np.random.Generator, n: int, errors: float, photos: int) -> bool:
    """Whether a model whose errors depend on the person alone is given a property of the photo as a reason."""
    labels, person = rng.integers(0, 3, n), np.arange(n) // photos
    rate = rng.beta(errors * 4, (1 - errors) * 4, n // photos)[person] if photos > 1 else np.full(n, errors)
    predicted = np.where(rng.random(n) < rate, (labels + 1) % 3, labels)
    logits = 5.0 * np.eye(3)[predicted]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = rng.normal(0, 1, (n, 6)) + (0.7 * rng.normal(0, 1, (n // photos, 6))[person] if photos > 1 else 0)
    states = {
        "light on the eyes": 0.5 + 0.15 * own[:, 3],
        "turn of the head": 15 * np.abs(own[:, 4]),
        "opening of the mouth": 0.2 * np.abs(own[:, 5]),
    }
    quality = {"sharpness": own[:, 0], "contrast of the face": own[:, 1], "pixels between the eyes": own[:, 2]}
    case = ErrorCase(labels, logits, p, np.ones((n, 3, 1, 1)), quality, states=states)
    none = LabelSuspects(
        np.zeros(n, dtype=bool), np.full(n, -1), p.max(axis=1)[None], np.ones((1, 3)), False, np.zeros(n, dtype=bool)
    )
    names = None if photos == 1 else np.array([f"person {k}" for k in person], dtype=object)
    found = weigh_reasons("M", "m", case, raise_flags(case, none, ["M"]), persons=names)
    return any(found.counts(name) for name in OF_PHOTOS)


@pytest.mark.slow
def test_models_without_a_reason_are_given_one_in_about_5_percent() -> None:
    rng = np.random.default_rng(0)
    found = np.array([[any_reason(rng, *setting) for _ in range(250)] for setting in SETTINGS])
    assert found.mean() < 0.06 and found.mean(axis=1).max() < 0.09
