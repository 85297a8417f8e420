#!/usr/bin/env bash
# krippendorff's alpha raises where all raters agree on one label, which is what a filtered vote table often holds.
#
# Guess: perfect agreement is 1.0, whatever was agreed on; or nan, since nothing varies.
# Seen:  krippendorff 0.9.0 returns 1.0 where raters agree on several labels and raises ValueError where they agree on a
#        single one, so that alpha by emotion, or of a small subset, ends a whole run.
# The script fails where that has changed. It needs Python 3.11 or later.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet krippendorff==0.9.0

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import krippendorff

several = krippendorff.alpha(reliability_data=[[0, 1, 2], [0, 1, 2]], level_of_measurement="nominal")
try:
    single = krippendorff.alpha(reliability_data=[[1, 1, 1], [1, 1, 1]], level_of_measurement="nominal")
except ValueError as error:
    single = f"ValueError: {error}"
print("krippendorff", version("krippendorff"), "several labels:", several, "- one label:", single)
assert several == 1.0 and str(single).startswith("ValueError")
PYTHON
