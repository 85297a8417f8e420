"""Class-activation maps from a layer's activations and the gradients of the logits.

Shapes: B images, C classes, K channels, h x w cells. Every method gives the raw, signed map; a heatmap is its ReLU.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["METHODS", "channel_weights", "class_gradients", "raw_maps", "weighted_maps"]

_EPS = 1e-12


def class_gradients(logits: Tensor, activations: Tensor, *, vectorised: bool = False) -> Tensor:
    """Gradients of every logit with respect to the activations, from one batched backward pass through the head.

    Parameters
    ----------
    logits
        (B, C), computed from `activations` with autograd on. Images must not influence each other (evaluation mode).
    activations
        (B, K, h, w), a leaf.
    vectorised
        Every operation in between knows how to treat many gradients at once (`torch.vmap`); those that do not would
        warn. Else they are tried in the older way, which does not.

    Returns
    -------
    Tensor
        (C, B, K, h, w).
    """
    batch, classes = logits.shape
    # Row c asks for d(sum over images of logit c); as images are independent, that is each image's own gradient.
    seeds = torch.eye(classes, dtype=logits.dtype, device=logits.device)[:, None].expand(classes, batch, classes)

    def one(seed: Tensor) -> Tensor:
        return torch.autograd.grad(logits, activations, seed, retain_graph=True)[0]

    try:
        if vectorised:
            gradients = torch.vmap(one)(seeds)
        else:
            (gradients,) = torch.autograd.grad(logits, activations, seeds, is_grads_batched=True, retain_graph=True)
    except RuntimeError:
        # A head with an operation that vmap cannot batch: the same gradients, one class at a time.
        gradients = torch.stack([one(seed) for seed in seeds])
    return gradients.detach()


def channel_weights(gradients: Tensor) -> Tensor:
    """Grad-CAM's weights: gradients (C, B, K, h, w) averaged over cells: (C, B, K). Selvaraju et al. 2017, eq. 1."""
    return gradients.mean(dim=(-2, -1))


def _sum_of_channels(weights: Tensor, a: Tensor) -> Tensor:
    """Channels (B, K, h, w) added up with the weights (C, B, K): (B, C, h, w)."""
    return torch.einsum("cbk,bkhw->bchw", weights, a)


def _gradcam(a: Tensor, g: Tensor) -> Tensor:
    """Selvaraju et al. 2017, eq. 2 before its ReLU."""
    return _sum_of_channels(channel_weights(g), a)


def _hirescam(a: Tensor, g: Tensor) -> Tensor:
    """Draelos and Carin 2020: gradient times activation, cell by cell."""
    return torch.einsum("cbkhw,bkhw->bchw", g, a)


def _layercam(a: Tensor, g: Tensor) -> Tensor:
    """Jiang et al. 2021, eq. 6: positive gradients times activation, cell by cell."""
    return torch.einsum("cbkhw,bkhw->bchw", g.relu(), a)


def _xgradcam(a: Tensor, g: Tensor) -> Tensor:
    """Fu et al. 2020, eq. 8: gradients averaged with the activations as weights.

    The formula is made for activations that are not negative. Those of both signs may add up to nearly nothing, and one
    channel would then have all the weight; divided by the sum of their magnitudes, no weight exceeds the largest
    gradient. Behind a ReLU the two sums are the same.
    """
    weights = (g * a).sum(dim=(-2, -1)) / (a.abs().sum(dim=(-2, -1)) + _EPS)  # (C, B, K)
    return _sum_of_channels(weights, a)


def _gradcam_plus_plus(a: Tensor, g: Tensor) -> Tensor:
    """Chattopadhay et al. 2018, eq. 10 and 19, for the exponential of the logit.

    Eq. 19 is g^2 / (2 g^2 + S g^3) = 1 / (2 + S g), where S is the sum of the channel's activations; only positive
    gradients count. Behind a ReLU S is not negative. On a layer with activations of both signs S g may come near -2,
    and one channel would have all the weight, or a negative one; there S is taken as 0 where it is negative, so that
    every factor lies in (0, 1/2].
    """
    total = a.sum(dim=(-2, -1), keepdim=True).relu()  # (B, K, 1, 1)
    g = g.relu()
    weights = (g / (2 + total * g)).sum(dim=(-2, -1))  # (C, B, K)
    return _sum_of_channels(weights, a)


METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gradcam": _gradcam,
    "gradcam++": _gradcam_plus_plus,
    "hirescam": _hirescam,
    "layercam": _layercam,
    "xgradcam": _xgradcam,
}


def raw_maps(method: str, activations: Tensor, gradients: Tensor) -> Tensor:
    """Raw maps of all classes.

    Parameters
    ----------
    method
        A key of `METHODS`.
    activations
        (B, K, h, w).
    gradients
        (C, B, K, h, w).

    Returns
    -------
    Tensor
        (B, C, h, w) float32, signed.
    """
    return METHODS[method](activations.detach().float(), gradients.float())


def weighted_maps(method: str, activations: Tensor, weights: Tensor) -> Tensor:
    """`raw_maps` where a channel's gradient is the same in every cell, as it is behind a global average.

    Parameters
    ----------
    weights
        (C, B, K): that gradient.
    """
    a = activations.detach().float()
    if method in ("gradcam", "hirescam"):  # the mean over cells, and cell by cell, are then the same
        return _sum_of_channels(weights, a)
    cells = weights[..., None, None].expand(*weights.shape, *a.shape[2:])
    return METHODS[method](a, cells)
