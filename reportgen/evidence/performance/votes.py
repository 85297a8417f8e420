"""Scores against the votes of several people: how far they agree with each other, and the model with them.

A label is one opinion where ten raters disagreed. So a prediction is held against the raters' majority, against any
rater's choice and against the distribution of their votes. What they agree on among themselves is the ceiling beside
the model's score: no model can agree with a rater more often than the votes of the images allow.

Votes for none of the classes ("unknown") are left out of distributions and of agreement; they may decide that an image
has no majority.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from reportgen.evidence.performance.calibration import Calibration, calibrate_shares
from reportgen.evidence.stats.clustered import Clusters, clusters, linear_estimate, mean_estimate, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.tables import Dictionary, Tables
from reportgen.types import BoolArray, FloatArray, IntArray, ObjectArray

__all__ = [
    "VOTE_COLUMNS",
    "Agreement",
    "Consensus",
    "EmotionVotes",
    "ImageVotes",
    "ModelVotes",
    "VoteFindings",
    "consensus_of",
    "image_votes",
    "judge_votes",
    "krippendorff",
]

Consensus = Literal["all", "most", "split"]
"""All votes are for one class; two thirds or more are; fewer are."""

_MOST = 2 / 3
_PERCENT = 100.0


@dataclass(frozen=True)
class ImageVotes:
    """Votes per image.

    Attributes
    ----------
    counts
        (n, C) votes for each class.
    other
        (n,) votes for none of the classes.
    counted
        Whether votes are numbers of people; else they are shares, and nothing tells how many people there were.
    """

    counts: FloatArray
    other: FloatArray
    counted: bool

    @property
    def total(self) -> FloatArray:
        """(n,) votes for a class."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def shares(self) -> FloatArray:
        """(n, C) share of the votes for a class that each class has, 0..1; NaN without a vote."""
        total = self.total
        return np.asarray(np.where(total[:, None] > 0, self.counts / np.maximum(total, 1e-300)[:, None], np.nan))

    @property
    def entropy(self) -> FloatArray:
        """(n,) in nats: 0 where all agree, log 2 where two classes have half each; NaN without a vote."""
        shares = self.shares
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(-np.where(shares > 0, shares * np.log(shares), 0 * shares).sum(axis=1)) + 0.0

    @property
    def majority(self) -> IntArray:
        """(n,) the class with most votes; -1 where two have as many, none has any, or more votes are for no class."""
        best = self.counts.max(axis=1, initial=0.0)
        alone = ((self.counts == best[:, None]).sum(axis=1) == 1) & (best > 0) & (best > self.other)
        return np.where(alone, self.counts.argmax(axis=1), -1).astype(np.int64)

    def subset(self, rows: IntArray) -> ImageVotes:
        """The votes of some of the images."""
        return ImageVotes(self.counts[rows], self.other[rows], self.counted)


@dataclass(frozen=True)
class Agreement:
    """How far the raters agree.

    Attributes
    ----------
    alpha
        Krippendorff's alpha for nominal data (Krippendorff 2011), at most 1: 1 is full agreement, 0 that of chance. NaN
        where it is not defined.
    undefined
        Why it is not: "shares" (nothing tells how many people voted), "single" (no image has two votes), "one class"
        (all votes are for one class, so that chance would agree, too); "" where it is defined.
    pairs
        How often two raters of the same image agree, mean over images; the ceiling of `ModelVotes.rater`.
    images
        With two votes or more.
    """

    alpha: Estimate
    undefined: Literal["", "shares", "single", "one class"]
    pairs: Estimate
    images: int


@dataclass(frozen=True)
class EmotionVotes:
    """One emotion.

    Attributes
    ----------
    images
        Labelled so, with votes.
    share
        Mean share of their votes that are for it.
    agreed
        How many of them have all votes for it.
    alpha
        Agreement on this emotion against all others, as in `Agreement`, over all images; NaN where not defined.
    """

    emotion: str
    images: int
    share: Estimate
    agreed: int
    alpha: Estimate


