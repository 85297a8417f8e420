"""Rank correlation against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from reportgen.evidence.stats.correlation import row_correlation, spearman


def test_spearman_equals_scipy_and_counts_persons() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random(50), rng.random(50)
    x[3] = np.nan
    estimate, p = spearman(x, y)
    keep = np.isfinite(x)
    expected = spearmanr(x[keep], y[keep])
    assert (estimate.value, p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    assert estimate.low < estimate.value < estimate.high and estimate.n == 49
    people = np.asarray([f"p{i % 5}" for i in range(50)], dtype=object)
    assert spearman(x, y, people)[0].n == 5
    nothing, p = spearman(x[:3], y[:3])
    assert np.isnan(nothing.value) and (nothing.low, nothing.high, p) == (-1.0, 1.0, 1.0)


def test_rows_are_correlated_one_by_one() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (6, 12)).astype(float), rng.random((6, 12))
    expected = [spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert row_correlation(x, y) == pytest.approx(expected)
    assert np.isnan(row_correlation(np.ones((1, 5)), y[:1, :5])[0])
