"""The groups of photos by which models are compared: what the user's columns say, and what is measured on the photos.

Nothing sensitive is guessed. Gender, race and age are compared only where a column or the data set states them: what a
program reads off a face is wrong more often for some people than for others, so that a gap by guessed groups would be
partly the guesser's; and what somebody is cannot be seen. What is measured is of the photo: where it comes from, how
large the face is, how the head is held, whether eyes and mouth are open, and how the light falls. The brightness of the
cheeks is light and skin together, and is called that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from reportgen.analysis import VOTES, Analysis
from reportgen.evidence.errors.photo_measures import face_states
from reportgen.evidence.groups.gaps import LEAST_PHOTOS
from reportgen.evidence.shortcuts.properties import file_name_kind, photo_properties, photos_having
from reportgen.faces.head_pose import head_angles
from reportgen.faces.landmarks import ACTIONS
from reportgen.faces.pose import pose_table
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = [
    "FILE_COLUMNS",
    "Grouping",
    "alike",
    "called_groupings",
    "given_columns",
    "given_groupings",
    "measured_groupings",
    "unknown_groups",
]

_MOST_LEVELS = 12
_NUMBERS = 6  # of a column of numbers with more different values thirds are made
_MOSTLY = 0.9  # share of the cells that are numbers from which a column is one of numbers
_COMMON = 0.05  # share of the photos from which a value of a file's trait is a source of its own
_NUMBERED, _STORED = "{}, {}", "of one source (JPEG quality {:.0f})"
FILE_COLUMNS = frozenset({"camera", "software", "taken", "jpeg_tables"})
"""Columns of an analysis that a file tells of itself."""

_SAME = 0.95  # photos shared, of all in either, from which two groups are the same
_BY_ITSELF = frozenset({
    "row", "image_id", "path", "emotion", "label", "person", "sha256", "width", "height", "notes", "problem", "format",
    "jpeg_quality", "sharpness", "noise", "blockiness", "luminance", "contrast", "colourfulness", "red_green",
    "yellow_blue", "perceptual_hash", "face_box",
})  # fmt: skip
"""Columns of an analysis that are no column of the user's."""


@dataclass(frozen=True)
class Grouping:
    """One way to part the photos.

    Attributes
    ----------
    name
        Of the column, of two as in "sex * age", or of what was measured.
    origin
        "given" by the user or the data set, or "measured".
    levels
        Names of its groups.
    code
        (n,) group of each photo, an index into `levels`; -1 where it is not known.
    asked
        Whether the user named it.
    called
        What the photos of each group are called, where that says more than the group's name; "" where it does not, and
        nothing at all where no group has such words.
    having
        How many labelled photos of each group have the property that it is called by: nearly all. -1 where it is
        called by none.
    """

    name: str
    origin: Literal["given", "measured"]
    levels: tuple[str, ...]
    code: IntArray
    asked: bool = False
    called: tuple[str, ...] = ()
    having: tuple[int, ...] = ()

    @property
    def of_source(self) -> bool:
        """Whether it is by what files tell of where they come from."""
        return self.name.startswith("source: ") or self.name in FILE_COLUMNS

    def photos(self, level: int) -> BoolArray:
        """(n,) photos of one group."""
        return np.asarray(self.code == level)

    def others(self, level: int) -> BoolArray:
        """(n,) photos of all other groups."""
        return np.asarray((self.code >= 0) & (self.code != level))


def given_columns(images: pd.DataFrame, classes: Sequence[str]) -> tuple[str, ...]:
    """The user's own columns among those of an analysis."""
    own = {name.casefold() for name in classes}  # votes
    others = (name for name in map(str, images.columns) if name not in _BY_ITSELF and not name.startswith(VOTES))
    return tuple(name for name in others if name.casefold() not in own)


def unknown_groups(
    wanted: Sequence[str], measured: Sequence[str], images: pd.DataFrame, classes: Sequence[str]
) -> tuple[str, ...]:
    """Names that were asked for and are neither columns nor `measured`."""
    there = {*given_columns(images, classes), *measured}
    return tuple(part for name in wanted for part in _parts(name) if part not in there)


def given_groupings(
    images: pd.DataFrame, classes: Sequence[str], wanted: Sequence[str] = (), others: Sequence[Grouping] = ()
) -> tuple[Grouping, ...]:
    """Groups by the user's columns: by those that were asked for, else by all that part the photos into a few groups.

    Parameters
    ----------
    images
        As in an analysis.
    wanted
        Names of columns, and pairs as "sex*age". Columns that are not there make no group.
    others
        Measured ones, of which pairs may be asked for as well.
    """
    columns = given_columns(images, classes)
    if not wanted:
        found = (_of_column(name, images[name]) for name in columns)
        return tuple(one for one in found if one is not None and _parts_photos(one))
    named = {one.name: one for one in others}
    named |= {name: one for name in columns if (one := _of_column(name, images[name], most=None)) is not None}
    made = []
    for name in wanted:
        parts = [named[part] for part in _parts(name) if part in named]
        if len(parts) == len(_parts(name)) and not (len(parts) == 1 and parts[0].origin == "measured"):
            made.append(_crossed(parts))
    return tuple(made)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in name.split("*"))


