"""Which images two analyses have in common, and which of their models belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import AnalysisPredictions
from reportgen.errors import DataError
from reportgen.types import BoolArray, IntArray

__all__ = ["Matched", "match_images", "match_models"]


@dataclass(frozen=True)
class Matched:
    """Images that are in both analyses.

    Attributes
    ----------
    before, after
        (m,) positions in each analysis, ascending in `before`.
    relabelled
        (m,) images whose label differs between the two.
    only_before, only_after
        Images that only one of them has.
    """

    before: IntArray
    after: IntArray
    relabelled: BoolArray
    only_before: int
    only_after: int


def match_images(before: AnalysisPredictions, after: AnalysisPredictions) -> Matched:
    """Match images by content; copies of one content by their path, then by their order.

    Raises
    ------
    DataError
        The classes differ, or no image is in both.
    """
    if before.classes != after.classes:
        raise DataError(
            f"{before.folder} and {after.folder}: classes differ ({', '.join(before.classes)} and "
            f"{', '.join(after.classes)}); only answers over the same classes can be compared"
        )
    waiting: dict[str, list[int]] = {}
    paths = after.images["path"].tolist()
    for position, digest in enumerate(after.images["sha256"]):
        waiting.setdefault(digest, []).append(position)
    rows, others = [], []
    for position, (digest, path) in enumerate(zip(before.images["sha256"], before.images["path"], strict=True)):
        left = waiting.get(digest)
        if not left:
            continue
        chosen = next((other for other in left if paths[other] == path), left[0])
        left.remove(chosen)
        rows.append(position)
        others.append(chosen)
    if not rows:
        raise DataError(
            f"{before.folder} and {after.folder}: no image is in both; a comparison needs the same images before and "
            "after"
        )
    one, two = np.array(rows, dtype=np.int64), np.array(others, dtype=np.int64)
    return Matched(
        one, two, before.labels[one] != after.labels[two], len(before.labels) - len(one), len(after.labels) - len(one)
    )


def match_models(
    before: AnalysisPredictions, after: AnalysisPredictions, pairs: Mapping[str, str] | None = None
) -> tuple[tuple[int, int], ...]:
    """Positions of the models that are compared: the named pairs; else those of one name; else the only ones.

    Parameters
    ----------
    pairs
        Name after by name before.

    Raises
    ------
    DataError
        A named model does not exist, or nothing says which models belong together.
    """
    names, others = ([model.name for model in analysis.models] for analysis in (before, after))
    if pairs:
        for old, new in pairs.items():
            if old not in names or new not in others:
                raise DataError(
                    f"--pair {old}={new}: expected a model of {before.folder} ({', '.join(names)}) and one of "
                    f"{after.folder} ({', '.join(others)})"
                )
        return tuple((names.index(old), others.index(new)) for old, new in pairs.items())
    same = tuple((names.index(name), others.index(name)) for name in names if name in others)
    if same:
        return same
    if len(names) == len(others) == 1:
        return ((0, 0),)
    raise DataError(
        f"{before.folder} and {after.folder}: no model has the same name in both ({', '.join(names)}; "
        f"{', '.join(others)}); say which belong together with --pair OLD=NEW"
    )
