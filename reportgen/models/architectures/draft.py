"""A factory to complete, for a network that nobody knows and whose weights form one chain of layers.

What the names and shapes prove is written as it is. Strides, padding, pooling and activations have no weights: there
the usual choice stands, marked with a question, and the factory refuses to run until somebody has compared the marked
lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isqrt
from typing import Any, Literal

from torch import Tensor

from reportgen.models.architectures.classifier import in_order
from reportgen.models.architectures.family import is_incidental
from reportgen.models.architectures.sequential import SEQUENTIAL, StatedLayers, stated_layer

__all__ = ["UNCONFIRMED", "Draft", "draft_factory", "draft_header"]

_HEADER = '''"""A network for {file}: its layers by the names and shapes of their weights.

Weights do not show strides, padding, pooling, activations, the eps of norms, and sums such as those of residual blocks.
Lines that end in "?" hold the usual choice: compare each of them, and the order of the steps, with the code that
trained the network. Then delete the line that raises.
"""

from torch import nn
'''
UNCONFIRMED = (
    '    raise NotImplementedError("compare the lines that end in ? with the training code, then delete this line")'
)
"""A line of a factory that nobody has looked at yet."""
_USUAL_SIDES = (48, 64, 224, 112, 128, 96, 256, 32)
_SHOWN = 24  # layers in a line
_MANY_GROUPS = 8
_BESIDE = re.compile(
    r"down_?sample|short_?cut|skip|residual|branch|attention|attn|(^|\.)(se|cbam|aux)\d*\.", re.IGNORECASE
)
_RELU, _POOL, _FLATTEN, _DROP, _NONE = (
    "nn.ReLU()", "nn.MaxPool2d(2)", "nn.Flatten()", "nn.Dropout(0.5)", "nn.Identity()",
)  # fmt: skip
_AVERAGE = "nn.AdaptiveAvgPool2d(1)"
_ASKED = {_RELU: "activation?", _POOL: "pooling?", _AVERAGE: "pooling?", _DROP: "dropout, or what?", _NONE: "what?"}
_CALLS = {_RELU: "functional.relu(x)", _POOL: "functional.max_pool2d(x, 2)",
          _AVERAGE: "functional.adaptive_avg_pool2d(x, 1)", _FLATTEN: "x.flatten(1)"}  # fmt: skip


_Piece = tuple[str, str]  # code, and what is asked about it
_NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]{1,4})(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]{1,4}))*", re.ASCII)
_UNUSUAL = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True)
class Draft:
    """What was seen, in a line, and the text of a Python module whose `make` builds the network."""

    seen: str
    text: str


@dataclass(frozen=True)
class _Layer:
    """One layer with weights: its place, its code, what of the code is a guess, and its words for a message."""

    path: str
    kind: Literal["conv", "norm", "linear", "activation"]
    code: str
    asked: str
    seen: str
    cells: int = 0  # that a flattened map has, for the first linear layer


@dataclass
class _Folder:
    """A part of the network that holds layers or other parts, by name; `filled` adds to a Sequential what has no
    weights.
    """

    parts: dict[str, _Folder | _Layer] = field(default_factory=dict)
    filled: dict[int, _Piece] = field(default_factory=dict)
    stated: bool = False  # whether a pickle says all that is in it

    @property
    def numbered(self) -> bool:
        return all(name.isdigit() for name in self.parts)

    @property
    def sequential(self) -> bool:
        return self.numbered and all(isinstance(part, _Layer) for part in self.parts.values())


def draft_factory(file: str, state: Mapping[str, Tensor], layers: StatedLayers, side: int | None) -> Draft | None:
    """A factory to complete; None where the weights are not those of one chain of convolutions and linear layers.

    Parameters
    ----------
    file
        Name of the checkpoint, for the text.
    layers
        Class and settings of every layer, where a whole module was pickled; then fewer lines are questions.
    side
        Of the input in pixels, where it is stated.
    """
    own = {name: value for name, value in state.items() if not is_incidental(name)}
    if not all(_NAME.fullmatch(name) for name in own):  # the text is code: no name of a file becomes more than a name
        return None
    prefix = ""
    while len(first := {name.partition(".")[0] for name in own}) == 1 and all(name.count(".") > 1 for name in own):
        prefix += f"{first.pop()}."
        own = {name.partition(".")[2]: value for name, value in own.items()}
    layers = {path.removeprefix(prefix): said for path, said in layers.items() if path.startswith(prefix)}
    chain = _chain(own, layers)
    root = _tree(chain or [], layers)
    if chain is None or root is None:
        return None
    steps = _steps(root, chain, side)
    seen = ", ".join(layer.seen for layer in chain[:_SHOWN])
    more = f" and {len(chain) - _SHOWN} more" if len(chain) > _SHOWN else ""
    text = "\n".join([draft_header(file) + "from torch.nn import functional\n", *_code(root, steps), ""])
    return Draft(f"a chain of {seen}{more}", text)


def draft_header(file: str) -> str:
    """How the text of a draft begins; of the file's name it takes plain letters alone."""
    return _HEADER.format(file=_UNUSUAL.sub("_", file))


