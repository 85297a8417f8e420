from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from reportgen.config import Config
from reportgen.inputs.survey import EmotionCount, UnevenShapes, survey, uneven_shapes
from reportgen.inputs.testset import TestSet, images_without_labels, load_test_set

REAL = Path(__file__).resolve().parents[2] / "../shared/fer/processed_data.pkl"
NAMES = ["happy/Ann_1.png", "happy/Ann_2.png", "happy/Bea_1.jpg", "sad/Bea_2.png", "sad/Cid_1.png", "sad/Cid_2.png"]


@pytest.fixture
def folder(tmp_path: Path, make_images: Callable[..., None]) -> Path:
    make_images(tmp_path / "test", *NAMES)
    make_images(tmp_path / "train", "happy/Ann_7.png", "sad/Dan_1.png")
    return tmp_path


def load(folder: Path, person_pattern: str | None = None) -> TestSet:
    return load_test_set(Config(data=folder, classes=("sad", "happy", "fear"), person_pattern=person_pattern))


def test_counts_formats_and_sizes(folder: Path) -> None:
    found = survey(load(folder, r"^(\w+?)_"))
    assert found.images == 6
    assert found.emotions == (
        EmotionCount("sadness", 3, 2),
        EmotionCount("happiness", 3, 2),
        EmotionCount("fear", 0, 0),
    )
    assert found.persons == 3
    assert found.formats == {"PNG": 5, "JPEG": 1}
    assert found.modes == {"L": 6}
    assert found.sizes == (((16, 16), 6),)
    assert found.duplicates == () and found.problems.empty
    assert found.overlap is not None and (found.overlap.shared, found.overlap.known) == (2, 6)
    assert found.proposal is None


def test_proposes_persons_and_uses_them_for_the_overlap(folder: Path) -> None:
    found = survey(load(folder))
    assert found.persons is None
    assert {count.persons for count in found.emotions} == {None}
    assert found.proposal is not None and found.proposal.persons == 3
    assert found.overlap is not None and (found.overlap.shared, found.overlap.persons_shared) == (2, 1)


def test_test_images_in_training_are_counted_without_persons(tmp_path: Path, make_images: Callable[..., None]) -> None:
    make_images(tmp_path, *(f"{part}/{name}/1.png" for part in ("test", "train") for name in ("happy", "sad")))
    found = survey(load(tmp_path))
    assert found.overlap is not None and (found.overlap.known, found.overlap.same_path) == (0, 0)
    (tmp_path / "train/sad/2.png").write_bytes((tmp_path / "test/sad/1.png").read_bytes())
    found = survey(load(tmp_path))
    assert found.overlap is not None and (found.overlap.known, found.overlap.same_path) == (0, 1)


def test_duplicates_by_content_and_their_labels(folder: Path) -> None:
    content = (folder / "test/happy/Ann_1.png").read_bytes()
    (folder / "test/happy/copy.png").write_bytes(content)
    (folder / "test/sad/copy.png").write_bytes(content)
    (folder / "test/sad/twin.png").write_bytes((folder / "test/sad/Cid_1.png").read_bytes())
    seen = survey(load(folder))
    (found,) = seen.duplicates
    assert found.paths == ("test/happy/Ann_1.png", "test/sad/copy.png")
    assert found.conflicting and found.emotions == ("happiness", "sadness")
    # Copies with the same label count once.
    copies = seen.problems[seen.problems["kind"] == "exact-copy"]
    assert copies["path"].tolist() == ["test/happy/copy.png", "test/sad/twin.png"]


def test_unreadable_files_are_listed_truncated_ones_only_in_full(folder: Path) -> None:
    (folder / "test/happy/Ann_1.png").write_bytes(b"no image")
    whole = folder / "test/sad/Cid_1.png"
    whole.write_bytes(whole.read_bytes()[:-60])
    test_set = load(folder)
    headers = survey(test_set)
    assert headers.problems[["path", "emotion", "kind"]].to_numpy().tolist() == [
        ["test/happy/Ann_1.png", "happiness", "undecodable"]
    ]
    assert headers.images == 5
    full = survey(test_set, full=True)
    assert full.problems["path"].tolist() == ["test/happy/Ann_1.png", "test/sad/Cid_1.png"]
    assert {(count.emotion, count.images) for count in full.emotions} == {("sadness", 2), ("happiness", 2), ("fear", 0)}


def test_files_that_vanish_while_looking(folder: Path) -> None:
    test_set = load(folder)
    (folder / "test/sad/Cid_1.png").unlink()
    found = survey(test_set)
    assert found.problems["path"].tolist() == ["test/sad/Cid_1.png"]
    assert "cannot be read" in found.problems["message"][0]


def test_images_without_labels_are_counted_apart(folder: Path) -> None:
    found = survey(images_without_labels([folder / "test"], ("happy", "sad")))
    assert [(count.emotion, count.images) for count in found.emotions] == [
        ("happiness", 0),
        ("sadness", 0),
        ("unlabelled", 6),
    ]
    assert found.overlap is None


@pytest.mark.real
def test_the_real_test_set_shares_two_thirds_of_its_persons_with_training() -> None:
    if not REAL.exists():
        pytest.skip("the real test set is not beside the checkout")
    found = survey(load_test_set(Config(data=REAL)))
    assert isinstance(found.problems, pd.DataFrame) and found.problems.empty
    assert found.images == 2051 and found.formats == {"JPEG": 2051}
    # The file names surely name persons, so nothing is left to propose.
    assert found.proposal is None and found.persons == 1283
    assert found.overlap is not None and found.overlap.known == 2051
    assert 0.64 < found.overlap.share < 0.70
    assert found.overlap.same_path == 0


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([((48, 48), 90), ((224, 224), 10)], None),  # other sizes, one shape
        ([((100, 120), 50), ((200, 240), 50)], None),
        ([((100, 100), 90), ((100, 109), 10)], None),  # less than a tenth
        ([((100, 100), 99), ((100, 200), 1)], None),  # one odd photo
        ([((100, 100), 60), ((100, 125), 20), ((150, 100), 20)], UnevenShapes(1.0, 0.8, 1.5, 40)),
        ([((80, 100), 3), ((160, 200), 3), ((100, 100), 2)], UnevenShapes(0.8, 0.8, 1.0, 2)),
        ([], None),
    ],
)
def test_uneven_shapes(sizes: list[tuple[tuple[int, int], int]], expected: UnevenShapes | None) -> None:
    assert uneven_shapes(sizes) == expected
