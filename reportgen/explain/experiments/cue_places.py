"""Where a property of the photo is used: it is taken away in one region at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.explain.experiments.experiment import (
    CHANGING_CODE,
    Experiment,
    PictureJob,
    Pictures,
    Pixels,
    needs_baseline,
)
from reportgen.explain.fingerprints import code_hash
from reportgen.faces.transplant import TRANSPLANTED, Portrait, blend_region
from reportgen.inputs.images.changes import EVERYWHERE, UNCHANGED, Level, change, typical_level

__all__ = ["place_experiment"]


def place_experiment(analysis: Analysis, chosen: Mapping[str, Sequence[int]]) -> Experiment | None:
    """Photos with a property taken away in each region by itself, and everywhere; None where none is chosen.

    Parameters
    ----------
    chosen
        By change, one of `CHANGES`, rows of the analysis whose landmarks were found.

    Returns
    -------
    Experiment
        Its design has the columns `image`, `change`, and `region`: one of `TRANSPLANTED`, `EVERYWHERE`, or "" where the
        photo is unchanged, because the size asks for a baseline of its own.
    """
    if analysis.faces is None or not any(len(rows) for rows in chosen.values()):
        return None
    level, baseline = typical_level(analysis.images, analysis.faces), needs_baseline(analysis)
    planned: dict[int, list[tuple[int, str, str]]] = {}
    for name, rows in chosen.items():
        for row in map(int, rows):
            planned.setdefault(row, [(row, UNCHANGED, "")] if baseline else [])
            planned[row] += [(row, name, region) for region in (EVERYWHERE, *TRANSPLANTED)]
    parts = [planned[row] for row in sorted(planned)]
    jobs = [PictureJob(len(part), partial(_make, part, level, analysis.faces.points)) for part in parts]
    design = pd.DataFrame([one for part in parts for one in part], columns=["image", "change", "region"])
    code = code_hash(*CHANGING_CODE, "explain/experiments/cue_places.py")
    return Experiment("cue-places", design, jobs, (*level.marks, code))


def _make(
    part: Sequence[tuple[int, str, str]], level: Level, points: npt.NDArray[np.floating], pictures: Pictures
) -> list[Pixels]:
    row = part[0][0]
    face = Portrait(pictures[row], points[row])
    changed = {name: change(name, face.pixels, level, points[row]) for _, name, _ in part if name != UNCHANGED}
    made = []
    for _, name, region in part:
        if name == UNCHANGED:
            made.append(face.pixels)
        else:
            made.append(changed[name] if region == EVERYWHERE else blend_region(face, changed[name], region))
    return made
