"""The test set: one table of images with labels, whatever form it came in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.config import Config
from reportgen.errors import DataError, printable
from reportgen.inputs.checksums import content_digest, in_threads
from reportgen.inputs.class_order import parse_classes, settle_labels
from reportgen.inputs.emotions import EMOTIONS, match_class, name_classes
from reportgen.inputs.images.decoding import ORIGIN_COLUMNS, decode, read_file
from reportgen.inputs.images.locate import Locator, portable_name
from reportgen.inputs.images.quality import QUALITY_COLUMNS
from reportgen.inputs.label_corrections import Correction, correct_labels, read_corrections
from reportgen.inputs.label_files import LabelFiles, read_ratings, sort_label_files
from reportgen.inputs.layouts.layout import Source
from reportgen.inputs.layouts.registry import read_source
from reportgen.inputs.listing import PROBLEM_COLUMNS, Listing, Problem
from reportgen.inputs.persons import known_persons, persons_of, sure_person_pattern
from reportgen.inputs.tables.cells import Budget, storable
from reportgen.inputs.tables.pixels import as_file
from reportgen.inputs.tables.votes import votes_by_class

__all__ = ["FACE_BOX", "RESERVED", "TestSet", "cut_face", "images_without_labels", "load_test_set"]

FACE_BOX = "face_box"
"""Column of an analysis whose images are faces cut out of photos: left, top, right and bottom, with blanks between."""
_MOST_COMPARED = 50_000  # training images that are compared with test images: more take minutes on a network drive
_OWN_COLUMNS = ("path", "file", "emotion", "label", "person")
# Columns that later tables add beside these; a user's column of the same name is renamed, not lost.
RESERVED = frozenset({
    *_OWN_COLUMNS, "row", "image_id", "sha256", "width", "height", "notes", "problem", "format", "jpeg_quality",
    *ORIGIN_COLUMNS, *QUALITY_COLUMNS, "record_key", FACE_BOX,
})  # fmt: skip


@dataclass(frozen=True)
class TestSet:
    """Images to test on.

    Attributes
    ----------
    frame
        One row per image in the source's order: `path` (as written, without this machine's folders),
        `file` (absolute path as text, None where the source holds the pixels), `emotion` (a class, None where
        unlabelled), `label` (its index, -1 where unlabelled), `person` (or None), then the source's other
        columns.
    classes
        Emotions in the order of the models' outputs, as far as the source or the settings tell.
    problems
        Images left out: `path`, `emotion`, `kind`, `message`. Kinds: "unknown-label", "no-label",
        "undecided-label", "missing-file", "duplicate-path", "exact-copy", "undecodable".
    training
        Frames with `path` (as shown), `written` (as the source has it), `person` and `emotion` (a class, or None) of
        training splits, by name.
    source
        The source in one phrase.
    notes
        What reading it had to decide, one sentence each.
    pixels
        The images, where the source holds them itself, as in a `Listing`.
    boxes
        (n, 4) left, top, right and bottom of the face in each file; None where files are faces.
    votes
        (n rows) several people's votes for each class, one column each, and for none of them (`NOT_A_CLASS`); None
        where there are none. They never replace a label.
    corrections
        What people said of labels, in the words of the test set: `frame` has the corrected labels.
    roots
        Folders below which paths were looked for.
    """

    __test__ = False  # its name would make pytest collect it

    frame: pd.DataFrame
    classes: tuple[str, ...]
    problems: pd.DataFrame
    source: str
    training: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pixels: npt.NDArray[Any] | None = None
    boxes: npt.NDArray[np.int64] | None = None
    votes: pd.DataFrame | None = None
    corrections: tuple[Correction, ...] = ()
    roots: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def lies_in_files(self) -> bool:
        """Whether every image is a file of its own, so that another process can read it by its path."""
        return self.pixels is None and self.boxes is None

    def without(self, rows: npt.NDArray[np.int64]) -> TestSet:
        """The test set without some rows (0-based)."""
        keep = np.setdiff1d(np.arange(len(self.frame)), rows)
        return replace(
            self,
            frame=self.frame.iloc[keep].reset_index(drop=True),
            pixels=None if self.pixels is None else self.pixels[keep],
            boxes=None if self.boxes is None else self.boxes[keep],
            votes=None if self.votes is None else self.votes.iloc[keep].reset_index(drop=True),
        )

    def read_bytes(self, row: int) -> bytes:
        """The image file of a row (0-based); images held as pixels, and faces cut out, come as PGM or PPM files.

        Raises
        ------
        DataError
            The file cannot be read.
        """
        if self.pixels is not None:
            return as_file(self.pixels[row])
        path = self.frame["path"].iloc[row]
        file = Path(self.frame["file"].iloc[row])
        return read_file(file, path) if self.boxes is None else cut_face(file, self.boxes[row], path)


def cut_face(photo: Path, box: npt.NDArray[np.int64], name: str = "") -> bytes:
    """The face in a photo as a PGM or PPM file.

    Parameters
    ----------
    box
        Left, top, right and bottom in pixels.
    name
        The photo's name in messages.

    Raises
    ------
    DataError
        The photo cannot be read, or the box lies outside of it.
    """
    left, top, right, bottom = np.maximum(box, 0)
    face = decode(read_file(photo, name)).samples[top:bottom, left:right]
    if not face.size:
        raise DataError(f"{name}: the box of its face lies outside the photo; correct or remove it")
    return as_file(face)


def load_test_set(config: Config, notes: Sequence[str] = (), *, keep_copies: bool = False) -> TestSet:
    """Read the test set that the settings name; without a name, `processed_data.pkl` in the working
    directory.

    Parameters
    ----------
    notes
        What finding the models had to decide, for the test set's own notes.
    keep_copies
        Whether exact copies of an image stay, to find in a whole test set what was analysed in parts of it.

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
    given = parse_classes(config.classes) if isinstance(config.classes, tuple) else None
    source = Source(data, config.columns, None if given is None else given.names)
    listing = read_source(source, config.dataset)
    stated = {name: model.classes for name, model in config.models.items()}
    classes = settle_labels(
        listing, given, stated, data, scored=config.classes == "auto", named=config.dataset is not None
    )
    listing.notes += notes
    return _finish(listing, classes, config, keep_copies=keep_copies)


