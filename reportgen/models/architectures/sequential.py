"""A whole Sequential that was pickled: the one form in which a file of an unknown network says all of it.

Names and shapes never do: strides, padding, pooling and activations have no weights, and each of them changes every
output. A pickled module states them, layer by layer; only what its `forward` does between them is code, and a
Sequential has none of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from reportgen.models.architectures.family import Recognised, is_incidental

__all__ = ["SEQUENTIAL", "StatedLayers", "stated_layer", "stated_sequential"]

StatedLayers = Mapping[str, tuple[str, Mapping[str, Any]]]
"""Class and settings of a pickled module ("") and of every module in it, by dotted name."""

SEQUENTIAL = "torch.nn.modules.container.Sequential"
_CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
# The arguments that make a layer compute the same in evaluation, under the names of its attributes.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "conv.Conv2d": _CONVOLUTION,
    "linear.Linear": ("in_features", "out_features"),
    "linear.Identity": (),
    "batchnorm.BatchNorm1d": ("num_features", "eps", "affine", "track_running_stats"),
    "batchnorm.BatchNorm2d": ("num_features", "eps", "affine", "track_running_stats"),
    "instancenorm.InstanceNorm2d": ("num_features", "eps", "affine", "track_running_stats"),
    "normalization.GroupNorm": ("num_groups", "num_channels", "eps", "affine"),
    "normalization.LayerNorm": ("normalized_shape", "eps", "elementwise_affine"),
    "normalization.LocalResponseNorm": ("size", "alpha", "beta", "k"),
    "pooling.MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "pooling.AvgPool2d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    "pooling.AdaptiveAvgPool2d": ("output_size",),
    "pooling.AdaptiveMaxPool2d": ("output_size",),
    "padding.ZeroPad2d": ("padding",),
    "flatten.Flatten": ("start_dim", "end_dim"),
    "activation.LeakyReLU": ("negative_slope",),
    "activation.PReLU": ("num_parameters",),
    "activation.ELU": ("alpha",),
    "activation.CELU": ("alpha",),
    "activation.GELU": ("approximate",),
    "activation.Softplus": ("beta", "threshold"),
    "activation.Softmax": ("dim",),
    "activation.LogSoftmax": ("dim",),
    "dropout.Dropout": ("p",),
    "dropout.Dropout2d": ("p",),
}
_ARGUMENTS |= {
    f"activation.{name}": ()
    for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Sigmoid", "Tanh", "Softsign")
}
# In pixels or cells; more is no network for faces but a way to fill the memory.
_SPATIAL = ("kernel_size", "stride", "padding", "dilation", "output_size")
_FARTHEST = 64
_SIDES = range(16, 301)
_USUAL_SIDES = (224, 112, 64, 48, 96, 128, 100, 256)


def stated_layer(kind: str, settings: Mapping[str, Any], bias: bool) -> tuple[str, dict[str, Any]] | None:
    """Name in torch.nn and arguments of a layer that a pickle describes; None for any other class.

    Parameters
    ----------
    bias
        Whether it has a bias among its weights.
    """
    short = kind.removeprefix("torch.nn.modules.")
    known = _ARGUMENTS.get(short) if short != kind else None
    if known is None or settings.get("return_indices"):
        return None
    arguments = {name: settings[name] for name in known if name in settings}
    for name in _SPATIAL:
        value = arguments.get(name, 0)
        parts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(part, int) and abs(part) > _FARTHEST for part in parts):
            return None
    if short in ("conv.Conv2d", "linear.Linear"):
        arguments["bias"] = bias
    return short.partition(".")[2], arguments


def stated_sequential(layers: StatedLayers, state: Mapping[str, Tensor]) -> Recognised | None:
    """The network of a pickled Sequential with its weights; None where it holds anything but torch's plain layers."""
    if layers.get("", ("",))[0] != SEQUENTIAL:
        return None
    own = {name: value for name, value in state.items() if not is_incidental(name)}
    module = nn.Sequential()
    try:
        with torch.device("meta"):
            for path, (kind, settings) in layers.items():
                parent, _, name = path.rpartition(".")
                made: nn.Module | None = nn.Sequential() if kind == SEQUENTIAL else None
                if made is None and (described := stated_layer(kind, settings, f"{path}.bias" in own)) is not None:
                    made = getattr(nn, described[0])(**described[1])
                if made is None:
                    return None
                if path:
                    module.get_submodule(parent).add_module(name, made)
        held = {name: value for name, value in module.state_dict().items() if not is_incidental(name)}
        if {name: value.shape for name, value in held.items()} != {name: value.shape for name, value in own.items()}:
            return None
        weights = {name: state.get(name, torch.zeros(value.shape, dtype=value.dtype, device="cpu"))
                   for name, value in module.state_dict().items()}  # fmt: skip
        weights = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
        module.load_state_dict(weights, strict=True, assign=True)
    except (ArithmeticError, AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        return None  # numbers that no such layer has
    convolutions = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    if not convolutions:
        return None
    title, channels = f"Sequential of {len(convolutions)} convolutions", convolutions[0].in_channels
    size, notes = _size(copy.deepcopy(module).to("meta").eval(), channels)
    return Recognised(title, module, "", "", channels, size, False, notes)


def _size(module: nn.Module, channels: int) -> tuple[int | None, tuple[str, ...]]:
    """Side of the pictures where a flattened map fixes it, and what is assumed of it; None where several sizes do."""

    def takes(side: int) -> bool:
        try:
            with torch.no_grad():
                module(torch.empty(1, channels, side, side, device="meta"))
        except (IndexError, RuntimeError, ValueError):
            return False
        return True

    # What takes the largest takes many: asked first, as most networks pool to one size.
    sides = [] if takes(_SIDES[-1]) else [side for side in _SIDES[:-1] if takes(side)]
    if not sides:
        return None, ()
    side = next((usual for usual in _USUAL_SIDES if usual in sides), sides[0])
    said = f"it takes pictures of {sides[0]} to {sides[-1]} pixels a side, and {side} is assumed"
    return side, (said,) if len(sides) > 1 else ()
