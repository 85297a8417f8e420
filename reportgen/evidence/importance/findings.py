"""Region importance, background findings and trust grades, as records and as tidy tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.attention.findings import AttentionFindings
from reportgen.evidence.importance.background import (
    BackgroundFinding,
    Status,
    judge_backgrounds,
    only_unmatched,
    status_of,
)
from reportgen.evidence.importance.contamination import Contamination, contaminations
from reportgen.evidence.importance.regions import (
    MIN_PERSONS,
    Barrier,
    RegionImportance,
    measure_importance,
    measure_rivals,
)
from reportgen.evidence.importance.trust import TrustGrade, grade_heatmaps
from reportgen.evidence.shortcuts.components import ComponentFindings
from reportgen.evidence.shortcuts.findings import ShortcutFindings
from reportgen.evidence.shortcuts.marks import MarkFindings
from reportgen.evidence.stats.clustered import Clusters, clusters, proportion
from reportgen.evidence.stats.units import units_of
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.types import Float32Array, IntArray, ObjectArray

__all__ = [
    "IMPORTANCE_COLUMNS",
    "LEAST_RECALL",
    "ImportanceFindings",
    "Swaps",
    "background_cues_wanted",
    "faces_without_cue",
    "judge_importance",
    "person_names",
    "rarely_predicted",
    "untestable_faces",
]

LEAST_RECALL = 0.4
"""Recall below which a model has too little to lose of an emotion for swaps to tell what it relies on."""

_BACKGROUND = ("background",)
_NO_ANSWERS: Mapping[str, tuple[pd.DataFrame, Float32Array]] = MappingProxyType({})
_FACE = tuple(region for region in TRANSPLANTED if region != "background")


@dataclass(frozen=True)
class Swaps:
    """The pictures that one model's region importance was measured on.

    Of an emotion that the model predicts from a shortcut the parts of the face are those swapped between images without
    it, where these were enough; backgrounds are always those of the first experiment.

    Attributes
    ----------
    design
        One row per picture.
    logits
        (n, C) of the model, row by row of `design`.
    """

    design: pd.DataFrame
    logits: Float32Array

    @property
    def matched(self) -> pd.DataFrame:
        """The rows of `design` in which donors took over the receiver's light and colour."""
        return self.design[self.design["kind"] == "matched"]

    def places(self, emotion: int, region: str) -> IntArray:
        """Places in `design` of one emotion's and region's pictures with matched light and colour."""
        design = self.design
        of = (design["emotion"] == emotion) & (design["region"] == region) & (design["kind"] == "matched")
        return np.flatnonzero(of.to_numpy())


@dataclass(frozen=True)
class ImportanceFindings:
    """What was found about region importance.

    Attributes
    ----------
    regions
        Per model, emotion and region; empty where the transplant test was not made.
    backgrounds, grades
        Per model and emotion; per model.
    tables
        "use", "use_by_donor", "backgrounds", "trust": tidy tables, each column explained in IMPORTANCE_COLUMNS.
    swaps
        By the models' slugs, what was measured; empty where nothing was.
    rivals
        Importance of facial regions for telling an emotion from the one with which it is confused most.
    """

    regions: tuple[RegionImportance, ...]
    backgrounds: tuple[BackgroundFinding, ...]
    grades: tuple[TrustGrade, ...]
    tables: Mapping[str, pd.DataFrame]
    swaps: Mapping[str, Swaps] = field(default_factory=dict)
    rivals: tuple[RegionImportance, ...] = ()

    def strong_rivals(self, model: str, emotion: str | None = None) -> tuple[RegionImportance, ...]:
        """Regions that are important for telling a pair apart, the largest drop first."""
        found = [r for r in self.rivals if r.model == model and emotion in (None, r.emotion) and r.answer == "yes"]
        return tuple(sorted(found, key=lambda rival: -rival.drop))

    @property
    def tested(self) -> bool:
        """Whether the transplant test was made at all."""
        return bool(self.regions)

    def region(self, model: str, emotion: str, region: str) -> RegionImportance | None:
        """Importance of one region, None where it was not tested."""
        return next((u for u in self.regions if (u.model, u.emotion, u.region) == (model, emotion, region)), None)

    def status(self, model: str, emotion: str, region: str) -> Status:
        """Whether the transplant test confirms that heat on a region means reliance on it."""
        return status_of(self.region(model, emotion, region))


