"""Writes `pickles-<version>.json`: small frames pickled by the pandas at hand, base64 by "<name>-<protocol>".

Run once under each pandas whose files should stay readable: `python make_pickles.py OUTPUT.json`. Needs nothing else
of this project, so that it runs under any of them.
"""

from __future__ import annotations

import base64
import json
import pathlib
import pickle
import sys

import numpy as np
import pandas as pd

PATHS = ["images/a.jpg", "images/b.jpg", "images/c.jpg"]


def frames():
    base = {"image_path": PATHS, "emotion": ["happy", "sad", "fear"], "label": [3, 5, 2]}
    plain = pd.DataFrame(base)
    yield "plain", plain
    yield "posix", plain.assign(image_path=[pathlib.PosixPath(path) for path in PATHS])
    yield "windows", plain.assign(image_path=[pathlib.PureWindowsPath(path) for path in PATHS])
    yield "category", plain.astype({"emotion": "category"})
    yield "string", plain.astype({"emotion": "string"})
    integers = pd.array([1, None, 3], dtype="Int64")
    yield "nullable", plain.assign(i=integers, b=pd.array([True, None, False], dtype="boolean"))
    yield "dates", plain.assign(d=pd.to_datetime(["2020-01-01", "2020-01-02", None]))
    yield "filtered", plain.assign(x=[1.5, 2.5, np.nan], y=[True, False, True]).iloc[[2, 0]]
    yield "indexed", plain.set_index("image_path")
    yield "two", plain.set_index(["emotion", "label"])
    yield "repeated", pd.concat([plain, plain])


if __name__ == "__main__":
    written = {}
    for name, frame in frames():
        for protocol in (0, 2, 4, 5):
            content = {"test_df": frame, "emotion_classes": np.array(["a", "b"]), "best": np.float64(0.5)}
            written[f"{name}-{protocol}"] = base64.b64encode(pickle.dumps(content, protocol)).decode()
    pathlib.Path(sys.argv[1]).write_text(json.dumps(written, indent=0, sort_keys=True))
