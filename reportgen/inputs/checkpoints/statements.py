"""What a checkpoint says of its classes and its input. Needs no torch and runs nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reportgen.errors import DataError
from reportgen.inputs.checkpoints.folder import CONFIG, folder_statements, weights_file
from reportgen.inputs.checkpoints.onnx_file import is_onnx, onnx_statements
from reportgen.inputs.checkpoints.processors import folder_input, pixel_statistics
from reportgen.inputs.checkpoints.restricted import Foreign, TensorRecord, plain, read_restricted
from reportgen.inputs.class_lists import (
    ClassList,
    agreed_classes,
    class_list,
    classes_in_text,
    stated_classes,
    states_classes,
)
from reportgen.inputs.class_order import numbering_text
from reportgen.inputs.emotions import canonical_emotion

__all__ = ["Statements", "checkpoint_statements", "named_architectures"]

_LONGEST_HEADER = 100_000_000  # bytes, as in safetensors itself
# Where training scripts, Lightning and others keep what a run was started with.
_SETTINGS = ("hyper_parameters", "hparams", "config", "cfg", "args", "meta", "model_args", "extra")
_SHAPES = "shapes"
# What scripts call the network that was trained: timm's and torchvision's, Lightning's, and those of repositories.
_NAMES = ("architecture", "arch", "model_name", "model_arch", "timm_model", "backbone", "backbone_name", "encoder",
          "model", "net", "network", "base_model")  # fmt: skip
_LONGEST_NAME = 80
_MOST_CLASSES = 50  # larger numbers beside names are counts
_MOST_DICTS, _DEEPEST = 2000, 6
_LEAST_KNOWN = 4  # expressions that make a list one of classes under any key
_INPUT = ("preprocessing", "preprocess", "transform", "transforms", "normalize", "normalization", "pretrained_cfg",
          "default_cfg", "data_config", "data_cfg")  # fmt: skip
_SIZES = ("img_size", "image_size", "input_size", "imgsz", "size")  # the last only inside a dict about the input
_STATISTICS = {
    "mean": ("mean", "norm_mean", "image_mean", "img_mean", "normalize_mean"),
    "std": ("std", "norm_std", "image_std", "img_std", "normalize_std"),
}
_CUSTOM_CNN = {"conv1.conv.weight": (32, 3, 3, 3), "conv4.conv.weight": (256, 128, 3, 3),
               "conv4.bn.running_mean": (256,), "fc1.weight": (128, 256)}  # fmt: skip
_TRANSFER_FILE = "transfer_learning_best.pth"
_TRANSFER = {"backbone.conv1.weight": (64, 3, 7, 7), "backbone.layer4.1.bn2.weight": (512,)}


@dataclass(frozen=True)
class Statements:
    """What a checkpoint says of its model beside the weights.

    Attributes
    ----------
    classes
        In the order of the outputs; empty where it states none.
    preprocessing
        Fields of `reportgen.config.Preprocessing`, those that it states.
    notebook
        It is one of the notebook's two models, whose preprocessing is the notebook's: 224 x 224 pixels, ImageNet's
        mean and standard deviation. The Custom CNN is known by its parameters' names and shapes, which no published
        network has; a ResNet18 under `backbone` with dropout before its last layer is common, so there the file's name
        has to be the notebook's, too.
    """

    classes: tuple[str, ...] = ()
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    notebook: bool = False


def checkpoint_statements(path: Path, *, of_input: bool = True) -> Statements:
    """What a checkpoint states; nothing where it is none that can be read.

    Names of classes, image sizes, means and standard deviations beside the weights, among the hyperparameters, in
    safetensors' metadata and, for a model of Hugging Face, in the `config.json` beside it count. Names of classes count
    where at least one of them is an expression that is known. A folder's processor counts before anything else that is
    said of the input.

    Parameters
    ----------
    of_input
        Whether a folder's processor is asked, which may do what is not done here.

    Raises
    ------
    DataError
        It states several orders of the classes.
    CheckpointError
        Its processor cannot be followed.
    """
    classes: dict[str, tuple[str, ...]] = {}
    preprocessing: dict[str, Any] = {}
    notebook = False
    if is_onnx(path):
        said: dict[str, Any] = {}
        with suppress(Exception):  # building the network says what is wrong with the file
            said, preprocessing = onnx_statements(path)
        return Statements(agreed_classes(_classes_of("metadata_props", said)), preprocessing)
    unnamed: dict[str, tuple[str, ...]] = {}
    for place, content in _statements(path):
        if place == _SHAPES:
            notebook = notebook or _is_notebook(path.name, content)
            continue
        classes |= _classes_of(place, content)
        unnamed |= _emotions_of(place, content)
        preprocessing = {**_stated_input(content), **preprocessing}
    if of_input:
        preprocessing = folder_input(path, folder_statements(path)) or preprocessing
    return Statements(agreed_classes(classes or unnamed), preprocessing, notebook)


def named_architectures(path: Path) -> tuple[str, ...]:
    """What a checkpoint calls its network, beside the weights and among the settings of the run; without repetition."""
    found: dict[str, None] = {}
    for place, content in _statements(path):
        for key in _NAMES if place not in (_SHAPES, CONFIG) else ():
            value = content.get(key)
            value = value[0] if isinstance(value, list) and len(value) == 1 else value  # a word in metadata
            if isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME:
                found[value] = None
    return tuple(found)


def _classes_of(place: str, content: Mapping[Any, Any]) -> dict[str, tuple[str, ...]]:
    """The class names that a dict states, under its place; none where none of them is an expression that is known.

    Raises
    ------
    DataError
        It states several orders, or numbers with gaps.
    """
    said = stated_classes({key: _names(value) for key, value in content.items() if states_classes(key)})
    if said is None or not any(canonical_emotion(name) for name in said.names):
        return {}
    numbers = list(said.numbers or ())
    if numbers and numbers[-1] - numbers[0] >= len(numbers):
        if numbers[-1] >= _MOST_CLASSES:
            return {}  # how many images each class has
        raise DataError(
            f"numbers its classes with gaps ({numbering_text(said.numbers or {})}); name those of its outputs in their "
            "order in the settings with 'classes = [...]'"
        )
    return {place: said.names} if not numbers or numbers[0] in (0, 1) else {}


def _emotions_of(place: str, content: Mapping[Any, Any]) -> dict[str, tuple[str, ...]]:
    """Lists of nothing but known expressions under any key, and settings kept as text, under their place."""
    found: dict[str, ClassList | None] = {}
    for key, value in content.items():
        if isinstance(value, str) and not states_classes(key):
            found |= {f"{place}.{key}.{name}": own for name, own in classes_in_text(value).items()}
        elif isinstance(value, list | tuple | Mapping) and len(value) < _MOST_CLASSES:
            found[f"{place}.{key}"] = class_list(_names(value))
    return {
        key: own.names
        for key, own in found.items()
        if own is not None
        and len(own.names) >= _LEAST_KNOWN
        and all(map(canonical_emotion, own.names))
        and list(own.numbers or range(len(own.names))) in ([*range(len(own.names))], [*range(1, len(own.names) + 1)])
    }


def _statements(path: Path) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Dicts beside the weights, and under `_SHAPES` the shapes of tensors by name."""
    # Damaged and hostile files break in any way; reading the weights says what is wrong with them.
    with suppress(Exception):
        with weights_file(path).open("rb") as file:
            head = file.read(9)  # of safetensors: the header's length, then JSON
            length = int.from_bytes(head[:8], "little")
            header = head[8:] + file.read(length - 1) if head[8:] == b"{" and length <= _LONGEST_HEADER else b""
        if header:
            content = json.loads(header)
            metadata = content.pop("__metadata__", {})
            said = {key: value if states_classes(key) else _from_json(value) for key, value in metadata.items()}
            yield "metadata", said
            for key in (*_SETTINGS, *_INPUT):
                yield key, _attributes(said.get(key))
            yield from _inside(said)
            yield _SHAPES, {name: tuple(entry["shape"]) for name, entry in content.items()}
        else:
            yield from _pickled(read_restricted(weights_file(path)).content)
    config = folder_statements(path).get(CONFIG)
    if config is not None:
        yield CONFIG, {key: value for key, value in config.items() if states_classes(key)}


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text.split(",") if isinstance(text, str) else None


