"""The rows of interpretation tables, measured: which images' maps show each pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.human_reference import HUMAN
from reportgen.evidence.attention.map_statistics import FACE, areas
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.attention.profiles import EmotionProfile
from reportgen.evidence.attention.region_tests import LOCALIZED
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.faces.regions import REGIONS
from reportgen.types import BoolArray, IntArray

__all__ = ["DIFFUSE_QUARTER", "Pattern", "find_patterns"]

_BACKGROUND = REGIONS.index("background")
DIFFUSE_QUARTER = 0.75
"""Quantile of the effective area from which a map is called diffuse."""


@dataclass(frozen=True)
class Pattern:
    """One row of an interpretation table, measured for one model.

    Attributes
    ----------
    table
        "interpretation" or "common issues".
    pattern, meaning
        What is seen, and what guides say it means.
    rule
        How it is measured on one image's map of the predicted class.
    images
        Rows of the images that show it.
    total
        Images with a map that is not blank (all images for the row of null maps).
    emotions
        Emotions for which the verdict over all images is "yes".
    """

    table: str
    pattern: str
    meaning: str
    rule: str
    model: str
    images: IntArray
    total: int
    emotions: tuple[str, ...]


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
    rows: list[tuple[str, str, str, str, BoolArray, tuple[str, ...]]] = [
        ("interpretation", "heatmap on the face", "looks where the expression is",
         "more of the map on the face than its area", on_face, yes.get("on face", ())),
        *(
            ("interpretation", f"heatmap on the {region}", meaning, f"peak cell on the {region}",
             peak == REGIONS.index(region), yes.get(f"on {region}", ()))
            for region, meaning in (
                ("eyes+brows", "reads eyes and brows, as people do for anger, fear and sadness"),
                ("nose", "reads the nose, as people do for disgust"),
                ("mouth", "reads the mouth, as people do for happiness and disgust"),
            )
        ),
        ("interpretation", "heatmap on the background", "may rely on what is not the face",
         "peak cell outside the face", peak == _BACKGROUND, yes.get("background", ())),
        ("common issues", "diffuse attention", "said to show an uncertain model",
         "effective area at least the face's area", diffuse, yes.get("diffuse", ())),
        ("common issues", "too localized", "said to rest on one detail",
         f"effective area at most {LOCALIZED}", narrow, yes.get("too localized", ())),
        ("common issues", "not where people look", "reads another part of the face than people for that emotion",
         "peak cell on a part of the face that people do not need for the predicted emotion",
         _elsewhere(peak, model.predicted, cases.classes), unlike),
        ("common issues", "blank heatmap", "no positive evidence for the predicted class",
         "no positive mass", stats.null_map, ()),
    ]  # fmt: skip
    return tuple(
        Pattern(table, pattern, meaning, rule, model.name, np.flatnonzero(shown),
                len(there) if pattern == "blank heatmap" else int(there.sum()), emotions)
        for table, pattern, meaning, rule, shown, emotions in rows
    )  # fmt: skip


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
