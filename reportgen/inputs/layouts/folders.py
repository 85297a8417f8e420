"""Folders of images, one for each class: FER2013, MMAFEDB, NHFI, CK+48 and most sets that people make themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.class_lists import order_beside
from reportgen.inputs.emotions import EMOTIONS, EXPRESSION_CODES, canonical_emotion, match_class, name_classes
from reportgen.inputs.images.decoding import SUFFIXES
from reportgen.inputs.layouts.layout import Layout, Sighting, Source, Sure
from reportgen.inputs.layouts.splits import may_be_a_name, split_in_name, split_of, take_split
from reportgen.inputs.listing import Listing, Problem
from reportgen.inputs.tables.columns import read_training
from reportgen.inputs.tables.reading import SUFFIXES_OF_TABLES

__all__ = ["FOLDERS", "class_folders", "read_class_folders"]

_MOST_LISTS = 20  # tables beside the folders that are looked at, the nearest first
_LARGEST_LIST = 1 << 26  # bytes
_MOST_PARTS = 12  # folders above the classes that are named one by one: more are persons


def class_folders(source: Source) -> dict[str, str | int]:
    """The folders' names that mean a class, and what each means: a word as written, or a number.

    Numbers count only where no folder is named after an expression: people and sequences are numbered, too.
    """
    names = {part for path in source.images for part in path.parts[:-1]}
    classes = source.classes or ()
    words: dict[str, str | int] = {
        name: name for name in names if match_class(name, classes) or canonical_emotion(name)
    }
    words = words or _codes(source, names)
    if words:
        return words
    numbers: dict[str, str | int] = {
        name: int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 3
    }
    return numbers if len(numbers) > 1 else {}


def _codes(source: Source, names: set[str]) -> dict[str, str | int]:
    """Folders named with KDEF's codes, where no folder beside them has another name: SA may be a person."""
    codes = names & EXPRESSION_CODES.keys()
    folders = {path.parts[: depth + 1] for path in source.images for depth in range(len(path.parts) - 1)}
    parents = {folder[:-1] for folder in folders if folder[-1] in codes}
    beside = {folder[-1] for folder in folders if folder[:-1] in parents}
    return {name: EXPRESSION_CODES[name] for name in codes} if beside <= codes else {}


def read_class_folders(
    source: Source, numbers: Mapping[int, str] | None = None, title: str = "one folder per emotion"
) -> Listing:
    """The images in folders that are named after classes.

    Where the images are split into test, validation and training folders, the test images are taken, else validation,
    else all; training images are kept aside for the overlap of persons.

    Parameters
    ----------
    numbers
        What numbered folders mean, where the layout says so.
    title
        What it is, for the source's phrase.

    Raises
    ------
    DataError
        No folder is named after a class.
    """
    known = class_folders(source)
    depths, notes = _class_depths(source, known)
    held = [(path, depth) for path, depth in zip(source.images, depths, strict=True) if depth is not None]
    if not held:
        raise DataError(
            f"{source.path}: found no images in folders named after emotions; give the folder above the emotions' "
            "folders, or a table, to --data"
        )
    folders = [path.parts[depth] for path, depth in held]
    listing = Listing(
        # As text columns they could not hold names that are not UTF-8.
        rows=pd.DataFrame(
            {"path": [path.as_posix() for path, _ in held], "emotion": folders, "person": None}, dtype=object
        ),
        folder=source.path,
        source=f"{source.title}, {title}",
        notes=notes,
    )
    splits, kind = _splits_of(held)
    chosen = take_split(listing, splits, kind)
    tested = [one for one, split in zip(held, splits, strict=True) if split == chosen]
    if kind == "folder":
        listing.notes += _say_parts(tested, chosen)
    _list_strangers(listing, source, depths, known, chosen)
    listing.notes += source.unread()
    trained = {name for name, split in zip(folders, splits, strict=True) if split == "training"}
    known = _one_spelling(known, set(listing.rows["emotion"]))
    for rows in (listing.rows, *listing.training.values()):
        rows["emotion"] = pd.Series([known[name] for name in rows["emotion"]], index=rows.index, dtype=object)
    _order_folders(listing, source, set(folders), trained, known, numbers)
    listing.notes += _say_lists(listing, source)
    return listing


