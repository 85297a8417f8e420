"""What to do next: each suggestion says its own, and what holds for several is said once."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from reportgen.evidence.performance.recalibration import recalibrate
from reportgen.evidence.shortcuts.added_cues import TAKES_AWAY
from reportgen.evidence.shortcuts.repair import RepairFindings, RepairPreview
from reportgen.inputs.images.changes import CHANGES
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.sections import interventions
from reportgen.site.wording import next_steps, shortcuts
from reportgen.site.wording.next_steps import _calibration, _scaling, _shortcuts


@pytest.mark.parametrize("changes", [("grey",), ("grey", "blurred"), ("grey", "grey", "equalised", "re-encoded")])
def test_the_advice_about_recall_is_given_once(report: Report, changes: tuple[str, ...]) -> None:
    assert report.shortcuts is not None
    (one,) = report.shortcuts.found
    found = tuple(replace(one, change=change, emotion=report.classes[k]) for k, change in enumerate(changes))
    shown = replace(report, shortcuts=replace(report.shortcuts, found=found), importance=None, components=None)
    steps = _shortcuts(shown, Links(shown, ()))
    assert len(steps) == len({step.title for step in steps}) == len(set(changes))
    texts = [step.text for step in steps]
    assert sum("go by recall without it" in text for text in texts) == 1
    assert all(report.classes[k] in " ".join(texts) for k in range(len(changes)))
    assert all(step.more is None for step in steps)
    repairs = RepairFindings((cast(RepairPreview, None),), (), {})
    previewed = _shortcuts(replace(shown, repairs=repairs), Links(shown, ()))
    assert [step.more.href for step in previewed if step.more] == ["shortcuts.html#repairs"]
    assert not any("go by recall" in step.text for step in previewed)
    # Each leads to the first shortcut of its own.
    anchors = [f"custom-cnn-{report.classes[changes.index(change)]}-{change}" for change in dict.fromkeys(changes)]
    assert [step.link.href for step in steps] == [f"shortcuts.html#{anchor}" for anchor in anchors]
    assert all(text.endswith(".") for text in texts)


def test_scaling_that_is_shown_to_help_is_a_step_with_its_numbers(report: Report) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (600, 4))
    labels = np.array([rng.choice(4, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    found = recalibrate(report.models[0].name, 3 * logits, labels, None, 0)
    assert found is not None and found.repairs[0].helps
    one = found.repairs[0]
    told = _scaling(replace(report, recalibrations=(found, None)), [0])
    first, second = (model.name for model in report.models)
    falls = f"{100 * found.ece.value:.1f} % to {100 * one.ece.value:.1f} %"
    assert told.replace("\u202f", " ") == (
        f"Divide the logits (outputs before softmax) by {one.temperature:.2f} in {first} (calibration error {falls})."
    )
    both = replace(report, recalibrations=(found, replace(found, model=second)))
    assert _scaling(both, [0, 1]).replace("\u202f", " ") == (
        f"{told[:-1]} and {one.temperature:.2f} in {second} ({falls}).".replace("\u202f", " ")
    )
    alone = replace(report, analysis=replace(report.analysis, models=report.models[:1]), recalibrations=(found,))
    assert f"by {one.temperature:.2f} (calibration error" in _scaling(alone, [0])
    assert _scaling(replace(report, recalibrations=()), [0]) == ""


def test_scaling_leads_to_where_it_is_told(report: Report) -> None:
    """The step opens the section of the model that it helps, not the first model's page."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (600, 4))
    labels = np.array([rng.choice(4, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    found = recalibrate(report.models[1].name, 3 * logits, labels, None, 0)
    scores = tuple(replace(score, ece=0.3, ece_band=(0.0, 0.1)) for score in report.scores)
    made = replace(report, recalibrations=(None, found))
    made.__dict__["scores"] = scores
    (step,) = _calibration(made, Links(made, ()))
    assert (step.link.text, step.link.href) == ("temperature scaling", "models/resnet18.html#repaired")
    plain = replace(report, recalibrations=())
    plain.__dict__["scores"] = scores
    (step,) = _calibration(plain, Links(plain, ()))
    assert step.link.href == "models/custom-cnn.html#calibration"


def test_every_change_of_a_photo_has_its_words_and_its_cure() -> None:
    for table in (TAKES_AWAY, shortcuts.DONE, shortcuts.CUES, interventions._HOW, next_steps._CURES):
        assert set(table) == set(CHANGES)
