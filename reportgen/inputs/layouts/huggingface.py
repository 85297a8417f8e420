"""Hugging Face `datasets`: Parquet files with embedded images and ClassLabel names, and `imagefolder` with metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import canonical_emotion
from reportgen.inputs.layouts.folders import class_folders
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.layouts.splits import SPLITS, split_of, take_split
from reportgen.inputs.layouts.tables import keep_training, read_source_table, rows_below
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import label_cell, list_rows, read_training
from reportgen.inputs.tables.reading import Table

__all__ = ["HUGGINGFACE"]

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_SCHEMAS = (".parquet", ".pq", ".arrow")


def _split(path: Path) -> str:
    """The split in a file's name ("test-00000-of-00001.parquet") or folder."""
    return split_of(*path.parts[:-1], path.stem, path.stem.split("-")[0])


def _files(source: Source) -> list[Path]:
    """The Parquet files, relative to the folder: those with a column of images, or numbered as shards of a split; or
    the Arrow files that `save_to_disk` writes.
    """
    found = [
        path
        for path in source.others
        if path.suffix == ".parquet"
        and path.name not in _METADATA
        and (_SHARD.search(path.stem) or {"image", "img"} & set(source.header(source.path / path)))
    ]
    return found or [file for path in source.others if path.name == "state.json" for file in _saved(source, path)]


def _saved(source: Source, state: Path) -> list[Path]:
    """The Arrow files of a folder of `save_to_disk`: those that its state names, and no others of the cache."""
    beside = [path for path in source.others if path.parent == state.parent and path.suffix == ".arrow"]
    try:
        listed = {one["filename"] for one in json.loads((source.path / state).read_bytes())["_data_files"]}
    except Exception:  # of another program, or of another version
        listed = {path.name for path in beside if _SHARD.search(path.stem)}
    return [path for path in beside if path.name in listed]


def _metadata(source: Source) -> list[Path]:
    """Tables with a column `file_name`, relative to the folder."""
    return [
        path for path in source.others if path.name in _METADATA and "filename" in source.header(source.path / path)
    ]


def _recognise(source: Source) -> Sighting | None:
    if not source.is_folder:
        return Sighting("ClassLabel names in the schema") if _states_classes(source) else None
    files = _files(source)
    if files:
        return Sighting(files[0].name)
    metadata = _metadata(source)
    if not metadata:
        return None
    seen = f"{metadata[0].name} with file_name"
    if class_folders(source) and not _tells_emotions(source.table(source.path / metadata[0]).frame, source):
        return Sighting(seen, Sure.POSSIBLE, "it has no column of emotions, and the folders are named after them")
    return Sighting(seen)


def _tells_emotions(frame: pd.DataFrame, source: Source) -> bool:
    rows = read_training(frame, source.columns)
    labelled = rows is not None and bool(rows["emotion"].notna().any())
    return labelled or sum(canonical_emotion(name) is not None for name in frame) > 2  # a column for each


def _states_classes(source: Source) -> bool:
    return source.path.suffix.lower() in _SCHEMAS and bool(source.header()) and bool(source.table().class_names)


def _read(source: Source) -> Listing:
    if not source.is_folder:
        return read_source_table(source)
    files = _files(source)
    found = files or _metadata(source)
    if not found:
        raise DataError(
            f"{source.path}: no Parquet or Arrow file and no metadata.csv with file_name; give one to --data"
        )
    by_split = {split: sorted(path for path in found if _split(path) == split) for split in SPLITS}
    notes: list[str] = []
    for split in filter(by_split.get, SPLITS):
        chosen = by_split[split]
        tables = [source.table(source.path / path) for path in chosen]
        if any(map(_is_labelled, tables)):
            break
        notes.append(f"the {split or 'only'} split has no labels, as the test part of a competition")
    notes += [note for table in tables for note in table.notes]
    frames, names = _in_words(source, chosen, tables, notes)
    if not files:
        frames = [rows_below(frame, path.parent, source.columns) for frame, path in zip(frames, chosen, strict=True)]
    frame = pd.concat(frames, ignore_index=True)
    listing = list_rows(source.path / chosen[0], frame, source.columns, notes, names, classes=source.classes)
    listing.source = f"{source.title}, {chosen[0].name}" + (f" and {len(chosen) - 1} more" if len(chosen) > 1 else "")
    if not files:
        listing.folder = source.path
        keep_training(listing, source, [path for path in found if split != "training" == _split(path)])
    if split == "training":
        listing.notes.append("only a training split was found: a model has probably seen these very images")
    elif split:
        listing.notes.append(f"the {split} split is used")
    elif not files:
        splits = [split_of(*PurePath(path.replace("\\", "/")).parts[:-1]) for path in listing.rows["path"]]
        take_split(listing, splits)
    return listing


def _is_labelled(table: Table) -> bool:
    """Whether any row has a label; `datasets` writes -1 where it is kept secret."""
    columns = [column for column in table.class_names if column in table.frame]
    return not columns or any(
        bool((pd.to_numeric(table.frame[column], errors="coerce") >= 0).any()) for column in columns
    )


def _in_words(
    source: Source, paths: Sequence[Path], tables: Sequence[Table], notes: list[str]
) -> tuple[list[pd.DataFrame], Mapping[str, Sequence[str]]]:
    """Frames that can be joined, and the names of their numbers; where the files number classes differently, each
    file's own names are written in.

    Raises
    ------
    DataError
        Some of the files state no names of their numbers.
    """
    first = dict(tables[0].class_names)
    if all(dict(table.class_names) == first for table in tables):
        return [table.frame for table in tables], first
    labels = sorted({column for table in tables for column in table.class_names})
    silent = [
        path
        for path, table in zip(paths, tables, strict=True)
        if any(column in table.frame and column not in table.class_names for column in labels)
    ]
    if silent:
        raise DataError(
            f"{source.path}: {silent[0].as_posix()} does not state the names of its numbers, and other files do; give "
            "one of the files to --data"
        )
    notes.append(
        "the files number their classes differently, and each is read by its own names: "
        + "; ".join(
            f"{path.as_posix()} {', '.join(next(iter(table.class_names.values())))}"
            for path, table in list(zip(paths, tables, strict=True))[:4]
        )
    )
    return [_named(table) for table in tables], {}


def _named(table: Table) -> pd.DataFrame:
    """A table with names instead of the numbers of its classes; numbers without a name stay."""
    frame = table.frame.copy()
    for column, names in table.class_names.items():
        if column in frame:
            cells = [label_cell(cell) for cell in frame[column]]
            words = [names[one] if isinstance(one, int) and 0 <= one < len(names) else one for one in cells]
            frame[column] = pd.Series(words, index=frame.index, dtype=object)
    return frame


HUGGINGFACE = Layout(
    "huggingface",
    "Hugging Face datasets",
    (
        "a folder or file of Parquet (`data/test-00000-of-00001.parquet`) or of Arrow (`save_to_disk`), class names "
        "from the schema",
        "`imagefolder` with `metadata.csv` or `.jsonl` (`file_name`, ...)",
    ),
    _recognise,
    _read,
)
