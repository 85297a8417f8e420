"""The threads of a pass, one per core with single-threaded kernels, and how freed memory is kept for the next batch."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

__all__ = ["available_cores", "memory_kept_between_batches", "single_threaded", "worker_threads"]

# Names and numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGEST_THRESHOLD = 32 << 20  # what glibc accepts
_KEPT = 256 << 20  # per thread: several times what a batch of either shipped architecture needs
_AHEAD = 64 << 20  # a thread's memory comes in pieces of this size; a free one is given back unless so much is kept


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
    with single_threaded(), memory_kept_between_batches():
        pool = ThreadPoolExecutor(
            count, thread_name_prefix="reportgen", initializer=torch.set_num_threads, initargs=(1,)
        )
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def memory_kept_between_batches() -> Iterator[None]:
    """Within, memory that is freed stays with the process; afterwards what is free goes back to the system.

    By default glibc hands the large buffers of a feature map back at once, and the kernel clears every page anew for
    the next batch. Elsewhere (musl, macOS, Windows) nothing is changed.
    """
    library = _glibc()
    if library is None:
        yield
        return
    library.malloc_trim(0)  # what the main thread has freed, since the workers take memory of their own
    library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
    library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
    library.mallopt(_M_TOP_PAD, _AHEAD)
    try:
        yield
    finally:
        # The first setting stays: it is where glibc's own adjustment ends once large buffers have been freed.
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST_THRESHOLD)
        library.mallopt(_M_TOP_PAD, 0)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
