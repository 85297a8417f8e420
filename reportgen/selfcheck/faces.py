"""The synthetic faces that the self-check trains and tests on: one packed file, decoded once."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from reportgen.errors import DataError

__all__ = ["DATA", "EMOTIONS", "SIZE", "Faces", "faces_sha256", "load_faces", "other_faces", "split_persons"]

DATA = Path(__file__).resolve().parent / "data"
EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
SIZE = 96


@dataclass(frozen=True)
class Faces:
    """Photos with what is needed to plant something on or beside the face.

    Attributes
    ----------
    pixels
        (n, 96, 96, 3) uint8 RGB.
    labels
        (n,) index into `EMOTIONS`.
    persons
        (n,) who is in the picture.
    cheeks
        (n, 2, 2) x and y of the picture's left and right cheek, as fractions of the side.
    foreheads
        (n, 2) likewise, above the brows.
    eyes
        (n,) distance of the outer corners of the eyes, as a fraction of the side.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    persons: npt.NDArray[np.str_]
    cheeks: npt.NDArray[np.float64]
    foreheads: npt.NDArray[np.float64]
    eyes: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Faces:
        """Some of the photos, by index or by mask."""
        return Faces(
            self.pixels[rows],
            self.labels[rows],
            self.persons[rows],
            self.cheeks[rows],
            self.foreheads[rows],
            self.eyes[rows],
        )

    def mirrored(self) -> Faces:
        """Every photo with left and right exchanged."""
        flip = np.array([1.0, 0.0]), np.array([-1.0, 1.0])
        return Faces(
            np.ascontiguousarray(self.pixels[:, :, ::-1]),
            self.labels,
            self.persons,
            (flip[0] + flip[1] * self.cheeks)[:, ::-1],
            flip[0] + flip[1] * self.foreheads,
            self.eyes,
        )


@cache
def load_faces(path: Path = DATA / "faces.parquet") -> Faces:
    """Decode the packed file.

    Raises
    ------
    DataError
        It is missing or cannot be read.
    """
    try:
        table = pq.read_table(path)
        jpegs = table.column("jpeg").to_pylist()
        pixels = np.stack([np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for jpeg in jpegs])
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); install reportgen again") from None
    emotions = table.column("emotion").to_pylist()
    cheeks = [table.column(name).to_pylist() for name in ("cheek_left", "cheek_right")]
    return Faces(
        pixels=pixels,
        labels=np.array([EMOTIONS.index(emotion) for emotion in emotions], dtype=np.int64),
        persons=np.array(table.column("person").to_pylist()),
        cheeks=np.stack([np.array(side, dtype=np.float64) for side in cheeks], axis=1),
        foreheads=np.array(table.column("forehead").to_pylist(), dtype=np.float64),
        eyes=np.array(table.column("eyes").to_pylist(), dtype=np.float64),
    )


def other_faces(faces: Faces) -> Faces:
    """The last 64 persons as another camera would have taken them.

    Warmer, with brighter shadows, at five sixths of the resolution. Thresholds were settled on photos of all persons by
    the first camera; none was on these photos.
    """
    last = np.unique(faces.persons)[-64:]
    kept = faces.take(np.isin(faces.persons, last))
    small = SIZE * 5 // 6
    photos = []
    for pixels in kept.pixels:
        image = Image.fromarray(pixels).resize((small, small), Image.Resampling.BOX)
        values = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.float64) / 255
        photos.append(np.clip(255 * values**0.85 * (1.04, 1.0, 0.93), 0, 255).round().astype(np.uint8))
    return replace(kept, pixels=np.stack(photos))


def faces_sha256(path: Path = DATA / "faces.parquet") -> str:
    """SHA-256 of the packed file, 64 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def split_persons(faces: Faces, test: int, rng: np.random.Generator) -> tuple[Faces, Faces]:
    """Training and test photos of different persons, `test` of them (at most half) in the second part."""
    persons = np.unique(faces.persons)
    chosen = rng.permutation(persons)[: min(test, len(persons) // 2)]
    held = np.isin(faces.persons, chosen)
    return faces.take(~held), faces.take(held)
