"""Facial regions: from 478 points to outlines, to a label map, to soft masks on a model's grid.

One definition serves all three. Every region is a polygon through mesh points, and polygons are painted one
over the other: cheeks+jaw (the whole face), forehead, nose, mouth, eyes+brows. So the five inner regions
partition the face whatever the pose, and the background (hair and ears included) is the rest.

Coordinates are fractions of the image's width and height. A model sees the image squeezed to its input
without regard to the aspect ratio, so a fraction of the image is the same fraction of the model's grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.errors import DataError
from reportgen.faces.raster import Runs, label_map, map_shares, run_shares, scan

__all__ = [
    "INNER",
    "REGIONS",
    "check_points",
    "fractions_of_map",
    "fractions_on_grids",
    "is_face",
    "outlines",
    "region_map",
    "regions_from_label_png",
]

REGIONS = ("face", "eyes+brows", "nose", "mouth", "cheeks+jaw", "forehead", "background")
"""Rows of every mask array. "face" is the union of the five that follow it."""

INNER = REGIONS[1:6]
"""The five regions that partition the face."""

_PAINT_ORDER = ("cheeks+jaw", "forehead", "nose", "mouth", "eyes+brows")
_BACKGROUND = REGIONS.index("background")
_STRIPS = 224  # at least so many strips across the image: 32 in a cell of a 7 x 7 grid, 16 in one of 14 x 14

# Right temple to left temple over the top, and back under the chin.
_OVAL_UPPER = (127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356)
_OVAL_LOWER = (
    454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234,
)  # fmt: skip
_BROW_TOPS = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300)  # right to left over the glabella
_UNDER_EYES = (
    276, 446, 255, 339, 254, 253, 252, 256, 341, 463, 168, 243, 112, 26, 22, 23, 24, 110, 25, 226, 46,
)  # fmt: skip
_NOSE = (168, 193, 122, 196, 198, 209, 129, 98, 97, 2, 326, 327, 358, 429, 420, 419, 351, 417)
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_RIGHT_EYE, _LEFT_EYE, _TOP, _CHIN, _GLABELLA = 33, 263, 10, 152, 9

# The mesh's oval ends below the hairline: stretched so, it meets the hairline on most photos.
_FOREHEAD_STRETCH = 1.25
# In units of the distance between the eyes' outer corners: the mesh runs through the brows' upper hairs,
# and the folds at the lip corners move with the mouth.
_BROW_RISE, _LIP_GROWTH = 0.03, 0.05


def check_points(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Points as (478, 2) float64 that span a face.

    Raises
    ------
    DataError
        Another shape, a value that is not finite, or eyes and chin that all lie on one line.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.shape != (478, 2):
        raise DataError(f"landmarks: found shape {values.shape}, expected (478, 2): x and y of every mesh point")
    if not np.isfinite(values).all():
        raise DataError("landmarks: found a value that is not a number, expected fractions of width and height")
    if abs(np.linalg.det(_axes(values))) < 1e-9:
        raise DataError("landmarks: eyes and chin lie on one line, expected a face; leave this image's points empty")
    return values


def is_face(points: npt.NDArray[np.floating]) -> bool:
    """Whether points span a face, as `check_points` asks for."""
    try:
        check_points(points)
    except DataError:
        return False
    return True


def outlines(points: npt.NDArray[np.floating]) -> dict[str, list[npt.NDArray[np.float64]]]:
    """Outline of every region, for drawing and for painting.

    Parameters
    ----------
    points
        (478, 2) fractions of width and height.

    Returns
    -------
    dict
        Region to its polygons, each (k, 2) fractions, not closed (the last point joins the first).
        "cheeks+jaw" is the whole face and "background" the whole image: paint in the dict's order, what comes
        later covers what came before. "face" comes last, as a line around everything.

    Raises
    ------
    DataError
        The points are not those of a face.
    """
    p = check_points(points)
    axes = _axes(p)
    upper = _stretched(p[list(_OVAL_UPPER)], p[_GLABELLA], axes)
    brows = p[list(_BROW_TOPS)] + _BROW_RISE * axes[:, 1]
    # The oval's outermost two upper points lie at the height of the eyes: the forehead starts at the next.
    forehead = np.concatenate([upper[1:-1], brows[::-1]])
    inner = {
        "forehead": forehead,
        "nose": p[list(_NOSE)],
        "mouth": _grown(p[list(_LIPS)], _LIP_GROWTH, axes),
        "eyes+brows": np.concatenate([brows, p[list(_UNDER_EYES)]]),
    }
    # In profile the mesh's oval folds back over the cheek and leaves nose and mouth outside: its convex hull
    # with them is the face there, and on a frontal face it is the oval.
    face = _convex_hull(np.concatenate([upper, p[list(_OVAL_LOWER)], *inner.values()]))
    picture = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    polygons = {"background": picture, "cheeks+jaw": face, **inner, "face": face}
    return {region: [polygon] for region, polygon in polygons.items()}


def region_map(points: npt.NDArray[np.floating], height: int = 224, width: int = 224) -> npt.NDArray[np.uint8]:
    """Which region every pixel's centre lies in.

    Parameters
    ----------
    points
        (478, 2) fractions of width and height.

    Returns
    -------
    (height, width) uint8
        Indices into `REGIONS`, 1 to 6: the inner regions and the background. The face is everything but 6.

    Raises
    ------
    DataError
        The points are not those of a face.
    """
    polygons, labels = _layers(points)
    return label_map(scan(polygons, labels, _BACKGROUND, np.linspace(0, 1, height + 1)), width)


def fractions_on_grids(points: npt.NDArray[np.floating], grids: Sequence[CellGrid]) -> list[npt.NDArray[np.float32]]:
    """Which part of every grid cell lies in every region: soft masks for heatmaps, one array per grid.

    Parameters
    ----------
    points
        (478, 2) fractions of width and height.
    grids
        h x w cells each; grids that divide the same raster share it.

    Returns
    -------
    Of each grid (7, h, w) float32
        0..1 in the order of `REGIONS`. In every cell the inner regions and the background sum to 1, and the
        face is the sum of the inner regions.

    Raises
    ------
    DataError
        The points are not those of a face, or a grid has no cells or one that is nowhere the nearest.

    Notes
    -----
    The image is cut into at least 224 strips, and again at the height of every corner of an outline, so that
    outlines run straight through a strip and their areas have a closed form. Only where two outlines cut each
    other, or one leaves the image sideways, the strip's middle line decides which of them is seen: those few
    strips are off by at most the outlines' sideways travel within them.
    """
    polygons, labels = _layers(points)
    corners = np.concatenate(polygons)[:, 1]
    corners = corners[(corners > 0) & (corners < 1)]
    scans: dict[tuple[int, CellAxis | None], Runs] = {}
    masks = []
    for grid in grids:
        if not (grid.rows.fits and grid.columns.fits):
            h, w = grid.shape
            raise DataError(f"regions: found a grid of {h} x {w} cells, expected at least 1 x 1 that see the picture")
        strips = grid.rows.count * math.ceil(_STRIPS / grid.rows.count)
        raster = (strips, None if grid.rows.is_even else grid.rows)  # an even grid's edges are among the strips
        if raster not in scans:
            edges = np.union1d(np.linspace(0, 1, strips + 1), corners)
            edges = edges if raster[1] is None else np.union1d(edges, grid.rows.edges)
            scans[raster] = scan(polygons, labels, _BACKGROUND, edges)
        masks.append(_with_face(run_shares(scans[raster], grid, len(REGIONS))))
    return masks


def fractions_of_map(labels: npt.NDArray[np.uint8], grid: CellGrid) -> npt.NDArray[np.float32]:
    """As `fractions_on_grids`, on one grid, from a label map (height, width) of indices into `REGIONS`.

    Index 0 is face that belongs to no inner region: it counts for the face alone.
    """
    return _with_face(map_shares(labels, grid, len(REGIONS)))


def regions_from_label_png(array: npt.NDArray[np.integer], mapping: Mapping[int, str]) -> npt.NDArray[np.uint8]:
    """A label map from a user's label image.

    Parameters
    ----------
    array
        (height, width) integers, as read from a PNG in mode L, P or I.
    mapping
        Integer to a name of `REGIONS`, or to "" for what is not to count as any region (it becomes
        background). Several integers may name the same region; "face" is for face that is in none of the
        inner regions.

    Returns
    -------
    (height, width) uint8
        Indices into `REGIONS`, as `region_map` gives.

    Raises
    ------
    DataError
        The array is not a label image, a name is not a region, or a label in the image is not in the mapping.
    """
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer) or array.size == 0:
        raise DataError(
            f"region labels: found an array of {array.dtype} {array.shape}, expected integers (height, "
            "width); save the labels as a PNG with one channel"
        )
    unknown = sorted(set(mapping.values()) - set(REGIONS) - {""})
    if unknown:
        raise DataError(f"region labels: found the name {unknown[0]!r}, expected one of {', '.join(REGIONS)}")
    found = np.unique(array)
    missing = [int(label) for label in found if int(label) not in mapping]
    if missing:
        raise DataError(
            f"region labels: found the label {missing[0]}, expected one of {sorted(mapping)}; add it to the mapping"
        )
    indices = np.array([REGIONS.index(mapping[int(label)] or "background") for label in found], np.uint8)
    return np.asarray(indices[np.searchsorted(found, array)])


def _layers(points: npt.NDArray[np.floating]) -> tuple[list[npt.NDArray[np.float64]], list[int]]:
    """Polygons in the order of painting, and the region of each."""
    return _layers_of(check_points(points).tobytes())


@lru_cache(maxsize=64)
def _layers_of(points: bytes) -> tuple[list[npt.NDArray[np.float64]], list[int]]:
    """The same of (478, 2) float64; an image's regions are asked for by one measure after the other."""
    shapes = outlines(np.frombuffer(points).reshape(-1, 2))
    layers = [(polygon, REGIONS.index(region)) for region in _PAINT_ORDER for polygon in shapes[region]]
    return [polygon for polygon, _ in layers], [region for _, region in layers]


