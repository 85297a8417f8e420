"""Interventions: the test set shown again with one property of the photo removed.

A property that is associated with an emotion may be how a model recognises it. Association cannot tell; removing the
property can. Every sampled photo is shown grey, brought to one brightness and contrast, slightly blurred, sharpened, or
re-encoded, as far as what that takes away goes with an emotion in the data. A photo that a change leaves as it is (a
grey one made grey) is not run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.explain.experiments.experiment import Experiment, PictureJob, Pictures, Pixels, needs_baseline
from reportgen.explain.fingerprints import code_hash
from reportgen.inputs.images.changes import CHANGES, UNCHANGED, Level, change, is_grey, typical_level

__all__ = ["PER_EMOTION", "intervention_experiment", "shortcut_error_experiment"]

PER_EMOTION = {"quick": 40, "default": 120, "full": 400}
"""Images of an emotion at most, by budget; small emotions are shown whole."""

_TOGETHER = 4  # images whose changed pictures share a job, so that batches are full


def intervention_experiment(
    analysis: Analysis, budget: str, seed: int, changes: Sequence[str] = tuple(CHANGES)
) -> Experiment | None:
    """Which images are shown with which changes; None where no image has a label.

    Parameters
    ----------
    budget
        A key of `PER_EMOTION`.
    changes
        Those of `CHANGES` that the data call for.

    Returns
    -------
    Experiment
        Its design has the columns `image` (row of the analysis; every sampled image is there at least once) and
        `change` (one of `CHANGES`, or "unchanged" where the size asks for a baseline of its own). What is missing is a
        picture that the change would leave as it is.
    """
    labels = analysis.labels
    drawn = [_draw(np.flatnonzero(labels == e), PER_EMOTION[budget], seed, e) for e in range(len(analysis.classes))]
    sample = np.sort(np.concatenate(drawn))
    if not len(sample) or not changes:
        return None
    grey = is_grey(analysis.images)
    changes_of = [
        (row, [name for name in CHANGES if name in changes and (name != "grey" or not grey[row])])
        for row in sample.tolist()
    ]
    return _experiment("interventions", analysis, changes_of)


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
    level = typical_level(analysis.images)
    if needs_baseline(analysis):
        changes_of = [(row, [UNCHANGED, *names]) for row, names in changes_of]
    parts = [changes_of[start : start + _TOGETHER] for start in range(0, len(changes_of), _TOGETHER)]
    jobs = [PictureJob(sum(len(names) for _, names in part), partial(_make, part, level)) for part in parts]
    design = pd.DataFrame({
        "image": np.repeat([row for row, _ in changes_of], [len(names) for _, names in changes_of]),
        "change": [name for _, names in changes_of for name in names],
    })  # fmt: skip
    depends = (*level.marks, code_hash("inputs/images/changes.py"))
    return Experiment(name, design, jobs, depends)


def _draw(rows: npt.NDArray[np.int64], most: int, seed: int, emotion: int) -> npt.NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.asarray(np.random.default_rng([seed, emotion]).choice(rows, most, replace=False))


def _make(part: Sequence[tuple[int, list[str]]], level: Level, pictures: Pictures) -> list[Pixels]:
    return [
        pictures[row] if name == UNCHANGED else change(name, pictures[row], level)
        for row, names in part
        for name in names
    ]
