"""Map similarity: whether two models' predictions for one image rest on the same places, and how typical a map is.

Each model's map is that of its own prediction. Both are pooled to the coarser grid and compared there: Spearman
correlation over the cells, and the overlap (intersection over union) of each map's strongest fifth of cells. What two
maps share anyway, because faces sit in the middle of every photo, is measured by pairing each image of A with another
image of the same outcome and label for B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon

from reportgen.analysis import ModelRecords
from reportgen.evidence.attention.map_statistics import common_grid, weights
from reportgen.evidence.stats.clustered import Clusters, clusters, mean_interval, proportion
from reportgen.evidence.stats.correlation import row_correlation
from reportgen.evidence.stats.intervals import Estimate
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = [
    "DIFFERENT",
    "OUTCOMES",
    "PLACES",
    "SAME",
    "MapAgreement",
    "OutcomeAgreement",
    "compare_maps",
    "map_distance",
    "similarity",
]

OUTCOMES = ("both", "only-a", "only-b", "neither")
PLACES = ("same", "partly", "different")
"""Same: at least half of each strongest fifth is shared. Different: no more than two random fifths would share."""

_TOP = 0.2
_CELLS = 20_000_000
SAME = 1 / 3
DIFFERENT = _TOP / (2 - _TOP)
"""Overlap of two random sets of a fifth of the cells: .04 / .36 = .11. Half shared: .1 / .3 = .33."""


@dataclass(frozen=True)
class OutcomeAgreement:
    """One of the four outcomes.

    Attributes
    ----------
    outcome
        One of OUTCOMES.
    n
        Images with this outcome and two maps that are not blank.
    null_maps
        Images with this outcome that were left out because a map is null.
    counts
        Images by place, in the order of PLACES.
    apart
        Share of the images whose maps lie in different places.
    overlap, correlation
        Means over the images with 95 % interval.
    elsewhere
        Mean overlap of one model's map with the other's map of another image of the same outcome and label.
    """

    outcome: str
    n: int
    null_maps: int
    counts: tuple[int, int, int]
    apart: Estimate
    overlap: Estimate
    correlation: Estimate
    elsewhere: Estimate


@dataclass(frozen=True)
class MapAgreement:
    """Two models.

    Attributes
    ----------
    a, b
        Names.
    grid
        Rows and columns of the grid on which they are compared.
    outcome, place
        (n,) index into OUTCOMES and PLACES, -1 where unlabelled or a map is null (place only).
    correlation, overlap
        (n,) -1..1 and 0..1; NaN where a map is null.
    outcomes
        In the order of OUTCOMES.
    table
        Tidy, one row per labelled image.
    """

    a: str
    b: str
    grid: tuple[int, int]
    outcome: IntArray
    place: IntArray
    correlation: FloatArray
    overlap: FloatArray
    outcomes: tuple[OutcomeAgreement, ...]
    table: pd.DataFrame


def similarity(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compare maps cell by cell.

    Parameters
    ----------
    first, second
        (n, cells) non-negative; rows with NaN or without any spread have no correlation.

    Returns
    -------
    correlation, overlap
            (n,) Spearman's coefficient with ties at their mean rank, and the intersection over union of the strongest
        fifth of the cells (their number is rounded, ties are broken by place; a cell without heat is in neither).
    """
    correlation = row_correlation(first, second)
    count = max(1, round(_TOP * first.shape[1]))
    strongest = [np.zeros(maps.shape, dtype=bool) for maps in (first, second)]
    for chosen, maps in zip(strongest, (first, second), strict=True):
        np.put_along_axis(chosen, np.argsort(-maps, axis=1, kind="stable")[:, :count], True, axis=1)
        chosen &= maps > 0
    shared, either = ((strongest[0] & strongest[1]).sum(axis=1), (strongest[0] | strongest[1]).sum(axis=1))
    with np.errstate(invalid="ignore"):
        overlap = np.where(either > 0, shared / np.maximum(either, 1), np.nan)
    unknown = ~(np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1))
    return np.where(unknown, np.nan, correlation), np.where(unknown, np.nan, overlap)


