"""The adding direction: which photos get which cue, each rule by hand, and fragile innocents in simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reportgen.evidence.shortcuts import interventions
from reportgen.evidence.shortcuts.added_cues import (
    CUE_BUDGETS,
    AddedPredictions,
    called_for,
    cannot_be_changed,
    choose_cues,
    judge_added,
)
from reportgen.evidence.shortcuts.interventions import ChangedPredictions, judge_interventions
from reportgen.evidence.shortcuts.properties import Association, Property
from reportgen.evidence.stats.intervals import Estimate

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
DISGUST = 1


def link(name: str = "colour", emotion: str = "disgust", auc: float = 0.9, answer: str = "yes") -> Association:
    return Association(name, emotion, Estimate(auc, auc - 0.05, auc + 0.05, 30), 0.9, 0.1, 0.001, answer)


def measured(coloured: np.ndarray) -> tuple[Property, ...]:
    n = len(coloured)
    light = np.linspace(0.2, 0.8, n)
    values = {
        "colour": coloured.astype(float), "colourfulness": coloured * 0.2, "brightness": light, "contrast": light / 4,
        "red cast": np.where(coloured, 0.1, np.nan), "yellow cast": np.where(coloured, 0.2, np.nan),
        "sharpness": 100 * light, "face size": light / 2, "horizontal face position": light,
        "vertical face position": light[::-1], "head tilt": light - 0.5, "noise": 10 * light,
    }  # fmt: skip
    return tuple(Property(name, "more", "less", name == "colour", value) for name, value in values.items())


def test_only_changes_that_take_away_what_goes_with_an_emotion_are_called_for() -> None:
    assert called_for([link()]) == {"grey": ("disgust",)}
    assert called_for([link(answer="undetermined"), link("brightness", auc=0.1)]) == {"equalised": ("disgust",)}
    assert called_for([link("sharpness", auc=0.1)]) == {"sharpened": ("disgust",)}
    assert called_for([link("head turn"), link("head turn", "anger", 0.2)]) == {"mirrored": ("disgust", "anger")}
    assert called_for([]) == {}
    both = [link("head nod"), link("aspect", "anger"), link(), link("head nod", "fear", answer="no")]
    fixed = [(link.name, link.emotion) for link in cannot_be_changed(both)]
    assert fixed == [("head nod", "disgust"), ("aspect", "anger")]


def test_a_cue_is_brought_to_photos_of_other_emotions_that_lack_it() -> None:
    labels = np.repeat(np.arange(3), 200)
    coloured = (labels == DISGUST) | (np.arange(600) % 10 == 0)
    (cue,) = choose_cues(measured(coloured), [link()], labels, CLASSES[:3], "default", 0)
    assert (cue.change, cue.emotion, cue.aim) == ("grey", DISGUST, (0.1, 0.2))
    rows = np.asarray(cue.rows)
    assert len(rows) == CUE_BUDGETS["default"].added
    assert not coloured[rows].any() and np.bincount(labels[rows]).tolist() == [45, 0, 45]
    assert (labels[list(cue.own)] == DISGUST).all() and len(cue.own) == CUE_BUDGETS["default"].own
    assert choose_cues(measured(coloured), [link()], labels, CLASSES[:3], "default", 0) == (cue,)


def test_brightness_is_added_to_darker_photos_and_what_does_not_go_with_the_emotion_stays() -> None:
    labels = np.repeat(np.arange(3), 20)
    (cue,) = choose_cues(measured(labels < 0), [link("brightness")], labels, CLASSES[:3], "quick", 0)
    assert cue.aim[0] == pytest.approx(0.5) and np.isnan(cue.aim[1])
    assert set(cue.rows) == set(range(20))  # all of the first emotion are darker, all of the third brighter


def test_a_face_is_moved_to_where_the_emotion_has_it_and_only_along_what_goes_with_it() -> None:
    labels = np.repeat(np.arange(3), 20)
    links = [link("vertical face position"), link("face size", auc=0.1), link("head turn")]
    zoom, shift = choose_cues(measured(labels < 0), links, labels, CLASSES[:3], "quick", 0)
    assert (zoom.change, shift.change) == ("zoomed", "shifted")  # a mirror has one direction
    assert zoom.aim == pytest.approx((0.25,)) and set(zoom.rows) == set(range(40, 60))  # those with larger faces
    assert np.isnan(shift.aim[0]) and shift.aim[1] == pytest.approx(0.5)


def test_many_cues_share_what_five_have() -> None:
    labels = np.repeat(np.arange(3), 200)
    links = [
        link(name, emotion) for name in ("brightness", "noise", "face size", "head tilt") for emotion in CLASSES[:2]
    ]
    cues = choose_cues(measured(labels < 0), links, labels, CLASSES[:3], "default", 0)
    full = CUE_BUDGETS["default"]
    assert len(cues) == 8
    assert {len(cue.rows) for cue in cues} <= {full.added * 5 // 8, 0}
    assert {len(cue.own) for cue in cues} == {full.own * 5 // 8}


def predictions(before: list[int], added: list[int], neutral: list[int]) -> AddedPredictions:
    n = len(before)
    nothing = np.zeros(0, dtype=np.int64)
    parts = (np.asarray(part, dtype=np.int64) for part in (before, added, neutral))
    return AddedPredictions("grey", DISGUST, np.arange(n), *parts, nothing, nothing, nothing, nothing)


def test_the_gain_is_counted_against_the_neutral_change() -> None:
    # Two of thirty are disgust already; of the rest 20 become it with the cue, 3 of them with the neutral change too.
    before = [DISGUST] * 2 + [0] * 28
    added = [DISGUST] * 22 + [0] * 8
    neutral = [DISGUST] * 5 + [0] * 25
    (found,) = judge_added("Net", [predictions(before, added, neutral)], CLASSES, None, 0)
    assert (found.n, found.persons, found.became, found.became_neutral) == (28, None, 20, 3)
    assert found.gain.value == pytest.approx(17 / 28)
    assert found.p == pytest.approx(2 * 0.5**17)
    assert found.answer == "yes" and found.images == tuple(range(5, 22))


def test_where_another_emotion_gains_more_the_change_only_breaks_the_model() -> None:
    before, added, neutral = [0] * 40, [DISGUST] * 15 + [4] * 25, [0] * 40
    (found,) = judge_added("Net", [predictions(before, added, neutral)], CLASSES, None, 0)
    assert found.elsewhere == pytest.approx(25 / 40)
    assert found.answer == "no"


def test_one_persons_photos_do_not_speak_for_all() -> None:
    before, added, neutral = [0] * 40, [DISGUST] * 20 + [0] * 20, [0] * 40
    units = np.asarray(["one"] * 20 + [f"other {i}" for i in range(20)], dtype=object)
    (found,) = judge_added("Net", [predictions(before, added, neutral)], CLASSES, units, 0)
    assert found.persons == 21 and found.answer != "yes"
    (few,) = judge_added("Net", [predictions(before, added, neutral)], CLASSES, np.arange(40).astype(str) > "4", 0)
    assert few.answer == "insufficient evidence"


def fragile(rng: np.random.Generator, hurt: float, elsewhere: float, neutral: float, photos: int) -> bool:
    """Whether a model is accused that loses the share `hurt` of what the change alters, whatever the emotion.

    What is lost goes to emotions in shares of the model's own. `elsewhere`: share of other emotions' photos that have
    the property; `neutral`: how much of `hurt` an equally large neutral change does; `photos` of each person.
    """
    sinks = rng.dirichlet(np.ones(len(CLASSES)))
    labels = np.repeat(np.arange(7), rng.integers(30, 121, 7))
    n = len(labels)
    units = None if photos == 1 else np.asarray([f"{e} {i // photos}" for i, e in enumerate(labels)], dtype=object)

    def broken(now: np.ndarray, where: np.ndarray, rate: float) -> np.ndarray:
        # A person's photos break together in half of the cases.
        person = np.zeros(len(now), dtype=int) if units is None else np.arange(len(now)) // photos
        shared, own = rng.random(len(now))[person], rng.random(len(now))
        draw = own if units is None else np.where(rng.random(len(now)) < 0.5, shared, own)
        return np.where(where & (draw < rate), rng.choice(7, len(now), p=sinks), now)

    has = rng.random(n) < np.where(labels == DISGUST, 0.9, elsewhere)
    before = np.where(rng.random(n) < 0.7, labels, rng.integers(0, 7, n))
    shown = ChangedPredictions(
        np.arange(n),
        labels,
        {"grey": np.ones(n, dtype=bool)},
        {"grey": has},
        {"grey": before},
        {"grey": broken(before, has, hurt)},
        np.full(n, 0.5),
    )
    lacking = np.flatnonzero(~has & (labels != DISGUST))
    rows = np.sort(rng.permutation(lacking)[:90])
    own = np.flatnonzero(has & (labels == DISGUST))[:60]
    everywhere = np.ones(n, dtype=bool)
    with_cue, with_ramp = broken(before, everywhere, hurt), broken(before, everywhere, neutral * hurt)
    part = AddedPredictions(
        "grey", DISGUST, rows, before[rows], with_cue[rows], with_ramp[rows], own, before[own],
        shown.after["grey"][own], with_ramp[own],
    )  # fmt: skip
    (effect,) = judge_added("Net", [part], CLASSES, units, 0)
    effects = judge_interventions("Net", shown, CLASSES, [link()], units, 0, {("grey", "disgust"): effect})
    return any(effect.answer == "yes" for effect in effects)


@pytest.fixture
def only_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses are compared where a property goes with the emotion: elsewhere no comparison makes the answer "yes"."""
    judge, compare, nothing = judge_interventions, interventions._compare, Estimate(float("nan"), -1.0, 1.0, 0)
    blank = interventions._Comparison(nothing, float("nan"), nothing, nothing, "no comparison")

    def linked(part: Any, parts: Any, seed: int) -> Any:
        return compare(part, parts, seed) if part.goes_with else blank

    def answers() -> list[str]:
        found = []
        with monkeypatch.context() as patch:

            def kept(*given: Any) -> Any:
                effects = judge(*given)
                found.extend(repr(one) for one in effects if one.goes_with)
                assert not any(one.answer == "yes" for one in effects if not one.goes_with)
                return effects

            patch.setitem(globals(), "judge_interventions", kept)
            fragile_to_all(np.random.default_rng(0), 0.9, 1.0, 4, 3)
        return found

    whole = answers()
    monkeypatch.setattr(interventions, "_compare", linked)
    assert answers() == whole and whole


