#!/usr/bin/env bash
# torch.onnx.export splits even a tiny classifier in two files, of which the one called .onnx does not load alone.
#
# Guess: a model of a few hundred weights is one self-contained .onnx file; a second file is for models over 2 GB.
# Seen:  torch 2.14.1 writes NAME.onnx and NAME.onnx.data for 287 weights. onnxruntime 1.32.0 refuses the first without
#        the second. external_data=False brings one file.
# So:    whoever sends only the .onnx file has sent no weights; a reader must name the missing file.
# The script fails where that has changed. It needs Python 3.11 or later and about 6 GB for torch.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.14.1 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import tempfile
from importlib.metadata import version
from pathlib import Path

import onnxruntime
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 7)

    def forward(self, x):
        return self.head(self.layer(x).relu().mean((2, 3)))


def loads(path):
    try:
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:
        return type(error).__name__
    return "loads"


net, folder = Net().eval(), Path(tempfile.mkdtemp())
for name, more in (("usual", {}), ("single", {"external_data": False})):
    torch.onnx.export(net, (torch.rand(2, 3, 8, 8),), folder / f"{name}.onnx", verbose=False, **more)
written = sorted(path.name for path in folder.iterdir())
both = loads(folder / "usual.onnx")
(folder / "usual.onnx.data").unlink()
alone, single = loads(folder / "usual.onnx"), loads(folder / "single.onnx")
print("torch", torch.__version__, "onnxruntime", version("onnxruntime"), written)
print(f"both files: {both}; the .onnx alone: {alone}; one file: {single}")
assert written == ["single.onnx", "usual.onnx", "usual.onnx.data"]
assert both == "loads" and alone != "loads" and single == "loads"
PYTHON
