"""Which regular expressions are certain to end."""

from __future__ import annotations

import re
import time

import pytest

from reportgen.inputs.persons import _PATTERNS
from reportgen.patterns import LONGEST_NAME, is_slow

USUAL = (
    *_PATTERNS,
    r"^(.*)_\d+\.jpg$",
    r"(a)",
    r"(\w+)?_x",
    r"([a-z]+)_\d+\.[a-z]+",
    r"^([^_]+)_([^_]+)_\d+\.png",
    r"^(?:img|photo)?[_-]?(\w+)[_-]\d+\.(?:jpg|jpeg|png)$",
    r"(?<=x)(a)(?!b)",
    r"^(?i:s(\d+))",
    r"^(?:\d{2}-){6}(\d{2})\.",
)
ENDLESS = (
    "((?:a+)+)!",
    "((?:aa|a.)*)b",
    r"((?:\w+\s?)*)x",
    "((?:a|ab|b)*)c",
    "((?:a{0,9}){0,9})x",
    "(?=(?:a+)+!)(a)",
    "((?:a?){40}a{40})",
    "((?:a*?)*?b)",
    r"((?:.|\d)*)!",
    "(?:x(?:a+)+)?(y)",
    "(.*.*.*.*.*.*)!",
    "(a*a*a*a*a*)!",
    "(x)(?(1)(?:a+)+|b)",
)


@pytest.mark.parametrize("pattern", USUAL)
def test_usual_patterns_are_taken(pattern: str) -> None:
    assert not is_slow(pattern)
    began = time.monotonic()
    for name in ("a" * LONGEST_NAME, "a_" * 127, "a1_" * 85, "1-" * 127, "a" * 200 + "_1.jpg"):
        re.search(pattern, name)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("pattern", ENDLESS)
def test_patterns_that_may_never_end_are_not(pattern: str) -> None:
    assert is_slow(pattern)
