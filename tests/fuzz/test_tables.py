"""Test sets and settings that nobody wrote: either they are read, or one line says why not.

`REPORTGEN_FUZZ=50 python -m pytest -m slow tests/fuzz -s` tries fifty times as many and prints the counts.
"""

from __future__ import annotations

import json
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from reportgen.config import Config, load_config
from reportgen.errors import ReportError, printable
from reportgen.explain.fingerprints import shard_bounds, take_fingerprints
from reportgen.inputs.testset import RESERVED, load_test_set
from reportgen.shards import write_table

pytestmark = pytest.mark.slow

TIMES = int(os.environ.get("REPORTGEN_FUZZ", "1"))
COUNTS: Counter[str] = Counter()
KNOWN = (
    *("path", "image_path", "file", "emotion", "label", "labels", "person", "subject", "usage", "split", "pixels"),
    *("landmarks", "user.id", "image", "row", "width", "notes", "sha256", "data_width", "Usage", "EMOTION"),
)
EMOTIONS = ["anger", "happy", "SAD", "0", "1", "6", "7", "-1", "neutral ", "contempt", "", "surprise", "Angry"]
PATHS = ["a.png", "b.png", "./a.png", "x/../a.png", "C:\\x\\b.png", "/nowhere/a.png", "", "~/a.png", "gone.png", "."]

