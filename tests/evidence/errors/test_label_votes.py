"""Second opinions on labels: on shapes whose emotion is known, with one label that is wrong on purpose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reportgen.analysis import FaceRecords
from reportgen.evidence.errors.label_suspects import LabelSuspects
from reportgen.evidence.errors.label_votes import (
    TWINS,
    LabelVote,
    expressions,
    label_votes,
    landmark_likelihoods,
    nearest_faces,
)
from reportgen.evidence.stats.clustered import Clusters, clusters
from reportgen.faces.align import canonical_points

N, CLASSES = 150, 3


@pytest.fixture
def shapes() -> np.ndarray:
    """Three clouds of shapes, one per emotion: 50 each, in turn."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, (N, 6)) + 8 * np.eye(6)[np.arange(N) % CLASSES]


LABELS = np.arange(N) % CLASSES
WRONG = np.where(np.arange(N) == 7, 2, LABELS)  # row 7 is of emotion 1
ALONE = clusters(None, N)


def test_landmarks_tell_the_emotion_of_a_face_whose_label_is_wrong(shapes: np.ndarray) -> None:
    found = landmark_likelihoods(shapes, WRONG, ALONE, CLASSES)
    assert found[7, 1] > 0.9 > 0.1 > found[7, 2]
    assert (found.argmax(axis=1) == LABELS).mean() > 0.95
    # Where the label says nothing of the shape, neither does the shape of the label.
    shuffled = np.random.default_rng(1).permutation(LABELS)
    assert (landmark_likelihoods(shapes, shuffled, ALONE, CLASSES).argmax(axis=1) == shuffled).mean() < 0.5


def test_a_rare_emotion_is_no_less_likely_for_being_rare() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], [200, 12])
    shapes = rng.normal(0, 1, (212, 2))
    shapes[labels == 1, 0] += 2
    middle = np.array([[1.0, 0.0]])  # as far from the one as from the other
    found = landmark_likelihoods(np.vstack([shapes, middle]), np.append(labels, 0), clusters(None, 213), 2)
    assert found[-1, 1] == pytest.approx(0.5, abs=0.2)


def test_a_face_is_judged_by_other_persons_faces_alone(shapes: np.ndarray) -> None:
    """Row 7 has ten near copies with the wrong label, all of the same person."""
    copies = np.vstack([shapes, shapes[7] + np.random.default_rng(3).normal(0, 0.01, (10, 6))])
    labels = np.append(WRONG, np.full(10, 2))
    person = Clusters(np.append(np.arange(N), np.full(10, 7)), N)
    assert landmark_likelihoods(copies, labels, person, CLASSES)[7, 1] > 0.9
    assert (labels[nearest_faces(copies, labels, person, np.array([7]))] == 1).all()
    (near,) = nearest_faces(copies, labels, clusters(None, N + 10), np.array([7]))
    assert near.shape == (TWINS,) and sorted(near[:10]) == list(range(N, N + 10)) and (labels[near] == 2).sum() == 10


def test_what_is_not_known_does_not_vote(shapes: np.ndarray) -> None:
    unknown = shapes.copy()
    unknown[7] = np.nan
    assert np.isnan(landmark_likelihoods(unknown, WRONG, ALONE, CLASSES)[7]).all()
    assert (nearest_faces(unknown, WRONG, ALONE, np.array([7])) == -1).all()
    rare = np.where((LABELS == 2) & (np.arange(N) > 30), 0, LABELS)  # ten faces of emotion 2, eight in some folds
    assert np.isnan(landmark_likelihoods(shapes, rare, ALONE, CLASSES)[:, 2]).any()
    assert np.isnan(landmark_likelihoods(shapes[:3], LABELS[:3], clusters(None, 3), CLASSES)).all()
    assert (nearest_faces(shapes[:3], LABELS[:3], clusters(None, 3), np.array([0])) == -1).all()


def test_votes_are_ranked_by_evidence_and_one_that_nothing_backs_falls() -> None:
    points = np.repeat(canonical_points()[None], N, axis=0).astype(np.float32)
    rng = np.random.default_rng(4)
    for k, moved in enumerate(((13, 0), (14, 17), (61, 291))):
        points[np.ix_(k == LABELS, moved)] += 0.08
    points += rng.normal(0, 0.002, points.shape).astype(np.float32)
    source = tuple("template" if row == 8 else "detector" for row in range(N))
    faces = FaceRecords(points, np.ones(N, np.float32), source, source, np.full((N, 52), np.nan, np.float32))
    given = LABELS.copy()
    given[7], given[8] = 2, 0  # row 8 has no landmarks
    said = given.copy()
    said[7], said[8], said[9] = 1, 2, 1  # row 9 is rightly labelled 0, whatever the models say
    p = np.where(np.eye(CLASSES)[said] > 0, 0.8, 0.1)
    doubted = np.isin(np.arange(N), [7, 8, 9])
    suspects = LabelSuspects(doubted, said, p.max(axis=1)[None], np.zeros((1, CLASSES)), True, doubted)
    votes = label_votes(suspects, [p, p], given, faces, ALONE)
    assert [vote.row for vote in votes] == [7, 8, 9]
    wrong, blind, right = votes
    assert wrong.models == pytest.approx(math.log(8)) and wrong.against == 2 and wrong.twins == TWINS
    assert len(wrong.similar) == 6 and not blind.similar and (given[list(wrong.similar)] == 1).mean() > 0.5
    assert math.isnan(blind.landmarks) and blind.twins == 0 and blind.against == 0 and blind.stands
    assert right.against == 0 and right.landmarks < 0 and not right.stands
    # Without faces all stand: there is no second opinion.
    assert all(vote.stands for vote in label_votes(suspects, [p, p], given, None, ALONE))
    assert np.isnan(expressions(None, N)).all()


def test_the_evidence_by_hand() -> None:
    vote = LabelVote(0, 1, math.log(8), math.log(3), 15, 9, 2)
    assert vote.evidence == pytest.approx(math.log(8 * 3 * 9.5 / 2.5)) and vote.against == 2
    assert LabelVote(0, 1, 1.0, math.nan, 15, 4, 4).against == 0
    assert not LabelVote(0, 1, 5.9, math.nan, 15, 4, 4).compelling


def test_enough_evidence_needs_a_second_opinion_and_no_certain_model() -> None:
    assert LabelVote(0, 1, 2.5, 2.0, 15, 14, 1).compelling  # 2.5 + 2.0 + ln(14.5 / 1.5) = 6.8
    assert not LabelVote(0, 1, 2.5, 1.0, 15, 14, 1).compelling  # 5.8
    assert not LabelVote(0, 1, 9.0, math.nan, 0, 0, 0).compelling
    assert not LabelVote(0, 1, 9.0, -0.5, 15, 3, 3).compelling


def test_labels_that_are_not_suspect_get_a_vote_where_the_evidence_could_be_enough() -> None:
    contradicted = np.arange(N) < 3
    said = (LABELS + 1) % CLASSES
    p = np.full((N, CLASSES), 0.01)
    p[np.arange(N), said] = [0.98 if row == 0 else 0.02 for row in range(N)]
    suspects = LabelSuspects(np.arange(N) == 1, said, p.max(axis=1)[None], np.zeros((1, CLASSES)), False, contradicted)
    # ln(.98 / .01) = 4.6 and what similar faces could add, 3.4, are more than 6; row 1 is suspect; ln 2 + 3.4 is less.
    assert [vote.row for vote in label_votes(suspects, [p], LABELS, None, ALONE)] == [0, 1]
