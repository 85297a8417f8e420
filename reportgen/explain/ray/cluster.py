"""The pass on many machines, by Ray Data: the same parts as on one machine, computed by workers that come and go.

Ray manages the queue, the workers and their replacement; what a shard is, what it lacks and how its parts are written
is as on one machine, so that a run on a cluster can be finished on a laptop and vice versa.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from reportgen.config import Config, RayCluster, with_absolute_paths
from reportgen.errors import BuildError, ConfigError, printable
from reportgen.explain.fingerprints import Fingerprints
from reportgen.explain.ray.actor import Attempts, ClusterWorker, known_error
from reportgen.explain.ray.shard_worker import (
    ROW,
    ClusterJob,
    ModelCopy,
    key_column,
    mapped_column,
    part_column,
    requested_column,
)
from reportgen.explain.ray.storage import Storage
from reportgen.explain.tasks import CHUNK, Recorder, Task, finish, pending_tasks
from reportgen.explain.tuning import Tuning
from reportgen.explain.workers import available_cores
from reportgen.inputs.checkpoints.onnx_file import OnnxFile
from reportgen.inputs.checkpoints.reading import Checkpoint
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.shards import Keys, PartStore

__all__ = ["run_on_ray"]

# Most that is sent to the cluster at once, since its tables are in this machine's memory meanwhile: some hundred bytes
# a row, or kilobytes where the table holds pixels or landmarks.
_ROWS_AT_ONCE = 1 << 20
_BYTES_AT_ONCE = 1 << 30
_FETCHED_AT_ONCE = 8  # parts: reading from a storage is mostly waiting
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def run_on_ray(
    config: Config,
    test_set: TestSet,
    fingerprints: Fingerprints,
    recorders: Sequence[Recorder],
    checkpoints: Mapping[str, Checkpoint | OnnxFile],
    folder: Path,
    device: str,
    tunings: Mapping[str, Tuning],
    progress: Progress,
) -> int:
    """Compute every part that `folder` lacks on a cluster.

    Parameters
    ----------
    recorders
        Image facts, landmarks (if used) and models, as for `run_pass`: they say what is missing.
    checkpoints
        By the model's name: they travel, since a worker may not see this machine's files.
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
    models = [ModelCopy(model.name, model.slug, model.config, checkpoints[model.name]) for model in fingerprints.models]
    names = [
        "images",
        *([] if fingerprints.face_keys is None else ["landmarks"]),
        *(f"models/{m.slug}" for m in models),
    ]
    tables = dict(zip(names, recorders, strict=True))
    if config.ray.storage is not None:
        _fetch(tables, Storage(config.ray.storage))
    tasks = pending_tasks(recorders, len(test_set), config.shard_images)
    for task in tasks:
        if not task.todo:  # all of it was computed before and only moved
            finish(task, [])
    tasks = [task for task in tasks if task.todo]
    total = sum(len(task.todo) for task in tasks)
    if not tasks:
        return 0
    cached = frozenset(
        name for name, recorder in tables.items()
        if any(part.recorder is recorder and part.cache is not None for task in tasks for part in task.missing)
    )  # fmt: skip
    chunk = max(CHUNK, *(tunings[model.name].batch_size for model in models))
    masks = config.region_masks.folder
    job = ClusterJob(
        with_absolute_paths(config), models, test_set.classes, str(folder.resolve()), device, cached, dict(tunings),
        chunk, masked=masks is not None and masks.is_dir(),
    )  # fmt: skip
    with progress.stage("Explaining on the cluster", total) as step:
        for images in _run(config, job, _blocks(test_set, fingerprints, tables, tasks)):
            step.advance(images)
        if config.ray.storage is not None:
            _fetch(tables, Storage(config.ray.storage))
    left = pending_tasks(recorders, len(test_set), config.shard_images)
    if left:
        raise BuildError(
            f"{len(left)} of {len(tasks)} shards did not arrive in {folder}; share that folder with all machines, or "
            "name a storage with [ray] storage = ..."
        )
    return total


