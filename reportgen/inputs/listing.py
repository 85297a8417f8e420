"""A test set as its source states it, before labels are read and files are looked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

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
        `path` (str), `emotion` (as written: text, number or None), `person` (str or None), then extra
        columns.
    folder
        Where relative paths start.
    source
        The source in one phrase, without a folder of this machine.
    classes
        The class order that the source declares, canonical, or None.
    numbers
        What numeric labels mean in this source, or None.
    pixels
        (n, height, width) uint8, one for each row, where the source holds the images itself.
    training
        Rows of training splits by name, with `path` and, where known, `person` and `emotion` (as written).
    """

    rows: pd.DataFrame
    folder: Path
    source: str
    classes: tuple[str, ...] | None = None
    numbers: dict[int, str] | None = None
    pixels: npt.NDArray[np.uint8] | None = None
    training: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
