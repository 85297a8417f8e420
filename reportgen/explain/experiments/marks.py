"""Photos with a mark laid over or taken away, and the looks in which marks are found.

What is kept on disk is as for every experiment: a second build reads no photo for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reportgen.analysis import Analysis, content_hash
from reportgen.explain.experiments.experiment import (
    Experiment,
    PictureJob,
    Pictures,
    Pixels,
    needs_baseline,
    working_size,
)
from reportgen.explain.fingerprints import code_hash
from reportgen.faces.align import face_affines
from reportgen.faces.looks import FRAME, Looks, aligned, frequencies, lay, log_power, look_of, with_power
from reportgen.inputs.images.changes import UNCHANGED
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.shards import PartStore, array_column

__all__ = ["Laid", "mark_experiment", "read_looks"]

_KEY_DIGITS = 16
_PICTURES = 24  # made together in one job
_LOOKING_CODE = ("faces/looks.py", "faces/align.py", "faces/warp.py", "inputs/images/decoding.py")


class Laid(Protocol):
    """What is laid over which photos: see `evidence.shortcuts.marks.Mark`."""

    @property
    def where(self) -> Literal["face", "pattern"]:
        """In which frame."""

    @property
    def weight(self) -> npt.NDArray[np.float32]:
        """(h, w) 0..1."""

    @property
    def own(self) -> npt.NDArray[np.float32]:
        """Mean look with the mark."""

    @property
    def other(self) -> npt.NDArray[np.float32]:
        """Mean look without it."""

    @property
    def skin(self) -> npt.NDArray[np.bool_]:
        """(h, w) plain skin."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows that carry it."""

    @property
    def others(self) -> tuple[int, ...]:
        """Rows of other emotions."""

    @property
    def givers(self) -> tuple[tuple[int, int], ...]:
        """For each row and each other row, those whose place is laid over it, with the mark and without."""


def read_looks(analysis: Analysis, test_set: TestSet, rows: npt.NDArray[np.int64], progress: Progress) -> Looks:
    """The looks of some photos, from disk where they were kept.

    Parameters
    ----------
    rows
        Of the analysis, ascending.
    """
    side = working_size(analysis)
    affines = _affines(analysis)[rows]
    store = PartStore(analysis.folder / "experiments" / "looks" / analysis.models[0].slug)  # pruned with models
    content = analysis.images["sha256"].to_numpy(dtype=object)[rows].tolist()
    key = content_hash(repr(content), np.round(affines, 6).tobytes(), str(side), code_hash(*_LOOKING_CODE))
    key = key[:_KEY_DIGITS]
    shape = tuple(len(axis) for axis in frequencies(side))
    if not store.has(0, key):
        pictures = Pictures(test_set, analysis.images["row"].tolist(), side)
        faces, patterns = [], np.zeros((len(rows), *shape), dtype=np.float32)
        with progress.stage("Comparing photos", len(rows)) as step:
            for k, (row, affine) in enumerate(zip(rows.tolist(), affines, strict=True)):
                faces.append(aligned(pictures[row], affine).tobytes())
                patterns[k] = log_power(pictures[row])
                step.advance()
        store.write(0, key, pa.table({"faces": pa.array(faces, pa.binary()), "patterns": array_column(patterns)}))
    store.prune([key])
    kept = store.read([key]).column("faces").to_pylist()
    read = np.frombuffer(b"".join(kept), dtype=np.uint8).reshape(len(rows), FRAME, FRAME, 4)
    return Looks(rows, read, store.rows([key], ["patterns"])["patterns"].reshape(len(rows), *shape), side)


def _affines(analysis: Analysis) -> npt.NDArray[np.float64]:
    if analysis.faces is None:
        return np.full((len(analysis.labels), 2, 3), np.nan)
    return face_affines(analysis.faces.points, analysis.faces.source)


def mark_experiment(analysis: Analysis, marks: Sequence[Laid]) -> Experiment | None:
    """Photos with each mark and without it; None where there is none.

    Returns
    -------
    Experiment
        Its design has the columns `mark` (place in `marks`, -1 without), `shown` ("with" or "without": what is laid
        over its place, or "unchanged" where the size asks for a baseline of its own), `image` (row of the analysis) and
        `giver` (the row whose place is laid over it, -1 where a mean strength is given).
    """
    if not marks:
        return None
    rows: list[tuple[int, str, int, int]] = []
    if needs_baseline(analysis):
        every = sorted({row for mark in marks for row in (*mark.rows, *mark.others)})
        rows += [(-1, UNCHANGED, row, -1) for row in every]
    for number, mark in enumerate(marks):
        shown = (*mark.rows, *mark.others)
        for row, givers in zip(shown, mark.givers or [(-1, -1)] * len(shown), strict=True):
            rows += [(number, what, row, giver) for what, giver in zip(("with", "without"), givers, strict=True)]
    affines = _affines(analysis)
    parts = [rows[start : start + _PICTURES] for start in range(0, len(rows), _PICTURES)]
    jobs = [PictureJob(len(part), partial(_make, part, tuple(marks), affines)) for part in parts]
    depends = [code_hash(*_LOOKING_CODE, "explain/experiments/marks.py")]
    for mark in marks:
        arrays = [np.round(part, 3) + 0.0 for part in (mark.weight, mark.own, mark.other)]
        depends += [array.astype(np.float32).tobytes().hex() for array in arrays]
    design = pd.DataFrame(rows, columns=["mark", "shown", "image", "giver"])
    return Experiment("marks", design, jobs, depends, features=True)


def _make(
    part: Sequence[tuple[int, str, int, int]],
    marks: Sequence[Laid],
    affines: npt.NDArray[np.float64],
    pictures: Pictures,
) -> list[Pixels]:
    made = []
    for number, shown, row, giver in part:
        if shown == UNCHANGED:
            made.append(pictures[row])
            continue
        mark = marks[number]
        look = mark.own if shown == "with" else mark.other
        if mark.where == "face":
            if giver >= 0:
                look = look_of(aligned(pictures[giver], affines[giver]), mark.skin, look)
            made.append(lay(pictures[row], affines[row], look, mark.weight, mark.skin))
        else:
            made.append(with_power(pictures[row], look, mark.weight))
    return made
