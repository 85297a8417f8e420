"""Photos made worse on purpose, and the models' answers: logits, and heatmaps where these cost next to nothing.

A map of the CAM family costs a backward pass through a model's last layers; one by LRP or by ablation costs many
forward passes, and is not made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis, FaceRecords
from reportgen.config import Config
from reportgen.explain.experiments.components import entered_explainer
from reportgen.explain.experiments.experiment import (
    Experiment,
    PictureJob,
    Pictures,
    Pixels,
    needs_baseline,
    points_of,
)
from reportgen.explain.experiments.perform import are_known, perform
from reportgen.explain.fingerprints import code_hash
from reportgen.inputs.images.changes import UNCHANGED
from reportgen.inputs.images.disturbances import DISTURBANCES, disturb
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress

if TYPE_CHECKING:
    from reportgen.explain.experiments.forward import Forward
    from reportgen.explain.explainer import Explainer

__all__ = ["perform_with_maps", "robustness_experiment"]

_TOGETHER = 2  # photos whose pictures share a job
_DEAR = ("ablation", "lrp")

Answers = dict[str, tuple[pd.DataFrame, npt.NDArray[np.float32]]]


def robustness_experiment(
    analysis: Analysis, name: str, wanted: Mapping[tuple[str, int], Sequence[int]], *, known: Sequence[int] = ()
) -> Experiment | None:
    """Photos with each change; None where there are none.

    Parameters
    ----------
    name
        Of the folder that holds its answers.
    wanted
        By change and place of its level in `DISTURBANCES`: rows of the analysis.
    known
        Rows that were shown unchanged before.

    Returns
    -------
    Experiment
        Its design has the columns `image` (row of the analysis), `change` (one of `DISTURBANCES`, or "unchanged" where
        the size asks for a baseline of its own) and `level` (-1 unchanged).
    """
    of: dict[int, list[tuple[str, int]]] = {}
    for key, rows in wanted.items():
        for row in rows:
            of.setdefault(row, []).append(key)
    if not of:
        return None
    if needs_baseline(analysis):
        of = {row: keys if row in set(known) else [(UNCHANGED, -1), *keys] for row, keys in of.items()}
    shown = sorted(of.items())
    jobs = [
        PictureJob(sum(len(keys) for _, keys in part), partial(_make, part, analysis.faces))
        for part in (shown[start : start + _TOGETHER] for start in range(0, len(shown), _TOGETHER))
    ]
    design = pd.DataFrame([(row, *key) for row, keys in shown for key in keys], columns=["image", "change", "level"])
    levels = repr([(key, entry.levels) for key, entry in DISTURBANCES.items()])
    return Experiment(name, design, jobs, (levels, code_hash("inputs/images/disturbances.py", "faces")))


def _make(
    part: Sequence[tuple[int, list[tuple[str, int]]]], faces: FaceRecords | None, pictures: Pictures
) -> list[Pixels]:
    made = []
    for row, keys in part:
        for name, place in keys:
            if name == UNCHANGED:
                made.append(pictures[row])
            else:
                made.append(disturb(name, DISTURBANCES[name].levels[place], pictures[row], points_of(faces, row)))
    return made


def perform_with_maps(
    experiment: Experiment,
    config: Config,
    test_set: TestSet,
    analysis: Analysis,
    progress: Progress,
    title: str,
    loaded: dict[str, Forward],
    *,
    wanted: bool = True,
) -> tuple[Answers, dict[str, npt.NDArray[np.float32]]]:
    """The logits of every model by slug, and the maps (n, C, h, w) of those whose maps are cheap.

    Parameters
    ----------
    title, loaded
        As for `perform`.
    wanted
        Whether maps are to be made at all.

    Raises
    ------
    CheckpointError, ConfigError
        A model can no longer be used.
    BuildError
        A model gives NaN or infinity.
    """
    cheap = [model for model in analysis.models if wanted and model.info.get("method") not in _DEAR]
    # What is kept without maps is of another form.
    experiment = replace(experiment, depends=(*experiment.depends, *(model.slug for model in cheap)))
    with ExitStack() as stack:
        others = {}
        if not are_known(experiment, analysis):
            from reportgen.explain.workers import single_threaded  # torch takes seconds to load

            with single_threaded():
                for model in cheap:
                    explainer = stack.enter_context(entered_explainer(config, analysis, model))
                    others[model.slug] = _Mapped(explainer)
        found = perform(experiment, config, test_set, analysis, progress, title, loaded, others)
    width = len(analysis.classes)
    answers = {slug: (one.design, one.logits[:, :width]) for slug, one in found.items()}
    maps = {model.slug: found[model.slug].logits[:, width:].reshape(-1, width, *model.grid.shape) for model in cheap}
    return answers, maps


class _Mapped:
    """A model that answers with its logits and, behind them, the maps of all classes."""

    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer
        # A GPU takes one batch at a time.
        self._turn = Lock() if explainer.on_gpu else nullcontext()

    def answers(self, shown: Mapping[bytes, Pixels], _pictures: Pictures) -> Mapping[bytes, npt.NDArray[np.float32]]:
        """See `Answering`."""
        from reportgen.explain.explainer import Question  # torch takes seconds to load
        from reportgen.models.preprocessing import resize

        none = np.zeros((0, *self._explainer.grid.shape), np.float32)
        questions = [
            Question(0, -1, resize(picture, self._explainer.preprocessing), none) for picture in shown.values()
        ]
        with self._turn:
            found = self._explainer.explain(questions)
        rows = np.concatenate([found.logits, found.maps.reshape(len(questions), -1)], axis=1)
        return dict(zip(shown, rows.astype(np.float32), strict=True))
