"""Words for groups of photos: what a group is called, how it fares, and what was and was not compared."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reportgen.evidence.damage import same_photos
from reportgen.evidence.groups.gaps import MIN_GAP, Gap
from reportgen.evidence.groups.groupings import FILE_COLUMNS, given_columns
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.groups.same_photos import ToldGap, told_once
from reportgen.site.html.components import Finding, Link, ModelLine, series_of
from reportgen.site.report import Report
from reportgen.site.wording.format import (
    and_list,
    count,
    format_p,
    number,
    percent,
    plural,
    points,
    share_interval,
)
from reportgen.site.wording.models import named_models
from reportgen.types import BoolArray

__all__ = [
    "MEASURED",
    "assessed",
    "compared_with",
    "gap_points",
    "gap_sentence",
    "group_claim",
    "group_words",
    "grouping_words",
    "groups_answer",
    "matched_shares",
    "missing_columns",
    "note_of",
    "p_words",
    "same_group_words",
    "wide",
    "worst_gaps",
    "worst_group",
]

_MOST_LINES = 2  # models that the first page tells of

_PHRASES = {
    "source: picture size": "photos of picture size {}",
    "source: file name": "photos named like {}",
    "source: file format": "photos stored as {}",
    "face size": "photos with a {} face",
    "head turn": "photos with the head turned {}",
    "head nod": "photos with the head {}",
    "head tilt": "photos with the head tilted {}",
    "eyes": "photos with the eyes {}",
    "mouth": "photos with the mouth {}",
    "sharpness": "photos in the {} of sharpness",
    "brightness": "photos in the {} of brightness",
    "cheek brightness": "photos in the {} of cheek brightness",
}
MEASURED: Mapping[str, str] = MappingProxyType({
    "source: picture size": "common sizes of the files, and all others",
    "source: file name": "common kinds of file names, such as word_number",
    "source: file format": "JPEG, PNG and others",
    "face size": "distance of the eyes as a share of the picture's width, thirds",
    "head turn": "to either side, in degrees",
    "head nod": "up or down, in degrees",
    "head tilt": "to either side, in degrees",
    "eyes": "closed where the landmark network's blink coefficient is .5 or more on average",
    "mouth": "open where the lips are apart by a tenth of the mouth's width or more",
    "sharpness": "of the photo, thirds",
    "brightness": "of the photo, thirds",
    "cheek brightness": "of the cheeks in the picture, light and skin together, thirds",
    "light from one side": "the darker cheek has less than 70 % of the lighter one's light; skin changes both alike",
})  # fmt: skip
"""What is measured, and how."""

_SENSITIVE = {
    "gender": {"gender", "sex"},
    "race": {"race", "ethnicity", "ancestry", "skin", "skin_tone", "skintone"},
    "age": {"age", "age_group", "agegroup"},
}


def group_words(grouping: str, level: str, found: GroupFindings | None = None) -> str:
    """As in "photos with the mouth open", or "photos with sex: female" for a column.

    Where `found` is given, photos of one source are called by what they have in common: "photos in colour".
    """
    called = "" if found is None else found.called(grouping, level)
    return f"photos {called}" if called else _by_trait(grouping, level)


def _by_trait(grouping: str, level: str) -> str:
    if grouping == "light from one side":
        return "photos lit from one side" if level.startswith("yes") else "photos lit evenly"
    if grouping in _PHRASES:
        named = "middle-sized" if (grouping, level) == ("face size", "middle") else level
        return _PHRASES[grouping].format(re.sub("^not ", "other than ", named))
    if grouping == "jpeg_tables":
        return f"photos saved by encoder settings {level}"
    return f"photos with {grouping}: {level}"


def same_group_words(found: GroupFindings, one: ToldGap) -> str:
    """The other names of a group's photos, as in "of picture size other than 350 x 350"; "" where it has none."""
    told = group_words(one.gap.grouping, one.gap.level, found)
    names: dict[str, None] = {}
    for other in (one.gap, *one.same):
        if other.grouping != "jpeg_tables":  # its codes are no words
            names[_by_trait(other.grouping, other.level).removeprefix("photos ")] = None
        names[group_words(other.grouping, other.level, found).removeprefix("photos ")] = None
    return and_list([name for name in names if f"photos {name}" != told])


def grouping_words(name: str) -> str:
    """What a grouping is called."""
    return "JPEG encoder settings" if name == "jpeg_tables" else name


def wide() -> str:
    """The least gap in words."""
    return f"{100 * MIN_GAP:.0f} percentage points"


