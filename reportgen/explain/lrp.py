"""LRP for transformers: what each patch contributes to a logit, followed back through attention and norms.

Ali et al., "XAI for Transformers: Better Explanations through Conservative Propagation", ICML 2022, rules AH and LN:
gradient times input at the patches, where attention weights and the scales of norms count as constants. So relevance is
conserved from the logit down to the patches, up to biases; a plain gradient loses it in both places, as the output of a
norm does not change with the length of its input. Unlike a map of a late layer it also shows what attention has spread
over all patches by then. Patches are taken where they come to the first block that has the grid of the last one: in a
ViT the embedded ones, in a Swin those of the last stage.
"""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from reportgen.errors import ConfigError
from reportgen.explain.capture import TargetCapture
from reportgen.models.layouts import MapLayout, first_tensor
from reportgen.models.products import linear, self_attention

__all__ = ["ConservativeRules", "PatchCapture", "lrp_capture", "patch_capture"]

_CLOSE = 1e-4  # of the largest logit


class ConservativeRules(TorchFunctionMode):
    """Runs a network so that its gradients hold attention weights and the scales of norms constant.

    The network's output is the same up to rounding. Attention may be torch's fused one, which timm and Hugging Face
    call, `nn.MultiheadAttention`, or a softmax of its own; norms may be layer or RMS norms of torch.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by torch in place of each of its functions."""
        rule = _RULES.get(func, func)
        return rule(*args, **(kwargs or {}))


def _softmax(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    weights = functional.softmax(x, *args, **kwargs)
    return weights.detach() if x.ndim >= 3 else weights  # (B, C) are the model's probabilities


def _tensor_softmax(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    weights = torch.softmax(x, *args, **kwargs)
    return weights.detach() if x.ndim >= 3 else weights


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Attention of q, k, v (B, heads, tokens, numbers); in evaluation nothing is dropped."""
    if is_causal or enable_gqa:
        raise NotImplementedError("attention that is causal or grouped")
    with torch.no_grad():
        scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
        if attn_mask is not None:
            scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
        weights = scores.softmax(dim=-1)
    attended: Tensor = _Attend.apply(weights, v)  # type: ignore[no-untyped-call]
    return attended


class _Attend(torch.autograd.Function):
    """Values v (B, heads, tokens, numbers) by weights (B, heads, tokens, tokens), which count as constants."""

    @staticmethod
    def forward(weights: Tensor, v: Tensor) -> Tensor:
        return weights @ v

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        (weights,) = ctx.saved_tensors
        return None, _AttendBackward.apply(weights, gradient)  # type: ignore[no-untyped-call]


class _AttendBackward(torch.autograd.Function):
    @staticmethod
    def forward(weights: Tensor, gradient: Tensor) -> Tensor:
        return weights.transpose(-2, -1) @ gradient

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Nothing is kept: maps need no second derivative."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], weights: Tensor, gradient: Tensor) -> tuple[Tensor, int]:
        """The classes' gradients side by side: one product, and no copy of the weights for each class."""
        together = gradient.movedim(in_dims[1], -2)  # (B, heads, tokens, C, numbers)
        found = weights.transpose(-2, -1) @ together.flatten(-2)
        return found.unflatten(-1, together.shape[-2:]), found.ndim - 1  # type: ignore[no-untyped-call]


class _Gelu(torch.autograd.Function):
    """Its slope is computed once for all classes."""

    @staticmethod
    def forward(x: Tensor, approximate: str) -> tuple[Tensor, Tensor]:
        slope = torch.ops.aten.gelu_backward(torch.ones_like(x), x, approximate=approximate)
        return functional.gelu(x, approximate=approximate), slope

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return gradient * slope, None


def _gelu(x: Tensor, approximate: str = "none") -> Tensor:
    found: Tensor = _Gelu.apply(x, approximate)[0] if x.requires_grad else functional.gelu(x, approximate=approximate)  # type: ignore[no-untyped-call]
    return found


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        x: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor]:
        y, _, scale = torch.native_layer_norm(x, shape, weight, bias, eps)
        return y, scale if weight is None else scale * weight

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.axes = tuple(range(-len(inputs[1]), 0))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None, None, None]:
        (scale,) = ctx.saved_tensors
        found = gradient * scale
        return found.sub_(found.mean(dim=ctx.axes, keepdim=True)), None, None, None, None


def _multi_head_attention(*args: Any, **kwargs: Any) -> tuple[Tensor, None]:
    return self_attention(_attention, *args, **kwargs)


