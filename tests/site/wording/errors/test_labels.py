from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.evidence.performance.corrected_labels import CorrectedLabels, CorrectedScores
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.errors.labels import (
    corrected_sentence,
    label_judged,
    labels_worth_a_look,
    landmark_words,
    review_sentence,
)
from reportgen.site.wording.next_steps import next_steps
from reportgen.site.wording.scope import remarks

SAME = Estimate(0.7, 0.6, 0.8, 200)
SCORES = CorrectedScores("CNN", SAME, SAME, Estimate(0.012, 0.006, 0.019, 200), 0.01, 0.5, 0.51, SAME)
FOUND = CorrectedLabels(200, 3, 1, 2, (("fear", "anger", 3),), (SCORES,))


def test_what_was_judged_and_what_it_changes() -> None:
    text = corrected_sentence(FOUND, 1)
    assert text.startswith(
        "4 labels of 200 were judged by hand: 3 changed, 1 confirmed. Accuracy changes: CNN +1.2 points [+0.6, +1.9]. "
        "2 of the changed labels are now what the model predicts."
    )
    assert text.endswith("the gain is no measure of the labels that nobody looked at.")
    one = corrected_sentence(replace(FOUND, changed=0, confirmed=1), 2)
    assert one == "1 label of 200 was judged by hand: none changed, 1 confirmed. The scores stay the same."


def test_landmarks_in_words() -> None:
    assert landmark_words(math.log(12.2), "fear", "anger") == "fear: 12 times as likely as anger"
    assert landmark_words(-math.log(2.44), "fear", "anger") == "anger: 2.4 times as likely as fear"
    assert landmark_words(20.0, "fear", "anger") == "fear: more than 1,000 times as likely as anger"


def test_the_next_step_leads_there_and_corrections_are_among_the_remarks(make_report: Callable[..., Report]) -> None:
    report = make_report(measured=True)
    assert report.reasons is not None
    review = (LabelVote(0, 1, 4.0, 3.0, 15, 9, 2),)
    doubted = replace(report, reasons=replace(report.reasons, review=review), corrected=FOUND)
    (step,) = (step for step in next_steps(doubted, Links(doubted, ())) if step.link.href == "labels.html")
    assert step.title == "Check 1 label." and step.link.href == "labels.html"
    (note,) = (note for note in remarks(doubted) if note.title == "Labels were corrected")
    assert note.serious and note.text.endswith("Scores are those of the corrected labels.")
    assert not any(note.title == "Labels were corrected" for note in remarks(report))
    assert review_sentence(doubted).startswith("For each, both models predict the same other emotion")
    assert "without landmarks" in review_sentence(make_report(models=("Only",)))


def test_an_image_tells_what_a_person_said_of_its_label(report: Report) -> None:
    first, second, *_ = report.analysis.images["path"].tolist()
    said = [{"file": first, "old": "fear", "new": "anger"}, {"file": second, "old": "anger", "new": "anger"}]
    data = {**report.analysis.manifest.get("data", {}), "corrections": said}
    judged = replace(report, analysis=replace(report.analysis, manifest={**report.analysis.manifest, "data": data}))
    assert label_judged(judged, 0) == "Label corrected by hand (build --labels): it was fear."
    assert label_judged(judged, 1) == "Label confirmed by hand (build --labels)."
    assert label_judged(judged, 2) == label_judged(report, 0) == ""


@pytest.mark.parametrize(
    ("models", "sure", "told"),
    [
        (1, 1, "; for it the model predicts another emotion with at least its usual confidence."),
        (2, 1, "; for it both models predict another emotion with at least their usual confidence."),
        (2, 0, "."),
    ],
)
def test_how_many_labels_are_worth_a_look(
    models: int, sure: int, told: str, make_report: Callable[..., Report]
) -> None:
    report = make_report(measured=True, models=("CNN", "ViT")[:models])
    assert report.reasons is not None
    suspects = replace(report.reasons.suspects, suspect=np.arange(len(report.labels)) < sure)
    review = (LabelVote(0, 1, 4.0, 3.0, 15, 9, 2),)
    made = replace(report, reasons=replace(report.reasons, review=review, suspects=suspects))
    assert labels_worth_a_look(made) == f"1 label is worth a look{told}"
