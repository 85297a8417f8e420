"""One worker of a cluster: holds the models and turns shards of the test set into parts.

A shard travels as a table of everything that is known of its rows before they are read. Its columns are those of the
images table, their names preceded by "row:", and the worker's own: `shard`, `file` or `pixels`, and for every recorder
the key of its part and of its records, and whether that part is requested. A shard that is sent twice, because a worker
was lost, is written twice with the same bytes.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from reportgen.config import Config, ModelConfig
from reportgen.errors import ConfigError, DataError
from reportgen.explain.face_finder import FaceFinder, view_of
from reportgen.explain.loading import AnyExplainer, explainer_of, pick_device, ready_model
from reportgen.explain.ray.storage import Storage
from reportgen.explain.record_cache import FaceCache, RecordCache
from reportgen.explain.recorders import FaceRecorder, ImageFacts, ModelRecorder
from reportgen.explain.tasks import ImageSource, MissingPart, Recorder, Task, chunks, finish, process
from reportgen.explain.tuning import Tuning
from reportgen.inputs.checkpoints.onnx_file import OnnxFile
from reportgen.inputs.checkpoints.reading import Checkpoint
from reportgen.inputs.images.decoding import read_file
from reportgen.shards import Keys, PartStore

__all__ = [
    "ROW",
    "ClusterJob",
    "ModelCopy",
    "ShardWorker",
    "key_column",
    "mapped_column",
    "part_column",
    "requested_column",
]

ROW = "row:"
"""Before the names of the images table's columns."""


@dataclass(frozen=True)
class ModelCopy:
    """One model as it travels: weights instead of a path, since a worker may not see this machine's files."""

    name: str
    slug: str
    config: ModelConfig
    checkpoint: Checkpoint | OnnxFile


@dataclass(frozen=True)
class ClusterJob:
    """What every worker receives once.

    Attributes
    ----------
    folder
        `output/analysis` as the workers see it; not used where the settings name a storage.
    device
        The kind that the fingerprints were taken for.
    cached
        Names of the tables of which records of earlier parts are reused.
    tunings, chunk_images
        How each model is run, by name; and how many images are handled at a time.
    masked
        Whether the folder of the user's own region masks was there when the keys were made.
    """

    config: Config
    models: Sequence[ModelCopy]
    classes: tuple[str, ...]
    folder: str
    device: str
    cached: frozenset[str]
    tunings: Mapping[str, Tuning]
    chunk_images: int
    masked: bool = False

    def tables(self) -> list[str]:
        """The tables that parts are made of, as folders of the analysis."""
        faces = [] if self.config.regions == "none" else ["landmarks"]
        return ["images", *faces, *(f"models/{model.slug}" for model in self.models)]


def key_column(table: str) -> str:
    """The column with the keys of a table's records."""
    return f"key:{table}"


def part_column(table: str) -> str:
    """The column with the key of a table's part."""
    return f"part:{table}"


def requested_column(table: str) -> str:
    """The column that says whether a table's part is requested."""
    return f"requested:{table}"


def mapped_column(table: str) -> str:
    """The column that says which rows get a map, where not all do."""
    return f"mapped:{table}"


