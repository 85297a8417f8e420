"""Tables in shards: one Parquet file per part, named by the hash of everything it was computed from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from reportgen.errors import BuildError
from reportgen.files import write_atomically

__all__ = [
    "RECORD_KEY",
    "Keys",
    "PartStore",
    "array_column",
    "array_of",
    "check_ends",
    "find_parts",
    "is_part_name",
    "prune_models",
    "table_bytes",
    "write_table",
]

RECORD_KEY = "record_key"
"""Column of every part: for each row, the hash of everything it was computed from."""

_MAGIC = b"PAR1"
_PART = re.compile(r"part-(\d{5,})-([0-9a-f]{16})\.parquet")


@dataclass(frozen=True, eq=False)
class Keys:
    """What one table is computed from, as hashes.

    Attributes
    ----------
    parts
        Per part, 16 hex digits.
    rows
        (n,) per row of the test set; written beside the row, so that the row can be reused in another part.
    """

    parts: tuple[str, ...]
    rows: npt.NDArray[np.uint64]


def is_part_name(name: str) -> bool:
    """Whether a file of this name is a part as `PartStore` writes it."""
    return _PART.fullmatch(name) is not None


class PartStore:
    """The parts of one table; each is valid for exactly the inputs whose hash is in its name."""

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
        tables = [_read(pq.read_table, self.path(index, key)) for index, key in enumerate(keys)]
        # A column without any value has no type in one part and one in another.
        return pa.concat_tables(tables, promote_options="default")

    def has_column(self, keys: Sequence[str], name: str) -> bool:
        """Whether every part has a column: parts of an older version may lack one.

        Raises
        ------
        BuildError
            A part is missing or unreadable.
        """
        paths = (self.path(index, key) for index, key in enumerate(keys))
        return all(name in _read(pq.read_schema, path).names for path in paths)

    def rows(
        self, keys: Sequence[str], columns: Sequence[str], wanted: npt.NDArray[np.int64] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Some columns of some rows as arrays, read part by part: never more than one part beside the result.

        Parameters
        ----------
        wanted
            Ascending positions over all parts; None for all.

        Returns
        -------
        dict
            (m,) for plain columns, (m, width) float32 for lists of numbers (NaN where the row has none).

        Raises
        ------
        BuildError
            A part is missing or unreadable, or there are fewer rows than wanted.
        """
        paths = [self.path(index, key) for index, key in enumerate(keys)]
        counts = [int(_read(pq.read_metadata, path).num_rows) for path in paths]
        ends = np.cumsum(counts, dtype=np.int64)
        total = int(ends[-1]) if len(ends) else 0
        if wanted is not None and len(wanted) and wanted[-1] >= total:
            raise BuildError(f"{self.folder}: {total} rows, expected more than {wanted[-1]}; delete it and build again")
        found: dict[str, npt.NDArray[Any]] = {}
        filled = 0
        for path, length, end in zip(paths, counts, ends.tolist(), strict=True):
            start = end - length
            chosen = None if wanted is None else wanted[(wanted >= start) & (wanted < end)] - start
            count = end - start if chosen is None else len(chosen)
            if not count and found:
                continue
            table = _read(partial(pq.read_table, columns=list(columns)), path)
            for name in columns:
                values = array_of(table.column(name))
                if name not in found:
                    shape = (total if wanted is None else len(wanted), *values.shape[1:])
                    found[name] = np.empty(shape, dtype=values.dtype)
                found[name][filled : filled + count] = values if chosen is None else values[chosen]
            filled += count
        return found

    def has_unused(self, keys: Sequence[str]) -> bool:
        """Whether there are parts that the present inputs do not use."""
        return bool(self._unused(keys))

    def prune(self, keys: Sequence[str]) -> None:
        """Remove parts that the present inputs do not use; other files are left alone."""
        for path in self._unused(keys):
            path.unlink()

    def _unused(self, keys: Sequence[str]) -> list[Path]:
        keep = {self.path(index, key).name for index, key in enumerate(keys)}
        return [path for path in find_parts(self.folder) if path.name not in keep]


def find_parts(folder: Path, below: str = "") -> list[Path]:
    """The parts in a folder, sorted; with `below`, such as "**/", those in the folders of this pattern."""
    return [path for path in sorted(folder.glob(f"{below}part-*.parquet")) if is_part_name(path.name)]


def check_ends(analysis: Path) -> None:
    """See that no part of an analysis was cut off, without reading it: a Parquet file ends as it began.

    Raises
    ------
    BuildError
        A part was, or cannot be opened.
    """
    for path in find_parts(analysis, "**/"):
        _read(_whole, path)


def _whole(path: Path) -> None:
    with path.open("rb") as file:
        begins = file.read(len(_MAGIC))
        file.seek(-min(len(_MAGIC), path.stat().st_size), 2)
        if begins != _MAGIC or file.read() != _MAGIC:
            raise OSError("it was cut off")


def prune_models(analysis: Path, slugs: Iterable[str]) -> None:
    """Remove the parts of all models but these, and their folders once they are empty.

    Other files are left alone, and so is what a link leads to.
    """
    keep = set(slugs)
    for folder in sorted([*analysis.glob("models/*"), *analysis.glob("experiments/*/*")]):
        if folder.name not in keep and folder.is_dir() and not folder.is_symlink():
            PartStore(folder).prune(())
            if not any(folder.iterdir()):
                folder.rmdir()


def _read(how: Callable[[Path], Any], path: Path) -> Any:
    try:
        return how(path)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BuildError(f"{path}: cannot be read ({error}); delete the file and build again") from None


def array_column(values: npt.NDArray[np.float32], precision: type[np.floating] = np.float32) -> pa.FixedSizeListArray:
    """A column whose every row is a flat list of floats, from an array of shape (n, ...)."""
    width = int(np.prod(values.shape[1:]))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values, dtype=precision).ravel()), width)


def array_of(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column as an array: (n, width) float32 of lists of numbers, NaN where a row has none; else (n,)."""
    if not pa.types.is_fixed_size_list(column.type):
        return np.asarray(column.to_numpy())
    width = column.type.list_size
    # `flatten` drops null rows, so the values are read from below them, chunk by chunk and from each chunk's offset.
    chunks = [
        np.asarray(chunk.values.to_numpy(zero_copy_only=False), np.float32)[
            chunk.offset * width : (chunk.offset + len(chunk)) * width
        ].reshape(-1, width)
        for chunk in column.chunks
    ]
    rows = np.concatenate(chunks) if chunks else np.empty((0, width), np.float32)
    if column.null_count:
        # Parquet may write anything below a null.
        rows[~np.asarray(column.is_valid(), dtype=bool)] = np.nan
    return rows


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file atomically; the same table gives the same bytes."""
    write_atomically(path, table_bytes(table))


def table_bytes(table: pa.Table) -> bytes:
    """A table as a Parquet file; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    # A dictionary of measured numbers holds each of them once: writing takes five times as long, and half as much space
    # again.
    words = [field.name for field in table.schema if not _holds_floats(field.type)]
    pq.write_table(table, sink, compression="zstd", store_schema=True, use_dictionary=words)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _holds_floats(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind.value_type if pa.types.is_fixed_size_list(kind) else kind))
