"""The page about shortcuts: what was proved, what was done to prove it, and what gives labels away in the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.shortcuts.added_cues import MIN_GAIN, SWAPPED, cannot_be_changed
from reportgen.evidence.shortcuts.causes import Cause
from reportgen.evidence.shortcuts.findings import Shortcut, ShortcutFindings
from reportgen.evidence.shortcuts.interventions import MIN_RECALL_DROP
from reportgen.evidence.shortcuts.properties import Association, PredictionSplit, photos_having
from reportgen.inputs.images.changes import CHANGES
from reportgen.site.html.components import BeforeAfter, Legend, Link, Page, Tile, series_of
from reportgen.site.image_facets import image_facets
from reportgen.site.interactive.before_after import ProofPictures, lost_pairs, turned_pairs
from reportgen.site.interactive.photo_strips import PhotoStrip, source_strip
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pictures.shortcuts import ShortcutPictures
from reportgen.site.report import Report
from reportgen.site.sections.backgrounds import BackgroundSwaps, background_swaps
from reportgen.site.sections.hidden_cues import HiddenCues, hidden_cues
from reportgen.site.sections.interventions import Change, change_view, example_tile
from reportgen.site.sections.label_leakage import (
    ClusterModel,
    Duplicates,
    PropertyTable,
    clusters_view,
    duplicates_view,
    property_table,
)
from reportgen.site.sections.marks import Marks, marks_view
from reportgen.site.sections.performance.repairs import RepairPreviews, repair_previews
from reportgen.site.tiles import Tiles
from reportgen.site.wording.cue_places import look_there, place_of, place_sentence
from reportgen.site.wording.damages import cause_sentence, leading_claim, right_on
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    format_p,
    number,
    number_or_none,
    percent,
    percent_interval,
    plain,
    plural,
)
from reportgen.site.wording.performance.groups import matched_shares
from reportgen.site.wording.shortcuts import (
    ADDED,
    CUES,
    DONE,
    heat_place,
    proved,
    shortcut_sentence,
    split_words,
    state_cues,
    state_none,
)
from reportgen.types import BoolArray

__all__ = ["ProvedShortcut", "ShortcutsView", "shortcuts_view"]

_NO_PROOF = 2  # pairs of photos without the property, beside those with it that are the proof


@dataclass(frozen=True)
class ProvedShortcut:
    """One proved shortcut: the claim, its sentences, and images before and after with what the model predicts.

    Attributes
    ----------
    turned, added, chosen
        Images of other emotions that the property turned, what was added to them, and which of all they are.
    pairs, done, detail, more
        Images of the emotion that are lost without it, what was done to them, what came of it, and which they are.
    """

    anchor: str
    series: str
    title: str
    sentence: str
    turned: tuple[BeforeAfter, ...]
    added: str
    chosen: str
    pairs: tuple[BeforeAfter, ...]
    done: str
    detail: str
    more: str
    link: Link


@dataclass(frozen=True)
class PredictionSplitRow:
    """One model's photos with a property, or without: how many are correct, and predicted as what relies on it."""

    series: str
    model: str
    photos: str
    n: str
    right: str
    interval: str
    called: tuple[str, ...]


@dataclass(frozen=True)
class SplitTable:
    """Plain counts by one property, and what it goes with, with its photos in a strip.

    Attributes
    ----------
    persons
        Where few persons have the property: each, its photos in the explorer, and how many of them have it.
    matched
        Shares of correct predictions at the same mix of emotions, where they were compared.
    emotions
        Head the columns of predictions.
    """

    anchor: str
    title: str
    cause: str
    persons_anchor: str
    persons: tuple[tuple[str, str, str], ...]
    strip: PhotoStrip | None
    matched: str
    emotions: tuple[str, ...]
    rows: tuple[PredictionSplitRow, ...]


@dataclass(frozen=True)
class ShortcutsView:
    """`shortcuts.html`. `keys`: each model's series, name and page; `contents`: anchor and heading of its sections."""

    page: Page
    title: str
    lede: str
    empty: str
    found: tuple[ProvedShortcut, ...]
    splits: tuple[SplitTable, ...]
    example: Tile | None
    changes: tuple[Change, ...]
    keys: tuple[tuple[str, str, str], ...]
    shown: tuple[str, ...]
    limit: str
    untested: str
    properties: PropertyTable | None
    duplicates: Duplicates
    clusters: tuple[ClusterModel, ...]
    clusters_empty: str
    legend: Legend
    backgrounds: BackgroundSwaps | None
    components: HiddenCues
    marks: Marks
    repairs: RepairPreviews | None
    contents: tuple[tuple[str, str], ...]


