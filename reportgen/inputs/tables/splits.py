"""Which rows of a table are tested: those of its test split, by the names that people give splits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.emotions import fold

__all__ = ["SPLIT_NAMES", "Split", "choose_rows", "split_kind"]

SPLIT_NAMES = (
    "usage split set subset partition fold kfold folds fold_id cv_fold split_id split_name data_split dataset_split "
    "partition_id"
)
_KINDS = {
    "test": "test testing tst te private privatetest heldout holdout fer2013test",
    "validation": "validation valid val public publictest dev development eval evaluation fer2013valid",
    "training": "training train trn tr fit trainval trainvalidation fer2013train",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}
# Splits where the column says so; in any other column they may be anything.
_UNSURE = frozenset({"public", "private", "fit", "te", "tr"})
_BESIDE = frozenset(
    [
        "set",
        "data",
        "split",
        "images",
        "rows",
        "part",
        "final",
        "new",
        "old",
        "aug",
        "augmented",
        "held",
        "out",
        "a",
        "b",
    ]
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PATH = re.compile(r"[/\\]|\.\w+$")
_MARKS = re.compile(r"\W+")
_PART = re.compile(r"(?:set|data|split|images|rows|part)?\d*$")
# Columns of yes and no. `valid` is missing: such a row is usable.
_FLAGS = {
    "test": "istest istesting intest test testset testing isheldout isholdout heldout holdout",
    "validation": "isval isvalid isvalidation inval val validation validationset",
    "training": "istrain istraining intrain train trainset training usedfortraining seenintraining",
}
_YES = frozenset(["1", "true", "yes", "y", "t"])
_NO = frozenset(["0", "false", "no", "n", "f", ""])
_MOST_SPLITS = 12  # values of a column with a name of its own that may still be splits
_SHOWN = 6
_LONGEST = 40  # characters of a split's name


@dataclass(frozen=True)
class Split:
    """Which rows are tested.

    Attributes
    ----------
    tested, trained
        (n,) bool.
    columns
        Columns that told so.
    notes
        What was decided, one sentence each.
    """

    tested: npt.NDArray[np.bool_]
    trained: npt.NDArray[np.bool_]
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def split_kind(value: object) -> str:
    """Which kind of split a name means, as "Test set" and "test2" mean "test"; "" where it is none that is known."""
    word = _MARKS.sub("", fold(value))
    return _KIND_OF.get(word) or _KIND_OF.get(_PART.sub("", word)) or _kind_of_words(str(value))


def _kind_of_words(text: str) -> str:
    """The kind that several words name, as in "final_test" and "train-aug", where no other word stands among them."""
    words = _WORD.findall(text)
    if len(words) < 2 or len(text) > _LONGEST or _PATH.search(text):
        return ""
    words = [word.casefold() for word in words]
    kinds = {_KIND_OF[word] for word in words if word in _KIND_OF and word not in _UNSURE}
    if not {word for word in words if word not in _KIND_OF} <= _BESIDE:
        return ""
    if kinds == {"test"} and "public" in words:
        return "validation"  # as FER2013 has it
    return kinds.pop() if len(kinds) == 1 else ""


def choose_rows(path: Path, frame: pd.DataFrame, given: str | None) -> Split:
    """The rows to test on: test, else validation, else those of no known split, else training rows.

    Parameters
    ----------
    path
        The table's file, for messages.
    given
        The setting `columns.split`: a column, or "column=value" for the rows with this value.

    Raises
    ------
    DataError
        The given column or value is not there.
    """
    if given is not None:
        return _given_rows(path, frame, given)
    unknown, names = "", {fold(name) for name in SPLIT_NAMES.split()}
    for column in _candidates(frame):
        cells = _texts(frame[column])
        values = list(cells.unique())
        kinds = {value: split_kind(value) for value in values}
        named = fold(column) in names
        sure = any(fold(value) not in _UNSURE for value in values)
        if any(kinds.values()) if named else sure and all(kinds.values()) and len(set(kinds.values())) > 1:
            chosen = _of_kinds(column, cells, kinds)
            return replace(chosen, notes=(*chosen.notes, *_contradicting(frame, chosen)))
        if named and not unknown and len(values) > 1:
            unknown = (
                f"column {column} has the values {_listed(values)}, none of which names a known split: all rows are "
                f'tested; to test some of them, set [columns] split = "{column}={values[0]}"'
            )
    flagged = _of_flags(frame)
    if flagged is not None:
        return flagged
    every = np.ones(len(frame), dtype=bool)
    return Split(every, ~every, (), (unknown,) if unknown else ())


def _candidates(frame: pd.DataFrame) -> list[str]:
    """Columns that may name splits: those with a usual name, then short texts of a few values."""
    by_name = {fold(name): name for name in reversed(list(frame.columns))}
    usual = [by_name[name] for name in map(fold, SPLIT_NAMES.split()) if name in by_name]
    others = []
    for name in frame.columns:
        first = frame[name].iloc[0] if len(frame) and name not in usual else None
        # The first cell tells most columns apart without reading them all.
        if isinstance(first, str) and split_kind(first) and frame[name].map(lambda cell: isinstance(cell, str)).all():
            values = frame[name].unique()
            others += [name] if len(values) <= _MOST_SPLITS else []
    return [*usual, *others]


def _contradicting(frame: pd.DataFrame, chosen: Split) -> list[str]:
    """What to say where another column calls tested rows training rows."""
    notes = []
    for column in _candidates(frame) if chosen.columns else []:
        cells = _texts(frame[column])
        known = [value for value in cells.unique() if split_kind(value) == "training"]
        trained = cells.isin(known).to_numpy(dtype=bool) & chosen.tested
        if column not in chosen.columns and trained.any():
            notes.append(f"column {column} calls {int(trained.sum()):,} of these rows training rows")
    return notes


def _of_kinds(column: str, cells: pd.Series[Any], kinds: Mapping[str, str]) -> Split:
    by_kind = {kind: [value for value, own in kinds.items() if own == kind] for kind in ("test", "validation", "")}
    chosen = next((kind for kind, values in by_kind.items() if values), "training")
    trained = cells.map(kinds).eq("training").to_numpy(dtype=bool)
    if chosen == "training":
        return Split(trained, ~trained, (), ("only training rows were found: a model has probably seen these images",))
    tested = cells.isin(by_kind[chosen]).to_numpy(dtype=bool)
    note = f"rows with {column} = {_listed(by_kind[chosen])} are used ({int(tested.sum()):,})"
    left = by_kind[""] if chosen else []
    if left:
        note += f"; those with {_listed(left)}, no split that is known, are not ({int(cells.isin(left).sum()):,})"
    return Split(tested, trained, (column,), (note,))


def _of_flags(frame: pd.DataFrame) -> Split | None:
    """Columns of yes and no such as `is_test`; None where there is none."""
    found: dict[str, tuple[str, npt.NDArray[np.bool_]]] = {}
    for name in frame.columns:
        kind = next((kind for kind, words in _FLAGS.items() if fold(name) in words.split()), "")
        if not kind or kind in found or not len(frame):
            continue
        cells = _texts(frame[name]).str.casefold()
        if set(cells.unique()) <= _YES | _NO:
            found[kind] = name, cells.isin(_YES).to_numpy(dtype=bool)
    if not found:
        return None
    trained = found["training"][1] if "training" in found else np.zeros(len(frame), dtype=bool)
    for kind in ("test", "validation"):
        name, tested = found.get(kind, ("", trained))
        if name and tested.any():
            used = f"rows with {name} = {_shown(frame[name][tested].iloc[0])} are used ({int(tested.sum()):,})"
            return Split(tested, trained & ~tested, tuple(column for column, _ in found.values()), (used,))
    if "training" not in found:
        return None
    name = found["training"][0]
    if trained.all():
        return Split(trained, ~trained, (), ("only training rows were found: a model has probably seen these images",))
    value = _shown(frame[name][~trained].iloc[0])
    used = f"rows with {name} = {value or 'nothing'} are used ({int((~trained).sum()):,})"
    return Split(~trained, trained, tuple(column for column, _ in found.values()), (used,))


def _given_rows(path: Path, frame: pd.DataFrame, given: str) -> Split:
    column, equals, value = (part.strip() for part in given.partition("="))
    if column not in frame.columns:
        found = ", ".join(map(str, frame.columns[:12]))
        raise DataError(f"{path}: no column '{column}' as [columns] split names it (found: {found}); correct it")
    cells = _texts(frame[column])
    values = list(cells.unique())
    if not equals:
        kinds = {value: split_kind(value) for value in values}
        if not any(kinds.values()):
            raise DataError(
                f"{path}: column '{column}' has the values {_listed(values)}, none of which names a known split; name "
                f'the one to test in the settings: [columns] split = "{column}={values[0]}"'
            )
        return _of_kinds(column, cells, kinds)
    tested = cells.map(fold).eq(fold(value)).to_numpy(dtype=bool)
    if not tested.any():
        raise DataError(f"{path}: no row with {column} = {value} (found: {_listed(values)}); correct [columns] split")
    trained = cells.map(split_kind).eq("training").to_numpy(dtype=bool) & ~tested
    note = f"rows with {column} = {value} are used ({int(tested.sum()):,}), as [columns] split says"
    return Split(tested, trained, (column,), (note,))


def _texts(cells: pd.Series[Any]) -> pd.Series[Any]:
    """A column's cells as the settings may name them; those of a split are few."""
    try:
        codes, values = pd.factorize(cells, use_na_sentinel=False)
    except TypeError:  # lists
        return cells.map(_shown).astype(object)
    return pd.Series(
        np.array([_shown(value) for value in values], dtype=object)[codes], index=cells.index, dtype=object
    )


def _shown(cell: object) -> str:
    """A cell as the settings may name it."""
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()[:_LONGEST]


def _listed(values: list[str]) -> str:
    values = list({fold(value): value for value in reversed(values)}.values())[::-1]
    shown = ", ".join(value or "(empty)" for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} ... ({len(values):,} in all)"
