"""What was proved stands where its emotion or its model is spoken of, and no title praises what is not so."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import html5lib
import numpy as np
import pytest

from reportgen.evidence.performance.scores import EmotionScore
from reportgen.evidence.shortcuts.added_cues import AddedEffect
from reportgen.faces.regions import REGIONS
from reportgen.site.links import Links
from reportgen.site.publish import Published
from reportgen.site.report import Report
from reportgen.site.wording.emotions import correct_predictions, emotion_lede, emotion_title
from reportgen.site.wording.format import chance_alone
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.next_steps import next_steps
from reportgen.site.wording.shortcuts import cue_of, emotion_proofs, model_proofs

XHTML = "{http://www.w3.org/1999/xhtml}"
NNBSP = "\u202f"
ANGER, HAPPINESS = 0, 2


def page(published: Published, name: str) -> ElementTree.Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=True)
    return parser.parse((published.site / name).read_text(encoding="utf-8"))


def words(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", " ".join(element.itertext())).strip().replace(NNBSP, " ")


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in (element.get("class") or "").split()]


@pytest.fixture
def changed(report: Report) -> Callable[..., Report]:
    """The small report with other findings."""
    return lambda **changes: replace(report, **changes)


def scored(report: Report, emotion: int, *counts: tuple[int, int, int]) -> dict[str, Any]:
    """Scores with other counts (found, labelled, answered) of one emotion, one per model; nothing proved."""
    from reportgen.evidence.stats.intervals import wilson

    scores = []
    for score, (correct, n, predicted) in zip(report.scores, counts, strict=True):
        part = EmotionScore(
            score.emotions[emotion].emotion, n, correct, predicted, wilson(correct, n), wilson(correct, predicted),
            wilson(correct, n), n < 10,
        )  # fmt: skip
        parts = tuple(part if i == emotion else other for i, other in enumerate(score.emotions))
        scores.append(replace(score, emotions=parts))
    return {"scores": tuple(scores), "shortcuts": None, "importance": None, "components": None}


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        (((90, 100, 100), (80, 100, 100)), "Happiness is mostly recognised."),
        (((90, 100, 400), (80, 100, 300)), "Happiness has high recall, but most photos predicted as "
         "happiness are something else."),
        (((90, 100, 400), (80, 100, 100)), "Happiness has high recall, but most photos predicted as "
         "happiness by Custom CNN are something else."),
        (((55, 100, 60), (80, 100, 100)), "Happiness is mostly recognised by ResNet18 only."),
        (((90, 100, 180), (80, 100, 100)), "Happiness has high recall."),
        (((10, 100, 20), (20, 100, 20)), "Happiness is mostly missed."),
        (((50, 100, 60), (20, 100, 20)), "Happiness is often missed."),
        (((0, 100, 0), (0, 100, 0)), "Happiness is never predicted."),
        (((1, 3, 3), (2, 3, 3)), "Happiness: 3 images, too few to evaluate."),
        (((0, 0, 3), (0, 0, 3)), "Happiness: no images."),
    ],
)  # fmt: skip
def test_a_title_says_what_recall_and_precision_allow(
    changed: Callable[..., Report], report: Report, counts: tuple[tuple[int, int, int], ...], title: str
) -> None:
    assert emotion_title(changed(**scored(report, HAPPINESS, *counts)), HAPPINESS) == title


def test_what_is_proved_comes_before_recall(changed: Callable[..., Report], report: Report) -> None:
    shown = changed()
    assert cue_of(shown, "happiness") == (("Custom CNN",), "colour")
    assert cue_of(shown, "anger") == (("Custom CNN",), "the background")
    assert cue_of(shown, "fear") == ((), "")
    assert emotion_title(shown, HAPPINESS) == "Custom CNN relies on colour for happiness."
    assert emotion_title(shown, ANGER) == "Custom CNN relies on the background for anger."
    assert report.shortcuts is not None
    models = ("Custom CNN", "ResNet18")
    both = replace(report.shortcuts, found=tuple(replace(s, model=m) for s in report.shortcuts.found for m in models))
    assert emotion_title(changed(shortcuts=both), HAPPINESS) == "Predictions of happiness rely on colour."
    poor = scored(report, HAPPINESS, (20, 100, 50), (20, 100, 50)) | {"shortcuts": both}
    assert (
        emotion_title(changed(**poor), HAPPINESS) == "Happiness is mostly missed, and predictions of it rely on colour."
    )
    blurred = (replace(s, change="blurred") for s in both.found)
    shown = changed(shortcuts=replace(both, found=(*both.found, *blurred)))
    twice = [proof.claim for proof in model_proofs(shown, Links(shown, ()), 1)]
    assert twice == [
        "It relies on colour for happiness.",
        "It also relies on sharpness for happiness.",
    ]


def test_an_emotions_page_tells_what_its_shortcut_costs(published: Published, report: Report) -> None:
    assert report.shortcuts is not None
    (shortcut,) = report.shortcuts.of("Custom CNN", "happiness")
    root = page(published, "emotions/happiness.html")
    (proof,) = of_class(root, "proved")
    before, after = (f"{100 * part.value:.0f} %" for part in (shortcut.before, shortcut.after))
    assert f"from {before} to {after} (by {100 * shortcut.fall.value:.0f} percentage points" in words(proof)
    link = next(proof.iter(f"{XHTML}a"))
    assert link.get("href") == "../shortcuts.html#custom-cnn-happiness-grey"


def test_a_models_page_says_it_in_its_lede_beside_its_grade_and_before_its_use(published: Published) -> None:
    root = page(published, "models/custom-cnn.html")
    claim = "It relies on colour for happiness."
    assert claim in words(of_class(root, "lede")[0])
    trust, importance = (next(e for e in root.iter() if e.get("id") == name) for name in ("trust", "use"))
    assert claim.replace("It", "Custom CNN", 1) in words(trust) and "on the background" not in words(
        of_class(trust, "caution")[0]
    )
    proofs = [words(proof) for proof in of_class(importance, "proved")]
    assert [claim in text for text in proofs] == [False, True]
    assert "on the background for anger" in proofs[0]
    assert "percentage points (" in proofs[0]
    other = page(published, "models/resnet18.html")
    assert not of_class(other, "proved") and not of_class(other, "caution")


def test_the_lists_of_models_and_emotions_say_it_too(published: Published) -> None:
    known = [words(element) for element in of_class(page(published, "emotions.html"), "known")]
    assert known == ["▲ Relies on the background (Custom CNN)", "▲ Relies on colour (Custom CNN)"]
    (one,) = of_class(page(published, "models.html"), "known")
    assert "It relies on the background for anger." in words(one)


def test_nothing_is_proved_of_what_was_not_shown_again(variants: dict[str, Published]) -> None:
    for kind in ("one model", "no labels", "use not tested"):
        for path in variants[kind].site.glob("[em]*/*.html"):
            text = path.read_text(encoding="utf-8")
            assert 'class="proved"' not in text and 'class="caution"' not in text


def test_a_class_that_is_never_answered_is_said_to_be(changed: Callable[..., Report], report: Report) -> None:
    shown = changed(**scored(report, HAPPINESS, (0, 100, 0), (80, 100, 90)))
    assert "Custom CNN never predicts happiness: the heat shown" in emotion_lede(shown, HAPPINESS)
    assert "ResNet18 never" not in emotion_lede(shown, HAPPINESS)
    parts = [score.emotions[HAPPINESS] for score in shown.scores]
    assert [correct_predictions(part) for part in parts] == ["never predicts happiness", "80 of 90 predictions correct"]
    from reportgen.site.sections.region_profile import region_profile

    profile = region_profile(shown, Links(shown, ()), HAPPINESS)
    assert profile is not None
    for _, answers, _ in profile.checks[:2]:
        assert answers[0].endswith("; never predicts happiness") and "never" not in answers[1]


def test_every_peak_has_a_row(published: Published, report: Report) -> None:
    assert report.attention is not None
    for k, model in enumerate(report.analysis.models):
        root = page(published, f"models/{model.slug}.html")
        section = next(e for e in root.iter() if e.get("id") == "patterns")
        rows = [words(row) for row in section.iter(f"{XHTML}tr")]
        peak = report.attention.measures[k].predicted.peak_region
        total = int((peak >= 0).sum())
        names = ("eyes and brows", "nose", "mouth", "cheeks and jaw", "forehead", "background")
        at = [i for i, row in enumerate(rows) if row.startswith(tuple(f"Heat on the {name} " for name in names))]
        assert at == list(range(at[0], at[0] + len(names)))
        for name, i in zip(names, at, strict=True):
            n = int((peak == REGIONS.index(name.replace(" and ", "+"))).sum())
            assert f"{n} of {total}" in rows[i]
        assert sum(int(re.search(r"(\d+) of", rows[i])[1]) for i in at) == total  # type: ignore[index]
        assert "eyes+brows" not in words(section)


def test_heat_on_the_background_stands_beside_its_use(published: Published, report: Report) -> None:
    assert report.importance is not None
    for model in report.analysis.models:
        root = page(published, f"models/{model.slug}.html")
        section = next(e for e in root.iter() if e.get("id") == "patterns")
        row = next(r for r in map(words, section.iter(f"{XHTML}tr")) if r.startswith("Heat on the background"))
        for importance in report.importance.regions:
            if importance.model == model.name and importance.region == "background":
                said = {
                    "no": "at most",
                    "yes": "Important for",
                    "small": "Important for",
                    "undetermined": "Inconclusive for",
                }
                assert said.get(importance.answer, "") in row


def test_what_chance_gives_is_no_interval() -> None:
    assert chance_alone((0.019, 0.041)) == f"(chance alone: 1.9 to 4.1{NNBSP}%)"
    assert chance_alone((np.nan, np.nan)) == ""


def test_one_word_for_one_kind_of_map(published: Published) -> None:
    text = words(page(published, "models/custom-cnn.html"))
    assert "Empty heatmap" in text and "Blank heatmap" not in text


def test_one_emotions_proofs_join_the_models(changed: Callable[..., Report], report: Report) -> None:
    assert report.shortcuts is not None
    (one,) = report.shortcuts.found
    both = replace(report.shortcuts, found=(one, replace(one, model="ResNet18")))
    shown = changed(shortcuts=both)
    (proof,) = emotion_proofs(shown, Links(shown, ()), HAPPINESS)
    assert proof.text.startswith("With the same photos converted to greyscale, recall of happiness falls from ")
    assert " for Custom CNN (n = " in proof.text and " and from " in proof.text


def test_what_adding_the_property_does_joins_the_models(changed: Callable[..., Report], report: Report) -> None:
    assert report.shortcuts is not None
    (one,) = report.shortcuts.found
    added = AddedEffect(
        one.model, one.emotion, one.change, 90, None, 87, 0, one.fall, 0.001, 0.0, "yes", one.fall, ()
    )  # fmt: skip
    two = replace(one, model="ResNet18", added=replace(added, model="ResNet18", became=44))
    shown = changed(shortcuts=replace(report.shortcuts, found=(replace(one, added=added), two)))
    (proof,) = emotion_proofs(shown, Links(shown, ()), HAPPINESS)
    assert (
        f"With the colour cast of happiness photos, 87 of 90 photos of other emotions are predicted as happiness by "
        f"{one.model} and 44 of 90 by ResNet18; after another, equally large change, none."
    ) in proof.text


def test_models_with_one_cue_for_one_emotion_share_the_headline(changed: Callable[..., Report], report: Report) -> None:
    assert report.importance is not None
    (one,) = [b for b in report.importance.backgrounds if b.cheating]
    alone = changed(shortcuts=None)
    assert headline(alone).text.startswith("Custom CNN relies on the background for anger")
    others = [b for b in report.importance.backgrounds if (b.model, b.emotion) != ("ResNet18", one.emotion)]
    both = replace(report.importance, backgrounds=(*others, replace(one, model="ResNet18")))
    shown = changed(shortcuts=None, importance=both)
    assert headline(shown).text.startswith("Both models rely on the background for anger")
    (step,) = [step for step in next_steps(shown, Links(shown, ())) if step.title == "Remove the background."]
    assert step.text.startswith("The predictions of anger (Custom CNN) and anger (ResNet18) depend on it.")


def test_an_emotion_with_a_proved_shortcut_is_never_trusted(changed: Callable[..., Report], report: Report) -> None:
    assert report.shortcuts is not None
    models = ("Custom CNN", "ResNet18")
    both = replace(report.shortcuts, found=tuple(replace(s, model=m) for s in report.shortcuts.found for m in models))
    well = scored(report, HAPPINESS, (95, 100, 100), (95, 100, 100))

    def trust(**more: Any) -> str:
        shown = changed(**(well | more))
        answer = next(a for a in answer_questions(shown, Links(shown, ())) if a.question == "Can we trust them?")
        return f"{answer.lead} {answer.text}"

    assert "happiness" in trust().partition(".")[0]
    accused = trust(shortcuts=both)
    assert "happiness" not in accused.partition(".")[0]
    # What holds of both models is told once.
    assert accused.count("Not trusted: happiness (shortcut)") == 1
