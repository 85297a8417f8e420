"""What the columns of a table mean: paths or pixels, emotions, persons, splits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from reportgen.config import Columns
from reportgen.errors import DataError
from reportgen.inputs.emotions import canonical_emotion, name_classes
from reportgen.inputs.listing import Listing, Problem
from reportgen.inputs.tables.pixels import parse_images

__all__ = [
    "PATH_NAMES",
    "ROW",
    "SPLIT_NAMES",
    "TRAINING",
    "count_votes",
    "find_column",
    "fold",
    "label_cell",
    "label_cells",
    "list_rows",
    "read_training",
    "text_cell",
    "text_cells",
]

PATH_NAMES = (
    "image_path path file_path filepath filename file_name file image image_name image_file img_path img relative_path "
    "pth subdirectory_filepath"
)
_PIXELS = "pixels img_bytes image_bytes bytes"
_WHOLE = re.compile(r"(-?\d{1,9})(?:\.0+)?", re.ASCII)
SPLIT_NAMES = "usage split set subset partition"
TRAINING = ("training", "train")
ROW = "reportgen row"  # where rows are left out on reading: their numbers in the file
_EMOTION = "emotion emotions expression emotion_name emotion_label class_name class category target label labels"
_LABEL = "label labels class_id emotion_id label_id label_index target class"
_PERSON = "person person_id subject subject_id identity identity_id user_id actor actor_id"
_SPLITS = (("privatetest", "test", "testing"), ("publictest", "val", "valid", "validation", "dev"))


def fold(value: object) -> str:
    """A name or cell without case, blanks, underscores and hyphens."""
    return str(value).strip().casefold().replace("-", "").replace("_", "").replace(" ", "")


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
    # A dot is kept: `user.id` of muxspace is the person who labelled the image, not the one in it.
    by_name = {fold(name): str(name) for name in reversed(list(frame.columns))}
    return next((by_name[fold(name)] for name in usual.split() if fold(name) in by_name), None)


def list_rows(
    path: Path,
    frame: pd.DataFrame,
    columns: Columns,
    notes: Sequence[str] = (),
    class_names: Mapping[str, Sequence[str]] | None = None,
    declared: Sequence[str] = (),
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
    class_names
        Names of a column's numbers, where the file states them.
    declared
        The class order that the source states beside the table.

    Raises
    ------
    DataError
        No column for paths or pixels, or none for emotions, or no row.
    """
    frame = _plain_columns(frame)
    training: dict[str, pd.DataFrame] = {}
    said = list(notes)
    frame = _choose_split(frame, columns, said, training)
    if not len(frame):
        raise DataError(f"{path}: no row to test on; expected at least one labelled image")
    where, pixels = _image_columns(frame, columns)
    emotion = find_column(frame, columns.emotion or columns.label, _EMOTION)
    votes = _vote_columns(frame) if emotion is None else {}
    if (where is None and pixels is None) or (emotion is None and not votes):
        has_labels = emotion is not None or bool(votes)
        missing, example = ("image paths", "image_path") if has_labels else ("emotions", "emotion")
        found = ", ".join(map(str, frame.columns[:12]))
        raise DataError(
            f"{path}: no column for {missing} (found: {found}); name one '{example}', or name yours "
            "in the settings under [columns]"
        )
    if emotion is not None and columns.emotion is None and columns.label is None:
        _refuse_rivals(path, frame, emotion)
    number = find_column(frame, columns.label, _LABEL)
    person = find_column(frame, columns.person, _PERSON)
    taken = {pixels, where, emotion, person, number, ROW}
    rows = pd.DataFrame(
        {
            "path": _names(path, frame, where, pixels),
            "emotion": None if emotion is None else label_cells(frame[emotion]),
            "person": None if person is None else [text or None for text in text_cells(frame[person])],
        },
        index=range(len(frame)),
        dtype=object,
    )
    for name in frame.columns:
        if name not in taken:
            # A further column that happens to be called like one of ours keeps its content under another
            # name.
            rows[f"data_{name}" if name in rows.columns else name] = frame[name].to_numpy()
    listing = Listing(rows, path.parent, path.name, training=training, notes=said)
    names = (class_names or {}).get(number or "") or (class_names or {}).get(emotion or "") or declared
    if names:
        listing.classes, listing.classes_from = name_classes(names), "the names that the data states"
        listing.numbers = dict(enumerate(listing.classes))
    if votes:
        count_votes(listing, votes)
    if number is not None and number != emotion:
        _compare_numbers(listing, label_cells(frame[number]))
    if pixels is not None:
        _take_pixels(listing, list(frame[pixels]))
    return listing


