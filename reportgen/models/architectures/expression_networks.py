"""Two networks that were published for facial expressions, written from their papers and their parameters' names.

DAN: Wen and others, Distract Your Attention, Biomimetics 2023. ResEmoteNet: Roy and others, IEEE Signal Processing
Letters 2024.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from reportgen.models.architectures.family import Family, Shapes, Variant
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["DAN", "RES_EMOTE_NET"]

_WIDTH = 512  # channels of a ResNet18's last map


def _normed(channels_in: int, channels_out: int, kernel: tuple[int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, kernel, padding=padding), nn.BatchNorm2d(channels_out))


class _WhereToLook(nn.Module):
    """One number per cell, by which the map is multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1x1 = _normed(_WIDTH, _WIDTH // 2, (1, 1))
        self.conv_3x3 = _normed(_WIDTH // 2, _WIDTH, (3, 3))
        self.conv_1x3 = _normed(_WIDTH // 2, _WIDTH, (1, 3))
        self.conv_3x1 = _normed(_WIDTH // 2, _WIDTH, (3, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, 512, h, w) -> the same."""
        narrow = self.conv1x1(maps)
        seen = functional.relu(self.conv_3x3(narrow) + self.conv_1x3(narrow) + self.conv_3x1(narrow))
        return maps * seen.sum(dim=1, keepdim=True)


class _WhatCounts(nn.Module):
    """One number per channel, by which the average over all cells is multiplied."""

    def __init__(self) -> None:
        super().__init__()
        hidden = _WIDTH // 16
        self.attention = nn.Sequential(
            nn.Linear(_WIDTH, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, _WIDTH), nn.Sigmoid()
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(B, 512, h, w) -> (B, 512)."""
        average = maps.mean(dim=(2, 3))
        gated: Tensor = average * self.attention(average)
        return gated


class _AttentionHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sa = _WhereToLook()
        self.ca = _WhatCounts()

    def forward(self, maps: Tensor) -> Tensor:
        """(B, 512, h, w) -> (B, 512)."""
        vector: Tensor = self.ca(self.sa(maps))
        return vector


class _Dan(nn.Module):
    """A ResNet18 with several heads of attention, whose outputs compete channel by channel before they are added."""

    def __init__(self, heads: int, classes: int) -> None:
        super().__init__()
        body = import_torchvision().models.resnet18(weights=None)
        self.features = nn.Sequential(*list(body.children())[:-2])
        self._heads = [f"cat_head{place}" for place in range(heads)]
        for name in self._heads:
            self.add_module(name, _AttentionHead())
        self.fc = nn.Linear(_WIDTH, classes)
        self.bn = nn.BatchNorm1d(classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, classes) logits."""
        maps = self.features(x)
        vectors = torch.stack([self.get_submodule(name)(maps) for name in self._heads], dim=1)  # (B, heads, 512)
        if len(self._heads) > 1:
            vectors = functional.log_softmax(vectors, dim=1)
        logits: Tensor = self.bn(self.fc(vectors.sum(dim=1)))
        return logits


def _dan(shapes: Shapes) -> Variant | None:
    heads = len({name.split(".")[0] for name in shapes if name.startswith("cat_head")})
    return Variant("DAN", partial(_Dan, heads, shapes["bn.weight"][0]))


class _Gate(nn.Module):
    """Squeeze and excitation: one factor per channel."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(B, K, h, w) -> the same."""
        gated: Tensor = maps * self.fc(maps.mean(dim=(2, 3)))[:, :, None, None]
        return gated


class _ResidualBlock(nn.Module):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, stride=2), nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, h, w) -> (B, L, h/2, w/2)."""
        inside = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(inside + self.shortcut(x))


class _ResEmoteNet(nn.Module):
    """Three convolutions, a gate, three residual blocks, and four linear layers on the average over all cells."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64)
        self.conv2, self.bn2 = nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128)
        self.conv3, self.bn3 = nn.Conv2d(128, 256, 3, padding=1), nn.BatchNorm2d(256)
        self.se = _Gate(256, hidden)
        self.res_block1 = _ResidualBlock(256, 512)
        self.res_block2 = _ResidualBlock(512, 1024)
        self.res_block3 = _ResidualBlock(1024, 2048)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, 512)
        self.fc3 = nn.Linear(512, 256)
        self.fc4 = nn.Linear(256, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, classes) logits."""
        for convolution, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = functional.max_pool2d(functional.relu(norm(convolution(x))), 2)
        x = self.res_block3(self.res_block2(self.res_block1(self.se(x)))).mean(dim=(2, 3))
        for linear in (self.fc1, self.fc2, self.fc3):
            x = functional.relu(linear(x))
        logits: Tensor = self.fc4(x)
        return logits


def _res_emote_net(shapes: Shapes) -> Variant | None:
    return Variant("ResEmoteNet", partial(_ResEmoteNet, shapes["se.fc.0.weight"][0], shapes["fc4.weight"][0]))


# Behind DAN's body lie several ways of looking at one map, which all start from it.
DAN = Family(
    anchor="cat_head0.sa.conv1x1.0.weight", head="fc", layer="features", stem="features.0.weight", variant=_dan
)
RES_EMOTE_NET = Family(
    anchor="res_block3.shortcut.0.weight", head="fc4", layer="res_block3", stem="conv1.weight", variant=_res_emote_net
)
