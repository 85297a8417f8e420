"""Test sets that are tables: the notebook's pickle, CSV, TSV, Parquet and JSON lines."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reportgen.config import Columns
from reportgen.errors import DataError, printable
from reportgen.inputs.emotions import name_classes
from reportgen.inputs.listing import Listing
from reportgen.inputs.pickles.safe_pickle import load_pickle
from reportgen.inputs.tables.columns import (
    PATH_NAMES,
    ROW,
    SPLIT_NAMES,
    TRAINING,
    find_column,
    fold,
    list_rows,
    read_training,
)
from reportgen.inputs.tables.pixels import parse_cell

__all__ = ["read_table"]

_TEST_FRAMES = ("test_df", "df_test", "test", "test_data", "val_df", "df_val", "val", "df", "data")
_CLASS_KEYS = ("emotion_classes", "class_names", "classes", "emotions", "labels_order")
_PIXEL_CHUNK = 2048
_LARGEST = 1 << 32  # bytes; the largest known table, pixels of 36,000 faces as text, has 0.3 GB
# Equal rows take next to nothing in Parquet. Ten million images are as many as a cluster is planned for, and a row here
# needs a kilobyte of memory: twice as many is no test set any more.
_MOST_ROWS = 20_000_000
_NUMBER = r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?"


def read_table(path: Path, columns: Columns) -> Listing:
    """The rows of a table with its columns by their meaning.

    Parameters
    ----------
    path
        The file; its suffix tells the form (.pkl, .pickle, .csv, .tsv, .txt, .parquet, .jsonl, .ndjson,
        .json).
    columns
        Column names given in the settings; the usual names are tried for the others.

    Raises
    ------
    DataError
        The file cannot be read, or lacks a column for paths (or pixels) or for emotions.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the test set with --data")
    size = path.stat().st_size
    if size > _LARGEST:
        raise DataError(f"{path}: {size / 1e9:.1f} GB, a table of at most {_LARGEST / 1e9:.1f} GB is read")
    if suffix in (".pkl", ".pickle", ".p"):
        return _from_pickle(path, columns)
    notes: list[str] = []
    if suffix in (".csv", ".tsv", ".txt"):
        frame = _read_csv(path, columns, notes)
    elif suffix in (".parquet", ".pq"):
        frame = _guarded(path, lambda: _read_parquet(path))
    elif suffix in (".jsonl", ".ndjson", ".json"):
        frame = _guarded(path, lambda: _read_json(path, lines=suffix != ".json"))
    else:
        raise DataError(
            f"{path}: found a '{suffix}' file, expected a folder, .pkl, .csv, .tsv, .parquet or .jsonl; "
            "convert it or give another file to --data"
        )
    return list_rows(path, frame, columns, notes)


def _guarded(path: Path, read: Callable[[], Any]) -> pd.DataFrame:
    try:
        return pd.DataFrame(read())
    except DataError:
        raise
    except Exception as error:
        # pandas and pyarrow raise anything from OSError to ArrowInvalid for damaged files.
        raise DataError(f"{path}: cannot be read as a table ({error!s:.160}); repair or convert it") from None


def _read_parquet(path: Path) -> pd.DataFrame:
    with pq.ParquetFile(path) as file:
        rows = file.metadata.num_rows
        words = [field.name for field in file.schema_arrow if _is_text(field.type)]
    if rows > _MOST_ROWS:
        raise DataError(f"{path}: {rows:,} rows, a table of at most {_MOST_ROWS:,} is read; give a part of it")
    # A long text is stored once and named by every row, so it is looked at in that form first.
    size = 0
    with pq.ParquetFile(path, read_dictionary=words) as file:
        for batch in file.iter_batches():
            size += sum(map(_unpacked, batch.columns))
            if size > _LARGEST:
                raise DataError(f"{path}: more than {_LARGEST / 1e9:.1f} GB when it is unpacked; give a smaller table")
    return pd.read_parquet(path)


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _unpacked(column: pa.Array) -> int:
    """Bytes of a column with every row's text written out."""
    if not (pa.types.is_dictionary(column.type) and _is_text(column.type.value_type)):
        return int(column.nbytes)
    return pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0