def count_votes(listing: Listing, votes: Mapping[str, str], others: Sequence[str] = ()) -> None:
    """Take the label with most votes, or the one of a one-hot row; without a single winner the row is left out.

    Parameters
    ----------
    votes
        Columns of `listing.rows` with votes for a class, and the class's name.
    others
        Columns with votes for no class ("unknown"): a row that they win is left out.
    """
    counts = listing.rows[[*votes, *others]].apply(pd.to_numeric, errors="coerce").fillna(0).to_numpy(dtype=np.float64)
    names = [*votes.values(), *others]
    one_hot = bool(((counts == 0) | (counts == 1)).all() and (counts.sum(axis=1) <= 1).all())
    won = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)
    first = won.argmax(axis=1)
    decided = (won.sum(axis=1) == 1) & (first < len(votes))
    paths = listing.rows["path"]
    for row in np.flatnonzero(~decided).tolist():
        winners = [name for name, wins in zip(names, won[row], strict=True) if wins]
        message = f"most votes are for {' and '.join(winners)}" if winners else "it has no vote"
        listing.problems.append(Problem(str(paths.iloc[row]), None, "undecided-label", message))
    kept = np.flatnonzero(decided).tolist()
    listing.keep(kept)
    listing.rows["emotion"] = pd.Series([names[place] for place in first[kept].tolist()], dtype=object)
    if one_hot:
        listing.rows = listing.rows.drop(columns=[*votes, *others])
    else:
        numbers = counts[kept].astype(np.int64) if (counts == np.rint(counts)).all() else counts[kept]
        listing.rows = listing.rows.drop(columns=[*votes, *others])
        for place, name in enumerate((*votes, *others)):
            listing.rows[f"votes {name}"] = numbers[:, place]
        listing.notes.append("the class with most votes is the label, ties are left out; all votes are kept as columns")


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
            "path": text_cells(frame[where]),
            "person": None if person is None else [text or None for text in text_cells(frame[person])],
            "emotion": None if emotion is None else label_cells(frame[emotion]),
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


def _image_columns(frame: pd.DataFrame, columns: Columns) -> tuple[str | None, str | None]:
    """The column of paths and that of the images themselves; a column called like paths may hold images."""
    pixels = find_column(frame, columns.pixels, _PIXELS)
    where = find_column(frame, columns.path, PATH_NAMES)
    if where is not None and pixels is None and columns.path is None:
        first = next((cell for cell in frame[where] if not _is_empty(cell)), None)
        if isinstance(first, list | tuple | np.ndarray | dict | bytes | bytearray):
            return None, where
    return where, pixels


def _names(path: Path, frame: pd.DataFrame, where: str | None, pixels: str | None) -> list[str]:
    if pixels is None and where is not None:
        return text_cells(frame[where])
    numbered = [f"{path.name}#{row}" for row in _row_numbers(frame)]
    # A column of names beside the images, or names inside them, say more than a number, where they differ.
    own = text_cells(frame[where]) if where is not None else [_own_name(cell) for cell in frame[pixels]]
    return own if all(own) and len(set(own)) == len(own) else numbered


def _own_name(cell: object) -> str:
    return text_cell(cell.get("path")) if isinstance(cell, dict) else ""


