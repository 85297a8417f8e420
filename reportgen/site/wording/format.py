"""Numbers and lists as a reader meets them: one place, so that they read alike on every page."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from reportgen.evidence.performance.scores import EmotionScore
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA

__all__ = [
    "and_list",
    "capital",
    "chance_alone",
    "count",
    "decimal",
    "decimal_interval",
    "fixed",
    "format_p",
    "half_up",
    "interval_text",
    "number",
    "number_or_none",
    "paired_test",
    "percent",
    "percent_estimate",
    "percent_interval",
    "persons_too",
    "plain",
    "plural",
    "points",
    "points_interval",
    "rate",
    "share_interval",
    "shorten",
    "signed",
    "small",
    "sure",
    "too_few",
]

# A narrow no-break space keeps the sign with its number.
_PERCENT = "\u202f%"
_UNDEFINED = "–"
# An absolute path up to its last separator; folders may hold spaces, and a path that begins inside a word is relative.
# A lone backslash begins none: regular expressions are full of them.
_FOLDERS = re.compile(r"(?<![\w.~])(?:(?:~|[A-Za-z]:)[\\/]+|\\\\+|/+)(?:[^\\/:=,;\n]+[\\/])*")


def number(value: int) -> str:
    """2051 as "2,051"."""
    return f"{value:,}"


def number_or_none(value: int) -> str:
    """0 as "none", 2051 as "2,051"."""
    return number(value) if value else "none"


def count(value: int, noun: str, plural: str | None = None) -> str:
    """As in "1 image", "2,051 images"."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def plural(value: int, one: str, many: str) -> str:
    """The word that goes with a number, as "is" or "are"."""
    return one if value == 1 else many


def half_up(value: float, digits: int) -> str:
    """A finite number with so many digits, halves away from zero: 22.5 as "23", 28.499999999999996 as "29" (it is
    28.5 but for the last bit); with "−" below zero, but not where it rounds to nothing.
    """
    rounded = Decimal(f"{value:.12g}").quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return str(abs(rounded) if rounded == 0 else rounded).replace("-", "−")


def percent(value: float, digits: int = 0) -> str:
    """.8157 as "82 %", .225 as "23 %"."""
    if math.isnan(value):
        return _UNDEFINED
    return f"{half_up(100 * value, digits)}{_PERCENT}"


def sure(value: float) -> str:
    """A probability in per cent that never claims certainty: "> 99 %", "< 1 %"."""
    if value < 1 and half_up(100 * value, 0) == "100":
        return f">\u202f99{_PERCENT}"
    if value > 0 and half_up(100 * value, 0) == "0":
        return f"<\u202f1{_PERCENT}"
    return percent(value)


def percent_interval(estimate: Estimate, digits: int = 0) -> str:
    """As in "[80, 83]", in per cent; empty where there is no estimate."""
    if not estimate.defined:
        return ""
    if estimate.too_few:
        return too_few(estimate)
    return f"[{half_up(100 * estimate.low, digits)}, {half_up(100 * estimate.high, digits)}]"


def percent_estimate(estimate: Estimate, digits: int = 0) -> str:
    """As in "82 % [80, 83]"."""
    return f"{percent(estimate.value, digits)} {percent_interval(estimate, digits)}"


def chance_alone(band: tuple[float, float]) -> str:
    """As in "(chance alone: 1.9 to 4.1 %)": the span in which a perfect model's value falls, not an interval of the
    value beside it; empty where there is none.
    """
    if any(math.isnan(end) for end in band):
        return ""
    return f"(chance alone: {half_up(100 * band[0], 1)} to {percent(band[1], 1)})"


def decimal(value: float, digits: int = 2) -> str:
    """.437 as ".44"; "1.00" stays."""
    text = fixed(value, digits)
    return text.replace("0.", ".", 1) if text.removeprefix("−").startswith("0.") else text


