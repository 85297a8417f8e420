"""Every data set as its publishers lay it out, written in small and read back; near misses give one line."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from reportgen.config import Columns, Config, ModelConfig
from reportgen.errors import CheckpointError, DataError
from reportgen.explain.loading import output_classes
from reportgen.inputs.emotions import AFFECTNET_ORDER, CKPLUS_ORDER, EMOTIONS, FER2013_ORDER, RAFDB_ORDER
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.layouts.layout import Source
from reportgen.inputs.layouts.registry import LAYOUTS, recognise
from reportgen.inputs.testset import TestSet, load_test_set

Make = Callable[..., None]
FOLDERS = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
FERPLUS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"]


def load(data: Path, **settings: Any) -> TestSet:
    test_set = load_test_set(Config(data=data, **settings))
    frame = test_set.frame
    for row in range(len(frame)):
        assert decode(test_set.read_bytes(row)).width > 0
        assert test_set.classes[frame["label"][row]] == frame["emotion"][row]
    return test_set


def layout(data: Path) -> str:
    return recognise(Source(data))[0][0].name


def write_csv(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def face(number: int, side: int = 48) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (side, side), dtype=np.uint8)


def pixels(number: int) -> str:
    return " ".join(map(str, face(number).ravel()))


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, pixels, Usage"])
@pytest.mark.parametrize("name", ["fer2013.csv", "icml_face_data.csv"])
def test_fer2013_as_a_table(tmp_path: Path, name: str, header: str) -> None:
    usages = ["Training", "PublicTest", "PrivateTest"]
    table = write_csv(tmp_path / name, [header, *(f"{n % 7},{pixels(n)},{usages[n % 3]}" for n in range(21))])
    for data in (table, tmp_path):
        assert layout(data) == "fer2013"
        test_set = load(data)
        assert test_set.classes == FER2013_ORDER
        assert test_set.frame["emotion"].tolist() == [FER2013_ORDER[n % 7] for n in range(2, 21, 3)]
        assert (decode(test_set.read_bytes(0)).samples == face(2)).all()
        assert any("the numbering of FER2013: 0 anger, 1 disgust" in note for note in test_set.notes)


def test_fer2013_numbers_that_became_decimals(tmp_path: Path) -> None:
    table = write_csv(
        tmp_path / "fer.csv", ["emotion,pixels,Usage", *(f"{n}.0,{pixels(n)},PrivateTest" for n in range(7))]
    )
    assert load(table).frame["emotion"].tolist() == list(FER2013_ORDER)


def test_fer2013_and_similar_sets_in_folders(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{split}/{name}/{n}.jpg" for split in ("train", "test") for n, name in enumerate(FOLDERS)))
    test_set = load(tmp_path)
    assert layout(tmp_path) == "folders"
    assert test_set.classes == EMOTIONS and len(test_set) == 7
    assert len(test_set.training["training folder"]) == 7


def test_numbered_folders_with_fer2013s_names_are_told_by_them(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"test/{n}/PrivateTest_{n}.jpg" for n in range(7)))
    test_set = load(tmp_path)
    assert test_set.classes == FER2013_ORDER and test_set.frame["emotion"].tolist() == list(FER2013_ORDER)
    assert any("numbers read by the numbering of FER2013: 0 anger" in note for note in test_set.notes)


@pytest.mark.parametrize("numbers", [range(1, 8), range(1, 7), range(8)])
def test_other_numbers_are_not_fer2013s(tmp_path: Path, make_images: Make, numbers: range) -> None:
    make_images(tmp_path, *(f"test/{n}/PrivateTest_{n}.jpg" for n in numbers))
    with pytest.raises(DataError, match="nothing says what they mean"):
        load(tmp_path)
    named = load(tmp_path, classes=tuple(f"{n}={name}" for n, name in enumerate(AFFECTNET_ORDER)))
    assert named.frame["emotion"].tolist() == [AFFECTNET_ORDER[n] for n in numbers]
    assert any("not read as FER2013" in note and "not 0 to 6" in note for note in named.notes)


def ferplus_lines() -> list[str]:
    lines = ["Usage,Image name," + ",".join(FERPLUS)]
    for n in range(8):
        votes = [0] * 10
        votes[n], votes[8] = 8, 1
        lines.append(f"PrivateTest,fer{n:07d}.png,{','.join(map(str, votes))}")
    lines.append("PrivateTest,fer0000008.png,5,5,0,0,0,0,0,0,0,0")  # a tie
    lines.append("PrivateTest,fer0000009.png,2,0,0,0,0,0,0,0,8,0")  # unknown
    lines.append("PrivateTest,,0,0,0,0,0,0,0,0,0,10")  # no face
    lines.append("Training,fer0000011.png,10,0,0,0,0,0,0,0,0,0")
    return lines


@pytest.mark.parametrize("left_out", ["votes", "pixels"])
def test_ferplus_and_pixels_that_are_shifted(tmp_path: Path, left_out: str) -> None:
    lines = [line.replace("PrivateTest", "PublicTest") if n < 5 else line for n, line in enumerate(ferplus_lines())]
    usages = ["PublicTest"] * 4 + ["PrivateTest"] * 7 + ["Training"]
    table = ["emotion,pixels,Usage", *(f"0,{pixels(n)},{usage}" for n, usage in enumerate(usages))]
    write_csv(tmp_path / "fer2013new.csv", lines)
    write_csv(tmp_path / "fer2013.csv", table)
    assert load(tmp_path, dataset="ferplus").frame["emotion"].tolist() == FERPLUS[4:8]
    if left_out == "votes":
        write_csv(tmp_path / "fer2013new.csv", [*lines[:2], *lines[3:]])
    else:
        write_csv(tmp_path / "fer2013.csv", [*table[:2], *table[3:]])
    with pytest.raises(DataError, match=r"its rows are not those that FER\+ lists"):
        load(tmp_path, dataset="ferplus")


@pytest.mark.parametrize("form", ["images", "pixels"])
def test_ferplus(tmp_path: Path, make_images: Make, form: str) -> None:
    table = write_csv(tmp_path / "fer2013new.csv", ferplus_lines())
    if form == "images":
        make_images(tmp_path, *(f"FER2013Test/fer{n:07d}.png" for n in range(10)))
    else:
        usages = ["PrivateTest"] * 11 + ["Training"]
        write_csv(
            tmp_path / "fer2013.csv", ["emotion,pixels,Usage", *(f"0,{pixels(n)},{u}" for n, u in enumerate(usages))]
        )
    for data in (table, tmp_path):
        test_set = load(data) if data == table or form == "images" else load(data, dataset="ferplus")
        assert test_set.frame["emotion"].tolist() == FERPLUS[:8]
        assert test_set.classes == tuple(FERPLUS[:8])
        assert test_set.frame["votes neutral"].tolist() == [8, 0, 0, 0, 0, 0, 0, 0]
        assert test_set.votes is not None
        assert test_set.votes["neutral"].tolist() == [8, 0, 0, 0, 0, 0, 0, 0] and set(test_set.votes["no class"]) == {1}
        assert sorted(test_set.problems["kind"]) == ["no-label", "undecided-label", "undecided-label"]
        if form == "pixels":
            assert (decode(test_set.read_bytes(3)).samples == face(3)).all()


def test_ferplus_with_a_list_in_each_folder(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"FER2013Test/fer{n:07d}.png" for n in range(3)))
    lines = [f'fer{n:07d}.png,"(0, 0, 48, 48)",{",".join("9" if k == n else "0" for k in range(10))}' for n in range(3)]
    write_csv(tmp_path / "FER2013Test/label.csv", lines)
    assert load(tmp_path).frame["emotion"].tolist() == FERPLUS[:3]


def test_ferplus_and_fer2013_side_by_side_ask_which_is_meant(tmp_path: Path) -> None:
    write_csv(tmp_path / "fer2013new.csv", ferplus_lines())
    write_csv(tmp_path / "fer2013.csv", ["emotion,pixels,Usage", f"0,{pixels(0)},PrivateTest"])
    with pytest.raises(DataError, match=r"may be fer2013 .*; ferplus .*; choose with --dataset"):
        load(tmp_path)


def test_a_table_beside_folders_of_emotions_is_said(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "images/a.jpg", "images/b.jpg", "test/happy/c.jpg", "test/sad/d.jpg")
    write_csv(tmp_path / "data/legend.csv", ["user.id,image,emotion", "1,a.jpg,happiness", "1,b.jpg,anger"])
    assert any("--dataset folders reads them" in note for note in load(tmp_path).notes)
    assert load(tmp_path, dataset="folders").frame["path"].tolist() == ["test/happy/c.jpg", "test/sad/d.jpg"]


def raf(root: Path, make_images: Make) -> None:
    lines = [f"{part}_{n:05d}.jpg {n % 7 + 1}" for n in range(14) for part in [("train", "test")[n % 2]]]
    write_csv(root / "EmoLabel/list_patition_label.txt", lines)
    make_images(root, *(f"Image/aligned/{line.split('.')[0]}_aligned.jpg" for line in lines))
    write_csv(root / "Annotation/manual/test_00001_manu_attri.txt", ["1.0\t2.0"] * 5 + ["1", "0", "2"])


def test_rafdb_as_published(tmp_path: Path, make_images: Make) -> None:
    raf(tmp_path, make_images)
    for data in (tmp_path, tmp_path / "EmoLabel/list_patition_label.txt"):
        assert layout(data) == "rafdb"
        test_set = load(data)
        assert test_set.frame["emotion"].tolist() == [RAFDB_ORDER[n % 7] for n in range(1, 14, 2)]
        assert test_set.frame["gender"].dropna().to_dict() == {0: "female"}
        assert (test_set.frame["race"][0], test_set.frame["age"][0]) == ("Caucasian", "20-39")
        assert len(test_set.training["training part of the list"]) == 7
        by_name = load(data, classes=EMOTIONS)  # the order of the outputs; what the numbers mean is known
        assert by_name.frame["emotion"].tolist() == test_set.frame["emotion"].tolist()
        assert by_name.classes == EMOTIONS


def test_rafdb_without_its_images_or_with_other_lines_is_one_line(tmp_path: Path, make_images: Make) -> None:
    write_csv(tmp_path / "list_patition_label.txt", ["test_0001.jpg 5", "face.jpg 3"])
    with pytest.raises(DataError, match=r"expected lines such as 'train_00001\.jpg 5'"):
        load(tmp_path)
    write_csv(tmp_path / "list_patition_label.txt", ["test_0001.jpg 5"])
    with pytest.raises(DataError, match="none of 1 images was found"):
        load(tmp_path)


def test_rafdb_of_kaggle(tmp_path: Path, make_images: Make) -> None:
    names = [f"test_{n:04d}_aligned.jpg" for n in range(1, 8)]
    make_images(tmp_path, *(f"DATASET/test/{n}/{name}" for n, name in enumerate(names, start=1)))
    table = write_csv(
        tmp_path / "test_labels.csv", ["image,label", *(f"{name},{n}" for n, name in enumerate(names, 1))]
    )
    for data in (tmp_path, table):
        test_set = load(data)
        assert test_set.frame["emotion"].tolist() == list(RAFDB_ORDER) and test_set.classes == RAFDB_ORDER


def test_files_named_like_rafdbs_in_other_folders_are_not_read_as_it(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"test/{n}/test_{n:04d}.jpg" for n in range(7)))
    with pytest.raises(DataError, match="nothing says what they mean"):
        load(tmp_path)
    test_set = load(tmp_path, classes=FER2013_ORDER)
    assert test_set.frame["emotion"].tolist() == list(FER2013_ORDER)
    assert any("not read as RAF-DB" in note and "--dataset rafdb" in note for note in test_set.notes)


@pytest.mark.parametrize("form", ["table", "folders"])
def test_names_like_rafdbs_do_not_overrule_the_users_classes(tmp_path: Path, make_images: Make, form: str) -> None:
    names = [f"test_{n:04d}.jpg" for n in range(1, 8)]
    if form == "table":
        make_images(tmp_path, *names)
        lines = ["image,label", *(f"{name},{n}" for n, name in enumerate(names, 1))]
        data = write_csv(tmp_path / "own.csv", lines)
    else:
        make_images(tmp_path, *(f"test/{n}/{name}" for n, name in enumerate(names, 1)))
        data = tmp_path
    assert load(data).frame["emotion"].tolist() == list(RAFDB_ORDER)  # as the notes say
    assert load(data, classes=RAFDB_ORDER).frame["emotion"].tolist() == list(RAFDB_ORDER)
    with pytest.raises(
        DataError, match=r"by the numbering of RAF-DB 1 surprise.*in 'classes' 1 anger.*--dataset rafdb"
    ):
        load(data, classes=EMOTIONS)
    assert load(data, classes=EMOTIONS, dataset="rafdb").frame["emotion"].tolist() == list(RAFDB_ORDER)
    explicit = tuple(f"{n}={name}" for n, name in enumerate(EMOTIONS, 1))
    assert load(data, classes=explicit).frame["emotion"].tolist() == list(EMOTIONS)


def test_rafdb_does_not_count_from_0(tmp_path: Path, make_images: Make) -> None:
    names = [f"test_{n:04d}.jpg" for n in range(7)]
    make_images(tmp_path, *names)
    table = write_csv(tmp_path / "own.csv", ["image,label", *(f"{name},{n}" for n, name in enumerate(names, 1))])
    with pytest.raises(DataError, match="nothing says what they mean"):
        load(table)


def test_short_numbers_in_names_are_not_rafdbs(tmp_path: Path, make_images: Make) -> None:
    names = [f"train_{n}.jpg" for n in range(1, 8)]
    make_images(tmp_path, *names)
    table = write_csv(tmp_path / "list.csv", ["image,label", *(f"{name},{n}" for n, name in enumerate(names, 1))])
    with pytest.raises(DataError, match="nothing says what they mean"):
        load(table)


@pytest.mark.parametrize("trained", [["Angry", "Happy"], ["anger", "happiness"]])
def test_splits_that_spell_a_class_differently(trained: list[str], tmp_path: Path, make_images: Make) -> None:
    others = FOLDERS[1:3] + FOLDERS[4:]
    names = [*(f"train/{name}" for name in trained), "test/angry", "test/happy", *(f"test/{name}" for name in others)]
    make_images(tmp_path, *(f"{name}/{n}.jpg" for n, name in enumerate(names)))
    test_set = load(tmp_path)
    assert test_set.frame["emotion"].value_counts().to_dict() == dict.fromkeys(EMOTIONS, 1)
    assert test_set.training["training folder"]["emotion"].tolist() == ["anger", "happiness"]
    # As torchvision sorts the folders that the model was trained on: capitals first.
    assert test_set.classes[:2] == (("anger", "happiness") if trained[0] == "Angry" else ("anger", "disgust"))


def test_folders_of_persons_are_no_codes_of_expressions(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path / "codes", "AN/1.jpg", "SA/2.jpg")
    assert load(tmp_path / "codes").frame["emotion"].tolist() == ["anger", "sadness"]
    make_images(tmp_path / "persons", "KR/1.jpg", "SA/2.jpg")
    with pytest.raises(DataError, match="found no images in folders named after emotions"):
        load(tmp_path / "persons")


def test_an_earlier_report_beside_the_images_is_no_part_of_them(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "happy/1.jpg", "sad/2.jpg", "output/site/happy/3.jpg")
    (tmp_path / "output/analysis").mkdir()
    (tmp_path / "output/.reportgen.json").write_text("{}")
    pd.DataFrame({"path": ["happy/1.jpg"]}).to_parquet(tmp_path / "output/analysis/images.parquet")
    assert load(tmp_path).frame["path"].tolist() == ["happy/1.jpg", "sad/2.jpg"]


def test_affectnet_tables(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"1/{n}.jpg" for n in range(9)))
    rows = [f"1/{n}.jpg,1,1,9,9,1;2,{n},0.1,-0.2" for n in range(9)]
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    table = write_csv(tmp_path / "validation.csv", [header, *rows])
    test_set = load(table)
    assert layout(table) == "affectnet"
    assert test_set.frame["emotion"].tolist() == list(AFFECTNET_ORDER) == list(test_set.classes)
    assert test_set.problems["emotion"].tolist() == ["8"]
    assert any("8 (none), 9 (uncertain)" in note for note in test_set.notes)
    assert test_set.frame["valence"].tolist() == [0.1] * 8
    words = ["happy", "sad", "contempt"]
    table = write_csv(
        tmp_path / "labels.csv", [",pth,label,relFCs", *(f"{n},1/{n}.jpg,{w},0.8" for n, w in enumerate(words))]
    )
    assert load(table).frame["emotion"].tolist() == ["happiness", "sadness", "contempt"]


@pytest.mark.parametrize("stored", [str, int, float], ids=["text", "whole", "decimal"])
def test_affectnets_annotations(tmp_path: Path, make_images: Make, stored: type) -> None:
    make_images(tmp_path, *(f"{split}_set/images/{n}.jpg" for split in ("train", "val") for n in range(7)))
    for split in ("train", "val"):
        (tmp_path / f"{split}_set/annotations").mkdir()
        for n in range(7):
            np.save(tmp_path / f"{split}_set/annotations/{n}_exp.npy", np.array(stored(n)))
            np.save(tmp_path / f"{split}_set/annotations/{n}_val.npy", np.array(str(n / 10)))
    test_set = load(tmp_path)
    assert test_set.classes == AFFECTNET_ORDER[:7]
    assert test_set.frame["emotion"].tolist() == list(AFFECTNET_ORDER[:7])
    assert test_set.frame["valence"].tolist() == [n / 10 for n in range(7)]
    assert len(test_set.training["training folder"]) == 7


@pytest.mark.parametrize(
    "names",
    [
        "names: ['Anger', 'Contempt', Happy]",
        "names:\n- Anger\n- Contempt\n- Happy",
        "names:\n  0: Anger\n  1: Contempt\n  2: Happy",
        "names:\n  2: Happy  # the smiling ones\n\n# and others\n  0: Anger\n  1: 'Contempt'",
        "names: {2: Happy, '0': Anger, 1: \"Contempt\"}  # by number",
        "names: [Anger, # first\n  Contempt,\n  Happy,\n]",
        "names:\r\n- Anger # first\r\n# the second is rare\r\n- Contempt\r\n- Happy\r",
        "'names':\n  - 1: Contempt\n  - 0: Anger\n  - 2: Happy",
    ],
)
def test_affectnet_in_yolos_form(tmp_path: Path, make_images: Make, names: str) -> None:
    make_images(tmp_path, *(f"test/images/{n}.jpg" for n in range(4)))
    for n in range(3):
        write_csv(tmp_path / f"test/labels/{n}.txt", [f"{n} 0.5 0.5 1 1"])
    write_csv(tmp_path / "data.yaml", ["nc: 3", names, "train: ../train/images"])
    test_set = load(tmp_path)
    assert test_set.frame["emotion"].tolist() == ["anger", "contempt", "happiness"] == list(test_set.classes)
    assert test_set.problems["kind"].tolist() == ["no-label"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("names: {0: Anger, 2: Happy}", "'names' cannot be read; expected a list of names, or a name for each number"),
        ("names:\n  0: Anger\n  happy: 1", "'names' cannot be read"),
        ("names: [Anger: 0, Happy: 1]", "'names' cannot be read"),
        ("names:\n- don't\n- Happy", "'names' cannot be read"),
        ("names: classes.txt", "'names' cannot be read"),
        ("nc: 3\nnames: [Anger, Happy]", "'nc' says 3 classes, 'names' has 2"),
    ],
)
def test_names_of_yolo_that_cannot_be_certain(tmp_path: Path, make_images: Make, lines: str, message: str) -> None:
    make_images(tmp_path, "images/0.jpg")
    write_csv(tmp_path / "labels/0.txt", ["0 0.5 0.5 1 1"])
    write_csv(tmp_path / "data.yaml", [lines])
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_a_data_yaml_that_leads_nowhere_is_one_line(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "images/0.jpg")
    write_csv(tmp_path / "labels/0.txt", ["0 0.5 0.5 1 1"])
    (tmp_path / "data.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(DataError, match=r"data\.yaml: cannot be read \(No such file or directory\)"):
        load(tmp_path)


def test_yolos_training_images_are_kept_aside(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{split}/images/{n}.jpg" for split in ("train", "valid") for n in range(2)))
    for split in ("train", "valid"):
        for n in range(2):
            write_csv(tmp_path / f"{split}/labels/{n}.txt", [f"{n} 0.5 0.5 1 1"])
    write_csv(tmp_path / "data.yaml", ["names: [Anger, Happy]"])
    test_set = load(tmp_path)
    assert test_set.frame["path"].tolist() == ["valid/images/0.jpg", "valid/images/1.jpg"]
    assert test_set.training["training folder"]["emotion"].tolist() == ["anger", "happiness"]


@pytest.mark.parametrize("labels", [range(7), range(8)], ids=["without contempt", "with contempt"])
@pytest.mark.parametrize("outputs", [7, 8])
def test_affectnets_outputs_are_in_its_order_or_refused(
    tmp_path: Path, make_images: Make, labels: range, outputs: int
) -> None:
    make_images(tmp_path, *(f"1/{n}.jpg" for n in labels))
    rows = [f"1/{n}.jpg,{n}" for n in labels]
    table = write_csv(tmp_path / "validation.csv", ["subDirectory_filePath,expression", *rows])
    classes, entry = load(table).classes, ModelConfig(checkpoint=Path("m.pth"))
    if outputs == len(labels):
        assert output_classes("m", outputs, entry, classes) == AFFECTNET_ORDER[:outputs]
    else:
        with pytest.raises(CheckpointError, match=rf"{outputs} outputs, the test set {len(labels)} classes"):
            output_classes("m", outputs, entry, classes)
    named = load(table, classes=AFFECTNET_ORDER)
    assert named.classes == AFFECTNET_ORDER and named.frame["emotion"].tolist() == list(AFFECTNET_ORDER[: len(labels)])


def test_boxes_of_different_classes_are_left_out(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"images/{n}.jpg" for n in range(3)))
    for n, lines in enumerate((["0 .5 .5 1 1", "1 .1 .1 .2 .2"], ["1 .5 .5 1 1", "1 .1 .1 .2 .2"], ["0 .5 .5 1 1"])):
        write_csv(tmp_path / f"labels/{n}.txt", lines)
    write_csv(tmp_path / "data.yaml", ["names: [Anger, Happy]"])
    test_set = load(tmp_path)
    assert test_set.frame[["path", "emotion"]].to_numpy().tolist() == [
        ["images/1.jpg", "happiness"], ["images/2.jpg", "anger"],
    ]  # fmt: skip
    assert test_set.problems[["path", "kind"]].to_numpy().tolist() == [["images/0.jpg", "undecided-label"]]


def test_affectnets_training_table(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "1/0.jpg", "1/7.jpg")
    write_csv(tmp_path / "training.csv", ["subDirectory_filePath,expression", "1/7.jpg,7"])
    assert any("only the training table was found" in note for note in load(tmp_path).notes)
    write_csv(tmp_path / "validation.csv", ["subDirectory_filePath,expression", "1/0.jpg,0"])
    test_set = load(tmp_path)
    assert test_set.training["training table"]["path"].tolist() == ["1/7.jpg"]
    assert test_set.classes == AFFECTNET_ORDER, "contempt is among the training images, so the model has eight outputs"


def test_ck48_with_contempt_and_without_neutral(tmp_path: Path, make_images: Make) -> None:
    names = ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]
    make_images(tmp_path, *(f"{name}/S{n:03d}_00{n}_000000{n + 10}.png" for n, name in enumerate(names)))
    test_set = load(tmp_path)
    assert layout(tmp_path) == "ckplus"
    assert test_set.classes == ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
    assert test_set.frame["person"].tolist() == [f"S{n:03d}" for n in range(7)]


def test_numbered_folders_of_ck_are_not_guessed(tmp_path: Path, make_images: Make) -> None:
    """The original, ckextended.csv and the sorted folders of CK+48 number differently."""
    make_images(tmp_path, *(f"{n}/S01{n}_001_0000001{n}.png" for n in range(7)))
    with pytest.raises(DataError, match=r"--dataset ckplus.*as in ckextended.*1 contempt, 2 disgust, 3 fear"):
        load(tmp_path)
    assert load(tmp_path, dataset="ckplus").frame["emotion"].tolist() == list(CKPLUS_ORDER[:7])
    assert load(tmp_path, classes=FER2013_ORDER).frame["emotion"].tolist() == list(FER2013_ORDER)


def test_ck_as_a_table(tmp_path: Path, make_images: Make) -> None:
    table = write_csv(
        tmp_path / "ckextended.csv", ["emotion,pixels,Usage", *(f"{n},{pixels(n)},PrivateTest" for n in range(8))]
    )
    test_set = load(table)
    assert test_set.classes == (*FER2013_ORDER, "contempt")
    names = [f"S01{n}_001_0000000{n}.png" for n in range(1, 8)]
    make_images(tmp_path, *names)
    table = write_csv(tmp_path / "ck.csv", ["image,emotion", *(f"{name},{n}" for n, name in enumerate(names, start=1))])
    with pytest.raises(DataError, match=r"--dataset ckplus.*1 anger, 2 contempt.*as in ckextended"):
        load(table)
    test_set = load(table, dataset="ckplus")
    assert test_set.frame["emotion"].tolist() == list(CKPLUS_ORDER[1:])
    assert test_set.frame["person"].tolist() == [f"S01{n}" for n in range(1, 8)]


def test_jaffe(tmp_path: Path) -> None:
    codes = ["AN", "DI", "FE", "HA", "NE", "SA", "SU"]
    for n, code in enumerate(codes):
        Image.fromarray(face(n)).save(tmp_path / f"{('KA', 'KL')[n % 2]}.{code}1.{n}.tiff")
    test_set = load(tmp_path)
    assert test_set.frame["person"].tolist() == sorted(["KA", "KL", "KA", "KL", "KA", "KL", "KA"])
    assert sorted(test_set.frame["emotion"]) == list(EMOTIONS)


def test_kdefs_two_sessions_are_one_person(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "AF01/AF01AFS.JPG", "BF01/BF01HAFL.JPG", "AM02/AM02NES.JPG")
    test_set = load(tmp_path)
    assert test_set.frame["person"].tolist() == ["F01", "M02", "F01"]
    assert test_set.frame["emotion"].tolist() == ["fear", "neutral", "happiness"]
    assert test_set.frame["view"].tolist() == ["front", "front", "left"]
    assert test_set.frame["sex"].tolist() == ["female", "male", "female"]


def test_expw_cuts_the_faces_out(tmp_path: Path) -> None:
    (tmp_path / "origin").mkdir()
    photo = face(0, 64)
    Image.fromarray(photo).save(tmp_path / "origin/a b.png".replace(" ", ""))
    lines = ["ab.png 0 8 4 36 40 62.5 3", "ab.png 1 20 30 50 60 40.1 6", "ab.png 2 99 99 120 120 40.1 6"]
    write_csv(tmp_path / "label.lst", lines)
    for data in (tmp_path, tmp_path / "label.lst"):
        test_set = load_test_set(Config(data=data))
        assert test_set.frame["emotion"].tolist() == ["happiness", "neutral", "neutral"]
        assert test_set.frame["path"].tolist() == ["ab.png#1", "ab.png#2", "ab.png#3"]
        # top, left, right, bottom
        assert (decode(test_set.read_bytes(0)).samples == photo[8:40, 4:36]).all()
        assert not test_set.lies_in_files
        with pytest.raises(DataError, match="lies outside the photo"):
            test_set.read_bytes(2)
    write_csv(tmp_path / "label.lst", ["ab.png 0 8 4 36"])
    with pytest.raises(DataError, match="expected lines of 8 fields"):
        load(tmp_path / "label.lst", dataset="expw")


def test_muxspace_reads_persons_before_the_number(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "images/Al_Gore_0001.jpg", "images/Al_Gore_0002.jpg", "images/foo.jpg")
    write_csv(
        tmp_path / "data/legend.csv",
        ["user.id,image,emotion", "1,Al_Gore_0001.jpg,HAPPINESS", "1,Al_Gore_0002.jpg,anger", "2,foo.jpg,fear"],
    )
    assert load(tmp_path).frame["person"].tolist() == ["Al_Gore", "Al_Gore", None]


@pytest.mark.parametrize("name", ["KA.{code}1.{n}.tiff", "AF0{n}{code}S.png"], ids=["JAFFE", "KDEF"])
def test_parts_of_sets_with_coded_names(tmp_path: Path, make_images: Make, name: str) -> None:
    for split in ("train", "val"):
        make_images(tmp_path, *(f"{split}/{name.format(code=code, n=n)}" for n, code in enumerate(("AN", "HA", "SU"))))
    test_set = load(tmp_path)
    assert len(test_set) == 3 and all(path.startswith("val/") for path in test_set.frame["path"])
    assert len(test_set.training["training folder"]) == 3


def parquet(path: Path, *, names: list[str], column: str = "image", labels: list[int] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    held = [{"bytes": image, "path": f"{n}.png"} for n, image in enumerate(map(png, range(7)))]
    table = pa.table({column: held, "label": pa.array(labels or list(range(7)), pa.int64())})
    meta = {"info": {"features": {column: {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(meta)}), path)
    return path


def png(number: int) -> bytes:
    import io

    buffer = io.BytesIO()
    Image.fromarray(face(number)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("column", ["image", "img_bytes"])
def test_hugging_face_parquet(tmp_path: Path, column: str) -> None:
    names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    test = parquet(tmp_path / "data/test-00000-of-00001.parquet", names=names, column=column)
    parquet(tmp_path / "data/train-00000-of-00001.parquet", names=names, column=column)
    for data in (test, tmp_path):
        test_set = load(data)
        assert layout(data) == "huggingface"
        assert test_set.classes == FER2013_ORDER and len(test_set) == 7
        assert test_set.frame["emotion"].tolist() == list(FER2013_ORDER)
        assert test_set.read_bytes(2) == png(2)
        assert test_set.frame["path"][2] == "2.png"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_hugging_face_imagefolder(tmp_path: Path, make_images: Make, form: str) -> None:
    make_images(tmp_path, "test/a.png", "test/b.png", "train/a.png")
    rows = [{"file_name": "a.png", "emotion": "happy"}, {"file_name": "b.png", "emotion": "sad"}]
    for split in ("test", "train"):
        text = "\n".join(map(json.dumps, rows)) if form == "jsonl" else "file_name,emotion\na.png,happy\nb.png,sad\n"
        (tmp_path / split / f"metadata.{form}").write_text(text)
    test_set = load(tmp_path)
    assert test_set.frame["emotion"].tolist() == ["happiness", "sadness"]
    assert test_set.frame["path"].tolist() == ["test/a.png", "test/b.png"]
    assert test_set.training["training folder"]["path"].tolist() == ["train/a.png", "train/b.png"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("list.csv", ["a.jpg,happy", "b.jpg,sad"]),
        ("list.txt", ["a.jpg happy", "b.jpg sad"]),
        ("list.tsv", ["a.jpg\thappy", "b.jpg\tsad"]),
        ("list.lst", ["a.jpg happy", "b.jpg sad"]),
        ("list.csv", ["0,a.jpg,happy", "1,b.jpg,sad"]),
        ("list.txt", ["happy a.jpg", "sad b.jpg"]),
        ("list.csv", ["a.jpg,48,48,happy", "b.jpg,48,48,sad"]),
        ("list.csv", ["", "a.jpg,0.91,happy", "b.jpg,0.13,sad"]),
        ("list.csv", ["a.jpg,happy,train", "b.jpg,sad,train"]),
        ("table.csv", ["image,label", "a.jpg,happy,", "b.jpg,sad,"]),
        ("table.csv", ["image,label", "0,a.jpg,happy", "1,b.jpg,sad"]),
        ("table.csv", ["image,label", "a.jpg,happy,0.9", "b.jpg,sad,0.8"]),
        ("table.csv", [",image,label", "0,a.jpg,happy", "1,b.jpg,sad"]),
        ("table.txt", ["image label", "a.jpg happy", "b.jpg sad"]),
        ("map.json", ['{"a.jpg": "happy", "b.jpg": "sad"}']),
        ("rows.json", ['[["a.jpg", "happy"], ["b.jpg", "sad"]]']),
    ],
)
def test_lists_without_a_header(tmp_path: Path, make_images: Make, name: str, lines: list[str]) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    test_set = load(write_csv(tmp_path / name, lines))
    assert test_set.frame["path"].tolist() == ["a.jpg", "b.jpg"]
    assert test_set.frame["emotion"].tolist() == ["happiness", "sadness"]


def test_an_export_with_a_table_for_each_part(tmp_path: Path, make_images: Make) -> None:
    """Roboflow's form: `_classes.csv` beside the images of each part."""
    for split in ("train", "valid"):
        make_images(tmp_path, *(f"{split}/{n}.jpg" for n in range(2)))
        write_csv(tmp_path / split / "_classes.csv", ["filename, Angry, Happy, Sad", "0.jpg,1,0,0", "1.jpg,0,0,1"])
    test_set = load(tmp_path)
    assert test_set.frame["path"].tolist() == ["valid/0.jpg", "valid/1.jpg"]
    assert [Path(file).parent.name for file in test_set.frame["file"]] == ["valid"] * 2
    assert test_set.training["training folder"]["path"].tolist() == ["train/0.jpg", "train/1.jpg"]
    assert any("valid/_classes.csv is used, train/_classes.csv not" in note for note in test_set.notes)
    (tmp_path / "valid/_classes.csv").unlink()
    assert any("_classes.csv seems to be a list of training images" in note for note in load(tmp_path).notes)


