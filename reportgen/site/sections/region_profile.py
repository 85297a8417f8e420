"""What defines one emotion: every model's regions beside people's, the guides' claim, and the facial actions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from reportgen.evidence.attention.facial_actions import ActionLink
from reportgen.evidence.attention.human_reference import ACTION_UNITS, HUMAN, NAIVE
from reportgen.evidence.attention.profiles import EmotionProfile
from reportgen.evidence.importance.background import decisive
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.attention import Attention
from reportgen.site.html.components import Number, series_of
from reportgen.site.links import Links
from reportgen.site.plots.face_diagram import FaceDiagram, face_diagram, shade
from reportgen.site.report import Report
from reportgen.site.sections.region_rows import RegionCell, region_cell
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.emotions import never_predicts
from reportgen.site.wording.format import and_list, capital, count, fixed, interval_text
from reportgen.site.wording.importance import barrier_words, odds_caution, odds_fall, odds_interval, rival_sentence

__all__ = [
    "ActionGroup",
    "ActionRow",
    "ProfileCell",
    "ProfileRow",
    "RegionProfile",
    "action_groups",
    "action_name",
    "counted_text",
    "region_profile",
]

_ACTIONS = 5
_IMPORTANT = {"yes": "important", "no": "not important", "undetermined": "", "cannot be tested": "cannot be tested"}
_WORDS = {"strong": "yes, specific", "some": "yes", "bad": "yes", "off": "no", "open": ""}


@dataclass(frozen=True)
class ProfileCell:
    """One region in one model: shade and number of the heat, whether it falls there, and what exchanging it costs.

    `words` and the note of `importance` are empty where undetermined; `importance` is None where it was not tested.
    """

    shade: str
    heat: RegionCell
    words: str
    importance: Number | None


@dataclass(frozen=True)
class ProfileRow:
    """One region, model by model, and people's."""

    region: str
    cells: tuple[ProfileCell, ...]
    people: str
    people_tone: str


@dataclass(frozen=True)
class RegionProfile:
    """One emotion's figure and tables.

    `checks`: a question, the answer per model, and what is known of people; `tested`: whether region importance was;
    `notes`: what is important for telling the emotion from one other, and why what cannot be tested. `specific`,
    `unsure`: whether the table has such cells to explain; `fewer`: why a region rests on fewer images; `caution`: that
    odds are no predictions.
    """

    faces: tuple[FaceDiagram, ...]
    rows: tuple[ProfileRow, ...]
    checks: tuple[tuple[str, tuple[str, ...], str], ...]
    models: tuple[tuple[str, str], ...]
    units: str
    human: bool
    tested: bool
    specific: bool
    unsure: bool
    fewer: str
    caution: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ActionRow:
    """One facial action; `less` where there is less of it."""

    action: str
    value: str
    interval: str
    less: bool


@dataclass(frozen=True)
class ActionGroup:
    """Facial actions that go with one thing, the strongest first."""

    title: str
    series: str
    measure: str
    rows: tuple[ActionRow, ...]
    empty: str


def region_profile(report: Report, links: Links, emotion: int) -> RegionProfile | None:
    """Where every model's heat falls for one emotion, beside people; None where nothing was measured of it."""
    attention, name = report.regions, report.classes[emotion]
    if attention is None or not report.close_images_of(emotion):
        return None
    if any(attention.profile(model.name, name) is None for model in report.models):
        return None
    human, importance, few = HUMAN.get(name), report.importance, report.close_images_of(emotion) < FEW
    rows = () if few else _rows(report, links, attention, name)
    cells = [cell for row in rows for cell in row.cells]
    return RegionProfile(
        faces=_faces(report, links, attention, emotion, few=few),
        rows=rows,
        checks=_checks(report, attention, name, few=few),
        models=tuple((series_of(k), model.name) for k, model in enumerate(report.models)),
        units=_units(human.action_units) if human else "",
        human=human is not None,
        tested=importance is not None and importance.tested,
        specific=any(cell.heat.tone == "strong" for cell in cells),
        unsure=any("" in (cell.words, cell.importance and cell.importance.note) for cell in cells),
        fewer="" if few else _fewer(report, emotion),
        caution="" if few else _caution(report, name),
        notes=_notes(report, name),
    )


