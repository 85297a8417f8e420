"""Accuracy on persons seen in training, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.evidence.performance.leakage import measure_leakage
from reportgen.evidence.stats.clustered import Clusters, clusters


def alone(n: int) -> Clusters:
    return clusters(None, n)


def test_inflation_is_what_seen_images_would_lose() -> None:
    """Of 20 seen images 18 are right, of 20 new ones 10: as new ones 8 of 40 fewer would be right. Each image adds to
    the error as in two binomial samples: sqrt(20 * (.9 * .1 + .5 * .5)) / 40, times sqrt(20 / 19).
    """
    labels, seen = np.zeros(40, int), np.repeat([1.0, 0.0], 20)
    predicted = np.r_[np.repeat([0, 1], [18, 2]), np.repeat([0, 1], [10, 10])]
    found = measure_leakage("A", predicted, labels, seen, alone(40))
    assert found is not None
    assert (found.on_seen.value, found.on_new.value) == (0.9, 0.5)
    assert found.inflation.value == pytest.approx(0.2)
    error = np.sqrt(20 * (0.09 + 0.25)) / 40 * np.sqrt(20 / 19)
    assert found.inflation.low == pytest.approx(0.2 - 2.093 * error, abs=1e-4)
    assert found.proven and not found.nothing_new


def test_another_mix_of_emotions_is_no_leakage() -> None:
    """Seen images are mostly of the easy emotion; within each emotion both sides are alike."""
    labels = np.r_[np.repeat([0, 1], [40, 10]), np.repeat([0, 1], [10, 40])]
    seen = np.repeat([1.0, 0.0], 50)
    predicted = labels.copy()
    for emotion, wrong in ((0, 10), (1, 2)):  # one in ten, one in two
        for side in (1.0, 0.0):
            rows = np.flatnonzero((labels == emotion) & (seen == side))
            predicted[rows[: len(rows) // wrong]] = 2
    found = measure_leakage("A", predicted, labels, seen, alone(100))
    assert found is not None and found.on_seen.value > found.on_new.value + 0.2
    assert found.inflation.value == pytest.approx(0.0)
    assert not found.proven


def test_persons_count_not_photos() -> None:
    labels, seen = np.zeros(80, int), np.repeat([1.0, 0.0], 40)
    predicted = np.r_[np.zeros(40, int), np.repeat([0, 1], [20, 20])]
    apart = measure_leakage("A", predicted, labels, seen, alone(80))
    persons = np.array([f"p{row // 10}" for row in range(80)], dtype=object)
    few = measure_leakage("A", predicted, labels, seen, clusters(persons, 80))
    assert apart is not None and apart.proven
    assert few is not None and few.inflation.too_few and not few.proven
    assert few.inflation.persons == 4


def test_what_is_not_known_is_not_compared() -> None:
    labels, predicted = np.zeros(30, int), np.zeros(30, int)
    assert measure_leakage("A", predicted, labels, np.full(30, np.nan), alone(30)) is None
    assert measure_leakage("A", predicted, np.full(30, -1), np.ones(30), alone(30)) is None
    every = measure_leakage("A", predicted, labels, np.ones(30), alone(30))
    assert every is not None and every.nothing_new and not every.inflation.defined and not every.proven
    few = measure_leakage("A", predicted, labels, np.r_[np.ones(26), np.zeros(4)], alone(30))
    assert few is not None and not few.inflation.defined


@pytest.mark.parametrize(("known", "others", "photos"), [(20, 20, 5), (40, 8, 3)])
def test_splits_without_leakage_are_called_inflated_in_at_most_5_percent(known: int, others: int, photos: int) -> None:
    """Persons are unequally difficult, on either side alike; 2.5 % are expected."""
    called, sets = 0, 200
    for seed in range(sets):
        rng = np.random.default_rng(seed)
        skill = np.clip(rng.normal(0.6, 0.2, known + others), 0.02, 0.98)
        who = np.repeat(np.arange(known + others), photos)
        labels = rng.integers(0, 3, len(who))
        predicted = np.where(rng.random(len(who)) < skill[who], labels, (labels + 1) % 3)
        persons = clusters(np.array([f"p{one}" for one in who], dtype=object), len(who))
        found = measure_leakage("A", predicted, labels, (who < known).astype(float), persons)
        called += found is not None and found.proven
    assert called <= 0.05 * sets
