"""ONNX files: read with their weights, and refused where they reach for other files or for code. Needs no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from reportgen.config import RANGE_255
from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.processors import pixel_statistics

__all__ = ["OnnxFile", "external_files", "is_onnx", "onnx_statements", "read_onnx", "stated_input"]

_UINT8 = 2  # of TensorProto.DataType
_MOST_BYTES = 2**31 - 1  # what a protobuf message holds
# Operators of these come with onnxruntime; any other would need a library that the file brings.
_KNOWN_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
# A loop may run for ever, and no classifier of images needs one.
_LOOPS = {"Loop", "Scan"}
_NUMBERED = re.compile(r"(\d{1,5})\s*:\s*['\"]([^'\"]*)['\"]")
_QUOTED = re.compile(r"['\"]([^'\"]*)['\"]")


@dataclass(frozen=True)
class OnnxFile:
    """A network as found in a file.

    Attributes
    ----------
    content
        The whole model, its weights included, so that nothing is read from disk when it runs.
    preprocessing
        What the file's metadata state of its input, as `stated_input` gives it.
    facts, notes
        As of a `Checkpoint`.
    """

    path: Path
    content: bytes
    preprocessing: dict[str, Any]
    facts: dict[str, float | int | str]
    notes: tuple[str, ...] = ()


def is_onnx(path: Path) -> bool:
    """Whether a checkpoint is an ONNX file, by its name: the format has no mark at its beginning."""
    return path.suffix.lower() == ".onnx"


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file and the files beside it that hold its weights.

    Raises
    ------
    CheckpointError
        The package is not installed; or the file is damaged, needs a file outside its own folder, an operator from a
        library of its own, or a loop.
    """
    model = _parsed(path)
    own = {function.domain for function in model.functions}
    notes = []
    stored = 0
    for message in _messages(model):
        kind = message.DESCRIPTOR.name
        if kind == "NodeProto":
            _refuse_operator(path, message, own)
        elif kind == "TensorProto" and _is_external(message):
            content = _external_content(path, message)
            stored += len(content)
            if stored > _MOST_BYTES:
                raise CheckpointError(f"{path}: more than 2 GiB of weights, at most 2 GiB is read")
            message.raw_data = content
            message.data_location = 0
            del message.external_data[:]
    del model.training_info[:]
    if stored:
        notes.append(f"its weights were read from {', '.join(sorted(file.name for file in external_files(path)))}")
    try:
        content = model.SerializeToString()
    except Exception as error:  # more than a message holds
        raise CheckpointError(f"{path}: cannot be put together ({_line(error)}); export it in one file") from None
    producer = " ".join(part for part in (model.producer_name, model.producer_version) if part)
    facts: dict[str, float | int | str] = {"opset": int(model.opset_import[0].version)} if model.opset_import else {}
    if producer:
        facts["made by"] = producer[:80]
    return OnnxFile(path, content, stated_input(_metadata(model)), facts, tuple(notes))


def external_files(path: Path) -> list[Path]:
    """The files beside an ONNX file that hold weights of it, by name.

    Raises
    ------
    CheckpointError
        As for `read_onnx`.
    """
    messages = _messages(_parsed(path))
    tensors = (m for m in messages if m.DESCRIPTOR.name == "TensorProto" and _is_external(m))
    return sorted({_external_file(path, _entries(tensor)) for tensor in tensors})


