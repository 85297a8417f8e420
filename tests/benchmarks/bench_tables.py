"""Processor time to read one row of each form of table, against the CSV reader of an earlier commit.

    git worktree add ../earlier 63fab90
    python tests/benchmarks/bench_tables.py --against ../earlier [--rows 100000] [--images 20000]

Forms with paths are compared with a CSV of paths and words; forms that hold the images themselves with a CSV of pixels
as text (48 x 48), because decoding numbers costs more than everything else there. Only reading is timed, up to paths,
labels and pixels of every row: what a build does with files afterwards is the same for all. Without `--against`, the
two CSV files are read by this checkout for comparison.

Exits with 1 where a form takes more than 1.2 times the earlier reader's time for a row.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from reportgen.inputs.layouts.layout import Source
from reportgen.inputs.layouts.registry import read_source

LIMIT = 1.2
ROUNDS = 3
WORDS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
# Run in the earlier checkout: its reader of tables, timed in the same way.
EARLIER = """
import sys, time
from pathlib import Path
from reportgen.config import Columns
from reportgen.inputs.tables import read_table
times = []
for _ in range(int(sys.argv[2])):
    start = time.process_time()
    read_table(Path(sys.argv[1]), Columns())
    times.append(time.process_time() - start)
print(min(times))
"""


@dataclass(frozen=True)
class Form:
    """A form of table: how a file of so many rows is written, and whether it holds the images themselves."""

    name: str
    suffix: str
    write: Callable[[Path, int], object]
    images: bool = False


def paths(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_path": [f"images/face_{n:06d}.jpg" for n in range(rows)],
            "emotion": [WORDS[n % 7] for n in range(rows)],
        }
    )


def faces(rows: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (rows, 48, 48), dtype=np.uint8)


def pixels(rows: int) -> pd.DataFrame:
    text = [" ".join(map(str, face.ravel().tolist())) for face in faces(rows)]
    return pd.DataFrame({"emotion": [n % 7 for n in range(rows)], "pixels": text, "Usage": "PrivateTest"})


def one_hot(rows: int) -> pd.DataFrame:
    held = np.eye(7, dtype=int)[np.arange(rows) % 7]
    return pd.DataFrame({"filename": paths(rows)["image_path"], **{w: held[:, k] for k, w in enumerate(WORDS)}})


def votes(rows: int) -> pd.DataFrame:
    held = np.eye(8, dtype=int)[np.arange(rows) % 8] * 7 + 1
    return pd.DataFrame({"image": paths(rows)["image_path"], **{w: held[:, k] for k, w in enumerate(VOTES)}})


def json_lines(frame: pd.DataFrame, path: Path) -> None:
    frame.to_json(path, orient="records", lines=True)


def headerless(path: Path, rows: int) -> None:
    paths(rows).to_csv(path, sep=" ", header=False, index=False)


def arrays(path: Path, rows: int) -> None:
    flat = pa.array(list(faces(rows).reshape(rows, -1)), pa.list_(pa.uint8()))
    pq.write_table(pa.table({"pixels": flat, "emotion": [WORDS[n % 7] for n in range(rows)]}), path)


def embedded(path: Path, rows: int) -> None:
    held = []
    for n, face in enumerate(faces(rows)):
        sink = io.BytesIO()
        Image.fromarray(face).save(sink, "PNG")
        held.append({"bytes": sink.getvalue(), "path": f"{n}.png"})
    table = pa.table({"image": held, "label": pa.array([n % 7 for n in range(rows)], pa.int64())})
    meta = {"info": {"features": {"label": {"names": list(WORDS), "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(meta)}), path)


FORMS = (
    Form("CSV, paths and words", ".csv", lambda path, rows: paths(rows).to_csv(path, index=False)),
    Form("TSV, paths and words", ".tsv", lambda path, rows: paths(rows).to_csv(path, sep="\t", index=False)),
    Form("Parquet, paths and words", ".parquet", lambda path, rows: paths(rows).to_parquet(path)),
    Form("JSON lines, paths and words", ".jsonl", lambda path, rows: json_lines(paths(rows), path)),
    Form("CSV, one-hot", ".csv", lambda path, rows: one_hot(rows).to_csv(path, index=False)),
    Form("CSV, eight columns of votes", ".csv", lambda path, rows: votes(rows).to_csv(path, index=False)),
    Form("list without a header", ".txt", headerless),
    Form("CSV, pixels as text", ".csv", lambda path, rows: pixels(rows).to_csv(path, index=False), images=True),
    Form("JSON lines, pixels as text", ".jsonl", lambda path, rows: json_lines(pixels(rows), path), images=True),
    Form("Parquet, pixels as arrays", ".parquet", arrays, images=True),
    Form("Parquet, embedded PNG files", ".parquet", embedded, images=True),
)
BASES = {False: "CSV, paths and words", True: "CSV, pixels as text"}


def timed(path: Path, rows: int) -> float:
    """Processor seconds of the fastest of a few readings."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        listing = read_source(Source(path))
        times.append(time.process_time() - start)
        if len(listing.rows) != rows:
            raise SystemExit(f"{path.name}: {len(listing.rows)} rows were read, not {rows}: {listing.problems[:3]}")
    return min(times)


def earlier(checkout: Path, path: Path) -> float:
    """The same by the reader of an earlier checkout, in a process of its own."""
    command = [sys.executable, "-c", EARLIER, str(path), str(ROUNDS)]
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve())}
    done = subprocess.run(command, env=environment, cwd=checkout, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="checkout of commit 63fab90")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=20_000, help="rows of the tables that hold images")
    given = parser.parse_args()
    bases: dict[bool, float] = {}
    slow = False
    print(f"{'form':30} {'rows':>8} {'us a row':>9} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for form in sorted(FORMS, key=lambda form: form.name not in BASES.values()):
            path = Path(folder, f"table{form.suffix}")
            rows = given.images if form.images else given.rows
            form.write(path, rows)
            now = timed(path, rows) / rows
            if form.name in BASES.values():
                bases[form.images] = now if given.against is None else earlier(given.against, path) / rows
            ratio = now / bases[form.images]
            slow = slow or ratio > LIMIT
            print(f"{form.name:30} {rows:8,} {now * 1e6:9.2f} {ratio:6.2f}")
            path.unlink()
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())
