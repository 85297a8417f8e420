"""Tidy tables of what was found, written beside the records, and what each of their columns means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa

from reportgen.files import write_atomically, write_json
from reportgen.shards import write_table

__all__ = ["Dictionary", "Tables", "inert", "write_tables"]

Tables = Mapping[str, pd.DataFrame]
"""Tables by name."""
Dictionary = Mapping[str, Mapping[str, str]]
"""Meaning of every column, by table and column."""


def inert(text: str) -> str:
    """Text for a cell of a CSV file: spreadsheets run what begins like a formula; an apostrophe keeps a name a name."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def write_tables(folder: Path, *found: tuple[Tables, Dictionary]) -> None:
    """Write every table as Parquet and CSV, and one data dictionary as JSON, into `folder`."""
    meanings: dict[str, dict[str, str]] = {}
    for tables, dictionary in found:
        for name, table in tables.items():
            write_table(folder / f"{name}.parquet", pa.Table.from_pandas(table, preserve_index=False))
            text = table.map(lambda cell: inert(cell) if isinstance(cell, str) else cell)
            write_atomically(folder / f"{name}.csv", text.to_csv(index=False, float_format="%.6g").encode())
            meanings[name] = dict(dictionary[name])
    write_json(folder / "dictionary.json", meanings)
