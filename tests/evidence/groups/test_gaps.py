"""Gaps between groups, by hand and against independent formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from reportgen.evidence.groups.gaps import MIN_GAP, Gap, precision_gap, standardised_gap
from reportgen.evidence.stats.clustered import Clusters, clusters


def photos(cells: list[tuple[bool, int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and sides of photos: each cell is side, label, how many, and how many of them are right."""
    score, label, side = [], [], []
    for inside, e, n, right in cells:
        score += [1.0] * right + [0.0] * (n - right)
        label += [e] * n
        side += [inside] * n
    return np.array(score), np.array(label), np.array(side)


def alone(n: int) -> Clusters:
    return clusters(None, n)


def test_the_gap_is_at_the_groups_own_mix() -> None:
    # Group: 30 of emotion 0 (15 right), 10 of emotion 1 (9 right). Others: 20 (16 right) and 60 (57 right).
    score, label, side = photos([(True, 0, 30, 15), (True, 1, 10, 9), (False, 0, 20, 16), (False, 1, 60, 57)])
    gap = standardised_gap(score, label, side, ~side, alone(len(score)))
    assert gap.own == pytest.approx(24 / 40)
    assert gap.others == pytest.approx(0.75 * 16 / 20 + 0.25 * 57 / 60)  # 83.75 %, though 73 of 80 are right
    assert (gap.photos, gap.others_photos, gap.persons, gap.emotions) == (40, 80, 40, (0, 1))
    # The error of no gap: pooled shares with half a right one added, each photo by its weight.
    pooled = [(31 + 0.5) / 51, (66 + 0.5) / 71]
    null = sum(
        w**2 * p * (1 - p) / n
        for w, p, sizes in ((0.75, pooled[0], (30, 20)), (0.25, pooled[1], (10, 60)))
        for n in sizes
    )
    # That by the photos: within each cell the variance, as if each photo were a cluster (CR2).
    own = sum(
        w**2 * p * (1 - p) / (n - 1)
        for w, p, n in ((0.75, 0.5, 30), (0.25, 0.9, 10), (0.75, 0.8, 20), (0.25, 0.95, 60))
    )
    assert gap.error == pytest.approx(math.sqrt(max(null, own)))


def test_a_gap_that_is_only_a_mix_is_none() -> None:
    # Recall is 50 % and 90 % on both sides; the group has mostly the hard emotion.
    score, label, side = photos([(True, 0, 80, 40), (True, 1, 20, 18), (False, 0, 20, 10), (False, 1, 80, 72)])
    plain = standardised_gap(score, np.zeros_like(label), side, ~side, alone(200))
    gap = standardised_gap(score, label, side, ~side, alone(200))
    assert plain.value == pytest.approx(-0.24) and plain.estimate.excludes(0.0)
    assert gap.value == pytest.approx(0.0) and gap.p_wider() > 0.5


def test_emotions_of_one_side_alone_do_not_count() -> None:
    score, label, side = photos([(True, 0, 30, 15), (True, 1, 30, 0), (False, 0, 30, 15), (False, 1, 4, 4)])
    gap = standardised_gap(score, label, side, ~side, alone(94))
    assert gap.emotions == (0,) and gap.photos == 30 and gap.value == 0.0
    few = standardised_gap(score[:49], label[:49], side[:49], ~side[:49], alone(49))
    assert not few.testable and math.isnan(few.p_wider()) and few.estimate.low == -1.0


def test_persons_are_the_unit() -> None:
    # Ten persons of ten photos on either side, all of a person alike: as much as ten photos on either side.
    right = [[1] * 5 + [0] * 5, [1] * 8 + [0] * 2]
    score = np.repeat(np.concatenate(right), 10).astype(float)
    side = np.repeat([True, False], 100)
    persons = np.repeat([f"p{k}" for k in range(20)], 10).astype(object)
    gap = standardised_gap(score, np.zeros(200, int), side, ~side, clusters(persons, 200))
    by_hand = math.sqrt(0.5 * 0.5 / 9 + 0.8 * 0.2 / 9)  # CR2: the variance of ten means
    assert gap.value == pytest.approx(-0.3) and gap.error == pytest.approx(by_hand, rel=0.02)
    assert gap.persons == 10
    single = standardised_gap(score, np.zeros(200, int), side, ~side, alone(200))
    assert single.error < gap.error / 2


