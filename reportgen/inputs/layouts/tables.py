"""Tables with a row for each image: the columns' usual names tell what they mean."""

from __future__ import annotations

from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import list_rows
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
    return listing


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
