"""Reliance of hand-made models, where the answer is known."""

import numpy as np
import pytest

from reportgen.selfcheck.artefacts import Artefact
from reportgen.selfcheck.faces import EMOTIONS, load_faces
from reportgen.selfcheck.reliance import measure_reliance

PATCH = Artefact("corner patch", "top left", 1.0, colour=5)


def corner_is_white(pixels):
    return (pixels[:, :20, :20] > 230).all(axis=3).sum(axis=(1, 2)) > 40


def model(before, after):
    """Gives emotion 2 the probability `before`, or `after` where the corner is white; the rest to emotion 0."""

    def predict(pixels):
        p = np.where(corner_is_white(pixels), after, before)
        probabilities = np.zeros((len(pixels), len(EMOTIONS)))
        probabilities[:, 2], probabilities[:, 0] = p, 1 - p
        return probabilities

    return predict


@pytest.fixture(scope="module")
def faces():
    whole = load_faces().take(np.arange(140))
    return whole.take(~corner_is_white(whole.pixels))


@pytest.mark.parametrize(
    ("before", "after", "change", "moved"), [(0.1, 0.9, 0.8, 1.0), (0.1, 0.4, 0.3, 0.0), (0.2, 0.2, 0.0, 0.0)]
)
def test_change_and_moved_predictions(faces, before, after, change, moved):
    found = measure_reliance(model(before, after), faces, PATCH, 2, np.random.default_rng(0))
    assert found.change == pytest.approx(change)
    assert found.moved == moved
    assert found.n == (faces.labels != 2).sum()


def test_another_artefact_does_not_move_a_model_that_reads_the_patch(faces):
    other = Artefact("corner patch", "bottom right", 1.0, colour=5)
    assert measure_reliance(model(0.1, 0.9), faces, other, 2, np.random.default_rng(0)).change == 0


def test_a_model_that_always_answers_so_cannot_be_moved(faces):
    found = measure_reliance(model(0.9, 0.95), faces, PATCH, 2, np.random.default_rng(0))
    assert found.change == pytest.approx(0.05)
    assert np.isnan(found.moved)
