"""The layer that is explained: chosen or checked by running the model once, with its gradient."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reportgen.errors import ConfigError
from reportgen.models.layouts import (
    CHANNELS_FIRST,
    MapLayout,
    first_tensor,
    possible_layouts,
    probe_layout,
    with_first_tensor,
)
from reportgen.models.outputs import INSIDE

__all__ = ["TargetLayer", "find_layer"]

_LEAST_ALIVE = 0.25  # share of the cells with a gradient, for a layer that nobody named
_MOST_TRIED = 40
_SUGGESTED = 3
# Their output repeats or joins cells of the layer before them.
_POOLING = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten, nn.Dropout)


@dataclass(frozen=True)
class TargetLayer:
    """A layer's dotted name, and how its output holds the map."""

    name: str
    layout: MapLayout


class _ChangedInPlace(Exception):  # noqa: N818 -- an answer of autograd, not an error of the program
    """The forward pass writes over a tensor that its gradient needs."""


@dataclass
class _Call:
    """What one module did in a forward pass."""

    shape: tuple[int, ...] | None
    times: int


def find_layer(
    model: str, module: nn.Module, image: Tensor, target: str | None, usual: str | None, *, plain: bool = False
) -> TargetLayer:
    """The layer to explain.

    Parameters
    ----------
    model
        The user's name for the model; for messages.
    module
        In evaluation mode, from pictures to logits (B, C).
    image
        (1, channels, H, W), like a picture.
    target
        The layer that the user named; None for the usual one, or else the last that can be explained.
    usual
        Of the architecture, where it is known.
    plain
        The usual layer is known to be an ordinary feature map: it is not probed.

    Raises
    ------
    ConfigError
        The user's layer cannot be explained, or none can; names layers that can.
    """
    calls = _calls(module, image)
    if target is not None:
        found, reason = _check(module, image, target, calls)
        if found is not None:
            return found
        others = _suggestions(module, image, calls) or _suggestions(_reweighted(module), image, calls)
        raise ConfigError(
            f"model '{model}': target_layer '{target.removeprefix(INSIDE)}' {reason}; "
            + (f"layers that would do: {', '.join(others)}" if others else "no other layer would do either")
        )
    if usual is not None and _cells(calls[usual].shape) > 1:
        found, _ = (TargetLayer(usual, CHANNELS_FIRST), "") if plain else _check(module, image, usual, calls)
        if found is not None:
            return found
    without: list[str] = []
    for found in _last_layers(module, image, calls, without):
        return found
    why = f" (layer {without[0]})" if without else ""
    raise ConfigError(
        f"model '{model}': no layer holds a feature map that all paths to the output lead through{why}; name one with "
        "target_layer"
    )


def _cells(shape: tuple[int, ...] | None) -> int:
    """Cells of a map (B, K, h, w); what is none counts as several, to be probed."""
    return shape[2] * shape[3] if shape is not None and len(shape) == 4 else 2


def _calls(module: nn.Module, image: Tensor) -> dict[str, _Call]:
    """Every module that ran, in the order in which they finished."""
    calls: dict[str, _Call] = {}
    handles = []
    for name, child in module.named_modules():

        def hook(_: nn.Module, inputs: Any, output: Any, name: str = name) -> None:
            tensor = first_tensor(output)
            shape = tuple(tensor.shape) if tensor is not None and tensor.is_floating_point() else None
            times = calls.pop(name, _Call(None, 0)).times + 1
            calls[name] = _Call(shape, times)

        if name:
            handles.append(child.register_forward_hook(hook))
    try:
        with torch.no_grad():
            module(image)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _check(module: nn.Module, image: Tensor, name: str, calls: dict[str, _Call]) -> tuple[TargetLayer | None, str]:
    """The layer with its layout, or why it cannot be explained."""
    call = calls.get(name)
    if call is None:
        return None, "is not used by the model's forward pass"
    if call.times > 1:
        return None, f"is used {call.times} times in one forward pass"
    if call.shape is None or len(call.shape) not in (3, 4):
        shape = "no tensor" if call.shape is None else "x".join(map(str, call.shape))
        return None, f"gives {shape}, expected a feature map"
    layouts = possible_layouts(call.shape, image.shape[2], image.shape[3])
    if any(layout.to_maps(torch.empty(call.shape, device="meta"))[0, 0].numel() == 1 for layout in layouts):
        return None, "has one cell for the whole picture, which shows no place"
    layout = probe_layout(lambda x: _output(module, name, x), image, layouts)
    if layout is None:
        shape = "x".join(map(str, call.shape))
        return None, f"gives {shape}, which is no map of the picture: its cells do not follow a change in the picture"
    try:
        gradient, _ = _gradient(module, image, name, layout)
    except _ChangedInPlace:
        return None, (
            "gets no gradient: an in-place operation behind it (such as add_, *= or ReLU(inplace=True)) changes what "
            "the gradient needs; write it out of place"
        )
    if gradient is None:
        return None, "gets no gradient: the forward pass runs without gradients after it (torch.no_grad or detach)"
    if not bool(gradient.any()) and not _depends(module, image, name, layout):
        return None, "has a gradient of zero everywhere: no output depends on its cells"
    return TargetLayer(name, layout), ""


