"""AffectNet: numbered folders, `annotations/*_exp.npy`, its tables, and YOLO's form."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import AFFECTNET_ORDER, NUMBERINGS, name_classes
from reportgen.inputs.layouts.folders import choose_split, read_class_folders, split_of
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.layouts.tables import read_source_table
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import label_cell, label_cells

__all__ = ["AFFECTNET"]

_TABLES = ("validation.csv", "training.csv", "labels.csv")


def _table(source: Source) -> Path | None:
    path = source.find(*_TABLES) if source.is_folder else source.path
    if path is None:
        return None
    names = set(source.header(path))
    known = {"subdirectoryfilepath", "expression"} <= names or {"pth", "label"} <= names
    return path if known else None


def _annotated(source: Source) -> list[Path]:
    """Images of which `annotations/{i}_exp.npy` tells the expression."""
    told = {path for path in source.others if path.name.endswith("_exp.npy")}
    if not told:
        return []
    return [path for path in source.images if path.parent.parent / "annotations" / f"{path.stem}_exp.npy" in told]


def _boxes(source: Source) -> Path | None:
    path = source.find("data.yaml")
    return path if path is not None and any(one.suffix == ".txt" for one in source.others) else None


def _recognise(source: Source) -> Sighting | None:
    table = _table(source)
    if table is not None:
        return Sighting(f"{table.name} with its columns")
    if _annotated(source):
        return Sighting("annotations/*_exp.npy beside images")
    if _boxes(source) is not None:
        return Sighting("data.yaml with a label file for each image")
    return None


def _read(source: Source) -> Listing:
    table = _table(source)
    if table is not None:
        listing = read_source_table(Source(table, source.columns, source.classes))
        listing.roots = (*listing.roots, table.parent / "Manually_Annotated_Images")
    elif annotated := _annotated(source):
        listing = _with_annotations(source, annotated)
    elif (names := _boxes(source)) is not None:
        return _with_boxes(source, names)
    elif source.is_folder:
        listing = read_class_folders(source, None, "AffectNet in numbered folders")
    else:
        listing = read_source_table(source)
    labels = {value for value in listing.rows["emotion"] if isinstance(value, int)}
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
    chosen, notes = choose_split(set(frame["split"]))
    used = frame[frame["split"] == chosen].drop(columns="split").reset_index(drop=True)
    used["emotion"] = pd.Series(label_cells(used["emotion"]), dtype=object)
    listing = Listing(used.assign(person=None), source.path, f"{source.title}, AffectNet's annotations", notes=notes)
    seen = frame[frame["split"] == "training"]
    if len(seen) and chosen != "training":
        emotions = pd.Series(label_cells(seen["emotion"]), dtype=object)
        training = pd.DataFrame({"path": seen["path"].to_numpy(), "person": None, "emotion": emotions}, dtype=object)
        listing.training["training folder"] = training
    return listing


def _number(folder: Path, stem: str, kind: str) -> float | None:
    """The number in an annotation, which may be stored as text; None where there is none."""
    try:
        return float(np.load(folder / f"{stem}_{kind}.npy", allow_pickle=False).item())
    except Exception:  # damaged files make NumPy raise anything, as for text that is none
        return None


def _with_boxes(source: Source, names_file: Path) -> Listing:
    classes = _yaml_names(names_file)
    rows, several = [], 0
    for path in source.images:
        parts = ["labels" if part == "images" else part for part in path.parts]
        file = source.path / Path(*parts).with_suffix(".txt")
        try:
            lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError):
            lines = []
        several += len(lines) > 1
        rows.append((path.as_posix(), label_cell(lines[0][0]) if lines else None, split_of(*path.parts[:-1])))
    frame = pd.DataFrame(rows, columns=["path", "emotion", "split"], dtype=object)
    chosen, notes = choose_split(set(frame["split"]))
    used = frame[frame["split"] == chosen].drop(columns="split").reset_index(drop=True).assign(person=None)
    if several:
        notes.append(f"{several:,} images have several boxes: the label of the first counts")
    return Listing(
        used,
        source.path,
        f"{source.title}, images with YOLO's label files",
        classes=name_classes(classes),
        classes_from="the names in data.yaml",
        numbers=dict(enumerate(name_classes(classes))),
        notes=notes,
    )


def _yaml_names(path: Path) -> list[str]:
    """The `names` of a `data.yaml`: a list in one line, a list of lines or numbered lines."""
    text = path.read_text(encoding="utf-8", errors="replace")
    found = re.search(r"(?m)^names:[ \t]*(\[[^\]]*\]|(?:\r?\n[ \t]*(?:-|\d+:)[^\n]*)+)", text)
    if found is None:
        raise DataError(f"{path}: no list 'names'; add the classes in the order of their numbers")
    if found[1].startswith("["):
        return [name.strip(" \t\r\n'\"") for name in found[1].strip("[]").split(",") if name.strip()]
    return [re.sub(r"^[ \t]*(?:-|\d+:)", "", line).strip(" \t\r'\"") for line in found[1].splitlines() if line.strip()]


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
