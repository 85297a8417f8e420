"""How often intervals that count persons hold the truth: from `MIN_PERSONS` on at least 93 % of the time.

Simulated test sets differ in the number of photos per person (equal, skewed, or a few persons with many photos and the
rest with one), in the rate, and in how alike a person's photos are. Below `MIN_PERSONS` no interval is given.
"""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.evidence.stats.clustered import Clusters, mean_interval, proportion, risk_ratio_of
from reportgen.evidence.stats.intervals import MIN_PERSONS

LEAST = 0.93
PERSONS = (MIN_PERSONS, 6, 8, 12, 20, 40)
SIZES = ("equal", "skewed", "a few with many")


def photos(rng: np.random.Generator, persons: int, kind: str) -> Clusters:
    """How many photos each person has."""
    sizes = {
        "equal": np.full(persons, 4),
        "skewed": np.maximum(1, np.round(np.exp(rng.normal(1, 0.8, persons)))).astype(int),
        "a few with many": np.where(np.arange(persons) < max(1, persons // 5), rng.integers(4, 15, persons), 1),
    }[kind]
    return Clusters(np.repeat(np.arange(persons), sizes).astype(np.int64), persons)


def rates(rng: np.random.Generator, persons: int, rate: float, alike: float) -> np.ndarray:
    """(persons,) each one's own rate; `alike`: correlation within a person."""
    return rng.beta(rate * (1 - alike) / alike, (1 - rate) * (1 - alike) / alike, persons)


@pytest.mark.slow
@pytest.mark.parametrize("persons", PERSONS)
@pytest.mark.parametrize("kind", SIZES)
def test_intervals_of_shares_hold_the_truth(persons: int, kind: str) -> None:
    rng = np.random.default_rng([persons, SIZES.index(kind)])
    held = []
    for rate in (0.5, 0.8, 0.95):
        for alike in (0.05, 0.3, 0.6):
            for _ in range(120):
                group = photos(rng, persons, kind)
                hit = rng.random(len(group.code)) < rates(rng, persons, rate, alike)[group.code]
                found = proportion(hit, group)
                held.append(found.low <= rate <= found.high)
    assert np.mean(held) >= LEAST


@pytest.mark.slow
@pytest.mark.parametrize("persons", PERSONS)
@pytest.mark.parametrize("kind", SIZES)
def test_intervals_of_means_hold_the_truth(persons: int, kind: str) -> None:
    rng = np.random.default_rng([persons, SIZES.index(kind)])
    held = []
    for skew in (0.0, 0.5):
        for alike in (0.1, 0.6):
            for seed in range(250):
                group = photos(rng, persons, kind)
                n = len(group.code)
                z = np.sqrt(alike) * rng.normal(size=persons)[group.code] + np.sqrt(1 - alike) * rng.normal(size=n)
                value, truth = (np.exp(skew * z), np.exp(skew**2 / 2)) if skew else (z, 0.0)
                _, low, high = mean_interval(value[:, None], group, seed, 500)
                held.append(low[0] <= truth <= high[0])
    assert np.mean(held) >= LEAST


@pytest.mark.slow
@pytest.mark.parametrize("persons", (10, 20, 40))
@pytest.mark.parametrize("kind", SIZES)
def test_intervals_of_risk_ratios_hold_the_truth(persons: int, kind: str) -> None:
    rng = np.random.default_rng([persons, SIZES.index(kind)])
    held = []
    for first, second in ((0.3, 0.3), (0.4, 0.2)):
        for alike in (0.1, 0.4):
            for _ in range(250):
                group = photos(rng, persons, kind)
                inside = rng.random(len(group.code)) < 0.4
                one, two = (rates(rng, persons, rate, alike)[group.code] for rate in (first, second))
                flag = rng.random(len(group.code)) < np.where(inside, one, two)
                found = risk_ratio_of(flag, inside, ~inside, group)
                if found.defined and not found.too_few:
                    held.append(found.low <= first / second <= found.high)
    assert np.mean(held) >= LEAST


def test_the_interval_by_hand_where_every_person_is_always_or_never_right() -> None:
    # Ten persons with three photos each, seven of them always right: as good as seven of ten independent images,
    # with Student's quantile in place of the normal one: s^2 = .21 / 9 and n = .21 / s^2 (1.96 / 2.262)^2 = 6.756.
    group = Clusters(np.repeat(np.arange(10), 3).astype(np.int64), 10)
    found = proportion(group.code < 7, group)
    assert (found.value, found.n, found.persons) == (0.7, 30, 10)
    assert found.low == pytest.approx(0.2716, abs=1e-4)
    assert found.high == pytest.approx(0.9605, abs=1e-4)


def test_where_all_are_right_every_person_counts_as_one() -> None:
    found = proportion(np.ones(24, dtype=bool), Clusters(np.repeat(np.arange(8), 3).astype(np.int64), 8))
    # Clopper and Pearson's rule for 8 of 8.
    assert (found.low, found.high) == (pytest.approx(0.025 ** (1 / 8)), 1.0)


def test_few_persons_get_no_interval() -> None:
    few = Clusters(np.repeat(np.arange(MIN_PERSONS - 1), 9).astype(np.int64), MIN_PERSONS - 1)
    found = proportion(few.code == 0, few)
    assert found.too_few and (found.low, found.high) == (0.0, 1.0)
    _, low, high = mean_interval(np.random.default_rng(0).normal(size=(len(few.code), 1)), few, 0)
    assert (low[0], high[0]) == (-np.inf, np.inf)
