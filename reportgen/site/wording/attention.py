"""What was measured about attention, in words: regions, verdicts, patterns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from reportgen.evidence.attention.map_clusters import MapCluster
from reportgen.evidence.attention.patterns import PatternKind
from reportgen.evidence.attention.region_tests import LOCALIZED
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.site.wording.format import and_list, capital, count, fixed, format_p, interval_text, percent

__all__ = [
    "PATTERN_WORDS",
    "REGION_NAMES",
    "SHOWN",
    "PatternWords",
    "group_name",
    "verdict_note",
    "verdict_sentence",
    "where",
]

SHOWN = ("face", "eyes+brows", "nose", "mouth", "background")

REGION_NAMES: Mapping[str, str] = {
    "face": "face",
    "eyes+brows": "eyes and brows",
    "nose": "nose",
    "mouth": "mouth",
    "cheeks+jaw": "cheeks and jaw",
    "forehead": "forehead",
    "background": "background",
}


def where(verdicts: tuple[Verdict, ...]) -> str:
    """As in "disgust (Custom CNN) and sadness (both models)"."""
    by_emotion: dict[str, list[str]] = {}
    for verdict in verdicts:
        by_emotion.setdefault(verdict.emotion, []).append(verdict.model)
    return and_list([f"{emotion} ({and_list(models)})" for emotion, models in by_emotion.items()])


# By the first word of a verdict's kind: what is said where the answer is yes, where it is no, and what was asked.
_VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "on": ("above-average heat on the {}", "below-average heat on the {}", "whether heat on the {} is above average"),
    "specific": (
        "more heat on the {} than in the maps of the other emotions",
        "less heat on the {} than in the maps of the other emotions",
        "whether the {} has more heat than in the maps of the other emotions",
    ),
    "background": (
        "above-average heat on the background",
        "no above-average heat on the background",
        "whether heat on the background is above average",
    ),
    "diffuse": ("diffuse heat", "no diffuse heat", "whether the heat is diffuse"),
    "too": (
        "heat in too small a spot",
        "heat not confined to a small spot",
        "whether the heat lies in too small a spot",
    ),
}


def verdict_sentence(verdict: Verdict, status: str = "") -> str:
    """A verdict with its numbers; `status`, in parentheses at the end, says whether the prediction relies on it."""
    subject, _, part = verdict.kind.partition(" ")
    yes, no, topic = (words.format(REGION_NAMES.get(part, part)) for words in _VERDICTS[subject])
    images = count(verdict.n, "image")
    if verdict.persons is not None:
        images += f" of {count(verdict.persons, 'person')}"
    end = f" ({status})." if status else "."
    if verdict.answer == "insufficient evidence":
        return capital(f"{topic}: too few images to evaluate ({images}){end}")
    lead = {"yes": yes, "no": no}.get(verdict.answer, f"{topic} is inconclusive")
    aside = [verdict.place] if verdict.place and verdict.answer == "yes" else []
    if verdict.answer != "no":
        aside += [note] if (note := verdict_note(verdict)) else []
    quantity = _QUANTITIES.get(verdict.quantity, verdict.quantity)
    value, low, high = verdict.value, verdict.low, verdict.high
    shown = f"{quantity} {fixed(value) if math.isnan(low) else interval_text(value, low, high)}"
    p = "" if math.isnan(verdict.p) else f", {format_p(verdict.p)}"
    beside = f" ({'; '.join(aside)})" if aside else ""
    return capital(f"{lead}{beside}: {shown}{p}, {images}{end}")


_QUANTITIES = {"share above the other classes' maps": "share above that of the other classes' maps"}


def group_name(group: MapCluster) -> str:
    """Where a group of heatmaps has most heat, as in "mouth, more on the nose"."""
    name = REGION_NAMES[group.region]
    if group.second is None:
        return name
    return f"{name}, more on the {REGION_NAMES[group.second]}" if group.second else f"{name} above all"


def verdict_note(verdict: Verdict) -> str:
    """What limits a verdict; empty where nothing does."""
    notes = ["depends on the definition of the map"] if verdict.depends else []
    if verdict.together:
        rows, columns = verdict.grid
        others = and_list([REGION_NAMES[region] for region in verdict.together])
        notes.append(f"judged together with {others}: a grid of {rows} × {columns} cells cannot tell them apart")
    if not verdict.rerun:
        notes.append("the head was not rerun without the peak cell")
    return "; ".join(notes)


@dataclass(frozen=True)
class PatternWords:
    """One row of an interpretation table: what is seen, what guides say it means, and how it is measured."""

    name: str
    meaning: str
    rule: str


def _on(region: str, meaning: str) -> PatternWords:
    return PatternWords(f"heat on the {REGION_NAMES[region]}", meaning, f"peak cell on the {REGION_NAMES[region]}")


PATTERN_WORDS: Mapping[PatternKind, PatternWords] = {
    "on face": PatternWords(
        "heat on the face",
        "evidence lies where the expression is",
        "more of the map's mass on the face than its share of the area",
    ),
    "on eyes+brows": _on("eyes+brows", "relies on eyes and brows, as people do for anger, fear and sadness"),
    "on nose": _on("nose", "relies on the nose, as people do for disgust"),
    "on mouth": _on("mouth", "relies on the mouth, as people do for happiness and disgust"),
    "background": PatternWords(
        "heat on the background", "may rely on something other than the face", "peak cell outside the face"
    ),
    "diffuse": PatternWords(
        "diffuse heat", "said to show an uncertain model", "effective area at least the face's area"
    ),
    "too localized": PatternWords(
        "heat in too small a spot", "said to rest on one detail", f"effective area at most {percent(LOCALIZED)}"
    ),
    "elsewhere": PatternWords(
        "heat where people do not look",
        "relies on another part of the face than people do for that emotion",
        "peak cell on a part of the face that people do not need for the predicted emotion",
    ),
    # "Blank" is a map within chance everywhere else; this pattern has nothing in it at all.
    "blank": PatternWords("empty heatmap", "no positive evidence for the predicted class", "no positive mass"),
}
"""By kind of pattern."""
