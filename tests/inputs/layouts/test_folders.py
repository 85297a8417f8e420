"""Folders of classes as people make them: splits, levels, strangers, links, and what is passed over is said."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reportgen.config import Config
from reportgen.errors import DataError
from reportgen.inputs.emotions import EMOTIONS, FER2013_ORDER
from reportgen.inputs.layouts.layout import Source
from reportgen.inputs.layouts.splits import choose_split, split_of
from reportgen.inputs.testset import TestSet, load_test_set

Make = Callable[..., None]
NAMES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def load(data: Path, **settings: Any) -> TestSet:
    return load_test_set(Config(data=data, **settings))


def said(test_set: TestSet, text: str) -> bool:
    return any(text in note for note in test_set.notes)


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("test", "test Testing TEST_SET testset test_images Test2 test-faces fer2013test PrivateTest private_test "
                 "hold-out HeldOut val_test"),
        ("validation", "val valid Validation val_set validation_images PublicTest public_test eval dev fer2013valid "
                       "valset"),
        ("training", "train Training train_set trainImages training_images fer_train fer2013train trainval train_val"),
        ("", "Val_Kilmer Dev_Patel S010 images train_test_split latest contest detrained happy 07"),
    ],
)  # fmt: skip
def test_names_of_splits(split: str, names: str) -> None:
    assert {name: split_of(name) for name in names.split()} == dict.fromkeys(names.split(), split)


def test_the_nearest_folder_that_names_a_split_counts() -> None:
    assert split_of("training", "test", "faces") == "test"
    assert split_of("Test set") == "test"
    assert split_of() == ""


def test_a_split_is_never_chosen_without_a_word() -> None:
    assert choose_split({"test"}) == ("test", []) and choose_split({""}) == ("", [])
    for present in ({"test", "training"}, {"", "training"}, {"training"}, {"validation", ""}, {"test", "validation"}):
        assert choose_split(present)[1]


@pytest.mark.parametrize("pair", [("train_images", "test_images"), ("training_set", "validation_set"),
                                  ("train", "eval"), ("Train", "HoldOut_test"), ("train", "photos")])  # fmt: skip
@pytest.mark.parametrize("below", [False, True], ids=["above the classes", "below them"])
def test_training_images_are_not_tested(tmp_path: Path, make_images: Make, pair: tuple[str, str], below: bool) -> None:
    seen, tested = pair
    for split in pair:
        make_images(tmp_path, *(f"{name}/{split}/1.jpg" if below else f"{split}/{name}/1.jpg" for name in NAMES))
    test_set = load(tmp_path)
    assert len(test_set) == 7 and all(tested in path for path in test_set.frame["path"])
    assert test_set.frame["emotion"].value_counts().to_dict() == dict.fromkeys(EMOTIONS, 1)
    (training,) = test_set.training.values()
    assert len(training) == 7 and all(f"{seen}/" in path for path in training["path"])
    assert said(test_set, "the training one is not")


def test_the_training_folder_itself_is_said(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path / "train", *(f"{name}/1.jpg" for name in NAMES))
    assert said(load(tmp_path / "train"), "only a training folder was found")


def test_folds_that_are_tested_together_are_named(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"fold{n}/{split}/angry/{n}.jpg" for n in range(2) for split in ("train", "test")))
    assert said(load(tmp_path), "folders of classes lie in fold0/test, fold1/test: all of them are used")


def test_a_person_called_val_is_no_split(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path / "below", *(f"{name}/{person}/1.jpg" for name in NAMES for person in ("Val", "Ann")))
    make_images(tmp_path / "above", *(f"{person}/{name}/1.jpg" for name in NAMES for person in ("Val", "Ann")))
    assert len(load(tmp_path / "below")) == len(load(tmp_path / "above")) == 14
    make_images(tmp_path / "alone", *(f"{part}/Val/{name}/1.jpg" for name in NAMES for part in ("train", "test")))
    test_set = load(tmp_path / "alone")
    assert all(path.startswith("test/") for path in test_set.frame["path"]) and len(test_set) == 7
    assert len(test_set.training["training folder"]) == 7
    make_images(tmp_path / "parts", *(f"training/{part}/{name}/1.jpg" for name in NAMES for part in ("train", "val")))
    test_set = load(tmp_path / "parts")
    assert all(path.startswith("training/val/") for path in test_set.frame["path"]) and len(test_set) == 7


def test_files_named_as_training_images(tmp_path: Path, make_images: Make) -> None:
    """FER2013's names, all parts poured into one folder for each class."""
    names = [f"{name}/{part}_{n}.jpg" for n, name in enumerate(NAMES) for part in ("Training", "PrivateTest")]
    make_images(tmp_path / "poured", *names)
    test_set = load(tmp_path / "poured", dataset="folders")
    assert len(test_set) == 7 and all("PrivateTest" in path for path in test_set.frame["path"])
    assert len(test_set.training["training part by file names"]) == 7
    make_images(tmp_path / "mixed", *(f"test/{name}" for name in names))
    test_set = load(tmp_path / "mixed")
    assert len(test_set) == 14 and said(test_set, "7 of 14 images are named as training ones")


