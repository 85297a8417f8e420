"""What the columns of a table mean: paths or pixels, emotions, persons, splits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from reportgen.config import Columns
from reportgen.errors import DataError
from reportgen.inputs.emotions import FER2013_ORDER, canonical_emotion, name_classes
from reportgen.inputs.listing import Listing, Problem
from reportgen.inputs.tables.pixels import parse_pixels

__all__ = ["PATH_NAMES", "ROW", "SPLIT_NAMES", "TRAINING", "find_column", "fold", "list_rows", "read_training"]

PATH_NAMES = (
    "image_path path file_path filepath filename file_name file image image_name image_file img_path img relative_path"
)
SPLIT_NAMES = "usage split set subset partition"
TRAINING = ("training", "train")
ROW = "reportgen row"  # where rows are left out on reading: their numbers in the file
_EMOTION = "emotion emotions expression emotion_name emotion_label class_name class category target label labels"
_LABEL = "label labels class_id emotion_id label_id label_index target class"
_PERSON = "person person_id subject subject_id identity identity_id user_id actor actor_id"
_SPLITS = (("privatetest", "test", "testing"), ("publictest", "val", "valid", "validation", "dev"))


def fold(value: object) -> str:
    """A name or cell without case, surrounding blanks, underscores and hyphens inside words."""
    return str(value).strip().casefold().replace("-", "").replace("_", "")


def find_column(frame: pd.DataFrame, given: str | None, usual: str) -> str | None:
    """The column of a meaning: the given one, else the first usual name that is there in any case.

    Raises
    ------
    DataError
        The given column is not there.
    """
    if given is not None:
        if given not in frame.columns:
            found = ", ".join(map(str, frame.columns[:12]))
            raise DataError(f"column '{given}' of the settings is not in the table (found: {found}); correct 'columns'")
        return given
    # A dot is kept: `user.id` of muxspace is whoever labelled the image, not who is in it.
    by_name = {fold(name): str(name) for name in reversed(list(frame.columns))}
    return next((by_name[fold(name)] for name in usual.split() if fold(name) in by_name), None)


def list_rows(
    path: Path,
    frame: pd.DataFrame,
    columns: Columns,
    notes: list[str],
    declared: tuple[str, ...] | None = None,
) -> Listing:
    """The rows of a table by the meaning of its columns.

    Parameters
    ----------
    path
        The table's file, for names and messages.
    frame
        Its content.
    columns
        Column names from the settings.
    notes
        What reading the file had to say.
    declared
        The class order that the file declares.

    Raises
    ------
    DataError
        No column for paths or pixels, or none for emotions, or no row.
    """
    frame = _plain_columns(frame)
    training: dict[str, pd.DataFrame] = {}
    frame = _choose_split(frame, columns, notes, training)
    if not len(frame):
        raise DataError(f"{path}: no row to test on; expected at least one labelled image")
    pixels = find_column(frame, columns.pixels, "pixels")
    where = find_column(frame, columns.path, PATH_NAMES)
    emotion = find_column(frame, columns.emotion or columns.label, _EMOTION)
    if (where is None and pixels is None) or emotion is None:
        missing = "emotions" if emotion is None else "image paths"
        example = "emotion" if emotion is None else "image_path"
        found = ", ".join(map(str, frame.columns[:12]))
        raise DataError(
            f"{path}: no column for {missing} (found: {found}); name one '{example}', or name yours "
            "in the settings under [columns]"
        )
    number = find_column(frame, columns.label, _LABEL)
    person = find_column(frame, columns.person, _PERSON)
    taken = {pixels, where, emotion, person, number, ROW}
    rows = pd.DataFrame(
        {
            "path": [f"{path.name}#{row}" for row in _row_numbers(frame)]
            if pixels is not None
            else [_text(cell) for cell in frame[where]],
            "emotion": [_plain(cell) for cell in frame[emotion]],
            "person": None if person is None else [_text(cell) or None for cell in frame[person]],
        },
        dtype=object,
    )
    for name in frame.columns:
        if name not in taken:
            # A further column that happens to be called like one of ours keeps its content under another
            # name.
            rows[f"data_{name}" if name in rows.columns else name] = frame[name].to_numpy()
    listing = Listing(rows, path.parent, path.name, classes=declared, training=training, notes=notes)
    if declared is not None:
        listing.numbers = dict(enumerate(declared))
    if pixels is not None:
        _take_pixels(listing, frame[pixels])
    if number is not None and number != emotion:
        _compare_numbers(listing, [_plain(cell) for cell in frame[number]])
    if {"user.id", "image", "emotion"} <= set(frame.columns):
        _count_votes(listing)
    return listing


def read_training(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame | None:
    """`path`, `person` and `emotion` (as written) of a training frame; None where it has no column of paths."""
    frame = _plain_columns(frame)

    def column(given: str | None, usual: str) -> str | None:
        return find_column(frame, given if given in frame.columns else None, usual)

    where = column(columns.path, PATH_NAMES)
    if where is None:
        return None
    person, emotion = column(columns.person, _PERSON), column(columns.emotion or columns.label, _EMOTION)
    return pd.DataFrame(
        {
            "path": [_text(cell) for cell in frame[where]],
            "person": None if person is None else [_text(cell) or None for cell in frame[person]],
            "emotion": None if emotion is None else [_plain(cell) for cell in frame[emotion]],
        },
        dtype=object,
    )


def _plain_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Names as stripped text; an index with a name becomes a column, since paths are often made the index."""
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index(allow_duplicates=True)
    frame = frame.reset_index(drop=True)
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    return frame.loc[:, ~frame.columns.duplicated()]


