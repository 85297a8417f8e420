"""Where a shortcut's property is used, in words: the headline, the sentence with its numbers, and where to look."""

from __future__ import annotations

from dataclasses import replace

from reportgen.evidence.shortcuts.cue_places import CuePlace, PlaceFindings, RegionLoss
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.cue_places import look_there, place_sentence, shared_place
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.next_steps import next_steps

UNKNOWN = Estimate(float("nan"), -1.0, 1.0, 22)


def loss(region: str, lost: int, elsewhere: int = 1) -> RegionLoss:
    return RegionLoss(region, lost, 22, elsewhere, 30, UNKNOWN)


def place(*found: str) -> CuePlace:
    regions = (loss("eyes+brows", 16), loss("nose", 2, 3), loss("mouth", 0), loss("cheeks+jaw", 12, 0))
    return CuePlace("Custom CNN", "happiness", "grey", regions, loss("everywhere", 21, 10), found)


def test_the_sentence_gives_every_place_and_the_most_of_any_other() -> None:
    assert place_sentence(place("eyes+brows", "cheeks+jaw"), "converted to greyscale") == (
        "With the eyes and brows alone converted to greyscale, 16 of 22 happiness photos lose the correct prediction "
        "(of other emotions' photos, 1 of 30); with the cheeks and jaw alone, 12 of 22 (0 of 30); with any other part, "
        "at most 2."
    )
    alone = replace(place("eyes+brows"), regions=(loss("eyes+brows", 16), loss("nose", 0)))
    assert place_sentence(alone, "slightly blurred").endswith("1 of 30); with any other part, none.")
    assert place_sentence(place("eyes+brows", "cheeks+jaw"), "slightly blurred", brief=True) == (
        "With the eyes and brows alone slightly blurred, 16 of 22 happiness photos lose the correct prediction (of "
        "other emotions' photos, 1 of 30)."
    )


def test_no_single_part_is_said() -> None:
    assert place_sentence(place(), "slightly blurred") == (
        "With one part of the picture alone slightly blurred, at most 16 of 22 happiness photos lose the correct "
        "prediction: no single part stands out."
    )
    assert look_there(place()) == look_there(place("background")) == ""


def test_a_tested_place_stands_in_the_headline_the_answer_and_the_steps(report: Report) -> None:
    assert report.shortcuts is not None
    (shortcut,) = report.shortcuts.of("Custom CNN", "happiness")
    alone = replace(report, importance=None, components=None)
    assert shared_place(alone, [shortcut]) == ""
    located = replace(alone, places=PlaceFindings((place("eyes+brows", "cheeks+jaw"),), {}))
    assert shared_place(located, [shortcut]) == "the eyes and brows"
    other = replace(shortcut, model="ResNet18")
    assert shared_place(located, [shortcut, other]) == ""  # what was not asked of one is not said of both
    assert headline(located).text == "Custom CNN relies on colour for happiness, above all on the eyes and brows."
    links = Links(located, ())
    answer = answer_questions(located, links)[0].text
    assert place_sentence(place("eyes+brows", "cheeks+jaw"), "converted to greyscale", brief=True) in answer
    look = look_there(place("eyes+brows", "cheeks+jaw"))
    assert look.startswith(
        "Look at what the happiness photos have in common on the eyes and brows and the cheeks and jaw:"
    )
    assert look in answer
    assert any(look in step.text for step in next_steps(located, links))
    behind = replace(alone, places=PlaceFindings((place("background"),), {}))
    assert headline(behind).text == "Custom CNN relies on colour for happiness, above all on the background."
    assert not any("  " in step.text for step in next_steps(behind, links))  # where nothing is said of where to look
    nowhere = replace(alone, places=PlaceFindings((place(),), {}))
    assert "above all" not in headline(nowhere).text
