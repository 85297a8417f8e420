"""The same images under two conditions: intervals by hand and by simulation, p-values by counting."""

from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.paired import mcnemar, paired_difference, paired_proportions


def test_paired_difference_by_hand() -> None:
    found = paired_difference(8, 2, 50)
    half = 1.959964 * math.sqrt((9 / 52 + 3 / 52 - (6 / 52) ** 2) / 52)
    assert found.value == pytest.approx(6 / 50)
    assert (found.low, found.high) == pytest.approx((6 / 52 - half, 6 / 52 + half), abs=1e-7)


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 500))
def test_paired_difference_properties(only_a: int, only_b: int, rest: int) -> None:
    n = only_a + only_b + rest
    found, swapped = paired_difference(only_a, only_b, n), paired_difference(only_b, only_a, n)
    assert -1 <= found.low < found.high <= 1
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low))
    if n:
        assert found.low <= found.value <= found.high
    else:
        assert not found.defined


def test_paired_difference_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        paired_difference(3, 3, 5)


@pytest.mark.parametrize(("n", "p_a", "p_b"), [(40, 0.1, 0.1), (40, 0.3, 0.05), (2000, 0.02, 0.05)])
def test_paired_difference_covers_as_promised(n: int, p_a: float, p_b: float) -> None:
    draws = np.random.default_rng(1).multinomial(n, [p_a, p_b, 1 - p_a - p_b], size=2000)
    found = [paired_difference(a, b, n) for a, b, _ in draws]
    coverage = np.mean([e.low <= p_a - p_b <= e.high for e in found])
    assert 0.935 < coverage < 0.985


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_equals_the_sum_of_coin_tosses(only_a: int, only_b: int) -> None:
    n = only_a + only_b
    tail = sum(comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(only_a, only_b) == pytest.approx(mcnemar(only_b, only_a))


def test_persons_make_no_interval_narrower_than_images() -> None:
    persons = clusters(np.asarray([f"p{k % 10}" for k in range(20)], dtype=object), 20)
    nothing = np.zeros(20, dtype=bool)
    found, p = paired_proportions(nothing, nothing, persons, 0)
    alone = paired_difference(0, 0, 20)
    # No photo differs, so that persons show no spread: the interval is that of twenty photos, not [0, 0].
    assert (found.low, found.high) == (alone.low, alone.high) and found.high > 0.1
    assert (found.persons, p) == (10, 1.0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = rng.random((2, 20)) < rng.random()
        found, _ = paired_proportions(a, b, persons, 0)
        alone = paired_difference(int((a & ~b).sum()), int((b & ~a).sum()), 20)
        assert found.low <= alone.low and found.high >= alone.high
