"""A test set as its source states it, before labels are read and files are looked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["PROBLEM_COLUMNS", "Listing", "Problem"]

PROBLEM_COLUMNS = ("path", "emotion", "kind", "message")


@dataclass(frozen=True)
class Problem:
    """Why one image is left out; `emotion` as far as it is known, `message` without a machine's folders."""

    path: str
    emotion: str | None
    kind: str
    message: str


@dataclass
class Listing:
    """Rows of a source and what the source says about them.

    Attributes
    ----------
    rows
        `path` (str), `emotion` (as written: text, number or None), `person` (str or None), then extra columns.
    folder
        Where relative paths start.
    source
        The source in one phrase, without a folder of this machine.
    classes
        The class order that the source declares, canonical, or None.
    classes_from
        Where that order comes from, as in "the folders' names in sorted order".
    numbers
        What numeric labels mean in this source, or None where it does not say.
    numbers_from
        Where that meaning comes from, as in "the numbering of RAF-DB".
    candidates
        Numberings that the source may have, by name, where it does not say which.
    pixels
        One image for each row where the source holds the images itself: (n, height, width) or (n, height, width, 3)
        uint8, or (n,) objects that are such arrays or the bytes of image files.
    boxes
        (n, 4) left, top, right and bottom in pixels of the face in each file; None where files are faces.
    roots
        Further folders in which relative paths may start.
    vote_columns
        Columns of `rows` that hold several people's votes, and the class of each, None for votes for no class.
    training
        Rows of training splits by name, with `path` and, where known, `person` and `emotion` (as written).
    """

    rows: pd.DataFrame
    folder: Path
    source: str
    classes: tuple[str, ...] | None = None
    classes_from: str = ""
    numbers: dict[int, str] | None = None
    numbers_from: str = ""
    candidates: dict[str, dict[int, str]] | None = None
    pixels: npt.NDArray[Any] | None = None
    boxes: npt.NDArray[np.int64] | None = None
    roots: tuple[Path, ...] = ()
    vote_columns: dict[str, str | None] = field(default_factory=dict)
    training: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def keep(self, rows: list[int]) -> None:
        """Reduce the rows, and the images that belong to them, to those at these places."""
        self.rows = self.rows.iloc[rows].reset_index(drop=True)
        if self.pixels is not None:
            self.pixels = self.pixels[rows]
        if self.boxes is not None:
            self.boxes = self.boxes[rows]
