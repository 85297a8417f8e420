#!/usr/bin/env bash
# fairlearn reports the largest possible gap for a group that has no image of the class.
#
# Guess: a group without a positive has no true-positive rate, so the difference is undefined (nan) or leaves it out.
# Seen:  fairlearn 0.15.0 counts its rate as 0. A model without one error, on two groups of which the second has no image
#        of the emotion, gets an equalised-odds difference of 1.0, the same as a model that is right in one group
#        only and wrong in the other.
# So:    per-emotion gaps need a minimum of images per group and class before they are computed.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet fairlearn==0.15.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

from fairlearn.metrics import equalized_odds_difference

truth = [1, 1, 0, 0, 0, 0]
groups = ["a", "a", "a", "a", "b", "b"]
flawless = equalized_odds_difference(truth, truth, sensitive_features=groups)
truth_two, answers_two = [1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0]
worst = equalized_odds_difference(truth_two, answers_two, sensitive_features=groups)
print("fairlearn", version("fairlearn"), "without an error:", flawless, "- wrong in one group:", worst)
assert flawless == 1.0 and worst == 1.0
PYTHON
