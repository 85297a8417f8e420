"""Heatmaps of models that show no layer and no gradient: what the log-odds lose when a place is hidden.

The picture is cut into 7 x 7 cells, as many as a ResNet's last layer has at 224 pixels. Each cell in turn is filled
smoothly from its four sides, so that no edge and no colour appears that the photo does not have, and the picture is
shown again. The map of a class holds, cell by cell, by how much its log-odds drop: positive where the cell speaks for
the class, negative where it speaks against it. (Zeiler and Fergus 2014 slide a grey square; a square of one colour is
seen by a network as an object of its own.) One picture costs 49 forward passes, so only some images have a map.

These maps are experiments on pixels. Random heads and the ablation of a peak's activations have no counterpart here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise, product
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from reportgen.cell_grid import CellGrid
from reportgen.errors import BuildError
from reportgen.explain.explainer import Explanation, Question
from reportgen.models.preprocessing import normalise
from reportgen.models.registry import LoadedModel

__all__ = ["GRID", "AblationExplainer", "fill_cell", "log_odds"]

GRID = (7, 7)
"""Rows and columns of every map."""
_BATCH = 8
_RIM = 2  # pixels beside a cell whose mean its fill continues
# Relative to the log-odds: what float32 leaves where hiding a cell changes nothing.
_ROUNDING = 1e-4

Pixels = npt.NDArray[np.uint8]


class AblationExplainer(AbstractContextManager["AblationExplainer"]):
    """Runs one model forward only; takes the place of an `Explainer`.

    Parameters
    ----------
    model
        Runs on the processor, whatever device other models use.
    order
        Index of the model's output for each class of the report.
    probing
        As of an `Explainer`: whether regions are recorded. Nothing is computed for them here.
    """

    grid = CellGrid.even(*GRID)
    method = "ablation"
    head_is_separate = False
    last_weights: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def __init__(self, model: LoadedModel, order: Sequence[int], *, probing: bool = True) -> None:
        self.preprocessing = model.preprocessing
        self.probing = probing
        self._module = model.module
        self._order = list(order)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def explain(self, questions: Sequence[Question]) -> Explanation:
        """Logits of all images, and maps of those that are to have one; the others' are zero everywhere.

        Raises
        ------
        BuildError
            The model gives NaN or infinity.
        """
        logits = self._logits([question.image for question in questions])
        maps = np.zeros((*logits.shape, *GRID), np.float32)
        for row, question in enumerate(questions):
            if question.mapped:
                hidden = list(_hidden(question.image))
                maps[row] = _drops(logits[row], self._logits(hidden)).reshape(-1, *GRID)
        none = np.zeros((len(questions), 0), np.float32)
        unknown = np.full(len(questions), np.nan, np.float32)
        return Explanation(logits, maps, none, none, unknown, unknown, none)

    def _logits(self, images: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """(n, C) of resized images."""
        parts = [np.zeros((0, len(self._order)), np.float32)]
        for start in range(0, len(images), _BATCH):
            with torch.inference_mode():
                scores = self._module(normalise(images[start : start + _BATCH], self.preprocessing))
            parts.append(np.asarray(scores[:, self._order].float().numpy(), dtype=np.float32))
        found = np.concatenate(parts)
        if not np.isfinite(found).all():
            raise BuildError("the model gives NaN or infinity for an image; check its preprocessing and its weights")
        return found


def log_odds(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(..., C) of the same shape: each class against all others together."""
    scores = np.asarray(logits, dtype=np.float64)
    others = np.repeat(scores[..., None, :], scores.shape[-1], axis=-2)
    others[..., np.arange(scores.shape[-1]), np.arange(scores.shape[-1])] = -np.inf
    return np.asarray(scores - np.logaddexp.reduce(others, axis=-1))


def fill_cell(image: Pixels, rows: slice, columns: slice) -> Pixels:
    """A copy whose cell is filled from its sides: each pixel their mean, the nearer the more weight.

    Parameters
    ----------
    image
        (H, W, channels).
    rows, columns
        The cell; a side at the picture's border has nothing to give.
    """
    height, width = rows.stop - rows.start, columns.stop - columns.start
    y, x = np.arange(height)[:, None, None] + 1.0, np.arange(width)[None, :, None] + 1.0
    sides: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
    if rows.start > 0:
        sides.append((image[max(rows.start - _RIM, 0) : rows.start, columns].mean(axis=0)[None], y))
    if rows.stop < image.shape[0]:
        sides.append((image[rows.stop : rows.stop + _RIM, columns].mean(axis=0)[None], height + 1 - y))
    if columns.start > 0:
        sides.append((image[rows, max(columns.start - _RIM, 0) : columns.start].mean(axis=1)[:, None], x))
    if columns.stop < image.shape[1]:
        sides.append((image[rows, columns.stop : columns.stop + _RIM].mean(axis=1)[:, None], width + 1 - x))
    total, weight = np.zeros((height, width, image.shape[2])), np.zeros((height, width, 1))
    for colour, distance in sides:
        total += colour / distance
        weight += 1.0 / distance
    filled = image.copy()
    filled[rows, columns] = np.rint(total / weight).astype(np.uint8)
    return filled


def _hidden(image: Pixels) -> Iterator[Pixels]:
    """The image without each of its cells, row by row."""
    rows, columns = (
        [slice(*ends) for ends in pairwise(np.rint(np.linspace(0, side, count + 1)).astype(int).tolist())]
        for side, count in zip(image.shape[:2], GRID, strict=True)
    )
    for row, column in product(rows, columns):
        yield fill_cell(image, row, column)


def _drops(logits: npt.NDArray[np.float32], hidden: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(C, cells) by how much the log-odds of (C,) logits are above those of (cells, C)."""
    whole = log_odds(logits)
    drops = (whole - log_odds(hidden)).T
    noise = _ROUNDING * np.maximum(np.abs(whole), 1.0)[:, None]
    return np.where(np.abs(drops) > noise, drops, 0.0).astype(np.float32)
