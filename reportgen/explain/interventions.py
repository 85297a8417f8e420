"""Interventions: the test set shown again with one property of the photo taken away.

A property that goes with an emotion may be what a model knows the emotion by. Association cannot tell; taking the
property away can. Every sampled photo is shown grey, brought to one brightness and contrast, slightly blurred, and
re-encoded. A photo that a change leaves as it is (a grey one made grey) is not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.config import Config
from reportgen.explain.experiments import Experiment, Job, Pictures, Pixels, perform, working_size
from reportgen.inputs.changes import BLUR, CHANGES, QUALITY, UNCHANGED, Level, change, is_grey, typical_level
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress

__all__ = ["PER_EMOTION", "Reruns", "intervene", "plan_interventions"]

PER_EMOTION = {"quick": 40, "default": 120, "full": 400}
"""Images of an emotion at most, by budget; small emotions are shown whole."""

_NAME = "interventions"
_TOGETHER = 4  # images whose changed pictures share a job, so that batches are full


@dataclass(frozen=True)
class Reruns:
    """What the models said of the changed pictures.

    Attributes
    ----------
    sample
        Sorted rows of the analysis that were shown.
    design
        One row per changed picture: `image` (row of the analysis) and `change`, one of `CHANGES` or "unchanged" where
        the pictures' size asks for a baseline of its own. What is missing is the picture as it was.
    logits
        Per model, in the order of the analysis: (pictures, C) float32.
    """

    sample: npt.NDArray[np.int64]
    design: pd.DataFrame
    logits: tuple[npt.NDArray[np.float32], ...]


def intervene(config: Config, test_set: TestSet, analysis: Analysis, progress: Progress) -> Reruns | None:
    """Every model's answers to the changed pictures; None without labels or where no experiments are wanted.

    Raises
    ------
    CheckpointError, ConfigError
        A model cannot be used any more.
    BuildError
        A model gives NaN or infinity.
    """
    per_emotion = PER_EMOTION.get(config.experiments)
    if per_emotion is None or not (analysis.labels >= 0).any():
        return None
    sample, experiment = plan_interventions(analysis, per_emotion, config.seed)
    answers = perform(experiment, config, test_set, analysis, progress, "Taking properties away")
    return Reruns(sample, experiment.design, tuple(answers[model.slug].logits for model in analysis.models))


def plan_interventions(analysis: Analysis, per_emotion: int, seed: int) -> tuple[npt.NDArray[np.int64], Experiment]:
    """Which images are shown how.

    Returns
    -------
    sample
        Sorted rows of the analysis: of every emotion all images, or `per_emotion` drawn at random.
    experiment
        Its design has the columns `image` (row of the analysis) and `change`.
    """
    labels = analysis.labels
    sample = np.sort(
        np.concatenate([_draw(np.flatnonzero(labels == e), per_emotion, seed, e) for e in range(len(analysis.classes))])
    )
    grey, level = is_grey(analysis.images), typical_level(analysis.images)
    # Pictures are changed at the largest input of any model. A model that takes the same size then sees exactly what
    # it saw in the analysis; one that takes a smaller one sees pictures that were scaled twice, and is to be compared
    # with such pictures.
    side = working_size(analysis)
    scaled = any(list(model.info["input"]) != [side, side] for model in analysis.models)
    wanted = [
        (int(row), [*([UNCHANGED] if scaled else []), *(name for name in CHANGES if name != "grey" or not grey[row])])
        for row in sample
    ]
    parts = [wanted[start : start + _TOGETHER] for start in range(0, len(wanted), _TOGETHER)]
    jobs = [Job(sum(len(names) for _, names in part), partial(_make, part, level)) for part in parts]
    design = pd.DataFrame([(row, name) for row, names in wanted for name in names], columns=["image", "change"]).astype(
        {"image": "int64", "change": "object"}
    )
    depends = (str(side), f"{level.luminance:.6f}", f"{level.contrast:.6f}", f"{BLUR:.6f}", str(QUALITY))
    return sample, Experiment(_NAME, design, jobs, depends)


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
