"""Photos of the training splits: which are drawn for a repair, and which never are."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from reportgen.config import Config
from reportgen.inputs import held_out
from reportgen.inputs.held_out import held_out_marks, held_out_photos
from reportgen.inputs.testset import TestSet, load_test_set
from tests.conftest import EMOTIONS, draw_face


def notebook(folder: Path, *, at_hand: bool = True) -> TestSet:
    """Three training and two validation photos of each emotion; the test set has one, and one of person 0 in each."""
    (folder / "images").mkdir(parents=True)
    frames: dict[str, list[dict[str, object]]] = {"train": [], "val": [], "test": []}
    for emotion, name in enumerate(EMOTIONS):
        for split, numbers in (("train", range(3)), ("val", range(3, 5)), ("test", range(5, 7))):
            for number in numbers:
                person = "0" if number == 6 else f"{split}{number}"
                path = f"images/{split}_{emotion}_{number}.png"
                if at_hand or split == "test":
                    draw_face(emotion, number, 48).save(folder / path)
                frames[split].append({"image_path": path, "emotion": name, "label": emotion, "person": person})
    for split in ("train", "val"):  # a photo of a person of the test set, and a test image itself
        shared = f"images/{split}_shared.png"
        draw_face(0, 9 if split == "train" else 10, 48).save(folder / shared)
        frames[split].append({"image_path": shared, "emotion": EMOTIONS[0], "label": 0, "person": "0"})
        frames[split].append(frames["test"][0] | {"person": None})
    content = {f"{split}_df": pd.DataFrame(rows) for split, rows in frames.items()}
    pd.to_pickle(content | {"emotion_classes": list(EMOTIONS)}, folder / "processed_data.pkl")
    return load_test_set(Config(data=folder / "processed_data.pkl"))


def test_validation_photos_come_first_and_neither_a_test_image_nor_a_person_of_the_test_set(tmp_path: Path) -> None:
    test_set = notebook(tmp_path)
    few, more = (held_out_photos(test_set, most, 0) for most in (2, 4))
    assert few is not None and more is not None
    assert len(few) == 2 * len(EMOTIONS) and all(path.startswith("images/val_") for path in few.frame["path"])
    assert len(more) == 4 * len(EMOTIONS)
    assert more.frame["path"].str.startswith("images/val_").sum() == 2 * len(EMOTIONS)
    assert not set(more.frame["person"]) & set(test_set.frame["person"])
    assert not set(more.frame["file"]) & set(test_set.frame["file"])
    assert more.classes == test_set.classes
    assert all(
        more.classes[label] == name for label, name in zip(more.frame["label"], more.frame["emotion"], strict=True)
    )
    assert more.read_bytes(0) == Path(more.frame["file"][0]).read_bytes()


def test_the_same_seed_draws_the_same_photos(tmp_path: Path) -> None:
    test_set = notebook(tmp_path)
    drawn = [held_out_photos(test_set, 3, seed) for seed in (1, 1, 2, 3, 4)]
    paths = [tuple(one.frame["path"]) for one in drawn if one is not None]
    assert len(paths) == 5 and paths[0] == paths[1] and len(set(paths)) > 1


def test_photos_that_are_elsewhere_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test_set = notebook(tmp_path, at_hand=False)
    (tmp_path / "images/train_shared.png").unlink()
    assert held_out_photos(test_set, 3, 0) is None and held_out_marks(test_set, "default", 0) == []
    # Of many rows only so many are looked for.
    monkeypatch.setattr(held_out, "_TRIED", 3)
    asked: list[str] = []
    monkeypatch.setattr(held_out.Locator, "find", lambda _, written: asked.append(written))
    assert held_out_photos(test_set, 3, 0) is None and len(asked) == 3


def test_without_training_rows_there_are_none(tmp_path: Path) -> None:
    draw_face(0, 0).save(tmp_path / "a.png")
    pd.DataFrame({"path": ["a.png"], "emotion": ["anger"]}).to_csv(tmp_path / "test.csv", index=False)
    test_set = load_test_set(Config(data=tmp_path / "test.csv"))
    assert held_out_photos(test_set, 3, 0) is None


def test_a_photo_that_was_changed_on_disk_is_told_from_what_it_was(tmp_path: Path) -> None:
    test_set = notebook(tmp_path)
    before = held_out_marks(test_set, "default", 0)
    assert len(before) == 5 * len(EMOTIONS) and before == held_out_marks(test_set, "default", 0)
    file = tmp_path / before[0].split()[0]
    os.utime(file, (1, 1))
    after = held_out_marks(test_set, "default", 0)
    assert [one for one, other in zip(before, after, strict=True) if one != other] == [before[0]]
    assert held_out_marks(test_set, "quick", 0) == held_out_marks(test_set, "off", 0) == []
