"""The grade of a model's heatmaps, from checks on constructed cases."""

from __future__ import annotations

import itertools
import math

import pytest

from reportgen.evidence.importance.trust import TrustCheck, grade_of


def checks(complete: bool | None, blank: bool, agrees: bool | None, *, exact: bool = False) -> tuple[TrustCheck, ...]:
    return (
        TrustCheck("Complete", complete, 0.0, 0.9, "difference" if exact else "correlation"),
        TrustCheck("Beyond chance", blank, 0.05, 0.1, "blank"),
        TrustCheck("Shows what is used", agrees, math.nan if agrees is None else 0.4, 0.0, "importance"),
    )


@pytest.mark.parametrize(("complete", "blank", "exact"), list(itertools.product((True, False), repeat=3)))
def test_no_a_or_b_where_heat_does_not_go_with_importance(complete, blank, exact):
    assert grade_of(checks(complete, blank, False, exact=exact)) == "C"
    # Where it could not be asked, nothing is graded.
    assert grade_of(checks(complete, blank, None, exact=exact)) == ""


@pytest.mark.parametrize(
    ("complete", "blank", "exact", "grade"),
    [
        (True, True, False, "A"),
        (False, True, False, "B"),
        (True, False, False, "B"),
        (None, True, False, "B"),
        # Completeness by construction neither helps nor stands for another check.
        (True, True, True, "A"),
        (True, False, True, "B"),
    ],
)
def test_with_agreement_the_other_checks_that_could_fail_decide(complete, blank, exact, grade):
    made = checks(complete, blank, True, exact=exact)
    assert grade_of(made) == grade
    assert made[0].by_construction == (exact and complete is True)
