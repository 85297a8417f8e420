"""The unit of every interval and test: the person where persons are known, and copies of a photo are one.

Two photos of one person, or a photo and its copy, are not two independent observations. A photo without a known person
whose copies have none either is a unit of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from reportgen.types import IntArray, ObjectArray

__all__ = ["LEAST_CONTRAST", "MAX_BITS", "close_pairs", "names_persons", "units_of"]

MAX_BITS = 4
"""Two photos are near duplicates when at most so many of the 64 bits of their perceptual hashes differ. Of photos that
were re-encoded at quality 40, halved, blurred, made grey or scaled down to 48 pixels and back, at least 99 % stay
within 4 bits of themselves; among two million pairs of portraits of different persons, tightly cropped, the closest
differed in 8."""

LEAST_CONTRAST = 0.02
"""The hash of an even picture says nothing."""

_BITS = 64
_PERSON, _PHOTO = "person ", "photo "
# Comparing more photos than this with one another takes too long; of these only exact copies are one unit.
_COMPARED = 100_000


def units_of(images: pd.DataFrame) -> ObjectArray | None:
    """(n,) the name of each image's unit, or None where every image is one by itself.

    Images that show the same person, or that are exact or near copies of each other, have the same unit, and so have
    those that are linked by a third.

    Parameters
    ----------
    images
        As in an analysis: `person` (missing where unknown), `sha256`, and where photos were measured `perceptual_hash`
        and `contrast`.
    """
    n = len(images)
    links = [_alike(images["person"].to_numpy(dtype=object)), _alike(images["sha256"].to_numpy(dtype=object))]
    if n <= _COMPARED and "perceptual_hash" in images:
        usable = np.flatnonzero(images["contrast"].to_numpy(dtype=np.float64) >= LEAST_CONTRAST)
        words = images["perceptual_hash"].tolist()
        hashes = np.array([int(words[row], 16) for row in usable], dtype=np.uint64)
        first, second, _ = close_pairs(hashes, MAX_BITS)
        links.append((usable[first], usable[second]))
    a, b = (np.concatenate(ends) for ends in zip(*links, strict=True))
    if not len(a):
        return None
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(n, n))
    code = connected_components(graph, directed=False)[1]
    name = {number: f"{_PHOTO}{number}" for number in code.tolist()}
    for number, person in zip(code.tolist(), images["person"].tolist(), strict=True):
        if isinstance(person, str):
            name[number] = f"{_PERSON}{number}"
    return np.asarray([name[number] for number in code.tolist()], dtype=object)


def names_persons(units: ObjectArray | None) -> bool:
    """Whether any unit is a known person, so that units may be called persons; else they are different photos."""
    return units is not None and any(
        unit is not None and unit == unit and not str(unit).startswith(_PHOTO) for unit in units
    )


def _alike(values: ObjectArray) -> tuple[IntArray, IntArray]:
    """Rows of each value's first and of its other appearances; a missing value is like no other."""
    code = pd.factorize(pd.Series(values, dtype=object))[0]
    rows = np.flatnonzero(code >= 0)
    _, first, which = np.unique(code[rows], return_index=True, return_inverse=True)
    start = rows[first][which]
    return start[start != rows], rows[start != rows]


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