@pytest.mark.parametrize("name", ["train.csv", "fer_train_labels.csv", "train-00000-of-00001.csv"])
def test_a_table_named_after_training_is_said(tmp_path: Path, make_images: Make, name: str) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    table = write_csv(tmp_path / name, ["image,emotion", "a.jpg,sad", "b.jpg,happy"])
    assert any("seems to be a list of training images" in note for note in load(table).notes)
    table = write_csv(tmp_path / "list.csv", ["image,emotion", "a.jpg,sad", "b.jpg,happy"])
    assert not any("training" in note for note in load(table).notes)


def test_the_training_table_beside_is_kept_aside(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "data/a.jpg", "data/b.jpg")
    for name, lines in (("test", ["a.jpg,sad"]), ("train", ["b.jpg,happy", "a.jpg,sad"])):
        write_csv(tmp_path / f"data/{name}.csv", ["image,emotion", *lines])
    test_set = load(tmp_path)
    assert test_set.frame["path"].tolist() == ["a.jpg"]
    assert test_set.training["training table"]["path"].tolist() == ["b.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("lines", "label"),
    [
        (["5,a.jpg", "5,b.jpg"], [5, 5]),
        (["17,a.jpg,3", "40,b.jpg,3"], None),
        (["a.jpg 0 10 20 3", "b.jpg 1 10 20 3"], None),
        (["1,a.jpg,3", "2,b.jpg,6"], [3, 6]),
    ],
)
def test_numbers_of_a_list_without_a_header(
    tmp_path: Path, make_images: Make, lines: list[str], label: list[int] | None
) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    table = write_csv(tmp_path / "list.csv", lines)
    numbered = tuple(f"{n}={name}" for n, name in enumerate(FER2013_ORDER))
    if label is None:
        with pytest.raises(DataError, match=r"no column for emotions .found: .*field \d.*under \[columns\]"):
            load(table, dataset="table")
        last = f"field {len(lines[0].replace(',', ' ').split())}"
        label = [3, 3]
        test_set = load(table, classes=numbered, columns=Columns(emotion=last), dataset="table")
    else:
        test_set = load(table, classes=numbered)
    assert test_set.frame["emotion"].tolist() == [FER2013_ORDER[n] for n in label]