def compare_maps(
    a: ModelRecords,
    b: ModelRecords,
    labels: IntArray,
    image_ids: Sequence[str],
    persons: ObjectArray | None,
    seed: int,
) -> MapAgreement:
    """Compare two models' maps of their predictions on the labelled images.

    Parameters
    ----------
    labels
        (n,) index of the labelled class, -1 where unlabelled.
    persons
        (n,) names or None, where any is known: intervals then count persons.
    seed
        Of the bootstrap and of the pairing with other images.
    """
    coarse = min((a, b), key=lambda m: m.maps.shape[-1] * m.maps.shape[-2])
    rows = np.arange(len(labels))
    p, q = (
        common_grid(weights(m.maps[rows, m.predicted])[0], m.grid, coarse.grid).reshape(len(rows), -1) for m in (a, b)
    )
    correlation, overlap = similarity(p, q)
    right_a, right_b = a.predicted == labels, b.predicted == labels
    outcome = np.where(right_a & right_b, 0, np.where(right_a, 1, np.where(right_b, 2, 3)))
    outcome = np.where(labels >= 0, outcome, -1)
    known = np.isfinite(overlap) & (outcome >= 0)
    place = np.where(overlap >= SAME, 0, np.where(overlap <= DIFFERENT + 1e-9, 2, 1))
    place = np.where(known, place, -1)
    elsewhere = np.full(len(rows), np.nan)
    other = _others(outcome, labels, known, seed)
    paired = np.flatnonzero(other >= 0)
    elsewhere[paired] = similarity(p[paired], q[other[paired]])[1]
    group = clusters(persons, len(rows))
    outcomes = tuple(
        OutcomeAgreement(
            name,
            int(of.sum()),
            int((~known & (outcome == index)).sum()),
            _counts(place[of]),
            proportion(place[of] == PLACES.index("different"), group.subset(np.flatnonzero(of))),
            *(
                _mean(values, outcome == index, group, seed)
                for values in (overlap, correlation, elsewhere)
            ),
        )
        for index, name in enumerate(OUTCOMES)
        for of in [known & (outcome == index)]
    )  # fmt: skip
    labelled = np.flatnonzero(outcome >= 0)
    table = pd.DataFrame({
        "image_id": np.asarray(image_ids, dtype=object)[labelled],
        "a": a.name,
        "b": b.name,
        "outcome": np.asarray(OUTCOMES, dtype=object)[outcome[labelled]],
        "place": np.asarray([*PLACES, None], dtype=object)[place[labelled]],
        "correlation": correlation[labelled],
        "overlap": overlap[labelled],
    })  # fmt: skip
    return MapAgreement(
        a.name, b.name, coarse.grid.shape, outcome, place, correlation, overlap, outcomes, table
    )  # fmt: skip


def _others(outcome: IntArray, labels: IntArray, known: BoolArray, seed: int) -> IntArray:
    """(n,) another image of the same outcome and label; -1 where there is none."""
    other = np.full(len(outcome), -1, dtype=np.int64)
    rng = np.random.default_rng(seed)
    for index in range(len(OUTCOMES)):
        for label in np.unique(labels[labels >= 0]):
            rows = rng.permutation(np.flatnonzero(known & (outcome == index) & (labels == label)))
            if len(rows) > 1:
                other[rows] = np.roll(rows, 1)
    return other


def _counts(place: IntArray) -> tuple[int, int, int]:
    same, partly, different = np.bincount(place, minlength=len(PLACES)).tolist()
    return same, partly, different


def _mean(values: FloatArray, chosen: BoolArray, group: Clusters, seed: int) -> Estimate:
    used = chosen & np.isfinite(values)
    # Many images need fewer draws, and could not be drawn so often within memory.
    draws = int(np.clip(_CELLS // max(int(used.sum()), 1), 200, 2000))
    part = group.subset(np.flatnonzero(used))
    value, low, high = (float(end[0]) for end in mean_interval(values[used][:, None], part, seed, draws))
    return Estimate(value, low, high, part.count)


def map_distance(shares: FloatArray, others: FloatArray) -> FloatArray:
    """(n,) Jensen-Shannon distance, base 2, between two (n, cells) tables of maps that each hold some heat."""
    # Rounding may leave the divergence of equal maps a hair below 0, and its root is NaN.
    with np.errstate(invalid="ignore"):
        found = jensenshannon(shares, others, base=2, axis=1)
    return np.nan_to_num(np.asarray(found, dtype=np.float64), nan=0.0)
