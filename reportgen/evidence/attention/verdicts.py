"""Verdicts from the measurements: yes, no, undetermined, or too few images to say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.attention.region_tests import LOCALIZED, EmotionEvidence
from reportgen.evidence.stats.clustered import Clusters, clusters, mean_interval, mean_test
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.evidence.stats.units import names_persons
from reportgen.faces.regions import REGIONS

__all__ = ["Verdict", "VerdictAnswer", "judge_model"]

VerdictAnswer = Literal["yes", "no", "undetermined", "insufficient evidence"]

_ON = tuple(name for name in REGIONS if name != "background")
_BACKGROUND = REGIONS.index("background")
_ABOVE = "share above the other classes' maps"


@dataclass(frozen=True)
class Verdict:
    """One statement about where a model looks for one emotion, with what it rests on.

    Attributes
    ----------
    kind
        "on <region>", "specific <region>", "background", "diffuse" or "too localized".
    answer
        Of the plain maps, after the contrastive maps have agreed.
    quantity
        What `value` is: "enrichment", "share above the other classes' maps", "times uniform attention" or "effective
        area".
    value, low, high
        With a 95 % interval (NaN where there is none).
    p
        Adjusted for all tests of the model's family (Holm); NaN where there was no test.
    n, persons
        Images, and persons where they are known.
    plain, contrastive
        The answers of the two definitions of the map by themselves.
    depends
        The plain maps' answer does not hold for the contrastive maps.
    place
        Where a hot cell lies, in words; else "".
    together
        Regions from which the model's grid cannot tell the region apart, so that all are judged together.
    grid
        Rows and columns of the maps.
    rerun
        Whether the head was rerun without the peak cell, where the verdict needs that.
    """

    model: str
    emotion: str
    kind: str
    answer: VerdictAnswer
    quantity: str
    value: float
    low: float
    high: float
    p: float
    n: int
    persons: int | None
    plain: VerdictAnswer
    contrastive: VerdictAnswer
    depends: bool
    place: str = ""
    together: tuple[str, ...] = ()
    grid: tuple[int, int] = (0, 0)
    rerun: bool = True


@dataclass(frozen=True)
class _Judged:
    """One definition's answer with its numbers."""

    answer: VerdictAnswer
    value: float
    low: float
    high: float
    p: float
    n: int
    persons: int
    place: str = ""
    hot: bool = False


def judge_model(model: ModelMaps, measures: ModelMeasures, cases: Cases, seed: int) -> tuple[Verdict, ...]:
    """All verdicts of one model, emotion by emotion.

    Holm's adjustment was made over emotions x regions (`measure_model`); a "yes" or "no" also needs an interval
    on that side, so that what is printed never contradicts itself.
    """
    verdicts: list[Verdict] = []
    for e in range(len(cases.classes)):
        ablation = _ablation(model, cases, e, seed)
        rules: list[tuple[str, str, Callable[[EmotionEvidence], _Judged]]] = []
        for region in _ON:
            r = REGIONS.index(region)
            rules.append((f"on {region}", "enrichment", partial(_on, e=e, r=r)))
            rules.append((f"specific {region}", _ABOVE, partial(_specific, e=e, r=r)))
        rules.append(("background", "enrichment", partial(_background, e=e)))
        rules.append(("diffuse", "effective area", partial(_diffuse, e=e)))
        verdicts += [_combine(model, cases, e, rule, measures) for rule in rules]
        localized = _combine(
            model, cases, e, ("too localized", "effective area", partial(_localized, e=e, ablation=ablation)), measures
        )
        verdicts.append(replace(localized, rerun=ablation is not None))
    return tuple(verdicts)


def _three(p: float, low: float, high: float, null: float, reachable: bool, n: int) -> VerdictAnswer:
    if n and p < ALPHA:
        if low > null:
            return "yes"
        if high < null:
            return "no"
    return "undetermined" if reachable and n else "insufficient evidence"


def _on(ev: EmotionEvidence, e: int, r: int) -> _Judged:
    value, low, high, p = (float(a[e, r]) for a in (ev.enrichment, ev.low, ev.high, ev.p_on))
    n, persons = int(ev.n[e, r]), int(ev.persons[e, r])
    return _Judged(_three(p, low, high, 1.0, bool(ev.reachable_on[e, r]), n), value, low, high, p, n, persons)


