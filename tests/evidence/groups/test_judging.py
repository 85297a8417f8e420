"""What is concluded of groups, on constructed sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reportgen.evidence.groups.equal_odds import equalised_odds
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.groups.intersections import search_intersections
from reportgen.evidence.groups.judging import SHARES, GroupFindings, judge_groups
from reportgen.evidence.groups.tables import GROUP_COLUMNS, group_tables
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.multiple_testing import holm
from tests.evidence.groups.simulated import CLASSES, analysis_of


def made(columns: dict[str, np.ndarray], labels: np.ndarray, right: np.ndarray) -> GroupFindings:
    analysis = analysis_of(pd.DataFrame(columns), labels, np.where(right, labels, (labels + 1) % 7))
    return judge_groups(analysis, None, (), 0)


@pytest.fixture(scope="module")
def by_source() -> GroupFindings:
    """Of 1,000 photos 200 are of a source on which 30 % are right, elsewhere 80 %. Most of these are dark, few of the
    others, but dark photos of the others are as good as bright ones.
    """
    rng = np.random.default_rng(0)
    source = np.arange(1000) < 200
    dark = source & (rng.random(1000) < 0.9) | ~source & (rng.random(1000) < 0.15)
    right = rng.random(1000) < np.where(source, 0.3, 0.8)
    columns = {"source": np.where(source, "film", "press"), "dark": np.where(dark, "yes", "no")}
    return made(columns, rng.integers(0, 4, 1000), right)


def test_a_gap_that_another_group_makes_is_said_to_go_with_it(by_source: GroupFindings) -> None:
    overall = {(one.grouping, one.level): one for one in by_source.overall("Net")}
    film, dark = overall["source", "film"], overall["dark", "yes"]
    assert film.worse and film.through is None and film.share == pytest.approx(0.2)
    assert dark.worse and dark.through == ("source", "film")
    assert overall["source", "press"].answer == "yes" and not overall["source", "press"].worse
    assert by_source.photos(film).sum() == 200 and by_source.compared == ("Net",)


def test_p_are_adjusted_within_their_share_of_the_error(by_source: GroupFindings) -> None:
    overall = by_source.overall("Net")
    plain = [one.gap.p_wider() for one in overall]
    assert [one.p for one in overall] == pytest.approx(np.minimum(holm(plain) / SHARES["overall"], 1).tolist())
    emotions = [one for one in by_source.gaps if one.emotion]
    expected = np.minimum(holm([one.gap.p_wider() for one in emotions]) / SHARES["emotions"], 1)
    assert [one.p for one in emotions] == pytest.approx(expected.tolist(), nan_ok=True)
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_a_mix_of_emotions_alone_is_told_apart() -> None:
    labels = np.repeat([0, 1, 0, 1], [160, 40, 100, 400])
    right = np.concatenate([np.arange(160) % 10 < 4, np.arange(40) % 10 < 9, np.arange(100) % 10 < 4,
                            np.arange(400) % 10 < 9])  # fmt: skip
    found = made({"view": np.repeat(["side", "front"], [200, 500])}, labels, right)
    side = next(one for one in found.overall("Net") if one.level == "side")
    assert side.plain.value == pytest.approx(100 / 200 - 400 / 500) and side.gap.value == pytest.approx(0)
    assert side.by_mix and side.answer != "yes"


def test_many_equal_photos_show_that_there_is_no_gap() -> None:
    labels = np.tile(np.arange(4), 2500)
    right = np.arange(10_000) % 10 < 9
    found = made({"view": np.where(np.arange(10_000) // 4 % 2 == 0, "side", "front")}, labels, right)
    assert {one.answer for one in found.overall("Net")} == {"no"}


def test_two_traits_together_are_found_in_the_other_half() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random(4000) < 0.4, rng.random(4000) < 0.4
    labels = rng.integers(0, 3, 4000)
    right = rng.random(4000) < np.where(first & second, 0.35, 0.85)
    analysis = analysis_of(pd.DataFrame({"a": first}), labels, np.where(right, labels, 5))
    groupings = [
        Grouping(name, "given", ("no", "yes"), part.astype(np.int64)) for name, part in (("a", first), ("b", second))
    ]
    found = search_intersections(analysis, groupings, clusters(None, 4000), 0)
    assert (found[0].first, found[0].second) == (("a", "yes"), ("b", "yes"))
    assert found[0].worse and found[0].beside_first.value == pytest.approx(-0.5, abs=0.08)
    assert found[0].beside_first.photos < 0.6 * (first & second).sum()  # one half of the photos
    alone = rng.random(4000) < np.where(first, 0.35, 0.85)  # one trait by itself is no intersection
    analysis = analysis_of(pd.DataFrame({"a": first}), labels, np.where(alone, labels, 5))
    again = search_intersections(analysis, groupings, clusters(None, 4000), 0)
    assert not any(one.worse for one in again)


def test_equalised_odds_by_hand() -> None:
    # Recall of emotion 0: 18 of 20 in "a", 12 of 20 in "b"; the misses are predicted as emotion 1.
    labels = np.repeat([0, 1, 0, 1], 20)
    predicted = np.repeat([0, 1, 1, 0, 1, 1], [18, 2, 20, 12, 8, 20])
    analysis = analysis_of(pd.DataFrame({"g": ["a"] * 40 + ["b"] * 40}), labels, predicted)
    grouping = Grouping("g", "given", ("a", "b"), np.repeat([0, 1], 40))
    found = equalised_odds(analysis.models[0], CLASSES, labels, grouping, clusters(None, 80), 0)
    assert found.difference == pytest.approx(0.3)  # and so are the false alarms of emotion 1
    assert (found.of, found.emotion, found.high, found.low) == ("recall", "anger", "a", "b")
    assert 0.15 < found.chance < 0.45
    few = equalised_odds(analysis.models[0], CLASSES, np.full(80, -1), grouping, clusters(None, 80), 0)
    assert np.isnan(few.difference)


def test_persons_are_listed_beside_what_others_reach() -> None:
    labels = np.zeros(40, int)
    persons = ["p"] * 20 + ["q"] * 20
    right = np.concatenate([np.arange(20) < 5, np.arange(20) < 16])
    analysis = analysis_of(pd.DataFrame({"x": ["1"] * 40}), labels, np.where(right, 0, 1), persons)
    first, second = judge_groups(analysis, None, (), 0).persons
    assert (first.row, first.n, first.right, first.expected) == (0, 20, 5, pytest.approx(0.8))
    assert (second.right, second.expected) == (16, pytest.approx(0.25))


def test_without_labels_nothing_is_compared() -> None:
    analysis = analysis_of(pd.DataFrame({"g": ["a", "b"] * 40}), np.full(80, -1), np.zeros(80, int))
    assert judge_groups(analysis, None, (), 0) == GroupFindings()


def test_own_columns_go_where_the_report_is_to_be_shared() -> None:
    rng = np.random.default_rng(1)
    columns = pd.DataFrame({"sex": rng.choice(["f", "m"], 200), "room": rng.choice(["x", "y"], 200)})
    analysis = analysis_of(columns, rng.integers(0, 3, 200), rng.integers(0, 3, 200))
    found = judge_groups(analysis, None, (), 0)
    assert {one.name for one in found.groupings} == {"sex", "room"}
    assert found.without_own_columns().gaps == ()
    asked = judge_groups(analysis, None, ("sex",), 0).without_own_columns()
    assert {one.grouping for one in asked.gaps} == {"sex"}


def test_every_column_of_the_tables_is_explained(by_source: GroupFindings) -> None:
    tables = group_tables(by_source)
    assert {name: list(table.columns) for name, table in tables.items()} == {
        name: list(columns) for name, columns in GROUP_COLUMNS.items()
    }
    row = tables["groups"].query("grouping == 'source' and group == 'film' and emotion == ''").iloc[0]
    assert row["answer"] == "yes" and row["gap"] < -0.4 and row["labelled_photos"] == 200
