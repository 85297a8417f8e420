"""The notebook's Custom CNN."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name every PyTorch reader knows)

__all__ = ["ConvBlock", "CustomCNN"]


class ConvBlock(nn.Module):
    """Convolution, batch norm, max-pool, ReLU: halves height and width."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1)
        self.bn = nn.BatchNorm2d(channels_out)
        self.pool = nn.MaxPool2d(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels_out, H/2, W/2)."""
        # The notebook pools after the ReLU. Both are monotone, so the result is identical, and this way round the ReLU
        # touches a quarter of the numbers.
        return F.relu(self.pool(self.bn(self.conv(x))), inplace=True)


class CustomCNN(nn.Module):
    """Four blocks with 32, 64, 128 and 256 channels, global average pooling and a two-layer head.

    Parameters
    ----------
    num_classes
        Length of the output.
    hidden
        Width of the layer between pooling and output.
    channels
        Of the input: 3, or 1 for grey images.
    """

    def __init__(self, num_classes: int = 7, hidden: int = 128, channels: int = 3) -> None:
        super().__init__()
        self.conv1 = ConvBlock(channels, 32)
        self.conv2 = ConvBlock(32, 64)
        self.conv3 = ConvBlock(64, 128)
        self.conv4 = ConvBlock(128, 256)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(256, hidden)
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) normalised image -> (B, num_classes) logits."""
        x = self.conv4(self.conv3(self.conv2(self.conv1(x))))  # (B, 256, H/16, W/16)
        x = torch.flatten(self.global_pool(x), 1)  # (B, 256)
        logits: Tensor = self.fc2(self.dropout(F.relu(self.fc1(x))))
        return logits