def _specific(ev: EmotionEvidence, e: int, r: int) -> _Judged:
    value, low, high, p = (float(a[e, r]) for a in (ev.swap, ev.swap_low, ev.swap_high, ev.p_specific))
    n, persons = int(ev.n[e, r]), int(ev.persons[e, r])
    answer = _three(p, low, high, 0.0, bool(ev.reachable_specific[e, r]), n)
    return _Judged(answer, value, low, high, p, n, persons)


def _background(ev: EmotionEvidence, e: int) -> _Judged:
    """By share, or by one place outside the face; a "no" needs the share below uniform and no such place."""
    share, hot = _on(ev, e, _BACKGROUND), ev.hot[e]
    if hot.cells and ev.p_hot[e] < ALPHA:
        return _Judged(
            "yes", share.value, share.low, share.high, float(ev.p_hot[e]), share.n, hot.count, hot.where, True
        )
    return share


def _diffuse(ev: EmotionEvidence, e: int) -> _Judged:
    value, low, high, null, p = (float(a[e]) for a in (ev.area, ev.area_low, ev.area_high, ev.face_area, ev.p_diffuse))
    n, persons = int(ev.n[e, 0]), int(ev.persons[e, 0])
    # The comparison is paired, so its sign, not the interval of the area alone, says which side it is.
    answer = _three(p, value - null, value - null, 0.0, bool(ev.reachable_spread[e]), n)
    if (answer == "yes" and low < null) or (answer == "no" and high > null):
        answer = "undetermined"
    return _Judged(answer, value, low, high, p, n, persons)


def _localized(ev: EmotionEvidence, e: int, ablation: tuple[float, float, float] | None) -> _Judged:
    value, low, high, p = (float(a[e]) for a in (ev.area, ev.area_low, ev.area_high, ev.p_localized))
    n, persons = int(ev.n[e, 0]), int(ev.persons[e, 0])
    spread = _three(p, -high, -low, -LOCALIZED, bool(ev.reachable_spread[e]), n)
    answer: VerdictAnswer = spread
    if spread == "yes":
        decisive = ablation is not None and ablation[0] > 0 and ablation[2] < ALPHA
        answer = "yes" if decisive else "undetermined"
    return _Judged(answer, value, low, high, p, n, persons)


def _ablation(model: ModelMaps, cases: Cases, e: int, seed: int) -> tuple[float, float, float] | None:
    """Mean difference of changed predictions, peak minus control, its lower end, and p times the emotions."""
    if model.peak_changed is None or model.control_changed is None:
        return None
    chosen = np.flatnonzero(cases.labels == e)
    difference = (model.peak_changed - model.control_changed)[chosen, None].astype(np.float64)
    if not np.isfinite(difference).any():
        return None
    persons = None if cases.persons is None else cases.persons[chosen]
    group: Clusters = clusters(persons, len(chosen))
    value, low, _ = mean_interval(difference, group, seed)
    p = mean_test(difference, group, seed)[0]
    return float(value[0]), float(low[0]), min(1.0, float(p[0]) * len(cases.classes))


def _combine(
    model: ModelMaps,
    cases: Cases,
    e: int,
    rule: tuple[str, str, Callable[[EmotionEvidence], _Judged]],
    measures: ModelMeasures,
) -> Verdict:
    kind, quantity, judge = rule
    plain, contrastive = judge(measures.plain), judge(measures.contrastive)
    decided = plain.answer in ("yes", "no")
    depends = decided and contrastive.answer != plain.answer
    answer: VerdictAnswer = "undetermined" if depends else plain.answer
    if plain.hot:
        quantity, low, high = "times uniform attention", math.nan, math.nan
        value = measures.plain.hot[e].strength
    else:
        value, low, high = plain.value, plain.low, plain.high
    persons = plain.persons if names_persons(cases.persons) else None
    region = kind.partition(" ")[2]
    groups = [tuple(name for name in group if name != region) for group in measures.groups if region in group]
    height, width = measures.masks.shape[-2:]
    return Verdict(
        model.name, cases.classes[e], kind, answer, quantity, value, low, high, plain.p, plain.n, persons,
        plain.answer, contrastive.answer, depends, plain.place, groups[0] if groups else (), (height, width),
    )  # fmt: skip
