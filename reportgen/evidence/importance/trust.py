"""Trust grade: how far a model's heatmaps can be read as reasons, from three checks.

Only one of them asks about reliance: whether heat goes with region importance. Where it fails the grade is C, "do not
read these heatmaps as reasons", whatever the others say. Where it holds: A if every other check that could have failed
holds as well, B otherwise. Maps of a head with one linear layer add up to the logit by construction: that counts for
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import spearmanr

from reportgen.analysis import ModelRecords
from reportgen.evidence.attention.map_statistics import null_maps, weights
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.stats.correlation import row_correlation
from reportgen.evidence.stats.intervals import Estimate, percentile_interval
from reportgen.faces.regions import REGIONS
from reportgen.types import FloatArray, IntArray

__all__ = ["TrustCheck", "TrustGrade", "grade_heatmaps", "grade_of"]


# Relative to the largest logit: what float32 sums of a few hundred channels leave.
_EXACT = 1e-3
_TRACKS = 0.9
_MOST_BLANK = 0.1
_LEAST_CELLS = 6
_DRAWS = 2000


@dataclass(frozen=True)
class TrustCheck:
    """One check.

    Attributes
    ----------
    name
        "Complete": do the cells account for the logit; "Beyond chance": is there more evidence than scrambled weights
        give; "Shows what is used": does heat go with region importance.
    passed
        None where it could not be made.
    value, limit
        The number that decides, and what it is held against; `value` is NaN where there is none.
    measure
        What `value` is: the largest difference of map sum and logit, relative to the largest logit; the rank
        correlation of the two over the images, median of the emotions; the share of blank maps; or the rank correlation
        of heat and region importance. "none" for maps by ablation, which have neither channels nor weights to scramble.
    estimate
        The latter with its interval over `n` pairs of emotion and region; else None.
    lowest
        Of the emotions' rank correlations; NaN for other measures.
    """

    name: Literal["Complete", "Beyond chance", "Shows what is used"]
    passed: bool | None
    value: float
    limit: float
    measure: Literal["difference", "correlation", "blank", "importance", "none"]
    estimate: Estimate | None = None
    lowest: float = math.nan

    @property
    def by_construction(self) -> bool:
        """Whether it could not have failed."""
        return self.measure == "difference" and self.passed is True


Grade = Literal["A", "B", "C", ""]


@dataclass(frozen=True)
class TrustGrade:
    """The grade of one model's heatmaps: "A", "B", "C", or "" where heat could not be held against importance, or none
    of the other checks could be made (maps by ablation).
    """

    model: str
    grade: Grade
    checks: tuple[TrustCheck, ...]


def grade_heatmaps(
    model: ModelRecords, measures: ModelMeasures, labels: IntArray, regions: Sequence[RegionImportance], seed: int
) -> TrustGrade:
    """Grade one model's heatmaps.

    Parameters
    ----------
    labels
        (n,) index of the labelled class, -1 where unlabelled.
    regions
        Of this model; empty where the transplant test was not made.
    """
    agreement = _agreement(measures, regions, seed)
    if model.info.get("method") == "ablation":
        complete = TrustCheck("Complete", None, math.nan, _EXACT, "none")
        chance = TrustCheck("Beyond chance", None, math.nan, _MOST_BLANK, "none")
        # One check is too few for a good grade and enough for a bad one.
        return TrustGrade(model.name, "C" if agreement.passed is False else "", (complete, chance, agreement))
    checks = (_completeness(model), _blanks(model, labels), agreement)
    return TrustGrade(model.name, grade_of(checks), checks)


def grade_of(checks: Sequence[TrustCheck]) -> Grade:
    """The grade that checks give together."""
    agreement = next(check for check in checks if check.name == "Shows what is used")
    if agreement.passed is None:
        return ""
    if not agreement.passed:
        return "C"
    return "A" if all(check.passed for check in checks if not check.by_construction) else "B"


def _completeness(model: ModelRecords) -> TrustCheck:
    """Whether the map's cells add up to the logit but for a constant per class, or else whether they follow it."""
    total = model.maps.sum(axis=(2, 3), dtype=np.float64)  # (n, C)
    logits = model.logits.astype(np.float64)
    if len(total) < 2:
        return TrustCheck("Complete", None, math.nan, _EXACT, "difference")
    rest = logits - total
    residual = float(np.abs(rest - np.median(rest, axis=0)).max() / max(np.abs(logits).max(), 1e-12))
    if residual <= _EXACT:
        return TrustCheck("Complete", True, residual, _EXACT, "difference")
    tracks = [float(spearmanr(total[:, c], logits[:, c]).statistic) for c in range(total.shape[1])
              if np.ptp(total[:, c]) > 0 and np.ptp(logits[:, c]) > 0]  # fmt: skip
    if not tracks:
        return TrustCheck("Complete", False, math.nan, _TRACKS, "correlation")
    value = float(np.median(tracks))
    return TrustCheck("Complete", value >= _TRACKS, value, _TRACKS, "correlation", lowest=min(tracks))


def _blanks(model: ModelRecords, labels: IntArray) -> TrustCheck:
    """Share of null maps of the predicted class.

    The random head was run for the labelled class, so it judges the images where that is the predicted one; on the
    others a map is blank only where it is zero everywhere.
    """
    rows = np.arange(len(labels))
    mass = weights(model.maps[rows, model.predicted])[1]
    null_map = null_maps(mass, None)
    if model.null_mass is not None:
        judged = (model.predicted == labels) | (labels < 0)
        null_map = np.where(judged, null_maps(mass, model.null_mass), null_map)
    share = float(null_map.mean()) if len(null_map) else np.nan
    return TrustCheck("Beyond chance", share <= _MOST_BLANK, share, _MOST_BLANK, "blank")


def _agreement(measures: ModelMeasures, regions: Sequence[RegionImportance], seed: int) -> TrustCheck:
    """Spearman correlation, over emotions x regions, of what is special about the heat and region importance."""
    emotions = list(dict.fromkeys(found.emotion for found in regions))
    heat, gap = [], []
    for found in regions:
        share = float(measures.plain.swap[emotions.index(found.emotion), REGIONS.index(found.region)])
        if np.isfinite(share) and np.isfinite(found.drop):
            heat.append(share)
            gap.append(found.drop)
    if len(heat) < _LEAST_CELLS:
        return TrustCheck("Shows what is used", None, math.nan, 0.0, "importance")
    result = _spearman(np.asarray(heat), np.asarray(gap), seed)
    return TrustCheck("Shows what is used", result.low > 0, result.value, 0.0, "importance", result)


def _spearman(x: FloatArray, y: FloatArray, seed: int) -> Estimate:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(x), (_DRAWS, len(x)))
    samples = row_correlation(x[drawn], y[drawn])
    value = float(spearmanr(x, y).statistic) if np.ptp(x) > 0 and np.ptp(y) > 0 else 0.0
    return percentile_interval(value, samples[np.isfinite(samples)], len(x))
