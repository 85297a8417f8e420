"""The reasons of an error in words: what each rule is called, how it works, and its evidence on one image."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from reportgen.evidence.errors.reasons import ModelReasons
from reportgen.evidence.errors.rules import (
    DARK_EYES,
    MIN_CORRECT,
    OPEN,
    ORDER,
    TURNED,
    UNEXPLAINED,
    Flag,
    FlagMeasure,
    Untested,
)
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors
from reportgen.faces.regions import REGIONS
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import and_list, capital, count, decimal, half_up, percent, sure
from reportgen.site.wording.shortcuts import CUES, DONE

__all__ = [
    "FLAG_COMPARED",
    "FLAG_NAMES",
    "FLAG_RULES",
    "UNTESTED",
    "evidence_of",
    "flag_title",
    "where_of",
]

FLAG_NAMES: Mapping[str, str] = {
    "shortcut": "Shortcut",
    "label-suspect": "Contradicted label",
    "low-quality": "Low quality",
    "dark-eyes": "Covered or dark eyes",
    "turned-head": "Turned head",
    "open-mouth": "Open mouth",
    "background": "Background",
    "prior": "Class frequencies",
    "ambiguous": "Ambiguous",
    UNEXPLAINED: "Unexplained",
}

FLAG_RULES: Mapping[str, str] = {
    "shortcut": "The predicted emotion is one for which the model relies on a property of the photo, and the "
    "prediction changes when this photo is shown without that property.",
    "label-suspect": "All models predict the same other emotion, each with at least its usual confidence for it, and "
    "where they agree so confidently the label mostly agrees too. Landmarks or the most similar faces, where known, "
    "contradict the label as well. All may be wrong: needs human review.",
    "low-quality": "Blurred, poor in contrast on the face, or a small face: below the lowest 5 % of the model's "
    "correct predictions.",
    "dark-eyes": f"Less light on the eyes than {percent(DARK_EYES)} of that on the cheeks, as with dark glasses or in "
    "deep shade.",
    "turned-head": "Turned towards profile further than in 95 % of the model's correct predictions, and by "
    f"{TURNED:g}° or more, as read from landmarks.",
    "open-mouth": "Open further than in 95 % of the correct predictions of the same label, and by "
    f"{percent(OPEN)} of the mouth's width or more, as in speaking, shouting or an expression unlike the label's.",
    "background": "More heat on the background than in 95 % of the correct predictions, and the label gains on every "
    "other background tried.",
    "prior": "The labelled emotion would be predicted once the class frequencies of the training data are taken out.",
    "ambiguous": "The labelled emotion is second, and the lead is smaller than in 90 % of the correct predictions.",
    UNEXPLAINED: "No proven reason: nothing tested that is true here is more frequent in errors than in correct "
    "predictions.",
}

UNTESTED: Mapping[Untested, str] = {
    "": "",
    "no changed photo": "no photo was changed",
    "one model": "needs a second model to agree",
    "few correct": f"fewer than {MIN_CORRECT} correct predictions to compare with",
    "no regions": "no regions",
    "not measured": "the records are of an older version",
    "background not swapped": "swapping the background was not run",
    "priors unknown": "the training data's emotions are not known",
    "perhaps weighted": "nothing says that training was unweighted (setting assume_unweighted_training)",
}
"""Why a rule could not be tested."""

FLAG_COMPARED: Mapping[str, str] = {
    "shortcut": "Rates: predictions that change without the property, among errors it may explain and among others.",
    "background": "Compared with correct images: the heat alone.",
    "ambiguous": "Compared with correct images: the small lead alone.",
}

# From this share of what speaks for the prediction a region may stand for the place of it: regions are found by
# enrichment, so it may be a small one with a tenth of the evidence while the map is bright elsewhere.
_FAIR_SHARE = 0.3

_QUALITY: Mapping[str, tuple[str, str, int]] = {
    "sharpness": ("blurred", "sharpness", 0),
    "contrast": ("poor in contrast", "contrast", 3),
    "contrast of the face": ("poor in contrast on the face", "contrast of the face", 3),
    "pixels between the eyes": ("small face", "pixels between the eyes", 0),
}


def flag_title(report: Report, row: int, k: int, name: str) -> str:
    """The reason as a heading: "Colour, a shortcut"."""
    if name == "shortcut":
        return f"{capital(CUES[_shortcut_errors(report, k).change[row]])}, a shortcut"
    return FLAG_NAMES[name]


def evidence_of(report: Report, reasons: ModelReasons, row: int, k: int, name: str) -> str:
    """The numbers behind one flag on one image, as a sentence."""
    if name == UNEXPLAINED:
        return FLAG_RULES[UNEXPLAINED]
    if name == "shortcut":
        rate = reasons.rates[ORDER.index(name)]
        few = rate.ratio is not None and rate.ratio.too_few
        doubt = "too few persons to compare" if few else "this may be chance"
        return _shortcut(report, row, k, "" if rate.telling else doubt)
    return _WORDS[name](report, reasons.flag(name), row, k)


def _answer(report: Report, row: int, k: int) -> str:
    return report.classes[int(report.models[k].predicted[row])]


def _shortcut_errors(report: Report, k: int) -> ShortcutErrors:
    reasons = report.reasons
    found = None if reasons is None else reasons.models[k].shortcut
    if found is None:
        raise AssertionError("a shortcut is a reason only where errors were shown again")
    return found


def _shortcut(report: Report, row: int, k: int, doubt: str) -> str:
    found, answer, truth = _shortcut_errors(report, k), _answer(report, row, k), report.truth(row)
    change = found.change[row]
    now = report.classes[int(found.predicted[row])]
    right = ", the label" if now == truth else ""
    shown = f"{capital(DONE[change])}, the same photo is predicted as {now}{right}"
    if doubt:
        return f"{shown}; but of other errors, changed likewise, {_usual(found)}: {doubt}."
    return f"{shown}: {report.models[k].name} relies on {CUES[change]} for {answer}."


def _usual(found: ShortcutErrors) -> str:
    compared = int(found.compared.sum())
    return f"{percent(found.usual)} also change prediction" if compared else "none was there to compare with"


def _dark_eyes(report: Report, flag: Flag, row: int, k: int) -> str:
    value, limit = (percent(float(numbers[row])) for numbers in (flag.measures[0].value, flag.measures[0].limit))
    return f"The eyes have {value} of the light on the cheeks (limit: {limit}), as with dark glasses or in deep shade."


def _turned_head(report: Report, flag: Flag, row: int, k: int) -> str:
    value, limit = (half_up(float(numbers[row]), 0) for numbers in (flag.measures[0].value, flag.measures[0].limit))
    return f"The head is turned by about {value}° (limit: {limit}°)."


def _open_mouth(report: Report, flag: Flag, row: int, k: int) -> str:
    value, limit = (percent(float(numbers[row])) for numbers in (flag.measures[0].value, flag.measures[0].limit))
    return f"The lips are apart by {value} of the mouth's width (limit for {report.truth(row)}: {limit})."


def _label_suspect(report: Report, flag: Flag, row: int, k: int) -> str:
    said = [
        f"{model.name} with confidence {sure(float(measure.value[row]))} (usually {percent(float(measure.limit[row]))})"
        for model, measure in zip(report.models, flag.measures, strict=True)
    ]
    who = "Both models predict" if len(said) == 2 else "All models predict"
    return f"{who} {_answer(report, row, k)}, {and_list(said)}. Needs human review."


def _low_quality(report: Report, flag: Flag, row: int, k: int) -> str:
    crossed = [measure for measure in flag.measures if measure.crossed[row]]
    return capital("; ".join(_poor(measure, row) for measure in crossed)) + "."


def _poor(measure: FlagMeasure, row: int) -> str:
    word, quantity, digits = _QUALITY[measure.quantity]
    value, limit = (decimal(float(number), digits) for number in (measure.value[row], measure.limit[row]))
    if value == limit:  # rounding must not make the comparison look false
        value, limit = (decimal(float(number), digits + 2) for number in (measure.value[row], measure.limit[row]))
    return f"{word}: {quantity} {value}; 95 % of the correct predictions have {limit} or more"


def _background(report: Report, flag: Flag, row: int, k: int) -> str:
    heat, swap = flag.measures
    return (
        f"Enrichment of the background {_times(heat.value[row])} (95 % of the correct predictions: at most "
        f"{_times(heat.limit[row])}), and {report.truth(row)} gains at least {decimal(float(swap.value[row]))} on "
        "every other background tried."
    )


def _prior(report: Report, flag: Flag, row: int, k: int) -> str:
    ahead = decimal(float(flag.measures[0].value[row]))
    return f"With the training data's class frequencies taken out, {report.truth(row)} leads by {ahead}."


def _ambiguous(report: Report, flag: Flag, row: int, k: int) -> str:
    lead = 100 * float(flag.measures[0].value[row])
    behind = "under 1 percentage point" if lead < 1 else count(int(half_up(lead, 0)), "percentage point")
    return f"{capital(report.truth(row))} is second, {behind} behind."


_WORDS: Mapping[str, Callable[[Report, Flag, int, int], str]] = dict(
    zip(
        ORDER[1:],
        (_label_suspect, _low_quality, _dark_eyes, _turned_head, _open_mouth, _background, _prior, _ambiguous),
        strict=True,
    )
)


def where_of(report: Report, reasons: ModelReasons, row: int, k: int) -> str:
    """Where the answer outweighs the label, as a sentence; empty where nowhere."""
    name = _region(reasons, row)
    if not name or reasons.regions is None:
        return ""
    heat, share = float(reasons.regions.heat[row]), float(reasons.regions.share[row])
    answer, truth = _answer(report, row, k), report.truth(row)
    if share >= _FAIR_SHARE:
        return (
            f"The evidence for {answer} exceeds that for {truth} most on the {name}: {percent(share)} of the "
            f"difference (enrichment {_times(heat)})."
        )
    return (
        f"The evidence for {answer} over {truth} is densest on the {name} (enrichment {_times(heat)}), but only "
        f"{sure(share)} of it lies there."
    )


def _region(reasons: ModelReasons, row: int) -> str:
    if reasons.regions is None or reasons.regions.region[row] < 0:
        return ""
    region = REGIONS[reasons.regions.region[row]]
    group = next((members for members in reasons.groups if region in members), (region,))
    return and_list([REGION_NAMES[member] for member in group])


def _times(value: float | np.floating) -> str:
    return decimal(float(value), 1)
