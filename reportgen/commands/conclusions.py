"""Conclusions that are kept: where only the pages or their pictures change, nothing is weighed again.

`analysis/conclusions.bin` holds all of a report but the records it was concluded from. It is no pickle: it names
dataclasses of this package, whose fields are filled without running any code, and values that JSON or an array can
hold. A file that is damaged, or that was made from anything else, counts as none.
"""

from __future__ import annotations

import json
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.files import write_atomically
from reportgen.shards import find_parts
from reportgen.site.report import Report

__all__ = ["keep_conclusions", "kept_conclusions"]

_FILE = "conclusions.bin"
_EXPERIMENTS = "experiments/*/*/"
_MARK = b"reportgen conclusions\n"
_MOST = 2**31  # bytes unpacked
_GIVEN = ("analysis", "predictions", "load_image", "command")
"""Fields of a report that are read or made each time."""
_ARRAYS = "biufcUSM"  # kinds of numpy


def keep_conclusions(report: Report, folder: Path, key: str) -> None:
    """Write a report's conclusions into `folder`.

    Raises
    ------
    TypeError
        It holds a value of an unknown kind.
    OutputError
        The folder cannot be written.
    """
    writer = _Writer(_records(report.analysis))
    values = {
        entry.name: writer.plain(getattr(report, entry.name)) for entry in fields(report) if entry.name not in _GIVEN
    }
    parts = [part.relative_to(folder).as_posix() for part in find_parts(folder, _EXPERIMENTS)]
    head = json.dumps({"key": key, "values": values, "arrays": writer.arrays, "experiments": parts}).encode()
    body = zlib.compress(len(head).to_bytes(8, "big") + head + b"".join(writer.parts), 1)
    write_atomically(folder / _FILE, _MARK + body)


def kept_conclusions(folder: Path, key: str, **given: Any) -> Report | None:
    """The report whose conclusions are in `folder`, where they have this key; None where there are none.

    Parts of experiments that it was not concluded from are removed, as the experiments themselves would do: a build
    that was killed may have left them.

    Parameters
    ----------
    **given
        The fields that are not kept: `analysis`, `predictions`, `load_image` and `command`.
    """
    try:
        content = (folder / _FILE).read_bytes()
        if not content.startswith(_MARK):
            return None
        unpacked = zlib.decompressobj().decompress(content[len(_MARK) :], _MOST)
        end = 8 + int.from_bytes(unpacked[:8], "big")
        head = json.loads(unpacked[8:end])
        if head["key"] != key:
            return None
        reader = _Reader(head["arrays"], memoryview(unpacked)[end:], _records(given["analysis"]))
        report = Report(**{name: reader.value(plain) for name, plain in head["values"].items()}, **given)
        used = {folder / part for part in head["experiments"]}
        for part in find_parts(folder, _EXPERIMENTS):
            if part not in used:
                part.unlink()
        return report
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, zlib.error):
        return None


def _records(analysis: Analysis) -> list[npt.NDArray[Any]]:
    """The arrays of the analysis, which conclusions may hold as they are: they are not kept a second time."""
    values = (getattr(model, entry.name) for model in analysis.models for entry in fields(model))
    return [value for value in values if isinstance(value, np.ndarray)]


