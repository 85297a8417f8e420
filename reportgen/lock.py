"""One build at a time in an output folder.

The operating system's lock on a small file does the work. Whatever ends a process, even SIGKILL or a power cut, also
ends its lock, so a file that a killed build left behind never blocks the next one. The process number in it is for
people.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from reportgen.errors import OutputError

__all__ = ["LOCK", "UNLOCKED", "build_lock"]

LOCK = ".reportgen.lock"
UNLOCKED = "warning: this drive does not support locks, so nothing keeps a second build out; run one at a time"
# Windows keeps others from reading locked bytes, so the lock lies far behind the number, where no byte has to exist.
_PLACE = 1 << 30
_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
# Some network drives do not support locks; a report there is worth more than protection from a second build.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def build_lock(folder: Path, note: Callable[[str], object] = lambda _: None) -> Iterator[None]:
    """Hold `folder` for this process; create it where it is missing, and leave no file behind.

    Parameters
    ----------
    note
        Called with one line where the drive does not support locks.

    Raises
    ------
    OutputError
        Another build holds the folder (names its process), or the folder cannot be written.
    """
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file, locked = _acquire(path)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}); check space and permissions, or choose another --output"
        ) from None
    if file is None:
        raise OutputError(
            f"{folder}: another build{_owner(path)} is writing here; wait until it ends or choose another --output"
        )
    try:
        if not locked:
            note(UNLOCKED)
        yield
    finally:
        _release(file, path)


def _acquire(path: Path) -> tuple[FileIO | None, bool]:
    """The locked file, or None where another process holds the lock; and whether the drive supports locks."""
    while True:
        # Opened for appending: it may be another build's, whose number must stay.
        file = path.open("ab", buffering=0)
        try:
            held = _try_lock(file)
            if held is False:
                file.close()
                return None, True
            if _is_same(file, path):
                with suppress(OSError):  # the lock holds on a full disk too; the number is only for people
                    file.truncate(0)
                    os.write(file.fileno(), f"{os.getpid()}\n".encode())
                return file, held is not None
        except BaseException:
            file.close()
            raise
        # The previous build removed the file between our opening and locking it: ours has no name any more.
        file.close()


def _release(file: FileIO, path: Path) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            # An open file cannot be removed on Windows; if another build opens it in between, removing it fails.
            file.close()
            path.unlink(missing_ok=True)
        else:
            # Removed while still locked: a build that has opened it meanwhile finds that its name is gone.
            path.unlink(missing_ok=True)
    file.close()


def _is_same(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: FileIO) -> bool | None:
        file.seek(_PLACE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in _HELD:
                raise
            return False
        return True

else:
    import fcntl

    def _try_lock(file: FileIO) -> bool | None:
        """Whether the lock is ours now; None where the drive does not support locks."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return None
            if error.errno not in _HELD:
                raise
            return False
        return True


def _owner(path: Path) -> str:
    """As in " (process 4711)"; empty where the number cannot be read."""
    with suppress(OSError, ValueError):
        return f" (process {int(path.read_bytes())})"
    return ""
