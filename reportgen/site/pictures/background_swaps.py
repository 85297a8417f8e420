"""Photos that lose their emotion with another background: drawn for what was proved, as the test made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.performance.margins import log_odds
from reportgen.faces.transplant import Tone, transplant
from reportgen.site.pictures.examples import Picture, Save
from reportgen.site.pictures.transplants import portrait, save_portrait
from reportgen.site.report import Report

__all__ = ["BackgroundPictures", "SwappedBackground", "draw_background_swaps"]

_SHOWN = 4


@dataclass(frozen=True)
class SwappedBackground:
    """One photo.

    Attributes
    ----------
    row, donor
        Of the photo, and of the one whose background it is given.
    before, after
        As it is, and with the other background.
    probabilities
        (C,) what the model gives every class then, 0..1.
    """

    row: int
    donor: int
    before: Picture
    after: Picture
    probabilities: tuple[float, ...]


BackgroundPictures = Mapping[tuple[str, str], tuple[SwappedBackground, ...]]
"""By model and emotion, where a reliance on the background was proved."""


def draw_background_swaps(report: Report, save: Save) -> BackgroundPictures:
    """Draw at most four photos of each finding: correct as they are, lost with the background, the largest drop first.

    Every photo is of another receiver, and its donor of another emotion.
    """
    found = report.importance
    if found is None or report.analysis.faces is None:
        return {}
    slugs = {model.name: model.slug for model in report.models}
    return {
        (background.model, background.emotion): _draw(report, background, slugs[background.model], save)
        for background in found.backgrounds
        if background.cheating and slugs[background.model] in found.swaps
    }


def _draw(report: Report, background: BackgroundFinding, slug: str, save: Save) -> tuple[SwappedBackground, ...]:
    decisive, found = background.decisive, report.importance
    if decisive is None or found is None:
        return ()
    swaps, emotion = found.swaps[slug], report.classes.index(background.emotion)
    model = next(model for model in report.models if model.slug == slug)
    design = swaps.design
    tone: Tone = "unmatched" if decisive.kind == "unmatched" else "matched"
    chosen = (
        (design["emotion"] == emotion)
        & (design["donor_emotion"] != emotion)
        & (design["region"] == "background")
        & (design["kind"] == tone)
        & (model.predicted[design["receiver"].to_numpy()] == emotion)
        & (swaps.logits.argmax(axis=1) != emotion)
    )
    places = np.flatnonzero(chosen.to_numpy())
    receivers = design["receiver"].to_numpy()[places]
    mine = np.full(len(places), emotion)
    drop = log_odds(model.logits[receivers], mine) - log_odds(swaps.logits[places], mine)
    first: dict[int, int] = {}  # by receiver, the place of its largest drop
    for k in np.argsort(-drop, kind="stable").tolist():
        first.setdefault(int(receivers[k]), int(places[k]))
    drawn = []
    for row, place in list(first.items())[:_SHOWN]:
        donor = int(design["donor"].iloc[place])
        face = portrait(report, row)
        made = transplant(face, portrait(report, donor), "background", tone)
        name = f"background-{report.ids[row]}"
        drawn.append(
            SwappedBackground(
                row,
                donor,
                save_portrait(face.pixels, f"{name}-as-it-is", save),
                save_portrait(made, f"{name}-{report.ids[donor]}-{tone}", save),
                tuple(np.round(softmax(swaps.logits[place].astype(np.float64)), 4).tolist()),
            )
        )
    return tuple(drawn)
