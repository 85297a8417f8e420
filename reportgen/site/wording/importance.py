"""Region importance in words: the effect of swapping a region, said alike wherever a heatmap is spoken of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reportgen.analysis import slugify
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.importance.background import BackgroundFinding, Status
from reportgen.evidence.importance.findings import LEAST_RECALL, ImportanceFindings
from reportgen.evidence.importance.regions import MIN_DROP, RegionImportance
from reportgen.evidence.shortcuts.properties import MIN_AUC_DISTANCE
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES, verdict_sentence
from reportgen.site.wording.format import (
    and_list,
    count,
    format_p,
    half_up,
    number,
    percent,
    percent_interval,
    plural,
    points,
    signed,
    sure,
)

__all__ = [
    "IMPORTANCE_WORDS",
    "LEAST_FALL",
    "STATUS_WORDS",
    "apart_sentence",
    "background_cue",
    "background_numbers",
    "background_sentence",
    "barrier_words",
    "claim_region",
    "corrected",
    "drop_of",
    "emotions_of",
    "fall_of",
    "importance_anchor",
    "importance_basis",
    "importance_interval",
    "importance_sentence",
    "matter_sentences",
    "odds_caution",
    "odds_change",
    "odds_cut",
    "odds_fall",
    "odds_interval",
    "pictures_of",
    "recall_too",
    "rival_sentence",
    "swap_effect",
    "swapped_as",
    "the",
    "used_regions",
    "with_importance",
]

STATUS_WORDS: dict[Status, str] = {
    "confirmed": "swapping confirms it",
    "contradicted": "swapping disagrees",
    "undetermined": "swapping is inconclusive",
    "not tested": "swapping not tested",
}

IMPORTANCE_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "yes": ("●", "important"),
        "no": ("–", "not important"),
        "undetermined": ("?", "inconclusive"),
        "insufficient evidence": ("", "too few faces"),
        "cannot be tested": ("×", "cannot be tested"),
    }
)
"""Every answer's sign and words."""


def fall_of(drop: float) -> str:
    """By how much the odds fall with a log-odds drop: .86 as "58 %"; never all of them; below 0 they rise."""
    return sure(min(-math.expm1(-drop), math.nextafter(1.0, 0.0)))  # however few digits tell one from the other


LEAST_FALL = fall_of(MIN_DROP)
"""The fall of the odds from which a region counts as important."""

_ANSWERS = {
    "yes": "the model relies on it",
    "no": f"less than {LEAST_FALL}: not important",
    "undetermined": "inconclusive",
}


def importance_interval(importance: RegionImportance) -> str:
    """As in "[−0.10, +0.32]"; empty where nothing bounds it."""
    bounded = math.isfinite(importance.low) and math.isfinite(importance.high)
    return f"[{signed(importance.low)}, {signed(importance.high)}]" if bounded else ""


def corrected(importance: RegionImportance) -> str:
    """As in "p = .03", of the p that is corrected for all that was tested; a dash where it decides nothing."""
    silent = math.isnan(importance.p) or importance.answer == "cannot be tested"
    return "–" if silent else format_p(importance.p)


def importance_anchor(slug: str, region: str) -> str:
    """Where on the model's page the table has the row of an emotion (by its slug) and region."""
    return f"use-{slug}-{slugify(region)}"


def pictures_of(found: ImportanceFindings, slug: str) -> dict[tuple[int, str], int]:
    """How many pictures every emotion (its index) and region of one model rests on, with colour and light matched."""
    if slug not in found.swaps:
        return {}
    matched = found.swaps[slug].matched
    return dict(Counter(zip(matched["emotion"].tolist(), matched["region"].tolist(), strict=True)))


def importance_basis(found: ImportanceFindings, slug: str | None = None) -> str:
    """As in "36 faces of the emotion and 72 pictures with the region swapped; for the background, on 24 faces and 120
    pictures"; empty without a test.

    `slug`: of the one model that is spoken of; None: of all.
    """
    made = [swaps.matched for name, swaps in found.swaps.items() if slug in (None, name)]
    if not made:
        return ""
    faces: list[list[int]] = [[], []]
    pictures: list[list[int]] = [[], []]
    for matched in made:
        outside = matched["region"] == "background"
        for part, rows in enumerate((matched[~outside], matched[outside])):
            cells = rows.groupby(["emotion", "region"])
            faces[part] += cells["receiver"].nunique().tolist()
            pictures[part] += cells.size().tolist()
    (face, beside), (swapped, swapped_beside) = ([_span(part) for part in counts] for counts in (faces, pictures))
    if not faces[0]:
        return f"{beside} faces of the emotion and {swapped_beside} pictures with the background swapped"
    text = f"{face} faces of the emotion and {swapped} pictures with the region swapped"
    if (face, swapped) == (beside, swapped_beside):
        return text
    return f"{text}; for the background, on {beside} faces and {swapped_beside} pictures"


