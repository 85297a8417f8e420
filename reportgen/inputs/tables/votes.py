"""Labels that several columns hold together: one-hot rows, probabilities and votes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_numeric_dtype

from reportgen.analysis import VOTES
from reportgen.errors import DataError
from reportgen.inputs.emotions import canonical_emotion, fold, match_class
from reportgen.inputs.listing import Listing, Problem

__all__ = [
    "NOT_A_CLASS",
    "NO_CLASS",
    "VoteColumns",
    "count_votes",
    "refuse_scores",
    "vote_columns",
    "votes_by_class",
    "winning_classes",
]

NOT_A_CLASS = "no class"
"""Column of votes for what is none of the classes."""

NO_CLASS = frozenset({
    "unknown", "nf", "noface", "notaface", "none", "other", "others", "uncertain", "unsure", "notsure", "ambiguous",
    "unclear", "invalid", "nolabel",
})  # fmt: skip
"""Names, as `fold` writes them, under which people keep images and votes of no class."""
_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})
_DIGITS = 9  # of a class's number; Python turns no text of thousands of digits into one
_CONSTANT = 0.95  # share of rows with the same sum that makes columns one set of votes


class _Sum(NamedTuple):
    """Whether most rows of votes sum to 1 or 100, and the share of rows with the commonest sum, to two decimals."""

    whole: bool
    share: float


class VoteColumns:
    """The columns of a table that hold votes.

    Attributes
    ----------
    classes
        The class of each column, by the column.
    others
        Columns with votes for no class ("unknown").
    notes
        What stands beside them and is not counted.
    """

    def __init__(self, classes: Mapping[str, str], others: Sequence[str] = (), notes: Sequence[str] = ()) -> None:
        self.classes = dict(classes)
        self.others = list(others)
        self.notes = list(notes)

    def __bool__(self) -> bool:
        return bool(self.classes)


def vote_columns(frame: pd.DataFrame, taken: Collection[str | None], classes: Sequence[str]) -> VoteColumns:
    """The columns named after expressions or the user's classes, and those beside them that belong to the same votes.

    A column with another name ("bored") is a class of its own where it stands among the others, or where the sum of a
    row is the same for all rows only with it.

    Parameters
    ----------
    taken
        Columns with another meaning.
    classes
        The user's classes.
    """
    names = [str(name) for name in frame.columns if name not in taken]
    known = {name: match_class(name, classes) or canonical_emotion(name) for name in names}
    found = {name: word for name, word in known.items() if word is not None}
    if len(found) < 3 or len(set(found.values())) < len(found):
        return VoteColumns({})
    others = [name for name in names if fold(name) in NO_CLASS and name not in found]
    free = [name for name in names if name not in found and name not in others and _counts(frame[name]) is not None]
    places = [names.index(name) for name in found]
    inside = [name for name in free if min(places) < names.index(name) < max(places)]
    votes = _numbers(frame, [*found, *others, *inside])
    own = inside
    best = _same_sum(votes)
    for run in (_run(names, max(places) + 1, 1, free, others), _run(names, min(places) - 1, -1, free, others)):
        for length in range(1, len(run) + 1):
            found_sum = _same_sum(np.hstack([votes, _numbers(frame, run[:length])]))
            if found_sum > best and found_sum.share >= _CONSTANT:
                best, own = found_sum, [*inside, *run[:length]]
    whole = bool((votes == np.rint(votes)).all())
    beside = []
    for name in _run(names, max(places) + 1, 1, free, others):
        counts = _numbers(frame, [name])
        alike = bool((counts <= max(1.0, votes.max())).all()) and (not whole or bool((counts == np.rint(counts)).all()))
        wins = int((counts[:, 0] > votes.max(axis=1)).sum())
        if name not in own and alike and wins:
            beside.append(f"{name} ({wins:,} rows)")
    notes = []
    if beside:
        notes.append(
            f"columns beside the votes are not counted, though they are larger than all votes in some rows: "
            f"{', '.join(beside)}; name all classes in the settings with 'classes = [...]' where they are classes"
        )
    ordered = [name for name in names if name in found or name in own]
    return VoteColumns({name: found.get(name, name) for name in ordered}, others, notes)


def refuse_scores(path: Path, frame: pd.DataFrame, votes: VoteColumns, predictions: Sequence[str]) -> None:
    """Refuse scores of a model in place of labels: beside them stands a prediction, and it is their largest.

    Raises
    ------
    DataError
        The columns are scores.
    """
    if not predictions or not len(frame):
        return
    own = tuple(votes.classes.values())
    largest = _numbers(frame, list(votes.classes)).argmax(axis=1)
    for name in predictions:
        texts = [str(cell).strip().removesuffix(".0") for cell in frame[name]]
        words = np.array([match_class(text, own) or canonical_emotion(text) for text in texts], dtype=object)
        numbers = np.array([int(text) if text.isdecimal() and len(text) <= _DIGITS else -1 for text in texts])
        if max((words == np.array(own, dtype=object)[largest]).mean(), (numbers == largest).mean()) >= _CONSTANT:
            raise DataError(
                f"{path}: the columns {', '.join(list(votes.classes)[:3])} ... are a model's scores, since '{name}' is "
                "the largest of them, and no column holds labels; add one, named 'emotion'"
            )


def winning_classes(frame: pd.DataFrame, votes: VoteColumns) -> tuple[list[str | None], str]:
    """The class with most votes in each row, None where several or none have; and whether they are "one-hot", "votes"
    (whole numbers) or "scores".
    """
    counts = _numbers(frame, [*votes.classes, *votes.others])
    names = [*votes.classes.values(), *[None] * len(votes.others)]
    alone = ((counts == counts.max(axis=1, keepdims=True)) & (counts > 0)).sum(axis=1) == 1
    winners = [names[place] if clear else None for place, clear in zip(counts.argmax(axis=1), alone, strict=True)]
    if not (counts == np.rint(counts)).all():
        return winners, "scores"
    return winners, "one-hot" if counts.max(initial=0) <= 1 and (counts.sum(axis=1) <= 1).all() else "votes"


def count_votes(listing: Listing, votes: Mapping[str, str], others: Sequence[str] = ()) -> None:
    """Take the label with most votes, or the one of a one-hot row; without a single winner the row is left out.

    Parameters
    ----------
    votes
        Columns of `listing.rows` with votes for a class, and the class's name.
    others
        Columns with votes for no class ("unknown"): a row that they win is left out.
    """
    counts = _numbers(listing.rows, [*votes, *others])
    names = [*votes.values(), *others]
    one_hot = bool(((counts == 0) | (counts == 1)).all() and (counts.sum(axis=1) <= 1).all())
    won = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)
    first = won.argmax(axis=1)
    decided = (won.sum(axis=1) == 1) & (first < len(votes))
    paths = listing.rows["path"].tolist()
    for row in np.flatnonzero(~decided).tolist():
        winners = [name for name, wins in zip(names, won[row], strict=True) if wins]
        message = f"most votes are for {' and '.join(winners)}" if winners else "it has no vote"
        listing.problems.append(Problem(str(paths[row]), None, "undecided-label", message))
    kept = np.flatnonzero(decided).tolist()
    listing.keep(kept)
    listing.rows["emotion"] = pd.Series([names[place] for place in first[kept].tolist()], dtype=object)
    if one_hot:
        listing.rows = listing.rows.drop(columns=[*votes, *others])
    else:
        numbers = counts[kept].astype(np.int64) if (counts == np.rint(counts)).all() else counts[kept]
        listing.rows = listing.rows.drop(columns=[*votes, *others])
        for place, name in enumerate((*votes, *others)):
            listing.rows[f"{VOTES}{name}"] = numbers[:, place]
            listing.vote_columns[f"{VOTES}{name}"] = votes.get(name)
        listing.notes.append("the class with most votes is the label, ties are left out; all votes are kept as columns")


def votes_by_class(
    rows: pd.DataFrame, columns: Mapping[str, str | None], classes: Sequence[str]
) -> pd.DataFrame | None:
    """Votes for each class and for none of them (`NOT_A_CLASS`); None where no two columns are votes for classes.

    Parameters
    ----------
    columns
        As in `Listing.vote_columns`.
    """
    named = {name: match_class(word, classes) for name, word in columns.items()}
    if len(set(named.values()) - {None}) < 2:
        return None
    numbers = _numbers(rows, list(named))
    summed = pd.DataFrame(0.0, index=range(len(rows)), columns=[*classes, NOT_A_CLASS])
    for place, word in enumerate(named.values()):
        summed[word or NOT_A_CLASS] += numbers[:, place]
    return summed


def _run(names: Sequence[str], start: int, step: int, free: Sequence[str], others: Sequence[str]) -> list[str]:
    """Columns of numbers that follow each other from a place on; those that vote for no class do not part them."""
    run = []
    place = start
    while 0 <= place < len(names) and (names[place] in free or names[place] in others):
        run += [names[place]] if names[place] in free else []
        place += step
    return run


def _counts(column: pd.Series[Any]) -> npt.NDArray[np.float64] | None:
    """A column as numbers from 0 on, empty cells as 0; None where it holds anything else."""
    words = column if is_numeric_dtype(column) else column.map(_as_number)
    numbers = pd.to_numeric(words, errors="coerce")
    empty = words.isna() | (words.astype(str).str.strip() == "")
    values = numbers.fillna(0).to_numpy(dtype=np.float64)
    return values if bool((numbers.notna() | empty).all()) and bool((values >= 0).all()) else None


def _as_number(cell: object) -> object:
    """Yes and no as 1 and 0: pandas writes one-hot columns as True and False."""
    word = cell.strip().casefold() if isinstance(cell, str) else cell
    if isinstance(word, str) and word in _TRUE | _FALSE:
        return int(word in _TRUE)
    return cell if isinstance(cell, str | int | float | np.generic) else None


def _numbers(frame: pd.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """(rows, columns) votes, 0 where a cell is no number."""
    table = np.zeros((len(frame), len(columns)))
    for place, name in enumerate(columns):
        cells = frame[name]
        cells = cells if is_numeric_dtype(cells) else cells.map(_as_number)
        table[:, place] = pd.to_numeric(cells, errors="coerce").fillna(0).to_numpy(dtype=np.float64)
    return table


def _same_sum(votes: npt.NDArray[np.float64]) -> _Sum:
    if not len(votes):
        return _Sum(False, 0.0)
    sums, counts = np.unique(np.round(votes.sum(axis=1), 2), return_counts=True)
    return _Sum(float(sums[counts.argmax()]) in (1.0, 100.0), float(counts.max() / len(votes)))
