#!/usr/bin/env bash
# Quantus' relevance mass accuracy of a signed heatmap is not a share: evidence against the class counts as found.
#
# Guess: it is the share of the positive relevance that lies in the mask, between 0 and 1, as its description and the
#        paper (Arras et al. 2022) have it: 0 where the mask holds only evidence against the class.
# Seen:  Quantus 0.6.0 divides the sum inside by the sum of everything, signs and all. A heatmap with -1 in every cell of
#        the eyes (the mask) and +.5 in as many cells elsewhere scores 2.0; the better heatmap, +1 in the eyes and -.5
#        elsewhere, scores 2.0 as well; +1 in the eyes and +.5 elsewhere, .67. Where the signs cancel it divides by 0.
# So:    pass the positive part of a heatmap, or abs=True if evidence against is to count, and say which.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet quantus==0.6.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from quantus import RelevanceMassAccuracy

photos = np.zeros((3, 1, 8, 8), np.float32)
eyes = np.zeros((3, 1, 8, 8), bool)
eyes[..., :4, :4] = True
heatmaps = np.zeros((3, 1, 8, 8), np.float32)
for heatmap, (inside, elsewhere) in zip(heatmaps, [(-1, 0.5), (1, -0.5), (1, 0.5)], strict=True):
    heatmap[:, :4, :4], heatmap[:, 4:, 4:] = inside, elsewhere


def accuracy(maps: np.ndarray) -> list[float]:
    metric = RelevanceMassAccuracy(disable_warnings=True)
    found = metric(model=None, x_batch=photos, y_batch=np.zeros(3, int), a_batch=maps, s_batch=eyes)
    return [round(float(value), 3) for value in found]


signed, positive = accuracy(heatmaps.copy()), accuracy(heatmaps.clip(0))
print("Quantus", version("quantus"), "signed:", signed, "positive part:", positive)
assert signed == [2.0, 2.0, 0.667]
assert positive == [0.0, 1.0, 0.667]
PYTHON
