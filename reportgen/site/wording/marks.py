"""Marks in words: what the photos of one emotion share at one place or as a pattern, and what testing it showed.

A mark is told by what was measured: where it lies and how it differs from other emotions' photos. What it is, the
pictures show.
"""

from __future__ import annotations

import math

from reportgen.evidence.shortcuts.marks import Mark, MarkTest
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import (
    and_list,
    count,
    fixed,
    format_p,
    number,
    number_or_none,
    plural,
    points_interval,
)
from reportgen.site.wording.hidden_cues import VERDICTS, not_looked_for

__all__ = [
    "mark_claim",
    "mark_cue",
    "mark_facts",
    "mark_name",
    "mark_reliance",
    "mark_test",
    "mark_verdict",
    "no_marks",
]

_SEEN = 8.0  # difference of colour, 0..255, from which it is given a name
_MIXED = {
    ("redder", "greener"): "more yellow",
    ("redder", "bluer"): "more purple",
    ("greener", "bluer"): "more turquoise",
}


def mark_name(mark: Mark) -> str:
    """As in "on the forehead" or "a fine pattern of horizontal lines"."""
    return f"on the {REGION_NAMES[mark.region]}" if mark.where == "face" else f"a fine pattern of {_lines(mark)[0]}"


def mark_cue(mark: Mark) -> str:
    """As in "something on the forehead that its photos share", after "relies on"."""
    return f"{'something ' if mark.where == 'face' else ''}{mark_name(mark)}"


def mark_claim(test: MarkTest, emotion: str, subject: str = "") -> str:
    """A proven mark as a claim; `subject`: in place of the model's name."""
    return f"{subject or test.model} relies on {mark_cue(test.mark)} for {emotion}."


def mark_reliance(test: MarkTest, emotion: str) -> str:
    """A proven mark as a claim with its numbers."""
    return f"{mark_claim(test, emotion)} {mark_test(test, emotion)}"


def mark_facts(mark: Mark, emotion: str) -> str:
    """How many photos carry it, and how it differs."""
    text = (
        f"Of {count(mark.n, f'{emotion} photo')} looked at, {number(mark.carriers)} "
        f"{plural(mark.carriers, 'carries', 'carry')} it; of {count(mark.n_elsewhere, 'photo')} of other emotions, "
        f"{number_or_none(mark.elsewhere)}."
    )
    if mark.where == "pattern":
        _, apart = _lines(mark)
        return f"{text} The lines are about {apart} pixels apart, as the models see the photos."
    colours = _colours(mark.shift)
    differs = f"are {and_list(colours)} than others" if colours else "differ from others in colour from spot to spot"
    return f"{text} There, compared with the skin around, {emotion} photos {differs}."


def mark_verdict(test: MarkTest) -> tuple[str, bool]:
    """In a few words whether the model relies on it, and whether that was shown."""
    return VERDICTS[test.answer], test.answer == "yes"


def mark_test(test: MarkTest, emotion: str) -> str:
    """What taking it away and adding it did, as sentences."""
    sentences = []
    if test.known:
        sentences.append(
            f"Of {count(test.known, 'photo')} that {plural(test.known, 'carries', 'carry')} it and "
            f"{plural(test.known, 'was', 'were')} predicted as {emotion}, {number_or_none(test.lost)} "
            f"{plural(max(test.lost, 1), 'is', 'are')} lost when it is taken away; in the comparison, "
            f"{number_or_none(test.lost_control)}"
            f"{_tested(test.fall, test.p_fall)}"
        )
    if test.n:
        sentences.append(
            f"Of {count(test.n, 'photo')} of other emotions, {number_or_none(test.became)} "
            f"{plural(max(test.became, 1), 'is', 'are')} predicted as {emotion} once it is added; in the comparison, "
            f"{number_or_none(test.became_control)}{_tested(test.gain, test.p_gain)}"
        )
    return " ".join(sentences)


def no_marks(report: Report) -> str:
    """Why nothing is shown; empty where something is."""
    found = report.marks
    if found is None:
        return not_looked_for(report)
    if found.marks:
        return ""
    if not found.looked_at:
        return "Not looked for: no photo has a label."
    return (
        f"No mark was found among {count(found.looked_at, 'photo')}: on plain skin, and in fine patterns, no emotion's "
        "photos stand out together. What covers the eyes, the brows or the mouth is not told apart from expressions."
    )


def _tested(estimate: Estimate, p: float) -> str:
    if p != p:
        return " (too few to test)."
    return f" (difference {points_interval(estimate)} points, corrected {format_p(p)})."


def _lines(mark: Mark) -> tuple[str, str]:
    """What the pattern is made of, and how far apart its lines are."""
    down, across = mark.period
    steps = [1 / period for period in (down, across) if math.isfinite(period)]
    apart = fixed(1 / math.hypot(*steps), 1) if steps else "–"
    if not math.isfinite(across) or across > 4 * down:
        return "horizontal lines", apart
    return ("vertical lines" if not math.isfinite(down) or down > 4 * across else "slanted lines or dots"), apart


def _colours(shift: tuple[float, ...]) -> list[str]:
    """As in ["darker", "bluer"]; empty where neither light nor colour differ on average."""
    red, green, blue = shift
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    named = ["lighter" if light > 0 else "darker"] if abs(light) >= _SEEN else []
    away = {"redder": red - light, "greener": green - light, "bluer": blue - light}
    more = [name for name, value in away.items() if value >= _SEEN]
    if len(more) == 2:
        named.append(_MIXED[more[0], more[1]])
    elif len(more) == 1:
        named.append(more[0])
    return named
