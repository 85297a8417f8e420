"""Who is in an image, from a column or the file's name, and how many test persons a model has trained on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from reportgen.errors import ConfigError
from reportgen.patterns import LONGEST_NAME

__all__ = ["Overlap", "Proposal", "person_of", "persons_of", "propose_person_pattern", "training_overlap"]


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
    """

    pattern: str
    matched: int
    names: int
    persons: int
    example: tuple[str, str]

    def compiled(self) -> re.Pattern[str]:
        """The pattern, ready for `person_of`."""
        return re.compile(self.pattern)


@dataclass(frozen=True)
class Overlap:
    """Test images whose person also stands in training.

    Attributes
    ----------
    shared, known
        Test images of a person who is in training; test images whose person is known.
    persons_shared, persons
        The same in persons.
    same_path
        Test images that are listed in training under the same path.
    """

    shared: int
    known: int
    persons_shared: int
    persons: int
    same_path: int

    @property
    def share(self) -> float:
        """Share of images of known persons whose person is in training, 0..1; 0 where none is known."""
        return self.shared / self.known if self.known else 0.0


# Seconds for a pattern of the user's, and for each name: reading ten million names takes some ten seconds.
_PATIENCE = 30.0
_PER_NAME = 2e-5
# From the most particular to the most general: the first that fits nearly all names wins.
_PATTERNS = (
    r"^[ABab]([FMfm]\d{2})(?:AF|AN|DI|HA|NE|SA|SU|af|an|di|ha|ne|sa|su)",
    r"^(S\d{3})_\d{3}_\d+",
    r"^([A-Z]{2})\.(?:AN|DI|FE|HA|NE|SA|SU)\d+\.",
    r"^(?:\d{2}-){6}(\d{2})\.",
    r"^(.*?[^\W\d_].*?)[_-]\d+\.[A-Za-z]+$",
    r"^((?:s|subject|person|id|p)_?\d+)[_-]",
)


def person_of(path: str, pattern: re.Pattern[str]) -> str | None:
    """The person in a path's file name, or None where the pattern does not fit."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    match = pattern.search(name) if len(name) <= LONGEST_NAME else None
    return match.group(1) or None if match else None


def persons_of(paths: Iterable[str], pattern: re.Pattern[str]) -> list[str | None]:
    """The person in each path's file name, by a pattern of the user's.

    Raises
    ------
    ConfigError
        It takes far longer than reading names does.
    """
    persons: list[str | None] = []
    began = time.monotonic()
    for path in paths:
        persons.append(person_of(path, pattern))
        if time.monotonic() - began > _PATIENCE + _PER_NAME * len(persons):
            raise ConfigError(
                f"person_pattern: took {time.monotonic() - began:.0f} s for {len(persons):,} file names; begin it with "
                "^ and repeat narrow classes only, such as [^_]+"
            )
    return persons


def propose_person_pattern(names: Iterable[str]) -> Proposal | None:
    """A pattern that seems to read persons from these file names, or None.

    A pattern is proposed where it fits at least 90 % of the names, finds at least two persons, and some
    person has several images but no single one has more than half: numbered names such as `img_0001.jpg`
    tell no person.
    """
    files = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in names]
    for text in _PATTERNS:
        pattern = re.compile(text)
        found = [(name, person) for name in files if (person := person_of(name, pattern)) is not None]
        if not found or len(found) < 0.9 * len(files):
            continue
        counts = pd.Series([person for _, person in found]).value_counts()
        if len(counts) < 2 or counts.iloc[0] < 2 or counts.iloc[0] > len(files) / 2:
            continue
        if len(counts) < 3 and len(files) > 20:
            continue
        return Proposal(text, len(found), len(files), len(counts), min(found))
    return None


def training_overlap(
    paths: Sequence[str],
    persons: Sequence[str | None],
    training: Mapping[str, pd.DataFrame],
    pattern: str | re.Pattern[str] | None,
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
    compiled = re.compile(pattern) if pattern is not None else None
    seen: set[str] = set()
    listed: set[str] = set()
    for frame in frames:
        listed.update(frame["path"])
        given = [person if isinstance(person, str) else None for person in frame["person"]]
        unnamed = [path for path, person in zip(frame["path"], given, strict=True) if person is None]
        seen.update(name for name in given if name is not None)
        if compiled is not None:
            seen.update(name for name in persons_of(unnamed, compiled) if name is not None)
    known = [person for person in persons if isinstance(person, str)]
    return Overlap(
        shared=sum(person in seen for person in known),
        known=len(known),
        persons_shared=len(set(known) & seen),
        persons=len(set(known)),
        same_path=sum(path in listed for path in paths),
    )
