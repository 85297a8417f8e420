"""The files that a build without arguments uses, and what the checkpoints say of their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reportgen.config import Config, ModelConfig, Preprocessing, classes_among
from reportgen.errors import CheckpointError, DataError, printable
from reportgen.inputs.checkpoints.file import checkpoint_sha256
from reportgen.inputs.checkpoints.onnx_file import is_onnx
from reportgen.inputs.checkpoints.statements import Statements, checkpoint_statements
from reportgen.inputs.class_order import parse_classes
from reportgen.inputs.emotions import name_classes

__all__ = [
    "NOTEBOOK_DATA",
    "NOTEBOOK_MODELS",
    "Discovery",
    "discover",
    "discover_models",
    "swapped",
    "with_checkpoints",
]

NOTEBOOK_DATA = "processed_data.pkl"
NOTEBOOK_MODELS = {"Custom CNN": "custom_cnn_best.pth", "ResNet18": "transfer_learning_best.pth"}
_ARCHITECTURES = {"Custom CNN": "CustomCNN", "ResNet18": "TransferLearningModel"}


@dataclass(frozen=True)
class Discovery:
    """The settings with data and models filled in.

    Attributes
    ----------
    missing
        What was looked for in vain, one sentence each.
    notes
        What the checkpoints say of their classes and their input, one sentence each.
    open_inputs
        By model, what neither the settings nor the checkpoint nor the notebook says of its preprocessing: "size",
        "statistics" (mean and standard deviation) or both.
    """

    config: Config
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()
    open_inputs: Mapping[str, frozenset[str]] = field(default_factory=dict)


def discover(config: Config) -> Discovery:
    """Fill in what the user did not name, and leave out models whose file is not there while another one is.

    Raises
    ------
    DataError
        No test set was named and none is found.
    CheckpointError
        No model is left.
    """
    data = config.data or Path(NOTEBOOK_DATA)
    if not data.exists():
        what = "no such file or folder" if config.data else f"no {NOTEBOOK_DATA} in this folder"
        raise DataError(f"{data}: {what}; run in the notebook's folder or name the test set with --data")
    return discover_models(config.model_copy(update={"data": data}))


def discover_models(config: Config) -> Discovery:
    """The same for the models alone.

    Raises
    ------
    CheckpointError
        No model is left.
    """
    folders = [Path()]
    if config.data is not None:
        folders.append(config.data.parent if config.data.is_file() else config.data)
    named = config.models or _notebook_models(folders)
    present = {name: model for name, model in named.items() if model.checkpoint.exists()}
    missing = tuple(
        printable(f"{name}: {model.checkpoint.name} was not found, so this report leaves the model out")
        for name, model in named.items()
        if name not in present
    )
    if not present:
        looked = ", ".join(str(model.checkpoint) for model in named.values())
        if config.models:
            raise CheckpointError(f"no model found: {looked} {'is' if len(named) == 1 else 'are'} not there")
        raise CheckpointError(f"no model found (looked for {looked}); name at least one with --model NAME=CHECKPOINT")
    models, notes, open_inputs = {}, [], {}
    given = parse_classes(config.classes).names if isinstance(config.classes, tuple) else None
    for name, model in present.items():
        models[name], said, open_inputs[name] = _with_statements(name, model, given, scored=config.classes == "auto")
        notes += said
    return Discovery(config.model_copy(update={"models": models}), missing, tuple(map(printable, notes)), open_inputs)


def _with_statements(
    name: str, model: ModelConfig, given: tuple[str, ...] | None, *, scored: bool
) -> tuple[ModelConfig, list[str], frozenset[str]]:
    """A model with what its checkpoint states and the user does not; what to say of it; what is still open."""
    own = given if model.classes is None else name_classes(model.classes)
    notes: list[str] = []
    try:
        stated = checkpoint_statements(model.checkpoint, of_input="preprocessing" not in model.model_fields_set)
    except DataError as error:
        if own is None and not scored:
            raise CheckpointError(f"{model.checkpoint}: {error}, or score the known ones: classes = 'auto'") from None
        notes.append(f"{name}: its checkpoint {error}; {'the sample decides' if own is None else 'the settings count'}")
        stated = Statements()
    classes, columns = classes_among(stated.classes)
    if columns is not None and model.output_columns is None:
        model = model.model_copy(update={"output_columns": columns})
    listed = ", ".join(classes)
    if listed and own is None:
        notes.append(f"{name}: class order of the outputs by the names in its checkpoint: {listed}")
        model = model.model_copy(update={"classes": classes})
    elif listed and own != name_classes(classes):
        notes.append(
            f"{name}: its checkpoint states the class order {listed}, the settings {', '.join(own or ())}; the "
            "settings count"
        )
    if "preprocessing" in model.model_fields_set:
        other = {
            key: value for key, value in stated.preprocessing.items() if getattr(model.preprocessing, key) != value
        }
        if other:
            notes.append(f"{name}: its checkpoint states another preprocessing ({_listed(other)}); the settings count")
        return model, notes, frozenset()
    if stated.preprocessing and not is_onnx(model.checkpoint):  # building the network reads an ONNX file's statement
        notes.append(f"{name}: preprocessing by its checkpoint: {_listed(stated.preprocessing)}")
        model = model.model_copy(update={"preprocessing": Preprocessing(**stated.preprocessing)})
    parts = {"width": "size", "mean": "statistics"}
    known = parts.keys() if stated.notebook else stated.preprocessing.keys()
    return model, notes, frozenset(part for key, part in parts.items() if key not in known)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_shown(value)}" for key, value in values.items())


def _shown(value: Any) -> str:
    return "/".join(f"{number:g}" for number in value) if isinstance(value, tuple) else str(value)


def swapped(name: str, file: str, architecture: str) -> str | None:
    """A warning if a model with the name of one of the notebook's two has the weights of the other, else None."""
    expected = _ARCHITECTURES.get(name)
    if expected is None or architecture == expected or architecture not in _ARCHITECTURES.values():
        return None
    return (
        f"{name}: {file} holds the weights of a {architecture}, not of a {expected}: are the checkpoints swapped? "
        "The weights count, the name is as given."
    )


