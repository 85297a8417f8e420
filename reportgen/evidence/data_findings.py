"""What has to be known about the data before any number is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from reportgen.evidence.performance.scores import FEW

__all__ = ["Copies", "DataFindings", "LeftOut", "TrainingOverlap", "find_in_data"]

_DOMINANT = 0.4  # share of one emotion from which accuracy says little about the others


@dataclass(frozen=True)
class LeftOut:
    """Listed images that are not in the analysis for one reason.

    Attributes
    ----------
    kind
        The reason, as in the analysis's table of problems.
    images
        Path and message of each.
    """

    kind: str
    images: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Copies:
    """Files with the same bytes.

    Attributes
    ----------
    groups
        Paths of the files of each group.
    disagreeing
        Groups whose files have different labels.
    """

    groups: tuple[tuple[str, ...], ...]
    disagreeing: int

    @property
    def files(self) -> int:
        """How many files there are in all groups."""
        return sum(len(group) for group in self.groups)


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
        Where the persons come from: as given, or proposed from the file names.
    """

    shared: int
    known: int
    same_file: int
    source: Literal["given", "file names"]


@dataclass(frozen=True)
class DataFindings:
    """What was found.

    Attributes
    ----------
    images
        How many are in the analysis.
    left_out
        Listed images that are not.
    few
        Emotions with too few labelled images to evaluate, and how many they have.
    dominant
        The largest emotion and its share of the labelled images, 0..1, where that is above 0.4.
    decoding
        What decoding did to how many images, by name.
    remarks
        What reading the inputs had to decide, one sentence each.
    """

    images: int
    left_out: tuple[LeftOut, ...] = ()
    few: tuple[tuple[str, int], ...] = ()
    dominant: tuple[str, float] | None = None
    copies: Copies | None = None
    training: TrainingOverlap | None = None
    decoding: tuple[tuple[str, int], ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def listed(self) -> int:
        """Images in the analysis and those left out."""
        return self.images + sum(len(part.images) for part in self.left_out)


def find_in_data(
    images: pd.DataFrame,
    problems: pd.DataFrame,
    classes: Sequence[str],
    remarks: Sequence[str],
    training: TrainingOverlap | None,
) -> DataFindings:
    """Look over a test set.

    Parameters
    ----------
    images, problems
        As in `Analysis`.
    remarks
        What reading the inputs had to decide, one sentence each.
    training
        What is known of the training images; None where nothing is.
    """
    labels = images.loc[images["label"] >= 0, "label"]
    counts = labels.value_counts()
    sizes = {name: int(counts.get(index, 0)) for index, name in enumerate(classes)} if len(labels) else {}
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    dominant = None if largest is None else (largest, sizes[largest] / len(labels))
    decoding = images["notes"].str.split("; ").explode().value_counts()
    return DataFindings(
        images=len(images),
        left_out=tuple(
            LeftOut(str(kind), tuple(zip(rows["path"].astype(str), rows["message"].astype(str), strict=True)))
            for kind, rows in problems.groupby("kind", sort=True)
        ),
        few=tuple((name, n) for name, n in sizes.items() if n < FEW),
        dominant=dominant if dominant is not None and dominant[1] > _DOMINANT else None,
        copies=_copies(images),
        training=training,
        decoding=tuple(sorted((str(note), int(n)) for note, n in decoding.items() if note)),
        remarks=tuple(remarks),
    )


def _copies(images: pd.DataFrame) -> Copies | None:
    repeated = images[images.duplicated("sha256", keep=False)]
    groups = [group for _, group in repeated.groupby("sha256", sort=True)]
    disagreeing = sum(len(set(group["label"])) > 1 for group in groups)
    return Copies(tuple(tuple(group["path"]) for group in groups), disagreeing) if groups else None