def _with_face(masks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    masks[0] = 1 - masks[_BACKGROUND]
    return masks


def _axes(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(2, 2) columns: along the eyes (right to left) and up the face, each an outer-eye-corner distance long.

    Both are taken from the face itself, so regions do not depend on the image's aspect ratio or on the head's
    roll. On a frontal face, chin to the top of the oval measures about two such distances.
    """
    return np.stack([p[_LEFT_EYE] - p[_RIGHT_EYE], (p[_TOP] - p[_CHIN]) / 2], axis=1)


def _stretched(
    points: npt.NDArray[np.float64], origin: npt.NDArray[np.float64], axes: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Points above the origin moved up the face, in proportion to their height above it."""
    height = np.linalg.solve(axes, (points - origin).T)[1]
    return np.asarray(points + np.clip(height, 0, None)[:, None] * (_FOREHEAD_STRETCH - 1) * axes[:, 1])


def _grown(polygon: npt.NDArray[np.float64], by: float, axes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A polygon moved outwards by a distance in units of the axes."""
    p = np.linalg.solve(axes, polygon.T).T
    x, y = p.T
    area = np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2
    along = np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0)
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1) * (1.0 if area > 0 else -1.0)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    p = p + by * np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)
    return np.asarray(p @ axes.T)


def _convex_hull(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(k, 2) corners of the convex hull in order (Andrew's monotone chain)."""
    ordered = sorted(map(tuple, points.tolist()))
    chains = []
    for sequence in (ordered, ordered[::-1]):
        chain: list[tuple[float, ...]] = []
        for x, y in sequence:
            while len(chain) > 1:
                (x0, y0), (x1, y1) = chain[-2:]
                if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        chains += chain[:-1]
    return np.array(chains)
