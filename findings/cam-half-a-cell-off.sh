#!/usr/bin/env bash
# Heatmaps of ResNets lie half a cell off: what a cell of 32 x 32 pixels sees is centred on the cell's upper left corner.
#
# Guess: cell (3, 3) of a 7 x 7 map sees what lies around its own middle, pixel 111.5 of 224, where every tool draws it.
# Seen:  in a ResNet18 and an EfficientNet-B0 of torchvision 0.29.1 the centre is near pixel 96, 16 pixels up and left:
#        a convolution of stride 2 with the usual symmetric padding is centred on pixel 2i, not 2i + .5, and five of
#        them add up. In timm 1.0.31's tf_efficientnet_b0, padded as TensorFlow does, it is near 127, 16 pixels down and
#        right. ConvNeXt-T, whose strides cut patches, and a VGG11, whose strides are poolings of 2 x 2, have it in the
#        middle. pytorch-grad-cam 1.5.7 draws the peak of a map with this one cell at pixel 111.5 for all of them.
# So:    on a face of 224 pixels the heat of a ResNet is drawn 16 pixels low, which is from the eyes to the nose.
# The centre is that of the squared input gradient of one cell, over random inputs and weights.
# The script fails where that has changed. It needs Python 3.11 or later and about 6 GB for torch.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.14.1 torchvision==0.29.1 timm==1.0.31 grad-cam==1.5.7

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
import timm
import torch
import torchvision
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import nn

torch.manual_seed(0)
SIZE = 224


def centre(features, images=8):
    """(row, column) in pixels of what the middle cell sees."""
    pixels = torch.rand(images, 3, SIZE, SIZE, requires_grad=True)
    cells = features(pixels)  # (B, C, 7, 7)
    assert cells.shape[-2:] == (7, 7), cells.shape
    direction = torch.randn(cells.shape[1])
    (gradient,) = torch.autograd.grad((cells[:, :, 3, 3] * direction).sum(), pixels)
    seen = gradient.pow(2).sum((0, 1)).double()
    places = torch.arange(SIZE, dtype=torch.float64)
    return [float((seen.sum(axis) * places).sum() / seen.sum()) for axis in (1, 0)]


one = np.zeros((1, 7, 7), dtype=np.float32)
one[0, 3, 3] = 1
drawn = scale_cam_image(one, (SIZE, SIZE))[0]
rows = drawn.sum(axis=1)
peak = float((rows * np.arange(SIZE)).sum() / rows.sum())
print("torchvision", version("torchvision"), "timm", version("timm"), "pytorch-grad-cam", version("grad-cam"))
print(f"drawn at {peak:.1f}")
assert abs(peak - 111.5) < 0.1

resnet = torchvision.models.resnet18(weights=None).eval()
families = {
    "ResNet18": (nn.Sequential(*list(resnet.children())[:-2]), -16),
    "EfficientNet-B0": (torchvision.models.efficientnet_b0(weights=None).eval().features, -16),
    "tf_efficientnet_b0": (timm.create_model("tf_efficientnet_b0").eval().forward_features, 16),
    "ConvNeXt-T": (torchvision.models.convnext_tiny(weights=None).eval().features, 0),
    "VGG11": (torchvision.models.vgg11(weights=None).eval().features, 0),
}
for name, (features, expected) in families.items():
    off = [place - peak for place in centre(features)]
    print(f"{name}: seen {off[0]:+.1f} rows and {off[1]:+.1f} columns from where it is drawn")
    assert all(abs(value - expected) < 6 for value in off), (name, off)
PYTHON
