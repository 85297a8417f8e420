"""Reasons in words: the numbers behind a flag, and properties of the photo on the first page."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reportgen.evidence.errors.rates import FlagRate
from reportgen.evidence.errors.rules import Flag, FlagMeasure
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.wording.headline import _quality_sentence
from reportgen.site.wording.reasons import evidence_of


@pytest.mark.parametrize(
    ("name", "value", "limit", "said"),
    [
        (
            "dark-eyes", 0.27, 0.4,
            "The eyes have 27 % of the light on the cheeks (limit: 40 %), as with dark glasses or in deep shade.",
        ),
        ("turned-head", 34.4, 28.6, "The head is turned by about 34° (limit: 29°)."),
        ("open-mouth", 0.31, 0.267, "The lips are apart by 31 % of the mouth's width (limit for neutral: 27 %)."),
    ],
)  # fmt: skip
def test_states_of_the_face_are_told_with_their_limit(name: str, value: float, limit: float, said: str) -> None:
    found, yes = (np.array([number]) for number in (value, limit)), np.array([True])
    flag = Flag(name, yes, yes, (FlagMeasure(name, *found, yes),))
    reasons: Any = SimpleNamespace(flag=lambda _: flag)
    report: Any = SimpleNamespace(truth=lambda _: "neutral")
    assert evidence_of(report, reasons, 0, 0, name).replace("\u202f", " ") == said


def rate(flag: str, value: float, p: float, low: float = 1.2) -> FlagRate:
    return FlagRate(flag, 0, 0, 0, 20, 100, 10, 100, Estimate(value, low, 4.0, 200), p)


def test_the_first_page_names_what_of_the_photo_goes_with_errors() -> None:
    rates = (
        rate("shortcut", 3.0, 0.001), rate("low-quality", 2.0, 0.001), rate("dark-eyes", 1.5, 0.001),
        rate("turned-head", math.inf, 0.01), rate("ambiguous", 3.0, 0.001),
    )  # fmt: skip
    reasons: Any = SimpleNamespace(models=[SimpleNamespace(rates=rates)])
    (said,) = _quality_sentence(reasons, 0, "the errors")
    assert said.replace("\u202f", " ") == (
        "The errors have low photo quality 2.0 times as often as correct predictions, covered or dark eyes 1.5 times "
        "and a turned head as no correct prediction has."
    )
    assert not list(_quality_sentence(SimpleNamespace(models=[SimpleNamespace(rates=rates[:1])]), 0, "the errors"))