def _span(values: Sequence[int]) -> str:
    low, high = min(values, default=0), max(values, default=0)
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def importance_sentence(importance: RegionImportance | None, pictures: int = 0) -> str:
    """What the transplant test says of one region, and how many pictures say so."""
    if importance is None or importance.answer == "insufficient evidence":
        return "Effect of swapping not tested: too few faces."
    if importance.answer == "cannot be tested":
        return f"The effect of swapping cannot be tested: {barrier_words(importance)}."
    how = swapped_as(importance)
    drop = " ".join(filter(None, ["log-odds drop", signed(importance.drop), importance_interval(importance)]))
    p = "" if math.isnan(importance.p) else f", corrected {format_p(importance.p)}"
    rests = count(importance.receivers, "face") + (f" and {count(pictures, 'picture')}" if pictures else "")
    return (
        f"With the {REGION_NAMES[importance.region]} of another emotion{f'{how},' if how else ''} the odds of "
        f"{importance.emotion} {odds_change(importance)} ({drop}{p}), over {rests}: "
        f"{_ANSWERS[importance.answer]}."
        f"{' Measured on images without the shortcut.' if importance.without_cue else ''}"
    )


def swapped_as(importance: RegionImportance) -> str:
    """Of a background how it was exchanged, as in ", as it is"; empty for a part of the face."""
    if importance.region != "background":
        return ""
    return ", as it is" if importance.kind == "unmatched" else ", in the face's own light and colour"


def barrier_words(importance: RegionImportance, emotions: Sequence[str] = ()) -> str:
    """Why it cannot be tested, as in "CNN's recall of anger is below 40 %, or not shown to be above chance".

    `emotions`: all that share the reason, where it is more than the importance's own.
    """
    names = and_list(emotions or [importance.emotion])
    if importance.barrier == "low recall":
        return (
            f"{importance.model}'s recall of {names} is below {percent(LEAST_RECALL)}, or not shown to be above chance"
        )
    return f"{importance.model} relies on a shortcut for {names}, and too few of the images are known to be without it"


def background_cue(found: BackgroundFinding) -> str:
    """By what of the background an emotion is predicted, as in "the bright background"."""
    cue, auc = found.cues[0], found.typical[0]
    if cue == "content":
        return "the background"
    if cue == "brightness" and abs(auc - 0.5) >= MIN_AUC_DISTANCE:
        return "the bright background" if auc > 0.5 else "the dark background"
    return f"the {cue} of the background"


def background_numbers(found: BackgroundFinding, *, brief: bool = False) -> str:
    """What swapping the background does, as it is and brought to the face's light and colour, and by which of these.

    As in "With another emotion's background as it is, the log-odds of joy fall by 1.99 [1.60, 2.38] ...".
    """
    matched = found.importance
    if matched is None or not math.isfinite(matched.drop):
        return ""
    unmatched, emotion = matched.unmatched, found.emotion
    if unmatched is None or not math.isfinite(unmatched.drop):
        return f"With another emotion's background the odds of {emotion} {swap_effect(matched)}."
    text = (
        f"With another emotion's background as it is, the odds of {emotion} {swap_effect(unmatched)}; with "
        f"that background in the face's own light and colour, they {swap_effect(matched)}."
    )
    if "content" in found.cues or brief:
        return text
    tones = [f"{tone}, they {swap_effect(one)}" for tone, one in matched.tones if math.isfinite(one.drop)]
    return f"{text} With its own background given the other's {'; '.join(tones)}." if tones else text


def odds_cut(importance: RegionImportance) -> str:
    """By how much the odds of the emotion fall, as in "59 % [45, 70]"; never all of them."""
    return " ".join(filter(None, (fall_of(importance.drop), odds_interval(importance))))


