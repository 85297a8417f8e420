"""Sampling: which images are examined when there are too many to examine them all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import FaceRecords
from reportgen.faces.regions import is_face
from reportgen.types import BoolArray, IntArray

__all__ = ["draw_own_and_others", "draw_sample", "interleave", "persons_in_turn", "with_own_face"]


def draw_sample(labels: IntArray, most: int, seed: int, among: IntArray | None = None) -> IntArray | None:
    """Images for heatmap statistics, examples and explorer: all, or an even number of every emotion at random.

    An interval over an emotion's images hardly narrows beyond a thousand of them, so the rare emotions keep all their
    images and the frequent ones share what is left evenly. Unlabelled images count as an emotion of their own.

    Parameters
    ----------
    labels
        (n,) index of the labelled class, -1 for none.
    most
        How many images at most.
    seed
        Of the draw.
    among
        Ascending positions that may be drawn; None for all.

    Returns
    -------
    Ascending positions, or None where all images are few enough.
    """
    if among is not None and len(among) < len(labels):
        drawn_among = draw_sample(labels[among], most, seed)
        return among if drawn_among is None else among[drawn_among]
    if len(labels) <= most:
        return None
    groups, counts = np.unique(labels, return_counts=True)
    quotas = _even(counts, most)
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(np.flatnonzero(labels == group), quota, replace=False)
        for group, quota in zip(groups, quotas, strict=True)
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def _even(counts: IntArray, most: int) -> IntArray:
    """How many of each group, their sum `most`: small groups are used up before large ones get more."""
    quotas = np.zeros_like(counts)
    left = most
    for place, group in enumerate(np.argsort(counts, kind="stable")):
        quotas[group] = min(counts[group], left // (len(counts) - place))
        left -= int(quotas[group])
    return quotas


def interleave(lists: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Rows of several lists in round-robin order, each row once."""
    mixed = chain.from_iterable(zip_longest(*lists))
    return tuple(dict.fromkeys(row for row in mixed if row is not None))


def draw_own_and_others(
    labels: IntArray, emotion: int, most: tuple[int, int], rng: np.random.Generator
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Photos of an emotion at random, ascending, and of all others in turns by emotion.

    Parameters
    ----------
    labels
        (n,) index of the labelled class, -1 for none.
    most
        Photos of the emotion, and of all others.
    """
    classes = np.unique(labels[(labels >= 0) & (labels != emotion)])
    pools = [rng.permutation(np.flatnonzero(labels == k)).tolist() for k in classes]
    own = np.sort(rng.permutation(np.flatnonzero(labels == emotion))[: most[0]])
    return tuple(own.tolist()), interleave(pools)[: most[1]]


def persons_in_turn(rows: IntArray, units: npt.NDArray[np.generic] | None) -> IntArray:
    """Rows in their order, but first one of every unit, then a second of each, and so on.

    Parameters
    ----------
    units
        Of all rows, such as `stats.units` gives them; None: every row is its own.
    """
    if units is None:
        return rows
    turn = pd.Series(rows).groupby(units[rows], sort=False).cumcount().to_numpy()
    return np.asarray(rows[np.argsort(turn, kind="stable")])


def with_own_face(faces: FaceRecords) -> BoolArray:
    """(n,) whether landmarks are an image's own and span a face, so that regions can be painted or taken from it."""
    return np.array([
        source != "template" and is_face(points) for source, points in zip(faces.source, faces.points, strict=True)
    ], dtype=bool)  # fmt: skip