def test_persons_on_both_sides_are_compared_with_themselves() -> None:
    # Twelve persons, two photos each on either side; the group loses one photo of every second person.
    group_of = np.repeat([f"p{k}" for k in range(12)], 4).astype(object)
    side = np.tile([True, True, False, False], 12)
    score = np.tile([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], 6)
    gap = standardised_gap(score, np.zeros(48, int), side, ~side, clusters(group_of, 48))
    assert gap.paired and gap.persons == 12
    assert gap.own == pytest.approx(6 / 24) and gap.value == pytest.approx(-0.25)
    # Two photos of six persons differ by -1 and 0 from their partners, so that photos of a person are not alike: the
    # error is that of 24 photos which differ by (6 + 1/2) / 25 of a square on average.
    assert gap.error == pytest.approx(math.sqrt(6.5 / 25 / 24))
    alike = np.tile([0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], 6)
    gap = standardised_gap(alike, np.zeros(48, int), side, ~side, clusters(group_of, 48))
    means = np.tile([-1.0, 0.0], 6)  # persons differ, their photos do not
    assert gap.value == pytest.approx(-0.5) and gap.error >= means.std(ddof=1) / math.sqrt(12)


def test_precision_is_compared_at_the_same_mix_of_labels() -> None:
    # Both sides predict 80 % of emotion 0 and 20 % of emotion 1 as 0; the group has 100 of either, others 50 and 200.
    predicted, labels, side = [], [], []
    for inside, n0, n1 in ((True, 100, 100), (False, 50, 200)):
        predicted += [0] * (4 * n0 // 5) + [1] * (n0 // 5) + [0] * (n1 // 5) + [1] * (4 * n1 // 5)
        labels += [0] * n0 + [1] * n1
        side += [inside] * (n0 + n1)
    p, y, s = np.array(predicted), np.array(labels), np.array(side)
    gap = precision_gap(p, y, 0, s, ~s, alone(len(p)))
    assert gap.own == pytest.approx(80 / 100) and gap.others == pytest.approx(0.8)
    plain = standardised_gap((p == y).astype(float), np.where(p == 0, 0, -1), s, ~s, alone(len(p)))
    assert plain.others == pytest.approx(40 / 80)  # as they are, half of the others' answers are right


def test_p_is_about_the_minimum() -> None:
    gap = Gap(0.5, 0.7, 0.05, 30.0, 50, 500, 40, (0,))
    assert gap.value == pytest.approx(-0.2)
    assert gap.p_wider() == pytest.approx(student.sf(3.0, 30) + student.sf(5.0, 30))
    assert gap.p_wider(0.0) == pytest.approx(2 * student.sf(4.0, 30))
    assert gap.p_narrower() == pytest.approx(student.cdf(3.0, 30))
    half = student.ppf(0.975, 30) * 0.05
    assert (gap.estimate.low, gap.estimate.high) == pytest.approx((-0.2 - half, -0.2 + half))
    small = Gap(0.7, 0.7, 0.01, 30.0, 50, 500, 40, (0,))
    assert small.p_narrower() == pytest.approx(student.sf(5.0, 30)) and small.p_wider() > 0.99 * 2 * student.sf(5.0, 30)
    assert MIN_GAP == 0.05


@st.composite
def two_sides(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, Clusters]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(60, 200))
    side = np.arange(n) % draw(st.integers(2, 3)) == 0
    persons = rng.integers(0, draw(st.integers(10, n)), n)
    score = (rng.random(n) < draw(st.floats(0, 1))).astype(float)
    return score, rng.integers(0, 3, n), side, clusters(np.array([f"p{k}" for k in persons], dtype=object), n)


@settings(deadline=None)
@given(two_sides())
def test_properties(drawn: tuple[np.ndarray, np.ndarray, np.ndarray, Clusters]) -> None:
    score, label, side, group = drawn
    gap = standardised_gap(score, label, side, ~side, group)
    order = np.random.default_rng(0).permutation(len(score))
    again = standardised_gap(
        score[order], label[order], side[order], ~side[order], Clusters(group.code[order], group.count)
    )
    assert again.value == pytest.approx(gap.value, nan_ok=True) and again.error == pytest.approx(gap.error, nan_ok=True)
    if gap.testable:
        opposite = standardised_gap(1 - score, label, side, ~side, group)
        assert opposite.value == pytest.approx(-gap.value)
        # Weights of a mean add up to 1 but for the last bits.
        assert -1 <= gap.estimate.low <= gap.value + 1e-12 and gap.value - 1e-12 <= gap.estimate.high <= 1
        sizes = [gap.p_wider(least) for least in (0.0, 0.1, 0.2)]
        # Each is a sum of two tails: it grows with the limit up to the last bit of the sum.
        assert gap.error > 0 and min(sizes) >= 0 and max(sizes) <= 1 and (np.diff(sizes) > -1e-12).all()
        # Photos that are in no group change nothing.
        more = [np.append(part, 0) for part in (score, label)]
        unknown = Clusters(np.append(group.code, group.count), group.count + 1)
        outside = standardised_gap(
            more[0], more[1].astype(int), np.append(side, False), np.append(~side, False), unknown
        )
        assert outside.value == pytest.approx(gap.value) and outside.error == pytest.approx(gap.error)
