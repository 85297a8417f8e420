"""Shares of errors: by hand, and how often their intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reportgen.evidence.stats.attributable import attributable_fraction, net_share
from reportgen.evidence.stats.clustered import Clusters, clusters
from tests.evidence.stats.test_coverage import LEAST, SIZES, photos, rates


def counted(*cells: tuple[bool, bool, int]) -> tuple[np.ndarray, np.ndarray]:
    """(flag, wrong) of so many images each."""
    flag = np.concatenate([np.full(n, f) for f, _, n in cells])
    return flag, np.concatenate([np.full(n, w) for _, w, n in cells])


def test_the_fraction_by_hand() -> None:
    # 30 of 50 flagged and 40 of 200 other images are wrong: 70 of 250, and without the flag 20 % instead of 28 %.
    flag, wrong = counted((True, True, 30), (True, False, 20), (False, True, 40), (False, False, 160))
    everyone, alone = np.ones(250, dtype=bool), clusters(None, 250)
    found = attributable_fraction(flag, wrong, everyone, alone)
    assert found.value == pytest.approx(1 - 0.2 / 0.28)
    # The same by Miettinen's formula: flagged among errors, times (RR - 1) / RR.
    assert found.value == pytest.approx(30 / 70 * (3 - 1) / 3)
    assert found.low < found.value < found.high < 1 and found.low > 0.1
    # Of images where the rule cannot be asked nothing is counted.
    assert attributable_fraction(flag, wrong, np.arange(250) < 90, alone).n == 90
    harmless = attributable_fraction(flag, ~wrong, everyone, alone)
    assert harmless.value == pytest.approx(1 - 0.8 / 0.72) and harmless.high < 0


def test_photos_of_one_person_count_less() -> None:
    flag, wrong = counted((True, True, 30), (True, False, 20), (False, True, 40), (False, False, 160))
    everyone = np.ones(250, dtype=bool)
    alone = attributable_fraction(flag, wrong, everyone, clusters(None, 250))
    people = attributable_fraction(flag, wrong, everyone, Clusters(np.arange(250) // 5, 50))
    assert people.value == alone.value and people.persons == 10 and people.low < alone.low


def test_too_few_persons_get_no_interval_and_nothing_has_no_share() -> None:
    flag, wrong = counted((True, True, 30), (True, False, 20), (False, True, 40), (False, False, 160))
    everyone = np.ones(250, dtype=bool)
    few = attributable_fraction(flag, wrong, everyone, Clusters(np.arange(250) // 10, 25))  # five flagged persons
    assert (few.low, few.high) == (-math.inf, math.inf) and few.value == pytest.approx(1 - 0.2 / 0.28)
    assert not attributable_fraction(~everyone, wrong, everyone, clusters(None, 250)).defined
    assert not attributable_fraction(everyone, wrong, everyone, clusters(None, 250)).defined
    assert not attributable_fraction(flag, ~everyone, everyone, clusters(None, 250)).defined


def test_the_net_share_by_hand() -> None:
    first, right = counted((True, True, 43), (True, False, 37), (False, True, 10), (False, False, 40))
    found = net_share(right, first, ~first, clusters(None, 130), 0.25)
    assert found.value == pytest.approx(0.25 * (43 / 80 - 10 / 50))
    assert 0 < found.low < found.value < found.high < 0.25
    assert not net_share(right, first, np.zeros(130, dtype=bool), clusters(None, 130), 0.25).defined


@pytest.mark.slow
@pytest.mark.parametrize("persons", (15, 20, 40, 150))
def test_intervals_hold_the_truth(persons: int) -> None:
    rng = np.random.default_rng(persons)
    fractions, differences = [], []
    for kind in (*SIZES, "alone"):
        for share in (0.1, 0.3):
            for usual, flagged in ((0.2, 0.2), (0.15, 0.4)):
                truth = 1 - usual / ((1 - share) * usual + share * flagged)
                for alike in (0.1, 0.4):
                    for _ in range(120):
                        if kind == "alone":
                            group = clusters(None, 4 * persons)
                            flag = rng.random(4 * persons) < share
                            rate = np.where(flag, flagged, usual)
                        else:
                            group = photos(rng, persons, kind)
                            one, two, has = (rates(rng, persons, r, alike)[group.code] for r in (flagged, usual, share))
                            flag = rng.random(len(group.code)) < has
                            rate = np.where(flag, one, two)
                        wrong = rng.random(len(flag)) < rate
                        found = attributable_fraction(flag, wrong, np.ones_like(flag), group)
                        if found.defined and math.isfinite(found.low):
                            fractions.append(found.low <= truth <= found.high)
                        half = rng.random(len(flag)) < 0.5
                        net = net_share(wrong, half, ~half, group, 1.0)
                        differences.append(net.low <= 0 <= net.high)
    assert np.mean(fractions) >= LEAST and np.mean(differences) >= LEAST