def _chain(state: Mapping[str, Tensor], layers: StatedLayers) -> list[_Layer] | None:
    """The layers in their order, each of which takes what the one before gives."""
    parameters: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        path, _, parameter = name.rpartition(".")
        parameters.setdefault(path, {})[parameter] = value
    found: list[_Layer] = []
    width, flat = 0, False
    for path in in_order(list(parameters)):
        read = _layer(path, parameters[path], width, flat)
        if read is None or not path or _BESIDE.search(path):
            return None
        layer, width = read
        flat = flat or layer.kind == "linear"
        kind, settings = layers.get(path, ("", {}))
        if (stated := stated_layer(kind, settings, "bias" in parameters[path])) is not None:
            layer = _Layer(path, layer.kind, _call(*stated), "", layer.seen, layer.cells)
        found.append(layer)
    kinds = [layer.kind for layer in found]
    return found if kinds and kinds[0] == "conv" and kinds[-1] == "linear" else None


def _layer(path: str, parameters: Mapping[str, Tensor], width: int, flat: bool) -> tuple[_Layer, int] | None:
    """A layer that takes `width` channels (0: any) or, once the map is flat, numbers; and what it gives."""
    weight, kinds = parameters.get("weight"), set(parameters)
    if weight is None:
        return None
    shape = tuple(weight.shape)
    bias = "" if "bias" in kinds else ", bias=False"
    if len(shape) == 4 and kinds <= {"weight", "bias"} and not flat and min(shape) > 0:
        groups = width // shape[1] if width else 1
        # Half of the channels before it are a path around the layers before, sooner than two groups.
        usual = groups == 1 or shape[1] == 1 or groups >= _MANY_GROUPS
        if groups * shape[1] != (width or shape[1]) or shape[0] % max(groups, 1) or not usual:
            return None
        size = str(shape[2]) if shape[2] == shape[3] else f"({shape[2]}, {shape[3]})"
        around = str(shape[2] // 2) if shape[2] == shape[3] else f"({shape[2] // 2}, {shape[3] // 2})"
        grouped = f", groups={groups}" if groups > 1 else ""
        code = f"nn.Conv2d({groups * shape[1]}, {shape[0]}, {size}, stride=1, padding={around}{grouped}{bias})"
        seen = f"conv {shape[2]}x{shape[3]} {groups * shape[1]} to {shape[0]}"
        return _Layer(path, "conv", code, "stride, padding?", seen), shape[0]
    if len(shape) == 2 and kinds <= {"weight", "bias"} and width and min(shape) > 0:
        cells = 0 if flat else shape[1] // width
        if shape[1] != width * (cells or 1):
            return None
        code = f"nn.Linear({shape[1]}, {shape[0]}{bias})"
        return _Layer(path, "linear", code, "", f"linear {shape[1]} to {shape[0]}", cells), shape[0]
    if "running_mean" in kinds and shape == (width,):
        code = f"nn.BatchNorm{1 if flat else 2}d({width})"
        return _Layer(path, "norm", code, "", "batch norm"), width
    if kinds == {"weight"} and shape in ((1,), (width,)):
        return _Layer(path, "activation", f"nn.PReLU({shape[0]})", "", "PReLU"), width
    return None


def _call(name: str, arguments: Mapping[str, Any]) -> str:
    return f"nn.{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _tree(chain: Sequence[_Layer], layers: StatedLayers) -> _Folder | None:
    """The layers in the folders of their names; None where a name is both a layer and a folder."""
    root = _Folder()
    for layer in chain:
        folder, *names = root, *layer.path.split(".")
        for depth, name in enumerate(names[:-1], start=1):
            inner = folder.parts.setdefault(name, _Folder())
            if not isinstance(inner, _Folder):
                return None
            folder = inner
            path = ".".join(names[:depth])
            if layers.get(path, ("",))[0] == SEQUENTIAL and not folder.stated:
                folder.stated = True
                for place, (kind, settings) in layers.items():
                    above, _, number = place.rpartition(".")
                    if above == path and number.isdigit() and (made := stated_layer(kind, settings, bias=True)):
                        folder.filled[int(number)] = (_call(*made), "")
        folder.parts[names[-1]] = layer
    return root


def _steps(root: _Folder, chain: Sequence[_Layer], side: int | None) -> list[_Piece]:
    """Fills the gaps between layers: in a Sequential where there is room, else as a step of `forward`.

    Returns
    -------
    list
        What `forward` does, as expressions in x, each with what is asked about it.
    """
    rooms = [None, *(_room(root, *pair) for pair in pairwise(chain))]
    pools = _pools(chain, rooms, side)
    steps: list[_Piece] = []
    acted = closed = False
    for place, layer in enumerate(chain):
        folder, access = _access(root, layer)
        room = rooms[place]
        pool = place in pools and (not closed or layer.cells == 1)
        wished = _wishes(layer, acted=acted, pool=pool, room=room) if place else []
        begins = int(layer.path.rpartition(".")[2]) if folder.sequential and room is None else 0
        if room is not None:
            first = int(chain[place - 1].path.rpartition(".")[2]) + 1
            for number in range(room if not folder.stated else 0):
                code = wished[number] if number < len(wished) else _DROP if number == len(wished) else _NONE
                folder.filled[first + number] = (code, _ASKED.get(code, ""))
        else:
            steps += [(_CALLS[code], _ASKED.get(code, "")) for code in wished]
            for number in range(begins if not folder.stated else 0):
                folder.filled[number] = (_DROP, _ASKED[_DROP]) if layer.kind == "linear" else (_NONE, _ASKED[_NONE])
        if room is None:
            steps.append((f"{access}(x)", ""))
        closed = folder.stated  # its activations and pools are in it
        acted = layer.kind == "activation" or closed or (layer.kind == "norm" and (acted or _RELU in wished))
    return steps


def _wishes(after: _Layer, *, acted: bool, pool: bool, room: int | None) -> list[str]:
    """What usually stands before a layer, and fits into the room of a Sequential."""
    wished = [] if acted or after.kind == "activation" else [_RELU]
    if after.kind == "norm":
        wished = wished if room else []
    if pool:
        wished.append(_AVERAGE if after.cells == 1 else _POOL)
    if after.cells:
        wished.append(_FLATTEN)
    if room is None or len(wished) <= room:
        return wished
    return [_FLATTEN] if after.cells and room == 1 else wished[:room] if not after.cells else [_RELU, _FLATTEN]


def _pools(chain: Sequence[_Layer], rooms: Sequence[int | None], side: int | None) -> set[int]:
    """The layers that a pooling stands before: where a Sequential has room for it, and else as many as a usual input
    needs to be left with the cells that the first linear layer takes, evenly placed.
    """
    fixed, free, cells, acted = set(), [], 1, False
    for place, layer in enumerate(chain):
        room = rooms[place]
        if place and (layer.kind == "conv" or layer.cells):
            if room is None:
                free.append(place)
            elif room - (not acted) - bool(layer.cells) > 0:
                fixed.add(place)
        acted = layer.kind == "activation" or (layer.kind == "norm" and (acted or bool(room)))
        cells = layer.cells or cells
    if cells == 1:
        return fixed | set(free)
    sides = [side] if side else _USUAL_SIDES
    counts = [n for usual in sides for n in range(len(free) + 1) if usual == isqrt(cells) * 2 ** (n + len(fixed))]
    count = counts[0] if counts and isqrt(cells) ** 2 == cells else len(free)
    at = {place for k, place in enumerate(free) if (k + 1) * count // len(free) > k * count // len(free)}
    return fixed | at


def _room(root: _Folder, before: _Layer, after: _Layer) -> int | None:
    """How many layers without weights stand between two of one Sequential; None where they are not of one."""
    one, two = before.path.rpartition("."), after.path.rpartition(".")
    if one[0] != two[0] or not _access(root, after)[0].sequential:
        return None
    return int(two[2]) - int(one[2]) - 1


def _access(root: _Folder, layer: _Layer) -> tuple[_Folder, str]:
    """The folder that a layer lies in, and the expression for the layer, or for the Sequential that it is in."""
    folder, code = root, "self"
    names = layer.path.split(".")
    for name in names[:-1]:
        code += _step(folder, name, code)
        inner = folder.parts[name]
        folder = inner if isinstance(inner, _Folder) else folder
    if folder.sequential:
        return folder, "super().forward" if folder is root else code
    return folder, code + _step(folder, names[-1], code)


def _step(folder: _Folder, name: str, so_far: str) -> str:
    return f"[{name}]" if folder.numbered else f".{name}" if so_far == "self" else f'["{name}"]'


def _code(root: _Folder, steps: Sequence[_Piece]) -> list[str]:
    """The class and the factory, line by line."""
    begin = ["", f"class Network(nn.{'Sequential' if root.numbered else 'Module'}):", "    def __init__(self):"]
    if root.numbered:
        begin += ["        super().__init__(", *_children(root, 12), "        )"]
    else:
        begin.append("        super().__init__()")
        for name, part in root.parts.items():
            begin += _lines(part, 8, f"self.{name} = ", "")
    passes = [f"        x = {code}{_question(asked)}" for code, asked in steps]
    make = ["def make():", UNCONFIRMED, "    return Network()"]
    return [*begin, "", "    def forward(self, x):", *passes, "        return x", "", "", *make]


def _children(folder: _Folder, indent: int) -> list[str]:
    """What a numbered folder holds, in order; places that no weight is of hold what was filled in."""
    parts = {int(name): part for name, part in folder.parts.items()}
    lines = []
    for number in range(max([*parts, *folder.filled]) + 1):
        part = parts.get(number)
        code, asked = folder.filled.get(number, (_NONE, _ASKED[_NONE]))
        lines += [f"{' ' * indent}{code},{_question(asked)}"] if part is None else _lines(part, indent, "", ",")
    return lines


def _lines(part: _Folder | _Layer, indent: int, lead: str, tail: str) -> list[str]:
    """The code that makes a part of the network."""
    pad = " " * indent
    if isinstance(part, _Layer):
        return [f"{pad}{lead}{part.code}{tail}{_question(part.asked)}"]
    if part.sequential:
        return [f"{pad}{lead}nn.Sequential(", *_children(part, indent + 4), f"{pad}){tail}"]
    if part.numbered:
        return [f"{pad}{lead}nn.ModuleList([", *_children(part, indent + 4), f"{pad}]){tail}"]
    inner = [line for name, one in part.parts.items() for line in _lines(one, indent + 4, f'"{name}": ', ",")]
    return [f"{pad}{lead}nn.ModuleDict({{", *inner, f"{pad}}}){tail}"]


def _question(asked: str) -> str:
    return f"  # {asked}" if asked else ""
