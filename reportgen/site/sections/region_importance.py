"""What one model really uses: the forest plot's words, the table behind it, the donor matrix, heat held against use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportgen.evidence.importance.background import BackgroundFinding, Status, decisive
from reportgen.evidence.importance.findings import ImportanceFindings, Swaps
from reportgen.evidence.importance.regions import MIN_DROP, MIN_PERSONS, RegionImportance
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.site.interactive.swap_player import SwapChoice, swap_choices
from reportgen.site.links import Links
from reportgen.site.pictures.examples import Picture
from reportgen.site.pictures.swap_player import PlayerFace
from reportgen.site.pictures.transplants import WorkedExample
from reportgen.site.plots.importance_forest import importance_alt, importance_rows
from reportgen.site.report import Report
from reportgen.site.sections.transplants import WorkedExampleView, worked_examples
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import and_list, capital, count, number, points, signed
from reportgen.site.wording.importance import (
    IMPORTANCE_WORDS,
    background_sentence,
    barrier_words,
    corrected,
    drop_of,
    fall_of,
    importance_anchor,
    importance_basis,
    importance_interval,
    odds_caution,
    swapped_as,
    the,
    used_regions,
)
from reportgen.site.wording.shortcuts import Proof, model_proofs

__all__ = [
    "DonorTable",
    "HeatStatus",
    "ImportanceCell",
    "ImportancePictures",
    "ImportanceSection",
    "importance_section",
]

_STATUSES: tuple[tuple[Status, str, str], ...] = (
    ("confirmed", "confirmed", "the region is important for that emotion"),
    ("contradicted", "contradicted", "swapping the region has no such effect: the two disagree"),
    ("undetermined", "inconclusive", "the test shows neither"),
    (
        "not tested",
        "not tested",
        "too few faces, too few that the model is shown to recognise, or a shortcut in the way",
    ),
)
_HIDDEN = "Faces are hidden in this report: the pictures swap their stand-ins, the numbers are the photos' own."
_OTHER = {"matched": "in the face's own light and colour", "unmatched": "as it is"}
_TOLD = ("uses it", "uses a little", "looks only", "cannot be tested")
# Gap from which on a cell of the donor matrix has the strongest tint.
_MOST = 2.0


@dataclass(frozen=True)
class ImportancePictures:
    """What is drawn for one model: the forest plot for light and for dark pages, the worked examples, and
    what the player shows.
    """

    forest: tuple[Picture, Picture] | None = None
    worked: tuple[WorkedExample, ...] = ()
    player: tuple[PlayerFace, ...] = ()


@dataclass(frozen=True)
class ImportanceCell:
    """One row of the table: an emotion and a region. `id`: what links to the row name; `strong`: used; `order`: what
    the columns are sorted by; `other`: the other of two swaps, where there were two.
    """

    id: str
    emotion: str
    href: str
    region: str
    sign: str
    answer: str
    strong: bool
    gap: str
    interval: str
    recall: str
    p: str
    faces: str
    donors: str
    other: str
    order: tuple[float, float, float]


@dataclass(frozen=True)
class DonorTable:
    """The gap by the donors' emotions for one region; a cell is text, tint 0..10 and the same in words."""

    region: str
    rows: tuple[tuple[str, tuple[tuple[str, int, str], ...]], ...]


@dataclass(frozen=True)
class HeatStatus:
    """Where heat falls beyond doubt, sorted by what the transplant test says of it."""

    status: str
    meaning: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class ImportanceSection:
    """The model page's sections on use; `empty` says why there is nothing but itself and `proofs`, shortcuts and
    backgrounds.
    """

    proofs: tuple[Proof, ...]
    empty: str
    lede: str
    caution: str
    notes: tuple[str, ...]
    forest: tuple[Picture, Picture] | None
    forest_alt: str
    untested: str
    least: str
    people: bool
    rows: tuple[ImportanceCell, ...]
    other: bool
    emotions: tuple[str, ...]
    donors: tuple[DonorTable, ...]
    donor_note: str
    worked: tuple[WorkedExampleView, ...]
    choices: tuple[SwapChoice, ...]
    hidden: str
    statuses: tuple[HeatStatus, ...]
    basis: str


