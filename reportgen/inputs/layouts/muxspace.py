"""muxspace/facial_expressions: `data/legend.csv` with `user.id,image,emotion`, where `user.id` is who labelled."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import canonical_emotion
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.listing import Listing, Problem
from reportgen.inputs.persons import persons_of
from reportgen.inputs.tables.columns import label_cells, text_cells

__all__ = ["MUXSPACE"]

_COLUMNS = {"user.id", "image", "emotion"}
# The person's name comes before the number; photos of the second source have neither.
_PERSON = r"^(.*?\pL.*?)_\d+\.[A-Za-z]+$"


def _recognise(source: Source) -> Sighting | None:
    path = source.find("legend.csv") if source.is_folder else source.path
    if path is None or not set(source.header(path)) >= _COLUMNS:
        return None
    return Sighting(f"{path.name} with the columns user.id, image and emotion")


def _read(source: Source) -> Listing:
    """One label for each image: several people may have labelled it."""
    path = source.find("legend.csv") if source.is_folder else source.path
    if path is None:
        raise DataError(f"{source.path}: no legend.csv; give it, or the folder that holds it, to --data")
    table = source.table(path)
    frame = table.frame.rename(columns=lambda name: str(name).strip().casefold())
    if not set(frame.columns) >= _COLUMNS:
        raise DataError(
            f"{path}: found the columns {', '.join(map(str, frame.columns[:8]))}, expected user.id, image and emotion"
        )
    listing = Listing(
        pd.DataFrame(),
        path.parent,
        path.name,
        notes=[*table.notes, "muxspace legend: all of it, no test split; some images may have been trained on"],
        roots=(path.parent / "images", path.parent.parent / "images", path.parent.parent),
    )
    # One canonical spelling for each vote; other names keep their own.
    words = [str(label or "") for label in label_cells(frame["emotion"])]
    votes = pd.Series([canonical_emotion(word) or word.casefold() for word in words])
    paths = text_cells(frame["image"])
    kept: list[tuple[str, str]] = []
    several = 0
    for name, group in votes.groupby(paths, sort=False):
        ranked = Counter(group).most_common()
        several += len(group) > 1
        if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
            tied = ", ".join(sorted(word for word, count in ranked if count == ranked[0][1]))
            listing.problems.append(Problem(str(name), None, "undecided-label", f"equally many votes for {tied}"))
        else:
            kept.append((str(name), ranked[0][0]))
    listing.rows = pd.DataFrame(kept, columns=["path", "emotion"], dtype=object)
    listing.rows["person"] = pd.Series(persons_of(listing.rows["path"], _PERSON), dtype=object)
    if several:
        listing.notes.append(f"{several:,} images with several labels: the majority counts, ties are left out")
    return listing


MUXSPACE = Layout(
    "muxspace",
    "muxspace/facial_expressions",
    ("`data/legend.csv` (`user.id,image,emotion`) beside `images/`; majority of several labels, person from the name",),
    _recognise,
    _read,
)
