"""How far a model's heatmaps can be read as reasons: three checks, one grade.

Grade A: all three hold; B: two; C: fewer, "do not read these heatmaps as reasons".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, spearmanr

from reportgen.analysis import ModelRecords
from reportgen.evidence.attention.map_statistics import null_maps, weights
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.stats.intervals import Estimate, percentile_interval
from reportgen.faces.regions import REGIONS
from reportgen.types import FloatArray, IntArray

__all__ = ["TrustCheck", "TrustGrade", "grade_heatmaps"]


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
    passed
        None where it could not be made.
    value
        The number that decides; NaN where there is none.
    text
        Result in words, with the number and what was wanted.
    shown, wanted
        The number as it is printed, and what it is held against; "" where there is none.
    """

    name: str
    passed: bool | None
    value: float
    text: str
    shown: str = ""
    wanted: str = ""


@dataclass(frozen=True)
class TrustGrade:
    """The grade of one model's heatmaps: "A", "B", "C", or "" where the transplant test was not made."""

    model: str
    grade: str
    checks: tuple[TrustCheck, ...]
    sentence: str


def grade_heatmaps(
    model: ModelRecords, measures: ModelMeasures, labels: IntArray, regions: Sequence[RegionImportance], seed: int
) -> TrustGrade:
    """Grade one model's heatmaps.

    Parameters
    ----------
    labels
        (n,) index of the labelled class, -1 where unlabelled.
    uses
        Of this model; empty where the transplant test was not made.
    """
    checks = (_completeness(model), _blanks(model, labels), _agreement(measures, regions, seed))
    passed = sum(bool(check.passed) for check in checks)
    if not regions:
        return TrustGrade(
            model.name, "", checks, "Not graded: whether the model uses what its heatmaps show was not tested."
        )
    grade = {3: "A", 2: "B"}.get(passed, "C")
    sentence = {
        "A": "Its heatmaps are complete, beyond chance and agree with what it uses: read them as coarse reasons.",
        "B": "Two of three checks hold: its heatmaps show where evidence sits, not what decides.",
        "C": "Do not read these heatmaps as reasons.",
    }[grade]
    return TrustGrade(model.name, grade, checks, sentence)


def _completeness(model: ModelRecords) -> TrustCheck:
    """Whether the map's cells add up to the logit but for a constant per class, or else whether they follow it."""
    name = "Complete"
    total = model.maps.sum(axis=(2, 3), dtype=np.float64)  # (n, C)
    logits = model.logits.astype(np.float64)
    if len(total) < 2:
        return TrustCheck(name, None, np.nan, "Too few images to say.")
    rest = logits - total
    residual = float(np.abs(rest - np.median(rest, axis=0)).max() / max(np.abs(logits).max(), 1e-12))
    if residual <= _EXACT:
        text = (
            f"The cells of every map add up to the logit, to within {residual:.1e} of the largest (at most {_EXACT:g} "
            "wanted): the map is the whole of the evidence."
        )
        return TrustCheck(name, True, residual, text, f"{residual:.1e}", f"at most {_EXACT:g} of the largest logit")
    tracks = [float(spearmanr(total[:, c], logits[:, c]).statistic) for c in range(total.shape[1])
              if np.ptp(total[:, c]) > 0 and np.ptp(logits[:, c]) > 0]  # fmt: skip
    if not tracks:
        return TrustCheck(name, False, np.nan, "The maps do not vary over the images.")
    value = float(np.median(tracks))
    text = (
        "The head has several layers, so maps are approximate. Over the images, a map's sum follows its logit with "
        f"rank correlation {value:.2f} (median of the emotions; the weakest {min(tracks):.2f}; {_TRACKS:g} wanted)."
    )
    return TrustCheck(name, value >= _TRACKS, value, text, f"{value:.2f}", f"rank correlation of at least {_TRACKS:g}")


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
    text = (
        f"{share:.1%} of the predicted emotions' maps are blank: no more evidence than the same features give under "
        f"scrambled weights (at most {_MOST_BLANK:.0%} wanted)."
    )
    wanted = f"at most {_MOST_BLANK:.0%} blank"
    return TrustCheck("Beyond chance", share <= _MOST_BLANK, share, text, f"{share:.1%}", wanted)


def _agreement(measures: ModelMeasures, regions: Sequence[RegionImportance], seed: int) -> TrustCheck:
    """Spearman correlation, over emotions x regions, of what is special about the heat and what is used."""
    name = "Shows what is used"
    emotions = list(dict.fromkeys(use.emotion for use in regions))
    heat, gap = [], []
    for use in regions:
        share = float(measures.plain.swap[emotions.index(use.emotion), REGIONS.index(use.region)])
        if np.isfinite(share) and np.isfinite(use.drop):
            heat.append(share)
            gap.append(use.drop)
    if len(heat) < _LEAST_CELLS:
        return TrustCheck(name, None, np.nan, "The transplant test was not made, or for too few emotions to compare.")
    result = _spearman(np.asarray(heat), np.asarray(gap), seed)
    text = (
        f"Over {result.n} pairs of emotion and region, heat that is special to the emotion and loss in the transplant "
        f"test go together with rank correlation {result.value:.2f} [{result.low:.2f}, {result.high:.2f}] "
        "(an interval above 0 wanted)."
    )
    shown = f"{result.value:.2f} [{result.low:.2f}, {result.high:.2f}]"
    return TrustCheck(name, result.low > 0, result.value, text, shown, "interval above 0")


def _spearman(x: FloatArray, y: FloatArray, seed: int) -> Estimate:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(x), (_DRAWS, len(x)))
    a, b = rankdata(x[drawn], axis=1), rankdata(y[drawn], axis=1)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    value = float(spearmanr(x, y).statistic) if np.ptp(x) > 0 and np.ptp(y) > 0 else 0.0
    return percentile_interval(value, samples[np.isfinite(samples)], len(x))
