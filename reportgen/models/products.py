"""Faster products on a processor: linear layers and 1 x 1 convolutions by oneDNN's own matrix product, and larger
convolutions whose weights stay sorted.

torch gives a float32 product to MKL, which uses half of the vector width of AMD's processors, and a 1 x 1 convolution
to a kernel that sorts its weights anew on every call. oneDNN's product takes half their time there. It is float32
throughout, rounds like theirs, and gives the same bits for every batch size.

A larger convolution is oneDNN's in torch, too, but its weights are sorted for the kernel on every call: in a ResNet's
last stage that takes a sixth of the time of a batch of 8, and two fifths of one of 2. Sorted once they give the same
bits.

Where torch was built without oneDNN, for other devices and types, under autocast, and for products too small to gain,
everything is torch's own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["FasterProducts", "faster_products", "keep_sorted", "linear", "self_attention"]

_LEAST_ROWS = 16  # rows of one image: with fewer, starting oneDNN costs more than it saves
_LEAST_WEIGHTS = 1 << 14  # of a convolution: fewer are sorted in no time


@cache
def _is_there() -> bool:
    """Whether this torch has oneDNN's product, and it gives what torch's own gives."""
    # No random numbers: a network's own must not depend on this question.
    x, weight, bias = (torch.arange(float(n)).sin() for n in (32 * 24, 8 * 24, 8))
    x, weight = x.reshape(32, 24), weight.reshape(8, 24)
    try:
        return torch.allclose(_product(x, weight, bias), x @ weight.T + bias, rtol=1e-4, atol=1e-4)
    except Exception:  # the operator has no public name, so another torch may lack it or ask for other arguments
        return False


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(n, in) x (out, in) -> (n, out)."""
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


def _gains(x: Tensor, weight: Tensor, rows: int) -> bool:
    """Whether to use it for an input with so many rows of each image: never a question of the batch size."""
    return (
        rows >= _LEAST_ROWS
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not (torch.is_grad_enabled() and weight.requires_grad)
        and _is_there()
    )


class _Backward(torch.autograd.Function):
    """Gradient of a linear layer's input, for many gradients of its output at once under vmap."""

    @staticmethod
    def forward(gradient: Tensor, weight: Tensor) -> Tensor:
        return _to_input(gradient, weight)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Nothing is kept: maps need no second derivative."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], gradient: Tensor, weight: Tensor) -> tuple[Tensor, int]:
        return _to_input(gradient.movedim(in_dims[0], 0), weight), 0


def _to_input(gradient: Tensor, weight: Tensor) -> Tensor:
    """(..., out) x (out, in) -> (..., in), without the rows and columns that are zero."""
    rows = gradient.reshape(-1, gradient.shape[-1])
    found = _without_zeros(rows, weight)
    return found.reshape(*gradient.shape[:-1], weight.shape[1])