class ShardWorker:
    """Makes the parts of the shards it is given; one per process."""

    def __init__(self, job: ClusterJob) -> None:
        torch.set_num_threads(max(1, int(job.config.ray.cpus_per_worker)))
        self._job = job
        self._device = pick_device(job.config.device)
        if self._device.type != job.device:
            raise ConfigError(
                f"--device {job.config.device}: {socket.gethostname()} has {self._device.type}, this analysis is made "
                f"on {job.device}; name the device that all machines have"
            )
        masks = job.config.region_masks.folder
        if job.masked and masks is not None and not masks.is_dir():
            raise ConfigError(
                f"region_masks.folder {masks}: no such folder on {socket.gethostname()}; it has to be found under the "
                "same path on every machine"
            )
        self._storage = None if job.config.ray.storage is None else Storage(job.config.ray.storage)
        self._open = ExitStack()  # for as long as the process lives
        self._explainers = {model.slug: self._explainer(model) for model in job.models}
        self._caches: dict[str, RecordCache] = {}

    def __call__(self, block: pa.Table) -> int:
        """Make the parts of one shard and return the number of images processed."""
        (shard,) = set(block.column("shard").to_pylist())
        task, source, faces = self._task(int(shard), block)
        finish(task, [process(source, faces, task, rows) for rows in chunks(task, self._job.chunk_images)])
        return len(task.todo)

    def _explainer(self, model: ModelCopy) -> AnyExplainer:
        job = self._job
        ready = ready_model(model.name, model.checkpoint, model.config, job.classes)
        explainer = explainer_of(ready, job.config, self._device, job.tunings[model.name])
        self._open.enter_context(explainer)
        return explainer

    def _task(self, shard: int, block: pa.Table) -> tuple[Task, ImageSource, FaceFinder | None]:
        names = [name for name in block.column_names if name.startswith(ROW)]
        facts = block.select(names).rename_columns([name.removeprefix(ROW) for name in names])
        frame = facts.to_pandas()
        source = _Block(frame["path"].tolist(), block)
        keys, requested = {}, []
        for table in self._job.tables():
            (part,) = set(block.column(part_column(table)).to_pylist())
            keys[table] = Keys((part,), np.asarray(block.column(key_column(table)).to_numpy(), dtype=np.uint64))
            (asked,) = set(block.column(requested_column(table)).to_pylist())
            if asked and not self._store(table, shard).has(0, part):
                requested.append(table)
        faces = None
        if "landmarks" in keys:
            records = self._cached_faces(shard, keys["landmarks"], "landmarks" in requested)
            known = None if records is None else FaceCache(records, keys["landmarks"].rows)
            views = [view_of(one.grid, one.preprocessing) for one in self._explainers.values()]
            faces = FaceFinder(self._job.config, frame, views, known)
        parts = []
        for table in requested:
            store = self._store(table, shard)
            recorder: Recorder
            if table == "images":
                recorder = ImageFacts(store, keys[table], facts)
            elif table == "landmarks":
                recorder = FaceRecorder(store, keys[table], frame["image_id"].tolist())
            else:
                explainer = self._explainers[table.removeprefix("models/")]
                column = mapped_column(table)
                mapped = None
                if column in block.column_names:
                    mapped = np.asarray(block.column(column).to_numpy(zero_copy_only=False), dtype=bool)
                recorder = ModelRecorder(store, keys[table], explainer, frame, exclusive=False, mapped=mapped)
            cache = self._cache(table)
            places = np.full(len(frame), -1) if cache is None else cache.places(keys[table].rows)
            parts.append(MissingPart(recorder, cache, places))
        todo: Any = np.logical_or.reduce([part.places < 0 for part in parts]) if parts else np.zeros(len(frame), bool)
        return Task(0, range(len(frame)), tuple(parts), tuple(np.flatnonzero(todo).tolist())), source, faces

    def _cached_faces(self, shard: int, keys: Keys, requested: bool) -> RecordCache | None:
        """Where the landmarks of a shard may be on disk: in its own part if that exists, so that not every shard opens
        all parts.
        """
        if requested or self._storage is not None:
            return self._cache("landmarks")
        store = self._folder("landmarks")
        return RecordCache(store, [store.path(shard, keys.parts[0])])

    def _folder(self, table: str) -> PartStore:
        return PartStore(Path(self._job.folder) / table)

    def _store(self, table: str, shard: int) -> PartStore:
        store = self._folder(table) if self._storage is None else self._storage.parts(table)
        return _Shifted(store, shard)

    def _cache(self, table: str) -> RecordCache | None:
        if table not in self._job.cached or self._storage is not None:
            return None
        if table not in self._caches:
            self._caches[table] = RecordCache(self._folder(table))
        return self._caches[table]


class _Shifted(PartStore):
    """A store in which this shard's part is number 0."""

    def __init__(self, store: PartStore, shard: int) -> None:
        super().__init__(store.folder)
        self._store, self._shard = store, shard

    def path(self, index: int, key: str) -> Path:
        return self._store.path(index + self._shard, key)

    def has(self, index: int, key: str) -> bool:
        return self._store.has(index + self._shard, key)

    def write(self, index: int, key: str, table: pa.Table) -> None:
        self._store.write(index + self._shard, key, table)


class _Block:
    """The images of one shard: files that this machine can read, or pixels that travelled along."""

    def __init__(self, paths: list[str], block: pa.Table) -> None:
        self._paths, self._block = paths, block

    def __len__(self) -> int:
        return len(self._paths)

    @cached_property
    def _files(self) -> list[bytes]:
        found: list[bytes] = self._block.column("file").to_pylist()
        return found

    def read_bytes(self, row: int) -> bytes:
        """See `ImageSource`."""
        if "pixels" in self._block.column_names:
            content: bytes = self._block.column("pixels")[row].as_py()
            return content
        try:
            return read_file(Path(os.fsdecode(self._files[row])), self._paths[row])
        except DataError as error:
            if not self._block.column(f"{ROW}sha256")[row].as_py():
                raise  # the machine that sent it could not read it either
            # Recorded as unreadable, it would stay so under the key of its content.
            raise ConfigError(
                f"{error} on {socket.gethostname()}; image files have to be found under the same path on every machine"
            ) from None
