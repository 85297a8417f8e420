from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from reportgen.analysis import ModelRecords
from reportgen.evidence.attention.map_similarity import (
    DIFFERENT,
    OUTCOMES,
    PLACES,
    SAME,
    compare_maps,
    similarity,
)
from reportgen.evidence.examples.map_agreement import agreement_kind, agreement_picks


def model(name: str, predicted: np.ndarray, maps: np.ndarray) -> ModelRecords:
    """Maps (n, h, w) for whatever is predicted."""
    logits = np.eye(3)[predicted].astype(np.float32) * 3
    return ModelRecords(name, name.lower(), {}, logits, np.repeat(maps[:, None], 3, axis=1).astype(np.float32))


def spot(n: int, side: int, row: int, column: int) -> np.ndarray:
    """(n, side, side) nearly all heat around one cell, falling off, so that no two cells tie."""
    y, x = np.mgrid[0:side, 0:side]
    return np.repeat(np.exp(-((y - row) ** 2 + (x - column) ** 2 * 1.01) / 2)[None], n, axis=0)


def test_the_limits_are_what_the_words_say() -> None:
    assert pytest.approx(0.1 / 0.3) == SAME  # half of each fifth shared
    assert pytest.approx(0.04 / 0.36) == DIFFERENT  # two random fifths


def test_by_hand() -> None:
    first = np.array([[5.0, 4, 3, 2, 1, 0, 0, 0, 0, 0]])
    second = np.array([[5.0, 1, 3, 2, 4, 0, 0, 0, 0, 0]])
    correlation, overlap = similarity(first, second)
    assert overlap[0] == pytest.approx(1 / 3)  # the strongest two cells of each: {0, 1} and {0, 4}
    assert correlation[0] == pytest.approx(spearmanr(first[0], second[0]).statistic)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 60))
def test_spearman_agrees_with_scipy_and_similarity_is_symmetric(seed: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (np.maximum(rng.normal(size=(4, cells)), 0) for _ in range(2))
    x[:, 0], y[:, 0], x[:, 1], y[:, 1] = 3.0, 4.0, 0.0, 0.0  # neither blank nor even, which have no correlation
    correlation, overlap = similarity(x, y)
    for row in range(4):
        assert correlation[row] == pytest.approx(spearmanr(x[row], y[row]).statistic)
    back = similarity(y, x)
    assert np.allclose(correlation, back[0]) and np.allclose(overlap, back[1])
    assert np.allclose(similarity(x, x)[1], 1.0)
    assert ((overlap >= 0) & (overlap <= 1)).all()


def test_random_maps_overlap_by_chance() -> None:
    rng = np.random.default_rng(0)
    overlap = similarity(rng.random((4000, 100)), rng.random((4000, 100)))[1]
    assert overlap.mean() == pytest.approx(DIFFERENT, abs=0.005)


def test_cells_without_heat_are_nobodys_strongest() -> None:
    first, second = np.zeros((1, 10)), np.zeros((1, 10))
    first[0, 9], second[0, 8] = 1.0, 1.0
    assert similarity(first, second)[1][0] == 0.0  # not the first cells of either, which tie at zero


def test_outcomes_and_places_on_different_grids() -> None:
    """A looks at the left top, B (on a finer grid) too on the first images and at the right bottom on the others."""
    labels = np.array([0, 0, 1, 1, 0, 1, 2, -1])
    a = model("A", np.array([0, 0, 1, 0, 0, 0, 0, 0]), spot(8, 5, 1, 1))
    finer = np.concatenate([spot(1, 10, 2, 2), spot(1, 10, 8, 8), spot(6, 10, 8, 8)])
    b = model("B", np.array([0, 0, 1, 1, 1, 1, 0, 0]), finer)
    found = compare_maps(a, b, labels, [f"i{k}" for k in range(8)], None, 0)
    assert found.grid == (5, 5)
    assert [OUTCOMES[k] if k >= 0 else None for k in found.outcome] == [
        "both", "both", "both", "only-b", "only-a", "only-b", "neither", None,
    ]  # fmt: skip
    assert [PLACES[k] if k >= 0 else None for k in found.place] == ["same", *["different"] * 6, None]
    both, only_a, only_b, neither = found.outcomes
    assert (both.n, both.counts) == (3, (1, 0, 2))
    assert (only_a.n, only_b.n, neither.n) == (1, 2, 1)
    assert len(found.table) == 7 and found.table["place"].iloc[0] == "same"


def test_null_maps_are_counted_and_left_out() -> None:
    labels = np.zeros(4, dtype=np.int64)
    maps = spot(4, 5, 1, 1)
    maps[2] = -1
    found = compare_maps(
        model("A", labels, maps), model("B", labels, spot(4, 5, 1, 1)), labels, list("abcd"), None, 0
    )  # fmt: skip
    assert (found.outcomes[0].n, found.outcomes[0].null_maps) == (3, 1)
    assert found.place.tolist() == [0, 0, -1, 0]
    assert np.isnan(found.overlap[2])
    assert found.outcomes[0].overlap.n == 3


def test_what_maps_share_anyway_is_taken_from_other_images() -> None:
    """Both models follow each image's own spot: alike on the same image, unlike across images."""
    rng = np.random.default_rng(1)
    labels = np.zeros(200, dtype=np.int64)
    spots = np.concatenate([spot(1, 7, *rng.integers(0, 7, 2)) for _ in range(200)])
    found = compare_maps(
        model("A", labels, spots), model("B", labels, spots), labels, [str(k) for k in range(200)], None, 0
    )  # fmt: skip
    both = found.outcomes[0]
    assert both.overlap.value == 1.0
    assert both.elsewhere.high < 0.4


def test_persons_make_intervals_wider() -> None:
    rng = np.random.default_rng(2)
    labels = np.zeros(120, dtype=np.int64)
    # Twelve persons; all photos of one person overlap alike.
    spots = np.concatenate([spot(10, 7, *rng.integers(0, 7, 2)) for _ in range(12)])
    a, b = model("A", labels, spots), model("B", labels, spot(120, 7, 3, 3))
    people = np.array([f"p{k // 10}" for k in range(120)], dtype=object)
    ids = [str(k) for k in range(120)]
    alone, clustered = (compare_maps(a, b, labels, ids, who, 0).outcomes[0].overlap for who in (None, people))
    assert clustered.value == pytest.approx(alone.value)
    assert (clustered.n, alone.n) == (12, 120)
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_picks_take_emotions_in_turn_and_no_picture_twice() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    a = model("A", labels, spot(5, 5, 1, 1))
    b = model("B", labels, spot(5, 5, 3, 3))
    found = compare_maps(a, b, labels, list("abcde"), None, 0)
    picks = agreement_picks(found, a, b, labels, ("x", "y", "z"), ["h0", "h0", "h2", "h3", "h4"], 3)
    assert {pick.kind for pick in picks} == {agreement_kind("both", "different")}
    assert [pick.image for pick in picks] == [0, 4, 2]
    assert [pick.rank for pick in picks] == [1, 2, 3]
    assert all((pick.model, pick.other) == ("a", "b") for pick in picks)


def bars(n: int, column: int) -> np.ndarray:
    """(n, 2, 1, 3): the map of class 0 has its heat in one column, that of class 1 is even."""
    maps = np.zeros((n, 2, 1, 3))
    maps[:, 0, 0, column] = 1.0
    maps[:, 1] = 1.0
    return maps
