"""Where the cells of a layer see, measured: the centre of the part of the picture that a cell answers to.

Every tool draws cell i of n in the middle of the i-th n-th of the picture. Where strides of symmetrically padded
convolutions add up, the cell sees a place up to half a cell before it, and with TensorFlow's padding behind it.

What is measured is the network's geometry, not its weights: kernels are replaced by ones that are symmetric and have
most of their weight in the middle, poolings likewise, norms by ones that change nothing. The squared gradient of a cell
on the picture then lies around the middle of what the cell sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.models.layouts import MapLayout, first_tensor

__all__ = ["axis_of_centres", "exact_stride", "measure_cells"]

_SPREAD = 0.25  # of a replaced kernel, in its own pixels
# Bright pictures may saturate a ReLU6 behind many sums, faint ones may vanish behind many halving activations.
_FAINT, _BRIGHT = 1e-3, 1.0
_EXACT = 0.1  # pixels: measurements of one cell that differ less are those of a network without noise
_WHOLE = 0.02  # pixels: a stride that is so near to a whole number is that number
_CUT = 0.35  # of a stride: how much less is measured where the picture's edges cut off a part of what cells see
_NEAR = 0.15  # of a cell: a measurement with noise belongs to a usual place no further away


class _Reached(Exception):  # noqa: N818  (no error)
    """The layer has answered: what follows need not run."""


def measure_cells(module: nn.Module, name: str, layout: MapLayout, image: Tensor) -> CellGrid | None:
    """Where the cells of a layer see.

    Parameters
    ----------
    module
        In evaluation mode; no parameter asks for gradients.
    name, layout
        The layer, and how its output holds the map.
    image
        (1, channels, H, W): its shape, type and device are used.

    Returns
    -------
    CellGrid or None
        Centres are whole or half pixels, so that they depend on no rounding. None where the measurement is not clear.
    """
    noise = torch.rand((4, *image.shape[1:]), generator=torch.Generator().manual_seed(0))
    pictures = noise.to(image.device, image.dtype)
    replaced = _symmetric_weights(module)
    for weights, brightness in ((replaced, _FAINT), (replaced, _BRIGHT), ({}, _BRIGHT)):
        try:
            found = _middle_centres(module, weights, name, layout, pictures * brightness)
        except RuntimeError:  # a forward without gradients, or a module that computes its weights itself
            continue
        strides = [exact_stride(cells, centres) for cells, centres, _ in found]
        axes = [
            axis_of_centres(*measured, size, other)
            for measured, size, other in zip(found, image.shape[2:], strides[::-1], strict=True)
        ]
        if axes[0] is not None and axes[1] is not None:
            return CellGrid(axes[0], axes[1])
    return None


def _symmetric_weights(module: nn.Module) -> dict[str, Tensor]:
    """Kernels and norms that keep a network's geometry and take its preferences away."""
    norms = [child for child in module.modules() if "norm" in type(child).__name__.lower()]
    # Behind batch norm alone nothing but sums, so everything can be positive, and no activation takes anything away.
    # Norms over channels need channels that differ.
    positive = all(isinstance(norm, _BatchNorm) for norm in norms)
    replaced: dict[str, Tensor] = {}
    for name, child in module.named_modules():
        own = dict(child.named_parameters(name, recurse=False)) | dict(child.named_buffers(name, recurse=False))
        start = f"{name}." if name else ""
        if isinstance(child, nn.Conv2d) and f"{start}weight" in own:
            weight = own[f"{start}weight"]
            strength = weight.abs().mean(dim=(2, 3), keepdim=True)
            if positive:
                strength = strength / strength.sum(dim=1, keepdim=True).clamp_min(1e-30)
            else:
                strength = torch.where(weight.sum(dim=(2, 3), keepdim=True) < 0, -strength, strength)
                strength = strength / strength.square().sum(dim=1, keepdim=True).sqrt().clamp_min(1e-30)
            replaced[f"{start}weight"] = strength * _kernel(weight.shape[2:]).to(weight)
            if f"{start}bias" in own:
                replaced[f"{start}bias"] = torch.zeros_like(own[f"{start}bias"])
        elif isinstance(child, _BatchNorm):
            for key, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
                if f"{start}{key}" in own:
                    replaced[f"{start}{key}"] = torch.full_like(own[f"{start}{key}"], value)
    return replaced


def _kernel(shape: Sequence[int]) -> Tensor:
    """Symmetric, most of it in the middle, with a sum of 1."""
    rows, columns = (torch.exp(-((torch.arange(k) - (k - 1) / 2) ** 2) / (2 * _SPREAD**2)) for k in shape)
    kernel = rows[:, None] * columns
    kernel[kernel < 1e-6 * kernel.max()] = 0  # products of many would be too small to compute with
    return kernel / kernel.sum()


def _middle_of_window(pooling: Any, inputs: tuple[Tensor, ...], output: Any) -> Tensor | None:
    """What a pooling gives where the middle of its window counts most; None leaves its output as it is."""
    maps = inputs[0]
    if maps.dim() != 4 or not isinstance(output, Tensor) or getattr(pooling, "dilation", 1) not in (1, (1, 1)):
        return None
    kernel, stride, padding = (
        (value, value) if isinstance(value, int) else value
        for value in (pooling.kernel_size, pooling.stride, pooling.padding)
    )
    around: list[int] = []
    for axis in (1, 0):
        behind = (output.shape[2 + axis] - 1) * stride[axis] + kernel[axis] - maps.shape[2 + axis] - padding[axis]
        around += [padding[axis], max(behind, 0)]
    window = _kernel(kernel).to(maps).expand(maps.shape[1], 1, *kernel)
    return nn.functional.conv2d(nn.functional.pad(maps, around), window, stride=stride, groups=maps.shape[1])


