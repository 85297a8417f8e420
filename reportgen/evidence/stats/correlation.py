"""Spearman's rank correlation: of two variables, of many columns with one, and row by row."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from reportgen.evidence.stats.clustered import person_means
from reportgen.evidence.stats.intervals import Estimate, Z
from reportgen.types import AnyFloatArray, FloatArray, ObjectArray

__all__ = ["row_correlation", "spearman", "spearman_columns"]


def spearman(x: AnyFloatArray, y: AnyFloatArray, persons: ObjectArray | None = None) -> tuple[Estimate, float]:
    """Spearman's correlation over persons' means (or images) and its two-sided p-value; NaN pairs are left out.

    Interval: Bonett and Wright 2000. Fewer than four pairs give NaN, the interval -1..1 and p = 1.
    """
    valid = np.isfinite(x) & np.isfinite(y)
    both = np.column_stack([x[valid], y[valid]]).astype(np.float64)
    means = person_means(both, None if persons is None else persons[valid])
    value, low, high, p = spearman_columns(means[:, :1], means[:, 1])
    return Estimate(float(value[0]), float(low[0]), float(high[0]), len(means)), float(p[0])


def spearman_columns(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Spearman's coefficient of each column of (n, T) with (n,), its 95 % interval and two-sided p; (T,) each."""
    n, columns = x.shape
    nothing = np.full(columns, np.nan)
    if n < 4:
        return nothing, np.full(columns, -1.0), np.full(columns, 1.0), np.ones(columns)
    a, b = rankdata(x, axis=0), rankdata(y)
    a, b = a - a.mean(axis=0), b - b.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.clip((a * b[:, None]).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum()), -1.0, 1.0)
        statistic = r * np.sqrt((n - 2) / (1.0 - r**2))
        middle, half = np.arctanh(r), Z * np.sqrt((1.0 + r**2 / 2.0) / (n - 3))
    p = np.where(np.isnan(r), 1.0, 2.0 * student.sf(np.abs(statistic), n - 2))
    low = np.where(np.isnan(r), -1.0, np.where(np.abs(r) < 1, np.tanh(middle - half), r))
    high = np.where(np.isnan(r), 1.0, np.where(np.abs(r) < 1, np.tanh(middle + half), r))
    return r, low, high, p


def row_correlation(x: FloatArray, y: FloatArray) -> FloatArray:
    """(n,) Spearman's coefficient of each row of two (n, m) tables, ties at their mean rank; NaN without any spread."""
    a, b = (rankdata(values, axis=1) for values in (x, y))
    a, b = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1)))
