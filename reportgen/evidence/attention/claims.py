"""What guides to heatmaps take for granted, tested on this test set: takeaways, and patterns with their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.facial_actions import spearman
from reportgen.evidence.attention.map_statistics import FACE, areas, common_grid, describe, weights
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.attention.patterns import DIFFUSE_QUARTER
from reportgen.evidence.attention.profiles import ProfileDistance
from reportgen.evidence.stats.clustered import clusters, mean_interval, mean_test, ratio_interval
from reportgen.evidence.stats.intervals import Estimate, bootstrap_counts, interval_text, risk_ratio
from reportgen.evidence.stats.paired import paired_difference
from reportgen.faces.regions import REGIONS
from reportgen.types import BoolArray, FloatArray

__all__ = ["Claim", "check_claims"]

ClaimAnswer = Literal["holds", "does not hold", "undetermined"]

_BACKGROUND = REGIONS.index("background")
# Resampling single images beyond this many costs memory and changes nothing.
_MANY = 20_000


@dataclass(frozen=True)
class Claim:
    """One takeaway, tested.

    Attributes
    ----------
    claim
        As guides put it.
    model
        Name of the model tested, or both names where two are compared.
    how
        How it was tested here.
    result
        The number that decides, with 95 % interval; `quantity` names it and `null` is the value that says "no effect".
    answer
        "holds" when the interval lies on the claim's side of `null`, "does not hold" when on the other.
    note
        What limits the test; also the end of `sentence`.
    """

    claim: str
    model: str
    how: str
    quantity: str
    result: Estimate
    null: float
    answer: ClaimAnswer
    sentence: str
    note: str = ""


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
        claims += _errors(model, measure, cases, seed)
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


def _claim(
    claim: str, model: str, how: str, quantity: str, result: Estimate, null: float, *, above: bool, note: str = ""
) -> Claim:
    answer = _answer(result, null, above=above)
    shown = "not measurable" if np.isnan(result.value) else interval_text(result.value, result.low, result.high)
    sentence = f"{claim}: {answer} for {model} ({quantity} {shown}, n = {result.n}){f'; {note}' if note else ''}."
    return Claim(claim, model, how, quantity, result, null, answer, sentence, note)


def _on_face(model: ModelMaps, measure: ModelMeasures, cases: Cases, seed: int) -> Claim:
    group = clusters(cases.persons, len(cases.labels))
    share, area = measure.predicted.share[:, [FACE]], areas(measure.masks)[:, [FACE]]
    value, low, high = ratio_interval(share, area, group, seed)
    used = len(np.unique(group.code[np.isfinite(share[:, 0])]))
    return _claim(
        "Good models focus on facial features", model.name,
        "enrichment of the face in the maps of the predicted class, over all images",
        "enrichment of the face", Estimate(float(value[0]), float(low[0]), float(high[0]), used), 1.0, above=True,
    )  # fmt: skip


def _common(a: ModelMaps, b: ModelMaps) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distributions of both models' predicted-class maps on the coarser grid, and that grid's masks."""
    coarse = min((a, b), key=lambda m: m.maps.shape[-1] * m.maps.shape[-2])
    grid = (coarse.maps.shape[-2], coarse.maps.shape[-1])
    rows = np.arange(len(a.maps))
    p, q = (common_grid(weights(m.maps[rows, m.predicted])[0], grid) for m in (a, b))
    return p, q, np.asarray(coarse.masks, dtype=np.float64)


def _paired(difference: FloatArray, cases: Cases, seed: int) -> Estimate:
    """Mean paired difference whose interval excludes 0 only when the test does so as well."""
    group = clusters(cases.persons, len(difference))
    value, low, high = (float(v[0]) for v in mean_interval(difference[:, None], group, seed))
    p, count = mean_test(difference[:, None], group, seed)
    if p[0] >= 0.05 and (low > 0 or high < 0):
        low, high = min(low, 0.0), max(high, 0.0)
    return Estimate(value, low, high, int(count[0]))


def _better_on_face(a: ModelMaps, b: ModelMaps, cases: Cases, seed: int) -> Claim:
    right = [(m.predicted == cases.labels) & (cases.labels >= 0) for m in (a, b)]
    better, worse = (a, b) if right[0].sum() >= right[1].sum() else (b, a)
    gap = paired_difference(
        int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum()), int((cases.labels >= 0).sum())
    )
    p, q, masks = _common(better, worse)
    share = [describe(maps, masks).share[:, FACE] for maps in (p, q)]
    result = _paired(share[0] - share[1], cases, seed)
    claim, pair = "The better model focuses more on facial features", f"{better.name} against {worse.name}"
    how = "paired difference of the face's share, better minus worse model, on a common grid"
    if not gap.excludes(0.0):
        why = "neither model is clearly better on this test set"
        sentence = f"{claim}: undetermined; {why}."
        return Claim(claim, pair, how, "difference of the face's share", result, 0.0, "undetermined", sentence, why)
    return _claim(claim, pair, how, "difference of the face's share", result, 0.0, above=True)


