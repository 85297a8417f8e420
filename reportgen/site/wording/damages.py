"""The headline where something was proved: the largest damage, what it costs, what it goes with, and what comes next.

The order is that of `reportgen.evidence.damage`; this module gives the words.
"""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.evidence.damage import Damage
from reportgen.evidence.groups.judging import GroupGap
from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.shortcuts.causes import Cause
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.marks import MarkTest
from reportgen.evidence.shortcuts.properties import PredictionSplit
from reportgen.site.html.components import Headline
from reportgen.site.report import Report
from reportgen.site.wording.cue_places import shared_place
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    number,
    percent,
    plural,
    points,
    share_interval,
)
from reportgen.site.wording.hidden_cues import component_test
from reportgen.site.wording.marks import mark_test
from reportgen.site.wording.models import leakage_sentence, named_models
from reportgen.site.wording.performance.groups import gap_sentence, group_claim, group_words, worst_gaps
from reportgen.site.wording.shortcuts import (
    DONE,
    before_and_after,
    cue_words,
    heat_place,
    proved_cues,
    state_cues,
)

__all__ = ["GLARING", "cause_sentence", "damage_headline", "inseparable", "leading_claim", "right_on"]

GLARING = 6.0
"""Times uniform attention from which heat outside the face is the first thing a reader should know where the effect of
swapping the background was not tested. On clean models trained on photos, hot cells of 2 to 5 times uniform at the
lower border are common; planted artefacts reach 19 to 25."""

_NEXT = 3


def damage_headline(report: Report, otherwise: str) -> Headline | None:
    """The headline where something was proved, or glaring heat was not tested; None elsewhere.

    Below it stands what the leading finding costs, what it goes with, and what comes next; `otherwise` where that does
    not apply.
    """
    cues = proved_cues(report)
    proved = [damage for damage in report.damages if damage.kind in ("leakage", "group") or damage in cues]
    if not proved:
        return _glaring(report, otherwise)
    lead = proved[0]
    if lead.kind == "leakage":
        told = [damage for damage in proved if damage.kind == "leakage"]
        names = and_list([damage.model for damage in told])
        claim = f"The accuracy of {names} is inflated: training leaked into the test set."
    elif isinstance(lead.finding, GroupGap):
        told = [damage for damage in proved if (damage.kind, damage.cue, damage.emotion) == _group_key(lead)]
        claim = group_claim(report, [damage.model for damage in told], lead.finding)
    else:
        told, claim = _together(cues), leading_claim(report)
    parts = [_loss(report, [damage for damage in told if damage.emotion == lead.emotion])]
    parts += _cause_told(report, lead.finding) if isinstance(lead.finding, Shortcut) else []
    parts.append(_next(report, [damage for damage in proved if damage not in told]))
    return Headline(claim, " ".join(filter(None, parts)))


def _group_key(damage: Damage) -> tuple[str, str, str]:
    return damage.kind, damage.cue, damage.emotion


def leading_claim(report: Report) -> str:
    """The cue with the largest damage as a claim, as in "Both models rely on colour for disgust."; "" without one."""
    cues = proved_cues(report)
    if not cues:
        return ""
    lead, together = cues[0], _together(cues)
    state_cues(report, together)
    names = [model.name for model in report.models if any(damage.model == model.name for damage in together)]
    emotions = list(dict.fromkeys(damage.emotion for damage in together))
    at = _place(report, together)
    subject = named_models(report, names, first=True)
    return f"{subject} {plural(len(names), 'relies', 'rely')} on {cue_words(lead)} for {and_list(emotions)}{at}."


def _together(cues: Sequence[Damage]) -> list[Damage]:
    """The leading cue wherever the same models rely on it: for its emotion, and for others that just these share."""
    lead = cues[0]
    alike = [d for d in cues if (d.kind, cue_words(d)) == (lead.kind, cue_words(lead))]
    relying: dict[str, set[str]] = {}
    for damage in alike:
        relying.setdefault(damage.emotion, set()).add(damage.model)
    return [damage for damage in alike if relying[damage.emotion] == relying[lead.emotion]]


def _place(report: Report, together: Sequence[Damage]) -> str:
    """Where the cue lies, if all have it there: proved of a property in a region, else where the heat is."""
    backgrounds = [d.finding for d in together if isinstance(d.finding, BackgroundFinding)]
    if backgrounds:
        places = {found.place if "content" in found.cues else "" for found in backgrounds}
        return f": the {places.pop()}" if len(places) == 1 and "" not in places else ""
    shortcuts = [d.finding for d in together if isinstance(d.finding, Shortcut)]
    if not shortcuts:
        return ""
    tested, hot = shared_place(report, shortcuts), {heat_place(report, shortcut) for shortcut in shortcuts}
    if tested:
        return f", above all on {tested}"
    return f", with heat on {hot.pop()}" if len(hot) == 1 and "" not in hot else ""


def _loss(report: Report, shared: Sequence[Damage]) -> str:
    """What the leading finding costs each model that shares it."""
    lead = shared[0].finding
    if isinstance(lead, Shortcut):
        falls = [
            f"{before_and_after(report, d.finding)} for {d.model} ("
            f"{points(d.lost.value, 0, sign=False, unit='')}{'' if place else ' points'} {share_interval(d.lost)})"
            for place, d in enumerate(shared)
            if isinstance(d.finding, Shortcut)
        ]
        who = "" if lead.persons is None or not lead.fall.named else f" of {count(lead.persons, 'person')}"
        photos = f"{count(lead.n, f'{lead.emotion} photo')}{who}"
        are = plural(lead.n, "is", "are")
        return f"When the {photos} {are} {DONE[lead.change]}, recall falls {and_list(falls)}."
    if isinstance(lead, BackgroundFinding):
        falls = [
            f"by {points(d.lost.value, 0, sign=False, unit='')} {share_interval(d.lost)} points for {d.model}"
            for d in shared
        ]
        return f"With another emotion's background, recall of {lead.emotion} falls {and_list(falls)}."
    if isinstance(lead, Component):
        return component_test(lead, shared[0].emotion)
    if isinstance(lead, MarkTest):
        return mark_test(lead, shared[0].emotion)
    if isinstance(lead, GroupGap):
        return " ".join(gap_sentence(report, d.finding) for d in shared if isinstance(d.finding, GroupGap))
    return " ".join(leakage_sentence(d.finding) for d in shared if isinstance(d.finding, Leakage))


