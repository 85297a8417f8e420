"""Files of further labels: told apart by their columns, counted as votes, never taken for labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reportgen.config import Config, load_config
from reportgen.errors import DataError
from reportgen.inputs.label_files import read_ratings, sort_label_files
from reportgen.inputs.relocate import find_again, reorder
from reportgen.inputs.tables.votes import NOT_A_CLASS, votes_by_class
from reportgen.inputs.testset import TestSet, load_test_set

CLASSES = ("anger", "happiness", "sadness")
PATHS = ("a/1.png", "a/2.png", "b/1.png")


def table(folder: Path, name: str, **columns: list[Any]) -> Path:
    path = folder / name
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def ratings(folder: Path, *paths: Path, numbers: dict[int, str] | None = None) -> tuple[list[list[float]], list[str]]:
    notes: list[str] = []
    found = read_ratings(sort_label_files(paths).ratings, PATHS, CLASSES, numbers, notes)
    assert list(found.columns) == [*CLASSES, NOT_A_CLASS]
    return found.to_numpy().tolist(), notes


def test_ratings_and_corrections_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    one = table(tmp_path, "r1.csv", image=["a/1.png"], emotion=["angry"])
    two = table(tmp_path, "r2.csv", file=["a/1.png"], label=["happy"], note=["sure"])
    fix = table(tmp_path, "labels.csv", file=["1.png"], old=["sad"], new=["happy"], who=["me"], when=["now"], note=[""])
    found = sort_label_files([one, fix, two])
    assert list(found.ratings) == [one, two] and found.corrections == (fix,)
    assert not sort_label_files([]).corrections and not sort_label_files([]).ratings


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"x.csv": {"image": ["1.png"], "mood": ["angry"]}}, "cannot tell what labels it holds .found: image, mood"),
        ({"x.csv": {"file": ["1.png"], "old": ["sad"], "new": ["sad"], "emotion": ["sad"]}}, "cannot tell what labels"),
        ({"x.csv": {"file": ["1.png"], "new": ["sad"], "emotion": ["sad"]}}, "cannot tell what labels it holds"),
        ({"x.csv": {"file": ["1.png"], "old": ["sad"]}}, "cannot tell what labels it holds"),
        ({"x.csv": {"image": ["1.png"], "emotion": ["sad"]}}, "labels of one rater tell nothing about agreement"),
    ],
)
def test_files_that_are_neither_or_both_are_refused(
    tmp_path: Path, files: dict[str, dict[str, list[str]]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        sort_label_files([table(tmp_path, name, **columns) for name, columns in files.items()])


def test_a_file_that_is_missing_or_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; give files of labels to --labels"):
        sort_label_files([tmp_path / "none.csv"])
    path = table(tmp_path, "r.csv", image=["1.png"], emotion=["sad"])
    with pytest.raises(DataError, match="given twice"):
        sort_label_files([path, path])


def test_votes_are_counted_by_path_and_by_a_name_that_is_unique(tmp_path: Path) -> None:
    """`1.png` is in two folders, so that only its path says which; `2.png` is found by its name."""
    one = table(tmp_path, "r1.csv", image=["a/1.png", "2.png", "b\\1.png"], emotion=["angry", "Joy", "unknown"])
    two = table(tmp_path, "r2.csv", image=["./a/1.png", "x/2.png", "1.png"], emotion=["anger", "sad", "sad"])
    counts, notes = ratings(tmp_path, one, two)
    assert counts == [[2, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    assert notes == [
        "files of labels: votes of 2 raters for 3 of 3 images",
        "1 labels of the raters' files are for images that are not in the test set",
        "votes of the raters' files for none of the classes: unknown (1)",
    ]


def test_one_file_may_name_its_raters_and_the_last_label_of_a_rater_counts(tmp_path: Path) -> None:
    path = table(
        tmp_path, "long.csv", image=["2.png"] * 4, rater=["x", "y", "y", "z"], emotion=["sad", "sad", "happy", ""]
    )
    counts, notes = ratings(tmp_path, path)
    assert counts[1] == [0, 1, 1, 0]
    assert "1 labels of the raters' files repeat an image of the same rater: the last one counts" in notes


def test_numbers_mean_what_they_mean_in_the_test_set(tmp_path: Path) -> None:
    one = table(tmp_path, "r1.csv", image=["2.png"], emotion=[4])
    two = table(tmp_path, "r2.csv", image=["2.png"], emotion=[9])
    counts, _ = ratings(tmp_path, one, two, numbers={4: "sadness"})
    assert counts[1] == [0, 0, 1, 1]
    with pytest.raises(DataError, match="labels are numbers, and the test set's are words"):
        ratings(tmp_path, one, two)


def test_files_about_other_images_are_refused(tmp_path: Path) -> None:
    paths = [table(tmp_path, f"r{k}.csv", image=["other.png"], emotion=["sad"]) for k in range(2)]
    with pytest.raises(DataError, match=r"names no image of the test set .the first: other.png.; correct its column"):
        ratings(tmp_path, *paths)


def images(folder: Path, make_images: Callable[..., None]) -> Path:
    make_images(folder, "1.png", "2.png", "3.png")
    return folder


def test_a_test_set_holds_the_votes_of_the_images_that_it_keeps(
    tmp_path: Path, make_images: Callable[..., None]
) -> None:
    images(tmp_path, make_images)
    data = table(tmp_path, "data.csv", image=["1.png", "gone.png", "3.png"], emotion=["anger", "anger", "sadness"])
    paths = tuple(
        table(tmp_path, f"r{k}.csv", image=["1.png", "3.png"], emotion=["anger", word]) for k, word in enumerate("ab")
    )
    made = load_test_set(Config(data=data, labels=paths, classes=CLASSES))
    assert made.votes is not None
    assert made.votes.to_numpy().tolist() == [[2, 0, 0, 0], [0, 0, 0, 2]]
    assert made.frame["emotion"].tolist() == ["anger", "sadness"]  # votes replace no label
    assert made.without(pd.Series([0]).to_numpy()).votes.to_numpy().tolist() == [[0, 0, 0, 2]]  # type: ignore[union-attr]
    turned = reorder(made, pd.DataFrame({"path": ["3.png", "1.png"], "sha256": _digests(made)[::-1]}))
    assert turned.votes is not None and turned.votes["anger"].tolist() == [0, 2]
    assert load_test_set(Config(data=data, classes=CLASSES)).votes is None


def _digests(test_set: TestSet) -> list[str]:
    from hashlib import sha256

    return [sha256(test_set.read_bytes(row)).hexdigest() for row in range(len(test_set))]


def test_columns_of_votes_are_votes_with_labels_beside_them_and_without(
    tmp_path: Path, make_images: Callable[..., None]
) -> None:
    images(tmp_path, make_images)
    votes = {"angry": [3, 1, 0], "happy": [1, 4, 1], "sad": [0, 0, 4], "unknown": [1, 0, 0]}
    names = ["1.png", "2.png", "3.png"]
    expected = [[3, 1, 0, 1], [1, 4, 0, 0], [0, 1, 4, 0]]
    for name, columns in {"a.csv": {}, "b.csv": {"emotion": ["angry", "happy", "happy"]}}.items():
        made = load_test_set(Config(data=table(tmp_path, name, image=names, **votes, **columns), classes=CLASSES))
        assert made.votes is not None and made.votes.to_numpy().tolist() == expected
    shown = made.frame.assign(**{f"votes {key}": cells for key, cells in votes.items()}, sha256=_digests(made))
    again = find_again(shown, CLASSES, [tmp_path], "the analysis")
    assert again.votes is not None and again.votes.to_numpy().tolist() == expected


def test_one_label_and_scores_are_no_votes(tmp_path: Path, make_images: Callable[..., None]) -> None:
    images(tmp_path, make_images)
    names, rows = ["1.png", "2.png"], pd.DataFrame({"votes happy": [1, 2]})
    hot = table(tmp_path, "hot.csv", image=names, angry=[1, 0], happy=[0, 1], sad=[0, 0])
    scores = table(tmp_path, "p.csv", image=names, angry=[0.9, 0], happy=[0.1, 1], sad=[0, 0], emotion=["sad", "sad"])
    for path in (hot, scores):
        assert load_test_set(Config(data=path, classes=CLASSES)).votes is None
    assert votes_by_class(rows, {"votes happy": "happy"}, CLASSES) is None


def test_the_files_of_a_settings_file_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "reportgen.toml").write_text('labels = ["r1.csv", "sub/r2.csv"]\n')
    found = load_config(tmp_path / "reportgen.toml", {})
    assert found.labels == (tmp_path / "r1.csv", tmp_path / "sub" / "r2.csv")
