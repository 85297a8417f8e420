"""Where the regions come from, and how well each model's grid can tell them apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.attention.map_statistics import resolvability
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import and_list, count, percent
from reportgen.site.wording.scope import grid_text
from reportgen.types import FloatArray

__all__ = ["Resolved", "region_sources", "resolved_regions"]

_SOURCES = {
    "detector": "face found by the detector, landmarks fitted to it",
    "whole": "no face detected, landmarks fitted to the whole image",
    "template": "no landmarks: regions of the average face, approximate; left out of the mean maps and of what is said "
    "about eyes and brows",
    "given": "your landmarks",
    "mask": "your region masks",
}


@dataclass(frozen=True)
class Resolved:
    """Per region the median share of a perfect map that each model's grid keeps inside it.

    Attributes
    ----------
    models
        Name and grid, as in "7 × 7 cells of 32 px, enlarged".
    notes
        Which regions are judged together because a grid cannot tell them apart.
    """

    models: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def region_sources(report: Report) -> tuple[tuple[str, str], ...]:
    """How many images have their regions from where, most frequent first; empty without regions."""
    faces = report.analysis.faces
    if faces is None:
        return ()
    found = sorted(Counter(faces.regions_from).items(), key=lambda item: (-item[1], item[0]))
    return tuple((count(n, "image"), _SOURCES[source]) for source, n in found)


def resolved_regions(report: Report) -> Resolved | None:
    """The table of resolvability; None where no region was measured."""
    findings = report.attention
    if findings is None:
        return None
    columns, notes = [], []
    for model, measures in zip(report.models, findings.measures, strict=True):
        kept = resolvability(measures.masks)
        columns.append([_median(part) for part in kept.T])
        for group in measures.groups:
            names = and_list([REGION_NAMES[region] for region in group])
            notes.append(f"On the grid of {model.name}, {names} cannot be told apart and are judged together.")
    rows = tuple(
        (name, tuple(percent(column[index]) for column in columns)) for index, name in enumerate(REGION_NAMES.values())
    )
    return Resolved(tuple((model.name, grid_text(model)) for model in report.models), rows, tuple(notes))


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
