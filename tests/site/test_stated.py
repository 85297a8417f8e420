"""No two pages say two things: all that a built site states, as data, holds no contradiction."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from reportgen.config import Config
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report
from reportgen.site.stated import Statement, StatementLog, conflicts

VARIANTS = (
    "two models", "hostile names", "use not tested", "regions not measured", "one model", "three models", "no labels",
    "one model, no labels",
)  # fmt: skip


def stated(published: Published) -> list[Statement]:
    table = pd.read_csv(published.site / "downloads" / "statements.csv", dtype=str, keep_default_na=False)
    return [Statement(row.page, row.what, tuple(str(row.of).split(" / ")), row.value) for row in table.itertuples()]


def pair(one: str, other: str) -> list[tuple[Statement, Statement]]:
    return conflicts(
        [Statement("a.html", "recall", ("A", "joy"), one), Statement("b.html", "recall", ("A", "joy"), other)]
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("22\u202f%", "23\u202f%"), ("1,907", "1,908"), (".44", ".51"), ("yes", "no"), ("1 of 3", "33\u202f%"),
        ("81.6\u202f%", "81\u202f%"), ("−0.05", "0.05"), ("143", "144"),
    ],
)  # fmt: skip
def test_two_values_of_one_thing_are_a_conflict(one: str, other: str) -> None:
    assert len(pair(one, other)) == len(pair(other, one)) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("81.6\u202f%", "82\u202f%"), ("22.5\u202f%", "23\u202f%"), (".51", ".51"), ("21", "21 labels")]
)
def test_a_rounded_number_is_the_same_number(one: str, other: str) -> None:
    assert pair(one, other) == pair(other, one) == []


def test_other_things_may_have_other_values_and_a_conflict_is_told_once() -> None:
    made = StatementLog()
    assert made.number(".44", "macro-F1 over all emotions", "A") == ".44"
    made.number(".51", "macro-F1 over emotions with 10 images or more", "A")
    made.number("–", "macro-F1 over all emotions", "A")
    made.claim("trusted", "A", "joy", holds=True)
    assert conflicts(list(made)) == []
    for _ in range(2):
        made.claim("trusted", "A", "joy", holds=False)
    ((one, other),) = conflicts(list(made))
    assert {one.value, other.value} == {"yes", "no"} and one.what == "trusted"


@pytest.mark.parametrize("name", VARIANTS)
def test_no_site_contradicts_itself(variants: dict[str, Published], name: str) -> None:
    assert set(variants) == set(VARIANTS)
    assert conflicts(stated(variants[name])) == []


def test_what_matters_is_stated_and_on_several_pages(published: Published, report: Report) -> None:
    found = stated(published)
    pages = Counter((what, of) for page, what, of in {(one.page, one.what, one.of) for one in found})
    for model in report.models:
        assert pages["accuracy", (model.name,)] >= 3
        assert pages["recall", (model.name, "happiness")] >= 4
    assert pages["trusted", ("Custom CNN", "happiness")] >= 3
    assert pages["relies on a cue", ("Custom CNN", "happiness")] >= 3
    assert pages["recall without a property", ("Custom CNN", "happiness", "grey")] >= 3


def test_trusting_what_relies_on_a_shortcut_is_found(report: Report, tmp_path: Path) -> None:
    """The trust answer goes by scores alone, as it once did."""
    made = replace(report)
    made.__dict__["trust"] = tuple(
        replace(one, emotions=tuple(replace(emotion, doubts=()) for emotion in one.emotions)) for one in report.trust
    )
    publish(made, tmp_path, Config(), SilentProgress())
    found = {(one.what, one.of) for one, _ in conflicts(list(made.stated))}
    assert ("trusted", ("Custom CNN", "happiness")) in found
