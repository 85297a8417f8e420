"""The transplant player: choose an emotion, a region and a donor, and see the face and the odds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.site.html.components import Tile, TransplantPicture
from reportgen.site.links import Links
from reportgen.site.pictures.swap_player import PlayerFace, PlayerSwap
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import capital, fixed, signed, sure

__all__ = ["SwapChoice", "swap_choices"]

_NEARLY = math.nextafter(1.0, 0.0)  # odds never fall by all of it, however few digits tell so


@dataclass(frozen=True)
class SwapChoice:
    """One choice with what it shows; `before`, `after` probabilities of the emotion in per cent of the bars' width."""

    emotion: str
    region: str
    donor: str
    steps: tuple[TransplantPicture, TransplantPicture, TransplantPicture]
    before: float
    before_text: str
    after: float
    after_text: str
    text: str


def swap_choices(report: Report, links: Links, faces: Sequence[PlayerFace]) -> tuple[SwapChoice, ...]:
    """All choices, emotion by emotion, those with the most first, and region by region; the donor of the same emotion
    first.
    """
    ordered = sorted(faces, key=lambda face: -len(face.swaps))
    return tuple(_choice(report, links, face, swap) for face in ordered for swap in face.swaps)


def _choice(report: Report, links: Links, face: PlayerFace, swap: PlayerSwap) -> SwapChoice:
    emotion, donor, region = report.classes[face.emotion], report.classes[swap.donor_emotion], REGION_NAMES[swap.region]
    ids = report.ids

    return SwapChoice(
        emotion=emotion,
        region=region,
        donor="another face of it" if swap.donor_emotion == face.emotion else donor,
        steps=(
            TransplantPicture(
                Tile(
                    swap.face.picture,
                    f"Image {ids[face.receiver]}, labelled {report.truth(face.receiver)}",
                    f"A face of {emotion}",
                    href=links.image_path(face.receiver),
                ),
                swap.face.outline,
            ),
            TransplantPicture(
                Tile(
                    swap.given.picture,
                    f"Image {ids[swap.donor]}, labelled {report.truth(swap.donor)}",
                    f"{capital(region)} of {donor}",
                    href=links.image_path(swap.donor),
                ),
                swap.given.outline,
            ),
            TransplantPicture(
                Tile(swap.result, f"Image {ids[face.receiver]} with the {region} of image {ids[swap.donor]}", "Result"),
            ),
        ),
        before=round(100 * face.before.probability, 1),
        before_text=sure(face.before.probability),
        after=round(100 * swap.odds.probability, 1),
        after_text=sure(swap.odds.probability),
        text=_change(emotion, swap.odds.log_odds - face.before.log_odds),
    )


def _change(emotion: str, change: float) -> str:
    """As in "The odds of happiness fall by 85 % (log-odds −1.90)."."""
    fallen, risen = (
        f"fall by {sure(min(-math.expm1(change), _NEARLY))}",
        f"are {fixed(math.exp(change), 1)} times as high",
    )
    told = fallen if change < 0 else risen
    return f"The odds of {emotion} {told} (log-odds {signed(change)})."
