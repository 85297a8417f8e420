from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.map_statistics import describe
from reportgen.evidence.attention.measure import measure_model
from reportgen.evidence.attention.region_tests import LOCALIZED, EmotionEvidence, gather_evidence
from reportgen.evidence.attention.verdicts import Verdict, judge_model
from reportgen.faces.regions import REGIONS

Masks = Callable[..., np.ndarray]
MakeCases = Callable[..., Cases]
MakeModel = Callable[..., ModelMaps]
GRID = 14


def drawn_inside(masks: np.ndarray, labels: np.ndarray, emotion: int, region: str, seed: int = 0) -> np.ndarray:
    """The class of `emotion` lights up `region` on its own images; all else is noise without a place."""
    rng = np.random.default_rng(seed)
    maps = rng.gamma(4.0, 1.0, (len(labels), 7, GRID, GRID))
    inside = masks[:, REGIONS.index(region)] > 0.5
    chosen = labels == emotion
    maps[chosen, emotion] = (inside * rng.gamma(4.0, 1.0, inside.shape))[chosen]
    return maps


def verdicts_of(model: ModelMaps, cases: Cases, draws: int = 2500) -> dict[tuple[str, str], Verdict]:
    found = judge_model(model, measure_model(model, cases, 0, draws), cases, 0)
    return {(v.emotion, v.kind): v for v in found}


def positive(found: dict[tuple[str, str], Verdict]) -> set[tuple[str, str]]:
    return {key for key, v in found.items() if v.answer == "yes" and v.kind != "diffuse"}


@pytest.mark.parametrize("region", ["eyes+brows", "nose", "mouth", "cheeks+jaw", "forehead"])
def test_a_map_drawn_inside_one_region_gives_that_verdict_and_no_other(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel, region: str
) -> None:
    labels = np.repeat(np.arange(7), 15)
    masks = face_masks(len(labels), 1, GRID)
    found = verdicts_of(make_model(drawn_inside(masks, labels, 3, region), masks, labels), make_cases(labels))
    assert positive(found) == {
        ("happiness", kind) for kind in (f"on {region}", "on face", f"specific {region}", "specific face")
    }
    assert found["happiness", "background"].answer == "no"
    for other in {"eyes+brows", "nose", "mouth", "cheeks+jaw", "forehead"} - {region}:
        assert found["happiness", f"on {other}"].answer in ("no", "undetermined")
        assert found["happiness", f"on {other}"].value < 1


def test_a_map_drawn_on_the_background_gives_that_verdict_and_no_other(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel
) -> None:
    labels = np.repeat(np.arange(7), 15)
    masks = face_masks(len(labels), 1, GRID)
    found = verdicts_of(make_model(drawn_inside(masks, labels, 3, "background"), masks, labels), make_cases(labels))
    assert positive(found) == {("happiness", "background")}
    assert found["happiness", "on face"].answer == "no"
    assert found["happiness", "specific face"].answer == "no"
    assert found["happiness", "background"].place == "top left corner"


def test_a_corner_artefact_is_named_although_the_share_rule_misses_it(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel
) -> None:
    labels = np.repeat(np.arange(7), 20)
    masks = face_masks(len(labels), 1, GRID)
    face = masks[:, REGIONS.index("face")] > 0.99
    maps = np.random.default_rng(0).gamma(4.0, 1.0, (len(labels), 7, GRID, GRID)) * face[:, None]
    mass = maps[labels == 5, 5].sum(axis=(1, 2), keepdims=True)[:, 0]
    maps[labels == 5, 5, 0, -1] = (mass * 0.3 / 0.7)[:, 0]
    found = verdicts_of(make_model(maps, masks, labels), make_cases(labels))
    verdict = found["sadness", "background"]
    evidence = measure_model(make_model(maps, masks, labels), make_cases(labels), 0, 100).plain
    assert evidence.enrichment[5, REGIONS.index("background")] == pytest.approx(0.30 / 0.34, abs=0.03)
    assert verdict.answer == "yes" and verdict.place == "top right corner"
    assert verdict.value == pytest.approx(0.3 * GRID * GRID, rel=0.02)
    assert {e for e, kind in positive(found) if kind == "background"} == {"sadness"}


