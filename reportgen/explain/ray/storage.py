"""Parts on storage that is not a folder of this machine: anything `pyarrow.fs` or fsspec opens, such as s3:// or gs://."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from reportgen.errors import ConfigError, OutputError, printable
from reportgen.files import write_atomically
from reportgen.shards import PartStore, table_bytes

__all__ = ["Storage", "StoredParts"]


_CREDENTIALS = re.compile(r"//[^/]*@")


class Storage:
    """A place that all machines of a cluster can write to.

    Parameters
    ----------
    uri
        Such as "s3://bucket/run-7" or "file:///shared/run-7".

    Raises
    ------
    ConfigError
        The kind of storage is unknown, or it cannot be opened.
    """

    def __init__(self, uri: str) -> None:
        self.uri = _CREDENTIALS.sub("//...@", uri)  # for messages
        try:
            self.system, self.root = _open(uri)
        except (OSError, ValueError, ImportError, pa.ArrowException) as error:
            raise ConfigError(
                f"ray.storage {self.uri}: cannot be opened ({_line(error)}); expected a folder that every machine can "
                "write to, such as s3://bucket/folder or file:///shared/folder"
            ) from None

    def parts(self, name: str) -> StoredParts:
        """The parts of one table, e.g. "models/resnet18"."""
        return StoredParts(self, name)


def _open(uri: str) -> tuple[Any, str]:
    """A file system and the folder on it; through fsspec, which comes with Ray, where pyarrow lacks the file system."""
    try:
        found: tuple[Any, str] = pafs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            url_to_fs = None
        if url_to_fs is None or "://" not in uri:  # a folder without a scheme differs on every machine
            raise
        system, root = url_to_fs(uri)
        return pafs.PyFileSystem(pafs.FSSpecHandler(system)), root.rstrip("/")
    return found


def _line(error: Exception) -> str:
    return printable(" ".join(str(error).split()))


class StoredParts(PartStore):
    """The parts of one table on a storage, with the same guarantees as `PartStore` gives for a folder."""

    def __init__(self, storage: Storage, name: str) -> None:
        super().__init__(Path(name))
        self._storage = storage

    def _at(self, index: int, key: str) -> str:
        return f"{self._storage.root}/{self.path(index, key).as_posix()}"

    def has(self, index: int, key: str) -> bool:
        """See `PartStore.has`."""
        try:
            found = self._storage.system.get_file_info(self._at(index, key))
        except (OSError, pa.ArrowException) as error:
            raise self._unreachable(error) from None
        return bool(found.type == pafs.FileType.File)

    def names(self) -> set[str]:
        """The names of all parts that exist, by one request instead of one for every part.

        Raises
        ------
        OutputError
            The storage cannot be reached.
        """
        folder = pafs.FileSelector(f"{self._storage.root}/{self.folder.as_posix()}", allow_not_found=True)
        try:
            found = self._storage.system.get_file_info(folder)
        except (OSError, pa.ArrowException) as error:
            raise self._unreachable(error) from None
        return {info.base_name for info in found if info.type == pafs.FileType.File}

    def _unreachable(self, error: Exception) -> OutputError:
        return OutputError(
            f"ray.storage {self._storage.uri}: cannot be reached ({_line(error)}); check the address and what this "
            "machine is allowed to read there"
        )

    def write(self, index: int, key: str, table: pa.Table) -> None:
        """See `PartStore.write`: written under another name, then moved, so that every part that exists is complete."""
        target = self._at(index, key)
        beside = f"{target}.{uuid.uuid4().hex}.tmp"
        system = self._storage.system
        try:
            system.create_dir(target.rpartition("/")[0], recursive=True)
            with system.open_output_stream(beside) as file:
                file.write(table_bytes(table))
            system.move(beside, target)
        except (OSError, pa.ArrowException) as error:
            raise OutputError(
                f"{self._storage.uri}: cannot be written ({_line(error)}); check space and permissions"
            ) from None

    def fetch(self, index: int, key: str, into: PartStore) -> None:
        """Copy one part into a folder of this machine.

        Raises
        ------
        OutputError
            It cannot be read or written.
        """
        try:
            with self._storage.system.open_input_file(self._at(index, key)) as file:
                content = file.read()
        except (OSError, pa.ArrowException) as error:
            raise OutputError(f"{self._storage.uri}: {self._at(index, key)} cannot be read ({_line(error)})") from None
        write_atomically(into.path(index, key), content)
