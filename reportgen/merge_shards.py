"""Merges the parts of one table from several analyses.

A part is copied unchanged where possible. It is rewritten where one of its image ids is taken already, where one of the
user's columns holds numbers in one analysis and words in another, or where a label was corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reportgen.analysis import content_hash
from reportgen.errors import BuildError
from reportgen.files import write_atomically
from reportgen.shards import RECORD_KEY, PartStore

__all__ = ["common_kinds", "merge_parts", "unique_ids"]

Source = tuple[PartStore, Sequence[str]]
"""A table of one analysis: where its parts are, and their keys."""


def unique_ids(ids: Sequence[Iterable[str]]) -> list[dict[str, str]]:
    """For each analysis, the image ids that have to change because an earlier one has the same content."""
    taken: set[str] = set()
    changes = []
    for given in ids:
        changed = {}
        own = set(given)
        for image_id in given:
            if image_id not in taken:
                continue
            base, number = image_id.partition("-")[0], 2
            while f"{base}-{number}" in taken or f"{base}-{number}" in own:
                number += 1
            changed[image_id] = f"{base}-{number}"
            own.add(changed[image_id])
        changes.append(changed)
        taken |= own
    return changes


def common_kinds(sources: Sequence[Source]) -> dict[str, pa.DataType]:
    """Columns whose type differs between parts, with the type that holds them all: numbers, else words.

    Raises
    ------
    BuildError
        A part cannot be read.
    """
    found: dict[str, set[pa.DataType]] = {}
    for store, keys in sources:
        for index, key in enumerate(keys):
            for field in _read(pq.read_schema, store.path(index, key)):
                # A column without any value has no type; it takes any.
                found.setdefault(field.name, set()).update({field.type} - {pa.null()})
    return {name: _common(kinds) for name, kinds in found.items() if len(kinds) > 1}


def merge_parts(
    sources: Sequence[Source],
    target: PartStore,
    ids: Sequence[dict[str, str]],
    kinds: Mapping[str, pa.DataType],
    labels: Sequence[Mapping[str, tuple[str, int]]],
) -> list[str]:
    """Merge all parts of one table; returns the keys of the merged table.

    Parameters
    ----------
    ids
        For each source, image ids to change.
    kinds
        Columns to convert, with their new type.
    labels
        For each source, by image id as there, the emotion to write instead of the image's own, and its class.

    Raises
    ------
    BuildError
        A part cannot be read.
    """
    keys: list[str] = []
    for (store, parts), changed, relabelled in zip(sources, ids, labels, strict=True):
        for index, key in enumerate(parts):
            source = store.path(index, key)
            table = _read(partial(_altered, changed=changed, kinds=kinds, labels=relabelled), source)
            here = key if table is None else _key_of(table, key)
            if not target.has(len(keys), here):
                if table is None:
                    write_atomically(target.path(len(keys), here), _read(Path.read_bytes, source))
                else:
                    target.write(len(keys), here, table)
            keys.append(here)
    return keys


def _altered(
    source: Path,
    changed: dict[str, str],
    kinds: Mapping[str, pa.DataType],
    labels: Mapping[str, tuple[str, int]],
) -> pa.Table | None:
    """The part with new image ids, types and labels where it has to change, else None.

    A record under a new id, of a new type or of an image with another label is a new record, in tables that hold no
    labels, too: its key changes with it, so that a later build does not mistake it for the old one.
    """
    schema = pq.read_schema(source)
    cast = {name: kind for name, kind in kinds.items() if name in schema.names and schema.field(name).type != kind}
    if not changed and not cast and not labels:
        return None
    table = pq.read_table(source)
    ids = table.column("image_id").to_pylist()
    if not cast and changed.keys().isdisjoint(ids) and labels.keys().isdisjoint(ids):
        return None
    marks = [f"{name} as {kind}" for name, kind in sorted(cast.items())]
    keys = np.asarray(table.column(RECORD_KEY).to_numpy(), dtype=np.uint64)
    changes = [
        [
            *([changed[name]] if name in changed else []),
            *([f"labelled {labels[name][0]}"] if name in labels else []),
            *marks,
        ]
        for name in ids
    ]
    fresh = [
        int(content_hash(str(key), *why)[:16], 16) if why else int(key) for key, why in zip(keys, changes, strict=True)
    ]
    for name, kind in cast.items():
        values = table.column(name).to_pylist()
        if pa.types.is_string(kind):
            values = [_words(value) for value in values]
        table = _with_column(table, name, pa.array(values, kind))
    for place, column in enumerate(("emotion", "label")):
        if column in table.schema.names and not labels.keys().isdisjoint(ids):
            own = table.column(column).to_pylist()
            values = [labels[name][place] if name in labels else value for name, value in zip(ids, own, strict=True)]
            table = _with_column(table, column, pa.array(values, table.schema.field(column).type))
    named = pa.array([changed.get(name, name) for name in ids], table.schema.field("image_id").type)
    return _with_column(_with_column(table, "image_id", named), RECORD_KEY, pa.array(fresh, pa.uint64()))


def _with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def _key_of(table: pa.Table, key: str) -> str:
    """The key of a part that was rewritten from the one with this key; its records' keys stand for its content."""
    return content_hash(key, *map(str, table.column(RECORD_KEY).to_pylist()))[:16]


def _common(kinds: set[pa.DataType]) -> pa.DataType:
    numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
    return pa.float64() if numbers else pa.string()


def _words(value: object) -> str | None:
    """The cell as text; whole numbers are written without a fraction."""
    if value is None or value != value:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read(how: Callable[[Path], Any], source: Path) -> Any:
    try:
        return how(source)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BuildError(f"{source}: cannot be read ({error}); analyse that part again") from None
