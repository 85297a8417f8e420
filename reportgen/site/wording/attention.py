"""What was measured about attention, looked up by model, emotion and region, and put into a few words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from reportgen.evidence.attention.claims import Claim
from reportgen.evidence.attention.findings import AttentionFindings
from reportgen.evidence.attention.patterns import Pattern, PatternKind
from reportgen.evidence.attention.profiles import EmotionProfile
from reportgen.evidence.attention.region_tests import LOCALIZED
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.site.wording.format import and_list, capital, count, fixed, format_p, interval_text, percent

__all__ = [
    "PATTERN_WORDS",
    "REGION_NAMES",
    "SHOWN",
    "Attention",
    "Focus",
    "PatternWords",
    "alarming",
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


@dataclass(frozen=True)
class Focus:
    """One region on which a model's heat falls for some emotions; `specific` where more than for other emotions."""

    region: str
    emotions: tuple[str, ...]
    specific: tuple[str, ...]


class Attention:
    """Look-ups over the findings."""

    def __init__(self, findings: AttentionFindings) -> None:
        self.findings = findings

    @cached_property
    def _verdicts(self) -> dict[tuple[str, str, str], Verdict]:
        return {(v.model, v.emotion, v.kind): v for v in self.findings.verdicts}

    def verdict(self, model: str, emotion: str, kind: str) -> Verdict | None:
        """The verdict of one kind, None where there is none."""
        return self._verdicts.get((model, emotion, kind))

    def on(self, model: str, emotion: str, region: str) -> Verdict | None:
        """Whether the heat falls on a region."""
        return self.verdict(model, emotion, region if region == "background" else f"on {region}")

    def specific(self, model: str, emotion: str, region: str) -> bool:
        """Whether it does so more than for the other emotions."""
        verdict = self.verdict(model, emotion, f"specific {region}")
        return verdict is not None and verdict.answer == "yes"

    def said(self, model: str, emotion: str) -> tuple[Verdict, ...]:
        """What was decided about one emotion, the alarming first."""
        decided = [
            v for v in self.findings.verdicts if (v.model, v.emotion) == (model, emotion) and v.answer in ("yes", "no")
        ]
        return tuple(sorted(decided, key=lambda v: (not alarming(v), v.answer == "no")))

    def profile(self, model: str, emotion: str) -> EmotionProfile | None:
        """The region profile beside that of people."""
        return next((p for p in self.findings.profiles if (p.model, p.emotion) == (model, emotion)), None)

    def patterns(self, model: str) -> tuple[Pattern, ...]:
        """The measured interpretation tables of one model."""
        return tuple(p for p in self.findings.patterns if p.model == model)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The tested takeaways."""
        return self.findings.claims

    def backgrounds(self) -> tuple[Verdict, ...]:
        """Where heat lies on the background."""
        return tuple(v for v in self.findings.verdicts if v.kind == "background" and v.answer == "yes")

    def focus(self, model: str) -> tuple[Focus, ...]:
        """Parts of the face on which the heat falls, with the emotions for which it does; the strongest heat first."""
        found = []
        for region in ("eyes+brows", "nose", "mouth", "cheeks+jaw", "forehead"):
            emotions = tuple(
                v.emotion
                for v in self.findings.verdicts
                if v.model == model and v.kind == f"on {region}" and v.answer == "yes"
            )
            if emotions:
                specific = tuple(emotion for emotion in emotions if self.specific(model, emotion, region))
                found.append(Focus(region, emotions, specific))

        def strength(focus: Focus) -> float:
            heats = [self._verdicts[model, emotion, f"on {focus.region}"].value for emotion in focus.emotions]
            return max(heats)

        return tuple(sorted(found, key=lambda focus: (not focus.specific, -strength(focus))))


def alarming(verdict: Verdict) -> bool:
    """Whether a verdict calls for a look."""
    return verdict.answer == "yes" and verdict.kind in ("background", "diffuse", "too localized")


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
    "too": ("heat in too small a spot", "no heat in too small a spot", "whether the heat lies in too small a spot"),
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
    "blank": PatternWords("blank heatmap", "no positive evidence for the predicted class", "no positive mass"),
}
"""By kind of pattern."""
