"""Published networks for faces by the names of their parameters, each step written out in another way than ours."""

from __future__ import annotations

import torch
from torch import nn

from reportgen.models.architectures.torchvision_ops import import_torchvision


class Conv(nn.Module):
    def __init__(self, before: int, after: int, kernel=1, stride=1, padding=0, groups=1, prelu=True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after)
        if prelu:
            self.prelu = nn.PReLU(after)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return torch.where(x > 0, x, x * self.prelu.weight[:, None, None]) if hasattr(self, "prelu") else x


class Place(nn.Module):
    """Coordinate attention; in a head rows and columns are weighed by kernels."""

    def __init__(self, channels: int, head: bool) -> None:
        super().__init__()
        if head:
            self.Linear_h = Conv(channels, channels, (1, 7), groups=channels, prelu=False)
            self.Linear_w = Conv(channels, channels, (7, 1), groups=channels, prelu=False)
            self.Linear = Conv(channels, channels, 7, groups=channels, prelu=False)
        narrow = max(8, channels // 32)
        self.conv1, self.bn1 = nn.Conv2d(channels, narrow, 1), nn.BatchNorm2d(narrow)
        self.conv2, self.conv3 = nn.Conv2d(narrow, channels, 1), nn.Conv2d(narrow, channels, 1)
        self.head = head

    def branch(self, x, last):
        x = self.bn1(self.conv1(x))
        return last(x * (x + 3).clamp(0, 6) / 6).sigmoid()

    def forward(self, x):
        rows = self.Linear_h(x) if self.head else x.mean(3, keepdim=True)
        columns = self.Linear_w(x) if self.head else x.mean(2, keepdim=True)
        return self.branch(rows, self.conv2) * self.branch(columns, self.conv3)


class Kernels(nn.Module):
    def __init__(self, channels, kernels, stride) -> None:
        super().__init__()
        self.mixed_depthwise_conv = nn.ModuleList(
            nn.Conv2d(n, n, k, stride, k // 2, groups=n, bias=False) for n, k in zip(channels, kernels, strict=True)
        )
        self.bn, self.prelu = nn.BatchNorm2d(sum(channels)), nn.PReLU(sum(channels))

    def forward(self, x):
        first, parts = 0, []
        for conv in self.mixed_depthwise_conv:
            parts.append(conv(x[:, first : first + conv.in_channels]))
            first += conv.in_channels
        return torch.cat(parts, 1)


class Bottleneck(nn.Module):
    def __init__(self, before: int, wide: int, after: int, stride: int, mixed=None) -> None:
        super().__init__()
        self.conv = Conv(before, wide)
        if mixed is None:
            self.conv_dw = Conv(wide, wide, 3, stride, 1, groups=wide)
        else:
            self.conv_dw = Kernels(mixed[1], mixed[0], stride)
            self.CA = Place(wide, head=False)
        self.project = Conv(wide, after, prelu=False)
        self.stride = stride

    def forward(self, x):
        y = self.conv_dw(self.conv(x))
        if hasattr(self, "CA"):
            y = y * self.CA(y)
        y = self.project(y)
        return y if self.stride == 2 else x + y


class Stage(nn.Module):
    def __init__(self, blocks: int, width: int, wide: int, mixed=None) -> None:
        super().__init__()
        self.model = nn.Sequential(*(Bottleneck(width, wide, width, 1, mixed) for _ in range(blocks)))

    def forward(self, x):
        return self.model(x)


class MobileFaceNet(nn.Module):
    """One linear layer for the classes in place of the embedding."""

    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        self.conv1, self.conv2_dw = Conv(3, 64, 3, 2, 1), Conv(64, 64, 3, 1, 1, groups=64)
        self.conv_23, self.conv_3 = Bottleneck(64, 128, 64, 2), Stage(4, 64, 128)
        self.conv_34, self.conv_4 = Bottleneck(64, 256, 128, 2), Stage(6, 128, 256)
        self.conv_45, self.conv_5 = Bottleneck(128, 512, 128, 2), Stage(2, 128, 256)
        self.conv_6_sep, self.conv_6_dw = Conv(128, 512), Conv(512, 512, 7, groups=512, prelu=False)
        self.linear = nn.Linear(512, classes)

    def forward(self, x):
        for name, layer in self.named_children():
            x = layer(x.flatten(1) if name == "linear" else x)
        return x


class Ddamfn(nn.Module):
    def __init__(self, classes: int = 7, heads: int = 2) -> None:
        super().__init__()
        three, two = ((3, 5, 7), (64, 32, 32)), ((3, 5), (96, 32))
        self.features = nn.Sequential(
            Conv(3, 64, 3, 2, 1), Conv(64, 64, 3, 1, 1, groups=64),
            Bottleneck(64, 128, 64, 2, three), Stage(9, 64, 128, two),
            Bottleneck(64, 256, 128, 2, ((3, 5, 7), (128, 64, 64))), Stage(16, 128, 256, ((3, 5), (192, 64))),
            Bottleneck(128, 1024, 256, 2, ((3, 5, 7, 9), (256,) * 4)),
            Stage(6, 256, 512, ((3, 5, 7), (172, 170, 170))), Conv(256, 512),
        )  # fmt: skip
        for place in range(heads):
            setattr(self, f"cat_head{place}", nn.ModuleDict({"CoordAtt": Place(512, head=True)}))
        self.heads = heads
        self.Linear = Conv(512, 512, 7, groups=512, prelu=False)
        self.fc, self.bn = nn.Linear(512, classes), nn.BatchNorm1d(classes)

    def forward(self, x):
        x = self.features(x)
        most = self.cat_head0["CoordAtt"](x)
        for place in range(1, self.heads):
            most = torch.maximum(most, getattr(self, f"cat_head{place}")["CoordAtt"](x))
        return self.fc(self.Linear(x * most).flatten(1))


def unused_norms(net: Ddamfn) -> list[nn.Module]:
    """Norms that have weights and take part in nothing."""
    return [layer for name, layer in net.named_modules()
            if name == "bn" or name.endswith(("conv_dw.bn", "CoordAtt.Linear.bn"))]  # fmt: skip


class Dan(nn.Module):
    def __init__(self, classes: int = 7, heads: int = 4) -> None:
        super().__init__()
        self.features = nn.Sequential(*list(import_torchvision().models.resnet18(weights=None).children())[:-2])
        self.heads = heads
        for head in range(heads):
            sa = nn.Module()
            sa.conv1x1 = nn.Sequential(nn.Conv2d(512, 256, 1), nn.BatchNorm2d(256))
            for name, kernel in (("conv_3x3", (3, 3)), ("conv_1x3", (1, 3)), ("conv_3x1", (3, 1))):
                convolution = nn.Conv2d(256, 512, kernel, padding=(kernel[0] // 2, kernel[1] // 2))
                setattr(sa, name, nn.Sequential(convolution, nn.BatchNorm2d(512)))
            ca = nn.Module()
            ca.attention = nn.Sequential(
                nn.Linear(512, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 512), nn.Sigmoid()
            )
            setattr(self, f"cat_head{head}", nn.ModuleDict({"sa": sa, "ca": ca}))
        self.fc, self.bn = nn.Linear(512, classes), nn.BatchNorm1d(classes)

    def forward(self, x):
        maps = self.features(x)
        found = []
        for head in range(self.heads):
            sa, ca = getattr(self, f"cat_head{head}")["sa"], getattr(self, f"cat_head{head}")["ca"]
            y = sa.conv1x1(maps)
            y = torch.relu(sa.conv_3x3(y) + sa.conv_1x3(y) + sa.conv_3x1(y)).sum(1, keepdim=True)
            v = nn.functional.adaptive_avg_pool2d(maps * y, 1).flatten(1)
            found.append(v * ca.attention(v))
        competing = torch.log_softmax(torch.stack(found), dim=0)
        return self.bn(self.fc(competing.sum(0)))


class Residual(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1), nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, 2), nn.BatchNorm2d(after))

    def forward(self, x):
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + self.shortcut(x)).relu()


class ResEmoteNet(nn.Module):
    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        width = 3
        for i, channels in enumerate((64, 128, 256), start=1):
            setattr(self, f"conv{i}", nn.Conv2d(width, channels, 3, padding=1))
            setattr(self, f"bn{i}", nn.BatchNorm2d(channels))
            width = channels
        self.se = nn.Module()
        self.se.fc = nn.Sequential(
            nn.Linear(256, 16, bias=False), nn.ReLU(), nn.Linear(16, 256, bias=False), nn.Sigmoid()
        )
        for i, channels in enumerate((512, 1024, 2048), start=1):
            setattr(self, f"res_block{i}", Residual(width, channels))
            width = channels
        self.fc1, self.fc2 = nn.Linear(2048, 1024), nn.Linear(1024, 512)
        self.fc3, self.fc4 = nn.Linear(512, 256), nn.Linear(256, classes)

    def forward(self, x):
        for i in (1, 2, 3):
            x = nn.functional.max_pool2d(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)).relu(), 2)
        x = x * self.se.fc(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))[..., None, None]
        x = self.res_block3(self.res_block2(self.res_block1(x)))
        x = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.fc4(self.fc3(self.fc2(self.fc1(x).relu()).relu()).relu())
