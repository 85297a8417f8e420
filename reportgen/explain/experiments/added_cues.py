"""A property is put into photos that lack it, beside an equally large change that does not carry it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
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
from reportgen.inputs.images.changes import (
    NATIVE,
    UNCHANGED,
    AddedCue,
    Level,
    add,
    aim_of,
    change,
    neutral,
    typical_level,
)

__all__ = ["cue_experiment"]

_PICTURES = 24  # made together in one job


def cue_experiment(analysis: Analysis, cues: Sequence[AddedCue], seed: int) -> Experiment | None:
    """Which photos are shown with which cue; None where there is none.

    Returns
    -------
    Experiment
        Its design has the columns `image` (row of the analysis), `cue` (place in `cues`, -1 without) and `shown`:
        "added", "neutral" (as large as the added cue), "own" (the emotion's photo without the property), "own neutral"
        (as large as that), or "unchanged" where the size asks for a baseline of its own.
    """
    rows: list[tuple[int, int, str]] = []
    if needs_baseline(analysis):
        every = sorted({row for cue in cues for row in (*cue.rows, *cue.own)})
        rows += [(row, -1, UNCHANGED) for row in every]
    for number, cue in enumerate(cues):
        rows += [(row, number, what) for row in cue.rows for what in ("added", "neutral")]
        rows += [(row, number, what) for row in cue.own for what in ("own", "own neutral")]
    if not rows:
        return None
    level = typical_level(analysis.images, analysis.faces)
    parts = [rows[start : start + _PICTURES] for start in range(0, len(rows), _PICTURES)]
    jobs = [PictureJob(len(part), partial(_make, part, tuple(cues), level, analysis.faces, seed)) for part in parts]
    design = pd.DataFrame(rows, columns=["image", "cue", "shown"])
    depends = (
        repr([(cue.change, cue.emotion, [f"{value:.6g}" for value in cue.aim]) for cue in cues]),
        *level.marks,
        str(seed),
        code_hash(*CHANGING_CODE),
    )
    return Experiment("cues", design, jobs, depends, features=True)


def _make(
    part: Sequence[tuple[int, int, str]],
    cues: Sequence[AddedCue],
    level: Level,
    faces: FaceRecords | None,
    seed: int,
    pictures: Pictures,
) -> list[Pixels]:
    made = []
    for row, number, what in part:
        picture, points = pictures[row], points_of(faces, row)
        if what == UNCHANGED:
            made.append(picture)
            continue
        cue, put_in = cues[number], what in ("added", "neutral")
        alter = partial(add, cue, points=points) if put_in else partial(change, cue.change, level=level, points=points)
        changed = pictures.changed(row, cue.change in NATIVE, alter)
        if what.endswith("neutral"):
            angle = float(np.random.default_rng([seed, row]).uniform(0.0, 2.0 * np.pi))
            aim = cue.aim if put_in else aim_of(cue.change, level)
            changed = neutral(cue.change, picture, changed, aim, points, angle)
        made.append(changed)
    return made
