"""Finding the images of an analysis again: its table names them without the folders of the machine that made it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.listing import PROBLEM_COLUMNS
from reportgen.inputs.locate import Locator
from reportgen.inputs.testset import TestSet

__all__ = ["find_again", "locate", "reorder"]


def locate(images: pd.DataFrame, roots: Sequence[Path], *, check: bool = False) -> list[Path | None]:
    """The file of every image, None where it is not found.

    Where several images have one path, their content tells them apart.

    Parameters
    ----------
    images
        `path` and `sha256`.
    roots
        Folders to look in; the first that has a file wins.
    check
        Compare the content of every file with the image's hash, not only where a path stands twice.
    """
    locators = [Locator([root]) for root in roots]
    doubtful = images["path"].duplicated(keep=False).tolist()
    files: list[Path | None] = []
    for path, digest, same in zip(images["path"], images["sha256"], doubtful, strict=True):
        found = (file for locator in locators if (file := locator.find(path)) is not None)
        files.append(next((file for file in found if not (same or check) or _digest(file) == digest), None))
    return files


def find_again(images: pd.DataFrame, classes: Sequence[str], roots: Sequence[Path], source: str) -> TestSet:
    """The test set of an analysis whose images lie somewhere below `roots`.

    Parameters
    ----------
    images
        `path`, `emotion`, `label`, `person` and `sha256` of every row of the test set.
    roots
        As for `locate`.

    Raises
    ------
    DataError
        An image is not found; says how many.
    """
    files = locate(images, roots)
    # A file that could not be read before is listed as a problem already, whether it is there or not.
    lost = [
        path
        for path, file, digest in zip(images["path"], files, images["sha256"], strict=True)
        if file is None and digest
    ]
    if lost:
        raise DataError(
            f"{source}: {len(lost):,} of {len(images):,} images were not found (the first: {lost[0]}); give their "
            "folder with --image-root, or the whole test set with --data"
        )
    frame = images[["path", "emotion", "label", "person"]].copy()
    frame.insert(
        1, "file", pd.Series([None if file is None else str(file) for file in files], dtype=object, index=frame.index)
    )
    return TestSet(frame.reset_index(drop=True), tuple(classes), pd.DataFrame(columns=list(PROBLEM_COLUMNS)), source)


def reorder(test_set: TestSet, images: pd.DataFrame) -> TestSet:
    """The rows of a test set that an analysis has, in the analysis's order.

    Raises
    ------
    DataError
        A path of the analysis is not in the test set.
    """
    rows = pd.Index(test_set.frame["path"]).get_indexer(images["path"].tolist())
    if (rows < 0).any():
        lost = images["path"][rows < 0].tolist()
        raise DataError(
            f"{test_set.source}: {len(lost):,} of {len(images):,} images of the analysis are not in it "
            f"(the first: {lost[0]}); give the whole test set to --data"
        )
    pixels = None if test_set.pixels is None else test_set.pixels[rows]
    frame = test_set.frame.iloc[rows].reset_index(drop=True)
    return TestSet(
        frame, test_set.classes, test_set.problems, test_set.source, test_set.training, test_set.notes, pixels
    )


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