def shortcuts_view(
    report: Report,
    links: Links,
    tiles: Tiles,
    legends: Legends,
    findings: ShortcutFindings,
    drawn: ProofPictures,
) -> ShortcutsView:
    """The page for one report."""
    pictures = drawn.shortcuts
    clusters, clusters_empty = clusters_view(report, links, tiles, findings)
    found = tuple(_found(report, links, shortcut, pictures) for shortcut in proved(report, Shortcut))
    backgrounds, repairs = background_swaps(report, links, drawn.backgrounds), repair_previews(report)
    sections = (
        ("found", "Shortcuts that were proved", bool(found)),
        ("recall", "Recall before and after", bool(findings.effects)),
        ("backgrounds", "Backgrounds swapped", backgrounds is not None),
        ("marks", "What photos share", True),
        ("components", "Cues nobody listed", True),
        ("repairs", "What a repair would bring", repairs is not None),
    )
    return ShortcutsView(
        page=Page("Shortcuts", "What gives the labels away beside the face, and which model relies on it", "Shortcuts"),
        title=_title(report, findings),
        lede=_lede(findings),
        empty="" if report.labelled else "No image has a label, so nothing can give it away or be tested.",
        found=found,
        splits=_splits(report, links, tiles, findings),
        example=None
        if pictures is None
        else example_tile(report, links, pictures, "", "As it is", "what the models see"),
        changes=tuple(
            change_view(report, links, findings, name, pictures)
            for name in CHANGES
            if any(effect.change == name for effect in findings.effects)
        ),
        keys=tuple((series_of(k), model.name, links.model_path(k)) for k, model in enumerate(report.models)),
        shown=_shown(report, findings),
        limit="No finding does not mean no shortcut: only these properties were changed." if findings.effects else "",
        untested=_untested(report, findings),
        properties=property_table(report, links, findings),
        duplicates=duplicates_view(report, links, tiles, findings),
        clusters=clusters,
        clusters_empty=clusters_empty,
        legend=legends.maps(),
        backgrounds=backgrounds,
        components=hidden_cues(report, links, drawn.components),
        marks=marks_view(report, links, drawn.marks),
        repairs=repairs,
        contents=tuple((anchor, heading) for anchor, heading, shown in sections if shown),
    )


def _title(report: Report, findings: ShortcutFindings) -> str:
    claim = leading_claim(report)
    if claim:
        return claim
    if not report.labelled:
        return "Shortcuts need labels to be found."
    if not findings.effects and report.experiments and len(findings.idle) == len(CHANGES):
        return "No measured property of the photo was shown to go with an emotion."
    if not findings.effects:
        return "Whether the models take shortcuts through the photo was not tested."
    state_none(report, findings.effects)
    return "No shortcut through the photo was shown."


def _lede(findings: ShortcutFindings) -> str:
    if not findings.effects:
        return "What beside the expression goes with a label in these photos, and which model relies on it."
    return f"{count(findings.shown, 'image')} were shown again without one property at a time, others with it added."


def _shown(report: Report, findings: ShortcutFindings) -> tuple[str, ...]:
    """What was shown again; when a drop is a shortcut; what was not tested: a paragraph each."""
    if not findings.effects:
        return ()
    idle = _idle(report, findings).strip()
    return (
        f"{count(findings.shown, 'image')} were shown again: all of small emotions, a random sample of large ones. "
        f"A drop counts from {100 * MIN_RECALL_DROP:.0f} points on, tested for chance (exact McNemar test, where "
        "persons are known a sign-pair test of persons; corrected for all pairs of emotion and change that could be a "
        "shortcut).",
        "It is called a shortcut only if the property goes with the emotion in the data and a test with "
        "proper controls shows it: recall falls further than that of other emotions whose photos the change alters "
        "too and, where it could be made, than with another change of the same size (the neutral change: a ramp of "
        "light; where a face was moved, the whole photo shifted as far in another direction); or the "
        f"property, added to photos of other emotions, turns at least {100 * MIN_GAIN:.0f} percentage points more of "
        "them into the emotion than such another change does, and far more than into any emotion without the "
        "property, while the fall points the same way. Where adding it cannot be done or does not tell, the emotion "
        "must lose more than every other. A model that loses as much elsewhere is fragile.",
        *([idle] if idle else []),
    )


