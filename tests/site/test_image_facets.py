"""What the explorer can choose by: which columns become facets, and which values they have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.groups.judging import GroupFindings
from reportgen.site.bundle.privacy import protect
from reportgen.site.image_facets import image_facets
from reportgen.site.report import Report


def with_columns(report: Report, **columns: object) -> Report:
    """The report with other columns of its images."""
    return replace(report, analysis=replace(report.analysis, images=report.analysis.images.assign(**columns)))


def facets(report: Report, **columns: object) -> dict[str, tuple[str, ...]]:
    """The names of every facet's values."""
    return {one.kind: one.names for one in image_facets(with_columns(report, **columns))}


def test_every_image_has_its_value_or_none(report: Report) -> None:
    images = report.analysis.images
    for one in image_facets(report):
        assert len(one.slugs) == len(one.names) == len(set(one.slugs)) >= 2
        assert set(np.unique(one.codes)) - {-1} == set(range(len(one.names)))
    person = next(one for one in image_facets(report) if one.kind == "person")
    assert [None if v < 0 else person.names[v] for v in person.codes] == [
        None if pd.isna(name) else name for name in images["person"]
    ]
    # Numbers count as numbers: person 2 stands before person 10.
    assert person.names == tuple(sorted(person.names, key=lambda name: int(name.split()[1])))


def test_sources_are_the_frequent_values_of_what_files_tell(report: Report) -> None:
    n = len(report.labels)
    sizes = [350] * (n - 6) + [48] * 3 + [101, 102, 103]
    found = facets(report, width=sizes, height=sizes, jpeg_quality=np.nan)
    assert found["size"] == ("48 x 48", "101 x 101", "102 x 102", "103 x 103", "350 x 350")
    assert found["format"] == ("JPEG", "PNG")
    assert "jpeg" not in found and "naming" not in found  # one value, or none
    many = facets(report, width=range(1, n + 1), height=10)["size"]
    assert len(many) == 7 and many[-1] == "other"


def test_columns_of_ones_own_are_facets_unless_they_have_very_many_values(report: Report) -> None:
    n = len(report.labels)
    found = facets(
        report,
        lamp=["on", "off", None] * 13 + ["on", "off"],
        person_age=[10.0, 9.0] * 20 + [np.nan],
        number=[f"no. {row}" for row in range(n)],
        same="yes",
        Model=["a", "b"] * 20 + ["a"],
    )
    assert found["lamp"] == ("off", "on")
    assert found["person-age"] == ("9", "10")
    assert "number" not in found and "same" not in found
    assert found["model-column"] == ("a", "b")  # "model:" has a meaning of its own


def test_a_protected_report_tells_persons_apart_and_names_none(report: Report) -> None:
    named = with_columns(report, person=["Ada Lovelace", "Alan Turing"] * 20 + [None], lamp=["on", "off"] * 20 + ["on"])
    found = {one.kind: one.names for one in image_facets(protect(named, "outline"))}
    assert found["person"] == ("person 1", "person 2")
    assert "lamp" not in found


def test_columns_of_votes_are_no_facets_and_a_column_called_votes_has_another_word(report: Report) -> None:
    n = len(report.labels)
    found = facets(report, **{"votes anger": [row % 3 for row in range(n)], "votes": [row % 2 for row in range(n)]})
    assert "votes-anger" not in found and "votes" not in found and found["votes-column"] == ("0", "1")


def test_groups_that_were_compared_are_facets_once(report: Report) -> None:
    n = len(report.labels)
    lamp, code = ["on", "off"] * 20 + ["on"], np.arange(n) % 3 - 1
    groupings = (
        Grouping("lamp", "given", ("off", "on"), code),
        Grouping("head turn", "measured", ("below 15°", "15° or more"), code),
        Grouping("source: file format", "measured", ("JPEG", "all others"), code),
    )
    made = replace(with_columns(report, lamp=lamp), groups=GroupFindings(groupings))
    found = {one.kind: one for one in image_facets(made)}
    assert found["head-turn"].names == ("below 15°", "15° or more")
    assert (found["head-turn"].codes == code).all() and not found["head-turn"].main
    assert found["lamp"].names == ("off", "on") and (found["lamp"].codes >= 0).all()  # the column itself
    assert found["format"].names == ("JPEG", "PNG") and "source-file-format" not in found
