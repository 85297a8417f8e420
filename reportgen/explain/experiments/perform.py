"""Experiments: the models' answers to pictures that were changed on purpose, kept on disk like everything else.

The answers are a table per model in `analysis/experiments/<name>/<model>/`, named by the hash of all that they depend
on, so that a second build runs none of them again. This module needs no torch as long as nothing is to be run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reportgen.analysis import Analysis, ModelRecords, content_hash
from reportgen.config import Config
from reportgen.explain.experiments.experiment import Experiment, Pictures, working_size
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.shards import PartStore, array_column, array_of

if TYPE_CHECKING:
    from reportgen.explain.experiments.forward import Answering, Forward

__all__ = ["ExperimentAnswers", "are_known", "perform"]

_KEY_DIGITS = 16


@dataclass(frozen=True)
class ExperimentAnswers:
    """One model's answers, row by row of `design`.

    Attributes
    ----------
    logits
        (n, C) float32 in the report's order of classes.
    features
        (n, F) float32, kept in half precision: what the last linear layer is given; None where the experiment does not
        ask for them, or the model has none.
    """

    design: pd.DataFrame
    logits: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32] | None = None


def perform(
    experiment: Experiment,
    config: Config,
    test_set: TestSet,
    analysis: Analysis,
    progress: Progress,
    title: str,
    loaded: dict[str, Forward],
    others: Mapping[str, Answering] = MappingProxyType({}),
) -> dict[str, ExperimentAnswers]:
    """The answers of every model by slug, from disk where they exist.

    Parameters
    ----------
    title
        Of the stage, where pictures are shown.
    loaded
        The models of this build by slug: those that experiments have loaded so far, to which this one adds.
    others
        What answers in place of a model, by slug: numbers beyond the logits are kept behind them.

    Raises
    ------
    CheckpointError, ConfigError
        A model can no longer be used.
    BuildError
        A model gives NaN or infinity.
    """
    side, stores = experiment.side or working_size(analysis), _stores(experiment, analysis)
    featured = {model.slug for model in analysis.models if _has_features(experiment, model)}
    missing = [slug for slug, (store, key) in stores.items() if not store.has(0, key)]
    if missing:
        from reportgen.explain.experiments.forward import Featured, load_forwards, run_jobs  # torch takes seconds

        pictures = Pictures(test_set, analysis.images["row"].tolist(), side)
        plain = [slug for slug in missing if slug not in others]
        own = load_forwards(config, analysis, plain, loaded)
        forwards: dict[str, Answering] = {s: Featured(own[s]) if s in featured else own[s] for s in plain}
        forwards |= {slug: others[slug] for slug in missing if slug in others}
        with progress.stage(title, sum(job.count for job in experiment.jobs)) as step:
            answers = run_jobs(forwards, experiment.jobs, pictures, config.workers, step.advance)
        for slug, numbers in answers.items():
            store, key = stores[slug]
            table = pa.Table.from_pandas(experiment.design, preserve_index=False)
            if slug in featured:
                most, width = float(np.finfo(np.float16).max), len(analysis.classes)
                features = array_column(np.clip(numbers[:, width:], -most, most), np.float16)
                numbers, table = numbers[:, :width], table.append_column("features", features)
            store.write(0, key, table.append_column("logits", array_column(numbers)))
    for store, key in stores.values():
        store.prune([key])  # here and not above: a killed build may have written and not pruned
    return {slug: _read(store, key) for slug, (store, key) in stores.items()}


def are_known(experiment: Experiment, analysis: Analysis) -> bool:
    """Whether every model's answers are on disk."""
    return all(store.has(0, key) for store, key in _stores(experiment, analysis).values())


def _stores(experiment: Experiment, analysis: Analysis) -> dict[str, tuple[PartStore, str]]:
    """By model's slug, where its answers are kept, and under which key."""
    side = experiment.side or working_size(analysis)
    folder = analysis.folder / "experiments" / experiment.name
    return {model.slug: (PartStore(folder / model.slug), _key(experiment, model, side)) for model in analysis.models}


def _has_features(experiment: Experiment, model: ModelRecords) -> bool:
    return experiment.features and model.features is not None


def _key(experiment: Experiment, model: ModelRecords, side: int) -> str:
    """Hash for a part's name; a model's own parts stand for its weights, settings, images and regions.

    The side of the pictures is that of the largest model: adding a larger one rescales the pictures of all.
    """
    return content_hash(
        *model.info["parts"],
        str(side),
        experiment.design.to_json(orient="records", default_handler=str),
        *experiment.depends,
        *(("features",) if _has_features(experiment, model) else ()),
    )[:_KEY_DIGITS]


def _read(store: PartStore, key: str) -> ExperimentAnswers:
    table = store.read([key])
    known = [name for name in ("logits", "features") if name in table.column_names]
    found = {name: array_of(table.column(name)) for name in known}
    return ExperimentAnswers(table.drop_columns(known).to_pandas(), found["logits"], found.get("features"))