@dataclass(frozen=True)
class ModelVotes:
    """One model against the votes.

    Attributes
    ----------
    majority
        Share of the images with a majority that are predicted as it.
    human
        Share of the images with votes whose prediction has at least one vote.
    rater
        Mean share of the votes that the prediction has: how often it agrees with one rater drawn at random.
    below_raters
        `rater` minus how often two raters agree, over images with two votes or more; NaN where votes are shares.
    best
        The largest `rater` that predictions could reach: mean share of the most frequent class.
    cross_entropy
        Mean of -sum_c share_c log p_c in nats; cannot be below the mean entropy of the votes. Lower is better.
    soft_brier
        Mean of sum_c (p_c - share_c)^2, 0..2; lower is better.
    calibration
        Confidence against the share of votes for the prediction.
    errors
        Predictions that differ from the label, of images with votes.
    human_errors
        Share of them whose prediction has a vote: "wrong, but a human choice".
    human_by_chance
        Mean over these errors of the share of other images with the same label that have a vote for the same class:
        what predictions would show that know the label but not the image.
    human_beyond
        `human_errors` minus `human_by_chance`, paired.
    by_consensus
        Accuracy against the label by how far raters agree.
    """

    model: str
    majority: Estimate
    human: Estimate
    rater: Estimate
    below_raters: Estimate
    best: float
    cross_entropy: Estimate
    soft_brier: Estimate
    calibration: Calibration
    errors: int
    human_errors: Estimate
    human_by_chance: float
    human_beyond: Estimate
    by_consensus: tuple[tuple[Consensus, Estimate], ...]


@dataclass(frozen=True)
class VoteFindings:
    """All that votes show.

    Attributes
    ----------
    votes
        Of all images, labelled or not.
    images
        With a vote for a class and a label; the others are left out everywhere here.
    voters
        Median number of votes for a class in them; NaN where votes are shares.
    no_class
        Share of all their votes that are for none of the classes.
    undecided
        How many of them have no majority.
    label_is_majority
        Share of those with a majority whose label is it.
    entropy
        Mean entropy of their votes in nats.
    agreed
        How many of them have all votes for one class.
    """

    votes: ImageVotes
    images: int
    voters: float
    no_class: float
    undecided: int
    label_is_majority: Estimate
    entropy: Estimate
    agreed: int
    agreement: Agreement
    emotions: tuple[EmotionVotes, ...]
    models: tuple[ModelVotes, ...]
    tables: Tables


def image_votes(table: pd.DataFrame, classes: Sequence[str]) -> ImageVotes | None:
    """Votes of a table with a column for each class; the other columns are votes for none of them.

    Returns
    -------
    None where no image has a vote for a class.
    """
    counts = table[list(classes)].to_numpy(dtype=np.float64)
    other = table.drop(columns=list(classes)).to_numpy(dtype=np.float64).sum(axis=1)
    if not (counts.sum(axis=1) > 0).any():
        return None
    sums = (counts.sum(axis=1) + other)[counts.sum(axis=1) > 0]
    whole = bool((counts == np.rint(counts)).all() and (other == np.rint(other)).all())
    return ImageVotes(counts, other, whole and not bool((sums == _PERCENT).all()))


def consensus_of(votes: ImageVotes) -> ObjectArray:
    """(n,) how far the raters of each image agree; None without a vote."""
    with np.errstate(invalid="ignore"):
        top = votes.shares.max(axis=1)
    words = np.where(top == 1, "all", np.where(top >= _MOST - 1e-12, "most", "split")).astype(object)
    words[np.isnan(top)] = None
    return words


def krippendorff(counts: FloatArray, group: Clusters) -> tuple[Estimate, Literal["", "single", "one class"]]:
    """Krippendorff's alpha for nominal data, of any number of raters an image, with missing ratings.

    1 - (N - 1) sum_i [sum of unequal ordered pairs in image i / (n_i - 1)] / (N^2 - sum_c N_c^2), over images with two
    votes or more. The interval takes alpha to be linear in what each cluster adds to the sums (delta method), with
    Student's distribution. Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability".

    Parameters
    ----------
    counts
        (n, C) numbers of people who chose each class.
    group
        Of the images.

    Returns
    -------
    alpha, why it is not defined
    """
    nothing = Estimate(math.nan, -1.0, 1.0, 0)
    used = np.flatnonzero(counts.sum(axis=1) >= 2)
    if not len(used):
        return nothing, "single"
    counts, group = counts[used], group.subset(used)
    n = counts.sum(axis=1)
    unequal = (n**2 - (counts**2).sum(axis=1)) / (n - 1)
    total, by_class = float(n.sum()), counts.sum(axis=0)
    expected = total**2 - float((by_class**2).sum())
    if expected <= 0:
        return nothing, "one class"
    observed = float(unequal.sum())
    alpha = 1 - (total - 1) * observed / expected
    # Derivatives of the quotient by the sums, times what each image adds to them.
    change = 2 * (total * n - counts @ by_class)
    each = -(n * observed + (total - 1) * unequal) / expected + (total - 1) * observed * change / expected**2
    return linear_estimate(alpha, each, group, -1.0, 1.0), ""


