"""What every image has at most one value of, for the explorer's facets: its person, its source, its groups."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import VOTES, slugify, unique_slugs
from reportgen.evidence.shortcuts.causes import SourceTrait, source_traits
from reportgen.inputs.images.decoding import ORIGIN_COLUMNS
from reportgen.inputs.images.quality import QUALITY_COLUMNS
from reportgen.site.report import Report
from reportgen.site.wording.format import plain

__all__ = ["STANDARD_COLUMNS", "ImageFacet", "image_facets"]

STANDARD_COLUMNS = frozenset({
    "image_id", "path", "emotion", "label", "person", "sha256", "width", "height", "notes", "row", "format",
    "jpeg_quality", *ORIGIN_COLUMNS, *QUALITY_COLUMNS,
})  # fmt: skip
"""Columns of images that every report has; all others are the user's own."""

_WORDS: dict[SourceTrait, str] = {
    "file name": "naming",
    "picture size": "size",
    "file format": "format",
    "JPEG quality": "jpeg",
    "JPEG tables": "encoder",
    "camera": "camera",
    "software": "software",
    "year taken": "year",
    "month taken": "month",
    "day taken": "day",
}
# Words of the filter that have another meaning; a column of the same name gets a longer word.
_TAKEN = frozenset({
    "true", "pred", "model", "conf", "region", "id", "note", "has", "right", "wrong", "agree", "differ", "pattern",
    "flag", "person", "photo", "votes", *_WORDS.values(),
})  # fmt: skip
_MOST_VALUES = 40
_MOST_SOURCES = 6
_LEAST_SHARE = 0.01
_OTHER = "other"


@dataclass(frozen=True)
class ImageFacet:
    """One facet.

    Attributes
    ----------
    kind
        The word in the explorer's filter, such as "person".
    title, explain
        A heading, and what the word looks for.
    slugs, names
        One per value.
    codes
        (n,) index of each image's value, -1 where it has none.
    main
        Whether it is offered at once, not among more choices.
    """

    kind: str
    title: str
    explain: str
    slugs: tuple[str, ...]
    names: tuple[str, ...]
    codes: npt.NDArray[np.int64]
    main: bool = True


def image_facets(report: Report) -> tuple[ImageFacet, ...]:
    """All facets by which the images of this report differ."""
    images = report.analysis.images
    found = [_facet("person", "person", "who is in the photo", images["person"])]
    for trait, values in source_traits(images).items():
        found.append(_facet(_WORDS[trait], f"source: {trait}", f"photos by {trait}", _frequent(values)))
    # A file that is stored in colour can show a grey photo.
    grey = np.where(images["colourfulness"] == 0, "grey", "colour")
    found.append(_facet("photo", "photo", "photos without any colour, or with some", grey))
    for column in map(str, images.columns):
        if column not in STANDARD_COLUMNS and not column.startswith(VOTES):  # how raters agree is a facet
            found.append(_facet(_word(column), column, f"column {column} of the table", images[column], own=True))
    facets = [one for one in found if one is not None]
    titles = {one.title for one in facets}
    for group in () if report.groups is None else report.groups.groupings:
        if group.name not in titles:
            names = unique_slugs(group.levels), group.levels
            facets.append(ImageFacet(_word(group.name), group.name, "groups compared", *names, group.code, main=False))
    kept = {one.kind: one for one in reversed(facets)}  # of two with the same word the first
    return tuple(kept[kind] for kind in dict.fromkeys(one.kind for one in facets))


def _word(name: str) -> str:
    """The filter's word for a column or a group; another one where it has a meaning already."""
    slug = slugify(name)
    return f"{slug}-column" if slug in _TAKEN else slug


def _facet(kind: str, title: str, explain: str, values: Iterable[object], *, own: bool = False) -> ImageFacet | None:
    """None where there is nothing to choose: one value or none, or very many of one's `own` column."""
    texts = [_text(value) for value in values]
    names = sorted({text for text in texts if text is not None}, key=_natural)
    if len(names) < 2 or (own and len(names) > _MOST_VALUES):
        return None
    index = {name: place for place, name in enumerate(names)}
    found = np.array([-1 if text is None else index[text] for text in texts], dtype=np.int64)
    return ImageFacet(kind, title, explain, unique_slugs(names), tuple(names), found, main=not own)


def _text(value: object) -> str | None:
    """A value as a reader sees it; None where a cell is empty."""
    if value is None or value is pd.NA or value == "" or value != value:
        return None
    return f"{value:g}" if isinstance(value, float) else plain(str(value))


def _natural(name: str) -> tuple[object, ...]:
    """Numbers inside names count as numbers, and what is left over comes last."""
    parts = [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in re.split(r"(\d+)", name)]
    return (name == _OTHER, parts, name)


def _frequent(values: npt.NDArray[np.object_]) -> list[object]:
    """The frequent values; all others are one."""
    counts = pd.Series(values).replace("", None).value_counts()
    kept = set(counts[counts >= _LEAST_SHARE * len(values)].index[:_MOST_SOURCES])
    return [value if value in kept else _OTHER if value else None for value in values]
