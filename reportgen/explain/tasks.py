"""What is left to compute, shard by shard, and how a shard's parts are made: the same on every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reportgen.config import Preprocessing
from reportgen.errors import DataError
from reportgen.explain.face_finder import Face, FaceFinder
from reportgen.explain.fingerprints import shard_bounds
from reportgen.explain.record_cache import Places, RecordCache
from reportgen.inputs.images.decoding import Decoded, decode
from reportgen.models.preprocessing import resize
from reportgen.shards import RECORD_KEY, Keys, PartStore

__all__ = [
    "CHUNK",
    "ImageSource",
    "Item",
    "MissingPart",
    "Recorder",
    "Task",
    "chunks",
    "finish",
    "pending_tasks",
    "process",
]

CHUNK = 8  # images per step: whole groups of the explainer, few enough to keep all workers busy


@dataclass(frozen=True)
class Item:
    """One image of the test set: its row, and either its pixels and its face or the reason why there are none."""

    row: int
    decoded: Decoded | None
    face: Face | None = None
    problem: str | None = None
    resized: dict[Preprocessing, npt.NDArray[np.uint8]] = field(default_factory=dict)

    def input_for(self, spec: Preprocessing) -> npt.NDArray[np.uint8]:
        """The image at a model's input size, (height, width, channels); models that agree on it share the work."""
        if self.decoded is None:
            raise ValueError("an unreadable image has no pixels")
        if spec not in self.resized:
            self.resized[spec] = resize(self.decoded.samples, spec)
        return self.resized[spec]


class ImageSource(Protocol):
    """Where the pass gets its images from."""

    def __len__(self) -> int: ...

    def read_bytes(self, row: int) -> bytes:
        """The encoded image of a row; raises DataError."""


class Recorder(Protocol):
    """Makes a table with a row per image: facts of the file, landmarks, or a model's output."""

    @property
    def store(self) -> PartStore:
        """Where its parts go."""

    @property
    def keys(self) -> Keys:
        """Hashes of everything that its parts and their rows are computed from."""

    def record(self, items: Sequence[Item]) -> pa.Table:
        """A row per item (or per readable item), in order, with its key in `RECORD_KEY`. Called from several threads
        at once.
        """


@dataclass(frozen=True, eq=False)
class MissingPart:
    """A part that a recorder has not written yet.

    Attributes
    ----------
    places
        For each row of the shard its place in `cache`, -1 where it has to be computed.
    """

    recorder: Recorder
    cache: RecordCache | None
    places: Places


@dataclass(frozen=True, eq=False)
class Task:
    """A shard with missing parts; `todo` are the rows that at least one recorder has to compute."""

    shard: int
    rows: range
    missing: tuple[MissingPart, ...]
    todo: tuple[int, ...]


def pending_tasks(recorders: Sequence[Recorder], n: int, shard_images: int) -> list[Task]:
    """The shards with a missing part, in order.

    A row is computed only where no record with its key is on disk, in whichever part: inserting an image shifts all
    that follow it, but changes nothing about them.
    """
    bounds = shard_bounds(n, shard_images)
    missing = [[r for r in recorders if not r.store.has(shard, r.keys.parts[shard])] for shard in range(len(bounds))]
    lacking = [r for r in recorders if any(r in shard for shard in missing)]
    caches = {id(r): RecordCache(r.store) for r in lacking if r.store.has_unused(r.keys.parts)}
    tasks = []
    for shard, (rows, writers) in enumerate(zip(bounds, missing, strict=True)):
        parts = []
        for recorder in writers:
            keys, cache = recorder.keys.rows[rows.start : rows.stop], caches.get(id(recorder))
            places = np.full(len(rows), -1) if cache is None else cache.places(keys)
            parts.append(MissingPart(recorder, cache, places))
        if parts:
            todo = np.logical_or.reduce([part.places < 0 for part in parts])
            tasks.append(Task(shard, rows, tuple(parts), tuple((np.flatnonzero(todo) + rows.start).tolist())))
    return tasks


def chunks(task: Task, size: int) -> list[tuple[int, ...]]:
    """The rows to compute, `size` at a time; empty where everything that is missing was computed before."""
    return [task.todo[start : start + size] for start in range(0, len(task.todo), size)]


def process(source: ImageSource, faces: FaceFinder | None, task: Task, rows: Sequence[int]) -> list[pa.Table | None]:
    """A table of some rows from each of the task's recorders; None from one that needs none of them."""
    items = [_load(source, faces, row) for row in rows]
    tables: list[pa.Table | None] = []
    for part in task.missing:
        needed = [item for item in items if part.places[item.row - task.rows.start] < 0]
        tables.append(part.recorder.record(needed) if needed else None)
    return tables


def finish(task: Task, chunk_tables: Sequence[Sequence[pa.Table | None]]) -> None:
    """Write the task's parts from what `process` returned for each of its chunks."""
    for index, part in enumerate(task.missing):
        new = [table for tables in chunk_tables if (table := tables[index]) is not None]
        part.recorder.store.write(task.shard, part.recorder.keys.parts[task.shard], _in_row_order(task, part, new))


def _in_row_order(task: Task, part: MissingPart, new: list[pa.Table]) -> pa.Table:
    """New and cached records in the order of the test set."""
    old = part.places[part.places >= 0]
    if not len(old) or part.cache is None:
        return pa.concat_tables(new)
    records = part.cache.take(old)
    if new:
        schema = pa.unify_schemas([new[0].schema, records.schema])
        records = pa.concat_tables([*(t.cast(schema) for t in new), records.select(schema.names).cast(schema)])
    keys = part.recorder.keys.rows[task.rows.start : task.rows.stop]
    by_key = np.argsort(keys, kind="stable")
    found = np.asarray(records.column(RECORD_KEY).to_numpy(), dtype=np.uint64)
    return records.take(pa.array(np.argsort(by_key[np.searchsorted(keys[by_key], found)], kind="stable")))


def _load(source: ImageSource, faces: FaceFinder | None, row: int) -> Item:
    try:
        decoded = decode(source.read_bytes(row))
        return Item(row, decoded, None if faces is None else faces.find(row, decoded.samples))
    except DataError as error:
        return Item(row, None, problem=str(error))
