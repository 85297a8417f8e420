"""Mean maps per emotion, correct apart from wrong, over the mean face of the same emotion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.analysis import ModelRecords, content_hash
from reportgen.site.overlays import blend_heat, resize, upsample
from reportgen.site.pictures import Picture, PictureStyle, encode_webp

__all__ = ["MeanMap", "draw_mean_maps", "mean_map"]

_SIZE = 192


@dataclass(frozen=True)
class MeanMap:
    """One mean map.

    Attributes
    ----------
    n, blank
        Images averaged, and images left out because their map has no positive evidence.
    picture
        None where no image is left.
    """

    n: int
    blank: int
    picture: Picture | None


def mean_map(maps: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64] | None, int]:
    """Mean of maps that each sum to 1 after dropping what is negative; every image counts alike.

    Parameters
    ----------
    maps
        (n, h, w) signed maps of one class.

    Returns
    -------
    mean, used
        (h, w) summing to 1, or None when every map is blank; and how many maps went in.
    """
    positive = np.maximum(maps.astype(np.float64), 0.0)
    mass = positive.sum(axis=(1, 2))
    used = mass > 0
    if not used.any():
        return None, 0
    return (positive[used] / mass[used, None, None]).mean(axis=0), int(used.sum())


def draw_mean_maps(
    model: ModelRecords,
    labels: npt.NDArray[np.int64],
    faces: Mapping[int, npt.NDArray[np.uint8]],
    style: PictureStyle,
    save: Callable[[str, bytes], None],
) -> dict[tuple[int, str], MeanMap]:
    """All mean maps of one model on one scale: the labelled class over "all", "correct" and "wrong" images of it.

    Parameters
    ----------
    faces
        Mean face per label; -1 for all images.

    Returns
    -------
    By (label, which).
    """
    right = model.predicted == labels
    means: dict[tuple[int, str], tuple[npt.NDArray[np.float64] | None, int, int]] = {}
    for label in sorted(set(labels[labels >= 0].tolist())):
        of = labels == label
        for which, rows in (("all", of), ("correct", of & right), ("wrong", of & ~right)):
            mean, used = mean_map(model.maps[rows, label])
            means[label, which] = (mean, used, int(rows.sum()) - used)
    # Relative to even attention, so that 1 is "no more here than anywhere" on any grid; one top for all of them.
    top = max((float(mean.max() * mean.size) for mean, _, _ in means.values() if mean is not None), default=1.0)
    drawn = {}
    for (label, which), (mean, used, blank) in means.items():
        picture = None
        if mean is not None:
            evidence = upsample((mean * mean.size / top).astype(np.float32), _SIZE, _SIZE)
            face = resize(faces[label], _SIZE, _SIZE)
            colormap = "jet" if style.classic else style.colormap
            content = encode_webp(blend_heat(face, evidence, colormap), 82)
            path = f"pictures/mean-{model.slug}-{label:02d}-{which}-{content_hash(content)[:10]}.webp"
            save(path, content)
            picture = Picture(path, _SIZE, _SIZE)
        drawn[label, which] = MeanMap(used, blank, picture)
    return drawn
