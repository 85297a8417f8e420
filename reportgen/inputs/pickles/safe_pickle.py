"""Reads a pickle of tables without running anything in it.

A pickle is a program for a stack machine, and the usual way to make one safe (handing the standard
unpickler fewer names) still lets it set attributes of classes or forge the flags of a NumPy type. So this
module interprets the program itself, which is why there is so much code here that a library seems to have. It knows
only the instructions that plain data needs, and nothing on its stack can be called: a name such as `pandas.DataFrame`
becomes a `Record` of what the stream says about it, if it is on the list in `pickle_allowlist.py`, and the load is
refused otherwise. `pickle_objects.py` then builds arrays and frames from the finished records by pandas' public
constructors. That also makes the version of pandas that wrote the file irrelevant.
"""

from __future__ import annotations

import datetime
import pickletools
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.pickles.pickle_allowlist import KINDS
from reportgen.inputs.pickles.pickle_objects import Record, UnsupportedRecord, build

__all__ = ["STEPS", "Machine", "Name", "Refused", "hashable", "load_pickle", "make"]

_ADVICE = "save the frames again with a present pandas, or as CSV or Parquet"
_SCALARS = (str, bytes, int, float, complex, bool, type(None), datetime.date, PurePosixPath, PureWindowsPath)


class Refused(Exception):  # noqa: N818 -- not an error of the program but its answer
    """The stream asks for something that plain data does not need."""


class Name:
    """An admitted global on the stack: inert until `reduce` meets it."""

    __slots__ = ("kind", "text")

    def __init__(self, text: str, kind: str) -> None:
        self.text = text
        self.kind = kind


def load_pickle(path: Path) -> Any:
    """The content of a pickle of plain data: frames, series, arrays, paths, numbers, text and containers of
    them.

    Any protocol, pandas since 1.0, NumPy since 1.x. Paths come back as pure paths, so that a file written
    on Windows loads on Linux. Ordered and default dicts come back as dicts; dates with a time zone as UTC
    without one.

    Raises
    ------
    DataError
        The file is missing, damaged, or needs anything that is not on the list; names what it needs.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                raise DataError(f"{path}: found a gzip archive, expected a pickle; unpack it first")
            file.seek(0)
            content = Machine().run(pickletools.genops(file))
        return build(content)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give an existing file") from None
    except Refused as refusal:
        raise DataError(
            f"{path}: refused, because it needs {refusal}; only tables, arrays, paths and plain containers "
            f"are admitted, nothing that can run code; {_ADVICE}"
        ) from None
    except UnsupportedRecord as error:
        raise DataError(f"{path}: {error}; {_ADVICE}") from None
    except RecursionError:
        raise DataError(f"{path}: containers nested too deeply for a table; {_ADVICE}") from None
    except Exception as error:
        # A damaged or hostile stream can break the interpreter or the constructors in any way; none of it
        # is a bug here that a traceback would help with, and no object of the stream has run.
        reason = str(error) or type(error).__name__
        raise DataError(f"{path}: not a readable pickle, or a damaged one ({reason:.120}); {_ADVICE}") from None


class Machine:
    """The stack machine, with the instructions that data needs and no others.

    Attributes
    ----------
    steps
        What each instruction does, by name.
    """

    def __init__(self) -> None:
        self.steps = STEPS
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, operations: Any) -> Any:
        """Interpret `(opcode, argument, position)` triples up to STOP; returns what is then on top."""
        for opcode, argument, _ in operations:
            name = opcode.name
            if name in _PUSHES:
                self.stack.append(argument)
            elif name == "STOP":
                return self.stack.pop()
            else:
                step = self.steps.get(name)
                if step is None:
                    raise Refused(f"the instruction {name}")
                step(self, argument)
        raise ValueError("ends too early")

    def since_mark(self) -> list[Any]:
        """Pop everything above the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def collect(self, make: Callable[[list[Any]], Any]) -> None:
        """Replace everything above the last mark by one container."""
        items = self.since_mark()
        self.stack.append(make(items))

    def top(self, count: int) -> tuple[Any, ...]:
        """Pop `count` items."""
        if len(self.stack) < count:
            raise ValueError("stack is empty")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        return items

    def extend(self, items: list[Any]) -> None:
        """Append to the list on top; anything else would call a method of the stream's choosing."""
        if type(self.stack[-1]) is not list:
            raise Refused("appending to something that is not a list")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Fill the dict on top from keys and values in turn."""
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise Refused("setting items of something that is not a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[hashable(key)] = value

    def add_items(self, items: list[Any]) -> None:
        """Fill the set on top."""
        if type(self.stack[-1]) is not set:
            raise Refused("adding to something that is not a set")
        self.stack[-1].update(hashable(item) for item in items)

    def push_name(self, module: object, name: object) -> None:
        """Look a global up on the list; nothing is imported."""
        kind = KINDS.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if kind is None:
            raise Refused(f"{module!s:.80}.{name!s:.80}")
        self.stack.append(pd.NA if kind == "NA" else pd.NaT if kind == "NaT" else Name(f"{module}.{name}", kind))

    def reduce(self) -> None:
        """REDUCE and NEWOBJ: a function or class with its arguments."""
        name, args = self.top(2)
        if type(name) is not Name or type(args) is not tuple:
            raise Refused("calling something that is not a name")
        self.stack.append(make(name, args))

    def build(self) -> None:
        """BUILD: the state of the record below."""
        (state,) = self.top(1)
        target = self.stack[-1]
        if type(target) is not Record or target.state is not None:
            raise Refused("setting the state of something that has none")
        target.state = state


def make(name: Name, args: tuple[Any, ...]) -> Any:
    """What a name makes of its arguments: plain data at once, everything else a record."""
    match name.kind, args:
        case "reconstructor", (Name() as cls, Name(kind="object"), None):
            return Record(cls.kind, ())
        case "posix path" | "windows path", _ if all(type(part) is str for part in args):
            return _PATHS[name.kind](*args)
        case "encode" | "bytearray", (str() as text, "latin1" | "latin-1"):
            return text.encode("latin-1")
        case "bytes" | "bytearray", ():
            return b""
        case "bytes" | "bytearray", (bytes() | bytearray() as data,):
            return bytes(data)
        case "slice", _ if len(args) == 3 and all(part is None or type(part) is int for part in args):
            return slice(*args)
        case "dict", () | (Name(),):
            return {}
        case "list", ():
            return []
        case "set", ():
            return set()
        case "set", (list() as items,):
            return {hashable(item) for item in items}
        case "date" | "datetime", _ if all(type(part) in (int, bytes) for part in args):
            return _DATES[name.kind](*args)
        case "scalar", (Record() as dtype, bytes() as raw):
            return build(Record("scalar", (dtype, raw)))
        case "nat", _:
            return pd.NaT
    if name.kind in _EXACT:
        raise Refused(f"{name.text} with unusual arguments")
    return Record(name.kind, tuple(Record(arg.kind, ()) if type(arg) is Name else arg for arg in args))


def hashable(key: Any) -> Any:
    """A dict's key, if hashing it is cheap and runs nothing: nested tuples can take exponential time."""
    flat = key if type(key) is tuple else (key,)
    if not all(isinstance(part, (*_SCALARS, np.generic)) for part in flat):
        raise Refused(f"a {type(key).__name__} as key")
    return key


