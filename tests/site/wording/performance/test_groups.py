"""Words about groups, on constructed findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reportgen.evidence.groups.gaps import Gap
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.site.html.components import Finding
from reportgen.site.report import Report
from reportgen.site.stated import conflicts
from reportgen.site.wording.headline import _not_on, headline
from reportgen.site.wording.performance.groups import (
    assessed,
    gap_sentence,
    group_claim,
    group_words,
    groups_answer,
    matched_shares,
    missing_columns,
    note_of,
)

OTHERS = "photos of picture size other than 350 x 350"
WORSE = f"on {OTHERS} than on others of the same emotions."


def gap(own: float = 0.3, others: float = 0.7) -> Gap:
    return Gap(own, others, 0.05, 1e9, 110, 1814, 8, (0, 1), named=True)


def found(model: str, grouping: str = "source: picture size", level: str = "not 350 x 350") -> GroupGap:
    plain = Gap(0.37, 0.85, 0.02, 1e9, 144, 1907, 8, (0,), named=True)
    return GroupGap(
        model, grouping, level, "", "accuracy", plain, gap(), 0.001, 1.0, by_mix=False, photos=144, share=0.4
    )


@pytest.mark.parametrize(
    ("grouping", "level", "words"),
    [
        ("source: picture size", "not 350 x 350", "photos of picture size other than 350 x 350"),
        ("source: file name", "word_number", "photos named like word_number"),
        ("head turn", "30° or more", "photos with the head turned 30° or more"),
        ("head nod", "bowed 10° or more", "photos with the head bowed 10° or more"),
        ("face size", "middle", "photos with a middle-sized face"),
        ("light from one side", "yes, below 70 %", "photos lit from one side"),
        ("cheek brightness", "lowest third", "photos in the lowest third of cheek brightness"),
        ("jpeg_tables", "996197df", "photos saved by encoder settings 996197df"),
        ("sex * age", "f, old", "photos with sex * age: f, old"),
    ],
)
def test_a_group_is_named_by_its_photos(grouping: str, level: str, words: str) -> None:
    assert group_words(grouping, level) == words


def test_a_gap_is_told_with_its_numbers(report: Report) -> None:
    first, second = (model.name for model in report.models)
    text = gap_sentence(report, found(first)).replace("\u202f", " ")
    assert text == (
        f"{first} is correct on 37 % of all 144 {OTHERS} and on 85 % of the 1,907 others. At the same mix of emotions "
        "it is 30 % against 70 %, a gap of −40 [−50, −30] points (110 and 1,814 photos, of emotions with enough on "
        "both sides)."
    )
    both = group_claim(report, [first, second], found(first))
    assert (
        both
        == "Both models fare worse on photos of picture size other than 350 x 350 than on others of the same emotions."
    )
    one = replace(found(first, "mouth", "closed"), emotion="fear")
    assert (
        group_claim(report, [first], one)
        == f"{first} misses fear more often on photos with the mouth closed than on others."
    )
    assert note_of(replace(one, by_mix=True)) == "explained by the mix of emotions"
    assert note_of(replace(one, through=("mouth", "open"))) == "goes with photos with the mouth open"


def test_photos_called_by_a_property_say_how_many_have_it(report: Report) -> None:
    """Of 144 photos of one source 143 are in colour: they are not told as 144 photos in colour."""
    name, n = report.models[0].name, len(report.labels)
    code = np.arange(n) % 2

    def told(having: tuple[int, ...]) -> str:
        sizes = Grouping(
            "source: picture size",
            "measured",
            ("350 x 350", "not 350 x 350"),
            code,
            False,
            ("grey", "in colour"),
            having,
        )
        made = replace(report, groups=GroupFindings((sizes,), (found(name),)))
        text = gap_sentence(made, found(name)).replace("\u202f", " ")
        assert text.endswith("of emotions with enough on both sides).")
        return text.split(" and on ")[0].removeprefix(f"{name} is correct on 37 % of all ")

    assert told((1907, 143)) == "144 photos of one source (143 of them in colour)"
    assert told((1907, 144)) == "144 photos in colour"
    assert told((1907, -1)) == told(()) == "144 photos in colour"  # its words are no property
    whole = replace(found(name), gap=replace(gap(), photos=144, others_photos=1907))
    assert gap_sentence(report, whole).endswith("a gap of −40 [−50, −30] points.")


def test_the_same_photos_have_the_same_shares_on_both_pages(report: Report) -> None:
    name, n = report.models[0].name, len(report.labels)
    grouping = Grouping("source: picture size", "measured", ("350 x 350", "not 350 x 350"), np.arange(n) % 2)
    made = replace(report, groups=GroupFindings((grouping,), (found(name),)))
    text = matched_shares(made, [name], np.arange(n) % 2 == 1).replace("\u202f", " ")
    assert text == (
        f"Correct: of all photos, whatever their emotion. At the same mix of emotions: {name} 30 % against 70 %."
    )
    gap_sentence(made, found(name))
    assert conflicts(list(made.stated)) == []
    shares = {one.value for one in made.stated if one.what.startswith("accuracy by groups")}
    assert {share.replace("\u202f", " ") for share in shares} == {"30 %", "70 %", "37 %", "85 %"}
    assert matched_shares(made, [name], np.arange(n) % 2 == 0) == ""  # of other photos
    assert matched_shares(replace(report, groups=None), [name], np.arange(n) % 2 == 1) == ""


def test_the_largest_gap_leads_where_nothing_larger_is_proved(report: Report) -> None:
    name, n = report.models[0].name, len(report.labels)
    grouping = Grouping("source: picture size", "measured", ("350 x 350", "not 350 x 350"), np.arange(n) % 2)
    groups = GroupFindings((grouping,), (found(name),))
    alone = replace(report, groups=groups, shortcuts=None, importance=None, components=None, marks=None)
    said = headline(alone)
    assert (
        said.text
        == f"{name} fares worse on photos of picture size other than 350 x 350 than on others of the same emotions."
    )
    assert said.lede.replace("\u202f", " ").startswith(f"{name} is correct on 37 % of all 144 photos of picture size")
    # Beside a cue that costs more it comes next.
    beside = headline(replace(report, groups=GroupFindings((grouping,), (replace(found(name), share=0.02),))))
    assert beside.text == headline(report).text and "fares worse on photos of picture size other than" in beside.lede


def test_the_first_page_answers_for_groups(report: Report) -> None:
    names, n = [model.name for model in report.models], len(report.labels)
    grouping = Grouping("source: picture size", "measured", ("350 x 350", "not 350 x 350"), np.arange(n) % 2)

    def answer(*gaps: GroupGap) -> Finding:
        told = groups_answer(replace(report, groups=GroupFindings((grouping,), gaps)))
        assert told is not None and told.link.href == "groups.html"
        return told

    both = answer(*map(found, names))
    assert both.lead == "Yes, for photos of picture size other than 350 x 350 (both models)."
    assert [(line.model, line.text.replace("\u202f", " ")) for line in both.models] == [
        (name, "30 % correct, others 70 %: −40 [−50, −30] points.") for name in names
    ]
    assert both.note == "Others: of the same emotions. Not compared: gender, race and age."
    assert answer(found(names[0])).lead.endswith(f"350 x 350 ({names[0]}).")
    one = answer(replace(found(names[0]), emotion="fear"))
    assert one.lead == "Not over all emotions, but for one." and f"{names[0]} misses fear more often" in one.text
    none = answer(replace(found(names[0]), p=1.0))
    assert (none.lead, none.models) == ("Not shown.", ()) and none.text.startswith("Of 1 gap tested, none")
    assert groups_answer(replace(report, groups=None)) is None
    assert groups_answer(replace(report, groups=GroupFindings())) is None


def test_what_is_trusted_is_not_trusted_in_a_group_that_fares_worse(report: Report) -> None:
    names, n = [model.name for model in report.models], len(report.labels)
    grouping = Grouping("source: picture size", "measured", ("350 x 350", "not 350 x 350"), np.arange(n) % 2)

    def told(*gaps: GroupGap, models: tuple[int, ...] = (0, 1)) -> str:
        return _not_on(replace(report, groups=GroupFindings((grouping,), gaps)), models)

    assert told(*map(found, names)) == f"; not on {OTHERS}"
    assert told(found(names[0])) == f"; not on {OTHERS} ({names[0]})"
    assert told(found(names[0]), models=(0,)) == f"; not on {OTHERS}"
    assert told(found(names[0]), models=(1,)) == told() == told(replace(found(names[0]), p=1.0)) == ""


def test_what_was_not_assessed_is_said(report: Report) -> None:
    n = len(report.labels)
    sex = Grouping("Sex", "given", ("f", "m"), np.arange(n) % 2)
    groupings = sex, Grouping("sharpness", "measured", ("a",), np.zeros(n, int))
    text = assessed(replace(report, groups=GroupFindings(groupings, (found("x"),))))
    assert text == (
        "Scores were compared between groups by the test set's Sex and by what was measured on the photos (sharpness). "
        "Fairness by race or age was not assessed: no column states it, and it is never guessed from a face."
    )
    assert "nothing is known of fairness" in assessed(replace(report, groups=None))


def test_columns_that_are_not_there_are_named(report: Report) -> None:
    (text,) = missing_columns(replace(report, groups=GroupFindings(missing=("race", "age"))))
    assert text.startswith("--groups: the test set has no column race or age; it has ")
    assert missing_columns(replace(report, groups=GroupFindings())) == ()
