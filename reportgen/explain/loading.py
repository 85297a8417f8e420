"""A model ready to run: checkpoint read, module built, device picked, outputs matched to the report's classes.

Everything that runs a model comes here: `check`, the calibration, the pass, the experiments and a cluster's workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from reportgen.config import Config, ModelConfig
from reportgen.errors import CheckpointError, ConfigError
from reportgen.explain.ablation_maps import AblationExplainer
from reportgen.explain.explainer import Explainer
from reportgen.explain.lrp import lrp_capture
from reportgen.explain.tuning import Tuning
from reportgen.inputs.checkpoints.folder import CONFIG
from reportgen.inputs.checkpoints.onnx_file import OnnxFile, is_onnx, read_onnx
from reportgen.inputs.checkpoints.reading import Checkpoint, read_checkpoint
from reportgen.inputs.discover import swapped
from reportgen.inputs.emotions import own_class
from reportgen.models.onnx_model import build_onnx
from reportgen.models.registry import LoadedModel, build_model, trial_images

__all__ = [
    "AnyExplainer",
    "ReadyModel",
    "bare_model",
    "explainer_of",
    "load_model",
    "output_classes",
    "own_device",
    "pick_device",
    "read_model_file",
    "ready_model",
]

AnyExplainer = Explainer | AblationExplainer


@dataclass(frozen=True)
class ReadyModel:
    """A model with its weights, and how its outputs belong to the report's classes.

    Attributes
    ----------
    order
        Index of the model's output for each class of the report.
    outputs
        The classes of the checkpoint's outputs in their order, also those that the report leaves out.
    suspicion
        A sentence where the file seems to hold another model than its name says.
    """

    model: LoadedModel
    checkpoint: Checkpoint | OnnxFile
    order: list[int]
    outputs: tuple[str, ...]
    suspicion: str | None

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know about the file and the model."""
        return [*self.checkpoint.notes, *self.model.notes, *([self.suspicion] if self.suspicion else [])]


def load_model(
    name: str, config: ModelConfig, classes: Sequence[str], *, unsafe: bool, explained: bool = True
) -> ReadyModel:
    """Read a checkpoint and build its model.

    Parameters
    ----------
    name
        What the user calls the model.
    classes
        Of the report.
    unsafe
        Admit checkpoints that run code while they are read.
    explained
        False where only logits are needed of a model that was tried before: its layer and its repeatability are not
        checked again.

    Raises
    ------
    CheckpointError
        The checkpoint cannot be read, its architecture is unknown, or its outputs do not fit the classes.
    ConfigError
        The model's settings cannot be used.
    """
    checkpoint = read_model_file(config.checkpoint, unsafe=unsafe)
    return ready_model(name, checkpoint, config, classes, explained=explained)


def read_model_file(path: Path, *, unsafe: bool) -> Checkpoint | OnnxFile:
    """A checkpoint or an ONNX file.

    Raises
    ------
    CheckpointError
        It cannot be read.
    """
    return read_onnx(path) if is_onnx(path) else read_checkpoint(path, unsafe=unsafe)


def bare_model(
    name: str, checkpoint: Checkpoint | OnnxFile, config: ModelConfig, classes: Sequence[str], *, explained: bool
) -> LoadedModel:
    """A model with all its outputs, whatever they mean."""
    if isinstance(checkpoint, OnnxFile):
        count = len(config.classes or classes)
        return build_onnx(
            name, checkpoint.content, checkpoint.preprocessing, config, classes=count, explained=explained
        )
    return build_model(
        name,
        checkpoint.state,
        config,
        explained=explained,
        stated=checkpoint.folder.get(CONFIG),
        named=checkpoint.named,
        layers=checkpoint.layers,
    )


