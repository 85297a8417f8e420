#!/usr/bin/env bash
# Min-max scaling erases a flat heatmap: even, positive evidence is drawn as no evidence.
#
# Guess: where every cell carries the same positive evidence, the heatmap is 1 everywhere.
# Seen:  pytorch-grad-cam 1.5.7 and torchcam 0.5.0 return 0 everywhere, for the class with positive evidence in every
#        cell as well as for the class with negative evidence in every cell. torchcam gives the two apart only with
#        normalized=False; pytorch-grad-cam has no such switch.
# So:    a blank picture from these tools does not say that a class has no evidence.
# The script fails where that has changed. It needs Python 3.11 or later and about 6 GB for torch.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.14.1 torchvision==0.29.1 grad-cam==1.5.7 torchcam==0.5.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchcam.methods import GradCAM as TorchCam


class Net(nn.Module):
    """Evidence for class 0 is positive in every cell alike, for class 1 negative."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)
        nn.init.constant_(self.layer.weight, 0.1)
        nn.init.zeros_(self.layer.bias)
        with torch.no_grad():
            self.head.weight[0], self.head.weight[1] = 1.0, -1.0

    def forward(self, x):
        return self.head(self.layer(x).mean((2, 3)))


net, photo = Net().eval(), torch.ones(1, 3, 8, 8)
print("pytorch-grad-cam", version("grad-cam"), "torchcam", version("torchcam"))
for label in (0, 1):
    one = GradCAM(net, [net.layer])(photo, [ClassifierOutputTarget(label)])
    with TorchCam(net, "layer") as cam:
        scores = net(photo)
        two = cam(label, scores, retain_graph=True)[0]
        raw = cam(label, scores, normalized=False)[0]
    print(f"class {label}: pytorch-grad-cam {one.max():g}, torchcam {two.max():g}, torchcam unscaled {raw.max():g}")
    assert one.max() == 0 and two.max() == 0
    assert (raw.max() > 0) == (label == 0)
PYTHON
