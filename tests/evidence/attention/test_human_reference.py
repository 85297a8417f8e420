from __future__ import annotations

from reportgen.evidence.attention.human_reference import ACTION_UNITS, HUMAN, NAIVE
from reportgen.faces.regions import REGIONS


def test_profiles_name_regions_and_action_units_that_exist() -> None:
    assert len(HUMAN) == 7
    for profile in HUMAN.values():
        assert set(profile.required) | set(profile.accepted) <= set(REGIONS)
        assert set(profile.action_units) <= set(ACTION_UNITS)


def test_the_required_region_is_where_people_look_most() -> None:
    for emotion, profile in HUMAN.items():
        if profile.required == ("eyes+brows",):
            assert profile.eyes > profile.mouth, emotion
        if "mouth" in profile.required and "eyes+brows" not in profile.required:
            assert profile.mouth > profile.eyes, emotion


def test_published_values() -> None:
    anger, happiness = HUMAN["anger"], HUMAN["happiness"]
    assert (anger.eyes, anger.mouth, anger.action_units) == (1.57, 1.12, (4, 5, 7, 23))
    assert (happiness.eyes, happiness.mouth, happiness.action_units) == (1.02, 1.32, (6, 12))
    assert HUMAN["neutral"].required == ()
    assert "contempt" not in HUMAN


def test_the_simple_table_covers_five_emotions() -> None:
    assert {e for e, r in NAIVE.items() if r == "eyes+brows"} == {"anger", "fear", "surprise"}
    assert {e for e, r in NAIVE.items() if r == "mouth"} == {"happiness", "disgust"}
