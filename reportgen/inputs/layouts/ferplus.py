"""FER+: ten votes for each image of FER2013, in `fer2013new.csv` or in the folders' `label.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import FERPLUS_ORDER, fold
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.layouts.splits import choose_split
from reportgen.inputs.listing import Listing, Problem
from reportgen.inputs.tables.columns import text_cells
from reportgen.inputs.tables.pixels import parse_images
from reportgen.inputs.tables.votes import count_votes

__all__ = ["FERPLUS"]

_OTHERS = ("unknown", "NF")
_VOTES = (*FERPLUS_ORDER, *_OTHERS)
_USAGES = {"privatetest": "test", "publictest": "validation", "training": "training"}
_FOLDERS = {"fer2013test": "test", "fer2013valid": "validation", "fer2013train": "training"}


def _is_votes(source: Source, path: Path) -> bool:
    return {fold(name) for name in (*_VOTES, "Image name")} <= set(source.header(path))


def _folder_lists(source: Source) -> list[Path]:
    """The `label.csv` of each folder: no header, name, box and ten votes in a line."""
    found = [path for path in source.others if path.name == "label.csv" and path.parent.name.casefold() in _FOLDERS]
    return [source.path / path for path in found]


def _recognise(source: Source) -> Sighting | None:
    path = source.find("fer2013new.csv") if source.is_folder else source.path
    if path is not None and _is_votes(source, path):
        return Sighting(f"{path.name} with ten columns of votes")
    lists = _folder_lists(source)
    return Sighting(f"{lists[0].parent.name}/label.csv") if lists else None


def _read(source: Source) -> Listing:
    path = source.find("fer2013new.csv") if source.is_folder else source.path
    if path is not None and (source.is_folder or _is_votes(source, path)):
        table = _votes_table(source, path)
        folder = path.parent
    else:
        lists = _folder_lists(source)
        if not lists:
            raise DataError(f"{source.path}: no fer2013new.csv with ten columns of votes; give it to --data")
        table = pd.concat([_folder_table(source, one) for one in lists], ignore_index=True)
        folder = source.path
    chosen, notes = choose_split(set(table["split"]), "split")
    used = table[table["split"] == chosen].reset_index(drop=True)
    listing = Listing(
        used.drop(columns=["split", "row"]).assign(emotion=None, person=None).astype(object),
        folder,
        f"{source.title}, FER+",
        classes=FERPLUS_ORDER,
        classes_from="the columns of FER+",
        notes=notes,
        roots=tuple(folder / name for name in ("FER2013Test", "FER2013Valid", "FER2013Train", "images")),
    )
    _take_pixels(listing, source, folder, used["row"].tolist(), chosen)
    faces = [row for row, path in enumerate(listing.rows["path"]) if path]
    listing.problems += [
        Problem(f"row {used['row'][row]}", None, "no-label", "FER+ lists it without a name: no face")
        for row in sorted(set(range(len(used))) - set(faces))
    ]
    listing.keep(faces)
    count_votes(listing, {name: name for name in FERPLUS_ORDER}, _OTHERS)
    return listing


def _votes_table(source: Source, path: Path) -> pd.DataFrame:
    frame = source.table(path).frame
    by_name = {fold(name): name for name in frame.columns}
    lacking = [name for name in (*_VOTES, "Image name", "Usage") if fold(name) not in by_name]
    if lacking:
        raise DataError(f"{path}: lacks the columns {', '.join(lacking)} of FER+'s fer2013new.csv; give that to --data")
    votes = {name: frame[by_name[fold(name)]] for name in _VOTES}
    return pd.DataFrame(
        {
            "path": text_cells(frame[by_name["imagename"]]),
            "split": [_USAGES.get(fold(cell), "") for cell in frame[by_name["usage"]]],
            "row": range(len(frame)),
            **votes,
        }
    )


def _folder_table(source: Source, path: Path) -> pd.DataFrame:
    frame = source.table(path).frame
    if frame.shape[1] != 2 + len(_VOTES):
        raise DataError(f"{path}: lines of {frame.shape[1]} fields, expected a name, a box and ten votes")
    votes = {name: frame.iloc[:, 2 + place] for place, name in enumerate(_VOTES)}
    names = text_cells(frame.iloc[:, 0])
    return pd.DataFrame(
        {
            "path": [f"{path.parent.relative_to(source.path).as_posix()}/{name}" for name in names],
            "split": _FOLDERS[path.parent.name.casefold()],
            "row": range(len(frame)),
            **votes,
        }
    )


def _take_pixels(listing: Listing, source: Source, folder: Path, rows: Sequence[int], split: str) -> None:
    """The images themselves from `fer2013.csv` beside, whose row i is row i here, where no files are there."""
    beside = next((path for name in ("fer2013.csv", "icml_face_data.csv") if (path := folder / name).is_file()), None)
    if beside is None or any((folder / name).is_dir() for name in ("FER2013Test", "FER2013Valid", "images")):
        return
    frame = source.table(beside).frame
    numbers = {int(number): place for place, number in enumerate(frame.iloc[:, -1])}
    by_name = {fold(name): name for name in frame.columns}
    pixels = by_name["pixels"]
    usages = frame[by_name["usage"]].map(fold).tolist() if "usage" in by_name else []
    # A row too few in either file shifts all that follow, and with them the borders of the parts.
    if not set(rows) <= numbers.keys() or (
        usages and {_USAGES.get(usages[numbers[row]], "") for row in rows} != {split}
    ):
        raise DataError(
            f"{beside}: its rows are not those that FER+ lists; put the whole fer2013new.csv beside the whole "
            "fer2013.csv that it belongs to"
        )
    images, bad = parse_images([frame[pixels].iloc[numbers[row]] for row in rows])
    listing.pixels = images
    listing.notes.append(f"pixels from {beside.name}, row by row")
    for row, reason in bad:
        listing.problems.append(Problem(listing.rows["path"][row], None, "undecodable", f"pixels: {reason}"))
        listing.rows.loc[row, "path"] = ""


FERPLUS = Layout(
    "ferplus",
    "FER+",
    (
        "`fer2013new.csv` with the PNG files or beside `fer2013.csv`; folders `FER2013Test` ... with `label.csv`: "
        "majority as label, votes kept",
    ),
    _recognise,
    _read,
)
