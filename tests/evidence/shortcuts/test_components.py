"""Components of the last features: contributions by hand, places, patches, each rule, and innocents in simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.shortcuts.components import (
    COMPONENT_COLUMNS,
    Component,
    ComponentAnswers,
    choose_patches,
    find_components,
    judge_component,
    judge_components,
    locate,
    principal_directions,
)
from reportgen.evidence.shortcuts.properties import Property
from reportgen.faces.regions import REGIONS
from reportgen.types import FloatArray

EMOTIONS = ("anger", "fear", "surprise")
N, GRID = 20, 6  # photos of an emotion, cells of a side
SURPRISE = 2


def analysis_of(features: FloatArray, persons: list[str] | None = None) -> Analysis:
    """Three emotions of 20 photos; the face fills the middle 4 x 4 of 6 x 6 cells."""
    labels = np.repeat(np.arange(3), N)
    masks = np.zeros((3 * N, len(REGIONS), GRID, GRID), np.float32)
    masks[:, REGIONS.index("background")] = 1
    for region in ("face", "mouth"):
        masks[:, REGIONS.index(region), 1:5, 1:5] = 1
    masks[:, REGIONS.index("background"), 1:5, 1:5] = 0
    logits = np.eye(3, dtype=np.float32)[labels]
    model = ModelRecords(
        "Net", "net", {}, logits, np.zeros((3 * N, 3, GRID, GRID), np.float32), masks,
        features=features.astype(np.float32),
    )  # fmt: skip
    images = pd.DataFrame(
        {
            "image_id": [f"id{k}" for k in range(3 * N)],
            "label": labels,
            "person": pd.array(persons or [None] * (3 * N), dtype="string"),
            "sha256": [f"{k:064d}" for k in range(3 * N)],
        }
    )
    return Analysis(Path(), {"classes": EMOTIONS}, images, pd.DataFrame(), (model,))


def planted() -> tuple[Analysis, np.ndarray]:
    """All surprised faces have 4 of the first feature, every other one 1.5 of the second; the third means nothing."""
    features = np.zeros((3 * N, 3))
    features[2 * N :, 0] = 4.0
    features[2 * N :: 2, 1] = 1.5
    weights = np.array([[0, 0, 1], [0, 0, 1], [2.0, 2.0, 0.0]], np.float32)
    return analysis_of(features), weights


def test_contributions_by_hand() -> None:
    analysis, weights = planted()
    found = find_components(analysis.models[0], weights, analysis, 0)
    assert [(c.emotion, c.number, c.shared) for c in found] == [(SURPRISE, 1, True), (SURPRISE, 2, False)]
    # psi is (8, 3) or (8, 0), on average (8, 1.5); the others' is 0.
    length = np.hypot(8, 1.5)
    assert found[0].rise == pytest.approx((8 * 8 + 3 * 1.5) / length * (9.5 / length))
    assert found[1].rise == pytest.approx(1.5 * 8 / length * (6.5 / length))
    # Both together are the whole difference of the logit of the top photos: 8 + 3.
    assert found[0].rise + found[1].rise == pytest.approx(11)
    for component in found:
        assert set(component.top[:10]) == set(range(2 * N, 3 * N, 2))
        assert len(component.top) == (16 if component.shared else 10)  # none with less than half of the rise
        assert not set(component.low) & set(range(2 * N, 3 * N))
        # A direction of the features gives the same, but for a constant.
        value = analysis.models[0].features @ component.direction
        apart = value[2 * N] - value[2 * N + 1]
        assert apart == pytest.approx(3 * 1.5 / length * 9.5 / length if component.shared else 3 * 8 * 6.5 / length**2)
        # Surprised faces without the second feature carry little of the second component, and all share the first.
        little = component.little(analysis.models[0].features, analysis.labels)[2 * N :]
        assert little.tolist() == [False, not component.shared] * (N // 2)
        assert not component.little(None, analysis.labels).any()


def test_photos_of_one_person_do_not_stand_for_all() -> None:
    features = np.zeros((3 * N, 3))
    features[2 * N :, 0] = np.linspace(9, 6, N)
    persons = [f"p{k}" for k in range(2 * N)] + ["same"] * (N // 2) + [f"q{k}" for k in range(N // 2)]
    (found, *_) = find_components(
        analysis_of(features, persons).models[0], np.eye(3, dtype=np.float32)[[1, 1, 0]],
        analysis_of(features, persons), 0,
    )  # fmt: skip
    assert found.top == (2 * N, 2 * N + 1, *range(2 * N + N // 2, 3 * N))


def test_weak_directions_and_few_photos_give_none() -> None:
    analysis, weights = planted()
    assert find_components(analysis.models[0], weights / 20, analysis, 0) == ()
    rare = replace(analysis, images=analysis.images.assign(label=np.where(np.arange(3 * N) < 3 * N - 12, 0, -1)))
    assert find_components(analysis.models[0], weights, rare, 0) == ()


def located(heat: tuple[slice, slice]) -> tuple[Component, Analysis]:
    analysis, weights = planted()
    found = find_components(analysis.models[0], weights, analysis, 0)[1]
    top = slice(0, len(found.top))
    maps = np.full((len(found.top) + len(found.reference), GRID, GRID), 2.0, np.float32)  # also where it means nothing
    maps[top] -= 0.1
    maps[(top, *heat)] += 1.1
    light = np.zeros(3 * N)
    light[list(found.top)] = 1.0
    bright = Property("brightness", "brighter", "darker", False, light)
    return locate(found, maps, analysis.models[0], analysis, [bright]), analysis


def test_where_a_component_lies_and_what_its_photos_share() -> None:
    found, _ = located((slice(0, 1), slice(4, 6)))
    assert (found.kind, found.place, found.off_face) == ("beside the face", "top right corner", pytest.approx(1.0))
    assert [(link.name, link.sign) for link in found.properties] == [("brightness", 1)]
    edge, _ = located((slice(1, 5), slice(0, 1)))
    assert edge.place == "left edge"
    face, _ = located((slice(2, 4), slice(2, 4)))
    assert (face.kind, face.region, face.place) == ("facial", "mouth", "")
    analysis, weights = planted()
    bare = replace(analysis.models[0], masks=None)
    component = find_components(bare, weights, analysis, 0)[0]
    heat = np.arange(len(component.top) + len(component.reference), 0, -1, np.float32)[:, None, None]
    heat = np.tile(heat, (1, GRID, GRID))
    assert locate(component, heat, bare, analysis, []).kind == "not located"
    assert locate(component, heat[:, :2, :2], analysis.models[0], analysis, []).kind == "not located"


def test_what_is_cut_out_and_where_it_is_pasted() -> None:
    found, analysis = located((slice(0, 2), slice(4, 6)))
    plan = choose_patches(found, analysis.models[0], analysis, 0)
    assert plan is not None
    expected = np.zeros((GRID, GRID), bool)
    expected[0, 4:6] = expected[1, 5] = True  # the fourth hot cell lies on the face
    assert found.kind == "beside the face" and found.off_face == pytest.approx(3 / 4)
    face = analysis.models[0].masks[0, 0] > 0
    for cut, control in zip(plan.cut, plan.control, strict=True):
        assert (cut <= expected).all() and cut.any() and not (cut & face).any()
        assert control.sum() == cut.sum() and not (control & (cut | face)).any()
    assert plan.sources == found.top
    assert all(analysis.labels[row] != SURPRISE for row in (*plan.receivers, *plan.low, *plan.reference))
    assert all(a != b for a, b in zip(plan.receivers, plan.low, strict=True))
    assert np.bincount(analysis.labels[list(plan.receivers)]).tolist() == [N, N]
    facial, _ = located((slice(2, 4), slice(2, 4)))
    assert choose_patches(facial, analysis.models[0], analysis, 0) is None


def answers(became: int, low: int, lost: int = 8, spared: int = 0, n: int = 40, elsewhere: int = 0) -> ComponentAnswers:
    def turned(count: int, size: int, to: int, rest: int) -> np.ndarray:
        return np.where(np.arange(size) < count, to, rest)

    pasted = turned(became, n, SURPRISE, 0)
    pasted[became : became + elsewhere] = 1
    return ComponentAnswers(
        SURPRISE, np.arange(16), np.full(16, SURPRISE), turned(lost, 16, 0, SURPRISE),
        turned(spared, 16, 0, SURPRISE), np.arange(20, 20 + n), np.arange(n) % 16,
        np.arange(n) % 16, np.zeros(n, int), pasted, turned(low, n, SURPRISE, 0),
    )  # fmt: skip


def judged(*parts: ComponentAnswers, pure: bool = True, units: np.ndarray | None = None) -> list[str]:
    return [test.answer for test in judge_component(parts, [pure] * len(parts), 3, units, 0)]


def test_pasting_with_its_controls_decides() -> None:
    (test,) = judge_component([answers(20, 2)], [True], 3, None, 0)
    assert (test.n, test.became, test.became_low, test.gain.value) == (40, 20, 2, pytest.approx(0.45))
    assert (test.known, test.lost, test.lost_control, test.fall.value) == (16, 8, 0, pytest.approx(0.5))
    # Each direction is a family of its own.
    # 18 receivers to none would be 2 * 0.5**18; over the 16 photos that give, no draw of 10,000 is as far.
    assert test.p_gain == pytest.approx(1 / 10_001)
    assert test.p_fall == pytest.approx(2 * 0.5**8)
    assert test.answer == "yes"
    assert judged(answers(20, 2, lost=0)) == ["yes"]  # what is left of it may be enough


def test_each_rule_that_forbids_a_claim() -> None:
    assert judged(answers(20, 18, lost=8, spared=8)) == ["undetermined"]  # any area does it: fragile
    assert judged(answers(20, 20, lost=8, spared=8)) == ["no" if judge_component(
        [answers(20, 20, 8, 8)], [True], 3, None, 0)[0].gain.high < 0.1 else "undetermined"]  # fmt: skip
    assert judged(answers(20, 2), pure=False) == ["undetermined"]  # no cue to the label
    assert judged(answers(14, 2, elsewhere=12)) == ["undetermined"]  # another emotion gains nearly as much
    assert judged(answers(0, 0, lost=0)) == ["no"]
    assert judged(answers(0, 0, lost=12)) == ["undetermined"]  # cut out it counts, pasted it does nothing
    assert judged(answers(5, 0, n=8)) == ["insufficient evidence"]
    four = np.asarray([f"person {k % 4}" for k in range(60)], dtype=object)
    assert judged(answers(20, 2), units=four) == ["insufficient evidence"]


def test_tests_of_one_model_are_one_family() -> None:
    alone = judge_component([answers(8, 1, lost=0)], [True], 3, None, 0)[0].p_gain
    with_two = judge_component([answers(8, 1, lost=0)] * 3, [True] * 3, 3, None, 0)[0].p_gain
    assert with_two == pytest.approx(min(1.0, 3 * alone))


def test_the_table_holds_every_component_and_its_test() -> None:
    found, analysis = located((slice(0, 1), slice(4, 6)))
    plan = choose_patches(found, analysis.models[0], analysis, 0)
    assert plan is not None
    rows = [(0, "filled", k, row) for k, row in enumerate(plan.sources)]
    rows += [(0, "control", k, row) for k, row in enumerate(plan.sources)]
    rows += [(0, what, k, row) for k, row in enumerate(plan.receivers) for what in ("pasted", "pasted low")]
    design = pd.DataFrame(rows, columns=["component", "shown", "place", "image"])
    logits = np.eye(3, dtype=np.float32)[analysis.labels[design["image"]]]
    logits[(design["shown"] == "pasted").to_numpy()] = np.eye(3)[SURPRISE]
    logits[(design["shown"] == "filled").to_numpy()] = np.eye(3)[0]
    findings = judge_components(analysis, {"net": [found]}, {"net": {0: plan}}, {"net": (design, logits)}, ["ONNX"], 0)
    (only,) = findings.proved(model="Net", emotion=SURPRISE)
    assert only.test is not None and (only.test.became, only.test.became_low, only.test.lost) == (40, 0, 10)
    assert findings.proved(emotion=0) == () and findings.missing == ("ONNX",)
    table = findings.tables["components"]
    assert list(table.columns) == list(COMPONENT_COLUMNS["components"])
    assert table.loc[0, ["emotion", "place", "answer", "became"]].tolist() == [
        "surprise",
        "top right corner",
        "yes",
        40,
    ]


def innocent(rng: np.random.Generator, turned: float, lost: float, photos: int) -> bool:
    """A model that any pasted or cut area upsets alike, photo by photo and person by person."""
    parts = []
    for _ in range(3):
        n = 40
        person = rng.normal(0, 1, 60 // photos + 1)
        shift = person[np.arange(60) // photos]

        def hit(rate: float, rows: np.ndarray, shift: np.ndarray = shift) -> np.ndarray:
            chance = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + shift[rows])))
            return np.where(rng.random(len(rows)) < chance, SURPRISE, 0)

        receivers, sources = np.arange(20, 60), np.arange(16)
        parts.append(
            ComponentAnswers(
                SURPRISE, sources, np.full(16, SURPRISE), SURPRISE - hit(lost, sources), SURPRISE - hit(lost, sources),
                receivers, np.arange(n) % 16, np.arange(n) % 16, np.zeros(n, int), hit(turned, receivers),
                hit(turned, receivers),
            )
        )  # fmt: skip
    units = np.asarray([f"person {k // photos}" for k in range(60)], dtype=object)
    return any(test.answer == "yes" for test in judge_component(parts, [True] * 3, 3, units, 0))


@pytest.mark.slow
@pytest.mark.parametrize("photos", [1, 3])
def test_fragile_innocents_are_accused_in_at_most_5_percent(photos: int) -> None:
    rng = np.random.default_rng(photos)
    accused = [
        innocent(rng, turned, lost, photos) for turned in (0.05, 0.3, 0.6) for lost in (0.1, 0.5) for _ in range(40)
    ]
    assert np.mean(accused) <= 0.05


def unlike_patches(rng: np.random.Generator, sources: int) -> str:
    """Areas that turn photos equally often with and without the component, and differ among themselves."""
    n = 40
    receivers, given, low = np.arange(40, 80), np.arange(n) % sources, 20 + np.arange(n) % 16

    def chance(givers: np.ndarray) -> np.ndarray:
        own = rng.normal(-0.8, 1.5, 80)
        return 1 / (1 + np.exp(-own[givers]))

    def hit(givers: np.ndarray) -> np.ndarray:
        return np.where(rng.random(n) < chance(givers), SURPRISE, 0)

    rows = np.arange(sources)
    same = np.full(sources, SURPRISE)
    part = ComponentAnswers(
        SURPRISE, rows, same, same, same, receivers, given, low, np.zeros(n, int), hit(given), hit(low)
    )
    return judged(part)[0]


@pytest.mark.slow
@pytest.mark.parametrize("sources", [5, 8, 16])
def test_areas_that_differ_among_themselves_accuse_in_at_most_5_percent(sources: int) -> None:
    rng = np.random.default_rng(sources)
    assert np.mean([unlike_patches(rng, sources) == "yes" for _ in range(300)]) <= 0.05


def test_areas_of_fewer_than_five_photos_prove_nothing() -> None:
    assert unlike_patches(np.random.default_rng(0), 4) == "insufficient evidence"


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (12, 12)])
def test_the_first_directions_are_those_of_the_singular_value_decomposition(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape) * np.linspace(3, 1, shape[1])
    values -= values.mean(axis=0)
    expected = np.linalg.svd(values, full_matrices=False)[2][:4]
    found = principal_directions(values, 4)
    np.testing.assert_allclose(np.abs((expected * found).sum(axis=1)), 1.0, atol=1e-9)
