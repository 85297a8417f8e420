from __future__ import annotations

import math

import numpy as np
import pytest

from reportgen.evidence.stats.clustered import clusters, proportion
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.site.wording.format import (
    and_list,
    count,
    decimal,
    fixed,
    format_p,
    half_up,
    interval_text,
    paired_test,
    percent,
    percent_interval,
    plain,
    points,
    share_interval,
    shorten,
    signed,
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


def test_units_are_called_persons_only_where_persons_are_known() -> None:
    few = Estimate(0.5, 0.0, 1.0, 12, 3)
    assert percent_interval(few) == "(too few persons for an interval)"
    copies = clusters(np.asarray(["photo 0", "photo 0", "photo 1", "photo 1"], dtype=object), 4)
    found = proportion(np.array([True, True, False, False]), copies)
    assert percent_interval(found) == "(too few different photos for an interval)"
    assert paired_test(few) == "sign-flip test over persons"
    assert paired_test(found) == "sign-flip test over different photos"
    assert paired_test(wilson(1, 4)) == "exact McNemar test"


def test_numbers() -> None:
    assert percent(0.8157, 1) == "81.6\u202f%"
    assert percent(math.nan) == "–"
    assert percent_interval(wilson(0, 0)) == ""
    assert percent_interval(Estimate(0.5, 0.25, 0.75, 9)) == "[25, 75]"
    assert (decimal(0.437), decimal(1.0), decimal(-0.05), decimal(10.04, 1)) == (".44", "1.00", "−.05", "10.0")
    assert [points(value) for value in (-0.078, 0.078, -0.0001)] == ["−7.8 points", "+7.8 points", "0.0 points"]


def test_halves_are_rounded_up_everywhere() -> None:
    """9 of 40 is 22.5 %, and 100 times .285 is 28.499999999999996: neither may round down on one page and up on the
    next.
    """
    assert percent(0.225) == "23\u202f%" and percent(9 / 40) == percent(0.325 - 0.1) == "23\u202f%"
    assert (percent(0.285), percent(0.005), percent(-0.005)) == ("29\u202f%", "1\u202f%", "−1\u202f%")
    assert percent_interval(Estimate(0.5, 0.125, 0.905, 9)) == "[13, 91]"
    assert (fixed(0.125), fixed(2.675), fixed(-0.125), signed(0.125)) == ("0.13", "2.68", "−0.13", "+0.13")
    assert (decimal(0.005), signed(math.inf), points(0.00025, 2)) == (".01", "+∞", "+0.03 points")
    assert (sure(0.995), sure(0.005)) == (">\u202f99\u202f%", "1\u202f%")
    assert share_interval(Estimate(0.0, -0.025, 0.025, 9)) == "[−3, 3]"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert (half_up(-0.4, 0), fixed(-0.004), decimal(-0.004), percent(-0.004)) == ("0", "0.00", ".00", "0\u202f%")
    assert share_interval(Estimate(0.0, -0.004, 0.004, 9)) == "[0, 0]"
    assert interval_text(0.0, -0.001, 0.001) == "0.00 [0.00, 0.00]"


def test_estimates_and_their_intervals() -> None:
    assert [fixed(value) for value in (1.254, -0.05, math.inf, -math.inf)] == ["1.25", "−0.05", "∞", "−∞"]
    assert interval_text(-0.5, -math.inf, 0.125) == "−0.50 [−∞, 0.13]"
    assert [signed(value) for value in (0.244, -0.03, -0.001, math.nan)] == ["+0.24", "−0.03", "0.00", "–"]


def test_folders_of_someones_disk_are_left_out() -> None:
    assert plain("/home/Jane Doe/x.png: cannot be read") == "x.png: cannot be read"
    assert plain(r"C:\Users\Jane Doe\x.png = D:\y.png") == "x.png = y.png"
    assert plain("~/data/x.csv, images/a.png and 14 x 14") == "x.csv, images/a.png and 14 x 14"
    assert plain(r"\\server\share\x.png") == "x.png"
    # A regular expression is no path, though full of backslashes.
    assert plain(r"^(.*?\pL.*?)[_-]\d+\.[A-Za-z]+$") == r"^(.*?\pL.*?)[_-]\d+\.[A-Za-z]+$"


def test_words() -> None:
    assert [and_list(list("abc")[:k]) for k in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert (count(1, "image"), count(2051, "entry", "entries")) == ("1 image", "2,051 entries")
    assert len(shorten("x" * 300, 48)) <= 48


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "p < .001"),
        (0.004, "p = .004"),
        (0.04321, "p = .04"),
        (0.0467, "p = .047"),
        (0.0523, "p = .052"),
        (0.0498, "p = .0498"),
        (0.5, "p = .50"),
        (0.999, "p = 1"),
        (1.0, "p = 1"),
    ],
)
def test_format_p(p: float, text: str) -> None:
    assert format_p(p) == text


def test_shares_below_nothing_keep_their_sign_and_nothing_has_none() -> None:
    assert [percent(value) for value in (-0.034, -0.001, 0.0)] == ["−3\u202f%", "0\u202f%", "0\u202f%"]
    assert share_interval(Estimate(0.03, -0.004, 0.061, 50)) == "[0, 6]"
    assert share_interval(Estimate(0.03, -0.02, 0.06, 50)) == "[−2, 6]"
    assert share_interval(Estimate(0.03, -math.inf, math.inf, 50, 4)) == "(too few persons for an interval)"
    assert share_interval(Estimate(math.nan, -math.inf, math.inf, 50)) == ""
