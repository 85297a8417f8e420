"""Votes of several people: every figure of a small set by hand, raters that are known, and what must always hold."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reportgen.evidence.performance.votes import (
    VOTE_COLUMNS,
    ImageVotes,
    VoteFindings,
    consensus_of,
    image_votes,
    judge_votes,
    krippendorff,
)
from reportgen.evidence.stats.clustered import clusters

CLASSES = ("anger", "fear", "joy")
# Six images: all agree; two thirds; a tie; a majority beside one for no class; no class wins; nobody voted.
VOTES = [[4, 0, 0, 0], [0, 2, 1, 0], [1, 1, 0, 0], [2, 0, 1, 1], [1, 0, 0, 3], [0, 0, 0, 0]]
LABELS = [0, 1, 0, 0, 0, 2]
PREDICTED = [0, 2, 1, 1, 0, 2]
"""Right; wrong, with 1 of 3 votes; wrong, with 1 of 2; wrong, without a vote; right; left out."""


def table(rows: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(np.array(rows, dtype=float).reshape(len(rows), 4), columns=[*CLASSES, "no class"])


def probabilities(predicted: list[int], sure: float = 0.8) -> np.ndarray:
    found = np.full((len(predicted), 3), (1 - sure) / 2)
    found[np.arange(len(predicted)), predicted] = sure
    return found


def judged(
    rows: list[list[float]], labels: list[int], predicted: list[int], persons: list[str] | None = None
) -> VoteFindings:
    n = len(rows)
    images = pd.DataFrame({"image_id": [f"i{row}" for row in range(n)], "path": ["x"] * n})
    units = None if persons is None else np.array(persons, dtype=object)
    found = judge_votes(table(rows), images, np.array(labels), [("A", probabilities(predicted))], CLASSES, units, 0)
    assert found is not None
    return found


def test_votes_of_an_image() -> None:
    votes = image_votes(table(VOTES), CLASSES)
    assert votes is not None and votes.counted
    assert votes.total.tolist() == [4, 3, 2, 3, 1, 0]
    assert votes.other.tolist() == [0, 0, 0, 1, 3, 0]
    # A tie has no majority, nor has an image of which more people say that it is none of the classes.
    assert votes.majority.tolist() == [0, 1, -1, 0, -1, -1]
    third = -(math.log(2 / 3) * 2 / 3 + math.log(1 / 3) / 3)
    assert votes.entropy[:5] == pytest.approx([0, third, math.log(2), third, 0])
    assert math.isnan(votes.entropy[5]) and not np.signbit(votes.entropy[0])
    assert consensus_of(votes).tolist() == ["all", "most", "split", "most", "all", None]


def test_every_figure_by_hand() -> None:
    found = judged(VOTES, LABELS, PREDICTED)
    assert (found.images, found.voters, found.undecided, found.agreed) == (5, 3, 2, 2)
    assert found.no_class == pytest.approx(4 / 17)
    assert (found.label_is_majority.value, found.label_is_majority.n) == (1.0, 3)
    third = -(math.log(2 / 3) * 2 / 3 + math.log(1 / 3) / 3)
    assert found.entropy.value == pytest.approx((2 * third + math.log(2)) / 5)
    # Pairs of raters that agree: 1, 1/3, 0, 1/3; the fifth image has one vote only.
    assert found.agreement.pairs.value == pytest.approx((1 + 1 / 3 + 0 + 1 / 3) / 4)
    assert found.agreement.images == 4
    # Unequal ordered pairs / (n - 1): 0, 4/2, 2/1, 4/2 = 6. Votes 7, 3, 2 of 12: 144 - 49 - 9 - 4 = 82.
    assert found.agreement.alpha.value == pytest.approx(1 - 11 * 6 / 82)
    model = found.models[0]
    assert (model.majority.value, model.majority.n) == (pytest.approx(1 / 3), 3)
    assert (model.human.value, model.human.n) == (pytest.approx(4 / 5), 5)
    assert model.rater.value == pytest.approx((1 + 1 / 3 + 1 / 2 + 0 + 1) / 5)
    assert model.below_raters.value == pytest.approx((0 + 0 + 1 / 2 - 1 / 3) / 4)
    assert model.best == pytest.approx((1 + 2 / 3 + 1 / 2 + 2 / 3 + 1) / 5)
    sure, other = -math.log(0.8), -math.log(0.1)
    cross = [sure, sure / 3 + other * 2 / 3, (sure + other) / 2, other, sure]
    assert model.cross_entropy.value == pytest.approx(sum(cross) / 5)
    brier = [0.04 + 0.02, 0.01 + (2 / 3 - 0.1) ** 2 + (0.8 - 1 / 3) ** 2, 0.16 + 0.09 + 0.01]
    brier += [(2 / 3 - 0.1) ** 2 + 0.64 + (1 / 3 - 0.1) ** 2, 0.04 + 0.02]
    assert model.soft_brier.value == pytest.approx(sum(brier) / 5)
    assert (model.errors, model.human_errors.value, model.human_errors.n) == (3, pytest.approx(2 / 3), 3)
    # Labelled anger are images 0, 2, 3 and 4; fear has one image, so that of image 1 there is nothing to compare with.
    # Image 2 (predicted fear): of the others none has a vote for fear. Image 3 (fear): one of three has, image 2.
    assert model.human_by_chance == pytest.approx((0 + 1 / 3) / 2)
    assert model.human_beyond.value == pytest.approx(((1 - 0) + (0 - 1 / 3)) / 2)
    shown = {word: (estimate.value, estimate.n) for word, estimate in model.by_consensus}
    assert shown == {"all": (1.0, 2), "most": (0.0, 2), "split": (0.0, 1)}
    # All confidences are alike, so that there is one bin.
    assert model.calibration.ece == pytest.approx(0.8 - (1 + 1 / 3 + 1 / 2 + 0 + 1) / 5)
    anger, fear, joy = found.emotions
    assert (anger.images, anger.agreed, anger.share.value) == (4, 2, pytest.approx((1 + 1 / 2 + 2 / 3 + 1) / 4))
    assert (fear.images, fear.share.value, joy.images) == (1, pytest.approx(2 / 3), 0)
    # Anger against the rest: unequal pairs 0, 0, 2, 2 = 4; 7 and 5 of 12 votes.
    assert anger.alpha.value == pytest.approx(1 - 11 * 4 / (144 - 49 - 25))


def test_the_tables_hold_every_image_with_a_vote() -> None:
    found = judged(VOTES, LABELS, PREDICTED)
    votes, counts = found.tables["votes"], found.tables["vote_counts"]
    assert votes["image_id"].tolist() == ["i0", "i1", "i2", "i3", "i4"]
    assert votes["majority"].tolist() == ["anger", "fear", "", "anger", ""]
    assert votes["share"].tolist() == pytest.approx([1, 1 / 3, 1 / 2, 0, 1])
    assert votes["cross_entropy"].mean() == pytest.approx(found.models[0].cross_entropy.value)
    assert counts.loc[counts["image_id"] == "i1", ["emotion", "votes"]].to_numpy().tolist() == [["fear", 2], ["joy", 1]]
    for name, frame in found.tables.items():
        assert list(frame.columns) == list(VOTE_COLUMNS[name])


def test_persons_widen_the_intervals() -> None:
    rows, labels = VOTES[:4] * 30, LABELS[:4] * 30
    predicted = PREDICTED[:4] * 30
    alone, grouped = (
        judged(rows, labels, predicted, persons)
        for persons in (None, [f"person {row % 4 + 4 * (row // 20)}" for row in range(120)])
    )
    for name in ("rater", "cross_entropy", "soft_brier", "majority", "human"):
        one, other = (getattr(found.models[0], name) for found in (alone, grouped))
        assert one.value == pytest.approx(other.value) and one.persons is None
        assert other.persons is not None and other.high - other.low > one.high - one.low
    assert grouped.agreement.alpha.high - grouped.agreement.alpha.low > (
        alone.agreement.alpha.high - alone.agreement.alpha.low
    )


def test_where_alpha_is_not_defined_it_is_said_why() -> None:
    one_class = judged([[3, 0, 0, 0]] * 8, [0] * 8, [0] * 8)
    single = judged([[1, 0, 0, 0], [0, 1, 0, 0]] * 4, [0, 1] * 4, [0] * 8)
    shares = judged([[0.75, 0.25, 0, 0], [0, 0.5, 0.5, 0]] * 4, [0, 1] * 4, [0, 1] * 4)
    percent = judged([[75, 25, 0, 0], [0, 50, 50, 0]] * 4, [0, 1] * 4, [0, 1] * 4)
    assert [f.agreement.undefined for f in (one_class, single, shares, percent)] == [
        "one class", "single", "shares", "shares",
    ]  # fmt: skip
    for found in (one_class, single, shares, percent):
        assert not found.agreement.alpha.defined
    assert one_class.agreement.pairs.value == 1 and not shares.agreement.pairs.defined
    assert math.isnan(shares.voters) and shares.models[0].rater.value == pytest.approx((0.75 + 0.5) / 2)
    assert percent.models[0].rater.value == pytest.approx(shares.models[0].rater.value)


def test_without_a_labelled_image_with_a_vote_there_is_nothing() -> None:
    images = pd.DataFrame({"image_id": ["a", "b"]})
    for rows, labels in (([[0, 0, 0, 2]] * 2, [0, 1]), ([[1, 0, 0, 0]] * 2, [-1, -1])):
        made = judge_votes(table(rows), images, np.array(labels), [("A", probabilities([0, 1]))], CLASSES, None, 0)
        assert made is None


def test_alpha_of_krippendorffs_example() -> None:
    """Four raters, twelve units, missing ratings: Krippendorff 2011, section C, alpha .743 for nominal data."""
    raters = """
        1 2 3 3 2 1 4 1 2 . . .
        1 2 3 3 2 2 4 1 2 5 . 3
        . 3 3 3 2 3 4 2 2 5 1 .
        1 2 3 3 2 4 4 1 2 5 1 .
    """
    grid = [row.split() for row in raters.strip().splitlines()]
    counts = np.array([[sum(row[unit] == str(value) for row in grid) for value in range(1, 6)] for unit in range(12)])
    alpha, why = krippendorff(counts.astype(float), clusters(None, 12))
    assert why == "" and alpha.value == pytest.approx(0.743, abs=5e-4)
    assert alpha.n == 11  # one unit has a single rating


def test_the_interval_of_alpha_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, 400)
    counts = np.array([rng.multinomial(8, np.where(np.arange(4) == t, 0.64, 0.12)) for t in truth]).astype(float)
    found, _ = krippendorff(counts, clusters(None, 400))
    drawn = [krippendorff(counts[rng.integers(0, 400, 400)], clusters(None, 400))[0].value for _ in range(400)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    assert found.low == pytest.approx(low, abs=0.012) and found.high == pytest.approx(high, abs=0.012)


def test_known_raters_are_found_again() -> None:
    """Raters who choose the true class with .7, else one of two others alike: .7² + 2 · .15² = .535 of pairs agree.

    Classes are equally frequent, so that chance agrees in a third and alpha is (.535 - 1/3) / (2/3) = .3025.
    """
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 3000)
    shares = np.where(np.arange(3) == truth[:, None], 0.7, 0.15)
    votes = np.array([rng.multinomial(10, row) for row in shares])
    rows = [[*row, 0] for row in votes.tolist()]
    found = judged(rows, truth.tolist(), truth.tolist())
    assert found.agreement.pairs.low < 0.535 < found.agreement.pairs.high
    assert found.agreement.alpha.low < 0.3025 < found.agreement.alpha.high
    model = found.models[0]  # predicts the truth: a rater agrees in 70 %, which is more than another rater does
    assert model.rater.low < 0.7 < model.rater.high and model.below_raters.low < 0.165 < model.below_raters.high
    assert model.errors == 0 and not model.human_errors.defined


COUNTS = arrays(np.int64, st.tuples(st.integers(1, 12), st.just(4)), elements=st.integers(0, 6))


@given(COUNTS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_what_must_hold_of_any_votes(counts: np.ndarray, random: object) -> None:
    votes = ImageVotes(counts[:, :3].astype(float), counts[:, 3].astype(float), counted=True)
    known = votes.total > 0
    assert (votes.entropy[known] >= -1e-12).all() and (votes.entropy[known] <= math.log(3) + 1e-12).all()
    assert np.isnan(votes.entropy[~known]).all()
    decided = votes.majority >= 0
    best = votes.counts[decided, votes.majority[decided]]
    assert (best == votes.counts[decided].max(axis=1)).all() and (best > votes.other[decided]).all()
    alpha, why = krippendorff(votes.counts, clusters(None, len(counts)))
    assert (why == "") == alpha.defined and (not alpha.defined or alpha.low <= alpha.value <= alpha.high <= 1)
    # Neither the order of the images nor that of the classes matters.
    turned, _ = krippendorff(votes.counts[::-1, [2, 0, 1]], clusters(None, len(counts)))
    assert turned.value == pytest.approx(alpha.value, nan_ok=True)


@given(COUNTS)
@settings(max_examples=30, deadline=None)
def test_scores_stay_within_what_votes_allow(counts: np.ndarray) -> None:
    n = len(counts)
    images = pd.DataFrame({"image_id": [str(row) for row in range(n)]})
    rows = counts.astype(float).tolist()
    predicted = [row % 3 for row in range(n)]
    found = judge_votes(
        table(rows), images, np.zeros(n, dtype=np.int64), [("A", probabilities(predicted))], CLASSES, None, 0
    )
    if found is None:
        assert not (counts[:, :3].sum(axis=1) > 0).any()
        return
    one = found.models[0]
    assert one.rater.value <= one.best + 1e-12 and one.rater.value <= one.human.value + 1e-12
    assert one.cross_entropy.value >= found.entropy.value - 1e-12
    assert 0 <= one.soft_brier.value <= 2 + 1e-12
