"""How often gaps between groups are proven where there are none, and where they are known."""

from __future__ import annotations

from collections import Counter

import pytest

from reportgen.evidence.groups import judging
from reportgen.evidence.groups.judging import judge_groups
from tests.evidence.groups.simulated import simulated

SETTINGS: dict[str, dict[str, float | int | bool]] = {
    "four photos a person": {},
    "60 persons": {"persons": 60},
    "one person in ten has 30 photos": {"persons": 150, "uneven": True},
    "photos of a person much alike": {"persons": 80, "alike": 0.5},
    "photos that are independent": {"alike": 0.0},
}


BESIDE = ("measured_groupings", "equalised_odds", "_worst_persons")
"""Nothing is measured on photos that were never taken."""


def leave_out(monkeypatch: pytest.MonkeyPatch, *parts: str) -> None:
    """Judge thousands of sets without what stands beside their gaps, after one that shows that it is beside them."""

    def gaps() -> list[str]:
        found = judge_groups(simulated(0, gap=0.3), None, (), 0)
        return [repr(one) for one in found.gaps if not one.emotion or "_emotions" not in parts]

    whole = gaps()
    for name in parts:
        monkeypatch.setattr(judging, name, lambda *_: ())
    assert gaps() == whole


def accused(sets: int, **settings: float | bool) -> tuple[int, int, int]:
    """Of so many sets without a gap: in how many any gap or pair is proven; how many gaps were tested; in how many sets
    the groups of another mix of emotions score differently as they are.
    """
    wrong = tested = mixed = 0
    for seed in range(sets):
        found = judge_groups(simulated(seed, **settings), None, (), seed)  # type: ignore[arg-type]
        wrong += any(one.answer == "yes" for one in found.gaps) or any(one.worse for one in found.intersections)
        tested += found.tested
        mixed += any(one.plain.estimate.excludes(0.0) for one in found.gaps if one.grouping == "source")
    return wrong, tested, mixed


def test_sets_without_a_gap_are_hardly_ever_accused() -> None:
    wrong, tested, mixed = accused(40)
    assert wrong <= 3 and tested > 40 * 20
    assert mixed >= 20  # the mix of emotions alone makes plain gaps


def test_a_gap_of_thirty_points_is_found() -> None:
    proven = Counter[str]()
    for seed in range(12):
        found = judge_groups(simulated(100 + seed, gap=0.3), None, (), seed)
        proven.update({one.grouping for one in found.gaps if one.worse and not one.emotion})
    assert proven["source"] >= 8
    assert proven["sex"] + proven["view"] == 0


@pytest.mark.slow
def test_families_err_in_at_most_5_percent_of_2000_sets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out(monkeypatch, *BESIDE)
    total = 0
    for name, settings in SETTINGS.items():
        wrong, tested, mixed = accused(400, **settings)  # type: ignore[arg-type]
        total += wrong
        with capsys.disabled():
            print(
                f"\n{name}: {wrong} of 400 sets without a gap err ({wrong / 4:.1f} %), {tested / 400:.0f} tests a set; "
                f"plain gaps differ in {mixed}"
            )
        assert wrong <= 0.05 * 400
    assert total <= 0.05 * 2000


@pytest.mark.slow
def test_power(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Gaps over all emotions are a family of their own: neither single emotions nor pairs of groups weigh on them.
    leave_out(monkeypatch, *BESIDE, "_emotions", "search_intersections")
    for persons, gap, least in ((200, 0.2, 0.3), (200, 0.3, 0.8), (400, 0.2, 0.7), (400, 0.3, 0.95)):
        proven = 0
        for seed in range(200):
            found = judge_groups(simulated(1000 + seed, persons=persons, gap=gap), None, (), seed)
            proven += any(one.worse for one in found.gaps if (one.grouping, one.emotion) == ("source", ""))
        with capsys.disabled():
            print(
                f"\na gap of {100 * gap:.0f} points in 15 % of {persons} persons with four photos each: found in "
                f"{proven / 2:.0f} % of 200 sets"
            )
        assert proven >= least * 200