def test_several_folders_of_classes_are_named(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{part}/{name}/1.jpg" for part in ("office", "street") for name in NAMES))
    assert said(load(tmp_path), "folders of classes lie in office, street: all of them are used")


def test_a_person_with_an_emotions_name(tmp_path: Path, make_images: Make) -> None:
    others = [f"{name}/Ann/1.jpg" for name in NAMES]
    make_images(tmp_path / "within", *others, "angry/Joy/1.jpg", "sad/Joy/1.jpg", "happy/Joy/1.jpg")
    test_set = load(tmp_path / "within")
    assert test_set.classes == EMOTIONS
    by_path = dict(zip(test_set.frame["path"], test_set.frame["emotion"], strict=True))
    assert [by_path[f"{name}/Joy/1.jpg"] for name in ("angry", "sad", "happy")] == ["anger", "sadness", "happiness"]
    assert said(test_set, "in angry/Joy the folder angry is the label")
    assert not said(test_set, "named after another emotion")
    make_images(tmp_path / "above", *(f"{person}/{name}/1.jpg" for person in ("Joy", "Ann") for name in NAMES))
    test_set = load(tmp_path / "above")
    assert all(path.split("/")[1][:2] == label[:2] for path, label in test_set.frame[["path", "emotion"]].to_numpy())


@pytest.mark.parametrize("paths", [
    ["angry/sad/1.jpg", "angry/happy/2.jpg", "sad/angry/3.jpg", "happy/happy/4.jpg"],  # labels and predictions
    ["angry/Joy/1.jpg"],
    ["0/1/1.jpg", "0/2/2.jpg", "1/1/3.jpg", "1/2/4.jpg"],
])  # fmt: skip
def test_levels_that_disagree_are_refused(tmp_path: Path, make_images: Make, paths: list[str]) -> None:
    make_images(tmp_path, *paths)
    with pytest.raises(DataError, match=r"named after different classes lie in one another .*not certain which"):
        load(tmp_path, classes=("angry", "happy", "sad"))


def test_numbers_beside_words_are_refused(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"test/{n}/1.jpg" for n in range(6)), "test/neutral/1.jpg")
    with pytest.raises(DataError, match=r"numbers \(0, 1, 2, 3, 4, 5\) lie beside folders of words \(neutral\)"):
        load(tmp_path)


def test_mostly_unknown_words_are_refused_until_they_are_named(tmp_path: Path, make_images: Make) -> None:
    words = ("wut", "ekel", "angst", "freude", "neutral")
    make_images(tmp_path, *(f"{word}/1.jpg" for word in words))
    with pytest.raises(DataError, match=r"4 images lie in folders of no known emotion \(angst, ekel, freude, wut\)"):
        load(tmp_path)
    assert load(tmp_path, classes=words).frame["emotion"].tolist() == sorted(words)