def judge_importance(
    analysis: Analysis,
    attention: AttentionFindings,
    answers: Mapping[str, tuple[pd.DataFrame, Float32Array]],
    shortcuts: ShortcutFindings,
    components: ComponentFindings | None,
    marks: MarkFindings | None,
    seed: int,
    clean: Mapping[str, tuple[pd.DataFrame, Float32Array]] = _NO_ANSWERS,
) -> ImportanceFindings:
    """Test region importance for all models.

    Parameters
    ----------
    answers
        Design and (n, C) logits of the transplant experiment by the models' slugs; empty where it was not made.
    shortcuts, components, marks
        What a model was shown to rely on besides the face: of such an emotion's faces nothing is claimed.
    clean
        The same experiment between faces that lack the cue: see `faces_without_cue`.
    """
    persons, classes = person_names(analysis), analysis.classes
    regions: tuple[RegionImportance, ...] = ()
    backgrounds: tuple[BackgroundFinding, ...] = ()
    rivals: tuple[RegionImportance, ...] = ()
    swaps: dict[str, Swaps] = {}
    for model in analysis.models:
        verdicts = [verdict for verdict in attention.verdicts if verdict.model == model.name]
        if model.slug not in answers:
            backgrounds += judge_backgrounds(verdicts, (), {})
            continue
        design, logits = answers[model.slug]
        barred = rarely_predicted(analysis, model)
        outside = measure_importance(model.name, design, logits, classes, persons, seed, _BACKGROUND, barred)
        judged = judge_backgrounds(verdicts, outside, _tones(shortcuts))
        cues = contaminations(classes, shortcuts, judged, components, marks)
        relying = {emotion for name, emotion in cues if name == model.name}
        contaminated: dict[int, Barrier] = {classes.index(name): "shortcut" for name in relying}
        rest = barred | contaminated  # of two reasons the shortcut is the one to tell
        for e in faces_without_cue(analysis, shortcuts, cues, model):
            if model.slug in clean and e not in barred and (clean[model.slug][0]["emotion"] == e).any():
                del rest[e]
        swaps[model.slug] = _with_clean_faces(
            Swaps(design, logits), clean.get(model.slug), set(contaminated) - set(rest)
        )
        design, logits = swaps[model.slug].design, swaps[model.slug].logits
        face = measure_importance(model.name, design, logits, classes, persons, seed, _FACE, rest)
        face = tuple(replace(one, without_cue=one.emotion in relying and one.tested) for one in face)
        rivals += tuple(
            replace(one, without_cue=one.emotion in relying)
            for one in measure_rivals(model.name, design, logits, classes, persons, seed, rest)
        )
        cells = {(one.emotion, one.region): one for one in (*outside, *face)}
        regions += tuple(cells[name, region] for name in classes for region in TRANSPLANTED)
        backgrounds += judged
    grades = tuple(
        grade_heatmaps(model, measures, analysis.labels, [u for u in regions if u.model == model.name], seed)
        for model, measures in zip(analysis.models, attention.measures, strict=True)
    )
    tables = MappingProxyType(_tables(analysis, regions, rivals, backgrounds, grades))
    return ImportanceFindings(regions, backgrounds, grades, tables, MappingProxyType(swaps), rivals)


def faces_without_cue(
    analysis: Analysis,
    shortcuts: ShortcutFindings,
    cues: Mapping[tuple[str, str], Contamination],
    model: ModelRecords,
) -> dict[int, IntArray]:
    """By emotion that a model predicts from a cue besides the face, the emotion's images without the cue.

    Of a property of the photo these are the images on the other emotions' side of its median, or without it; of a
    component those with little of it, see `Component.little`; of a mark those that were looked at and do not carry it;
    of several cues those that lack all. Only emotions of which such images are enough and are still found: recall must
    not be too low to fall. What is proved of a background has no measure by which to tell its images, so that nothing
    remains of that emotion. A proven component of the same emotion is none: it may be another thing on the same
    background.

    Parameters
    ----------
    cues
        Of all models: see `contaminations`.
    """
    values = {item.name: item for item in shortcuts.properties}
    signs = {(link.name, link.emotion): link.sign for link in shortcuts.links}
    units = clusters(units_of(analysis.images), len(analysis.labels))
    found: dict[int, IntArray] = {}
    for (who, name), proved in cues.items():
        if who != model.name or proved.backgrounds:
            continue
        e = analysis.classes.index(name)
        own, rest = analysis.labels == e, (analysis.labels >= 0) & (analysis.labels != e)
        for cue in {cue for shortcut in proved.shortcuts for cue in shortcut.properties}:
            value, sign = values[cue].value * signs[cue, name], signs[cue, name]
            typical = 0.5 * sign if values[cue].binary else np.nanmedian(value[rest])
            own = own & (value <= typical)  # not so where it is not known
        for component in proved.components:
            own = own & component.little(model.features, analysis.labels)
        for test in proved.marks:
            own = own & np.isin(np.arange(len(own)), test.mark.without)
        rows = np.flatnonzero(own)
        if len(rows) >= MIN_PERSONS and not _too_rare(analysis, model, e, rows, units):
            found[e] = rows
    return found


