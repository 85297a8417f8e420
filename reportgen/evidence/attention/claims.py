"""What guides to heatmaps take for granted, tested on this test set: takeaways, and patterns with their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.map_statistics import FACE, areas, common_grid, describe, weights
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.attention.patterns import DIFFUSE_QUARTER
from reportgen.evidence.attention.profiles import ProfileDistance
from reportgen.evidence.stats.clustered import (
    Clusters,
    clusters,
    mean_interval,
    mean_test,
    ratio_interval,
    risk_ratio_of,
)
from reportgen.evidence.stats.correlation import spearman
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.faces.regions import REGIONS
from reportgen.types import BoolArray, FloatArray

__all__ = ["Claim", "ClaimAnswer", "ClaimKind", "check_claims"]

ClaimAnswer = Literal["holds", "does not hold", "undetermined"]
ClaimKind = Literal[
    "on face", "better on face", "diffuse errors", "errors by peak", "transfer focus", "different regions", "uncertain"
]
ClaimLimit = Literal["", "not clearly better", "transfer unknown", "both transfer", "neither transfer"]

_BACKGROUND = REGIONS.index("background")


@dataclass(frozen=True)
class Claim:
    """One takeaway of guides to heatmaps, tested.

    Attributes
    ----------
    kind
        Which takeaway.
    model
        Name of the model tested; of the first where two are compared.
    result
        The number that decides, with 95 % interval; `null` is its value without an effect.
    answer
        "holds" when the interval lies on the claim's side of `null`, "does not hold" when on the other.
    other
        The second of two models that are compared, else "".
    region
        Where the peak of the map lies, for "errors by peak", else "".
    limit
        Why two models cannot be compared so, else "".
    pretraining
        For "transfer focus": what the first model was pretrained on; None where not known.
    """

    kind: ClaimKind
    model: str
    result: Estimate
    null: float
    answer: ClaimAnswer
    other: str = ""
    region: str = ""
    limit: ClaimLimit = ""
    pretraining: str | None = None


def check_claims(
    models: Sequence[ModelMaps],
    measures: Sequence[ModelMeasures],
    distances: Sequence[ProfileDistance],
    cases: Cases,
    seed: int,
) -> tuple[Claim, ...]:
    """Every takeaway, per model or per pair of models; errors and comparisons use labelled images only."""
    claims: list[Claim] = []
    for model, measure in zip(models, measures, strict=True):
        claims.append(_on_face(model, measure, cases, seed))
    pairs = [(a, b) for i, a in enumerate(models) for b in models[i + 1 :]]
    claims += [_better_on_face(a, b, cases, seed) for a, b in pairs]
    for model, measure in zip(models, measures, strict=True):
        claims += _errors(model, measure, cases)
    claims += [_focus(a, b, cases, seed) for a, b in pairs]
    for model, distance in zip(models, distances, strict=True):
        claims.append(_different(model, distance))
    for model, measure in zip(models, measures, strict=True):
        claims.append(_uncertain(model, measure, cases))
    return tuple(claims)


def _answer(result: Estimate, null: float, *, above: bool) -> ClaimAnswer:
    if np.isnan(result.value):
        return "undetermined"
    if result.low > null:
        return "holds" if above else "does not hold"
    if result.high < null:
        return "does not hold" if above else "holds"
    return "undetermined"


def _on_face(model: ModelMaps, measure: ModelMeasures, cases: Cases, seed: int) -> Claim:
    group = clusters(cases.persons, len(cases.labels))
    share, area = measure.predicted.share[:, [FACE]], areas(measure.masks)[:, [FACE]]
    value, low, high = ratio_interval(share, area, group, seed)
    used = len(np.unique(group.code[np.isfinite(share[:, 0])]))
    result = Estimate(float(value[0]), float(low[0]), float(high[0]), used)
    return Claim("on face", model.name, result, 1.0, _answer(result, 1.0, above=True))


def _common(a: ModelMaps, b: ModelMaps) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distributions of both models' predicted-class maps on the coarser grid, and that grid's masks."""
    coarse = min((a, b), key=lambda m: m.maps.shape[-1] * m.maps.shape[-2])
    rows = np.arange(len(a.maps))
    p, q = (common_grid(weights(m.maps[rows, m.predicted])[0], m.grid, coarse.grid) for m in (a, b))
    return p, q, np.asarray(coarse.masks, dtype=np.float64)


