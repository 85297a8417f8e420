"""From records and answers to shortcuts: the whole way on constructed analyses whose truth is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords, slugify
from reportgen.evidence.shortcuts import findings
from reportgen.evidence.shortcuts.column_descriptions import SHORTCUT_COLUMNS
from reportgen.inputs.images.changes import CHANGES

CLASSES = ("anger", "disgust", "happiness")
COUNTS = (40, 30, 60)
ANGER, DISGUST, HAPPINESS = range(3)


def images(labels, coloured):
    n = len(labels)
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "row": np.arange(n), "image_id": [f"{i:012x}" for i in range(n)], "path": [f"{i}.jpg" for i in range(n)],
            "emotion": [CLASSES[k] if k >= 0 else None for k in labels], "label": labels, "person": [None] * n,
            "sha256": [f"{i:064x}" for i in range(n)], "width": 100, "height": 100, "format": "JPEG",
            "jpeg_quality": 90.0, "sharpness": rng.normal(50, 5, n), "luminance": rng.normal(0.5, 0.05, n),
            "contrast": rng.normal(0.2, 0.01, n), "colourfulness": np.where(coloured, 0.2, 0.0),
            "red_green": np.where(coloured, 0.1, 0.0), "yellow_blue": 0.0,
            "perceptual_hash": [f"{int(v):016x}" for v in rng.integers(0, 2**63, n)],
        }
    )  # fmt: skip


def analysis(coloured=None, labels=None):
    labels = np.repeat(range(3), COUNTS) if labels is None else labels
    rng = np.random.default_rng(1)
    if coloured is None:
        coloured = np.where(labels == DISGUST, rng.random(len(labels)) < 0.9, rng.random(len(labels)) < 0.1)
    # Right on eight images of ten, the same ones for every model.
    predicted = np.where(np.arange(len(labels)) % 5 == 0, (labels + 1) % 3, np.maximum(labels, 0))
    logits = np.eye(3, dtype=np.float32)[predicted] * 3
    maps = np.zeros((len(labels), 3, 2, 2), np.float32)
    models = tuple(ModelRecords(name, slugify(name), {}, logits.copy(), maps) for name in ("Cheat", "Honest"))
    return Analysis(Path("a"), {"classes": list(CLASSES)}, images(labels, coloured), pd.DataFrame(), models)


def answer(source, lose=(), baseline=False):
    """Every model's answers: as before, but for (model, change, emotion) in `lose` always happiness or anger."""
    rows = np.flatnonzero(source.labels >= 0)
    grey = source.images["colourfulness"].to_numpy() == 0
    wanted = [
        (row, name) for row in rows for name in (["unchanged"] if baseline else []) + list(CHANGES)
        if name != "grey" or not grey[row]
    ]  # fmt: skip
    design = pd.DataFrame(wanted, columns=["image", "change"])
    at, change = design["image"].to_numpy(), design["change"].to_numpy()
    answers = {}
    for model in source.models:
        logits = model.logits[at].copy()
        for name, what, emotion in lose:
            hit = (change == what) & (source.labels[at] == emotion)
            if name == model.name:
                logits[hit] = np.eye(3, dtype=np.float32)[ANGER if emotion != ANGER else HAPPINESS]
        answers[model.slug] = (design, logits)
    return answers


def judge_shortcuts(source, answers, seed=0):
    return findings.judge_shortcuts(source, answers, seed, permutations=20)


def said(findings):
    return {(s.model, s.emotion, s.change) for s in findings.found}


def test_a_model_that_knows_an_emotion_by_colour_is_found_and_the_honest_one_is_not():
    source = analysis()
    findings = judge_shortcuts(source, answer(source, [("Cheat", "grey", DISGUST)]))
    assert said(findings) == {("Cheat", "disgust", "grey")}
    (found,) = findings.found
    coloured = source.images["colourfulness"] > 0
    of, right = source.labels == DISGUST, source.models[0].predicted == source.labels
    assert found.n == 30
    assert found.before.value == pytest.approx((of & right).sum() / 30)
    assert found.after.value == pytest.approx((of & right & ~coloured).sum() / 30)
    assert set(found.images) == set(np.flatnonzero(of & right & coloured))
    assert set(found.predicted_now) == {"anger"}
    assert (found.has, found.binary) == ("in colour", True)
    assert found.association.typical == pytest.approx(coloured[of].mean())
    assert findings.of("Cheat") == findings.of("Cheat", "disgust") == findings.found
    assert findings.of("Honest") == findings.of("Cheat", "anger") == ()