def _crossed(parts: Sequence[Grouping]) -> Grouping:
    """All combinations of groups that occur."""
    code = np.zeros(len(parts[0].code), dtype=np.int64)
    known = np.ones(len(code), dtype=bool)
    for part in parts:
        code = code * len(part.levels) + part.code
        known &= part.code >= 0
    used, place = np.unique(code[known], return_inverse=True)
    names = []
    for number in used.tolist():
        levels = []
        for part in reversed(parts):
            number, level = divmod(number, len(part.levels))
            levels.append(part.levels[level])
        names.append(", ".join(reversed(levels)))
    placed = np.full(len(code), -1, dtype=np.int64)
    placed[known] = place
    return Grouping(" * ".join(part.name for part in parts), "given", tuple(names), placed, asked=True)


def _parts_photos(one: Grouping) -> bool:
    """Whether at least two groups have enough photos to be compared."""
    return int((np.bincount(one.code[one.code >= 0], minlength=1) >= LEAST_PHOTOS).sum()) > 1


def _of_column(name: str, cells: pd.Series, most: int | None = _MOST_LEVELS) -> Grouping | None:  # type: ignore[type-arg,unused-ignore]
    """Groups by one column: its values, or thirds of its numbers; None where it has too many values."""
    missing = cells.isna().to_numpy() | (cells.astype(str).str.strip() == "").to_numpy()
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    there = ~missing
    numeric = there.any() and np.isfinite(numbers[there]).mean() >= _MOSTLY
    if numeric and len(np.unique(numbers[np.isfinite(numbers)])) > _NUMBERS:
        return _thirds(name, np.where(there, numbers, np.nan), "given")
    texts = np.array([_written(cell) for cell in cells.tolist()], dtype=object)
    levels = sorted(set(texts[there].tolist()))
    if len(levels) < 2 or (most is not None and len(levels) > most):
        return None
    place = {level: k for k, level in enumerate(levels)}
    code = np.array([place[text] if ok else -1 for text, ok in zip(texts, there, strict=True)], dtype=np.int64)
    return Grouping(name, "given", tuple(levels), code, asked=most is None)


def _written(cell: object) -> str:
    """A cell as its table shows it: a whole number has no decimals, whatever type its column has."""
    return (f"{cell:.12g}" if isinstance(cell, float) else str(cell).strip())[:40]


def measured_groupings(analysis: Analysis) -> tuple[Grouping, ...]:
    """Groups by what is measured on the photos: those that part them, each partition once."""
    images, faces = analysis.images, analysis.faces
    made = [*_sources(images)]
    if faces is not None:
        seen = np.array([source != "template" for source in faces.source], dtype=bool)
        angles = head_angles(faces.points, images["width"].to_numpy(), images["height"].to_numpy())
        turn, nod, tilt = (np.where(seen, angles[:, k], np.nan) for k in range(3))
        blink = faces.actions[:, [ACTIONS.index("eyeBlinkLeft"), ACTIONS.index("eyeBlinkRight")]].mean(axis=1)
        opening = face_states(analysis)["opening of the mouth"]
        made += [
            _thirds("face size", pose_table(faces)["eyes"], "measured", ("small", "middle", "large")),
            _cut("head turn", np.abs(turn), (15.0, 30.0), ("below 15°", "15° to 30°", "30° or more")),
            _cut("head nod", nod, (-10.0, 10.0), ("raised 10° or more", "level within 10°", "bowed 10° or more")),
            _cut("head tilt", np.abs(tilt), (10.0,), ("below 10°", "10° or more")),
            _cut("eyes", blink.astype(np.float64), (0.5,), ("open", "closed or nearly so")),
            _cut("mouth", opening, (0.1,), ("closed", "open")),
        ]
    for name, column in (("sharpness", "sharpness"), ("brightness", "luminance")):
        if column in images:
            made.append(_thirds(name, images[column].to_numpy(dtype=np.float64), "measured"))
    if faces is not None and faces.cheek_light is not None and faces.cheek_balance is not None:
        made.append(_thirds("cheek brightness", faces.cheek_light.astype(np.float64), "measured"))
        names = ("yes, below 70 %", "no, 70 % or more")
        made.append(_cut("light from one side", faces.cheek_balance.astype(np.float64), (0.7,), names))
    kept: list[Grouping] = []
    for one in made:
        if one is not None and _parts_photos(one) and not any(np.array_equal(one.code, k.code) for k in kept):
            kept.append(one)
    return tuple(kept)