def test_what_all_classes_share_depends_on_the_definition_of_the_map(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel
) -> None:
    labels = np.repeat(np.arange(7), 15)
    masks = face_masks(len(labels), 1, GRID)
    maps = np.random.default_rng(0).normal(0.0, 1.0, (len(labels), 7, GRID, GRID))
    maps += 30.0 * masks[:, [REGIONS.index("mouth")]]
    verdict = verdicts_of(make_model(maps, masks, labels), make_cases(labels))["anger", "on mouth"]
    assert (verdict.plain, verdict.answer, verdict.depends) == ("yes", "undetermined", True)
    assert verdict.contrastive != "yes"


@pytest.mark.parametrize(("n", "few"), [(1, True), (5, True), (10, True), (11, False)])
def test_few_images_are_insufficient_evidence(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel, n: int, few: bool
) -> None:
    """2 / 2^n times the 49 tests of the family must be able to get below .05: eleven images, if nothing else counts."""
    labels = np.repeat(np.arange(7), n)
    masks = face_masks(len(labels), 1, GRID)
    maps = np.random.default_rng(0).gamma(4.0, 1.0, (len(labels), 7, GRID, GRID))
    verdict = verdicts_of(make_model(maps, masks, labels), make_cases(labels))["anger", "on mouth"]
    assert verdict.answer == ("insufficient evidence" if few else "undetermined")


def test_persons_are_counted_where_known(face_masks: Masks, make_cases: MakeCases, make_model: MakeModel) -> None:
    labels = np.repeat(np.arange(7), 30)
    masks = face_masks(len(labels), 1, GRID)
    model = make_model(drawn_inside(masks, labels, 3, "mouth"), masks, labels)
    people = [f"person {i % 5} of {label}" for i, label in enumerate(labels)]
    verdict = verdicts_of(model, make_cases(labels, people))["happiness", "on mouth"]
    assert (verdict.n, verdict.persons, verdict.answer) == (30, 5, "insufficient evidence")
    assert verdicts_of(model, make_cases(labels))["happiness", "on mouth"].answer == "yes"


def test_template_regions_do_not_speak_for_eyes_and_brows(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel
) -> None:
    labels = np.repeat(np.arange(7), 15)
    masks = face_masks(len(labels), 1, GRID)
    sources = tuple("template" if i % 3 else "detector" for i in range(len(labels)))
    cases = replace(make_cases(labels), sources=sources)
    evidence = measure_model(make_model(drawn_inside(masks, labels, 3, "mouth"), masks, labels), cases, 0, 500).plain
    assert evidence.n[3, REGIONS.index("eyes+brows")] == 5
    assert evidence.n[3, REGIONS.index("mouth")] == 15


def test_diffuse_and_not_diffuse(face_masks: Masks, make_cases: MakeCases, make_model: MakeModel) -> None:
    labels = np.repeat(np.arange(7), 20)
    masks = face_masks(len(labels), 1, GRID)
    rng = np.random.default_rng(0)
    maps = rng.gamma(0.2, 1.0, (len(labels), 7, GRID, GRID))
    maps[labels == 2, 2] = rng.gamma(3.0, 1.0, maps[labels == 2, 2].shape) + 6 * np.linspace(0, 1, GRID)
    found = verdicts_of(make_model(maps, masks, labels), make_cases(labels))
    assert found["fear", "diffuse"].plain == "yes"
    assert found["anger", "diffuse"].answer == "no"
    assert found["anger", "diffuse"].high < 0.66


def test_too_localized_needs_a_rerun_without_the_peak_cell(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel, random_maps: Callable[..., np.ndarray]
) -> None:
    labels = np.repeat(np.arange(7), 15)
    masks = face_masks(len(labels), 1, GRID)
    maps = random_maps(np.random.default_rng(0), (len(labels), 7, GRID), "gamma")
    single = random_maps(np.random.default_rng(1), (len(labels), 7, GRID), "one cell")
    maps[labels == 1, 1] = 100 * single[labels == 1, 1]
    model = make_model(maps, masks, labels)
    found = verdicts_of(model, make_cases(labels))["disgust", "too localized"]
    assert (found.answer, found.value) == ("undetermined", pytest.approx(1 / GRID**2))
    assert not found.rerun
    yes, no = np.ones(len(labels)), np.zeros(len(labels))
    decisive = replace(model, peak_changed=yes, control_changed=no)
    found = verdicts_of(decisive, make_cases(labels))
    assert found["disgust", "too localized"].answer == "yes"
    assert found["anger", "too localized"].answer == "no"
    idle = replace(model, peak_changed=no, control_changed=no)
    assert verdicts_of(idle, make_cases(labels))["disgust", "too localized"].answer == "undetermined"


