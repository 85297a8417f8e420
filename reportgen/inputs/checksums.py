"""Hashes of many image files, by several threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TypeVar

from reportgen.errors import DataError

__all__ = ["content_digest", "in_threads"]

_THREADS = 8  # reading waits for the disk more than for a core
_AT_ONCE = 64  # images per task: a task per image would weigh more than what it finds
_Found = TypeVar("_Found")


def in_threads(work: Callable[[range], list[_Found]], n: int) -> list[_Found]:
    """What `work` finds for blocks of `n` rows, in order."""
    blocks = [range(start, min(start + _AT_ONCE, n)) for start in range(0, n, _AT_ONCE)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return [found for block in pool.map(work, blocks) for found in block]


def content_digest(read: Callable[[], bytes]) -> str:
    """SHA-256 of what is read; empty where it cannot be read, which the pass finds again and lists."""
    try:
        return sha256(read()).hexdigest()
    except (OSError, DataError):
        return ""