def group_claim(report: Report, names: Sequence[str], one: GroupGap) -> str:
    """As in "ResNet18 fares worse on photos with the head turned 30° or more than on others of the same emotions."."""
    subject = named_models(report, names, first=True)
    what = group_words(one.grouping, one.level, report.groups)
    if one.emotion:
        return f"{subject} {plural(len(names), 'misses', 'miss')} {one.emotion} more often on {what} than on others."
    return f"{subject} {plural(len(names), 'fares', 'fare')} worse on {what} than on others of the same emotions."


def worst_gaps(report: Report) -> list[GroupGap]:
    """The group with the widest proven gap over all emotions that goes with no other group: that gap of every model of
    which it is proven; none without one.
    """
    found = report.groups
    gaps = [one for model in report.models for one in (() if found is None else found.overall(model.name))]
    proven = [one for one in gaps if one.worse and one.through is None]
    worst = min(proven, key=lambda one: one.gap.value, default=None)
    if worst is None:
        return []
    return [one for one in gaps if one.worse and (one.grouping, one.level) == (worst.grouping, worst.level)]


def worst_group(report: Report) -> str:
    """The claim of `worst_gaps`; "" without a proven gap."""
    gaps = worst_gaps(report)
    return group_claim(report, [one.model for one in gaps], gaps[0]) if gaps else ""


def groups_answer(report: Report) -> Finding | None:
    """Whether a group fares worse, for the first page; None where nothing could be compared."""
    found = report.groups
    if found is None or not found.tested:
        return None
    question, link = "Are they worse for some groups?", Link("All groups", "groups.html")
    unknown = _not_stated(found)
    fair = f"Not compared: {and_list(unknown)}." if unknown else ""
    gaps = worst_gaps(report)
    if not gaps:
        emotions = [one for one in found.gaps if one.emotion and one.worse and one.through is None]
        if emotions:
            worst = min(emotions, key=lambda one: one.gap.value)
            claim = group_claim(report, [worst.model], worst)
            text = f"{claim} {gap_sentence(report, worst)} {fair}".strip()
            return Finding(question, "mid", "Not over all emotions, but for one.", text, link)
        text = f"Of {count(found.tested, 'gap')} tested, none is shown to be wider than {wide()}. {fair}".strip()
        return Finding(question, "open", "Not shown.", text, link)
    names = [model.name for model in report.models]
    relying = [one.model for one in gaps]
    who = f" ({named_models(report, relying)})" if len(names) > 1 else ""
    others = any(one.worse and one.through is None and one.grouping != gaps[0].grouping for one in found.gaps)
    most = "above all for" if others else "for"
    lead = f"Yes, {most} {group_words(gaps[0].grouping, gaps[0].level, found)}{who}."
    lines = tuple(
        ModelLine(series_of(names.index(one.model)), one.model, _gap_line(report, one)) for one in gaps[:_MOST_LINES]
    )
    note = f"Others: of the same emotions. {fair}".strip()
    return Finding(question, "bad", lead, "", link, models=lines, note=note)


def _gap_line(report: Report, one: GroupGap) -> str:
    """As in "13 % correct, others 60 %: −48 [−58, −38] points."."""
    own, others = _shares(report, one)
    return f"{own} correct, others {others}: {gap_points(one.gap)} points."


def gap_sentence(report: Report, one: GroupGap) -> str:
    """The numbers of a gap, as in "ResNet18 is correct on 30 % of 110 photos of ..., and on 70 % of ..."."""
    gap, of = one.gap, (one.model, one.grouping, one.level, one.emotion)
    own, others = _shares(report, one)
    noun = f"{one.emotion} photo" if one.emotion else "photo"
    what = group_words(one.grouping, one.level, report.groups).removeprefix("photos ")
    if one.emotion:
        return (
            f"{one.model} is correct on {own} of {count(gap.photos, noun)} {what}, and on {others} of "
            f"{number(gap.others_photos)} others: a gap of {gap_points(gap)} points."
        )
    plain, counted = one.plain, ""
    if (gap.photos, gap.others_photos) != (plain.photos, plain.others_photos):
        both = f"{number(gap.photos)} and {number(gap.others_photos)} photos"
        counted = f" ({both}, of emotions with enough on both sides)"
    all_own = report.stated.number(percent(plain.own), f"{one.score} by groups, all photos", *of)
    all_others = report.stated.number(percent(plain.others), f"{one.score} by groups, all photos of others", *of)
    return (
        f"{one.model} is correct on {all_own} of all {_counted(report, one)} and on {all_others} of the "
        f"{number(plain.others_photos)} others. At the same mix of emotions it is {own} against {others}, a gap of "
        f"{gap_points(gap)} points{counted}."
    )


