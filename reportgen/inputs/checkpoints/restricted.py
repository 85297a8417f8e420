"""The weights of a checkpoint whose pickle needs code, read without running any of it.

Training scripts save more than weights: recorders, arguments, whole modules. torch then refuses the file, or runs what
it names. Here the pickle is interpreted as in `safe_pickle.py`, and what is not known is not refused but left out: an
object of an unknown class becomes a `Foreign`, which holds what the stream says of it and does nothing. A whole module
is such an object, and its tensors are read from its state by their names.

Needs no torch: tensors are described by `TensorRecord` until their numbers are needed.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from reportgen.inputs.pickles.pickle_objects import Record, build
from reportgen.inputs.pickles.safe_pickle import STEPS, Machine, Name, Refused, hashable, make

__all__ = [
    "Foreign",
    "Restricted",
    "StorageRecord",
    "TensorRecord",
    "module_layers",
    "module_state",
    "plain",
    "read_restricted",
]

_DEEPEST = 64  # modules within modules
_MOST_MODULES = 10_000
_TYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_TYPE_NAMES = frozenset(_TYPES.values())
_KINDS = {
    **{("torch", name): f"storage {kind}" for name, kind in _TYPES.items()},
    **{("torch", kind): f"type {kind}" for kind in _TYPE_NAMES},
    ("torch.storage", "UntypedStorage"): "storage uint8",
    ("torch._utils", "_rebuild_tensor_v2"): "tensor",
    ("torch._utils", "_rebuild_tensor_v3"): "tensor of a type",
    ("torch._utils", "_rebuild_parameter"): "parameter",
    ("torch._utils", "_rebuild_parameter_with_state"): "parameter",
}


@dataclass(frozen=True)
class StorageRecord:
    """The block of numbers that a tensor lies in: its key in the file, the type and how many there are."""

    key: str
    dtype: str
    numel: int


@dataclass(frozen=True)
class TensorRecord:
    """A tensor as the stream describes it: where in its storage it begins, its shape and strides, in numbers."""

    storage: StorageRecord
    dtype: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Foreign:
    """An object of a class that is not known: its name and what the stream says of it. It never does anything."""

    __slots__ = ("args", "items", "name", "state")

    def __init__(self, name: str, args: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.args = args
        self.state: Any = None
        self.items: dict[Any, Any] = {}


@dataclass(frozen=True)
class Restricted:
    """What a checkpoint's pickle holds.

    Attributes
    ----------
    content
        Containers, numbers, text, arrays, `TensorRecord` and `Foreign`.
    left_out
        Names of what is not known, in the order of the stream.
    storage
        The bytes of a storage.
    """

    content: Any
    left_out: tuple[str, ...]
    storage: Callable[[StorageRecord], bytes]


class _Machine(Machine):
    """The stack machine for checkpoints: what it does not know stays inert on the stack."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = _STEPS
        self.left_out: dict[str, None] = {}

    def foreign(self, name: str, args: tuple[Any, ...] = ()) -> Foreign:
        """An object of an unknown class; all but torch's own are listed."""
        if not name.startswith(("torch.", "collections.")):
            self.left_out[name] = None
        return Foreign(name, args)

    def push_name(self, module: object, name: object) -> None:
        kind = _KINDS.get((str(module), str(name)))
        if kind is not None:
            self.stack.append(Name(f"{module}.{name}", kind))
            return
        try:
            super().push_name(module, name)
        except Refused:
            self.stack.append(Name(f"{module!s:.80}.{name!s:.80}", "foreign"))

    def reduce(self) -> None:
        name, args = self.top(2)
        args = args if type(args) is tuple else ()
        if type(name) is not Name:
            self.stack.append(self.foreign(name.name if type(name) is Foreign else "an unknown call", args))
            return
        try:
            made: Any = _tensor(name.kind, args) or (self.foreign(name.text, args) if name.kind == "foreign" else None)
            if made is None and name.kind == "dict" and len(args) == 1 and type(args[0]) is list:
                made = {key: value for key, value in map(tuple, args[0]) if _is_plain(key)}
            self.stack.append(make(name, args) if made is None else made)
        except Refused:
            self.stack.append(self.foreign(name.text, args))

    def new_object(self) -> None:
        """NEWOBJ_EX: a class with its arguments, those with names left out."""
        self.top(1)
        self.reduce()

    def build(self) -> None:
        (state,) = self.top(1)
        target = self.stack[-1]
        if type(target) in (Foreign, Record) and target.state is None:
            target.state = state

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is list:
            self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1].items if type(self.stack[-1]) is Foreign else self.stack[-1]
        if type(target) is dict:
            target.update((key, value) for key, value in zip(items[::2], items[1::2], strict=True) if _is_plain(key))

    def add_items(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is set:
            self.stack[-1].update(item for item in items if _is_plain(item))

    def persistent(self) -> None:
        """BINPERSID: torch names its storages so: ("storage", type, key, device, numel)."""
        (given,) = self.top(1)
        match given:
            case ("storage", Name(kind=kind), str() as key, str(), int() as numel, *_) if kind.startswith("storage "):
                self.stack.append(StorageRecord(key, kind.removeprefix("storage "), numel))
            case ("module", Name() as cls, *_):  # in files before torch 1.6, with its source
                self.stack.append(cls)
            case _:
                self.stack.append(self.foreign("an unknown storage"))

    def old_object(self, name: str) -> None:
        """INST and OBJ of the oldest protocols."""
        self.stack.append(self.foreign(name, tuple(self.since_mark())))


def _is_plain(key: Any) -> bool:
    try:
        hashable(key)
    except Refused:
        return False
    return True


def _tensor(kind: str, args: tuple[Any, ...]) -> TensorRecord | None:
    match kind, args:
        case "parameter", (TensorRecord() as tensor, *_):
            return tensor
        case "tensor", (StorageRecord() as storage, int() as offset, tuple() as size, tuple() as stride, *_):
            return _described(storage, storage.dtype, offset, size, stride)
        case "tensor of a type", (
            StorageRecord() as storage,
            int() as offset,
            tuple() as size,
            tuple() as stride,
            _,
            _,
            Name(kind=dtype),
            *_,
        ) if dtype.startswith("type "):
            return _described(storage, dtype.removeprefix("type "), offset, size, stride)
    return None


def _described(storage: StorageRecord, dtype: str, offset: int, size: Any, stride: Any) -> TensorRecord | None:
    whole = all(type(n) is int and n >= 0 for n in (offset, *size, *stride))
    return TensorRecord(storage, dtype, offset, size, stride) if whole and len(size) == len(stride) else None


_STEPS: dict[str, Callable[[Any, Any], Any]] = {
    **STEPS,
    "BINPERSID": lambda m, a: m.persistent(),
    "NEWOBJ_EX": lambda m, a: m.new_object(),
    "INST": lambda m, a: m.old_object(str(a).replace(" ", ".")),
    "OBJ": lambda m, a: m.old_object("an object of an old protocol"),
    "DUP": lambda m, a: m.stack.append(m.stack[-1]),
}


def read_restricted(path: Path) -> Restricted:
    """Interpret a checkpoint's pickle, in torch's zip or its older format.

    Raises
    ------
    Exception
        Anything: the file is damaged, hostile or no checkpoint. The caller says which.
    """
    if zipfile.is_zipfile(path):
        return _from_zip(path)
    with path.open("rb") as file:
        return _from_stream(path, file)


def _from_zip(path: Path) -> Restricted:
    with zipfile.ZipFile(path) as archive:
        (pickled,) = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("compressed, which torch never does")
        content, left_out = _interpreted(io.BytesIO(archive.read(pickled)))
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("written on a machine of another byte order")

    def storage(record: StorageRecord) -> bytes:
        with zipfile.ZipFile(path) as archive:
            return archive.read(f"{folder}data/{record.key}")

    return Restricted(content, left_out, storage)


def _from_stream(path: Path, file: BinaryIO) -> Restricted:
    """Torch's format before 1.6: five pickles, then the storages one behind the other."""
    magic, _ = _interpreted(file)
    if magic != 0x1950A86A20F9469CFC6C:
        file.seek(0)
        content, left_out = _interpreted(file)  # a plain pickle, with no tensors in it
        return Restricted(content, left_out, lambda record: b"")
    _interpreted(file)
    _interpreted(file)
    content, left_out = _interpreted(file)
    keys, _ = _interpreted(file)
    records = {record.key: record for record in _storages(content)}
    places: dict[str, int] = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        places[key] = file.tell()
        file.seek(count * _WIDTHS[records[key].dtype] if key in records else _refuse_unknown(key), io.SEEK_CUR)

    def storage(record: StorageRecord) -> bytes:
        with path.open("rb") as again:
            again.seek(places[record.key])
            return again.read(record.numel * _WIDTHS[record.dtype])

    return Restricted(content, left_out, storage)


_WIDTHS = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "int16": 2}
_WIDTHS |= {"int8": 1, "uint8": 1, "bool": 1}


