"""Faster inference by exact means: batch norm folded into convolutions, max-pool before ReLU, channels last, pooling
by comparing whole rows, and weights that stay sorted.

All of it is done in place and keeps every module's name, so that a hook still finds its layer.
"""

from __future__ import annotations

import torch
import torch.nn.utils.parametrize
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from reportgen.models.products import keep_sorted

__all__ = ["optimise_for_inference"]

_TOLERANCE = 1e-4  # of the largest logit


class _PairwiseMaxPool(nn.Module):
    """A max-pool of 2 x 2 without overlap as two comparisons of whole rows: two to three times as fast on a processor,
    because torch's own also records where each maximum was.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, H, W) -> (B, K, H // 2, W // 2)."""
        height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
        rows = torch.maximum(x[..., 0:height:2, :width], x[..., 1:height:2, :width])
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


def optimise_for_inference(module: nn.Module, target_layer: str, device: torch.device, images: Tensor) -> nn.Module:
    """Fold, reorder and lay out a module for inference, in place.

    A module that cannot be traced symbolically (its control flow depends on data), or whose logits for the trial images
    then differ by more than 1e-4 of the largest one, only changes its memory layout, which is slower and just as exact.

    Parameters
    ----------
    module
        In evaluation mode, on the processor.
    target_layer
        Dotted name of the explained layer: the layer and its surroundings keep their outputs.
    images
        (B, channels, H, W), to compare its logits before and after.
    """
    try:
        graph = fx.symbolic_trace(module).graph
    except Exception:  # tracing runs the user's forward on proxies: it can fail in any way
        graph = None
    if graph is not None:
        plain = dict(module.named_modules())
        with torch.no_grad():
            before = module(images)
            calls = _called_once(graph)
            _fold_batch_norms(module, calls, target_layer)
            _pool_before_relu(module, calls, target_layer)
            if device.type == "cpu":
                _pool_by_rows(module, calls, target_layer)
            changed = (module(images) - before).abs().max()
        if not bool(changed <= _TOLERANCE * before.abs().max()):  # false for NaN, too
            for name in calls:
                _replace(module, name, plain[name])
    module.requires_grad_(False)
    if device.type in ("cpu", "cuda") and not getattr(module, "contiguous", False):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device.type == "cpu":
            keep_sorted(module)
    return module.to(device)


def _called_once(graph: fx.Graph) -> dict[str, fx.Node]:
    """Module calls by name, without modules that the forward pass uses more than once."""
    seen: dict[str, list[fx.Node]] = {}
    for node in graph.nodes:
        if node.op == "call_module":
            seen.setdefault(str(node.target), []).append(node)
    return {name: nodes[0] for name, nodes in seen.items() if len(nodes) == 1}


def _only_input(node: fx.Node, calls: dict[str, fx.Node]) -> str | None:
    """Name of the module whose output goes to `node` and to nothing else."""
    source = node.args[0] if node.args else None
    if isinstance(source, fx.Node) and source.op == "call_module" and len(source.users) == 1:
        name = str(source.target)
        return name if calls.get(name) is source else None
    return None


def _separated(before: str, name: str, target_layer: str) -> bool:
    """Whether exactly one of two modules is inside the explained layer, whose output then has to stay between them."""

    def inside(module: str) -> bool:
        return module == target_layer or module.startswith(f"{target_layer}.")

    return inside(before) != inside(name)


def _replace(module: nn.Module, name: str, child: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(module.get_submodule(parent), attribute, child)


def _fold_batch_norms(module: nn.Module, calls: dict[str, fx.Node], target_layer: str) -> None:
    for name, node in calls.items():
        norm = module.get_submodule(name)
        before = _only_input(node, calls)
        if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None:
            continue
        if before is None or _separated(before, name, target_layer):
            continue
        convolution = module.get_submodule(before)
        if isinstance(convolution, nn.Conv2d) and not _is_computed(convolution):
            _replace(module, before, fuse_conv_bn_eval(convolution, norm))
            _replace(module, name, nn.Identity())


def _is_computed(module: nn.Module) -> bool:
    """Whether a module's weight is computed on every call, as by weight norm and spectral norm."""
    return bool(module._forward_pre_hooks) or torch.nn.utils.parametrize.is_parametrized(module)


def _pool_before_relu(module: nn.Module, calls: dict[str, fx.Node], target_layer: str) -> None:
    """Swap a ReLU and the max-pool after it: both are monotone, so the result is identical and the ReLU does less."""
    for name, node in calls.items():
        pool = module.get_submodule(name)
        before = _only_input(node, calls)
        if not isinstance(pool, nn.MaxPool2d) or before is None or _separated(before, name, target_layer):
            continue
        relu = module.get_submodule(before)
        if isinstance(relu, nn.ReLU):
            _replace(module, before, pool)
            _replace(module, name, relu)


def _pool_by_rows(module: nn.Module, calls: dict[str, fx.Node], target_layer: str) -> None:
    for name in calls:
        pool = module.get_submodule(name)
        if name != target_layer and isinstance(pool, nn.MaxPool2d) and _is_pairwise(pool):
            _replace(module, name, _PairwiseMaxPool())


def _is_pairwise(pool: nn.MaxPool2d) -> bool:
    twice = (2, (2, 2))
    return (
        pool.kernel_size in twice
        and pool.stride in twice
        and pool.padding in (0, (0, 0))
        and pool.dilation in (1, (1, 1))
        and not pool.return_indices
        and not pool.ceil_mode
    )
