from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from reportgen.analysis import ModelRecords
from reportgen.evidence.examples import mining
from reportgen.evidence.examples.mining import KINDS, KINDS_BETWEEN, Mined, Pick, mine, mine_between, mine_model
from reportgen.types import Float32Array, IntArray

CLASSES = ("joy", "rage", "calm")


def model(probabilities: npt.ArrayLike, maps: Float32Array | None = None, name: str = "M") -> ModelRecords:
    logits = np.log(np.asarray(probabilities, dtype=np.float64)).astype(np.float32)
    n, c = logits.shape
    if maps is None:
        maps = np.ones((n, c, 2, 2), dtype=np.float32)
    return ModelRecords(name, name.lower(), {}, logits, maps)


def random_models(seed: int, n: int = 60, c: int = 3) -> tuple[IntArray, list[ModelRecords]]:
    rng = np.random.default_rng(seed)
    models = [
        model(rng.dirichlet(np.ones(c), n), rng.normal(size=(n, c, 2, 3)).astype(np.float32), name)
        for name in ("A", "B")
    ]
    return rng.integers(-1, c, n), models


def rows(picks: tuple[Pick, ...]) -> list[int]:
    return [pick.image for pick in picks]


def test_all_is_complete() -> None:
    assert all(hasattr(mining, name) for name in mining.__all__)


def test_by_hand() -> None:
    probabilities = [
        [0.90, 0.06, 0.04],  # 0 joy, right
        [0.40, 0.35, 0.25],  # 1 joy, right, barely
        [0.70, 0.20, 0.10],  # 2 joy, right
        [0.44, 0.46, 0.10],  # 3 joy, wrong, second by 2 points
        [0.10, 0.85, 0.05],  # 4 joy, wrong, surely
        [0.05, 0.15, 0.80],  # 5 joy, wrong, third
        [0.60, 0.30, 0.10],  # 6 rage, wrong
        [0.20, 0.25, 0.55],  # 7 rage, wrong
        [0.01, 0.01, 0.98],  # 8 unlabelled
    ]
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, -1])
    found = Mined(mine_model(model(probabilities), labels, CLASSES, 2, 0))
    assert [(p.image, p.value) for p in found.of("m", "joy", "surest-correct")] == [
        (0, pytest.approx(0.9)),
        (2, pytest.approx(0.7)),
    ]
    assert rows(found.of("m", "joy", "least-sure-correct")) == [1, 2]
    assert [(p.image, p.value, p.predicted) for p in found.of("m", "joy", "surest-error")] == [
        (4, pytest.approx(0.85), "rage"),
        (5, pytest.approx(0.8), "calm"),
    ]
    assert [(p.image, p.value) for p in found.of("m", "joy", "near-miss")] == [
        (3, pytest.approx(0.02)),
        (4, pytest.approx(0.75)),
    ]
    # two joy > rage errors come before the single pairs; half of two per list is one per pair
    assert [(p.image, p.predicted, p.rank) for p in found.of("m", "joy", "confusion")] == [
        (4, "rage", 1),
        (5, "calm", 1),
    ]
    assert rows(found.confusions("m", "rage", "joy")) == [6]
    fallback = found.of("m", "rage", "fallback")
    assert [(p.image, p.value) for p in fallback] == [(6, pytest.approx(0.3))]
    assert not found.of("m", "rage", "surest-correct")
    assert not found.of("m", "calm", "fallback")
    assert 8 not in found.images
    assert [p.kind for p in found.on_image(4)] == ["surest-error", "near-miss", "confusion"]
    assert found.on_image(8) == ()


def test_typical_is_closest_to_the_mean_map() -> None:
    left, right, both = [1.0, 0, 0, 0], [0, 0, 0, 1.0], [0.5, 0, 0, 0.5]
    blank, noisy = [-1.0, -2, 0, 0], [3.0, -9, -9, 3.0]
    maps = np.zeros((6, 3, 2, 2), dtype=np.float32)
    # `noisy` has the heat of `both`: neither its strength nor what is below zero may count
    for row, heat in enumerate([left, right, blank, noisy, both, left]):
        maps[row, 0] = np.reshape(heat, (2, 2))
    picks = Mined(mine_model(model([[0.8, 0.1, 0.1]] * 6, maps), np.zeros(6, dtype=np.int64), CLASSES, 9, 0))
    typical = picks.of("m", "joy", "typical-correct")
    # the mean map is 3/5 left, 2/5 right
    assert rows(typical) == [3, 4, 0, 5, 1]
    mean, half, one = np.array([0.6, 0.4]), np.array([0.5, 0.5]), np.array([1.0, 0.0])
    for pick, shares in ((typical[0], half), (typical[2], one)):
        middle = (shares + mean) / 2
        distance = np.sqrt((entropy(shares, middle, base=2) + entropy(mean, middle, base=2)) / 2)
        assert pick.value == pytest.approx(distance)