def _refuse_unknown(key: object) -> int:
    raise ValueError(f"storage {key!s:.40} of unknown size")


def _interpreted(file: Any) -> tuple[Any, tuple[str, ...]]:
    machine = _Machine()
    content = machine.run(pickletools.genops(file))
    return content, tuple(machine.left_out)


def _storages(content: Any) -> list[StorageRecord]:
    """All storages that content refers to."""
    found: dict[str, StorageRecord] = {}
    seen: set[int] = set()
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, TensorRecord):
            found[item.storage.key] = item.storage
        elif isinstance(item, StorageRecord):
            found[item.key] = item
        elif isinstance(item, Foreign | Record):
            waiting += [*item.args, item.state, *(item.items.values() if isinstance(item, Foreign) else ())]
        elif isinstance(item, Mapping):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            waiting += list(item)
    return list(found.values())


def _modules(module: Foreign) -> Iterator[tuple[str, Foreign, Mapping[Any, Any]]]:
    """A pickled module and every module in it, before what is in them: dotted name, the module and its attributes.

    Raises
    ------
    ValueError
        There are more than any network has: a stream can put a module into itself.
    """
    waiting: list[tuple[str, Foreign, int]] = [("", module, 0)]
    seen = 0
    while waiting:
        path, one, depth = waiting.pop()
        seen += 1
        if seen > _MOST_MODULES or depth > _DEEPEST:
            raise ValueError("modules within modules without end")
        state = one.state[-1] if isinstance(one.state, tuple) and one.state else one.state
        state = state if isinstance(state, Mapping) else {}
        yield path, one, state
        children = state.get("_modules")
        named = children.items() if isinstance(children, Mapping) else ()
        inside = [(f"{path}.{name}" if path else str(name), child, depth + 1) for name, child in named]
        waiting += [entry for entry in reversed(inside) if isinstance(entry[1], Foreign)]