def _with_clean_faces(made: Swaps, clean: tuple[pd.DataFrame, Float32Array] | None, emotions: set[int]) -> Swaps:
    """The pictures with those of some emotions' parts of the face from the experiment without the cue."""
    if clean is None or not emotions:
        return made
    replaced, taken = (
        (design["emotion"].isin(emotions) & (design["region"] != "background")).to_numpy()
        for design in (made.design, clean[0])
    )
    joined = pd.concat([made.design[~replaced], clean[0][taken]], ignore_index=True)
    return Swaps(joined, np.concatenate([made.logits[~replaced], clean[1][taken]]))


def background_cues_wanted(
    analysis: Analysis, answers: Mapping[str, tuple[pd.DataFrame, Float32Array]], seed: int
) -> tuple[int, ...]:
    """Emotions for which any model relies on the background only with the donors' own light and colour: further swaps
    say by which of them.
    """
    wanted: set[int] = set()
    for model in analysis.models:
        if model.slug in answers:
            found = measure_importance(
                model.name, *answers[model.slug], analysis.classes, person_names(analysis), seed, _BACKGROUND
            )
            wanted |= {analysis.classes.index(one.emotion) for one in found if only_unmatched(one)}
    return tuple(sorted(wanted))


def person_names(analysis: Analysis) -> ObjectArray:
    """(n,) the unit of every image, see `units_of`; an image of its own name where it is one by itself."""
    units = units_of(analysis.images)
    return np.asarray([f"image {i}" for i in range(len(analysis.labels))]) if units is None else units


def rarely_predicted(analysis: Analysis, model: ModelRecords) -> dict[int, Barrier]:
    """Emotions whose recall is too low to fall: below `LEAST_RECALL`, or not above chance by its interval.

    Of fewer images than `MIN_PERSONS` nothing is said: they are too few faces in any case.
    """
    barred: dict[int, Barrier] = {}
    units = clusters(units_of(analysis.images), len(analysis.labels))
    for e in range(len(analysis.classes)):
        rows = np.flatnonzero(analysis.labels == e)
        if len(rows) >= MIN_PERSONS and _too_rare(analysis, model, e, rows, units):
            barred[e] = "low recall"
    return barred


def untestable_faces(analysis: Analysis, cues: Mapping[tuple[str, str], Contamination]) -> tuple[int, ...]:
    """Emotions of which parts of the face tell nothing of any model when they are swapped between all faces.

    Each model predicts the emotion too rarely, or from a cue besides the face: then it is tested between faces without
    the cue, or not at all. Swaps of the background can still tell, see `measure_importance`.

    Parameters
    ----------
    cues
        Those known before anything is swapped: see `contaminations`.
    """
    barred = [
        {*rarely_predicted(analysis, model), *(analysis.classes.index(name) for who, name in cues if who == model.name)}
        for model in analysis.models
    ]
    return tuple(e for e in range(len(analysis.classes)) if all(e in one for one in barred))


def _too_rare(analysis: Analysis, model: ModelRecords, emotion: int, rows: IntArray, units: Clusters) -> bool:
    recall = proportion(model.predicted[rows] == emotion, units.subset(rows))
    return recall.value < LEAST_RECALL or (not recall.too_few and recall.low <= 1 / len(analysis.classes))


def _tones(shortcuts: ShortcutFindings) -> dict[str, dict[str, float]]:
    """By emotion, how its photos differ in what of a background can be exchanged: areas under the ROC curve."""
    names = {"brightness": "brightness", "contrast": "contrast", "colourfulness": "colour"}
    found: dict[str, dict[str, float]] = {}
    for link in shortcuts.links:
        if link.name in names:
            found.setdefault(link.emotion, {})[names[link.name]] = link.auc.value
    return found


