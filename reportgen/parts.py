"""Tables in parts: one Parquet file per shard, named by the hash of everything it was computed from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from reportgen.errors import BuildError
from reportgen.files import write_atomically

__all__ = ["RECORD_KEY", "Keys", "PartStore", "array_column", "is_part_name", "write_table"]

RECORD_KEY = "record_key"
"""Column of every part: for each row the hash of all that the row was computed from."""

_PART = re.compile(r"part-(\d{5,})-([0-9a-f]{16})\.parquet")


@dataclass(frozen=True, eq=False)
class Keys:
    """What one table is computed from, as hashes.

    Attributes
    ----------
    parts
        Per part, 16 hex digits.
    rows
        (n,) per row of the test set; written beside the row, so that it can be taken over into another part.
    """

    parts: tuple[str, ...]
    rows: npt.NDArray[np.uint64]


def is_part_name(name: str) -> bool:
    """Whether a file of this name is a part as `PartStore` writes it."""
    return _PART.fullmatch(name) is not None


class PartStore:
    """The parts of one table, each valid for exactly the inputs whose hash is in its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, index: int, key: str) -> Path:
        """Where part `index` made from inputs with hash `key` (16 hex digits) is kept."""
        return self.folder / f"part-{index:05d}-{key}.parquet"

    def has(self, index: int, key: str) -> bool:
        """Whether the part is there and complete (parts appear by an atomic rename, so there means complete)."""
        return self.path(index, key).is_file()

    def write(self, index: int, key: str, table: pa.Table) -> None:
        """Write one part atomically."""
        write_table(self.path(index, key), table)

    def read(self, keys: Sequence[str]) -> pa.Table:
        """All parts in order as one table.

        Raises
        ------
        BuildError
            A part is missing or unreadable.
        """
        tables = []
        for index, key in enumerate(keys):
            path = self.path(index, key)
            try:
                tables.append(pq.read_table(path))
            except (OSError, pa.ArrowException) as error:
                raise BuildError(f"{path}: cannot be read ({error}); delete the file and build again") from None
        # A column without any value has no type in one part and one in another.
        return pa.concat_tables(tables, promote_options="default")

    def strangers(self, keys: Sequence[str]) -> bool:
        """Whether there are parts of ours that the present inputs do not use."""
        keep = {self.path(index, key).name for index, key in enumerate(keys)}
        return any(is_part_name(path.name) and path.name not in keep for path in self.folder.glob("part-*.parquet"))

    def prune(self, keys: Sequence[str]) -> None:
        """Remove parts of ours that the present inputs do not use; other files are left alone."""
        keep = {self.path(index, key).name for index, key in enumerate(keys)}
        for path in sorted(self.folder.glob("part-*.parquet")):
            if is_part_name(path.name) and path.name not in keep:
                path.unlink()


def array_column(values: npt.NDArray[np.float32]) -> pa.FixedSizeListArray:
    """A column whose every row is a flat list of floats, from an array of shape (n, ...)."""
    width = int(np.prod(values.shape[1:]))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel()), width)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file atomically; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", store_schema=True)
    write_atomically(path, sink.getvalue().to_pybytes())
