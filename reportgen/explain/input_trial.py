"""Runs a model on a small sample under every preprocessing that may be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.errors import ConfigError
from reportgen.explain.loading import bare_model, own_device, read_model_file
from reportgen.explain.workers import available_cores, single_threaded, worker_threads
from reportgen.inputs.checkpoints.onnx_file import OnnxFile, is_onnx
from reportgen.inputs.checkpoints.reading import Checkpoint
from reportgen.models.preprocessing import candidate_inputs, first_inputs, normalise, resize
from reportgen.models.registry import LoadedModel

__all__ = ["InputTrial", "try_inputs"]

_BATCH = 8

Part = Literal["statistics", "grey", "size"]
Samples = Sequence[npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class InputTrial:
    """What a model predicts.

    Attributes
    ----------
    outputs
        How many the model has.
    inputs
        The preprocessings that it takes, its default first.
    predicted
        (inputs, n) index of the largest output.
    """

    outputs: int
    inputs: tuple[Preprocessing, ...]
    predicted: npt.NDArray[np.int64]


def try_inputs(
    name: str,
    entry: ModelConfig,
    classes: Sequence[str],
    open_parts: frozenset[str],
    samples: Samples,
    agreement: Callable[[int, npt.NDArray[np.int64]], float],
    config: Config,
) -> InputTrial:
    """Show a sample to a model.

    Means and standard deviations come first, at the default size, and for colour photos the same in grey; then other
    sizes, with what agrees best.

    Parameters
    ----------
    classes
        Of the test set.
    open_parts
        Which parts of the preprocessing nothing states: "size", "statistics", both or neither.
    samples
        Decoded images.
    agreement
        How well predictions (n,) of a model with so many outputs fit the labels.

    Raises
    ------
    CheckpointError, ConfigError
        The model cannot be used.
    """
    device, _ = own_device(config)
    keras = is_onnx(entry.checkpoint)
    checkpoint = read_model_file(entry.checkpoint, unsafe=config.unsafe_load)
    with single_threaded():
        model = _load(name, checkpoint, entry, classes, open_parts)
    module = model.module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    workers = available_cores() if device.type == "cpu" else 1
    with worker_threads(workers) as pool:

        def predict(spec: Preprocessing) -> npt.NDArray[np.int64]:
            batches = [samples[start : start + _BATCH] for start in range(0, len(samples), _BATCH)]
            return np.concatenate(list(pool.map(lambda batch: _predict(module, batch, spec, device), batches)))

        predicted = {model.preprocessing: predict(model.preprocessing)}
        coloured = model.preprocessing.channels == 3 and any(sample.ndim == 3 for sample in samples)
        for part in _parts(model.preprocessing, open_parts, coloured=coloured):
            best = max(predicted, key=lambda spec: agreement(model.num_classes, predicted[spec]))
            for spec in candidate_inputs(best, part, keras=keras):
                if spec not in predicted:
                    with suppress(Exception):  # on a size that it was not made for a network can fail in any way
                        predicted[spec] = predict(spec)
    return InputTrial(model.num_classes, tuple(predicted), np.stack(list(predicted.values())))


def _parts(default: Preprocessing, open_parts: frozenset[str], *, coloured: bool) -> Iterator[Part]:
    """What is varied; a network that takes pixels from 0 to 255 normalises them itself."""
    if "statistics" in open_parts and default.std != (1 / 255,):
        yield "statistics"
        if coloured:
            yield "grey"
    if "size" in open_parts:
        yield "size"


def _load(
    name: str,
    checkpoint: Checkpoint | OnnxFile,
    entry: ModelConfig,
    classes: Sequence[str],
    open_parts: frozenset[str],
) -> LoadedModel:
    """The model under its default; a user's own network may take another input than three channels of 224 pixels."""
    try:
        return bare_model(name, checkpoint, entry, classes, explained=False)
    except ConfigError:
        if entry.factory is None or "size" not in open_parts:
            raise
        for spec in first_inputs():
            with suppress(ConfigError):
                own = entry.model_copy(update={"preprocessing": spec})
                return bare_model(name, checkpoint, own, classes, explained=False)
        raise


def _predict(
    module: torch.nn.Module, samples: Samples, spec: Preprocessing, device: torch.device
) -> npt.NDArray[np.int64]:
    pictures = normalise([resize(sample, spec) for sample in samples], spec).to(device)
    with torch.inference_mode():
        largest: npt.NDArray[np.int64] = module(pictures).argmax(dim=1).cpu().numpy()
    return largest
