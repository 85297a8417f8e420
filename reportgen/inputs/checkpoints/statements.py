"""What a checkpoint says of its classes: names in the order of the outputs. Needs no torch and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from reportgen.inputs.checkpoints.onnx_file import is_onnx, onnx_metadata
from reportgen.inputs.checkpoints.restricted import Foreign, plain, read_restricted
from reportgen.inputs.class_order import STATED_UNDER, agreed_classes, stated_classes
from reportgen.inputs.emotions import canonical_emotion

__all__ = ["checkpoint_classes"]

_LONGEST_HEADER = 100_000_000  # bytes, as in safetensors itself
# Where training scripts, Lightning and others keep what a run was started with.
_SETTINGS = ("hyper_parameters", "hparams", "config", "cfg", "args", "meta", "model_args", "extra")
_HUGGING_FACE = ("model.safetensors", "pytorch_model.bin")


def checkpoint_classes(path: Path) -> tuple[str, ...]:
    """The class names that a checkpoint states; empty where it states none, or is none that can be read.

    Names beside the weights, among the hyperparameters, in safetensors' metadata and, for a model of Hugging Face, in
    the `config.json` beside it count, where at least one of them is an expression that is known.

    Raises
    ------
    DataError
        It states several orders.
    """
    found = {}
    for place, content in _statements(path):
        names = stated_classes(content)
        if any(canonical_emotion(name) for name in names):
            found[place] = names
    return agreed_classes(found)


def _statements(path: Path) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    # Damaged and hostile files break in any way; reading the weights says what is wrong with them.
    if is_onnx(path):
        with suppress(Exception):
            yield "metadata_props", onnx_metadata(path)
        return
    with suppress(Exception):
        with path.open("rb") as file:
            head = file.read(9)  # of safetensors: the header's length, then JSON
            length = int.from_bytes(head[:8], "little")
            header = head[8:] + file.read(length - 1) if head[8:] == b"{" and length <= _LONGEST_HEADER else b""
        if header:
            metadata = json.loads(header).get("__metadata__", {})
            yield "metadata", {key: _from_json(value) for key, value in metadata.items()}
        else:
            yield from _pickled(read_restricted(path).content)
    if path.name in _HUGGING_FACE:
        try:
            content = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return
        if isinstance(content, dict):
            yield "config.json", content


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text.split(",") if isinstance(text, str) else None


def _pickled(content: Any) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    content = _attributes(content)
    for place, part in (("checkpoint", content), *((key, _attributes(content.get(key))) for key in _SETTINGS)):
        yield place, {key: _names(part[key]) for key in STATED_UNDER if key in part}


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
