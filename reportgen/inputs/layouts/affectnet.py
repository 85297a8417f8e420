"""AffectNet: numbered folders, `annotations/*_exp.npy`, its tables, and YOLO's form."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import AFFECTNET_ORDER, NUMBERINGS, name_classes
from reportgen.inputs.layouts.folders import read_class_folders
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.layouts.splits import split_of, take_split
from reportgen.inputs.layouts.tables import read_source_table
from reportgen.inputs.listing import Listing, Problem
from reportgen.inputs.tables.columns import label_cell, label_cells, read_training

__all__ = ["AFFECTNET"]

_TABLES = ("validation.csv", "training.csv", "labels.csv")
_BOXES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_QUOTED = r"""'[^']*'|"[^"]*\""""
# A sign of number begins a comment at a line's start and after a blank, but not in quotes.
_BEFORE_COMMENT = re.compile(rf"""(?:{_QUOTED}|[^'"#]|(?<=\S)#)*""")
_ENTRY = re.compile(rf"""\s*(?:-\s+)?(?:["']?(\d{{1,4}})["']?\s*:(?=\s))?\s*({_QUOTED}|[^'"]*?)\s*""")


def _table(source: Source) -> Path | None:
    path = source.find(*_TABLES) if source.is_folder else source.path
    return path if path is not None and _is_known(source, path) else None


def _is_known(source: Source, table: Path) -> bool:
    names = set(source.header(table))
    return {"subdirectoryfilepath", "expression"} <= names or {"pth", "label"} <= names


def _annotated(source: Source) -> list[Path]:
    """Images of which `annotations/{i}_exp.npy` tells the expression."""
    told = {path for path in source.others if path.name.endswith("_exp.npy")}
    if not told:
        return []
    return [path for path in source.images if path.parent.parent / "annotations" / f"{path.stem}_exp.npy" in told]


def _boxes(source: Source) -> Path | None:
    path = source.find(*_BOXES)
    if path is None:
        return None
    texts = {one for one in source.others if one.suffix == ".txt"}
    return path if any(_label_file(image) in texts for image in source.images) or source.named else None


def _label_file(image: Path) -> Path:
    """Where YOLO keeps the boxes of an image: under `labels` instead of `images`."""
    return Path(*("labels" if part == "images" else part for part in image.parts)).with_suffix(".txt")


def _recognise(source: Source) -> Sighting | None:
    table = _table(source)
    if table is not None:
        return Sighting(f"{table.name} with its columns")
    if _annotated(source):
        return Sighting("annotations/*_exp.npy beside images")
    if (boxes := _boxes(source)) is not None:
        return Sighting(f"{boxes.name} with a label file for each image")
    return None


def _read(source: Source) -> Listing:
    table = _table(source)
    if table is not None:
        listing = read_source_table(Source(table, source.columns, source.classes))
        listing.roots = (*listing.roots, table.parent / "Manually_Annotated_Images")
        _keep_training(listing, source, table)
    elif annotated := _annotated(source):
        listing = _with_annotations(source, annotated)
    elif (names := _boxes(source)) is not None:
        return _with_boxes(source, names)
    elif source.is_folder:
        listing = read_class_folders(source, None, "AffectNet in numbered folders")
    else:
        listing = read_source_table(source)
    frames = (listing.rows, *listing.training.values())
    labels = {value for frame in frames for value in frame["emotion"] if isinstance(value, int)}
    if labels:
        # The widespread subset without contempt has seven classes.
        classes = AFFECTNET_ORDER if 7 in labels else AFFECTNET_ORDER[:7]
        listing.classes, listing.classes_from = classes, "the numbering of AffectNet"
        listing.numbers, listing.numbers_from = dict(NUMBERINGS["affectnet"]), "the numbering of AffectNet"
        if labels & {8, 9, 10}:
            listing.notes.append("AffectNet's labels 8 (none), 9 (uncertain) and 10 (no face) are no classes: left out")
    return listing


def _with_annotations(source: Source, images: list[Path]) -> Listing:
    rows = [
        (
            path.as_posix(),
            _number(source.path / path.parent.parent / "annotations", path.stem, "exp"),
            split_of(*path.parts[:-1]),
            _number(source.path / path.parent.parent / "annotations", path.stem, "val"),
            _number(source.path / path.parent.parent / "annotations", path.stem, "aro"),
        )
        for path in images
    ]
    frame = pd.DataFrame(rows, columns=["path", "emotion", "split", "valence", "arousal"])
    frame["emotion"] = pd.Series(label_cells(frame["emotion"]), dtype=object)
    listing = Listing(
        frame.drop(columns="split").assign(person=None), source.path, f"{source.title}, AffectNet's annotations"
    )
    take_split(listing, frame["split"].tolist())
    without = sorted(set(source.images) - set(images))
    if without:
        listing.notes.append(
            f"images without an annotation are left out: {len(without):,} of {len(source.images):,} (such as "
            f"{without[0].as_posix()})"
        )
    listing.notes += source.unread()
    return listing