def test_words_and_numbers_of_a_list_without_a_header(tmp_path: Path, make_images: Make) -> None:
    words = [*FER2013_ORDER, *FER2013_ORDER]
    make_images(tmp_path, *(f"{n}.jpg" for n in range(14)))

    def lines(numbers: list[int]) -> list[str]:
        return [f"{word},{n}.jpg,{number}" for n, (word, number) in enumerate(zip(words, numbers, strict=True))]

    test_set = load(write_csv(tmp_path / "list.csv", lines([FER2013_ORDER.index(word) for word in words])))
    assert test_set.classes == FER2013_ORDER
    assert test_set.notes[0] == "no first line with names: images are read from field 2, labels from 1"
    table = write_csv(tmp_path / "list.csv", lines([0, 0, 0, 1, 1, 1, 2] * 2))
    with pytest.raises(DataError, match=r"no column for emotions .found: field 1, image, field 3\)"):
        load(table)
    assert load(table, columns=Columns(emotion="field 1")).frame["emotion"].tolist() == words


def test_lines_longer_than_the_header_that_do_not_show_which_column_is_which(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    table = write_csv(tmp_path / "t.csv", ["image,label", "a.jpg,b.jpg,happy"])
    with pytest.raises(DataError, match="one field more than its first line has names, and which column is which"):
        load(table)
    said = load(write_csv(tmp_path / "t.csv", ["image,label", "7,a.jpg,happy"])).notes[0]
    assert said == "lines have one field more than the header has names: the first of each line left out"


def test_one_hot_columns(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{n}.jpg" for n in range(4)))
    lines = ["filename, Angry, Happy, Sad", "0.jpg,1,0,0", "1.jpg,0,0,1", "2.jpg,0,1,0", "3.jpg,0,0,0"]
    table = write_csv(tmp_path / "_classes.csv", lines)
    test_set = load(table)
    assert test_set.frame["emotion"].tolist() == ["anger", "sadness", "happiness"]
    assert test_set.problems["kind"].tolist() == ["undecided-label"]
    assert "Angry" not in test_set.frame.columns


def test_an_empty_label_among_numbers(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{n}.jpg" for n in range(4)))
    table = write_csv(tmp_path / "t.csv", ["path,label", "0.jpg,0.0", "1.jpg,1.0", "2.jpg,", "3.jpg,2.0"])
    test_set = load(table, classes=("sad", "happy", "fear"))
    assert test_set.frame["emotion"].tolist() == ["sadness", "happiness", "fear"]
    assert test_set.problems["kind"].tolist() == ["no-label"]


@pytest.mark.parametrize("kind", ["grey", "rgb", "text", "arrays"])
def test_images_in_the_cells_of_a_pickle(tmp_path: Path, kind: str) -> None:
    images = [face(n) if kind != "rgb" else np.stack([face(n)] * 3, axis=2) for n in range(3)]
    cells: list[Any] = [str(image.ravel().tolist()) for image in images] if kind == "text" else images
    content: dict[str, Any] = {
        "test_df": pd.DataFrame({"image" if kind != "text" else "pixels": cells, "emotion": ["sad", "happy", "fear"]})
    }
    if kind == "arrays":
        content = {"X_test": np.stack(images), "y_test": np.array([0, 1, 2]), "classes": ["sad", "happy", "fear"]}
    (tmp_path / "t.pkl").write_bytes(pickle.dumps(content))
    test_set = load(tmp_path / "t.pkl")
    assert test_set.frame["emotion"].tolist() == ["sadness", "happiness", "fear"]
    assert (decode(test_set.read_bytes(1)).pixels[:, :, 0] == face(1)).all()


@pytest.mark.parametrize("key", ["classes", "class_to_idx", "idx_to_class", "dict", "id2label"])
def test_names_in_a_pickle_say_what_its_numbers_mean(tmp_path: Path, make_images: Make, key: str) -> None:
    make_images(tmp_path, *(f"{n}.jpg" for n in range(7)))
    frame = pd.DataFrame({"image_path": [f"{n}.jpg" for n in range(7)], "label": range(7)})
    stated: dict[str, Any] = {
        "classes": {"classes": list(FER2013_ORDER)},
        "class_to_idx": {"class_to_idx": {name: n for n, name in enumerate(FER2013_ORDER)}},
        "idx_to_class": {"idx_to_class": dict(enumerate(FER2013_ORDER))},
        "dict": {"classes": dict(enumerate(FER2013_ORDER))},
        "id2label": {"id2label": {str(n): name for n, name in enumerate(FER2013_ORDER)}},
    }[key]
    (tmp_path / "t.pkl").write_bytes(pickle.dumps({"test_df": frame, **stated}))
    test_set = load(tmp_path / "t.pkl")
    assert test_set.classes == FER2013_ORDER and test_set.frame["emotion"].tolist() == list(FER2013_ORDER)


def test_a_pickled_list_of_pairs(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "t.pkl").write_bytes(pickle.dumps([("a.jpg", "sad"), ("b.jpg", "happy")]))
    assert load(tmp_path / "t.pkl").frame["emotion"].tolist() == ["sadness", "happiness"]


def test_a_named_data_set_overrules(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"test/{n}/{n}.jpg" for n in range(1, 8)))
    assert load(tmp_path, dataset="rafdb").frame["emotion"].tolist() == list(RAFDB_ORDER)
    assert load(tmp_path, dataset="affectnet").frame["emotion"].tolist() == list(AFFECTNET_ORDER[1:])
    with pytest.raises(DataError, match="--dataset raf: no such data set; expected one of notebook, fer2013"):
        load(tmp_path, dataset="raf")
    with pytest.raises(DataError, match="no legend"):
        load(tmp_path, dataset="muxspace")


@pytest.mark.parametrize("one", LAYOUTS, ids=lambda one: one.name)
def test_a_layout_that_is_not_there_is_one_line(one: Any, tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "a.jpg", "x/b.jpg")
    table = write_csv(tmp_path / "t.csv", ["a,b", "1,2"])
    for data in (tmp_path, table):
        with pytest.raises(DataError) as caught:
            load(data, dataset=one.name)
        assert "\n" not in str(caught.value)


def test_columns_of_the_settings_reach_every_layout(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    table = write_csv(tmp_path / "t.csv", ["wo,was", "a.jpg,sad", "b.jpg,happy"])
    assert load(table, columns=Columns(path="wo", emotion="was")).frame["emotion"].tolist() == ["sadness", "happiness"]


def test_models_that_state_their_classes_decide_the_order(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    table = write_csv(tmp_path / "t.csv", ["path,emotion", "a.jpg,sad", "b.jpg,happy"])
    eight = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
    models = {"X": ModelConfig(checkpoint=Path("x.pth"), classes=eight)}
    assert load(table, models=models).classes == AFFECTNET_ORDER
    assert load(table, models=models, classes=EMOTIONS).classes == EMOTIONS


def test_a_list_beside_folders_that_say_otherwise_is_said(tmp_path: Path, make_images: Make) -> None:
    paths = [f"{name}/{n}.jpg" for name in ("anger", "fear") for n in range(3)]
    make_images(tmp_path, *paths, "fear/extra.jpg")
    right = [f"{n},{path},{path.split('/')[0]},0.8" for n, path in enumerate(paths)]
    write_csv(tmp_path / "labels.csv", [",pth,label,relFCs", *right])
    test_set = load(tmp_path)
    assert test_set.frame["emotion"].tolist() == ["anger"] * 3 + ["fear"] * 3
    assert not any("named after another emotion" in note for note in test_set.notes)
    assert any("1 of 7 images in folders named after emotions are not listed there" in note for note in test_set.notes)
    write_csv(tmp_path / "labels.csv", [",pth,label,relFCs", *right[:-1], right[-1].replace(",fear,", ",anger,")])
    (note,) = [note for note in load(tmp_path).notes if "named after another emotion" in note]
    assert note.startswith("1 of 6 images") and "fear/2.jpg, labelled anger" in note


def test_a_few_lines_of_something_else_are_left_out_and_said(tmp_path: Path) -> None:
    lines = [f"{n % 7},{pixels(n)},PrivateTest" for n in range(7)]
    junk = ["fer2013/README", "a,b,c,d,e,f"]
    table = write_csv(tmp_path / "fer2013.csv", ["emotion,pixels,Usage", *lines, *junk])
    test_set = load(table)
    assert test_set.frame["emotion"].tolist() == list(FER2013_ORDER)
    assert any(note.startswith("line 10 of fer2013.csv left out") for note in test_set.notes)
    write_csv(table, ["emotion,pixels,Usage", *lines, *junk, "1,2,3,4"])
    with pytest.raises(DataError, match="Expected 3 fields in line 10, saw 6"):
        load(table)


def ferplus_without(column: str, folder: Path) -> None:
    lines = [",".join(cell for cell in line.split(",")) for line in ferplus_lines()]
    write_csv(folder / "fer2013new.csv", [lines[0].replace(f",{column}", ",other"), *lines[1:]])


def short_fer2013_beside_ferplus(folder: Path) -> None:
    write_csv(folder / "fer2013new.csv", ferplus_lines())
    write_csv(folder / "fer2013.csv", ["emotion,pixels,Usage", f"0,{pixels(0)},PrivateTest"])


NEAR_MISSES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "muxspace, another header": (
        lambda root: write_csv(root / "data/legend.csv", ["user,image,emotion", "1,a.jpg,anger"]),
        "muxspace", r"found the columns user, image, emotion, expected user.id, image and emotion",
    ),
    "FER2013, contempt among its numbers": (
        lambda root: write_csv(root / "fer2013.csv", ["emotion,pixels,Usage", f"7,{pixels(0)},PrivateTest"]),
        "fer2013", r"holds the label 7, and FER2013 has 0 to 6; if 7 is contempt.*--dataset ckplus",
    ),
    "FER2013, no pixels": (
        lambda root: write_csv(root / "fer2013.csv", ["emotion,Usage", "0,PrivateTest"]),
        "fer2013", r"no column for image paths",
    ),
    "FER+, a column of votes is missing": (
        lambda root: ferplus_without("contempt", root), "ferplus", r"lacks the columns contempt of FER\+'s",
    ),
    "FER+, fewer rows of pixels": (
        short_fer2013_beside_ferplus, "ferplus", r"its rows are not those that FER\+ lists",
    ),
    "FER+, lists with other fields": (
        lambda root: write_csv(root / "FER2013Test/label.csv", ["fer0.png,1,2,3"]),
        "ferplus", r"lines of 4 fields, expected a name, a box and ten votes",
    ),
    "RAF-DB, labels from 0": (
        lambda root: write_csv(root / "EmoLabel/list_patition_label.txt", ["test_0001.jpg 0"]),
        "rafdb", r"expected lines such as 'train_00001.jpg 5', with labels 1 to 7",
    ),
    "AffectNet, no names in data.yaml": (
        lambda root: [write_csv(root / "data.yaml", ["nc: 8"]), write_csv(root / "labels/0.txt", ["0 .5 .5 1 1"])],
        "affectnet", r"data.yaml: no list 'names'",
    ),
    "CK+, another header": (
        lambda root: write_csv(root / "ckextended.csv", ["emotion,values,Usage", "0,1 2 3,PrivateTest"]),
        "", r"no column for image paths",
    ),
    "ExpW, a field is missing": (
        lambda root: write_csv(root / "label.lst", ["a.jpg 0 1 2 3 4 5"]),
        "expw", r"expected lines of 8 fields",
    ),
    "Hugging Face, metadata without file_name": (
        lambda root: write_csv(root / "metadata.csv", ["image_id,emotion", "1,happy"]),
        "huggingface", r"no Parquet or Arrow file and no metadata.csv with file_name",
    ),
    "JAFFE, other names": (lambda root: write_csv(root / "a.txt", ["x"]), "jaffe", r"none of \d rows can be used"),
    "KDEF, other names": (lambda root: write_csv(root / "a.txt", ["x"]), "kdef", r"none of \d rows can be used"),
}  # fmt: skip


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_near_misses_are_one_line_that_says_what_is_expected(case: str, tmp_path: Path, make_images: Make) -> None:
    make, dataset, message = NEAR_MISSES[case]
    make_images(tmp_path, "a.jpg")
    made = make(tmp_path)
    data = made if isinstance(made, Path) and not dataset else tmp_path
    with pytest.raises(DataError, match=message) as caught:
        load(data, dataset=dataset or None)
    assert "\n" not in str(caught.value)


def test_muxspace_with_contempt_and_several_raters(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"images/{name}" for name in ("Al_Gore_0001.jpg", "Bo_Li_0001.jpg", "Bo_Li_0002.jpg")))
    labels = ["Al_Gore_0001.jpg,Contempt", "Al_Gore_0001.jpg,contempt", "Al_Gore_0001.jpg,anger",
              "Bo_Li_0001.jpg,HAPPINESS", "Bo_Li_0002.jpg,fear", "Bo_Li_0002.jpg,sadness"]  # fmt: skip
    lines = [f"{rater},{line}" for rater, line in enumerate(labels)]
    write_csv(tmp_path / "data/legend.csv", ["user.id,image,emotion", *lines])
    test_set = load(tmp_path)
    assert test_set.frame["emotion"].tolist() == ["contempt", "happiness"]
    assert test_set.frame["person"].tolist() == ["Al_Gore", "Bo_Li"]
    assert test_set.problems["message"].tolist() == ["equally many votes for fear, sadness"]


def test_kaggles_rafdb_with_both_lists_and_parts(tmp_path: Path, make_images: Make) -> None:
    for part, digits in (("train", 5), ("test", 4)):
        names = [f"{part}_{n:0{digits}d}_aligned.jpg" for n in range(1, 8)]
        make_images(tmp_path, *(f"DATASET/{part}/{n}/{name}" for n, name in enumerate(names, start=1)))
        write_csv(tmp_path / f"{part}_labels.csv", ["image,label", *(f"{name},{n}" for n, name in enumerate(names, 1))])
    test_set = load(tmp_path)
    assert layout(tmp_path) == "rafdb" and test_set.frame["emotion"].tolist() == list(RAFDB_ORDER)
    assert all("test" in path for path in test_set.frame["path"])
    assert test_set.training["training folder"]["emotion"].tolist() == list(RAFDB_ORDER)
    assert load(tmp_path / "test_labels.csv").frame["emotion"].tolist() == list(RAFDB_ORDER)
    assert any("probably seen" in note for note in load(tmp_path / "train_labels.csv").notes)


def test_affectnet_as_published_with_annotations_and_eight_classes(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{split}_set/images/{n}.jpg" for split in ("train", "val") for n in range(9)))
    for split in ("train", "val"):
        (tmp_path / f"{split}_set/annotations").mkdir()
        for n in range(8):
            for kind, value in (("exp", str(n)), ("val", str(n / 10)), ("aro", str(-n / 10)), ("lnd", "1.0")):
                np.save(tmp_path / f"{split}_set/annotations/{n}_{kind}.npy", np.array(value))
    for data in (tmp_path, tmp_path / "val_set"):
        test_set = load(data)
        assert test_set.classes == AFFECTNET_ORDER and test_set.frame["emotion"].tolist() == list(AFFECTNET_ORDER)
        assert test_set.frame["arousal"].tolist() == [-n / 10 for n in range(8)]


def test_images_without_an_annotation_are_said(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"val_set/images/{n}.jpg" for n in range(3)))
    (tmp_path / "val_set/annotations").mkdir()
    for n in range(2):
        np.save(tmp_path / f"val_set/annotations/{n}_exp.npy", np.array(n))
    notes = load(tmp_path).notes
    assert any("without an annotation are left out: 1 of 3 (such as val_set/images/2.jpg)" in note for note in notes)


def test_ckplus_numbered_folders_and_near_copies_of_a_sequence(tmp_path: Path, make_images: Make) -> None:
    """Three frames of one sequence are one person: intervals count persons."""
    names = [f"{folder}/S0{n}_001_0000001{k}.png" for n, folder in ((10, "anger"), (11, "happy")) for k in range(3)]
    make_images(tmp_path, *names)
    assert load(tmp_path).frame["person"].tolist() == ["S010"] * 3 + ["S011"] * 3


def test_tensors_in_a_pickle_are_passed_over_or_named(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, "a.jpg", "b.jpg")
    frame = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "emotion": ["sad", "happy"]})
    for protocol in (2, 4):
        (tmp_path / "t.pkl").write_bytes(pickle.dumps({"test_df": frame, "y": torch.tensor([1, 2])}, protocol))
        assert load(tmp_path / "t.pkl").frame["emotion"].tolist() == ["sadness", "happiness"]
    tensors = {"X_test": torch.zeros(2, 48, 48), "y_test": torch.tensor([0, 1])}
    (tmp_path / "t.pkl").write_bytes(pickle.dumps(tensors))
    with pytest.raises(DataError, match=r"found: X_test, y_test\); tensors are not read, save them as arrays with"):
        load(tmp_path / "t.pkl")
