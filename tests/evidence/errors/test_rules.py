"""Every rule on cases whose answer is known. Image 0 is the error; images 1 to 40 are correct."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reportgen.evidence.errors.label_suspects import find_label_suspects
from reportgen.evidence.errors.reasons import contrast_regions
from reportgen.evidence.errors.rules import (
    MIN_CORRECT,
    ORDER,
    ErrorCase,
    Flag,
    background_limit,
    raise_flags,
)
from reportgen.faces.regions import REGIONS

N = 41


def case(error: tuple[float, float, float] = (1.0, 3.0, 0.0), correct: int = N - 1) -> ErrorCase:
    """Image 0 is labelled 0 and read as 1; the others are labelled 0 or 1 and right, with a lead of 2 to 6 logits."""
    labels = np.array([0, *(i % 2 for i in range(1, N))])
    logits = np.zeros((N, 3))
    logits[np.arange(N), labels] = 2 + np.arange(N) / 10
    logits[0] = error
    wrong = np.arange(N) > correct
    logits[wrong] = 0.0
    logits[wrong, (labels[wrong] + 1) % 3] = 5.0
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    maps = np.ones((N, 3, 4, 4))
    return ErrorCase(labels, logits, p, maps, {}, why_no_prior="priors unknown")


def flag(of: ErrorCase, name: str, others: list[np.ndarray] | None = None) -> Flag:
    suspects = find_label_suspects([of.probabilities, *(others or [])], of.labels)
    return raise_flags(of, suspects, ["A", *"BC"[: len(others or [])]])[ORDER.index(name)]


def test_no_flag_is_ever_raised_on_a_correct_image() -> None:
    made = replace(
        case(), quality={"sharpness": np.arange(N, dtype=float)}, background=np.arange(N, dtype=float),
        swapped=dict.fromkeys(range(N), (1.0,)), priors=np.array([0.1, 0.6, 0.3]),
    )  # fmt: skip
    suspects = find_label_suspects([made.probabilities] * 2, made.labels)
    flags = raise_flags(made, suspects, ["A", "B"])
    assert [one.name for one in flags] == list(ORDER)
    for one in flags:
        assert not one.fires[1:].any(), one.name
        assert not one.tested[1:].any(), one.name


def test_label_suspect_needs_the_other_model() -> None:
    sure = case((0.0, 6.0, 0.0))
    alone = flag(sure, "label-suspect")
    assert not alone.fires.any() and not alone.tested.any() and alone.untested == "one model"
    found = flag(sure, "label-suspect", [sure.probabilities])
    assert found.fires[0] and len(found.measures) == 2
    assert found.measures[0].value[0] == pytest.approx(sure.probabilities[0, 1])
    assert found.measures[0].limit[0] == pytest.approx(sure.probabilities[sure.labels == 1, 1].mean())
    assert found.common is None
    doubting = case((2.0, 3.0, 0.0))
    assert not flag(sure, "label-suspect", [doubting.probabilities]).fires[0]


def test_eyes_in_the_dark_need_less_light_than_the_limit_however_many_there_are() -> None:
    light = np.linspace(0.1, 0.9, N)  # three in eight of the others are dark, too
    for value, expected in ((0.39, True), (0.41, False), (np.nan, False)):
        light[0] = value
        found = flag(replace(case(), states={"light on the eyes": light.copy()}), "dark-eyes")
        assert found.fires[0] == expected and found.tested[0] == bool(np.isfinite(value))
        assert found.measures[0].limit[0] == 0.4
    bright = np.linspace(0.6, 0.9, N)
    bright[0] = 0.5  # less than in all others, and yet no dark eye
    assert not flag(replace(case(), states={"light on the eyes": bright}), "dark-eyes").fires.any()
    assert flag(replace(case(), states={"turn of the head": bright}), "dark-eyes").untested == "not measured"
    assert flag(case(), "dark-eyes").untested == "no regions"


def test_a_turned_head_is_turned_further_than_most_and_by_twenty_degrees() -> None:
    turn = np.linspace(0.0, 40.0, N)
    turn[0] = 39.0
    found = flag(replace(case(), states={"turn of the head": turn}), "turned-head")
    limit = np.quantile(turn[1:], 0.95)
    assert found.fires[0] and found.measures[0].limit[0] == pytest.approx(limit)
    assert found.common is not None and found.common[1:].sum() == 2
    frontal = turn / 4  # the error by 9.8 degrees, more than 95 % of the others
    assert not flag(replace(case(), states={"turn of the head": frontal}), "turned-head").fires.any()
    assert flag(replace(case(correct=10), states={"turn of the head": turn}), "turned-head").untested == "few correct"


def test_an_open_mouth_is_one_that_is_open_for_its_label() -> None:
    """Images labelled 0 keep theirs closed, those labelled 1 do not: half open is much for the one, little for the
    other.
    """
    made = case()
    gap = np.where(made.labels == 0, 0.05, 0.5)
    gap[0] = 0.3
    found = flag(replace(made, states={"opening of the mouth": gap}), "open-mouth")
    assert found.fires[0] and found.measures[0].limit[0] == pytest.approx(0.1)
    assert found.measures[0].limit[1] == pytest.approx(0.5) and found.common is not None and not found.common[1:].any()
    gap[0] = 0.08  # more than any other of its label, and yet hardly open
    assert not flag(replace(made, states={"opening of the mouth": gap}), "open-mouth").fires.any()
    # Of a label with fewer than 20 correct predictions nothing is usual.
    few = replace(case(correct=39), states={"opening of the mouth": gap})
    assert not flag(few, "open-mouth").tested[few.labels == 0].any()


def test_low_quality_is_below_the_fifth_percentile_of_correct_predictions() -> None:
    sharpness = np.arange(100, 100 + N, dtype=float)
    limit = np.quantile(sharpness[1:], 0.05)
    for value, expected in ((limit - 0.1, True), (limit, False), (np.nan, False)):
        sharpness[0] = value
        found = flag(replace(case(), quality={"sharpness": sharpness.copy()}), "low-quality")
        assert found.fires[0] == expected
        assert found.tested[0] == bool(np.isfinite(value))
        assert found.measures[0].limit[0] == pytest.approx(limit)
        assert found.common is not None and found.common[1:].sum() == 2  # of 40 correct ones, the two lowest


def test_any_one_measure_of_quality_is_enough() -> None:
    good, poor = np.arange(N, dtype=float) + 50, np.arange(N, dtype=float) + 50
    good[0], poor[0] = 70, 0
    found = flag(replace(case(), quality={"sharpness": good, "luminance": poor}), "low-quality")
    assert found.fires[0]
    assert [m.crossed[0] for m in found.measures] == [False, True]


def test_percentiles_are_not_taken_of_few_correct_predictions() -> None:
    values = np.arange(N, dtype=float)
    few = replace(case(correct=MIN_CORRECT - 1), quality={"sharpness": values}, background=values)
    for name in ("low-quality", "background", "ambiguous"):
        found = flag(few, name)
        assert not found.fires.any() and not found.tested.any()
        assert found.untested == "few correct"
    assert background_limit(values, few.right) is None


def heated(heat: float, changes: tuple[float, ...] | None) -> ErrorCase:
    background = np.linspace(0.1, 1.0, N)
    background[0] = heat
    return replace(case(), background=background, swapped=None if changes is None else {0: changes})


@pytest.mark.parametrize(
    ("heat", "changes", "fires", "tested"),
    [
        (2.0, (0.4, 0.1, 0.2), True, True),
        (2.0, (0.4, -0.1, 0.9), False, True),  # one other background does not help the label
        (0.5, (0.4, 0.1, 0.2), False, True),  # little heat on the background to begin with
        (2.0, (), False, False),  # was not among the images whose background was exchanged
        (2.0, None, False, False),
        (0.5, None, False, True),
        (np.nan, (0.4, 0.1, 0.2), False, False),  # blank map
    ],
)
def test_background_needs_heat_and_a_rise_on_every_other_background(
    heat: float, changes: tuple[float, ...] | None, fires: bool, tested: bool
) -> None:
    found = flag(heated(heat, changes), "background")
    assert (found.fires[0], found.tested[0]) == (fires, tested)
    assert found.common is not None and bool(found.common[0]) == (heat == 2.0)


def test_background_without_regions_is_not_tested() -> None:
    assert flag(case(), "background").untested == "no regions"


def test_prior_bias_is_an_error_that_vanishes_without_the_class_frequencies() -> None:
    lead = 2.0  # the answer leads by two logits
    for priors, fires in (
        ([0.1, 0.8, 0.1], True),  # log(.8 / .1) = 2.08: more than the lead
        ([0.12, 0.8, 0.08], False),  # log(.8 / .12) = 1.90
    ):
        found = flag(replace(case((1.0, 1.0 + lead, -4.0)), priors=np.array(priors)), "prior")
        assert found.fires[0] == fires
        assert found.measures[0].value[0] == pytest.approx(np.log(priors[1] / priors[0]) - lead)
    unknown = flag(case(), "prior")
    assert not unknown.tested.any() and unknown.untested == "priors unknown"


def test_a_class_that_was_never_trained_cannot_win_by_its_rarity() -> None:
    found = flag(replace(case((1.0, 3.0, 2.9)), priors=np.array([0.5, 0.5, 0.0])), "prior")
    assert not found.fires[0] and np.isfinite(found.measures[0].value[0])


def test_ambiguous_is_second_and_close() -> None:
    usual = case()
    ordered = np.sort(usual.probabilities[1:], axis=1)
    limit = np.quantile(ordered[:, -1] - ordered[:, -2], 0.10)
    close = flag(case((2.95, 3.0, 0.0)), "ambiguous")
    assert close.fires[0]
    assert close.measures[0].limit[0] == pytest.approx(limit)
    assert close.common is not None and close.common[1:].sum() == 4  # 10 % of 40
    assert not flag(case((0.0, 6.0, 0.0)), "ambiguous").fires[0]  # far apart
    third = flag(case((1.0, 3.0, 2.95)), "ambiguous")
    assert third.common is not None and third.common[0] and not third.fires[0]  # close, but the label is third
    assert third.measures[1].value[0] == 3


def test_the_region_of_an_error_is_where_the_predicted_class_outweighs_the_label_most() -> None:
    made = case()
    masks = np.zeros((N, len(REGIONS), 2, 4))
    masks[:, REGIONS.index("mouth"), 1, :2] = 1
    masks[:, REGIONS.index("eyes+brows"), 0, :2] = 1
    masks[:, REGIONS.index("face"), :, :2] = 1
    masks[:, REGIONS.index("background"), :, 2:] = 1
    maps = np.zeros((N, 3, 2, 4))
    maps[0, 1, 0, 0] = 3.0  # for the answer: eyes
    maps[0, 1, 1, 0] = 4.0  # more of it at the mouth ...
    maps[0, 0, 1, 0] = 3.0  # ... but there the label has nearly as much
    found = contrast_regions(replace(made, maps=maps), masks, np.zeros(N, dtype=bool))
    assert REGIONS[found.region[0]] == "eyes+brows"
    assert found.share[0] == pytest.approx(0.75)
    assert found.heat[0] == pytest.approx(0.75 / 0.25)
    assert (found.region[1:] == -1).all()
    # With landmarks that are only a template the eyes and brows are not named.
    rough = contrast_regions(replace(made, maps=maps), masks, np.ones(N, dtype=bool))
    assert REGIONS[rough.region[0]] == "mouth"


def test_a_prediction_that_nowhere_outweighs_the_label_has_no_region() -> None:
    made = case()
    maps = np.zeros((N, 3, 2, 4))
    maps[0, 0] = 1.0
    found = contrast_regions(replace(made, maps=maps), np.ones((N, len(REGIONS), 2, 4)), np.zeros(N, dtype=bool))
    assert found.region[0] == -1
    assert np.isnan(found.heat[0])