text = st.text(max_size=12)
cells = st.one_of(
    st.sampled_from(EMOTIONS),
    st.sampled_from(PATHS),
    text,
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.lists(st.integers(0, 255), max_size=4),
    st.dictionaries(text, st.integers(), max_size=2),
)
names = st.one_of(st.sampled_from(KNOWN), st.sampled_from(KNOWN), text)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of a table; most have columns that mean something, and half of those also cells that do."""
    columns = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    needed = draw(st.sampled_from([[], *[["path", "emotion"], ["image_path", "label"]] * 3]))
    columns = list(dict.fromkeys(needed + columns))
    usual = draw(st.booleans())
    return [{name: draw(_cell(name, usual)) for name in columns} for _ in range(draw(st.integers(0, 6)))]


def _cell(name: str, usual: bool) -> st.SearchStrategy[Any]:
    likely = {"path": PATHS, "image_path": PATHS, "emotion": EMOTIONS, "label": EMOTIONS}.get(name)
    if likely is None:
        return cells
    return st.sampled_from(likely) if usual else st.one_of(st.sampled_from(likely), cells)


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    return pd.DataFrame(rows).to_csv(index=False).encode("utf-8", "surrogatepass")


def as_tsv(rows: list[dict[str, Any]]) -> bytes:
    return pd.DataFrame(rows).to_csv(index=False, sep="\t").encode("utf-16", "surrogatepass")


def as_json(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps(rows).encode()


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def as_pickle(rows: list[dict[str, Any]]) -> bytes:
    return pickle.dumps({"test_df": pd.DataFrame(rows, dtype=object), "emotion_classes": ["anger", "happy", "sad"]})


def as_rows(rows: list[dict[str, Any]]) -> bytes:
    return pickle.dumps(rows)


FORMS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    ".csv": as_csv, ".tsv": as_tsv, ".json": as_json, ".jsonl": as_lines, ".pkl": as_pickle, ".pickle": as_rows,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("fuzz")
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(made / name)
    return made


@pytest.fixture(scope="module", autouse=True)
def _report() -> Iterator[None]:
    yield
    print(f"\nfuzzed: {sum(COUNTS.values()):,} inputs: {dict(sorted(COUNTS.items()))}")


def quiet(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples * TIMES,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def check(path: Path, **more: Any) -> None:
    """A test set that holds together, or one line."""
    try:
        found = load_test_set(Config(data=path, **more))
    except ReportError as error:
        assert "\n" not in str(error) and printable(str(error)) == str(error)
        COUNTS["refused"] += 1
        return
    COUNTS["read"] += 1
    assert len(found) > 0
    assert found.frame["label"].between(0, len(found.classes) - 1).all()
    assert [found.classes[k] for k in found.frame["label"]] == found.frame["emotion"].tolist()
    assert found.frame["file"].map(lambda file: file is None or Path(file).is_file()).all()
    assert list(found.problems.columns) == ["path", "emotion", "kind", "message"]
    for name in ("path", "person"):
        assert all(value is None or printable(value) == value for value in found.frame[name])
    own = {"path", "file", "emotion", "label", "person"}
    assert found.frame.columns.is_unique
    assert not (set(found.frame.columns) - own) & RESERVED
    for row in range(len(found)):
        assert found.read_bytes(row)
    fingerprints = take_fingerprints(found, Config(), "cpu", shard_bounds(len(found), 3))
    table = pa.Table.from_pandas(fingerprints.frame, preserve_index=False)  # as the pass stores it
    assert table.num_rows == len(found)
    write_table(path.with_name("stored.parquet"), table)


@pytest.mark.parametrize("form", FORMS)
@quiet(60)
@given(rows=tables())
def test_any_table_is_read_or_refused_in_one_line(folder: Path, form: str, rows: list[dict[str, Any]]) -> None:
    path = folder / f"set{form}"
    try:
        content = FORMS[form](rows)
    except (UnicodeEncodeError, ValueError):
        return  # pandas cannot write it, so nobody has it
    path.write_bytes(content)
    check(path)
    check(path, classes=("anger", "happiness", "sadness"))


@quiet(60)
@example([{"path": "a.png", "emotion": "anger", "pixels": "anger"}], 0, bytes(6), ".csv")  # a first line without commas
@given(rows=tables(), place=st.integers(0, 5000), noise=st.binary(max_size=6), form=st.sampled_from(sorted(FORMS)))
def test_damaged_tables(folder: Path, rows: list[dict[str, Any]], place: int, noise: bytes, form: str) -> None:
    try:
        content = FORMS[form](rows)
    except (UnicodeEncodeError, ValueError):
        return
    place = place % (len(content) + 1)
    path = folder / f"damaged{form}"
    path.write_bytes(content[:place] + noise + content[place + len(noise) :])
    check(path)


@quiet(60)
@given(rows=tables(), cut=st.integers(0, 5000))
def test_damaged_parquet(folder: Path, rows: list[dict[str, Any]], cut: int) -> None:
    path = folder / "set.parquet"
    try:
        pd.DataFrame(rows).to_parquet(path)
    except Exception:
        return  # what Arrow cannot hold nobody has as Parquet
    check(path)
    content = path.read_bytes()
    path.write_bytes(content[: cut % len(content)])
    check(path)


KEYS = [*Config.model_fields, "columns.path", "models.x.checkpoint", "models.x.preprocessing.std", "models.x", "zzz"]
values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=True), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab", min_size=1), inner, max_size=2)),
    max_leaves=4,
)


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(entry)}" for name, entry in value.items()) + " }"
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f") if isinstance(value, str) else str(value)


def check_config(path: Path) -> None:
    try:
        found = load_config(path, {})
    except ReportError as error:
        assert "\n" not in str(error)
        COUNTS["settings refused"] += 1
    else:
        assert isinstance(found, Config)
        COUNTS["settings read"] += 1


USUAL = {
    "method": st.sampled_from(["gradcam", "layercam", "GradCAM"]), "seed": st.integers(-1, 2**33), "zip": st.booleans(),
    "examples": st.integers(0, 61), "regions": st.sampled_from(["auto", "none", "all"]), "data": text,
    "classes": st.lists(text, max_size=3), "person_pattern": st.sampled_from(["(a)", "(", "a", "(a)(b)", "(?P<x>a+)"]),
    "workers": st.integers(-1, 600), "size_warning_mb": st.floats(), "models.x.checkpoint": text,
}  # fmt: skip


@quiet(200)
@given(
    st.one_of(
        st.dictionaries(st.sampled_from(KEYS), values, max_size=4),
        st.lists(st.sampled_from(sorted(USUAL)), max_size=4, unique=True).flatmap(
            lambda keys: st.fixed_dictionaries({key: USUAL[key] for key in keys})
        ),
    )
)
def test_any_settings_are_read_or_refused_in_one_line(folder: Path, entries: dict[str, Any]) -> None:
    path = folder / "reportgen.toml"
    path.write_text(
        "".join(f"{key} = {toml(value)}\n" for key, value in entries.items()), encoding="utf-8", errors="replace"
    )
    check_config(path)


@quiet(100)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda value: value.encode("utf-8", "replace"))))
def test_any_bytes_as_settings(folder: Path, content: bytes) -> None:
    path = folder / "noise.toml"
    path.write_bytes(content)
    check_config(path)
