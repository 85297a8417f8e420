"""Robustness within a build: made once, the same after an interruption and on merged parts, left out when asked."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import reportgen.explain.experiments.forward as forward
import reportgen.explain.experiments.robustness as shown
from reportgen.analysis import read_analysis
from reportgen.commands.experiments import Experiments
from reportgen.commands.finish import judge
from reportgen.commands.merge import merge_analyses
from reportgen.config import Config
from reportgen.evidence.robustness import plan
from reportgen.explain.analyse import analyse
from reportgen.inputs.testset import load_test_set
from reportgen.progress import SilentProgress

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


@pytest.fixture(scope="module")
def parts(notebook, tmp_path_factory):
    """The notebook's 28 images analysed whole, and in two parts."""
    folder = tmp_path_factory.mktemp("robustness")
    table = pd.read_pickle(notebook / "processed_data.pkl")["test_df"][["image_path", "emotion"]]
    for name, rows in (("one", table.iloc[:13]), ("two", table.iloc[13:]), ("whole", table)):
        rows.to_csv(folder / f"{name}.csv", index=False)
        config = settings(notebook, folder, name)
        analyse(config, load_test_set(config), folder / name / "analysis", SilentProgress())
    return folder


def settings(notebook, folder, name, **more):
    models = {"CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    return Config(
        data=folder / f"{name}.csv", output=folder / name, models=models, shard_images=8, image_root=notebook,
        classes=EMOTIONS, **more,
    )  # fmt: skip


@pytest.fixture
def generous(monkeypatch):
    """A budget that lets so few images be shown."""
    monkeypatch.setattr(plan, "BUDGETS", {"default": plan.RobustnessBudget(pictures=20.0, per_emotion=40)})
    monkeypatch.setattr(plan, "_MAPPED", 10)


def asked(notebook, folder, analysis_of, **more):
    config = settings(notebook, folder, "whole", **more)
    analysis = read_analysis(analysis_of / "analysis")
    return Experiments(analysis, load_test_set(config), config, SilentProgress()).robustness(None)


def test_a_second_build_runs_no_model_and_an_interrupted_one_makes_the_same_bytes(
    notebook, parts, generous, monkeypatch
):
    first = asked(notebook, parts, parts / "whole")
    assert first.photos == 28 and first.mapped == ("CNN",)
    (part,) = (parts / "whole/analysis/experiments/robustness/cnn").glob("part-*.parquet")
    content = part.read_bytes()
    part.unlink()
    again = asked(notebook, parts, parts / "whole")
    assert part.read_bytes() == content

    def refuse(*_):
        raise AssertionError("loaded a model again")

    monkeypatch.setattr(forward, "load_forwards", refuse)
    monkeypatch.setattr(shown, "entered_explainer", refuse)
    kept = asked(notebook, parts, parts / "whole")
    for name, table in first.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)
        pd.testing.assert_frame_equal(kept.tables[name], table)
    assert repr(kept.effects) == repr(again.effects) == repr(first.effects)  # NaN is not NaN


def test_merged_parts_give_what_the_whole_gives(notebook, parts, generous, tmp_path):
    merge_analyses([parts / "one", parts / "two"], tmp_path / "analysis")
    whole, merged = asked(notebook, parts, parts / "whole"), asked(notebook, parts, tmp_path)
    columns = ["change", "severity", "emotion", "images", "right_unchanged", "right_changed", "answer"]
    pd.testing.assert_frame_equal(merged.tables["robustness"][columns], whole.tables["robustness"][columns])


def test_so_small_a_set_is_not_shown_and_quick_builds_do_not_ask(notebook, parts):
    found = asked(notebook, parts, parts / "whole")
    assert found.photos == found.pictures == 0 and not found.effects
    assert asked(notebook, parts, parts / "whole", experiments="quick") is None
    assert asked(notebook, parts, parts / "whole", experiments="off") is None


def test_without_labels_nothing_is_asked(notebook, parts, generous):
    config, analysis = settings(notebook, parts, "whole"), read_analysis(parts / "whole" / "analysis")
    bare = replace(analysis, images=analysis.images.assign(label=-1))
    assert Experiments(bare, load_test_set(config), config, SilentProgress()).robustness(None) is None


def test_a_build_without_pages_shows_no_photo_made_worse(notebook, parts, monkeypatch):
    config = settings(notebook, parts, "whole", experiments="off")
    monkeypatch.setattr(Experiments, "robustness", lambda *_: pytest.fail("no page would show it"))
    report = judge(config, config, load_test_set(config), "", SilentProgress())
    assert report.robustness is None and report.flips is None
