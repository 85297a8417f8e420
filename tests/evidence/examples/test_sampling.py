"""A sample has every image of the rare emotions and an even share of the frequent ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.analysis import FaceRecords
from reportgen.evidence.examples.sampling import draw_own_and_others, draw_sample, persons_in_turn, with_own_face
from reportgen.faces.align import canonical_points


def labels_of(*counts):
    return np.random.default_rng(0).permutation(np.repeat(np.arange(-1, len(counts) - 1), counts))


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ((0, 3, 40, 200), 63, (0, 3, 30, 30)),
        ((5, 3, 40, 200), 100, (5, 3, 40, 52)),
        ((0, 100, 100, 100), 100, (0, 33, 33, 34)),
        ((0, 9, 9, 9), 2, (0, 0, 1, 1)),
    ],
)
def test_quotas_worked_by_hand(counts, most, expected):
    labels = labels_of(*counts)
    drawn = draw_sample(labels, most, 0)
    assert tuple((labels[drawn] == k).sum() for k in range(-1, len(counts) - 1)) == expected


def test_few_images_are_all_looked_at():
    assert draw_sample(labels_of(3, 4), 7, 0) is None
    assert len(draw_sample(labels_of(3, 4), 6, 0)) == 6


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(1, 200), st.integers(0, 5))
def test_a_sample_is_whole_ascending_repeatable_and_even(counts, most, seed):
    labels = labels_of(*counts)
    drawn = draw_sample(labels, most, seed)
    if len(labels) <= most:
        assert drawn is None
        return
    assert len(drawn) == most
    assert (np.diff(drawn) > 0).all()
    assert np.array_equal(drawn, draw_sample(labels, most, seed))
    got = np.array([(labels[drawn] == k).sum() for k in range(-1, len(counts) - 1)])
    short = got < counts
    # Nobody has to go short for another to have more.
    assert got[short].min() >= got.max() - 1


def test_the_seed_decides_which():
    labels = labels_of(0, 500)
    assert not np.array_equal(draw_sample(labels, 50, 0), draw_sample(labels, 50, 1))


def test_only_images_that_have_a_map_are_drawn():
    labels, mapped = labels_of(0, 500, 500), np.arange(1, 1000, 3)
    assert np.array_equal(draw_sample(labels, 1000, 0, among=mapped), mapped)
    drawn = draw_sample(labels, 50, 0, among=mapped)
    assert np.isin(drawn, mapped).all() and np.bincount(labels[drawn]).tolist() == [25, 25]
    assert draw_sample(labels, 1000, 0, among=np.arange(1000)) is None


def test_persons_take_turns_in_the_order_of_their_rows():
    units = np.array([0, 0, 1, 2, 0, 1])
    rows = np.array([1, 4, 0, 5, 2, 3])  # persons 0, 0, 0, 1, 1, 2
    assert persons_in_turn(rows, units).tolist() == [1, 5, 3, 4, 2, 0]
    assert persons_in_turn(rows, np.array([f"photo {unit}" for unit in units], dtype=object)).tolist() == [
        1, 5, 3, 4, 2, 0
    ]  # fmt: skip
    assert persons_in_turn(rows, None).tolist() == rows.tolist()


def test_a_template_and_points_on_one_line_are_no_own_face():
    face = canonical_points()
    line = np.repeat(np.linspace(0, 1, 478)[:, None], 2, axis=1)
    sources = ("detector", "template", "detector", "given")
    points = np.stack([face, face, line, face]).astype(np.float32)
    faces = FaceRecords(points, np.ones(4, np.float32), sources, sources, np.zeros((4, 52), np.float32))
    assert with_own_face(faces).tolist() == [True, False, False, True]


def test_own_photos_and_others_in_turns_are_drawn_without_the_unlabelled():
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 2, -1, -1])
    own, others = draw_own_and_others(labels, 1, (3, 3), np.random.default_rng(0))
    assert len(own) == 3 and set(own) < {0, 1, 2, 3} and list(own) == sorted(own)
    assert labels[list(others)].tolist() == [0, 2, 0]  # in turns, until one has no more
    every = draw_own_and_others(labels, 1, (9, 9), np.random.default_rng(0))
    assert set(every[0]) == {0, 1, 2, 3} and set(every[1]) == {4, 5, 6, 7}
    assert draw_own_and_others(labels, 1, (3, 3), np.random.default_rng(0)) == (own, others)