def images_without_labels(
    paths: Sequence[Path], classes: Sequence[str] = EMOTIONS, notes: Sequence[str] = ()
) -> TestSet:
    """Images (or all images below a folder) without labels; missing files are listed as
    problems.

    Parameters
    ----------
    notes
        What finding the models and the order of their outputs had to decide.

    Raises
    ------
    DataError
        None of the files is there.
    """
    folders = {path: Source(path) for path in paths if path.is_dir()}
    found = [
        file for path in paths for file in ([path / one for one in folders[path].images] if path in folders else [path])
    ]
    unread = [note for folder in folders.values() for note in folder.unread()]
    rows = pd.DataFrame({"path": [str(path) for path in found], "emotion": None, "person": None}, dtype=object)
    listing = Listing(rows, Path.cwd(), f"{len(rows):,} images without labels", notes=[*notes, *unread])
    return _finish(listing, name_classes(classes), Config(), labelled=False)


def _finish(
    listing: Listing, classes: tuple[str, ...], config: Config, *, labelled: bool = True, keep_copies: bool = False
) -> TestSet:
    rows = listing.rows.reset_index(drop=True)
    roots = [root for root in (config.image_root, listing.folder, Path.cwd()) if root is not None]
    locator = Locator([*roots, *listing.roots])
    files, names, keep, problems = _find_files(listing, rows, locator)
    emotions = list(rows["emotion"])
    if labelled and listing.boxes is None and not keep_copies:
        copies = _exact_copies(listing, files, emotions, keep)
        problems += [
            Problem(rows["path"][row], emotions[row], "exact-copy", f"the same image as {names[first]}, which counts")
            for row, first in copies.items()
        ]
        keep = [row for row in keep if row not in copies]
    if not keep:
        first = problems[0].path if problems else "nothing"
        raise DataError(
            f"{listing.source}: none of {len(rows):,} images was found (first: {first}); looked beside the "
            "data, in the working directory and under --image-root; give the images' folder with --image-root"
        )
    budget = Budget()
    frame = pd.DataFrame(
        {
            "path": names,
            "file": pd.Series(files, dtype=object),  # names need not be UTF-8, which a column of strings asks for
            "emotion": emotions,
            "label": [classes.index(name) if labelled else -1 for name in emotions],
            "person": _persons(rows, config, listing.notes),
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
    # A training image that is a test image, too, goes by the test image's name: as written both have the same path.
    further = sort_label_files(config.labels if labelled else ())
    votes = _votes(listing, rows, names, classes, further, notes) if labelled else None
    names_shown = dict(zip(rows["path"], names, strict=True))
    if listing.training and listing.pixels is None and listing.boxes is None and not keep_copies:
        names_shown |= _copies_in_training(listing, files, names, keep, notes)
    if locator.shortened:
        count = sum(locator.shortened.values())
        notes.append(f"{count:,} paths were found by their last parts only: they were written on another machine")
    kept, corrections = frame.iloc[keep].reset_index(drop=True), tuple[Correction, ...]()
    if further.corrections:
        given = [one for file in further.corrections for one in read_corrections(file)]
        kept, corrections = correct_labels(kept, classes, given, dict(zip(listed["path"], listed["kind"], strict=True)))
        changed = sum(one.old != one.new for one in corrections)
        notes.append(f"labels changed by hand: {changed:,}; confirmed by hand: {len(corrections) - changed:,}")
    return TestSet(
        frame=kept,
        classes=classes,
        problems=listed,
        source=printable(listing.source),
        training={
            name: seen.assign(
                path=_as_shown(seen["path"], names_shown),
                written=seen["path"],
                person=_persons(seen, config),
                emotion=_training_emotions(seen, listing, classes),
            )
            for name, seen in listing.training.items()
        },
        notes=tuple(map(printable, notes)),
        pixels=None if listing.pixels is None else listing.pixels[keep],
        boxes=None if listing.boxes is None else listing.boxes[keep],
        votes=None if votes is None else votes.iloc[keep].reset_index(drop=True),
        corrections=corrections,
        roots=locator.roots,
    )


def _votes(
    listing: Listing,
    rows: pd.DataFrame,
    names: Sequence[str],
    classes: Sequence[str],
    files: LabelFiles,
    notes: list[str],
) -> pd.DataFrame | None:
    """The raters' votes: those of files of ratings, else those of the source's own columns."""
    if files.ratings:
        return read_ratings(files.ratings, names, classes, listing.numbers, notes)
    return votes_by_class(rows, listing.vote_columns, classes)


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
    faces: Counter[str] = Counter()
    emotions = rows["emotion"].tolist()  # one cell of a frame costs more than finding its file
    for row, (path, emotion) in enumerate(zip(rows["path"], emotions, strict=True)):
        file = None if listing.pixels is not None else locator.find(path)
        files.append(None if file is None else str(file))
        names.append(portable_name(path, file, locator.roots))
        if file is None and listing.pixels is None:
            message = "no such file" if path else "the path is empty"
            problems.append(Problem(path, emotion, "missing-file", message))
            continue
        place: object = files[-1] or path
        if listing.boxes is not None:
            # Several faces of one photo are told apart by their number in it.
            faces[path] += 1
            names[-1] += f"#{faces[path]}"
            place = (place, *listing.boxes[row].tolist())
        earlier = first.setdefault(place, row)
        if earlier != row:
            before = emotions[earlier]
            same = "with the same label" if before == emotion else f"as '{before}', which counts"
            problems.append(Problem(path, emotion, "duplicate-path", f"listed before {same}"))
            continue
        keep.append(row)
    return files, names, keep, problems


def _exact_copies(
    listing: Listing, files: Sequence[str | None], emotions: Sequence[Any], keep: Sequence[int]
) -> dict[int, int]:
    """Rows whose image is that of an earlier row with the same label, byte by byte, and that row.

    Folders are often unpacked twice, and copies that count as images of their own make intervals too narrow. Copies
    with different labels stay: the report lists them.
    """
    alike: dict[tuple[int, Any], list[int]] = {}
    for row in keep:
        alike.setdefault((_size(listing, files, row), emotions[row]), []).append(row)
    candidates = [row for (size, _), rows in alike.items() if size > 0 and len(rows) > 1 for row in rows]

    def content(row: int) -> bytes:
        return as_file(listing.pixels[row]) if listing.pixels is not None else Path(str(files[row])).read_bytes()

    digests = in_threads(
        lambda places: [content_digest(partial(content, candidates[place])) for place in places], len(candidates)
    )
    first: dict[tuple[str, Any], int] = {}
    copies = {}
    for row, digest in sorted(zip(candidates, digests, strict=True)):
        earlier = first.setdefault((digest, emotions[row]), row)
        if digest and earlier != row:
            copies[row] = earlier
    return copies


def _copies_in_training(
    listing: Listing, files: Sequence[str | None], names: Sequence[str], keep: Sequence[int], notes: list[str]
) -> dict[str, str]:
    """Training images that are test images byte by byte: the name of the test image, by the training path as written.

    Parts that lie in folders of their own share no path, however many images were put into both.
    """
    tested = set(listing.rows["path"])
    trained = [path for seen in listing.training.values() for path in seen["path"] if path and path not in tested]
    step = max(1, -(-len(trained) // _MOST_COMPARED))
    compared = trained[::step]
    if step > 1:
        notes.append(f"copies of test images were looked for in {len(compared):,} of {len(trained):,} training images")
    places = [os.path.join(listing.folder, path.replace("\\", "/")) for path in compared]  # noqa: PTH118 -- as above
    sizes = in_threads(lambda rows: [_bytes_of(places[row]) for row in rows], len(places))
    by_size: dict[int, list[int]] = {}
    for row in keep:
        by_size.setdefault(_bytes_of(files[row]), []).append(row)
    alike = [place for place, size in enumerate(sizes) if size > 0 and size in by_size]
    rows = [row for size in {sizes[place] for place in alike} for row in by_size[size]]
    wanted = [*(str(files[row]) for row in rows), *(places[place] for place in alike)]
    digests = in_threads(lambda block: [content_digest(Path(wanted[one]).read_bytes) for one in block], len(wanted))
    test_image = dict(zip(digests[: len(rows)], (names[row] for row in rows), strict=True))
    test_image.pop("", None)
    return {
        compared[place]: test_image[digest]
        for place, digest in zip(alike, digests[len(rows) :], strict=True)
        if digest in test_image
    }


def _bytes_of(file: str | None) -> int:
    """The size of a file; -1 where it cannot be asked, which reading it finds again."""
    try:
        return os.stat(str(file)).st_size  # noqa: PTH116 -- a Path for every image takes longer than asking
    except (OSError, ValueError):
        return -1


def _size(listing: Listing, files: Sequence[str | None], row: int) -> int:
    """Bytes of an image, as by `_bytes_of`."""
    if listing.pixels is not None:
        return len(listing.pixels[row])
    return _bytes_of(files[row])


def _as_shown(paths: pd.Series[Any], shown: Mapping[str, str]) -> list[str]:
    return [shown.get(path, path) for path in paths]


def _persons(rows: pd.DataFrame, config: Config, notes: list[str] | None = None) -> pd.Series[Any]:
    """Who is in each image: by the user's pattern, by a column, else by file names that surely name them."""
    persons: list[Any] = [person if isinstance(person, str) else None for person in rows["person"]]
    if config.person_pattern is not None and config.columns.person is None:
        persons = persons_of(rows["path"], config.person_pattern)
    elif not any(persons) and (known := known_persons(rows["path"])) is not None:
        persons = known.persons
        if notes is not None:
            notes.append(f"persons read from the file names of {known.title}: intervals count persons")
    elif not any(persons) and (sure := sure_person_pattern(rows["path"])) is not None:
        persons = list(sure.of)
        if notes is not None:
            notes.append(
                f"persons read from the file names ({sure.persons:,} persons): intervals count persons; set "
                "person_pattern to read them otherwise"
            )
    return pd.Series([person and printable(person) for person in persons], dtype=object, index=rows.index)


def _training_emotions(seen: pd.DataFrame, listing: Listing, classes: tuple[str, ...]) -> pd.Series[Any]:
    """The class of every training row; None where its label is none of them."""
    written = [(listing.numbers or {}).get(value) if isinstance(value, int) else value for value in seen["emotion"]]
    meaning = {value: None if value is None else match_class(value, classes) for value in set(written)}
    return pd.Series([meaning[value] for value in written], index=seen.index, dtype=object)
