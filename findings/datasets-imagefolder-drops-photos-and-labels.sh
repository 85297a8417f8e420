#!/usr/bin/env bash
# Hugging Face's imagefolder drops test photos, and labels, by what folders and files are called.
#
# Guess: a folder of class folders is read whole, with the class folders as labels; unknown split names go to train.
# Seen (datasets 5.2.0):
#  - FER2013 laid out as train/, PublicTest/, PrivateTest/: only the folder train is read. No warning.
#  - files called train_0001.png, test_0001.png and 0003.png in class folders: they are taken for splits, and those
#    without such a word are left out.
#  - one class folder only (say, the photos of one emotion): there is no label column.
#  - class folders of unequal depth (happy/0.png, sad/x/1.png): there is no label column.
#  - the test split of a set whose test photos lack an emotion: loaded with its training split, labels are 1 and 2;
#    loaded from its own folder, the same photos have labels 0 and 1.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet datasets==5.2.0 pillow==12.3.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_HOME=tempfile.mkdtemp(), HF_DATASETS_DISABLE_PROGRESS_BARS="1")
from datasets import load_dataset
from PIL import Image

root = Path(tempfile.mkdtemp())


def found(name, *files):
    """(images per split, names of the label column or None) of a folder with these files."""
    for file in files:
        path = root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    splits = load_dataset("imagefolder", data_dir=str(root / name))
    feature = next(iter(splits.values())).features.get("label")
    return {split: len(rows) for split, rows in splits.items()}, feature and feature.names


two = ("happy", "sad")
fer = found("fer", *(f"{s}/{c}/0.png" for s in ("train", "PublicTest", "PrivateTest") for c in two))
named = found("named", *(f"{c}/{f}.png" for c in two for f in ("train_0001", "test_0001", "0003")))
single = found("single", "happy/0.png", "happy/1.png")
uneven = found("uneven", "happy/0.png", "sad/x/1.png")
print("datasets", version("datasets"))
for what, outcome in {"FER2013": fer, "split words": named, "one class": single, "uneven depth": uneven}.items():
    print(f"{what}: {outcome}")
assert fer == ({"train": 2}, ["happy", "sad"])
assert named == ({"train": 2, "test": 2}, ["happy", "sad"])
assert single == ({"train": 2}, None)
assert uneven == ({"train": 2}, None)

found("lacking", "train/anger/0.png", "train/fear/0.png", "train/happy/0.png", "test/fear/0.png", "test/happy/0.png")
together = load_dataset("imagefolder", data_dir=str(root / "lacking"))["test"]["label"][:]
alone = load_dataset("imagefolder", data_dir=str(root / "lacking/test"))["train"]["label"][:]
print("labels of the same photos, with the training split and alone:", together, alone)
assert (together, alone) == ([1, 2], [0, 1])
PYTHON
