"""Who is in an image, from a column or the file's name, and how many test persons a model has trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from reportgen.config import compile_person_pattern
from reportgen.errors import printable
from reportgen.inputs.emotions import canonical_emotion

__all__ = [
    "KnownPersons",
    "Overlap",
    "Proposal",
    "known_persons",
    "persons_of",
    "propose_person_pattern",
    "sure_person_pattern",
    "training_overlap",
]


@dataclass(frozen=True)
class Proposal:
    """A pattern that reads persons from file names, and what it finds.

    Attributes
    ----------
    pattern
        Regular expression with one group, for the setting `person_pattern`.
    matched, names
        How many of the names it fits.
    persons
        How many different persons it finds.
    example
        One name and its person.
    of
        The person in each name, in their order; None where the pattern does not fit.
    """

    pattern: str
    matched: int
    names: int
    persons: int
    example: tuple[str, str]
    of: tuple[str | None, ...] = field(repr=False)


@dataclass(frozen=True)
class KnownPersons:
    """Persons by the file names of a known data set, and the data set's title."""

    title: str
    persons: list[str | None]


@dataclass(frozen=True)
class Overlap:
    """Test images of persons who are also in the training images.

    Attributes
    ----------
    shared, known
        Test images of a person who is in training; test images whose person is known.
    persons_shared, persons
        The same in persons.
    same_path
        Test images that are training images, too: by their path, or by their bytes.
    seen
        Per test image, whether it or its person is in training; None where its person is not known.
    """

    shared: int
    known: int
    persons_shared: int
    persons: int
    same_path: int
    seen: tuple[bool | None, ...] = field(repr=False)

    @property
    def share(self) -> float:
        """Share of images of known persons whose person is in training, 0..1; 0 where none is known."""
        return self.shared / self.known if self.known else 0.0


# File names that only these data sets use.
_KNOWN = (
    ("KDEF", r"(?i)^[AB]([FM]\d{2})(?:AF|AN|DI|HA|NE|SA|SU)(?:FL|HL|S|HR|FR)\.\w+$"),
    ("JAFFE", r"(?i)^([A-Z]{2})\.(?:AN|DI|FE|HA|NE|SA|SU)\d+\.\d+\.\w+$"),
    ("CK+", r"(?i)^(S\d{3})_\d{3}_\d{8}\.\w+$"),
)
_SURE = 10
# Some persons bear such a name.
_EMOTIONS = 0.05
# From the most particular to the most general: the first that fits nearly all names wins.
_PATTERNS = (
    r"^[ABab]([FMfm]\d{2})(?:AF|AN|DI|HA|NE|SA|SU|af|an|di|ha|ne|sa|su)",
    r"^(S\d{3})_\d{3}_\d+",
    r"^([A-Z]{2})\.(?:AN|DI|FE|HA|NE|SA|SU)\d+\.",
    r"^(?:\d{2}-){6}(\d{2})\.",
    r"^(.*?\pL.*?)[_-]\d+\.[A-Za-z]+$",
    r"^((?:s|subject|person|id|p)_?\d+)[_-]",
)


def persons_of(paths: Iterable[str], pattern: str) -> list[str | None]:
    """The person in each path's file name; None where the pattern does not match.

    Parameters
    ----------
    pattern
        Regular expression of RE2's syntax with one group, as in the setting `person_pattern`.
    """
    compiled = compile_person_pattern(pattern)
    persons: list[str | None] = []
    for path in paths:
        match = compiled.search(printable(path.replace("\\", "/").rsplit("/", 1)[-1]))
        persons.append((match.group(1) or None) if match else None)
    return persons


def known_persons(paths: Iterable[str]) -> KnownPersons | None:
    """Persons by names of KDEF, JAFFE or CK+, where nine in ten names are of that kind; None elsewhere."""
    listed = list(paths)
    for title, pattern in _KNOWN:
        if any(persons_of(listed[:20], pattern)):
            persons = [None if person is None else person.upper() for person in persons_of(listed, pattern)]
            if sum(person is not None for person in persons) >= 0.9 * len(persons):
                return KnownPersons(title, persons)
    return None


def propose_person_pattern(names: Iterable[str]) -> Proposal | None:
    """A pattern that seems to read persons from these file names, or None.

    A pattern is proposed where it fits at least 90 % of the names, finds at least two persons, and some
    person has several images but no single one has more than half: numbered names such as `img_0001.jpg`
    tell no person.
    """
    files = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in names]
    for text in _PATTERNS:
        persons = persons_of(files, text)
        found = [(name, person) for name, person in zip(files, persons, strict=True) if person is not None]
        if not found or len(found) < 0.9 * len(files):
            continue
        counts = pd.Series([person for _, person in found]).value_counts()
        if len(counts) < 2 or counts.iloc[0] < 2 or counts.iloc[0] > len(files) / 2:
            continue
        if len(counts) < 3 and len(files) > 20:
            continue
        return Proposal(text, len(found), len(files), len(counts), min(found), tuple(persons))
    return None


def sure_person_pattern(names: Iterable[str]) -> Proposal | None:
    """A proposed pattern that may be used without asking, or None.

    It finds at least ten persons, and hardly any of them is called like an emotion: `happy_man_01.jpg` names none.
    Where it reads something else that several photos share, such as a clip, these photos are not independent either.
    """
    proposal = propose_person_pattern(names)
    if proposal is None or proposal.persons < _SURE:
        return None
    found = {person for person in proposal.of if person is not None}
    emotions = sum(any(canonical_emotion(word) for word in re.split(r"[\W\d_]+", person)) for person in found)
    return None if emotions > _EMOTIONS * len(found) else proposal


def training_overlap(
    paths: Sequence[str],
    persons: Sequence[str | None],
    training: Mapping[str, pd.DataFrame],
    pattern: str | None,
) -> Overlap | None:
    """How many test images show a person who is in the training frames; None without training frames.

    Frames named after validation do not count: a model has not learnt from them.

    Parameters
    ----------
    paths, persons
        Of the test images, in the same order.
    training
        Frames with `path` and `person`; a missing person is read from the path where there is a pattern.
    pattern
        The setting `person_pattern`, or that of a proposal.
    """
    frames = [frame for name, frame in training.items() if "val" not in name.casefold()]
    if not frames:
        return None
    seen: set[str] = set()
    listed: set[str] = set()
    for frame in frames:
        listed.update(frame["path"])
        given = [person if isinstance(person, str) else None for person in frame["person"]]
        unnamed = [path for path, person in zip(frame["path"], given, strict=True) if person is None]
        seen.update(name for name in given if name is not None)
        if pattern is not None:
            seen.update(name for name in persons_of(unnamed, pattern) if name is not None)
    known = [person for person in persons if isinstance(person, str)]
    return Overlap(
        shared=sum(person in seen for person in known),
        known=len(known),
        persons_shared=len(set(known) & seen),
        persons=len(set(known)),
        same_path=sum(path in listed for path in paths),
        seen=tuple(
            True if path in listed else person in seen if isinstance(person, str) else None
            for path, person in zip(paths, persons, strict=True)
        ),
    )
