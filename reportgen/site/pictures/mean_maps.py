"""Mean maps per emotion, correct and wrong predictions apart, over the mean face of the same emotion.

Where landmarks are known, faces and maps are brought into one frame first: a mean over unaligned crops smears a mouth
over half the face.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.analysis import FaceRecords, ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.evidence.attention.profiles import average_maps, warp_maps
from reportgen.faces.align import face_affines
from reportgen.site.pictures.examples import Picture, PictureStyle, save_picture
from reportgen.site.pictures.overlays import blend_heat, resize, upsample

__all__ = ["Frames", "MeanMap", "MeanMaps", "aligned_means", "draw_mean_maps", "face_frames", "plain_mean"]

Maps = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_SIZE = 192
_RASTER = 56
# Where fewer images reach, a mean is one or two images' margin.
_LEAST_REACH = 0.25
_AT_ONCE = 256
# A mean of fewer maps is the maps themselves: it would set a scale on which all others look cold.
_FEWEST = 10


@dataclass(frozen=True)
class Frames:
    """How images are brought into the median face's frame.

    Attributes
    ----------
    affines
        (n, 2, 3) from fractions of the image to fractions of the frame; NaN for images that are left out because
        their points are the template's, which say nothing about where this face is.
    """

    affines: npt.NDArray[np.float64]

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """(n,) images that can be aligned."""
        return np.asarray(np.isfinite(self.affines).all(axis=(1, 2)))

    @property
    def left_out(self) -> int:
        """How many cannot."""
        return int((~self.used).sum())

    def reach(self, row: int, size: int) -> npt.NDArray[np.bool_]:
        """(size, size) pixels of the frame that image `row` covers."""
        square = np.vstack([self.affines[row], [0.0, 0.0, 1.0]])
        back = np.linalg.inv(square)[:2]
        centres = (np.arange(size) + 0.5) / size
        x = back[0, 0] * centres[None, :] + back[0, 1] * centres[:, None] + back[0, 2]
        y = back[1, 0] * centres[None, :] + back[1, 1] * centres[:, None] + back[1, 2]
        return np.asarray((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1))


def face_frames(faces: FaceRecords | None) -> Frames | None:
    """The frames of all images; None where no image has landmarks of its own."""
    if faces is None:
        return None
    frames = Frames(face_affines(faces.points, faces.source))
    return frames if frames.used.any() else None


@dataclass(frozen=True)
class MeanMap:
    """One mean map.

    Attributes
    ----------
    n, null
        Images averaged, and images left out because their map is a null map: no evidence beyond chance.
    unaligned
        Images left out because no landmarks of their own are known.
    picture
        None where no image is left.
    """

    n: int
    null: int
    picture: Picture | None
    unaligned: int = 0

    @property
    def few(self) -> bool:
        """Whether too few images went in for a mean: the most striking picture, and the least reliable."""
        return 0 < self.n < _FEWEST


MeanMaps = tuple[dict[tuple[int, str], MeanMap], ...]
"""Per model, by label and which images: "all", "correct" or "wrong"."""


def plain_mean(maps: Maps) -> tuple[npt.NDArray[np.float64] | None, int]:
    """Mean of maps that each sum to 1 after dropping what is negative; every image counts alike.

    Parameters
    ----------
    maps
        (n, h, w) signed maps of one class.

    Returns
    -------
    mean, used
        (h, w) summing to 1, or None where no map has positive evidence; and how many maps went in.
    """
    distributions, used = _distributions(maps)
    if not used.any():
        return None, 0
    return distributions[used].mean(axis=0), int(used.sum())


def aligned_means(
    maps: Maps,
    affines: npt.NDArray[np.float64],
    null: Bools,
    correct: Bools,
    size: int = _RASTER,
    grid: CellGrid | None = None,
) -> dict[str, tuple[Maps | None, int]]:
    """Mean maps in the median face's frame over "all", "correct" and "wrong" images.

    Parameters
    ----------
    maps
        (n, h, w) signed maps of one class on its images.
    affines
        (n, 2, 3) as in `Frames`; rows with NaN are left out.
    null, correct
        (n,) maps to leave out; images predicted correctly.
    size
        Side of the result in pixels.
    grid
        Where the maps' cells see; None: equal shares of the picture.

    Returns
    -------
    Per set of images: (size, size) mean share of the heat, where 1 is average heat and NaN what fewer than a quarter
    of the images cover (None without images); and how many images went in.
    """
    distributions, used = _distributions(maps)
    used &= ~null & np.isfinite(affines).all(axis=(1, 2))
    rows = np.flatnonzero(used)
    cells = maps.shape[-1] * maps.shape[-2]
    parts = [
        warp_maps(distributions[some], affines[some], size, grid)
        for some in (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
    ]
    warped = np.concatenate(parts) if parts else np.empty((0, size, size), dtype=np.float32)
    found: dict[str, tuple[Maps | None, int]] = {}
    for which, of in (("all", np.ones(len(rows), bool)), ("correct", correct[rows]), ("wrong", ~correct[rows])):
        chosen, n = warped[of], int(of.sum())
        if not n:
            found[which] = (None, 0)
            continue
        mean = average_maps(chosen, cells).astype(np.float32)
        reached = np.isfinite(chosen).mean(axis=0)
        found[which] = (np.where(reached >= _LEAST_REACH, mean, np.nan).astype(np.float32), n)
    return found


def draw_mean_maps(
    model: ModelRecords,
    labels: npt.NDArray[np.int64],
    faces: Mapping[int, npt.NDArray[np.uint8]],
    style: PictureStyle,
    save: Callable[[str, bytes], None],
    null: Bools | None = None,
    frames: Frames | None = None,
) -> dict[tuple[int, str], MeanMap]:
    """All mean maps of one model on one scale: the labelled class over "all", "correct" and "wrong" images of it.

    Parameters
    ----------
    faces
        Mean face per label, in the same frame as the maps will be.
    null
        (n,) maps to leave out besides those without positive evidence.
    frames
        How images are aligned; None for plain means.

    Returns
    -------
    By (label, which).
    """
    right = model.predicted == labels
    excluded = np.zeros(len(labels), bool) if null is None else null
    means: dict[tuple[int, str], tuple[Maps | None, MeanMap]] = {}
    for label in sorted(set(labels[labels >= 0].tolist())):
        of = labels == label
        maps = model.maps[of, label]
        none = excluded[of] | ~(maps.max(axis=(1, 2)) > 0)
        lost = np.zeros(len(maps), bool) if frames is None else ~frames.used[of]
        if frames is None:
            found = _plain_means(maps, none, right[of])
        else:
            found = aligned_means(maps, frames.affines[of], none, right[of], grid=model.grid)
        for which, part in (("all", np.ones(len(maps), bool)), ("correct", right[of]), ("wrong", ~right[of])):
            mean, n = found[which]
            counts = MeanMap(n, int((part & none).sum()), None, int((part & ~none & lost).sum()))
            means[label, which] = (mean, counts)
    grid = model.grid if frames is None else None
    # Relative to average heat, so that 1 is "no more here than anywhere" on any grid; one top for all of them.
    there = [(mean, counts.n) for mean, counts in means.values() if mean is not None and np.isfinite(mean).any()]
    peaks = [(n, float(np.nanmax(mean))) for mean, n in there]
    top = max([peak for n, peak in peaks if n >= _FEWEST] or [peak for _, peak in peaks], default=1.0)
    drawn = {}
    for (label, which), (mean, counts) in means.items():
        picture = None
        if mean is not None and label in faces:
            evidence = upsample(np.minimum(np.nan_to_num(mean) / top, 1.0).astype(np.float32), _SIZE, _SIZE, grid)
            face = resize(faces[label], _SIZE, _SIZE)
            heat = blend_heat(face, evidence, style.map_name)
            picture = save_picture(heat, f"mean-{model.slug}-{label:02d}-{which}", 82, save)
        drawn[label, which] = MeanMap(counts.n, counts.null, picture, counts.unaligned)
    return drawn


def _plain_means(maps: Maps, null: Bools, correct: Bools) -> dict[str, tuple[Maps | None, int]]:
    found: dict[str, tuple[Maps | None, int]] = {}
    for which, of in (("all", ~null), ("correct", ~null & correct), ("wrong", ~null & ~correct)):
        mean, n = plain_mean(maps[of])
        found[which] = (None if mean is None else (mean * mean.size).astype(np.float32), n)
    return found


def _distributions(maps: Maps) -> tuple[npt.NDArray[np.float64], Bools]:
    """(n, h, w) positive part of each map summing to 1 (0 where there is none), and which maps have one."""
    positive = np.maximum(maps.astype(np.float64), 0.0)
    mass = positive.sum(axis=(1, 2))
    used = np.asarray(mass > 0)
    return positive / np.where(used, mass, 1.0)[:, None, None], used
