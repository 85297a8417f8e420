from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.evidence.performance import calibration
from reportgen.evidence.performance.calibration import calibrate, calibrate_shares
from reportgen.evidence.stats.clustered import clusters


def test_all_is_complete() -> None:
    assert all(hasattr(calibration, name) for name in calibration.__all__)


def test_by_hand() -> None:
    confidence = np.repeat([0.6, 0.9], 10)
    correct = np.arange(20) % 10 < np.repeat([8, 7], 10)  # 8 of 10, 7 of 10
    found = calibrate(confidence, correct, 0, bins=2)
    assert found.ece == pytest.approx((0.2 * 10 + 0.2 * 10) / 20)
    assert found.overconfidence == pytest.approx(0.75 - 0.75)
    first, second = found.bins
    assert (first.n, first.low, first.high, first.accuracy.value) == (10, 0.6, 0.6, 0.8)
    assert (second.confidence, second.accuracy.value) == (pytest.approx(0.9), 0.7)
    assert second.accuracy.low == pytest.approx(0.3968, abs=1e-4)  # Wilson of 7 of 10


def test_equal_mass() -> None:
    rng = np.random.default_rng(0)
    found = calibrate(rng.uniform(0.2, 1, 2051), rng.random(2051) < 0.5, 0)
    assert len(found.bins) == 15
    assert {b.n for b in found.bins} == {136, 137}
    assert all(a.high < b.low for a, b in zip(found.bins, found.bins[1:], strict=False))


def test_small_sets_get_fewer_bins_and_ties_stay_together() -> None:
    rng = np.random.default_rng(0)
    assert len(calibrate(rng.random(35), rng.random(35) < 0.5, 0).bins) == 3
    found = calibrate(np.append(np.ones(90), np.linspace(0.3, 0.9, 60)), rng.random(150) < 0.5, 0)
    assert found.bins[-1].n == 90
    assert sum(b.n for b in found.bins) == 150
    assert len(calibrate(np.full(5, 0.5), np.ones(5, dtype=bool), 0).bins) == 1


def test_no_image() -> None:
    found = calibrate(np.empty(0), np.empty(0, dtype=bool), 0)
    assert math.isnan(found.ece)
    assert found.bins == ()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 200))
def test_order_of_images_does_not_matter(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    confidence, correct = rng.integers(2, 11, n) / 10, rng.random(n) < 0.6  # many ties
    order = rng.permutation(n)
    one, other = (
        calibrate(confidence, correct, 1, draws=20),
        calibrate(confidence[order], correct[order], 1, draws=20),
    )
    assert (one.ece, *one.band) == pytest.approx((other.ece, *other.band))
    assert [b.accuracy for b in one.bins] == [b.accuracy for b in other.bins]
    assert one.ece == pytest.approx(sum(b.n * abs(b.confidence - b.accuracy.value) for b in one.bins) / n)
    assert 0 <= one.band[0] <= one.band[1] <= 1


@pytest.mark.parametrize("n", [60, 500])
def test_a_calibrated_model_lies_in_the_band(n: int) -> None:
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(300):
        confidence = rng.uniform(0.3, 1, n)
        found = calibrate(confidence, rng.random(n) < confidence, int(rng.integers(2**31)), draws=300)
        inside.append(found.band[0] <= found.ece <= found.band[1])
    # 300 sets and 300 draws of the band: a standard error of about .015
    assert 0.90 < np.mean(inside) < 0.99


def test_promising_too_much_or_too_little_is_seen() -> None:
    rng = np.random.default_rng(6)
    confidence = rng.uniform(0.5, 1, 1000)
    over = calibrate(confidence, rng.random(1000) < confidence - 0.15, 0)
    under = calibrate(confidence - 0.15, rng.random(1000) < confidence, 0)
    assert over.ece > over.band[1]
    assert under.ece > under.band[1]
    assert over.overconfidence == pytest.approx(0.15, abs=0.04)
    assert under.overconfidence == pytest.approx(-0.15, abs=0.04)


def test_band_does_not_depend_on_how_it_is_chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    confidence, correct = rng.uniform(0.3, 1, 100), rng.random(100) < 0.5
    whole = calibrate(confidence, correct, 0)
    monkeypatch.setattr(calibration, "_CHUNK", 700)
    assert calibrate(confidence, correct, 0).band == pytest.approx(whole.band)


def test_the_chance_level_by_persons_does_not_depend_on_the_size_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    confidence, correct = rng.random(90), rng.random(90) < 0.5
    persons = clusters(np.array([f"p{row % 30}" for row in range(90)], dtype=object), 90)
    whole = calibrate(confidence, correct, 3, persons)
    monkeypatch.setattr("reportgen.evidence.performance.calibration._CHUNK", 70)
    assert calibrate(confidence, correct, 3, persons) == whole


def test_calibration_against_shares() -> None:
    """Right and wrong are shares of 1 and 0; a model whose confidence is the share lies within chance."""
    rng = np.random.default_rng(1)
    share, group = rng.random(300), clusters(None, 300)
    exact = calibrate_shares(share, share, 0, group)
    assert exact.ece == pytest.approx(0) and exact.overconfidence == pytest.approx(0)
    off = calibrate_shares(np.minimum(share + 0.2, 1), share, 0, group)
    assert off.ece > off.band[1] and off.overconfidence == pytest.approx((np.minimum(share + 0.2, 1) - share).mean())
    correct = rng.random(300) < share
    binary = calibrate_shares(share, correct.astype(float), 0, group)
    assert binary.ece == pytest.approx(calibrate(share, correct, 0).ece)
    assert math.isnan(calibrate_shares(np.empty(0), np.empty(0), 0, clusters(None, 0)).ece)
