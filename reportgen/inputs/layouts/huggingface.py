"""Hugging Face `datasets`: Parquet files with embedded images and ClassLabel names, and `imagefolder` with metadata."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.layouts.folders import split_of
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.layouts.tables import read_source_table
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import list_rows

__all__ = ["HUGGINGFACE"]

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def _split(path: Path) -> str:
    """The split in a file's name ("test-00000-of-00001.parquet") or folder."""
    return split_of(*path.parts[:-1], path.stem.split("-")[0])


def _files(source: Source) -> list[Path]:
    """The Parquet files of the split to test on: those with a column of images, or numbered as shards of a split."""
    found = [
        path
        for path in source.others
        if path.suffix == ".parquet"
        and path.name not in _METADATA
        and (_SHARD.search(path.stem) or {"image", "img"} & set(source.header(source.path / path)))
    ]
    for split in ("test", "validation", "", "training"):
        chosen = [path for path in found if _split(path) == split]
        if chosen:
            return sorted(source.path / path for path in chosen)
    return []


def _metadata(source: Source) -> list[Path]:
    found = [
        path for path in source.others if path.name in _METADATA and "filename" in source.header(source.path / path)
    ]
    for split in ("test", "validation", "", "training"):
        chosen = [path for path in found if split_of(*path.parts[:-1]) == split]
        if chosen:
            return [source.path / path for path in chosen]
    return []


def _recognise(source: Source) -> Sighting | None:
    if not source.is_folder:
        return Sighting("ClassLabel names in the schema") if _states_classes(source) else None
    files = _files(source)
    if files:
        return Sighting(files[0].name)
    metadata = _metadata(source)
    return Sighting(f"{metadata[0].name} with file_name") if metadata else None


def _states_classes(source: Source) -> bool:
    return (
        source.path.suffix.lower() in (".parquet", ".pq") and bool(source.header()) and bool(source.table().class_names)
    )


def _read(source: Source) -> Listing:
    if not source.is_folder:
        return read_source_table(source)
    files = _files(source) or _metadata(source)
    if not files:
        raise DataError(f"{source.path}: no Parquet file and no metadata.csv with file_name; give one to --data")
    tables = [source.table(file) for file in files]
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    notes = [note for table in tables for note in table.notes]
    listing = list_rows(files[0], frame, source.columns, notes, tables[0].class_names)
    listing.source = f"{source.title}, {files[0].name}" + (f" and {len(files) - 1} more" if len(files) > 1 else "")
    split = _split(files[0].relative_to(source.path))
    if split == "training":
        listing.notes.append("only a training split was found: a model has probably seen these very images")
    elif split:
        listing.notes.append(f"the {split} split is used")
    return listing


HUGGINGFACE = Layout(
    "huggingface",
    "Hugging Face datasets",
    (
        "a folder or file of Parquet (`data/test-00000-of-00001.parquet`), class names from the schema",
        "`imagefolder` with `metadata.csv` or `.jsonl` (`file_name`, ...)",
    ),
    _recognise,
    _read,
)