def _tables(
    analysis: Analysis,
    regions: tuple[RegionImportance, ...],
    rivals: tuple[RegionImportance, ...],
    backgrounds: tuple[BackgroundFinding, ...],
    grades: tuple[TrustGrade, ...],
) -> dict[str, pd.DataFrame]:
    by_donor = [
        {"model": u.model, "emotion": u.emotion, "region": u.region, "donor_emotion": donor, "gap": drop}
        for u in regions
        for donor, drop in zip(analysis.classes, u.by_donor, strict=True)
        if np.isfinite(drop)
    ]
    checks = [
        {"model": g.model, "grade": g.grade, "check": c.name, "passed": c.passed, "value": c.value}
        for g in grades
        for c in g.checks
    ]
    found = {
        "use": [_row(u) for u in (*regions, *rivals) for u in _swaps(u)],
        "use_by_donor": by_donor,
        "backgrounds": [asdict(b) | {"cues": ", ".join(b.cues), "cheating": b.cheating} for b in backgrounds],
        "trust": checks,
    }
    return {name: pd.DataFrame(table, columns=list(IMPORTANCE_COLUMNS[name])) for name, table in found.items()}


def _swaps(importance: RegionImportance) -> list[RegionImportance]:
    """All that was tested of one region."""
    unmatched = [] if importance.unmatched is None else [importance.unmatched]
    return [importance, *unmatched, *(one for _, one in importance.tones)]


def _row(importance: RegionImportance) -> dict[str, object]:
    row = {_COLUMNS.get(name, name): value for name, value in vars(importance).items()}
    return row | {"cheating": importance.cheating}


# Columns keep the names that readers of the tables know.
_COLUMNS = {"drop": "gap", "kind": "donors_keep", "recall_drop": "recall_gap", "p_unadjusted": "p_alone"}
_CELL = {"model": "name of the model", "emotion": "labelled emotion of the receiving faces", "region": "facial region"}

IMPORTANCE_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "use": {
        **_CELL,
        "donors_keep": "what comes from the donor: matched (the content, in the receiver's light and colour), "
        "unmatched (the pixels as they are), or of a background alone its brightness, contrast or colour",
        "against": "the emotion whose faces gave the region, where one alone counts: that with which the emotion is "
        "confused most; empty: all others",
        "without_cue": "whether only images without the shortcut that the model relies on for this emotion took part",
        "answer": "whether the model relies on it: yes (the gap is shown to be above .2), no (below), undetermined, "
        "insufficient evidence (too few faces) or cannot be tested",
        "barrier": "why it cannot be tested: low recall (below 40 %, or not above chance), or shortcut (the model is "
        "shown to predict the emotion from something else); empty otherwise",
        "gap": "log-odds of the emotion with the region of its own emotion's faces minus with another emotion's; "
        "mean over the donors' emotions without the largest and the smallest",
        "low": "lower end of the 95 % interval",
        "high": "upper end of the 95 % interval",
        "recall_gap": "by how much fewer predictions stay with the emotion, -1..1",
        "p": "two-sided p that the gap is .2, adjusted (Holm) over emotions x facial regions of the model, and for the "
        "background over the emotions, matched and unmatched together",
        "p_alone": "the same before adjustment",
        "receivers": "faces that received a region",
        "persons": "distinct persons among them (faces where persons are unknown)",
        "donors": "faces that gave a region",
        "cheating": "background only: relied on, p_alone below .01, at least .5 log-odds and 5 points of recall",
    },
    "use_by_donor": {
        **_CELL,
        "donor_emotion": "labelled emotion of the giving faces",
        "gap": "log-odds lost with donors of that emotion",
    },
    "backgrounds": {
        "model": "name of the model",
        "emotion": "labelled emotion",
        "state": "uses it, uses a little, looks only, undetermined, clear, cannot be tested or not tested",
        "looks": "whether the heatmap falls on the background",
        "place": "where a hot cell lies",
        "score": "log-odds drop, the larger of matched and unmatched backgrounds, 0 where not positive",
        "cheating": "whether the model is said to cheat",
        "cues": "by what of the background it cheats: content, brightness, contrast, colour, or light and colour "
        "together",
    },
    "trust": {
        "model": "name of the model",
        "grade": "A, B or C; empty where the transplant test was not made",
        "check": "name of the check",
        "passed": "whether it holds; empty where it could not be made",
        "value": "the number that decides",
    },
})  # fmt: skip