def _middle_centres(
    module: nn.Module, weights: dict[str, Tensor], name: str, layout: MapLayout, pictures: Tensor
) -> tuple[tuple[list[int], list[float], int], ...]:
    """Per axis: two middle cells of the map, twice each; the centre of what each sees, in pixels; cells of the map."""
    maps: Tensor | None = None

    def reach(_: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal maps
        tensor = first_tensor(output)
        maps = None if tensor is None else layout.to_maps(tensor)
        raise _Reached

    handles = [module.get_submodule(name).register_forward_hook(reach)]
    for child in module.modules():
        if weights and isinstance(child, (nn.MaxPool2d, nn.AvgPool2d)):
            handles.append(child.register_forward_hook(_middle_of_window))
    pictures = pictures.detach().requires_grad_(True)
    try:
        with torch.enable_grad():
            torch.func.functional_call(module, weights, (pictures,))
    except _Reached:
        pass
    finally:
        for handle in handles:
            handle.remove()
    if maps is None:
        raise RuntimeError(f"{name}: gives no tensor")
    height, width = maps.shape[2:]
    # One cell per picture, so that one backward pass serves all four: both middle rows with both middle columns.
    cells = [(_middle(height, b & 1), _middle(width, b >> 1)) for b in range(4)]
    channels = torch.randn(maps.shape[1], generator=torch.Generator().manual_seed(1)).to(maps)
    total = sum((maps[b, :, row, column] * channels).sum() for b, (row, column) in enumerate(cells))
    (gradient,) = torch.autograd.grad(total, pictures)  # type: ignore[arg-type]
    energy = gradient.double().square().sum(dim=1)  # (4, H, W)
    return (
        ([row for row, _ in cells], [_centre(one.sum(dim=1)) for one in energy], height),
        ([column for _, column in cells], [_centre(one.sum(dim=0)) for one in energy], width),
    )


def _middle(count: int, side: int) -> int:
    return min(max(count // 2 - 1 + side, 0), count - 1)


def _centre(profile: Tensor) -> float:
    """Centre in pixels from the edge; what is spread over the whole picture, as by a gate, counts for nothing."""
    profile = (profile - profile.median()).clamp_min(0)
    return float((profile * (torch.arange(len(profile), device=profile.device) + 0.5)).sum() / profile.sum())


def axis_of_centres(
    cells: Sequence[int], centres: Sequence[float], count: int, size: int, other: int | None = None
) -> CellAxis | None:
    """The lattice of centres that measurements of some cells belong to; None where they belong to none clearly.

    Parameters
    ----------
    cells
        Index of each measured cell.
    centres
        What each sees, in pixels from the picture's edge; NaN where there was no gradient.
    count, size
        Cells, and pixels of the picture.
    other
        Exact stride along the other axis, where it is known.
    """
    if not all(0 <= centre <= size for centre in centres):
        return None
    measured = _by_cell(cells, centres)
    means = {cell: sum(values) / len(values) for cell, values in measured.items()}
    stride = _stride(means, count, size, exact_stride(cells, centres), other)
    if stride is None:
        return None
    # The picture's edge cuts off a part of what a cell sees: the one nearest to the middle is the most exact.
    best = min(means, key=lambda cell: abs(means[cell] - size / 2))
    offset = means[best] - (best + 0.5) * stride
    usual = min((0.0, (1 - stride) / 2, (stride - 1) / 2), key=lambda place: abs(place - offset))
    if _without_noise(measured):
        usual = round(2 * offset) / 2
    elif abs(usual - offset) > _NEAR * stride:
        return None
    if usual == 0 and stride * count == size:
        return CellAxis.even(count)
    axis = CellAxis(count, (stride / 2 + usual) / size, stride / size)
    return axis if axis.fits else None


def exact_stride(cells: Sequence[int], centres: Sequence[float]) -> int | None:
    """Pixels from one centre to the next, where measurements without noise give a whole number."""
    measured = _by_cell(cells, centres)
    low, high = min(measured), max(measured)
    if low == high or not _without_noise(measured):
        return None
    stride = (sum(measured[high]) / len(measured[high]) - sum(measured[low]) / len(measured[low])) / (high - low)
    return round(stride) if stride >= 1 - _WHOLE and abs(stride - round(stride)) <= _WHOLE else None


def _without_noise(measured: Mapping[int, Sequence[float]]) -> bool:
    return all(len(values) > 1 and max(values) - min(values) <= _EXACT for values in measured.values())


def _by_cell(cells: Sequence[int], centres: Sequence[float]) -> dict[int, list[float]]:
    return {cell: [c for own, c in zip(cells, centres, strict=True) if own == cell] for cell in cells}


def _stride(means: dict[int, float], count: int, size: int, exact: int | None, other: int | None) -> float | None:
    """Pixels from one centre to the next: a whole number, and one that networks have where several are near."""
    if count == 1:
        return float(size)
    low, high = min(means), max(means)
    measured = (means[high] - means[low]) / (high - low)
    if not 0.5 * size / count <= measured <= 2 * size / count:
        return None
    if exact is not None:
        return float(exact)
    if other is not None and 0 <= other - measured <= _CUT * other:
        return float(other)
    near = [s for s in range(1, size + 1) if abs(s - measured) <= max(0.08 * measured, 0.1)]
    return float(min(near, key=lambda s: (s * count != size, s & (s - 1) != 0, abs(s - measured)))) if near else None
