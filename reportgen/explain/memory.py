"""How the C library treats memory that one batch frees and the next one needs again."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_between_batches"]

# Names and numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGEST_THRESHOLD = 32 << 20  # what glibc accepts
_KEPT = 256 << 20  # per thread: several times what a batch of either shipped architecture needs
_AHEAD = 64 << 20  # a thread's memory comes in pieces of this size; a free one is given back unless so much is kept


@contextmanager
def kept_between_batches() -> Iterator[None]:
    """Within, memory that is freed stays with the process; afterwards what is free goes back to the system.

    By default glibc hands the large buffers of a feature map back at once, and the kernel clears every page anew for
    the next batch. Elsewhere (musl, macOS, Windows) nothing is changed.
    """
    library = _glibc()
    if library is None:
        yield
        return
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
