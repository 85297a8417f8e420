"""Where the cells of a layer's map see: the one geometry that regions, statistics and pictures share.

A convolution of stride 2 with symmetric padding is centred on pixel 2i, not between 2i and 2i + 1. Five of them put the
centre of what cell i of 7 sees on pixel 32i of 224, half a cell before the middle of the i-th seventh of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from reportgen.types import FloatArray

__all__ = ["CellAxis", "CellGrid"]


@dataclass(frozen=True, order=True)
class CellAxis:
    """The cells along one side of the picture; lengths are fractions of that side.

    Attributes
    ----------
    count
        Number of cells, at least 1.
    first
        Centre of what the first cell sees.
    step
        From one centre to the next, positive.
    """

    count: int
    first: float
    step: float

    @classmethod
    def even(cls, count: int) -> Self:
        """Cells that see what lies around the middle of their equal share of the side."""
        return cls(count, 0.5 / max(count, 1), 1 / max(count, 1))

    @property
    def is_even(self) -> bool:
        """Whether the cells lie where an ordinary enlargement draws them."""
        return self == CellAxis.even(self.count)

    @cached_property
    def centres(self) -> FloatArray:
        """(count,) centres of what the cells see."""
        return np.asarray(self.first + self.step * np.arange(self.count))

    @cached_property
    def edges(self) -> FloatArray:
        """(count + 1,) rising, 0 to 1: a place belongs to the cell whose centre is nearest."""
        if self.is_even:
            return np.arange(self.count + 1) / self.count
        return np.concatenate([[0.0], (self.centres[1:] + self.centres[:-1]) / 2, [1.0]])

    @property
    def fits(self) -> bool:
        """Whether every cell is the nearest one somewhere in the picture."""
        return self.count > 0 and bool((np.diff(self.edges) > 0).all())

    @property
    def offset(self) -> float:
        """How far the centres lie behind those of even cells on average, in cells."""
        return float((self.centres - CellAxis.even(self.count).centres).mean() * self.count)

    def positions(self, places: FloatArray) -> FloatArray:
        """Places on the side in units of cells: 0 at the first cell's centre, not limited to the cells."""
        if self.is_even:
            return np.asarray(places * self.count - 0.5)
        return np.asarray((places - self.first) / self.step)

    def pooled(self, step: int) -> CellAxis:
        """Cells that are each the mean of `step` neighbours; the last may be less."""
        count = -(-self.count // step)
        if self.is_even and self.count % step == 0:
            return CellAxis.even(count)
        return CellAxis(count, self.first + self.step * (step - 1) / 2, self.step * step)


@dataclass(frozen=True, order=True)
class CellGrid:
    """The cells of a map, laid over the picture."""

    rows: CellAxis
    columns: CellAxis

    @classmethod
    def even(cls, height: int, width: int) -> Self:
        """A grid whose cells see equal shares of the picture."""
        return cls(CellAxis.even(height), CellAxis.even(width))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.count, self.columns.count

    @property
    def offset(self) -> tuple[float, float]:
        """How far down and right of their usual places the cells see, in cells."""
        return self.rows.offset, self.columns.offset

    @property
    def record(self) -> dict[str, list[float]]:
        """Its first centre and step per axis, as the manifest keeps them."""
        return {"rows": [self.rows.first, self.rows.step], "columns": [self.columns.first, self.columns.step]}

    @classmethod
    def from_record(cls, height: int, width: int, record: Mapping[str, Sequence[float]] | None) -> Self:
        """The grid of such a record; even where there is none, as in an analysis of an older version."""
        if record is None:
            return cls.even(height, width)
        (top, down), (left, along) = record["rows"], record["columns"]
        return cls(CellAxis(height, top, down), CellAxis(width, left, along))

    def within(self, window: tuple[float, float, float, float]) -> CellGrid:
        """The grid of a network that sees only a part of the picture: left, top, right, bottom, fractions of it."""
        left, top, right, bottom = window
        if window == (0, 0, 1, 1):
            return self
        rows, columns = self.rows, self.columns
        return CellGrid(
            CellAxis(rows.count, top + rows.first * (bottom - top), rows.step * (bottom - top)),
            CellAxis(columns.count, left + columns.first * (right - left), columns.step * (right - left)),
        )

    def pooled(self, step: int) -> CellGrid:
        """Cells that are each the mean of `step` x `step` neighbours."""
        return CellGrid(self.rows.pooled(step), self.columns.pooled(step))