def _number(folder: Path, stem: str, kind: str) -> float | None:
    """The number in an annotation, which may be stored as text; None where there is none."""
    try:
        return float(np.load(folder / f"{stem}_{kind}.npy", allow_pickle=False).item())
    except Exception:  # damaged files make NumPy raise anything, as for text that is none
        return None


def _with_boxes(source: Source, names_file: Path) -> Listing:
    classes = name_classes(_yaml_names(names_file))
    rows, several, undecided = [], 0, []
    for path in source.images:
        try:
            text = (source.path / _label_file(path)).read_text(encoding="utf-8")
            lines = [line.split() for line in text.splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError):
            lines = []
        if len({line[0] for line in lines}) > 1:
            undecided.append(Problem(path.as_posix(), None, "undecided-label", "its boxes are of different classes"))
            continue
        several += len(lines) > 1
        rows.append((path.as_posix(), label_cell(lines[0][0]) if lines else None, split_of(*path.parts[:-1])))
    frame = pd.DataFrame(rows, columns=["path", "emotion", "split"], dtype=object)
    listing = Listing(
        frame.drop(columns="split").assign(person=None),
        source.path,
        f"{source.title}, images with YOLO's label files",
        classes=classes,
        classes_from=f"the names in {names_file.name}",
        numbers=dict(enumerate(classes)),
        problems=undecided,
    )
    if several:
        listing.notes.append(f"{several:,} images have several boxes, all of one class: it is the label")
    take_split(listing, frame["split"].tolist())
    listing.notes += source.unread()
    return listing


def _keep_training(listing: Listing, source: Source, table: Path) -> None:
    """Training images beside the validation ones, kept aside; says where they are all there is."""
    if table.name.casefold() == "training.csv":
        listing.notes.append("only the training table was found: a model has probably seen these very images")
    elif source.is_folder and (beside := source.find("training.csv")) is not None and _is_known(source, beside):
        rows = read_training(source.table(beside).frame, source.columns)
        if rows is not None:
            listing.training["training table"] = rows


def _yaml_names(path: Path) -> list[str]:
    """The `names` of a `data.yaml` in the order of their numbers: a list or numbered entries, in one line or in many.

    Raises
    ------
    DataError
        There are none, their numbers are not 0, 1, 2, ..., or the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); correct or remove it") from None
    lines = [bare for line in text.splitlines() if (bare := _without_comment(line)).strip()]
    start = next((n for n, line in enumerate(lines) if re.match(r"""["']?names["']?\s*:""", line)), None)
    if start is None:
        raise DataError(f"{path}: no list 'names'; add the classes in the order of their numbers")
    first = lines[start].partition(":")[2].strip()
    if first[:1] in ("[", "{"):
        inside = re.split(r"[\]}]", " ".join([first[1:], *lines[start + 1 :]]), maxsplit=1)[0]
        texts = re.findall(rf"""(?:{_QUOTED}|[^,'"])+""", inside)
    else:
        texts = list(takewhile(lambda line: line[0] in " \t-", lines[start + 1 :])) if not first else [":"]
    entries = [_ENTRY.fullmatch(one) for one in texts if one.strip()]
    names = [entry[2].strip("'\"") for entry in entries if entry]
    numbers = [int(entry[1]) for entry in entries if entry and entry[1]]
    if (
        None in entries
        or not all(names)
        or any(re.search(r":(\s|$)", name) for name in names)
        or (numbers and sorted(numbers) != list(range(len(names))))
    ):
        raise DataError(
            f"{path}: 'names' cannot be read; expected a list of names, or a name for each number from 0 on, such as "
            "names: [anger, disgust]"
        )
    count = next((found[1] for line in lines if (found := re.fullmatch(r"nc\s*:\s*(\d{1,4})\s*", line))), None)
    if count is not None and int(count) != len(names):
        raise DataError(f"{path}: 'nc' says {count} classes, 'names' has {len(names)}; correct one of them")
    return [name for _, name in sorted(zip(numbers, names, strict=True))] if numbers else names


def _without_comment(line: str) -> str:
    found = _BEFORE_COMMENT.match(line)
    # A quotation mark alone ends the match, too; then the line stays, to be refused.
    return found[0] if found and line[found.end() : found.end() + 1] in ("", "#") else line


AFFECTNET = Layout(
    "affectnet",
    "AffectNet",
    (
        "`{train,val}_set/images` with `annotations/*_exp.npy`; `validation.csv`; `labels.csv` (`pth,label`)",
        "numbered folders `0` to `7` (with `--dataset affectnet`); YOLO's form (`data.yaml`)",
    ),
    _recognise,
    _read,
)
