"""The test set: one table of images with labels, whatever form it came in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.config import Config
from reportgen.errors import DataError, printable
from reportgen.inputs.emotions import EMOTIONS, RAFDB_ORDER, match_class, name_classes
from reportgen.inputs.images.decoding import read_file
from reportgen.inputs.images.locate import Locator, portable_name
from reportgen.inputs.images.quality import QUALITY_COLUMNS
from reportgen.inputs.layouts.folders import find_table, image_files, read_folder
from reportgen.inputs.listing import PROBLEM_COLUMNS, Listing, Problem
from reportgen.inputs.persons import persons_of
from reportgen.inputs.tables.cells import Budget, storable
from reportgen.inputs.tables.pixels import as_pgm
from reportgen.inputs.tables.reading import read_table

__all__ = ["RESERVED", "TestSet", "images_without_labels", "load_test_set"]

_OWN_COLUMNS = ("path", "file", "emotion", "label", "person")
# Columns that later tables add beside these; a user's column of the same name is renamed, not lost.
RESERVED = frozenset({
    *_OWN_COLUMNS, "row", "image_id", "sha256", "width", "height", "notes", "problem", "format", "jpeg_quality",
    *QUALITY_COLUMNS, "record_key",
})  # fmt: skip
_RAF_NAME = re.compile(r"(?:train|test)_\d+(?:_aligned)?\.\w+")


@dataclass(frozen=True)
class TestSet:
    """Images to test on.

    Attributes
    ----------
    frame
        One row per image in the source's order: `path` (as written, without folders of anybody's machine),
        `file` (absolute path as text, None where the source holds the pixels), `emotion` (a class, None where
        unlabelled), `label` (its index, -1 where unlabelled), `person` (or None), then the source's other
        columns.
    classes
        Emotions in the order of the models' outputs, as far as the source or the settings tell.
    problems
        Images left out: `path`, `emotion`, `kind`, `message`. Kinds: "unknown-label", "no-label",
        "undecided-label", "missing-file", "duplicate-path", "undecodable".
    training
        Frames with `path`, `person` and `emotion` (a class, or None) of training splits, by name.
    source
        The source in one phrase.
    notes
        What reading it had to decide, one sentence each.
    """

    __test__ = False  # its name would make pytest collect it

    frame: pd.DataFrame
    classes: tuple[str, ...]
    problems: pd.DataFrame
    source: str
    training: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pixels: npt.NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def read_bytes(self, row: int) -> bytes:
        """The image file of a row (0-based); images held as pixels come as PGM files.

        Raises
        ------
        DataError
            The file cannot be read.
        """
        if self.pixels is not None:
            return as_pgm(self.pixels[row])
        return read_file(Path(self.frame["file"].iloc[row]), self.frame["path"].iloc[row])


def load_test_set(config: Config) -> TestSet:
    """Read the test set that the settings name; without a name, `processed_data.pkl` in the working
    directory.

    Raises
    ------
    DataError
        There is none, it cannot be read, its labels are numbers of unknown meaning, or no image is left to
        test on.
    """
    data = config.data if config.data is not None else Path("processed_data.pkl")
    if not data.exists():
        asked = "" if config.data is not None else " (no --data was given, so the notebook's file was looked for)"
        raise DataError(f"{data}: no such file or folder{asked}; give a test set with --data")
    given = None if config.classes is None else name_classes(config.classes)
    listing = _read(data, config, given)
    classes = _settle_labels(listing, given, data)
    return _finish(listing, classes, config)


def images_without_labels(paths: Sequence[Path], classes: Sequence[str] = EMOTIONS) -> TestSet:
    """A set of images (or of all below a folder) that nobody has labelled; missing files are listed as
    problems.

    Raises
    ------
    DataError
        None of the files is there.
    """
    found = [file for path in paths for file in (sorted(image_files(path)) if path.is_dir() else [path])]
    rows = pd.DataFrame({"path": [str(path) for path in found], "emotion": None, "person": None}, dtype=object)
    listing = Listing(rows, Path.cwd(), f"{len(rows):,} images without labels")
    return _finish(listing, name_classes(classes), Config(), labelled=False)


def _read(data: Path, config: Config, given: tuple[str, ...] | None) -> Listing:
    if not data.is_dir():
        return read_table(data, config.columns)
    table = data / "processed_data.pkl"
    listing = None if table.is_file() else read_folder(data, given)
    if listing is not None:
        return listing
    found = find_table(data)
    if found is None:
        raise DataError(
            f"{data}: found no images in folders named after emotions and no processed_data.pkl, legend.csv "
            "or fer2013.csv; give the folder above the emotions' folders, or the table itself, to --data"
        )
    return read_table(found, config.columns)


def _settle_labels(listing: Listing, given: tuple[str, ...] | None, data: Path) -> tuple[str, ...]:
    """Replace what was written by classes, in place; returns the class order."""
    rows = listing.rows
    written = {value for value in rows["emotion"] if value is not None}
    numbers = {value for value in written if isinstance(value, int)}
    if numbers and listing.numbers is None:
        _name_numbers(listing, numbers, given, data)
    classes = given or listing.classes or EMOTIONS
    meaning: dict[Any, str | None] = {}
    for value in written:
        name = (listing.numbers or {}).get(value) if isinstance(value, int) else value
        meaning[value] = match_class(name, classes)
    keep = []
    for row, (path, value) in enumerate(zip(rows["path"], rows["emotion"], strict=True)):
        if value is None:
            listing.problems.append(Problem(path, None, "no-label", "the label is empty"))
        elif meaning[value] is None:
            message = f"the label '{value}' is none of the classes"
            listing.problems.append(Problem(path, str(value), "unknown-label", message))
        else:
            keep.append(row)
    if not keep:
        some = ", ".join(sorted(map(str, written))[:5]) or "nothing"
        raise DataError(
            f"{data}: no image with a known label (found: {some}; expected: {', '.join(classes)}); "
            "name your classes in the settings with 'classes = [...]'"
        )
    listing.rows = rows.iloc[keep].copy()
    listing.rows["emotion"] = pd.Series([meaning[value] for value in listing.rows["emotion"]], listing.rows.index)
    if listing.pixels is not None:
        listing.pixels = listing.pixels[keep]
    return classes


def _name_numbers(listing: Listing, numbers: set[int], given: tuple[str, ...] | None, data: Path) -> None:
    named_like_raf = all(_RAF_NAME.search(path) for path in listing.rows["path"])
    if named_like_raf or (given is None and 0 not in numbers and numbers <= set(range(1, 8)) and 7 in numbers):
        listing.numbers = dict(enumerate(RAFDB_ORDER, start=1))
        listing.classes = listing.classes or RAFDB_ORDER
        listing.notes.append("labels 1 to 7 read as RAF-DB's numbers (1 surprise ... 7 neutral)")
    elif given is not None:
        listing.numbers = dict(enumerate(given))
    else:
        some = ", ".join(map(str, sorted(numbers)[:8]))
        raise DataError(
            f"{data}: labels are numbers ({some}) and nothing says what they mean; add a column of emotions, "
            "or name the classes in their order in the settings with 'classes = [...]'"
        )


def _finish(listing: Listing, classes: tuple[str, ...], config: Config, *, labelled: bool = True) -> TestSet:
    rows = listing.rows.reset_index(drop=True)
    roots = [root for root in (config.image_root, listing.folder, Path.cwd()) if root is not None]
    if "legend" in listing.source or listing.pixels is None:
        # Repositories keep tables in `data/` beside `images/`.
        roots += [listing.folder / "images", listing.folder.parent / "images", listing.folder.parent]
    locator = Locator(roots)
    files, names, keep, problems = _find_files(listing, rows, locator)
    if not keep:
        first = problems[0].path if problems else "nothing"
        raise DataError(
            f"{listing.source}: none of {len(rows):,} images was found (first: {first}); looked beside the "
            "data, in the working directory and under --image-root; give the images' folder with --image-root"
        )
    emotions = list(rows["emotion"])
    budget = Budget()
    frame = pd.DataFrame(
        {
            "path": names,
            "file": pd.Series(files, dtype=object),  # names need not be UTF-8, which a column of strings asks for
            "emotion": emotions,
            "label": [classes.index(name) if labelled else -1 for name in emotions],
            "person": _persons(rows, config),
        }
    ).astype({"file": object, "emotion": object})
    for name in rows.columns:
        if name not in ("path", "emotion", "person"):
            shown = printable(name)
            frame[f"data_{shown}" if shown in RESERVED else shown] = storable(shown, rows[name], budget)
    found = [*listing.problems, *problems]
    listed = pd.DataFrame(
        [
            (portable_name(p.path, None, ()), p.emotion and printable(p.emotion), p.kind, printable(p.message))
            for p in found
        ],
        columns=list(PROBLEM_COLUMNS),
        dtype=object,
    )
    notes = list(listing.notes)
    if locator.shortened:
        count = sum(locator.shortened.values())
        notes.append(f"{count:,} paths were found by their last parts only: they were written on another machine")
    return TestSet(
        frame=frame.iloc[keep].reset_index(drop=True),
        classes=classes,
        problems=listed,
        source=printable(listing.source),
        training={
            name: seen.assign(person=_persons(seen, config), emotion=_training_emotions(seen, listing, classes))
            for name, seen in listing.training.items()
        },
        notes=tuple(map(printable, notes)),
        pixels=None if listing.pixels is None else listing.pixels[keep],
    )


def _find_files(
    listing: Listing, rows: pd.DataFrame, locator: Locator
) -> tuple[list[str | None], list[str], list[int], list[Problem]]:
    """Each row's file (as text: a `Path` takes several times its memory), its name to show, the rows to keep, and
    why the others are not.
    """
    files: list[str | None] = []
    names: list[str] = []
    keep: list[int] = []
    problems: list[Problem] = []
    first: dict[object, int] = {}
    emotions = rows["emotion"].tolist()  # one cell of a frame costs more than finding its file
    for row, (path, emotion) in enumerate(zip(rows["path"], emotions, strict=True)):
        file = None if listing.pixels is not None else locator.find(path)
        files.append(None if file is None else str(file))
        names.append(portable_name(path, file, locator.roots))
        if file is None and listing.pixels is None:
            message = "no such file" if path else "the path is empty"
            problems.append(Problem(path, emotion, "missing-file", message))
            continue
        earlier = first.setdefault(files[-1] or path, row)
        if earlier != row:
            before = emotions[earlier]
            same = "with the same label" if before == emotion else f"as '{before}', which counts"
            problems.append(Problem(path, emotion, "duplicate-path", f"listed before {same}"))
            continue
        keep.append(row)
    return files, names, keep, problems


def _persons(rows: pd.DataFrame, config: Config) -> pd.Series[Any]:
    persons: list[Any] = [person if isinstance(person, str) else None for person in rows["person"]]
    if config.person_pattern is not None and config.columns.person is None:
        persons = persons_of(rows["path"], config.person_pattern)
    return pd.Series([person and printable(person) for person in persons], dtype=object)


def _training_emotions(seen: pd.DataFrame, listing: Listing, classes: tuple[str, ...]) -> pd.Series[Any]:
    """The class of every training row; None where its label is none of them."""
    written = [(listing.numbers or {}).get(value) if isinstance(value, int) else value for value in seen["emotion"]]
    meaning = {value: None if value is None else match_class(value, classes) for value in set(written)}
    return pd.Series([meaning[value] for value in written], index=seen.index, dtype=object)
