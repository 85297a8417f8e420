#!/usr/bin/env bash
# timm's data config does not follow img_size and in_chans, so its transform feeds the model the wrong input.
#
# Guess: resolve_model_data_config(model) describes the model that was made, with the size and channels it was made with.
# Seen:  timm 1.0.31 answers (3, 224, 224) for a ViT made for 112 pixels and for an EfficientNet made for one channel.
#        The ViT then refuses the transform's output; a network without a fixed size would run on twice the size that
#        it was trained on. And a checkpoint that holds both "state_dict" and "state_dict_ema" is loaded by
#        checkpoint_path with the second; only an INFO message of Python's logging tells.
# The script fails where that has changed. It needs Python 3.11 or later and about 6 GB for torch.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.14.1 torchvision==0.29.1 timm==1.0.31

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import tempfile
from importlib.metadata import version
from pathlib import Path

import timm
import torch
from PIL import Image

vit = timm.create_model("vit_tiny_patch16_224", num_classes=7, img_size=112).eval()
grey = timm.create_model("efficientnet_b0", num_classes=7, in_chans=1).eval()
sizes = [timm.data.resolve_model_data_config(model)["input_size"] for model in (vit, grey)]
photo = timm.data.create_transform(**timm.data.resolve_model_data_config(vit))(Image.new("RGB", (300, 300)))
try:
    vit(photo[None])
    outcome = "ran"
except AssertionError as error:
    outcome = str(error)
print("timm", version("timm"), "made for 112 pixels and for one channel, described as", sizes)
print("its own transform:", tuple(photo.shape), "->", outcome)
assert sizes == [(3, 224, 224)] * 2 and photo.shape == (3, 224, 224) and "doesn't match" in outcome

plain = timm.create_model("resnet18", num_classes=7).state_dict()
other = {name: torch.ones_like(value) for name, value in plain.items()}
path = Path(tempfile.mkdtemp()) / "both.pth"
torch.save({"state_dict": plain, "state_dict_ema": other}, path)
loaded = timm.create_model("resnet18", num_classes=7, checkpoint_path=str(path))
print("loaded from both:", "state_dict_ema" if bool((loaded.conv1.weight == 1).all()) else "state_dict")
assert bool((loaded.conv1.weight == 1).all())
PYTHON