def test_null_maps_are_not_typical() -> None:
    labels, models = random_models(0)
    blank = np.zeros(len(labels), dtype=bool)
    all_picks = Mined(mine_model(models[0], labels, CLASSES, 99, 0, null_map=blank)).of("a", "joy", "typical-correct")
    blank[all_picks[0].image] = True
    fewer = Mined(mine_model(models[0], labels, CLASSES, 99, 0, null_map=blank)).of("a", "joy", "typical-correct")
    assert set(rows(fewer)) == set(rows(all_picks)) - {all_picks[0].image}


def test_all_maps_null() -> None:
    records = model([[0.8, 0.1, 0.1]] * 3, np.full((3, 3, 2, 2), -1, dtype=np.float32))
    found = Mined(mine_model(records, np.zeros(3, dtype=np.int64), CLASSES, 2, 0))
    assert not found.of("m", "joy", "typical-correct")
    assert rows(found.of("m", "joy", "surest-correct")) == [0, 1]


def test_ties_go_to_the_earlier_row() -> None:
    found = Mined(mine_model(model([[0.6, 0.3, 0.1]] * 9), np.array([0] * 5 + [1] * 4), CLASSES, 3, 0))
    for kind in ("surest-correct", "least-sure-correct", "typical-correct"):
        assert rows(found.of("m", "joy", kind)) == [0, 1, 2]
    for kind in ("surest-error", "near-miss"):
        assert rows(found.of("m", "rage", kind)) == [5, 6, 7]


def test_a_picture_is_shown_once_per_list() -> None:
    probabilities = [[p, 0.9 - p, 0.1] for p in (0.85, 0.84, 0.83, 0.82)]
    labels, content = np.zeros(4, dtype=np.int64), ["same", "same", "x", "same"]
    found = Mined(mine_model(model(probabilities), labels, CLASSES, 4, 0, content=content))
    assert rows(found.of("m", "joy", "surest-correct")) == [0, 2]
    assert [p.rank for p in found.of("m", "joy", "surest-correct")] == [1, 2]
    assert rows(found.of("m", "joy", "least-sure-correct")) == [3, 2]


def test_a_frequent_confusion_cannot_fill_the_gallery() -> None:
    probabilities = [[0.2, 0.7, 0.1]] * 30 + [[0.2, 0.1, 0.7]] * 2
    found = Mined(mine_model(model(probabilities), np.zeros(32, dtype=np.int64), CLASSES, 6, 0))
    assert Counter(p.predicted for p in found.of("m", "joy", "confusion")) == {"rage": 3, "calm": 2}
    more = Mined(mine_model(model(probabilities), np.zeros(32, dtype=np.int64), CLASSES, 6, 0, quota=5))
    assert Counter(p.predicted for p in more.of("m", "joy", "confusion")) == {"rage": 5, "calm": 2}


def test_pairs_by_count() -> None:
    labels, (a, _) = random_models(3, n=200)
    pairs = [(p.emotion, p.predicted) for p in mine_model(a, labels, CLASSES, 6, 0) if p.kind == "confusion"]
    wrong = (labels >= 0) & (labels != a.predicted)
    counts = Counter((CLASSES[t], CLASSES[p]) for t, p in zip(labels[wrong], a.predicted[wrong], strict=True))
    in_order = [counts[pair] for pair in dict.fromkeys(pairs)]
    assert in_order == sorted(counts.values(), reverse=True)


def test_drawn_at_random() -> None:
    labels, (a, _) = random_models(4, n=300)

    def draw(seed: int) -> list[int]:
        return rows(Mined(mine_model(a, labels, CLASSES, 2, seed, unselected=5)).of("a", "rage", "random"))

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert (labels[draw(1)] == 1).all()
    assert len(set(draw(1))) == 5
    without = mine_model(a, labels, CLASSES, 2, 1)
    assert "random" not in {p.kind for p in without}
    assert without == mine_model(a, labels, CLASSES, 2, 2)


