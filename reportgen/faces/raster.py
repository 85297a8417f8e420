"""Polygons painted over each other, read along scan lines; from that a label map, or areas in grid cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.cell_grid import CellAxis, CellGrid

__all__ = ["Runs", "label_map", "map_shares", "run_shares", "scan"]

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Runs:
    """Scan lines cut into pieces of one label; the strips around the lines cover the unit square.

    Attributes
    ----------
    edges
        (n + 1,) heights between which the strips lie, 0 to 1; line i is the middle of strip i.
    row, start, label
        (m,) arrays in reading order: the line of each piece, where it starts as a fraction of the width, its
        label. A line's pieces lead from 0 to 1, each to the start of the next.
    slope
        (m,) how far the outline at the start moves sideways per unit of height.
    """

    edges: _Floats
    row: npt.NDArray[np.intp]
    start: _Floats
    slope: _Floats
    label: npt.NDArray[np.uint8]


def scan(polygons: Sequence[npt.NDArray[np.floating]], labels: Sequence[int], background: int, edges: _Floats) -> Runs:
    """Paint polygons over each other, the last on top, and read the picture along scan lines.

    Parameters
    ----------
    polygons
        At most eight, (k, 2) x and y as fractions, not closed; they may leave the unit square. A part that an
        outline winds around twice, as meshes do in profile, is inside (non-zero winding rule).
    labels
        One per polygon, 0..255.
    background
        Label where no polygon is.
    edges
        (n + 1,) rising heights of the strips' edges, 0 to 1.
    """
    lines = len(edges) - 1
    row, x, slope, direction, layer = _crossings(polygons, (edges[1:] + edges[:-1]) / 2)
    # Directions along one line through one polygon add up to zero: one running sum serves them all.
    order = np.lexsort((x, row * len(polygons) + layer))
    winding = np.cumsum(direction[order])
    turns = order[(winding == 0) != (winding - direction[order] == 0)]
    # Every line starts with a piece of its own at 0, whatever the polygons do.
    row = np.concatenate([np.arange(lines), row[turns]])
    start = np.concatenate([np.zeros(lines), np.clip(x[turns], 0, 1)])
    slope = np.concatenate([np.zeros(lines), np.where((x[turns] > 0) & (x[turns] < 1), slope[turns], 0)])
    bit = np.concatenate([np.zeros(lines, np.uint8), np.left_shift(1, layer[turns]).astype(np.uint8)])
    order = np.lexsort((start, row))
    row, start, slope = row[order], start[order], slope[order]
    covering = np.bitwise_xor.accumulate(bit[order])
    top = [labels[mask.bit_length() - 1] if mask else background for mask in range(1 << len(polygons))]
    return Runs(edges, row, start, slope, np.array(top, np.uint8)[covering])


def label_map(runs: Runs, width: int) -> npt.NDArray[np.uint8]:
    """(n, width) uint8: the label at the middle of every pixel of every strip."""
    lines = len(runs.edges) - 1
    first = runs.row * width + np.ceil(runs.start * width - 0.5).astype(np.intp)
    return np.repeat(runs.label, np.diff(first, append=lines * width)).reshape(lines, width)


def run_shares(runs: Runs, grid: CellGrid, count: int) -> npt.NDArray[np.float32]:
    """Share of every label in every cell of a grid.

    Parameters
    ----------
    runs
        Its edges contain those of the grid's rows.
    grid
        h x w cells; a place belongs to the cell whose centre is nearest.
    count
        Number of labels.

    Returns
    -------
    (count, h, w) float32
        The shares of a cell sum to 1. Exact where no outline has a corner inside a strip, cuts another there,
        or leaves the unit square sideways.
    """
    h, w = grid.shape
    height = np.diff(runs.edges)[runs.row]
    columns = grid.columns.edges
    left = _mean_left_of(runs.start, runs.slope * height, columns)
    # A piece stops where the next one starts, and a line's last piece at the right-hand edge.
    right = np.concatenate([left[1:], columns[None]])
    right[:-1][runs.row[1:] != runs.row[:-1]] = columns
    areas = np.diff(right - left, axis=1) * height[:, None]
    line = (runs.edges[1:] + runs.edges[:-1]) / 2
    cell_row = (np.searchsorted(grid.rows.edges, line, side="right") - 1)[runs.row]
    group = (runs.label.astype(np.intp) * h + cell_row) * w
    cells = (group[:, None] + np.arange(w)).ravel()
    totals = np.bincount(cells, weights=areas.ravel(), minlength=count * h * w).reshape(count, h, w)
    # Where two outlines cut each other inside a strip, a sliver may count as negative.
    np.clip(totals, 0, None, out=totals)
    return np.asarray(totals / totals.sum(axis=0), dtype=np.float32)


def map_shares(labels: npt.NDArray[np.uint8], grid: CellGrid, count: int) -> npt.NDArray[np.float32]:
    """Share of every label in every cell of a grid laid over a label map.

    Parameters
    ----------
    labels
        (height, width) uint8, each value below `count`; a pixel is a square of one label. Where the grid
        cuts pixels, each part counts in its own cell.
    grid
        h x w cells; a place belongs to the cell whose centre is nearest.
    count
        Number of labels.

    Returns
    -------
    (count, h, w) float32
        The shares of a cell sum to 1.
    """
    rows, columns = _overlap(labels.shape[0], grid.rows), _overlap(labels.shape[1], grid.columns)
    members = labels == np.arange(count, dtype=np.uint8)[:, None, None]
    return np.asarray(rows @ members.astype(np.float64) @ columns.T, dtype=np.float32)


def _crossings(
    polygons: Sequence[npt.NDArray[np.floating]], lines: _Floats
) -> tuple[npt.NDArray[np.intp], _Floats, _Floats, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Line, x, slope, direction (1 is down, -1 up) and polygon of each crossing of an edge and a line."""
    a = np.concatenate(polygons).astype(np.float64)
    b = np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons]).astype(np.float64)
    owner = np.repeat(np.arange(len(polygons)), [len(polygon) for polygon in polygons])
    # Half-open: a line through a corner crosses exactly one of the two edges that meet there.
    at_a, at_b = np.searchsorted(lines, a[:, 1]), np.searchsorted(lines, b[:, 1])
    first, count = np.minimum(at_a, at_b), np.abs(at_b - at_a)
    edge = np.repeat(np.arange(len(a)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - first, count)
    slope = np.divide(b[:, 0] - a[:, 0], b[:, 1] - a[:, 1], out=np.zeros(len(a)), where=count > 0)[edge]
    x = a[edge, 0] + (lines[row] - a[edge, 1]) * slope
    return row, x, slope, np.sign(at_b - at_a)[edge], owner[edge]


def _mean_left_of(x: _Floats, travel: _Floats, limits: _Floats) -> _Floats:
    """(m, k) mean of min(position, limit) while a position moves evenly across x by the travel."""
    half = np.abs(travel)[:, None] / 2
    beyond = np.clip(x[:, None] + half - limits, 0, 2 * half)
    cut = np.divide(beyond**2, 4 * half, out=np.zeros_like(beyond), where=half > 0)
    return np.asarray(np.where(limits <= x[:, None] - half, limits, x[:, None] - cut))


def _overlap(size: int, cells: CellAxis) -> _Floats:
    """(cells, size) share of each cell's length that each pixel covers."""
    edges = cells.edges * size
    pixels = np.arange(size)
    inside = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(inside, 0, None) / np.diff(edges)[:, None])
