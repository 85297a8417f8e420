"""What a repair would bring and cost, in words; never as if a new model were there."""

from __future__ import annotations

from collections.abc import Mapping

from reportgen.evidence.shortcuts.repair import RepairFindings, RepairPreview
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import count, percent, points, points_interval
from reportgen.site.wording.shortcuts import CUES

__all__ = ["NOT_MADE", "repair_bring", "repair_cost", "repair_cue", "repairs_left_out"]

NOT_MADE = "Not previewed: that takes the setting experiments = full."

_LEFT_OUT: Mapping[str, str] = {
    "no last layer": "the model does not end in a linear layer whose features were recorded",
    "no photo without it": "a background is exchanged, not taken away",
    "few photos": "too few photos of the emotion can be shown without the cue",
}


def repair_cue(preview: RepairPreview) -> str:
    """As in "colour", "something beside the face (top left corner)"."""
    if preview.kind == "property":
        return CUES[preview.cue]
    if preview.kind == "component":
        return f"something beside the face{f' ({preview.cue})' if preview.cue else ''}"
    return f"a mark on the {REGION_NAMES[preview.cue]}" if preview.cue else "a fine pattern"


def repair_bring(report: Report, one: RepairPreview) -> str:
    """What it would bring: photos without the cue, and others that get it."""
    of = one.model, one.emotion, one.cue
    after = report.stated.number(percent(one.without[1].value), "recall without the cue after a repair", *of)
    now = percent(one.without[0].value)
    text = (
        f"Of {count(one.known.n, f'{one.emotion} photo')} without the cue, {now} are predicted so now, {after} after "
        f"it ({points(one.gain.value)} {points_interval(one.gain)}; with the cue "
        f"{percent(one.known.value)} are)."
    )
    if one.turned is None:
        return text
    before, then = (percent(share.value) for share in one.turned)
    return (
        f"{text} Of {count(one.turned[0].n, 'photo')} of other emotions with the cue put in, {before} are predicted as "
        f"{one.emotion} now and {then} after it."
    )


def repair_cost(one: RepairPreview) -> str:
    """What it would cost: recall and accuracy on the photos as they are."""
    return (
        f"On the photos as they are, recall of {one.emotion} goes from {percent(one.recall[0].value)} to "
        f"{percent(one.recall[1].value)}, and accuracy from {percent(one.accuracy[0].value, 1)} to "
        f"{percent(one.accuracy[1].value, 1)} ({points(one.cost.value)} {points_interval(one.cost)}). Part of that "
        "recall was the cue's."
    )


def repairs_left_out(found: RepairFindings) -> str:
    """For which proofs there is no preview, and why; empty where for none."""
    parts = [f"{model} for {emotion}: {_LEFT_OUT[why]}" for model, emotion, why in found.left_out]
    return f"Not previewed: {'; '.join(parts)}." if parts else ""
