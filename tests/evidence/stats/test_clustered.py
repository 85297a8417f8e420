from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from reportgen.evidence.stats import clustered
from reportgen.evidence.stats.clustered import (
    bounded_test,
    clusters,
    linear_estimate,
    mean_estimate,
    mean_interval,
    mean_test,
    min_p,
    ratio_interval,
    sign_flip,
    studentised,
)
from reportgen.evidence.stats.intervals import bootstrap_counts


@pytest.mark.parametrize("count", [15, 333])
def test_sampled_signs_are_those_of_one_large_block(count: int) -> None:
    sums = np.random.default_rng(1).normal(0.1, 1.0, (count, 3))
    signs = np.random.default_rng(2).integers(0, 2, (10_000, count)) * 2.0 - 1.0
    reached = (np.abs(signs @ sums) >= np.abs(sums.sum(axis=0)) - 1e-9).sum(axis=0)
    np.testing.assert_array_equal(sign_flip(sums, np.random.default_rng(2)), (reached + 1) / 10_001)


def test_sign_flip_equals_full_enumeration() -> None:
    values = np.random.default_rng(0).normal(0.4, 1, (8, 3))
    p = sign_flip(values, np.random.default_rng(0))
    for k in range(3):
        sums = [abs(sum(s * v for s, v in zip(signs, values[:, k], strict=True)))
                for signs in itertools.product((1, -1), repeat=8)]  # fmt: skip
        assert p[k] == pytest.approx(np.mean([s >= abs(values[:, k].sum()) - 1e-12 for s in sums]))


def test_all_positive_reaches_the_smallest_p() -> None:
    for n in (3, 6, 11, 14):
        p, count = mean_test(np.ones((n, 1)), clusters(None, n), 0)
        assert p[0] == pytest.approx(min_p(n)) == pytest.approx(2.0 ** (1 - n))
        assert count[0] == n
    assert min_p(5) > 0.05 > min_p(6)
    assert min_p(10) > 0.05 / 42 > min_p(11)


def test_sampled_flips_agree_with_enumeration() -> None:
    values = np.random.default_rng(2).normal(0.5, 1, (16, 1))
    signs = 1 - 2 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1)
    exact = (np.abs(signs @ values) >= abs(values.sum()) - 1e-12).mean()
    assert sign_flip(values, np.random.default_rng(0))[0] == pytest.approx(exact, abs=0.006)


def test_studentised_bootstrap_agrees_with_student_on_normal_data() -> None:
    values = np.random.default_rng(1).normal(0.2, 1, (80, 4))
    p = studentised(values, np.ones_like(values), 0)
    assert p == pytest.approx(ttest_1samp(values, 0).pvalue, abs=0.02)


def test_studentised_bootstrap_sees_skew_where_student_does_not() -> None:
    """Lower tail of a right-skewed mean: Student rejects far too often, the bootstrap-t much less."""
    rng = np.random.default_rng(3)
    hits = np.zeros(2)
    for seed in range(200):
        values = rng.lognormal(0, 1, (30, 1)) - np.exp(0.5)
        low = values.mean() < 0
        hits += [
            low and ttest_1samp(values, 0).pvalue[0] < 0.05,
            low and studentised(values, np.ones((30, 1)), seed, 999)[0] < 0.05,
        ]
    assert hits[1] < 0.7 * hits[0]


def test_missing_values_and_nothing_at_all() -> None:
    values = np.full((30, 3), np.nan)
    values[:7, 1] = 1.0
    values[:, 2] = np.random.default_rng(0).normal(1, 1, 30)
    p, count = mean_test(values, clusters(None, 30), 0)
    assert count.tolist() == [0, 7, 30]
    assert p[0] == 1.0
    assert p[1] == pytest.approx(2 / 2**7)
    value, low, high = mean_interval(values, clusters(None, 30), 0)
    assert np.isnan(value[0]) and np.isnan(low[0]) and value[1] == low[1] == high[1] == 1.0
    assert low[2] < value[2] < high[2]


def test_persons_are_the_unit() -> None:
    rng = np.random.default_rng(4)
    people = np.repeat([f"p{i}" for i in range(7)], 20).astype(object)
    values = np.repeat(rng.normal(0.3, 1, 7), 20)[:, None]
    group = clusters(people, 140)
    assert group.count == 7
    p, count = mean_test(values, group, 0)
    assert count[0] == 7 and p[0] >= 2 / 2**7
    alone = mean_interval(values, clusters(None, 140), 0)
    together = mean_interval(values, group, 0)
    assert together[2][0] - together[1][0] > 3 * (alone[2][0] - alone[1][0])


