"""A classifier without a face: what it can know it finds, what it cannot it does not pretend to."""

import numpy as np
import pytest

from reportgen.evidence.shortcuts.properties import Property
from reportgen.evidence.shortcuts.property_score import score_properties
from reportgen.evidence.stats.clustered import clusters

CLASSES = ("anger", "disgust", "fear", "happiness")


def item(value, name="size"):
    return Property(name, "more", "less", False, np.asarray(value, dtype=float))


def alone(n):
    return clusters(None, n)


def test_a_property_that_is_the_label_is_found_whole():
    labels = np.repeat([0, 1, 3], 20)
    score = score_properties([item(labels)], labels, CLASSES, alone(60), 0, permutations=60)
    assert score.balanced_accuracy.value == 1
    assert score.p == pytest.approx(1 / 61)
    assert score.gives_away
    assert score.emotions == ("anger", "disgust", "happiness")
    assert score.chance == pytest.approx(1 / 3)
    assert 1 / 3 < score.null_high < 0.7


def test_noise_predicts_no_label():
    """At a level of 5 %, about one set in twenty may look as if; of 12 sets not more than two."""
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], 25)
    found = [
        score_properties([item(rng.normal(size=75))], labels, CLASSES, alone(75), seed, permutations=40).gives_away
        for seed in range(12)
    ]
    assert sum(found) <= 2


def test_knowing_the_person_is_not_knowing_the_emotion():
    """Each person's photos share one size and one label: a tree that saw the person would know the label."""
    rng = np.random.default_rng(6)
    person = np.repeat(np.arange(24), 6)
    labels = np.repeat(np.tile([0, 1], 12), 6)
    size = np.repeat(rng.permutation(24), 6)
    names = np.array([f"p{k}" for k in person], dtype=object)
    apart = score_properties([item(size)], labels, CLASSES, clusters(names, 144), 0, permutations=60)
    leaking = score_properties([item(size)], labels, CLASSES, alone(144), 0, permutations=60)
    assert leaking.balanced_accuracy.value > 0.7
    assert apart.balanced_accuracy.value < 0.6
    assert apart.balanced_accuracy.n == 24


def test_emotions_with_few_images_are_left_out_and_named():
    labels = np.repeat([0, 1, 2], [20, 20, 3])
    score = score_properties([item(labels)], labels, CLASSES, alone(43), 0, permutations=20)
    assert score.emotions == ("anger", "disgust")
    assert score.left_out == ("fear",)


def test_missing_values_are_no_obstacle():
    labels = np.repeat([0, 1], 20)
    value = np.where(labels == 1, np.nan, np.arange(40.0))
    score = score_properties([item(value)], labels, CLASSES, alone(40), 0, permutations=20)
    assert score.balanced_accuracy.value > 0.9


@pytest.mark.parametrize(
    ("labels", "value"),
    [(np.zeros(30, int), np.arange(30)), (np.repeat([0, 1], 15), np.ones(30)), (np.full(30, -1), np.arange(30))],
)
def test_there_is_no_score_without_variation_or_a_second_emotion(labels, value):
    assert score_properties([item(value)], labels, CLASSES, alone(30), 0) is None


def test_two_persons_are_the_fewest():
    labels = np.repeat([0, 1], 15)
    one = clusters(np.array(["a"] * 30, dtype=object), 30)
    assert score_properties([item(labels)], labels, CLASSES, one, 0) is None


def test_the_same_seed_gives_the_same_score():
    rng = np.random.default_rng(8)
    labels = np.repeat([0, 1], 30)
    value = rng.normal(labels)
    scores = [score_properties([item(value)], labels, CLASSES, alone(60), 3, permutations=30) for _ in range(2)]
    assert scores[0] == scores[1]


def test_what_is_of_the_head_or_of_the_file_is_not_seen():
    labels = np.repeat([0, 1], 20)
    nod = Property("head nod", "more", "less", False, labels.astype(float), scored=False)
    assert score_properties([nod], labels, CLASSES, alone(40), 0) is None
    both = score_properties([nod, item(np.arange(40) % 7)], labels, CLASSES, alone(40), 0, permutations=20)
    assert both.properties == ("size",) and both.balanced_accuracy.value < 0.8
