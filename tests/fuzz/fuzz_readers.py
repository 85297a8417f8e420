"""Feeds the readers mutated files with atheris: `python tests/fuzz/fuzz_readers.py --seconds 60`.

Each reader runs in a process of its own for that long, guided by which of our code an input reaches. What it may do
with any bytes: give data, or raise a `ReportError` of one line. Everything else is found and printed with the input.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

READERS = (
    "image", "pickle", "checkpoint", "restricted", "safetensors", "csv", "list", "layouts", "json", "parquet",
    "settings", "mask", "archive",
)  # fmt: skip
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")


class Helper:
    """What a training script saves beside its weights; who reads them does not know it."""


def seeds(reader: str) -> list[bytes]:
    """Good files to start from."""
    import pandas as pd
    import torch
    from PIL import Image
    from safetensors.torch import save as save_safetensors

    frame = pd.DataFrame(
        {"path": ["a.png", "b.png"], "emotion": ["anger", "fear"], "label": [0, 2], "person": ["x", None]}
    )
    state = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}

    def image(kind: str, mode: str = "RGB", **options: object) -> bytes:
        sink = io.BytesIO()
        Image.new(mode, (5, 4)).save(sink, kind, **options)
        return sink.getvalue()

    def checkpoint(*, zipped: bool, **more: object) -> bytes:
        sink = io.BytesIO()
        torch.save({"state_dict": state, "epoch": 3, **more}, sink, _use_new_zipfile_serialization=zipped)
        return sink.getvalue()

    def parquet() -> bytes:
        sink = io.BytesIO()
        frame.to_parquet(sink)
        return sink.getvalue()

    if reader in ("image", "mask"):
        kinds = [image(kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")]
        return [
            *kinds,
            image("PNG", "I;16"),
            image("PNG", "LA"),
            image("TIFF", "F"),
            image("PNG", "P"),
            image("PNG", "L"),
        ]
    if reader == "pickle":
        content = {"test_df": frame, "emotion_classes": ["anger", "fear"], "best": 0.5}
        return [pickle.dumps(content, protocol) for protocol in (0, 2, 4, 5)] + [
            pickle.dumps({"test": [{"path": "a"}]})
        ]
    if reader == "csv":
        return [frame.to_csv(index=False).encode(), frame.to_csv(index=False, sep="\t").encode("utf-16")]
    if reader == "list":
        return [b"a.png happy\nb.png sad\n", b"a.png 0 1 1 4 3 62.5 3\n", b"test_0001.jpg 5\ntrain_0002.jpg 3\n"]
    if reader == "layouts":
        votes = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
        pixels = " ".join(["7"] * 64)
        return [
            f"Usage,Image name,{votes}\nPrivateTest,a.png,1,8{',0' * 8}\nPrivateTest,{',0' * 9},10\n".encode(),
            f"emotion,pixels,Usage\n0,{pixels},PrivateTest\n7,[{pixels}],PublicTest\n".encode(),
            b"user.id,image,emotion\n1,a.png,anger\n2,b.png,HAPPINESS\n",
            b"subDirectory_filePath,expression,valence\na.png,0,0.1\nb.png,8,0.1\n",
            b"filename,Angry,Happy,Sad\na.png,1,0,0\nb.png,0,0,1\n",
        ]
    if reader == "json":
        return [frame.to_json(orient="records").encode(), b'{"path": ["a.png"], "emotion": ["fear"]}', b"[]"]
    if reader == "settings":
        return [b'seed = 1\n[models.x]\ncheckpoint = "a"\n', b'classes = ["a"]\n[columns]\npath = "p"\n']
    if reader == "archive":
        return [checkpoint(zipped=True)]
    return {
        "checkpoint": [checkpoint(zipped=True), checkpoint(zipped=False)],
        "restricted": [checkpoint(zipped=zipped, m=Helper()) for zipped in (True, False)],
        "safetensors": [save_safetensors(state)],
        "parquet": [parquet()],
    }[reader]


def target(reader: str, folder: Path) -> Callable[[bytes], None]:
    """The reader under test, over a file with the given bytes."""
    from reportgen.config import Config, load_config
    from reportgen.inputs.checkpoints.file import refuse_bombs
    from reportgen.inputs.checkpoints.reading import read_checkpoint
    from reportgen.inputs.checkpoints.statements import checkpoint_statements
    from reportgen.inputs.images.decoding import decode
    from reportgen.inputs.images.region_masks import read_mask
    from reportgen.inputs.testset import load_test_set
    from reportgen.output_guard import check_output

    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(b"")
    suffix = {
        "pickle": ".pkl",
        "csv": ".csv",
        "list": ".lst",
        "layouts": ".csv",
        "json": ".json",
        "parquet": ".parquet",
    }.get(reader, ".bin")
    path = folder / ("report.zip" if reader == "archive" else f"input{suffix}")

    def table(data: bytes) -> None:
        path.write_bytes(data)
        load_test_set(Config(data=path))

    def checkpoint(data: bytes) -> None:
        path.write_bytes(data)
        checkpoint_statements(path)
        read_checkpoint(path)

    def settings(data: bytes) -> None:
        path.write_bytes(data)
        load_config(path, {})

    def mask(data: bytes) -> None:
        path.write_bytes(data)
        read_mask(path)

    def archive(data: bytes) -> None:
        path.write_bytes(data)
        refuse_bombs(path)
        check_output(folder, "build", zipped=True)

    special: dict[str, Callable[[bytes], None]] = {
        "image": lambda data: [decode(data), None][1],
        "checkpoint": checkpoint, "restricted": checkpoint, "safetensors": checkpoint,
        "settings": settings, "mask": mask, "archive": archive,
    }  # fmt: skip
    return special.get(reader, table)


def fuzz(reader: str, seconds: int, seed: int) -> None:
    """Never returns: libFuzzer ends the process."""
    # libFuzzer's limit looks at the peak of the process, which on Linux outlives `exec`: what a test runner once held
    # would count as the reader's. A child begins anew.
    if child := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    import atheris

    # Only our own code guides the search; the libraries are somebody else's to fuzz.
    with atheris.instrument_imports(include=["reportgen"]):
        from reportgen.errors import ReportError

    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{reader}-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds(reader)):
        (corpus / str(number)).write_bytes(content)
    (folder / "work").mkdir()
    read = target(reader, folder / "work")

    def one(data: bytes) -> None:
        try:
            read(data)
        except ReportError as error:
            if "\n" in str(error) or len(str(error)) > 2000:
                raise RuntimeError("the message is not one line") from error

    flags = [f"-max_total_time={seconds}", f"-seed={seed}", "-rss_limit_mb=4096", "-timeout=20", "-max_len=20000"]
    atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={folder}/", str(corpus)], one)
    atheris.Fuzz()


def run(reader: str, seconds: int, seed: int) -> tuple[int, str]:
    """How many inputs a reader was given, and what was found, empty if nothing."""
    command = [sys.executable, __file__, "--reader", reader, "--seconds", str(seconds), "--seed", str(seed)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder}
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
        count = _DONE.search(done.stderr)
        runs = int(count[1]) if count else 0
        if done.returncode == 0 and count:
            return runs, ""
        written = re.search(r"Test unit written to (\S+)", done.stderr)
        unit = base64.b64encode(Path(written[1]).read_bytes()).decode()[:4000] if written else "none"
    return runs, f"exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}\ninput, base64: {unit}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", choices=READERS, help="only this one, in this process")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.reader:
        fuzz(options.reader, options.seconds, options.seed)
    found = {reader: run(reader, options.seconds, options.seed) for reader in READERS}
    for reader, (runs, trouble) in found.items():
        print(f"{reader}: {runs:,} inputs, {'found something' if trouble else 'nothing found'}")
        if trouble:
            print(trouble)
    print(
        json.dumps(
            {"inputs": sum(runs for runs, _ in found.values()), "found": sum(bool(t) for _, t in found.values())}
        )
    )
    return 1 if any(trouble for _, trouble in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
