#!/usr/bin/env bash
# A batch given to MediaPipe's short-range face detector comes back folded into more anchors.
#
# Guess: a .tflite model whose input is resized to a batch of three either raises or returns three results.
# Seen:  ai-edge-litert 2.3.0 with face_detection_short_range.tflite of mediapipe 0.10.21: the output grows from (1, 896, 16)
#        to (1, 2688, 16), which a decoder for 896 anchors reads as one photo's. No error. The rows of the three photos are
#        not even one after the other: the two output layers of the network are concatenated over the whole batch.
# So:    detect photo by photo, or make batches only of models whose input signature has -1 in the first place.
# The script fails where that has changed. It needs Python 3.11 (a wheel of mediapipe that holds the model).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet ai-edge-litert==2.3.0

"$folder/venv/bin/python" -m pip download --quiet --no-deps --dest "$folder/wheels" mediapipe==0.10.21

"$folder/venv/bin/python" -W ignore - "$folder/wheels" <<'PYTHON'
import io
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

wheel = next(Path(sys.argv[1]).glob("mediapipe-*.whl"))
model = zipfile.ZipFile(io.BytesIO(wheel.read_bytes())).read("mediapipe/modules/face_detection/face_detection_short_range.tflite")
interpreter = Interpreter(model_content=model, num_threads=1)
photos = np.random.default_rng(0).random((3, 128, 128, 3), dtype=np.float32)


def boxes(batch):
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, batch.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, batch)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).copy()


alone = [boxes(photo[None])[0] for photo in photos]
together = boxes(photos)
print("ai-edge-litert", version("ai-edge-litert"), "one photo", alone[0].shape, "three photos", together.shape)
assert alone[0].shape == (896, 16) and together.shape == (1, 2688, 16)
one_after_the_other = np.allclose(together[0], np.concatenate(alone), atol=1e-4)
layer_by_layer = np.allclose(
    together[0], np.concatenate([*(a[:512] for a in alone), *(a[512:] for a in alone)]), atol=1e-4
)
assert layer_by_layer and not one_after_the_other
print("photo after photo:", one_after_the_other, "- layer after layer:", layer_by_layer)
PYTHON
