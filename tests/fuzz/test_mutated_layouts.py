"""Ten thousand damaged copies of every layout, form of table and checkpoint: read, or refused in one line.

Other fuzzing here follows the code (atheris) or makes tables from nothing (Hypothesis). This one begins with whole good
test sets, damages one to three of their files, names or settings, and reads the folder as a build would.
"""

from __future__ import annotations

import io
import json
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save as save_safetensors

from reportgen.config import Config
from reportgen.errors import ReportError
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.checkpoints.statements import checkpoint_statements
from reportgen.inputs.emotions import FER2013_ORDER
from reportgen.inputs.layouts.registry import LAYOUTS
from reportgen.inputs.testset import load_test_set

INPUTS = 10_000
Files = dict[str, bytes]
WORDS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
VOTES = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
TOKENS = (
    b"", b"\0", b",", b'"', b"\n", b"\r", b"\t", b";", b" ", b"-1", b"7", b"1e400", b"nan", b"9" * 40, b"../x",
    b"[", b"{", b"]", b"\xff\xfe", "é".encode(), b"True", b"emotion", b"pixels", b"label", b"a.png", b"_",
    b"#", b"\\", b"0.5",
)  # fmt: skip
NAMES = (
    "x",
    "angry",
    "Happy",
    "test",
    "train",
    "7",
    "00",
    "é",
    "labels.csv",
    "legend.csv",
    "a b",
    "S001",
    "image",
    "data",
)


class Helper:
    """What a training script saves beside its weights; the reader does not know it."""


def png(number: int) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)).save(sink, "PNG")
    return sink.getvalue()


def images(*names: str) -> Files:
    return {name: png(number) for number, name in enumerate(names)}


def text(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def pixels(number: int) -> str:
    return " ".join(map(str, np.random.default_rng(number).integers(0, 256, 64)))


def npy(value: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array(value))
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def hugging_face(drawn: np.random.Generator | None = None) -> bytes:
    """Parquet is damaged in its content and metadata: what damaged bytes do to Arrow is not for this package."""
    choose = (lambda *values: values[int(drawn.integers(len(values)))]) if drawn is not None else lambda *v: v[0]
    held = [choose({"bytes": png(n), "path": f"{n}.png"}, None, {"bytes": b"", "path": None}) for n in range(4)]
    labels = [choose(n, -1, None, 99) for n in range(4)]
    table = pa.table(
        {choose("image", "img", "label2"): held, choose("label", "labels", "x"): pa.array(labels, pa.int64())}
    )
    names: Any = choose(["anger", "fear", "sad", "happy"], ["a"], [], [1, 2, 3, 4], None, "anger", ["x", "x", "y", "z"])
    meta = {"info": choose({"features": {"label": {"names": names, "_type": "ClassLabel"}}}, [], None, {"features": 3})}
    return parquet(table.replace_schema_metadata({"huggingface": choose(json.dumps(meta), "{", "")}))


def arrays(drawn: np.random.Generator | None = None) -> bytes:
    choose = (lambda *values: values[int(drawn.integers(len(values)))]) if drawn is not None else lambda *v: v[0]
    cells = [choose(list(range(64)), None, [], [300] * 64, [-1] * 64, [1] * 63, [0] * 100) for _ in range(4)]
    return parquet(pa.table({"pixels": cells, "emotion": [choose(word, None, "", "joyful") for word in WORDS[:4]]}))


def checkpoint(*, zipped: bool, **more: Any) -> bytes:
    sink = io.BytesIO()
    state = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}
    torch.save({"state_dict": state, "classes": list(WORDS), "epoch": 3, **more}, sink,
               _use_new_zipfile_serialization=zipped)  # fmt: skip
    return sink.getvalue()


