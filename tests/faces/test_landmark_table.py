from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reportgen.errors import BuildError, DataError
from reportgen.faces.landmark_table import SCHEMA, given_landmarks, landmarks_from_table, landmarks_table
from reportgen.faces.landmarks import Landmarker, Landmarks, template


def faces() -> list[Landmarks]:
    random = np.random.default_rng(5)
    found = [
        Landmarks(random.random((478, 2), np.float32), 0.75, source, random.random(52, np.float32))
        for source in ("detector", "whole", "given")
    ]
    return [found[0], template(48, 48, presence=0.25), *found[1:]]


def same(a: Landmarks, b: Landmarks) -> bool:
    actions = (a.actions is None and b.actions is None) or (
        a.actions is not None and b.actions is not None and np.array_equal(a.actions, b.actions)
    )
    return actions and np.array_equal(a.points, b.points) and (a.presence, a.source) == (b.presence, b.source)


def test_a_table_gives_back_what_it_was_made_from(tmp_path: Path) -> None:
    table = landmarks_table(list("abcd"), faces())
    assert table.schema == SCHEMA and all(column.null_count == 0 for column in table.columns)
    pq.write_table(table, tmp_path / "part.parquet")
    parts = pa.concat_tables([pq.read_table(tmp_path / "part.parquet")] * 2)
    for stored, times in ((table, 1), (table.slice(1, 2), None), (parts, 2)):
        ids, found = landmarks_from_table(stored)
        expected = faces()[1:3] if times is None else faces() * times
        assert ids == (["b", "c"] if times is None else list("abcd") * times)
        assert all(same(a, b) for a, b in zip(found, expected, strict=True))


def test_an_empty_table() -> None:
    assert landmarks_from_table(landmarks_table([], [])) == ([], [])


def test_every_image_needs_a_face() -> None:
    with pytest.raises(ValueError, match="1 images but 4 faces"):
        landmarks_table(["a"], faces())


def test_another_table_is_refused() -> None:
    table = landmarks_table(list("abcd"), faces())
    with pytest.raises(BuildError, match="'points' is missing"):
        landmarks_from_table(table.drop_columns("points"))
    odd = table.set_column(1, "source", pa.array(["guess"] * 4))
    with pytest.raises(BuildError, match="found source 'guess'"):
        landmarks_from_table(odd)


@pytest.mark.parametrize("form", ["pairs", "depth", "flat", "pixels", "lists"])
def test_a_users_landmarks_in_every_accepted_form(face: np.ndarray, form: str) -> None:
    forms = {
        "pairs": face,
        "depth": np.column_stack([face, np.ones(478)]),
        "flat": face.ravel(),
        "pixels": face * (200, 100),
        "lists": face.tolist(),
    }
    found = given_landmarks(forms[form], 200, 100)
    assert found.source == "given" and found.presence == 1 and found.actions is None
    np.testing.assert_allclose(found.points, face, atol=1e-6)


def test_a_users_landmarks_get_facial_actions(landmarker: Landmarker, face: np.ndarray) -> None:
    found = given_landmarks(face, 200, 200, landmarker)
    assert found.actions is not None and found.actions.shape == (52,)
    assert found.actions.min() >= 0 and found.actions.max() <= 1
    np.testing.assert_array_equal(found.actions, landmarker.actions(found.points, 200, 200))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((68, 2)), r"\(68, 2\)"),
        (np.zeros((2, 478)), r"\(2, 478\)"),
        (np.full((478, 2), np.inf), "not a number"),
        (np.zeros((478, 2)), "one line"),
        ("none", "'none'"),
    ],
)
def test_landmarks_that_cannot_be_used(values: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        given_landmarks(values, 100, 100)  # type: ignore[arg-type]
