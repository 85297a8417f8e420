"""Recall against severity as numbers: positions in per cent that a template writes into SVG attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reportgen.evidence.robustness.findings import LevelEffect, RecallChange, RobustnessFindings
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.site.html.components import series_of
from reportgen.site.report import Report
from reportgen.site.wording.format import count, number, percent_interval
from reportgen.site.wording.performance.robustness import recall_words, severity

__all__ = ["Curve", "CurvePoint", "Panel", "panel"]

_SIDE = 13.0  # per cent of the width left free at either end


@dataclass(frozen=True)
class CurvePoint:
    """One model at one severity: recall with its interval, all from the top, and what a pointer tells."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Curve:
    """One model. `lines`: the ends (x1, y1, x2, y2) of what joins its points; none between alternatives."""

    series: str
    points: tuple[CurvePoint, ...]
    lines: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Panel:
    """One change, of all photos or of one emotion's. `ticks`: place and words of each severity."""

    title: str
    note: str
    href: str
    alt: str
    ticks: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...]


def panel(
    report: Report, findings: RobustnessFindings, change: str, title: str, emotion: str = "", href: str = ""
) -> Panel | None:
    """Recall without the change and at every level that was shown; None where no photo of the emotion was.

    Parameters
    ----------
    emotion
        "" for the photos of all emotions.
    """
    levels = range(len(DISTURBANCES[change].levels))
    step = (100 - 2 * _SIDE) / len(levels)
    curves, told = [], []
    sizes: set[int] = set()
    for k, model in enumerate(report.models):
        shown = {
            effect.level: part
            for effect in findings.of(model.name, change)
            if (part := _part(effect, emotion)) is not None
        }
        if not shown:
            continue
        # The strongest level is shown to most photos, and without the change these are what it is compared with.
        largest = max(shown.values(), key=lambda part: part.n)
        sizes |= {part.n for part in shown.values()}
        aside = 1.4 * (k - (len(report.models) - 1) / 2)
        points = [_point(_SIDE + aside, largest, model.name, "unchanged", changed=False)]
        points += [
            _point(_SIDE + (level + 1) * step + aside, part, model.name, severity(change, level), changed=True)
            for level, part in sorted(shown.items())
        ]
        lines = [(a.x, a.y, b.x, b.y) for a, b in pairwise(points)]
        curves.append(Curve(series_of(k), tuple(points), tuple(lines) if DISTURBANCES[change].graded else ()))
        told.append(f"{model.name} {', '.join(point.text.partition(': ')[2] for point in points)}")
    if not curves:
        return None
    ticks = [(_SIDE, "as it is"), *((_SIDE + (level + 1) * step, severity(change, level)) for level in levels)]
    alt = f"{title}: recall against severity. {'; '.join(told)}"
    note = count(max(sizes), "photo")
    if min(sizes) < max(sizes):
        note = f"{number(min(sizes))} to {note}"
    return Panel(title, note, href, alt, tuple(ticks), tuple(curves))


def _part(effect: LevelEffect, emotion: str) -> RecallChange | None:
    parts: Sequence[RecallChange] = (effect.overall, *effect.emotions)
    return next((part for part in parts if part.emotion == emotion), None)


def _point(x: float, part: RecallChange, model: str, where: str, *, changed: bool) -> CurvePoint:
    recall = part.after if changed else part.before
    words = recall_words(part)[changed]
    y, low, high = (round(100 * (1 - value), 2) for value in (recall.value, recall.low, recall.high))
    return CurvePoint(round(x, 2), y, low, high, f"{model}: {where} {words} {percent_interval(recall)}")
