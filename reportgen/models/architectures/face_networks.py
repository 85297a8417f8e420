"""Small networks for aligned faces of 112 pixels, written from their papers and their parameters' names.

MobileFaceNet: Chen and others, MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification, CCBR 2018; here
with one linear layer for the classes in place of its embedding. DDAMFN: Zhang and others, A Dual-Direction Attention
Mixed Feature Network for Facial Expression Recognition, Electronics 2023.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from reportgen.models.architectures.family import Family, Shapes, Variant

__all__ = ["DDAMFN", "MOBILE_FACE_NET"]

_STAGES = ("conv_23", "conv_3", "conv_34", "conv_4", "conv_45", "conv_5")
_STRIDE = 16  # from pixels to cells


def _layer(
    before: int, after: int, kernel: int | tuple[int, int] = 1, *, stride: int = 1, each: bool = False,
    padding: int = 0, active: bool = True,
) -> nn.Sequential:  # fmt: skip
    """Convolution (of each channel by itself), norm and, where `active`, a PReLU."""
    parts: list[tuple[str, nn.Module]] = [
        ("conv", nn.Conv2d(before, after, kernel, stride, padding, groups=before if each else 1, bias=False)),
        ("bn", nn.BatchNorm2d(after)),
    ]
    return nn.Sequential(OrderedDict([*parts, ("prelu", nn.PReLU(after))] if active else parts))


class _Block(nn.Module):
    """Widen, look around in each channel, and narrow.

    Parameters
    ----------
    around
        Looks around.
    gate
        Weighs the places after it.
    added
        Whether the result is added to what comes in.
    """

    def __init__(
        self, before: int, wide: int, after: int, around: nn.Module, *, gate: nn.Module | None, added: bool
    ) -> None:
        super().__init__()
        self.conv = _layer(before, wide)
        self.conv_dw = around
        if gate is not None:
            self.CA = gate
        self.project = _layer(wide, after, active=False)
        self._gated, self._added = gate is not None, added

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, h, w) -> (B, after, h', w')."""
        y = self.conv_dw(self.conv(x))
        y = self.project(y * self.CA(y) if self._gated else y)
        narrow: Tensor = x + y if self._added else y
        return narrow


