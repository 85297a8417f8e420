"""ResNets: the notebook's transfer-learning model, and every network of torchvision's family, read from its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from reportgen.models.architectures.draft import UNCONFIRMED, draft_header
from reportgen.models.architectures.family import Family, Variant, shape_text
from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["RESNET", "TransferLearningModel", "stem_draft", "unknown_stem"]

# Blocks of layer1 to layer4 of the networks that have a name, by kind of block, groups and width of a group.
_TITLES: dict[tuple[tuple[int, ...], bool, int, int], str] = {
    ((2, 2, 2, 2), False, 1, 64): "ResNet18",
    ((3, 4, 6, 3), False, 1, 64): "ResNet34",
    ((3, 4, 6, 3), True, 1, 64): "ResNet50",
    ((3, 4, 23, 3), True, 1, 64): "ResNet101",
    ((3, 8, 36, 3), True, 1, 64): "ResNet152",
    ((3, 4, 6, 3), True, 32, 4): "ResNeXt50 32x4d",
    ((3, 4, 23, 3), True, 32, 8): "ResNeXt101 32x8d",
    ((3, 4, 6, 3), True, 1, 128): "Wide ResNet50",
    ((3, 4, 23, 3), True, 1, 128): "Wide ResNet101",
}
# The children of a ResNet in order, for bodies that were cut out as nn.Sequential(*list(resnet.children())[:-1]).
_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}


class TransferLearningModel(nn.Module):
    """ResNet18 as `backbone`, its `fc` replaced by dropout and one linear layer.

    No pretrained weights are ever fetched: the checkpoint brings them all.
    """

    def __init__(self, num_classes: int = 7) -> None:
        super().__init__()
        self.backbone: nn.Module = import_torchvision().models.resnet18(weights=None)
        self.backbone.fc = nn.Sequential(nn.Dropout(0.5), nn.Linear(512, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, num_classes) logits."""
        logits: Tensor = self.backbone(x)
        return logits


def _variant(shapes: Mapping[str, tuple[int, ...]]) -> Variant | None:
    """Kind and number of blocks, groups and width, all of which the shapes show."""
    blocks = tuple(
        len({name.split(".")[1] for name in shapes if name.startswith(f"layer{stage}.")}) for stage in range(1, 5)
    )
    middle = shapes.get("layer1.0.conv2.weight", ())
    # A first convolution of another size has another stride or no max-pool after it, which weights do not show.
    if min(blocks) == 0 or len(middle) != 4 or shapes.get("conv1.weight", ())[2:] != (7, 7):
        return None
    bottleneck = "layer1.0.conv3.weight" in shapes
    groups = middle[0] // middle[1] if middle[1] else 1
    width = middle[0] // groups
    title = _TITLES.get((blocks, bottleneck, groups, width))
    if title is None:
        return None
    resnet = import_torchvision().models.resnet
    block = resnet.Bottleneck if bottleneck else resnet.BasicBlock
    extra = {"groups": groups, "width_per_group": width} if bottleneck else {}
    return Variant(title, partial(resnet.ResNet, block, list(blocks), **extra))


def unknown_stem(state: Mapping[str, Tensor]) -> str | None:
    """What keeps a ResNet with another first convolution from being recognised; None where the weights are of none.

    Weights show neither a stride nor whether a max-pool follows: as for CIFAR, images of 64 pixels reach layer4 as
    8 x 8 cells, as for ImageNet as 2 x 2, and either runs without an error.
    """
    anchor = "layer4.0.conv1.weight"
    prefixes = [name.removesuffix(anchor) for name in state if name == anchor or name.endswith(f".{anchor}")]
    for prefix in prefixes:
        first, deep = state.get(f"{prefix}conv1.weight"), state.get(f"{prefix}conv1.0.weight")
        if first is not None and first.ndim == 4 and tuple(first.shape[2:]) != (7, 7):
            return (
                f"is a ResNet whose first convolution is {shape_text(first)}, and weights do not show whether it has "
                "stride 1 without a max-pool (as for CIFAR), stride 1 or stride 2 with one"
            )
        if deep is not None:
            return (
                "is a ResNet whose stem has several convolutions (such as ResNet-D), and weights do not show their "
                "strides"
            )
    return None


def stem_draft(file: str, state: Mapping[str, Tensor]) -> str:
    """A factory to complete for a ResNet whose first convolution alone is unusual; "" for any other."""
    anchor = "layer4.0.conv1.weight"
    for prefix in [name.removesuffix(anchor) for name in state if name == anchor or name.endswith(f".{anchor}")]:
        own = {name.removeprefix(prefix): tuple(value.shape) for name, value in state.items()}
        stem = own.get("conv1.weight", ())
        variant = _variant(own | {"conv1.weight": (64, 3, 7, 7)})
        heads = [(name, shape) for name, shape in own.items() if name.startswith("fc") and len(shape) == 2]
        build = None if variant is None else variant.build
        if len(stem) != 4 or stem[0] != 64 or not isinstance(build, partial) or len(heads) != 1:
            continue
        (head, (classes, width)), block = heads[0], build.args[0].__name__
        arguments = [block, str(build.args[1]), *(f"{key}={value}" for key, value in build.keywords.items())]
        linear = f"nn.Linear({width}, {classes})"
        usual = {"fc.weight": [], "fc.1.weight": [f"    net.fc = nn.Sequential(nn.Dropout(), {linear})"]}
        lines = [
            draft_header(file) + f"from torchvision.models.resnet import {block}, ResNet\n",
            "",
            "def make():",
            UNCONFIRMED,
            f"    net = ResNet({', '.join(arguments)}, num_classes={classes})",
            f"    net.conv1 = nn.Conv2d({stem[1]}, {stem[0]}, {stem[2]}, stride=1, padding={stem[2] // 2}, "
            f"bias={'conv1.bias' in own})  # stride, padding?",
            "    net.maxpool = nn.Identity()  # or a max-pool, as it was?",
            *usual.get(head, [f"    net.fc = {linear}  # what else?"]),
            "    return net",
            "",
        ]
        return "\n".join(lines)
    return ""


def _usual_name(name: str) -> str | None:
    child, dot, rest = name.partition(".")
    return f"{_CHILDREN[child]}{dot}{rest}" if child in _CHILDREN else None


RESNET = Family(
    anchor="layer4.0.conv1.weight",
    head="fc",
    layer="layer4",
    stem="conv1.weight",
    variant=_variant,
    renamed=(("7.0.conv1.weight", _usual_name),),
)