def onnx_statements(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an ONNX file says of itself, and what it states of its input.

    Returns
    -------
    metadata
        `metadata_props` with lists and tables of names read; under "classes" what exporters call names.
    preprocessing
        Fields of `reportgen.config.Preprocessing`: of the input itself where it fixes them, else as `stated_input`.

    Raises
    ------
    CheckpointError
        As for `read_onnx`.
    """
    model = _parsed(path)
    told = _metadata(model)
    found: dict[str, Any] = {key: _value(text) for key, text in told.items()}
    for key in ("names", "labels"):
        value = found.pop(key, None)
        if value is not None:
            found["idx_to_class" if isinstance(value, dict) else "classes"] = value
    return found, {**stated_input(told), **_fixed_input(model.graph)}


def _fixed_input(graph: Any) -> dict[str, Any]:
    """Height and width where the input fixes them, and pixels as they are where it takes bytes."""
    held = {tensor.name for tensor in graph.initializer}
    found: dict[str, Any] = {}
    for given in graph.input:
        tensor = given.type.tensor_type
        sides = [int(side.dim_value) for side in tensor.shape.dim]
        if given.name in held or len(sides) != 4:
            continue
        height, width = sides[2:] if sides[1] in (1, 3) else sides[1:3]
        if height > 0 and width > 0:
            found |= {"height": height, "width": width}
        if tensor.elem_type == _UINT8:
            found |= RANGE_255
    return found


def stated_input(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Size, mean and standard deviation as an ONNX file's metadata give them, under the names that exporters use."""
    found: dict[str, Any] = {}
    for key, names in (("mean", ("mean", "image_mean")), ("std", ("std", "image_std"))):
        numbers = next((values for name in names if (values := _numbers(metadata.get(name, "")))), None)
        if numbers is not None and len(numbers) in (1, 3):
            found[key] = numbers
    found = pixel_statistics(**found) if len(found) == 2 else {}
    if not found and "0_255" in metadata.get("Image.NominalPixelRange", ""):
        found = dict(RANGE_255)
    if metadata.get("Image.BitmapPixelFormat", "").lower().startswith("bgr"):
        found["bgr"] = True
    given = (_numbers(metadata.get(key, "")) for key in ("imgsz", "image_size", "input_size"))
    sides = next((values for values in given if values), ())
    if len(sides) in (1, 2, 3) and all(8 <= side <= 2048 and side == int(side) for side in sides):
        found["height"], found["width"] = int(sides[-2:][0]), int(sides[-1])
    return found


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers from text such as "[0.5, 0.5, 0.5]"; empty where it is something else."""
    try:
        return tuple(float(part) for part in text.strip("[]() ").replace(",", " ").split())
    except ValueError:
        return ()


def _onnx() -> ModuleType:
    try:
        import onnx
    except ImportError:
        raise CheckpointError("ONNX files need two more packages; python -m pip install 'reportgen[onnx]'") from None
    found: ModuleType = onnx
    return found


def _parsed(path: Path) -> Any:
    onnx = _onnx()
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise CheckpointError(f"{path}: {size / 2**30:.1f} GiB, at most 2 GiB is read")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); give an existing ONNX file") from None
    if content.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's own kinds of error, which differ between its builds
        raise CheckpointError(f"{path}: truncated, damaged or no ONNX file ({_line(error)}); export it again") from None
    if not model.graph.node or not model.graph.output:
        raise CheckpointError(f"{path}: holds no network; export it again")
    return model


def _messages(message: Any) -> Iterator[Any]:
    """A protobuf message and all messages inside it, whatever fields hold them."""
    waiting = [message]
    while waiting:
        here = waiting.pop()
        yield here
        for field, value in here.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting += [value] if hasattr(value, "ListFields") else value


def _refuse_operator(path: Path, node: Any, own: set[str]) -> None:
    if node.domain not in _KNOWN_DOMAINS | own:
        raise CheckpointError(
            f"{path}: needs the operator '{node.op_type:.60}' of '{node.domain:.60}', which only a library of its own "
            "would bring; export it with ONNX's own operators"
        )
    if node.op_type in _LOOPS:
        raise CheckpointError(f"{path}: holds a {node.op_type}, which may run for ever; export the network without it")


def _is_external(tensor: Any) -> bool:
    return bool(tensor.data_location == 1 or tensor.external_data)


def _entries(tensor: Any) -> dict[str, str]:
    return {str(entry.key): str(entry.value) for entry in tensor.external_data}


def _external_file(path: Path, entries: dict[str, str]) -> Path:
    """The file that holds a tensor's numbers, if it lies in the model's own folder."""
    location = entries.get("location", "")
    folder = path.parent.resolve()
    try:
        # A link counts by what it leads to.
        file = (folder / location).resolve()
        inside = bool(location) and not Path(location).is_absolute() and file.is_relative_to(folder)
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise CheckpointError(
            f"{path}: its weights are said to lie in '{location:.80}', outside its own folder, where nothing is read"
        )
    if not file.is_file():
        raise CheckpointError(
            f"{path}: its weights are in '{location:.80}', which is not beside it; put both files into one folder, or "
            "export with external_data=False"
        )
    return file


def _external_content(path: Path, tensor: Any) -> bytes:
    entries = _entries(tensor)
    file = _external_file(path, entries)
    broken = CheckpointError(f"{path}: '{file.name}' does not hold '{tensor.name:.60}' as announced; copy both again")
    try:
        offset = int(entries.get("offset") or 0)
        length = int(entries.get("length") or file.stat().st_size - offset)
    except (OSError, ValueError):
        raise broken from None
    if offset < 0 or not 0 <= length <= file.stat().st_size - offset or length > _MOST_BYTES:
        raise broken
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(length)


def _metadata(model: Any) -> dict[str, str]:
    return {str(entry.key): str(entry.value) for entry in model.metadata_props}


def _value(text: str) -> Any:
    """A metadata value as people write it: JSON, Python's way of writing a list or a dict, or words between commas."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text.startswith("{"):
        return {int(number): name for number, name in _NUMBERED.findall(text)}
    if text.startswith(("[", "(")) and _QUOTED.search(text):
        return _QUOTED.findall(text)
    return [part.strip() for part in text.split(",")] if "," in text else text


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
