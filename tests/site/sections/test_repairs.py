"""What a repair would bring and cost, in words that never promise a new model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from reportgen.evidence.shortcuts.repair import CueKind, RepairFindings, RepairPreview, repair_table
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.site.report import Report
from reportgen.site.sections.performance.repairs import repair_previews


def preview(report: Report, kind: CueKind, cue: str, **more: Any) -> RepairPreview:
    model = report.models[0]
    made = RepairPreview(
        model.name, model.slug, report.classes[0], kind, cue, (wilson(39, 40), wilson(33, 40)), wilson(16, 16),
        (wilson(4, 16), wilson(14, 16)), (wilson(25, 40), wilson(5, 40)), (wilson(76, 100), wilson(75, 100)),
        Estimate(0.625, 0.3, 0.9, 16), Estimate(-0.01, -0.08, 0.05, 100),
    )  # fmt: skip
    return replace(made, **more)


def told(report: Report, *previews: RepairPreview) -> list[Any]:
    found = RepairFindings(previews, (("A", "fear", "few photos"),), {"repairs": repair_table(previews)})
    section = repair_previews(replace(report, repairs=found))
    assert section is not None and section.left_out.startswith("Not previewed: A for fear: too few photos")
    return list(section.previews)


def test_both_sides_are_told_with_their_counts(report: Report) -> None:
    (one,) = told(report, preview(report, "component", "top left corner"))
    emotion = report.classes[0]
    assert one.cue == "something beside the face (top left corner)"
    assert one.bring.replace("\u202f", " ") == (
        f"Of 16 {emotion} photos without the cue, 25 % are predicted so now, 88 % after it (+62.5 points [+30.0, "
        f"+90.0]; with the cue 100 % are). Of 40 photos of other emotions with the cue put in, 63 % are "
        f"predicted as {emotion} now and 13 % after it."
    )
    assert (
        f"recall of {emotion} goes from 98\u202f% to 83\u202f%, and accuracy from 76.0\u202f% to 75.0\u202f%"
        in one.cost
    )


@pytest.mark.parametrize(
    ("kind", "cue", "words"),
    [("property", "grey", "colour"), ("mark", "forehead", "a mark on the forehead"), ("mark", "", "a fine pattern")],
)
def test_every_kind_of_cue_has_its_words(report: Report, kind: CueKind, cue: str, words: str) -> None:
    (one,) = told(report, preview(report, kind, cue, turned=None))
    assert one.cue == words and "put in" not in one.bring


def test_what_comes_back_is_a_share_of_what_was_lost(report: Report) -> None:
    one = preview(report, "mark", "")
    assert one.recovered == pytest.approx((14 - 4) / (16 - 4))
    table = repair_table([one])
    assert isinstance(table, pd.DataFrame) and table["turned_after"].iloc[0] == pytest.approx(0.125)


def test_without_full_experiments_the_page_says_so(report: Report) -> None:
    section = repair_previews(report)
    assert report.contaminated and section is not None
    assert section.previews == () and "experiments = full" in section.left_out
