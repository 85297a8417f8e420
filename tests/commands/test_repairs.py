"""Previews of repairs: which of the experiments' pictures they take, and what they bring on a planted square."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.bench_repair import compare, square

from reportgen.commands.repairs import cue_photos
from reportgen.explain.experiments.perform import ExperimentAnswers


def answers(**columns: list[Any]) -> ExperimentAnswers:
    """Every picture predicted as class 0, with its number as its only feature."""
    design = pd.DataFrame(columns)
    numbers = np.arange(len(design), dtype=np.float32)[:, None]
    return ExperimentAnswers(design, np.tile(np.float32([2, 1]), (len(design), 1)), numbers)


MARK = SimpleNamespace(region="forehead", rows=(3, 4))
OTHER = SimpleNamespace(region="nose", rows=(5,))
COMPONENTS = [
    SimpleNamespace(model="B", emotion=1, number=1, place=""),
    SimpleNamespace(model="A", emotion=0, number=2, place=""),
    SimpleNamespace(model="A", emotion=1, number=1, place="top edge"),
]
REPORT: Any = SimpleNamespace(
    components=SimpleNamespace(components=COMPONENTS), marks=SimpleNamespace(marks=(OTHER, MARK))
)
CUES: Any = [
    SimpleNamespace(change="blurred", emotion=1),
    SimpleNamespace(change="grey", emotion=0),
    SimpleNamespace(change="grey", emotion=1),
]
KEPT = {
    "interventions": answers(image=[7, 7, 8], change=["grey", "blurred", "grey"]),
    "cues": answers(image=[5, 5, 6, 9], cue=[2, 2, 1, -1], shown=["added", "neutral", "added", "unchanged"]),
    "components": answers(
        image=[2, 2, 2, 6, 6], component=[0, 1, 1, 1, 1], shown=["filled", "filled", "control", "pasted", "pasted low"]
    ),
    "marks": answers(
        image=[3, 3, 8, 8, 5], mark=[1, 1, 1, 1, 0], shown=["with", "without", "with", "without", "without"]
    ),
    "transplants": answers(
        receiver=[1, 1, 2, 2, 1], emotion=[1, 1, 0, 0, 1], donor_emotion=[0, 1, 1, 0, 0],
        region=["background", "background", "background", "background", "mouth"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("proven", "kind", "cue", "rows", "taken", "places"),
    [
        ({"shortcuts": (SimpleNamespace(change="grey"),)}, "property", "grey", [7, 8, 5], [1, 1, 0], [0, 2, 0]),
        ({"components": (COMPONENTS[2],)}, "component", "top edge", [2, 6], [1, 0], [1, 3]),
        ({"marks": (SimpleNamespace(mark=MARK),)}, "mark", "forehead", [3, 8], [1, 0], [1, 2]),
        ({"backgrounds": (object(),)}, "background", "", [1, 2], [1, 0], [0, 2]),
    ],
)
def test_each_kind_of_cue_takes_the_pictures_without_and_with_it(
    proven: dict[str, Any], kind: str, cue: str, rows: list[int], taken: list[int], places: list[int]
) -> None:
    proof: Any = SimpleNamespace(**{"shortcuts": (), "components": (), "marks": (), "backgrounds": ()} | proven)
    found_kind, found_cue, parts = cue_photos(REPORT, "A", 1, proof, KEPT, CUES)
    assert (found_kind, found_cue) == (kind, cue)
    assert [row for part in parts for row in part.rows] == rows
    assert [int(one) for part in parts for one in part.taken] == taken
    assert [int(one) for part in parts for one in part.features[:, 0]] == places
    assert all((part.predicted == 0).all() for part in parts)
    assert cue_photos(REPORT, "A", 1, proof, {}, CUES)[2] == []


def test_where_the_background_is_proven_as_well_its_pictures_teach_and_are_not_counted() -> None:
    proof: Any = SimpleNamespace(shortcuts=(), components=(COMPONENTS[2],), marks=(), backgrounds=(object(),))
    kind, _, (patched, swapped) = cue_photos(REPORT, "A", 1, proof, KEPT, CUES)
    assert kind == "component" and patched.counted.all() and swapped.rows.tolist() == [1, 2]
    assert not swapped.counted.any()


@pytest.mark.slow
def test_the_preview_brings_back_most_of_what_a_retraining_does(tmp_path: Path) -> None:
    """A network that was taught a square in a corner, and its last layer actually trained again, in torch."""
    ((_, _, found),) = compare("corner-patch-01", *square("corner-patch-01", tmp_path))
    start = found["as it is"]
    assert start.own_with - start.own_without > 0.8 and start.others_without - start.others_with > 0.5
    ours, actual = (found[name].recovered(start) for name in ("preview", "retrained"))
    assert ours > 0.5 and ours > 0.8 * actual
