"""What a build would find in a test set, without running a model."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.images.decoding import Header, decode, read_header
from reportgen.inputs.persons import Overlap, Proposal, propose_person_pattern, training_overlap
from reportgen.inputs.testset import TestSet

__all__ = ["Duplicate", "EmotionCount", "Survey", "UnevenShapes", "survey", "uneven_shapes"]

_THREADS = 8
_UNEVEN = 1.1  # wider or narrower than the others by this factor: a face looks clearly squashed
_LEAST_SHARE = 0.02  # of the images; fewer are single odd photos


@dataclass(frozen=True)
class EmotionCount:
    """Readable images of one emotion, and how many different persons they show (None where unknown)."""

    emotion: str
    images: int
    persons: int | None


@dataclass(frozen=True)
class Duplicate:
    """Images with the same bytes under several paths; `conflicting` where their labels differ."""

    sha256: str
    paths: tuple[str, ...]
    emotions: tuple[str | None, ...]

    @property
    def conflicting(self) -> bool:
        """Whether the same picture carries different labels."""
        return len(set(self.emotions)) > 1


@dataclass(frozen=True)
class Survey:
    """What is in a test set.

    Attributes
    ----------
    source, classes, notes
        As in the test set.
    images
        Readable images.
    emotions
        One entry per class in the order of `classes`, also where there is no image; then "unlabelled" if any.
    persons
        Different persons, or None where no person is known.
    proposal
        A pattern that would read persons from the file names, where none is known yet.
    overlap
        Test images that are in training, and those whose person is, by known persons or else by the proposal; None
        where no training images are known.
    problems
        `path`, `emotion`, `kind`, `message` of everything left out, with images found unreadable here.
    duplicates
        Same bytes under several paths, in the order of the first path.
    formats, modes
        How many images have which format and colour mode.
    sizes
        (width, height) and how many images have it, most frequent first.
    """

    source: str
    classes: tuple[str, ...]
    images: int
    emotions: tuple[EmotionCount, ...]
    persons: int | None
    proposal: Proposal | None
    overlap: Overlap | None
    problems: pd.DataFrame
    duplicates: tuple[Duplicate, ...]
    formats: dict[str, int]
    modes: dict[str, int]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class UnevenShapes:
    """How the shapes of images differ; a shape is width divided by height.

    Attributes
    ----------
    usual
        The median.
    narrowest, widest
        The extremes.
    differing
        Images that are more than a tenth wider or narrower than the usual one.
    """

    usual: float
    narrowest: float
    widest: float
    differing: int


def uneven_shapes(sizes: Sequence[tuple[tuple[int, int], int]]) -> UnevenShapes | None:
    """How the shapes of a test set's images differ; None where nearly all have one shape, of whatever size.

    Parameters
    ----------
    sizes
        As in `Survey`.
    """
    shapes = sorted((width / height, count) for (width, height), count in sizes)
    total = sum(count for _, count in shapes)
    below = 0
    usual = 1.0
    for shape, count in shapes:
        below += count
        usual = shape
        if 2 * below >= total:
            break
    differing = sum(count for shape, count in shapes if max(shape / usual, usual / shape) > _UNEVEN)
    if differing <= _LEAST_SHARE * total:
        return None
    return UnevenShapes(usual, shapes[0][0], shapes[-1][0], differing)


def survey(test_set: TestSet, *, full: bool = False) -> Survey:
    """Look at every image of a test set.

    Parameters
    ----------
    test_set
        As loaded.
    full
        Decode every image instead of reading its header only: finds truncated files, takes as long as
        decoding in a build.
    """
    rows = range(len(test_set))
    with ThreadPoolExecutor(_THREADS) as pool:
        looks = list(pool.map(lambda row: _look(test_set, row, full), rows))
    frame = test_set.frame
    headers = [look.header for look in looks if look.header is not None]
    kept = frame[[look.header is not None for look in looks]]
    bad = pd.DataFrame(
        [
            (frame["path"].iloc[row], frame["emotion"].iloc[row], "undecodable", look.reason)
            for row, look in zip(rows, looks, strict=True)
            if look.header is None
        ],
        columns=list(test_set.problems.columns),
        dtype=object,
    )
    persons = [person if isinstance(person, str) else None for person in kept["person"]]
    proposal = None if any(persons) else propose_person_pattern(kept["path"])
    pattern, read = (None, persons) if proposal is None else (proposal.pattern, proposal.of)
    return Survey(
        source=test_set.source,
        classes=test_set.classes,
        images=len(kept),
        emotions=_count(kept, persons, test_set.classes),
        persons=len({person for person in persons if person}) if any(persons) else None,
        proposal=proposal,
        overlap=training_overlap(list(kept["path"]), read, test_set.training, pattern),
        problems=pd.concat([test_set.problems.astype(object), bad], ignore_index=True),
        duplicates=_duplicates(frame, [look.sha256 for look in looks]),
        formats=dict(Counter(header.format for header in headers).most_common()),
        modes=dict(Counter(header.mode for header in headers).most_common()),
        sizes=tuple(Counter((header.width, header.height) for header in headers).most_common()),
        notes=test_set.notes,
    )


@dataclass(frozen=True)
class _Look:
    sha256: str
    header: Header | None
    reason: str


def _look(test_set: TestSet, row: int, full: bool) -> _Look:
    digest = ""
    try:
        data = test_set.read_bytes(row)
        digest = hashlib.sha256(data).hexdigest()
        header = read_header(data)
        if full:
            decode(data)
    except DataError as error:
        return _Look(digest, None, str(error))
    return _Look(digest, header, "")


def _count(frame: pd.DataFrame, persons: list[str | None], classes: tuple[str, ...]) -> tuple[EmotionCount, ...]:
    images: Counter[str] = Counter()
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for emotion, person in zip(frame["emotion"], persons, strict=True):
        name = emotion if isinstance(emotion, str) else "unlabelled"
        images[name] += 1
        if person is not None:
            seen[name].add(person)
    names = (*classes, "unlabelled") if images["unlabelled"] else classes
    known = any(persons)
    return tuple(EmotionCount(name, images[name], len(seen[name]) if known else None) for name in names)


def _duplicates(frame: pd.DataFrame, digests: list[str]) -> tuple[Duplicate, ...]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(digests):
        if digest:
            groups[digest].append(row)
    return tuple(
        Duplicate(
            digest,
            tuple(frame["path"].iloc[rows]),
            tuple(emotion if isinstance(emotion, str) else None for emotion in frame["emotion"].iloc[rows]),
        )
        for digest, rows in groups.items()
        if len(rows) > 1
    )