def _pickled(content: Any) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    content = _attributes(content)
    yield "checkpoint", content
    for key in _SETTINGS:
        yield key, _attributes(content.get(key))
    yield from _inside(content)
    for part in (content, *content.values()):
        if isinstance(part, Mapping):
            yield _SHAPES, {name: value.size for name, value in part.items() if isinstance(value, TensorRecord)}


def _inside(content: Mapping[Any, Any]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Dicts and objects inside a checkpoint that name classes, such as the data set that it was trained on."""
    waiting = [(str(key), value, 1) for key, value in content.items()]
    seen: dict[int, object] = {}  # a pickle names the same dict in many places
    for place, value, depth in waiting:
        inner = _attributes(value)
        if id(value) in seen or not inner:
            continue
        seen[id(value)] = value
        if len(seen) > _MOST_DICTS or any(isinstance(cell, TensorRecord) for cell in inner.values()):
            continue
        named = {key: cell for key, cell in inner.items() if states_classes(key) or _may_name(key, cell)}
        if named and place not in _SETTINGS:
            yield place, named
        if depth < _DEEPEST:
            waiting += [(f"{place}.{key}", cell, depth + 1) for key, cell in inner.items()]


def _may_name(key: object, value: Any) -> bool:
    """Whether it may be a list of classes under any key; what is said of the input is left where it usually stands."""
    if isinstance(value, list | tuple):
        return any(isinstance(cell, str) for cell in value)
    if isinstance(value, str):
        return len(value) > _LONGEST_NAME and any(mark in value for mark in "[{(")
    flat = isinstance(value, Mapping) and all(isinstance(cell, str | int | float) for cell in value.values())
    return flat and key not in (*_INPUT, *_SETTINGS)


def _attributes(item: Any) -> Mapping[Any, Any]:
    """A dict, or the attributes of an object such as argparse's Namespace."""
    if isinstance(item, Foreign):
        item = item.state if isinstance(item.state, Mapping) else item.items
    return item if isinstance(item, Mapping) else {}


def _names(value: Any) -> Any:
    """A list or dict of names with its arrays built; a label encoder's are its `classes_`."""
    if isinstance(value, Foreign):
        value = _attributes(value).get("classes_")
    return plain(value)


def _is_notebook(file: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    if all(shapes.get(name) == shape for name, shape in _CUSTOM_CNN.items()):
        return True
    return file == _TRANSFER_FILE and all(shapes.get(name) == shape for name, shape in _TRANSFER.items())


def _stated_input(content: Mapping[Any, Any]) -> dict[str, Any]:
    """Size, mean and standard deviation of the input where a dict, or one for the input inside it, states them."""
    found: dict[str, Any] = {}
    inner = [(_attributes(content.get(key)), key in _INPUT) for key in (*_INPUT, *_SETTINGS)]
    for part, own in [(content, False), *inner]:
        for key in _SIZES if own else _SIZES[:-1]:
            size = _size(plain(part.get(key)))
            if size is not None:
                found.setdefault("height", size[0])
                found.setdefault("width", size[1])
        values = {
            name: next((numbers for key in keys if (numbers := _numbers(plain(part.get(key)))) is not None), None)
            for name, keys in _STATISTICS.items()
        }
        mean, std = values["mean"], values["std"]
        if mean is not None and std is not None:
            for name, numbers in pixel_statistics(mean, std).items():
                found.setdefault(name, numbers)
    return found


def _size(value: Any) -> tuple[int, int] | None:
    """Height and width in pixels from one number, two, or three with the channels first."""
    sides = [value, value] if isinstance(value, int) else list(value) if isinstance(value, list | tuple) else []
    sides = sides[-2:] if len(sides) in (2, 3) else []
    if len(sides) == 2 and all(isinstance(n, int) and not isinstance(n, bool) and 8 <= n <= 2048 for n in sides):
        return sides[0], sides[1]
    return None


def _numbers(value: Any) -> tuple[float, ...] | None:
    """A list of one number, or of one for each of three channels."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    listed = list(value) if isinstance(value, list | tuple) else []
    fine = len(listed) in (1, 3) and all(isinstance(n, int | float) and math.isfinite(n) for n in listed)
    return tuple(float(n) for n in listed) if fine else None
