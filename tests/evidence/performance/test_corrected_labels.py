from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from reportgen.analysis import AnalysisPredictions, ModelPredictions
from reportgen.evidence.performance.corrected_labels import macro_f1, weigh_corrections
from reportgen.evidence.stats.paired import mcnemar, paired_difference

CLASSES = ("anger", "fear", "joy")


def predictions(
    labels: np.ndarray, answers: list[np.ndarray], corrections: list[dict[str, str]]
) -> AnalysisPredictions:
    images = pd.DataFrame({"path": [f"{row}.png" for row in range(len(labels))], "label": labels})
    models = tuple(
        ModelPredictions(f"model {k}", f"m{k}", {}, (5 * np.eye(3)[answer]).astype(np.float32))
        for k, answer in enumerate(answers)
    )
    manifest = {"classes": list(CLASSES), "data": {"corrections": corrections}}
    return AnalysisPredictions(Path(), manifest, images, pd.DataFrame(), models)


def test_scores_before_and_after_by_hand() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 2, -1, 0, 1])  # as corrected
    first, second = labels.copy(), labels.copy()
    first[4], second[2], first[7] = 0, 0, 0
    given = [
        {"file": "0.png", "old": "fear", "new": "anger"},  # both models predict anger
        {"file": "4.png", "old": "anger", "new": "joy"},  # the first predicts anger: right before, wrong now
        {"file": "5.png", "old": "joy", "new": "joy"},
    ]
    found = weigh_corrections(predictions(labels, [first, second], given), None, 0)
    assert found is not None
    assert (found.images, found.changed, found.confirmed, found.as_predicted) == (9, 2, 1, 1)
    assert found.moves == (("anger", "joy", 1), ("fear", "anger", 1))
    a, b = found.scores
    assert (a.before.value, a.after.value) == (8 / 9, 8 / 9) and (b.before.value, b.after.value) == (6 / 9, 8 / 9)
    assert a.difference == paired_difference(1, 1, 9) and a.p_value == mcnemar(1, 1)
    assert b.difference == paired_difference(2, 0, 9)
    assert b.f1_after == pytest.approx(f1_score(labels[labels >= 0], second[labels >= 0], average="macro"))
    assert b.f1_difference.low <= b.f1_difference.value == pytest.approx(b.f1_after - b.f1_before)


def test_persons_count_once_and_too_few_give_no_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    given = [
        {"file": f"{row}.png", "old": CLASSES[(labels[row] + 1) % 3], "new": CLASSES[labels[row]]} for row in (0, 1)
    ]
    everything = predictions(labels, [labels], given)
    alone = weigh_corrections(everything, None, 0)
    persons = np.array([f"p{row // 10}" for row in range(60)], dtype=object)
    together = weigh_corrections(everything, persons, 0)
    few = weigh_corrections(everything, np.array([f"p{row // 20}" for row in range(60)], dtype=object), 0)
    assert alone is not None and together is not None and few is not None
    assert together.scores[0].difference.persons == 6 and together.scores[0].f1_difference.persons == 6
    width = [one.scores[0].f1_difference.high - one.scores[0].f1_difference.low for one in (alone, together)]
    assert width[1] > width[0] > 0
    assert (few.scores[0].difference.low, few.scores[0].f1_difference.high) == (-1.0, 1.0)
    assert few.scores[0].f1_difference.too_few


def test_the_mean_f1_is_that_of_a_library_and_its_influence_that_of_one_more_image() -> None:
    rng = np.random.default_rng(1)
    labels, answers = rng.integers(0, 3, 80), rng.integers(0, 3, 80)
    value, influence = macro_f1(labels, answers, 4)  # nothing is of the fourth emotion
    assert value == pytest.approx(f1_score(labels, answers, average="macro"))
    for row in (0, 17, 40):
        heavier = np.ones(80)
        heavier[row] += 1e-6
        moved = f1_score(labels, answers, average="macro", sample_weight=heavier) - value
        assert influence[row] == pytest.approx(moved / 1e-6, abs=1e-5)


def test_the_interval_of_the_mean_f1_is_about_that_of_resampled_persons() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 300)
    answers = np.where(rng.random(300) < 0.3, rng.integers(0, 3, 300), labels)
    old = np.where(np.arange(300) % 15 == 0, (labels + 1) % 3, labels)
    persons = np.array([f"p{row // 5}" for row in range(300)], dtype=object)
    given = [{"file": f"{row}.png", "old": CLASSES[old[row]], "new": CLASSES[labels[row]]} for row in range(0, 300, 15)]
    found = weigh_corrections(predictions(labels, [answers], given), persons, 0)
    assert found is not None
    interval = found.scores[0].f1_difference
    drawn = []
    for _ in range(800):
        rows = np.concatenate([np.arange(5 * p, 5 * p + 5) for p in rng.integers(0, 60, 60)])
        drawn.append(macro_f1(labels[rows], answers[rows], 3)[0] - macro_f1(old[rows], answers[rows], 3)[0])
    assert (interval.low, interval.high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.006)


def test_without_corrections_there_is_nothing_to_tell() -> None:
    labels = np.array([0, 1, 2])
    assert weigh_corrections(predictions(labels, [labels], []), None, 0) is None