def _vote_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Columns named after expressions: one-hot labels, probabilities or votes."""
    names = {str(name): canonical_emotion(str(name)) for name in frame.columns}
    found = {column: name for column, name in names.items() if name is not None}
    return found if len(found) > 2 and len(set(found.values())) == len(found) else {}


def _is_empty(cell: object) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell))


def _take_pixels(listing: Listing, cells: Sequence[object]) -> None:
    images, bad = parse_images(cells)
    wrong = {row for row, _ in bad}
    for row, reason in bad:
        name, emotion = listing.rows["path"].iloc[row], listing.rows["emotion"].iloc[row]
        label = None if emotion is None else str(emotion)
        listing.problems.append(Problem(name, label, "undecodable", f"pixels: {reason}"))
    listing.pixels = images
    listing.keep([row for row in range(len(images)) if row not in wrong])


def _refuse_rivals(path: Path, frame: pd.DataFrame, emotion: str) -> None:
    """Refuse a table with two columns that may be the labels and are not the same, such as labels and predictions."""
    usual = {fold(name) for name in _EMOTION.split()}
    rivals = [name for name in frame.columns if name != emotion and fold(name) in usual]
    own = _meanings(frame[emotion]) if rivals else []
    for name in rivals:
        other = _meanings(frame[name])
        both = [(a, b) for a, b in zip(own, other, strict=True) if None not in (a, b)]
        # Numbers of the same classes: a column of 0 and 1 beside seven classes is something else.
        words = sum(isinstance(a, str) and isinstance(b, str) for a, b in both)
        numbers = {a for a, _ in both} == {b for _, b in both} and all(isinstance(b, int) for _, b in both)
        differ = sum(a != b for a, b in both)
        if differ and (2 * words >= len(own) or numbers):
            raise DataError(
                f"{path}: the columns '{emotion}' and '{name}' both hold emotions and differ in {differ:,} rows; name "
                f"the one with the labels in the settings: [columns] emotion = '{name}' or '{emotion}'"
            )


def _meanings(cells: pd.Series[Any]) -> list[str | int | None]:
    """Numbers and known emotions of a column; None for anything else."""
    texts = text_cells(cells)
    labels = {text: label_cell(text) for text in set(texts)}
    known = {text: value if isinstance(value, int) else canonical_emotion(value) for text, value in labels.items()}
    return [known[text] for text in texts]


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
            listing.classes_from = "the table's numbers"
        return
    wrong = sum(
        count
        for (n, name), count in pairs.items()
        if not (0 <= n < len(listing.classes) and listing.classes[n] == name)
    )
    if wrong:
        listing.notes.append(f"{wrong:,} rows whose number and emotion disagree: the emotion counts")


def text_cells(cells: pd.Series[Any]) -> list[str]:
    """A column of cells as by `text_cell`."""
    return [cell if type(cell) is str else text_cell(cell) for cell in cells.to_numpy(dtype=object)]


def label_cells(cells: pd.Series[Any]) -> list[str | int | None]:
    """A column of cells as by `label_cell`."""
    # Labels repeat. Only text is looked up: as keys 1, 1.0 and True are one.
    known: dict[str, str | int | None] = {}
    labels: list[str | int | None] = []
    for cell in cells.to_numpy(dtype=object):
        if type(cell) is not str:
            labels.append(label_cell(cell))
        elif cell in known:
            labels.append(known[cell])
        else:
            labels.append(known.setdefault(cell, label_cell(cell)))
    return labels


def text_cell(cell: object) -> str:
    """A cell as text; empty where it holds nothing, or something that is no word or number."""
    if _is_empty(cell):
        return ""
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell) if isinstance(cell, (str, PurePath, int, float, np.generic)) else ""


def label_cell(cell: object) -> str | int | None:
    """A label as text or whole number, which pandas may have written as "2.0"; None where there is none."""
    text = text_cell(cell).strip()
    if not text:
        return None
    whole = _WHOLE.fullmatch(text)
    return int(whole[1]) if whole else text
