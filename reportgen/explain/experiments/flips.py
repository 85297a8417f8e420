"""Faces that carry several regions of one other face: the pictures of the search for what would flip a prediction.

The search goes step by step, and each step's pictures follow from the answers to the steps before; what is kept on disk
is as for every experiment, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.explain.experiments.experiment import Experiment, PictureJob, Pictures, Pixels
from reportgen.explain.fingerprints import code_hash
from reportgen.faces.transplant import Portrait, laid, layer

__all__ = ["Swapped", "flip_experiment"]


class Swapped(Protocol):
    """One picture: see `evidence.errors.flips.SwapTrial`."""

    @property
    def receiver(self) -> int:
        """Row of the face."""

    @property
    def donor(self) -> int:
        """Row of the face that gives."""

    @property
    def regions(self) -> tuple[str, ...]:
        """What is taken of it; none where the face stays as it is."""


def flip_experiment(analysis: Analysis, step: int, trials: Sequence[Swapped]) -> Experiment | None:
    """The pictures of one step of the search, in the order of `trials`; None where there are none.

    Parameters
    ----------
    step
        Number of the step: each keeps its answers in a folder of its own.
    trials
        Those of one receiver and donor stand together.
    """
    if not trials or analysis.faces is None:
        return None
    points = analysis.faces.points
    rows = [(trial.receiver, trial.donor, list(trial.regions)) for trial in trials]
    design = pd.DataFrame(rows, columns=["receiver", "donor", "regions"])
    starts = [k for k in range(len(rows)) if k == 0 or rows[k][:2] != rows[k - 1][:2]]
    parts = [rows[start:end] for start, end in zip(starts, [*starts[1:], len(rows)], strict=True)]
    jobs = [PictureJob(len(part), partial(_make, part, points)) for part in parts]
    return Experiment(f"flips-{step}", design, jobs, (code_hash("faces", "explain/experiments/flips.py"),))


def _make(
    part: Sequence[tuple[int, int, list[str]]], points: npt.NDArray[np.floating], pictures: Pictures
) -> list[Pixels]:
    receiver, donor, _ = part[0]
    face, giver = (Portrait(pictures[row], points[row]) for row in (receiver, donor))
    layers = {name: layer(face, giver, name) for name in dict.fromkeys(name for *_, names in part for name in names)}
    return [laid(face, {name: layers[name] for name in names}) for *_, names in part]