def _paired(difference: FloatArray, cases: Cases, seed: int) -> Estimate:
    """Mean paired difference whose interval excludes 0 only when the test does so as well."""
    group = clusters(cases.persons, len(difference))
    value, low, high = (float(v[0]) for v in mean_interval(difference[:, None], group, seed))
    p, count = mean_test(difference[:, None], group, seed)
    if p[0] >= ALPHA and (low > 0 or high < 0):
        low, high = min(low, 0.0), max(high, 0.0)
    return Estimate(value, low, high, int(count[0]))


def _better_on_face(a: ModelMaps, b: ModelMaps, cases: Cases, seed: int) -> Claim:
    labelled = cases.labels >= 0
    right = [(m.predicted == cases.labels) & labelled for m in (a, b)]
    better, worse = (a, b) if right[0].sum() >= right[1].sum() else (b, a)
    group = clusters(cases.persons, len(labelled)).subset(np.flatnonzero(labelled))
    gap, _ = paired_proportions(right[0][labelled], right[1][labelled], group, seed)
    p, q, masks = _common(better, worse)
    share = [describe(maps, masks).share[:, FACE] for maps in (p, q)]
    result = _paired(share[0] - share[1], cases, seed)
    decided = gap.excludes(0.0)
    return Claim(
        "better on face",
        better.name,
        result,
        0.0,
        _answer(result, 0.0, above=True) if decided else "undetermined",
        worse.name,
        limit="" if decided else "not clearly better",
    )


def _errors(model: ModelMaps, measure: ModelMeasures, cases: Cases) -> list[Claim]:
    stats, labelled = measure.predicted, cases.labels >= 0
    used = labelled & ~stats.null_map
    wrong, group = model.predicted != cases.labels, clusters(cases.persons, len(cases.labels))
    limit = np.quantile(stats.effective_area[used], DIFFUSE_QUARTER) if used.any() else np.inf
    ratio = _risk_ratio(wrong, stats.effective_area > limit, used, group)
    claims = [Claim("diffuse errors", model.name, ratio, 1.0, _answer(ratio, 1.0, above=True))]
    for region in [name for name in REGIONS if name != "face"]:
        ratio = _risk_ratio(wrong, stats.peak_region == REGIONS.index(region), used, group)
        answer = _answer(ratio, 1.0, above=region == "background")
        claims.append(Claim("errors by peak", model.name, ratio, 1.0, answer, region=region))
    return claims


def _risk_ratio(wrong: BoolArray, exposed: BoolArray, used: BoolArray, group: Clusters) -> Estimate:
    return risk_ratio_of(wrong, exposed & used, ~exposed & used, group)


def _focus(a: ModelMaps, b: ModelMaps, cases: Cases, seed: int) -> Claim:
    first, second = (b, a) if b.transfer and not a.transfer else (a, b)
    p, q, masks = _common(first, second)
    wide = [describe(maps, masks).effective_area for maps in (p, q)]
    result = _paired(wide[0] - wide[1], cases, seed)
    limit: ClaimLimit = ""
    if a.transfer is None or b.transfer is None:
        limit = "transfer unknown"
    elif a.transfer == b.transfer:
        limit = "both transfer" if a.transfer else "neither transfer"
    answer = "undetermined" if limit else _answer(result, 0.0, above=False)
    return Claim("transfer focus", first.name, result, 0.0, answer, second.name, "", limit, first.pretraining)


def _different(model: ModelMaps, distance: ProfileDistance) -> Claim:
    result = distance.mean
    holds = distance.p < ALPHA and result.value > distance.chance_high
    answer: ClaimAnswer = "holds" if holds else "undetermined"
    # A distance is never below what noise gives, so only an interval wholly below chance could speak against it.
    if not holds and result.high < distance.chance:
        answer = "does not hold"
    return Claim("different regions", model.name, result, distance.chance, answer)


def _uncertain(model: ModelMaps, measure: ModelMeasures, cases: Cases) -> Claim:
    result, _ = spearman(measure.predicted.effective_area, model.confidence, cases.persons)
    return Claim("uncertain", model.name, result, 0.0, _answer(result, 0.0, above=False))
