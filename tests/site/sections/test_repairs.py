"""What a repair would bring and cost, in words that never promise a new model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reportgen.evidence.shortcuts.repair import CueKind, RepairFindings, RepairPreview, Shares, repair_table
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.site.report import Report
from reportgen.site.sections.performance.repairs import RepairPreviews, repair_previews


def preview(report: Report, kind: CueKind, cue: str, **more: Any) -> RepairPreview:
    model = report.models[0]
    made = RepairPreview(
        model.name, model.slug, report.classes[0], kind, cue,
        Shares(wilson(16, 16), wilson(4, 16), wilson(14, 16), Estimate(0.625, 0.3, 0.9, 16)),
        Shares(wilson(30, 40), wilson(10, 40), wilson(28, 40), Estimate(0.45, 0.3, 0.6, 40)),
        Shares(wilson(0, 40), wilson(25, 40), wilson(5, 40), Estimate(-0.5, -0.7, -0.3, 40)),
        (wilson(39, 40), wilson(33, 40)), (wilson(76, 100), wilson(75, 100)), Estimate(-0.01, -0.08, 0.05, 100), 0,
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
        f"Without the cue, 88 % of 16 {emotion} photos are recognised instead of 25 % (with it: 100 %). With the cue "
        "put into 40 photos of other emotions, 70 % of these are recognised instead of 25 % (as they are: 75 %), and "
        f"13 % are predicted as {emotion} instead of 63 %. The share that comes back is of both kinds."
    )
    assert one.lead.replace("\u202f", " ") == (
        "86 % of the recall lost to something beside the face (top left corner) comes back, and accuracy falls by 1.0 "
        "percentage points."
    )
    assert (
        f"recall of {emotion} goes from 98\u202f% to 83\u202f%, and accuracy from 76.0\u202f% to 75.0\u202f%"
        in one.cost
    )
    assert one.cost.endswith("in the fit rare emotions count as much as frequent ones.")


@pytest.mark.parametrize(
    ("kind", "cue", "words"),
    [
        ("property", "grey", "colour"),
        ("mark", "forehead", "a mark on the forehead"),
        ("mark", "", "a fine pattern"),
        ("background", "", "the background, exchanged for that of another face"),
    ],
)
def test_every_kind_of_cue_has_its_words(report: Report, kind: CueKind, cue: str, words: str) -> None:
    (one,) = told(report, preview(report, kind, cue, others=None, turned=None))
    assert one.cue == words and "put in" not in one.bring
    assert [row.known[0] for row in one.rows] == ["100\u202f%", "", ""]


def test_what_does_not_come_back_asks_for_more_than_a_last_layer(report: Report) -> None:
    few, none = (Shares(wilson(16, 16), wilson(4, 16), wilson(k, 16), Estimate(0, 0, 0, 16)) for k in (7, 4))
    for part, words in ((few, "25\u202f% of the recall lost"), (none, "Hardly any of the recall lost")):
        (one,) = told(report, preview(report, "background", "", without=part, others=None, turned=None))
        assert one.lead.startswith(f"{words} to the background comes back, and accuracy falls by 1.0 ")
        assert "features have to be trained again" in one.lead
    (one,) = told(report, preview(report, "background", "", without=none, others=none))
    assert one.lead.startswith("Hardly any") and "other emotions" in one.bring
    assert "share that comes back" not in one.bring  # none is told


def test_every_share_has_its_interval(report: Report) -> None:
    (one,) = told(report, preview(report, "mark", ""))
    assert [row.n for row in one.rows] == ["16", "40", "40", "40", "100"]
    assert one.rows[1].gain == ("+45.0 points", "[+30.0, +60.0]")
    assert all(part[1].startswith("[") for row in one.rows for part in (row.before, row.after))


def test_what_the_layer_is_fitted_on_is_said_once_or_of_each(report: Report) -> None:
    halved, taught = preview(report, "mark", ""), preview(report, "mark", "", taught=412)

    def section(*previews: RepairPreview) -> RepairPreviews:
        found = RepairFindings(previews, (), {"repairs": repair_table(previews)})
        made = repair_previews(replace(report, repairs=found))
        assert made is not None
        return made

    alike = section(halved, halved)
    assert "one half of this test set's persons" in alike.fit and "training photos were not at hand" in alike.fit
    assert [one.fit for one in alike.previews] == ["", ""]
    assert "fitted on 412 photos of the training splits" in section(taught).fit
    some = RepairFindings((halved,), (), {"repairs": repair_table([halved])}, training=True)
    few = repair_previews(replace(report, repairs=some))
    assert few is not None and "too few training photos were at hand" in few.fit
    mixed = section(halved, taught)
    assert mixed.fit == "" and [one.fit for one in mixed.previews] == [alike.fit, section(taught).fit]


def test_previews_of_one_emotion_stand_together(report: Report) -> None:
    a, b = (preview(report, "mark", "", emotion=report.classes[k]) for k in (0, 1))
    other = replace(a, model=report.models[1].name, slug=report.models[1].slug)
    assert [(one.model, one.emotion) for one in told(report, a, b, other)] == [
        (one.model, one.emotion) for one in (a, other, b)
    ]


def test_with_quick_experiments_the_page_says_so(report: Report) -> None:
    section = repair_previews(report)
    assert report.contaminated and section is not None
    assert section.previews == () and "experiments = quick" in section.left_out