def _layer_norm(
    x: Tensor, shape: list[int], weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    if not x.requires_grad:
        return functional.layer_norm(x, shape, weight, bias, eps)
    y: Tensor = _LayerNorm.apply(x, shape, weight, bias, eps)[0]  # type: ignore[no-untyped-call]
    return y


def _rms_norm(x: Tensor, shape: list[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    axes = tuple(range(-len(shape), 0))
    tiny = torch.finfo(x.dtype).eps if eps is None else eps
    y = x * (x.detach().square().mean(dim=axes, keepdim=True) + tiny).rsqrt()
    return y if weight is None else y * weight


_RULES: dict[Any, Any] = {
    functional.scaled_dot_product_attention: _attention,
    functional.multi_head_attention_forward: _multi_head_attention,
    functional.softmax: _softmax,
    torch.softmax: _tensor_softmax,
    Tensor.softmax: _tensor_softmax,
    functional.layer_norm: _layer_norm,
    torch.layer_norm: _layer_norm,
    functional.rms_norm: _rms_norm,
    functional.gelu: _gelu,
    functional.linear: linear,
}


class PatchCapture:
    """Makes the patches that a block takes the leaf at which the autograd graph starts.

    Use as a context manager: the hook is removed on leaving. Serves several threads at once.

    Parameters
    ----------
    module
        From pictures to logits (B, C).
    block
        Dotted name.
    layout
        Of what it takes.
    """

    def __init__(self, module: nn.Module, block: str, layout: MapLayout) -> None:
        self._block = module.get_submodule(block)
        self._layout = layout
        self._local = threading.local()
        self._handle: torch.utils.hooks.RemovableHandle | None = None

    def __enter__(self) -> PatchCapture:
        self._handle = self._block.register_forward_pre_hook(self._hook, with_kwargs=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def _hook(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not getattr(self._local, "wanted", False):
            return None
        given: dict[int | str, Any] = dict([*enumerate(args), *kwargs.items()])
        place = next(key for key, value in given.items() if isinstance(value, Tensor))
        tokens = given[place]
        with torch.enable_grad():
            leaf = self._layout.to_maps(tokens).detach().requires_grad_(True)
            self._local.leaf = leaf
            changed = self._layout.from_maps(leaf.clone(), tokens.detach())
        if isinstance(place, int):
            return (*args[:place], changed, *args[place + 1 :]), kwargs
        return args, {**kwargs, place: changed}

    def forward(self, module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run `module` on (B, channels, H, W); the patches (B, K, h, w) as a leaf, and the logits (B, C)."""
        self._local.wanted = True
        try:
            with torch.enable_grad(), ConservativeRules():
                logits: Tensor = module(x)
        finally:
            self._local.wanted = False
        leaf: Tensor = self._local.leaf
        del self._local.leaf
        return leaf, logits


def _blocks(module: nn.Module, x: Tensor) -> list[tuple[str | None, tuple[int, ...]]]:
    """For every call of attention, the outermost module around it that attends once and keeps the shape of what it
    takes, with that shape; None where there is no such module.
    """
    running: list[str] = []
    paths: list[tuple[str, ...]] = []
    shapes: dict[str, tuple[int, ...]] = {}
    handles = []
    for name, child in module.named_modules():

        def before(_: nn.Module, args: Any, name: str = name) -> None:
            running.append(name)

        def after(_: nn.Module, args: Any, kwargs: Any, output: Any, name: str = name) -> None:
            running.pop()
            given = next((value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)), None)
            result = first_tensor(output)
            if given is not None and result is not None and given.ndim in (3, 4) and given.shape == result.shape:
                shapes[name] = tuple(given.shape)

        handles += [child.register_forward_pre_hook(before), child.register_forward_hook(after, with_kwargs=True)]

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            softmax = func in (functional.softmax, torch.softmax, Tensor.softmax) and args[0].ndim >= 3
            fused = func in (functional.scaled_dot_product_attention, functional.multi_head_attention_forward)
            if softmax or fused:
                paths.append(tuple(running))
            return func(*args, **(kwargs or {}))

    try:
        with torch.no_grad(), Watch():
            module(x)
    finally:
        for handle in handles:
            handle.remove()
    times = Counter(name for path in paths for name in path)
    found = [next((name for name in path if name in shapes and times[name] == 1), None) for path in paths]
    return [(name, () if name is None else shapes[name]) for name in found]


def patch_capture(module: nn.Module, target_layer: str, layout: MapLayout, x: Tensor) -> PatchCapture | str:
    """The way to a transformer's patches, where they come to the first block that has the grid of the explained layer,
    or why there is none.

    Parameters
    ----------
    target_layer, layout
        The layer that would be explained otherwise.
    x
        (B, channels, H, W), unlike each other, to try it on.
    """
    blocks = _blocks(module, x)
    if not blocks:
        return "it has no attention"
    with TargetCapture(module, target_layer, layout) as target:
        h, w = target.activations(module, x).shape[2:]
    tokens = layout if layout.kind == "tokens" else MapLayout("tokens", 0, int(h), int(w))
    layouts = {3: tokens, 4: MapLayout("channels_last")}
    shapes = {3: (tokens.prefix + h * w,), 4: (h, w)}
    fitting = [(name, len(shape)) for name, shape in blocks
               if shape and shape[:-1] == (len(x), *shapes[len(shape)])]  # fmt: skip
    if not fitting or any(name is None for name, _ in blocks):
        return "its attention is of a kind that is not followed"
    name, axes = fitting[0]
    with torch.no_grad():
        expected = module(x)
    with PatchCapture(module, str(name), layouts[axes]) as capture:
        try:
            leaf, logits = capture.forward(module, x)
            (gradient,) = torch.autograd.grad(logits.square().sum(), leaf)
        except Exception as error:  # a user's module can fail in any way when its functions are replaced
            return f"its attention is of a kind that is not followed ({type(error).__name__})"
    off = float((logits.detach() - expected).abs().max())
    if off > _CLOSE * float(expected.abs().max()) or not bool(gradient.any()):
        return "it does not compute the same with its attention written out"
    return capture


def lrp_capture(
    method: str, title: str, module: nn.Module, target_layer: str, layout: MapLayout, x: Tensor
) -> PatchCapture | None:
    """The way to a model's patches where the method is LRP, or "auto" and the model allows LRP; None elsewhere.

    Parameters
    ----------
    title
        The architecture, for the message. The others as for `patch_capture`.

    Raises
    ------
    ConfigError
        The method is LRP, and the model does not allow it.
    """
    if method not in ("auto", "lrp"):
        return None
    found = patch_capture(module, target_layer, layout, x)
    if isinstance(found, PatchCapture):
        return found
    if method == "lrp":
        raise ConfigError(f"method lrp cannot explain {title}: {found}; use method auto")
    return None