_DATES = {"date": datetime.date, "datetime": datetime.datetime}
_PATHS: dict[str, Any] = {"posix path": PurePosixPath, "windows path": PureWindowsPath}
# Kinds that make plain data at once; with other arguments than pickling gives them they mean something else.
_EXACT = frozenset(
    {"bytearray", "bytes", "date", "datetime", "dict", "encode", "list", "object", "plain type"}
    | {"posix path", "reconstructor", "scalar", "set", "slice", "windows path"}
)
_PUSHES = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
)
STEPS: dict[str, Callable[[Machine, Any], Any]] = {
    "PROTO": lambda m, a: None,
    "FRAME": lambda m, a: None,
    "NONE": lambda m, a: m.stack.append(None),
    "NEWTRUE": lambda m, a: m.stack.append(True),
    "NEWFALSE": lambda m, a: m.stack.append(False),
    "MARK": lambda m, a: m.marks.append(len(m.stack)),
    "POP": lambda m, a: m.top(1),
    "POP_MARK": lambda m, a: m.since_mark(),
    "EMPTY_LIST": lambda m, a: m.stack.append([]),
    "EMPTY_TUPLE": lambda m, a: m.stack.append(()),
    "EMPTY_DICT": lambda m, a: m.stack.append({}),
    "EMPTY_SET": lambda m, a: m.stack.append(set()),
    "LIST": lambda m, a: m.collect(list),
    "TUPLE": lambda m, a: m.collect(tuple),
    "FROZENSET": lambda m, a: m.collect(lambda items: frozenset(map(hashable, items))),
    "TUPLE1": lambda m, a: m.stack.append(m.top(1)),
    "TUPLE2": lambda m, a: m.stack.append(m.top(2)),
    "TUPLE3": lambda m, a: m.stack.append(m.top(3)),
    "DICT": lambda m, a: m.collect(
        lambda items: {hashable(k): v for k, v in zip(items[::2], items[1::2], strict=True)}
    ),
    "APPEND": lambda m, a: m.extend(list(m.top(1))),
    "APPENDS": lambda m, a: m.extend(m.since_mark()),
    "SETITEM": lambda m, a: m.set_items(list(m.top(2))),
    "SETITEMS": lambda m, a: m.set_items(m.since_mark()),
    "ADDITEMS": lambda m, a: m.add_items(m.since_mark()),
    "MEMOIZE": lambda m, a: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    "PUT": lambda m, a: m.memo.__setitem__(a, m.stack[-1]),
    "BINPUT": lambda m, a: m.memo.__setitem__(a, m.stack[-1]),
    "LONG_BINPUT": lambda m, a: m.memo.__setitem__(a, m.stack[-1]),
    "GET": lambda m, a: m.stack.append(m.memo[a]),
    "BINGET": lambda m, a: m.stack.append(m.memo[a]),
    "LONG_BINGET": lambda m, a: m.stack.append(m.memo[a]),
    "GLOBAL": lambda m, a: m.push_name(*a.split(" ", 1)),
    "STACK_GLOBAL": lambda m, a: m.push_name(*m.top(2)),
    "REDUCE": lambda m, a: m.reduce(),
    "NEWOBJ": lambda m, a: m.reduce(),
    "BUILD": lambda m, a: m.build(),
}
