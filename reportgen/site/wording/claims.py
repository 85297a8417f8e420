"""The takeaways that guides to heatmaps end with, each beside its test on this test set."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.attention.claims import Claim
from reportgen.evidence.stats.intervals import two_decimals
from reportgen.site.html.components import Link
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import capital, count

__all__ = ["Takeaway", "Test", "takeaways", "takeaways_link"]

_PAGE = "method.html#takeaways"


@dataclass(frozen=True)
class Test:
    """One test of a takeaway: of one model, or of a pair. `answer`: holds, does not hold or undetermined."""

    __test__ = False  # pytest takes the name for a test class

    model: str
    value: str
    interval: str
    null: str
    n: str
    answer: str
    note: str


@dataclass(frozen=True)
class Takeaway:
    """One takeaway as guides put it, how it was tested, what the number is, and a test per model."""

    claim: str
    how: str
    quantity: str
    tests: tuple[Test, ...]


def takeaways(report: Report) -> tuple[Takeaway, ...]:
    """All of them, in the order in which they were tested; empty without regions or labels."""
    if report.regions is None or not report.labelled:
        return ()
    persons = any(verdict.persons is not None for verdict in report.regions.findings.verdicts)
    found: dict[tuple[str, str, str], list[Test]] = {}
    for claim in report.regions.claims:
        key = (_words(claim.claim), capital(_words(claim.how)), _words(claim.quantity))
        found.setdefault(key, []).append(_test(claim, "person" if persons else "image"))
    return tuple(Takeaway(*key, tuple(tests)) for key, tests in found.items())


def takeaways_link(report: Report) -> Link | None:
    """Where they stand; None where nothing was tested."""
    there = report.regions is not None and report.labelled and report.regions.claims
    return Link("What guides say, tested here", _PAGE) if there else None


def _test(claim: Claim, unit: str) -> Test:
    result = claim.result
    nothing = math.isnan(result.value)
    small = not nothing and max(abs(result.value), abs(result.low), abs(result.high)) < 0.2
    digits = 3 if small else 2
    return Test(
        claim.model,
        "not measurable" if nothing else _number(result.value, digits),
        "" if nothing else f"[{_number(result.low, digits)}, {_number(result.high, digits)}]",
        "" if nothing else _number(claim.null, digits).rstrip("0").rstrip(".") or "0",
        count(result.n, unit),
        claim.answer,
        claim.note,
    )


def _number(value: float, digits: int) -> str:
    return two_decimals(value, digits).replace("-", "−")


def _words(text: str) -> str:
    for region, name in REGION_NAMES.items():
        text = text.replace(region, name)
    return text