def module_state(module: Foreign) -> dict[str, TensorRecord]:
    """The tensors of a whole module that was pickled, by the names that its state dict gives them.

    Raises
    ------
    ValueError
        It holds more modules than any network.
    """
    found: dict[str, TensorRecord] = {}
    for path, _, state in _modules(module):
        transient = state.get("_non_persistent_buffers_set")
        for kind in ("_parameters", "_buffers"):
            tensors = state.get(kind)
            for name, tensor in tensors.items() if isinstance(tensors, Mapping) else ():
                if isinstance(tensor, TensorRecord) and not (isinstance(transient, set) and name in transient):
                    found[f"{path}.{name}" if path else str(name)] = tensor
    return found


def module_layers(module: Foreign) -> dict[str, tuple[str, dict[str, Any]]]:
    """The class and the numbers, words and flags of a pickled module and of every module in it, by dotted name.

    The module itself has the name "". A module that does more than its class, by hooks, a forward of its own or
    something unknown among its parts, has no class name.

    Raises
    ------
    ValueError
        As for `module_state`.
    """
    found = {}
    for path, one, state in _modules(module):
        parts = state.get("_modules")
        known = isinstance(parts, Mapping) and all(isinstance(part, Foreign) for part in parts.values())
        hooked = "forward" in state or any(state.get(key) for key in ("_forward_hooks", "_forward_pre_hooks"))
        settings = {
            key: value
            for key, value in state.items()
            if isinstance(value, bool | int | float | str | None)
            or (isinstance(value, tuple) and all(isinstance(part, bool | int | None) for part in value))
        }
        found[path] = (one.name if known and not hooked else "", settings)
    return found


def plain(value: Any) -> Any:
    """A value with its arrays built; None where it holds something that cannot be."""
    try:
        return build(value)
    except Exception:  # an array as NumPy would not write it: it only stood beside the weights
        return None