def with_checkpoints(config: Config, models: Sequence[Mapping[str, Any]]) -> Config:
    """The settings with the models of an analysis, recognised by their checkpoints, named and run as they were there.

    Parameters
    ----------
    models
        Their entries in the analysis's manifest.

    Raises
    ------
    CheckpointError
        A checkpoint that was named belongs to none of them.
    """
    left = list(models)
    found = {}
    # Two models may share a checkpoint: the one with the analysis's name goes first.
    known = {str(model["name"]) for model in models}
    for name, model in sorted(config.models.items(), key=lambda entry: entry[0] not in known):
        digest = checkpoint_sha256(model.checkpoint)
        alike = sorted((one for one in left if one["sha256"] == digest), key=lambda one: one["name"] != name)
        if not alike:
            raise CheckpointError(
                f"{model.checkpoint}: model '{name}' is none of the analysis's models "
                f"({', '.join(str(one['name']) for one in models)}) by its SHA-256; give the checkpoints that were "
                "analysed, or none"
            )
        left.remove(alike[0])
        found[str(alike[0]["name"])] = _as_analysed(model, alike[0])
    return config.model_copy(update={"models": found})


def _as_analysed(model: ModelConfig, entry: Mapping[str, Any]) -> ModelConfig:
    """Answers to changed images are set beside those of the analysis, so they come from the same outputs."""
    names = ("target_layer", "classes", "preprocessing", "output", "output_columns")
    return ModelConfig.model_validate({**model.model_dump(), **{name: entry[name] for name in names if name in entry}})


def _notebook_models(folders: list[Path]) -> dict[str, ModelConfig]:
    """The notebook's two checkpoints, from the first folder that has either."""
    for folder in folders:
        if any((folder / file).is_file() for file in NOTEBOOK_MODELS.values()):
            return {name: ModelConfig(checkpoint=folder / file) for name, file in NOTEBOOK_MODELS.items()}
    return {name: ModelConfig(checkpoint=Path(file)) for name, file in NOTEBOOK_MODELS.items()}
