"""The rows of interpretation tables, measured: which images' maps show each pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.human_reference import HUMAN
from reportgen.evidence.attention.map_statistics import FACE, areas
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.attention.profiles import EmotionProfile
from reportgen.evidence.attention.region_tests import LOCALIZED
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.stats.clustered import clusters, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.faces.regions import REGIONS
from reportgen.types import BoolArray, IntArray

__all__ = ["DIFFUSE_QUARTER", "Pattern", "PatternKind", "find_patterns"]

_BACKGROUND = REGIONS.index("background")
DIFFUSE_QUARTER = 0.75
"""Quantile of the effective area from which a map is called diffuse."""


PatternKind = Literal[
    "on face", "on eyes+brows", "on nose", "on mouth", "background", "diffuse", "too localized", "elsewhere", "blank"
]


@dataclass(frozen=True)
class Pattern:
    """One row of an interpretation table, measured for one model.

    Attributes
    ----------
    table
        "interpretation" or "common issues".
    kind
        What is seen on one image's map of the predicted class.
    images
        Rows of the images that show it.
    total
        Images with a map that is not blank (all images for the row of null maps).
    emotions
        Emotions for which the verdict over all images is "yes".
    share
        Of the images that show it; the interval counts persons where they are known.
    """

    table: Literal["interpretation", "common issues"]
    kind: PatternKind
    model: str
    images: IntArray
    total: int
    emotions: tuple[str, ...]
    share: Estimate


def find_patterns(
    model: ModelMaps,
    measure: ModelMeasures,
    cases: Cases,
    verdicts: Sequence[Verdict],
    profiles: Sequence[EmotionProfile],
) -> tuple[Pattern, ...]:
    """Both interpretation tables for one model, counted on the maps of the predicted class."""
    stats = measure.predicted
    there = ~stats.null_map
    face = areas(measure.masks)[:, FACE]
    peak = stats.peak_region
    yes = {
        kind: tuple(v.emotion for v in verdicts if v.model == model.name and v.kind == kind and v.answer == "yes")
        for kind in {v.kind for v in verdicts}
    }
    unlike = tuple(p.emotion for p in profiles if p.model == model.name and p.human_like == "no")
    with np.errstate(invalid="ignore"):
        on_face = stats.share[:, FACE] > face
        diffuse, narrow = stats.effective_area >= face, stats.effective_area <= LOCALIZED
    rows: list[tuple[PatternKind, BoolArray, tuple[str, ...]]] = [
        ("on face", on_face, yes.get("on face", ())),
        ("on eyes+brows", peak == REGIONS.index("eyes+brows"), yes.get("on eyes+brows", ())),
        ("on nose", peak == REGIONS.index("nose"), yes.get("on nose", ())),
        ("on mouth", peak == REGIONS.index("mouth"), yes.get("on mouth", ())),
        ("background", peak == _BACKGROUND, yes.get("background", ())),
        ("diffuse", diffuse, yes.get("diffuse", ())),
        ("too localized", narrow, yes.get("too localized", ())),
        ("elsewhere", _elsewhere(peak, model.predicted, cases.classes), unlike),
        ("blank", stats.null_map, ()),
    ]
    group = clusters(cases.persons, len(there))
    every = np.ones_like(there)
    return tuple(
        Pattern(
            "interpretation" if kind == "background" or kind.startswith("on ") else "common issues",
            kind,
            model.name,
            np.flatnonzero(shown),
            int(of.sum()),
            emotions,
            proportion(shown[of], group.subset(np.flatnonzero(of))),
        )
        for kind, shown, emotions in rows
        for of in [every if kind == "blank" else there]
    )


def _elsewhere(peak: IntArray, predicted: IntArray, classes: Sequence[str]) -> BoolArray:
    """Peak on the face, but on no region that people need or accept for the predicted emotion."""
    result: BoolArray = np.zeros(len(peak), dtype=bool)
    for c, emotion in enumerate(classes):
        human = HUMAN.get(emotion)
        if human is None or not human.required:
            continue
        fine = [REGIONS.index(name) for name in (*human.required, *human.accepted, "background", "face")]
        result |= (predicted == c) & (peak >= 0) & ~np.isin(peak, fine)
    return result
