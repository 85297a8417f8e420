"""What to do next: each suggestion says its own, and what holds for several is said once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reportgen.evidence.performance.recalibration import recalibrate
from reportgen.evidence.shortcuts.added_cues import TAKES_AWAY
from reportgen.inputs.images.changes import CHANGES
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.sections import interventions
from reportgen.site.wording import next_steps, shortcuts
from reportgen.site.wording.next_steps import _scaling, _shortcuts


@pytest.mark.parametrize("changes", [("grey",), ("grey", "blurred"), ("grey", "grey", "equalised", "re-encoded")])
def test_the_advice_about_recall_is_given_once(report: Report, changes: tuple[str, ...]) -> None:
    assert report.shortcuts is not None
    (one,) = report.shortcuts.found
    found = tuple(replace(one, change=change, emotion=f"emotion {k}") for k, change in enumerate(changes))
    shown = replace(report, shortcuts=replace(report.shortcuts, found=found), importance=None, components=None)
    steps = _shortcuts(shown, Links(shown, ()))
    assert len(steps) == len({step.title for step in steps}) == len(set(changes))
    texts = [step.text for step in steps]
    assert sum("go by the recall without it" in text for text in texts) == 1
    assert all(f"emotion {k}" in " ".join(texts) for k in range(len(changes)))
    assert all(text.endswith(".") for text in texts)


def test_scaling_that_is_shown_to_help_is_a_step_with_its_numbers(report: Report) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (600, 4))
    labels = np.array([rng.choice(4, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    found = recalibrate(report.models[0].name, 3 * logits, labels, None, 0)
    assert found is not None and found.repairs[0].helps
    one = found.repairs[0]
    told = _scaling(replace(report, recalibrations=(found, None)), [0])
    assert told.replace("\u202f", " ") == (
        f"Dividing the logits lowers calibration error. {report.models[0].name}: by {one.temperature:.2f}, from "
        f"{100 * found.ece.value:.1f} % to {100 * one.ece.value:.1f} % (cross-validated)."
    )
    assert _scaling(replace(report, recalibrations=()), [0]) == ""


def test_every_change_of_a_photo_has_its_words_and_its_cure() -> None:
    for table in (TAKES_AWAY, shortcuts.DONE, shortcuts.CUES, interventions._HOW, next_steps._CURES):
        assert set(table) == set(CHANGES)
