"""RAF-DB: `EmoLabel/list_patition_label.txt` with aligned images, or Kaggle's numbered folders with their lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import NUMBERINGS, RAFDB_ORDER
from reportgen.inputs.layouts.folders import class_folders, read_class_folders
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.layouts.splits import choose_split
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.columns import find_column, label_cells, label_column, text_cells

__all__ = ["RAFDB"]

# Four or five digits: people number files of their own as train_1, too.
_NAME = re.compile(r"(train|test)_\d{4,5}(?:_aligned)?\.\w+", re.IGNORECASE)
_ZERO = re.compile(r"_0+(?:_aligned)?\.\w+$")  # RAF-DB counts from 1
_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_SPLITS = {"test": "test", "train": "training"}
_GENDERS = ("male", "female", "unsure")
_RACES = ("Caucasian", "African-American", "Asian")
_AGES = ("0-3", "4-19", "20-39", "40-69", "70+")


def _labels(source: Source, path: Path) -> pd.DataFrame | None:
    """`image` and `label` of a list; None where it is none of RAF-DB's."""
    frame = source.table(path).frame
    image, label = find_column(frame, None, "image"), find_column(frame, None, "label")
    if image is None or label is None or not len(frame) or label_column(frame, source.columns) != label:
        return None
    rows = pd.DataFrame(
        {
            "image": [path.replace("\\", "/").rsplit("/", 1)[-1] for path in text_cells(frame[image])],
            "label": label_cells(frame[label]),
        },
        dtype=object,
    )
    fitting = sum(_NAME.fullmatch(name) is not None for name in rows["image"])
    return rows if fitting == len(rows) and set(rows["label"]) <= {*range(1, 8), None} else None


def _recognise(source: Source) -> Sighting | None:
    listed = source.find(*_LISTS)
    if listed is not None:
        return Sighting(listed.name)
    if not source.is_folder:
        if {"image", "label"} <= set(source.header()) or source.path.suffix.lower() == ".txt":
            rows = _labels(source, source.path)
            if rows is not None and not any(_ZERO.search(name) for name in rows["image"]):
                return Sighting(f"images named like {rows['image'][0]} with labels 1 to 7")
        return None
    folders = class_folders(source)
    fitting = [name for name in source.names if _NAME.fullmatch(name)]
    if len(fitting) * 2 <= len(source.names) or not fitting:
        return None
    if folders and all(isinstance(value, int) for value in folders.values()):
        if set(folders.values()) <= set(range(1, 8)):
            return Sighting(f"folders 1 to 7 with files such as {fitting[0]}")
        return Sighting(
            f"files such as {fitting[0]}", Sure.POSSIBLE, f"its folders are {', '.join(sorted(folders))}, not 1 to 7"
        )
    return None


def _read(source: Source) -> Listing:
    listed = source.find(*_LISTS)
    if listed is None and source.is_folder:
        listing = read_class_folders(source, NUMBERINGS["rafdb"], "RAF-DB in numbered folders")
        listing.numbers_from = "the numbering of RAF-DB"
        _offer_choice(listing, source, source.names)
        return listing
    path = listed or source.path
    rows = _labels(source, path)
    if rows is None:
        raise DataError(f"{path}: expected lines such as 'train_00001.jpg 5', with labels 1 to 7, as RAF-DB's list has")
    rows["split"] = [_SPLITS[name.split("_")[0].casefold()] for name in rows["image"]]
    chosen, notes = choose_split(set(rows["split"]), "part")
    folder = path.parent.parent if path.parent.name.casefold() == "emolabel" else path.parent
    files = _files(folder, rows)
    used = [row for row, split in enumerate(rows["split"]) if split == chosen]
    listing = Listing(
        pd.DataFrame(
            {
                "path": [files[row] for row in used],
                "emotion": [rows["label"][row] for row in used],
                "person": None,
                **_attributes(folder, [rows["image"][row] for row in used]),
            },
            dtype=object,
        ),
        folder,
        f"{source.title}, RAF-DB's list",
        classes=RAFDB_ORDER,
        numbers=dict(NUMBERINGS["rafdb"]),
        numbers_from="the numbering of RAF-DB",
        notes=notes,
        roots=(path.parent, folder / "Image/aligned", folder / "aligned", folder / "Image/original"),
    )
    if listed is None:
        _offer_choice(listing, source, list(rows["image"]))
    if chosen != "training":
        training = [
            (files[row], None, rows["label"][row]) for row, split in enumerate(rows["split"]) if split == "training"
        ]
        if training:
            frame = pd.DataFrame(training, columns=["path", "person", "emotion"], dtype=object)
            listing.training["training part of the list"] = frame
    return listing


def _offer_choice(listing: Listing, source: Source, names: Sequence[str]) -> None:
    """People name files of their own test_0001.jpg, too: such names alone do not overrule the user's classes."""
    if not source.named and not all("_aligned" in name for name in names):
        listing.candidates = {"--dataset rafdb": NUMBERINGS["rafdb"]}


def _files(folder: Path, rows: pd.DataFrame) -> list[str]:
    """Where each image lies: aligned as published, in the folder of its label as on Kaggle, else as listed."""
    found = []
    for place in ("Image/aligned", "aligned", "."):
        if (folder / place).is_dir():
            held = {path.name for path in (folder / place).iterdir()}
            aligned = [name if "_aligned" in name else _aligned(name) for name in rows["image"]]
            if any(name in held for name in aligned):
                prefix = "" if place == "." else f"{place}/"
                return [f"{prefix}{name}" for name in aligned]
    for name, label in zip(rows["image"], rows["label"], strict=True):
        part = name.split("_")[0].casefold()
        places = (f"DATASET/{part}/{label}/{name}", f"{part}/{label}/{name}", f"{label}/{name}")
        found.append(next((place for place in places if (folder / place).is_file()), name))
    return found


def _aligned(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}_aligned.{suffix}"


def _attributes(folder: Path, names: list[str]) -> dict[str, list[str | None]]:
    """Gender, race and age from the files in `Annotation/manual`: five lines of points, then three numbers."""
    place = folder / "Annotation/manual"
    if not place.is_dir():
        return {}
    columns: dict[str, list[str | None]] = {"gender": [], "race": [], "age": []}
    for name in names:
        file = place / f"{name.rsplit('.', 1)[0].removesuffix('_aligned')}_manu_attri.txt"
        numbers = file.read_text(encoding="utf-8", errors="replace").split()[-3:] if file.is_file() else []
        for values, words, number in zip(
            columns.values(), (_GENDERS, _RACES, _AGES), [*numbers, "", "", ""], strict=False
        ):
            values.append(words[int(number)] if number.isdecimal() and int(number) < len(words) else None)
    return columns


RAFDB = Layout(
    "rafdb",
    "RAF-DB",
    (
        "`EmoLabel/list_patition_label.txt` with `Image/aligned`; attributes from `Annotation/manual`",
        "Kaggle's `DATASET/test/1` to `7`, `test_labels.csv`",
    ),
    _recognise,
    _read,
)
