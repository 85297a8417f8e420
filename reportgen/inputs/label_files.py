"""Files of further labels: those of several raters, whose votes are held beside the test set's own labels, and
corrections. Which of them a file holds is told by its columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reportgen.config import Columns
from reportgen.errors import DataError
from reportgen.inputs.emotions import fold, match_class
from reportgen.inputs.tables.columns import PATH_NAMES, find_column, label_cells, label_column, text_cells
from reportgen.inputs.tables.reading import read_table
from reportgen.inputs.tables.votes import NOT_A_CLASS

__all__ = ["LabelFiles", "read_ratings", "sort_label_files"]

_CORRECTIONS = frozenset({"file", "old", "new"})
_RATER = "rater rater_id annotator annotator_id labeller labeler coder worker worker_id user user_id user.id who"
_EXPECTED = (
    "expected ratings (a column of images such as 'image' and one of emotions such as 'emotion', one file for each "
    "rater or a column 'rater') or corrections (the columns file, old and new)"
)


@dataclass(frozen=True)
class LabelFiles:
    """The files of the setting `labels` by what they hold.

    Attributes
    ----------
    ratings
        The tables of the raters by file: one file for each rater, or one with a column that names raters.
    corrections
        Files of labels to replace.
    """

    ratings: Mapping[Path, pd.DataFrame]
    corrections: tuple[Path, ...] = ()


def sort_label_files(paths: Sequence[Path]) -> LabelFiles:
    """Tell files of ratings from a file of corrections by their columns.

    Raises
    ------
    DataError
        A file cannot be read, could be both or neither, or is given twice; one rater's labels alone.
    """
    ratings: dict[Path, pd.DataFrame] = {}
    corrections: list[Path] = []
    for path in paths:
        if path in ratings or path in corrections:
            raise DataError(f"{path}: given twice to --labels; give every file once")
        if not path.is_file():
            raise DataError(f"{path}: no such file; give files of labels to --labels")
        frame = read_table(path, Columns()).frame.rename(columns=lambda name: str(name).strip())
        folded = {fold(name) for name in frame.columns}
        rated = find_column(frame, None, PATH_NAMES) is not None and label_column(frame, Columns()) is not None
        if folded >= _CORRECTIONS and not rated:
            corrections.append(path)
        elif rated and not folded & {"old", "new"}:
            ratings[path] = frame
        else:
            found = ", ".join(map(str, frame.columns[:12])) or "no columns"
            raise DataError(f"{path}: cannot tell what labels it holds (found: {found}); {_EXPECTED}")
    if len(ratings) == 1 and all(find_column(frame, None, _RATER) is None for frame in ratings.values()):
        raise DataError(
            f"{next(iter(ratings))}: the labels of one rater tell nothing about agreement; give one file for each "
            "rater to --labels, or one file with a column 'rater'"
        )
    return LabelFiles(ratings, tuple(corrections))


def read_ratings(
    ratings: Mapping[Path, pd.DataFrame],
    images: Sequence[str],
    classes: Sequence[str],
    numbers: Mapping[int, str] | None,
    notes: list[str],
) -> pd.DataFrame:
    """Count the raters' labels of every image.

    An image is found by its path, else by its file's name where no other image of the test set has the same one.

    Parameters
    ----------
    ratings
        As `sort_label_files` gives them.
    images
        (n,) paths as the test set shows them.
    numbers
        What numbers among the labels mean, as in the test set; None where its labels are words.
    notes
        What reading them had to decide is added.

    Returns
    -------
    (n rows) votes for each class, and for none of them (`NOT_A_CLASS`).

    Raises
    ------
    DataError
        The numbers of a file have no known meaning, or it names no image of the test set.
    """
    places = _places(images)
    columns = [*classes, NOT_A_CLASS]
    counts = np.zeros((len(images), len(columns)))
    other: Counter[str] = Counter()
    unknown = repeated = 0
    raters: set[str] = set()
    for number, (path, frame) in enumerate(ratings.items()):
        where, emotion = str(find_column(frame, None, PATH_NAMES)), str(label_column(frame, Columns()))
        rater = find_column(frame, None, _RATER)
        names = [f"file {number}"] * len(frame) if rater is None else text_cells(frame[rater])
        written = [_key(name) for name in text_cells(frame[where])]
        rows = [places.get(name, places.get(name.rpartition("/")[2], -1)) for name in written]
        if max(rows, default=-1) < 0:
            first = f" (the first: {written[0]})" if written else ""
            raise DataError(f"{path}: names no image of the test set{first}; correct its column '{where}'")
        labels = label_cells(frame[emotion])
        given: dict[tuple[int, str], Any] = {}
        for row, who, label in zip(rows, names, labels, strict=True):
            if label is None or row < 0:
                unknown += label is not None
                continue
            repeated += (row, who) in given
            given[row, who] = label
        for (row, who), label in given.items():
            raters.add(who)
            word = _word(label, numbers, path)
            name = match_class(word, classes)
            other[word] += name is None
            counts[row, columns.index(name or NOT_A_CLASS)] += 1
    rated = int((counts.sum(axis=1) > 0).sum())
    notes.append(f"files of labels: votes of {len(raters):,} raters for {rated:,} of {len(images):,} images")
    if unknown:
        notes.append(f"{unknown:,} labels of the raters' files are for images that are not in the test set")
    if repeated:
        notes.append(f"{repeated:,} labels of the raters' files repeat an image of the same rater: the last one counts")
    listed = [f"{word} ({count:,})" for word, count in other.most_common(5) if count]
    if listed:
        notes.append(f"votes of the raters' files for none of the classes: {', '.join(listed)}")
    return pd.DataFrame(counts, columns=columns)


def _places(images: Sequence[str]) -> dict[str, int]:
    """The row of every path, and of every file's name that only one path has."""
    short = Counter(_key(path).rpartition("/")[2] for path in images)
    places = {}
    for row, path in enumerate(images):
        name = _key(path).rpartition("/")[2]
        if short[name] == 1:
            places[name] = row
    return places | {_key(path): row for row, path in enumerate(images)}


def _key(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")


def _word(label: object, numbers: Mapping[int, str] | None, path: Path) -> str:
    if not isinstance(label, int):
        return str(label)
    if numbers is None:
        raise DataError(
            f"{path}: labels are numbers, and the test set's are words, so that nothing says what the numbers mean; "
            "write the emotions as words"
        )
    return numbers.get(label, str(label))
