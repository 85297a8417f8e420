from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.evidence.errors.label_suspects import find_label_suspects


def both_say(*rows: tuple[float, float, float]) -> list[np.ndarray]:
    p = np.asarray(rows, dtype=np.float64)
    return [p, p.copy()]


# Class 0: its own four images get .9, .9, .8, .6, and .2 goes to the one that is labelled 0 but looks like class 1.
ROWS = (
    (0.90, 0.05, 0.05), (0.90, 0.05, 0.05), (0.80, 0.10, 0.10), (0.60, 0.30, 0.10), (0.20, 0.75, 0.05),
    (0.10, 0.80, 0.10), (0.10, 0.80, 0.10), (0.30, 0.60, 0.10), (0.10, 0.20, 0.70), (0.10, 0.20, 0.70),
)  # fmt: skip
LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2])


def test_thresholds_by_hand() -> None:
    found = find_label_suspects(both_say(*ROWS), LABELS)
    assert found.thresholds[0] == pytest.approx([(0.9 + 0.9 + 0.8 + 0.6 + 0.2) / 5, (0.8 + 0.8 + 0.6) / 3, 0.7])
    # .75 reaches the .733 of class 1; confident agreements on class 1 are rows 4, 5 and 6, two of them labelled 1.
    assert np.flatnonzero(found.suspect).tolist() == [4]


def test_a_less_sure_model_clears_the_label() -> None:
    first, second = both_say(*ROWS)
    second[4] = (0.35, 0.60, 0.05)
    assert not find_label_suspects([first, second], LABELS).suspect.any()


def test_models_that_disagree_suspect_nothing() -> None:
    first, second = both_say(*ROWS)
    second[4] = (0.05, 0.20, 0.75)
    found = find_label_suspects([first, second], LABELS)
    assert found.predicted[4] == -1
    assert not found.suspect.any()


def test_one_model_has_nobody_to_agree_with() -> None:
    found = find_label_suspects(both_say(*ROWS)[:1], LABELS)
    assert not found.tested
    assert not found.suspect.any()
    # Rows 2 to 4 are predicted otherwise than labelled, but only class 1 is mostly right where it is confident.
    assert (
        np.flatnonzero(found.contradicted).tolist()
        == np.flatnonzero((np.array(ROWS).argmax(axis=1) != LABELS) & (np.array(ROWS).argmax(axis=1) == 1)).tolist()
    )


def test_an_agreement_that_is_mostly_wrong_suspects_nothing() -> None:
    """Both models call four images class 1 with confidence, but only one of them is labelled so: a shared shortcut."""
    rows = [(0.1, 0.8, 0.1)] * 3 + [(0.05, 0.9, 0.05)] + [(0.8, 0.1, 0.1)] * 4
    labels = np.array([1, 0, 0, 2, 0, 0, 0, 0])
    found = find_label_suspects(both_say(*rows), labels)
    assert not found.suspect.any()
    labels = np.array([1, 1, 0, 2, 0, 0, 0, 0])
    assert np.flatnonzero(find_label_suspects(both_say(*rows), labels).suspect).tolist() == [2, 3]


def test_a_class_without_images_suspects_nothing() -> None:
    labels = np.where(LABELS == 1, 0, LABELS)
    found = find_label_suspects(both_say(*ROWS), labels)
    assert np.isnan(found.thresholds[:, 1]).all()
    assert not found.suspect.any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_suspects_are_labelled_errors_of_every_model(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, classes, 50)
    models = [rng.dirichlet(np.full(classes, 0.3), 50) for _ in range(2)]
    found = find_label_suspects(models, labels)
    for p in models:
        assert (p.argmax(axis=1)[found.suspect] != labels[found.suspect]).all()
    assert (labels[found.suspect] >= 0).all()
    # Relabelling the suspects as the models say leaves none of them suspect.
    mended = np.where(found.suspect, found.predicted, labels)
    assert not (find_label_suspects(models, mended).suspect & found.suspect).any()


def test_flipped_labels_are_found_among_clean_ones() -> None:
    """Two good models on 600 images of three classes: most flips are found, and nothing else is newly suspected."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 200)
    models = []
    for _ in range(2):
        logits = rng.normal(0, 1, (600, 3))
        logits[np.arange(600), labels] += 4
        models.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    before = find_label_suspects(models, labels).suspect
    chosen = rng.choice(600, 30, replace=False)
    changed = labels.copy()
    changed[chosen] = (labels[chosen] + rng.integers(1, 3, 30)) % 3
    after = find_label_suspects(models, changed).suspect
    # Each model is surer than its mean on about three quarters of the images, and both have to be.
    assert after[chosen].mean() > 0.4
    new = after & ~before
    assert np.isin(np.flatnonzero(new), chosen).mean() > 0.9
