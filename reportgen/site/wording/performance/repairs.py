"""What a repair would bring and cost, in words; never as if a new model were there."""

from __future__ import annotations

from collections.abc import Mapping

from reportgen.evidence.shortcuts.repair import RepairFindings, RepairPreview
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import capital, count, percent, points, points_interval
from reportgen.site.wording.shortcuts import CUES

__all__ = ["NOT_MADE", "repair_bring", "repair_cost", "repair_cue", "repair_fit", "repair_lead", "repairs_left_out"]

NOT_MADE = "Not previewed: the setting experiments = quick leaves it out."

_LEFT_OUT: Mapping[str, str] = {
    "no last layer": "the model does not end in a linear layer whose features were recorded",
    "few photos": "too few photos of the emotion were shown without the cue",
}
_MOST_OF_IT, _LITTLE = 0.5, 0.1  # of the recall lost


def repair_cue(preview: RepairPreview) -> str:
    """As in "colour", "something beside the face (top left corner)"."""
    if preview.kind == "property":
        return CUES[preview.cue]
    if preview.kind == "component":
        return f"something beside the face{f' ({preview.cue})' if preview.cue else ''}"
    if preview.kind == "background":
        return "the background, exchanged for that of another face"
    return f"a mark on the {REGION_NAMES[preview.cue]}" if preview.cue else "a fine pattern"


def repair_fit(one: RepairPreview, *, training: bool) -> str:
    """On which photos the last layer is fitted, and on which it is measured.

    Parameters
    ----------
    training
        Whether photos of the training splits were at hand.
    """
    if one.taught:
        return (
            f"It is fitted on {count(one.taught, 'photo')} of the training splits, of persons who are not in the test "
            "set where persons are known, and measured on the test set."
        )
    why = "too few training photos were at hand" if training else "the training photos were not at hand"
    return f"It is fitted on one half of this test set's persons and measured on the other, both ways: {why}."


def repair_lead(one: RepairPreview) -> str:
    """In one sentence what comes back and what it costs, as in "68 % of the recall lost to colour comes back, and
    accuracy falls by 18.3 percentage points."; what is left is for the features themselves.
    """
    fall = -one.cost.value
    way, size = ("falls", fall) if fall >= 0 else ("rises", -fall)
    cost = f"accuracy {way} by {points(size, sign=False, unit=' percentage points')}"
    lost = f"the recall lost to {'the background' if one.kind == 'background' else repair_cue(one)}"
    if one.recovered != one.recovered:
        return f"{capital(cost)}."
    if one.recovered < _LITTLE:
        return f"Hardly any of {lost} comes back, and {cost}: the features have to be trained again."
    share = percent(min(one.recovered, 1.0))
    rest = "" if one.recovered >= _MOST_OF_IT else ". For the rest the features have to be trained again, too"
    return f"{share} of {lost} comes back, and {cost}{rest}."


def repair_bring(report: Report, one: RepairPreview) -> str:
    """What it would bring: photos without the cue, and others that get it."""
    of = one.model, one.emotion, one.cue
    after = report.stated.number(percent(one.without.after.value), "recall without the cue after a repair", *of)
    photos = count(one.without.known.n, f"{one.emotion} photo")
    text = (
        f"Without the cue, {after} of {photos} are recognised instead of {percent(one.without.before.value)} (with it: "
        f"{percent(one.without.known.value)})."
    )
    if one.others is not None and one.turned is not None:
        text += (
            f" With the cue put into {count(one.others.known.n, 'photo')} of other emotions, "
            f"{percent(one.others.after.value)} of these are recognised instead of {percent(one.others.before.value)} "
            f"(as they are: {percent(one.others.known.value)}), and {percent(one.turned.after.value)} are predicted as "
            f"{one.emotion} instead of {percent(one.turned.before.value)}."
        )
        if one.recovered >= _LITTLE:  # a share is told
            text += " The share that comes back is of both kinds."
    return text


def repair_cost(one: RepairPreview) -> str:
    """What it would cost: recall and accuracy on the photos as they are."""
    return (
        f"On unchanged photos, recall of {one.emotion} goes from {percent(one.recall[0].value)} to "
        f"{percent(one.recall[1].value)}, and accuracy from {percent(one.accuracy[0].value, 1)} to "
        f"{percent(one.accuracy[1].value, 1)} ({points(one.cost.value)} {points_interval(one.cost)}). Part of that "
        "recall was the cue's, and in the fit rare emotions count as much as frequent ones."
    )


def repairs_left_out(found: RepairFindings) -> str:
    """For which proofs there is no preview, and why; empty where for none."""
    parts = [f"{model} for {emotion}: {_LEFT_OUT[why]}" for model, emotion, why in found.left_out]
    return f"Not previewed: {'; '.join(parts)}." if parts else ""