def _without_zeros(rows: Tensor, weight: Tensor) -> Tensor:
    sample = rows[:: max(1, len(rows) // 32)] != 0
    if not bool(sample.any(dim=0).all()):  # of queries, keys and values, only values may have a gradient
        live = torch.nonzero((rows != 0).any(dim=0))[:, 0]
        if len(live) == 0:
            return rows.new_zeros(len(rows), weight.shape[1])
        first, last = int(live[0]), int(live[-1]) + 1
        rows, weight = rows[:, first:last], weight[first:last]
    if bool(sample.any(dim=1).all()):
        return _product(rows, weight.T, None)
    live = torch.nonzero((rows != 0).any(dim=1))[:, 0]  # behind the last attention only the class token counts
    found = rows.new_zeros(len(rows), weight.shape[1])
    if len(live):
        found[live] = _product(rows[live], weight.T, None)
    return found


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _product(x.reshape(-1, x.shape[-1]), weight, bias).reshape(*x.shape[:-1], len(weight))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return _Backward.apply(gradient, weight), None, None  # type: ignore[no-untyped-call]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As `functional.linear`; (B, ..., in) -> (B, ..., out)."""
    if not _gains(x, weight, x.shape[1:-1].numel() if x.ndim > 2 else 0):
        return functional.linear(x, weight, bias)
    found: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return found


def _convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None, *more: Any, **named: Any) -> Tensor:
    """As `torch.conv2d`."""
    settings = dict(zip(("stride", "padding", "dilation", "groups"), more, strict=False)) | named
    plain = (
        weight.shape[2:] == (1, 1)
        and x.ndim == 4
        and x.is_contiguous(memory_format=torch.channels_last)
        and settings.get("padding", 0) in (0, (0, 0), "valid")
        and settings.get("groups", 1) == 1
        and settings.get("stride", 1) in (1, (1, 1))
    )
    if not plain or not _gains(x, weight, x.shape[2] * x.shape[3]):
        return torch.conv2d(x, weight, bias, *more, **named)
    found: Tensor = _Linear.apply(x.permute(0, 2, 3, 1), weight[:, :, 0, 0], bias)  # type: ignore[no-untyped-call]
    return found.permute(0, 3, 1, 2)


def self_attention(
    attention: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    width: int,
    heads: int,
    in_weight: Tensor | None,
    in_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout: float,
    out_weight: Tensor,
    out_bias: Tensor | None,
    **more: Any,
) -> tuple[Tensor, None]:
    """What `functional.multi_head_attention_forward` gives for self-attention, of tokens (tokens, B, width).

    Parameters
    ----------
    attention
        From q, k, v (B, heads, tokens, numbers) to the same shape.

    Raises
    ------
    NotImplementedError
        It is attention of another kind.
    """
    masked = any(more.get(name) is not None for name in ("attn_mask", "key_padding_mask", "static_k", "static_v"))
    if in_weight is None or bias_k is not None or bias_v is not None or add_zero_attn or masked or query.ndim != 3:
        raise NotImplementedError("attention with masks or biases of its own")
    if query is not key or key is not value:
        raise NotImplementedError("attention to other tokens")
    tokens = query.transpose(0, 1)  # as images lie in memory
    q, k, v = linear(tokens, in_weight, in_bias).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # type: ignore[no-untyped-call]
    attended = attention(q, k, v).transpose(1, 2).flatten(2)
    return linear(attended, out_weight, out_bias).transpose(0, 1), None


class FasterProducts(TorchFunctionMode):
    """Within, linear layers and 1 x 1 convolutions are computed as this module says."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by torch in place of each of its functions."""
        kwargs = kwargs or {}
        if func is functional.multi_head_attention_forward and not (
            kwargs.get("training", True) or kwargs.get("need_weights", True)
        ):
            try:
                return self_attention(functional.scaled_dot_product_attention, *args, **kwargs)
            except NotImplementedError:
                return func(*args, **kwargs)
        return _FASTER.get(func, func)(*args, **kwargs)


def faster_products(x: Tensor) -> AbstractContextManager[object]:
    """`FasterProducts` for an input on which they can be faster; else nothing, and torch is left alone."""
    return FasterProducts() if x.device.type == "cpu" and _is_there() else nullcontext()


_FASTER: dict[Any, Any] = {functional.linear: linear, torch.conv2d: _convolution, functional.conv2d: _convolution}


class _SortedConvolution:
    """Takes the place of a layer's own convolution; one of these serves several threads at once."""

    def __init__(self, layer: nn.Conv2d) -> None:
        padding = [int(side) for side in layer.padding]
        self._place = padding, list(layer.stride), list(layer.dilation)
        self._sorted: tuple[Any, Tensor] | None = None

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(B, in, H, W) -> (B, out, h, w)."""
        differentiated = torch.is_grad_enabled() and x.requires_grad
        ordered = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
        if differentiated or not ordered or not _gains(x, weight, _LEAST_ROWS):
            padding, stride, dilation = self._place
            return torch.conv2d(x, weight, bias, stride, padding, dilation)
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._of(weight, x), bias, *self._place, 1, "none", [], ""
        )
        return found

    def __getstate__(self) -> dict[str, Any]:
        """A copy sorts for itself."""
        return vars(self) | {"_sorted": None}

    def _of(self, weight: Tensor, x: Tensor) -> Tensor:
        """The weights as the kernel for inputs like `x` reads them; other inputs get the same numbers, more slowly."""
        state = (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
        known = self._sorted
        if known is None or known[0] != state:  # or other weights were loaded
            known = state, torch.ops.mkldnn._reorder_convolution_weight(weight, *self._place, 1, list(x.shape))
            self._sorted = known
        return known[1]


def keep_sorted(module: nn.Module) -> None:
    """Have a network's convolutions keep their weights sorted, in place; where it cannot be done, nothing changes."""
    if _sorting_is_there():
        for layer in _sortable(module):
            setattr(layer, "_conv_forward", _SortedConvolution(layer))  # noqa: B010  (mypy takes it for a method)


def _sortable(module: nn.Module) -> list[nn.Conv2d]:
    return [
        layer
        for layer in module.modules()
        if type(layer) is nn.Conv2d  # others may have a convolution of their own
        and layer.groups == 1
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and layer.weight.numel() >= _LEAST_WEIGHTS
        and (layer.kernel_size, layer.stride) != ((1, 1), (1, 1))  # a matrix product, see above
    ]


@cache
def _sorting_is_there() -> bool:
    """Whether this torch can sort weights beforehand, and then gives what its own convolution gives."""
    layer = nn.Conv2d(32, 64, 3, padding=1, device="meta").to_empty(device="cpu").requires_grad_(False)
    for values in layer.parameters():  # no random numbers, as above
        values.copy_(torch.arange(float(values.numel())).sin().view_as(values))
    x = torch.arange(2.0 * 32 * 49).cos().reshape(2, 32, 7, 7).contiguous(memory_format=torch.channels_last)
    try:
        found = _SortedConvolution(layer)(x, layer.weight, layer.bias)
    except Exception:  # as above
        return False
    return torch.allclose(found, layer(x), rtol=1e-4, atol=1e-4)
