"""Photos with a mark and without it, and the looks in which marks are found."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.explain.experiments.marks import mark_experiment, read_looks
from reportgen.faces.align import canonical_points, face_affines
from reportgen.faces.looks import FRAME, aligned, lay, log_power, look_of, with_power
from reportgen.progress import SilentProgress
from tests.explain.experiments.noise import Noise

SIDE, N = 48, 4


@dataclass(frozen=True)
class Laid:
    where: str
    weight: np.ndarray
    own: np.ndarray
    other: np.ndarray
    skin: np.ndarray
    rows: tuple[int, ...]
    others: tuple[int, ...]
    givers: tuple[tuple[int, int], ...] = ()


@pytest.fixture
def analysis(tmp_path):
    points = np.repeat((0.2 + 0.6 * canonical_points())[None], N, axis=0).astype(np.float32)
    sources = ("detector", "detector", "template", "detector")
    faces = FaceRecords(points, np.ones(N, np.float32), sources, sources, np.zeros((N, 52), np.float32))
    images = pd.DataFrame({"label": np.arange(N) % 2, "row": np.arange(N), "sha256": [f"{k:064d}" for k in range(N)]})
    model = ModelRecords("m", "m", {"input": [SIDE, SIDE], "parts": ["0" * 16]}, np.zeros((N, 2), np.float32),
                         np.zeros((N, 2, 1, 1), np.float32))  # fmt: skip
    return Analysis(tmp_path, {"classes": ["a", "b"]}, images, pd.DataFrame(), (model,), faces)


@pytest.fixture
def marks():
    rng = np.random.default_rng(0)
    band = np.zeros((FRAME, FRAME), np.float32)
    band[20:30, 20:60] = 1
    looks = [rng.normal(0, 20, (FRAME, FRAME, 3)).astype(np.float32) for _ in range(2)]
    powers = [log_power(Noise(SIDE)[k]) for k in (7, 8)]
    on_face = Laid("face", band, *looks, np.ones((FRAME, FRAME), bool), (0,), (1, 3), ((1, 3), (0, 3), (0, 1)))
    pattern = Laid("pattern", np.ones_like(powers[0]), *powers, np.zeros_like(powers[0], bool), (2,), (3,))
    return on_face, pattern


def test_each_photo_with_the_mark_and_without_it(analysis, marks):
    experiment = mark_experiment(analysis, marks)
    assert list(experiment.design.itertuples(index=False, name=None)) == [
        (0, "with", 0, 1), (0, "without", 0, 3), (0, "with", 1, 0), (0, "without", 1, 3), (0, "with", 3, 0),
        (0, "without", 3, 1), (1, "with", 2, -1), (1, "without", 2, -1), (1, "with", 3, -1), (1, "without", 3, -1),
    ]  # fmt: skip
    made = [picture for job in experiment.jobs for picture in job.make(Noise(SIDE))]
    assert len(made) == len(experiment.design) == sum(job.count for job in experiment.jobs)
    affines = face_affines(analysis.faces.points, analysis.faces.source)
    on_face, pattern = marks
    given = look_of(aligned(Noise(SIDE)[1], affines[1]), on_face.skin, on_face.own)
    first = lay(Noise(SIDE)[0], affines[0], given, on_face.weight, on_face.skin)
    assert np.array_equal(made[0], first)
    assert not np.array_equal(made[0], made[1])
    assert np.array_equal(made[7], with_power(Noise(SIDE)[2], pattern.other, pattern.weight))


def test_a_baseline_where_a_model_takes_another_size(analysis, marks):
    info = {**analysis.models[0].info, "input": [40, 40]}
    two = replace(analysis, models=(*analysis.models, replace(analysis.models[0], name="n", slug="n", info=info)))
    design = mark_experiment(two, marks).design
    assert design[design["shown"] == "unchanged"]["image"].tolist() == [0, 1, 2, 3]
    assert set(design[design["shown"] == "unchanged"]["mark"]) == {-1}


def test_answers_depend_on_the_marks(analysis, marks):
    one, other = (mark_experiment(analysis, (replace(marks[0], weight=share * marks[0].weight),)) for share in (1, 0.5))
    assert one.depends != other.depends
    assert mark_experiment(analysis, ()) is None


class Photos:
    """A test set of photos of noise that counts how often it is read."""

    def __init__(self):
        self.read = 0

    def read_bytes(self, row):
        self.read += 1
        stream = io.BytesIO()
        Image.fromarray(Noise(SIDE)[row]).save(stream, "PNG")
        return stream.getvalue()


def test_looks_are_read_once_and_kept(analysis):
    photos, rows = Photos(), np.array([0, 2, 3])
    first = read_looks(analysis, photos, rows, SilentProgress())
    assert photos.read == 3
    again = read_looks(analysis, photos, rows, SilentProgress())
    assert photos.read == 3
    affines = face_affines(analysis.faces.points, analysis.faces.source)
    for looks in (first, again):
        assert np.array_equal(looks.rows, rows) and looks.side == SIDE
        assert np.array_equal(looks.faces[0], aligned(Noise(SIDE)[0], affines[0]))
        assert not looks.faces[1].any()  # its landmarks are the template's
        assert np.array_equal(looks.patterns[2], log_power(Noise(SIDE)[3]))
    # Other photos are read anew, and what was kept for the first is removed.
    read_looks(analysis, photos, rows[:2], SilentProgress())
    assert photos.read == 5
    assert len(list(Path(analysis.folder).glob("experiments/looks/m/part-*"))) == 1


def test_no_photo_has_no_look(analysis):
    looks = read_looks(analysis, Photos(), np.zeros(0, np.int64), SilentProgress())
    assert len(looks.faces) == len(looks.patterns) == 0
