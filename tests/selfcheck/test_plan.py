"""The plan can settle what it is asked to: enough models of every arm, nothing tied to one emotion."""

from collections import Counter

import numpy as np
import pytest

from reportgen.evidence.errors.rules import OF_PHOTOS
from reportgen.selfcheck.artefacts import KINDS, PLACES
from reportgen.selfcheck.criteria import read_criteria
from reportgen.selfcheck.faces import EMOTIONS, load_faces, other_faces
from reportgen.selfcheck.networks import NETWORKS
from reportgen.selfcheck.plan import REASONS, SECOND, TUNING, full_plan, quick_plan

PLAN = full_plan()
TAUGHT = [trial for trial in PLAN if trial.arm in ("off-face", "on-face", "invisible", *SECOND)]


def test_names_and_seeds_are_unique():
    assert len({trial.name for trial in PLAN}) == len({trial.seed for trial in PLAN}) == len(PLAN)


def test_every_trial_can_be_planted():
    for trial in PLAN:
        assert trial.artefact.place in PLACES[trial.artefact.kind]
        assert trial.network in NETWORKS
        assert 0 <= trial.elsewhere <= trial.prevalence <= 1


def test_every_kind_is_taught_and_emotions_rotate():
    assert {trial.artefact.kind for trial in TAUGHT} == {kind for kind, where in KINDS.items() if where != "spoiled"}
    assert all(trial.arm == KINDS[trial.artefact.kind] for trial in TAUGHT)
    assert {trial.emotion for trial in TAUGHT} == set(EMOTIONS)
    assert min(Counter(trial.emotion for trial in TAUGHT).values()) >= len(TAUGHT) / len(EMOTIONS) / 2


def test_taught_prevalence_runs_from_half_to_all():
    assert {trial.prevalence for trial in TAUGHT} >= {0.5, 0.75, 1.0}
    assert min(trial.prevalence for trial in TAUGHT) == 0.5


def test_only_the_tuning_kinds_are_tuned_on_and_enough_remain_to_test():
    assert {trial.artefact.kind for trial in PLAN if trial.tuning} == TUNING
    # A headband as a cause of errors, for which there is no reason, was never tuned on.
    untuned = {trial.arm for trial in PLAN if trial.artefact.kind == "headband" and not trial.tuning}
    assert untuned == {"confounded", "fragile", "reason"}
    assert sum(trial.arm == "off-face" and not trial.tuning for trial in PLAN) >= 40
    assert sum(trial.arm in ("distractor", "clean") for trial in PLAN) == 40


def test_untaught_models_have_nothing_that_goes_with_an_emotion():
    for trial in PLAN:
        if trial.arm == "clean":
            assert not trial.chances.any()
        if trial.arm == "distractor":
            assert np.ptp(trial.chances) == 0
            assert trial.prevalence > 0


def test_the_second_certificate_has_as_many_models_as_its_criteria_ask_for():
    kinds = Counter(trial.artefact.kind for trial in PLAN if trial.arm in SECOND and not trial.tuning)
    assert len(kinds) >= 8
    assert min(kinds.values()) >= 8
    innocent = [trial for trial in PLAN if trial.arm in ("clean", "distractor", "confounded", "fragile")]
    assert len(innocent) >= read_criteria().innocent_flagged[1]
    assert Counter(trial.network for trial in PLAN if trial.arm == "region") == {"upper": 7, "lower": 7}


def test_innocent_models_are_taught_nothing_that_goes_with_an_emotion_but_tested_with_it():
    for trial in PLAN:
        if trial.arm in ("confounded", "fragile"):
            assert np.ptp(trial.training_chances) == 0
            assert np.ptp(trial.chances) > 0.6
            assert trial.augmented == (trial.arm == "confounded")
        elif trial.arm != "reason":
            assert np.array_equal(trial.chances, trial.training_chances)
    assert sum(trial.by_person for trial in PLAN) == 12


def test_photos_are_spoiled_alike_for_every_emotion_and_some_models_have_seen_such():
    erring = [trial for trial in PLAN if trial.arm == "reason"]
    assert Counter(trial.artefact.kind for trial in erring) == {
        "out of focus": 8, "low light": 8, "dark glasses": 8, "headband": 4, "watermark": 4, "shaded eyes": 8,
    }  # fmt: skip
    assert all(np.ptp(trial.chances) == 0 < trial.prevalence for trial in erring)
    assert all(np.ptp(trial.training_chances) == 0 for trial in erring)
    for kind, reason in REASONS.items():
        borne = [trial.trained == 0.5 for trial in erring if trial.artefact.kind == kind]
        assert 0 < sum(borne) <= len(borne) / 3
        assert reason in ("", *OF_PHOTOS)


def test_models_of_the_second_certificate_see_other_persons_by_another_camera():
    faces = load_faces()
    other = other_faces(faces)
    assert len(np.unique(other.persons)) == 64
    same = faces.take(np.isin(faces.persons, other.persons))
    assert np.array_equal(same.labels, other.labels)
    assert not (same.pixels == other.pixels).all(axis=(1, 2, 3)).any()
    assert all(trial.other_camera == (trial.arm in (*SECOND, "confounded", "fragile", "region")) for trial in PLAN)


def test_doses_and_networks_are_not_tied_to_each_other():
    """No dose, place or network goes with one emotion only: else a verdict could be right for a wrong reason."""
    for attribute in ("prevalence", "elsewhere", "network"):
        for value in {getattr(trial, attribute) for trial in TAUGHT}:
            assert len({t.emotion for t in TAUGHT if getattr(t, attribute) == value}) > 4


@pytest.mark.parametrize("plan", [full_plan, quick_plan])
def test_a_plan_is_the_same_every_time(plan):
    assert plan() == plan()


def test_the_quick_plan_holds_a_shortcut_and_a_clean_model():
    assert [trial.arm for trial in quick_plan()] == ["off-face", "clean"]
