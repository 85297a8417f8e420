"""What to do next: each suggestion says its own, and what holds for several is said once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reportgen.evidence.shortcuts.added_cues import TAKES_AWAY
from reportgen.inputs.images.changes import CHANGES
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.sections import interventions
from reportgen.site.wording import next_steps, shortcuts
from reportgen.site.wording.next_steps import _shortcuts


@pytest.mark.parametrize("changes", [("grey",), ("grey", "blurred"), ("grey", "grey", "equalised", "re-encoded")])
def test_the_advice_about_recall_is_given_once(report: Report, changes: tuple[str, ...]) -> None:
    assert report.shortcuts is not None
    (one,) = report.shortcuts.found
    found = tuple(replace(one, change=change, emotion=f"emotion {k}") for k, change in enumerate(changes))
    shown = replace(report, shortcuts=replace(report.shortcuts, found=found), importance=None, components=None)
    steps = _shortcuts(shown, Links(shown, ()))
    assert len(steps) == len({step.title for step in steps}) == len(set(changes))
    texts = [step.text for step in steps]
    assert sum("go by the recall on photos so changed" in text for text in texts) == 1
    assert all(f"emotion {k}" in " ".join(texts) for k in range(len(changes)))
    assert all(text.endswith(".") for text in texts)


def test_every_change_of_a_photo_has_its_words_and_its_cure() -> None:
    for table in (TAKES_AWAY, shortcuts.DONE, shortcuts.CUES, interventions._HOW, next_steps._CURES):
        assert set(table) == set(CHANGES)
