"""What the columns of a table mean: paths or pixels, emotions, persons, splits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from reportgen.config import Columns
from reportgen.errors import DataError
from reportgen.inputs.class_lists import ClassList
from reportgen.inputs.emotions import canonical_emotion, fold, match_class, name_classes
from reportgen.inputs.listing import Listing, Problem
from reportgen.inputs.tables.pixels import parse_images
from reportgen.inputs.tables.splits import choose_rows
from reportgen.inputs.tables.votes import (
    NO_CLASS,
    VoteColumns,
    count_votes,
    refuse_scores,
    vote_columns,
    winning_classes,
)

__all__ = [
    "PATH_NAMES",
    "ROW",
    "are_numbers",
    "are_words",
    "find_column",
    "label_cell",
    "label_cells",
    "label_column",
    "list_rows",
    "one_to_one",
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
ROW = "reportgen row"  # where rows are left out on reading: their numbers in the file
_EMOTION = "emotion emotions expression emotion_name emotion_label class_name class category target label labels"
_NUMBERS = (
    "class_id emotion_id label_id label_index class_idx class_index label_idx emotion_idx emotion_index expression_id "
    "target_id label_num class_num emotion_num label_no"
)
_LABEL = f"label labels target class {_NUMBERS} emotion expression category y"
# A column is the truth, or a model's answer, where its name has one of these words and no others than `_LABEL_WORDS`.
_TRUTH_WORDS = frozenset(["true", "truth", "groundtruth", "gt", "gold", "actual"])
_ANSWER_WORDS = frozenset({
    "pred", "preds", "predict", "predicted", "prediction", "predictions", "yhat", "hat", "guess", "guessed", "inferred",
    "dominant", "argmax", "top1",
})  # fmt: skip
# Such a column may be better than the one with the usual name, or not: the user has to say.
_CLAIM_WORDS = frozenset({
    "human", "manual", "annotation", "annotations", "annotated", "annotator", "expert", "clean", "cleaned", "corrected",
    "correct", "verified", "reviewed", "consensus", "majority", "final", "real", "intended", "original", "noisy", "old",
    "new",
})  # fmt: skip
_LABEL_WORDS = frozenset({
    "label", "labels", "emotion", "emotions", "expression", "class", "category", "target", "y", "name", "id", "idx",
    "index", "num", "ground",
})  # fmt: skip
_PARTS = re.compile(r"[A-Z]?[a-z]+\d?|[A-Z]+(?![a-z])")
_SAMPLE = 300  # cells that are enough to tell whether a column holds emotions
_PART = 3000  # rows that are enough to tell whether two columns belong together
_MOSTLY = 0.8  # share of them
_MOST_CLASSES = 20  # different numbers of labels
_LONGEST = 60  # characters of a label
_SURE = 0.9  # share of a number's rows with the same word, where a few of them are mistakes
_PERSON = "person person_id subject subject_id identity identity_id user_id actor actor_id"


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
    declared: ClassList | None = None,
    classes: Sequence[str] | None = None,
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
        The classes that the source states beside the table.
    classes
        The user's classes.

    Raises
    ------
    DataError
        No column for paths or pixels, or none for emotions, or no row; several columns that may be the labels.
    """
    frame = _plain_columns(frame)
    training: dict[str, pd.DataFrame] = {}
    said = list(notes)
    split = choose_rows(path, frame, columns.split)
    said += split.notes
    if split.columns:
        seen = read_training(frame[split.trained], columns)
        if seen is not None and len(seen):
            training["training rows"] = seen
        rows_used = _row_numbers(frame[split.tested])
        frame = frame[split.tested].drop(columns=list(split.columns)).assign(**{ROW: rows_used})
    if not len(frame):
        raise DataError(f"{path}: no row to test on; expected at least one labelled image")
    where, pixels = _image_columns(frame, columns)
    emotion = label_column(frame, columns)
    person = find_column(frame, columns.person, _PERSON)
    beside = vote_columns(frame, {where, pixels, person, emotion, ROW}, classes or ())
    votes = beside if emotion is None else None
    if (where is None and pixels is None) or (emotion is None and not votes):
        has_labels = emotion is not None or bool(votes)
        missing, example = ("image paths", "image_path") if has_labels else ("emotions", "emotion")
        found = ", ".join([str(name) for name in frame.columns if name != ROW][:12])
        raise DataError(
            f"{path}: no column for {missing} (found: {found}); name one '{example}', or name yours "
            "in the settings under [columns]"
        )
    if votes:
        refuse_scores(path, frame, votes, [name for name in frame.columns if _says(name, _ANSWER_WORDS)])
    number = _number_column(frame, columns, emotion)
    counted: dict[str, str | None] = {}
    if emotion is not None and columns.emotion is None and columns.label is None:
        others = {where, pixels, person, ROW}
        emotion, number = _weigh_rivals(path, frame, emotion, number, others, said)
        counted = _weigh_votes(path, frame, emotion, beside, said)
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
    listing.vote_columns = {name: word for name, word in counted.items() if name in rows.columns}
    names = (class_names or {}).get(emotion or "") or (class_names or {}).get(number or "")
    if names:
        listing.classes, listing.classes_from = name_classes(names), "the names that the data states"
        listing.numbers = dict(enumerate(listing.classes))
    elif declared is not None:
        listing.classes, listing.classes_from = name_classes(declared.names), "the names that the data states"
        if declared.numbers is not None:
            listing.numbers = dict(zip(declared.numbers, listing.classes, strict=True))
    if votes:
        listing.notes += votes.notes
        count_votes(listing, votes.classes, votes.others)
    if number is not None and number != emotion and emotion is not None:
        _compare_numbers(listing, label_cells(frame[number]))
    if pixels is not None:
        _take_pixels(listing, list(frame[pixels]))
    return listing


