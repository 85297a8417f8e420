"""Landmarks as a table, for `analysis/landmarks/`, and a user's own landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reportgen.errors import BuildError, DataError
from reportgen.faces.landmarks import ACTIONS, POINTS, SOURCES, Landmarker, Landmarks, Source
from reportgen.faces.regions import check_points

__all__ = ["SCHEMA", "given_landmarks", "landmarks_from_table", "landmarks_table"]

SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("presence", pa.float32(), nullable=False),
        pa.field("points", pa.list_(pa.float32(), 2 * POINTS), nullable=False),
        pa.field("actions", pa.list_(pa.float32(), len(ACTIONS)), nullable=False),
    ]
)
"""`points` is x, y, x, y ... as fractions; `actions` are NaN where the points are the template's: lists of one length
that are null cannot be written and read again by most versions of Arrow."""


def landmarks_table(image_ids: Sequence[str], faces: Sequence[Landmarks]) -> pa.Table:
    """One row per image, in the given order.

    Raises
    ------
    ValueError
        Not as many faces as images.
    """
    if len(image_ids) != len(faces):
        raise ValueError(f"{len(image_ids)} images but {len(faces)} faces")
    blank = np.full(len(ACTIONS), np.nan, np.float32)
    points = np.array([face.points for face in faces], np.float32).reshape(-1)
    actions = np.array([blank if face.actions is None else face.actions for face in faces], np.float32).reshape(-1)
    columns = [
        pa.array(list(image_ids), pa.string()),
        pa.array([face.source for face in faces], pa.string()),
        pa.array([face.presence for face in faces], pa.float32()),
        pa.FixedSizeListArray.from_arrays(pa.array(points), 2 * POINTS),
        pa.FixedSizeListArray.from_arrays(pa.array(actions), len(ACTIONS)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def landmarks_from_table(table: pa.Table) -> tuple[list[str], list[Landmarks]]:
    """What `landmarks_table` was made from: the image ids and their landmarks, in the table's order.

    Raises
    ------
    BuildError
        A column is missing, of another type or has empty cells, or a source does not exist.
    """
    wrong = [
        field.name
        for field in SCHEMA
        if field.name not in table.column_names
        or table.field(field.name).type != field.type
        or table.column(field.name).null_count
    ]
    if wrong:
        raise BuildError(
            f"landmarks: column {wrong[0]!r} is missing, of another type or has empty cells; delete analysis/ and "
            "build again"
        )
    sources = table.column("source").to_pylist()
    odd = sorted(set(sources) - set(SOURCES))
    if odd:
        raise BuildError(
            f"landmarks: found source {odd[0]!r}, expected one of {SOURCES}; delete analysis/, build again"
        )
    presence = table.column("presence").to_pylist()
    points = table.column("points").combine_chunks().flatten().to_numpy().reshape(-1, POINTS, 2)
    actions = table.column("actions").combine_chunks().flatten().to_numpy().reshape(-1, len(ACTIONS))
    there = ~np.isnan(actions).all(axis=1)
    faces = [
        Landmarks(points[i], presence[i], cast(Source, sources[i]), actions[i] if there[i] else None)
        for i in range(len(sources))
    ]
    return table.column("image_id").to_pylist(), faces


def given_landmarks(values: npt.ArrayLike, width: int, height: int, landmarker: Landmarker | None = None) -> Landmarks:
    """A user's own landmarks of one image.

    Parameters
    ----------
    values
        MediaPipe's 478 points, as (478, 2), as (478, 3) with a depth that is dropped, or flat in that order.
        Fractions of the image, or pixels: values that all lie within -1..2 are fractions.
    width, height
        The image's size in pixels.
    landmarker
        Reads the facial actions from the points; without it there are none.

    Raises
    ------
    DataError
        Another number of points, not numbers, or not a face.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"landmarks: found {str(values)[:40]!r}, expected {POINTS} pairs of numbers") from None
    if array.size not in (2 * POINTS, 3 * POINTS) or array.ndim > 2 or (array.ndim == 2 and len(array) != POINTS):
        raise DataError(
            f"landmarks: found shape {array.shape}, expected ({POINTS}, 2), ({POINTS}, 3) or the same flat, "
            "the points of MediaPipe's face mesh; with any other scheme give region label images instead"
        )
    points = array.reshape(POINTS, -1)[:, :2]
    if np.isfinite(points).all() and (points.min() < -1 or points.max() > 2):
        points = points / (width, height)
    points32 = check_points(points).astype(np.float32)
    actions = None if landmarker is None else landmarker.actions(points32, width, height)
    return Landmarks(points32, 1.0, "given", actions)
