"""Test sets that are folders: one folder per emotion, or the emotion in KDEF file names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import KDEF_CODES, RAFDB_ORDER, canonical_emotion, match_class
from reportgen.inputs.images.decoding import SUFFIXES
from reportgen.inputs.listing import Listing, Problem

__all__ = ["KDEF_NAME", "find_table", "image_files", "read_folder"]

KDEF_NAME = re.compile(r"[AB]([FM]\d{2})(AF|AN|DI|HA|NE|SA|SU)(FL|HL|S|HR|FR)\.[A-Za-z]+", re.IGNORECASE)
_TABLES = ("processed_data.pkl", "legend.csv", "fer2013.csv", "icml_face_data.csv")
_SPLITS = (
    ("test", ("test", "testing", "privatetest", "private_test", "test_set")),
    ("validation", ("validation", "valid", "val", "publictest", "public_test", "dev")),
    ("training", ("train", "training", "train_set")),
)
_RAF_FOLDERS = frozenset("1234567")


def find_table(folder: Path) -> Path | None:
    """The table a folder is about: the notebook's pickle or a known data set's CSV, here or in `data`."""
    for name in _TABLES:
        for place in (folder / name, folder / "data" / name):
            if place.is_file():
                return place
    return None


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, by their suffix; hidden ones and those of `__MACOSX` left out."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        found.extend(
            Path(place, name) for name in names if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        )
    return found


def read_folder(folder: Path, classes: Sequence[str] | None) -> Listing | None:
    """Images below a folder with the emotion from the folder's or file's name; None where nothing tells an
    emotion.

    Where the images are split into test, validation and training folders, the test images are taken, else
    validation, else all; training images are kept aside for the overlap of persons.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder that holds one folder per emotion")
    files = sorted((path.relative_to(folder) for path in image_files(folder)), key=lambda path: path.parts)
    if not files:
        return None
    kdef = [path for path in files if KDEF_NAME.fullmatch(path.name)]
    if len(kdef) * 2 > len(files):
        return _kdef(folder, files)
    names = {part for path in files for part in path.parts[:-1]}
    numbered = len(names & _RAF_FOLDERS) >= 2
    known = {name: _label(name, classes, numbered) for name in names}
    rows: list[tuple[str, str, str]] = []
    unknown: list[tuple[str, str, str]] = []
    class_roots = {path.parts[:at] for path in files for at in [_label_depth(path, known)] if at is not None}
    for path in files:
        depth = _label_depth(path, known)
        if depth is not None:
            rows.append((path.as_posix(), path.parts[depth], _split(path.parts[:depth])))
        elif path.parts[:-2] in class_roots:
            unknown.append((path.as_posix(), path.parts[-2], _split(path.parts[:-2])))
    if not rows:
        return None
    chosen, notes = _choose_split(sorted({split for _, _, split in rows}))
    listing = Listing(
        rows=pd.DataFrame(
            {
                "path": [path for path, _, split in rows if split == chosen],
                "emotion": [known[name] for _, name, split in rows if split == chosen],
                "person": None,
            },
            dtype=object,  # as text columns they could not hold names that are not UTF-8
        ),
        folder=folder,
        source=f"folder {folder.resolve().name}, one folder per emotion",
        notes=notes,
        problems=[
            Problem(path, name, "unknown-label", f"the folder '{name}' is none of the emotions")
            for path, name, split in unknown
            if split == chosen
        ],
    )
    if numbered:
        listing.classes = RAFDB_ORDER
        listing.notes.append("folders 1 to 7 read as RAF-DB's numbers (1 surprise ... 7 neutral)")
    training = [(path, known[name]) for path, name, split in rows if split == "training"]
    if training and chosen != "training":
        paths, emotions = zip(*training, strict=True)
        listing.training["training folder"] = pd.DataFrame({"path": paths, "person": None, "emotion": emotions})
    return listing


def _label(name: str, classes: Sequence[str] | None, numbered: bool) -> str | None:
    if numbered and name in _RAF_FOLDERS:
        return RAFDB_ORDER[int(name) - 1]
    if classes is not None and (own := match_class(name, classes)) is not None:
        return own
    return canonical_emotion(name) or KDEF_CODES.get(name)


def _label_depth(path: Path, known: dict[str, str | None]) -> int | None:
    """Which of the folders above the image names its emotion; the nearest one counts."""
    for depth in range(len(path.parts) - 2, -1, -1):
        if known[path.parts[depth]] is not None:
            return depth
    return None


def _split(parts: tuple[str, ...]) -> str:
    for part in reversed(parts):
        for split, names in _SPLITS:
            if part.casefold() in names:
                return split
    return ""


def _choose_split(present: list[str]) -> tuple[str, list[str]]:
    for split in ("test", "validation"):
        if split in present:
            others = [name or "other" for name in present if name != split]
            return split, [f"the {split} folder is used, the {' and '.join(others)} one is not"] if others else []
    if "" in present:
        return "", []
    return "training", ["only a training folder was found: a model has probably seen these very images"]


def _kdef(folder: Path, files: list[Path]) -> Listing:
    rows, problems = [], []
    for path in files:
        match = KDEF_NAME.fullmatch(path.name)
        if match is None:
            message = "not named like a KDEF image (such as AF01ANS.JPG)"
            problems.append(Problem(path.as_posix(), None, "unknown-label", message))
        else:
            angle = {"S": "front", "FL": "left", "FR": "right", "HL": "half left", "HR": "half right"}
            person, code, view = (part.upper() for part in match.groups())
            rows.append((path.as_posix(), KDEF_CODES[code], person, angle[view]))
    return Listing(
        rows=pd.DataFrame(rows, columns=["path", "emotion", "person", "view"], dtype=object),
        folder=folder,
        source=f"folder {folder.resolve().name}, KDEF file names",
        notes=["emotion, person and view read from KDEF file names (AF01ANS.JPG: person F01, anger, front)"],
        problems=problems,
    )
