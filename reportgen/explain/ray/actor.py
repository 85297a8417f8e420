"""A `ShardWorker` as Ray runs it: its errors travel back as rows, and the number of restarts is limited.

Ray Data restarts a worker and sends its shard again without end, and drops its options for a limit with Ray 2.64. So
attempts are counted here: a shard that kills every worker it is sent to ends the build, which then names it.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from reportgen import errors
from reportgen.errors import BuildError, ReportError, printable
from reportgen.explain.ray.shard_worker import ROW, ClusterJob, ShardWorker

__all__ = ["Attempts", "ClusterWorker", "known_error"]

_TRIES = 4  # machines are lost, but rarely four times with the same shard


class Attempts:
    """Counts what was begun and not finished; runs in a process of its own, which outlives the workers."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}

    def begin(self, what: str) -> int:
        """Attempt number, from 1."""
        self._begun[what] = self._begun.get(what, 0) + 1
        return self._begun[what]

    def done(self, what: str) -> None:
        """It was finished: the next attempt is a first one again."""
        self._begun.pop(what, None)


class ClusterWorker:
    """One process of a cluster.

    Parameters
    ----------
    references
        One reference to the job in the cluster's store; in a list, or else Ray would resolve it on every restart.
    attempts
        The handle of `Attempts`.
    """

    def __init__(self, references: Sequence[Any], attempts: Any) -> None:
        import ray

        self._ray, self._attempts = ray, attempts
        self._worker: ShardWorker | None = None
        self._problem: ReportError | None = None
        me = f"worker {ray.get_runtime_context().get_actor_id()}"
        begun = self._begin(me)
        if begun > _TRIES:
            self._problem = BuildError(
                f"a worker died {_TRIES} times while it loaded the models (out of memory, or a crash in a library); "
                "give each worker more memory with fewer [ray] workers"
            )
            return
        try:
            self._job: ClusterJob = ray.get(references[0])
            self._worker = ShardWorker(self._job)
        except ReportError as error:
            self._problem = error
        except Exception as error:  # raised here it would print a page of Ray's frames
            self._problem = BuildError(f"a worker cannot load the models: {_one_line(error)}")
        attempts.done.remote(me)

    def __call__(self, block: pa.Table) -> pa.Table:
        """One row: the number of images processed, or an error that every other worker would hit as well."""
        problem, images = self._problem, 0
        if self._worker is not None:
            try:
                images = self._try(self._worker, block)
            except ReportError as error:
                problem = error
        kind = type(problem).__name__ if problem else ""
        return pa.table({"images": [images], "kind": [kind], "problem": [str(problem or "")]})

    def _try(self, worker: ShardWorker, block: pa.Table) -> int:
        shard = block.column("shard")[0].as_py()
        where = _where(block, shard, self._job.config.shard_images)
        if self._begin(f"shard {shard}") > _TRIES:
            raise BuildError(
                f"{where}: {_TRIES} workers died while computing it (out of memory, or a crash in a library); give "
                "each worker more memory, or remove the image that causes it from the test set"
            )
        try:
            images = worker(block)
        except ReportError:
            raise
        except Exception as error:
            raise BuildError(f"{where}: {_one_line(error)}") from error
        self._attempts.done.remote(f"shard {shard}")
        return images

    def _begin(self, what: str) -> int:
        try:
            begun: int = self._ray.get(self._attempts.begin.remote(what))
        except self._ray.exceptions.RayError:
            return 1  # the counter's machine was lost: counting begins again
        return begun


def known_error(kind: str, message: str) -> ReportError:
    """A worker's error, as it would be raised on this machine."""
    found = getattr(errors, kind, BuildError)
    return found(message) if isinstance(found, type) and issubclass(found, ReportError) else BuildError(message)


def _where(block: pa.Table, shard: int, shard_images: int) -> str:
    first = shard * shard_images + 1
    path = block.column(f"{ROW}path")[0].as_py()
    return f"shard {shard} (images {first:,} to {first + block.num_rows - 1:,} of the test set, from {path})"


def _one_line(error: Exception) -> str:
    """An error in one line with the place where it was raised: its traceback stays on the worker."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return printable(f"{type(error).__name__}: {' '.join(str(error).split())}{place}")