def _row_numbers(frame: pd.DataFrame) -> list[int]:
    return [int(row) for row in (frame[ROW] if ROW in frame.columns else frame.index)]


def _choose_split(
    frame: pd.DataFrame, columns: Columns, notes: list[str], training: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    column = find_column(frame, None, SPLIT_NAMES)
    if column is None:
        return frame
    cells = frame[column].map(fold)
    for names in _SPLITS:
        for name in names:
            chosen = cells == name
            if not chosen.any():
                continue
            label = str(frame.loc[chosen, column].iloc[0]).strip()
            notes.append(f"rows with {column} = {label} are used ({int(chosen.sum()):,})")
            seen = read_training(frame[cells.isin(TRAINING)], columns)
            if seen is not None and len(seen):
                training["training rows"] = seen
            return frame[chosen].drop(columns=column).assign(**{ROW: _row_numbers(frame[chosen])})
    if cells.isin(TRAINING).all():
        notes.append("only training rows were found: a model has probably seen these very images")
    return frame


def _take_pixels(listing: Listing, cells: pd.Series[Any]) -> None:
    images, bad = parse_pixels(cells)
    wrong = {row for row, _ in bad}
    for row, reason in bad:
        name, emotion = listing.rows["path"].iloc[row], listing.rows["emotion"].iloc[row]
        listing.problems.append(Problem(name, _known(emotion), "undecodable", f"pixels: {reason}"))
    keep = [row for row in range(len(images)) if row not in wrong]
    listing.rows = listing.rows.iloc[keep].reset_index(drop=True)
    listing.pixels = images[keep]
    labels = {value for value in listing.rows["emotion"] if isinstance(value, int)}
    if listing.numbers is None and labels and labels <= set(range(7)):
        listing.numbers = dict(enumerate(FER2013_ORDER))
        listing.classes = listing.classes or FER2013_ORDER
        listing.notes.append("numbers read in the order of fer2013.csv (0 anger ... 3 happiness, 4 sadness, 6 neutral)")


def _known(value: object) -> str | None:
    return None if value is None else str(value)


def _compare_numbers(listing: Listing, numbers: list[Any]) -> None:
    """Learn the class order from emotions and numbers side by side, or say that they disagree."""
    names = [canonical_emotion(value) for value in listing.rows["emotion"]]
    if len(numbers) != len(names):
        return
    pairs: Counter[tuple[int, str]] = Counter(
        (n, name) for n, name in zip(numbers, names, strict=True) if isinstance(n, int) and name
    )
    if not pairs:
        return
    if listing.classes is None:
        order: dict[int, str] = dict(list(pairs))
        one_to_one = len(order) == len(pairs) == len(set(order.values()))
        if one_to_one and sorted(order) == list(range(len(order))) and len(order) > 2:
            listing.classes = name_classes([order[n] for n in range(len(order))])
            if listing.classes != tuple(sorted(listing.classes)):
                listing.notes.append(f"class order taken from the table's numbers: {', '.join(listing.classes)}")
        return
    wrong = sum(
        count
        for (n, name), count in pairs.items()
        if not (0 <= n < len(listing.classes) and listing.classes[n] == name)
    )
    if wrong:
        listing.notes.append(f"{wrong:,} rows whose number and emotion disagree: the emotion counts")


def _count_votes(listing: Listing) -> None:
    """One label for each image of a muxspace legend, where several people may have labelled it."""
    # One canonical spelling for each vote; names outside the seven keep their own.
    votes = [canonical_emotion(value) or str(value).strip().casefold() for value in listing.rows["emotion"]]
    kept: list[tuple[str, str]] = []
    several = 0
    for path, group in pd.Series(votes).groupby(listing.rows["path"].to_numpy(), sort=False):
        ranked = Counter(group).most_common()
        several += len(group) > 1
        if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
            tied = ", ".join(sorted(name for name, count in ranked if count == ranked[0][1]))
            listing.problems.append(Problem(str(path), None, "undecided-label", f"equally many votes for {tied}"))
        else:
            kept.append((str(path), ranked[0][0]))
    listing.rows = pd.DataFrame(kept, columns=["path", "emotion"]).assign(person=None)
    listing.notes.append("muxspace legend: all of it, no test split; some images may have been trained on")
    if several:
        listing.notes.append(f"{several:,} images with several labels: the majority counts, ties are left out")


def _text(cell: object) -> str:
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell) if isinstance(cell, (str, PurePath, int, float, np.generic)) else ""


def _plain(cell: object) -> str | int | None:
    """A label as text or whole number; None where there is none."""
    text = _text(cell).strip()
    if not text:
        return None
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 10 else text
