"""Region importance, background findings and trust grades, as records and as tidy tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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
from reportgen.evidence.importance.regions import Barrier, RegionImportance, measure_importance
from reportgen.evidence.importance.trust import TrustGrade, grade_heatmaps
from reportgen.evidence.shortcuts.findings import ShortcutFindings
from reportgen.evidence.stats.clustered import clusters, proportion
from reportgen.evidence.stats.units import units_of
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.types import Float32Array, ObjectArray

__all__ = [
    "IMPORTANCE_COLUMNS",
    "LEAST_RECALL",
    "ImportanceFindings",
    "background_cues_wanted",
    "judge_importance",
    "person_names",
    "rarely_predicted",
]

LEAST_RECALL = 0.4
"""Recall below which a model has too little to lose of an emotion for swaps to tell what it relies on."""

_BACKGROUND = ("background",)
_FACE = tuple(region for region in TRANSPLANTED if region != "background")


@dataclass(frozen=True)
class ImportanceFindings:
    """What was found about region importance.

    Attributes
    ----------
    regions
        Per model, emotion and region; empty where the transplant test was not made.
    backgrounds, grades
        Per model and emotion; per model.
    design
        The transplants that were made, one row per picture; None where none were.
    tables
        "use", "use_by_donor", "backgrounds", "trust": tidy tables, each column explained in IMPORTANCE_COLUMNS.
    answers
        (n, C) logits by the models' slugs, row by row of `design`.
    """

    regions: tuple[RegionImportance, ...]
    backgrounds: tuple[BackgroundFinding, ...]
    grades: tuple[TrustGrade, ...]
    design: pd.DataFrame | None
    tables: Mapping[str, pd.DataFrame]
    answers: Mapping[str, Float32Array] = field(default_factory=dict)

    @property
    def tested(self) -> bool:
        """Whether the transplant test was made at all."""
        return bool(self.regions)

    @property
    def matched(self) -> pd.DataFrame:
        """The rows of `design` in which donors took over the receiver's light and colour; empty without a design."""
        return pd.DataFrame() if self.design is None else self.design[self.design["kind"] == "matched"]

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
    seed: int,
) -> ImportanceFindings:
    """Test region importance for all models.

    Parameters
    ----------
    answers
        Design and (n, C) logits of the transplant experiment by the models' slugs; empty where it was not made.
    shortcuts
        Emotions that a model predicts from a property of the photo: of their faces nothing is claimed.
    """
    persons, classes = person_names(analysis), analysis.classes
    regions: tuple[RegionImportance, ...] = ()
    backgrounds: tuple[BackgroundFinding, ...] = ()
    for model in analysis.models:
        verdicts = [verdict for verdict in attention.verdicts if verdict.model == model.name]
        if model.slug not in answers:
            backgrounds += judge_backgrounds(verdicts, (), {})
            continue
        design, logits = answers[model.slug]
        barred = rarely_predicted(analysis, model)
        outside = measure_importance(model.name, design, logits, classes, persons, seed, _BACKGROUND, barred)
        judged = judge_backgrounds(verdicts, outside, _tones(shortcuts))
        relying = {s.emotion for s in shortcuts.of(model.name)} | {b.emotion for b in judged if b.cheating}
        contaminated: dict[int, Barrier] = {classes.index(name): "shortcut" for name in relying}
        face = measure_importance(model.name, design, logits, classes, persons, seed, _FACE, contaminated | barred)
        cells = {(one.emotion, one.region): one for one in (*outside, *face)}
        regions += tuple(cells[name, region] for name in classes for region in TRANSPLANTED)
        backgrounds += judged
    grades = tuple(
        grade_heatmaps(model, measures, analysis.labels, [u for u in regions if u.model == model.name], seed)
        for model, measures in zip(analysis.models, attention.measures, strict=True)
    )
    made = next((design for design, _ in answers.values()), None)
    tables = MappingProxyType(_tables(analysis, regions, backgrounds, grades))
    logits_of = {slug: logits for slug, (_, logits) in answers.items()}
    return ImportanceFindings(regions, backgrounds, grades, made, tables, logits_of)


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
    """(n,) the unit of every image, see `stats.units`; an image that is none but its own has its number."""
    units = units_of(analysis.images)
    return np.arange(len(analysis.images)).astype(str).astype(object) if units is None else units


def rarely_predicted(analysis: Analysis, model: ModelRecords) -> dict[int, Barrier]:
    """Emotions whose recall is too low to fall: below `LEAST_RECALL`, or not above chance by its interval."""
    barred: dict[int, Barrier] = {}
    units = clusters(units_of(analysis.images), len(analysis.labels))
    for e in range(len(analysis.classes)):
        own = analysis.labels == e
        recall = proportion(model.predicted[own] == e, units.subset(np.flatnonzero(own)))
        chance = not recall.too_few and recall.low <= 1 / len(analysis.classes)
        if own.any() and (recall.value < LEAST_RECALL or chance):
            barred[e] = "low recall"
    return barred


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
        "use": [_row(u, kind) for u in regions for kind, u in _swaps(u)],
        "use_by_donor": by_donor,
        "backgrounds": [asdict(b) | {"cues": ", ".join(b.cues), "cheating": b.cheating} for b in backgrounds],
        "trust": checks,
    }
    return {name: pd.DataFrame(table, columns=list(IMPORTANCE_COLUMNS[name])) for name, table in found.items()}


def _swaps(importance: RegionImportance) -> list[tuple[str, RegionImportance]]:
    """All that was tested of one region, each with what the donor's region brought along."""
    unmatched = [] if importance.unmatched is None else [("unmatched", importance.unmatched)]
    return [("matched", importance), *unmatched, *importance.tones]


def _row(importance: RegionImportance, kind: str) -> dict[str, object]:
    row = {_COLUMNS.get(name, name): value for name, value in vars(importance).items()}
    return row | {"donors_keep": kind, "cheating": importance.cheating}


# Columns keep the names that readers of the tables know.
_COLUMNS = {"drop": "gap", "recall_drop": "recall_gap", "p_unadjusted": "p_alone"}
_CELL = {"model": "name of the model", "emotion": "labelled emotion of the receiving faces", "region": "facial region"}

IMPORTANCE_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "use": {
        **_CELL,
        "donors_keep": "what comes from the donor: matched (the content, in the receiver's light and colour), "
        "unmatched (the pixels as they are), or of a background alone its brightness, contrast or colour",
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