def ready_model(
    name: str, checkpoint: Checkpoint | OnnxFile, config: ModelConfig, classes: Sequence[str], *, explained: bool = True
) -> ReadyModel:
    """The same for a checkpoint that has been read, such as one that was sent to another machine."""
    model = bare_model(name, checkpoint, config, classes, explained=explained)
    outputs = output_classes(name, model.num_classes, config, classes)
    order = [outputs.index(emotion) for emotion in classes]
    left = [emotion for emotion in outputs if emotion not in classes]
    if left:
        note = (
            f"its outputs for {', '.join(left)} are left out, since the report has no such class: its probabilities "
            f"are renormalised over the {len(classes)} classes of the report"
        )
        model, order = replace(model.restricted(order), notes=(*model.notes, note)), list(range(len(classes)))
    return ReadyModel(model, checkpoint, order, outputs, swapped(name, config.checkpoint.name, model.architecture))


def explainer_of(ready: ReadyModel, config: Config, device: torch.device, tuning: Tuning) -> AnyExplainer:
    """What records a model's logits and maps: by gradients where its layers are known, else by hiding places.

    Parameters
    ----------
    device
        For models of torch; an ONNX file runs on the processor.
    tuning
        Likewise.
    """
    probing = config.regions != "none"
    if isinstance(ready.checkpoint, OnnxFile):
        return AblationExplainer(ready.model, ready.order, probing=probing)
    return Explainer(ready.model, ready.order, config.method, device, tuning, config.seed, probing=probing)


def explained_place(ready: ReadyModel, method: str) -> str:
    """What the heatmaps are made of: a layer's name, or "its patches (LRP)".

    Raises
    ------
    ConfigError
        The method is LRP, and the model does not allow it.
    """
    model, images = ready.model, trial_images(ready.model.preprocessing)
    found = lrp_capture(method, model.architecture, model.module, model.target_layer, model.layout, images)
    return model.layer_name if found is None else "its patches (LRP)"


def output_classes(name: str, outputs: int, model: ModelConfig, classes: Sequence[str]) -> tuple[str, ...]:
    """The class of each of a model's outputs: all of the report's, and those that are left out.

    Raises
    ------
    CheckpointError
        The model has another number of outputs than there are classes.
    ConfigError
        The model's own class order is of another length, or lacks a class of the report.
    """
    if model.classes is None:
        if outputs != len(classes):
            raise CheckpointError(
                f"{model.checkpoint}: model '{name}' has {outputs} outputs, the test set {len(classes)} classes "
                f"({', '.join(classes)}); name the classes of its outputs, in their order, in the settings "
                "with 'classes = [...]'"
            )
        return tuple(classes)
    own = [own_class(text, classes) for text in model.classes]
    if len(own) != outputs:
        raise ConfigError(
            f"model '{name}': {len(own)} classes are named for it ({', '.join(own)}), in the settings or in its "
            f"checkpoint, but it has {outputs} outputs; name every output in the settings with 'classes = [...]'"
        )
    lacking = [emotion for emotion in classes if emotion not in own]
    if len(set(own)) < len(own):
        raise ConfigError(f"model '{name}': its classes ({', '.join(own)}) name one twice; correct them with 'classes'")
    if lacking:
        raise ConfigError(
            f"model '{name}': its classes ({', '.join(own)}), from the settings or its checkpoint, lack "
            f"{', '.join(lacking)} of the test set's ({', '.join(classes)}); correct one of them with "
            "'classes = [...]' in the settings"
        )
    return tuple(own)


def pick_device(requested: str) -> torch.device:
    """The device to run on: the requested one, or for "auto" CUDA, then MPS, then the processor.

    Raises
    ------
    ConfigError
        The requested device is not present here.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if requested == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    kind = requested.partition(":")[0]
    if (kind == "cuda" and not cuda) or (kind == "mps" and not mps):
        raise ConfigError(f"--device {requested}: torch {torch.__version__} finds none here; use --device cpu or auto")
    return torch.device(requested)


def own_device(config: Config) -> tuple[torch.device, str]:
    """What this machine runs on, and the kind of device that the analysis is made on.

    They differ where a cluster's workers have the requested device and this machine has not: what is left to do here
    is done on its processor.

    Raises
    ------
    ConfigError
        The device is not present here, and the engine is not a cluster.
    """
    try:
        here = pick_device(config.device)
    except ConfigError:
        if config.engine != "ray":
            raise
        return torch.device("cpu"), config.device.partition(":")[0]
    return here, here.type
