"""The zip that goes into a mail: sorted names, fixed dates and permissions, so the same site gives the same bytes."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reportgen.errors import ConfigError, OutputError
from reportgen.files import temporary_beside

__all__ = ["archive_date", "write_archive"]

Date = tuple[int, int, int, int, int, int]

# Already compressed: deflating them again costs time and saves nothing.
_STORED = {".webp", ".png", ".zip"}
_FIRST: Date = (1980, 1, 1, 0, 0, 0)
_LAST: Date = (2107, 12, 31, 23, 59, 58)


def archive_date(fallback: Date = _FIRST) -> Date:
    """The date of every entry: SOURCE_DATE_EPOCH where set, else `fallback`; never the clock.

    Raises
    ------
    ConfigError
        SOURCE_DATE_EPOCH is not a whole number of seconds.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return fallback
    try:
        moment = datetime.fromtimestamp(int(epoch), tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"SOURCE_DATE_EPOCH is {epoch!r}; expected whole seconds since 1970; correct or unset it"
        ) from None
    # A zip counts in two seconds and knows the years 1980 to 2107 only.
    date = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second // 2 * 2)
    return min(max(date, _FIRST), _LAST)


def write_archive(
    folder: Path,
    names: Iterable[str],
    target: Path,
    prefix: str,
    date: Date,
    last: Callable[[], object] = lambda: None,
) -> None:
    """Pack files of `folder` into `target`, written beside and renamed at the end.

    Parameters
    ----------
    names
        Paths from `folder`, with forward slashes.
    prefix
        Folder inside the zip, so that extracting it does not scatter files.
    last
        Called when all is packed; what it raises leaves the old zip in place.

    Raises
    ------
    OutputError
        The zip cannot be written.
    """
    temporary = temporary_beside(target)
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name in sorted(names):
                entry = zipfile.ZipInfo(f"{prefix}/{name}", date)
                entry.create_system = 3
                entry.external_attr = 0o100644 << 16
                stored = Path(name).suffix in _STORED
                entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                archive.writestr(entry, (folder / name).read_bytes(), compresslevel=zlib.Z_BEST_COMPRESSION)
        last()
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror}); check space and permissions") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
