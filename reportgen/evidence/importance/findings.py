"""Region importance, background findings and trust grades, as records and as tidy tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.evidence.attention.findings import AttentionFindings
from reportgen.evidence.importance.background import BackgroundFinding, Status, judge_backgrounds, status_of
from reportgen.evidence.importance.regions import RegionImportance, measure_importance
from reportgen.evidence.importance.trust import TrustGrade, grade_heatmaps
from reportgen.types import Float32Array

__all__ = ["IMPORTANCE_COLUMNS", "ImportanceFindings", "judge_importance"]


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
    seed: int,
) -> ImportanceFindings:
    """Test region importance for all models.

    Parameters
    ----------
    answers
        Design and (n, C) logits of the transplant experiment by the models' slugs; empty where it was not made.
    """
    given = analysis.images["person"]
    persons = np.asarray(
        [
            f"person {p}" if known else f"image {i}"
            for i, (p, known) in enumerate(zip(given, given.notna(), strict=True))
        ]
    )
    regions: tuple[RegionImportance, ...] = ()
    for model in analysis.models:
        if model.slug in answers:
            design, logits = answers[model.slug]
            regions += measure_importance(model.name, design, logits, analysis.classes, persons, seed)
    backgrounds = judge_backgrounds(attention.verdicts, regions)
    grades = tuple(
        grade_heatmaps(model, measures, analysis.labels, [u for u in regions if u.model == model.name], seed)
        for model, measures in zip(analysis.models, attention.measures, strict=True)
    )
    made = next((design for design, _ in answers.values()), None)
    tables = MappingProxyType(_tables(analysis, regions, backgrounds, grades))
    logits_of = {slug: logits for slug, (_, logits) in answers.items()}
    return ImportanceFindings(regions, backgrounds, grades, made, tables, logits_of)


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
    rows = [
        {_COLUMNS.get(k, k): v for k, v in asdict(u).items() if k != "by_donor"} | {"cheating": u.cheating}
        for u in regions
    ]
    checks = [
        {"model": g.model, "grade": g.grade, "check": c.name, "passed": c.passed, "value": c.value}
        for g in grades
        for c in g.checks
    ]
    found = {
        "use": rows,
        "use_by_donor": by_donor,
        "backgrounds": [asdict(b) | {"cheating": b.cheating} for b in backgrounds],
        "trust": checks,
    }
    return {name: pd.DataFrame(table, columns=list(IMPORTANCE_COLUMNS[name])) for name, table in found.items()}


# Columns keep the names that readers of the tables know.
_COLUMNS = {"drop": "gap", "recall_drop": "recall_gap", "p_unadjusted": "p_alone"}
_CELL = {"model": "name of the model", "emotion": "labelled emotion of the receiving faces", "region": "facial region"}

IMPORTANCE_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "use": {
        **_CELL,
        "answer": "whether the model uses the region: yes, small (below the minimum), no, undetermined or "
        "insufficient evidence",
        "gap": "log-odds of the emotion with the region of its own emotion's faces minus with another emotion's; "
        "mean over the donors' emotions without the largest and the smallest",
        "low": "lower end of the 95 % interval",
        "high": "upper end of the 95 % interval",
        "recall_gap": "by how much fewer predictions stay with the emotion, -1..1",
        "p": "two-sided p that the gap is 0, adjusted (Holm) over emotions x facial regions of the model, and for the "
        "background over the emotions",
        "p_alone": "the same before adjustment",
        "receivers": "faces that received a region",
        "persons": "distinct persons among them (faces where persons are unknown)",
        "donors": "faces that gave a region",
        "unmatched": "the gap when donors keep their own colour and light; empty where that was not run",
        "unmatched_answer": "the answer for that gap",
        "cheating": "background only: used, p_alone below .01, at least .5 log-odds and 5 points of recall",
    },
    "use_by_donor": {
        **_CELL,
        "donor_emotion": "labelled emotion of the giving faces",
        "gap": "log-odds lost with donors of that emotion",
    },
    "backgrounds": {
        "model": "name of the model",
        "emotion": "labelled emotion",
        "state": "uses it, uses a little, looks only, undetermined, clear or not tested",
        "looks": "whether the heatmap falls on the background",
        "place": "where a hot cell lies",
        "score": "log-odds drop, 0 where not positive",
        "cheating": "whether the model is said to cheat",
    },
    "trust": {
        "model": "name of the model",
        "grade": "A, B or C; empty where the transplant test was not made",
        "check": "name of the check",
        "passed": "whether it holds; empty where it could not be made",
        "value": "the number that decides",
    },
})  # fmt: skip
