"""Whether a model's answer for an image is always the same, and its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reportgen.errors import ConfigError

__all__ = ["check_repeatable"]

_ROUNDING = 1e-3  # of the largest logit: what kernels differ by is a thousandth of that


def check_repeatable(name: str, module: nn.Module, images: Tensor) -> None:
    """Run images in two orders, and one of them alone.

    Parameters
    ----------
    name
        The user's name for the model; for messages.
    module
        In evaluation mode, from pictures to logits (B, C).
    images
        (B, channels, H, W), at least two, unlike each other.

    Raises
    ------
    ConfigError
        The logits of an image differ; names the cause where it is known.
    """
    with torch.no_grad():
        first, turned = module(images), module(images.flip(0)).flip(0)
        try:
            alone = module(images[:1])
        except Exception:  # such as batch norm without statistics, which refuses one image
            alone = torch.full_like(first[:1], torch.nan)
        if not bool(first.isfinite().all()) or (_equal(first, turned) and _equal(first[:1], alone)):
            return  # an output that is not finite is reported with the image that it belongs to
        if not _equal(first, module(images)):
            raise ConfigError(
                f"model '{name}': gives different outputs for the same images when it runs twice; something random is "
                "on in evaluation mode, such as F.dropout without training=self.training: correct its forward"
            )
    norms = [path for path, layer in module.named_modules()
             if isinstance(layer, _BatchNorm) and layer.running_mean is None]  # fmt: skip
    cause = f"batch norm '{norms[0]}' keeps no running statistics" if norms else "its forward mixes the batch's images"
    raise ConfigError(
        f"model '{name}': an image's output depends on the images beside it ({cause}); correct it, so that every image "
        "is judged by itself"
    )


def _equal(one: Tensor, other: Tensor) -> bool:
    largest = float(torch.maximum(one.abs().max(), other.abs().max()))
    return bool((one - other).abs().max() <= _ROUNDING * largest + 1e-6)
