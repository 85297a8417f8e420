"""Which of the photos that a cue turned are shown, and with which probabilities."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from reportgen.analysis import ModelRecords
from reportgen.evidence.shortcuts.turned_photos import TURNED_SHOWN, choose_turned
from reportgen.inputs.images.changes import AddedCue

ANGER, DISGUST, FEAR, HAPPINESS = range(4)
CUE = AddedCue("grey", DISGUST, (0.1, 0.1), (), ())


def records(predicted, sure=3.0):
    logits = np.eye(4, dtype=np.float32)[predicted] * np.float32(sure)
    return ModelRecords("m", "m", {}, logits, np.zeros((len(logits), 4, 1, 1), np.float32))


def answers(rows, sure, *, number=0, baseline=()):
    """With the cue so sure of disgust, by row; the neutral change makes everything happiness. Another cue is there."""
    shown = [(row, number, what) for row in rows for what in ("added", "neutral")]
    shown += [(row, 1 - number, "added") for row in rows] + [(row, -1, "unchanged") for row in baseline]
    design = pd.DataFrame(shown, columns=["image", "cue", "shown"])
    logits = np.zeros((len(shown), 4), np.float32)
    for k, (row, cue, what) in enumerate(shown):
        if what == "unchanged":
            logits[k, FEAR] = 5.0
        elif cue == number:
            logits[k, DISGUST if what == "added" else HAPPINESS] = sure[row] if what == "added" else 1.5
    return design, logits


def chosen(labels, sure, *, predicted=None, units=None, **more):
    labels, rows = np.array(labels), list(range(len(labels)))
    predicted = labels if predicted is None else np.array(predicted)
    units = None if units is None else np.array(units, dtype=object)
    return choose_turned(
        CUE, more.get("number", 0), rows, answers(rows, sure, **more), records(predicted), labels, units
    )


def test_labels_and_persons_repeat_as_little_as_they_can():
    labels = [FEAR, FEAR, FEAR, ANGER, ANGER, HAPPINESS, HAPPINESS]
    sure = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]
    found = chosen(labels, sure, units=["a", "b", "c", "a", "d", "a", "e"])
    # Fear's surest, then anger and happiness of others than a, then one more of a fourth person.
    assert found.rows == (0, 1, 4, 6)
    assert chosen(labels, sure).rows == (0, 1, 3, 5)  # no persons are known
    assert len(found.rows) == TURNED_SHOWN


def test_the_most_confident_are_shown_first_whatever_the_order_of_the_rows():
    found = chosen([FEAR, ANGER, HAPPINESS], [1.0, 3.0, 2.0])
    assert found.rows == (1, 2, 0)
    assert found == chosen([FEAR, ANGER, HAPPINESS], [1.0, 3.0, 2.0])


def test_photos_that_were_wrong_already_come_after_all_others():
    labels, sure = [FEAR, FEAR, FEAR, FEAR, ANGER], [1.0, 1.0, 1.0, 1.0, 9.0]
    assert chosen(labels, sure, predicted=[FEAR, FEAR, FEAR, FEAR, FEAR]).rows == (0, 1, 2, 3)
    assert 4 in chosen(labels, sure, predicted=[FEAR, FEAR, FEAR, HAPPINESS, FEAR]).rows


@pytest.mark.parametrize("number", [0, 1])
def test_probabilities_are_those_that_the_model_gave_to_these_pictures(number):
    labels, sure = [FEAR, ANGER], [2.0, 4.0]
    found = chosen(labels, sure, number=number)
    assert found.rows == (1, 0)
    for row, before, added, neutral in zip(found.rows, found.before, found.added, found.neutral, strict=True):
        assert before == pytest.approx(softmax(np.eye(4)[labels[row]] * 3), abs=1e-6)
        assert added == pytest.approx(softmax(np.eye(4)[DISGUST] * sure[row]), abs=1e-6)
        assert neutral == pytest.approx(softmax(np.eye(4)[HAPPINESS] * 1.5), abs=1e-6)


def test_a_baseline_of_its_own_is_what_a_photo_is_as_it_is():
    """Models of several input sizes see unchanged pictures otherwise than in the analysis."""
    found = chosen([ANGER, ANGER], [2.0, 1.0], baseline=(1,))
    assert [int(np.argmax(before)) for before in found.before] == [ANGER, FEAR]
    assert found.before[1] == pytest.approx(softmax(np.eye(4)[FEAR] * 5), abs=1e-6)
