"""Capture of what passes through a network on its way: the target layer's output, and what the last layer takes."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from reportgen.errors import ConfigError
from reportgen.models.layouts import CHANNELS_FIRST, MapLayout, first_tensor, with_first_tensor
from reportgen.models.products import faster_products

__all__ = ["FeatureTap", "TargetCapture"]

_CLOSE = 1e-4  # of the largest logit


class TargetCapture:
    """Makes the target layer's output the leaf at which the autograd graph starts.

    Everything before the layer then costs a bare forward pass, and a backward pass costs only the head. Parameters need
    no gradient. Use as a context manager: the hook is removed on leaving, also after an error. One capture serves
    several threads at once, each sees its own activations.
    """

    def __init__(self, module: nn.Module, layer: str, layout: MapLayout = CHANNELS_FIRST) -> None:
        self._layout = layout
        self._target = module.get_submodule(layer)
        self._layer = layer
        self._local = threading.local()
        self._handle: torch.utils.hooks.RemovableHandle | None = None

    def __enter__(self) -> TargetCapture:
        self._handle = self._target.register_forward_hook(self._hook)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
        self._local = threading.local()

    def _hook(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        whole = first_tensor(output)
        if whole is None or whole.ndim != (3 if self._layout.kind == "tokens" else 4):
            shape = type(output).__name__ if whole is None else tuple(whole.shape)
            raise ConfigError(f"target_layer '{self._layer}' gives {shape}; expected a feature map")
        if not getattr(self._local, "graph", False):
            self._local.activations = self._layout.to_maps(whole)
            return output
        # Gradients are on here even where the model's own forward turns them off up to this layer.
        with torch.enable_grad():
            leaf = self._layout.to_maps(whole).detach().requires_grad_(True)
            self._local.activations = leaf
            # A clone, because what follows may work in place (ReLU, residual sums), which autograd forbids on a leaf.
            return with_first_tensor(output, self._layout.from_maps(leaf.clone(), whole.detach()))

    def forward(self, module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run `module` on (B, channels, H, W); the activations (B, K, h, w) as a leaf, and the logits (B, C)."""
        self._local.activations, self._local.graph = None, True
        with torch.enable_grad(), faster_products(x):
            logits = module(x)
        return self._take(), logits

    def activations(self, module: nn.Module, x: Tensor) -> Tensor:
        """The activations (B, K, h, w) alone, without a graph and without a copy.

        Only for a layer behind which nothing works in place: it would overwrite them.
        """
        self._local.activations, self._local.graph = None, False
        with torch.no_grad(), faster_products(x):
            module(x)
        return self._take()

    def _take(self) -> Tensor:
        activations: Tensor | None = self._local.activations
        if activations is None:
            raise ConfigError(f"target_layer '{self._layer}' is not used by the model's forward pass; name one that is")
        self._local.activations = None
        return activations


class FeatureTap:
    """Sees the features that the last linear layer makes the logits of; a hook stays on that layer.

    One tap serves several threads at once.

    Parameters
    ----------
    module
        From pictures to logits (B, C).
    images
        (B, channels, H, W), unlike each other: a linear layer counts only if the logits for them are its outputs.

    Attributes
    ----------
    weights
        (C, F) of each logit; (C, 0) where there is no such layer.
    """

    def __init__(self, module: nn.Module, images: Tensor) -> None:
        self._local = threading.local()
        self._handle: torch.utils.hooks.RemovableHandle | None = None
        layer, self.weights = _last_linear(module, images)
        if layer is not None:
            self._handle = layer.register_forward_pre_hook(self._hook)

    def remove(self) -> None:
        """Take the hook off."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def _hook(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if getattr(self._local, "wanted", False):
            self._local.features = inputs[0]

    def watch(self) -> None:
        """Keep the features of the next forward pass of this thread."""
        self._local.wanted, self._local.features = True, None

    def take(self, batch: int) -> Tensor:
        """(batch, F) of the first images of the last pass since `watch`, with their graph where it had one."""
        features: Tensor | None = getattr(self._local, "features", None)
        self._local.wanted, self._local.features = False, None
        if features is None:
            return torch.zeros(batch, 0, device=self.weights.device)
        return features[:batch].float()


def _last_linear(module: nn.Module, images: Tensor) -> tuple[nn.Linear | None, Tensor]:
    """The linear layer whose outputs the logits are, whatever their order and with some left out; and its weights."""
    seen: list[tuple[nn.Linear, Tensor]] = []

    def record(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        if isinstance(layer, nn.Linear) and inputs and inputs[0].ndim == 2:
            seen.append((layer, output.detach().float()))

    handles = [child.register_forward_hook(record) for child in module.modules() if isinstance(child, nn.Linear)]
    try:
        with torch.no_grad():
            logits = module(images).float()
    finally:
        for handle in handles:
            handle.remove()
    if seen and len(seen[-1][1]) == len(logits):
        layer, output = seen[-1]
        off = (logits[:, :, None] - output[:, None, :]).abs().amax(dim=0)  # (C, outputs)
        nearest, column = off.min(dim=1)
        if bool((nearest <= _CLOSE * logits.abs().max()).all()):
            return layer, layer.weight.detach().float()[column]
    return None, torch.zeros(logits.shape[1], 0, device=logits.device)
