"""Parts on storage that is no folder of this machine: whatever `pyarrow.fs` can open, such as s3:// and gs://."""

from __future__ import annotations

import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from reportgen.errors import ConfigError, OutputError
from reportgen.files import write_atomically
from reportgen.parts import PartStore, table_bytes

__all__ = ["Storage", "StoredParts"]


class Storage:
    """A place that all machines of a cluster can write to.

    Parameters
    ----------
    uri
        Such as "s3://bucket/run-7" or "file:///shared/run-7".

    Raises
    ------
    ConfigError
        No such kind of storage is known, or it cannot be opened.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        try:
            self.system, self.root = pafs.FileSystem.from_uri(uri)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ConfigError(
                f"ray.storage {uri}: cannot be opened ({error}); expected a folder that every machine can write to, "
                "such as s3://bucket/folder or file:///shared/folder"
            ) from None

    def parts(self, name: str) -> StoredParts:
        """The parts of one table, e.g. "models/resnet18"."""
        return StoredParts(self, name)


class StoredParts(PartStore):
    """The parts of one table on a storage; what `PartStore` promises of a folder holds here as well."""

    def __init__(self, storage: Storage, name: str) -> None:
        super().__init__(Path(name))
        self._storage = storage

    def _at(self, index: int, key: str) -> str:
        return f"{self._storage.root}/{self.path(index, key).as_posix()}"

    def has(self, index: int, key: str) -> bool:
        """See `PartStore.has`."""
        found = self._storage.system.get_file_info(self._at(index, key))
        return bool(found.type == pafs.FileType.File)

    def write(self, index: int, key: str, table: pa.Table) -> None:
        """See `PartStore.write`: written beside, then moved, so that a part that is there is complete."""
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
                f"{self._storage.uri}: cannot be written ({error}); check space and permissions"
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
            raise OutputError(f"{self._storage.uri}: {self._at(index, key)} cannot be read ({error})") from None
        write_atomically(into.path(index, key), content)