def fixed(value: float, digits: int = 2) -> str:
    """As in "1.25" or "−0.05"; a ratio to nothing is "∞"."""
    if math.isnan(value):
        return _UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return half_up(value, digits)


def signed(value: float, digits: int = 2) -> str:
    """As in "+0.24" or "−0.03"; what rounds to nothing has no sign."""
    if math.isnan(value):
        return _UNDEFINED
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    text = half_up(value, digits)
    return text if value < 0 or float(text) == 0 else f"+{text}"


def interval_text(value: float, low: float, high: float) -> str:
    """As in "1.25 [1.10, ∞]"."""
    return f"{fixed(value)} [{fixed(low)}, {fixed(high)}]"


def format_p(p: float) -> str:
    """A p value as readers expect it: "p = .03", "p < .001"."""
    if p < 0.001:
        return "p < .001"
    # Near .05 as many places as it takes to see on which side of it p lies.
    distance = abs(p - ALPHA)
    text = f"{p:.{4 if distance < 0.0005 else 3 if p < 0.01 or distance < 0.005 else 2}f}"
    return "p = 1" if text == "1.00" else f"p = {text.removeprefix('0')}"


def decimal_interval(estimate: Estimate, digits: int = 2) -> str:
    """As in "[.40, .47]"; empty where there is no estimate."""
    if estimate.too_few:
        return too_few(estimate)
    return f"[{decimal(estimate.low, digits)}, {decimal(estimate.high, digits)}]" if estimate.defined else ""


def points(difference: float, digits: int = 1, *, sign: bool = True, unit: str = " points") -> str:
    """A difference of two shares: "+7.8 points"; what rounds to nothing has no sign; `sign`: show "+"."""
    text = signed(100 * difference, digits)
    return f"{text if sign else text.removeprefix('+')}{unit}"


def persons_too(n: int, persons: int | None, *, named: bool) -> str:
    """A number of images, with that of their persons where these are `named`: "31 (9 persons)"."""
    return number(n) if persons is None or not named else f"{number(n)} ({count(persons, 'person')})"


def too_few(estimate: Estimate) -> str:
    """In place of an interval where images of too few persons, or too few different photos, were judged."""
    return f"(too few {'persons' if estimate.named else 'different photos'} for an interval)"


def share_interval(estimate: Estimate) -> str:
    """As in "[2, 6]", in per cent, of a share that may be below 0."""
    if not estimate.defined:
        return ""
    if math.isinf(estimate.low):
        return too_few(estimate)
    return f"[{half_up(100 * estimate.low, 0)}, {half_up(100 * estimate.high, 0)}]"


def paired_test(difference: Estimate) -> str:
    """The test behind a difference on the same images."""
    if difference.persons is None:
        return "exact McNemar test"
    return f"sign-flip test over {'persons' if difference.named else 'different photos'}"


def points_interval(difference: Estimate) -> str:
    """As in "[+5.1, +10.4]", in points."""
    if difference.too_few:
        return too_few(difference)
    return f"[{signed(100 * difference.low, 1)}, {signed(100 * difference.high, 1)}]"


def rate(score: EmotionScore) -> str:
    """Recall in per cent, or "1 of 3" where a per cent would pretend to be a measurement."""
    return score.k_of_n if score.few else percent(score.recall.value)


def and_list(words: Sequence[str], last: str = "and") -> str:
    """As in "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def capital(sentence: str) -> str:
    """The first letter as a capital, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def small(title: str) -> str:
    """The first letter in lower case, the rest as it is: a title within a sentence."""
    return title[:1].lower() + title[1:]


def plain(text: str) -> str:
    """A text without the folders of absolute paths: where files lay on someone's disk is nobody's business."""
    return _FOLDERS.sub("", text)


def shorten(name: str, longest: int = 48) -> str:
    """A long name with its middle left out."""
    if len(name) <= longest:
        return name
    half = (longest - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
