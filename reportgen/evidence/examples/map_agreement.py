"""For every pair of models: whether their predictions rest on the same places, with example images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.attention.map_similarity import OUTCOMES, PLACES, MapAgreement, compare_maps
from reportgen.evidence.examples.mining import Pick
from reportgen.evidence.stats.units import units_of
from reportgen.types import IntArray

__all__ = ["AGREEMENT_COLUMNS", "agreement_kind", "agreement_picks", "agreement_tables", "find_agreements"]


def find_agreements(analysis: Analysis, per_cell: int, seed: int) -> tuple[tuple[MapAgreement, ...], tuple[Pick, ...]]:
    """All pairs of models, and at most `per_cell` images for every outcome and place; nothing without labels."""
    images, labels = analysis.images, analysis.labels
    if not (labels >= 0).any():
        return (), ()
    persons = units_of(images)
    ids, content = images["image_id"].tolist(), images["sha256"].tolist()
    pairs: list[MapAgreement] = []
    picks: list[Pick] = []
    for a, b in combinations(analysis.models, 2):
        found = compare_maps(a, b, labels, ids, persons, seed)
        pairs.append(found)
        picks += agreement_picks(found, a, b, labels, analysis.classes, content, per_cell)
    return tuple(pairs), tuple(picks)


def agreement_tables(pairs: Sequence[MapAgreement]) -> dict[str, pd.DataFrame]:
    """The tidy table of all pairs, columns as in AGREEMENT_COLUMNS."""
    return {"map_agreement": pd.concat([pair.table for pair in pairs], ignore_index=True)}


def agreement_kind(outcome: str, place: str) -> str:
    """The kind of the picks of one cell."""
    return f"{outcome}-{place}-evidence"


def agreement_picks(
    found: MapAgreement,
    a: ModelRecords,
    b: ModelRecords,
    labels: IntArray,
    classes: Sequence[str],
    content: Sequence[str],
    per_cell: int,
) -> tuple[Pick, ...]:
    """Images to look at for every cell of outcomes by places.

    The least overlap first where places differ, the most where they are the same, near the middle between; then those
    of which the less sure model is surest. Emotions take turns, so that a frequent one cannot fill a gallery.
    """
    sure = np.minimum(a.confidence, b.confidence)
    picks: list[Pick] = []
    for index, outcome in enumerate(OUTCOMES):
        for number, place in enumerate(PLACES):
            rows = np.flatnonzero((found.outcome == index) & (found.place == number))
            key = {"same": -found.overlap, "partly": np.abs(found.overlap - 0.2), "different": found.overlap}[place]
            ordered = rows[np.lexsort((rows, -sure[rows], np.round(key[rows], 6)))]
            chosen = _varied(ordered.tolist(), labels, content)[:per_cell]
            picks += [
                Pick(
                    row, a.slug, classes[labels[row]], agreement_kind(outcome, place), rank,
                    float(found.overlap[row]), classes[a.predicted[row]], b.slug,
                )
                for rank, row in enumerate(chosen, start=1)
            ]  # fmt: skip
    return tuple(picks)


def _varied(ordered: Sequence[int], labels: IntArray, content: Sequence[str]) -> list[int]:
    """Rows with the emotions taking turns, each picture once."""
    seen: set[str] = set()
    turns: dict[int, int] = {}
    placed = []
    for place, row in enumerate(ordered):
        if content[row] in seen:
            continue
        seen.add(content[row])
        label = int(labels[row])
        turns[label] = turns.get(label, 0) + 1
        placed.append((turns[label], place, row))
    return [row for _, _, row in sorted(placed)]


AGREEMENT_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "map_agreement": {
        "image_id": "image, as in the table of images",
        "a": "first model",
        "b": "second model",
        "outcome": "who is right: both, only-a, only-b, neither",
        "place": "where the two maps of the models' own answers lie: same (overlap at least 1/3), partly, different "
        "(at most 1/9, what two random fifths of the cells share); empty where a map is null",
        "correlation": "Spearman correlation of the two maps over the cells of the coarser grid",
        "overlap": "intersection over union of each map's strongest fifth of cells, 0..1",
    },
})  # fmt: skip
