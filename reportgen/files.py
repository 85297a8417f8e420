"""Atomic writes, and removal of what a killed build left behind."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from reportgen.errors import OutputError

__all__ = ["is_temporary_name", "sweep_leftovers", "temporary_beside", "write_atomically", "write_json"]

# The name holds ours: a user's file called .draft.2.tmp is not ours to remove.
_TEMPORARY = re.compile(r"\..+\.(\d+)\.reportgen\.tmp")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically with sorted keys, so that the same value gives the same bytes."""
    write_atomically(path, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the target and rename: a reader sees the old file or the new one, never half of one.

    Raises
    ------
    OutputError
        The folder or file cannot be written.
    """
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # where the folder is the problem there is nothing to remove
            temporary.unlink()
        raise OutputError(f"{path}: cannot be written ({error.strerror}); check space and permissions") from None


def temporary_beside(path: Path) -> Path:
    """Where to write before renaming to `path`: a dot file with the process number, so that no two builds share one."""
    return path.with_name(f".{path.name}.{os.getpid()}.reportgen.tmp")


def sweep_leftovers(folder: Path) -> None:
    """Remove half-written files of killed builds; call it while holding the folder's build lock."""
    for path in [*folder.glob(".*.reportgen.tmp"), *(folder / "analysis").rglob(".*.reportgen.tmp")]:
        if is_temporary_name(path.name):
            path.unlink(missing_ok=True)


def is_temporary_name(name: str) -> bool:
    """Whether a file of this name is a half-written one of ours."""
    return _TEMPORARY.fullmatch(name) is not None
