"""The packed faces: whole, balanced, split by person."""

import hashlib

import numpy as np
import pytest

from reportgen.errors import DataError
from reportgen.selfcheck.faces import DATA, EMOTIONS, SIZE, load_faces, split_persons


def test_the_packed_file_is_the_one_of_the_checksum():
    for line in (DATA / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest


def test_every_person_shows_every_emotion_twice():
    faces = load_faces()
    assert faces.pixels.shape == (len(faces), SIZE, SIZE, 3)
    for person in np.unique(faces.persons):
        counts = np.bincount(faces.labels[faces.persons == person], minlength=len(EMOTIONS))
        assert counts.tolist() == [2] * len(EMOTIONS), person


def test_marks_lie_where_a_face_has_them():
    faces = load_faces()
    left, right = faces.cheeks[:, 0], faces.cheeks[:, 1]
    assert (left[:, 0] < right[:, 0]).all()
    assert (faces.foreheads[:, 1] < faces.cheeks[:, :, 1].min(axis=1)).all()
    assert ((faces.eyes > 0.2) & (faces.eyes < 0.55)).all()


def test_mirroring_twice_changes_nothing_and_once_exchanges_the_cheeks():
    faces = load_faces().take(np.arange(5))
    once, twice = faces.mirrored(), faces.mirrored().mirrored()
    assert np.array_equal(once.pixels[:, :, 0], faces.pixels[:, :, -1])
    assert np.allclose(once.cheeks[:, 0, 0], 1 - faces.cheeks[:, 1, 0])
    assert np.allclose(once.cheeks[:, 0, 1], faces.cheeks[:, 1, 1])
    for name in ("pixels", "cheeks", "foreheads", "eyes"):
        assert np.allclose(getattr(twice, name), getattr(faces, name))


def test_no_person_is_on_both_sides_of_the_split():
    faces = load_faces()
    training, test = split_persons(faces, 20, np.random.default_rng(3))
    assert len(np.unique(test.persons)) == 20
    assert not set(training.persons) & set(test.persons)
    assert len(training) + len(test) == len(faces)
    other = split_persons(faces, 20, np.random.default_rng(4))[1]
    assert set(other.persons) != set(test.persons)


def test_a_missing_file_is_said_in_one_line(tmp_path):
    with pytest.raises(DataError, match=r"faces\.parquet: cannot be read"):
        load_faces(tmp_path / "faces.parquet")
