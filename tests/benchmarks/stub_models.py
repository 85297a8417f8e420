"""Two models that cost almost nothing: what is left when they run is the program itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["coarse", "fine", "weights"]

CLASSES = 7


class _Stub(nn.Module):
    """One convolution whose cells do not overlap, then a mean and a linear layer."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 16, stride, stride)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 7) logits of (B, 3, H, W)."""
        y: Tensor = self.head(torch.relu(self.features(x)).mean(dim=(2, 3)))
        return y


def coarse() -> nn.Module:
    """7 x 7 cells of a 56-pixel input, as a ResNet18 has of 224."""
    return _Stub(8)


def fine() -> nn.Module:
    """14 x 14 cells."""
    return _Stub(4)


def weights(make: object, seed: int) -> dict[str, Tensor]:
    """Random weights, loud enough for the answers to vary."""
    torch.manual_seed(seed)
    state: dict[str, Tensor] = make().state_dict()  # type: ignore[operator]
    return {name: value * 4 for name, value in state.items()}
