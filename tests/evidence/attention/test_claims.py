from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.claims import Claim, check_claims
from reportgen.evidence.attention.map_statistics import areas
from reportgen.evidence.attention.measure import measure_model
from reportgen.evidence.attention.patterns import find_patterns
from reportgen.evidence.attention.profiles import emotion_profiles, profile_distance
from reportgen.evidence.attention.verdicts import judge_model
from reportgen.faces.regions import REGIONS

FACE, BACKGROUND = REGIONS.index("face"), REGIONS.index("background")


@pytest.fixture(scope="module")
def world(face_masks: Callable[..., np.ndarray], make_cases: Callable[..., Cases]) -> tuple[list[ModelMaps], Cases]:
    """Two models: "sharp" looks at a small part of the face and is sure; "vague" looks everywhere and errs more.

    Errors of "vague" have their peak on the background and are the most diffuse of its maps.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(7), 30)
    n = len(labels)
    fine, coarse = face_masks(n, 0, 14), face_masks(n, 0, 7)
    sharp = rng.gamma(0.5, 1.0, (n, 7, 14, 14)) * (fine[:, [FACE]] > 0.9)
    vague = 1.0 + rng.random((n, 7, 7, 7))
    wrong = rng.random(n) < 0.4
    vague[~wrong] += 6.0 * (coarse[~wrong][:, [FACE]] > 0.8)
    vague[wrong, :, 0, 0] += 1.0
    right = np.eye(7)[labels]
    missed = np.eye(7)[(labels + 1) % 7]
    sure = np.where(wrong, 0.4, 0.9)[:, None]
    p_vague = np.where(wrong[:, None], missed, right) * sure + (1 - sure) / 7
    p_sharp = right * 0.95 + 0.05 / 7
    models = [
        ModelMaps("vague", "vague", vague, coarse, p_vague, transfer=False),
        ModelMaps("sharp", "sharp", sharp, fine, p_sharp, transfer=True),
    ]
    return models, make_cases(labels)


def claims_of(models: list[ModelMaps], cases: Cases) -> dict[tuple[str, str], Claim]:
    measures = [measure_model(m, cases, 0, 500) for m in models]
    distances = [
        profile_distance(m.own.share, areas(m.masks), cases.labels, 7, cases.persons, 0, 100) for m in measures
    ]
    return {
        (c.kind + c.region, f"{c.model} against {c.other}" if c.other else c.model): c
        for c in check_claims(models, measures, distances, cases, 0)
    }


def test_planted_truths_hold(world: tuple[list[ModelMaps], Cases]) -> None:
    claims = claims_of(*world)
    assert claims["on face", "sharp"].answer == "holds"
    assert claims["better on face", "sharp against vague"].answer == "holds"
    assert claims["diffuse errors", "vague"].answer == "holds"
    assert claims["errors by peakbackground", "vague"].answer == "holds"
    assert claims["uncertain", "vague"].answer == "holds"
    focus = claims["transfer focus", "sharp against vague"]
    assert focus.answer == "holds" and focus.result.high < 0
    assert (focus.pretraining, focus.limit) == (None, "")


def test_risk_ratio_is_the_ratio_of_the_two_error_rates(world: tuple[list[ModelMaps], Cases]) -> None:
    """Infinite where every error has its peak on the background, and a number once ten have it on the face."""
    (vague, sharp), cases = world
    kind = "errors by peakbackground", "vague"
    assert claims_of([vague, sharp], cases)[kind].result.value == np.inf
    probabilities = vague.probabilities.copy()
    ten = np.flatnonzero(vague.predicted == cases.labels)[::10][:10]
    probabilities[ten] = np.roll(probabilities[ten], 1, axis=1)
    more = replace(vague, probabilities=probabilities)
    wrong = more.predicted != cases.labels
    at = measure_model(more, cases, 0, 500).predicted.peak_region == BACKGROUND
    assert wrong[~at].sum() == 10
    claim = claims_of([more, sharp], cases)[kind]
    assert claim.result.value == pytest.approx(wrong[at].mean() / wrong[~at].mean())
    assert claim.result.low > 1


def test_roles_reversed_or_unknown(world: tuple[list[ModelMaps], Cases]) -> None:
    models, cases = world
    swapped = [replace(models[0], transfer=True, pretraining="ImageNet"), replace(models[1], transfer=False)]
    claim = claims_of(swapped, cases)["transfer focus", "vague against sharp"]
    assert claim.answer == "does not hold" and claim.pretraining == "ImageNet"
    unknown = [replace(m, transfer=None) for m in models]
    claim = claims_of(unknown, cases)["transfer focus", "vague against sharp"]
    assert claim.answer == "undetermined" and claim.limit == "transfer unknown"
    half = [replace(models[0], transfer=None), replace(models[1], transfer=True)]
    claim = claims_of(half, cases)["transfer focus", "sharp against vague"]
    assert claim.answer == "undetermined" and claim.limit == "transfer unknown"
    neither = [replace(m, transfer=False) for m in models]
    claim = claims_of(neither, cases)["transfer focus", "vague against sharp"]
    assert claim.answer == "undetermined" and claim.limit == "neither transfer"


def test_equal_models_decide_nothing(world: tuple[list[ModelMaps], Cases]) -> None:
    models, cases = world
    twin = [models[1], replace(models[1], name="twin", slug="twin", transfer=False)]
    claims = claims_of(twin, cases)
    assert claims["better on face", "sharp against twin"].answer == "undetermined"
    assert claims["transfer focus", "sharp against twin"].answer == "undetermined"


def test_emotions_alike_are_not_called_different(world: tuple[list[ModelMaps], Cases]) -> None:
    assert claims_of(*world)["different regions", "sharp"].answer != "holds"


def test_one_model_needs_no_pair_and_a_perfect_one_has_no_errors(world: tuple[list[ModelMaps], Cases]) -> None:
    models, cases = world
    claims = claims_of(models[1:], cases)
    assert {model for _, model in claims} == {"sharp"}
    assert claims["diffuse errors", "sharp"].answer == "undetermined"
    assert np.isnan(claims["diffuse errors", "sharp"].result.value)


def test_patterns_point_at_the_images_that_show_them(world: tuple[list[ModelMaps], Cases]) -> None:
    models, cases = world
    model = models[0]
    measure = measure_model(model, cases, 0, 500)
    verdicts = judge_model(model, measure, cases, 0)
    patterns = {
        p.kind: p
        for p in find_patterns(model, measure, cases, verdicts, emotion_profiles(model, measure, cases, verdicts, 0))
    }
    wrong = np.flatnonzero(model.predicted != cases.labels)
    assert patterns["background"].images.tolist() == wrong.tolist()
    share = measure.predicted.share[:, FACE]
    on_face = np.flatnonzero(share > areas(measure.masks)[:, FACE])
    assert patterns["on face"].images.tolist() == on_face.tolist()
    assert len(patterns["blank"].images) == 0 and patterns["blank"].total == len(cases.labels)
    assert set(patterns["diffuse"].images) >= set(wrong)
    elsewhere = patterns["elsewhere"].images
    assert not np.isin(model.predicted[elsewhere], [4]).any(), "nothing is expected of neutral"
    assert {p.table for p in patterns.values()} == {"interpretation", "common issues"}