def test_an_emotion_without_images_or_without_maps(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel
) -> None:
    labels = np.repeat(np.arange(6), 12)
    masks = face_masks(len(labels), 1, GRID)
    maps = np.random.default_rng(0).gamma(1.0, 1.0, (len(labels), 7, GRID, GRID))
    maps[:, 0] = -1.0
    found = verdicts_of(make_model(maps, masks, labels), make_cases(labels), 500)
    for emotion in ("anger", "surprise"):
        assert {v.answer for key, v in found.items() if key[0] == emotion} == {"insufficient evidence"}
        assert {v.n for key, v in found.items() if key[0] == emotion} == {0}


def test_verdicts_are_seeded(face_masks: Masks, make_cases: MakeCases, make_model: MakeModel) -> None:
    labels = np.repeat(np.arange(7), 24)
    masks = face_masks(len(labels), 1, 7)
    maps = np.random.default_rng(0).gamma(1.0, 1.0, (len(labels), 7, 7, 7))
    model = make_model(maps, masks, labels)
    first, again = (repr(sorted(verdicts_of(model, make_cases(labels), 500).items())) for _ in range(2))
    assert first == again


def _plain_evidence(model: ModelMaps, cases: Cases) -> EmotionEvidence:
    """The plain maps alone: the contrastive maps may only take verdicts back."""
    masks = model.masks.astype(float)
    return gather_evidence(lambda rows: model.maps[rows], describe(model.maps, masks), masks, model, cases, 0, 2500)


def _false_alarms(evidence: EmotionEvidence) -> tuple[bool, bool]:
    """Whether any emotion gets a "falls on" or "background" verdict, or a "specific" one."""
    on = (evidence.p_on < 0.05) & (evidence.low > 1)
    specific = (evidence.p_specific < 0.05) & (evidence.swap_low > 0)
    return bool(on.any() or (evidence.p_hot < 0.05).any()), bool(specific.any())


# More of every simulation by hand; CI runs one part of it. The seeds are fixed, so the limit is the nominal 5 % itself:
# with 100 to 150 families a true rate of 10 % goes unnoticed one time in twenty at most.
_TIMES = int(os.environ.get("REPORTGEN_SIMULATIONS", "1"))
NOMINAL = 0.05


@pytest.mark.slow
def test_false_alarm_rate_over_a_thousand_emotions_without_any_relation(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel, random_maps: Callable[..., np.ndarray]
) -> None:
    """Maps of three kinds that know nothing of faces, for n of 8, 12, 20 and 60."""
    rng = np.random.default_rng(11)
    wrong = {"falls on": 0, "specific": 0}
    families = 0
    for (n, sets), kind in product(((8, 14), (12, 14), (20, 14), (60, 6)), ("gamma", "one cell", "blob")):
        labels = np.repeat(np.arange(7), n)
        masks = face_masks(len(labels), n, 7)
        for _ in range(sets * _TIMES):
            maps = random_maps(rng, (len(labels), 7, 7), kind)
            on, specific = _false_alarms(_plain_evidence(make_model(maps, masks, labels), make_cases(labels)))
            wrong["falls on"] += on
            wrong["specific"] += specific
            families += 1
    print(f"{wrong} of {families} families, {7 * families} emotions")
    assert max(wrong.values()) <= NOMINAL * families


