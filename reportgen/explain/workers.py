"""The threads of a pass: one per core, each with single-threaded kernels, so that no two ask for the same core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from reportgen.explain.memory import kept_between_batches

__all__ = ["available_cores", "single_threaded", "worker_threads"]


def available_cores() -> int:
    """Processors this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS and Windows
        return max(1, os.cpu_count() or 1)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Within, torch uses one thread: on the little work of loading, several would mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def worker_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that compute by themselves; on leaving, what has not begun is dropped."""
    # The workers' setting reaches into the math library of the whole process: it has to be put back in any case.
    with single_threaded(), kept_between_batches():
        pool = ThreadPoolExecutor(
            count, thread_name_prefix="reportgen", initializer=torch.set_num_threads, initargs=(1,)
        )
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