@pytest.mark.slow
@pytest.mark.usefixtures("only_linked")
@pytest.mark.parametrize("photos", [1, 4])
@pytest.mark.parametrize("neutral", [1.0, 0.5])
def test_fragile_innocents_are_accused_in_at_most_5_percent(photos: int, neutral: float) -> None:
    rng = np.random.default_rng([photos, int(2 * neutral)])
    accused = [
        fragile(rng, hurt, elsewhere, neutral, photos)
        for hurt in (0.2, 0.5, 0.9)
        for elsewhere in (0.0, 0.07, 0.5)
        for _ in range(20)
    ]
    assert np.mean(accused) <= 0.05


FAMILIES = {
    "denoised": "noise", "zoomed": "face size", "shifted": "vertical face position", "straightened": "head tilt",
    "mirrored": "head turn",
}  # fmt: skip


def fragile_to_all(rng: np.random.Generator, hurt: float, neutral: float, photos: int, emotions: int) -> bool:
    """Whether a model is accused of anything that every change of a photo hurts, whatever the emotion.

    Each of five changes has its own emotions to which lost predictions fall, and its property goes with the first
    `emotions` of seven; all photos are altered. A mirror has no other direction.
    """
    labels = np.repeat(np.arange(7), rng.integers(30, 121, 7))
    n, links = len(labels), []
    person = np.arange(n) // photos
    units = None if photos == 1 else np.asarray([f"{e} {i}" for e, i in zip(labels, person, strict=True)], dtype=object)
    before = np.where(rng.random(n) < 0.7, labels, rng.integers(0, 7, n))
    sampled = (labels < emotions) | (np.concatenate([np.arange((labels == e).sum()) for e in range(7)]) < 40)
    after, added = {}, []
    for change, name in FAMILIES.items():
        sinks = rng.dirichlet(np.ones(7))

        def broken(rate: float, sinks: np.ndarray = sinks) -> np.ndarray:
            together = rng.random(n) < 0.5
            draw = np.where(together & (photos > 1), rng.random(n)[person], rng.random(n))
            return np.where(draw < rate, rng.choice(7, n, p=sinks), before)

        after[change] = broken(hurt)
        for e in range(emotions):
            links.append(link(name, CLASSES[e]))
            if change == "mirrored":
                continue
            rows = np.sort(rng.permutation(np.flatnonzero(labels != e))[:45])
            own = np.flatnonzero(labels == e)[:30]
            with_cue, moved = broken(hurt), broken(neutral * hurt)
            added.append(
                AddedPredictions(
                    change, e, rows, before[rows], with_cue[rows], moved[rows], own, before[own], after[change][own],
                    moved[own],
                )
            )  # fmt: skip
    effects = judge_added("Net", added, CLASSES, units, 0)
    every = dict.fromkeys(FAMILIES, np.ones(n, dtype=bool))
    shown = ChangedPredictions(
        np.arange(n), labels, dict.fromkeys(FAMILIES, sampled), every, dict.fromkeys(FAMILIES, before), after,
        np.full(n, 0.5),
    )  # fmt: skip
    by = {(effect.change, effect.emotion): effect for effect in effects}
    return any(effect.answer == "yes" for effect in judge_interventions("Net", shown, CLASSES, links, units, 0, by))


@pytest.mark.slow
@pytest.mark.usefixtures("only_linked")
@pytest.mark.parametrize("photos", [1, 4])
@pytest.mark.parametrize("neutral", [1.0, 0.5])
def test_models_fragile_to_every_change_are_accused_of_any_in_at_most_5_percent(photos: int, neutral: float) -> None:
    rng = np.random.default_rng([7, photos, int(2 * neutral)])
    accused = [
        fragile_to_all(rng, hurt, neutral, photos, emotions)
        for hurt in (0.0, 0.2, 0.5, 0.9)
        for emotions in (1, 3)
        for _ in range(20)
    ]
    assert np.mean(accused) <= 0.05
