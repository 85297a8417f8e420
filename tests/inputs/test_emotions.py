from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.errors import DataError
from reportgen.inputs.emotions import (
    EMOTIONS,
    EXPRESSION_CODES,
    FER2013_ORDER,
    RAFDB_ORDER,
    canonical_emotion,
    match_class,
    name_classes,
)


@pytest.mark.parametrize(
    ("written", "emotion"),
    [
        ("angry", "anger"),
        ("Surprised", "surprise"),
        ("sad ", "sadness"),
        ("AFRAID", "fear"),
        ("fearful", "fear"),
        ("disgusted", "disgust"),
        ("HAPPINESS", "happiness"),
        ("Happy", "happiness"),
        ("Neutral", "neutral"),
        ("suprise", "surprise"),
        ("0_angry", "anger"),
        ("3 - Happy", "happiness"),
        ("Contempt", "contempt"),
        ("", None),
        ("3", None),
        ("notangry", None),
        (3, None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_canonical_emotion(written: object, emotion: str | None) -> None:
    assert canonical_emotion(written) == emotion


@given(st.sampled_from(EMOTIONS), st.sampled_from(["", " ", "\t"]), st.booleans())
def test_canonical_names_are_fixed_points_in_any_case(name: str, blank: str, upper: bool) -> None:
    assert canonical_emotion(blank + (name.upper() if upper else name.title()) + blank) == name


@given(st.text(max_size=20))
def test_anything_else_is_one_of_the_seven_or_none(text: str) -> None:
    assert canonical_emotion(text) in (*EMOTIONS, None)


def test_numbered_orders_are_permutations_of_the_seven() -> None:
    assert sorted(FER2013_ORDER) == sorted(RAFDB_ORDER) == sorted(set(EXPRESSION_CODES.values())) == list(EMOTIONS)
    # From the data sets' own documentation: fer2013 has 3 happy, 6 neutral; RAF-DB has 1 surprise, 4 happiness.
    assert (FER2013_ORDER[3], FER2013_ORDER[6]) == ("happiness", "neutral")
    assert (RAFDB_ORDER[0], RAFDB_ORDER[3]) == ("surprise", "happiness")


def test_name_classes_uses_canonical_names_unless_two_would_be_one() -> None:
    assert name_classes(["Angry", "Sad"]) == ("anger", "sadness")
    assert name_classes(["happy", "joy", "sad"]) == ("happy", "joy", "sad")
    assert name_classes(["happy", "contempt "]) == ("happiness", "contempt")


@pytest.mark.parametrize("names", [["happy"], [], ["happy", "Happy "], ["happy", " "]])
def test_name_classes_refuses_lists_that_cannot_be_classes(names: list[str]) -> None:
    with pytest.raises(DataError, match="correct 'classes'"):
        name_classes(names)


def test_match_class_prefers_the_class_of_that_name() -> None:
    assert match_class("Joy", ("happy", "joy")) == "joy"
    assert match_class("smirk", ("smirk", "happiness")) == "smirk"
    assert match_class("HAPPY", ("smirk", "happiness")) == "happiness"
    assert match_class("angry", ("smirk", "happiness")) is None
    assert match_class(3, ("smirk", "happiness")) is None
