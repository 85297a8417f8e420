"""A checkpoint as a file, before anything in it is believed. Needs no torch."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from reportgen.errors import CheckpointError

__all__ = ["checkpoint_sha256", "refuse_bombs"]

_MAX_BYTES = 16 * 2**30


def checkpoint_sha256(path: Path) -> str:
    """SHA-256 of a checkpoint's bytes, 64 hex digits.

    Raises
    ------
    CheckpointError
        The file is missing, unreadable, or larger than any checkpoint that is read.
    """
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise CheckpointError(f"{path}: {size / 2**30:.0f} GiB, at most {_MAX_BYTES >> 30} GiB is read")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); give an existing checkpoint file") from None


def refuse_bombs(path: Path) -> None:
    """Refuse a zip that unpacks to more than it holds: torch stores its entries as they are, one behind the other.

    Raises
    ------
    CheckpointError
        Entries are compressed or lie over each other. Files that are no zip, or a damaged one, pass.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return
    size = path.stat().st_size
    if unpacked > size:
        raise CheckpointError(
            f"{path}: would unpack to {unpacked:,} bytes from {size:,}; torch.save never compresses: save it again"
        )
