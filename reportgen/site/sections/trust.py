"""How far one model's heatmaps can be read as reasons: the grade and the checks it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.importance.trust import TrustCheck
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.models import CHECK_NAMES, check_limit, check_sentence, check_value, grade_sentence
from reportgen.site.wording.shortcuts import model_proofs

__all__ = ["CheckRow", "TrustPanel", "trust_panel"]


@dataclass(frozen=True)
class CheckRow:
    """One check; `sign` says the same as `tone` ("passed", "failed" or "open") without colour."""

    name: str
    tone: str
    sign: str
    words: str
    shown: str
    wanted: str
    text: str


@dataclass(frozen=True)
class TrustPanel:
    """The panel; `grade` is "A", "B", "C", or "" where the heatmaps were not graded; `caution`: what none shows."""

    grade: str
    alt: str
    sentence: str
    caution: str
    checks: tuple[CheckRow, ...]


def trust_panel(report: Report, links: Links, k: int) -> TrustPanel | None:
    """The panel of model `k`; None where neither regions nor labels are known."""
    found = report.importance
    if found is None:
        return None
    grade = next((grade for grade in found.grades if grade.model == report.models[k].name), None)
    if grade is None:
        return None
    alt = f"Trust grade {grade.grade}" if grade.grade else "Not graded"
    checks = tuple(_check(check) for check in grade.checks)
    return TrustPanel(grade.grade, alt, grade_sentence(grade), _caution(report, links, k), checks)


def _caution(report: Report, links: Links, k: int) -> str:
    """The grade is about places: a shortcut through the whole photo passes all its checks."""
    proofs = model_proofs(report, links, k, report.models[k].name)
    claims = [proof.claim for proof in proofs if proof.change]
    if not claims:
        return ""
    return f"{' '.join(claims)} Whatever the grade, no heatmap shows that: it shows places only."


def _check(check: TrustCheck) -> CheckRow:
    tone, sign, words = {
        True: ("passed", "✓", "holds"),
        False: ("failed", "✕", "does not hold"),
        None: ("open", "?", "could not be made"),
    }[check.passed]
    words = "not measured" if check.measure == "none" else words
    if check.by_construction:
        tone, words = "open", "holds by construction: not counted"
    name, value, limit = CHECK_NAMES[check.name], check_value(check), check_limit(check)
    return CheckRow(name, tone, sign, words, value, limit, check_sentence(check))
