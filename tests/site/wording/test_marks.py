"""A mark is told by what was measured, every answer has its words, and a proven one is told wherever its emotion is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reportgen.evidence.shortcuts.marks import MarkFindings
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.links import Links
from reportgen.site.pictures.marks import draw_marks
from reportgen.site.report import Report
from reportgen.site.sections.marks import mark_steps, marks_view
from reportgen.site.wording.headline import headline
from reportgen.site.wording.marks import mark_claim, mark_cue, mark_facts, mark_name, mark_test, mark_verdict, no_marks
from reportgen.site.wording.next_steps import next_steps
from reportgen.site.wording.shortcuts import cheating_answer, cue_of, emotion_proofs, model_proofs, relies_on_cue

ANGER = 0


@pytest.fixture
def found(report: Report) -> MarkFindings:
    assert report.marks is not None
    return report.marks


@pytest.fixture
def only(report: Report, found: MarkFindings) -> Report:
    """The report with nothing proved but that the first model relies on the band."""
    fall, gain = Estimate(5 / 9, 0.2, 0.9, 9), Estimate(0.6, 0.4, 0.8, 20)
    first = replace(found.tests[0], lost=6, became=13, fall=fall, gain=gain, p_fall=0.03, p_gain=0.001, answer="yes")
    marks = replace(found, tests=(first, *found.tests[1:]))
    return replace(report, shortcuts=None, importance=None, components=None, marks=marks)


def test_a_name_is_what_was_measured(found: MarkFindings) -> None:
    band, lines = found.marks
    assert mark_name(band) == "on the forehead"
    assert mark_cue(band) == "something on the forehead"
    assert mark_name(lines) == mark_cue(lines) == "a fine pattern of horizontal lines"
    assert mark_name(replace(lines, period=(float("inf"), 4.0))) == "a fine pattern of vertical lines"
    assert mark_name(replace(lines, period=(4.0, 4.0))) == "a fine pattern of slanted lines or dots"


def test_facts_by_hand(found: MarkFindings) -> None:
    band, lines = found.marks
    assert mark_facts(band, "anger") == (
        "Of 10 anger photos looked at, 9 carry it; of 40 photos of other emotions, 1. There, compared with the skin "
        "around, anger photos are darker and bluer than others."
    )
    assert "about 3.0 pixels apart" in mark_facts(lines, "happiness")
    assert "of 40 photos of other emotions, none." in mark_facts(lines, "happiness")
    # 4 pixels down and 3 across: the lines themselves are 2.4 apart.
    assert "about 2.4 pixels apart" in mark_facts(replace(lines, period=(4.0, 3.0)), "happiness")


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        ((30.0, 30.0, 30.0), "are lighter than others."),
        ((40.0, 40.0, -60.0), "are lighter and more yellow than others."),
        ((20.0, -15.0, 25.0), "are more purple than others."),
        ((3.0, -3.0, 2.0), "differ from others in colour from spot to spot."),
    ],
)
def test_colours_are_named_by_their_difference(found: MarkFindings, shift, words) -> None:
    assert words in mark_facts(replace(found.marks[0], shift=shift), "anger")


def test_every_answer_has_its_words(found: MarkFindings) -> None:
    said = {
        answer: mark_verdict(replace(found.tests[0], answer=answer))
        for answer in ("yes", "no", "undetermined", "insufficient evidence")
    }
    assert said["yes"] == ("relied on", True)
    assert said["no"] == ("not found by this test", False)
    assert said["undetermined"] == ("inconclusive", False)
    assert said["insufficient evidence"] == ("insufficient evidence", False)


def test_the_numbers_stand_in_the_sentences(only: Report) -> None:
    assert only.marks is not None
    test = only.marks.tests[0]
    assert mark_test(test, "anger") == (
        "Of 9 photos that carry it and were predicted as anger, 6 are lost when it is taken away; in the comparison, 1 "
        "(difference [+20.0, +90.0] points, corrected p = .03). Of 20 photos of other emotions, 13 are predicted as "
        "anger once it is added; in the comparison, 1 (difference [+40.0, +80.0] points, corrected p = .001)."
    )
    few = replace(test, known=1, lost=0, lost_control=0, p_fall=float("nan"), n=0)
    assert mark_test(few, "anger") == (
        "Of 1 photo that carries it and was predicted as anger, none is lost when it is taken away; in the "
        "comparison, none (too few to test)."
    )


def test_a_proven_mark_is_told_wherever_its_emotion_is(only: Report) -> None:
    model, links = only.models[0].name, Links(only, ())
    claim = f"{model} relies on something on the forehead for anger."
    assert only.marks is not None
    assert mark_claim(only.marks.proved()[0], "anger") == claim
    head, answer = headline(only), cheating_answer(only)
    assert head.text == claim and answer.lead == f"Yes, for anger ({model})."
    # The headline has told it with its test: the answer below adds what else was tried.
    assert "lost when it is taken away" in head.lede
    assert claim not in answer.text and "taken away" not in answer.text
    assert cue_of(only, "anger") == ((model,), "something on the forehead")
    assert relies_on_cue(only, model, "anger")
    assert emotion_proofs(only, links, ANGER)[0].text.startswith(claim)
    assert model_proofs(only, links, 0)[0].claim == "It relies on something on the forehead for anger."
    assert any(step.title == "Remove what the photos share." and claim in step.text for step in next_steps(only, links))


def test_why_nothing_is_shown(report: Report, found: MarkFindings) -> None:
    assert no_marks(report) == ""
    assert no_marks(replace(report, marks=None, experiments=False)).endswith("(experiments = off).")
    none = replace(report, marks=replace(found, marks=(), tests=()))
    assert no_marks(none).startswith("No mark was found among 50 photos")
    assert mark_steps(replace(report, marks=None)) == () and len(mark_steps(report)) == 5


def test_the_section_shows_means_and_photos_that_turn(only: Report) -> None:
    files: dict[str, bytes] = {}
    pictures = draw_marks(only, files.__setitem__)
    band, lines = pictures
    assert len(band.means) == 3 and lines.means == ()
    assert {picture.path for picture in band.means} <= set(files)
    assert set(band.pairs) == {*only.marks.tests[0].lost_rows, *only.marks.tests[0].turned_rows}
    view = marks_view(only, Links(only, ()), pictures)
    first = view.marks[0].results[0]
    assert first.strong and [pair.before.title for pair in first.pairs] == ["anger", "anger", "not anger"]
    assert not view.marks[0].results[1].pairs
    hidden = draw_marks(replace(only, privacy="blur"), files.__setitem__)
    assert not hidden[0].pairs and len(hidden[0].means) == 3
