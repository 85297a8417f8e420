"""Sentences about swapped regions where part of the numbers could not be measured."""

from __future__ import annotations

import math
from dataclasses import replace

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.site.wording.importance import apart_sentence, background_numbers, odds_caution, swap_effect

_SWAP = RegionImportance(
    "CNN", "joy", "background", "yes", 0.9, 0.6, 1.2, 0.12, 0.001, 40, 40, 50, (math.nan, 0.9), p_unadjusted=0.001
)
_NOTHING = replace(
    _SWAP, answer="insufficient evidence", drop=math.nan, low=-math.inf, high=math.inf, recall_drop=math.nan
)


def _found(matched: RegionImportance) -> BackgroundFinding:
    return BackgroundFinding("CNN", "joy", "uses it", False, "", 0.9, matched, cues=("brightness",), typical=(0.9,))


def test_a_swap_gives_odds_recall_and_faces() -> None:
    assert swap_effect(_SWAP) == "fall by 59\u202f% [45, 70] and recall by 12 percentage points (40 faces)"
    # e^.1 - 1 = .105, e^.2 - 1 = .221: what falls below 0 is told as a rise, and recall by its own way.
    other = replace(_SWAP, drop=-0.1, low=-0.2, high=0.1, recall_drop=-0.12)
    assert swap_effect(other) == "rise by 11\u202f% [−10, 22] and recall by 12 percentage points (40 faces)"
    assert "rise by 11\u202f% [−10, 22] and recall falls by 12 " in swap_effect(replace(other, recall_drop=0.12))
    assert "fall by 59\u202f% [45, 70] and recall rises by 12 " in swap_effect(replace(_SWAP, recall_drop=-0.12))


def test_what_tells_two_emotions_apart_is_said_once_for_models_alike() -> None:
    mouth = replace(_SWAP, region="mouth", against="calm")
    other = replace(mouth, model="ViT", recall_drop=math.nan)
    assert apart_sentence([mouth]) == (
        "CNN tells joy from calm by the mouth: with that of a face labelled calm, the odds of joy fall by 59\u202f% "
        "[45, 70] for CNN (recall by 12 points)."
    )
    assert apart_sentence([mouth, other]).startswith("CNN and ViT tell joy from calm by the mouth: ")
    assert apart_sentence([mouth, other]).endswith("for CNN (recall by 12 points) and 59\u202f% [45, 70] for ViT.")


def test_lower_odds_are_told_apart_from_fewer_correct_predictions() -> None:
    """Of several the largest fall of the odds, with what it costs in recall; nothing where no region is important."""
    mouth = replace(_SWAP, region="mouth", drop=1.9, recall_drop=0.26)
    assert odds_caution((_SWAP, mouth)) == (
        "85\u202f% lower odds are not 85\u202f% fewer correct predictions: with that swap CNN's recall of joy falls by "
        "26 percentage points."
    )
    assert odds_caution((replace(mouth, recall_drop=-0.01),)).endswith("recall of joy rises by 1 percentage point.")
    assert odds_caution((replace(mouth, recall_drop=math.nan), _SWAP)).startswith("59\u202f% lower odds")
    assert odds_caution((replace(mouth, answer="undetermined"), _NOTHING)) == odds_caution(()) == ""


def test_recall_that_was_not_measured_is_left_out() -> None:
    assert swap_effect(replace(_SWAP, recall_drop=math.nan)) == "fall by 59\u202f% [45, 70] (40 faces)"


def test_swaps_that_measured_nothing_are_not_told() -> None:
    assert background_numbers(_found(_NOTHING)) == ""
    only_matched = background_numbers(_found(replace(_SWAP, unmatched=_NOTHING, tones=(("colour", _NOTHING),))))
    assert only_matched == (
        "With another emotion's background the odds of joy fall by 59\u202f% [45, 70] and recall by 12 percentage "
        "points (40 faces)."
    )
    tones = (("brightness", _SWAP), ("colour", _NOTHING))
    text = background_numbers(_found(replace(_SWAP, unmatched=_SWAP, tones=tones)))
    assert "brightness, they fall by 59" in text
    assert "nan" not in text
    assert "colour by" not in text
