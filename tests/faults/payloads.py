"""Ways in which a pickle can have a function called while it is read. The function is this module's `leave_mark`.

The programs are written by instruction; `ran` is the path of the empty file that a call leaves behind.
"""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["FORMS", "SHAPES", "Mark", "leave_mark"]

Shape = Callable[[str], bytes]


def leave_mark(path: str, **_: object) -> None:
    """Show by an empty file that this was called."""
    Path(path).touch()


class Mark:
    """Leaves its mark as it is made, by a method, and from a module that it stands in."""

    def __init__(self, path: str) -> None:
        leave_mark(path)

    @staticmethod
    def leave(path: str) -> None:
        leave_mark(path)


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def data(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def whole(program: bytes) -> bytes:
    return b"\x80\x04" + program + b"."


class Reduces:
    """What a class's own `__reduce_ex__` leaves in the stream."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce_ex__(self, protocol: int) -> object:
        return leave_mark, (self.path,)


HERE = __name__
_LEAVE = name(HERE, "leave_mark")
_MARK = name(HERE, "Mark")
_SPACE = name("types", "SimpleNamespace") + b")R"


def _with_attribute(attribute: str) -> bytes:
    """An object whose method of this name leaves the mark, so that an instruction calls it."""
    return _SPACE + b"}" + text(attribute) + _LEAVE + b"sb"


def _array_of(item: bytes) -> bytes:
    array = name("numpy.core.multiarray", "_reconstruct") + b"(" + name("numpy", "ndarray") + b"K\x00\x85C\x01btR"
    dtype = (
        name("numpy", "dtype")
        + b"("
        + text("O8")
        + b"\x89\x88tR(K\x03"
        + text("|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    )
    return array + b"(K\x01K\x01\x85" + dtype + b"\x89](" + item + b"etb"


SHAPES: dict[str, Shape] = {
    "REDUCE, protocol 0": lambda ran: f"c{HERE}\nleave_mark\n(V{ran}\ntR.".encode(),
    "REDUCE, protocol 2": lambda ran: b"\x80\x02c" + f"{HERE}\nleave_mark\n".encode() + text(ran) + b"\x85R.",
    "STACK_GLOBAL": lambda ran: whole(call(_LEAVE, text(ran))),
    "__reduce_ex__": lambda ran: pickle.dumps(Reduces(ran), 4),
    "__reduce_ex__ among weights": lambda ran: pickle.dumps({"state_dict": {"w": 1.0}, "x": Reduces(ran)}, 2),
    "INST": lambda ran: f"(V{ran}\ni{HERE}\nleave_mark\n.".encode(),
    "OBJ": lambda ran: whole(b"(" + _MARK + text(ran) + b"o"),
    "NEWOBJ of partial, then called": lambda ran: whole(
        name("functools", "partial") + b"(" + _LEAVE + text(ran) + b"t\x81)R"
    ),
    "NEWOBJ_EX of partial, then called": lambda ran: whole(
        name("functools", "partial") + b"(" + _LEAVE + text(ran) + b"t}" + text("mode") + b"M\xff\x01s\x92)R"
    ),
    "BUILD with a planted __setstate__": lambda ran: whole(_with_attribute("__setstate__") + text(ran) + b"b"),
    "BUILD of a partial's state": lambda ran: whole(
        name("functools", "partial") + b"(" + name("builtins", "len") + b"t\x81(" + _LEAVE + text(ran) + b"\x85}Ntb)R"
    ),
    "APPEND to a planted method": lambda ran: whole(_with_attribute("append") + text(ran) + b"a"),
    "APPENDS to a planted method": lambda ran: whole(_with_attribute("append") + b"(" + text(ran) + b"e"),
    "ADDITEMS to a planted method": lambda ran: whole(_with_attribute("add") + b"(" + text(ran) + b"\x90"),
    "dotted name": lambda ran: whole(call(name(HERE, "Mark.leave"), text(ran))),
    "names from the memo": lambda ran: whole(
        text("leave_mark") + b"\x940" + text(HERE) + b"q\x070" + b"h\x07h\x00\x93(" + text(ran) + b"tR"
    ),
    "names from a far memo": lambda ran: whole(
        text(HERE) + b"r\x00\x00\x01\x000" + b"j\x00\x00\x01\x00" + text("leave_mark") + b"\x93" + text(ran) + b"\x85R"
    ),
    "behind DUP and POP": lambda ran: whole(b"K\x0120(K\x02K\x031" + call(_LEAVE, text(ran)) + b"2" + b"0"),
    "in a key": lambda ran: whole(b"}" + call(_LEAVE, text(ran)) + b"K\x01s"),
    "thrown away before weights": lambda ran: whole(call(_LEAVE, text(ran)) + b"0}"),
    "behind the end of the data": lambda ran: whole(call(_LEAVE, text(ran)))[:-1],
    "copyreg extension": lambda ran: b"\x80\x02\x82\xf0(" + text(ran) + b"tR.",
    "copyreg extension, four bytes": lambda ran: b"\x80\x02\x84\xf0\x00\x00\x00(" + text(ran) + b"tR.",
    "through a function that calls its argument": lambda ran: whole(
        call(name("builtins", "list"), call(name("builtins", "map"), _LEAVE, b"](" + text(ran) + b"e"))
    ),
    "a pickle inside": lambda ran: whole(call(name("pickle", "loads"), data(whole(call(_LEAVE, text(ran)))))),
    "in an object array": lambda ran: whole(_array_of(call(_LEAVE, text(ran)))),
    "torch's own rebuilding": lambda ran: whole(
        call(name("torch._tensor", "_rebuild_from_type_v2"), _LEAVE, name("builtins", "int"), text(ran) + b"\x85", b"}")
    ),
}  # fmt: skip
"""By name: the file that a call leaves, to the pickle."""


def _zip(program: bytes, path: Path) -> None:
    torch.save({}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, program if entry.endswith("data.pkl") else content)


def _script(program: bytes, path: Path) -> None:
    """As TorchScript archives are laid out: a second pickle of constants."""
    _zip(program, path)
    with zipfile.ZipFile(path, "a") as archive:
        top = archive.namelist()[0].split("/")[0]
        archive.writestr(f"{top}/constants.pkl", program)


def _legacy(program: bytes, path: Path) -> None:
    magic, version, system = 0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}
    head = b"".join(pickle.dumps(value, 2) for value in (magic, version, system))
    path.write_bytes(head + program + pickle.dumps([], 2))


def _tar(program: bytes, path: Path) -> None:
    """PyTorch before 0.2: a tar archive of pickles."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for entry in ("sys_info", "pickle", "storages", "tensors"):
            info = tarfile.TarInfo(entry)
            info.size = len(program)
            archive.addfile(info, io.BytesIO(program))


def _bare(program: bytes, path: Path) -> None:
    path.write_bytes(program)


def _behind_safetensors(program: bytes, path: Path) -> None:
    header = b'{"__metadata__":{"format":"pt"}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + program)


FORMS: dict[str, Callable[[bytes, Path], None]] = {
    "zip": _zip,
    "TorchScript": _script,
    "legacy": _legacy,
    "tar": _tar,
    "bare pickle": _bare,
    "safetensors": _behind_safetensors,
}
"""By name: how a program gets into a checkpoint."""
