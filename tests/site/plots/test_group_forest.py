"""The forest plot of groups: the same numbers give the same picture, and what cannot be compared is not drawn."""

from __future__ import annotations

import re

import numpy as np

from reportgen.evidence.groups.gaps import Gap
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.site.plots.group_forest import group_alt, group_plot, group_rows
from reportgen.site.plots.style import DARK, LIGHT, in_dark


def one(level: str, value: float, p: float, error: float = 0.05) -> GroupGap:
    gap = Gap(0.5 + value, 0.5, error, 30.0, 40, 400, 20, (0,))
    plain = Gap(float("nan"), 0.5, float("nan"), 0.0, 40, 400, 20, (0,))
    return GroupGap("Net", "sex", level, "", "accuracy", plain, gap, p, 1.0, by_mix=False, photos=40, share=0.1)


FOUND = GroupFindings(
    (Grouping("sex", "given", ("f", "m", "x"), np.zeros(3, int)),),
    (one("f", -0.3, 0.001), one("m", 0.1, 0.5), one("x", 0.0, 1.0, float("nan"))),
)


def test_only_what_was_compared_is_a_row() -> None:
    rows = group_rows(FOUND, "Net")
    assert [row.level for row in rows] == ["f", "m"] and group_rows(FOUND, "Other") == ()
    alt = group_alt("Net", rows, FOUND)
    assert "2 groups" in alt and alt.count("sex: f") == 1 and "sex: m" not in alt


def test_figures_come_out_the_same_in_both_schemes_and_every_time() -> None:
    rows = group_rows(FOUND, "Net")
    first, again, dark = (group_plot(rows, 0, palette, FOUND) for palette in (LIGHT, LIGHT, DARK))
    assert first == again
    inner = re.compile(rb"[mp][0-9a-f]{10}\b")
    assert first[1:] == dark[1:] and inner.sub(b"", in_dark(first[0])) == inner.sub(b"", dark[0])
    assert b"with sex: f" in first[0] and b"nan" not in first[0].lower()
