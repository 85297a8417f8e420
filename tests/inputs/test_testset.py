from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.config import Columns, Config
from reportgen.errors import DataError
from reportgen.inputs.checksums import content_digest
from reportgen.inputs.emotions import EMOTIONS, FER2013_ORDER, RAFDB_ORDER
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.persons import training_overlap
from reportgen.inputs.relocate import reorder
from reportgen.inputs.testset import TestSet, images_without_labels, load_test_set

Make = Callable[..., None]
REAL = Path(__file__).resolve().parents[2] / "../shared/fer/processed_data.pkl"
ROWS = {"image_path": ["images/a.png", "images/b.png", "images/c.png"], "emotion": ["Happy", "SAD", "afraid"]}
FOUND = ["happiness", "sadness", "fear"]


@pytest.fixture
def folder(tmp_path: Path, make_images: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with three images, while the working directory is elsewhere."""
    make_images(tmp_path / "data", "images/a.png", "images/b.png", "images/c.png")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "data"


def load(data: Path, **settings: Any) -> TestSet:
    test_set = load_test_set(Config(data=data, **settings))
    frame = test_set.frame
    assert list(frame.columns[:5]) == ["path", "file", "emotion", "label", "person"]
    for row in range(len(frame)):
        # Whatever the form: every kept row can be read and decoded, and label and emotion agree.
        assert decode(test_set.read_bytes(row)).width > 0
        assert test_set.classes[frame["label"][row]] == frame["emotion"][row]
    assert list(test_set.problems.columns) == ["path", "emotion", "kind", "message"]
    assert not any(str(data.parent) in str(cell) for cell in frame["path"])
    return test_set


def write(folder: Path, name: str, rows: dict[str, list[Any]]) -> Path:
    path = folder / name
    frame = pd.DataFrame(rows)
    match path.suffix:
        case ".pkl":
            path.write_bytes(pickle.dumps({"test_df": frame, "emotion_classes": list(EMOTIONS)}))
        case ".csv":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t")
        case ".parquet":
            frame.to_parquet(path)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".json":
            path.write_text(json.dumps(frame.to_dict(orient="records")))
    return path


@pytest.mark.parametrize("name", ["t.pkl", "t.csv", "t.tsv", "t.parquet", "t.jsonl", "t.json"])
def test_every_table_form_gives_the_same_rows(name: str, folder: Path) -> None:
    path = write(
        folder, name, {**ROWS, "subject": ["p1", "p2", "p1"], "age": [30, 40, 50], "camera": ["x", None, "007"]}
    )
    test_set = load(path)
    frame = test_set.frame
    assert frame["path"].tolist() == ROWS["image_path"]
    assert [Path(file) for file in frame["file"]] == [folder / written for written in ROWS["image_path"]]
    assert frame["emotion"].tolist() == FOUND
    assert frame["label"].tolist() == [EMOTIONS.index(emotion) for emotion in FOUND]
    assert frame["person"].tolist() == ["p1", "p2", "p1"]
    assert frame["age"].tolist() == [30, 40, 50]
    assert frame["data_camera"].tolist()[2] == "007"  # `camera` is what the file itself says
    assert test_set.classes == EMOTIONS
    assert test_set.source == name
    assert len(test_set) == 3 and test_set.problems.empty
    # Only the pickle states an order.
    known = "by the names that the data states" if path.suffix == ".pkl" else "nothing states the order"
    assert len(test_set.notes) == 1 and known in test_set.notes[0]


@pytest.mark.parametrize("path", ["image_path", "Path", "FILE", "filename", "file_path", "image", " img_path "])
@pytest.mark.parametrize("emotion", ["emotion", "Expression", "class", "target", "label"])
def test_usual_column_names(path: str, emotion: str, folder: Path) -> None:
    table = write(folder, "t.csv", {"id": [1, 2, 3], path: ROWS["image_path"], emotion: ROWS["emotion"]})
    test_set = load(table)
    assert test_set.frame["emotion"].tolist() == FOUND
    assert test_set.frame["id"].tolist() == [1, 2, 3]


def test_columns_from_the_settings(folder: Path) -> None:
    table = write(
        folder, "t.csv", {"wo": ROWS["image_path"], "was": ROWS["emotion"], "wer": ["p", "q", ""], "emotion": ["x"] * 3}
    )
    test_set = load(table, columns=Columns(path="wo", emotion="was", person="wer"))
    assert test_set.frame["emotion"].tolist() == FOUND
    assert test_set.frame["person"].tolist() == ["p", "q", None]
    with pytest.raises(DataError, match="column 'wohin' of the settings is not in the table"):
        load(table, columns=Columns(path="wohin"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"emotion": ["sad"]}, "no column for image paths"),
        ({"path": ["images/a.png"]}, "no column for emotions"),
        ({"path": [], "emotion": []}, "no row to test on"),
        ({"path": ["images/a.png"], "emotion": ["bored"]}, "no image with a known label .found: bored"),
        ({"path": ["gone.png"], "emotion": ["sad"]}, "none of 1 images was found .first: gone.png"),
        ({"path": ["images/a.png"], "label": [3]}, "labels are numbers .3. and nothing says what they mean"),
    ],
)
def test_tables_that_cannot_be_used(rows: dict[str, list[Any]], message: str, folder: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(write(folder, "t.csv", rows))
    assert "\n" not in str(caught.value)


def test_problems_are_listed_and_the_rest_goes_on(folder: Path) -> None:
    table = write(
        folder,
        "t.csv",
        {
            "path": [
                "images/a.png",
                "images/b.png",
                "images/gone.png",
                "",
                "images/a.png",
                "./images/b.png",
                "images/c.png",
            ],
            "emotion": ["happy", "bored", "sad", "sad", "happy", "sad", ""],
        },
    )
    test_set = load(table)
    assert test_set.frame["path"].tolist() == ["images/a.png", "./images/b.png"]
    assert [tuple(problem)[:3] for problem in test_set.problems.to_numpy().tolist()] == [
        ("images/b.png", "bored", "unknown-label"),
        ("images/c.png", None, "no-label"),
        ("images/gone.png", "sadness", "missing-file"),
        ("", "sadness", "missing-file"),
        ("images/a.png", "happiness", "duplicate-path"),
    ]


def test_one_image_under_two_labels_is_said_so(folder: Path) -> None:
    table = write(folder, "t.csv", {"path": ["images/a.png", ".\\images\\a.png"], "emotion": ["happy", "sad"]})
    test_set = load(table)
    assert test_set.frame["emotion"].tolist() == ["happiness"]
    assert test_set.problems["message"].tolist() == ["listed before as 'happiness', which counts"]


def test_exact_copies_with_the_same_label_count_once(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "images/test/happy/a.jpg", "images/test/happy/b.jpg", "images/test/sad/c.jpg")
    shutil.copytree(tmp_path / "images", tmp_path / "images/images")  # a folder that was unpacked into itself
    shutil.copy(tmp_path / "images/test/sad/c.jpg", tmp_path / "images/test/happy/d.jpg")
    test_set = load(tmp_path)
    assert sorted(test_set.frame["path"].str[-11:]) == ["happy/a.jpg", "happy/b.jpg", "happy/d.jpg", "t/sad/c.jpg"]
    assert test_set.problems["kind"].tolist() == ["exact-copy"] * 3
    assert test_set.problems["message"].str.endswith("which counts").all()


def test_copies_that_were_analysed_in_different_parts_are_found_in_the_whole_set(
    tmp_path: Path, make_images: Make
) -> None:
    make_images(tmp_path, "happy/a.jpg", "sad/c.jpg")
    shutil.copy(tmp_path / "happy/a.jpg", tmp_path / "happy/b.jpg")
    whole = load_test_set(Config(data=tmp_path), keep_copies=True)
    digest = content_digest((tmp_path / "happy/a.jpg").read_bytes)
    analysed = pd.DataFrame({"path": ["happy/b.jpg", "happy/a.jpg"], "sha256": [digest, digest]})
    assert reorder(whole, analysed).frame["path"].tolist() == ["happy/b.jpg", "happy/a.jpg"]


def test_exact_copies_among_pixels_count_once(tmp_path: Path) -> None:
    images = [np.full((8, 8), value, dtype=np.uint8) for value in (1, 1, 2, 1)]
    frame = pd.DataFrame({"pixels": images, "emotion": ["sad", "sad", "sad", "happy"]})
    (tmp_path / "t.pkl").write_bytes(pickle.dumps({"test_df": frame}))
    assert load(tmp_path / "t.pkl").frame["path"].tolist() == ["t.pkl#0", "t.pkl#2", "t.pkl#3"]


def test_training_images_are_found_by_their_paths_as_written(folder: Path) -> None:
    """A notebook of another machine lists both with that machine's folders, which nobody else has."""
    train = pd.DataFrame({"image_path": ["/kaggle/input/set/images/a.png", "/kaggle/x.png"], "emotion": ["sad", "sad"]})
    test = pd.DataFrame(
        {"image_path": [f"/kaggle/input/set/images/{n}.png" for n in "abc"], "emotion": ROWS["emotion"]}
    )
    (folder / "t.pkl").write_bytes(pickle.dumps({"test_df": test, "train_df": train}))
    test_set = load(folder / "t.pkl")
    overlap = training_overlap(list(test_set.frame["path"]), [None] * 3, test_set.training, None)
    assert overlap is not None and overlap.same_path == 1


def test_relative_paths_are_looked_for_in_three_places(
    tmp_path: Path, make_images: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images(tmp_path, "data/a.png", "work/b.png", "root/c.png")
    table = write(
        tmp_path / "data", "t.csv", {"path": ["a.png", "b.png", "c.png"], "emotion": ["happy", "sad", "fear"]}
    )
    monkeypatch.chdir(tmp_path / "work")
    found = load(table, image_root=tmp_path / "root").frame["file"].map(Path).tolist()
    assert found == [tmp_path / "data/a.png", tmp_path / "work/b.png", tmp_path / "root/c.png"]
    assert load(table).problems["path"].tolist() == ["c.png"]


def test_paths_written_on_another_machine(folder: Path) -> None:
    paths = ["/content/drive/set/images/a.png", "C:\\Users\\anna\\images\\b.png", "/home/anna/nowhere/gone.png"]
    test_set = load(write(folder, "t.csv", {"path": paths, "emotion": ROWS["emotion"]}))
    assert test_set.frame["path"].tolist() == ["images/a.png", "images/b.png"]
    assert test_set.problems["path"].tolist() == ["nowhere/gone.png"]
    assert any("another machine" in note for note in test_set.notes)
    assert "anna" not in test_set.frame["path"].str.cat() + test_set.problems.to_string()


@pytest.mark.parametrize(
    ("encoding", "noted"), [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("cp1252", True)]
)
def test_encodings(encoding: str, noted: bool, tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "müde.png")
    path = tmp_path / "t.csv"
    path.write_bytes("path;emotion;name\nmüde.png;traurig;Zoë\nmüde.png;sad;Zoë\n".encode(encoding))
    test_set = load(path)
    assert test_set.frame["name"].tolist() == ["Zoë"]
    assert any("Windows-1252" in note for note in test_set.notes) == noted
    assert test_set.problems["emotion"].tolist() == ["traurig"]


def test_damaged_and_foreign_files_are_one_line(folder: Path) -> None:
    for name, content in {"t.parquet": b"PAR1nothing", "t.jsonl": b"{", "t.csv": b'a,b\n"', "t.xlsx": b"PK"}.items():
        (folder / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            load(folder / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no such file or folder"):
        load(folder / "gone.csv")
    with pytest.raises(DataError, match="the notebook's file was looked for"):
        load_test_set(Config())


def test_the_notebooks_pickle(folder: Path, make_images: Make) -> None:
    train = pd.DataFrame({"image_path": ["images/x_1.png"], "emotion": ["anger"], "label": [0]})
    test = pd.DataFrame({**ROWS, "label": [1, 2, 0]})
    content = {
        "train_df": train,
        "val_df": train,
        "test_df": test,
        "emotion_classes": ["fear", "happy", "sad"],
        "class_weights": np.ones(3),
    }
    (folder / "processed_data.pkl").write_bytes(pickle.dumps(content))
    for data in (folder / "processed_data.pkl", folder):
        test_set = load(data)
        assert test_set.classes == ("fear", "happiness", "sadness")
        assert test_set.frame["label"].tolist() == [1, 2, 0]
        assert list(test_set.training) == ["train_df", "val_df"]
        assert test_set.training["train_df"]["path"].tolist() == ["images/x_1.png"]
        assert test_set.training["train_df"]["emotion"].tolist() == [None]  # anger is none of the classes
        order = "class order of the outputs, by the names that the data states: fear, happiness, sadness"
        assert test_set.notes == (order,)
    test["label"] = [1, 2, 2]
    (folder / "processed_data.pkl").write_bytes(pickle.dumps(content))
    assert load(folder).notes == ("1 rows whose number and emotion disagree: the emotion counts", order)


@pytest.mark.parametrize(
    "content",
    [
        pd.DataFrame(ROWS),
        ROWS,
        [dict(zip(ROWS, cells, strict=True)) for cells in zip(*ROWS.values(), strict=True)],
        {"test": ROWS, "classes": EMOTIONS},
        {"val_df": pd.DataFrame(ROWS)},
        pd.DataFrame(ROWS).set_index("image_path"),
        pd.DataFrame(ROWS).astype({"emotion": "category"}),
        pd.DataFrame({**ROWS, "image_path": [Path(path) for path in ROWS["image_path"]]}),
    ],
    ids=["frame", "columns", "rows", "dict of columns", "validation only", "path as index", "category", "paths"],
)
def test_other_pickles(content: Any, folder: Path) -> None:
    (folder / "t.pkl").write_bytes(pickle.dumps(content))
    test_set = load(folder / "t.pkl")
    assert test_set.frame["path"].tolist() == ROWS["image_path"]
    assert test_set.frame["emotion"].tolist() == FOUND


def test_pickles_without_a_table(folder: Path) -> None:
    for content, found in (({"a": 1}, "found: a"), (3, "holds a int")):
        (folder / "t.pkl").write_bytes(pickle.dumps(content))
        with pytest.raises(DataError, match=found):
            load(folder / "t.pkl")


def test_numbers_mean_the_declared_classes(folder: Path) -> None:
    table = write(folder, "t.csv", {"path": ROWS["image_path"], "label": [0, 2, 9]})
    test_set = load(table, classes=("joy", "Bored", "sad", "calm"))
    assert test_set.classes == ("happiness", "Bored", "sadness", "calm")
    assert test_set.frame["emotion"].tolist() == ["happiness", "sadness"]
    assert test_set.problems["message"].tolist() == ["the label '9' is none of the classes"]


def test_own_classes_are_admitted_by_name(folder: Path) -> None:
    table = write(folder, "t.csv", {"path": ROWS["image_path"], "label": ["bored", "BORED", "happy"]})
    test_set = load(table, classes=("bored", "awake"))
    assert test_set.frame["emotion"].tolist() == ["bored", "bored"]
    assert test_set.problems["emotion"].tolist() == ["happy"]


def test_a_pickle_that_states_several_orders_is_refused_unless_the_settings_decide(folder: Path) -> None:
    content = {
        "test_df": pd.DataFrame({"image_path": ROWS["image_path"], "label": [0, 1, 2]}),
        "emotions": ["fear", "happy", "sad"],
        "idx_to_class": {0: "sad", 1: "fear", 2: "happy"},
    }
    (folder / "t.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=r"states several class orders \(emotions: fear, happy, sad; idx_to"):
        load(folder / "t.pkl")
    test_set = load(folder / "t.pkl", classes=("sad", "fear", "happy"))
    assert test_set.frame["emotion"].tolist() == ["sadness", "fear", "happiness"]
    assert "the settings count" in test_set.notes[0]
    assert "numbers read as the positions in 'classes', from 0" in test_set.notes[1]


def test_rows_of_scores_without_a_largest_one_have_no_label(folder: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, 8, 8), dtype=np.uint8)
    scores = np.array([[0, 1, 0], [0, 0, 0], [0.2, 0.2, 0.6], [1, 1, 0]])
    content = {"X_test": images, "y_test": scores, "classes": ["sad", "happy", "fear"]}
    (folder / "t.pkl").write_bytes(pickle.dumps(content))
    test_set = load(folder / "t.pkl")
    assert test_set.frame["emotion"].tolist() == ["happiness", "fear"]
    assert test_set.problems["kind"].tolist() == ["no-label", "no-label"]


def test_a_table_of_which_no_row_can_be_used_says_why(folder: Path) -> None:
    path = write(folder, "t.csv", {"path": ["a", "b"], "angry": [0, 1], "sad": [0, 1], "happy": [0, 0]})
    with pytest.raises(DataError, match="none of 2 rows can be used; the first: it has no vote"):
        load(path)


def test_labels_that_are_not_fer2013s_are_left_to_the_classes(folder: Path) -> None:
    rows = {"emotion": [1, 7], "pixels": [" ".join(["7"] * 64), " ".join(["9"] * 64)], "Usage": ["PrivateTest"] * 2}
    path = write(folder, "fer2013.csv", rows)
    with pytest.raises(DataError, match="holds the label 7"):
        load(path)
    assert load(path, classes=FER2013_ORDER).frame["emotion"].tolist() == ["anger", "neutral"]


@pytest.mark.parametrize(
    ("one", "other"), [(["sad", "fear", "happy"], ["sad", "happy", "happy"]), ([0, 1, 2], [1, 2, 0])]
)
def test_two_columns_of_emotions_that_differ_are_refused(folder: Path, one: list[Any], other: list[Any]) -> None:
    path = write(folder, "t.csv", {"path": ROWS["image_path"], "class": one, "target": other})
    with pytest.raises(DataError, match=r"columns 'class' and 'target' both hold emotions and differ in [13] rows"):
        load(path, classes=("sad", "fear", "happy"))
    chosen = load(path, classes=("sad", "fear", "happy"), columns=Columns(emotion="target"))
    assert chosen.frame["emotion"].tolist()[1] == "happiness"
    alike = write(folder, "s.csv", {"path": ROWS["image_path"], "class": one, "target": one, "category": [0, 1, 1]})
    assert len(load(alike, classes=("sad", "fear", "happy"))) == 3


def test_class_order_is_learnt_from_emotions_beside_numbers(folder: Path) -> None:
    table = write(
        folder, "t.csv", {"path": ROWS["image_path"], "emotion": ["sad", "fear", "happy"], "label": [0, 1, 2]}
    )
    test_set = load(table)
    assert test_set.classes == ("sadness", "fear", "happiness")
    assert test_set.notes == ("class order of the outputs, by the table's numbers: sadness, fear, happiness",)
    assert load(table, classes=EMOTIONS).classes == EMOTIONS


def test_rafdb_numbers(tmp_path: Path, make_images: Make) -> None:
    names = [f"test_{number:04d}_aligned.jpg" for number in range(1, 8)]
    make_images(tmp_path, *(f"DATASET/test/{number}/{name}" for number, name in enumerate(names, start=1)))
    make_images(tmp_path, "DATASET/train/1/train_00001_aligned.jpg")
    test_set = load(tmp_path)
    assert test_set.frame["emotion"].tolist() == list(RAFDB_ORDER)
    assert test_set.classes == RAFDB_ORDER
    assert test_set.frame["path"][0] == "DATASET/test/1/test_0001_aligned.jpg"
    assert test_set.training["training folder"]["path"].tolist() == ["DATASET/train/1/train_00001_aligned.jpg"]
    assert test_set.training["training folder"]["emotion"].tolist() == ["surprise"]
    assert any("RAF-DB" in note for note in test_set.notes)
    assert any("the test folder is used" in note for note in test_set.notes)
    table = write(tmp_path / "DATASET/test/1", "t.csv", {"image": [names[0]], "label": [3]})
    assert load(table).frame["emotion"].tolist() == ["disgust"]


def test_fer2013_folders(tmp_path: Path, make_images: Make) -> None:
    emotions = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
    make_images(
        tmp_path, *(f"{split}/{emotion}/{split}_{emotion}.jpg" for split in ("train", "test") for emotion in emotions)
    )
    make_images(tmp_path, "test/bored/x.jpg", "test/angry/.hidden.jpg", "__MACOSX/test/angry/y.jpg")
    (tmp_path / "test/angry/notes.txt").write_text("no image")
    test_set = load(tmp_path)
    assert test_set.frame["path"].tolist() == [f"test/{emotion}/test_{emotion}.jpg" for emotion in emotions]
    assert test_set.frame["emotion"].tolist() == list(EMOTIONS)
    assert test_set.problems[["path", "kind"]].to_numpy().tolist() == [["test/bored/x.jpg", "unknown-label"]]
    assert test_set.training["training folder"]["emotion"].tolist() == list(EMOTIONS)
    assert load(tmp_path / "test").frame["emotion"].tolist() == list(EMOTIONS)
    only = load(tmp_path / "test", classes=("angry", "bored"))
    assert only.frame["emotion"].tolist() == ["anger", "bored"]


def test_only_training_folders_are_said_so(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "train/happy/a.jpg", "train/sad/b.jpg")
    assert any("only a training folder" in note for note in load(tmp_path).notes)


def test_kdef(tmp_path: Path, make_images: Make) -> None:
    make_images(
        tmp_path, "KDEF/AF01/AF01ANS.JPG", "KDEF/AF01/AF01AFHL.JPG", "KDEF/BM35/BM35SUFR.JPG", "KDEF/BM35/extra.jpg"
    )
    test_set = load(tmp_path)
    assert test_set.frame["emotion"].tolist() == ["fear", "anger", "surprise"]
    assert test_set.frame["person"].tolist() == ["F01", "F01", "M35"]
    assert test_set.frame["view"].tolist() == ["half left", "front", "right"]
    assert test_set.problems["path"].tolist() == ["KDEF/BM35/extra.jpg"]


def test_kdef_codes_as_folders(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "AF/a.jpg", "HA/b.jpg", "SU/c.jpg")
    assert load(tmp_path).frame["emotion"].tolist() == ["fear", "happiness", "surprise"]


def test_folders_that_tell_nothing(tmp_path: Path, make_images: Make) -> None:
    with pytest.raises(DataError, match="found no images in folders named after emotions"):
        load(tmp_path)
    make_images(tmp_path, "a.jpg", "x/b.jpg")
    with pytest.raises(DataError, match="found no images in folders named after emotions"):
        load(tmp_path)


def pixel_rows(tmp_path: Path, header: str, usages: list[str]) -> Path:
    rng = np.random.default_rng(0)
    lines = [header]
    for number, usage in enumerate(usages):
        pixels = " ".join(map(str, rng.integers(0, 256, 48 * 48)))
        lines.append(f"{number % 7},{pixels},{usage}")
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, pixels, Usage"])
def test_fer2013_pixels(header: str, tmp_path: Path) -> None:
    path = pixel_rows(tmp_path, header, ["Training"] * 3 + ["PublicTest"] * 2 + ["PrivateTest"] * 9)
    test_set = load(path)
    assert test_set.frame["path"].tolist() == [f"fer2013.csv#{row}" for row in range(5, 14)]
    assert test_set.classes == FER2013_ORDER
    assert test_set.frame["emotion"].tolist() == [FER2013_ORDER[row % 7] for row in range(5, 14)]
    assert test_set.frame["file"].isna().all()
    assert "row" not in test_set.frame.columns
    expected = np.random.default_rng(0).integers(0, 256, (14, 48, 48))
    for row in range(9):
        decoded = decode(test_set.read_bytes(row))
        np.testing.assert_array_equal(decoded.pixels[..., 0], expected[row + 5])
    assert any("PrivateTest" in note for note in test_set.notes)
    assert load(tmp_path).frame["path"].tolist() == test_set.frame["path"].tolist()
    alphabetical = load(path, classes=EMOTIONS)
    assert alphabetical.classes == EMOTIONS
    assert alphabetical.frame["emotion"].tolist() == test_set.frame["emotion"].tolist()


def test_fer2013_falls_back_to_the_public_test_rows(tmp_path: Path) -> None:
    test_set = load(pixel_rows(tmp_path, "emotion,pixels,Usage", ["Training", "PublicTest", "Training"]))
    assert test_set.frame["path"].tolist() == ["fer2013.csv#1"]
    assert any("PublicTest" in note for note in test_set.notes)


def test_pixels_that_are_no_image_are_listed(tmp_path: Path) -> None:
    path = pixel_rows(tmp_path, "emotion,pixels,Usage", ["PrivateTest"] * 3)
    path.write_text(path.read_text() + "3,1 2 3,PrivateTest\n")
    test_set = load(path)
    assert len(test_set) == 3
    assert test_set.problems[["path", "kind"]].to_numpy().tolist() == [["fer2013.csv#3", "undecodable"]]


def test_muxspace_legend(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg", "images/d.jpg")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/legend.csv").write_text(
        "user.id,image,emotion\n628,a.jpg,anger\n1,a.jpg,ANGER\n2,a.jpg,happiness\n628,b.jpg,HAPPINESS\n"
        "628,c.jpg,contempt\n1,d.jpg,sadness\n2,d.jpg,fear\n"
    )
    for data in (tmp_path / "data/legend.csv", tmp_path):
        test_set = load(data)
        assert test_set.frame["path"].tolist() == ["a.jpg", "b.jpg", "c.jpg"]
        assert test_set.classes == ("anger", "contempt", "happiness")
        assert test_set.frame["emotion"].tolist() == ["anger", "happiness", "contempt"]
        assert test_set.frame["person"].tolist() == [None, None, None]
        assert test_set.problems[["path", "kind"]].to_numpy().tolist() == [["d.jpg", "undecided-label"]]
        assert any("2 images with several labels" in note for note in test_set.notes)


def test_split_column_of_a_table(folder: Path) -> None:
    rows = {**ROWS, "split": ["train", "test", "Test"], "person": ["p", "p", "q"]}
    test_set = load(write(folder, "t.csv", rows))
    assert test_set.frame["path"].tolist() == ["images/b.png", "images/c.png"]
    trained = test_set.training["training rows"][["path", "written", "person", "emotion"]]
    assert trained.to_numpy().tolist() == [["images/a.png", "images/a.png", "p", "happiness"]]
    assert test_set.notes[0] == "rows with split = test are used (2)"


def test_person_pattern(folder: Path) -> None:
    train = pd.DataFrame({"image_path": ["images/a_9.png", "x.gif"], "emotion": ["sad", "sad"]})
    (folder / "t.pkl").write_bytes(pickle.dumps({"test_df": pd.DataFrame(ROWS), "train_df": train}))
    test_set = load(folder / "t.pkl", person_pattern=r"^([ab])[_.]")
    assert test_set.frame["person"].tolist() == ["a", "b", None]
    assert test_set.training["train_df"]["person"].tolist() == ["a", None]
    assert test_set.training["train_df"]["emotion"].tolist() == ["sadness", "sadness"]


def test_extra_columns_never_hide_ours(folder: Path) -> None:
    rows = {**ROWS, "width": [1, 2, 3], "notes": ["x", "y", "z"], "file": ["f"] * 3}
    frame = load(write(folder, "t.csv", rows)).frame
    assert frame["data_width"].tolist() == [1, 2, 3]
    assert frame["data_notes"].tolist() == ["x", "y", "z"]
    assert frame["data_file"].tolist() == ["f"] * 3
    assert [Path(file) for file in frame["file"]] == [folder / path for path in ROWS["image_path"]]


def test_a_file_that_vanishes_is_one_line(folder: Path) -> None:
    test_set = load(write(folder, "t.csv", ROWS))
    (folder / "images/b.png").unlink()
    with pytest.raises(DataError, match=r"images/b\.png: cannot be read"):
        test_set.read_bytes(1)


def test_a_folder_of_images_without_labels_says_what_is_not_read(folder: Path) -> None:
    (folder / "images/a.png").rename(folder / "images/a.heic")
    test_set = images_without_labels([folder / "images"])
    assert all(file.endswith(".png") for file in test_set.frame["file"])
    assert any("look like images and are not read: 1 (.heic 1; such as a.heic)" in note for note in test_set.notes)


def test_test_images_among_the_training_images_are_found_by_content(tmp_path: Path) -> None:
    """Folders of parts share no path; what was put into both is known by its bytes, under any name."""
    for n in range(8):
        for part in ("train", "test"):
            place = tmp_path / part / ("happy" if n % 2 else "sad")
            place.mkdir(parents=True, exist_ok=True)
            value = n if n < 3 else n + 100 * (part == "train")  # the first three lie in both
            Image.fromarray(np.full((4, 4), value, np.uint8)).save(place / f"{part}{n}.bmp")
    (tmp_path / "train/sad/gone.bmp").symlink_to(tmp_path / "nowhere.bmp")
    test_set = load_test_set(Config(data=tmp_path))
    overlap = training_overlap(list(test_set.frame["path"]), [None] * 8, test_set.training, None)
    assert overlap is not None and overlap.same_path == 3
    paths = test_set.training["training folder"]["path"].tolist()
    assert {path for path in paths if path.startswith("test/")} == {
        f"test/{e}/test{n}.bmp" for n, e in enumerate(("sad", "happy", "sad"))
    }


def test_images_without_labels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    test_set = images_without_labels([Path("images/a.png"), Path("gone.png"), folder / "images/b.png"])
    assert [Path(file) for file in test_set.frame["file"]] == [folder / "images/a.png", folder / "images/b.png"]
    assert test_set.frame["label"].tolist() == [-1, -1]
    assert test_set.frame["emotion"].tolist() == [None, None]
    assert test_set.frame["path"].tolist() == ["images/a.png", "images/b.png"]
    assert test_set.problems["kind"].tolist() == ["missing-file"]
    assert len(images_without_labels([Path("images")])) == 3
    with pytest.raises(DataError, match="none of 1 images was found"):
        images_without_labels([Path("gone.png")])


@pytest.mark.real
def test_the_real_test_set() -> None:
    if not REAL.exists():
        pytest.skip("the real test set is not beside the checkout")
    test_set = load_test_set(Config(data=REAL, person_pattern=r"^(.*?)_?\d+\.[A-Za-z]+$"))
    counts = test_set.frame["emotion"].value_counts().to_dict()
    assert counts == {
        "neutral": 1030, "happiness": 854, "surprise": 55, "sadness": 40, "anger": 38, "disgust": 31, "fear": 3,
    }  # fmt: skip
    assert test_set.classes == EMOTIONS and test_set.problems.empty
    assert test_set.frame[test_set.frame["emotion"] == "disgust"]["person"].nunique() == 9
    assert all(Path(file).is_absolute() for file in test_set.frame["file"])
    assert all(re.fullmatch(r"images/[^/]+", path) for path in test_set.frame["path"])


def test_corrected_labels_count_and_the_given_files_stay_as_they_are(folder: Path) -> None:
    data, labels = write(folder, "test.csv", ROWS), folder / "labels.csv"
    labels.write_text("file,old,new\nimages/a.png,happiness,fear\nb.png,sadness,sadness\n")
    before = data.read_bytes()
    found = load(data, labels=(labels,))
    assert found.frame["emotion"].tolist() == ["fear", *FOUND[1:]] and data.read_bytes() == before
    assert [(one.file, one.old, one.new) for one in found.corrections] == [
        ("images/a.png", "happiness", "fear"),
        ("images/b.png", "sadness", "sadness"),
    ]
    assert found.notes[-1] == "labels changed by hand: 1; confirmed by hand: 1"
