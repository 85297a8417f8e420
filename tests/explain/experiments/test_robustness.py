"""Pictures made worse as the design says, and what is kept of the answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.explain.experiments.robustness import robustness_experiment
from reportgen.faces.align import canonical_points
from reportgen.inputs.images.disturbances import DISTURBANCES, disturb
from tests.explain.experiments.noise import Noise

SIDE, N = 48, 6


def analysis(sides=(SIDE,)):
    points = np.repeat((0.2 + 0.6 * canonical_points())[None], N, axis=0).astype(np.float32)
    source = ("detector",) * N
    faces = FaceRecords(points, np.ones(N, np.float32), source, source, np.zeros((N, 52), np.float32))
    images = pd.DataFrame({"label": np.arange(N) % 2, "row": np.arange(N), "sha256": [f"{k:064d}" for k in range(N)]})
    models = tuple(
        ModelRecords(f"m{k}", f"m{k}", {"input": [side, side], "parts": ["0" * 16]}, np.zeros((N, 2), np.float32),
                     np.zeros((N, 2, 1, 1), np.float32))
        for k, side in enumerate(sides)
    )  # fmt: skip
    return Analysis(Path(), {"classes": ["a", "b"]}, images, pd.DataFrame(), models, faces)


WANTED = {("blur", 2): (4, 1, 3), ("cover", 0): (1, 4), ("noise", 0): (1,)}


def test_every_photo_with_every_change_that_it_is_shown_with():
    experiment = robustness_experiment(analysis(), "robustness", WANTED)
    assert list(experiment.design.itertuples(index=False, name=None)) == [
        (1, "blur", 2), (1, "cover", 0), (1, "noise", 0), (3, "blur", 2), (4, "blur", 2), (4, "cover", 0),
    ]  # fmt: skip
    made = [picture for job in experiment.jobs for picture in job.make(Noise(SIDE))]
    assert len(made) == sum(job.count for job in experiment.jobs) == 6
    points = analysis().faces.points[0]
    for picture, (row, name, level) in zip(made, experiment.design.itertuples(index=False), strict=True):
        expected = disturb(name, DISTURBANCES[name].levels[level], Noise(SIDE)[row], points)
        np.testing.assert_array_equal(picture, expected)


def test_a_baseline_where_a_model_takes_another_size_and_once_only():
    two = analysis((SIDE, SIDE - 8))
    design = robustness_experiment(two, "robustness", WANTED).design
    assert design[design["change"] == "unchanged"]["image"].tolist() == [1, 3, 4]
    assert design[design["change"] == "unchanged"]["level"].tolist() == [-1, -1, -1]
    again = robustness_experiment(two, "robustness-weaker", {("blur", 0): (1, 3)}, known=(1, 3, 4)).design
    assert again["change"].tolist() == ["blur", "blur"]


def test_nothing_wanted_is_no_experiment():
    assert robustness_experiment(analysis(), "robustness", {}) is None


def test_answers_depend_on_the_table_of_severities(monkeypatch):
    one = robustness_experiment(analysis(), "robustness", WANTED).depends
    harder = {**DISTURBANCES, "blur": replace(DISTURBANCES["blur"], levels=(1.0, 2.0, 8.0))}
    monkeypatch.setattr("reportgen.explain.experiments.robustness.DISTURBANCES", harder)
    assert robustness_experiment(analysis(), "robustness", WANTED).depends != one
