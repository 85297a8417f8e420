"""CK+: folders of `S010_004_00000017.png` (CK+48), or `ckextended.csv` with pixels."""

from __future__ import annotations

import re

from reportgen.inputs.emotions import CKPLUS_ORDER, FER2013_ORDER, NUMBERINGS
from reportgen.inputs.layouts.folders import class_folders, read_class_folders
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.layouts.tables import read_source_table
from reportgen.inputs.listing import Listing
from reportgen.inputs.persons import persons_of
from reportgen.inputs.tables.columns import PATH_NAMES, find_column, text_cells

__all__ = ["CKPLUS"]

_IMAGE = re.compile(r"S\d{3}_\d{3}_\d{8}\.\w+", re.IGNORECASE)
_PERSON = r"(?i)^(S\d{3})_\d{3}_\d{8}\."
_LOOKED_AT = 1000  # rows that are enough to tell a table of this data set
_CSV_ORDER = (*FER2013_ORDER, "contempt")
_FOLDERS_ORDER = tuple(sorted({*FER2013_ORDER, "contempt"} - {"neutral"}))


def _recognise(source: Source) -> Sighting | None:
    if source.is_folder:
        fitting = [name for name in source.names if _IMAGE.fullmatch(name)]
        if fitting and len(fitting) * 2 > len(source.names) and class_folders(source):
            return Sighting(f"file names such as {fitting[0]}")
        return None
    names = set(source.header())
    if {"emotion", "pixels"} <= names and source.path.name.casefold().startswith("ck"):
        return Sighting(f"{source.path.name} with the columns emotion and pixels")
    if names & {"image", "path", "imagepath", "filename", "file"} and "pixels" not in names:
        first = source.table().frame.head(_LOOKED_AT)
        where = find_column(first, source.columns.path, PATH_NAMES)
        paths = [] if where is None else text_cells(first[where])
        fitting = [path for path in paths if _IMAGE.fullmatch(path.replace("\\", "/").rsplit("/", 1)[-1])]
        if fitting and len(fitting) * 2 > len(paths):
            return Sighting(f"file names such as {fitting[0]}", Sure.LIKELY)
    return None


def _read(source: Source) -> Listing:
    listing = read_class_folders(source, title="CK+ in folders") if source.is_folder else read_source_table(source)
    labels = {value for value in listing.rows["emotion"] if isinstance(value, int)}
    if labels and listing.numbers is None:
        if listing.pixels is not None:
            listing.numbers, listing.numbers_from = dict(enumerate(_CSV_ORDER)), "the numbering of ckextended.csv"
            listing.classes, listing.classes_from = _CSV_ORDER, "the numbering of ckextended.csv"
        elif source.named:
            listing.numbers, listing.numbers_from = dict(NUMBERINGS["ckplus"]), "the numbering of the original CK+"
            listing.classes, listing.classes_from = CKPLUS_ORDER, listing.numbers_from
        else:
            # Copies of this data set are numbered in any of these ways, so recognising it is not enough.
            numberings = {
                "--dataset ckplus, as the original": NUMBERINGS["ckplus"],
                "as in ckextended.csv": dict(enumerate(_CSV_ORDER)),
                "as CK+48's folders are sorted": dict(enumerate(_FOLDERS_ORDER)),
            }
            listing.candidates = {name: known for name, known in numberings.items() if labels <= known.keys()}
    if listing.pixels is None:
        persons = persons_of(listing.rows["path"], _PERSON)
        listing.rows["person"] = [own or found for own, found in zip(listing.rows["person"], persons, strict=True)]
        for frame in listing.training.values():
            frame["person"] = persons_of(frame["path"], _PERSON)
        listing.notes.append("persons read from CK+ file names (S010_004_00000017.png: person S010)")
    return listing


CKPLUS = Layout(
    "ckplus",
    "CK+",
    (
        "CK+48: folders of files named like `S010_004_00000017.png`; person from the name",
        "`ckextended.csv` (`emotion,pixels,Usage`, 7 contempt)",
    ),
    _recognise,
    _read,
)
