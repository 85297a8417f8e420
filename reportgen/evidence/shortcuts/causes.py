"""What a property that gives an emotion away goes with: another source of photos, a few persons, copies of a photo.

A property alone is seldom the reason: photos are in colour because they come from another collection. So photos with it
and photos without it are asked where they come from, who is in them, and whether they are copies of each other. Which
of these caused it no photo can tell; that they go together is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from reportgen.evidence.shortcuts.properties import Property, file_name_kind, photos_having
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.units import units_of
from reportgen.types import BoolArray, IntArray, ObjectArray

__all__ = ["Cause", "PhotoSource", "SourceTrait", "find_cause", "source_traits"]

SourceTrait = Literal[
    "file name",
    "picture size",
    "file format",
    "JPEG quality",
    "JPEG tables",
    "camera",
    "software",
    "year taken",
    "month taken",
    "day taken",
]

_MOST = 0.9  # share of the photos with the property that must be inside, and of those without it outside
_VALUES = 3  # values of a trait that make one source: of many, some always fit
_FEW_PERSONS = 20
_COPIED = 0.5


@dataclass(frozen=True)
class PhotoSource:
    """A trait of files that tells the photos with the property from the others.

    Attributes
    ----------
    values
        Of the trait, those that mean the source, the most frequent first; "" where the files do not say.
    having, lacking
        Photos of the source with the property and without it.
    """

    trait: SourceTrait
    values: tuple[str, ...]
    having: int
    lacking: int


@dataclass(frozen=True)
class Cause:
    """What one property goes with.

    Attributes
    ----------
    name
        Of the property, such as "colour".
    sign
        1 where photos with more of it are meant, -1 where those with less.
    having, lacking
        Words for the photos with it and without it; `lacking` is "" where photos are split at the median.
    n_having, n_lacking
        Labelled photos of either kind.
    source
        None where no trait of the files tells them apart.
    persons_having, persons_lacking
        Known persons in photos with it, and in photos without it; 0 where no person is known.
    few_persons
        Whether nearly all photos of the persons who have it have it, and these are few persons beside the others.
    copies
        Share, 0..1, of the photos with it that are exact or near copies of another one.
    emotions
        Per emotion its name, its photos with the property and all its photos.
    """

    name: str
    sign: int
    having: str
    lacking: str
    n_having: int
    n_lacking: int
    source: PhotoSource | None
    persons_having: int
    persons_lacking: int
    few_persons: bool
    copies: float
    emotions: tuple[tuple[str, int, int], ...]

    @property
    def copied(self) -> bool:
        """Whether most photos with it are copies."""
        return self.copies >= _COPIED

    @property
    def known(self) -> bool:
        """Whether it goes with anything at all."""
        return self.source is not None or self.few_persons or self.copied


def find_cause(item: Property, sign: int, images: pd.DataFrame, labels: IntArray, classes: Sequence[str]) -> Cause:
    """Ask what one property goes with.

    Parameters
    ----------
    item, sign
        The property, and whether photos with more of it are meant (1) or with less (-1).
    images
        (n rows) as in an analysis.
    labels
        (n,) -1 where unlabelled.
    """
    has, having, lacking = photos_having(item, sign)
    judged = np.isfinite(item.value) & (labels >= 0)
    with_it, without = judged & has, judged & ~has
    person = images["person"].to_numpy(dtype=object)
    named = np.array([isinstance(name, str) for name in person], dtype=bool)
    mine, others = (set(person[named & part].tolist()) for part in (with_it, without))
    same = clusters(units_of(images.assign(person=None)), len(images))
    twice = np.bincount(same.code, minlength=same.count)[same.code] > 1
    return Cause(
        name=item.name,
        sign=sign,
        having=having,
        lacking=lacking,
        n_having=int(with_it.sum()),
        n_lacking=int(without.sum()),
        source=_source(images, with_it, without),
        persons_having=len(mine),
        persons_lacking=len(others),
        few_persons=_few_persons(person, named & with_it, named & without),
        copies=float(twice[with_it].mean()) if with_it.any() else 0.0,
        emotions=tuple(
            (name, int((with_it & (labels == e)).sum()), int((judged & (labels == e)).sum()))
            for e, name in enumerate(classes)
        ),
    )


def _few_persons(person: ObjectArray, with_it: BoolArray, without: BoolArray) -> bool:
    """Whether it is a matter of who is in the photo."""
    mine = set(person[with_it].tolist())
    elsewhere = set(person[without].tolist()) - mine
    theirs = without & np.array([name in mine for name in person], dtype=bool)
    n = int(with_it.sum())
    return 0 < len(mine) <= min(_FEW_PERSONS, len(elsewhere)) and n >= _MOST * (n + int(theirs.sum()))


def _source(images: pd.DataFrame, with_it: BoolArray, without: BoolArray) -> PhotoSource | None:
    """The trait that tells them apart best; None where none does."""
    found: list[tuple[float, PhotoSource]] = []
    for trait, values in source_traits(images).items():
        counts = pd.DataFrame({"having": with_it, "lacking": without}).groupby(values).sum()
        inside = counts[counts["having"] > counts["lacking"]].sort_values("having", ascending=False, kind="stable")
        if not 0 < len(inside) <= _VALUES:
            continue
        having, lacking = int(inside["having"].sum()), int(inside["lacking"].sum())
        hit, out = having / max(int(with_it.sum()), 1), 1 - lacking / max(int(without.sum()), 1)
        if min(hit, out) >= _MOST:
            found.append((hit + out, PhotoSource(trait, tuple(map(str, inside.index)), having, lacking)))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def source_traits(images: pd.DataFrame) -> dict[SourceTrait, ObjectArray]:
    """(n,) values of what tells where a file comes from."""
    quality = images["jpeg_quality"].to_numpy(dtype=np.float64)
    sizes = zip(images["width"].tolist(), images["height"].tolist(), strict=True)
    return {
        "file name": np.array([file_name_kind(path) for path in images["path"].tolist()], dtype=object),
        "picture size": np.array([f"{width} x {height}" for width, height in sizes], dtype=object),
        "file format": images["format"].to_numpy(dtype=object),
        "JPEG quality": np.array([f"{value:.0f}" if np.isfinite(value) else "" for value in quality], dtype=object),
        "JPEG tables": _told(images, "jpeg_tables"),
        "camera": _told(images, "camera"),
        "software": _told(images, "software"),
        "year taken": _told(images, "taken", len("2019")),
        "month taken": _told(images, "taken", len("2019-05")),
        "day taken": _told(images, "taken"),
    }


def _told(images: pd.DataFrame, name: str, first: int | None = None) -> ObjectArray:
    """(n,) the first characters of what files say of themselves; "" where one does not, or an older analysis has no
    such column.
    """
    if name not in images:
        return np.full(len(images), "", dtype=object)
    return np.array([value[:first] if isinstance(value, str) else "" for value in images[name]], dtype=object)