def _class_depths(source: Source, known: Mapping[str, str | int]) -> tuple[list[int | None], list[str]]:
    """Which of the folders above each image names its class (None where none does), and what to say of it.

    Where several do, as for a person called Joy among the angry ones, the one counts that lies beside folders of most
    other classes.

    Raises
    ------
    DataError
        Two levels disagree, and both have several classes, so that either may be meant.
    """
    meaning = {name: canonical_emotion(value) or str(value).casefold() for name, value in known.items()}
    levels: dict[tuple[str, ...], list[int]] = {}
    beside: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for folder in {path.parts[:-1] for path in source.images}:
        levels[folder] = [depth for depth, name in enumerate(folder) if name in known]
        for depth in levels[folder]:
            beside[folder[:depth]].add(meaning[folder[depth]])
    depth_of: dict[tuple[str, ...], int | None] = {}
    overruled = []
    for folder, depths in sorted(levels.items()):
        ranked = sorted(depths, key=lambda depth: (len(beside[folder[:depth]]), depth), reverse=True)
        depth_of[folder] = ranked[0] if ranked else None
        other = next((depth for depth in ranked[1:] if meaning[folder[depth]] != meaning[folder[ranked[0]]]), None)
        if other is None:
            continue
        if len(beside[folder[:other]]) > 1 or len(beside[folder[: ranked[0]]]) == 1:
            both = "/".join(folder[min(other, ranked[0]) : max(other, ranked[0]) + 1])
            raise DataError(
                f"{source.path}: folders named after different classes lie in one another ({both}), and it is not "
                "certain which of them is the label; rename those that are not, or give a table to --data"
            )
        overruled.append((folder, folder[ranked[0]]))
    found = [depth_of[path.parts[:-1]] for path in source.images]
    if not overruled:
        return found, []
    folder, name = overruled[0]
    return found, [
        f"in {'/'.join(folder)} the folder {name} is the label, since the folders beside it are those of the other "
        f"classes ({len(overruled):,} such folders)"
    ]


def _splits_of(held: Sequence[tuple[Path, int]]) -> tuple[list[str], str]:
    """The split of each image and what tells it: folders above its class, else below, else the files' names."""
    beside: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for folder in {path.parts[:-1] for path, _ in held}:
        for depth, name in enumerate(folder):
            beside[folder[:depth]].add(name)

    @cache
    def split(folder: tuple[str, ...], start: int, stop: int) -> str:
        """A folder called Val is a person where no folder beside it names another part."""
        return split_of(
            *(
                folder[n]
                for n in range(start, stop)
                if not may_be_a_name(folder[n])
                or any(split_of(name) and not may_be_a_name(name) for name in beside[folder[:n]])
            )
        )

    above = [split(path.parts[:-1], 0, depth) for path, depth in held]
    if any(above):
        return above, "folder"
    below = [split(path.parts[:-1], depth + 1, len(path.parts) - 1) for path, depth in held]
    if {"training", "test"} & set(below):
        return below, "folder"
    named = [split_in_name(path.name) for path, _ in held]
    return (named, "part by file names") if "training" in named else (above, "folder")


def _say_parts(tested: Sequence[tuple[Path, int]], chosen: str) -> list[str]:
    """What to say where the images of one split lie in several folders of classes, or are named after training."""
    notes = []
    parts = sorted({"/".join(path.parts[:depth]) or "." for path, depth in tested})
    if 1 < len(parts) <= _MOST_PARTS:
        notes.append(f"folders of classes lie in {', '.join(parts)}: all of them are used")
    trained = [path for path, _ in tested if split_in_name(path.name) == "training"]
    if trained and chosen != "training":
        notes.append(
            f"{len(trained):,} of {len(tested):,} images are named as training ones (such as {trained[0].as_posix()}): "
            "has a model seen them?"
        )
    return notes


