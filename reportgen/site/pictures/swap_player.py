"""Swapped regions to choose from: one face per emotion with each region of a few other faces, as the test made them.

The numbers are those of the transplant test; no model is run for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reportgen.evidence.importance.findings import Swaps
from reportgen.evidence.performance.margins import log_odds
from reportgen.faces.transplant import TRANSPLANTED, transplant
from reportgen.site.pictures.examples import Picture, Save
from reportgen.site.pictures.transplants import (
    EmotionOdds,
    OutlinedPicture,
    emotion_odds,
    portrait,
    region_outline,
    save_portrait,
)
from reportgen.site.report import Report
from reportgen.types import FloatArray, IntArray

__all__ = ["PlayerFace", "PlayerSwap", "draw_swap_player"]

_OTHERS = 2  # donors of other emotions per region


@dataclass(frozen=True)
class PlayerSwap:
    """One region of one donor in the face.

    Attributes
    ----------
    region
        One of `TRANSPLANTED`.
    face, given
        The face and the donor with the region outlined.
    donor, donor_emotion
        Row of the analysis, and index of its emotion.
    result, odds
        The face with the donor's region, and what the model predicts for it.
    """

    region: str
    face: OutlinedPicture
    given: OutlinedPicture
    donor: int
    donor_emotion: int
    result: Picture
    odds: EmotionOdds


@dataclass(frozen=True)
class PlayerFace:
    """One face of one emotion: row of the analysis, what the model predicts for it as it is, and its swaps."""

    emotion: int
    receiver: int
    before: EmotionOdds
    swaps: tuple[PlayerSwap, ...]


def draw_swap_player(report: Report, k: int, save: Save) -> tuple[PlayerFace, ...]:
    """Draw what model `k` is shown with; empty where nothing was swapped.

    Of each emotion that face is taken whose drops are nearest the means of all its faces, a correctly classified one
    first; of each region one donor of its own emotion, and one of each of two others.
    """
    found, model = report.importance, report.models[k]
    if found is None or report.analysis.faces is None or model.slug not in found.swaps:
        return ()
    swaps = found.swaps[model.slug]
    faces = []
    for emotion in range(len(report.classes)):
        places = np.flatnonzero(((swaps.design["emotion"] == emotion) & (swaps.design["kind"] == "matched")).to_numpy())
        if not len(places):
            continue
        rows = swaps.design.iloc[places]
        margin = log_odds(swaps.logits[places], np.full(len(places), emotion))
        receiver = _typical(rows, margin, model.predicted == emotion)
        if receiver is not None:
            chosen = _choose(rows, receiver)
            made = tuple(_draw(report, swaps, int(places[place]), save) for place in chosen)
            faces.append(PlayerFace(emotion, receiver, emotion_odds(model.logits[receiver], emotion), made))
    return tuple(faces)


def _typical(rows: pd.DataFrame, margin: FloatArray, right: np.typing.NDArray[np.bool_]) -> int | None:
    """The receiver whose drops are nearest the mean of each region, among those with the most regions."""
    table = rows[["receiver", "region"]].assign(margin=margin)
    own = rows["donor_emotion"] == rows["emotion"]
    # Receivers by regions, where both kinds of donors gave.
    with_own, with_other = (
        table[side].pivot_table(index="receiver", columns="region", values="margin") for side in (own, ~own)
    )
    drops = with_own - with_other
    far = (drops - drops.mean()).abs().mean(axis=1)
    missing = drops.isna().sum(axis=1)
    key = [(int(missing[row]), not right[row], float(far[row]), row) for row in drops.index if far[row] == far[row]]
    return int(min(key)[-1]) if key else None


def _choose(rows: pd.DataFrame, receiver: int) -> IntArray:
    """Places in `rows`: per region one donor of the same emotion, and one of each of two others."""
    mine = np.flatnonzero((rows["receiver"] == receiver).to_numpy())
    chosen: list[int] = []
    for region in TRANSPLANTED:
        here = rows.iloc[mine[(rows["region"].iloc[mine] == region).to_numpy()]]
        at = dict(zip(here.index, mine[(rows["region"].iloc[mine] == region).to_numpy()].tolist(), strict=True))
        own = here[here["donor_emotion"] == here["emotion"]]
        others = here[here["donor_emotion"] != here["emotion"]].drop_duplicates("donor_emotion")
        if len(own) and len(others):
            chosen += [at[index] for index in [*own.index[:1], *others.index[:_OTHERS]]]
    return np.asarray(chosen, dtype=np.int64)


def _draw(report: Report, swaps: Swaps, place: int, save: Save) -> PlayerSwap:
    row = swaps.design.iloc[place]
    receiver, donor, region, emotion = int(row["receiver"]), int(row["donor"]), str(row["region"]), int(row["emotion"])
    face, other = portrait(report, receiver), portrait(report, donor)
    ids = report.ids
    return PlayerSwap(
        region,
        OutlinedPicture(save_portrait(face.pixels, ids[receiver], save), region_outline(face, region)),
        OutlinedPicture(save_portrait(other.pixels, ids[donor], save), region_outline(other, region)),
        donor,
        int(row["donor_emotion"]),
        save_portrait(
            transplant(face, other, region), f"{ids[receiver]}-{TRANSPLANTED.index(region)}-{ids[donor]}", save
        ),
        emotion_odds(swaps.logits[place], emotion),
    )
