"""One error region by region: what the model predicts when a region is another face's, or gone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.errors.occlusions import RegionChange
from reportgen.evidence.performance.margins import rivals
from reportgen.site.html.components import Thumb
from reportgen.site.pictures.occlusion_strips import SIDE
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import count, fixed
from reportgen.site.wording.importance import fall_of, the

__all__ = ["OcclusionTest", "RegionBar", "occlusion_test"]


@dataclass(frozen=True)
class RegionBar:
    """One region; positions and widths in per cent of the track, whose middle is no change.

    Attributes
    ----------
    start, width
        Of the bar: mean over the donors.
    tick
        Where the change with the region filled stands.
    tone
        "for" where exchanging the region helps the label, "against" where it hurts it.
    exchanged, filled
        Its two pictures.
    """

    region: str
    start: float
    width: float
    tick: float
    tone: str
    text: str
    sentence: str
    exchanged: Thumb
    filled: Thumb


@dataclass(frozen=True)
class OcclusionTest:
    """All regions of one image for one model."""

    title: str
    sentence: str
    explain: str
    bars: tuple[RegionBar, ...]


def occlusion_test(report: Report, tiles: Tiles, row: int, k: int) -> OcclusionTest | None:
    """What changed when each region of one image was exchanged or filled; None where it was not tried."""
    findings = report.reasons
    sheet = tiles.strips.get(row)
    if findings is None or sheet is None:
        return None
    changes = findings.models[k].strips.get(row)
    if not changes:
        return None
    model = report.models[k]
    against = int(rivals(model.logits[row : row + 1], report.labels[row : row + 1])[0])
    lead = float(model.logits[row, report.labels[row]] - model.logits[row, against])
    truth, rival = report.truth(row), report.classes[against]
    most = max(abs(value) for change in changes for value in (_main(change), change.filled))
    scale = 50 / most if most > 0 else 0.0
    bars = []
    for column, change in enumerate(changes):
        value = _main(change)
        name = REGION_NAMES[change.region]
        x = column * SIDE
        alt = f"Image {report.ids[row]} with {{}} {name}"
        bars.append(
            RegionBar(
                region=name,
                start=round(50 + min(0.0, value) * scale, 2),
                width=round(abs(value) * scale, 2),
                tick=round(50 + change.filled * scale, 2),
                tone="for" if value > 0 else "against",
                text=_signed(value),
                sentence=f"{name}: {_signed(value)} with another face's, {_signed(change.filled)} filled in",
                exchanged=Thumb(
                    sheet.path, sheet.width, sheet.height, x, 0, SIDE, SIDE, alt.format("another face's")
                ),
                filled=Thumb(sheet.path, sheet.width, sheet.height, x, SIDE, SIDE, SIDE, alt.format("filled-in")),
            )
        )  # fmt: skip
    donors = max(len(change.donors) for change in changes)
    bar = f"with another {truth} face's (mean of {count(donors, 'face')})" if donors else "with the region filled in"
    tick = ", tick: with the region filled in" if donors else ""
    return OcclusionTest(
        title="If a region were another face's" if donors else "If a region were gone",
        sentence=_sentence(changes, lead, truth, rival),
        explain=f"Change of {truth}'s lead over {rival} in logits; bar: {bar}{tick}. Above 0 the change helps {truth}. "
        "One image: an illustration, no test.",
        bars=tuple(bars),
    )


def _main(change: RegionChange) -> float:
    return change.mean if change.exchanged else change.filled


def _sentence(changes: tuple[RegionChange, ...], lead: float, truth: str, rival: str) -> str:
    """What was done and what it did; no reason of the error, of which one image is no test."""
    done = "Swapping" if any(change.exchanged for change in changes) else "Filling in"
    if lead < 0:
        most = max(changes, key=_main)
        if _main(most) <= 0:
            return f"{done} no single region helps {truth}."
        turned = ", so this turns it" if lead + _main(most) > 0 else ""
        return (
            f"{done} {the(most.region)} helps {truth} most: the odds of {truth} against {rival} become "
            f"{fixed(math.exp(_main(most)), 1)} times as high ({_signed(_main(most))} in logits; {truth} was "
            f"{fixed(-lead)} behind{turned})."
        )
    least = min(changes, key=_main)
    if _main(least) >= 0:
        return f"{done} no single region costs {truth} anything."
    turned = ", so this turns it" if lead + _main(least) < 0 else ""
    return (
        f"{done} {the(least.region)} costs {truth} most: the odds of {truth} against {rival} fall by "
        f"{fall_of(-_main(least))} ({_signed(_main(least))} in logits; {truth} was {fixed(lead)} ahead{turned})."
    )


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
