"""Tables with a row for each image: the columns' usual names tell what they mean."""

from __future__ import annotations

from reportgen.inputs.layouts.folders import split_of
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import SPLIT_NAMES, find_column, list_rows
from reportgen.inputs.tables.reading import SUFFIXES_OF_TABLES

__all__ = ["TABLES", "read_source_table"]

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
    listing = list_rows(path, table.frame, source.columns, table.notes, table.class_names)
    listing.roots = (path.parent / "images", path.parent.parent / "images", path.parent.parent)
    if find_column(table.frame, None, SPLIT_NAMES) is None and listing.pixels is None:
        listing.notes += _say_training(listing)
    return listing


def _say_training(listing: Listing) -> list[str]:
    """What to say where a table without a column of splits lists images in folders named after training."""
    paths = listing.rows["path"]
    trained = [path for path in paths if split_of(*path.replace("\\", "/").split("/")[:-1]) == "training"]
    if not trained:
        return []
    shown = "/".join(trained[0].replace("\\", "/").split("/")[-3:])
    return [
        f"{len(trained):,} of {len(paths):,} images lie in a training folder (such as {shown}): has a model seen them?"
    ]


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
        "named after emotions; lists without a header (`a.jpg happy`)",
    ),
    _recognise,
    read_source_table,
)
