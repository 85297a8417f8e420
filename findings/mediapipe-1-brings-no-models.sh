#!/usr/bin/env bash
# From version 1, mediapipe's wheel holds no face model and no `solutions`: an installed package cannot find a face offline.
#
# Guess: FaceMesh and FaceDetection come with the package, as in 0.10, and `mp.solutions` is at most deprecated.
# Seen:  mediapipe 0.10.14 brings its face detector and face mesh as .tflite files; 1.2.3 has no .tflite or .task file and no
#        `mp.solutions`, so code that crops faces before a classifier with FaceMesh ends with AttributeError. A FaceLandmarker
#        needs face_landmarker.task, which has to be fetched from elsewhere.
# So:    pin below 1, or keep the model file beside your weights.
# The script fails where that has changed. It needs Python 3.11 on Linux (x86-64).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet mediapipe==1.2.3
"$folder/venv/bin/python" -m pip download --quiet --no-deps --dest "$folder/wheels" mediapipe==0.10.14

"$folder/venv/bin/python" -W ignore - "$folder/wheels" <<'PYTHON'
import sys
import zipfile
from importlib.metadata import files, version
from pathlib import Path

import mediapipe

wheel = zipfile.ZipFile(next(Path(sys.argv[1]).glob("mediapipe-*.whl")))


def models(names):
    return sorted(Path(name).name for name in map(str, names) if name.endswith((".tflite", ".task")) and "face" in name)


before, now = models(wheel.namelist()), models(files("mediapipe"))
print("mediapipe 0.10.14:", before, "-", version("mediapipe") + ":", now, "solutions:", hasattr(mediapipe, "solutions"))
assert "face_landmark.tflite" in before and not now and not hasattr(mediapipe, "solutions")
PYTHON