def _counted(report: Report, one: GroupGap) -> str:
    """As in "144 photos of one source (143 of them in colour)", or "143 photos in colour" where all of them are."""
    n, found = one.plain.photos, report.groups
    report.stated.number(number(n), "photos of a group", one.grouping, one.level)
    what = group_words(one.grouping, one.level, found)
    having = -1 if found is None else found.having(one.grouping, one.level)
    if having in (-1, n):
        return count(n, "photo") + what.removeprefix("photos")
    report.stated.number(number(having), "photos of a group that have its property", one.grouping, one.level)
    return f"{count(n, 'photo')} of one source ({number(having)} of them {what.removeprefix('photos ')})"


def matched_shares(report: Report, models: Sequence[str], photos: BoolArray) -> str:
    """How often models are right on some photos and on others at the same mix of emotions, where groups tell it of
    (nearly) the same photos; "" elsewhere.
    """
    found, told = report.groups, []
    if found is None:
        return ""
    for model in models:
        lines = told_once(found, found.overall(model))
        mine = [line.gap for line in lines if line.gap.gap.testable and same_photos(found.photos(line.gap), photos)]
        told += [f"{model} {own} against {others}" for own, others in (_shares(report, one) for one in mine[:1])]
    if not told:
        return ""
    return f"Correct: of all photos, whatever their emotion. At the same mix of emotions: {', '.join(told)}."


def _shares(report: Report, one: GroupGap) -> tuple[str, str]:
    """The two scores at the same mix of emotions, wherever they are printed."""
    gap, of = one.gap, (one.model, one.grouping, one.level, one.emotion)
    own = report.stated.number(percent(gap.own), f"{one.score} by groups", *of)
    return own, report.stated.number(percent(gap.others), f"{one.score} by groups, others", *of)


def gap_points(gap: Gap) -> str:
    """As in "−40 [−52, −29]"."""
    interval = share_interval(gap.estimate) if gap.testable else ""
    return f"{points(gap.value, 0, unit='')} {interval}".strip()


def compared_with(gap: Gap) -> str:
    """How many photos and persons a gap rests on."""
    text = f"{number(gap.photos)} and {number(gap.others_photos)} photos"
    if gap.named:
        text += f", {count(gap.persons, 'person')} on the smaller side"
    return f"{text}, persons compared with themselves" if gap.paired else text


def note_of(one: GroupGap, found: GroupFindings | None = None) -> str:
    """What else is known of a gap."""
    if one.by_mix:
        return "explained by the mix of emotions"
    if one.through is not None:
        return f"goes with {group_words(*one.through, found)}"
    return ""


def p_words(p: float) -> str:
    """A p value, or why there is none."""
    return format_p(p).removeprefix("p ").removeprefix("= ") if p == p else "–"


def missing_columns(report: Report) -> tuple[str, ...]:
    """A warning for columns that were asked for and are not there."""
    found = report.groups
    if found is None or not found.missing:
        return ()
    there = [name for name in given_columns(report.analysis.images, report.classes) if name not in FILE_COLUMNS]
    has = f"it has {and_list(there)}" if there else "it has none of its own"
    return (f"--groups: the test set has no column {and_list(found.missing, 'or')}; {has}",)


def _not_stated(found: GroupFindings) -> list[str]:
    """Which of gender, race and age no column tells."""
    given = [one.name for one in found.groupings if one.origin == "given" and not one.of_source]
    parts = {part.strip().casefold() for name in given for part in name.split("*")}
    return [name for name, words in _SENSITIVE.items() if not words & parts]


def assessed(report: Report) -> str:
    """What was and was not compared, in place of a word on fairness."""
    found = report.groups
    if found is None or not found.gaps:
        return "Scores were not compared between groups, so nothing is known of fairness."
    # What a file says of itself stands in a column as well, but is not the user's.
    given = [one.name for one in found.groupings if one.origin == "given" and not one.of_source]
    measured = [grouping_words(one.name) for one in found.groupings if one.origin == "measured" or one.of_source]
    unknown = _not_stated(found)
    columns = f"by the test set's {and_list(given)}" if given else ""
    own = f"by what was measured on the photos ({and_list(measured)})" if measured else ""
    text = f"Scores were compared between groups {and_list([part for part in (columns, own) if part])}."
    if unknown:
        text += (
            f" Fairness by {and_list(unknown, 'or')} was not assessed: no column states it, and it is never guessed "
            "from a face."
        )
    return text
