"""Answers to changed pictures are kept, and made again when anything they depend on is another."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import reportgen.explain.experiments.forward as forward
from reportgen.analysis import Analysis, ModelRecords
from reportgen.config import Config
from reportgen.explain.experiments.experiment import Experiment, needs_baseline
from reportgen.explain.experiments.perform import perform
from reportgen.progress import SilentProgress


def analysis(folder: Path, *sides: int) -> Analysis:
    """One image, and a model per side of its input."""
    models = tuple(
        ModelRecords(f"m{side}", f"m{side}", {"input": [side, side], "parts": [f"{side:016x}"]},
                     np.zeros((1, 2), np.float32), np.zeros((1, 2, 1, 1), np.float32))
        for side in sides
    )  # fmt: skip
    return Analysis(folder, {"classes": ["a", "b"]}, pd.DataFrame({"row": [0]}), pd.DataFrame(), models)


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        ({}, False),
        ({"resample": "bicubic"}, True),
        ({"library": "torchvision"}, True),
        ({"resize_to": 64}, True),
        ({"grey": True, "mean": [0.5], "std": [0.5]}, False),
    ],
)
def test_models_that_scale_or_crop_in_another_way_get_a_baseline(tmp_path: Path, said: dict, needed: bool) -> None:
    """A changed picture is scaled bilinearly by Pillow: only who does the same saw the unchanged one in the pass."""
    made = analysis(tmp_path, 48, 48)
    spec = {"width": 48, "height": 48, **said}
    models = (made.models[0], replace(made.models[1], info=made.models[1].info | {"preprocessing": spec}))
    assert needs_baseline(replace(made, models=models)) is needed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that had to be run; their answer is the size of the pictures they saw."""
    asked: list[str] = []

    def run(slugs, jobs, pictures, workers, advance):
        asked.extend(slugs)
        return {slug: np.full((1, 2), pictures.size, np.float32) for slug in slugs}

    monkeypatch.setattr(forward, "load_forwards", lambda config, analysis, slugs, loaded: dict.fromkeys(slugs))
    monkeypatch.setattr(forward, "run_jobs", run)
    return asked


def test_a_larger_model_scales_the_pictures_of_all_anew(tmp_path: Path, asked: list[str]) -> None:
    experiment = Experiment("transplants", pd.DataFrame({"receiver": [0]}), (), ("code",))

    def answers(folder: Path, *sides: int) -> dict[str, float]:
        said = perform(experiment, Config(), None, analysis(folder, *sides), SilentProgress(), "Asking", {})
        return {slug: float(found.logits[0, 0]) for slug, found in said.items()}

    assert answers(tmp_path, 32, 48) == {"m32": 48, "m48": 48}
    assert answers(tmp_path, 32, 48) == {"m32": 48, "m48": 48}
    assert asked == ["m32", "m48"]
    # A further model that is no larger leaves the others' answers alone; a larger one does not.
    assert answers(tmp_path, 32, 48, 40) == {"m32": 48, "m48": 48, "m40": 48}
    assert asked == ["m32", "m48", "m40"]
    assert answers(tmp_path, 32, 48, 64) == answers(tmp_path / "fresh", 32, 48, 64)
    assert asked[3:6] == ["m32", "m48", "m64"]


def test_features_are_kept_where_an_experiment_asks_for_them_and_a_model_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[list[str]] = []

    def run(forwards, jobs, pictures, workers, advance):
        shown.append([type(one).__name__ for one in forwards.values()])
        numbers = np.array([[1, 2, 70_000, 0.5]], np.float32)
        return {
            slug: numbers if isinstance(one, forward.Featured) else numbers[:, :2] for slug, one in forwards.items()
        }

    monkeypatch.setattr(forward, "load_forwards", lambda config, analysis, slugs, loaded: dict.fromkeys(slugs))
    monkeypatch.setattr(forward, "run_jobs", run)
    made = analysis(tmp_path, 32, 48)
    with_features = replace(made.models[1], features=np.zeros((1, 2), np.float32))
    made = replace(made, models=(made.models[0], with_features))
    plain = Experiment("cues", pd.DataFrame({"image": [0]}), (), ("code",))
    for experiment, expected in ((plain, None), (replace(plain, features=True), [65504.0, 0.5])):
        for _ in range(2):  # made, and read
            found = perform(experiment, Config(), None, made, SilentProgress(), "Asking", {})
            assert found["m32"].features is None and found["m48"].logits.tolist() == [[1.0, 2.0]]
            features = found["m48"].features
            assert (None if features is None else features[0].tolist()) == expected
            assert list(found["m48"].design) == ["image"]
    # The other model is not asked again.
    assert shown == [["NoneType", "NoneType"], ["Featured"]]
