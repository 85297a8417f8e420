#!/usr/bin/env bash
# AlbumentationsX takes the argument names of older training code, ignores them, and augments far more strongly.
#
# Guess: an argument that a transform does not have raises TypeError, as it does for any Python function.
# Seen:  AlbumentationsX 2.5.1 only warns, and goes on with values of its own. Rotate(limit=(10, 10)) turns faces by up to
#        90 degrees to either side, 45 on average; GaussNoise(var_limit=(25, 25)), meant as a deviation of 5 grey levels,
#        adds 50 to 90; CoarseDropout(max_holes=1, max_height=4, max_width=4) touches 10 to 36 columns of 96.
# So:    a training log with such a line has not trained on what the code says; look for "are not valid for transform".
# The script fails where that has changed. It needs Python 3.11 or later and about 6 GB for torch.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.14.1 "albumentationsx[headless]==2.5.1"

"$folder/venv/bin/python" - <<'PYTHON'
import os
import warnings
from importlib.metadata import version

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import numpy as np

said = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    turn = A.Compose([A.Rotate(limit=(10, 10), border_mode=0, p=1)], seed=0)
    noise = A.Compose([A.GaussNoise(var_limit=(25, 25), p=1)], seed=0)
    drop = A.Compose([A.CoarseDropout(max_holes=1, max_height=4, max_width=4, p=1)], seed=0)
    said = [str(one.message) for one in caught if "not valid" in str(one.message)]

# Where a bright spot right of the middle goes tells the angle.
face = np.zeros((201, 201, 3), np.uint8)
face[96:105, 176:185] = 255
angles = []
for _ in range(200):
    rows, columns = np.nonzero(turn(image=face)["image"][..., 0] > 127)
    angles.append(abs(np.degrees(np.arctan2(100 - rows.mean(), columns.mean() - 100))))
grey = np.full((96, 96, 3), 128, np.uint8)
spread = [float(np.subtract(noise(image=grey)["image"], grey, dtype=float).std()) for _ in range(50)]
white = np.full((96, 96, 3), 255, np.uint8)
width = [int((drop(image=white)["image"][..., 0] == 0).any(axis=0).sum()) for _ in range(50)]
print("AlbumentationsX", version("albumentationsx"), said)
print(f"degrees: mean {np.mean(angles):.0f}, most {max(angles):.0f}; noise: {min(spread):.0f} to {max(spread):.0f} grey levels")
print(f"columns touched of 96: {min(width)} to {max(width)}")
assert len(said) == 3 and max(angles) > 80 and 40 < np.mean(angles) < 50 and min(spread) > 30 and max(width) > 8
PYTHON
