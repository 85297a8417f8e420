#!/usr/bin/env bash
# transformers forgets class names that do not match num_labels, and asks in vain for attention maps.
#
# Guess: a config with num_labels=7 and two names raises, or keeps the two names; output_attentions=True gives one map
#        for every layer.
# Seen (transformers 5.24.0):
#  - the two names are replaced by LABEL_0 ... LABEL_6; one line in the log says "incompatible".
#  - a config with names alone has label2id None: the inverse is not made.
#  - a ViT built without further arguments attends by "sdpa" and returns no attention maps at all when asked for them:
#    an empty tuple, which any loop over layers passes, and one line in the log. attn_implementation="eager" brings
#    them.
# So:    read id2label from config.json itself, and make the inverse; set eager attention before a rollout.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 transformers==5.24.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
from importlib.metadata import version

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import ViTConfig, ViTForImageClassification

lost = ViTConfig(num_labels=7, id2label={0: "anger", 1: "fear"})
kept = ViTConfig(id2label={0: "anger", 1: "fear"})
print("transformers", version("transformers"))
print("7 labels, 2 names:", lost.id2label)
print("2 names:", kept.id2label, "inverse", kept.label2id)
assert set(lost.id2label.values()) == {f"LABEL_{i}" for i in range(7)}
assert kept.id2label == {0: "anger", 1: "fear"} and kept.label2id is None

small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
         "image_size": 32, "patch_size": 16, "num_labels": 7}
photo = torch.rand(1, 3, 32, 32)
usual = ViTForImageClassification(ViTConfig(**small)).eval()
eager = ViTForImageClassification(ViTConfig(**small, attn_implementation="eager")).eval()
none = usual(photo, output_attentions=True).attentions
maps = eager(photo, output_attentions=True).attentions
print("usual:", usual.config._attn_implementation, len(none), "maps; eager:", len(maps), "maps", tuple(maps[0].shape))
assert len(none) == 0 and len(maps) == 2 and maps[0].shape == (1, 2, 5, 5)
PYTHON
