#!/usr/bin/env bash
# cleanlab's confident learning suspects no label whose photo shows a class that no label names.
#
# Guess: 30 photos of 200 that a model confidently predicts as a fourth class, which nobody labelled, are the first suspects.
# Seen:  cleanlab 2.9.0 suspects none of the 30 by confident learning, without a word: a class needs labels of its own to get a
#        threshold. Its default, pruning by noise rate, suspects none either, but warns of a class with too few examples.
#        Comparing prediction and label finds all 30.
# So:    where a test set has no folder for an emotion, look at what is predicted as it, too.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet cleanlab==2.9.0 numpy==2.4.6 pandas==3.0.5 scikit-learn==1.9.1

"$folder/venv/bin/python" - <<'PYTHON'
import warnings
from importlib.metadata import version

import numpy as np
from cleanlab.filter import find_label_issues

draw = np.random.default_rng(0)
labels = draw.integers(0, 3, 200)
probabilities = np.full((200, 4), 0.05)
probabilities[np.arange(200), labels] = 0.85
fourth = draw.choice(200, 30, replace=False)
probabilities[fourth] = 0.05, 0.05, 0.05, 0.85

found = {}
for rule in ("confident_learning", "prune_by_noise_rate", "predicted_neq_given"):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        suspects = find_label_issues(labels, probabilities, filter_by=rule, n_jobs=1)
    found[rule] = int(suspects[fourth].sum()), len(warned)
print("cleanlab", version("cleanlab"), "of 30 photos of a class without labels, and warnings:", found)
assert found["confident_learning"] == (0, 0) and found["predicted_neq_given"] == (30, 0)
assert found["prune_by_noise_rate"][0] == 0 and found["prune_by_noise_rate"][1]
PYTHON
