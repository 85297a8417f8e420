"""The page about groups: for which photos a model is wrong more often than for others of the same emotions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.damage import same_photos
from reportgen.evidence.groups.gaps import LEAST_PHOTOS
from reportgen.evidence.groups.groupings import Grouping, alike
from reportgen.evidence.groups.importance import LEAST_FACES
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.groups.same_photos import ToldGap, told_once
from reportgen.evidence.shortcuts.causes import Cause
from reportgen.evidence.shortcuts.properties import photos_having
from reportgen.evidence.stats.intervals import MIN_PERSONS
from reportgen.site.html.components import Link, Page, series_of
from reportgen.site.links import Links
from reportgen.site.pictures.examples import Picture
from reportgen.site.plots.group_forest import group_alt, group_rows
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.damages import cause_sentence, inseparable
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    fixed,
    number,
    number_or_none,
    percent,
    plural,
    points,
)
from reportgen.site.wording.models import named_models
from reportgen.site.wording.performance.groups import (
    MEASURED,
    assessed,
    compared_with,
    gap_points,
    gap_sentence,
    group_words,
    grouping_words,
    note_of,
    p_words,
    same_group_words,
    wide,
    worst_group,
)
from reportgen.site.wording.shortcuts import CUES

__all__ = ["GroupsView", "group_steps", "groups_view"]

_NAMED = 6


@dataclass(frozen=True)
class GapRow:
    """One group, or one emotion of it; `strong` where the gap is proven."""

    label: str
    score: str
    photos: str
    own: str
    others: str
    plain: str
    gap: str
    p: str
    answer: str
    strong: bool
    note: str


@dataclass(frozen=True)
class GroupModel:
    """One model: sentences on what is proven, the plot, and tables of groups and of emotions.

    `counted` says how many groups there are and how many gaps are proven.
    """

    series: str
    model: str
    anchor: str
    told: tuple[str, ...]
    forest: tuple[Picture, Picture] | None
    alt: str
    rows: tuple[GapRow, ...]
    counted: str
    emotions: tuple[GapRow, ...]
    emotions_said: str
    mixed: tuple[str, ...]


PersonRow = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class GroupsView:
    """`groups.html`.

    Attributes
    ----------
    causes
        What proven sources of gaps go with, where a shortcut tells it, and that it cannot be told apart; with the
        photos.
    odds, odds_by_chance
        Per grouping its name and a cell for each of `models`: where a model's difference is wider than chance makes it,
        and all others.
    pairs, regions
        Sentences on intersections and on region importance; `..._said` says what was and was not tested.
    persons
        Per model with any, its series and name, and per person: the person, its page, photos, correct, expected.
    measured
        What is measured, and how.
    """

    page: Page
    title: str
    lede: str
    assessed: str
    keys: tuple[tuple[str, str, str], ...]
    causes: tuple[tuple[str, Link], ...]
    models: tuple[GroupModel, ...]
    odds: tuple[tuple[str, tuple[str, ...]], ...]
    odds_by_chance: tuple[tuple[str, tuple[str, ...]], ...]
    pairs: tuple[str, ...]
    pairs_said: str
    regions: tuple[str, ...]
    regions_said: str
    persons: tuple[tuple[str, str, tuple[PersonRow, ...]], ...]
    measured: tuple[tuple[str, str], ...]


Forests = Sequence[tuple[Picture, Picture] | None]
"""By model, for light and for dark pages."""


def groups_view(report: Report, links: Links, found: GroupFindings, forests: Forests) -> GroupsView:
    """The page for one report."""
    names = [model.name for model in report.models]
    return GroupsView(
        page=Page("Groups", "For which groups of photos the models are wrong more often than for others", "Groups"),
        title=worst_group(report) or "No group of photos was shown to fare worse than others of the same emotions.",
        lede=(
            f"{count(found.tested, 'gap')} of groups to other photos of the same emotions "
            f"{plural(found.tested, 'was', 'were')} tested. A gap counts where it is shown to be wider than {wide()}."
        ),
        assessed=assessed(report),
        keys=tuple((series_of(k), model.name, links.model_path(k)) for k, model in enumerate(report.models)),
        causes=_causes(report, links, found),
        models=tuple(_model(report, found, k, forests[k]) for k in range(len(names))),
        odds=_odds(found, names, wide=True),
        odds_by_chance=_odds(found, names, wide=False),
        pairs=_pairs(found),
        pairs_said=_pairs_said(found),
        regions=_regions(found),
        regions_said=_regions_said(found),
        persons=_persons(report, links, found, names),
        measured=tuple((name, how) for name, how in MEASURED.items() if any(g.name == name for g in found.groupings)),
    )


def _causes(report: Report, links: Links, found: GroupFindings) -> tuple[tuple[str, Link], ...]:
    """What the photos of a proven group have in common, where a shortcut was traced to just these photos."""
    told: dict[str, Link] = {}
    items = {item.name: item for item in report.properties}
    causes = () if report.shortcuts is None else report.shortcuts.causes
    for one in found.gaps:
        for cause in causes if one.worse and not one.emotion else ():
            has = photos_having(items[cause.name], cause.sign)[0] if cause.name in items else None
            if has is not None and cause.known and same_photos(found.photos(one), has):
                what = group_words(one.grouping, one.level, found)
                lead = "" if what == f"photos {cause.having}" else f"{capital(what)} are those {cause.having}. "
                parts = inseparable(cause), _tested(report, cause), f"{lead}{cause_sentence(report, cause)}"
                told[" ".join(filter(None, parts))] = Link("These photos, and the test", links.cause_path(cause.having))
    return tuple(told.items())


def _tested(report: Report, cause: Cause) -> str:
    """That the cue was changed alone, which no comparison of groups can do, and for whom that proved something."""
    mine = [] if report.shortcuts is None else [one for one in report.shortcuts.found if cause.name in one.properties]
    if not mine:
        return ""
    names = [model.name for model in report.models if any(one.model == model.name for one in mine)]
    cues = and_list(list(dict.fromkeys(CUES[one.change] for one in mine)))
    who = named_models(report, names)
    return f"Changing {cues} alone shows that {who} {plural(len(names), 'relies', 'rely')} on it."


def _model(
    report: Report, found: GroupFindings, k: int, forest: tuple[Picture, Picture] | None
) -> GroupModel:  # fmt: skip
    model = report.models[k]
    overall = found.overall(model.name)
    emotions = [one for one in found.gaps if one.model == model.name and one.emotion]
    tested = [one for one in emotions if one.gap.testable]
    strong = sorted((one for one in tested if one.answer == "yes"), key=lambda one: one.gap.value)
    said = (
        f"{number(len(tested))} gaps in recall and precision could be tested, of {number(len(emotions))}: "
        f"{number_or_none(len(strong))} {plural(len(strong), 'is', 'are')} proven."
        if tested
        else "No emotion has enough photos and persons in any group and outside of it."
    )
    once = told_once(found, overall)
    worse = sorted((one for one in once if one.gap.worse), key=lambda one: one.gap.gap.value)
    return GroupModel(
        series=series_of(k),
        model=model.name,
        anchor=model.slug,
        told=tuple(_told(report, found, one) for one in worse[:_NAMED]),
        forest=forest,
        alt=group_alt(model.name, group_rows(found, model.name), found),
        rows=tuple(_row(found, one) for one in once),
        counted=f"{count(len(once), 'group')}, {number_or_none(sum(one.gap.answer == 'yes' for one in once))} proven",
        emotions=tuple(_row(found, one) for one in told_once(found, strong)),
        emotions_said=said,
        mixed=tuple(_mixed(found, one.gap) for one in once if one.gap.by_mix),
    )


def _told(report: Report, found: GroupFindings, one: ToldGap) -> str:
    """The numbers of a proven gap, what else its photos are, and what it goes with."""
    parts, same, through = [gap_sentence(report, one.gap)], same_group_words(found, one), one.gap.through
    if same:
        parts.append(f"The same photos, or nearly: those {same}.")
    if through is not None:
        parts.append(f"Without {group_words(*through, found)} it is not shown any more.")
    return " ".join(parts)


def _mixed(found: GroupFindings, one: GroupGap) -> str:
    """As in "Photos with the head raised: −11 points as they are, −2 [−10, 6] with the same mix of emotions."."""
    return (
        f"{capital(group_words(one.grouping, one.level, found))}: {points(one.plain.value, 0)} as they are, "
        f"{gap_points(one.gap)} at the same mix of emotions."
    )


_ANSWERS = {"undetermined": "inconclusive", "insufficient evidence": "too few photos or persons"}


def _row(found: GroupFindings, told: ToldGap) -> GapRow:
    one, mirrored = told.gap, told.mirrored
    gap, same = one.gap, same_group_words(found, told)
    compared = gap.testable
    having = -1 if one.emotion else found.having(one.grouping, one.level)
    whole = having in (-1, one.photos)
    notes = [
        "" if whole else f"{number(having)} of them {found.called(one.grouping, one.level)}",
        note_of(one, found),
        f"the same photos: {same}" if same else "",
        compared_with(gap) if compared else "",
    ]
    if mirrored is not None and mirrored.gap.testable and not one.emotion:
        notes.append(
            f"the other way round, at the others' mix of emotions: {gap_points(mirrored.gap)}, "
            f"{_ANSWERS.get(mirrored.answer, mirrored.answer)}"
        )
    return GapRow(
        label=capital(group_words(one.grouping, one.level, found)).removeprefix("Photos "),
        score=f"{one.score} of {one.emotion}" if one.emotion else "accuracy",
        photos=number(one.photos),
        own=percent(gap.own) if compared else "–",
        others=percent(gap.others) if compared else "–",
        plain=points(one.plain.value, 0, unit="") if math.isfinite(one.plain.value) else "–",
        gap=gap_points(gap) if compared else "–",
        p=p_words(one.p),
        answer=_ANSWERS.get(one.answer, one.answer),
        strong=one.answer == "yes",
        note="; ".join(filter(None, notes)),
    )


def _odds(found: GroupFindings, names: Sequence[str], *, wide: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Groupings with a difference that is wider than by chance; or those without."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    for k, grouping in enumerate(found.groupings):
        if any(_same_parts(grouping, other) for other in found.groupings[:k]):
            continue
        own = {one.model: one for one in found.odds if one.grouping == grouping.name}
        if any(one.difference > one.chance for one in own.values()) != wide:
            continue
        cells = []
        for name in names:
            one = own.get(name)
            if one is None or not math.isfinite(one.difference):
                cells.append("–")
                continue
            cells.append(
                f"{points(one.difference, 0, sign=False)} ({one.of} of {one.emotion}: "
                f"highest {_level(grouping, one.high)}, lowest {_level(grouping, one.low)}); by chance up to "
                f"{points(one.chance, 0, sign=False, unit='')}"
            )
        if any(cell != "–" for cell in cells):
            rows.append((capital(grouping_words(grouping.name)), tuple(cells)))
    return tuple(rows)


def _same_parts(one: Grouping, other: Grouping) -> bool:
    """Whether two groupings part the photos (nearly) alike."""
    if len(one.levels) != len(other.levels):
        return False
    parts = range(len(one.levels))
    return all(any(alike(one.photos(k), other.photos(m)) for m in parts) for k in parts)


def _level(grouping: Grouping, level: str) -> str:
    """A group beside others of its grouping."""
    called = grouping.called[grouping.levels.index(level)] if grouping.called and level in grouping.levels else ""
    return called or level


def _pairs(found: GroupFindings) -> tuple[str, ...]:
    told = []
    for one in found.intersections:
        first, second = group_words(*one.first, found), group_words(*one.second, found).removeprefix("photos ")
        told.append(
            f"{one.model}, {first} and {second}: {gap_points(one.beside_first)} points beside the rest of the first, "
            f"{gap_points(one.beside_second)} beside the rest of the second, {p_words(one.p)} "
            f"({'proven' if one.worse else 'not shown'})."
        )
    return tuple(told)


def _pairs_said(found: GroupFindings) -> str:
    how = (
        "In one half of the persons all pairs of groups were looked through; the worst of each model, three at most, "
        "were then tested in the other half, against the rest of either group."
    )
    if not found.intersections:
        return f"{how} No pair with enough photos in both halves fared worse than both of its groups."
    proven = sum(one.worse for one in found.intersections)
    return (
        f"{how} Of {count(len(found.intersections), 'pair')} tested {number_or_none(proven)} "
        f"{plural(proven, 'is', 'are')} proven to fare worse than either group alone."
    )


def _regions(found: GroupFindings) -> tuple[str, ...]:
    return tuple(
        f"{one.model}, {group_words(one.grouping, one.level, found)}: the {REGION_NAMES[one.region]} matters "
        f"{'more' if one.gap.value > 0 else 'less'} than in others, log-odds drop "
        f"{fixed(one.gap.own)} against {fixed(one.gap.others)}."
        for one in found.importance
        if one.differs
    )


def _regions_said(found: GroupFindings) -> str:
    if not found.importance:
        return (
            f"Not measured: it takes {LEAST_FACES} swapped faces or more in a group and outside of it, of the same "
            "emotions, and no face is swapped for this alone."
        )
    tested = len(found.importance)
    proven = sum(one.differs for one in found.importance)
    return (
        f"From the faces that were swapped for region importance, {number(tested)} differences between groups could be "
        f"tested; {number_or_none(proven)} {plural(proven, 'is', 'are')} proven."
    )


def _persons(
    report: Report, links: Links, found: GroupFindings, names: Sequence[str]
) -> tuple[tuple[str, str, tuple[PersonRow, ...]], ...]:
    persons = report.analysis.images["person"]
    rows: dict[str, list[PersonRow]] = {}
    for one in found.persons:
        right = f"{number(one.right)} ({percent(one.right / one.n)})"
        who, page = str(persons.iloc[one.row]), links.image_path(one.row)
        rows.setdefault(one.model, []).append((who, page, number(one.n), right, percent(one.expected)))
    return tuple((series_of(k), name, tuple(rows[name])) for k, name in enumerate(names) if name in rows)


def group_steps(report: Report) -> tuple[tuple[str, str], ...]:
    """How groups are compared, as title and sentences of each step; none where they were not."""
    if report.groups is None or not report.groups.gaps:
        return ()
    return (
        (
            "Photos are put into groups",
            "by the test set's own columns (many numbers in thirds), and by what is measured on the photos. "
            "Gender, race and age are never guessed: programs that read them off faces err more often for some people "
            "than for others, so a gap by guessed groups would be partly theirs, and what somebody is cannot be seen. "
            "The head's angles come from a mean face in three dimensions, made from this program's rendered demo faces "
            "and fitted to the landmarks; on other persons of these renders turn is off by 1.2, nod by 3.1 and tilt by "
            "0.5 degrees on average.",
        ),
        (
            "Like is compared with like:",
            "of every emotion with five photos of three persons or more on both sides, recall in the group less recall "
            "in the other photos, averaged over the group's own mix of emotions (direct standardisation). So a group "
            "with many photos of a hard emotion has no gap by that alone. Precision is compared with the other photos "
            "weighted to the group's mix of labels. Where at least half of a group's photos have a counterpart of the "
            "same person and emotion outside, persons are compared with themselves.",
        ),
        (
            "Persons are the unit",
            "where they are known. The standard error is by the sums of persons (CR2 and its degrees of freedom, Bell "
            "and McCaffrey 2002), and never less than no gap would give, with photos of one person as much alike as "
            f"over all persons. A group needs {LEAST_PHOTOS} photos of {MIN_PERSONS} persons.",
        ),
        (
            "A gap is proven",
            f"where it is shown to be wider than {wide()}; “no” where it is shown to be narrower. The chance of any "
            "wrong “yes” on the page is 5 %: half is for accuracy, three tenths for recall and precision, a tenth "
            "for intersections and a tenth for region importance, each corrected by Holm over groups and models.",
        ),
        (
            "Intersections",
            "are searched in one half of the persons and tested in the other. A pair must fare worse than the rest of "
            "its first group and worse than the rest of its second (intersection-union test, Berger 1982).",
        ),
        (
            "Equalised odds",
            "(Hardt, Price and Srebro 2016) is the widest difference between two groups in recall or in false alarms, "
            "over emotions; false alarms are weighted to the same mix of labels. Beside it stands what groups without "
            "any difference would show.",
        ),
    )
