"""Recognises the architecture of a checkpoint and builds a module with its weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reportgen.config import ModelConfig, Preprocessing
from reportgen.errors import CheckpointError, ConfigError
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel

__all__ = ["ARCHITECTURES", "Architecture", "LoadedModel", "build_model", "recognise"]

_SHOWN = 3


@dataclass(frozen=True)
class Architecture:
    """An architecture that is recognised by the names and shapes in a state dict.

    Attributes
    ----------
    signature
        Parameter names that together mark it.
    create
        From a state dict (for class count and head size) to a module with random weights.
    target_layer
        Dotted name of the layer that Grad-CAM explains.
    """

    name: str
    title: str
    signature: tuple[str, ...]
    create: Callable[[Mapping[str, Tensor]], nn.Module]
    target_layer: str

    def matches(self, state: Mapping[str, Tensor]) -> bool:
        """Whether the state dict has every marking name."""
        return all(name in state for name in self.signature)


ARCHITECTURES = (
    Architecture(
        "CustomCNN",
        "Custom CNN, four conv blocks",
        ("conv1.conv.weight", "conv4.bn.running_mean", "fc1.weight", "fc2.weight"),
        lambda state: CustomCNN(len(state["fc2.weight"]), len(state["fc1.weight"])),
        "conv4",
    ),
    Architecture(
        "TransferLearningModel",
        "ResNet18 with a new head",
        ("backbone.conv1.weight", "backbone.layer4.1.conv2.weight", "backbone.fc.1.weight"),
        lambda state: TransferLearningModel(len(state["backbone.fc.1.weight"])),
        "backbone.layer4",
    ),
)


@dataclass(frozen=True)
class LoadedModel:
    """A module in evaluation mode with its weights, parameters frozen.

    Attributes
    ----------
    architecture
        A known name, or the user's `package.module:callable`.
    target_layer
        Dotted name of the layer that is explained.
    num_classes
        Length of the output.
    """

    module: nn.Module
    architecture: str
    target_layer: str
    num_classes: int
    preprocessing: Preprocessing


def recognise(state: Mapping[str, Tensor]) -> Architecture | None:
    """The known architecture a state dict belongs to, or None."""
    return next((architecture for architecture in ARCHITECTURES if architecture.matches(state)), None)


def build_model(name: str, state: Mapping[str, Tensor], config: ModelConfig) -> LoadedModel:
    """A module with the weights, from a known architecture or from the user's factory.

    Parameters
    ----------
    name
        The user's name for the model; for messages.

    Raises
    ------
    CheckpointError
        The architecture is unknown, or names or shapes differ.
    ConfigError
        The factory cannot be imported or called, or the target layer does not exist.
    """
    if config.factory is not None:
        module, architecture, target = _from_factory(name, config), config.factory, config.target_layer
        if target is None:
            raise ConfigError(
                f"model '{name}': factory without target_layer; name the layer to explain, such as 'layer4'"
            )
    else:
        known = recognise(state)
        if known is None:
            raise CheckpointError(_unknown(name, state, config))
        module, architecture, target = known.create(state), known.name, config.target_layer or known.target_layer
    _load(name, module, state, config)
    if target not in dict(module.named_modules()):
        layers = [layer for layer, _ in module.named_children()]
        raise ConfigError(f"model '{name}': no layer '{target}'; expected a dotted name under {', '.join(layers[:8])}")
    module.eval().requires_grad_(False)
    return LoadedModel(module, architecture, target, _count_classes(name, module, config), config.preprocessing)


def _from_factory(name: str, config: ModelConfig) -> nn.Module:
    module_name, _, attribute = str(config.factory).partition(":")
    try:
        factory = importlib.import_module(module_name)
        for part in attribute.split("."):
            factory = getattr(factory, part)
        module = factory()  # type: ignore[operator]
    except Exception as error:  # the user's code can fail in any way
        raise ConfigError(
            f"model '{name}': factory '{config.factory}' failed ({type(error).__name__}: {error}); expected a callable "
            "without arguments that returns a torch.nn.Module, importable from the working directory"
        ) from None
    if not isinstance(module, nn.Module):
        raise ConfigError(f"model '{name}': factory '{config.factory}' gave a {type(module).__name__}, not a module")
    return module


def _load(name: str, module: nn.Module, state: Mapping[str, Tensor], config: ModelConfig) -> None:
    """Load strictly, with a short message of what differs instead of a list of every key."""
    own = module.state_dict()
    # Old files lack the batch counters; nothing at inference depends on them.
    needed = {key for key in own if not key.endswith("num_batches_tracked")}
    missing, extra = sorted(needed - state.keys()), sorted(state.keys() - own.keys())
    shapes = [
        f"{key} is {_shape(state[key])}, expected {_shape(own[key])}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    if missing or extra or shapes:
        parts = [f"missing {_few(missing)}"] if missing else []
        parts += [f"unexpected {_few(extra)}"] if extra else []
        parts += [_few(shapes)] if shapes else []
        raise CheckpointError(f"{config.checkpoint}: does not fit model '{name}': {'; '.join(parts)}")
    module.load_state_dict({key: state[key].to(own[key].dtype) for key in own if key in state}, strict=False)


def _unknown(name: str, state: Mapping[str, Tensor], config: ModelConfig) -> str:
    nearest = max(ARCHITECTURES, key=lambda known: len(set(known.signature) & state.keys()))
    lacking = sorted(set(nearest.signature) - state.keys())
    return (
        f"{config.checkpoint}: unknown architecture for model '{name}' (has {_few(sorted(state))}; for {nearest.name} "
        f"it lacks {_few(lacking)}); set factory and target_layer for it in reportgen.toml and give that to --config"
    )


def _count_classes(name: str, module: nn.Module, config: ModelConfig) -> int:
    shape = config.preprocessing
    channels = 1 if shape.grey else 3
    try:
        with torch.no_grad():
            logits = module(torch.zeros(1, channels, shape.height, shape.width))
    except Exception as error:  # the user's module can fail in any way
        raise ConfigError(
            f"model '{name}': fails on an input of {channels}x{shape.height}x{shape.width} ({str(error)[:160]}); "
            "correct its preprocessing in reportgen.toml"
        ) from None
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise ConfigError(f"model '{name}': output is not a (batch, classes) tensor of logits; wrap it in the factory")
    return int(logits.shape[1])


def _few(items: list[str]) -> str:
    shown = ", ".join(items[:_SHOWN])
    return shown + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"
