"""The one pass: every image is read and decoded once and handed to all that want to know something about it.

The test set is cut into shards of fixed bounds. For every shard and every consumer (image facts, landmarks, each model)
there is one part on disk, written atomically once its last image is done. Parts that are already there are not
computed again, so a killed pass goes on where it stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reportgen.analysis import PartStore
from reportgen.config import Preprocessing
from reportgen.errors import DataError
from reportgen.explain.face_finder import Face, FaceFinder
from reportgen.explain.plan import shard_bounds
from reportgen.explain.preprocess import resize
from reportgen.explain.workers import worker_threads
from reportgen.inputs.images import Decoded, decode
from reportgen.progress import Progress

__all__ = ["Consumer", "ImageSource", "Item", "run_pass"]

CHUNK = 8  # images per task: whole groups of the explainer, few enough to keep all workers busy


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
    def keys(self) -> Sequence[str]:
        """For each shard, the hash of everything its part is computed from."""

    def consume(self, items: Sequence[Item]) -> pa.Table:
        """A row per item (or per readable item), in order. Called from several threads at once."""


def run_pass(
    source: ImageSource,
    consumers: Sequence[Consumer],
    faces: FaceFinder | None,
    shard_images: int,
    workers: int,
    progress: Progress,
    title: str = "Explaining",
    chunk_images: int = CHUNK,
) -> int:
    """Compute every part that is missing.

    Parameters
    ----------
    faces
        Finds landmarks and regions; None where nobody wants them.
    chunk_images
        Images per task.

    Each worker thread decodes and explains its own small batch with single-threaded kernels: this keeps all cores
    busy without a hand-over between stages, and makes every number independent of the count of workers.

    Returns
    -------
    int
        Images that had to be processed.
    """
    work = [
        (shard, rows, missing)
        for shard, rows in enumerate(shard_bounds(len(source), shard_images))
        if (missing := [c for c in consumers if not c.store.has(shard, c.keys[shard])])
    ]
    total = sum(len(rows) for _, rows, _ in work)
    if not work:
        return 0
    with worker_threads(workers) as pool, progress.stage(title, total) as step:
        tables: dict[int, list[list[pa.Table]]] = {}
        for shard, rows, missing, chunk, result in _in_order(pool, source, faces, work, workers, chunk_images):
            tables.setdefault(shard, []).append(result)
            step.advance(len(chunk))
            if chunk.stop == rows.stop:
                for consumer, pieces in zip(missing, zip(*tables.pop(shard), strict=True), strict=True):
                    consumer.store.write(shard, consumer.keys[shard], pa.concat_tables(pieces))
    return total


_Work = tuple[int, range, list[Consumer]]


def _in_order(
    pool: ThreadPoolExecutor,
    source: ImageSource,
    faces: FaceFinder | None,
    work: Sequence[_Work],
    workers: int,
    chunk_images: int,
) -> Iterator[tuple[int, range, list[Consumer], range, list[pa.Table]]]:
    """Results of all chunks in order, with a bounded number under way."""
    waiting: deque[tuple[_Work, range, Future[list[pa.Table]]]] = deque()
    for shard in work:
        for chunk in _chunks(shard[1], chunk_images):
            waiting.append((shard, chunk, pool.submit(_process, source, faces, chunk, shard[2])))
            if len(waiting) > 2 * workers:
                (index, rows, missing), done, future = waiting.popleft()
                yield index, rows, missing, done, future.result()
    while waiting:
        (index, rows, missing), done, future = waiting.popleft()
        yield index, rows, missing, done, future.result()


def _chunks(rows: range, size: int) -> list[range]:
    return [range(start, min(start + size, rows.stop)) for start in range(rows.start, rows.stop, size)]


def _process(
    source: ImageSource, faces: FaceFinder | None, rows: range, consumers: Sequence[Consumer]
) -> list[pa.Table]:
    items = [_load(source, faces, row) for row in rows]
    return [consumer.consume(items) for consumer in consumers]


def _load(source: ImageSource, faces: FaceFinder | None, row: int) -> Item:
    try:
        decoded = decode(source.read_bytes(row))
        return Item(row, decoded, None if faces is None else faces.find(row, decoded.samples))
    except DataError as error:
        return Item(row, None, problem=str(error))
