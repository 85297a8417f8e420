"""Names are what was measured, every answer has its words, and a proven component is told where its emotion is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reportgen.evidence.shortcuts.components import Component
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.hidden_cues import (
    component_cue,
    component_facts,
    component_name,
    component_test,
    component_verdict,
    no_components,
)
from reportgen.site.wording.next_steps import next_steps
from reportgen.site.wording.shortcuts import cheating_answer, cue_of, emotion_proofs, model_proofs, relies_on_cue

HAPPINESS = 2


@pytest.fixture
def proved(report: Report) -> Component:
    assert report.components is not None
    return report.components.components[0]


@pytest.fixture
def only(report: Report, proved: Component) -> Report:
    """The report with nothing proved but the component."""
    assert report.components is not None
    return replace(report, shortcuts=None, importance=None)


def test_a_name_is_what_was_measured(report: Report, proved: Component) -> None:
    assert component_name(report, proved) == "bottom right corner, photos in colour"
    assert component_name(report, replace(proved, properties=())) == "bottom right corner"
    assert component_name(report, replace(proved, place="", properties=())) == "unnamed component 1 of happiness"
    facial = replace(proved, kind="facial", region="mouth", place="", properties=())
    assert component_name(report, facial) == "mouth"
    assert component_cue(proved) == "something in the bottom right corner of the picture"
    assert component_cue(replace(proved, place="top edge")) == "something at the top edge of the picture"
    assert component_cue(replace(proved, place="")) == "something beside the face"


def test_every_answer_has_its_words(proved: Component) -> None:
    assert component_verdict(proved) == ("relied on", True)
    assert proved.test is not None
    said = {
        answer: component_verdict(replace(proved, test=replace(proved.test, answer=answer)))
        for answer in ("no", "undetermined", "insufficient evidence")
    }
    assert said["no"] == ("not found by this test", False)
    assert said["undetermined"] == ("inconclusive", False)
    assert said["insufficient evidence"] == ("insufficient evidence", False)
    bare = replace(proved, test=None)
    assert component_verdict(bare)[0].startswith("not tested: only the 3 of a model")
    assert component_verdict(replace(bare, kind="facial"))[0] == "a facial component: not tested as a shortcut"
    assert component_verdict(replace(bare, kind="not located"))[0] == "not tested: where it lies is not known"


def test_the_numbers_stand_in_the_sentences(report: Report, proved: Component) -> None:
    text = component_test(proved, "happiness")
    assert "pasted into 30 photos of other emotions, makes 20 of them happiness" in text
    assert "with little of it, 2 (difference [+40.0, +80.0] points, corrected p = .001)" in text
    assert "6 are lost; with an equal area elsewhere cut out, 1." in text
    assert component_test(replace(proved, test=None), "happiness") == ""
    facts = component_facts(report, proved)
    assert facts.startswith("It raises the logit of happiness by 3.2 in its 8 top photos")
    assert "lies beside the face, most of it in the bottom right corner" in facts


def test_a_proven_component_is_told_where_nothing_else_is_proved(report: Report, only: Report) -> None:
    claim = "Custom CNN relies on something in the bottom right corner of the picture for happiness."
    head = headline(only)
    answer = cheating_answer(only)
    assert head.text == claim and answer.lead == "Yes, for happiness (Custom CNN)."
    # The headline has told it with its test: the answer below adds what else was tried.
    assert head.lede.startswith("Its hot area") and "hot area" not in answer.text and claim not in answer.text
    assert answer.link.href == "shortcuts.html#components"
    assert cue_of(only, "happiness") == (("Custom CNN",), "something in the bottom right corner of the picture")
    links = Links(only, ())
    assert [proof.claim for proof in model_proofs(only, links, 0, "Custom CNN")] == [claim]
    assert claim in emotion_proofs(only, links, HAPPINESS)[0].text
    # Beside a proven property of the same model and emotion it may be the same thing seen twice.
    assert all("bottom right" not in proof.text for proof in emotion_proofs(report, links, HAPPINESS))


def test_recall_by_a_proven_component_is_no_skill(only: Report) -> None:
    """Custom CNN recognises happiness alone, and ResNet18 nothing."""
    innocent = replace(only, components=None)
    *_, skill = answer_questions(innocent, Links(innocent, ()))
    assert skill.lead == "Custom CNN on happiness only; ResNet18 not yet."
    assert not relies_on_cue(innocent, "Custom CNN", "happiness")
    *_, skill = answer_questions(only, Links(only, ()))
    assert skill.lead == "Not yet." and "Not trusted: happiness (Custom CNN: shortcut)." in skill.text
    assert set(only.contaminated) == {("Custom CNN", "happiness")}


def test_heat_defines_no_emotion_that_a_proven_component_carries(only: Report) -> None:
    """Where nothing could be swapped, heat alone answers: on the mouth for anger and happiness."""
    assert only.attention is not None

    def answer(report: Report, *emotions: str) -> tuple[str, str]:
        assert report.attention is not None
        verdicts = tuple(
            replace(v, answer="yes")
            for v in report.attention.verdicts
            if v.model == "Custom CNN" and v.kind in ("on mouth", "specific mouth") and v.emotion in emotions
        )
        assert len(verdicts) == 2 * len(emotions)
        shown = replace(report, attention=replace(report.attention, verdicts=verdicts))
        *_, defined, _ = answer_questions(shown, Links(shown, ()))
        return defined.lead, defined.text

    mouth = "Custom CNN has more heat than in other emotions' maps on the mouth for "
    aside = ", leaving out happiness, predicted from a shortcut."
    innocent = replace(only, components=None)
    assert answer(innocent, "anger", "happiness") == ("Most of all the mouth.", f"{mouth}anger and happiness.")
    assert answer(only, "anger", "happiness") == ("Most of all the mouth.", f"{mouth}anger{aside}")
    assert answer(only, "happiness") == (
        "No region stands out.",
        f"No region has more heat of Custom CNN for one emotion than for the others{aside}",
    )


def test_what_to_do_about_a_proven_component(report: Report, only: Report) -> None:
    def advice(shown: Report) -> list[str]:
        return [step.text for step in next_steps(shown, Links(shown, ())) if step.title.startswith("Name the cue")]

    (text,) = advice(only)
    assert text.startswith(
        "Custom CNN relies on something in the bottom right corner of the picture for happiness. Look at"
    )
    assert "crop or mask it" in text and text.endswith("retrain and build again.")
    assert advice(replace(only, components=None)) == []
    assert advice(report) == []  # the emotion's colour is proved: that has its own advice


def test_why_nothing_is_shown(report: Report) -> None:
    assert no_components(report) == ""
    assert "experiments = off" in no_components(replace(report, components=None))
    assert report.components is not None
    assert no_components(replace(report, components=replace(report.components, components=()))).startswith(
        "No component"
    )