def _errors(model: ModelMaps, measure: ModelMeasures, cases: Cases, seed: int) -> list[Claim]:
    stats, labelled = measure.predicted, cases.labels >= 0
    used = labelled & ~stats.null_map
    wrong, draws = model.predicted != cases.labels, _person_draws(used, cases, seed)
    limit = np.quantile(stats.effective_area[used], DIFFUSE_QUARTER) if used.any() else np.inf
    claims = [
        _claim(
            "Errors come with diffuse attention", model.name,
            "risk of error in the quarter of images with the most diffuse maps, against the rest",
            "risk ratio", _risk_ratio(wrong, stats.effective_area > limit, used, draws), 1.0, above=True,
        )
    ]  # fmt: skip
    for region in [name for name in REGIONS if name != "face"]:
        off = region == "background"
        at = stats.peak_region == REGIONS.index(region)
        title = (
            "Errors come with attention on the background" if off else f"Errors are rarer with the peak on the {region}"
        )
        claims.append(
            _claim(
                title, model.name, f"risk of error where the map's peak lies on the {region}, against elsewhere",
                "risk ratio", _risk_ratio(wrong, at, used, draws), 1.0, above=off,
            )
        )  # fmt: skip
    return claims


def _person_draws(used: BoolArray, cases: Cases, seed: int) -> FloatArray | None:
    """(B, m) how often each of the m used images enters each sample of persons; None where images stand alone."""
    if cases.persons is None or not 0 < used.sum() <= _MANY:
        return None
    code = clusters(cases.persons, len(used)).code[used]
    drawn = bootstrap_counts(len(code), 2000, np.random.default_rng(seed), clusters=code)
    return drawn.astype(np.float64)


def _risk_ratio(wrong: BoolArray, exposed: BoolArray, used: BoolArray, draws: FloatArray | None) -> Estimate:
    error, group = wrong[used], exposed[used]
    parts = (error & group, group, error & ~group, ~group)
    counts = [int(part.sum()) for part in parts]
    plain = risk_ratio(*counts)
    # With a handful of errors the formula's correction is safer than resampled zeros.
    if draws is None or min(counts) < 5:
        return plain
    k1, n1, k0, n0 = (draws @ np.stack(parts, axis=1).astype(np.float64)).T
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (k1 / n1) / (k0 / n0)
    low, high = np.quantile(drawn[np.isfinite(drawn)], [0.025, 0.975])
    return Estimate(plain.value, min(float(low), plain.value), max(float(high), plain.value), len(error))


def _focus(a: ModelMaps, b: ModelMaps, cases: Cases, seed: int) -> Claim:
    first, second = (b, a) if b.transfer and not a.transfer else (a, b)
    p, q, masks = _common(first, second)
    wide = [describe(maps, masks).effective_area for maps in (p, q)]
    result = _paired(wide[0] - wide[1], cases, seed)
    how = "paired difference of the effective area of the predicted class's maps, on a common grid"
    quantity, pair = "difference of effective area", f"{first.name} against {second.name}"
    claim = "Transfer learning has the more focused attention"
    if a.transfer is None or b.transfer is None or a.transfer == b.transfer:
        if a.transfer is None or b.transfer is None:
            why = f"it is not known which one of {a.name} and {b.name} is a transfer-learning model"
        else:
            both = "are both" if a.transfer else "are neither of them"
            why = f"{a.name} and {b.name} {both} transfer-learning models"
        sentence = f"{claim}: undetermined; {why}."
        return Claim(claim, pair, how, quantity, result, 0.0, "undetermined", sentence, why)
    note = "pretraining unknown" if first.pretraining is None else f"pretraining: {first.pretraining}"
    return _claim(claim, pair, how, quantity, result, 0.0, above=False, note=note)


def _different(model: ModelMaps, distance: ProfileDistance) -> Claim:
    result, claim = distance.mean, "Emotions activate different regions"
    how = "mean distance between the emotions' region profiles, against a permutation of the labels"
    holds = distance.p < 0.05 and result.value > distance.chance_high
    answer: ClaimAnswer = "holds" if holds else "undetermined"
    # A distance is never below what noise gives, so only an interval wholly below chance could speak against it.
    if not holds and result.high < distance.chance:
        answer = "does not hold"
    sentence = (
        f"{claim}: {answer} for {model.name} (mean distance {result.value:.3f} [{result.low:.3f}, {result.high:.3f}], "
        f"{distance.chance:.3f} by chance, n = {result.n})."
    )
    return Claim(claim, model.name, how, "mean distance between profiles", result, distance.chance, answer, sentence)


def _uncertain(model: ModelMaps, measure: ModelMeasures, cases: Cases) -> Claim:
    result, _ = spearman(measure.predicted.effective_area, model.confidence, cases.persons)
    return _claim(
        "Diffuse attention means an uncertain model", model.name,
        "rank correlation of effective area and confidence, both of the predicted class",
        "Spearman correlation", result, 0.0, above=False,
    )  # fmt: skip
