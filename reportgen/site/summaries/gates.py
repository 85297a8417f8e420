"""Words about gates: what each looked at, what failed and by how much, and what could not be measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from reportgen.evidence.comparison.gates import GateResult, GateTest, Reason
from reportgen.evidence.damage import DamageKind
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.settings import Gate
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    fixed,
    format_p,
    number,
    percent,
    points,
    points_interval,
    signed,
    small,
)
from reportgen.site.wording.performance.groups import group_words
from reportgen.site.wording.performance.robustness import shown_as

__all__ = ["KIND_WORDS", "gate_lines", "gate_text", "gate_verdict", "open_lines", "sentence_of", "subject_of"]

KIND_WORDS: Mapping[DamageKind, str] = MappingProxyType({
    "class order": "another class order",
    "leakage": "training data in the test set",
    "property": "properties of the photo",
    "background": "the background",
    "component": "cues that nobody listed",
    "mark": "marks on faces",
    "group": "groups of photos",
})  # fmt: skip
"""By kind of damage, what a model was tested for."""

_REASONS: Mapping[Reason, str] = MappingProxyType({
    "no labels": "no image has a label in both",
    "no images": "no image has this label",
    "too few images": "too few images to prove anything",
    "too few persons": "too few persons, or different photos, to prove anything",
    "not tested": "the new build did not test it",
    "no changes": "no changed photos were shown to the model in both builds",
    "no groups": "no group of photos was compared in both builds",
    "older version": "a build was made by a version that did not write it down; build it again",
})  # fmt: skip


def gate_lines(result: GateResult) -> tuple[str, ...]:
    """A gate on the terminal: its verdict, and each thing that failed or could not be measured."""
    told = [] if result.gate == Gate.UNMEASURED else [sentence_of(test) for test in result.failed]
    lines = told or open_lines(result.unmeasured or result.failed)
    return f"{result.gate}: {gate_verdict(result)}. {gate_text(result)}.", *(f"  {line}" for line in lines)


def open_lines(tests: Sequence[GateTest]) -> list[str]:
    """Why tests were not made, one line for those of a model that have the same reason."""
    told: dict[tuple[str, Reason], list[str]] = {}
    for test in tests:
        told.setdefault((test.model, test.reason), []).append(subject_of(replace(test, model="")))
    return [
        f"{model}{': ' if model else ''}{and_list(subjects)}: not measured, as {_REASONS[reason]}."
        for (model, reason), subjects in told.items()
    ]


def gate_verdict(result: GateResult) -> str:
    """A few words: "failed", "passed", "passed in part" where some could not be measured, "not measured"."""
    if result.outcome == "passed" and result.unmeasured:
        return "passed in part"
    return "not measured" if result.outcome == "unmeasured" else result.outcome


def gate_text(result: GateResult) -> str:
    """How many tests a gate made, and what came of them, as in "1 of 8 tests failed; tolerated: 2 points"."""
    made = [test for test in result.tests if test.outcome != "unmeasured"]
    if result.gate == Gate.UNMEASURED:
        text = f"{count(len(result.failed), 'test')} could not be made" if result.failed else "All were made"
    elif result.failed:
        text = (
            f"{number(len(result.failed))} of {count(len(made), 'test')} failed" if len(made) > 1 else "The test failed"
        )
    elif made:
        text = "The test passed" if len(made) == 1 else f"All {number(len(made))} tests passed"
    else:
        text = "No test could be made"
    if result.gate != Gate.UNMEASURED and made and result.unmeasured:
        text += f", {number(len(result.unmeasured))} could not be made"
    return text + (f"; tolerated: {_tolerated(result)}" if result.tolerance else "")


def _tolerated(result: GateResult) -> str:
    value = f"{result.tolerance:g}"
    if result.gate == Gate.TEST_SET:
        return f"{value} % of the images"
    if result.gate == Gate.CONFIDENCE:
        return f"a rise by {value} hundredths"
    return f"{value} {'point' if result.tolerance == 1 else 'points'}"


def subject_of(test: GateTest) -> str:
    """What a test is about, as in "CNN: recall of fear" or "CNN: marks on faces"."""
    what = KIND_WORDS.get(test.quantity, test.quantity)  # type: ignore[call-overload]
    if test.quantity == "robustness" and test.grouping:
        what = f"{what}, {small(_changed(test))}"
    if test.quantity.endswith(" gap"):
        of = f" for {test.emotion}" if test.emotion else ""
        what = f"{what}{of}, {group_words(test.grouping, test.cue)}"
        return f"{test.model}: {what}" if test.model else what
    of = f" of {test.emotion}" if test.quantity == "recall" else ""
    if test.cue and test.emotion:
        what, of = f"{test.cue} for {test.emotion}", ""
    return f"{test.model}: {what}{of}" if test.model else f"{what}{of}"


def sentence_of(test: GateTest) -> str:
    """What a test found, with its numbers; or why it was not made."""
    if test.reason in _REASONS:
        return f"{subject_of(test)}: not measured, as {_REASONS[test.reason]}."
    if test.quantity in ("accuracy", "recall", "Brier score"):
        text = _score(test)
    elif test.quantity in ("images", "labels"):
        text = _difference(test)
    elif test.quantity.endswith(" gap"):
        text = _gap(test)
    elif test.quantity == "robustness":
        text = _robustness(test)
    elif test.quantity == "class order":
        text = (
            f"The outputs of {test.model} fit the labels in another order ({test.cue}): accuracy is "
            f"{percent(test.before)} as they are and {percent(test.after)} in that order"
            if test.cue
            else f"The outputs of {test.model} are in the order of the classes"
        )
    elif test.quantity == "leakage" and test.change.n:
        text = (
            f"Training leaked into the test set of {test.model}, which was not proven before: its accuracy is inflated "
            f"by {_lost(test)}"
        )
    elif test.emotion:
        text = (
            f"{test.model} relies on {test.cue} for {test.emotion}, which was not proven before: without it "
            f"{_lost(test)} of recall are lost"
        )
    else:
        text = f"{test.model}, {KIND_WORDS[test.quantity]}: nothing new is proven"  # type: ignore[index]
    ends = {"tolerated": "; this is tolerated", "as before": "; what is proven was proven before"}
    return f"{text}{ends.get(test.reason, '')}."


def _score(test: GateTest) -> str:
    what = f"{capital(test.quantity)} of {test.model}" + (f" for {test.emotion}" if test.emotion else "")
    change = test.change
    if test.quantity == "Brier score":
        values = f"from {decimal(test.before, 3)} to {decimal(test.after, 3)}"
        by = f"{signed(change.value, 3)} [{signed(change.low, 3)}, {signed(change.high, 3)}]"
        moved = "rose" if change.value > 0 else "fell"
    else:
        values = f"from {percent(test.before, 1)} to {percent(test.after, 1)}"
        by = f"{points(change.value)} {points_interval(change)}"
        moved = "rose" if change.value > 0 else "fell"
    if change.value == 0:
        return f"{what} did not change"
    return f"{what} {moved} {values}: {by}, {format_p(test.p)} after Holm's adjustment"


def _gap(test: GateTest) -> str:
    """A group whose score is lower than that of other photos with the same labels; its gap is below 0 then."""
    score = test.quantity.removesuffix(" gap") + (f" for {test.emotion}" if test.emotion else "")
    photos = group_words(test.grouping, test.cue)
    was, now = (points(-value, 1, sign=False) for value in (test.before, test.after))
    if test.p == test.p:  # it was proven before: how much wider is it now?
        by = f"{points(-test.change.value)} [{signed(-100 * test.change.high, 1)}, {signed(-100 * test.change.low, 1)}]"
        moved = f"went from {was} to {now}: {by}, {format_p(test.p)} after Holm's adjustment"
        return f"The gap in {score} of {test.model} on {photos} {moved}"
    if test.outcome == "failed" or test.reason == "tolerated":
        return (
            f"{capital(score)} of {test.model} on {photos} is {now} "
            f"[{fixed(-100 * test.change.high, 1)}, {fixed(-100 * test.change.low, 1)}] lower than on other photos of "
            f"the same emotions, which was not proven before ({was})"
        )
    return f"{capital(score)} of {test.model} on {photos}: no gap that is new"


def _changed(test: GateTest) -> str:
    """As in "Blurred by 4 px"."""
    levels = [str(level) for level in DISTURBANCES[test.grouping].levels] if test.grouping in DISTURBANCES else []
    return (
        capital(shown_as(test.grouping, levels.index(test.cue)))
        if test.cue in levels
        else f"{test.grouping} {test.cue}"
    )


def _robustness(test: GateTest) -> str:
    loss = (
        f"{points(test.after, 1, sign=False)} [{fixed(100 * test.change.low, 1)}, {fixed(100 * test.change.high, 1)}]"
    )
    was = points(test.before, 1, sign=False)
    if test.outcome == "failed" or test.reason == "tolerated":
        return f"{_changed(test)}, {test.model} loses {loss} of recall, where it was not proven to break before ({was})"
    return f"{_changed(test)}, {test.model} loses {loss} of recall: nothing that is new"


def _difference(test: GateTest) -> str:
    n, share = test.change.n, percent(test.change.value, 1)
    if test.quantity == "images":
        return f"{count(n, 'image')} ({share}) are in one of the builds alone" if n else "The images are the same"
    return f"The label of {count(n, 'image')} ({share}) was changed" if n else "The labels are the same"


def _lost(test: GateTest) -> str:
    change = test.change
    low, high = (f"{fixed(100 * end, 0)}" if math.isfinite(end) else "–" for end in (change.low, change.high))
    return f"{points(change.value, 0, sign=False)} [{low}, {high}]"
