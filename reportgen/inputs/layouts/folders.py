"""Folders of images, one for each class: FER2013, MMAFEDB, NHFI, CK+48 and most sets that people make themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import EMOTIONS, EXPRESSION_CODES, canonical_emotion, match_class, name_classes
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.listing import Listing, Problem

__all__ = ["FOLDERS", "choose_split", "class_folders", "read_class_folders", "split_of"]

_SPLITS = (
    ("test", ("test", "testing", "privatetest", "private_test", "test_set", "fer2013test")),
    ("validation", ("validation", "valid", "val", "publictest", "public_test", "dev", "val_set", "fer2013valid")),
    ("training", ("train", "training", "train_set", "fer2013train")),
)


def split_of(*folders: str) -> str:
    """Which split the nearest folder names that names one: test, validation or training; "" where none does."""
    for folder in reversed(folders):
        for split, names in _SPLITS:
            if folder.strip().casefold() in names:
                return split
    return ""


def choose_split(present: set[str], kind: str = "folder") -> tuple[str, list[str]]:
    """The split to test on (test, else validation, else images of no split, else training), and what to say of it."""
    for split in ("test", "validation"):
        if split in present:
            others = sorted(name or "other" for name in present if name != split)
            verb = "one is" if len(others) == 1 else "ones are"
            return split, [f"the {split} {kind} is used, the {' and '.join(others)} {verb} not"] if others else []
    if "" in present:
        return "", []
    return "training", [f"only a training {kind} was found: a model has probably seen these very images"]


def class_folders(source: Source) -> dict[str, str | int]:
    """The folders' names that mean a class, and what each means: a word as written, or a number.

    Numbers count only where no folder is named after an expression: people and sequences are numbered, too.
    """
    names = {part for path in source.images for part in path.parts[:-1]}
    classes = source.classes or ()
    words: dict[str, str | int] = {
        name: name for name in names if match_class(name, classes) or canonical_emotion(name)
    }
    words = words or _codes(source, names)
    if words:
        return words
    numbers: dict[str, str | int] = {
        name: int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 3
    }
    return numbers if len(numbers) > 1 else {}


def _codes(source: Source, names: set[str]) -> dict[str, str | int]:
    """Folders named with KDEF's codes, where no folder beside them has another name: SA may be a person."""
    codes = names & EXPRESSION_CODES.keys()
    folders = {path.parts[: depth + 1] for path in source.images for depth in range(len(path.parts) - 1)}
    parents = {folder[:-1] for folder in folders if folder[-1] in codes}
    beside = {folder[-1] for folder in folders if folder[:-1] in parents}
    return {name: EXPRESSION_CODES[name] for name in codes} if beside <= codes else {}


def read_class_folders(
    source: Source, numbers: Mapping[int, str] | None = None, title: str = "one folder per emotion"
) -> Listing:
    """The images in folders that are named after classes.

    Where the images are split into test, validation and training folders, the test images are taken, else validation,
    else all; training images are kept aside for the overlap of persons.

    Parameters
    ----------
    numbers
        What numbered folders mean, where the layout says so.
    title
        What it is, for the source's phrase.

    Raises
    ------
    DataError
        No folder is named after a class.
    """
    known = class_folders(source)
    depths = [_depth(path, known) for path in source.images]
    rows = [
        (path.as_posix(), path.parts[depth], split_of(*path.parts[:depth]))
        for path, depth in zip(source.images, depths, strict=True)
        if depth is not None
    ]
    if not rows:
        raise DataError(
            f"{source.path}: found no images in folders named after emotions; give the folder above the emotions' "
            "folders, or a table, to --data"
        )
    chosen, notes = choose_split({split for _, _, split in rows})
    known = _one_spelling(known, {name for _, name, split in rows if split == chosen})
    used = [(path, known[name]) for path, name, split in rows if split == chosen]
    listing = Listing(
        # As text columns they could not hold names that are not UTF-8.
        rows=pd.DataFrame(used, columns=["path", "emotion"], dtype=object).assign(person=None),
        folder=source.path,
        source=f"{source.title}, {title}",
        notes=notes,
        problems=[
            Problem(path.as_posix(), path.parts[-2], "unknown-label", f"the folder '{path.parts[-2]}' is no emotion")
            for path in _beside_classes(source, depths)
            if split_of(*path.parts[:-2]) == chosen
        ],
    )
    trained = {name for _, name, split in rows if split == "training"}
    _order_folders(listing, {name for _, name, _ in rows}, trained, known, numbers)
    training = [(path, None, known[name]) for path, name, split in rows if split == "training"]
    if training and chosen != "training":
        listing.training["training folder"] = pd.DataFrame(
            training, columns=["path", "person", "emotion"], dtype=object
        )
    return listing