def importance_section(report: Report, links: Links, k: int, pictures: ImportancePictures) -> ImportanceSection | None:
    """The sections of model `k`; None where neither regions nor labels are known."""
    found, model = report.importance, report.models[k]
    if found is None:
        return None
    uses = [importance for importance in found.regions if importance.model == model.name]
    rows, swaps = importance_rows(uses, report.classes), found.swaps.get(model.slug)
    others = _other_swaps(uses)
    missing = [name for name in report.classes if name not in {row.emotion for row in rows}]
    return ImportanceSection(
        proofs=model_proofs(report, links, k),
        empty="" if rows else _empty(report),
        lede=_lede(model.name, uses),
        caution=odds_caution(_lost(uses)),
        notes=(
            *_without_cue(uses),
            *_backgrounds(found.backgrounds, model.name),
            *filter(None, map(_through_colour, uses)),
        ),
        forest=pictures.forest,
        forest_alt=importance_alt(model.name, rows),
        untested=" ".join(
            filter(None, (_untested(missing), _barred([use for use in uses if use.emotion not in missing])))
        ),
        least=f"{MIN_DROP:g}",
        people=any(any(row.people) for row in rows),
        rows=tuple(_cell(report, links, one, others) for row in rows for one in row.regions),
        other=bool(others),
        emotions=report.classes,
        donors=() if swaps is None else _donors(report, swaps, [use for row in rows for use in row.regions]),
        donor_note="" if swaps is None else _donor_note(swaps),
        worked=worked_examples(report, links, k, pictures.worked),
        choices=swap_choices(report, links, pictures.player),
        hidden="" if report.privacy == "none" else _HIDDEN,
        statuses=_statuses(report, found, model.name),
        basis=importance_basis(found, model.slug),
    )


def _empty(report: Report) -> str:
    if not report.experiments:
        return (
            "Not tested: this report was made with “experiments off”, so only the heat is known. Build again "
            "without it to measure region importance."
        )
    return (
        f"Not tested: no emotion has {MIN_PERSONS} labelled faces with landmarks of their own to swap regions between."
    )


def _untested(missing: Sequence[str]) -> str:
    if not missing:
        return ""
    return f"Not tested: {and_list(missing)}, with fewer than {MIN_PERSONS} faces to swap regions between."


def _barred(uses: Sequence[RegionImportance]) -> str:
    """For which emotions no part of the face can be tested, and why."""
    barred: dict[str, dict[str, RegionImportance]] = {}
    for use in uses:
        if use.answer == "cannot be tested" and use.region != "background":
            barred.setdefault(use.barrier, {}).setdefault(use.emotion, use)
    return " ".join(
        f"Cannot be tested: {and_list(list(found))}, as {barrier_words(next(iter(found.values())), list(found))}."
        for found in barred.values()
    )


def _without_cue(uses: Sequence[RegionImportance]) -> tuple[str, ...]:
    """For which emotions the parts of the face were measured on images without a shortcut."""
    clean = {u.emotion: u.receivers for u in uses if u.without_cue}
    return tuple(
        f"Parts of the face for {name} were measured on {count(n, 'face')} without the shortcut the model relies on."
        for name, n in clean.items()
    )


def _lost(uses: Sequence[RegionImportance]) -> list[RegionImportance]:
    """Those of important regions; of the background the swap that decides."""
    return [use for use in map(decisive, uses) if use.answer == "yes"]


def _lede(model: str, uses: Sequence[RegionImportance]) -> str:
    """As in "ResNet18 relies on the mouth for happiness (odds fall by 72 %); eyes and brows for anger ..."."""
    if not uses:
        return ""
    outside = sorted((u for u in _lost(uses) if u.region == "background"), key=lambda u: -u.drop)
    parts = [*used_regions(uses, model), *([("background", tuple(outside))] if outside else [])]
    if not parts:
        return f"No region was shown to be important to {model} for any emotion."
    said = [
        f"{the(region)} for {and_list([f'{u.emotion} (odds fall by {fall_of(u.drop)})' for u in used])}"
        for region, used in parts
    ]
    return f"{model} relies on {'; '.join(said)}."


def _backgrounds(findings: Sequence[BackgroundFinding], model: str) -> tuple[str, ...]:
    """What swaps and heat say of the background; emotions that cannot be tested and show no heat share a sentence.

    What counts as cheating stands above them, among the proofs.
    """
    told = [f for f in findings if f.model == model and f.state in _TOLD and not f.cheating]
    silent = [f for f in told if f.state == "cannot be tested" and not f.looks and f.importance is not None]
    said = [background_sentence(f) for f in told if f not in silent]
    if silent and silent[0].importance is not None:
        names = [f.emotion for f in silent]
        why = barrier_words(silent[0].importance, names)
        said.append(f"Whether {model} relies on the background for {and_list(names)} cannot be tested: {why}.")
    return tuple(said)


def _through_colour(importance: RegionImportance) -> str:
    """Where the answer hangs on whether the donors' colour and light were matched, that in a sentence."""
    unmatched = importance.unmatched
    if unmatched is None or importance.region == "background" or unmatched.answer == importance.answer:
        return ""
    pair = f"{capital(the(importance.region))} for {importance.emotion}: the odds fall by {fall_of(importance.drop)} "
    pair += f"with colour and light matched, by {fall_of(unmatched.drop)} with the donors' own colour and light"
    if unmatched.answer == "yes" and importance.answer == "no":
        return f"{pair}: it works through colour, not content."
    if unmatched.answer == "yes":
        return f"{pair}: shown only so, perhaps through colour, not content."
    if importance.answer == "yes":
        return f"{pair}: shown only once they are matched."
    return ""