def _notes(report: Report, name: str) -> tuple[str, ...]:
    found, notes = report.importance, list[str]()
    if found is None:
        return ()
    for model in report.models:
        mine = [one for one in found.regions if (one.model, one.emotion) == (model.name, name)]
        why = [barrier_words(one) for one in mine if one.answer == "cannot be tested" and one.region != "background"]
        notes += [f"Which parts of the face {model.name} relies on cannot be tested: {why[0]}."] if why else []
        notes += map(rival_sentence, found.strong_rivals(model.name, name))
    return tuple(notes)


def _caution(report: Report, name: str) -> str:
    """Beside the first odds of the page."""
    uses = () if report.importance is None else report.importance.regions
    return odds_caution([decisive(one) for one in uses if one.emotion == name])


def _people(name: str) -> dict[str, float]:
    """What people's eyes do for an emotion, by region; empty where that is not known."""
    human = HUMAN.get(name)
    return {"eyes+brows": human.eyes, "mouth": human.mouth} if human else {}


def _faces(report: Report, links: Links, attention: Attention, emotion: int, *, few: bool) -> tuple[FaceDiagram, ...]:
    """A face per model and, where known, people's."""
    name, people, faces = report.classes[emotion], _people(report.classes[emotion]), []
    for k, model in enumerate(report.models):
        profile = attention.profile(model.name, name)
        parts: dict[str, float] = {}
        if profile is not None and not few:
            named = zip(REGION_NAMES, profile.regions, strict=True)
            parts = {region: estimate.value for region, estimate in named if region != "face"}
        counted = "too few images" if few else _counted(report, attention, k, emotion)
        faces.append(
            face_diagram(model.name, parts, REGION_NAMES, series=series_of(k), href=links.model_path(k), note=counted)
        )
    if people:
        faces.append(face_diagram("people", people, REGION_NAMES, note="measured for eyes, brows and mouth only"))
    return tuple(faces)


def _counted(report: Report, attention: Attention, k: int, emotion: int) -> str:
    """How many images the model's numbers rest on, and why not on all: as in "30 of 31 images, 1 blank left out"."""
    model, name = report.models[k].name, report.classes[emotion]
    text, verdict = counted_text(attention, model, name), attention.on(model, name, "face")
    total = report.close_images_of(emotion)
    if verdict is None or verdict.n == total:
        return text
    blank = int((attention.findings.measures[k].own.null_map & (report.labels == emotion)).sum())
    why = f", {count(blank, 'blank map')} left out" if verdict.n + blank == total else ""
    return text.replace(count(verdict.n, "image"), f"{verdict.n:,} of {count(total, 'image')}{why}")


def _fewer(report: Report, emotion: int) -> str:
    """Eyes and brows are not judged on a face whose regions are an average face's."""
    faces = report.analysis.faces
    if faces is None:
        return ""
    guessed = sum(
        source == "template" and label == emotion
        for source, label in zip(faces.regions_from, report.labels.tolist(), strict=True)
    )
    if not guessed:
        return ""
    images, own = count(guessed, "image"), "its" if guessed == 1 else "their"
    return f"The row of eyes and brows leaves out {images} more, without landmarks of {own} own."


def counted_text(attention: Attention, model: str, emotion: str) -> str:
    """As in "38 images", or "12 persons on 38 images" where persons are known and count."""
    verdict = attention.on(model, emotion, "face")
    if verdict is None:
        return ""
    images = count(verdict.n, "image")
    return images if verdict.persons is None else f"{count(verdict.persons, 'person')} on {images}"


def _rows(report: Report, links: Links, attention: Attention, name: str) -> tuple[ProfileRow, ...]:
    people, rows = _people(name), []
    for index, (region, words) in enumerate(REGION_NAMES.items()):
        cells = []
        for k, model in enumerate(report.models):
            cell = region_cell(attention, model.name, name, region)
            cell = replace(cell, href=links.peaks_in(k, name, region))
            profile = attention.profile(model.name, name)
            value = math.nan if profile is None else profile.regions[index].value
            verdict = attention.on(model.name, name, region)
            said = _WORDS[cell.tone]
            if said.startswith("yes") and verdict is not None and verdict.place:
                said = f"yes: {verdict.place}"
            cells.append(ProfileCell(shade(value), cell, said, _importance(report, model.name, name, region)))
        known = region in people
        rows.append(
            ProfileRow(
                words,
                tuple(cells),
                fixed(people[region]) if known else "–",
                shade(people[region] if known else math.nan),
            )
        )
    return tuple(rows)


