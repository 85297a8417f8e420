"""The pass on many machines, by Ray Data: the same parts as on one machine, computed by workers that come and go.

Ray keeps the queue, the workers and their replacement; what a shard is, what it lacks and how its parts are written is
the same as ever, so that a run on a cluster can be finished on a laptop and the other way round.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from reportgen import errors
from reportgen.config import Config
from reportgen.errors import BuildError, ConfigError, ReportError
from reportgen.explain.plan import Plan
from reportgen.explain.shard_worker import ROW, Job, ModelJob, ShardWorker, key_column, part_column
from reportgen.explain.storage import Storage
from reportgen.explain.tasks import CHUNK, Consumer, Task, finish, lacking
from reportgen.explain.tuning import Tuning
from reportgen.explain.workers import available_cores
from reportgen.inputs.testset import TestSet
from reportgen.parts import Keys, PartStore
from reportgen.progress import Progress

__all__ = ["run_on_ray"]

_AT_ONCE = 8192  # shards in the cluster's hands: their tables are in this machine's memory meanwhile


def run_on_ray(
    config: Config,
    test_set: TestSet,
    plan: Plan,
    consumers: Sequence[Consumer],
    models: Sequence[ModelJob],
    folder: Path,
    device: str,
    tunings: Mapping[str, Tuning],
    progress: Progress,
) -> int:
    """Compute every part that `folder` lacks on a cluster.

    Parameters
    ----------
    consumers
        Image facts, landmarks (where wanted) and models, as `run_pass` has them: they say what is missing.
    models
        In the order of the plan.
    tunings
        How each model is run, by name: measured once, here, so that all machines give the same numbers.

    Returns
    -------
    int
        Images that had to be processed.

    Raises
    ------
    ConfigError
        Ray is not installed, or the cluster is not reached.
    BuildError, OutputError
        A worker failed for a reason that another one would fail for too.
    """
    names = ["images", *([] if plan.face_keys is None else ["landmarks"]), *(f"models/{m.slug}" for m in models)]
    tables = dict(zip(names, consumers, strict=True))
    if config.ray.storage is not None:
        _fetch(tables, Storage(config.ray.storage))
    tasks = lacking(consumers, len(test_set), config.shard_images)
    for task in tasks:
        if not task.todo:  # all of it was computed before and only stands in another place now
            finish(task, [])
    tasks = [task for task in tasks if task.todo]
    total = sum(len(task.todo) for task in tasks)
    if not tasks:
        return 0
    keeping = frozenset(
        name for name, consumer in tables.items()
        if any(want.consumer is consumer and want.kept is not None for task in tasks for want in task.wants)
    )  # fmt: skip
    chunk = max(CHUNK, *(tunings[model.name].batch_size for model in models))
    job = Job(config, models, test_set.classes, str(folder.resolve()), device, keeping, dict(tunings), chunk)
    with progress.stage("Explaining on the cluster", total) as step:
        for images in _run(config, job, _blocks(test_set, plan, tables, tasks)):
            step.advance(images)
        if config.ray.storage is not None:
            _fetch(tables, Storage(config.ray.storage))
    left = lacking(consumers, len(test_set), config.shard_images)
    if left:
        raise BuildError(
            f"{len(left)} of {len(tasks)} shards did not arrive in {folder}; share that folder with all machines, or "
            "name a storage with [ray] storage = ..."
        )
    return total


def _blocks(test_set: TestSet, plan: Plan, tables: dict[str, Consumer], tasks: Sequence[Task]) -> Iterator[pa.Table]:
    """One table per shard, with all that a worker has to know of it."""
    facts = pa.Table.from_pandas(plan.frame, preserve_index=False).replace_schema_metadata(None)
    facts = facts.rename_columns([f"{ROW}{name}" for name in facts.column_names])
    for task in tasks:
        rows = slice(task.rows.start, task.rows.stop)
        block = facts.slice(task.rows.start, len(task.rows))
        columns: dict[str, Any] = {"shard": pa.array([task.shard] * len(task.rows), pa.int64())}
        if test_set.pixels is None:
            files = [os.fsencode(str(file)) for file in test_set.frame["file"].iloc[rows]]
            columns["file"] = pa.array(files, pa.binary())
        else:
            columns["pixels"] = pa.array([test_set.read_bytes(row) for row in task.rows], pa.binary())
        wanted = {id(want.consumer) for want in task.wants}
        for name, consumer in tables.items():
            keys: Keys = consumer.keys
            part = keys.parts[task.shard] if id(consumer) in wanted else ""
            columns[part_column(name)] = pa.array([part] * len(task.rows), pa.string())
            columns[key_column(name)] = pa.array(np.ascontiguousarray(keys.rows[rows]))
        for name, column in columns.items():
            block = block.append_column(name, column)
        yield block


def _run(config: Config, job: Job, blocks: Iterator[pa.Table]) -> Iterator[int]:
    """Images done, shard by shard as they come in."""
    # Before the import, which reads them: nothing is reported to anybody, and the terminal is the progress bar's.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError:
        raise ConfigError("--engine ray: Ray is not installed; python -m pip install 'reportgen[ray]'") from None
    ours = not ray.is_initialized()
    address = config.ray.address or os.environ.get("RAY_ADDRESS") or "local"
    try:
        if ours:
            # On another cluster the number of processors and its dashboard are not ours to say.
            own = {"num_cpus": available_cores(), "include_dashboard": False} if address == "local" else {}
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"ray.address {address}: no cluster there ({error}); start one with 'ray start'") from None
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        told = ray.put(job)  # held here, so that a worker that is replaced finds it again
        count = config.ray.workers or max(1, int(ray.cluster_resources().get("CPU", 1) / config.ray.cpus_per_worker))
        while wave := list(islice(blocks, _AT_ONCE)):
            done = ray.data.from_arrow(wave).map_batches(
                _Worker,
                fn_constructor_args=([told],),
                batch_size=None,  # a block is a shard
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=min(count, len(wave))),
                num_cpus=config.ray.cpus_per_worker,
                num_gpus=config.ray.gpus_per_worker or None,
            )
            for row in done.iter_rows():
                if row["problem"]:
                    raise _known_error(row["kind"], row["problem"])
                yield int(row["images"])
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines()
        raise BuildError(f"the cluster failed: {lines[0] if lines else type(error).__name__}") from error
    finally:
        if ours:
            ray.shutdown()


class _Worker:
    """A `ShardWorker` from a job that lies in the cluster's store; in a list, lest Ray unpacks it for every restart."""

    def __init__(self, told: Sequence[Any]) -> None:
        import ray

        self._worker: ShardWorker | None = None
        self._problem: ReportError | None = None
        try:
            self._worker = ShardWorker(ray.get(told[0]))
        except ReportError as error:
            self._problem = error

    def __call__(self, block: pa.Table) -> pa.Table:
        """One row: how many images that took, or what another worker would stumble over as well."""
        problem, images = self._problem, 0
        if self._worker is not None:
            try:
                images = self._worker(block)
            except ReportError as error:
                problem = error
        kind = type(problem).__name__ if problem else ""
        return pa.table({"images": [images], "kind": [kind], "problem": [str(problem or "")]})


def _known_error(kind: str, message: str) -> ReportError:
    """A worker's error, as it would read on this machine."""
    found = getattr(errors, kind, BuildError)
    return found(message) if isinstance(found, type) and issubclass(found, ReportError) else BuildError(message)


def _fetch(tables: dict[str, Consumer], storage: Storage) -> None:
    """Bring here what is on the storage and not here."""
    for name, consumer in tables.items():
        parts = storage.parts(name)
        store: PartStore = consumer.store
        for shard, key in enumerate(consumer.keys.parts):
            if not store.has(shard, key) and parts.has(shard, key):
                parts.fetch(shard, key, store)
