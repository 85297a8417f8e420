from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.evidence.errors.rates import flag_rate, swap_check
from reportgen.evidence.errors.rules import Flag
from reportgen.evidence.stats.clustered import clusters, risk_ratio_of, risk_ratio_p
from reportgen.evidence.stats.intervals import risk_ratio


def split(flagged_errors: int, errors: int, flagged_correct: int, correct: int) -> tuple[np.ndarray, ...]:
    """(flag, wrong, right): errors first."""
    n = errors + correct
    wrong = np.arange(n) < errors
    flag = np.zeros(n, dtype=bool)
    flag[:flagged_errors] = True
    flag[errors : errors + flagged_correct] = True
    return flag, wrong, ~wrong


def test_rates_by_hand() -> None:
    common, wrong, right = split(6, 10, 4, 20)
    comparable = np.ones(30, dtype=bool)
    comparable[[0, 29]] = False  # one flagged error and one clean correct image could not be asked
    flag = Flag("ambiguous", common & wrong, wrong, (), common, comparable)
    rate = flag_rate(flag, wrong, right, clusters(None, 30))
    assert (rate.raised, rate.tested, rate.primary) == (6, 10, 0)
    assert (rate.in_errors, rate.errors, rate.in_correct, rate.correct) == (5, 9, 4, 19)
    assert rate.ratio is not None and rate.ratio.value == pytest.approx((5 / 9) / (4 / 19))


def test_a_rule_about_errors_alone_has_no_ratio() -> None:
    fires, wrong, right = split(2, 10, 0, 20)
    rate = flag_rate(Flag("prior", fires, wrong, ()), wrong, right, clusters(None, 30))
    assert rate.ratio is None and not rate.telling


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.integers(0, 30))
def test_a_flag_equally_common_in_both_is_not_telling(k: int, more: int) -> None:
    flag, wrong, right = split(k, 20, 2 * k, 40)
    ratio = risk_ratio_of(flag, wrong, right, clusters(None, len(flag)))
    assert not ratio.defined or ratio.low <= 1 <= ratio.high
    assert ratio == risk_ratio(k, 20, 2 * k, 40)


def test_without_persons_it_is_the_interval_on_counts_and_with_them_wider() -> None:
    flag, wrong, right = split(30, 60, 20, 120)
    alone = risk_ratio_of(flag, wrong, right, clusters(None, len(flag)))
    each = np.asarray([f"p{i}" for i in range(180)], dtype=object)
    assert risk_ratio_of(flag, wrong, right, clusters(each, 180)) == alone
    # Six photos of each person, all alike.
    people = np.asarray([f"p{i // 6}" for i in range(180)], dtype=object)
    clustered = risk_ratio_of(flag, wrong, right, clusters(people, 180))
    assert clustered.value == alone.value == 3.0
    assert clustered.low < alone.low and clustered.high > alone.high


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4]))
def test_p_is_below_a_twentieth_where_the_interval_leaves_out_one(seed: int, photos: int) -> None:
    rng = np.random.default_rng(seed)
    n = 160
    first, flag = rng.random(n) < 0.5, rng.random(n) < 0.3
    flag |= first & (rng.random(n) < 0.25)
    group = clusters(None if photos == 1 else np.asarray([f"p{i // photos}" for i in range(n)], dtype=object), n)
    ratio, p = risk_ratio_of(flag, first, ~first, group), risk_ratio_p(flag, first, ~first, group)
    assert ratio.excludes(1) == (p < 0.05)


def test_there_is_no_p_without_a_ratio_or_with_too_few_persons() -> None:
    flag, wrong, right = split(30, 60, 20, 120)
    nothing = np.zeros_like(flag)
    assert np.isnan(risk_ratio_p(nothing, wrong, right, clusters(None, 180)))
    assert np.isnan(risk_ratio_p(flag, wrong, nothing, clusters(None, 180)))
    few = np.asarray([f"p{i // 45}" for i in range(180)], dtype=object)
    assert np.isnan(risk_ratio_p(flag, wrong, right, clusters(few, 180)))


def test_uninformative_persons_leave_the_interval_about_as_it_is() -> None:
    rng = np.random.default_rng(0)
    flag, wrong, right = split(90, 200, 60, 400)
    people = np.asarray([f"p{i}" for i in rng.integers(0, 150, 600)], dtype=object)
    alone, clustered = (risk_ratio_of(flag, wrong, right, clusters(who, 600)) for who in (None, people))
    assert clustered.low == pytest.approx(alone.low, rel=0.15)
    assert clustered.high == pytest.approx(alone.high, rel=0.15)


def test_other_backgrounds_are_held_against_errors_without_heat() -> None:
    n = 12
    hot = np.arange(n) < 4
    tested = np.arange(n) < 10
    flag = Flag("background", np.zeros(n, dtype=bool), tested, (), hot, np.ones(n, dtype=bool))
    swapped = {
        0: (1.0, 2.0),
        1: (1.0, -2.0),
        2: (0.5,),
        3: (0.1, 0.1),
        4: (1.0,),
        5: (-1.0,),
        6: (2.0, 0.0),
        11: (1.0,),
    }
    controls = np.isin(np.arange(n), [4, 5, 6])
    found = swap_check(flag, swapped, controls, clusters(None, n))
    assert found is not None
    assert (found.hot, found.rises, found.controls, found.controls_rise) == (4, 3, 3, 1)
    assert found.ratio == risk_ratio(3, 4, 1, 3)
    assert swap_check(flag, None, controls, clusters(None, n)) is None
    assert swap_check(flag, swapped, np.zeros(n, dtype=bool), clusters(None, n)) is None
