"""Photos of other emotions that a cue turned into its emotion: the proof itself, a few of them to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from reportgen.analysis import ModelRecords
from reportgen.inputs.images.changes import UNCHANGED, AddedCue
from reportgen.types import Float32Array, FloatArray, IntArray, ObjectArray

__all__ = ["TURNED_SHOWN", "TurnedPhotos", "choose_turned"]

TURNED_SHOWN = 4
"""Photos that are shown of one cue at most."""

Probabilities = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TurnedPhotos:
    """Photos of other emotions that were predicted as a cue's emotion with the cue, and not with the neutral change.

    Attributes
    ----------
    cue
        What was put into them.
    rows
        Rows of the analysis, the most confident first: as many persons and labels as there are among them, and where
        there are any, photos that are classified correctly as they are.
    before, added, neutral
        Per photo (C,) what the model gave every class, 0..1: as it is, with the cue, and with the equally large neutral
        change.
    """

    cue: AddedCue
    rows: tuple[int, ...]
    before: Probabilities
    added: Probabilities
    neutral: Probabilities


def choose_turned(
    cue: AddedCue,
    number: int,
    turned: Sequence[int],
    answers: tuple[pd.DataFrame, Float32Array],
    model: ModelRecords,
    labels: IntArray,
    units: ObjectArray | None,
) -> TurnedPhotos:
    """Choose at most `TURNED_SHOWN` of the photos that a cue turned; the same photos give the same choice.

    Parameters
    ----------
    number
        By which the design calls the cue.
    turned
        Rows of all photos that it turned.
    answers
        The design of the experiment (`image`, `cue`, `shown`), and the model's (m, C) logits.
    units
        (n,) of all images, as `stats.units` gives them; None: every image counts for itself.
    """
    design, logits = answers
    given = softmax(logits.astype(np.float64), axis=1)
    of = (design["cue"] == number).to_numpy()
    added, neutral = (
        _by_row(design, of & (design["shown"] == what).to_numpy(), given) for what in ("added", "neutral")
    )
    # Where models see pictures of the working size otherwise than in the analysis, they were shown unchanged ones, too.
    baseline = _by_row(design, (design["shown"] == UNCHANGED).to_numpy(), given)
    before = {row: baseline.get(row, model.probabilities[row]) for row in turned}
    right = {row: int(np.argmax(before[row])) == labels[row] for row in turned}
    sure = {row: float(added[row][cue.emotion]) for row in turned}
    persons = {row: row if units is None else units[row] for row in turned}
    rows: list[int] = []
    left = sorted(turned, key=lambda row: (not right[row], -sure[row], row))
    while left and len(rows) < TURNED_SHOWN:
        shown = Counter(int(labels[row]) for row in rows), Counter(persons[row] for row in rows)
        # The first of those that repeat least; a photo that was wrong already comes after all others.
        best = min(left, key=lambda row: (not right[row], shown[0][int(labels[row])] + shown[1][persons[row]]))
        left.remove(best)
        rows.append(best)
    rows.sort(key=lambda row: (-sure[row], row))
    return TurnedPhotos(cue, tuple(rows), *(_rounded(part, rows) for part in (before, added, neutral)))


def _by_row(design: pd.DataFrame, which: np.ndarray, given: FloatArray) -> dict[int, FloatArray]:
    places = np.flatnonzero(which)
    return dict(zip(design["image"].to_numpy()[places].tolist(), given[places], strict=True))


def _rounded(given: Mapping[int, FloatArray], rows: Sequence[int]) -> Probabilities:
    return tuple(tuple(np.round(given[row], 6).tolist()) for row in rows)