def _one_spelling(known: Mapping[str, str | int], tested: set[str]) -> dict[str, str | int]:
    """What folders mean, in the words of the split that is tested: another may have "Anger" for its "angry"."""
    own: dict[str, str | int] = {}
    for name in sorted(tested):
        own.setdefault(str(known[name]).casefold(), known[name])
    meaning: dict[str, str | int] = {}
    for name, value in known.items():
        emotion = canonical_emotion(value)
        alike = [word for word in own.values() if emotion is not None and canonical_emotion(word) == emotion]
        meaning[name] = own.get(str(value).casefold(), alike[0] if len(alike) == 1 else value)
    return meaning


def _order_folders(
    listing: Listing,
    names: set[str],
    trained: set[str],
    known: Mapping[str, str | int],
    numbers: Mapping[int, str] | None,
) -> None:
    """The class order that torchvision and `datasets` give folders: sorted by their names as written."""
    if any(isinstance(known[name], int) for name in names):
        if numbers is not None:
            listing.numbers = dict(numbers)
            listing.classes = tuple(name for _, name in sorted(numbers.items()))
        return
    first: dict[str, str] = {}  # the folder of each class that sorts it: a model is trained on those of training
    for name in [*sorted(trained), *sorted(names)]:
        first.setdefault(str(known[name]), name)
    words = sorted(first.values())
    if len(words) < 2:
        return
    classes = name_classes([str(known[word]) for word in words])
    spelled = dict(zip(classes, words, strict=True))
    if set(classes) < set(EMOTIONS):
        missing = [name for name in EMOTIONS if name not in spelled]
        classes = tuple(sorted(EMOTIONS, key=lambda name: spelled.get(name, name)))
        listing.notes.append(
            f"no folder for {', '.join(missing)}: the seven emotions were assumed, in alphabetical order "
            f"({', '.join(classes)})"
        )
    listing.classes, listing.classes_from = classes, "the folders' names, sorted as torchvision and datasets sort them"


def _depth(path: Path, known: Mapping[str, str | int]) -> int | None:
    """Which of the folders above the image names its class; the nearest one counts."""
    return next((depth for depth in range(len(path.parts) - 2, -1, -1) if path.parts[depth] in known), None)


def _beside_classes(source: Source, depths: list[int | None]) -> list[Path]:
    """Images in folders that lie beside folders of classes and mean none."""
    roots = {path.parts[:depth] for path, depth in zip(source.images, depths, strict=True) if depth is not None}
    return [
        path
        for path, depth in zip(source.images, depths, strict=True)
        if depth is None and len(path.parts) > 1 and path.parts[:-2] in roots
    ]


def _recognise(source: Source) -> Sighting | None:
    known = class_folders(source)
    if not known:
        return None
    shown = ", ".join(sorted(known)[:8])
    if any(isinstance(value, int) for value in known.values()):
        return Sighting(f"numbered folders ({shown})", Sure.POSSIBLE)
    return Sighting(f"folders named after emotions ({shown})", Sure.LIKELY)


FOLDERS = Layout(
    "folders",
    "Folders, one per class",
    ("`[test/]angry/1.jpg`, also with `train`, `validation`; numbered folders with `classes`",),
    _recognise,
    read_class_folders,
)
