"""The plan can settle what it is asked to: enough models of every arm, nothing tied to one emotion."""

from collections import Counter

import numpy as np
import pytest

from reportgen.selfcheck.artefacts import KINDS, PLACES
from reportgen.selfcheck.faces import EMOTIONS
from reportgen.selfcheck.networks import NETWORKS
from reportgen.selfcheck.plan import TUNING, full_plan, quick_plan

PLAN = full_plan()
TAUGHT = [trial for trial in PLAN if trial.arm in ("off-face", "on-face", "invisible")]


def test_names_and_seeds_are_unique():
    assert len({trial.name for trial in PLAN}) == len({trial.seed for trial in PLAN}) == len(PLAN)


def test_every_trial_can_be_planted():
    for trial in PLAN:
        assert trial.artefact.place in PLACES[trial.artefact.kind]
        assert trial.network in NETWORKS
        assert 0 <= trial.elsewhere <= trial.prevalence <= 1


def test_every_kind_is_taught_and_emotions_rotate():
    assert {trial.artefact.kind for trial in TAUGHT} == set(KINDS)
    assert all(trial.arm == KINDS[trial.artefact.kind] for trial in TAUGHT)
    assert {trial.emotion for trial in TAUGHT} == set(EMOTIONS)
    assert min(Counter(trial.emotion for trial in TAUGHT).values()) >= len(TAUGHT) / len(EMOTIONS) / 2


def test_taught_prevalence_runs_from_half_to_all():
    assert {trial.prevalence for trial in TAUGHT} >= {0.5, 0.75, 1.0}
    assert min(trial.prevalence for trial in TAUGHT) == 0.5


def test_only_the_tuning_kind_is_tuned_on_and_enough_remain_to_test():
    assert {trial.artefact.kind for trial in PLAN if trial.tuning} == {TUNING}
    assert sum(trial.arm == "off-face" and not trial.tuning for trial in PLAN) >= 40
    assert sum(trial.arm in ("distractor", "clean") for trial in PLAN) == 40


def test_untaught_models_have_nothing_that_goes_with_an_emotion():
    for trial in PLAN:
        if trial.arm == "clean":
            assert not trial.chances.any()
        if trial.arm == "distractor":
            assert np.ptp(trial.chances) == 0
            assert trial.prevalence > 0


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
