"""Pictures with a component cut out or pasted: masks and pixels by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.evidence.shortcuts.components import PatchPlan
from reportgen.explain.experiments.components import patch_experiment, soft_mask

SIDE = 32


class Even:
    """Pictures of one colour each: row k is 10 k everywhere."""

    size = SIDE

    def __getitem__(self, row: int) -> np.ndarray:
        return np.full((SIDE, SIDE, 3), 10 * row, np.uint8)


def corner(*chosen: tuple[int, int]) -> np.ndarray:
    cells = np.zeros((4, 4), bool)
    for row, column in chosen:
        cells[row, column] = True
    return cells


def test_a_mask_is_whole_inside_its_cells_and_gone_a_cell_away() -> None:
    mask = soft_mask(corner((0, 0)), CellGrid.even(4, 4), SIDE)
    assert mask.shape == (SIDE, SIDE)
    assert (mask[:5, :5] == 1).all()
    assert (mask[12:] == 0).all() and (mask[:, 12:] == 0).all()
    assert mask[0, 7] > 0.5 > mask[0, 9]  # the cell's edge lies between pixels 7 and 8
    assert (np.diff(mask[0]) <= 0).all()


def analysis_of(side: int) -> Analysis:
    model = ModelRecords(
        "Net", "net", {"input": [side, side]}, np.zeros((9, 2), np.float32), np.zeros((9, 2, 4, 4), np.float32)
    )
    images = pd.DataFrame({"row": range(9)})
    return Analysis(Path(), {"classes": ("a", "b")}, images, pd.DataFrame(), (model,))


@pytest.mark.parametrize("square", [True, False])
def test_what_is_cut_out_is_filled_with_the_median_and_what_is_pasted_is_the_givers(square: bool) -> None:
    plan = PatchPlan(
        0, sources=(1, 2), cut=np.stack([corner((0, 0)), corner((0, 3))]),
        control=np.stack([corner((3, 3)), corner()]), receivers=(5, 6), given=(1, 0), low=(7, 8),
        reference=(3, 4, 8),
    )  # fmt: skip
    analysis = analysis_of(SIDE)
    if not square:
        analysis.models[0].info["input"] = [SIDE, SIDE - 2]
    experiment = patch_experiment(analysis, analysis.models[0], {2: plan})
    assert experiment is not None
    made = [picture for job in experiment.jobs for picture in job.make(Even())]  # type: ignore[arg-type]
    design = experiment.design
    assert len(made) == len(design) == sum(job.count for job in experiment.jobs)
    assert (design["shown"] == "unchanged").sum() == (0 if square else 4)
    of = {(what, place): made[k] for k, (what, place) in enumerate(zip(design["shown"], design["place"], strict=True))}
    assert of["filled", 0][0, 0, 0] == 40 and of["filled", 0][-1, -1, 0] == 10  # the median of 30, 40 and 80
    assert of["control", 0][-1, -1, 0] == 40 and of["control", 0][0, 0, 0] == 10
    assert ("control", 1) not in of  # there was no such place
    assert of["pasted", 0][0, -1, 0] == 20 and of["pasted", 0][-1, 0, 0] == 50  # source 2's corner on photo 5
    assert of["pasted low", 0][0, -1, 0] == 70
    assert of["pasted", 1][0, 0, 0] == 10 and of["pasted low", 1][0, 0, 0] == 80


def test_nothing_to_test_is_no_experiment() -> None:
    analysis = analysis_of(SIDE)
    assert patch_experiment(analysis, analysis.models[0], {}) is None