def test_between_by_hand() -> None:
    a = model([[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.7, 0.2], [0.2, 0.6, 0.2]], name="A")
    b = model(
        [[0.1, 0.6, 0.3], [0.05, 0.05, 0.9], [0.996, 0.002, 0.002], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]],
        name="B",
    )
    found = Mined(mine_between(a, b, np.zeros(5, dtype=np.int64), CLASSES, 3))
    right = found.between("a", "b", "a-right-b-wrong", "joy")
    # row 1: the less sure model has .8; row 0: .6
    assert [(p.image, p.rank, p.value) for p in right] == [
        (1, 1, pytest.approx(0.8)),
        (0, 2, pytest.approx(0.9)),
    ]
    assert [(p.image, p.value) for p in found.between("a", "b", "b-right-a-wrong")] == [(2, pytest.approx(0.8))]
    assert rows(found.between("a", "b", "wrong-alike")) == [3]
    assert rows(found.between("a", "b", "wrong-differently")) == [4]
    assert not found.between("b", "a", "wrong-alike")
    assert not found.of("a", "joy", "wrong-alike")  # a pair's list is not a model's


def test_between_takes_the_best_of_every_emotion_first() -> None:
    labels, (a, b) = random_models(5, n=300)
    picks = Mined(mine_between(a, b, labels, CLASSES, 4, 0)).between("a", "b", "a-right-b-wrong")
    assert [p.rank for p in picks] == sorted(p.rank for p in picks)
    assert [p.emotion for p in picks[:3]] == list(CLASSES)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 7))
def test_every_list_keeps_its_promise(seed: int, per_kind: int) -> None:
    labels, models = random_models(seed)
    found = mine(models, labels, CLASSES, per_kind, 0, unselected=1)
    # As text: the value of a pick that was drawn at random is NaN, which equals nothing.
    assert repr(found) == repr(mine(models, labels, CLASSES, per_kind, 0, unselected=1))
    by_slug = {m.slug: m for m in models}
    for pick in found.picks:
        row, truth = pick.image, CLASSES.index(pick.emotion)
        answer = int(by_slug[pick.model].predicted[row])
        assert labels[row] == truth
        assert CLASSES[answer] == pick.predicted
        assert pick.kind in (KINDS_BETWEEN if pick.other else KINDS)
        assert 1 <= pick.rank <= per_kind
        if pick.other:
            right = answer == truth, int(by_slug[pick.other].predicted[row]) == truth
            assert right == {"a-right-b-wrong": (True, False), "b-right-a-wrong": (False, True)}.get(
                pick.kind, (False, False)
            )
            same = answer == by_slug[pick.other].predicted[row]
            assert same == (pick.kind == "wrong-alike")
        elif pick.kind != "random":
            assert (answer == truth) == pick.kind.endswith("-correct")
    for slug, records in by_slug.items():
        for i, emotion in enumerate(CLASSES):
            of = [r for r in range(len(labels)) if labels[r] == i]
            right = [r for r in of if records.predicted[r] == i]
            wrong = [r for r in of if records.predicted[r] != i]
            confidence, p = records.confidence, records.probabilities
            assert (
                rows(found.of(slug, emotion, "surest-correct"))
                == sorted(right, key=lambda r: -confidence[r])[:per_kind]
            )
            assert (
                rows(found.of(slug, emotion, "surest-error")) == sorted(wrong, key=lambda r: -confidence[r])[:per_kind]
            )
            second = [r for r in wrong if sorted(p[r])[-2] == p[r, i]]
            expected = sorted(second, key=lambda r: confidence[r] - p[r, i])[:per_kind]
            assert rows(found.of(slug, emotion, "near-miss")) == expected
            assert bool(found.of(slug, emotion, "fallback")) == bool(of and not right)
            assert len(found.of(slug, emotion, "typical-correct")) <= min(per_kind, len(right))
    assert found.images == tuple(sorted({p.image for p in found.picks}))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_order_of_images_does_not_matter(seed: int) -> None:
    labels, (a, b) = random_models(seed)
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = [ModelRecords(m.name, m.slug, {}, m.logits[order], m.maps[order]) for m in (a, b)]
    one, other = mine([a, b], labels, CLASSES, 4, 0), mine(shuffled, labels[order], CLASSES, 4, 0)
    # distances to a mean may differ in their last bits, which decides between equals only
    one_picks = [p for p in one.picks if p.kind != "typical-correct"]
    other_picks = [p for p in other.picks if p.kind != "typical-correct"]
    assert [(p.image, p.kind, p.emotion, p.rank, p.value) for p in one_picks] == [
        (order[p.image], p.kind, p.emotion, p.rank, p.value) for p in other_picks
    ]


def test_nothing_labelled() -> None:
    _, (a, b) = random_models(0)
    assert mine([a, b], np.full(60, -1), CLASSES, 4, 0, unselected=3).picks == ()
