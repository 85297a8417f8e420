"""Inputs of the attention tests: the labelled test set, and one model's maps, masks and probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reportgen.cell_grid import CellGrid
from reportgen.evidence.attention.nulls import NullShares
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray, ObjectArray

__all__ = ["Cases", "ModelMaps"]


@dataclass(frozen=True)
class Cases:
    """The test set as far as attention needs it.

    Attributes
    ----------
    classes
        Emotions in the order of the models' outputs.
    labels
        (n,) index into `classes`, -1 where unlabelled.
    image_ids
        (n,) as in the analysis.
    persons
        (n,) names or None; None where no person is known at all.
    sources
        (n,) where the regions come from; "template" rows are left out of the statistics of eyes and brows.
    unit
        (n,) distance between the eyes as a fraction of the crop's width, for dispersion; None: the crop's width.
    """

    classes: tuple[str, ...]
    labels: IntArray
    image_ids: tuple[str, ...]
    persons: ObjectArray | None = None
    sources: tuple[str, ...] | None = None
    unit: AnyFloatArray | None = None

    @property
    def template(self) -> BoolArray:
        """(n,) images whose regions are only approximate."""
        if self.sources is None:
            return np.zeros(len(self.labels), dtype=bool)
        return np.asarray([source == "template" for source in self.sources])


@dataclass(frozen=True)
class ModelMaps:
    """One model's maps and predictions.

    Attributes
    ----------
    maps
        (n, C, h, w) raw signed maps.
    masks
        (n, R, h, w) region masks on the same grid.
    probabilities
        (n, C), rows sum to 1.
    null
        The random head's mass and shares for the label's class of every image (the predicted class's where there is
        no label), or None.
    peak_changed, control_changed
        (n,) whether the prediction changes when the activation at the peak cell, or at a control cell, is set to zero
        (0..1; the mean over several control cells is fine); None where not run.
    transfer
        Whether this is the transfer-learning model; None where unknown.
    pretraining
        What is known about its pretraining, None for nothing.
    cells
        Where the maps' cells see; None: equal shares of the picture.
    """

    name: str
    slug: str
    maps: AnyFloatArray
    masks: AnyFloatArray
    probabilities: FloatArray
    null: NullShares | None = None
    peak_changed: AnyFloatArray | None = None
    control_changed: AnyFloatArray | None = None
    transfer: bool | None = None
    pretraining: str | None = None
    cells: CellGrid | None = None

    @property
    def grid(self) -> CellGrid:
        """Where the maps' cells see."""
        return self.cells or CellGrid.even(*self.maps.shape[-2:])

    @property
    def predicted(self) -> IntArray:
        """(n,) index of the most probable class."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def confidence(self) -> FloatArray:
        """(n,) probability of the predicted class."""
        return np.asarray(self.probabilities.max(axis=1))
