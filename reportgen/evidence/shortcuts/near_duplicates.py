"""Nearly the same picture under different labels: at least one of the labels may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reportgen.evidence.stats.units import LEAST_CONTRAST, MAX_BITS, close_pairs
from reportgen.types import IntArray

__all__ = ["NearDuplicates", "NearPair", "find_near_duplicates"]


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
    """

    compared: int
    pairs: tuple[NearPair, ...]
    alike: int
    most_bits: int = MAX_BITS


def find_near_duplicates(images: pd.DataFrame, labels: IntArray, most_bits: int = MAX_BITS) -> NearDuplicates:
    """Compare all labelled photos of an analysis with one another."""
    usable = np.flatnonzero((labels >= 0) & (images["contrast"].to_numpy(dtype=np.float64) >= LEAST_CONTRAST))
    words = images["perceptual_hash"].tolist()
    hashes = np.array([int(words[row], 16) for row in usable], dtype=np.uint64)
    first, second, distance = close_pairs(hashes, most_bits)
    a, b = usable[first], usable[second]
    content = images["sha256"].to_numpy(dtype=object)
    other = content[a] != content[b]  # exact copies are listed elsewhere
    differ = labels[a] != labels[b]
    order = np.lexsort((b, a, distance))
    pairs = tuple(NearPair(int(a[i]), int(b[i]), int(distance[i])) for i in order.tolist() if other[i] and differ[i])
    return NearDuplicates(len(usable), pairs, int((other & ~differ).sum()), most_bits)
