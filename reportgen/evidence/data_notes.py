"""What a reader should know about the data before believing any number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

__all__ = ["DataNote", "TrainingOverlap", "data_notes"]

_THIN = 10  # fewer images of an emotion allow no statement about it
_DOMINANT = 0.4  # share of one emotion from which accuracy says little about the others

_KINDS = {
    "unknown-label": "has a label that is none of the classes",
    "no-label": "has no label",
    "undecided-label": "has labels that disagree",
    "missing-file": "was not found",
    "duplicate-path": "is listed more than once",
    "undecodable": "cannot be decoded",
    "unreadable": "cannot be read or decoded",
}


@dataclass(frozen=True)
class DataNote:
    """One remark.

    Attributes
    ----------
    title
        A few words: "Persons seen in training".
    text
        One or two sentences with the numbers.
    items
        Names it concerns (as in the test set, never absolute paths).
    serious
        Whether it changes how the results are to be read.
    """

    title: str
    text: str
    items: tuple[str, ...] = ()
    serious: bool = False


@dataclass(frozen=True)
class TrainingOverlap:
    """How far the test images show what the models were trained on.

    Attributes
    ----------
    shared, known
        Test images of a person who is in training; test images whose person is known.
    same_file
        Test images that are listed in training under the same path.
    source
        Where the persons come from, as in "persons taken from the file names".
    """

    shared: int
    known: int
    same_file: int
    source: str


def data_notes(
    images: pd.DataFrame,
    problems: pd.DataFrame,
    classes: Sequence[str],
    remarks: Sequence[str],
    training: TrainingOverlap | None,
) -> tuple[DataNote, ...]:
    """Remarks on a test set, the serious ones first.

    Parameters
    ----------
    images, problems
        As in `Analysis`.
    remarks
        What reading the inputs had to decide, one sentence each.
    training
        What is known of the training images; None where nothing is.
    """
    labelled = images[images["label"] >= 0]
    notes = [
        *_left_out(problems, len(images) + len(problems)),
        *_small_classes(labelled, classes),
        *_repeated(images),
        *_seen_in_training(training),
        *_decoding(images),
    ]
    notes += [DataNote("While reading", text) for text in remarks]
    return tuple(sorted(notes, key=lambda note: not note.serious))


def _left_out(problems: pd.DataFrame, listed: int) -> list[DataNote]:
    notes = []
    for kind, rows in problems.groupby("kind", sort=True):
        verb = _KINDS.get(str(kind), f"was left out ({kind})")
        count = f"{len(rows):,} of {listed:,} listed images"
        items = tuple(f"{row.path}: {row.message}" for row in rows.itertuples())
        first = "One" if len(rows) == 1 else "Each"
        notes.append(DataNote("Images left out", f"{count}: left out. {first} {verb}.", items, serious=True))
    return notes


def _small_classes(labelled: pd.DataFrame, classes: Sequence[str]) -> list[DataNote]:
    if labelled.empty:
        return []
    counts = labelled["label"].value_counts()
    sizes = {name: int(counts.get(index, 0)) for index, name in enumerate(classes)}
    notes = []
    thin = {name: n for name, n in sizes.items() if n < _THIN}
    if thin:
        names = ", ".join(f"{name} ({n})" for name, n in thin.items())
        text = f"{names}: fewer than {_THIN} test images allow no statement about an emotion, only counts."
        notes.append(DataNote("Too few images", text, serious=True))
    largest = max(sizes, key=lambda name: sizes[name])
    share = sizes[largest] / len(labelled)
    if share > _DOMINANT:
        text = (
            f"{share:.0%} of the images are {largest}: a model that always says {largest} would reach that accuracy. "
            "Read recall per emotion and macro-F1 instead."
        )
        notes.append(DataNote("Unbalanced", text))
    return notes


def _repeated(images: pd.DataFrame) -> list[DataNote]:
    repeated = images[images.duplicated("sha256", keep=False)]
    if repeated.empty:
        return []
    groups = repeated.groupby("sha256", sort=True)
    disagree = sum(len(set(group["label"])) > 1 for _, group in groups)
    text = f"{len(repeated):,} files are copies of each other, in {groups.ngroups:,} groups"
    text += f"; in {disagree:,} of them the labels disagree." if disagree else ", with equal labels."
    items = tuple(" = ".join(group["path"]) for _, group in groups)
    return [DataNote("Repeated images", text, items, serious=disagree > 0)]


def _seen_in_training(training: TrainingOverlap | None) -> list[DataNote]:
    notes = []
    if training is not None and training.same_file:
        text = f"{training.same_file:,} test images are listed among the training images: scores on them are memory."
        notes.append(DataNote("Trained on the test", text, serious=True))
    if training is not None and training.shared:
        share = training.shared / training.known
        text = (
            f"{training.shared:,} of {training.known:,} test images ({share:.0%}) show a person who is also in the "
            f"training images ({training.source}). Scores on persons never seen may be lower: split by person."
        )
        notes.append(DataNote("Persons seen in training", text, serious=True))
    return notes


def _decoding(images: pd.DataFrame) -> list[DataNote]:
    counts = images["notes"].str.split("; ").explode().value_counts()
    counts = counts[counts.index != ""]
    if counts.empty:
        return []
    listed = ", ".join(f"{note}: {count:,}" for note, count in sorted(counts.items()))
    return [DataNote("How images were read", f"{listed} (of {len(images):,}).")]
