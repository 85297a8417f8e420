"""Worked examples of the transplant test: the faces, the exchanged region, and how the prediction changed.

The pictures are made again by the same code as for the test; the numbers under them are those of the test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from reportgen.analysis import ModelRecords
from reportgen.evidence.importance.findings import Swaps
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.performance.margins import log_odds
from reportgen.faces.regions import outlines
from reportgen.faces.transplant import TRANSPLANTED, Portrait, transplant
from reportgen.site.pictures.examples import Picture, Save, save_picture
from reportgen.site.pictures.overlays import resize
from reportgen.site.report import Report

__all__ = [
    "EmotionOdds",
    "OutlinedPicture",
    "Transplant",
    "WorkedExample",
    "draw_worked_examples",
    "emotion_odds",
    "portrait",
    "region_outline",
    "save_portrait",
    "shown_cells",
    "typical_pair",
    "working_side",
]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_QUALITY = 82
# Larger inputs are shown at this size.
_LONGEST = 256
# The outline's coordinates go from 0 to this.
_UNIT = 100
# What is left of the face without its features is outlined by the lines around all of them.
_LINES = {"cheeks+jaw": ("face", "eyes+brows", "nose", "mouth"), "background": ("face",)}


@dataclass(frozen=True)
class OutlinedPicture:
    """A picture with the outline of the exchanged region; `outline` is an SVG path in 0..100 both ways."""

    picture: Picture
    outline: str


@dataclass(frozen=True)
class EmotionOdds:
    """Log-odds and probability (0..1) of the receiver's emotion, as the model predicts them for one picture."""

    log_odds: float
    probability: float


@dataclass(frozen=True)
class Transplant:
    """A donor, the receiver with the donor's region, and the model's prediction for that.

    Attributes
    ----------
    donor
        Row of the analysis.
    emotion
        Index of the donor's emotion.
    """

    donor: int
    emotion: int
    given: OutlinedPicture
    result: Picture
    odds: EmotionOdds


@dataclass(frozen=True)
class WorkedExample:
    """One example: the same region of the same face, once from its own emotion and once from another.

    Attributes
    ----------
    receiver
        Row of the analysis.
    before
        Of the receiver without a transplant.
    """

    importance: RegionImportance
    emotion: int
    receiver: int
    face: OutlinedPicture
    before: EmotionOdds
    same: Transplant
    other: Transplant


def draw_worked_examples(report: Report, k: int, save: Save) -> tuple[WorkedExample, ...]:
    """Draw the examples of model `k`: a part of the face, then the background; empty where nothing was tested."""
    found, model = report.importance, report.analysis.models[k]
    if found is None or report.analysis.faces is None or model.slug not in found.swaps:
        return ()
    swaps = found.swaps[model.slug]
    examples = []
    for tested in shown_cells([u for u in found.regions if u.model == model.name]):
        pair = _pair(report, k, tested, swaps)
        if pair is not None:
            examples.append(_draw(report, k, tested, swaps, pair, save))
    return tuple(examples)


def shown_cells(tests: list[RegionImportance]) -> tuple[RegionImportance, ...]:
    """The tests shown of one model: one of a region of the face and one of the background.

    Of each, "yes" comes before the rest, then the largest drop.
    """
    tested = [u for u in tests if np.isfinite(u.drop) and u.tested]
    chosen = []
    for outside in (False, True):
        family = [u for u in tested if (u.region == "background") == outside]
        if family:
            chosen.append(min(family, key=lambda u: (u.answer != "yes", -u.drop)))
    return tuple(chosen)


def typical_pair(
    cell: pd.DataFrame, margin: Floats, stays: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_], drop: float
) -> tuple[int, int] | None:
    """The two transplants onto one face whose difference is nearest the cell's drop.

    Parameters
    ----------
    cell
        Rows of the design for one emotion and region.
    margin
        (len(cell),) log-odds of the emotion.
    stays
        (len(cell),) whether that emotion is predicted.
    right
        Per row of the analysis, whether the prediction is correct. Faces whose prediction is correct, and stays so with
        a region of the same emotion, come first: only there is a correct prediction to lose.

    Returns
    -------
    tuple
        Places in `cell`: with a donor of the same emotion, and of another; None where no face had both.
    """
    best: tuple[tuple[int, float, int, int], tuple[int, int]] | None = None
    same = (cell["donor_emotion"] == cell["emotion"]).to_numpy()
    receivers = cell["receiver"].to_numpy()
    for receiver in dict.fromkeys(receivers.tolist()):
        own, others = (np.flatnonzero((receivers == receiver) & side).tolist() for side in (same, ~same))
        for a in own:
            for b in others:
                doubts = (not right[receiver]) + (not right[receiver] or not stays[a])
                key = (doubts, abs(float(margin[a] - margin[b]) - drop), a, b)
                if best is None or key < best[0]:
                    best = key, (a, b)
    return None if best is None else best[1]


