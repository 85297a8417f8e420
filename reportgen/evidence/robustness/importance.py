"""Whether region importance moves when photos are changed: the same swaps between the same faces, all changed alike.

    move = drop with the change - drop without it, of the same receivers and donors

A move counts where it is shown to exceed `MIN_MOVE` either way, and an importance "stays" where it is shown to move by
less. That takes many swaps, more than a third of the pass pays for: see `docs/performance.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from reportgen.evidence.importance.findings import ImportanceFindings, Swaps
from reportgen.evidence.importance.regions import MIN_PERSONS, DropTest
from reportgen.evidence.performance.margins import log_odds
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.types import Float32Array, ObjectArray

__all__ = ["MIN_MOVE", "ImportanceMove", "MoveAnswer", "choose_swaps", "importance_moves"]

MIN_MOVE = 0.5
"""The move of a log-odds drop that every test is about. A region counts as important from .2 on, and those that matter
most lose 1 to 5; a smaller limit than this could not be told from chance with a hundred swaps."""

MoveAnswer = Literal["moves", "stays", "undetermined", "insufficient evidence"]

_STRONGEST = 2  # important regions of a model that are swapped again; one that is not comes with them


@dataclass(frozen=True)
class ImportanceMove:
    """One model, one change at one level, one region of one emotion's faces.

    Attributes
    ----------
    important
        Whether the region was shown to be important without the change; else it was shown not to be.
    receivers, persons, donors
        Faces that received, distinct persons among them (images where persons are unknown), faces that gave.
    before, after
        Log-odds drop without the change and with it, from the same swaps.
    move
        after - before, with a paired 95 % interval by persons.
    p
        Two-sided, that it is `MIN_MOVE` either way; adjusted (Holm) over the model's changes x regions.
    """

    model: str
    change: str
    level: int
    emotion: str
    region: str
    important: bool
    receivers: int
    persons: int
    donors: int
    before: float
    after: float
    move: Estimate
    p: float
    answer: MoveAnswer


def choose_swaps(importance: ImportanceFindings, model: str, swaps: Swaps, classes: Sequence[str]) -> pd.DataFrame:
    """The swaps to make again with every change: a row per picture, change and level.

    Those of the two facial regions that are shown to be important with the largest drops, and of the one whose drop is
    shown to be below the minimum by the smallest p. Without an important region nothing is chosen.

    Returns
    -------
    DataFrame
        The columns of the design, `important`, `place` (row of `swaps.design`), `change` and `level`.
    """
    faces = [one for one in importance.regions if one.model == model and one.region != "background"]
    strong = sorted((one for one in faces if one.answer == "yes"), key=lambda one: -one.drop)[:_STRONGEST]
    weak = sorted((one for one in faces if one.answer == "no"), key=lambda one: one.p_unadjusted)[:1] if strong else []
    parts = []
    for one in (*strong, *weak):
        place = swaps.places(classes.index(one.emotion), one.region)
        parts.append(swaps.design.iloc[place].assign(important=one.answer == "yes", place=place))
    if not parts:
        return swaps.design.iloc[:0]
    again = pd.concat(parts).sort_values("place", kind="stable")
    levels = [(name, entry.swapped) for name, entry in DISTURBANCES.items() if entry.swapped is not None]
    return pd.concat([again.assign(change=name, level=level) for name, level in levels], ignore_index=True)


def importance_moves(
    model: str,
    design: pd.DataFrame,
    unchanged: Float32Array,
    logits: Float32Array,
    classes: Sequence[str],
    persons: ObjectArray,
    seed: int,
) -> tuple[ImportanceMove, ...]:
    """What a model's answers say beside those to the same swaps without a change.

    Parameters
    ----------
    design
        (n) see `choose_swaps`.
    unchanged
        (m, C) logits without a change; `place` of the design says which row.
    logits
        (n, C) with the changes.
    persons
        Per row of the analysis.
    """
    emotion = design["emotion"].to_numpy(dtype=np.int64)
    after, before = log_odds(logits, emotion), log_odds(unchanged[design["place"].to_numpy()], emotion)
    stays = (logits.argmax(axis=1) == emotion).astype(np.float64)
    tests = [
        (rows := design.iloc[at], DropTest(rows, after[at], stays[at], len(classes), persons, seed, before[at]))
        for at in design.groupby(["change", "level", "emotion", "region"], sort=False).indices.values()
    ]
    adjusted = holm([test.p_of(abs(test.drop) - MIN_MOVE) for _, test in tests])
    return tuple(
        _move(model, rows.iloc[0], classes, test, float(p)) for (rows, test), p in zip(tests, adjusted, strict=True)
    )


def _move(model: str, of: pd.Series, classes: Sequence[str], test: DropTest, p: float) -> ImportanceMove:
    answer: MoveAnswer = "undetermined"
    if test.persons < MIN_PERSONS:
        answer = "insufficient evidence"
    elif p < ALPHA:
        answer = "moves" if abs(test.drop) > MIN_MOVE else "stays"
    return ImportanceMove(
        model, of["change"], int(of["level"]), classes[of["emotion"]], of["region"], bool(of["important"]),
        len(test.receivers), test.persons, test.donors, test.start, test.start + test.drop,
        Estimate(test.drop, *test.interval, len(test.receivers)), p, answer,
    )  # fmt: skip
