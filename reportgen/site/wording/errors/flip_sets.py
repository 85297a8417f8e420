"""What would flip a prediction, in words: for one image step by step, and for a confused pair as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reportgen.evidence.errors.flips import ActionChange, FlipResult, FlipSummary
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import (
    and_list,
    decimal,
    format_p,
    number,
    number_or_none,
    percent,
    percent_interval,
    sure,
)

__all__ = [
    "action_changes",
    "aim",
    "flip_in_short",
    "flip_sentence",
    "flip_steps",
    "flip_verdict",
    "set_sizes",
    "share_of",
    "summary_sentence",
]

_ACTIONS: Mapping[str, str] = {
    "browDown": "brows down",
    "browInnerUp": "inner brows up",
    "browOuterUp": "outer brows up",
    "cheekPuff": "cheeks puffed",
    "cheekSquint": "cheeks raised",
    "eyeBlink": "eyes closed",
    "eyeSquint": "eyes narrowed",
    "eyeWide": "eyes wide",
    "jawForward": "jaw forward",
    "jawLeft": "jaw to the left",
    "jawOpen": "jaw open",
    "jawRight": "jaw to the right",
    "mouthClose": "lips closed over the open jaw",
    "mouthDimple": "lip corners drawn in",
    "mouthFrown": "lip corners down",
    "mouthFunnel": "lips rounded",
    "mouthLeft": "mouth to the left",
    "mouthLowerDown": "lower lip down",
    "mouthPress": "lips pressed",
    "mouthPucker": "lips puckered",
    "mouthRight": "mouth to the right",
    "mouthRollLower": "lower lip rolled in",
    "mouthRollUpper": "upper lip rolled in",
    "mouthShrugLower": "lower lip pushed up",
    "mouthShrugUpper": "upper lip pushed up",
    "mouthSmile": "lip corners up",
    "mouthStretch": "lips stretched",
    "mouthUpperUp": "upper lip up",
    "noseSneer": "nose wrinkled",
}


def flip_sentence(report: Report, flip: FlipResult) -> str:
    """What it takes for one image, with probabilities."""
    target = report.classes[flip.case.target]
    start, last = flip.steps[0], flip.steps[-1]
    rise = f"its probability goes from {sure(start.target)} to {sure(last.target)}"
    if flip.outcome == "set":
        names = and_list([f"the {REGION_NAMES[name]}" for name in flip.regions])
        text = f"With {names} of a face labelled {target}, {target} is predicted: {rise}."
        others = [REGION_NAMES[name] for name in flip.alone if name not in flip.regions]
        if others:
            return f"{text} The {and_list(others)} alone would do, too."
        return text if len(flip.regions) == 1 else f"{text} No single region is enough."
    none = f"No single region of a face labelled {target} makes the model predict {target}"
    if flip.outcome == "none":
        return f"{none}, and not even all six together do ({rise}). What stays is light, colour and the head's shape."
    if flip.outcome == "more":
        return f"{none}, and no two or three; all six together do ({rise})."
    if len(flip.steps) == 1:
        return f"{none}; more regions at once were not tried."
    return f"{none}; all six together do ({rise}). Whether two or three are enough was not looked for to the end."


def flip_in_short(report: Report, flip: FlipResult) -> str:
    """What the strip of one image shows, without its probabilities, which stand below the pictures."""
    of = f"of a face labelled {report.classes[flip.case.target]}"
    if flip.outcome == "set":
        return f"What flips it: {and_list([f'the {REGION_NAMES[name]}' for name in flip.regions])} {of}."
    if flip.outcome == "none":
        return f"Not even all six regions {of} flip it."
    if flip.outcome == "more":
        return f"What flips it: all six regions {of}, and no two or three of them."
    alone = f"No single region {of} flips it"
    return f"{alone}." if len(flip.steps) == 1 else f"{alone}; all six together do."


def flip_steps(report: Report, flip: FlipResult) -> list[tuple[str, str]]:
    """What each picture of the strip is, and what the model gives to it."""
    names = {"": "as it is", "all": "all six regions"}
    steps = []
    for place, step in enumerate(flip.steps):
        what = names.get(step.region) or f"{'with' if place == 1 else 'and'} the {REGION_NAMES[step.region]}"
        steps.append((what, f"{report.classes[flip.case.target]} {sure(step.target)}"))
    return steps


def action_changes(changes: Sequence[ActionChange], face: str) -> str:
    """As in "lip corners up .62 (this face .05)"; empty without changes."""
    return and_list(
        [f"{_ACTIONS.get(one.action, one.action)} {decimal(one.donor)} ({face} {decimal(one.face)})" for one in changes]
    )


def aim(summary: FlipSummary) -> str:
    """Which images of a pair are tried."""
    if summary.error:
        return f"errors: {summary.target} predicted as {summary.current}"
    return f"correct images of {summary.current}"


def share_of(share: Estimate) -> str:
    """As in "5 of 6", "none of 6"."""
    return f"{number_or_none(round(share.value * share.n))} of {number(share.n)}"


def set_sizes(summary: FlipSummary) -> str:
    """How many images need how many regions."""
    words = {
        "1": "one region",
        "2": "two",
        "3": "three",
        "more": "more than three",
        "none": "not even all six",
        "open": "not looked for to the end",
    }
    return ", ".join(f"{word}: {number(n)}" for key, word in words.items() if (n := summary.outcomes.get(key, 0)))


def flip_verdict(summary: FlipSummary) -> str:
    """Whether the emotion of the region does it, or the swap itself may."""
    if not summary.lead:
        return "no region alone"
    if summary.again is None or summary.control is None or summary.p != summary.p:
        return "not compared: too few faces"
    p = f"corrected {format_p(summary.p)}"
    return f"more often than with the predicted emotion's faces ({p})" if summary.clear else f"inconclusive ({p})"


def summary_sentence(report: Report, summary: FlipSummary) -> str:
    """A pair's leading region with a second donor, beside faces of the emotion that is predicted already."""
    again, control = summary.again, summary.control
    if not summary.lead or again is None:
        return ""
    region = REGION_NAMES[summary.lead]
    of = (summary.model, summary.current, summary.target, summary.lead, "errors" if summary.error else "correct images")
    share = report.stated.number(percent(again.value), "flips by one region alone", *of)
    what = (
        f"{summary.target} that is predicted as {summary.current} becomes {summary.target}"
        if summary.error
        else f"{summary.current} becomes {summary.target}"
    )
    text = (
        f"{summary.model}: {what} by the {region} alone of a face labelled {summary.target} in {share_of(again)} "
        f"images ({share} {percent_interval(again)})"
    )
    if control is None:
        return f"{text}."
    clear = "" if summary.clear else " (inconclusive)"
    return f"{text}, and by the {region} of a face labelled {summary.current} in {share_of(control)}{clear}."