def _pair(report: Report, k: int, tested: RegionImportance, swaps: Swaps) -> tuple[int, int] | None:
    emotion, design, logits = report.analysis.classes.index(tested.emotion), swaps.design, swaps.logits
    places = swaps.places(emotion, tested.region)
    margin = log_odds(logits[places], np.full(len(places), emotion))
    right = report.analysis.models[k].predicted == report.analysis.labels
    stays = logits[places].argmax(axis=1) == emotion
    pair = typical_pair(design.iloc[places], margin, stays, np.asarray(right), tested.drop)
    return None if pair is None else (int(places[pair[0]]), int(places[pair[1]]))


def _draw(
    report: Report,
    k: int,
    tested: RegionImportance,
    swaps: Swaps,
    pair: tuple[int, int],
    save: Save,
) -> WorkedExample:
    model, emotion = report.analysis.models[k], report.analysis.classes.index(tested.emotion)
    name, design, logits = f"{model.slug}-{TRANSPLANTED.index(tested.region)}", swaps.design, swaps.logits
    receiver = int(design["receiver"].iloc[pair[0]])
    face = portrait(report, receiver)
    exchanges = []
    for place, which in zip(pair, ("same", "other"), strict=True):
        row = design.iloc[place]
        donor = portrait(report, int(row["donor"]))
        made = transplant(face, donor, tested.region)
        exchanges.append(
            Transplant(
                int(row["donor"]),
                int(row["donor_emotion"]),
                OutlinedPicture(
                    save_portrait(donor.pixels, f"{name}-{which}-donor", save), region_outline(donor, tested.region)
                ),
                save_portrait(made, f"{name}-{which}", save),
                emotion_odds(logits[place], emotion),
            )
        )
    return WorkedExample(
        importance=tested,
        emotion=emotion,
        receiver=receiver,
        face=OutlinedPicture(save_portrait(face.pixels, f"{name}-face", save), region_outline(face, tested.region)),
        before=emotion_odds(model.logits[receiver], emotion),
        same=exchanges[0],
        other=exchanges[1],
    )


def portrait(report: Report, row: int) -> Portrait:
    """One face as the test used it: the only place where photos come in, by the report's own way of loading them.

    A report that hides faces loads stand-ins, so that here too no pixel of a photo is shown.
    """
    if report.analysis.faces is None:
        raise ValueError("transplants need landmarks")
    side = working_side(report.analysis.models)
    return Portrait(resize(report.load_image(row), side, side), report.analysis.faces.points[row])


def working_side(models: tuple[ModelRecords, ...]) -> int:
    """Side in pixels at which regions are exchanged: the largest input of any model."""
    return max(int(side) for model in models for side in model.info["input"])


def save_portrait(pixels: Pixels, name: str, save: Save) -> Picture:
    """Keep a picture of the test, larger inputs at a smaller size; "transplant" goes before its name."""
    side = min(len(pixels), _LONGEST)
    return save_picture(resize(pixels, side, side), f"transplant-{name}", _QUALITY, save)


def region_outline(face: Portrait, region: str) -> str:
    """The SVG path around a region, in 0..100 both ways."""
    shapes = outlines(face.points)
    polygons = [polygon for part in _LINES.get(region, (region,)) for polygon in shapes[part]]
    return "".join("M" + "L".join(f"{_UNIT * x:.1f} {_UNIT * y:.1f}" for x, y in polygon) + "Z" for polygon in polygons)


def emotion_odds(logits: npt.NDArray[np.float32], emotion: int) -> EmotionOdds:
    """From the logits (C,) of one picture."""
    odds = float(log_odds(logits[None], np.asarray([emotion]))[0])
    return EmotionOdds(odds, float(expit(odds)))
