from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from scipy.stats.contingency import relative_risk

from reportgen.evidence.stats import intervals as estimate
from reportgen.evidence.stats.intervals import (
    Estimate,
    bootstrap_counts,
    percentile_interval,
    risk_ratio,
    wilson,
)

proportions = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_all_is_complete() -> None:
    assert all(hasattr(estimate, name) for name in estimate.__all__)


@given(proportions)
def test_wilson_equals_scipy(case: tuple[int, int]) -> None:
    k, n = case
    found = wilson(k, n)
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_wilson_by_hand() -> None:
    # z^2 = 3.8415: centre (.5 + .19207) / 1.38415 = .5, half 1.95996 / 1.38415 * sqrt(.025 + .0096036) =
    # .26341
    found = wilson(5, 10)
    assert (found.value, found.n) == (0.5, 10)
    assert (found.low, found.high) == pytest.approx((0.23659, 0.76341), abs=1e-5)


def test_wilson_of_nothing_is_undefined() -> None:
    found = wilson(0, 0)
    assert not found.defined
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)


@pytest.mark.parametrize("case", [(-1, 3), (4, 3)])
def test_wilson_refuses_what_is_no_proportion(case: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(*case)


@pytest.mark.parametrize("n", [8, 31, 55, 854])
def test_wilson_covers_as_promised(n: int) -> None:
    rates = np.linspace(0.02, 0.98, 49)
    intervals = [wilson(k, n) for k in range(n + 1)]
    low, high = np.array([i.low for i in intervals]), np.array([i.high for i in intervals])
    pmf = binom.pmf(np.arange(n + 1)[:, None], n, rates)  # exact, not simulated
    coverage = (pmf * ((low[:, None] <= rates) & (rates <= high[:, None]))).sum(axis=0)
    assert 0.94 < coverage.mean() < 0.97
    assert coverage.min() > 0.83


def test_excludes() -> None:
    assert Estimate(0.5, 0.1, 0.9, 5).excludes(0)
    assert Estimate(-0.5, -0.9, -0.1, 5).excludes(0)
    assert not Estimate(0.1, -0.1, 0.3, 5).excludes(0)


def test_risk_ratio_agrees_with_scipy_when_counts_are_large() -> None:
    found = risk_ratio(2000, 10_000, 1000, 10_000)
    expected = relative_risk(2000, 10_000, 1000, 10_000).confidence_interval()
    assert found.value == 2
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert found.n == 20_000


def test_risk_ratio_by_hand() -> None:
    # log(3.5/10.5) - log(1.5/20.5) = 1.51636; variance 1/3.5 - 1/10.5 + 1/1.5 - 1/20.5 = .80836
    found = risk_ratio(3, 10, 1, 20)
    assert found.value == pytest.approx(6)
    assert found.low == pytest.approx(math.exp(1.51636 - 1.959964 * math.sqrt(0.808362)), rel=1e-4)
    assert found.high == pytest.approx(math.exp(1.51636 + 1.959964 * math.sqrt(0.808362)), rel=1e-4)


@given(proportions, proportions)
def test_risk_ratio_inverts(one: tuple[int, int], zero: tuple[int, int]) -> None:
    found, inverse = risk_ratio(*one, *zero), risk_ratio(*zero, *one)
    if one[0] == zero[0] == 0:
        assert not found.defined
        return
    assert 0 <= found.low <= found.value <= found.high
    if found.low > 0:
        assert found.low == pytest.approx(1 / inverse.high)
    else:
        assert inverse.high == math.inf


def test_risk_ratio_of_an_empty_group() -> None:
    assert not risk_ratio(0, 0, 2, 5).defined
    with pytest.raises(ValueError, match="not proportions"):
        risk_ratio(6, 5, 0, 5)


@pytest.mark.parametrize(("n1", "p1", "n0", "p0"), [(300, 0.3, 1500, 0.2), (40, 0.1, 400, 0.1), (60, 0.4, 60, 0.1)])
def test_risk_ratio_covers_as_promised(n1: int, p1: float, n0: int, p0: float) -> None:
    rng = np.random.default_rng(2)
    pairs = zip(rng.binomial(n1, p1, 2000), rng.binomial(n0, p0, 2000), strict=True)
    found = [risk_ratio(a, n1, b, n0) for a, b in pairs]
    assert 0.935 < np.mean([e.low <= p1 / p0 <= e.high for e in found]) < 0.98


def test_bootstrap_counts_keep_strata_and_clusters() -> None:
    strata = np.array([2, 2, 2, 0, 0, 0, 0])
    counts = bootstrap_counts(7, 500, np.random.default_rng(0), strata=strata)
    assert (counts[:, :3].sum(axis=1) == 3).all()
    assert (counts[:, 3:].sum(axis=1) == 4).all()
    assert counts.std(axis=0).min() > 0.5  # a Poisson-like spread, not a copy of the sample

    persons = np.array(["ann", "bob", "ann", "cy", "bob", "ann", "dee"])
    counts = bootstrap_counts(7, 500, np.random.default_rng(0), clusters=persons)
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 0] == counts[:, 5]).all()
    assert (counts[:, 1] == counts[:, 4]).all()
    assert (counts[:, [0, 1, 3, 6]].sum(axis=1) == 4).all()


@pytest.mark.parametrize(("n", "draws"), [(1, 40), (5, 20_000), (700, 300), (40_000, 3)])
def test_bootstrap_counts_are_those_of_one_call_of_the_generator(n: int, draws: int) -> None:
    drawn = np.random.default_rng(3).integers(0, n, (draws, n))
    expected = np.stack([np.bincount(sample, minlength=n) for sample in drawn])
    assert np.array_equal(bootstrap_counts(n, draws, np.random.default_rng(3)), expected)


def test_bootstrap_counts_refuse_another_length() -> None:
    with pytest.raises(ValueError, match="each of 3 rows"):
        bootstrap_counts(3, 5, np.random.default_rng(0), strata=[1, 2])


def test_percentile_interval_holds_the_value() -> None:
    samples = np.arange(1001) / 1000
    found = percentile_interval(0.5, samples, 9)
    assert (found.low, found.high, found.n) == (pytest.approx(0.025), pytest.approx(0.975), 9)
    assert percentile_interval(0.99, samples, 9).high == 0.99
    assert percentile_interval(0.4, samples[:0], 9) == Estimate(0.4, 0.4, 0.4, 9)
