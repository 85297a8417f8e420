"""The page of groups: what is proven, what is only a mix of emotions, and what was not compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reportgen.evidence.groups.gaps import Gap
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.groups.judging import GroupFindings, GroupGap, PersonScore, judge_groups
from reportgen.evidence.shortcuts.causes import Cause, PhotoSource
from reportgen.site.links import Links
from reportgen.site.pages.groups import group_steps, groups_view
from reportgen.site.report import Report


def gap(value: float, freedom: float = 1e9) -> Gap:
    return Gap(0.7 + value, 0.7, 0.02 if freedom else float("nan"), freedom, 40, 300, 12, (0,))


@pytest.fixture
def grouped(report: Report) -> Report:
    """Half of the photos fare worse; those with the mouth closed hold other emotions and no more."""
    name, n = report.models[0].name, len(report.labels)
    groupings = (
        Grouping("film", "given", ("colour", "grey"), np.where(np.arange(n) % 2 == 0, 0, 1)),
        Grouping("mouth", "measured", ("closed", "open"), np.where(np.arange(n) % 3 == 0, 0, 1)),
    )

    def one(grouping: str, level: str, plain: float, value: Gap, p: float, *, mix: bool = False) -> GroupGap:
        return GroupGap(
            name, grouping, level, "", "accuracy", gap(plain), value, p, 1.0, by_mix=mix, photos=40, share=0.3
        )

    gaps = (
        one("film", "colour", -0.5, gap(-0.4), 0.001),
        one("film", "grey", 0.5, gap(0.4), 0.001),
        one("mouth", "closed", -0.2, gap(-0.01), 1.0, mix=True),
        one("mouth", "open", 0.0, gap(0.0, 0.0), float("nan")),
    )
    return replace(report, groups=GroupFindings(groupings, gaps, persons=(PersonScore(name, 3, 12, 3, 0.8),)))


def test_what_is_proven_leads_and_a_mix_is_told_apart(grouped: Report) -> None:
    assert grouped.groups is not None
    view = groups_view(grouped, Links(grouped, ()), grouped.groups, (None, None))
    name = grouped.models[0].name
    assert view.title == f"{name} fares worse on photos with film: colour than on others of the same emotions."
    assert view.lede.startswith("3 gaps of groups to other photos of the same emotions were tested.")
    first, second = view.models
    # Of two groups that are all of a grouping, one is told, and the other way round stands beside it.
    assert first.counted == "2 groups, 1 proven" and second.rows == ()
    assert [row.answer for row in first.rows] == ["yes", "inconclusive"]
    assert first.rows[0].gap == "−40 [−44, −36]" and first.rows[0].plain == "−50"
    assert first.rows[0].note.endswith("the other way round, at the others' mix of emotions: +40 [36, 44], yes")
    (mixed,) = first.mixed
    assert mixed.startswith("Photos with the mouth closed: −20 points as they are, −1 [−5, 3] at the same mix")
    assert view.persons[0][2][0][2:] == ("12", "3 (25\u202f%)", "80\u202f%")
    assert view.pairs_said.endswith("fared worse than both of its groups.") and "Not measured" in view.regions_said
    assert [name for name, _ in view.measured] == ["mouth"]


def test_the_cause_of_a_sources_gap_is_told(grouped: Report) -> None:
    assert grouped.groups is not None and grouped.shortcuts is not None
    n = len(grouped.labels)
    colour = next(item for item in grouped.properties if item.name == "colour")
    inside = np.where(colour.value == 1.0, 0, 1)
    groupings = (replace(grouped.groups.groupings[0], code=inside), grouped.groups.groupings[1])
    source = PhotoSource("JPEG quality", ("75",), n, 0)
    cause = Cause("colour", 1, "in colour", "grey", n, 0, source, 0, 0, False, 0.0, ())
    known = replace(
        grouped,
        groups=replace(grouped.groups, groupings=groupings),
        shortcuts=replace(grouped.shortcuts, causes=(cause,)),
    )
    assert known.groups is not None
    ((told, link),) = groups_view(known, Links(known, ()), known.groups, (None, None)).causes
    together = "Colour and the source go together: no comparison of groups can tell which of them makes the gap."
    relies = "Changing colour alone shows that Custom CNN relies on it."
    assert [one.model for one in grouped.shortcuts.found] == ["Custom CNN"]
    assert told.startswith(f"{together} {relies} Photos with film: colour are those in colour. All ")
    assert "JPEG quality 75" in told
    assert link.href == "shortcuts.html#photos-in-colour"
    unproved = replace(known, shortcuts=replace(grouped.shortcuts, found=(), causes=(cause,)))
    ((told, _),) = groups_view(unproved, Links(unproved, ()), known.groups, (None, None)).causes
    assert told.startswith(f"{together} Photos with film: colour")
    assert groups_view(grouped, Links(grouped, ()), grouped.groups, (None, None)).causes == ()


def test_nothing_proven_is_said_so(report: Report) -> None:
    found = judge_groups(replace(report.analysis, images=report.analysis.images.assign(
        sex=pd.Series(["f", "m"] * len(report.labels))[: len(report.labels)])), None, (), 0)  # fmt: skip
    view = groups_view(report, Links(report, ()), found, (None,) * len(report.models))
    assert view.title == "No group of photos was shown to fare worse than others of the same emotions."


def test_the_method_is_told_where_groups_were_compared(grouped: Report) -> None:
    text = " ".join(f"{title} {told}" for title, told in group_steps(grouped))
    assert "Gender, race and age are never guessed" in text and "direct standardisation" in text and "Holm" in text
    assert group_steps(replace(grouped, groups=None)) == ()


def test_groups_of_the_same_photos_are_told_once_and_in_words(grouped: Report) -> None:
    """Files with other tables are the smaller pictures, and (but for one photo of 44) those in colour."""
    assert grouped.groups is not None
    name, n = grouped.models[0].name, len(grouped.labels)
    code = np.where(np.arange(n) < 20, 0, 1)
    called = "in colour", "in grey"
    tables = Grouping("jpeg_tables", "given", ("996197df", "8dc7f70c"), code, called=called, having=(39, -1))
    size = Grouping("source: picture size", "measured", ("350 x 350", "not 350 x 350"), 1 - code)
    first = grouped.groups.gaps[0]
    again = replace(first, grouping=size.name, level="not 350 x 350", through=("jpeg_tables", "996197df"))
    other = replace(first, grouping="jpeg_tables", level="8dc7f70c", gap=gap(0.4))
    found = GroupFindings((tables, size), (other, replace(first, grouping="jpeg_tables", level="996197df"), again))
    known = replace(grouped, groups=found)
    view = groups_view(known, Links(known, ()), found, (None, None))
    assert view.title == f"{name} fares worse on photos in colour than on others of the same emotions."
    model = view.models[0]
    (told,) = model.told
    assert told.endswith("The same photos, or nearly: those of picture size other than 350 x 350.")
    (row,) = model.rows
    assert row.label == "in colour"
    assert row.note.startswith("39 of them in colour; the same photos: of picture size other than 350 x 350;")
    assert "996197df" not in f"{view}" and "8dc7f70c" not in f"{view}" and "jpeg_tables" not in f"{view}"
