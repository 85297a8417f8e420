"""Networks in ONNX files: run forward by onnxruntime, as a module that takes the same pictures as any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reportgen.config import RANGE_255, ModelConfig, Preprocessing
from reportgen.errors import CheckpointError, ConfigError
from reportgen.models.outputs import logits_model
from reportgen.models.registry import GREY, LoadedModel, check_statistics, trial_images
from reportgen.models.repeatability import check_repeatable

__all__ = ["ARCHITECTURE", "OnnxNetwork", "build_onnx"]

ARCHITECTURE = "ONNX"
"""The name of the architecture of every network in an ONNX file: its layers are not known."""

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
_MOST_MEMORY = 4 << 30  # bytes, of weights and of all that is computed at one time


@dataclass(frozen=True)
class _Input:
    """What a network takes: `height` and `width` are None where any size will do, `batch` where any number will."""

    name: str
    kind: type[Any]
    last: bool
    channels: int
    height: int | None
    width: int | None
    batch: int | None


class OnnxNetwork(nn.Module):
    """A network that onnxruntime runs on the processor, in the calling thread.

    Parameters
    ----------
    name
        The user's name for the model; for messages.
    content
        A whole ONNX model, its weights included.

    Raises
    ------
    CheckpointError
        onnxruntime is not installed or refuses the model, or it takes something other than one picture.
    """

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__()
        self._session = _session(name, content)
        self.input = _input(name, self._session.get_inputs())
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._batch = self.input.batch

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        """(B, channels, H, W) -> the network's output, or all of them by name, but for those that are no fractions."""
        pictures = self._prepared(x)
        try:
            found = self._run(pictures, self._batch)
        except Exception as error:  # onnxruntime's own kinds of error
            try:  # some files say that they take any number of pictures, and were exported for one
                found = self._run(pictures, 1)
            except Exception:
                raise RuntimeError(_line(error)) from None
            self._batch = 1
        # Only these can be scores: a class's number, or a table by its name, says less than they do.
        outputs = {
            name: torch.from_numpy(value).float()
            for name, value in zip(self._outputs, found, strict=True)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        }
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def _prepared(self, x: Tensor) -> np.ndarray[Any, Any]:
        plain = x.detach().float().cpu()
        plain = plain.permute(0, 2, 3, 1) if self.input.last else plain
        numbers = plain.contiguous().numpy()
        if self.input.kind is np.uint8:
            numbers = np.clip(np.rint(numbers), 0, 255)
        return np.asarray(numbers, dtype=self.input.kind)

    def _run(self, pictures: np.ndarray[Any, Any], size: int | None) -> list[np.ndarray[Any, Any]]:
        """All outputs for any number of pictures, `size` at a time; what the last group lacks is filled up."""
        if size is None:
            whole: list[np.ndarray[Any, Any]] = self._session.run(self._outputs, {self.input.name: pictures})
            return whole
        parts = []
        for start in range(0, len(pictures), size):
            group = pictures[start : start + size]
            lacking = size - len(group)
            filled = np.concatenate([group, np.repeat(group[:1], lacking, axis=0)]) if lacking else group
            given = self._session.run(self._outputs, {self.input.name: filled})
            parts.append([np.atleast_1d(value)[: len(group)] for value in given])
        return [np.concatenate(values) for values in zip(*parts, strict=True)]


def build_onnx(
    name: str,
    content: bytes,
    stated: Mapping[str, Any],
    config: ModelConfig,
    *,
    classes: int | None = None,
    explained: bool = True,
) -> LoadedModel:
    """A network from an ONNX file, ready to run.

    Parameters
    ----------
    name
        The user's name for the model; for messages.
    content, stated
        Content and `preprocessing` of an `OnnxFile`.
    classes
        How many there are; tells the class scores among several outputs.
    explained
        Whether to try that outputs repeat.

    Raises
    ------
    CheckpointError
        onnxruntime is not installed or refuses the model, or it takes something other than one picture.
    ConfigError
        The settings do not fit it, the class scores cannot be told, or an image's output is not always the same.
    """
    for setting in ("factory", "target_layer"):
        if getattr(config, setting) is not None:
            raise ConfigError(
                f"model '{name}': {setting} is set, but an ONNX file brings its own network, whose layers are not "
                f"seen; remove {setting}"
            )
    network = OnnxNetwork(name, content)
    preprocessing, notes = _adapted(name, config.preprocessing, network.input, stated)
    network.eval()
    images = trial_images(preprocessing)
    if network.input.kind is np.uint8:
        images = images.sigmoid() * 255
    module, outputs, said = logits_model(
        name, network, images, output=config.output, columns=config.output_columns, classes=classes
    )
    if explained:
        check_repeatable(name, module, images)
    return LoadedModel(module, ARCHITECTURE, "", outputs, preprocessing, notes=(*notes, *said))


