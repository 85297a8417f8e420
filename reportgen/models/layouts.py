"""How a layer's output holds a map: channels first, channels last, or tokens, and which it is, found by probing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

__all__ = ["CHANNELS_FIRST", "MapLayout", "first_tensor", "possible_layouts", "probe_layout", "with_first_tensor"]

_MOST_PREFIX = 8  # class token, distillation token, registers
# How far the response has to move with a changed part of the picture, as a share of the grid's side.
_LEAST_SHIFT = 0.02


@dataclass(frozen=True)
class MapLayout:
    """Where a layer's output holds the K channels of h x w cells.

    Attributes
    ----------
    kind
        "channels_first" is (B, K, h, w), "channels_last" (B, h, w, K), "tokens" (B, prefix + h * w, K).
    prefix
        Tokens before those of the cells, such as a class token.
    height, width
        h and w; 0 where the shape shows them.
    """

    kind: Literal["channels_first", "channels_last", "tokens"]
    prefix: int = 0
    height: int = 0
    width: int = 0

    def to_maps(self, output: Tensor) -> Tensor:
        """The cells of a layer's output as (B, K, h, w)."""
        if self.kind == "channels_first":
            return output
        if self.kind == "channels_last":
            return output.permute(0, 3, 1, 2)
        cells = output[:, self.prefix :].transpose(1, 2)  # (B, K, h * w)
        return cells.reshape(*cells.shape[:2], self.height, self.width)

    def from_maps(self, maps: Tensor, output: Tensor) -> Tensor:
        """Maps (B, K, h, w) as a layer's output, whose prefix tokens are taken from `output`."""
        if self.kind == "channels_first":
            return maps
        if self.kind == "channels_last":
            return maps.permute(0, 2, 3, 1)
        cells = maps.flatten(2).transpose(1, 2)  # (B, h * w, K)
        return torch.cat([output[:, : self.prefix], cells], dim=1) if self.prefix else cells


CHANNELS_FIRST = MapLayout("channels_first")


def first_tensor(output: Any) -> Tensor | None:
    """A layer's output, or the first tensor of a tuple: attention layers also return their weights."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
        return output[0]
    return None


def with_first_tensor(output: Any, tensor: Tensor) -> Any:
    """The same output with another first tensor."""
    return tensor if isinstance(output, Tensor) else (tensor, *output[1:])


def possible_layouts(shape: tuple[int, ...], height: int, width: int) -> list[MapLayout]:
    """The ways in which a tensor of this shape may hold a map of a picture of `height` x `width` pixels.

    A map has the picture's aspect ratio, up to the rounding of one cell, and no more cells than the picture has pixels.
    """
    if len(shape) == 4:
        found = [(MapLayout("channels_first"), shape[2], shape[3]), (MapLayout("channels_last"), shape[1], shape[2])]
        return [layout for layout, h, w in found if _is_grid(h, w, height, width)]
    layouts = []
    if len(shape) == 3:
        for prefix in range(_MOST_PREFIX + 1):
            cells = shape[1] - prefix
            h = round((cells * height / width) ** 0.5) if cells > 0 else 0
            w = cells // h if h else 0
            if h * w == cells > 0 and any(height // p == h and width // p == w for p in (height // h, width // w)):
                layouts.append(MapLayout("tokens", prefix, h, w))
    return layouts


def _is_grid(h: int, w: int, height: int, width: int) -> bool:
    if h > height or w > width:
        return False
    return abs(h * width / height - w) <= 1 or abs(w * height / width - h) <= 1


def probe_layout(outputs: Callable[[Tensor], Tensor], image: Tensor, layouts: list[MapLayout]) -> MapLayout | None:
    """The layout whose cells follow the picture: where a part of it changes, the cells there change most.

    Parameters
    ----------
    outputs
        From pictures (B, channels, H, W) to the layer's output.
    image
        (1, channels, H, W).
    layouts
        From `possible_layouts`.

    Returns
    -------
    MapLayout or None
        None where no layout's cells follow the picture.
    """
    height, width = image.shape[2:]
    changed = [image]
    for top in (0, 1):
        for left in (0, 1):
            picture = image.clone()
            rows = slice(height // 8 + top * height // 2, height // 8 + top * height // 2 + max(1, height // 4))
            columns = slice(width // 8 + left * width // 2, width // 8 + left * width // 2 + max(1, width // 4))
            picture[:, :, rows, columns] = 0.5 - picture[:, :, rows, columns]
            changed.append(picture)
    with torch.no_grad():
        output = outputs(torch.cat(changed)).float()
    if not bool(output.isfinite().all()) or bool((output == output[:1]).all()):
        return layouts[0] if len(layouts) == 1 else None  # an output that is broken or constant shows no place
    maps = {layout: layout.to_maps(output) for layout in layouts}
    best = max(maps, key=lambda layout: _share(maps[layout]), default=None)
    return best if best is not None and _shift(maps[best]) > _LEAST_SHIFT else None


def _changes(maps: Tensor) -> Tensor:
    """Where maps (5, K, h, w) of a picture and of four changed ones differ, (4, h, w), each with a sum of 1."""
    change = (maps[1:] - maps[:1]).square().sum(dim=1)
    return change / change.sum(dim=(1, 2), keepdim=True).clamp_min(torch.finfo(change.dtype).tiny)


def _share(maps: Tensor) -> float:
    """Share of the change that lies in the quarter of the grid where the picture was changed, 0..1."""
    changes = _changes(maps)
    h, w = changes.shape[1:]
    top, left = (h + 1) // 2, (w + 1) // 2
    quarters = (changes[0, :top, :left], changes[1, :top, w - left :], changes[2, h - top :, :left],
                changes[3, h - top :, w - left :])  # fmt: skip
    return float(sum(quarter.sum() for quarter in quarters)) / 4


def _shift(maps: Tensor) -> float:
    """How far the centre of the change moves along each axis with the changed quarter of the picture, 0..1, the lesser
    of both axes; of maps (5, K, h, w): the picture, then changed at the top left, top right, bottom left, bottom right.

    A network may see a part of the picture alone, as one that crops inside: where nothing changes there is no centre,
    and an axis on which only one side answers tells nothing.
    """
    change = _changes(maps)
    h, w = change.shape[1:]
    answers = change.sum(dim=(1, 2)) > 0
    moved = []
    for cells, dim, sides in ((h, 2, ([0, 1], [2, 3])), (w, 1, ([0, 2], [1, 3]))):
        if cells == 1:
            continue
        centre = (change.sum(dim=dim) * torch.arange(cells)).sum(dim=1) / (cells - 1)
        near, far = ([k for k in side if answers[k]] for side in sides)
        if near and far:
            moved.append(float(centre[far].mean() - centre[near].mean()))
    return min(moved, default=1.0 if h * w == 1 else 0.0)