def test_without_colour_in_the_set_there_is_nothing_to_find():
    source = analysis(coloured=np.zeros(sum(COUNTS), bool))
    findings = judge_shortcuts(source, answer(source, [("Cheat", "grey", DISGUST)]))
    assert findings.found == ()
    assert all(effect.altered == 0 for effect in findings.effects if effect.change == "grey")
    assert not next(item for item in findings.properties if item.name == "colour").varies


def test_colour_that_goes_with_no_emotion_is_no_shortcut():
    source = analysis(coloured=np.arange(sum(COUNTS)) % 2 == 0)
    findings = judge_shortcuts(source, answer(source, [("Cheat", "grey", DISGUST)]))
    assert findings.found == ()
    grey = next(e for e in findings.effects if (e.model, e.emotion, e.change) == ("Cheat", "disgust", "grey"))
    assert grey.falls == "yes"


def test_a_fall_under_another_change_is_not_blamed_on_colour():
    source = analysis()
    assert judge_shortcuts(source, answer(source, [("Cheat", "blurred", DISGUST)]), 0).found == ()


def test_a_baseline_of_its_own_is_what_recall_is_held_against():
    """Scaled pictures are all lost already before the change: then the change takes nothing away."""
    source = analysis()
    lose = [("Cheat", "grey", DISGUST)]
    assert said(judge_shortcuts(source, answer(source, lose, baseline=True), 0))
    already = answer(source, [*lose, ("Cheat", "unchanged", DISGUST)], baseline=True)
    findings = judge_shortcuts(source, already, 0)
    assert findings.found == ()
    grey = next(e for e in findings.effects if (e.model, e.emotion, e.change) == ("Cheat", "disgust", "grey"))
    assert grey.known == 0


def test_without_experiments_associations_stay_and_nothing_is_claimed():
    findings = judge_shortcuts(analysis(), {})
    assert (findings.found, findings.effects, findings.shown) == ((), (), 0)
    assert any(link.answer == "yes" for link in findings.links)
    assert findings.score is not None and findings.score.gives_away


def test_without_labels_nothing_is_concluded():
    findings = judge_shortcuts(analysis(labels=np.full(20, -1)), {})
    assert (findings.found, findings.links, findings.score) == ((), (), None)
    assert findings.duplicates.compared == 0


def test_tables_hold_what_was_found_and_every_column_is_explained():
    source = analysis()
    findings = judge_shortcuts(source, answer(source, [("Cheat", "grey", DISGUST)]))
    assert set(findings.tables) == set(SHORTCUT_COLUMNS)
    for name, table in findings.tables.items():
        assert list(table.columns) == list(SHORTCUT_COLUMNS[name]), name
    table = findings.tables["interventions"]
    assert len(table) == 2 * len(CLASSES) * len(CHANGES)
    row = table.set_index(["model", "emotion", "change"]).loc[("Cheat", "disgust", "grey")]
    assert row["answer"] == "yes"
    assert row["before"] - row["after"] == pytest.approx(row["fall"])
    assert row["lost"] == len(row["lost_ids"]) == len(findings.found[0].images)
    assert len(findings.tables["property_score"]) == 1 + len(CLASSES)


def test_the_same_inputs_give_the_same_findings():
    source = analysis()
    answers = answer(source, [("Cheat", "grey", DISGUST)])
    one, two = (judge_shortcuts(source, answers, 3) for _ in range(2))
    assert str(one.effects) == str(two.effects)  # NaN equals nothing
    assert one.score == two.score
    for name in one.tables:
        pd.testing.assert_frame_equal(one.tables[name], two.tables[name])