FER = text("emotion,pixels,Usage", *(f"{n},{pixels(n)},{'PrivateTest' if n % 2 else 'Training'}" for n in range(7)))
PATHS = [f"{n}.png" for n in range(4)]
FRAME = pd.DataFrame({"path": PATHS, "emotion": WORDS[:4], "person": ["x", "y", None, "x"]})
FOUR = list(enumerate(WORDS[:4]))
RAF = [f"test_{n:04d}" for n in range(1, 8)]
SETS: dict[str, Files] = {
    "fer2013": {"fer2013.csv": FER},
    "icml": {"icml_face_data.csv": FER.replace(b",", b", ", 2)},
    "fer2013 folders": images(*(f"{part}/{w}/{part}_{n}.png" for part in ("train", "test") for n, w in FOUR)),
    "ferplus": {
        "fer2013new.csv": text(f"Usage,Image name,{VOTES}", "PrivateTest,fer0000000.png,1,8" + ",0" * 8,
                               "PrivateTest," + ",0" * 9 + ",10"),
        **images("FER2013Test/fer0000000.png"),
    },
    "ferplus folders": {
        "FER2013Test/label.csv": text('0.png,"(0, 0, 8, 8)",9' + ",0" * 9, '1.png,"(0, 0, 8, 8)",0,9' + ",0" * 8),
        **images("FER2013Test/0.png", "FER2013Test/1.png"),
    },
    "rafdb": {
        "EmoLabel/list_patition_label.txt": text(*(f"{name}.jpg {n}" for n, name in enumerate(RAF, 1))),
        "Annotation/manual/test_0001_manu_attri.txt": text(*["1.0\t2.0"] * 5, "1", "0", "2"),
        **images(*(f"Image/aligned/{name}_aligned.jpg" for name in RAF)),
    },
    "rafdb of kaggle": images(*(f"DATASET/test/{n}/{name}_aligned.jpg" for n, name in enumerate(RAF, 1))),
    "affectnet table": {
        "validation.csv": text("subDirectory_filePath,expression,valence", *(f"1/{n}.png,{n},0.1" for n in range(4))),
        **images(*(f"1/{path}" for path in PATHS)),
    },
    "affectnet labels": {
        "labels.csv": text(",pth,label,relFCs", *(f"{n},{w}/{n}.png,{w},0.8" for n, w in enumerate(WORDS))),
        **images(*(f"{w}/{n}.png" for n, w in enumerate(WORDS))),
    },
    "affectnet annotations": {
        **images(*(f"val_set/images/{n}.jpg" for n in range(3))),
        **{f"val_set/annotations/{n}_{kind}.npy": npy(str(n)) for n in range(3) for kind in ("exp", "val", "aro")},
    },
    "affectnet yolo": {
        "data.yaml": text("nc: 2", "names: ['Anger', 'Fear']"),
        **images(*(f"test/images/{n}.jpg" for n in range(2))),
        **{f"test/labels/{n}.txt": text(f"{n} 0.5 0.5 1 1") for n in range(2)},
    },
    "ck48": images(*(f"{w}/S{n:03d}_00{n}_000000{n + 10}.png" for n, w in enumerate(WORDS))),
    "ckextended": {"ckextended.csv": FER + text(f"7,{pixels(9)},PrivateTest")},
    "jaffe": images(*(f"KA.{code}1.{n}.tiff" for n, code in enumerate(("AN", "HA", "SU")))),
    "kdef": images("AF01/AF01AFS.JPG", "BF01/BF01HAFL.JPG", "AM02/AM02NES.JPG"),
    "expw": {"label.lst": text("a.png 0 1 1 4 3 62.5 3", "a.png 1 2 2 6 6 62.5 0"), **images("origin/a.png")},
    "muxspace": {
        "data/legend.csv": text("user.id,image,emotion", "1,Al_1.png,anger", "1,Al_2.png,HAPPINESS"),
        **images("images/Al_1.png", "images/Al_2.png"),
    },
    "imagefolder csv": {"test/metadata.csv": text("file_name,emotion", "a.png,happy", "b.png,sad"),
                        **images("test/a.png", "test/b.png")},
    "imagefolder jsonl": {"metadata.jsonl": text(*(json.dumps({"file_name": p, "label": "sad"}) for p in PATHS)),
                          **images(*PATHS)},
    "folders": images(*(f"test/{w}/{n}.jpg" for n, w in enumerate(WORDS))),
    "numbered folders": images(*(f"{n}/{n}.jpg" for n in range(7))),
    "csv": {"t.csv": FRAME.to_csv(index=False).encode(), **images(*PATHS)},
    "tsv": {"t.tsv": FRAME.to_csv(index=False, sep="\t").encode("utf-16"), **images(*PATHS)},
    "json lines": {"t.jsonl": FRAME.to_json(orient="records", lines=True).encode(), **images(*PATHS)},
    "json": {"t.json": FRAME.to_json(orient="records").encode(), **images(*PATHS)},
    "one-hot": {"_classes.csv": text("filename, Angry, Happy, Sad", "0.png,1,0,0", "1.png,0,0,1", "2.png,0,1,0"),
                **images(*PATHS)},
    "votes": {"v.csv": text("image,anger,fear,sadness", "0.png,3,1,0", "1.png,0,0,5", "2.png,2,2,0"), **images(*PATHS)},
    "headerless": {"list.txt": text("0.png happy", "1.png sad"), **images(*PATHS)},
    "notebook": {"processed_data.pkl": pickle.dumps({"test_df": FRAME, "emotion_classes": list(WORDS)}),
                 **images(*PATHS)},
    "pickled arrays": {"t.pkl": pickle.dumps({"X_test": np.zeros((3, 8, 8), np.uint8), "y_test": np.arange(3),
                                              "class_to_idx": {w: n for n, w in enumerate(WORDS)}}, 2)},
    "hugging face": {"data/test-00000-of-00001.parquet": hugging_face()},
    "parquet arrays": {"t.parquet": arrays()},
}  # fmt: skip
CHECKPOINTS: dict[str, Files] = {
    "zipped": {"m.pth": checkpoint(zipped=True)},
    "old": {"m.pth": checkpoint(zipped=False)},
    "zipped with helper": {"m.pth": checkpoint(zipped=True, helper=Helper(), args=PurePosixPath("a"))},
    "old with helper": {"m.pth": checkpoint(zipped=False, helper=Helper())},
    "safetensors": {"m.safetensors": save_safetensors({"a.weight": torch.ones(2, 3)}, {"classes": json.dumps(WORDS)})},
}
EACH = -(-INPUTS // (len(SETS) + len(CHECKPOINTS)))
DRAWN: dict[str, Callable[[np.random.Generator], bytes]] = {"hugging face": hugging_face, "parquet arrays": arrays}


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One change: bytes taken out, put in, repeated or overwritten, a line moved, or the end cut off."""
    place = int(rng.integers(len(content) + 1))
    span = int(rng.integers(1, 12))
    token = TOKENS[int(rng.integers(len(TOKENS)))]
    match int(rng.integers(7)):
        case 0:
            return content[:place] + content[place + span :]
        case 1:
            return content[:place] + token + content[place:]
        case 2:
            return content[:place] + token + content[place + len(token) :]
        case 3:
            return content[:place] + content[place : place + span] * int(rng.integers(2, 5)) + content[place + span :]
        case 4:
            return content[:place] + bytes(rng.integers(0, 256, span, dtype=np.uint8)) + content[place + span :]
        case 5:
            lines = content.split(b"\n")
            line = lines.pop(int(rng.integers(len(lines))))
            lines.insert(int(rng.integers(len(lines) + 1)), line)
            return b"\n".join(lines)
    return content[:place]


def renamed(name: str, rng: np.random.Generator) -> str:
    parts = name.split("/")
    place = int(rng.integers(len(parts)))
    other = NAMES[int(rng.integers(len(NAMES)))]
    suffix = PurePosixPath(parts[place]).suffix
    parts[place] = [other, other + suffix, parts[place].swapcase(), parts[place].replace("0", other)][rng.integers(4)]
    return "/".join(parts)


def mutate(name: str, files: Files, rng: np.random.Generator) -> Files:
    files = dict(files)
    for _ in range(int(rng.integers(1, 4))):
        if not files:
            break
        chosen = list(files)[int(rng.integers(len(files)))]
        tables = [path for path in files if not path.endswith((".png", ".jpg", ".JPG", ".tiff"))]
        if tables and rng.random() < 0.7:
            chosen = tables[int(rng.integers(len(tables)))]
        kind = rng.random()
        if kind < 0.75:
            files[chosen] = DRAWN[name](rng) if name in DRAWN else damaged(files[chosen], rng)
        elif kind < 0.9:
            files[renamed(chosen, rng)] = files.pop(chosen) if rng.random() < 0.7 else files[chosen]
        else:
            del files[chosen]
    return files


def written(files: Files, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:  # a file stands where the folder should be
            continue


def reads(name: str, files: Files, use: Callable[[np.random.Generator], object], folder: Path) -> tuple[int, int]:
    """How many damaged copies are read, and how many refused in one line."""
    rng = np.random.default_rng(sum(map(ord, name)))
    read = refused = 0
    for number in range(EACH):
        written(files if number == 0 else mutate(name, files, rng), folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                use(rng)
            read += 1
        except ReportError as error:
            assert str(error) and "\n" not in str(error), (name, number, str(error))
            refused += 1
        except Exception as error:
            kept = folder.with_name(f"{folder.name} {number}")
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            raise AssertionError(f"{name}, input {number} (kept in {kept}): {error!r}") from error
    return read, refused


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_damaged_test_sets(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    folder = tmp_path / "set"
    names = [None] * 12 + [layout.name for layout in LAYOUTS]

    def use(rng: np.random.Generator) -> None:
        tables = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".png", ".jpg")]
        data = tables[0] if tables and rng.random() < 0.3 else folder
        classes = [None, FER2013_ORDER, ("1=happy", "2=sad")][int(rng.choice(3, p=[0.7, 0.2, 0.1]))]
        config = Config(data=data, classes=classes, dataset=names[int(rng.integers(len(names)))])
        test_set = load_test_set(config)
        assert len(test_set) and set(test_set.frame["emotion"]) <= set(test_set.classes)
        test_set.read_bytes(0)

    read, refused = reads(name, SETS[name], use, folder)
    assert read + refused == EACH
    assert read > EACH // 50 and refused > EACH // 50, "a fuzzer that only ever sees one answer looks at nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_damaged_checkpoints(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "models"

    def use(rng: np.random.Generator) -> None:
        path = next((path for path in sorted(folder.rglob("*")) if path.is_file()), folder / "m.pth")
        checkpoint_statements(path)
        assert read_checkpoint(path).state

    read, refused = reads(name, CHECKPOINTS[name], use, folder)
    assert read > EACH // 50 and refused > EACH // 50
