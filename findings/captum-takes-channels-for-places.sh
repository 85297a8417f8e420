#!/usr/bin/env bash
# captum's LayerGradCam takes a transformer's channels for places, without a word.
#
# Guess: on a layer that returns tokens or channels-last maps, LayerGradCam raises, since it cannot know the layout.
# Seen:  captum 0.9.0 averages the gradient over every dimension from the third on and sums over the second. For a
#        ViT-B/16 layer of (1, 197, 768) the attribution has the shape (1, 1, 768), for a Swin-T stage of
#        (1, 7, 7, 768) it is (1, 1, 7, 768): a row for each grid row, a column for each channel. Enlarged by
#        LayerAttribution.interpolate, the second becomes a picture of the input's size like any other.
# The script fails where that has changed. It needs Python 3.11 or later and about 6 GB for torch.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.14.1 torchvision==0.29.1 captum==0.9.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
import torchvision
from captum.attr import LayerAttribution, LayerGradCam

torch.manual_seed(0)
photo = torch.rand(1, 3, 224, 224)
swin = torchvision.models.swin_t(weights=None, num_classes=7).eval()
vit = torchvision.models.vit_b_16(weights=None, num_classes=7).eval()
torch.nn.init.normal_(vit.heads[0].weight)
found = {
    "Swin-T": LayerGradCam(swin, swin.features[-1]).attribute(photo, target=0),
    "ViT-B/16": LayerGradCam(vit, vit.encoder.layers[-2]).attribute(photo, target=0),
}
picture = LayerAttribution.interpolate(found["Swin-T"], (224, 224))
print("captum", version("captum"), {name: tuple(map_.shape) for name, map_ in found.items()}, tuple(picture.shape))
assert found["Swin-T"].shape == (1, 1, 7, 768)
assert found["ViT-B/16"].shape == (1, 1, 768)
assert picture.shape == (1, 1, 224, 224)
PYTHON
