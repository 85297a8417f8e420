"""Landmarks and regions of one image, from the best available source."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.cell_grid import CellGrid
from reportgen.config import Config, Preprocessing
from reportgen.errors import DataError
from reportgen.explain.record_cache import FaceCache
from reportgen.faces.landmark_table import given_landmarks
from reportgen.faces.landmarks import Landmarker, Landmarks, template
from reportgen.faces.regions import fractions_of_map, fractions_on_grids, regions_from_label_png
from reportgen.inputs.images.region_masks import mask_file, read_mask

__all__ = ["Face", "FaceFinder", "View", "view_of"]


View = CellGrid | tuple[CellGrid, Preprocessing]
"""A model's grid, with its preprocessing where that cuts off a part of the picture."""


def view_of(grid: CellGrid, spec: Preprocessing) -> View:
    """How a model with this input sees a picture."""
    return grid if spec.resize_to is None else (grid, spec)


@dataclass(frozen=True)
class Face:
    """The face in one image.

    Attributes
    ----------
    masks
        For each view of h x w cells the region fractions (R, h, w).
    regions_from
        "mask" (the user's label image), or the source of the landmarks.
    """

    landmarks: Landmarks
    masks: Mapping[View, npt.NDArray[np.float32]]
    regions_from: str


class FaceFinder:
    """Finds faces for the pass; called from several threads at once.

    A user's label images win over a user's landmarks, and both over detection.

    Parameters
    ----------
    frame
        The test set's rows, for paths and a column of landmarks.
    views
        The models', from `view_of`.
    known
        Landmarks that are on disk already.
    """

    def __init__(
        self, config: Config, frame: pd.DataFrame, views: Sequence[View], known: FaceCache | None = None
    ) -> None:
        self._config = config
        self._known = known
        self._whole = sorted({view for view in views if isinstance(view, CellGrid)})
        self._cut = list(dict.fromkeys(view for view in views if not isinstance(view, CellGrid)))
        self._paths = frame["path"].tolist()
        column = config.columns.landmarks
        if column is not None and column not in frame:
            raise DataError(
                f"columns.landmarks: the test set has no column '{column}'; found {', '.join(map(str, frame))}"
            )
        self._given = None if column is None else frame[column].tolist()
        self._local = threading.local()  # an interpreter serves one caller at a time: every worker has its own

    def find(self, row: int, pixels: npt.NDArray[np.uint8]) -> Face:
        """The face in one image.

        Raises
        ------
        DataError
            The user's own landmarks or label image of this row cannot be used.
        """
        landmarks = self._landmarks(row, pixels)
        height, width = pixels.shape[:2]
        own = self._own_masks(row)
        if own is not None:
            found: dict[View, npt.NDArray[np.float32]] = {grid: fractions_of_map(own, grid) for grid in self._whole}
            for grid, spec in self._cut:
                left, top, right, bottom = spec.window(width, height)
                rows, columns = own.shape[0], own.shape[1]
                part = own[round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)]
                found[grid, spec] = fractions_of_map(part, grid)
            return Face(landmarks, found, "mask")
        masks = fractions_on_grids(landmarks.points, self._whole)
        seen: dict[View, npt.NDArray[np.float32]] = dict(zip(self._whole, masks, strict=True))
        for grid, spec in self._cut:
            left, top, right, bottom = spec.window(width, height)
            # Fractions of the part that is seen; what lies outside of it leaves the unit square.
            points = (landmarks.points - (left, top)) / (right - left, bottom - top)
            (seen[grid, spec],) = fractions_on_grids(points, [grid])
        return Face(landmarks, seen, landmarks.source)

    def _landmarks(self, row: int, pixels: npt.NDArray[np.uint8]) -> Landmarks:
        known = None if self._known is None else self._known.find(row)
        if known is not None:
            return known
        height, width = pixels.shape[:2]
        given = None if self._given is None else self._given[row]
        if isinstance(given, str):
            try:
                return given_landmarks(json.loads(given), width, height, self._landmarker())
            except ValueError as error:
                raise DataError(f"{self._paths[row]}: landmarks are not a list of numbers ({error})") from None
        if self._config.regions == "template":
            return template(height, width)
        return self._landmarker().locate(pixels)

    def _landmarker(self) -> Landmarker:
        if not hasattr(self._local, "landmarker"):
            self._local.landmarker = Landmarker(threads=1)
        found: Landmarker = self._local.landmarker
        return found

    def _own_masks(self, row: int) -> npt.NDArray[np.uint8] | None:
        settings = self._config.region_masks
        if settings.folder is None:
            return None
        labels = read_mask(mask_file(settings.folder, self._paths[row]))
        return None if labels is None else regions_from_label_png(labels, settings.labels)