class _Writer:
    """Values as JSON, arrays beside them: each array once, wherever it stands."""

    def __init__(self, records: Sequence[npt.NDArray[Any]]) -> None:
        self.arrays: list[tuple[str, list[int], str, int]] = []
        self.parts: list[bytes] = []
        self._size = 0
        # The place of an array by its id; the array stands beside it, so that no other takes its id.
        self._known = {id(array): (-1 - place, array) for place, array in enumerate(records)}

    def plain(self, value: Any) -> Any:
        """A value as JSON holds it; what JSON does not know becomes {kind: content}."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if type(value) in _FORMS:
            name, listed, _ = _FORMS[type(value)]
            return {name: [self.plain(entry) for entry in listed(value)]}
        if type(value) is bytes:
            return {"bytes": b64encode(value).decode()}
        if isinstance(value, np.generic):
            return {"number": self._array(np.asarray(value))}
        if type(value) is np.ndarray and value.dtype.kind in _ARRAYS:
            return {"array": self._array(value)}
        if type(value) is np.ndarray and value.dtype == object:
            return {"objects": [list(value.shape), [self.plain(entry) for entry in value.ravel().tolist()]]}
        if type(value) is pd.DataFrame:
            columns = [[self.plain(name), self._column(value.iloc[:, k])] for k, name in enumerate(value.columns)]
            return {"frame": [self._column(value.index), columns]}
        if is_dataclass(value) and not isinstance(value, type):
            kind = type(value)
            name = f"{kind.__module__}:{kind.__qualname__}"
            return {"fields": [name, [self.plain(getattr(value, entry.name)) for entry in fields(value)]]}
        raise TypeError(f"{type(value).__name__} cannot be kept")

    def _column(self, values: Any) -> Any:
        if isinstance(values.dtype, np.dtype):
            return self.plain(np.asarray(values))
        if isinstance(values.dtype, pd.StringDtype):
            return {"words": [str(values.dtype), [None if pd.isna(value) else str(value) for value in values]]}
        raise TypeError(f"a column of {values.dtype} cannot be kept")

    def _array(self, array: npt.NDArray[Any]) -> int:
        if id(array) not in self._known:
            order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
            content = array.tobytes(order)
            self._known[id(array)] = len(self.arrays), array
            self.arrays.append((array.dtype.str, list(array.shape), order, self._size))
            self.parts.append(content)
            self._size += len(content)
        return self._known[id(array)][0]


class _Reader:
    """Back again."""

    def __init__(self, arrays: Any, content: memoryview, records: Sequence[npt.NDArray[Any]]) -> None:
        self._arrays = [*(_array(entry, content) for entry in arrays), *reversed(records)]

    def value(self, plain: Any) -> Any:
        """What `_Writer.plain` was given."""
        if not isinstance(plain, dict):
            return plain
        ((kind, content),) = plain.items()
        if kind in _BUILD:
            return _BUILD[kind](self.value(entry) for entry in content)
        match kind:
            case "bytes":
                return b64decode(content)
            case "number":
                return self._arrays[content][()]
            case "array":
                return self._arrays[content]
            case "objects":
                found = np.empty(len(content[1]), dtype=object)
                found[:] = [self.value(entry) for entry in content[1]]
                return found.reshape(content[0])
            case "words":
                return pd.array(content[1], dtype=content[0])
            case "frame":
                return self._frame(*content)
            case "fields":
                return self._filled(*content)
        raise ValueError(f"{kind}: an unknown kind of value")

    def _frame(self, index: Any, columns: Any) -> pd.DataFrame:
        found, rows = [self.value(column) for _, column in columns], self.value(index)
        # Types are named: pandas would make words of objects.
        values = {place: pd.Series(column, rows, column.dtype) for place, column in enumerate(found)}
        frame = pd.DataFrame(values, index=rows)
        frame.columns = pd.Index([self.value(name) for name, _ in columns])
        return frame

    def _filled(self, name: str, values: Any) -> Any:
        """An instance without a call of its class: its fields, and nothing that a file could make it do."""
        found = _class(name)
        made = object.__new__(found)
        for entry, plain in zip(fields(found), values, strict=True):  # a TypeError where it is no dataclass
            object.__setattr__(made, entry.name, self.value(plain))
        return made


_FORMS: dict[type, tuple[str, Callable[[Any], Iterable[Any]], Callable[[Iterable[Any]], Any]]] = {
    list: ("list", list, list),
    tuple: ("tuple", list, tuple),
    frozenset: ("set", lambda value: sorted(value, key=repr), frozenset),
    dict: ("dict", dict.items, dict),
    MappingProxyType: ("fixed dict", MappingProxyType.items, lambda pairs: MappingProxyType(dict(pairs))),
}
"""By type: its name in the file, what lists its content, and what makes it of that again."""
_BUILD = {name: build for name, _, build in _FORMS.values()}


def _class(name: str) -> Any:
    """A class of this package, of a module that is loaded: a file makes nothing load."""
    module, _, own = name.partition(":")
    found = getattr(sys.modules[module], own) if module.startswith("reportgen.") else None
    if not (isinstance(found, type) and found.__module__ == module):
        raise ValueError(f"{name}: no class of this package")
    return found


def _array(entry: Any, content: memoryview) -> npt.NDArray[Any]:
    kind, shape, order, start = entry
    dtype = np.dtype(kind)
    if dtype.kind not in _ARRAYS:
        raise ValueError(f"{kind}: no plain numbers or words")
    flat = (
        np.frombuffer(content, dtype, int(np.prod(shape, dtype=np.int64)), start)
        if 0 not in shape
        else np.empty(0, dtype)
    )
    return flat.reshape(shape, order=order).copy(order=order)
