"""Remarks on the data: what a reader should know before believing any number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from reportgen.evidence.data_findings import DataFindings, TrainingOverlap
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.near_duplicates import NearDuplicates
from reportgen.site.report import DataNote
from reportgen.site.wording.format import and_list, capital, count, number, percent, plain, plural

__all__ = ["data_notes"]

_KINDS = {
    "unknown-label": "label that is not among the classes",
    "no-label": "no label",
    "undecided-label": "contradictory labels",
    "missing-file": "file not found",
    "duplicate-path": "listed more than once",
    "exact-copy": "exact copies of another image with the same label",
    "undecodable": "cannot be decoded",
    "unreadable": "cannot be read or decoded",
}

# A file with colour channels may hold a grey photo: what is stored is not what is seen.
_DECODED = {"grey": "stored without colour channels"}


def data_notes(
    found: DataFindings, duplicates: NearDuplicates, images: pd.DataFrame, leakages: Sequence[Leakage] = ()
) -> tuple[DataNote, ...]:
    """All remarks on a test set, the serious ones first.

    Parameters
    ----------
    images
        The table of images whose rows the pairs of `duplicates` are.
    leakages
        What each model does on images of persons or files of the training data, and on the others.
    """
    notes = [
        *_near_duplicates(duplicates, images),
        *_left_out(found),
        *_sizes(found),
        *_copies(found),
        *_seen_in_training(found.training, leakages),
        *_reading(found),
    ]
    return tuple(sorted(notes, key=lambda note: not note.serious))


def _near_duplicates(duplicates: NearDuplicates, images: pd.DataFrame) -> Iterator[DataNote]:
    pairs = duplicates.pairs
    if pairs:
        text = (
            f"{count(len(pairs), 'pair')} of near-identical images {plural(len(pairs), 'has', 'have')} different "
            "labels: at least one label of each pair may be wrong."
        )
        path, emotion = [plain(str(name)) for name in images["path"]], images["emotion"].tolist()
        items = tuple(f"{path[p.a]} ({emotion[p.a]}) ~ {path[p.b]} ({emotion[p.b]})" for p in pairs)
        yield DataNote("Near duplicates with different labels", text, items, serious=True)


def _left_out(found: DataFindings) -> Iterator[DataNote]:
    for part in found.left_out:
        text = (
            f"{number(len(part.images))} of {count(found.listed, 'listed image')} "
            f"{plural(len(part.images), 'was', 'were')} left out: {_KINDS.get(part.kind, part.kind)}."
        )
        items = tuple(f"{plain(path)}: {plain(message)}" for path, message in part.images)
        yield DataNote("Images left out", text, items, serious=True)


def _sizes(found: DataFindings) -> Iterator[DataNote]:
    if found.few:
        names = ", ".join(f"{name} ({number(n)})" for name, n in found.few)
        # No more than a note: every number of theirs says so where it stands, and so does the answer about trust.
        text = f"Fewer than {FEW} test images, so only counts are given: {names}."
        yield DataNote("Too few images to evaluate", text)
    if found.dominant is not None:
        name, share = found.dominant
        text = (
            f"{percent(share)} of the labelled images are {name}: a model that always predicts {name} would reach that "
            "accuracy. Read recall per emotion and macro-F1 instead."
        )
        yield DataNote("Unbalanced classes", text)


def _copies(found: DataFindings) -> Iterator[DataNote]:
    copies = found.copies
    if copies is not None:
        text = f"{count(copies.files, 'file')} are exact copies of each other, in {count(len(copies.groups), 'group')}"
        text += f"; the labels of {count(copies.disagreeing, 'group')} differ." if copies.disagreeing else "."
        items = tuple(" = ".join(plain(path) for path in group) for group in copies.groups)
        yield DataNote("Repeated images", text, items, serious=copies.disagreeing > 0)


def _seen_in_training(training: TrainingOverlap | None, leakages: Sequence[Leakage]) -> Iterator[DataNote]:
    if training is not None and training.same_file:
        text = (
            f"{count(training.same_file, 'test image')} {plural(training.same_file, 'is', 'are')} also listed as "
            "training images: scores on them say nothing about new images."
        )
        yield DataNote("Test images used in training", text, serious=True)
    if training is not None and training.shared:
        share = percent(training.shared / training.known)
        source = " (persons read from the file names)" if training.source == "file names" else ""
        text = (
            f"{number(training.shared)} of {count(training.known, 'test image')} ({share}) "
            f"{plural(training.shared, 'shows', 'show')} a person of the training images{source}. "
            f"{_on_new(leakages)}"
        )
        yield DataNote("Persons seen in training", text, serious=True)


def _on_new(leakages: Sequence[Leakage]) -> str:
    """How the models do on these images and on the others, where there are others."""
    known = [one for one in leakages if one.on_seen.n and one.on_new.n]
    if not known:
        return "Scores on new persons may be lower."
    told = [f"{one.model} {percent(one.on_seen.value)} and {percent(one.on_new.value)}" for one in known]
    inflated = [one.model for one in known if one.proven]
    shown = f"that inflates the accuracy of {and_list(inflated)}" if inflated else "not shown to inflate accuracy"
    return f"Correct on these and on all others: {', '.join(told)}; {shown}."


def _reading(found: DataFindings) -> Iterator[DataNote]:
    if found.decoding:
        listed = ", ".join(f"{_DECODED.get(note, note)}: {number(n)}" for note, n in found.decoding)
        yield DataNote("How images were decoded", f"{listed} (of {number(found.images)}).")
    for remark in found.remarks:
        yield DataNote("While reading", capital(plain(remark)))
