"""The order of findings on constructed reports: the largest proven damage leads, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.damage import Damage, rank_damages
from reportgen.evidence.groups.gaps import Gap
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.importance.contamination import Contamination
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.permuted_classes import PermutedOrder
from reportgen.evidence.shortcuts.components import Component, ComponentTest
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.properties import Association
from reportgen.evidence.stats.intervals import Estimate, wilson

CLASSES = ("disgust", "fear", "joy", "sadness")


def analysis(features: np.ndarray | None = None) -> Analysis:
    labels = np.repeat(np.arange(4), 10)
    logits = np.eye(4, dtype=np.float32)[labels]
    maps = np.ones((40, 4, 1, 1), np.float32)
    models = tuple(ModelRecords(name, name, {}, logits, maps, features=features) for name in ("A", "B"))
    return Analysis(Path("none"), {"classes": CLASSES}, pd.DataFrame({"label": labels}), pd.DataFrame(), models)


def by_property(emotion: str, fall: float, low: float, model: str = "A", change: str = "grey") -> Shortcut:
    whole = Estimate(1.0, 0.9, 1.0, 30)
    link = Association("colour", emotion, whole, 0.9, 0.1, 0.001, "yes")
    drop = Estimate(fall, low, min(2 * fall - low, 1.0), 30)
    return Shortcut(
        model, emotion, change, ("colour",), whole, whole, drop, 30, None, 0.001, 1.0, link, "in colour", True, (), ()
    )


def by_background(emotion: str, fall: float, low: float, model: str = "A") -> BackgroundFinding:
    swap = RegionImportance(model, emotion, "background", "yes", 2.0, 1.5, 2.5, fall, 0.001, 24, 24, 60, (0.0,) * 4,
                            p_unadjusted=0.001, recall_low=low, recall_high=1.0)  # fmt: skip
    return BackgroundFinding(model, emotion, "uses it", False, "", 2.0, swap, ("content",), (float("nan"),))


def order_of(
    *found: Shortcut | BackgroundFinding, orders: tuple[PermutedOrder | None, ...] = (None, None), leaks: float = 0.0
) -> tuple[Damage, ...]:
    proved: dict[tuple[str, str], Contamination] = {}
    for one in found:
        known = proved.get((one.model, one.emotion), Contamination((), (), (), ()))
        if isinstance(one, Shortcut):
            known = replace(known, shortcuts=(*known.shortcuts, one))
        else:
            known = replace(known, backgrounds=(*known.backgrounds, one))
        proved[one.model, one.emotion] = known
    leakage = [Leakage("B", wilson(90, 100), wilson(60, 100), Estimate(leaks, leaks / 2, 2 * leaks, 400))]
    return rank_damages(analysis(), proved, orders, leakage if leaks else [])


def told(damages: tuple[Damage, ...]) -> list[tuple[str, str, str]]:
    return [(damage.kind, damage.model, damage.emotion) for damage in damages]


def test_the_largest_loss_leads_whatever_its_kind_and_the_rest_follows() -> None:
    found = order_of(
        by_property("sadness", 0.15, 0.05), by_background("fear", 0.3, 0.2), by_property("disgust", 0.89, 0.8)
    )
    assert told(found) == [("property", "A", "disgust"), ("background", "A", "fear"), ("property", "A", "sadness")]
    swapped = order_of(by_property("sadness", 0.15, 0.05), by_background("fear", 0.95, 0.9))
    assert told(swapped)[0] == ("background", "A", "fear")


def test_a_loss_that_is_sure_comes_before_a_larger_one_that_is_not() -> None:
    """.50 with an interval from −1 is half of it or more with 63 %: it counts .31; .40 from .30 counts .40."""
    loose, firm = order_of(by_property("joy", 0.5, -1.0), by_property("fear", 0.4, 0.3))[::-1]
    assert (loose.emotion, firm.emotion) == ("joy", "fear")
    assert loose.sure == pytest.approx(0.628, abs=0.001) and loose.size == pytest.approx(0.314, abs=0.001)
    assert firm.sure > 0.999


def test_what_concerns_all_emotions_weighs_as_many_times_as_there_are() -> None:
    """Accuracy that is inflated by .1 is .4 of one emotion's photos where there are four."""
    found = order_of(by_property("disgust", 0.6, 0.5), by_property("joy", 0.2, 0.1), leaks=0.1)
    assert told(found) == [("property", "A", "disgust"), ("leakage", "B", ""), ("property", "A", "joy")]
    assert found[1].lost.value * found[1].emotions == pytest.approx(0.4)


def test_classes_in_a_wrong_order_come_before_everything() -> None:
    order = PermutedOrder(0.5, 0.6, CLASSES[::-1], 40, ())
    found = order_of(by_property("disgust", 0.9, 0.8), orders=(None, order))
    assert told(found) == [("class order", "B", ""), ("property", "A", "disgust")]


def test_leakage_that_is_not_shown_is_no_damage() -> None:
    unsure = Leakage("A", wilson(9, 10), wilson(25, 30), Estimate(0.02, -0.1, 0.14, 40))
    assert rank_damages(analysis(), {}, (None, None), [unsure]) == ()