def test_unknown_persons_stand_alone() -> None:
    group = clusters(np.asarray(["a", None, "a", None, float("nan")], dtype=object), 5)
    assert group.count == 4
    assert group.code[0] == group.code[2]


def test_ratio_interval_covers_and_is_seeded() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(300):
        bottom = rng.uniform(0.5, 1.5, (12, 1))
        top = 2.0 * bottom + rng.normal(0, 0.5, (12, 1))
        _, low, high = ratio_interval(top, bottom, clusters(None, 12), seed, 500)
        covered += low[0] <= 2.0 <= high[0]
    assert 0.90 <= covered / 300 <= 0.985
    first, again = (ratio_interval(top, bottom, clusters(None, 12), 7) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_thousands_of_clusters_use_the_normal_limit() -> None:
    values = np.random.default_rng(6).normal(0.03, 1, (2500, 1))
    p, _ = mean_test(values, clusters(None, 2500), 0)
    assert p[0] == pytest.approx(ttest_1samp(values, 0).pvalue[0], rel=0.02)
    value, low, high = mean_interval(values, clusters(None, 2500), 0)
    assert high[0] - value[0] == pytest.approx(1.96 * values.std() / 50, rel=0.01)
    assert value[0] - low[0] == pytest.approx(high[0] - value[0])


@pytest.mark.parametrize(("hits", "n", "rate"), [(8, 8, 0.66), (19, 20, 0.7), (5, 12, 0.2)])
def test_bounded_test_is_the_exact_binomial_test_for_two_valued_data(hits: int, n: int, rate: float) -> None:
    values = np.r_[np.ones(hits), np.zeros(n - hits)] - rate
    exact = binomtest(hits, n, rate, alternative="greater").pvalue
    assert bounded_test(values, -rate, clusters(None, n), 0, 40_000) == pytest.approx(exact, abs=0.004)


def test_kept_draws_are_those_drawn_anew_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, asked = clustered._Drawn(), []

    def counting(count: int, draws: int, rng: np.random.Generator) -> np.ndarray:
        asked.append(count)
        return bootstrap_counts(count, draws, rng)

    monkeypatch.setattr(clustered, "bootstrap_counts", counting)
    monkeypatch.setattr(clustered, "_KEPT", 1000)  # two of 40 x 10 bytes
    for count in (10, 10, 9, 10, 8, 10, 9):
        expected = bootstrap_counts(count, 40, np.random.default_rng(5))
        assert np.array_equal(drawn(count, 40, 5), expected)
    assert asked == [10, 9, 8, 9]


def test_a_mean_leaves_out_what_is_missing_and_stays_within_what_is_possible():
    values = np.append(np.tile([0.0, 1.0], 10), np.nan)
    found = mean_estimate(values, clusters(None, 21), 0, 0.0, 1.0)
    assert (found.value, found.n, found.persons) == (0.5, 20, None) and 0 < found.low < 0.5 < found.high < 1
    two = mean_estimate(values, clusters(np.array([*"aaaaaaaaaabbbbbbbbbbc"], dtype=object), 21), 0, 0.0, 1.0)
    assert (two.low, two.high, two.persons, two.named, two.too_few) == (0.0, 1.0, 2, True, True)
    three = mean_estimate(values[:3], clusters(None, 3), 0, 0.0, 1.0)
    assert (three.low, three.high, three.persons, three.named) == (0.0, 1.0, 3, False)  # no persons are known
    assert mean_estimate(values[20:], clusters(None, 1), 0, 0.0, 1.0).n == 0


def test_a_mean_is_linear_in_its_images():
    # Ten persons of two photos, sums 0 and 2 by turns: each moves the mean by a twentieth.
    values = np.where(np.arange(20) // 2 % 2, 1.0, 0.0)
    group = clusters(np.array([f"p{row // 2}" for row in range(20)], dtype=object), 20)
    found = linear_estimate(0.5, (values - 0.5) / 20, group, 0.0, 1.0)
    half = 2.262157 * np.sqrt(10 * 0.05**2 * 10 / 9)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    assert (found.n, found.persons) == (20, 10)
    assert linear_estimate(0.5, (values - 0.5) * 10, group, 0.0, 1.0).high == 1.0