def _session(name: str, content: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise CheckpointError(
            f"model '{name}': ONNX files need two more packages; python -m pip install 'reportgen[onnx]'"
        ) from None
    options = onnxruntime.SessionOptions()
    # Every worker of the pass runs its own pictures; one thread also gives the same numbers on any machine.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    _limit_memory(onnxruntime)
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.log_severity_level = 4  # what is wrong is raised, and said in one line
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds of error
        raise CheckpointError(
            f"model '{name}': onnxruntime {onnxruntime.__version__} refuses its ONNX file ({_line(error)}); export it "
            "again"
        ) from None


@cache
def _limit_memory(onnxruntime: Any) -> None:
    """Have all networks of this process share memory with an upper end: a small file may ask for any amount."""
    info = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    usual = ("arena_extend_strategy", "initial_chunk_size_bytes", "max_dead_bytes_per_chunk")
    limits = {"max_mem": _MOST_MEMORY} | dict.fromkeys(usual, -1)
    onnxruntime.create_and_register_allocator(info, onnxruntime.OrtArenaCfg(limits))


def _input(name: str, inputs: list[Any]) -> _Input:
    """The one picture that a network takes, by the shape and type of its inputs."""
    shown = ", ".join(f"{given.name}: {given.type} {given.shape}" for given in inputs)
    wrong = CheckpointError(
        f"model '{name}': takes {shown[:200] or 'nothing'}; expected one input of pictures, (batch, channels, height, "
        "width) or (batch, height, width, channels) with 1 or 3 channels"
    )
    if len(inputs) != 1 or inputs[0].type not in _TYPES or len(inputs[0].shape) != 4:
        raise wrong
    (given,) = inputs
    sizes = [side if isinstance(side, int) and side > 0 else None for side in given.shape]
    if sizes[1] in (1, 3):
        last, channels, height, width = False, sizes[1], sizes[2], sizes[3]
    elif sizes[3] in (1, 3):
        last, channels, height, width = True, sizes[3], sizes[1], sizes[2]
    else:
        raise wrong
    return _Input(given.name, _TYPES[given.type], last, channels or 3, height, width, sizes[0])


def _adapted(
    name: str, spec: Preprocessing, given: _Input, stated: Mapping[str, Any]
) -> tuple[Preprocessing, list[str]]:
    """The preprocessing that a network's input asks for, where the user's settings leave it open; and what to say."""
    notes: list[str] = []
    values: dict[str, Any] = {}
    own = spec.model_fields_set
    for key, side in (("height", given.height), ("width", given.width)):
        asked = side if side is not None else stated.get(key)
        if side is not None and key in own and getattr(spec, key) != side:
            raise ConfigError(
                f"model '{name}': preprocessing.{key} is {getattr(spec, key)}, but its ONNX file takes {side} pixels; "
                "correct or remove it"
            )
        if asked is not None and key not in own:
            values[key] = asked
    one = given.channels == 1
    if one and "grey" in own and not spec.grey:
        raise ConfigError(
            f"model '{name}': preprocessing.grey is false, but its ONNX file takes one channel; correct or remove it"
        )
    if "bgr" in stated and "bgr" not in own:
        values["bgr"] = True
    if one:
        values["grey"] = True
        notes.append("it takes one channel: images are shown to it in grey")
    if given.kind is np.uint8:
        if {"mean", "std"} & own and (spec.mean, spec.std) != tuple(RANGE_255.values()):
            raise ConfigError(f"model '{name}': its ONNX file takes pixels of 0 to 255; remove mean and std")
        values |= RANGE_255
        notes.append("it takes pixels of 0 to 255 as they are")
    else:
        usual = GREY if one else {}
        other = {key: stated.get(key, usual.get(key)) for key in ("mean", "std") if key not in own}
        values |= {key: value for key, value in other.items() if value is not None}
        if "mean" in stated and not {"mean", "std"} & own:
            notes.append("mean and standard deviation of its input as its file states them")
    if given.height is None and not {"height", "width"} & (own | stated.keys()):
        notes.append(f"it takes pictures of any size; {spec.width} x {spec.height} is assumed")
    whole = {**spec.model_dump(), **values}
    if whole["grey"] and not one:  # one value for three equal channels
        whole |= {key: whole[key] * 3 for key in ("mean", "std") if len(whole[key]) == 1}
    try:
        found = Preprocessing.model_validate(whole)
    except ValueError:
        size = f"{values.get('height')} x {values.get('width')}"
        raise CheckpointError(
            f"model '{name}': its ONNX file asks for an input that is not supported (size {size}, mean "
            f"{values.get('mean')}, std {values.get('std')})"
        ) from None
    check_statistics(name, found, given.channels)
    return found, notes


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