def judge_votes(
    table: pd.DataFrame,
    images: pd.DataFrame,
    labels: IntArray,
    models: Sequence[tuple[str, FloatArray]],
    classes: Sequence[str],
    units: ObjectArray | None,
    seed: int,
) -> VoteFindings | None:
    """Everything that votes show.

    Parameters
    ----------
    table
        (n rows) votes, as `image_votes` takes them.
    images
        (n rows) `image_id` and `path`, as in an analysis.
    labels
        (n,) index into `classes`, -1 where unlabelled.
    models
        Name and (n, C) probabilities of each model.
    units
        (n,) as `stats.units` gives them.
    seed
        Of the simulated calibration.

    Returns
    -------
    None where no labelled image has a vote for a class.
    """
    everything = image_votes(table, classes)
    if everything is None:
        return None
    rows = np.flatnonzero((labels >= 0) & (everything.total > 0))
    if not len(rows):
        return None
    votes, truth = everything.subset(rows), labels[rows]
    group = clusters(None if units is None else units[rows], len(rows))
    decided = votes.majority >= 0
    alpha, undefined = krippendorff(votes.counts, group)
    agreement = Agreement(
        alpha if votes.counted else Estimate(math.nan, -1.0, 1.0, 0),
        undefined if votes.counted else "shares",
        mean_estimate(_pair_agreement(votes), group, seed, 0.0, 1.0),
        int((votes.total >= 2).sum()) if votes.counted else 0,
    )
    given = float((votes.total + votes.other).sum())
    return VoteFindings(
        votes=everything,
        images=len(rows),
        voters=float(np.median(votes.total)) if votes.counted else math.nan,
        no_class=float(votes.other.sum()) / given,
        undecided=int((~decided).sum()),
        label_is_majority=_share((votes.majority == truth)[decided], group.subset(np.flatnonzero(decided))),
        entropy=mean_estimate(votes.entropy, group, seed, 0.0, math.log(len(classes))),
        agreed=int((votes.shares.max(axis=1) == 1).sum()),
        agreement=agreement,
        emotions=tuple(_emotion(votes, truth, k, name, group, seed) for k, name in enumerate(classes)),
        models=tuple(
            _model(name, votes, truth, np.asarray(probabilities)[rows], group, seed) for name, probabilities in models
        ),
        tables=_tables(everything, images, labels, models, classes),
    )


def _pair_agreement(votes: ImageVotes) -> FloatArray:
    """(n,) the chance that two of an image's raters chose the same class; NaN with fewer than two."""
    n = votes.total
    pairs: FloatArray = np.full(len(n), np.nan)
    if votes.counted:
        several = n >= 2
        same = (votes.counts * (votes.counts - 1)).sum(axis=1)
        pairs[several] = same[several] / (n * (n - 1))[several]
    return pairs


def _emotion(votes: ImageVotes, truth: IntArray, k: int, name: str, group: Clusters, seed: int) -> EmotionVotes:
    of = np.flatnonzero(truth == k)
    share = votes.shares[of, k]
    counts = np.column_stack([votes.counts[:, k], votes.total - votes.counts[:, k]])
    nothing = Estimate(math.nan, -1.0, 1.0, 0)
    alpha = krippendorff(counts, group)[0] if votes.counted else nothing
    return EmotionVotes(
        name, len(of), mean_estimate(share, group.subset(of), seed, 0.0, 1.0), int((share == 1).sum()), alpha
    )