def _list_strangers(
    listing: Listing, source: Source, depths: Sequence[int | None], known: Mapping[str, str | int], chosen: str
) -> None:
    """Images in folders that lie beside folders of classes and mean none are problems; others in no class are counted.

    Raises
    ------
    DataError
        Such folders have numbers beside words, or hold most of the images and the user named no classes.
    """
    roots = {path.parts[:depth] for path, depth in zip(source.images, depths, strict=True) if depth is not None}
    strangers: list[tuple[Path, str]] = []
    loose = []
    for path, depth in zip(source.images, depths, strict=True):
        if depth is not None:
            continue
        root = next((n for n in range(len(path.parts) - 2, -1, -1) if path.parts[:n] in roots), None)
        if root is None or split_of(path.parts[root]):
            loose.append(path)
        elif split_of(*path.parts[:-1]) in ("", chosen):
            strangers.append((path, path.parts[root]))
    names = sorted({name for _, name in strangers})
    numbers = [name for name in names if name.isascii() and name.isdecimal() and len(name) < 3]
    words = [name for name, value in known.items() if isinstance(value, str)]
    if words and len(numbers) > 1:
        raise DataError(
            f"{source.path}: folders with numbers ({', '.join(numbers[:8])}) lie beside folders of words "
            f"({', '.join(sorted(words)[:8])}); name all of them in one way, or give a table to --data"
        )
    if len(strangers) > len(listing.rows) and not source.classes:
        raise DataError(
            f"{source.path}: {len(strangers):,} images lie in folders of no known emotion ({', '.join(names[:8])}) and "
            f"only {len(listing.rows):,} in those of known ones; name your classes in the settings with "
            "'classes = [...]'"
        )
    listing.problems += [
        Problem(path.as_posix(), name, "unknown-label", f"the folder '{name}' is no emotion")
        for path, name in strangers
    ]
    if loose:
        listing.notes.append(
            f"images that lie in no folder of a class and are left out: {len(loose):,} of {len(source.images):,} (such "
            f"as {loose[0].as_posix()})"
        )


def _say_lists(listing: Listing, source: Source) -> list[str]:
    """What to say of tables of images beside the folders, unless they list the same images with the same labels."""
    tested = dict(zip(listing.rows["path"], listing.rows["emotion"], strict=True))
    trained = {path for rows in listing.training.values() for path in rows["path"]}
    # Lists name images from any folder on; a name that several images have tells none of them.
    tails = [(tail, path) for path in (*trained, *tested) for tail in _tails(path)]
    times = Counter(tail for tail, _ in tails)
    own = {tail: path for tail, path in tails if times[tail] == 1}
    notes = []
    for path in [path for path in source.others if path.suffix.lower() in SUFFIXES_OF_TABLES][:_MOST_LISTS]:
        rows = _listed(source, source.path / path)
        matched = ((next((own[tail] for tail in _tails(name) if tail in own), None), label) for name, label in rows)
        found = {path: label for path, label in matched if path is not None}
        here = {name: label for name, label in found.items() if name in tested}
        if not rows or (found and not here):
            continue  # no list, or one of training images
        meant = {(label, str(tested[name])) for name, label in here.items()}
        differ = sum(not _same_label(label, tested[name], meant) for name, label in here.items())
        if len(here) == len(tested) and not differ:
            continue
        what = f"says otherwise of {differ:,}" if differ else f"lists {len(here):,} of them"
        notes.append(
            f"the {len(tested):,} images in the folders are used, with the folders as labels; {path.as_posix()} beside "
            f"them {what}: give that file to --data to read it instead"
        )
    return notes


