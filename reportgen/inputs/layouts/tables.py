"""Tables with a row for each image: the columns' usual names tell what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reportgen.config import Columns
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.layouts.splits import split_of
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import PATH_NAMES, find_column, list_rows, read_training, text_cells
from reportgen.inputs.tables.reading import SUFFIXES_OF_TABLES
from reportgen.inputs.tables.splits import SPLIT_NAMES

__all__ = ["TABLES", "keep_training", "read_source_table", "rows_below"]

_NAMES = ("test.csv", "_classes.csv", "labels.csv")


def read_source_table(source: Source) -> Listing:
    """The rows of the source's table by the meaning of its columns.

    Raises
    ------
    DataError
        The table cannot be read or lacks a column.
    """
    path = source.path if not source.is_folder else source.find(*_NAMES) or source.path
    table = source.table(path)
    frame, others = table.frame, _others(source, path)
    if others:
        frame = rows_below(frame, path.relative_to(source.path).parent, source.columns)
    listing = list_rows(path, frame, source.columns, table.notes, table.class_names, classes=source.classes)
    listing.roots = (path.parent / "images", path.parent.parent / "images", path.parent.parent)
    beside = _training_table(source, path) if source.is_folder and path != source.path else None
    if beside is not None and (rows := read_training(source.table(beside).frame, source.columns)) is not None:
        listing.training["training table"] = rows
    if others:
        listing.folder = source.path
        listing.roots = (path.parent, *listing.roots)
        keep_training(listing, source, [one for one in others if split_of(*one.parts[:-1]) == "training"])
        listing.notes.append(
            f"{path.relative_to(source.path).as_posix()} is used, {', '.join(one.as_posix() for one in others[:4])} not"
        )
    if find_column(table.frame, None, SPLIT_NAMES) is None:
        listing.notes += _say_training(source, path, listing)
    return listing


def _training_table(source: Source, path: Path) -> Path | None:
    """A table of training images beside one of test images: `train.csv` beside `test.csv`."""
    folder = path.relative_to(source.path).parent
    named = [one for one in source.others if one.parent == folder and one.suffix == path.suffix]
    found = next((one for one in named if split_of(one.stem) == "training" != split_of(path.stem)), None)
    return None if found is None else source.path / found


def rows_below(frame: pd.DataFrame, folder: Path, columns: Columns) -> pd.DataFrame:
    """A table whose paths start in a folder, with paths that start where that folder's path does."""
    where = find_column(frame, columns.path, PATH_NAMES)
    if where is None or folder == Path():
        return frame
    return frame.assign(**{where: [path and (folder / path).as_posix() for path in text_cells(frame[where])]})


def keep_training(listing: Listing, source: Source, tables: Sequence[Path]) -> None:
    """Keep the rows of tables of training images aside; the tables' paths are relative to the source."""
    frames = [rows_below(source.table(source.path / path).frame, path.parent, source.columns) for path in tables]
    if frames and (rows := read_training(pd.concat(frames, ignore_index=True), source.columns)) is not None:
        listing.training["training folder"] = rows


def _others(source: Source, path: Path) -> list[Path]:
    """Tables of the same name in other folders, as in an export with one for each part."""
    if not source.is_folder or path == source.path:
        return []
    own = path.relative_to(source.path)
    return [one for one in source.others if one.name.casefold() == own.name.casefold() and one != own]


def _say_training(source: Source, path: Path, listing: Listing) -> list[str]:
    """What to say where a table without a column of splits is one of training images, or lists some."""
    folders = path.relative_to(source.path).parts[:-1] if source.is_folder else ()
    if split_of(*folders, path.stem, path.stem.split("-")[0]) == "training":
        return [f"{path.name} seems to be a list of training images: a model has probably seen these very images"]
    paths = listing.rows["path"]
    places = [path.replace("\\", "/").rpartition("/")[0] for path in paths]
    training = {place for place in set(places) if split_of(*place.split("/")) == "training"}
    trained = [path for path, place in zip(paths, places, strict=True) if place in training]
    if not trained or listing.pixels is not None:
        return []
    shown = "/".join(trained[0].replace("\\", "/").split("/")[-3:])
    count = f"{len(trained):,} of {len(paths):,}"
    return [f"{count} images lie in a training folder (such as {shown}): has a model seen them?"]


def _recognise(source: Source) -> Sighting | None:
    if source.is_folder:
        found = source.find(*_NAMES)
        return None if found is None else Sighting(found.name, Sure.POSSIBLE)
    known = source.path.suffix.lower() in SUFFIXES_OF_TABLES
    return Sighting(f"a {source.path.suffix} file", Sure.POSSIBLE) if known else None


TABLES = Layout(
    "table",
    "Table (CSV, TSV, Parquet, JSON lines)",
    (
        "paths and emotions under any usual name; pixels, arrays or bytes instead of paths; one-hot or vote columns "
        "named after emotions; lists without a header (`a.jpg happy`, `0,a.jpg,3`)",
    ),
    _recognise,
    read_source_table,
)
