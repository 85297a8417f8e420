#!/usr/bin/env bash
# torchmetrics' macro recall averages over fewer classes where one is absent, and over more once it is predicted.
#
# Guess: MulticlassRecall(num_classes=7) averages over seven classes, as scikit-learn does when it is given seven labels; or
#        over those that have a photo.
# Seen:  torchmetrics 1.9.0 leaves out classes that are neither a label nor a prediction, and counts as 0 those that are only
#        predicted. Five photos of two of seven classes have a macro recall of .833 (scikit-learn: .238). With one of the
#        five predicted as a class that has no photo it is .444, although accuracy only falls from .8 to .6: the divisor went
#        from 2 to 3.
# So:    where a test set lacks an emotion, average over the classes that have photos, and say how many these are.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 torchmetrics==1.9.0 scikit-learn==1.9.1

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from sklearn.metrics import recall_score
from torchmetrics.classification import MulticlassRecall

labels = torch.tensor([0, 0, 1, 1, 0])
found = {}
for name, predicted in {"two classes predicted": [0, 0, 1, 1, 1], "a third predicted": [0, 2, 1, 1, 1]}.items():
    ours = MulticlassRecall(num_classes=7, average="macro")(torch.tensor(predicted), labels)
    theirs = recall_score(labels, predicted, labels=list(range(7)), average="macro", zero_division=0)
    found[name] = round(float(ours), 3), round(float(theirs), 3)
print("torchmetrics", version("torchmetrics"), "and scikit-learn", version("scikit-learn"), found)
assert found == {"two classes predicted": (0.833, 0.238), "a third predicted": (0.444, 0.19)}
PYTHON