def _from_pickle(path: Path, columns: Columns) -> Listing:
    content = load_pickle(path)
    notes: list[str] = []
    training: dict[str, pd.DataFrame] = {}
    declared: tuple[str, ...] | None = None
    frame = _as_frame(content)
    if frame is None and isinstance(content, Mapping):
        key = next((name for name in _TEST_FRAMES if _as_frame(content.get(name)) is not None), None)
        if key is None:
            found = ", ".join(str(name) for name in list(content)[:8]) or "nothing"
            raise DataError(f"{path}: holds no test frame (found: {found}); expected a DataFrame under 'test_df'")
        frame = _as_frame(content[key])
        if key.startswith(("val", "df_val")):
            notes.append(f"no 'test_df' in the pickle: '{key}' is used")
        for name in ("train_df", "val_df", "df_train", "df_val", "train", "val"):
            other = _as_frame(content.get(name))
            if name != key and other is not None:
                training[name] = other
    names = (
        next((content[key] for key in _CLASS_KEYS if key in content), None) if isinstance(content, Mapping) else None
    )
    if isinstance(names, (list, tuple, np.ndarray)) and len(names):
        declared = name_classes([printable(str(name)) for name in names])
    if frame is None:
        raise DataError(f"{path}: holds a {type(content).__name__}; expected a DataFrame or a dict with 'test_df'")
    listing = list_rows(path, frame, columns, notes, declared)
    for name, other in training.items():
        rows = read_training(other, columns)
        if rows is not None:
            listing.training[name] = rows
    return listing


def _as_frame(value: Any) -> pd.DataFrame | None:
    """A frame from what people pickle instead of one: a dict of columns, or a list of rows."""
    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, Mapping) and value:
        lengths = {
            len(cell) if isinstance(cell, (list, tuple, np.ndarray, pd.Series)) else -1 for cell in value.values()
        }
        usual = set((PATH_NAMES + " pixels").split()) & {str(key).casefold() for key in value}
        return pd.DataFrame(dict(value)) if len(lengths) == 1 and -1 not in lengths and usual else None
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return pd.DataFrame(value)
    return None


def _read_json(path: Path, *, lines: bool) -> pd.DataFrame:
    # Not pandas' reader: it turns "007" into a number and some names of columns into dates.
    text = path.read_text(encoding="utf-8-sig")
    content = [json.loads(line) for line in text.split("\n") if line.strip()] if lines else json.loads(text)
    frame = _as_frame(content)
    if frame is None:
        raise ValueError("expected one object for each image")
    return frame


def _read_csv(path: Path, columns: Columns, notes: list[str]) -> pd.DataFrame:
    encoding = _encoding(path)
    if encoding == "cp1252":
        notes.append("the file is not UTF-8: read as Windows-1252")
    try:
        with path.open(encoding=encoding, errors="replace") as file:
            header = file.readline()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    separator = max(",;\t|", key=header.count)
    options: dict[str, Any] = {
        "sep": separator,
        "encoding": encoding,
        "encoding_errors": "replace",
        "dtype": str,
        "keep_default_na": False,
        "skipinitialspace": True,
    }
    if "pixels" not in header.casefold():
        return _guarded(path, lambda: _typed(pd.read_csv(path, **options)))
    # A pixels file holds eight kilobytes of text a row, most of them training images: chunks keep memory
    # small.
    return _guarded(path, lambda: _read_pixel_rows(pd.read_csv(path, chunksize=_PIXEL_CHUNK, **options)))


def _read_pixel_rows(chunks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    for chunk in chunks:
        chunk.columns = [str(name).strip() for name in chunk.columns]
        usage = find_column(chunk, None, SPLIT_NAMES)
        chunk[ROW] = chunk.index
        if usage is not None:
            chunk = chunk[~chunk[usage].map(fold).isin(TRAINING)].copy()
        pixels = find_column(chunk, None, "pixels")
        if pixels is not None:
            chunk[pixels] = pd.Series([_compact(cell) for cell in chunk[pixels]], index=chunk.index, dtype=object)
        parts.append(chunk)
    return pd.concat(parts, ignore_index=True)


def _compact(cell: str) -> object:
    """A cell as an array where it is good, else as it stands, so that the reason can be given later."""
    values, _ = parse_cell(cell)
    return cell if values is None else values


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of nothing but numbers as numbers; "007" stays text, because it is a name."""
    for name in frame.columns:
        cells = frame[name]
        if isinstance(cells, pd.Series) and len(cells) and cells.str.fullmatch(_NUMBER).all():
            frame[name] = pd.to_numeric(cells)
    return frame


def _encoding(path: Path) -> str:
    """UTF-8 (with or without mark) or UTF-16 where the file is, else Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
            decoder.decode(start)
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); correct its permissions") from None
    return "utf-8-sig"
