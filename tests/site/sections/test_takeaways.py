"""The table of takeaways, without a site."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from reportgen.evidence.attention.claims import Claim
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.sections.takeaways import takeaways


def test_a_number_is_counted_in_its_own_unit() -> None:
    # Ten photos of four persons: a ratio of risks compares photos, a mean is one of persons.
    claims = (
        Claim("errors by peak", "A", Estimate(0.5, 0.3, 0.8, 10), 1.0, "holds", region="mouth"),
        Claim("on face", "A", Estimate(1.2, 1.1, 1.3, 4), 1.0, "holds"),
    )
    regions = SimpleNamespace(claims=claims, findings=SimpleNamespace(verdicts=[SimpleNamespace(persons=4)]))
    report: Any = SimpleNamespace(regions=regions, labelled=10)
    assert [found.tests[0].n for found in takeaways(report)] == ["10 images", "4 persons"]