def _model(
    name: str, votes: ImageVotes, truth: IntArray, probabilities: FloatArray, group: Clusters, seed: int
) -> ModelVotes:
    every = np.arange(len(truth))
    predicted, shares = probabilities.argmax(axis=1), votes.shares
    share = shares[every, predicted]
    decided = np.flatnonzero(votes.majority >= 0)
    wrong = np.flatnonzero(predicted != truth)
    chosen = votes.counts > 0
    by_chance = _chosen_by_others(chosen, truth, predicted, wrong)
    beyond = np.where(np.isnan(by_chance), np.nan, chosen[wrong, predicted[wrong]] - by_chance)
    words = consensus_of(votes)
    between: tuple[Consensus, ...] = ("all", "most", "split")
    known = by_chance[np.isfinite(by_chance)]
    return ModelVotes(
        model=name,
        majority=_share((predicted == votes.majority)[decided], group.subset(decided)),
        human=_share(share > 0, group),
        rater=mean_estimate(share, group, seed, 0.0, 1.0),
        below_raters=mean_estimate(share - _pair_agreement(votes), group, seed, -1.0, 1.0),
        best=float(shares.max(axis=1).mean()),
        cross_entropy=mean_estimate(_cross_entropy(probabilities, shares), group, seed, 0.0, math.inf),
        soft_brier=mean_estimate(((probabilities - shares) ** 2).sum(axis=1), group, seed, 0.0, 2.0),
        calibration=calibrate_shares(probabilities.max(axis=1), share, seed, group),
        errors=len(wrong),
        human_errors=_share(chosen[wrong, predicted[wrong]], group.subset(wrong)),
        human_by_chance=float(known.mean()) if len(known) else math.nan,
        human_beyond=mean_estimate(beyond, group.subset(wrong), seed, -1.0, 1.0),
        by_consensus=tuple(
            (word, _share((predicted == truth)[of], group.subset(of)))
            for word in between
            for of in [np.flatnonzero(words == word)]
        ),
    )


def _chosen_by_others(chosen: BoolArray, truth: IntArray, predicted: IntArray, wrong: IntArray) -> FloatArray:
    """(len(wrong),) share of the other images with the same label that have a vote for the class predicted here."""
    c = chosen.shape[1]
    votes, images = np.zeros((c, c)), np.bincount(truth, minlength=c).astype(np.float64)
    np.add.at(votes, truth, chosen.astype(np.float64))
    label, answer = truth[wrong], predicted[wrong]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((votes[label, answer] - chosen[wrong, answer]) / (images[label] - 1))


def _share(success: BoolArray, group: Clusters) -> Estimate:
    return proportion(success, group) if len(success) else Estimate(math.nan, 0.0, 1.0, 0)


def _tables(
    votes: ImageVotes,
    images: pd.DataFrame,
    labels: IntArray,
    models: Sequence[tuple[str, FloatArray]],
    classes: Sequence[str],
) -> Tables:
    """One row per model and image with a vote; one per image and class with a vote."""
    rows = np.flatnonzero(votes.total + votes.other > 0)
    words = np.array([*classes, ""], dtype=object)
    ids, shares = images["image_id"].to_numpy(dtype=object)[rows], votes.shares[rows]
    shared = pd.DataFrame(
        {
            "image_id": ids,
            "label": words[labels[rows]],
            "majority": words[votes.majority[rows]],
            "votes": votes.total[rows],
            "votes_no_class": votes.other[rows],
            "entropy": votes.entropy[rows],
            "consensus": np.array([word or "" for word in consensus_of(votes)[rows]], dtype=object),
        }
    )
    frames = []
    for model, probabilities in models:
        given = np.asarray(probabilities)[rows]
        predicted = given.argmax(axis=1)
        frames.append(
            shared.assign(
                model=model,
                predicted=words[predicted],
                share=shares[np.arange(len(rows)), predicted],
                cross_entropy=_cross_entropy(given, shares),
            )
        )
    place, voted = np.nonzero(votes.counts[rows] > 0)
    counts = {"image_id": ids[place], "emotion": words[voted], "votes": votes.counts[rows][place, voted]}
    return {"votes": pd.concat(frames, ignore_index=True), "vote_counts": pd.DataFrame(counts)}


def _cross_entropy(probabilities: FloatArray, shares: FloatArray) -> FloatArray:
    """(n,) in nats; a class without votes adds nothing, however unlikely it is taken to be."""
    floor = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    return np.asarray(-(shares * floor).sum(axis=1))


VOTE_COLUMNS: Dictionary = {
    "votes": {
        "image_id": "as in predictions.csv",
        "label": "label of the test set; empty where there is none",
        "majority": "class with most votes; empty where two have as many or more votes are for no class",
        "votes": "votes for a class, or shares of them where the test set holds no counts",
        "votes_no_class": "votes for none of the classes; left out of all that follows",
        "entropy": "disagreement of the votes, in nats: 0 where all agree, 0.69 where two classes have half each",
        "consensus": "all: all votes for one class; most: two thirds or more; split: fewer",
        "model": "model",
        "predicted": "class that it predicts",
        "share": "share of the votes that this class has, 0 to 1",
        "cross_entropy": "minus the sum of share times log probability over the classes, in nats; lower is better",
    },
    "vote_counts": {
        "image_id": "as in predictions.csv",
        "emotion": "class with at least one vote",
        "votes": "its votes, or its share where the test set holds no counts",
    },
}