def _idle(report: Report, findings: ShortcutFindings) -> str:
    """Changes that the data gave no reason for, and properties that no change takes away."""
    idle = [CUES[name] for name in findings.idle]
    text = f" Not tested, as none was shown to go with an emotion here: {and_list(idle)}." if idle else ""
    fixed = _with_emotions(report, cannot_be_changed(findings.links))
    if fixed:
        text += f" Photos of some emotions are {fixed}: no change takes that out of a photo, so it was not tested."
    swapped = _with_emotions(report, [k for k in findings.links if k.answer == "yes" and k.name in SWAPPED])
    if swapped:
        text += f" Tested by swapping backgrounds instead: {swapped}."
    return text


def _with_emotions(report: Report, links: Sequence[Association]) -> str:
    """As in "of lower JPEG quality (disgust and sadness) and narrower (disgust)"."""
    more = {item.name: item for item in report.properties}
    told: dict[str, list[str]] = {}
    for link in links:
        item = more[link.name]
        told.setdefault(item.more if link.sign > 0 else item.less, []).append(link.emotion)
    return and_list([f"{what} ({and_list(emotions)})" for what, emotions in told.items()])


def _untested(report: Report, findings: ShortcutFindings) -> str:
    if findings.effects or not report.labelled:
        return ""
    if report.experiments and len(findings.idle) == len(CHANGES):
        return f"No property of the photo was changed.{_idle(report, findings)}"
    return (
        "No changed pictures were shown to the models (setting: experiments = off), so whether they rely on "
        "the cues in the data was not tested."
    )


def _found(report: Report, links: Links, shortcut: Shortcut, pictures: ShortcutPictures | None) -> ProvedShortcut:
    k = [model.name for model in report.models].index(shortcut.model)
    state_cues(report, (damage for damage in report.damages if damage.finding is shortcut))
    turned = () if pictures is None else turned_pairs(report, links, shortcut, pictures)
    pairs = () if pictures is None else lost_pairs(report, links, shortcut, pictures)
    if turned and not shortcut.removed:
        pairs = pairs[:_NO_PROOF]
    lost, known = len(shortcut.images), round(shortcut.before.value * shortcut.n)
    named = shortcut.persons is not None and report.names_persons
    where = heat_place(report, shortcut)
    at = f" Heat for {shortcut.emotion} lies on {where} more than for other emotions." if where else ""
    place = place_of(report, shortcut)
    located = "" if place is None else f"{place_sentence(place, DONE[place.change])} {look_there(place)}"
    more = f"{len(pairs)} of {lost} lost images, the most confident first."
    persons = count(shortcut.persons or 0, "person")
    if shortcut.removed:
        detail = (
            f"Of {count(known, 'image')} classified correctly before, {lost} are lost ({percent(shortcut.strength)}); "
            f"corrected {format_p(shortcut.p)}, n = {count(shortcut.n, 'image')}{f' of {persons}' if named else ''}."
        )
    else:
        of = f"{number(shortcut.n)}, {persons}" if named else number(shortcut.n)
        detail = (
            f"{capital(DONE[shortcut.change])}, {number_or_none(known - lost)} of {number(known)} correct "
            f"{plural(known, 'image', 'images')} (of {of}) {plural(known - lost, 'stays', 'stay')} correct: no proof "
            "by itself."
        )
        more = f"The {len(pairs)} surest." if pairs else ""
    return ProvedShortcut(
        anchor=links.shortcut_anchor(shortcut.model, shortcut.emotion, shortcut.change),
        series=series_of(k),
        title=f"{shortcut.model} relies on {CUES[shortcut.change]} for {shortcut.emotion}",
        sentence=f"{shortcut_sentence(report, shortcut)} {located}".strip(),
        turned=turned,
        added=f"with {ADDED[shortcut.change]}" if turned else "",
        chosen=_chosen(shortcut, len(turned), named=named),
        pairs=pairs,
        done=DONE[shortcut.change],
        detail=f"{detail}{at}",
        more=more if len(pairs) < lost else "",
        link=Link(f"The page of {shortcut.emotion}", links.emotion_path(report.classes.index(shortcut.emotion))),
    )


