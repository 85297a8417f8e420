from __future__ import annotations

import math

import pytest

from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.site.wording.format import (
    and_list,
    count,
    decimal,
    minus,
    percent,
    percent_interval,
    percents,
    plain,
    points,
    shorten,
    sure,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100\u202f%"),
        (0.9999, ">\u202f99\u202f%"),
        (0.0004, "<\u202f1\u202f%"),
        (0.0, "0\u202f%"),
        (0.714, "71\u202f%"),
    ],
)
def test_a_probability_never_claims_certainty(value: float, text: str) -> None:
    assert sure(value) == text


def test_numbers() -> None:
    assert percent(0.8157, 1) == "81.6\u202f%"
    assert percent(math.nan) == "–"
    assert percent_interval(wilson(0, 0)) == ""
    assert percent_interval(Estimate(0.5, 0.25, 0.75, 9)) == "[25, 75]"
    assert (decimal(0.437), decimal(1.0), decimal(-0.05), decimal(10.04, 1)) == (".44", "1.00", "−.05", "10.0")
    assert [points(value) for value in (-0.078, 0.078, -0.0001)] == ["−7.8 points", "+7.8 points", "0.0 points"]


def test_per_cent_signs_are_set_alike_and_codes_stay() -> None:
    assert percents("68% of 5 %, at most 10% blank (3%)") == (
        "68\u202f% of 5\u202f%, at most 10\u202f% blank (3\u202f%)"
    )
    assert percents("a1%20b 5%2e") == "a1%20b 5%2e"


def test_a_hyphen_before_a_number_becomes_a_minus_and_no_other() -> None:
    assert minus("0.31 [-0.02, 0.55], -.5") == "0.31 [−0.02, 0.55], −.5"
    for text in ("2.6e-07", "two-way, 16-bit", "2020-01-02", "a - b", "3-4"):
        assert minus(text) == text


def test_folders_of_someones_disk_are_left_out() -> None:
    assert plain("/home/Jane Doe/x.png: cannot be read") == "x.png: cannot be read"
    assert plain(r"C:\Users\Jane Doe\x.png = D:\y.png") == "x.png = y.png"
    assert plain("~/data/x.csv, images/a.png and 14 x 14") == "x.csv, images/a.png and 14 x 14"


def test_words() -> None:
    assert [and_list(list("abc")[:k]) for k in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert (count(1, "image"), count(2051, "entry", "entries")) == ("1 image", "2,051 entries")
    assert len(shorten("x" * 300, 48)) <= 48
