"""FER2013: `fer2013.csv` or `icml_face_data.csv` with `emotion,pixels,Usage`, or its images in folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from reportgen.errors import DataError
from reportgen.inputs.emotions import FER2013_ORDER, NUMBERINGS
from reportgen.inputs.layouts.folders import class_folders, read_class_folders
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import list_rows

__all__ = ["FER2013"]

_FILES = ("fer2013.csv", "icml_face_data.csv")
_IMAGE = re.compile(r"(?:training|publictest|privatetest)_\d+\.[a-z]+", re.IGNORECASE)


def _is_published(path: Path, names: Sequence[str]) -> bool:
    return "usage" in names or path.name.casefold() in _FILES


def _recognise(source: Source) -> Sighting | None:
    path = source.find(*_FILES) if source.is_folder else source.path
    if path is not None:
        if path.name.casefold().startswith("ck"):
            return None  # CK+ has the same columns
        names = source.header(path)
        if {"emotion", "pixels"} <= set(names):
            sure = Sure.CERTAIN if _is_published(path, names) else Sure.LIKELY
            return Sighting(f"{path.name} with the columns emotion and pixels", sure)
        return None
    fitting = [name for name in source.names if _IMAGE.fullmatch(name)]
    folders = class_folders(source)
    if not fitting or len(fitting) * 2 <= len(source.names) or not folders:
        return None
    seen = f"file names such as {fitting[0]}"
    numbers = {value for value in folders.values() if isinstance(value, int)}
    if numbers and not {0} <= numbers <= NUMBERINGS["fer2013"].keys():
        return Sighting(seen, Sure.POSSIBLE, f"its folders are {', '.join(sorted(folders))}, not 0 to 6")
    return Sighting(seen)


def _read(source: Source) -> Listing:
    path = source.find(*_FILES) if source.is_folder else source.path
    if path is None:
        listing = read_class_folders(source, NUMBERINGS["fer2013"], "FER2013 in folders")
        listing.numbers_from = "the numbering of FER2013"
        return listing
    table = source.table(path)
    listing = list_rows(path, table.frame, source.columns, table.notes, table.class_names, classes=source.classes)
    labels = {value for value in listing.rows["emotion"] if isinstance(value, int)}
    # Numbers that are not FER2013's are left to the user's classes.
    if labels and listing.numbers is None and (7 not in labels or source.classes is None):
        if 7 in labels:
            raise DataError(
                f"{path}: holds the label 7, and FER2013 has 0 to 6; if 7 is contempt, as in ckextended.csv, give "
                "--dataset ckplus, else name the classes in the settings with 'classes = [...]'"
            )
        listing.numbers, listing.numbers_from = dict(NUMBERINGS["fer2013"]), "the numbering of FER2013"
        listing.classes, listing.classes_from = FER2013_ORDER, "the numbering of FER2013"
        if not source.named and not _is_published(path, source.header(path)):
            listing.candidates = {"--dataset fer2013": NUMBERINGS["fer2013"]}  # where the user's list says otherwise
    return listing


FER2013 = Layout(
    "fer2013",
    "FER2013",
    (
        "`fer2013.csv`, `icml_face_data.csv` (`emotion,pixels,Usage`): PrivateTest, else PublicTest",
        "folders `test/angry` ..., `train/angry` ...",
    ),
    _recognise,
    _read,
)