def _chosen(shortcut: Shortcut, shown: int, *, named: bool) -> str:
    """Which of the photos that the property turned are shown, as in "4 of these 87, varied in label and person"."""
    added = shortcut.added
    if added is None or not shown:
        return ""
    turned = len(added.images)
    these = f"these {number(turned)}" if turned == added.became else f"{number(turned)} that only the property turns"
    varied = f", varied in label{' and person' if named else ''}" if shown < turned else ""
    return f"{number(shown)} of {these}{varied}."


def _splits(report: Report, links: Links, tiles: Tiles, findings: ShortcutFindings) -> tuple[SplitTable, ...]:
    """A table for each property that a shortcut rests on, over the models that rely on it."""
    names = [model.name for model in report.models]
    tables = []
    for key in dict.fromkeys((split.property, split.having) for split in findings.splits):
        splits = [split for split in findings.splits if (split.property, split.having) == key]
        emotions = tuple(dict.fromkeys(emotion for split in splits for emotion, *_ in split.predictions))
        rows = []
        for split in splits:
            counted = (*split.predictions, *split.beside)
            with_it = {emotion: having for emotion, _, having in counted}
            without = {emotion: answered - having for emotion, answered, having in counted}
            for emotion, predicted, _ in counted:
                of = split.model, split.property, emotion
                report.stated.number(number(predicted), "photos of the split predicted as", *of)
            for having, photos, n, right, numbers in (
                (True, split_words(split)[0], split.n_having, split.right_having, with_it),
                (False, split_words(split)[1], split.n_lacking, split.right_lacking, without),
            ):
                which = split.having if having else f"not {split.having}"
                report.stated.number(number(n), "photos", which)
                rows.append(
                    PredictionSplitRow(
                        series_of(names.index(split.model)),
                        split.model,
                        photos,
                        number(n),
                        right_on(report, split, having=having),
                        percent_interval(right) if n else "",
                        tuple(number(numbers[emotion]) for emotion in emotions),
                    )
                )
        cause = next((c for c in findings.causes if (c.name, c.having) == key and c.known), None)
        told = "" if cause is None else cause_sentence(report, cause)
        strip = None if cause is None else source_strip(report, links, tiles, cause, splits)
        called = splits[0].having
        tables.append(
            SplitTable(
                anchor=links.cause_anchor(called),
                title=f"Predictions by {splits[0].property}",
                cause=told,
                persons_anchor=links.persons_anchor(called),
                persons=_persons(report, links, cause) if cause is not None and cause.few_persons else (),
                strip=strip,
                matched=_matched(report, splits),
                emotions=emotions,
                rows=tuple(rows),
            )
        )
    return tuple(tables)


def _persons(report: Report, links: Links, cause: Cause) -> tuple[tuple[str, str, str], ...]:
    """Who is in the photos with a property, most photos first."""
    has, person = _photos_of(report, cause.name, cause.having), report.analysis.images["person"]
    facet = next((one for one in image_facets(report) if one.kind == "person"), None)
    slugs = dict(zip(facet.names, facet.slugs, strict=True)) if facet is not None else {}
    counts = person[has & (report.labels >= 0)].dropna().map(lambda name: plain(str(name))).value_counts()
    ordered = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
    return tuple(
        (str(name), links.explorer(f"person:{slugs[name]}") if name in slugs else "", number(int(n)))
        for name, n in ordered
    )


def _matched(report: Report, splits: Sequence[PredictionSplit]) -> str:
    """What the page of groups tells of the same photos, as its numbers are others."""
    models = [split.model for split in splits]
    return matched_shares(report, models, _photos_of(report, splits[0].property, splits[0].having))


def _photos_of(report: Report, name: str, having: str) -> BoolArray:
    """(n,) photos with a property; none where it is not known any more."""
    parts = [photos_having(item, sign) for item in report.properties if item.name == name for sign in (1, -1)]
    return next((has for has, what, _ in parts if what == having), np.zeros(len(report.labels), dtype=bool))
