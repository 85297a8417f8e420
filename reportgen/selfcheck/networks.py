"""Two small networks, after the two families that people bring: a coarse grid with a linear head, as ResNet18 has, and
a finer grid with a head of two layers, as the notebook's Custom CNN has.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["BANDS", "NETWORKS", "TARGET_LAYER", "BandNetwork", "SmallNetwork", "coarse", "fine", "lower", "upper"]

TARGET_LAYER = "features"


class SmallNetwork(nn.Module):
    """Four convolutions, global average pooling, a head; a filter of the last layer sees 55 of 96 pixels.

    Parameters
    ----------
    pool_last
        Halve the last grid: 6 x 6 cells at 96 px instead of 12 x 12.
    hidden
        Width of a layer between pooling and output; 0 for none.
    """

    def __init__(self, pool_last: bool, hidden: int, classes: int = 7) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _block(3, 16, 5, stride=2),
            _block(16, 32, 3, pool=True),
            _block(32, 64, 3, pool=True),
            _block(64, 96, 3, dilation=2, pool=pool_last),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = (
            nn.Sequential(nn.Linear(96, hidden), nn.ReLU(), nn.Linear(hidden, classes))
            if hidden
            else nn.Linear(96, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, classes) logits."""
        pooled = torch.flatten(self.pool(self.features(x)), 1)  # (B, 96)
        logits: Tensor = self.head(pooled)
        return logits


def _block(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, dilation: int = 1, pool: bool = False
) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(channels_out),
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []), nn.ReLU(inplace=True))


def coarse() -> SmallNetwork:
    """6 x 6 cells, linear head."""
    return SmallNetwork(pool_last=True, hidden=0)


def fine() -> SmallNetwork:
    """12 x 12 cells, head of two layers."""
    return SmallNetwork(pool_last=False, hidden=64)


BANDS = {"upper": (0.0, 0.46), "lower": (0.62, 1.0)}
"""Rows of the picture that a `BandNetwork` sees, as fractions of its height: eyes and above, mouth and below."""


class BandNetwork(SmallNetwork):
    """Sees one band of the picture; the rest is replaced by 0, the mean colour. What it uses is known for certain."""

    def __init__(self, band: str) -> None:
        super().__init__(pool_last=False, hidden=0)
        self.band = BANDS[band]

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, classes) logits."""
        first, last = (round(edge * x.shape[2]) for edge in self.band)
        rows = torch.arange(x.shape[2], device=x.device).view(1, 1, -1, 1)
        return super().forward(x * ((rows >= first) & (rows < last)).to(x.dtype))


def upper() -> BandNetwork:
    """12 x 12 cells, linear head; sees the eyes and what is above."""
    return BandNetwork("upper")


def lower() -> BandNetwork:
    """12 x 12 cells, linear head; sees the mouth and what is below."""
    return BandNetwork("lower")


NETWORKS = {"coarse": coarse, "fine": fine, "upper": upper, "lower": lower}
