"""Cells of a table that hold more than a word or a number, as text that every table format can keep."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from reportgen.errors import DataError, printable

__all__ = ["Budget", "storable"]

_REPEATED = 1 << 24  # entries; their text then has some 100 MB at most
_CONTAINERS = (list, tuple, set, frozenset, dict, np.ndarray)


class Budget:
    """How many repeated entries the cells of one table may hold.

    A pickle names a list that it has already in two bytes, and a list of such lists without end: two kilobytes are
    2^28 entries when they are written out. What a file really holds is bounded by its size; only what is met again is
    counted.
    """

    def __init__(self) -> None:
        self._seen: dict[int, object] = {}  # the objects too: a number is free again when its object is gone
        self._left = _REPEATED

    def allows(self, cell: object) -> bool:
        """Whether this cell, too, can be written out."""
        waiting = [cell]
        while waiting:
            value = waiting.pop()
            if not isinstance(value, (*_CONTAINERS, str, bytes)):
                continue
            if id(value) in self._seen:
                self._left -= 1 + (value.size if isinstance(value, np.ndarray) else len(value))
                if self._left < 0:
                    return False
            else:
                self._seen[id(value)] = value
            if isinstance(value, dict):
                waiting += [*value.keys(), *value.values()]
            elif isinstance(value, np.ndarray):
                waiting += value.ravel().tolist() if value.dtype == object else []
            elif not isinstance(value, str | bytes):
                waiting += value
        return True


def storable(name: str, column: pd.Series[Any], budget: Budget) -> Any:
    """A column that every table format can hold: mixed objects become text.

    Raises
    ------
    DataError
        A cell cannot be written out.
    """
    if column.dtype != object:
        return column.to_numpy()
    return [_as_text(name, cell, budget) for cell in column]


def _as_text(name: str, cell: Any, budget: Budget) -> str | None:
    if isinstance(cell, str):
        return printable(cell)
    if isinstance(cell, _CONTAINERS) and not budget.allows(cell):
        raise DataError(
            f"column '{name:.80}': its cells hold the same lists again and again, more than {_REPEATED:,} entries in "
            "all; take the column out of the table"
        )
    try:
        if isinstance(cell, list | tuple | np.ndarray):
            return json.dumps(cell, default=_plain)  # such as landmarks
        return None if cell is None or cell is pd.NA or cell != cell else printable(str(cell))
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"column '{name:.80}': a cell ({type(cell).__name__}) cannot be written as text ({error!s:.120}); take the "
            "column out of the table"
        ) from None


def _plain(value: object) -> object:
    """What JSON has no word for: numbers and arrays of numpy as Python's, all else as text."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