def alike(one: BoolArray, other: BoolArray) -> bool:
    """Whether two sets of photos, each (n,), share 95 % of all that are in either."""
    return bool((one & other).sum() >= _SAME * max(int((one | other).sum()), 1))


def called_groupings(analysis: Analysis, groupings: Sequence[Grouping]) -> tuple[Grouping, ...]:
    """The same groupings; groups by what a file says of its source have words where their photos have some in common.

    These are a property that is there or not, such as colour; else, where the group is named by a code of the file's
    tables, the quality that nearly all are stored with.
    """
    if not any(one.of_source for one in groupings):
        return tuple(groupings)
    known = {}
    for item in photo_properties(analysis.images, analysis.faces):
        for sign in (1, -1) if item.binary else ():
            has, having, _ = photos_having(item, sign)
            known["in grey" if having == "grey" else having] = has
    quality = analysis.images["jpeg_quality"].to_numpy(dtype=np.float64)
    labelled = analysis.labels >= 0
    return tuple(_called(one, known, quality, labelled) if one.of_source else one for one in groupings)


def _called(grouping: Grouping, known: dict[str, BoolArray], quality: FloatArray, labelled: BoolArray) -> Grouping:
    found, counts = [], []
    for k in range(len(grouping.levels)):
        photos = grouping.photos(k)
        by_property = next((having for having, has in known.items() if alike(photos, has)), "")
        found.append(by_property or (_stored(photos, quality) if grouping.name == "jpeg_tables" else ""))
        counts.append(int((photos & known[by_property] & labelled).sum()) if by_property else -1)
    several = {name for name in found if name and found.count(name) > 1}
    called = tuple(_NUMBERED.format(name, k + 1) if name in several else name for k, name in enumerate(found))
    return replace(grouping, called=called, having=tuple(counts))


def _stored(photos: BoolArray, quality: FloatArray) -> str:
    """As in "of one source (JPEG quality 75)"."""
    known = quality[photos & np.isfinite(quality)]
    values, counts = np.unique(np.round(known), return_counts=True)
    if not len(known) or counts.max() < _SAME * int(photos.sum()):
        return "of one source"
    return _STORED.format(values[int(np.argmax(counts))])


def _sources(images: pd.DataFrame) -> list[Grouping | None]:
    sizes = [f"{w} x {h}" for w, h in zip(images["width"].tolist(), images["height"].tolist(), strict=True)]
    return [
        _common("source: picture size", sizes),
        _common("source: file name", [file_name_kind(path) for path in images["path"].tolist()]),
        _common("source: file format", [str(value) for value in images["format"].tolist()]),
    ]


def _common(name: str, values: list[str]) -> Grouping | None:
    """Values that many photos have, and all other photos together."""
    counts = pd.Series(values).value_counts()
    common = [str(value) for value, n in counts.items() if n >= max(LEAST_PHOTOS, _COMMON * len(values))][:_MOST_LEVELS]
    if not common:
        return None
    place = {value: k for k, value in enumerate(common)}
    code = np.array([place.get(value, len(common)) for value in values], dtype=np.int64)
    others = f"not {common[0]}" if len(common) == 1 else "all others"
    return Grouping(name, "measured", (*common, others), code)


def _thirds(
    name: str, value: FloatArray, origin: Literal["given", "measured"], names: tuple[str, str, str] | None = None
) -> Grouping | None:
    """Three groups of about equal size by quantiles, called by their limits where they have no names."""
    known = value[np.isfinite(value)]
    if not len(known):
        return None
    low, high = np.quantile(known, [1 / 3, 2 / 3]).tolist()
    if origin == "measured" and names is None:
        names = ("lowest third", "middle third", "highest third")
    found = names or (f"≤ {low:.4g}", f"{low:.4g} to {high:.4g}", f"> {high:.4g}")
    return _cut(name, value, (np.nextafter(low, np.inf), np.nextafter(high, np.inf)), found, origin)


def _cut(
    name: str,
    value: FloatArray,
    limits: Sequence[float],
    names: tuple[str, ...],
    origin: Literal["given", "measured"] = "measured",
) -> Grouping | None:
    """Groups by limits, each in the upper group; unknown values are in none."""
    code = np.searchsorted(np.asarray(limits), value, side="right").astype(np.int64)
    return Grouping(name, origin, names, np.where(np.isfinite(value), code, -1))
