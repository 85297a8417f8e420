"""The takeaways that guides to heatmaps end with, each beside its test on this test set."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.attention.claims import Claim
from reportgen.site.report import Report
from reportgen.site.wording.claims import ANSWER_WORDS, ClaimWords, claim_models, claim_note, claim_words
from reportgen.site.wording.format import capital, count, fixed

__all__ = ["Takeaway", "Test", "takeaways"]

_TONES = {"holds": "holds", "does not hold": "does-not-hold", "undetermined": "undetermined"}


@dataclass(frozen=True)
class Test:
    """One test of a takeaway: of one model, or of a pair. `tone`: the answer without words."""

    __test__ = False  # pytest takes the name for a test class

    model: str
    value: str
    interval: str
    null: str
    n: str
    answer: str
    tone: str
    note: str


# A ratio of risks counts images; where persons are known, only its interval is theirs.
_IMAGES = ("diffuse errors", "errors by peak")


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
    found: dict[ClaimWords, list[Test]] = {}
    for claim in report.regions.claims:
        unit = "person" if persons and claim.kind not in _IMAGES else "image"
        found.setdefault(claim_words(claim), []).append(_test(claim, unit))
    return tuple(Takeaway(w.claim, capital(w.how), w.quantity, tuple(tests)) for w, tests in found.items())


def _test(claim: Claim, unit: str) -> Test:
    result = claim.result
    nothing = math.isnan(result.value)
    small = not nothing and max(abs(result.value), abs(result.low), abs(result.high)) < 0.2
    digits = 3 if small else 2
    return Test(
        claim_models(claim),
        "not measurable" if nothing else fixed(result.value, digits),
        "" if nothing else f"[{fixed(result.low, digits)}, {fixed(result.high, digits)}]",
        "" if nothing else fixed(claim.null, digits).rstrip("0").rstrip(".") or "0",
        count(result.n, unit),
        ANSWER_WORDS[claim.answer],
        _TONES[claim.answer],
        claim_note(claim),
    )
