"""JAFFE and KDEF: the files' names tell the person and the emotion (`KA.AN1.39.tiff`, `AF01ANS.JPG`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

import pandas as pd

from reportgen.inputs.emotions import EXPRESSION_CODES
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.layouts.splits import split_of, take_split
from reportgen.inputs.listing import Listing, Problem

__all__ = ["JAFFE", "KDEF"]

_VIEWS = {"S": "front", "FL": "left", "FR": "right", "HL": "half left", "HR": "half right"}
_SEXES = {"F": "female", "M": "male"}


@dataclass(frozen=True)
class _CodedNames:
    """How a data set names its files.

    Attributes
    ----------
    pattern
        With groups `person` and `code`, and `sex` and `view` where the names tell them.
    example
        One name, and what is read from it.
    """

    title: str
    pattern: re.Pattern[str]
    example: tuple[str, str]

    def recognise(self, source: Source) -> Sighting | None:
        """More than half of the files are named so."""
        fitting = [name for name in source.names if self.pattern.fullmatch(name)]
        return Sighting(f"file names such as {fitting[0]}") if len(fitting) * 2 > len(source.names) else None

    def read(self, source: Source) -> Listing:
        """Emotion, person, sex and view of every file from its name."""
        rows, problems = [], []
        for path in source.images:
            match = self.pattern.fullmatch(path.name)
            if match is None:
                message = f"not named like a {self.title} image (such as {self.example[0]})"
                problems.append(Problem(path.as_posix(), None, "unknown-label", message))
                continue
            found = {name: text.upper() for name, text in match.groupdict().items()}
            known = (("sex", _SEXES), ("view", _VIEWS))
            told = {name: words[found[name]] for name, words in known if name in found}
            emotion = EXPRESSION_CODES[found["code"]]
            rows.append({"path": path.as_posix(), "emotion": emotion, "person": found["person"], **told})
        listing = Listing(
            rows=pd.DataFrame(rows, columns=list(rows[0]) if rows else ["path", "emotion", "person"], dtype=object),
            folder=source.path,
            source=f"{source.title}, {self.title} file names",
            notes=[f"read from {self.title} file names: {self.example[0]} is {self.example[1]}"],
            problems=problems,
        )
        take_split(listing, [split_of(*PurePath(path).parts[:-1]) for path in listing.rows["path"]])
        listing.notes += source.unread()
        return listing


_JAFFE = _CodedNames(
    "JAFFE",
    re.compile(r"(?P<person>[A-Z]{2})\.(?P<code>AN|DI|FE|HA|NE|SA|SU)\d+\.\d+\.[A-Za-z]+", re.IGNORECASE),
    ("KA.AN1.39.tiff", "person KA, anger"),
)
# Sessions A and B show the same persons.
_KDEF = _CodedNames(
    "KDEF",
    re.compile(
        r"[AB](?P<person>(?P<sex>[FM])\d{2})(?P<code>AF|AN|DI|HA|NE|SA|SU)(?P<view>FL|HL|S|HR|FR)\.[A-Za-z]+",
        re.IGNORECASE,
    ),
    ("AF01ANS.JPG", "person F01 (female), anger, front"),
)

JAFFE = Layout(
    "jaffe", "JAFFE", ("files named like `KA.AN1.39.tiff`; person from the name",), _JAFFE.recognise, _JAFFE.read
)
KDEF = Layout(
    "kdef", "KDEF", ("files named like `AF01ANS.JPG`; person, sex and view from the name",), _KDEF.recognise, _KDEF.read
)
