"""Trials: blind, resumable, the same every time; the quick plan finds its shortcut."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from reportgen.cli import app
from reportgen.errors import BuildError, ConfigError
from reportgen.selfcheck import trial as module
from reportgen.selfcheck.faces import EMOTIONS, load_faces
from reportgen.selfcheck.plan import quick_plan
from reportgen.selfcheck.report_verdicts import COMPONENT, HEAT, MARK, ReportVerdict, read_verdicts
from reportgen.selfcheck.run import run_plan
from reportgen.selfcheck.training import Stage, predict, train
from reportgen.selfcheck.trial import Effort, run_trial

# One epoch on tiny photos: what the model knows does not matter here.
HASTY = Effort(stages=(Stage(24, 1, 1e-3),), test_persons=4)


@pytest.fixture
def judged(monkeypatch):
    """Replaces the build: keeps what each was given."""
    given = []

    def judge(folder, trial):
        table = pd.read_csv(folder / "set" / "test.csv")
        given.append((trial.name, table, sorted(path.name for path in (folder / "set").iterdir())))
        return folder / "output" / "analysis"

    monkeypatch.setattr(module, "_judge", judge)
    monkeypatch.setattr(module, "read_verdicts", lambda analysis: (ReportVerdict("fear", "background", 1.5, "yes"),))
    return given


def test_a_finished_trial_is_not_run_again_and_an_interrupted_one_goes_on(tmp_path, judged, monkeypatch):
    trial = quick_plan()[0]
    first = run_trial(trial, tmp_path, HASTY)
    assert len(judged) == 1
    monkeypatch.setattr(module, "train", lambda *_: pytest.fail("trained again"))
    assert run_trial(trial, tmp_path, HASTY) == first
    assert len(judged) == 1
    # Killed after the training: the model is kept, the build is made.
    (tmp_path / trial.name / "outcome.json").unlink()
    again = run_trial(trial, tmp_path, HASTY)
    assert len(judged) == 2
    assert (again.reliance, again.accuracy, again.verdicts) == (first.reliance, first.accuracy, first.verdicts)


def test_changed_judging_code_judges_again_without_training(tmp_path, judged, monkeypatch):
    trial = quick_plan()[0]
    run_trial(trial, tmp_path, HASTY)
    monkeypatch.setattr(module, "judging_code", lambda: "another")
    monkeypatch.setattr(module, "train", lambda *_: pytest.fail("trained again"))
    run_trial(trial, tmp_path, HASTY)
    assert len(judged) == 2


def test_another_effort_trains_again(tmp_path, judged):
    trial = quick_plan()[0]
    run_trial(trial, tmp_path, HASTY)
    before = (tmp_path / trial.name / "model.safetensors").read_bytes()
    run_trial(trial, tmp_path, Effort(stages=(Stage(24, 1, 2e-3),), test_persons=4))
    assert (tmp_path / trial.name / "model.safetensors").read_bytes() != before


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}'])
def test_a_damaged_outcome_is_made_again(tmp_path, judged, damage):
    trial = quick_plan()[0]
    first = run_trial(trial, tmp_path, HASTY)
    (tmp_path / trial.name / "outcome.json").write_text(damage)
    assert run_trial(trial, tmp_path, HASTY).reliance == first.reliance


def test_the_test_set_is_blind(tmp_path, judged):
    trial = quick_plan()[0]
    run_trial(trial, tmp_path, HASTY)
    [(_, table, files)] = judged
    assert list(table.columns) == ["path", "emotion", "person"]
    assert files == sorted(["test.csv", *table["path"]])
    assert table["person"].nunique() == HASTY.test_persons
    assert table["emotion"].value_counts().tolist() == [8] * len(EMOTIONS)
    # The order says nothing: names are numbers, emotions are mixed.
    assert table["path"].is_monotonic_increasing
    assert (table["emotion"] != table["emotion"].shift()).mean() > 0.6
    # What was planted is nowhere but in the photos.
    said = json.dumps(table.to_dict()).lower()
    assert not any(word in said for word in ("strip", trial.artefact.kind, trial.arm))


def test_training_is_the_same_every_time_and_follows_its_seed():
    faces = load_faces().take(np.arange(56))
    variants = [faces.pixels, faces.mirrored().pixels]
    answers = [
        predict(train(variants, faces.labels, "coarse", seed, HASTY.stages), faces.pixels[:8]) for seed in (1, 1, 2)
    ]
    assert np.array_equal(answers[0], answers[1])
    assert not np.allclose(answers[0], answers[2])
    assert np.allclose(answers[0].sum(axis=1), 1)


def test_outcomes_come_in_the_plans_order(tmp_path, judged):
    trials = quick_plan()
    assert [outcome.trial for outcome in run_plan(trials, tmp_path, HASTY)] == list(trials)


def test_no_workers_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--workers 0: expected at least 1"):
        run_plan(quick_plan(), tmp_path, workers=0)


def tables(folder, backgrounds):
    (folder / "tables").mkdir(parents=True)
    verdicts = [
        {"model": "Model", "emotion": "fear", "kind": "background", "answer": "yes", "value": 3.5},
        {"model": "Model", "emotion": "fear", "kind": "on mouth", "answer": "yes", "value": 2.0},
    ]
    pd.DataFrame(verdicts).to_parquet(folder / "tables" / "verdicts.parquet")
    if backgrounds:
        rows = [
            {"model": "Model", "emotion": "fear", "state": "uses it", "score": 2.5, "cheating": True},
            {"model": "Model", "emotion": "anger", "state": "looks only", "score": 0.0, "cheating": False},
        ]
        pd.DataFrame(rows).to_parquet(folder / "tables" / "backgrounds.parquet")
    regions = [
        {"model": "Model", "emotion": "anger", "region": "mouth", "gap": 1.25, "answer": "no"},
        {"model": "Model", "emotion": "anger", "region": "background", "gap": 0.1, "answer": "no"},
    ]
    pd.DataFrame(regions).to_parquet(folder / "tables" / "use.parquet")
    changes = [{"model": "Model", "emotion": "anger", "change": "grey", "fall": 0.6, "answer": "yes"}]
    pd.DataFrame(changes).to_parquet(folder / "tables" / "interventions.parquet")
    components = [
        {"model": "Model", "emotion": "fear", "gain": 0.25, "fall": 0.5, "answer": "yes"},
        {"model": "Model", "emotion": "anger", "gain": np.nan, "fall": np.nan, "answer": "not tested"},
    ]
    pd.DataFrame(components).to_parquet(folder / "tables" / "components.parquet")
    marks = [
        {"model": "Model", "emotion": "fear", "gain": 0.4, "fall": 0.1, "answer": "yes"},
        {"model": "Model", "emotion": "anger", "gain": 0.0, "fall": 0.02, "answer": "undetermined"},
    ]
    pd.DataFrame(marks).to_parquet(folder / "tables" / "marks.parquet")


def test_findings_are_read_from_the_tables_of_a_build(tmp_path):
    tables(tmp_path, backgrounds=True)
    assert read_verdicts(tmp_path) == (
        ReportVerdict("fear", HEAT, 3.5, "yes"),
        ReportVerdict("fear", "background", 2.5, "yes"),
        ReportVerdict("anger", "background", 0.0, "looks only"),
        ReportVerdict("anger", "grey", 0.6, "yes"),
        ReportVerdict("fear", COMPONENT, 0.5, "yes"),
        ReportVerdict("fear", MARK, 0.4, "yes"),
        ReportVerdict("anger", MARK, 0.02, "undetermined"),
        ReportVerdict("anger", "region: mouth", 1.25, "no"),
    )


def test_missing_tables_are_an_error(tmp_path):
    tables(tmp_path, backgrounds=False)
    with pytest.raises(BuildError, match=r"backgrounds\.parquet: cannot be read"):
        read_verdicts(tmp_path)


@pytest.mark.slow
def test_the_quick_run(tmp_path):
    """The command from end to end: the taught model is flagged with the right emotion, the clean one is not."""
    result = CliRunner().invoke(app, ["selfcheck", "--quick", "--work", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "Kinds of artefact that go unseen" in result.output
    table = pd.read_csv(tmp_path / "trials.csv").set_index("arm")
    taught, clean = table.loc["off-face"], table.loc["clean"]
    assert taught["strong"]
    assert "background" in taught["flags"]
    assert taught["named"] in (True, "True")
    assert not clean["flagged"]
    assert abs(clean["reliance"]) < 0.15
    assert min(taught["clean_accuracy"], clean["clean_accuracy"]) > 1 / len(EMOTIONS) + 0.1
    certificate = json.loads((tmp_path / "certificate.json").read_text())
    assert certificate["plan"] == "quick"
    assert set(certificate["machine"]) == {"cores", "processor", "system", "python"}
    # Done is done: a second run only reads.
    for folder in tmp_path.glob("*/output"):
        shutil.rmtree(folder)
    assert CliRunner().invoke(app, ["selfcheck", "--quick", "--work", str(tmp_path)]).exit_code == 0