def odds_change(importance: RegionImportance) -> str:
    """Which way the odds of the emotion go and how far, as in "fall by 59 % [45, 70]" or "rise by 24 % [1, 52]"."""
    if importance.drop >= 0:
        return f"fall by {odds_cut(importance)}"
    rise, low, high = (math.expm1(-drop) for drop in (importance.drop, importance.high, importance.low))
    told = f"rise by {percent(rise)}"
    if not (math.isfinite(low) and math.isfinite(high)):
        return told
    return f"{told} {percent_interval(Estimate(rise, low, high, importance.receivers))}"


def odds_interval(importance: RegionImportance) -> str:
    """The interval of the fall of the odds, as in "[45, 70]"; empty where nothing bounds it."""
    cut, low, high = (-math.expm1(-drop) for drop in (importance.drop, importance.low, importance.high))
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return percent_interval(Estimate(cut, low, high, importance.receivers))


def odds_caution(uses: Sequence[RegionImportance]) -> str:
    """That odds are no predictions, with the fall of recall beside the largest fall of the odds; "" where no region is
    important.
    """
    found = [one for one in uses if one.answer == "yes" and math.isfinite(one.recall_drop)]
    if not found:
        return ""
    one = max(found, key=lambda one: one.drop)
    fall, way = one.recall_drop, "falls" if one.recall_drop >= 0 else "rises"
    unit = plural(int(half_up(100 * abs(fall), 0)), " percentage point", " percentage points")
    return (
        f"{fall_of(one.drop)} lower odds are not {fall_of(one.drop)} fewer correct predictions: with that swap "
        f"{one.model}'s recall of {one.emotion} {way} by {points(abs(fall), 0, sign=False, unit=unit)}."
    )


def odds_fall(report: Report, importance: RegionImportance) -> str:
    """The fall of the odds, wherever it is printed in a table or beside a dot; a dash where there is none."""
    if not math.isfinite(importance.drop):
        return "–"
    of = importance.model, importance.emotion, importance.region, importance.kind
    return report.stated.number(fall_of(importance.drop), "fall of the odds", *of)


def drop_of(report: Report, importance: RegionImportance) -> str:
    """The log-odds drop of one swap, wherever it is printed in a table or beside a dot; a dash where there is none."""
    if not math.isfinite(importance.drop):
        return "–"
    of = importance.model, importance.emotion, importance.region, importance.kind
    return report.stated.number(signed(importance.drop), "log-odds drop", *of)


def swap_effect(importance: RegionImportance) -> str:
    """As in "fall by 59 % [45, 70] and recall by 12 percentage points (40 faces)", of the odds of the emotion."""
    change, faces = odds_change(importance), f"({count(importance.receivers, 'face')})"
    fall = importance.recall_drop
    if not math.isfinite(fall):  # no picture with a donor of the other kind
        return f"{change} {faces}"
    unit = plural(int(half_up(100 * abs(fall), 0)), " percentage point", " percentage points")
    apart = "" if (fall >= 0) == (importance.drop >= 0) else " rises" if fall < 0 else " falls"
    return f"{change} and recall{apart} by {points(abs(fall), 0, sign=False, unit=unit)} {faces}"


def rival_sentence(rival: RegionImportance) -> str:
    """As in "Swapping in happiness's mouth cuts the odds of neutral for CNN by 79 % [66, 87] ..."."""
    clean = ", on images without the shortcut" if rival.without_cue else ""
    return (
        f"{rival.model}, {rival.emotion} against {rival.against}: with {the(rival.region)} of a face labelled "
        f"{rival.against}{clean}, the odds of {rival.emotion} {swap_effect(rival)}, corrected "
        f"{format_p(rival.p)}."
    )


def apart_sentence(rivals: Sequence[RegionImportance]) -> str:
    """By which region models tell two emotions apart, with what swapping it does.

    Parameters
    ----------
    rivals
        Of the same region and emotions, model by model; all are important, so that the odds fall.
    """
    first = rivals[0]
    effects = and_list([f"{odds_cut(one)} for {one.model}{recall_too(one)}" for one in rivals])
    return (
        f"{and_list([one.model for one in rivals])} {plural(len(rivals), 'tells', 'tell')} {first.emotion} from "
        f"{first.against} by {the(first.region)}: with that of a face labelled {first.against}, the odds of "
        f"{first.emotion} fall by {effects}."
    )