@pytest.mark.slow
def test_false_alarm_rate_of_specific_when_classes_are_permuted_within_each_image(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel, random_maps: Callable[..., np.ndarray]
) -> None:
    """Maps that love faces, mouths above all, skewed, but whose classes mean nothing."""
    rng = np.random.default_rng(12)
    wrong = families = 0
    for n, sets in ((8, 24), (12, 36), (20, 36), (60, 8)):
        labels = np.repeat(np.arange(7), n)
        masks = face_masks(len(labels), n, 7)
        for _ in range(sets * _TIMES):
            maps = random_maps(rng, (len(labels), 7, 7), "gamma") * (0.1 + masks[:, [0]])
            maps *= 1 + 6 * rng.gamma(0.5, 1.0, (1, 7, 1, 1)) * masks[:, [REGIONS.index("mouth")]]
            order = rng.permuted(np.tile(np.arange(7), (len(labels), 1)), axis=1)
            maps = np.take_along_axis(maps, order[:, :, None, None], axis=1)
            wrong += _false_alarms(_plain_evidence(make_model(maps, masks, labels), make_cases(labels)))[1]
            families += 1
    print(f"{wrong} of {families} families, {7 * families} emotions")
    assert wrong <= NOMINAL * families


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["diffuse", "too localized"])
def test_false_alarm_rate_of_the_spread_at_its_bound(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel, kind: str
) -> None:
    """Maps of one cell or of many, mixed so that the effective area is the bound on average: as skewed as can be."""
    rng = np.random.default_rng(14)
    wrong = families = 0
    for n, sets in ((8, 32), (12, 32), (20, 32), (60, 8)):
        labels = np.repeat(np.arange(7), n)
        masks = face_masks(len(labels), n, 7)
        face = masks[:, REGIONS.index("face")].mean(axis=(1, 2))
        for _ in range(sets * _TIMES):
            maps = np.zeros((len(labels), 7, 49))
            first = rng.integers(0, 49, (len(labels), 7))
            np.put_along_axis(maps, first[..., None], 1.0, axis=2)
            if kind == "diffuse":
                wide = rng.random((len(labels), 7)) < ((face - 1 / 49) / (1 - 1 / 49))[:, None]
                maps[wide] = 1.0
            else:
                wide = rng.random((len(labels), 7)) < 49 * LOCALIZED - 1
                np.put_along_axis(maps, np.where(wide, (first + 8) % 49, first)[..., None], 1.0, axis=2)
            found = _plain_evidence(make_model(maps.reshape(-1, 7, 7, 7), masks, labels), make_cases(labels))
            if kind == "diffuse":
                wrong += bool(((found.p_diffuse < 0.05) & (found.area > found.face_area)).any())
            else:
                wrong += bool(((found.p_localized < 0.05) & (found.area_high < LOCALIZED)).any())
            families += 1
    print(f"{kind}: {wrong} of {families} families, {7 * families} emotions")
    assert wrong <= NOMINAL * families


@pytest.mark.slow
def test_power_for_a_stated_effect(
    face_masks: Masks, make_cases: MakeCases, make_model: MakeModel, random_maps: Callable[..., np.ndarray]
) -> None:
    """Skewed maps with three times the weight on the mouth, for one class on its own images."""
    rng = np.random.default_rng(13)
    power: dict[int, tuple[float, float]] = {}
    for n, sets in ((12, 12), (20, 12), (60, 8)):
        labels = np.repeat(np.arange(7), n)
        masks = face_masks(len(labels), n, 7)
        hits = np.zeros(2)
        for _ in range(sets):
            maps = random_maps(rng, (len(labels), 7, 7), "gamma")
            maps[labels == 3, 3] *= 1 + 2 * masks[labels == 3, REGIONS.index("mouth")]
            evidence = _plain_evidence(make_model(maps, masks, labels), make_cases(labels))
            mouth = REGIONS.index("mouth")
            hits += [
                evidence.p_on[3, mouth] < 0.05 and evidence.low[3, mouth] > 1,
                evidence.p_specific[3, mouth] < 0.05 and evidence.swap_low[3, mouth] > 0,
            ]
        effect = describe(maps[labels == 3, 3], masks[labels == 3]).share[:, mouth].mean()
        print(f"n = {n}: share of the mouth {effect:.2f}, power on {hits[0] / sets:.2f}, specific {hits[1] / sets:.2f}")
        power[n] = (hits[0] / sets, hits[1] / sets)
    assert min(power[60]) >= 0.75
    assert power[60][0] >= power[12][0]
