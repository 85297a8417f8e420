"""Interventions: the test set shown again with one property of the photo removed.

A property that is associated with an emotion may be how a model recognises it. Association cannot tell; removing the
property can. A change is made only where what it takes away goes with an emotion in the data: photos of that emotion
are shown with it, and fewer of every other emotion for comparison. A photo that a change leaves as it is (a grey one
made grey) is not run again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis, FaceRecords
from reportgen.explain.experiments.experiment import (
    CHANGING_CODE,
    Experiment,
    PictureJob,
    Pictures,
    Pixels,
    needs_baseline,
    points_of,
)
from reportgen.explain.fingerprints import code_hash
from reportgen.inputs.images.changes import CHANGES, NATIVE, UNCHANGED, Level, can_change, change, typical_level

__all__ = ["CONTROLS", "PER_EMOTION", "intervention_experiment", "shortcut_error_experiment"]

PER_EMOTION = {"quick": 40, "default": 120, "full": 400}
"""Images of an emotion at most, by budget; small emotions are shown whole."""

CONTROLS = {"quick": 20, "default": 40, "full": 120}
"""Images at most, by budget, of an emotion with which nothing goes that the change takes away."""

_FULL_CHANGES = 5  # more changes share what these have as controls

_TOGETHER = 4  # images whose changed pictures share a job, so that batches are full


def intervention_experiment(
    analysis: Analysis, budget: str, seed: int, wanted: Mapping[str, Collection[str]]
) -> Experiment | None:
    """Which images are shown with which changes; None where none is.

    Parameters
    ----------
    budget
        A key of `PER_EMOTION`.
    wanted
        By change, one of `CHANGES`, the emotions that something goes with which the change takes away.

    Returns
    -------
    Experiment
        Its design has the columns `image` (row of the analysis) and `change` (one of `CHANGES`, or "unchanged" where
        the size asks for a baseline of its own). What is missing is a picture that the change would leave as it is.
    """
    labels, classes = analysis.labels, analysis.classes
    drawn = [_draw(np.flatnonzero(labels == e), PER_EMOTION[budget], seed, e) for e in range(len(classes))]
    chosen: dict[int, list[str]] = {}
    controls = max(min(CONTROLS.values()), int(CONTROLS[budget] * min(1.0, _FULL_CHANGES / max(len(wanted), 1))))
    for name in CHANGES:
        if name not in wanted:
            continue
        alters = can_change(name, analysis.images, analysis.faces)
        for emotion, rows in zip(classes, drawn, strict=True):
            # Of those that the change alters: others are no controls.
            shown = rows[alters[rows]]
            for row in (shown if emotion in wanted[name] else shown[:controls]).tolist():
                chosen.setdefault(row, []).append(name)
    if not chosen:
        return None
    return replace(_experiment("interventions", analysis, sorted(chosen.items())), features=True)


def shortcut_error_experiment(analysis: Analysis, chosen: Mapping[str, Sequence[int]]) -> Experiment | None:
    """Single images with single properties removed; None where there are none.

    Parameters
    ----------
    chosen
        Rows of the analysis by the change they are shown with.

    Returns
    -------
    Experiment
        Its design has the columns of `intervention_experiment`.
    """
    rows = sorted({row for part in chosen.values() for row in part})
    if not rows:
        return None
    within = {name: set(part) for name, part in chosen.items()}
    changes_of = [(row, [name for name in CHANGES if row in within.get(name, ())]) for row in rows]
    return _experiment("shortcut-errors", analysis, changes_of)


def _experiment(name: str, analysis: Analysis, changes_of: Sequence[tuple[int, list[str]]]) -> Experiment:
    """The pictures of some images, each with its changes."""
    level = typical_level(analysis.images, analysis.faces)
    if needs_baseline(analysis):
        changes_of = [(row, [UNCHANGED, *names]) for row, names in changes_of]
    parts = [changes_of[start : start + _TOGETHER] for start in range(0, len(changes_of), _TOGETHER)]
    jobs = [
        PictureJob(sum(len(names) for _, names in part), partial(_make, part, level, analysis.faces)) for part in parts
    ]
    design = pd.DataFrame({
        "image": np.repeat([row for row, _ in changes_of], [len(names) for _, names in changes_of]),
        "change": [name for _, names in changes_of for name in names],
    })  # fmt: skip
    depends = (*level.marks, code_hash(*CHANGING_CODE))
    return Experiment(name, design, jobs, depends)


def _draw(rows: npt.NDArray[np.int64], most: int, seed: int, emotion: int) -> npt.NDArray[np.int64]:
    """At most so many, in random order, so that the first of them are a sample, too."""
    return np.asarray(np.random.default_rng([seed, emotion]).choice(rows, min(most, len(rows)), replace=False))


def _make(
    part: Sequence[tuple[int, list[str]]], level: Level, faces: FaceRecords | None, pictures: Pictures
) -> list[Pixels]:
    made = []
    for row, names in part:
        for name in names:
            alter = partial(change, name, level=level, points=points_of(faces, row))
            made.append(pictures[row] if name == UNCHANGED else pictures.changed(row, name in NATIVE, alter))
    return made
