"""Labels that a person looked at again: `labels.csv` as the report's page of labels saves it, held against a test set.

Nothing of the user's data is changed: the test set is the same, with other labels in memory.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from reportgen.errors import DataError, printable
from reportgen.inputs.emotions import match_class

__all__ = ["Correction", "correct_labels", "read_corrections"]

_NEEDED = ("file", "old", "new")
_LARGEST = 64_000_000  # bytes: a line has about a hundred, a test set at most some hundred thousand images
_FORMULA = "=+-@"
"""A spreadsheet runs a cell that begins like this, so the page writes an apostrophe before it."""


@dataclass(frozen=True)
class Correction:
    """What one person said of one label.

    Attributes
    ----------
    file
        The image's path, as in the test set.
    old, new
        The class that it is labelled, and the class that it is to be labelled; the same where the label was confirmed.
    who, when, note
        As written, "" where nothing is.
    line
        Where it stands, as "labels.csv, line 3".
    """

    file: str
    old: str
    new: str
    who: str = ""
    when: str = ""
    note: str = ""
    line: str = ""

    def as_json(self) -> dict[str, str]:
        """All but where it stands."""
        return {name: value for name, value in asdict(self).items() if name != "line"}


def read_corrections(path: Path) -> list[Correction]:
    """The lines of a file of corrections; order and case of its columns do not matter, further columns are passed over.

    Raises
    ------
    DataError
        It cannot be read, or has other columns.
    """
    rows = _rows(path)
    header = [name.strip().casefold() for name in rows[0]] if rows else []
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise DataError(
            f"{path}: no column {' and no column '.join(missing)}; corrected labels need the columns file, old and "
            "new, as the report's page of labels saves them"
        )
    found = []
    for number, row in enumerate(rows[1:], 2):
        cells = {name: printable(cell.strip()) for name, cell in zip(header, row, strict=False)}
        if any(cells.values()):
            file, old, new, who, when, note = (cells.get(name, "") for name in (*_NEEDED, "who", "when", "note"))
            found.append(Correction(file, old, new, who, when, note, f"{path.name}, line {number}"))
    return found


def _rows(path: Path) -> list[list[str]]:
    """The cells of a table of text; spreadsheets save it with semicolons or tabs, too, and with a mark in front."""
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"{path}: larger than {_LARGEST // 1_000_000} MB, which no label file is; name another")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give existing files to --labels") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not in UTF-8; save it as 'CSV UTF-8'") from None
    first = text.partition("\n")[0]
    try:
        return list(csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t", key=first.count), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: no readable table ({error}); correct it, or save the labels again") from None


def correct_labels(
    frame: pd.DataFrame, classes: Sequence[str], corrections: Iterable[Correction], left_out: Mapping[str, str]
) -> tuple[pd.DataFrame, tuple[Correction, ...]]:
    """The images with corrected labels, and the corrections in the test set's own words, one for each image.

    Parameters
    ----------
    frame
        Of a test set: `path`, `emotion` and `label`.
    left_out
        By path, why an image is not in it.

    Raises
    ------
    DataError
        A line names an unknown file or class, another label than the file has, or contradicts another line.
    """
    rows: dict[str, list[int]] = {}
    for row, path in enumerate(frame["path"]):
        rows.setdefault(path, []).append(row)
    short = Counter(path.rpartition("/")[2] for path in rows)
    by_name = {path.rpartition("/")[2]: path for path in rows if short[path.rpartition("/")[2]] == 1}
    emotions = frame["emotion"].tolist()
    found: dict[str, Correction] = {}
    for given in corrections:
        own = _in_own_words(given, rows, by_name, emotions, classes, left_out)
        earlier = found.setdefault(own.file, own)
        if earlier.new != own.new:
            raise DataError(
                f"{own.line}: {own.file} is to be labelled {own.new}, but {earlier.new} by {earlier.line}; remove one "
                "of the two"
            )
    changed: list[Any] = list(emotions)
    labels = frame["label"].tolist()
    for path, one in found.items():
        for row in rows[path]:
            changed[row], labels[row] = one.new, classes.index(one.new)
    corrected = frame.assign(
        emotion=pd.Series(changed, index=frame.index, dtype=object),
        label=pd.Series(labels, index=frame.index, dtype=frame["label"].dtype),
    )
    return corrected, tuple(found.values())


def _in_own_words(
    given: Correction,
    rows: Mapping[str, Sequence[int]],
    by_name: Mapping[str, str],
    emotions: Sequence[Any],
    classes: Sequence[str],
    left_out: Mapping[str, str],
) -> Correction:
    """A correction that fits the test set, with the names that the test set uses."""
    file = given.file
    if file not in rows and file[:1] == "'" and file[1:2] in _FORMULA:
        file = file[1:]
    file = file if file in rows else by_name.get(file, file)
    if file not in rows:
        why = left_out.get(file)
        what = f"was left out ({why})" if why else "is no image of this test set"
        raise DataError(
            f"{given.line}: {file or 'an empty name'} {what}; write the files as the report's page of labels does, or "
            "remove the line"
        )
    names = {}
    for column, name in (("old", given.old), ("new", given.new)):
        known = match_class(name, classes)
        if known is None:
            raise DataError(
                f"{given.line}: column {column}: {name or 'an empty cell'} is none of the classes "
                f"{', '.join(classes)}; correct it, or remove the line"
            )
        names[column] = known
    labelled = {emotions[row] for row in rows[file]}
    if labelled != {names["old"]}:
        have = " and ".join(sorted(str(name) if name is not None else "nothing" for name in labelled))
        raise DataError(
            f"{given.line}: {file} is labelled {have} in the test set, not {names['old']}: the line was written for "
            "other labels; look at the image again, or remove the line"
        )
    return replace(given, file=file, **names)
