"""Nearly the same picture under different labels: at least one of the labels may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from reportgen.types import IntArray

__all__ = ["MAX_BITS", "NearDuplicates", "NearPair", "close_pairs", "find_near_duplicates"]


MAX_BITS = 4
"""Two photos are near duplicates when at most so many of the 64 bits of their perceptual hashes differ. Of photos that
were re-encoded at quality 40, halved, blurred, made grey or scaled down to 48 pixels and back, at least 99 % stay
within 4 bits of themselves; among two million pairs of portraits of different persons, tightly cropped, the closest
differed in 8."""

_BITS = 64
# The hash of an even picture says nothing.
_LEAST_CONTRAST = 0.02


@dataclass(frozen=True)
class NearPair:
    """Rows of two photos and in how many bits their hashes differ."""

    a: int
    b: int
    distance: int


@dataclass(frozen=True)
class NearDuplicates:
    """What comparing all photos with one another found.

    Attributes
    ----------
    compared
        Labelled photos with a hash that says something.
    pairs
        Those with different labels, the closest first; exact copies are not among them.
    alike
        How many pairs have equal labels.
    copies
        (n,) the same number for photos that are copies or near duplicates of each other, whatever their labels.
    """

    compared: int
    pairs: tuple[NearPair, ...]
    alike: int
    copies: IntArray
    most_bits: int = MAX_BITS


def find_near_duplicates(images: pd.DataFrame, labels: IntArray, most_bits: int = MAX_BITS) -> NearDuplicates:
    """Compare all labelled photos of an analysis with one another."""
    usable = np.flatnonzero((labels >= 0) & (images["contrast"].to_numpy(dtype=np.float64) >= _LEAST_CONTRAST))
    words = images["perceptual_hash"].tolist()
    hashes = np.array([int(words[row], 16) for row in usable], dtype=np.uint64)
    first, second, distance = close_pairs(hashes, most_bits)
    a, b = usable[first], usable[second]
    content = images["sha256"].to_numpy(dtype=object)
    other = content[a] != content[b]  # exact copies are listed elsewhere
    differ = labels[a] != labels[b]
    order = np.lexsort((b, a, distance))
    pairs = tuple(NearPair(int(a[i]), int(b[i]), int(distance[i])) for i in order.tolist() if other[i] and differ[i])
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(labels), len(labels)))
    copies = connected_components(graph, directed=False)[1].astype(np.int64)
    return NearDuplicates(len(usable), pairs, int((other & ~differ).sum()), copies, most_bits)


def close_pairs(hashes: npt.NDArray[np.uint64], most_bits: int) -> tuple[IntArray, IntArray, IntArray]:
    """All pairs of 64-bit hashes that differ in at most `most_bits` bits.

    The bits are cut into `most_bits` + 1 bands: two hashes that differ in fewer bits than there are bands agree on
    one band at least, so only hashes that share a band are compared (Manku et al. 2007).

    Returns
    -------
    first, second, distance
        Positions, first < second, each pair once, sorted.
    """
    edges = np.linspace(0, _BITS, most_bits + 2).astype(int)
    found: list[IntArray] = []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        band = (hashes >> np.uint64(start)) & np.uint64((1 << (end - start)) - 1)
        order = np.argsort(band, kind="stable")
        sorted_band, sorted_hash = band[order], hashes[order]
        at = np.arange(len(order) - 1)
        step = 1
        while len(at):
            # Those whose band goes on `step` places further.
            at = at[at + step < len(order)]
            at = at[sorted_band[at] == sorted_band[at + step]]
            near = at[_bits(sorted_hash[at] ^ sorted_hash[at + step]) <= most_bits]
            found.append(np.column_stack([order[near], order[near + step]]))
            step += 1
    pairs = np.unique(np.sort(np.concatenate(found), axis=1), axis=0) if found else np.empty((0, 2), np.int64)
    distance = _bits(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]])
    return pairs[:, 0], pairs[:, 1], distance


def _bits(values: npt.NDArray[np.uint64]) -> IntArray:
    """How many bits are set."""
    parts = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    return np.asarray(_SET[parts].sum(axis=1), dtype=np.int64)


_SET = np.array([bin(value).count("1") for value in range(256)], dtype=np.int64)
