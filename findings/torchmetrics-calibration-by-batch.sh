#!/usr/bin/env bash
# torchmetrics' calibration error of logits depends on how they were batched.
#
# Guess: MulticlassCalibrationError treats all rows alike, so that one update and two updates agree.
# Seen:  torchmetrics 1.9.0 applies softmax to a batch only if some value in it lies outside 0..1. Four rows of logits
#        give .39 in one batch, where one row has a 5, and .15 as three and one: the first three then count as
#        probabilities as they are.
# So:    give it probabilities. The same holds wherever a library guesses "logits or probabilities" from a batch's range.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 torchmetrics==1.9.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from torchmetrics.classification import MulticlassCalibrationError

logits = torch.tensor([[0.9, 0.1, 0.2], [0.2, 0.8, 0.1], [0.3, 0.2, 0.7], [5.0, -1.0, 0.0]])
labels = torch.tensor([0, 1, 2, 0])


def error(*batches):
    metric = MulticlassCalibrationError(num_classes=3, n_bins=10, norm="l1")
    for rows in batches:
        metric.update(logits[rows], labels[rows])
    return round(float(metric.compute()), 4)


once, twice = error(slice(0, 4)), error(slice(0, 3), slice(3, 4))
print("torchmetrics", version("torchmetrics"), "one batch", once, "two batches", twice)
assert once == 0.3918 and twice == 0.1523
PYTHON