def test_images_of_no_class_are_said(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"test/{name}/1.jpg" for name in NAMES), "test/loose.jpg", "other/a/b.jpg")
    make_images(tmp_path, "test/unsure/a/1.jpg", "test/bored/1.jpg")
    test_set = load(tmp_path)
    assert said(test_set, "lie in no folder of a class and are left out: 2 of 11 (such as other/a/b.jpg)")
    assert test_set.problems["message"].tolist() == [
        "the folder 'bored' is no emotion",
        "the folder 'unsure' is no emotion",
    ]


def test_images_under_other_suffixes_are_said_once(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{name}/{n}.jpg" for name in NAMES for n in range(4)))
    for name in NAMES:
        (tmp_path / name / "1.jpg").rename(tmp_path / name / "1.avif")
        (tmp_path / name / "2.jpg").rename(tmp_path / name / "2")
        (tmp_path / name / "3.jpg").rename(tmp_path / name / "3.JFIF")
        (tmp_path / name / "Thumbs.db").write_bytes(b"\xff\xd8\xff")
        (tmp_path / name / "notes").write_text("no image")
    test_set = load(tmp_path)
    assert len(test_set) == 14, "a .jfif file is a JPEG"
    notes = [note for note in test_set.notes if "not read" in note]
    assert len(notes) == 1 and "look like images and are not read: 14 (.avif 7, no suffix 7; such as" in notes[0]


def test_a_folder_that_cannot_be_opened_is_said(
    tmp_path: Path, make_images: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images(tmp_path, *(f"{name}/1.jpg" for name in NAMES))
    scandir = os.scandir

    def closed(path: Any) -> Any:  # as for a user who is not root
        if os.fspath(path).endswith("sad"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert said(load(tmp_path), "cannot be opened, so that their images are not read: 1 (such as sad)")


def test_folders_that_are_links_are_followed(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path / "store", "joyful/1.jpg", "joyful/2.jpg")
    make_images(tmp_path / "data", *(f"test/{name}/1.jpg" for name in NAMES if name != "happy"), "train/angry/1.jpg")
    for split in ("test", "train"):
        (tmp_path / "data" / split / "happy").symlink_to(tmp_path / "store/joyful")
    test_set = load(tmp_path / "data")
    assert test_set.frame["emotion"].value_counts()["happiness"] == 2
    # A link in both parts leads to one folder: its images are in both, and go by the names of the test images.
    assert test_set.training["training folder"]["path"].tolist() == [
        "train/angry/1.jpg", "test/happy/1.jpg", "test/happy/2.jpg",
    ]  # fmt: skip


def test_links_in_a_circle_end(tmp_path: Path, make_images: Make) -> None:
    data, store = tmp_path / "data", tmp_path / "store"
    make_images(data, "happy/1.jpg", "sad/1.jpg")
    make_images(store, "a/1.jpg", "b/1.jpg")
    for link, target in {
        data / "happy/up": data, data / "sad/self": data / "sad", data / "above": tmp_path, data / "disk": Path("/"),
        data / "store": store, store / "back": data, store / "a/b": store / "b", store / "b/a": store / "a",
        data / "gone": tmp_path / "nowhere",
    }.items():  # fmt: skip
        link.symlink_to(target)
    found = [path.as_posix() for path in Source(data).images]
    # Links behind the link `store` lead to `b` and `a` once each, and never back to the data.
    assert {"happy/1.jpg", "sad/1.jpg", "store/a/1.jpg", "store/b/1.jpg"} <= set(found) and len(found) <= 6
    assert not any(path.startswith(("above", "disk", "happy/up", "sad/self", "store/back")) for path in found)


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        (["image,emotion", *(f"{name}/1.jpg,{name}" for name in NAMES)], None),
        (["image,label", *(f"{name}/1.jpg,{n}" for n, name in enumerate(NAMES))], None),
        (["image,emotion", *(f"x/{name}/1.jpg,happy" for name in NAMES)], "says otherwise of 6"),
        (["image,label", *(f"{name}/1.jpg,{n // 2}" for n, name in enumerate(NAMES))], "says otherwise of"),
        (["image,emotion", "angry/1.jpg,angry"], "lists 1 of them"),
        (["image,emotion", "elsewhere.jpg,angry"], "lists 0 of them"),
        (["a,b", "1,2"], None),
        (["image,emotion"], None),
    ],
)
@pytest.mark.parametrize("name", ["test.csv", "split.txt"])
def test_a_table_beside_the_folders_is_said(
    tmp_path: Path, make_images: Make, lines: list[str], note: str | None, name: str
) -> None:
    make_images(tmp_path, *(f"{folder}/1.jpg" for folder in NAMES))
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    test_set = load(tmp_path)
    assert len(test_set) == 7
    notes = [text for text in test_set.notes if name in text]
    assert len(notes) == (note is not None) and all(str(note) in text for text in notes)


def test_a_text_of_one_long_line_beside_the_folders_is_no_table(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{folder}/1.jpg" for folder in NAMES))
    (tmp_path / "notes.txt").write_text("x" * 140_000)
    assert len(load(tmp_path)) == 7


def test_a_list_of_training_images_beside_the_folders_says_nothing(tmp_path: Path, make_images: Make) -> None:
    make_images(
        tmp_path, *(f"{split}/{name}/{split}{n}.jpg" for split in ("train", "test") for n, name in enumerate(NAMES))
    )
    (tmp_path / "train.csv").write_text("image,label\n" + "".join(f"train{n}.jpg,{n}\n" for n in range(7)))
    assert not said(load(tmp_path), "train.csv")


def test_lists_beside_parts_with_the_same_file_names(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"{split}/{name}/1.jpg" for split in ("train", "test") for name in NAMES))
    for split in ("train", "test"):
        lines = [f"images\\{split}\\{name}\\1.jpg,{name}" for name in NAMES]
        (tmp_path / f"{split}.csv").write_text("\n".join(["image,emotion", *lines]) + "\n")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    assert not said(load(tmp_path), ".csv")
    (tmp_path / "bare.csv").write_text("image,emotion\n1.jpg,happy\n")
    assert said(load(tmp_path), "bare.csv beside them lists 0 of them")


def test_a_table_of_images_in_training_folders_says_so(tmp_path: Path, make_images: Make) -> None:
    paths = [f"{split}/{n}.jpg" for split in ("train", "test") for n in range(3)]
    make_images(tmp_path, *paths)
    table = tmp_path / "t.csv"
    table.write_text("image,emotion\n" + "".join(f"{path},{NAMES[n]}\n" for n, path in enumerate(paths)))
    assert said(load(table), "3 of 6 images lie in a training folder (such as train/0.jpg): has a model seen them?")


@pytest.mark.parametrize("where", ["test", "."])
@pytest.mark.parametrize("kind", ["folders", "table"])
def test_a_stated_order_of_outputs_counts_before_the_alphabet(
    tmp_path: Path, make_images: Make, kind: str, where: str
) -> None:
    make_images(tmp_path / "test", *(f"{name}/1.jpg" for name in NAMES))
    data = tmp_path / "test"
    if kind == "table":
        data = data / "t.csv"
        data.write_text("image,emotion\n" + "".join(f"{name}/1.jpg,{name}\n" for name in NAMES))
    order = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    (tmp_path / where / "class_to_idx.json").write_text(json.dumps({name: n for n, name in enumerate(order)}))
    test_set = load(data)
    assert test_set.classes == FER2013_ORDER and said(test_set, "by class_to_idx.json beside the data: anger, disgust")
    (tmp_path / where / "classes.txt").write_text("\n".join(NAMES))
    with pytest.raises(DataError, match=r"what lies beside it states several class orders .*remove the file"):
        load(data)
    assert load(data, classes=NAMES).classes == EMOTIONS
    (tmp_path / where / "class_to_idx.json").write_text(json.dumps({"cat": 0, "dog": 1}))
    assert load(data).classes == EMOTIONS and said(load(data), "by classes.txt beside the data")


def test_a_data_yaml_beside_folders_of_classes_is_no_sign_of_boxes(tmp_path: Path, make_images: Make) -> None:
    make_images(tmp_path, *(f"test/{name}/1.jpg" for name in NAMES))
    (tmp_path / "data.yaml").write_text("names: [anger, joy]\n")
    (tmp_path / "README.dataset.txt").write_text("an export\n")
    assert load(tmp_path).frame["emotion"].tolist() == list(EMOTIONS)


SPELLINGS = {
    "anger": ("angry", "Anger", "0_angry"), "disgust": ("disgust", "Disgusted"), "fear": ("fear", "afraid"),
    "happiness": ("happy", "Joy"), "neutral": ("neutral",), "sadness": ("sad", "Sadness"), "surprise": ("surprised",),
}  # fmt: skip
PARTS = {"train": "training", "Training Set": "training", "TrainSet": "training", "my_train_data": "training",
         "test": "test", "TEST2": "test", "holdout": "test", "val": "validation", "valid": "validation"}  # fmt: skip
PERSONS = ("S001", "Ann", "Joy", "Rage", "7", "Val")


def drawn_tree(rng: np.random.Generator, folder: Path) -> dict[str, tuple[str | None, str]]:
    """Write a tree of images; by path the class (None where the image has none) and the part of each."""
    order = str(rng.choice(["c", "sc", "cs", "pc", "cp", "spc", "scp", "psc"]))
    parts = list(rng.choice(list(PARTS), int(rng.integers(1, 4)), replace=False)) if "s" in order else [""]
    persons = list(rng.choice(PERSONS, int(rng.integers(1, 4)), replace=False)) if "p" in order else [""]
    words = {name: str(rng.choice(spelled)) for name, spelled in SPELLINGS.items() if rng.random() < 0.9}
    truth: dict[str, tuple[str | None, str]] = {}
    for name, word in words.items():
        for part in parts:
            for person in persons:
                levels = [{"s": part, "c": word, "p": person}[level] for level in order]
                suffix = str(rng.choice([".png", ".avif", ""], p=[0.94, 0.03, 0.03]))
                truth["/".join([*levels, f"{len(truth)}{suffix}"])] = (name, PARTS.get(part, ""))
    for place in rng.choice(["", "misc/", "bored/", "x/y/"], int(rng.integers(3))):
        truth[f"{place}{len(truth)}.png"] = (None, "")
    for number, path in enumerate(truth):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((2, 2, 3), (number, number // 256, 7), np.uint8)).save(folder / path, "PNG")
    return truth


@pytest.mark.parametrize("seed", range(60))
def test_no_tree_gives_a_wrong_label_or_loses_an_image_without_a_word(seed: int, tmp_path: Path) -> None:
    truth = drawn_tree(np.random.default_rng(seed), tmp_path)
    try:
        test_set = load(tmp_path)
    except DataError as error:
        assert "it is not certain which of them is the label" in str(error)  # persons called Joy and Rage
        return
    tested = set(test_set.frame["path"])
    for path, emotion in zip(test_set.frame["path"], test_set.frame["emotion"], strict=True):
        assert truth[path][0] == emotion
        assert truth[path][1] != "training" or said(test_set, "only a training folder was found")
    parts = {truth[path][1] for path in tested}
    assert len(parts) == 1
    trained = {path for rows in test_set.training.values() for path in rows["path"]}
    lost = {path for path in truth if path not in tested | trained | set(test_set.problems["path"])}
    of_other_parts = {path for path in lost if truth[path][1] not in {"", *parts}}
    counted = sum(int(n) for note in test_set.notes for n in re.findall(r"(?:not read|are left out): (\d+)", note))
    assert len(lost - of_other_parts) <= counted
    assert not of_other_parts or said(test_set, " is used, the ")
