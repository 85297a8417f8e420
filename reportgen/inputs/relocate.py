"""Finding the images of an analysis again: its table names them without the folders of the machine that made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import VOTES
from reportgen.errors import DataError
from reportgen.inputs.checksums import content_digest, in_threads
from reportgen.inputs.images.locate import Locator
from reportgen.inputs.listing import PROBLEM_COLUMNS
from reportgen.inputs.tables.votes import votes_by_class
from reportgen.inputs.testset import FACE_BOX, TestSet, cut_face

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
        Compare the content of every file with the image's hash, not only where a path occurs twice.
    """
    locators = [Locator([root]) for root in roots]
    wanted = list(zip(images["path"], images["sha256"], images["path"].duplicated(keep=False) | check, strict=True))

    def find(rows: range) -> list[Path | None]:
        files = []
        for path, digest, exact in wanted[rows.start : rows.stop]:
            found = (file for locator in locators if (file := locator.find(path)) is not None)
            files.append(next((file for file in found if not exact or content_digest(file.read_bytes) == digest), None))
        return files

    return in_threads(find, len(wanted))


def find_again(images: pd.DataFrame, classes: Sequence[str], roots: Sequence[Path], source: str) -> TestSet:
    """The test set of an analysis whose images lie somewhere below `roots`.

    Parameters
    ----------
    images
        `path`, `emotion`, `label`, `person` and `sha256` of every row of the test set; also `face_box` where images are
        faces cut out of photos.
    roots
        As for `locate`.

    Raises
    ------
    DataError
        An image is not found, or only another one of its name; says how many.
    """
    boxes = None
    if FACE_BOX in images.columns:
        boxes = np.array([list(map(int, box.split())) for box in images[FACE_BOX]], dtype=np.int64).reshape(-1, 4)
        photos = images.assign(path=images["path"].str.rpartition("#")[0])
        once = photos.drop_duplicates("path")
        found = dict(zip(once["path"], locate(once, roots), strict=True))
        files = _holding_faces(images, boxes, [found[path] for path in photos["path"]])
    else:
        files = locate(images, roots, check=True)
    # A file that could not be read before is listed as a problem already, whether it is there or not.
    lost = images[[file is None and digest != "" for file, digest in zip(files, images["sha256"], strict=True)]]
    if len(lost):
        others = sum(file is not None for file in locate(lost.drop_duplicates("path"), roots))
        instead = f"; {others:,} files of these names hold other images than were analysed" if others else ""
        raise DataError(
            f"{source}: {len(lost):,} of {len(images):,} images were not found (the first: {lost['path'].iloc[0]})"
            f"{instead}; give their folder with --image-root, or the whole test set with --data"
        )
    frame = images[["path", "emotion", "label", "person"]].copy()
    frame.insert(
        1, "file", pd.Series([None if file is None else str(file) for file in files], dtype=object, index=frame.index)
    )
    problems = pd.DataFrame(columns=list(PROBLEM_COLUMNS))
    columns = {name: str(name).removeprefix(VOTES) for name in images.columns if str(name).startswith(VOTES)}
    votes = votes_by_class(images.reset_index(drop=True), columns, classes)
    return TestSet(frame.reset_index(drop=True), tuple(classes), problems, source, boxes=boxes, votes=votes)


def _holding_faces(
    images: pd.DataFrame, boxes: npt.NDArray[np.int64], photos: Sequence[Path | None]
) -> list[Path | None]:
    """The photos whose part in the box is the face that was analysed; None for the others."""
    digests = images["sha256"].tolist()

    def check(rows: range) -> list[Path | None]:
        files = []
        for row in rows:
            photo = photos[row]
            same = photo is not None and content_digest(partial(cut_face, photo, boxes[row])) == digests[row]
            files.append(photo if same else None)
        return files

    return in_threads(check, len(photos))


def reorder(test_set: TestSet, images: pd.DataFrame) -> TestSet:
    """The rows of a test set that an analysis has, in the analysis's order.

    Several rows may show one path, since paths are shown without the folders of a machine: content tells them apart.

    Raises
    ------
    DataError
        An image of the analysis is not in the test set, or is another one by now.
    """
    shown = pd.Series(test_set.frame["path"].to_numpy())
    candidates = np.flatnonzero(shown.isin(images["path"]))
    digests = in_threads(
        lambda rows: [
            content_digest(partial(test_set.read_bytes, int(row))) for row in candidates[rows.start : rows.stop]
        ],
        len(candidates),
    )
    places: dict[tuple[str, str], int] = {}
    named: dict[str, int] = {}
    for row, digest in zip(candidates.tolist(), digests, strict=True):
        places.setdefault((shown[row], digest), row)
        named.setdefault(shown[row], row)
    # An image that could not be read before has no content to compare, and is shown nowhere.
    rows = [
        places.get((path, digest), named.get(path, -1) if digest == "" else -1)
        for path, digest in zip(images["path"], images["sha256"], strict=True)
    ]
    lost = images["path"][[row < 0 for row in rows]]
    if len(lost):
        others = int(lost.isin(named).sum())
        instead = f", and {others:,} of these paths are there with another image than was analysed" if others else ""
        raise DataError(
            f"{test_set.source}: {len(lost):,} of {len(images):,} images of the analysis are not in it "
            f"(the first: {lost.iloc[0]}){instead}; give the whole test set to --data"
        )
    return replace(
        test_set,
        frame=test_set.frame.iloc[rows].reset_index(drop=True),
        pixels=None if test_set.pixels is None else test_set.pixels[rows],
        boxes=None if test_set.boxes is None else test_set.boxes[rows],
        votes=None if test_set.votes is None else test_set.votes.iloc[rows].reset_index(drop=True),
    )
