"""Whether a model's answer for an image is always the same, and its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reportgen.errors import ConfigError
from reportgen.models.outputs import INSIDE

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
        The logits of an image differ, or are not finite; names the cause where it is known.
    """
    with torch.no_grad():
        first, turned = module(images), module(images.flip(0)).flip(0)
        if not bool(first.isfinite().all()):
            raise ConfigError(
                f"model '{name}': gives NaN or infinity for a picture of noise{_overflowing(module, images)}; the "
                "training diverged, or the preprocessing is not the model's: use another epoch, or correct it"
            )
        try:
            alone = module(images[:1])
        except Exception:  # such as batch norm without statistics, which refuses one image
            alone = torch.full_like(first[:1], torch.nan)
        if _equal(first, turned) and _equal(first[:1], alone):
            return
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


def _overflowing(module: nn.Module, images: Tensor) -> str:
    """Which layer gives the first number that is not finite, and its largest weight, as part of a sentence."""
    found: list[str] = []
    handles = []
    for path, layer in module.named_modules():

        def hook(layer: nn.Module, inputs: object, output: object, path: str = path.removeprefix(INSIDE)) -> None:
            if not found and isinstance(output, Tensor) and not bool(output.isfinite().all()):
                largest = max((float(weight.abs().max()) for weight in layer.parameters(False)), default=None)
                weights = "" if largest is None else f", whose largest weight is {largest:.3g}"
                found.append(f", first behind layer '{path}'{weights}")

        if path and not any(layer.children()):
            handles.append(layer.register_forward_hook(hook))
    try:
        module(images)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""


def _equal(one: Tensor, other: Tensor) -> bool:
    largest = float(torch.maximum(one.abs().max(), other.abs().max()))
    return bool((one - other).abs().max() <= _ROUNDING * largest + 1e-6)
