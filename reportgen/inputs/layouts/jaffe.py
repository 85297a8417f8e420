"""JAFFE: `KA.AN1.39.tiff` is person KA, angry, first take, image 39."""

from __future__ import annotations

import re

import pandas as pd

from reportgen.inputs.emotions import EXPRESSION_CODES
from reportgen.inputs.layouts.layout import Layout, Sighting, Source
from reportgen.inputs.listing import Listing, Problem

__all__ = ["JAFFE"]

_NAME = re.compile(r"([A-Z]{2})\.(AN|DI|FE|HA|NE|SA|SU)(\d+)\.\d+\.[A-Za-z]+", re.IGNORECASE)


def _recognise(source: Source) -> Sighting | None:
    fitting = [name for name in source.names if _NAME.fullmatch(name)]
    return Sighting(f"file names such as {fitting[0]}") if len(fitting) * 2 > len(source.names) else None


def _read(source: Source) -> Listing:
    rows, problems = [], []
    for path in source.images:
        match = _NAME.fullmatch(path.name)
        if match is None:
            message = "not named like a JAFFE image (such as KA.AN1.39.tiff)"
            problems.append(Problem(path.as_posix(), None, "unknown-label", message))
        else:
            rows.append((path.as_posix(), EXPRESSION_CODES[match[2].upper()], match[1].upper()))
    return Listing(
        rows=pd.DataFrame(rows, columns=["path", "emotion", "person"], dtype=object),
        folder=source.path,
        source=f"{source.title}, JAFFE file names",
        notes=["emotion and person read from JAFFE file names (KA.AN1.39.tiff: person KA, anger)"],
        problems=problems,
    )


JAFFE = Layout("jaffe", "JAFFE", ("files named like `KA.AN1.39.tiff`; person from the name",), _recognise, _read)
