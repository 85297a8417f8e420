"""Experiments: the models' answers to pictures that were changed on purpose, kept on disk like everything else.

An experiment is a design (one row per changed picture) and a way to make the pictures. Its answers are a table per
model in `analysis/experiments/<name>/<model>/`, named by the hash of all that they depend on, so that a second build
runs none of them again. This module needs no torch as long as nothing is to be run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from PIL import Image

from reportgen.analysis import Analysis, ModelRecords, PartStore, array_column, content_hash
from reportgen.config import Config
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress

__all__ = ["Answers", "Experiment", "Job", "Pictures", "Pixels", "perform"]

Pixels = npt.NDArray[np.uint8]
_KEPT = 512  # decoded pictures; 150 KB each at 224 pixels
_KEY_DIGITS = 16


class Pictures:
    """The test images at the working size, read when they are needed and kept for a while.

    Parameters
    ----------
    rows
        Position in the test set of every image of the analysis.
    size
        Side in pixels; aspect ratios are not kept, as for the models' inputs.
    """

    def __init__(self, test_set: TestSet, rows: Sequence[int], size: int) -> None:
        self.size = size
        self._test_set = test_set
        self._rows = [int(row) for row in rows]
        self._read = lru_cache(maxsize=_KEPT)(self._load)

    def __getitem__(self, index: int) -> Pixels:
        """Image `index` of the analysis, (size, size, 3) uint8, read only."""
        return self._read(int(index))

    def original(self, index: int) -> Pixels:
        """The same as decoded, (height, width, 3)."""
        return decode(self._test_set.read_bytes(self._rows[index])).pixels

    def _load(self, index: int) -> Pixels:
        picture = Image.fromarray(self.original(index))
        if picture.size != (self.size, self.size):
            picture = picture.resize((self.size, self.size), Image.Resampling.BILINEAR)
        return np.asarray(picture)


@dataclass(frozen=True)
class Job:
    """Some pictures that are made together: `count` of them, in the order of the design's rows."""

    count: int
    make: Callable[[Pictures], Sequence[Pixels]]


@dataclass(frozen=True)
class Experiment:
    """What is to be shown to the models.

    Attributes
    ----------
    name
        Of the folder its answers are kept in.
    design
        One row per picture: what it is.
    jobs
        Make the pictures, in the order of the rows.
    depends
        Whatever the answers depend on beside the design, the images, their size, the landmarks and the models: hashes
        of code, settings.
    """

    name: str
    design: pd.DataFrame
    jobs: Sequence[Job]
    depends: Sequence[str]


@dataclass(frozen=True)
class Answers:
    """One model's answers: `design` and, row by row, `logits` (n, C) float32 in the report's order of classes."""

    design: pd.DataFrame
    logits: npt.NDArray[np.float32]


def working_size(analysis: Analysis) -> int:
    """Side at which pictures are changed: the largest input of any model."""
    return max(int(side) for model in analysis.models for side in model.info["input"])


def perform(
    experiment: Experiment, config: Config, test_set: TestSet, analysis: Analysis, progress: Progress, title: str
) -> dict[str, Answers]:
    """The answers of every model by slug, from disk where they are there.

    Raises
    ------
    CheckpointError, ConfigError
        A model cannot be used any more.
    BuildError
        A model gives NaN or infinity.
    """
    side = working_size(analysis)
    stores = {
        model.slug: (
            PartStore(analysis.folder / "experiments" / experiment.name / model.slug),
            _key(experiment, model, side),
        )
        for model in analysis.models
    }
    missing = [slug for slug, (store, key) in stores.items() if not store.has(0, key)]
    if missing:
        from reportgen.explain.experiments.forward import load_forwards, run_jobs  # torch takes seconds to load

        pictures = Pictures(test_set, analysis.images["row"].tolist(), side)
        forwards = load_forwards(config, analysis, missing)
        with progress.stage(title, sum(job.count for job in experiment.jobs)) as step:
            said = run_jobs(forwards, experiment.jobs, pictures, config.workers, step.advance)
        for slug, logits in said.items():
            store, key = stores[slug]
            table = pa.Table.from_pandas(experiment.design, preserve_index=False)
            store.write(0, key, table.append_column("logits", array_column(logits)))
    for store, key in stores.values():
        store.prune([key])  # here and not above: a killed build may have written and not pruned
    return {slug: _read(store, key) for slug, (store, key) in stores.items()}


def _key(experiment: Experiment, model: ModelRecords, side: int) -> str:
    """A model's parts stand for its weights, its settings, the images and the regions it was analysed with.

    The side of the pictures is that of the largest model: a further one may scale the pictures of all anew.
    """
    return content_hash(
        *model.info["parts"],
        str(side),
        experiment.design.to_json(orient="records", default_handler=str),
        *experiment.depends,
    )[:_KEY_DIGITS]


def _read(store: PartStore, key: str) -> Answers:
    table = store.read([key])
    width = table.schema.field("logits").type.list_size
    logits = np.asarray(table.column("logits").combine_chunks().flatten(), dtype=np.float32).reshape(-1, width)
    return Answers(table.drop_columns(["logits"]).to_pandas(), logits)
