"""What a pickle says about arrays and frames, and building them from it by public constructors only."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

__all__ = ["Record", "UnsupportedRecord", "build"]


class UnsupportedRecord(Exception):  # noqa: N818 -- becomes a DataError where the file's name is known
    """A record that is admitted but does not describe a table as pandas would write it."""


class Record:
    """One object of the stream: its kind, the arguments it was made with and the state it was given."""

    __slots__ = ("args", "kind", "state")

    def __init__(self, kind: str, args: tuple[Any, ...], state: Any = None) -> None:
        self.kind = kind
        self.args = args
        self.state = state


def build(content: Any) -> Any:
    """The finished content: records become arrays, series and frames; containers are walked."""
    return _Builder().value(content)


class _Builder:
    def __init__(self) -> None:
        # By identity: the same record may stand in many places, and shared tuples must not be walked twice.
        self.done: dict[int, tuple[Any, Any]] = {}
        self.open: set[int] = set()

    def value(self, item: Any) -> Any:
        if not isinstance(item, (Record, list, tuple, dict)):
            return item
        known = self.done.get(id(item))
        if known is not None:
            return known[1]
        if id(item) in self.open:
            raise UnsupportedRecord("a container that contains itself")
        self.open.add(id(item))
        result = self._make(item)
        self.open.discard(id(item))
        # The item is kept beside its result, so that its identity cannot be given to another object.
        self.done[id(item)] = (item, result)
        return result

    def _make(self, item: Any) -> Any:
        if isinstance(item, dict):
            return {key: self.value(value) for key, value in item.items()}
        if isinstance(item, list):
            return [self.value(value) for value in item]
        if isinstance(item, tuple):
            return tuple(self.value(value) for value in item)
        method = getattr(self, "_" + item.kind.replace(" ", "_").lower(), None)
        if method is None:
            return None
        return method(item)

    def _dataframe(self, record: Record) -> pd.DataFrame:
        manager = _entry(record, "_mgr", "_data")
        axes, blocks = self._manager_parts(manager, 2)
        columns, index = axes
        series: dict[int, Any] = {}
        for values, places in blocks:
            rows = values if getattr(values, "ndim", 1) == 2 else [values]
            for place, row in zip(_places(places, len(columns)), rows, strict=True):
                if place in series or len(row) != len(index):
                    raise UnsupportedRecord("a frame whose columns do not fit its shape")
                series[place] = pd.Series(row, dtype=getattr(row, "dtype", None), index=index)
        if sorted(series) != list(range(len(columns))):
            raise UnsupportedRecord("a frame whose columns do not fit its shape")
        frame = pd.DataFrame({place: series[place] for place in range(len(columns))}, index=index)
        frame.columns = columns
        return frame

    def _series(self, record: Record) -> pd.Series[Any]:
        manager = _entry(record, "_mgr", "_data")
        axes, blocks = self._manager_parts(manager, 1)
        if len(blocks) != 1:
            raise UnsupportedRecord("a series of several blocks")
        values = blocks[0][0]
        name = record.state.get("_name", record.state.get("name")) if isinstance(record.state, dict) else None
        return pd.Series(values, dtype=getattr(values, "dtype", None), index=axes[0], name=self.value(name))

    def _manager_parts(self, manager: Any, ndim: int) -> tuple[list[pd.Index[Any]], list[tuple[Any, Any]]]:
        """Axes and (values, places) of a block manager, in its present form or that of pandas before 1.3."""
        if not isinstance(manager, Record) or manager.kind != "manager":
            raise UnsupportedRecord("a frame without blocks (an experimental array manager?)")
        if len(manager.args) == 2:
            blocks, axes = manager.args
            parts = [self._block_parts(block) for block in _sequence(blocks)]
        else:
            found = manager.state[-1] if isinstance(manager.state, tuple) and manager.state else None
            layout = found.get("0.14.1") if isinstance(found, dict) else None
            if not isinstance(layout, dict):
                raise UnsupportedRecord("a frame in a layout of pandas before 0.14.1")
            axes = layout["axes"]
            parts = [(self.value(block["values"]), self.value(block["mgr_locs"])) for block in layout["blocks"]]
        built = [self.value(axis) for axis in _sequence(axes)]
        if len(built) != ndim or not all(isinstance(axis, pd.Index) for axis in built):
            raise UnsupportedRecord(f"a table with axes other than the expected {ndim}")
        return built, parts

    def _block_parts(self, block: Any) -> tuple[Any, Any]:
        if not isinstance(block, Record) or block.kind != "block" or len(block.args) < 2:
            raise UnsupportedRecord("a frame without blocks")
        return self.value(block.args[0]), self.value(block.args[1])

    def _new_index(self, record: Record) -> pd.Index[Any]:
        if len(record.args) != 2 or not isinstance(record.args[0], Record) or not isinstance(record.args[1], dict):
            raise UnsupportedRecord("an index that pandas would not write")
        kind, values = record.args[0].kind, self.value(record.args[1])
        if kind == "RangeIndex":
            return pd.RangeIndex(values["start"], values["stop"], values["step"], name=values.get("name"))
        if kind == "MultiIndex":
            return pd.MultiIndex(levels=values["levels"], codes=values["codes"], names=values.get("names"))
        data = values["data"]
        index: pd.Index[Any] = pd.Index(data, dtype=getattr(data, "dtype", None), name=values.get("name"))
        return index

    def _categorical(self, record: Record) -> Any:
        dtype = next((part for part in _parts(record) if _is(part, "CategoricalDtype")), None)
        codes = next((array for array in map(self.value, _parts(record)) if isinstance(array, np.ndarray)), None)
        if dtype is None or codes is None or codes.dtype.kind != "i":
            raise UnsupportedRecord("a categorical column that pandas would not write")
        values = [self.value(part) for part in _parts(dtype)]
        categories = next((part for part in values if isinstance(part, pd.Index)), None)
        ordered = any(part is True for part in values)
        return pd.Categorical.from_codes(codes.ravel(), categories=categories, ordered=ordered)

    def _new_backed(self, record: Record) -> Any:
        # The class stands first among the arguments, the array in the state (or third): treat it as the
        # class itself.
        kind = record.args[0].kind if record.args and isinstance(record.args[0], Record) else ""
        if kind not in ("backed", "Categorical"):
            raise UnsupportedRecord("an array that pandas would not write")
        return self._make(Record(kind, record.args[2:], record.state))

    def _backed(self, record: Record) -> npt.NDArray[Any]:
        for part in _parts(record):
            array = self.value(part) if isinstance(part, Record) else None
            if isinstance(array, np.ndarray):
                return array
        raise UnsupportedRecord("an array column without its values")

    def _masked(self, record: Record) -> Any:
        data, mask = self.value(_entry(record, "_data")), self.value(_entry(record, "_mask"))
        if not isinstance(data, np.ndarray) or not isinstance(mask, np.ndarray) or data.shape != mask.shape:
            raise UnsupportedRecord("a nullable column that pandas would not write")
        column: Any = pd.Series(data).astype(pd.api.types.pandas_dtype(_nullable(data.dtype))).array
        column[mask.astype(bool)] = pd.NA
        return column

    def _arrow_backed(self, record: Record) -> npt.NDArray[Any]:
        values = self.value(_entry(record, "_pa_array", "_data"))
        if not isinstance(values, pa.Array):
            raise UnsupportedRecord("an Arrow column that pandas would not write")
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            return np.array([*values.to_pylist(), None], dtype=object)[:-1]
        return np.asarray(values.to_pandas())

    def _arrow_array(self, record: Record) -> pa.Array:
        (given,) = record.args
        kind, length, nulls, offset, buffers, children, dictionary = self.value(given)[:7]
        if children or dictionary is not None or not isinstance(kind, pa.DataType):
            raise UnsupportedRecord("an Arrow column of a nested type")
        array = pa.Array.from_buffers(kind, length, list(buffers), nulls, offset)
        # Offsets come from the file: unchecked they could read outside the buffers.
        array.validate(full=True)
        return array

    def _arrow_chunks(self, record: Record) -> pa.Array:
        chunks = self.value(record.args[0])
        kind = self.value(record.args[1]) if len(record.args) > 1 else None
        return pa.concat_arrays(chunks) if chunks else pa.array([], type=kind)

    def _arrow_type(self, record: Record) -> pa.DataType:
        return pa.type_for_alias(record.args[0])

    def _label_encoder(self, record: Record) -> Any:
        """The names of its classes, in the order of their numbers: all that an encoder knows."""
        return self.value(_entry(record, "classes_"))

    def _arrow_buffer(self, record: Record) -> pa.Buffer:
        if not isinstance(record.args[0], (bytes, bytearray)):
            raise UnsupportedRecord("an Arrow buffer that is no bytes")
        return pa.py_buffer(bytes(record.args[0]))

    def _dtype(self, record: Record) -> np.dtype[Any]:
        code = record.args[0] if record.args else None
        if not isinstance(code, str) or not re.fullmatch(r"[<>=|]?([biufcSUMmO?]\d{0,4}|bool|object)", code):
            raise UnsupportedRecord(f"an array of type {code!s:.40}")
        state = record.state if isinstance(record.state, tuple) else ()
        if any(part is not None for part in state[2:5]):
            raise UnsupportedRecord("an array of a structured type")
        # Of the state only byte order and date unit are taken; sizes and flags follow from the code,
        # whatever it says.
        if code in ("M8", "m8") and len(state) > 8:
            unit, step = state[8][1][0], state[8][1][1]
            code = f"{code}[{step}{unit.decode('ascii')}]"
        dtype = np.dtype(code)
        return dtype.newbyteorder(state[1]) if len(state) > 1 and state[1] in ("<", ">") else dtype

    def _scalar(self, record: Record) -> Any:
        dtype = self.value(record.args[0])
        return self._array(dtype, (), record.args[1], "C")[()]

    def _new_array(self, record: Record) -> npt.NDArray[Any]:
        if not isinstance(record.state, tuple) or len(record.state) < 5:
            raise UnsupportedRecord("an array without its values")
        shape, dtype, fortran, values = record.state[-4:]
        return self._array(self.value(dtype), shape, values, "F" if fortran is True else "C")

    def _from_buffer(self, record: Record) -> npt.NDArray[Any]:
        values, dtype, shape, order = record.args[:4]
        axes = record.args[4] if len(record.args) > 4 else None
        array = self._array(self.value(dtype), shape, values, "F" if order == "F" else "C")
        return array if axes is None else array.transpose(axes)

    def _array(self, dtype: Any, shape: Any, values: Any, order: str) -> npt.NDArray[Any]:
        if not isinstance(dtype, np.dtype) or not _is_shape(shape):
            raise UnsupportedRecord("an array that NumPy would not write")
        size = math.prod(shape)
        if dtype.hasobject:
            if not isinstance(values, list) or len(values) != size:
                raise UnsupportedRecord("an array whose values do not fit its shape")
            array = np.empty(size, dtype=object)
            for place, value in enumerate(values):
                array[place] = self.value(value)
            # NumPy lists objects in C order even where it stores them in Fortran order.
            order = "C"
        else:
            if (
                not isinstance(values, (bytes, bytearray))
                or len(values) != size * dtype.itemsize
                or dtype.itemsize == 0
            ):
                raise UnsupportedRecord("an array whose values do not fit its shape")
            array = np.frombuffer(bytes(values), dtype=dtype).astype(dtype.newbyteorder("="))
        return array.reshape(shape, order="F" if order == "F" else "C")


def _is(part: Any, kind: str) -> bool:
    return isinstance(part, Record) and part.kind == kind


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and len(shape) <= 4 and all(type(n) is int and n >= 0 for n in shape)


def _sequence(value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise UnsupportedRecord("a frame that pandas would not write")
    return value


def _entry(record: Record, *names: str) -> Any:
    """The first of these attributes that the record's state has."""
    state = record.state[0] if isinstance(record.state, tuple) and record.state else record.state
    for name in names:
        if isinstance(state, dict) and name in state:
            return state[name]
    raise UnsupportedRecord(f"a {record.kind} without {names[0]}")


def _parts(record: Record) -> list[Any]:
    """Arguments and state of a record in one flat list."""
    parts: list[Any] = []
    for item in (*record.args, record.state):
        if isinstance(item, dict):
            parts.extend(item.values())
        elif isinstance(item, (list, tuple)):
            parts.extend(item)
        else:
            parts.append(item)
    return parts


def _places(places: Any, count: int) -> list[int]:
    """Which columns a block holds."""
    if isinstance(places, slice):
        return list(range(count))[places]
    if isinstance(places, np.ndarray) and places.dtype.kind in "iu":
        return [int(place) for place in places.ravel()]
    raise UnsupportedRecord("a block without its columns")


def _nullable(dtype: np.dtype[Any]) -> str:
    return "boolean" if dtype.kind == "b" else dtype.name.replace("int", "Int").replace("u", "U").replace("f", "F")