class _Mixed(nn.Module):
    """Kernels of several sizes, each for its own channels. The norm and the PReLU have weights and are not used."""

    def __init__(self, channels: Sequence[int], kernels: Sequence[int], stride: int) -> None:
        super().__init__()
        self._channels = list(channels)
        self.mixed_depthwise_conv = nn.ModuleList(
            nn.Conv2d(n, n, kernel, stride, kernel // 2, groups=n, bias=False)
            for n, kernel in zip(channels, kernels, strict=True)
        )
        self.bn, self.prelu = nn.BatchNorm2d(sum(channels)), nn.PReLU(sum(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, h, w) -> (B, K, h', w')."""
        parts = torch.split(x, self._channels, dim=1)
        return torch.cat([one(part) for one, part in zip(self.mixed_depthwise_conv, parts, strict=True)], dim=1)


class _Places(nn.Module):
    """One factor per cell and channel, from what its row and its column hold.

    Parameters
    ----------
    side
        Cells a side where rows and columns are weighed by kernels; None where they are averaged.
    """

    def __init__(self, channels: int, side: int | None = None) -> None:
        super().__init__()
        if side is not None:
            self.Linear_h = _layer(channels, channels, (1, side), each=True, active=False)
            self.Linear_w = _layer(channels, channels, (side, 1), each=True, active=False)
        narrow = max(8, channels // 32)
        self.conv1, self.bn1 = nn.Conv2d(channels, narrow, 1), nn.BatchNorm2d(narrow)
        self.conv2, self.conv3 = nn.Conv2d(narrow, channels, 1), nn.Conv2d(narrow, channels, 1)
        if side is not None:  # has weights and is not used
            self.Linear = _layer(channels, channels, (side, side), each=True, active=False)
        self._weighed = side is not None

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, h, w) -> the same."""
        rows = self.Linear_h(x) if self._weighed else x.mean(dim=3, keepdim=True)  # (B, K, h, 1)
        columns = self.Linear_w(x) if self._weighed else x.mean(dim=2, keepdim=True)  # (B, K, 1, w)
        both = torch.cat([rows, columns.transpose(2, 3)], dim=2)
        both = functional.hardswish(self.bn1(self.conv1(both)))
        along, across = torch.split(both, [x.shape[2], x.shape[3]], dim=2)
        factor: Tensor = torch.sigmoid(self.conv2(along)) * torch.sigmoid(self.conv3(across.transpose(2, 3)))
        return factor


class _PlacesHead(nn.Module):
    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.CoordAtt = _Places(channels, side)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, h, w) -> the same."""
        factor: Tensor = self.CoordAtt(x)
        return factor


# Channels before, widened and after a stage, blocks, kernels, and the channels of each.
_MIXED = (
    (64, 128, 64, 1, (3, 5, 7), (64, 32, 32)),
    (64, 128, 64, 9, (3, 5), (96, 32)),
    (64, 256, 128, 1, (3, 5, 7), (128, 64, 64)),
    (128, 256, 128, 16, (3, 5), (192, 64)),
    (128, 1024, 256, 1, (3, 5, 7, 9), (256, 256, 256, 256)),
    (256, 512, 256, 6, (3, 5, 7), (172, 170, 170)),
)
_SIDE = 7  # cells of the last map


class _Ddamfn(nn.Module):
    """Mixed kernels, then several heads that weigh the places; the largest factor counts.

    The norm behind the last layer has weights and is not used.
    """

    def __init__(self, heads: int, classes: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [_layer(3, 64, 3, stride=2, padding=1), _layer(64, 64, 3, padding=1, each=True)]
        for before, wide, after, blocks, kernels, channels in _MIXED:
            halves = blocks == 1
            made = [
                _Block(
                    before, wide, after, _Mixed(channels, kernels, 2 if halves else 1), gate=_Places(wide),
                    added=not halves,
                )
                for _ in range(blocks)
            ]  # fmt: skip
            parts.append(made[0] if halves else nn.Sequential(OrderedDict(model=nn.Sequential(*made))))
        self.features = nn.Sequential(*parts, _layer(256, 512))
        self._heads = [f"cat_head{place}" for place in range(heads)]
        for name in self._heads:
            self.add_module(name, _PlacesHead(512, _SIDE))
        self.Linear = _layer(512, 512, _SIDE, each=True, active=False)
        self.fc = nn.Linear(512, classes)
        self.bn = nn.BatchNorm1d(classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 112, 112) -> (B, classes) logits."""
        maps = self.features(x)
        factors = torch.stack([self.get_submodule(name)(maps) for name in self._heads])
        logits: Tensor = self.fc(self.Linear(maps * factors.amax(dim=0)).flatten(1))
        return logits


def _ddamfn(shapes: Shapes) -> Variant | None:
    heads = len({name.split(".")[0] for name in shapes if name.startswith("cat_head")})
    return Variant("DDAMFN", partial(_Ddamfn, heads, shapes["bn.weight"][0]), size=_STRIDE * _SIDE)


def _used(weights: Mapping[str, Tensor]) -> str | None:
    """Training that uses a norm changes its statistics: then this is another network of the same names."""
    for name, value in weights.items():
        norm, _, kind = name.rpartition(".")
        unused = norm == "bn" or norm.endswith(("conv_dw.bn", "CoordAtt.Linear.bn"))
        fresh = {"running_mean": 0, "running_var": 1}.get(kind)
        if unused and fresh is not None and bool((value != fresh).any()):
            return f"its forward uses {norm}, as the statistics there show, and DDAMFN's does not"
    return None


def _build_mobile_face_net(shapes: Shapes) -> nn.Module:
    """Stages by their shapes: those of one block halve the picture, those of several add to what comes in."""
    stem, last = shapes["conv1.conv.weight"][0], shapes["conv_6_dw.conv.weight"]
    parts: list[tuple[str, nn.Module]] = [
        ("conv1", _layer(3, stem, 3, stride=2, padding=1)),
        ("conv2_dw", _layer(stem, stem, 3, padding=1, each=True)),
    ]
    for name in _STAGES:
        inside = f"{name}.model.0" if f"{name}.model.0.conv.conv.weight" in shapes else name
        wide, before = shapes[f"{inside}.conv.conv.weight"][:2]
        after = shapes[f"{inside}.project.conv.weight"][0]
        several = inside != name
        blocks = len({key.split(".")[2] for key in shapes if key.startswith(f"{name}.model.")}) if several else 1
        made = [
            _Block(
                before, wide, after, _layer(wide, wide, 3, stride=1 if several else 2, padding=1, each=True),
                gate=None, added=several,
            )
            for _ in range(blocks)
        ]  # fmt: skip
        parts.append((name, nn.Sequential(OrderedDict(model=nn.Sequential(*made))) if several else made[0]))
    before = shapes["conv_6_sep.conv.weight"][1]
    parts += [
        ("conv_6_sep", _layer(before, last[0])),
        ("conv_6_dw", _layer(last[0], last[0], (last[2], last[3]), each=True, active=False)),
        ("conv_6_flatten", nn.Flatten()),
        ("linear", nn.Linear(last[0], 2)),
    ]
    return nn.Sequential(OrderedDict(parts))


def _mobile(shapes: Shapes) -> Variant | None:
    last = shapes["conv_6_dw.conv.weight"]
    if last[2] != last[3]:
        return None
    note = "nothing is assumed to normalise the vector that its last layer takes"
    return Variant("MobileFaceNet", partial(_build_mobile_face_net, shapes), size=_STRIDE * last[2], notes=(note,))


MOBILE_FACE_NET = Family(
    anchor="conv_6_dw.conv.weight",
    head="linear",
    layer="conv_6_sep",
    stem="conv1.conv.weight",
    variant=_mobile,
    one_layer="whether its vector is normalised between the layers, as MobileFaceNet itself does, weights do not show",
)
DDAMFN = Family(
    anchor="cat_head0.CoordAtt.Linear_h.conv.weight",
    head="fc",
    layer="features",
    stem="features.0.conv.weight",
    variant=_ddamfn,
    doubt=_used,
)
