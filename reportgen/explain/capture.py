"""Capture of the target layer's output during a forward pass."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from reportgen.errors import ConfigError

__all__ = ["TargetCapture"]


class TargetCapture:
    """Makes the target layer's output the leaf at which the autograd graph starts.

    Everything before the layer then costs a bare forward pass, and a backward pass costs only the head. Parameters need
    no gradient. Use as a context manager: the hook is removed on leaving, also after an error. One capture serves
    several threads at once, each sees its own activations.
    """

    def __init__(self, module: nn.Module, layer: str) -> None:
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

    def _hook(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ConfigError(
                f"target_layer '{self._layer}' gives {shape}; expected a feature map (batch, channels, h, w)"
            )
        if not torch.is_grad_enabled():
            self._local.activations = output
            return output
        leaf = output.detach().requires_grad_(True)
        self._local.activations = leaf
        # A clone, because what follows may work in place (ReLU, residual sums), which autograd forbids on a leaf.
        return leaf.clone()

    def forward(self, module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run `module` on (B, channels, H, W); the activations (B, K, h, w) as a leaf, and the logits (B, C)."""
        self._local.activations = None
        with torch.enable_grad():
            logits = module(x)
        return self._take(), logits

    def activations(self, module: nn.Module, x: Tensor) -> Tensor:
        """The activations (B, K, h, w) alone, without a graph and without a copy.

        Only for a layer behind which nothing works in place: it would overwrite them.
        """
        self._local.activations = None
        with torch.no_grad():
            module(x)
        return self._take()

    def _take(self) -> Tensor:
        activations: Tensor | None = self._local.activations
        if activations is None:
            raise ConfigError(f"target_layer '{self._layer}' is not used by the model's forward pass; name one that is")
        self._local.activations = None
        return activations