def test_a_loss_without_an_interval_is_half_sure_and_no_loss_is_no_damage() -> None:
    open_ended = replace(by_background("fear", 0.3, 0.2), importance=None)
    assert order_of(open_ended)[0].size == 0
    unbounded = order_of(by_background("fear", 0.3, -np.inf))[0]
    assert unbounded.lost.low == -1
    gained = order_of(by_property("joy", -0.1, -0.2))[0]
    assert (gained.sure, gained.size) == (0.5, 0.0)


def test_a_component_counts_for_the_photos_that_carry_it_and_are_right() -> None:
    """Six of ten photos of fear have half of the rise or more, all predicted as fear: half of these lost is .3."""
    features = np.zeros((40, 1), np.float32)
    features[10:16] = 4.0
    test = ComponentTest(6, 4, 1, Estimate(0.5, 0.2, 0.8, 6), 20, None, 15, 1, Estimate(0.7, 0.5, 0.9, 20), 0.0, 0.01,
                         0.01, "yes")  # fmt: skip
    cue = Component("A", 1, 1, True, 4.0, np.ones(1, np.float32), (10, 11), (0,), (0,), wilson(6, 6), 0.25, test=test)
    proved: Mapping[tuple[str, str], Contamination] = {("A", "fear"): Contamination((), (), (cue,), ())}
    (found,) = rank_damages(analysis(features), proved, (None, None), [])
    assert (found.kind, found.emotion) == ("component", "fear")
    assert found.lost.value == pytest.approx(0.3)
    assert (found.lost.low, found.lost.high) == pytest.approx((0.12, 0.48))
    (unknown,) = rank_damages(analysis(), proved, (None, None), [])
    assert unknown.size == 0
    by_pasting = replace(cue, test=replace(test, known=0, lost=0, lost_control=0, fall=Estimate(np.nan, -1.0, 1.0, 0)))
    (uncut,) = rank_damages(
        analysis(features), {("A", "fear"): Contamination((), (), (by_pasting,), ())}, (None, None), []
    )
    assert (uncut.lost.value, uncut.size) == (0, 0)


def test_equal_damages_have_an_order() -> None:
    found = [by_property("joy", 0.5, 0.4, "B"), by_property("joy", 0.5, 0.4), by_property("fear", 0.5, 0.4)]
    assert told(order_of(*found)) == told(order_of(*found[::-1]))


def grouped(gaps: list[tuple[str, str, float, float]], *, through: bool = False) -> GroupFindings:
    """Groups of ten photos each by number, with a gap over all emotions ("") or of one, and its standard error."""
    grouping = Grouping("view", "given", ("a", "b", "c", "d"), np.repeat(np.arange(4), 10))
    found = tuple(
        GroupGap(
            "A", "view", level, emotion, "recall" if emotion else "accuracy", _gap(value, error), _gap(value, error),
            0.001, 1.0, by_mix=False, photos=10, share=0.25, through=("sex", "f") if through else None,
        )
        for level, emotion, value, error in gaps
    )  # fmt: skip
    return GroupFindings((grouping,), found)


def _gap(value: float, error: float) -> Gap:
    return Gap(0.5 + value, 0.5, error, 1e6, 10, 30, 10, (0,))


def ranked(groups: GroupFindings, proved: Mapping[tuple[str, str], Contamination] | None = None) -> list[Damage]:
    made = analysis()
    images = made.images.assign(
        path="x.jpg", width=9, height=9, format="JPEG", jpeg_quality=90.0, luminance=0.5, contrast=0.2, sharpness=0.1,
        colourfulness=np.repeat([0.2, 0.0], [10, 30]), red_green=0.0, yellow_blue=0.0,
    )  # fmt: skip
    return list(rank_damages(replace(made, images=images), proved or {}, (None, None), [], groups))


def test_the_group_that_loses_most_competes_by_its_share_of_the_photos() -> None:
    """.4 of a quarter of all photos is .1 of them, four emotions: .4; .3 of all photos of fear in the group: .075."""
    (lead,) = ranked(grouped([("a", "", -0.4, 0.01), ("b", "fear", -0.3, 0.01), ("c", "", 0.6, 0.01)]))
    assert (lead.kind, lead.model, lead.emotion, lead.cue) == ("group", "A", "", "view: a")
    assert lead.lost.value == pytest.approx(0.1) and lead.size == pytest.approx(0.4)
    reach = 1.959964 * 0.01 * 0.25
    assert (lead.lost.low, lead.lost.high) == pytest.approx((0.1 - reach, 0.1 + reach), abs=1e-6)
    (lead,) = ranked(grouped([("b", "fear", -0.3, 0.01)]))
    assert lead.size == pytest.approx(0.075)


def test_what_goes_with_another_group_is_not_told() -> None:
    assert ranked(grouped([("a", "", -0.4, 0.01)], through=True)) == []
    assert ranked(grouped([("c", "", 0.6, 0.01)])) == []  # better is no damage


def test_a_source_that_is_told_as_a_shortcut_is_not_told_twice() -> None:
    """Photos of group a are those in colour: proved already. Group b is told instead."""
    groups = grouped([("a", "", -0.4, 0.01), ("b", "", -0.2, 0.01)])
    assert [damage.cue for damage in ranked(groups)] == ["view: a"]
    proved = {("A", "disgust"): Contamination((by_property("disgust", 0.5, 0.4),), (), (), ())}
    assert [damage.cue for damage in ranked(groups, proved)] == ["grey", "view: b"]
