"""Cells that hold lists: written out, or refused in one line where a small file holds more than any machine."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from reportgen.config import Config
from reportgen.errors import DataError
from reportgen.inputs.tables.cells import Budget, storable
from reportgen.inputs.testset import load_test_set


def written(*cells: object) -> list[str | None]:
    return storable("c", pd.Series([*cells], dtype=object), Budget())


def test_lists_become_json_and_the_rest_text() -> None:
    assert written([1, 2.5], (1, "a"), [[1], [1, 2]], np.array([[1, 2]]), [np.float32(0.5), np.arange(2)]) == [
        "[1, 2.5]", '[1, "a"]', "[[1], [1, 2]]", "[[1, 2]]", "[0.5, [0, 1]]",
    ]  # fmt: skip
    assert written({"a": 1}, None, float("nan"), "x", 3) == ["{'a': 1}", None, None, "x", "3"]


def test_landmarks_of_many_images_are_within_the_budget() -> None:
    shared = [(0.0, 0.0)] * 1404
    assert len(written(*([[x, y] for x, y in shared] for _ in range(200)))) == 200
    assert len(written(*[shared] * 500)) == 500


def deep(times: int, wrap: object) -> object:
    value: object = [1]
    for _ in range(times):
        value = wrap(value)  # type: ignore[operator]
    return value


@pytest.mark.parametrize(
    "wrap",
    [lambda x: [x, x], lambda x: (x, x), lambda x: {"a": x, "b": x}, lambda x: np.array([x, None, x], dtype=object)],
    ids=["lists", "tuples", "dicts", "arrays"],
)
def test_what_is_small_only_by_sharing_is_refused(wrap: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.inputs.tables.cells._REPEATED", 100)
    written(deep(3, wrap))
    with pytest.raises(DataError, match="column 'c': its cells hold the same lists again and again"):
        written(deep(8, wrap))


def test_a_list_in_itself_and_a_very_deep_one_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.inputs.tables.cells._REPEATED", 1 << 16)
    circle: list[object] = []
    circle.append(circle)
    for cell in (circle, deep(2_000, lambda x: [x]), [{(1, 2): 3}]):
        with pytest.raises(DataError, match="column 'c': "):
            written(cell)


def test_a_pickle_of_one_kilobyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.inputs.tables.cells._REPEATED", 100)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    frame = pd.DataFrame({"path": ["a.png"], "emotion": ["fear"], "mixed": pd.Series([deep(8, lambda x: [x, x])])})
    (tmp_path / "set.pkl").write_bytes(pickle.dumps({"test_df": frame}))
    assert (tmp_path / "set.pkl").stat().st_size < 2000
    with pytest.raises(DataError, match="column 'mixed'"):
        load_test_set(Config(data=tmp_path / "set.pkl"))


def test_more_rows_than_any_test_set_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Parquet file says how many it has."""
    monkeypatch.setattr("reportgen.inputs.tables.reading._MOST_ROWS", 1_000)
    path = tmp_path / "set.parquet"
    pq.write_table(pa.table({"path": ["a.png"] * 1_001, "emotion": ["fear"] * 1_001}), path)
    with pytest.raises(DataError, match=r"set\.parquet: 1,001 rows, a table of at most 1,000 is read"):
        load_test_set(Config(data=path))


def test_one_long_text_that_every_row_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.inputs.tables.reading._LARGEST", 20_000)
    path = tmp_path / "set.parquet"
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(50, np.int32)), pa.array(["x" * 1_000]))
    plain = pa.array(["fear"] * 50)
    table = pa.table({"path": plain, "emotion": plain, "note": words}).replace_schema_metadata(None)
    pq.write_table(table, path, store_schema=False)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match=r"set\.parquet: more than 0\.0 GB when it is unpacked"):
        load_test_set(Config(data=path))
