"""A property taken away in one region at a time: which pictures are shown, and what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.explain.experiments.cue_places import place_experiment
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS
from reportgen.faces.transplant import TRANSPLANTED, Portrait
from reportgen.inputs.images.changes import EVERYWHERE, change, typical_level
from tests.explain.experiments.noise import Noise


@pytest.fixture
def face_points():
    """A face in the middle of the picture."""
    return 0.2 + 0.6 * canonical_points().astype(np.float64)


def analysis(points, side=64, second=64):
    n = 3
    images = pd.DataFrame({
        "label": np.arange(n), "row": np.arange(n), "colourfulness": np.full(n, 0.1), "luminance": np.full(n, 0.5),
        "contrast": np.full(n, 0.2), "sharpness": np.full(n, 50.0),
    })  # fmt: skip
    faces = FaceRecords(
        np.repeat(points[None], n, axis=0).astype(np.float32), np.ones(n, np.float32), ("detector",) * n,
        ("detector",) * n, np.zeros((n, 52), np.float32),
    )  # fmt: skip
    models = tuple(
        ModelRecords(f"m{k}", f"m{k}", {"input": [s, s], "parts": ["0" * 16]}, np.zeros((n, 3), np.float32),
                     np.zeros((n, 3, 1, 1), np.float32))
        for k, s in enumerate((side, second))
    )  # fmt: skip
    return Analysis(Path("a"), {"classes": ["a", "b", "c"]}, images, pd.DataFrame(), models, faces)


def test_each_region_alone_and_everywhere(face_points):
    records = analysis(face_points)
    experiment = place_experiment(records, {"grey": [2, 0]})
    assert experiment.design["image"].tolist() == [0] * 7 + [2] * 7
    assert experiment.design["region"].tolist() == [EVERYWHERE, *TRANSPLANTED] * 2
    made = [picture for job in experiment.jobs for picture in job.make(Noise(64))]
    assert len(made) == len(experiment.design) == sum(job.count for job in experiment.jobs)
    photo = Noise(64)[0]
    grey = change("grey", photo, typical_level(records.images, records.faces), face_points)
    assert np.array_equal(made[0], grey)
    regions = Portrait(photo, face_points).regions
    whole = np.abs(grey.astype(int) - photo)
    for region, picture in zip(TRANSPLANTED, made[1:7], strict=True):
        inside, done = regions == REGIONS.index(region), np.abs(picture.astype(int) - photo)
        assert done.any(axis=2)[inside].mean() > 0.9
        assert np.abs(picture.astype(int) - grey)[inside].mean() < 2  # of 25
        assert done[~inside].sum() < 0.1 * whole[~inside].sum()  # along the soft edge alone


def test_a_baseline_where_a_model_takes_another_size(face_points):
    design = place_experiment(analysis(face_points, second=48), {"grey": [1]}).design
    assert design["region"].tolist() == ["", EVERYWHERE, *TRANSPLANTED]


def test_nothing_chosen_is_no_experiment(face_points):
    assert place_experiment(analysis(face_points), {}) is None
    assert place_experiment(analysis(face_points), {"grey": []}) is None