def _other_swaps(uses: Sequence[RegionImportance]) -> dict[tuple[str, str], RegionImportance]:
    """By emotion and region what the swap showed that does not decide, where there were two."""
    pairs = ((use, use.unmatched) for use in uses if use.unmatched is not None)
    return {(use.emotion, use.region): use if decisive(use) is other else other for use, other in pairs}


def _cell(
    report: Report, links: Links, importance: RegionImportance, others: Mapping[tuple[str, str], RegionImportance]
) -> ImportanceCell:
    sign, words = IMPORTANCE_WORDS[importance.answer]
    faces = count(importance.receivers, "face") if importance.receivers else "–"
    faces += " without the shortcut" if importance.without_cue else ""
    if importance.persons != importance.receivers:
        faces += f", {count(importance.persons, 'person' if report.names_persons else 'different photo')}"
    other = others.get((importance.emotion, importance.region))
    slug = links.emotion_slugs[report.classes.index(importance.emotion)]
    return ImportanceCell(
        id=importance_anchor(slug, importance.region),
        emotion=importance.emotion,
        href=links.emotion_path(report.classes.index(importance.emotion)),
        region=f"{REGION_NAMES[importance.region]}{swapped_as(importance)}",
        sign=sign,
        answer=words,
        strong=importance.answer == "yes",
        gap=drop_of(report, importance),
        interval=importance_interval(importance),
        recall=points(importance.recall_drop, 0) if math.isfinite(importance.drop) else "–",
        # Without anything to lose a small drop is no proof that the region does not matter.
        p=corrected(importance),
        faces=faces,
        donors=number(importance.donors) if importance.donors else "–",
        other=""
        if other is None
        else f"{_OTHER[other.kind]}: {signed(other.drop)}, {IMPORTANCE_WORDS[other.answer][1]}",
        order=tuple(
            round(v, 6) if math.isfinite(v) else 0.0 for v in (importance.drop, importance.recall_drop, importance.p)
        ),  # type: ignore[arg-type]
    )


def _donors(report: Report, swaps: Swaps, uses: Sequence[RegionImportance]) -> tuple[DonorTable, ...]:
    made = swaps.matched.groupby(["emotion", "donor_emotion", "region"]).size().to_dict()
    tables = []
    for region in TRANSPLANTED:
        rows = []
        for importance in uses:
            if importance.region != region or not any(map(math.isfinite, importance.by_donor)):
                continue
            emotion = report.classes.index(importance.emotion)
            cells = []
            for donor, (name, gap) in enumerate(zip(report.classes, importance.by_donor, strict=True)):
                n = int(made.get((emotion, donor, region), 0))
                cells.append(_donor_cell(importance, name, gap, n))
            rows.append((importance.emotion, tuple(cells)))
        if rows:
            tables.append(DonorTable(REGION_NAMES[region], tuple(rows)))
    return tuple(tables)


def _donor_cell(importance: RegionImportance, donor: str, gap: float, n: int) -> tuple[str, int, str]:
    if not math.isfinite(gap):
        return (
            "–",
            0,
            f"{importance.emotion} with {donor}: not tried" if donor != importance.emotion else "the emotion itself",
        )
    shade = math.ceil(10 * min(max(gap, 0.0) / _MOST, 1.0) - 1e-9)
    where = REGION_NAMES[importance.region]
    return signed(gap), shade, f"{importance.emotion} with the {where} of {donor}: {signed(gap)}, {count(n, 'picture')}"


def _donor_note(swaps: Swaps) -> str:
    matched = swaps.matched
    others = matched[matched["emotion"] != matched["donor_emotion"]]
    made = others.groupby(["emotion", "donor_emotion", "region"]).size()
    low, high = int(made.min()), int(made.max())
    span = f"{low}" if low == high else f"{low} to {high}"
    return f"A single cell rests on {span} pictures only: read rows and columns rather than cells."


def _statuses(report: Report, found: ImportanceFindings, model: str) -> tuple[HeatStatus, ...]:
    """Every claim of this page that heat falls on a region, held against use."""
    attention = report.regions
    if attention is None or not found.tested:
        return ()
    places: dict[Status, list[str]] = {status: [] for status, *_ in _STATUSES}
    for region in TRANSPLANTED:
        by_status: dict[Status, list[str]] = {}
        for name in report.classes:
            verdict = attention.on(model, name, region)
            if verdict is not None and verdict.answer == "yes":
                by_status.setdefault(found.status(model, name, region), []).append(name)
        for status, names in by_status.items():
            places[status].append(f"{the(region)} for {and_list(names)}")
    return tuple(
        HeatStatus(name, meaning, tuple(places[status])) for status, name, meaning in _STATUSES if places[status]
    )