def _importance(report: Report, model: str, emotion: str, region: str) -> Number | None:
    """The transplant test's number, and the status that it gives the heat."""
    found = report.importance
    importance = None if found is None else found.region(model, emotion, region)
    if found is None or importance is None or importance.answer == "insufficient evidence":
        return None
    if not math.isfinite(importance.drop):
        return Number("", "–", "", _IMPORTANT[importance.answer], "untested")
    shown = decisive(importance)
    tone = shown.answer.replace(" ", "-")
    return Number("", odds_fall(report, shown), odds_interval(shown), _IMPORTANT[shown.answer], tone)


def _checks(
    report: Report, attention: Attention, name: str, *, few: bool
) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """Questions about the heat, each with an answer per model and what is known of people."""
    noted = []
    for k, model in enumerate(report.models):
        profile = attention.profile(model.name, name)
        if profile is not None:
            # Heat for a class that is never chosen earns no praise without saying so.
            never = never_predicts(report, k, report.classes.index(name))
            noted.append((profile, f"; never predicts {name}" if never else ""))

    def answers(words: Callable[[EmotionProfile], str]) -> tuple[str, ...]:
        return tuple("too few images" if few else words(profile) + note for profile, note in noted)

    human, naive = HUMAN.get(name), NAIVE.get(name)
    rows: list[tuple[str, tuple[str, ...], str]] = []
    if naive is not None:
        title = f"The simple table of many guides: {REGION_NAMES[naive]}"
        rows.append((title, answers(lambda profile: _naive(profile.naive, naive)), ""))
    if human is not None and human.required:
        needed = and_list([REGION_NAMES[region] for region in human.required])
        title = "Like people: heat on every region that people need"
        rows.append((title, answers(lambda profile: profile.human_like), needed))
    if human is not None and not few:
        ratios = tuple(_ratio(profile.eyes_to_mouth) for profile, _ in noted)
        rows.append(("Eyes and brows against the mouth", ratios, fixed(noted[0][0].human_eyes_to_mouth)))
    return tuple(rows)


def _ratio(ratio: Estimate) -> str:
    return interval_text(ratio.value, ratio.low, ratio.high) if ratio.defined else "–"


def _naive(answer: str, region: str) -> str:
    return {"yes": f"yes, above-average heat on the {REGION_NAMES[region]}", "no": "no, below-average heat there"}.get(
        answer, answer
    )


def _units(units: tuple[int, ...]) -> str:
    return and_list([f"{ACTION_UNITS[unit]} (AU {unit})" for unit in units if unit in ACTION_UNITS])


def action_name(action: str) -> str:
    """MouthSmileLeft as "mouth smile, left"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", action.strip("_")).lower().split()
    if words[-1] in ("left", "right") and len(words) > 2:
        return f"{' '.join(words[:-1])}, {words[-1]}"
    return "neutral face" if words == ["neutral"] else " ".join(words)


def action_groups(report: Report, emotion: int) -> tuple[ActionGroup, ...]:
    """Facial actions that go with the label and with each model's confidence; empty without actions."""
    attention, name = report.regions, report.classes[emotion]
    if attention is None:
        return ()
    links = [link for link in attention.findings.actions if link.emotion == name]
    if not links or not report.close_images_of(emotion):
        return ()
    groups = [_group(links, "", f"With the label {name}", "", "standard deviations more than in the other images")]
    for k, model in enumerate(report.models):
        title = f"With {model.name}'s probability for {name}"
        groups.append(_group(links, model.name, title, series_of(k), "rank correlation within these images"))
    return tuple(groups)


def _group(links: list[ActionLink], model: str, title: str, series: str, measure: str) -> ActionGroup:
    mine = [link for link in links if link.model == model]
    clear = sorted((link for link in mine if link.clear), key=lambda link: -abs(link.effect.value))[:_ACTIONS]
    rows = tuple(
        ActionRow(
            capital(action_name(link.action)),
            f"{link.effect.value:+.2f}".replace("-", "−"),
            f"[{link.effect.low:+.2f}, {link.effect.high:+.2f}]".replace("-", "−"),
            link.effect.value < 0,
        )
        for link in clear
    )
    n = max((link.effect.n for link in mine), default=0)
    empty = f"None of {len(mine)} actions goes with it significantly (n = {n:,})."
    return ActionGroup(title, series, f"{measure}, n = {n:,}", rows, "" if rows else empty)
