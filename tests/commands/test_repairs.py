"""Previews of repairs: which of the experiments' pictures they take, and what they bring on a planted square."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.bench_repair import compare, square

from reportgen.analysis import read_predictions, read_records
from reportgen.commands.experiments import Experiments
from reportgen.commands.repairs import ProvenCue, cue_photos, first_cue, taught_photos
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.marks import Mark
from reportgen.evidence.stats.intervals import wilson
from reportgen.explain.experiments.perform import ExperimentAnswers
from reportgen.faces.looks import FRAME
from reportgen.inputs.held_out import HELD_OUT, held_out_photos
from reportgen.inputs.images.changes import AddedCue
from reportgen.inputs.testset import load_test_set
from reportgen.progress import SilentProgress


def answers(**columns: list[Any]) -> ExperimentAnswers:
    """Every picture predicted as class 0, with its number as its only feature."""
    design = pd.DataFrame(columns)
    numbers = np.arange(len(design), dtype=np.float32)[:, None]
    return ExperimentAnswers(design, np.tile(np.float32([2, 1]), (len(design), 1)), numbers)


COMPONENT = Component(
    "A", 1, 2, False, 1.0, np.ones(1, np.float32), (2,), (6,), (), wilson(1, 2), 0.5, place="top edge"
)
LOOK = np.zeros((1, 1, 3), np.float32)
OTHER, MARK = (
    Mark(1, "face", LOOK[..., 0], LOOK, LOOK, LOOK[..., 0] > 0, 30.0, region, (0.0,) * 3, (), 1, 1, 0, 1, rows, (), ())
    for region, rows in (("nose", (5,)), ("forehead", (3, 4)))
)
REPORT: Any = SimpleNamespace(marks=SimpleNamespace(marks=(OTHER, MARK)))
CUES = [AddedCue("blurred", 1, (), (), ()), AddedCue("grey", 0, (), (), ()), AddedCue("grey", 1, (), (), ())]
KEPT = {
    "interventions": answers(image=[7, 7, 8], change=["grey", "blurred", "grey"]),
    "cues": answers(image=[5, 5, 6, 9], cue=[2, 2, 1, -1], shown=["added", "neutral", "added", "unchanged"]),
    "components": answers(image=[2, 6], component=[0, 0], shown=["filled", "pasted"]),
    "repair": answers(image=[2, 4, 6], component=[0, 0, 0], shown=["filled", "filled", "pasted"]),
    "marks": answers(
        image=[3, 3, 8, 8, 5], mark=[1, 1, 1, 1, 0], shown=["with", "without", "with", "without", "without"]
    ),
    "transplants": answers(
        receiver=[1, 1, 2, 2, 1], emotion=[1, 1, 0, 0, 1], donor_emotion=[0, 1, 1, 0, 0],
        region=["background", "background", "background", "background", "mouth"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("proven", "kind", "name", "rows", "taken", "places"),
    [
        ({"shortcuts": (SimpleNamespace(change="grey"),)}, "property", "grey", [7, 8, 5], [1, 1, 0], [0, 2, 0]),
        ({"shortcuts": (SimpleNamespace(change="mirrored"),)}, "property", "mirrored", [], [], []),
        ({"components": (COMPONENT,)}, "component", "top edge", [2, 4, 6], [1, 1, 0], [0, 1, 2]),
        ({"marks": (SimpleNamespace(mark=MARK),)}, "mark", "forehead", [3, 8], [1, 0], [1, 2]),
        ({"backgrounds": (object(),)}, "background", "", [1, 2], [1, 0], [0, 2]),
    ],
)
def test_each_kind_of_cue_takes_the_pictures_without_and_with_it(
    proven: dict[str, Any], kind: str, name: str, rows: list[int], taken: list[int], places: list[int]
) -> None:
    proof: Any = SimpleNamespace(**{"shortcuts": (), "components": (), "marks": (), "backgrounds": ()} | proven)
    cue = first_cue(REPORT, 1, proof, CUES)
    assert (cue.kind, cue.name, cue.emotion) == (kind, name, 1)
    parts = cue_photos(cue, KEPT)
    assert [row for part in parts for row in part.rows] == rows
    assert [int(one) for part in parts for one in part.taken] == taken
    assert [int(one) for part in parts for one in part.features[:, 0]] == places
    assert all((part.predicted == 0).all() for part in parts)
    assert cue_photos(cue, {}) == []


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network, its test set and what experiments show of it, for all tests that need one."""
    return tmp_path_factory.mktemp("square")


@pytest.mark.slow
def test_the_preview_brings_back_most_of_what_a_retraining_does(work: Path) -> None:
    """A network that was taught a square in a corner, and its last layer actually trained again, in torch."""
    ((_, _, found),) = compare("corner-patch-01", *square("corner-patch-01", work))
    start = found["as it is"]
    assert start.own_with - start.own_without > 0.8 and start.others_without - start.others_with > 0.5
    ours, actual = (found[name].recovered(start) for name in ("preview", "retrained"))
    assert ours > 0.5 and ours > 0.8 * actual


@pytest.mark.slow
def test_where_training_photos_are_at_hand_they_alone_teach(work: Path) -> None:
    """The same network; its training photos, all of the emotion with the square, lie beside the test set."""
    config, network, truth = square("corner-patch-01", work, training_at_hand=True)
    ((_, _, found),) = compare("training", config, network, truth)
    start = found["as it is"]
    ours, actual = (found[name].recovered(start) for name in ("preview", "retrained"))
    assert ours > 0.5 and ours > 0.7 * actual
    folder = config.output / "analysis/training"
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["data"]["rows"] == 7 * HELD_OUT["default"]
    # The same photos with cues of the other kinds taken away and put in.
    photos = held_out_photos(load_test_set(config), HELD_OUT["default"], config.seed)
    assert photos is not None
    training = Experiments(read_records(read_predictions(folder)), photos, config, SilentProgress())
    plain = np.full((FRAME, FRAME), 1.0, np.float32)
    look = np.repeat(plain[..., None], 3, axis=2)
    mark = replace(MARK, weight=plain, own=60 * look, other=0 * look, skin=plain > 0)
    labels = training.analysis.labels
    for cue, put in (
        (ProvenCue("property", 1, "blurred"), False),
        (ProvenCue("property", 1, "blurred", 4, AddedCue("blurred", 1, (0.05,), (), ())), True),
        (ProvenCue("mark", 1, "forehead", 3, mark), True),
        (ProvenCue("background", 1), True),
    ):
        taught = taught_photos(training, "model", cue, labels)
        assert taught is not None and len(taught.labels) == len(labels)
        changed = taught.changed
        assert (changed.taken & (labels[changed.rows] == 1)).sum() >= 8
        assert (~changed.taken).any() == put and (labels[changed.rows[~changed.taken]] != 1).all()
