"""Logits, gradients and maps of all classes from a layer's activations, by the cheapest method that the head allows.

A head that begins with a global average over cells sees K numbers per image. Gradients, permuted weights and missing
cells then cost a few vector products, and the forward pass needs no autograd. Every other head is run with autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from reportgen.explain.maps import channel_weights, class_gradients, raw_maps, weighted_maps

__all__ = ["GROUP", "AnyHead", "Head", "HeadOutput", "PooledHead", "concatenated", "output_from_graph"]

GROUP = 8
"""Images whose heads, maps and probes are computed together: a multiple of every batch size used on a processor."""


@dataclass(frozen=True)
class HeadOutput:
    """A head's results for B images, in the order of its own outputs.

    Attributes
    ----------
    logits
        (B, C).
    weights
        (C, B, K): gradients of the logits averaged over cells; for LRP, (C, B, K, h, w): cell by cell.
    maps
        (B, C, h, w), signed.
    """

    logits: Tensor
    weights: Tensor
    maps: Tensor


class Head(Protocol):
    """What follows the target layer."""

    def predicted(self, layer: Tensor) -> Tensor:
        """(B,) predicted class from activations (B, K, h, w)."""

    def without_cells(self, layer: Tensor, cells: Tensor) -> Tensor:
        """(B, V) predicted class of each image without the activations of one cell.

        Parameters
        ----------
        layer
            (B, K, h, w).
        cells
            (B, V) index of the cell to leave out, row by row.
        """


class PooledHead:
    """A head that begins with the average over all cells.

    Parameters
    ----------
    tail
        From the averages (B, K, 1, 1) to the logits (B, C); images must not influence each other.
    """

    def __init__(self, tail: nn.Module) -> None:
        self._tail = tail

    def output(self, layer: Tensor, classes: int, method: str) -> HeadOutput:
        """Logits, weights and maps of activations (B, K, h, w), which need no graph behind them."""
        batch, channels, height, width = layer.shape
        averages = layer.mean(dim=(2, 3))
        # Always whole groups: a matrix product rounds differently with the number of its rows.
        averages = torch.cat([averages, averages[:1].expand(-batch % GROUP, -1)])
        # Every image is repeated once per class: one ordinary backward pass then gives all classes' gradients.
        leaf = averages.repeat(classes, 1)[..., None, None].requires_grad_(True)  # (C * B, K, 1, 1)
        with torch.enable_grad():
            logits = self._tail(leaf.clone()).reshape(classes, -1, classes)
            own = logits.diagonal(dim1=0, dim2=2).sum()  # logit c of the images' copies for class c
        (gradients,) = torch.autograd.grad(own, leaf)
        weights = gradients.reshape(classes, -1, channels)[:, :batch] / (height * width)
        return HeadOutput(logits[0, :batch].detach(), weights, weighted_maps(method, layer, weights))

    def predicted(self, layer: Tensor) -> Tensor:
        """See `Head.predicted`."""
        with torch.no_grad():
            logits: Tensor = self._tail(layer.mean(dim=(2, 3), keepdim=True))
        return logits.argmax(dim=1)

    def without_cells(self, layer: Tensor, cells: Tensor) -> Tensor:
        """See `Head.without_cells`: the average loses the cell's contribution."""
        batch, channels, height, width = layer.shape
        taken = layer.flatten(2).gather(2, cells[:, None].expand(-1, channels, -1))  # (B, K, V)
        left = layer.mean(dim=(2, 3))[..., None] - taken / (height * width)
        with torch.no_grad():
            logits: Tensor = self._tail(left.transpose(1, 2).reshape(-1, channels, 1, 1))
        return logits.argmax(dim=1).reshape(batch, -1)


class AnyHead:
    """A head of any kind, as a module of its own from (B, K, h, w) to (B, C)."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def predicted(self, layer: Tensor) -> Tensor:
        """See `Head.predicted`."""
        with torch.no_grad():
            logits: Tensor = self._module(layer)
        return logits.argmax(dim=1)

    def without_cells(self, layer: Tensor, cells: Tensor) -> Tensor:
        """See `Head.without_cells`: the head runs again on copies with that cell at zero."""
        batch, channels, height, width = layer.shape
        variants = layer.flatten(2)[:, None].repeat(1, cells.shape[1], 1, 1)  # (B, V, K, h*w)
        variants.scatter_(3, cells[:, :, None, None].expand(-1, -1, channels, 1), 0.0)
        with torch.no_grad():
            logits: Tensor = self._module(variants.reshape(-1, channels, height, width))
        return logits.argmax(dim=1).reshape(batch, -1)


def output_from_graph(activations: Tensor, logits: Tensor, method: str) -> HeadOutput:
    """The output of any head: `activations` (B, K, h, w) is the leaf that `logits` (B, C) were computed from."""
    gradients = class_gradients(logits, activations, vectorised=method == "lrp").float()  # (C, B, K, h, w)
    layer = activations.detach().float()
    if method == "lrp":  # gradient times activation, of patches whose gradients follow its rules
        return HeadOutput(logits.detach().float(), gradients, raw_maps("hirescam", layer, gradients))
    return HeadOutput(logits.detach().float(), channel_weights(gradients), raw_maps(method, layer, gradients))


def concatenated(outputs: Sequence[HeadOutput]) -> HeadOutput:
    """Outputs of several batches as one."""
    return HeadOutput(
        torch.cat([output.logits for output in outputs]),
        torch.cat([output.weights for output in outputs], dim=1),
        torch.cat([output.maps for output in outputs]),
    )
