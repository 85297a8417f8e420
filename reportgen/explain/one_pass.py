"""The one pass: every image is read and decoded once and handed to every recorder that needs it.

The test set is cut into shards of fixed bounds. For every shard and every recorder (image facts, landmarks, each model)
there is one part on disk, written atomically once its last image is done. Parts that are already there are not
computed again, so a killed pass resumes where it stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from reportgen.explain.face_finder import FaceFinder
from reportgen.explain.tasks import CHUNK, ImageSource, Item, Recorder, Task, chunks, finish, pending_tasks, process
from reportgen.explain.workers import worker_threads
from reportgen.progress import Progress

__all__ = ["CHUNK", "ImageSource", "Item", "Recorder", "run_pass"]

ChunkTables = list[pa.Table | None]


def run_pass(
    source: ImageSource,
    recorders: Sequence[Recorder],
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
        Finds landmarks and regions; None where no recorder needs them.
    chunk_images
        Images per task.

    Each worker thread decodes and explains its own small batch with single-threaded kernels. This keeps all cores busy
    without queues between stages, and makes every number independent of the number of workers.

    Returns
    -------
    int
        Images that had to be processed.
    """
    tasks = pending_tasks(recorders, len(source), shard_images)
    total = sum(len(task.todo) for task in tasks)
    if not tasks:
        return 0
    with worker_threads(workers) as pool, progress.stage(title, total) as step:
        done: list[ChunkTables] = []
        for task, rows, result in _in_order(pool, source, faces, tasks, workers, chunk_images):
            if result is not None:
                done.append(result)
                step.advance(len(rows))
            if not rows or rows[-1] == task.todo[-1]:
                finish(task, done)
                done = []
    return total


def _in_order(
    pool: ThreadPoolExecutor,
    source: ImageSource,
    faces: FaceFinder | None,
    tasks: Sequence[Task],
    workers: int,
    chunk_images: int,
) -> Iterator[tuple[Task, tuple[int, ...], ChunkTables | None]]:
    """Results of all chunks in order, with a bounded number under way; a task without chunks comes with None."""
    waiting: deque[tuple[Task, tuple[int, ...], Future[ChunkTables] | None]] = deque()
    for task in tasks:
        for rows in chunks(task, chunk_images) or [()]:
            waiting.append((task, rows, pool.submit(process, source, faces, task, rows) if rows else None))
            if len(waiting) > 2 * workers:
                yield _next(waiting)
    while waiting:
        yield _next(waiting)


def _next(
    waiting: deque[tuple[Task, tuple[int, ...], Future[ChunkTables] | None]],
) -> tuple[Task, tuple[int, ...], ChunkTables | None]:
    task, rows, future = waiting.popleft()
    return task, rows, None if future is None else future.result()
