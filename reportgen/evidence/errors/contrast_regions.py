"""Where a wrong answer outweighs the label most, error by error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reportgen.evidence.attention.map_statistics import PARTS, areas, contrast_error, describe
from reportgen.evidence.errors.rules import ErrorCase
from reportgen.faces.regions import REGIONS
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = ["Regions", "contrast_regions"]

_SMALLEST = 0.02
"""Share of the crop that a region must fill before heat per area is compared: less is a sliver at the border."""
_EYES = REGIONS.index("eyes+brows")


@dataclass(frozen=True)
class Regions:
    """Where the answer outweighs the label most, for every error.

    Attributes
    ----------
    region
        (n,) index into REGIONS, -1 where there is none.
    heat
        (n,) heat per area there; 1 is even.
    share
        (n,) share of what speaks for the answer rather than the label, 0..1.
    """

    region: IntArray
    heat: FloatArray
    share: FloatArray


def contrast_regions(case: ErrorCase, masks: AnyFloatArray, approximate: BoolArray) -> Regions:
    """The region with the most heat per area in `relu(raw_predicted - raw_label)` on every error.

    Parameters
    ----------
    masks
        (n, R, h, w), merged where the grid cannot tell regions apart.
    approximate
        (n,) images whose eyes and brows are only roughly placed: that region is not named for them.
    """
    n = len(case.labels)
    region, heat, share = np.full(n, -1), np.full(n, np.nan), np.full(n, np.nan)
    rows = np.flatnonzero(case.wrong)
    if not len(rows):
        return Regions(region, heat, share)
    against = contrast_error(case.maps[rows], case.predicted[rows], case.labels[rows])
    shares, area = describe(against, masks[rows]).share, areas(masks[rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(area >= _SMALLEST, shares / area, -np.inf)
    ratio[approximate[rows], _EYES] = -np.inf
    best = PARTS[ratio[:, PARTS].argmax(axis=1)]
    index = np.arange(len(rows))
    known = np.isfinite(ratio[index, best])
    region[rows] = np.where(known, best, -1)
    heat[rows] = np.where(known, ratio[index, best], np.nan)
    share[rows] = np.where(known, shares[index, best], np.nan)
    return Regions(region, heat, share)
