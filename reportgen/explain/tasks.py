"""What is left to compute, shard by shard, and how one shard's parts come about: the same on every engine."""

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
from reportgen.explain.record_cache import KeptRecords, Places
from reportgen.inputs.images.decoding import Decoded, decode
from reportgen.models.preprocessing import resize
from reportgen.shards import RECORD_KEY, Keys, PartStore

__all__ = ["CHUNK", "Consumer", "ImageSource", "Item", "Task", "Want", "chunks", "finish", "lacking", "process"]

CHUNK = 8  # images per step: whole groups of the explainer, few enough to keep all workers busy


@dataclass(frozen=True)
class Item:
    """One image of the test set: its row, and either its pixels and its face or why there are none."""

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


class Consumer(Protocol):
    """Somebody who wants to know something about every image."""

    @property
    def store(self) -> PartStore:
        """Where its parts go."""

    @property
    def keys(self) -> Keys:
        """The hashes of everything that its parts and their rows are computed from."""

    def consume(self, items: Sequence[Item]) -> pa.Table:
        """A row per item (or per readable item), in order, with its key in `RECORD_KEY`. Called from several threads
        at once.
        """


@dataclass(frozen=True, eq=False)
class Want:
    """A part that a consumer lacks.

    Attributes
    ----------
    places
        For each row of the shard its place among `kept`, -1 where it has to be computed.
    """

    consumer: Consumer
    kept: KeptRecords | None
    places: Places


@dataclass(frozen=True, eq=False)
class Task:
    """One shard of which something is missing; `todo` are the rows that somebody has to compute."""

    shard: int
    rows: range
    wants: tuple[Want, ...]
    todo: tuple[int, ...]


def lacking(consumers: Sequence[Consumer], n: int, shard_images: int) -> list[Task]:
    """The shards of which a part is missing, in order.

    A row is computed only where no record with its key is on disk, in whatever part: an image that was inserted
    shifts all that follow it, but changes nothing about them.
    """
    bounds = shard_bounds(n, shard_images)
    missing = [[c for c in consumers if not c.store.has(shard, c.keys.parts[shard])] for shard in range(len(bounds))]
    wanting = [c for c in consumers if any(c in wants for wants in missing)]
    kept = {id(c): KeptRecords(c.store) for c in wanting if c.store.strangers(c.keys.parts)}
    tasks = []
    for shard, (rows, wants) in enumerate(zip(bounds, missing, strict=True)):
        if not wants:
            continue
        found = tuple(_want(consumer, kept.get(id(consumer)), rows) for consumer in wants)
        todo = np.logical_or.reduce([want.places < 0 for want in found])
        tasks.append(Task(shard, rows, found, tuple((np.flatnonzero(todo) + rows.start).tolist())))
    return tasks


def _want(consumer: Consumer, kept: KeptRecords | None, rows: range) -> Want:
    keys = consumer.keys.rows[rows.start : rows.stop]
    return Want(consumer, kept, np.full(len(rows), -1) if kept is None else kept.places(keys))


def chunks(task: Task, size: int) -> list[tuple[int, ...]]:
    """The rows to compute, `size` at a time; empty where all that is missing was computed before."""
    return [task.todo[start : start + size] for start in range(0, len(task.todo), size)]


def process(source: ImageSource, faces: FaceFinder | None, task: Task, rows: Sequence[int]) -> list[pa.Table | None]:
    """What each of the task's consumers has to say of some rows; None where it wants none of them."""
    items = [_load(source, faces, row) for row in rows]
    said: list[pa.Table | None] = []
    for want in task.wants:
        wanted = [item for item in items if want.places[item.row - task.rows.start] < 0]
        said.append(want.consumer.consume(wanted) if wanted else None)
    return said


def finish(task: Task, said: Sequence[Sequence[pa.Table | None]]) -> None:
    """Write the task's parts from what `process` gave for each of its chunks."""
    for index, want in enumerate(task.wants):
        pieces = [table for chunk in said if (table := chunk[index]) is not None]
        want.consumer.store.write(task.shard, want.consumer.keys.parts[task.shard], _together(task, want, pieces))


def _together(task: Task, want: Want, pieces: list[pa.Table]) -> pa.Table:
    """New and kept records in the order of the test set."""
    old = want.places[want.places >= 0]
    if not len(old) or want.kept is None:
        return pa.concat_tables(pieces)
    kept = want.kept.take(old)
    if pieces:
        schema = pa.unify_schemas([pieces[0].schema, kept.schema])
        kept = pa.concat_tables([*(piece.cast(schema) for piece in pieces), kept.select(schema.names).cast(schema)])
    wanted = want.consumer.keys.rows[task.rows.start : task.rows.stop]
    by_key = np.argsort(wanted, kind="stable")
    found = np.asarray(kept.column(RECORD_KEY).to_numpy(), dtype=np.uint64)
    return kept.take(pa.array(np.argsort(by_key[np.searchsorted(wanted[by_key], found)], kind="stable")))


def _load(source: ImageSource, faces: FaceFinder | None, row: int) -> Item:
    try:
        decoded = decode(source.read_bytes(row))
        return Item(row, decoded, None if faces is None else faces.find(row, decoded.samples))
    except DataError as error:
        return Item(row, None, problem=str(error))
