"""KDEF: `AF01ANS.JPG` is session A, woman 01, angry, seen straight."""

from __future__ import annotations

import re

import pandas as pd

from reportgen.inputs.emotions import EXPRESSION_CODES
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.listing import Listing, Problem

__all__ = ["KDEF"]

_NAME = re.compile(r"[AB]([FM]\d{2})(AF|AN|DI|HA|NE|SA|SU)(FL|HL|S|HR|FR)\.[A-Za-z]+", re.IGNORECASE)
_VIEWS = {"S": "front", "FL": "left", "FR": "right", "HL": "half left", "HR": "half right"}


def _recognise(source: Source) -> Sighting | None:
    fitting = [name for name in source.names if _NAME.fullmatch(name)]
    return Sighting(f"file names such as {fitting[0]}") if len(fitting) * 2 > len(source.names) else None


def _read(source: Source) -> Listing:
    rows, problems = [], []
    for path in source.images:
        match = _NAME.fullmatch(path.name)
        if match is None:
            message = "not named like a KDEF image (such as AF01ANS.JPG)"
            problems.append(Problem(path.as_posix(), None, "unknown-label", message))
            continue
        person, code, view = (part.upper() for part in match.groups())
        rows.append((path.as_posix(), EXPRESSION_CODES[code], person, _VIEWS[view]))
    return Listing(
        rows=pd.DataFrame(rows, columns=["path", "emotion", "person", "view"], dtype=object),
        folder=source.path,
        source=f"{source.title}, KDEF file names",
        notes=["emotion, person and view read from KDEF file names (AF01ANS.JPG: person F01, anger, front)"],
        problems=problems,
    )


KDEF = Layout("kdef", "KDEF", ("files named like `AF01ANS.JPG`; person and view from the name",), _recognise, _read)