def _output(module: nn.Module, name: str, x: Tensor) -> Tensor:
    """What the layer gives for pictures."""
    seen: list[Tensor] = []

    def hook(_: nn.Module, inputs: Any, output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is not None:
            seen.append(tensor.detach().clone())

    handle = module.get_submodule(name).register_forward_hook(hook)
    try:
        with torch.no_grad():
            module(x)
    finally:
        handle.remove()
    return seen[-1]


def _gradient(module: nn.Module, image: Tensor, name: str, layout: MapLayout) -> tuple[Tensor | None, bool]:
    """Gradient of the outputs on the layer's cells (1, K, h, w), None where there is none; and whether the outputs also
    depend on the picture by a path around the layer.
    """
    leaf: Tensor | None = None

    def hook(_: nn.Module, inputs: Any, output: Any) -> Any:
        nonlocal leaf
        whole = first_tensor(output)
        assert whole is not None  # noqa: S101  (the layer was seen to give a tensor)
        with torch.enable_grad():
            leaf = layout.to_maps(whole).detach().requires_grad_(True)
            return with_first_tensor(output, layout.from_maps(leaf.clone(), whole.detach()))

    handle = module.get_submodule(name).register_forward_hook(hook)
    picture = image.clone().requires_grad_(True)
    try:
        with torch.enable_grad():
            logits = module(picture)
        if leaf is None or not logits.requires_grad:
            return None, False
        # Outputs weighted differently: their plain sum does not depend on anything behind a softmax.
        weights = torch.linspace(1, 2, logits.shape[1], dtype=logits.dtype)
        gradient, around = torch.autograd.grad((logits * weights).sum(), [leaf, picture], allow_unused=True)
    except RuntimeError as error:
        if "in-place" in str(error) or "inplace" in str(error):
            raise _ChangedInPlace from None
        return None, False  # a tensor made in inference mode
    finally:
        handle.remove()
    return (torch.zeros_like(leaf) if gradient is None else gradient), around is not None and bool(around.any())


def _depends(module: nn.Module, image: Tensor, name: str, layout: MapLayout) -> bool:
    """Whether outputs depend on the cells under other weights: weights of zero are no fault of the layer."""
    gradient, _ = _gradient(_reweighted(module), image, name, layout)
    return gradient is not None and bool(gradient.any())


def _reweighted(module: nn.Module) -> nn.Module:
    """A copy with small noise on every weight."""
    other = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in other.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(parameter + 0.05 * noise.to(parameter.device, parameter.dtype))
    return other


def _last_layers(
    module: nn.Module, image: Tensor, calls: dict[str, _Call], without: list[str] | None = None
) -> Iterator[TargetLayer]:
    """The layers that can be explained and that all paths lead through, the last first; those that hold a map and get
    no gradient are added to `without`, with the reason.
    """
    tried = 0
    for name in reversed(calls):
        if isinstance(module.get_submodule(name), _POOLING) or tried == _MOST_TRIED:
            continue
        found, reason = _check(module, image, name, calls)
        tried += 1
        if found is None:
            if without is not None and reason.startswith("gets no gradient"):
                without.append(f"'{name.removeprefix(INSIDE)}' {reason}")
            continue
        gradient, around = _gradient(module, image, name, found.layout)
        if gradient is None or around:
            continue
        if float(gradient.abs().sum(dim=1).gt(0).float().mean()) >= _LEAST_ALIVE:
            yield found


def _suggestions(module: nn.Module, image: Tensor, calls: dict[str, _Call]) -> list[str]:
    found: list[str] = []
    for layer in _last_layers(module, image, calls):
        shown = layer.name.removeprefix(INSIDE)
        if any(shown.startswith(f"{outer}.") for outer in found):
            continue
        found.append(shown)
        if len(found) == _SUGGESTED:
            break
    return found