def label_column(frame: pd.DataFrame, columns: Columns) -> str | None:
    """The column of the labels: the given one, else one that says it is the truth, else the first usual name.

    A column of a model's answers ("prediction") is never one unless the settings name it.

    Raises
    ------
    DataError
        The given column is not there.
    """
    given = columns.emotion or columns.label
    usual = find_column(frame, given, _EMOTION) or find_column(frame, None, _NUMBERS)
    if given is not None:
        return usual
    truths = [str(name) for name in frame.columns if _says(name, _TRUTH_WORDS)]
    # A column `true` of 0 and 1 says whether an answer was right.
    most = 2 if truths and usual is not None and _distinct(frame[usual]) > 2 else 0
    truths = [
        name
        for name in truths
        if are_words(frame[name]) or (are_numbers(frame[name]) and _distinct(frame[name]) > most)
    ]
    words = [name for name in truths if are_words(frame[name])]
    return next(iter([*words, *truths]), usual)


def read_training(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame | None:
    """`path`, `person` and `emotion` (as written) of a training frame; None where it has no column of paths."""
    frame = _plain_columns(frame)

    def column(given: str | None, usual: str) -> str | None:
        return find_column(frame, given if given in frame.columns else None, usual)

    where = column(columns.path, PATH_NAMES)
    if where is None:
        return None
    person = column(columns.person, _PERSON)
    given = columns.emotion or columns.label
    emotion = label_column(frame, columns if given is None or given in frame.columns else Columns())
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


def _says(name: object, words: frozenset[str]) -> bool:
    """Whether a column's name has one of the words, and else only words for labels."""
    own = {word.casefold() for word in _PARTS.findall(str(name))}
    return bool(own & words) and own <= words | _LABEL_WORDS


def are_words(cells: pd.Series[Any]) -> bool:
    """Whether a column holds names of emotions."""
    return _share(cells, lambda cell: canonical_emotion(cell) is not None) >= _MOSTLY


def are_numbers(cells: pd.Series[Any]) -> bool:
    """Whether a column holds whole numbers and nothing else."""
    return _share(cells, lambda cell: isinstance(label_cell(cell), int)) == 1


def _share(cells: pd.Series[Any], fits: Callable[[object], bool]) -> float:
    """The share of the cells with something in them that fit, of a sample."""
    step = max(1, len(cells) // _SAMPLE)
    sample = [cell for cell in cells.iloc[::step] if not _is_empty(cell) and cell != ""] if _is_plain(cells) else []
    return sum(map(fits, sample)) / len(sample) if sample else 0.0


def _is_plain(cells: pd.Series[Any]) -> bool:
    """Whether the first cell is a word or a number: pixels and lists need not be looked at."""
    first = next((cell for cell in cells if not _is_empty(cell)), None)
    return isinstance(first, str | int | float | np.generic) and len(str(first)) < _LONGEST


def _distinct(cells: pd.Series[Any]) -> int:
    return len(set(label_cells(cells)) - {None}) if _is_plain(cells) else 0


def _number_column(frame: pd.DataFrame, columns: Columns, emotion: str | None) -> str | None:
    """The column of numbers that stand for the labels: the given one, else the first usual one that holds numbers.

    Else any that has one number for each emotion, beside words; else the first usual one that is there: it repeats the
    labels.
    """
    if columns.label is not None:
        return find_column(frame, columns.label, _LABEL)
    by_name = {fold(name): str(name) for name in reversed(list(frame.columns))}
    usual = [by_name[name] for name in map(fold, _LABEL.split()) if by_name.get(name, emotion) != emotion]
    found = next((name for name in usual if are_numbers(frame[name])), None)
    if found is None and emotion is not None and are_words(frame[emotion]):
        whole = [name for name in frame.columns if name not in (emotion, ROW) and are_numbers(frame[name])]
        whole = [name for name in whole if _distinct(frame[name]) <= _MOST_CLASSES]
        words = label_cells(frame[emotion]) if whole else []
        for name in whole:
            meaning = one_to_one(label_cells(frame[name]), words)
            # Fewer rows than twice the classes may be numbered one by one.
            if meaning and len(meaning) > 2 and len(frame) >= 2 * len(meaning) and max(meaning) <= len(meaning):
                return str(name)
    return found or next(iter(usual), None)


def _weigh_rivals(
    path: Path, frame: pd.DataFrame, emotion: str, number: str | None, others: set[str | None], notes: list[str]
) -> tuple[str, str | None]:
    """The columns of labels and of their numbers, where others hold emotions, too.

    Words beside numbers that they explain are the labels. Two columns with usual names that differ are refused; one
    that says it is the truth counts; any other that differs is named.
    """
    usual = {fold(name) for name in f"{_EMOTION} {_NUMBERS}".split()}
    sure = _says(emotion, _TRUTH_WORDS)
    words = [
        str(name)
        for name in frame.columns
        if name != emotion and name not in others and not _says(name, _ANSWER_WORDS) and are_words(frame[name])
    ]
    if are_numbers(frame[emotion]):
        explained = next((name for name in words if not sure or _says(name, _TRUTH_WORDS)), None)
        for name in [explained] if explained is not None else []:
            if one_to_one(label_cells(frame[emotion]), label_cells(frame[name])) is not None:
                return name, emotion
            if fold(name) in usual:
                raise DataError(
                    f"{path}: the numbers in column '{emotion}' and the words in '{name}' do not belong together; name "
                    f"the one with the labels in the settings: [columns] emotion = '{name}' or '{emotion}'"
                )
    elif number is not None and are_words(frame[emotion]) and not sure:
        part = frame.iloc[:: max(1, len(frame) // _PART)]
        own = label_cells(part[emotion])
        classes = {canonical_emotion(word) for word in own} - {None}
        alike = are_numbers(frame[number]) and abs(_distinct(part[number]) - len(classes)) < 2
        alike = alike and 2 < len(classes) <= len(frame) / 2
        if alike and fold(number) in usual and one_to_one(label_cells(part[number]), own) is None:
            raise DataError(
                f"{path}: the words in column '{emotion}' and the numbers in '{number}' do not belong together; name "
                f"the one with the labels in the settings: [columns] emotion = '{emotion}' or '{number}'"
            )
    rivals = [
        str(name)
        for name in frame.columns
        if name != emotion and (fold(name) in usual or _says(name, _TRUTH_WORDS) or name in words)
    ]
    meanings = _meanings(frame[emotion]) if rivals else []
    for name in rivals:
        other = _meanings(frame[name])
        both = [(a, b) for a, b in zip(meanings, other, strict=True) if None not in (a, b)]
        # Numbers of the same classes: a column of 0 and 1 beside seven classes is something else.
        named = sum(isinstance(a, str) and isinstance(b, str) for a, b in both)
        numbers = {a for a, _ in both} == {b for _, b in both} and all(isinstance(b, int) for _, b in both)
        differ = sum(a != b for a, b in both)
        if not differ or not (2 * named >= len(meanings) or numbers):
            continue
        claims = fold(name) in usual or _says(name, _CLAIM_WORDS)
        if _says(name, _TRUTH_WORDS) if sure else claims:
            raise DataError(
                f"{path}: the columns '{emotion}' and '{name}' both hold emotions and differ in {differ:,} rows; name "
                f"the one with the labels in the settings: [columns] emotion = '{name}' or '{emotion}'"
            )
        notes.append(
            f"labels are taken from column '{emotion}'; '{name}' differs from it in {differ:,} rows: "
            f"[columns] emotion = '{name}' takes that"
        )
    return emotion, number


def _weigh_votes(
    path: Path, frame: pd.DataFrame, emotion: str, votes: VoteColumns, notes: list[str]
) -> dict[str, str | None]:
    """Refuse one-hot columns that say something else than the column of labels; say so of votes.

    Scores between 0 and 1 are a model's, and differ as they like.

    Returns
    -------
    The columns that hold votes of several people, and the class of each.
    """
    if not votes:
        return {}
    winners, kind = winning_classes(frame, votes)
    counted = {**votes.classes, **dict.fromkeys(votes.others)} if kind == "votes" else {}
    if kind == "scores" or _says(emotion, _TRUTH_WORDS):
        return counted
    labels = label_cells(frame[emotion])
    if are_numbers(frame[emotion]):
        differ = len(labels) if one_to_one(labels, winners) is None else 0
    else:
        both = [(canonical_emotion(label), winner) for label, winner in zip(labels, winners, strict=True)]
        differ = sum(label != winner for label, winner in both if label and winner)
    shown = ", ".join(list(votes.classes)[:3])
    if differ and kind == "one-hot":
        raise DataError(
            f"{path}: the columns {shown} ... and the column '{emotion}' both hold labels and differ in {differ:,} "
            f"rows; take the wrong ones out of the table, or name the right one: [columns] emotion = '{emotion}'"
        )
    if differ:
        notes.append(
            f"labels are taken from column '{emotion}'; the most votes in {shown} ... differ from it in {differ:,} rows"
        )
    return counted


def _meanings(cells: pd.Series[Any]) -> list[str | int | None]:
    """Numbers and known emotions of a column; None for anything else."""
    texts = text_cells(cells)
    labels = {text: label_cell(text) for text in set(texts)}
    known = {text: value if isinstance(value, int) else canonical_emotion(value) for text, value in labels.items()}
    return [known[text] for text in texts]


def one_to_one(numbers: Sequence[Any], words: Sequence[Any]) -> dict[int, str] | None:
    """What each number means, where nearly all rows with it have the same word and no two numbers have the same one.

    Words for emotions are canonical. Others, as written, count where a number has no emotion; those that mean no class
    ("unknown") never do.
    """
    own = {
        word: canonical_emotion(word) or word
        for word in set(words)
        if isinstance(word, str) and fold(word) not in NO_CLASS
    }
    beside = Counter((n, word) for n, word in zip(numbers, words, strict=True) if isinstance(n, int) and word in own)
    named = {n for n, word in beside if canonical_emotion(word)}
    pairs: Counter[tuple[int, str]] = Counter()
    for (n, word), count in beside.items():
        if n not in named or canonical_emotion(word):
            pairs[n, own[word]] += count
    total: Counter[int] = Counter()
    for (n, _), count in pairs.items():
        total[n] += count
    meaning = {n: word for (n, word), count in pairs.items() if count >= _SURE * total[n]}
    return (
        meaning if meaning and meaning.keys() == total.keys() and len(set(meaning.values())) == len(meaning) else None
    )


def _compare_numbers(listing: Listing, numbers: list[Any]) -> None:
    """Learn what the numbers beside the words mean, or say that they disagree with what is declared."""
    words = listing.rows["emotion"].tolist()
    meaning = one_to_one(numbers, words)
    declared = listing.classes
    if declared is not None:
        own = {word: match_class(word, declared) for word in set(words) if isinstance(word, str)}
        shared = [
            (n, own[word]) for n, word in zip(numbers, words, strict=True) if isinstance(n, int) and own.get(word)
        ]
        # A list of names does not say whether numbers begin at 0 or 1.
        stated = [listing.numbers] if listing.numbers else [dict(enumerate(declared, first)) for first in (0, 1)]
        wrong = min(sum(numbering.get(n) != name for n, name in shared) for numbering in stated)
        if wrong:
            listing.notes.append(f"{wrong:,} rows whose number and emotion disagree: the emotion counts")
        if meaning is not None and wrong > (1 - _SURE) * len(shared):
            listing.numbers, listing.numbers_from = meaning, "the table's numbers"
    elif meaning is not None and len(meaning) > 1:
        listing.numbers, listing.numbers_from = meaning, "the table's numbers"
        known = {word: canonical_emotion(word) for word in set(words) if isinstance(word, str)}
        unlike = sum(
            known.get(word) not in (None, meaning.get(n))
            for n, word in zip(numbers, words, strict=True)
            if isinstance(n, int)
        )
        if unlike:
            listing.notes.append(f"{unlike:,} rows whose number and emotion disagree: the emotion counts")


def text_cells(cells: pd.Series[Any]) -> list[str]:
    """A column of cells as by `text_cell`."""
    return [cell if type(cell) is str else text_cell(cell) for cell in cells.to_numpy(dtype=object)]


def label_cells(cells: pd.Series[Any]) -> list[str | int | None]:
    """A column of cells as by `label_cell`."""
    if isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "iu":
        return list(map(int, cells.tolist()))
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
