"""What an experiment is: a design, one row per picture that was changed on purpose, and a way to make the pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from reportgen.analysis import Analysis, FaceRecords
from reportgen.config import Preprocessing
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import TestSet

__all__ = [
    "CHANGING_CODE",
    "Experiment",
    "PictureJob",
    "Pictures",
    "Pixels",
    "needs_baseline",
    "picture_digest",
    "points_of",
    "working_size",
]

Pixels = npt.NDArray[np.uint8]
CHANGING_CODE = (*(f"inputs/images/{name}.py" for name in ("changes", "framing", "quality")), "faces")
"""The source that changed photos depend on."""

_CACHED = 512  # decoded pictures; 150 KB each at 224 pixels


class Pictures:
    """The test images at the working size, read when they are needed; recent ones stay in memory.

    Parameters
    ----------
    rows
        Position in the test set of every image of the analysis.
    size
        Side in pixels; aspect ratios are not kept, as for the models' inputs.
    """

    def __init__(self, test_set: TestSet, rows: Sequence[int], size: int) -> None:
        self.size = size
        self._test_set = test_set
        self._rows = [int(row) for row in rows]
        self._read = lru_cache(maxsize=_CACHED)(self._load)
        self._rows_of: dict[bytes, int] = {}

    def row_of(self, digest: bytes) -> int | None:
        """The image that looks like this at the working size, among those read so far."""
        return self._rows_of.get(digest)

    def __getitem__(self, index: int) -> Pixels:
        """Image `index` of the analysis, (size, size, 3) uint8, read only."""
        return self._read(int(index))

    def original(self, index: int) -> Pixels:
        """The same as decoded, (height, width, 3)."""
        return decode(self._test_set.read_bytes(self._rows[index])).pixels

    def changed(self, index: int, native: bool, alter: Callable[[Pixels], Pixels]) -> Pixels:
        """The image, altered at the working size; with `native` as decoded, and scaled afterwards."""
        return self._scaled(alter(self.original(index))) if native else alter(self[index])

    def _load(self, index: int) -> Pixels:
        picture = self._scaled(self.original(index))
        self._rows_of.setdefault(picture_digest(picture), index)
        return picture

    def _scaled(self, pixels: Pixels) -> Pixels:
        picture = Image.fromarray(pixels)
        if picture.size != (self.size, self.size):
            picture = picture.resize((self.size, self.size), Image.Resampling.BILINEAR)
        return np.asarray(picture)


def picture_digest(picture: Pixels) -> bytes:
    """What two pictures (H, W, 3) share only where all their pixels are equal."""
    return hashlib.sha256(repr(picture.shape).encode() + np.ascontiguousarray(picture).tobytes()).digest()


@dataclass(frozen=True)
class PictureJob:
    """Pictures that are made together: `count` of them, in the order of the design's rows."""

    count: int
    make: Callable[[Pictures], Sequence[Pixels]]


@dataclass(frozen=True)
class Experiment:
    """Pictures to show to the models.

    Attributes
    ----------
    name
        Of the folder that holds its answers.
    design
        One row per picture: what it is.
    jobs
        Make the pictures, in the order of the rows.
    depends
        What the answers depend on besides the design, the images, their size, the landmarks and the models: hashes of
        code, settings.
    side
        Of the pictures, in pixels; None: as the models that they are shown to ask for.
    features
        Whether the features of its pictures are kept beside the logits, where a model has them.
    """

    name: str
    design: pd.DataFrame
    jobs: Sequence[PictureJob]
    depends: Sequence[str]
    side: int | None = None
    features: bool = False


def working_size(analysis: Analysis) -> int:
    """Side at which pictures are changed: the largest input of any model."""
    return max(int(side) for model in analysis.models for side in model.info["input"])


def needs_baseline(analysis: Analysis) -> bool:
    """Whether unchanged pictures are shown, too.

    A model that takes pictures of the size at which they are changed, scaled as they are, sees exactly what it saw in
    the analysis. One that takes another size sees pictures that were scaled twice, and one that crops, or scales in
    another way, sees other pictures than in the analysis: these are to be compared with such pictures.
    """
    side = working_size(analysis)
    return not all(_sees_the_same(model.info, side) for model in analysis.models)


def _sees_the_same(model: Mapping[str, Any], side: int) -> bool:
    """Whether an unchanged picture of the working size is to a model what it saw in the analysis."""
    own = Preprocessing.model_validate(model.get("preprocessing", {}))
    plain = own.resample == "bilinear" and own.library == "pillow" and own.resize_to is None
    return plain and list(model["input"]) == [side, side]


def points_of(faces: FaceRecords | None, row: int) -> npt.NDArray[np.float32] | None:
    """(478, 2) landmarks of one image as fractions of its sides; None where no face was found."""
    return None if faces is None or faces.source[row] == "template" else faces.points[row]
