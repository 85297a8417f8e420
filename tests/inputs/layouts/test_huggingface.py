"""Hugging Face's forms beyond one file: several metadata tables, class orders that differ, `save_to_disk`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from reportgen.config import Config
from reportgen.errors import DataError
from reportgen.inputs.emotions import EMOTIONS, FER2013_ORDER
from reportgen.inputs.layouts.layout import Source
from reportgen.inputs.layouts.registry import recognise
from reportgen.inputs.testset import load_test_set

Make = Callable[..., None]
FER = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
SHARD = "test-00000-of-00001.parquet"


def png(number: int) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.full((8, 8), number, np.uint8)).save(sink, "PNG")
    return sink.getvalue()


def dataset(names: list[str] | None, first: int = 0) -> pa.Table:
    """Seven images with the labels 0 to 6, and what `datasets` states of them in the schema."""
    held = [{"bytes": png(n), "path": f"{n}.png"} for n in range(first, first + 7)]
    table = pa.table({"image": held, "label": pa.array(range(7), pa.int64())})
    if names is None:
        return table
    meta = {"info": {"features": {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}}}
    return table.replace_schema_metadata({"huggingface": json.dumps(meta)})


def test_metadata_in_several_folders_names_the_files_of_its_own(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"test/{part}/0.png" for part in ("a", "b")))
    for part, emotion in (("a", "happy"), ("b", "sad")):
        (tmp_path / f"test/{part}/metadata.csv").write_text(f"file_name,emotion\n0.png,{emotion}\n")
    frame = load_test_set(Config(data=tmp_path)).frame
    assert dict(zip(frame["path"], frame["emotion"], strict=True)) == {
        "test/a/0.png": "happiness", "test/b/0.png": "sadness",
    }  # fmt: skip
    assert [Path(file).parent.name for file in frame["file"]] == ["a", "b"]


def test_metadata_above_the_folders_of_the_parts(tmp_path: Path, make_images: Make) -> None:
    paths = [f"{split}/{n}.png" for split in ("train", "test") for n in range(2)]
    make_images(tmp_path, *paths)
    lines = [f"{path},{word}" for path, word in zip(paths, ("sad", "happy") * 2, strict=True)]
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,emotion", *lines]) + "\n")
    test_set = load_test_set(Config(data=tmp_path))
    assert test_set.frame["path"].tolist() == ["test/0.png", "test/1.png"]
    assert test_set.training["training folder"]["path"].tolist() == ["train/0.png", "train/1.png"]
    assert any("the test folder is used, the training one is not" in note for note in test_set.notes)


def test_files_that_number_classes_differently(tmp_path: Path) -> None:
    for first, (part, names) in enumerate((("a", FER), ("b", sorted(FER)))):
        (tmp_path / part).mkdir()
        pq.write_table(dataset(names, first * 7), tmp_path / part / SHARD)
    test_set = load_test_set(Config(data=tmp_path))
    assert test_set.frame["emotion"].tolist() == [*FER2013_ORDER, *EMOTIONS]
    assert any("number their classes differently, and each is read by its own names" in note for note in test_set.notes)
    # Neither file says which order the model has.
    assert any("alphabetical order was assumed" in note for note in test_set.notes)
    pq.write_table(dataset(None, 7), tmp_path / "b" / SHARD)
    with pytest.raises(DataError, match=rf"b/{SHARD} does not state the names of its numbers"):
        load_test_set(Config(data=tmp_path))


@pytest.mark.parametrize("where", ["above", "within"])
def test_metadata_without_labels_leaves_them_to_the_folders(tmp_path: Path, make_images: Make, where: str) -> None:
    make_images(tmp_path, "test/happy/0.png", "test/sad/1.png")
    if where == "above":
        (tmp_path / "test/metadata.csv").write_text("file_name,age\nhappy/0.png,30\nsad/1.png,40\n")
    else:
        (tmp_path / "test/happy/metadata.jsonl").write_text('{"file_name": "0.png", "age": 30}\n')
    test_set = load_test_set(Config(data=tmp_path))
    assert test_set.frame["emotion"].tolist() == ["happiness", "sadness"]
    assert any(
        "not read as Hugging Face datasets" in note and "no column of emotions" in note for note in test_set.notes
    )


def test_a_test_part_whose_labels_are_secret(tmp_path: Path) -> None:
    hidden = dataset(FER).drop_columns("label").append_column("label", pa.array([-1] * 7, pa.int64()))
    pq.write_table(hidden.replace_schema_metadata(dataset(FER).schema.metadata), tmp_path / SHARD)
    pq.write_table(dataset(FER), tmp_path / SHARD.replace("test", "validation"))
    test_set = load_test_set(Config(data=tmp_path))
    assert test_set.frame["emotion"].tolist() == list(FER2013_ORDER)
    assert any("the test split has no labels" in note for note in test_set.notes)
    assert any("the validation split is used" in note for note in test_set.notes)


def saved(folder: Path, *, state: bool) -> None:
    """A folder as `save_to_disk` writes it, with a file of the cache beside its own."""
    folder.mkdir(parents=True)
    table = dataset(FER)
    for name, rows in (("data-00000-of-00001.arrow", table), ("cache-0123456789abcdef.arrow", table.slice(0, 2))):
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(rows, max_chunksize=3)
    (folder / "dataset_info.json").write_text("{}")
    files = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": folder.name}
    (folder / "state.json").write_text(json.dumps(files if state else []))


@pytest.mark.parametrize("state", [True, False])
def test_saved_to_disk(tmp_path: Path, state: bool) -> None:
    for split in ("train", "test"):
        saved(tmp_path / split, state=state)
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    for data in (tmp_path, tmp_path / "test", tmp_path / "test/data-00000-of-00001.arrow"):
        assert recognise(Source(data))[0][0].name == "huggingface"
        test_set = load_test_set(Config(data=data))
        assert test_set.classes == FER2013_ORDER and test_set.frame["emotion"].tolist() == list(FER2013_ORDER)
        assert test_set.read_bytes(3) == png(3)
    assert any("the test split is used" in note for note in load_test_set(Config(data=tmp_path)).notes)


def test_a_stream_that_was_cut_off_is_one_line(tmp_path: Path) -> None:
    saved(tmp_path / "a", state=True)
    content = (tmp_path / "a/data-00000-of-00001.arrow").read_bytes()
    for size in range(0, len(content), 97):
        (tmp_path / "cut.arrow").write_bytes(content[:size])
        try:
            assert len(load_test_set(Config(data=tmp_path / "cut.arrow"))) in (3, 6, 7)  # whole batches
        except DataError as error:
            assert "\n" not in str(error)