def matter_sentences(report: Report, emotion: str) -> tuple[str, ...]:
    """A sentence per region of the face that was shown to matter for an emotion, as in "Swapping the mouth cuts the
    odds by 58 % [41, 70] (recall by 19 points) for CNN."; empty where none was.
    """
    uses = report.importance.regions if report.importance is not None else ()
    found = [one for one in uses if (one.emotion, one.answer) == (emotion, "yes") and one.region != "background"]
    return tuple(
        f"Swapping {the(region)} cuts the odds by "
        + and_list([
            f"{odds_cut(one)}{recall_too(one)}{f' for {one.model}' if len(report.models) > 1 else ''}"
            for one in found
            if one.region == region
        ])
        + "."
        for region in dict.fromkeys(one.region for one in found)
    )  # fmt: skip


def recall_too(one: RegionImportance) -> str:
    """As in " (recall by 43 points)", where it falls."""
    fall = one.recall_drop
    return f" (recall by {points(fall, 0, sign=False, unit='')} points)" if math.isfinite(fall) and fall > 0 else ""


def the(region: str) -> str:
    """A region in words with its article, where it takes one."""
    return REGION_NAMES[region] if _number(region) > 1 else f"the {REGION_NAMES[region]}"


def _number(region: str) -> int:
    return 2 if region in ("eyes+brows", "cheeks+jaw") else 1


def background_sentence(found: BackgroundFinding) -> str:
    """Heat on the background and the effect of swapping it, for one emotion of one model."""
    place = f" ({found.place})" if found.place else ""
    heat = f"{found.model} has above-average heat on the background for {found.emotion}{place}"
    importance, emotion = found.importance, found.emotion
    if importance is None:
        return f"{heat}; the effect of swapping the background was not tested." if found.looks else (
            f"The effect of swapping the background was not tested for {emotion}."
        )  # fmt: skip
    effect = background_numbers(found)
    if found.state == "cannot be tested":
        lead = f"{heat}; whether it" if found.looks else f"Whether {found.model}"
        return f"{lead} relies on the background for {emotion} cannot be tested: {barrier_words(importance)}."
    if found.state in ("uses it", "uses a little"):
        what = background_cue(found) if found.cues else "the background"
        relies = "relies on" if found.state == "uses it" else "relies, less than counts as cheating, on"
        if found.looks:
            return f"{heat} and {relies} {what}. {effect}"
        return f"{found.model} {relies} {what} for {emotion}, although the heatmap does not show it. {effect}"
    if found.state == "looks only":
        return f"{heat}, but swaps find no reliance on it: heat and swaps disagree, an open question. {effect}"
    if found.state == "clear":
        return f"Swaps find no reliance of {found.model} on the background for {emotion}. {effect}"
    if found.looks:
        return f"{heat}; whether it relies on it is inconclusive. {effect}"
    return f"Whether {found.model} relies on the background for {emotion} is inconclusive. {effect}"


def claim_region(verdict: Verdict) -> str | None:
    """The region whose importance would back a verdict; None for verdicts that are not about one region."""
    if verdict.kind == "background":
        return "background"
    kind, _, region = verdict.kind.partition(" ")
    return region if kind in ("on", "specific") and region != "face" else None


def with_importance(verdict: Verdict, importance: ImportanceFindings | None) -> str:
    """A verdict's sentence with its causal status behind it, where it claims heat on a region."""
    region = claim_region(verdict)
    if region is None or verdict.answer != "yes":
        return verdict_sentence(verdict)
    status: Status = "not tested" if importance is None else importance.status(verdict.model, verdict.emotion, region)
    return verdict_sentence(verdict, STATUS_WORDS[status])


def used_regions(uses: Sequence[RegionImportance], model: str) -> tuple[tuple[str, tuple[RegionImportance, ...]], ...]:
    """Parts of the face that a model uses, each with the emotions for which it does, the largest loss first."""
    found: dict[str, list[RegionImportance]] = {}
    for importance in uses:
        if importance.model == model and importance.region != "background" and importance.answer == "yes":
            found.setdefault(importance.region, []).append(importance)
    ordered = {region: tuple(sorted(part, key=lambda importance: -importance.drop)) for region, part in found.items()}
    return tuple(sorted(ordered.items(), key=lambda item: (-len(item[1]), -item[1][0].drop)))


def emotions_of(uses: Sequence[RegionImportance]) -> str:
    """As in "happiness, neutral and surprise"."""
    return and_list([importance.emotion for importance in uses])