def _blocks(
    test_set: TestSet, fingerprints: Fingerprints, tables: dict[str, Recorder], tasks: Sequence[Task]
) -> Iterator[pa.Table]:
    """One table per shard, with everything that a worker needs to know about it."""
    facts = pa.Table.from_pandas(fingerprints.frame, preserve_index=False).replace_schema_metadata(None)
    facts = facts.rename_columns([f"{ROW}{name}" for name in facts.column_names])
    for task in tasks:
        rows = slice(task.rows.start, task.rows.stop)
        block = facts.slice(task.rows.start, len(task.rows))
        columns: dict[str, Any] = {"shard": pa.array([task.shard] * len(task.rows), pa.int64())}
        if test_set.lies_in_files:
            files = [os.fsencode(str(file)) for file in test_set.frame["file"].iloc[rows]]
            columns["file"] = pa.array(files, pa.binary())
        else:
            columns["pixels"] = pa.array([test_set.read_bytes(row) for row in task.rows], pa.binary())
        for model in fingerprints.models:
            if model.mapped is not None:
                columns[mapped_column(f"models/{model.slug}")] = pa.array(model.mapped[rows])
        requested = {id(part.recorder) for part in task.missing}
        for name, recorder in tables.items():
            keys: Keys = recorder.keys
            columns[part_column(name)] = pa.array([keys.parts[task.shard]] * len(task.rows), pa.string())
            columns[requested_column(name)] = pa.array([id(recorder) in requested] * len(task.rows), pa.bool_())
            columns[key_column(name)] = pa.array(np.ascontiguousarray(keys.rows[rows]))
        for name, column in columns.items():
            block = block.append_column(name, column)
        yield block


def _run(config: Config, job: ClusterJob, blocks: Iterator[pa.Table]) -> Iterator[int]:
    """Number of images of each shard as it is finished."""
    # Before the import, which reads them: no usage statistics are sent, and the terminal belongs to the progress bar.
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
            # Another cluster has its own number of processors and its own dashboard.
            own = {"num_cpus": available_cores(), "include_dashboard": False} if address == "local" else {}
            with _quiet():
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"ray.address {address}: no cluster there ({error}); start one with 'ray start'") from None
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # a failure is reported in one line of ours
        reference = ray.put(job)  # held here, so that a replaced worker finds it again
        attempts = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Attempts).remote()
        count = worker_count(config.ray, ray.cluster_resources())
        for wave in waves(blocks):
            done = ray.data.from_arrow(wave).map_batches(
                ClusterWorker,
                fn_constructor_args=([reference], attempts),
                batch_size=None,  # a block is a shard
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=min(count, len(wave))),
                num_cpus=config.ray.cpus_per_worker,
                num_gpus=config.ray.gpus_per_worker or None,
            )
            for row in done.iter_rows():
                if row["problem"]:
                    raise known_error(row["kind"], row["problem"])
                yield int(row["images"])
    except ray.exceptions.RayError as error:
        raise BuildError(f"the cluster failed: {_cause(error)}") from error
    finally:
        if ours:
            ray.shutdown()


def worker_count(settings: RayCluster, resources: Mapping[str, float]) -> int:
    """Number of workers to start: as set, else as many as the cluster has room for."""
    if settings.workers is not None:
        return settings.workers
    room = [resources.get("CPU", 1) / settings.cpus_per_worker]
    if settings.gpus_per_worker:
        room.append(resources.get("GPU", 0) / settings.gpus_per_worker)
    return max(1, int(min(room)))


def waves(
    blocks: Iterator[pa.Table], rows: int = _ROWS_AT_ONCE, size: int = _BYTES_AT_ONCE
) -> Iterator[list[pa.Table]]:
    """Blocks in groups that fit into memory, by their rows and bytes; at least one block in each."""
    wave: list[pa.Table] = []
    left, space = rows, size
    for block in blocks:
        if wave and (block.num_rows > left or block.nbytes > space):
            yield wave
            wave, left, space = [], rows, size
        wave.append(block)
        left, space = left - block.num_rows, space - block.nbytes
    if wave:
        yield wave


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing reaches stderr: Ray's own code reports there that it found the level that silences it."""
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _cause(error: Exception) -> str:
    """Why Ray failed, in one line: the message of the first error in it, without its frames."""
    lines = [line for line in _ESCAPE.sub("", str(error)).splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"(?!ray::)[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b", line)]
    return printable((raised or lines or [type(error).__name__])[0].strip())


def _fetch(tables: dict[str, Recorder], storage: Storage) -> None:
    """Copy the parts here that are on the storage only."""
    fetched = []
    for name, recorder in tables.items():
        store: PartStore = recorder.store
        absent = [(shard, key) for shard, key in enumerate(recorder.keys.parts) if not store.has(shard, key)]
        parts = storage.parts(name)
        there = parts.names() if absent else set()
        fetched += [(parts, shard, key, store) for shard, key in absent if parts.path(shard, key).name in there]
    with ThreadPoolExecutor(_FETCHED_AT_ONCE) as pool:
        for _ in pool.map(lambda part: part[0].fetch(*part[1:]), fetched):
            pass  # the first failure in their order is raised