def _cause_told(report: Report, shortcut: Shortcut) -> list[str]:
    """What the property of a shortcut goes with, as in "All 143 photos in colour come from one source ..."; none where
    it goes with nothing that was looked for.

    How well models do on these photos follows, unless that is what the worst group tells, at one mix of emotions.
    """
    cause = None if report.shortcuts is None else report.shortcuts.cause(shortcut)
    if cause is None or not cause.known:
        return []
    worst = worst_gaps(report)
    told = worst and group_words(worst[0].grouping, worst[0].level, report.groups) == f"photos {cause.having}"
    return [cause_sentence(report, cause, brief=True), *(() if told else _accuracy(report, cause))]


def cause_sentence(report: Report, cause: Cause, *, brief: bool = False) -> str:
    """What a property goes with, where that is known; `brief`: without what else sets a source apart."""
    report.stated.number(number(cause.n_having), "photos", cause.having)
    told, source, known = [], cause.source, ""
    if source is not None:
        told.append("come from a source of their own")
        others = f"{number(source.lacking)} of the "
        others += f"{report.stated.number(number(cause.n_lacking), 'photos', f'not {cause.having}')} others"
        too = {0: "", 1: ", and one other photo,"}.get(source.lacking, f", and {others},")
        name = "encoder settings" if source.trait == "JPEG tables" else source.trait
        trait = f"{name} {and_list([value or 'not told' for value in source.values], 'or')}"
        known = "" if brief else f" Only these{too} have {trait}."
    if cause.few_persons:
        beside = "" if brief else f" (the others {number(cause.persons_lacking)})"
        told.append(f"show {count(cause.persons_having, 'person')}{beside}")
    if cause.copied:
        told.append(f"are mostly copies of one another ({percent(cause.copies)})")
    n = cause.n_having
    whole = source is None or source.having == n
    which = f"All {number(n)}" if whole else f"{number(n if source is None else source.having)} of {number(n)}"
    return f"{which} photos {cause.having} {and_list(told)}.{known}"


def inseparable(cause: Cause) -> str:
    """That a test set cannot tell which of the things that go together matters; "" where nothing goes with it."""
    also = ["the source"] if cause.source is not None else []
    also += ["one person" if cause.persons_having == 1 else count(cause.persons_having, "person")] * (cause.few_persons)
    if not also:
        return ""
    return (
        f"{capital(and_list([cause.name, *also]))} go together: no comparison of groups can tell which of them makes "
        "the gap."
    )


def _accuracy(report: Report, cause: Cause) -> list[str]:
    """How often each model is right on the photos with the property and on the others."""
    splits = () if report.shortcuts is None else report.shortcuts.splits
    mine = [split for split in splits if (split.property, split.having) == (cause.name, cause.having)]
    told = [
        (split.model, right_on(report, split, having=True), right_on(report, split, having=False)) for split in mine
    ]
    if not told:
        return []
    model, these, others = told[0]
    first = f"{model} is correct on {these} of these photos and on {others} of the others"
    return [f"{', '.join([first, *(f'{model} on {these} and {others}' for model, these, others in told[1:])])}."]


def right_on(report: Report, split: PredictionSplit, *, having: bool) -> str:
    """Share of correct predictions on the photos with a property, or on the others."""
    right = split.right_having if having else split.right_lacking
    which = split.having if having else f"not {split.having}"
    return report.stated.number(percent(right.value), "accuracy on photos", split.model, which)


def _next(report: Report, rest: Sequence[Damage]) -> str:
    """What else was proved, the largest damage first, as in "Next: ResNet18 relies on colour for sadness."."""
    claims = [_claim(report, damage) for damage in rest]
    more = len(claims) - _NEXT
    shown = claims[:_NEXT] + ([f"{number(more)} more"] if more > 0 else [])
    return f"Next: {'; '.join(shown)}." if shown else ""


def _claim(report: Report, damage: Damage) -> str:
    gap = damage.finding
    if isinstance(gap, GroupGap):
        if not gap.emotion:
            return group_claim(report, [damage.model], gap).removesuffix(".")
        where = group_words(gap.grouping, gap.level, report.groups).removeprefix("photos ")
        return f"{damage.model} misses {gap.emotion} more often {where}"
    if isinstance(damage.finding, Leakage):
        return f"the accuracy of {damage.model} is inflated, as training leaked into the test set"
    return f"{damage.model} relies on {cue_words(damage)} for {damage.emotion}"


def _glaring(report: Report, otherwise: str) -> Headline | None:
    if report.importance is not None and report.importance.tested:
        return None
    strong = [v for v in (report.regions.backgrounds() if report.regions else ()) if v.value >= GLARING]
    if not strong:
        return None
    most = max(strong, key=lambda verdict: verdict.value)
    emotions = and_list([verdict.emotion for verdict in strong if verdict.model == most.model])
    at = f": the {most.place}" if most.place else ""
    return Headline(f"{most.model} has much heat on the background for {emotions}{at}.", otherwise)