def _listed(source: Source, table: Path) -> list[tuple[str, str | int]]:
    """Paths of images and their labels as a table has them; empty where it is no such list, or a large one."""
    try:
        if table.stat().st_size > _LARGEST_LIST:
            return []
        rows = read_training(source.table(table).frame, source.columns)
    except (OSError, DataError):  # such as a link that leads nowhere
        return []
    if rows is None:
        return []
    pairs = zip(rows["path"], rows["emotion"], strict=True)
    return [(path, label) for path, label in pairs if label is not None and Path(path).suffix.lower() in SUFFIXES]


def _tails(path: str) -> list[str]:
    """The last three, two and one parts of a path, as far as it has them."""
    parts = path.replace("\\", "/").split("/")[-3:]
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _same_label(label: str | int, folder: str | int, meant: set[tuple[str | int, str]]) -> bool:
    """Whether a list and a folder say the same: one word, or a number that always goes with this folder."""
    if isinstance(label, int) and isinstance(folder, str):
        return len({word for number, word in meant if number == label}) == 1
    return (canonical_emotion(label) or label) == (canonical_emotion(folder) or folder)


def _one_spelling(known: Mapping[str, str | int], tested: set[str]) -> dict[str, str | int]:
    """What folders mean, in the words of the split that is tested: another may have "Anger" for its "angry"."""
    own: dict[str, str | int] = {}
    for name in sorted(tested):
        own.setdefault(str(known[name]).casefold(), known[name])
    meaning: dict[str, str | int] = {}
    for name, value in known.items():
        emotion = canonical_emotion(value)
        alike = [word for word in own.values() if emotion is not None and canonical_emotion(word) == emotion]
        meaning[name] = own.get(str(value).casefold(), alike[0] if len(alike) == 1 else value)
    return meaning


def _order_folders(
    listing: Listing,
    source: Source,
    names: set[str],
    trained: set[str],
    known: Mapping[str, str | int],
    numbers: Mapping[int, str] | None,
) -> None:
    """The class order that a file beside the folders states, else the one that torchvision and `datasets` give folders:
    sorted by their names as written.
    """
    if any(isinstance(known[name], int) for name in names):
        if numbers is not None:
            listing.numbers = dict(numbers)
            listing.classes = tuple(name for _, name in sorted(numbers.items()))
        return
    first: dict[str, str] = {}  # the folder of each class that sorts it: a model is trained on those of training
    for name in [*sorted(trained), *sorted(names)]:
        first.setdefault(str(known[name]), name)
    words = sorted(first.values())
    if len(words) < 2:
        return
    classes = name_classes([str(known[word]) for word in words])
    spelled = dict(zip(classes, words, strict=True))
    if set(classes) < set(EMOTIONS):
        missing = [name for name in EMOTIONS if name not in spelled]
        classes = tuple(sorted(EMOTIONS, key=lambda name: spelled.get(name, name)))
        listing.notes.append(
            f"no folder for {', '.join(missing)}: the seven emotions were assumed, in alphabetical order "
            f"({', '.join(classes)})"
        )
    listing.classes, listing.classes_from = classes, "the folders' names, sorted as torchvision and datasets sort them"
    if not source.classes:
        place = source.path.resolve()
        beside = order_beside(classes, place, place.parent, leave_out=place)
        listing.classes, listing.classes_from = beside or (listing.classes, listing.classes_from)


def _recognise(source: Source) -> Sighting | None:
    known = class_folders(source)
    if not known:
        return None
    shown = ", ".join(sorted(known)[:8])
    if any(isinstance(value, int) for value in known.values()):
        return Sighting(f"numbered folders ({shown})", Sure.POSSIBLE)
    return Sighting(f"folders named after emotions ({shown})", Sure.LIKELY)


FOLDERS = Layout(
    "folders",
    "Folders, one per class",
    ("`[test/]angry/1.jpg`, also with `train`, `validation`; numbered folders with `classes`",),
    _recognise,
    read_class_folders,
)
