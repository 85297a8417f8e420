"""The preview of a repair: on features with a known cue, beside an actual retraining of the last layer in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reportgen.evidence.shortcuts.repair import (
    ChangedPhotos,
    RepairPreview,
    Shares,
    TaughtPhotos,
    balanced,
    fit_taught,
    halves,
    preview_repair,
    refit,
    repair_table,
)
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import Estimate, wilson

N, WIDTH, CUE = 80, 12, 11  # photos of each of three emotions


def photos(seed: int, *, cue: bool) -> tuple[np.ndarray, np.ndarray]:
    """Features with a face part that tells all emotions, and one number that is high in photos of the first."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], N)
    features = rng.normal(0, 1, (len(labels), WIDTH))
    features[np.arange(len(labels)), labels] += 2.5
    features[:, CUE] = np.where((labels == 0) & cue, 3.0, 0.0) + rng.normal(0, 0.3, len(labels))
    return features, labels


def layer(*, relies: bool) -> np.ndarray:
    """Emotions 1 and 2 are predicted from the face; the first too, or from the cue alone."""
    w = np.zeros((3, WIDTH))
    w[1, 1] = w[2, 2] = 2.0
    w[0, CUE if relies else 0] = 2.0
    return w


def changed(features: np.ndarray, labels: np.ndarray, w: np.ndarray) -> ChangedPhotos:
    """Half of the first emotion's photos without the cue, and some of the others with it."""
    own, others = np.flatnonzero(labels == 0)[::2], np.flatnonzero(labels != 0)[::4]
    rows = np.concatenate([own, others])
    moved = features[rows].copy()
    moved[: len(own), CUE] -= 3.0
    moved[len(own) :, CUE] += 3.0
    return ChangedPhotos(rows, np.arange(len(rows)) < len(own), (moved @ w.T).argmax(axis=1), moved)


def preview(*, relies: bool, seed: int = 0) -> RepairPreview:
    features, labels = photos(seed, cue=True)
    w = layer(relies=relies)
    known = features.astype(np.float32), (features @ w.T - 2.0).astype(np.float32), labels
    group = clusters(None, len(labels))
    found = preview_repair(
        ("M", "m"), "component", "corner", 0, ("a", "b", "c"), known, changed(features, labels, w), w, group, seed
    )
    assert found is not None
    return found


def retrained(seed: int) -> float:
    """Recall of the first emotion without the cue on new photos, after the layer was trained by gradient descent."""
    features, labels = photos(seed, cue=True)
    more = changed(features, labels, layer(relies=True))
    x = torch.tensor(np.concatenate([features, more.features]), dtype=torch.float32)
    y = np.concatenate([labels, labels[more.rows]])
    weight = torch.tensor(balanced(y, np.concatenate([labels == 0, ~more.taken])), dtype=torch.float32)
    torch.manual_seed(seed)
    last = torch.nn.Linear(WIDTH, 3)
    optimiser = torch.optim.Adam(last.parameters(), lr=0.05)
    target = torch.tensor(y)
    for _ in range(300):
        optimiser.zero_grad()
        (torch.nn.functional.cross_entropy(last(x), target, reduction="none") * weight).sum().backward()
        optimiser.step()
    fresh, truth = photos(seed + 100, cue=False)
    with torch.no_grad():
        answers = last(torch.tensor(fresh, dtype=torch.float32)).argmax(dim=1).numpy()
    return float((answers[truth == 0] == 0).mean())


def test_most_of_the_lost_recall_comes_back_as_with_an_actual_retraining() -> None:
    shares = []
    for seed in range(3):
        found = preview(relies=True, seed=seed)
        own = found.without
        assert own.known.value > 0.9 and own.before.value < 0.4
        actual = (retrained(seed) - own.before.value) / (own.known.value - own.before.value)
        recovered = (own.after.value - own.before.value) / (own.known.value - own.before.value)
        print(f"recovered {recovered:.2f} by the preview, {actual:.2f} by retraining")
        shares.append((recovered, actual))
        assert recovered > 0.6 and found.recovered > 0.6
        assert own.gain.low > 0 and own.gain.value == pytest.approx(own.after.value - own.before.value)
        assert found.turned is not None and found.turned.before.value > 0.5 and found.turned.after.value < 0.3
        assert found.others is not None and found.others.gain.low > 0
    # The preview learns from half of the photos, the retraining from all.
    ours, actual = np.mean(shares, axis=0)
    assert abs(ours - actual) < 0.15


def test_a_layer_that_does_not_use_the_cue_hardly_changes() -> None:
    found = preview(relies=False)
    assert abs(found.without.gain.value) <= 0.1 and abs(found.cost.value) <= 0.05
    assert found.accuracy[0].n == 3 * N and found.without.known.n == N // 2


def test_other_photos_teach_one_layer_that_all_photos_are_measured_by() -> None:
    features, labels = photos(0, cue=True)
    more, truth = photos(50, cue=True)
    w = layer(relies=True)
    shown = changed(features, labels, w)
    taught = TaughtPhotos(more, truth, changed(more, truth, w))
    known, group = (features, features @ w.T - 2.0, labels), clusters(None, len(labels))
    found = preview_repair(("M", "m"), "mark", "", 0, ("a", "b", "c"), known, shown, w, group, 0, taught)
    halved = preview_repair(("M", "m"), "mark", "", 0, ("a", "b", "c"), known, shown, w, group, 0)
    assert found is not None and halved is not None
    assert (found.taught, halved.taught) == (3 * N, 0)
    assert (found.without.before, found.accuracy[0]) == (halved.without.before, halved.accuracy[0])
    assert found.recovered > 0.6
    # By hand: the layer that these photos alone give, asked for the photos shown without the cue.
    weights, bias = fit_taught(known, taught, 0, w)
    own = shown.taken
    right = (shown.features[own] @ weights.T + bias).argmax(axis=1) == 0
    assert found.without.after.value == pytest.approx(right.mean())
    # What is measured does not teach.
    noise = np.random.default_rng(0).permutation(len(labels))
    other = fit_taught((features[noise], features[noise] @ w.T - 2.0, labels), taught, 0, w)
    np.testing.assert_allclose(other[0], weights, atol=1e-6)


def test_too_few_other_photos_cannot_teach() -> None:
    features, labels = photos(0, cue=True)
    shown = changed(features, labels, layer(relies=True))
    own, others = np.flatnonzero(shown.taken), np.flatnonzero(~shown.taken)

    def taught(count: int) -> TaughtPhotos:
        kept = np.concatenate([own[:count], others])
        parts = (shown.rows[kept], shown.taken[kept], shown.predicted[kept], shown.features[kept])
        return TaughtPhotos(features, labels, ChangedPhotos(*parts))

    assert not taught(7).can_teach(0, labels) and taught(8).can_teach(0, labels) and not taught(8).can_teach(1, labels)
    # Of an emotion that none of them shows the layer would learn that it is never to be predicted.
    assert not taught(8).can_teach(0, np.append(labels, 3)) and taught(8).can_teach(0, np.append(labels, -1))


def test_groups_count_alike() -> None:
    labels, cue = np.array([0, 0, 0, 0, 1, 1]), np.array([False, False, False, True, False, False])
    weight = balanced(labels, cue)
    np.testing.assert_allclose(weight, [1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4, 1 / 4])


def test_too_few_photos_without_the_cue_are_no_preview() -> None:
    features, labels = photos(0, cue=True)
    w = layer(relies=True)
    more = changed(features, labels, w)
    few = ChangedPhotos(more.rows[:5], more.taken[:5], more.predicted[:5], more.features[:5])
    known = features, features @ w.T, labels
    group = clusters(None, len(labels))
    assert preview_repair(("M", "m"), "mark", "", 0, ("a", "b", "c"), known, few, w, group, 0) is None
    assert preview_repair(("M", "m"), "mark", "", 0, ("a", "b", "c"), known, None, w, group, 0) is None


def test_the_refit_is_the_minimum_that_torch_finds() -> None:
    """The same loss, minimised by another program that takes its gradient by itself."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(2.0, [1.0, 5.0, 0.2], (30, 3)), rng.integers(0, 2, 30)
    own, bias, weight = rng.normal(size=(2, 3)), rng.normal(size=2), balanced(y, rng.random(30) < 0.3)
    layer_found, bias_found = refit(x, y, weight, own, bias)
    spread = torch.tensor(x.std(axis=0) + 1e-6)
    change, shift = (torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 3), (2,)))
    optimiser = torch.optim.LBFGS([change, shift], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe")
    photos = torch.tensor(x)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        z = photos @ (torch.tensor(own) + change / spread).T + torch.tensor(bias) + shift
        each = torch.nn.functional.cross_entropy(z, torch.tensor(y), reduction="none")
        value = (torch.tensor(weight) * each).sum() + 0.005 * (change**2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    expected = own + (change.detach() / spread).numpy()
    np.testing.assert_allclose(layer_found, expected, atol=1e-3)
    # Only differences between classes count: a shift of all biases changes no loss.
    torch_bias = bias + shift.detach().numpy()
    np.testing.assert_allclose(np.diff(bias_found), np.diff(torch_bias), atol=1e-3)


def test_no_person_is_in_both_halves() -> None:
    group = clusters(np.repeat(np.array([f"p{k}" for k in range(9)], dtype=object), 4), 36)
    half = halves(group, 2, 0)
    assert [set(half[group.code == k].tolist()) for k in range(9)].count({0}) == 5
    assert np.array_equal(half, halves(group, 2, 0)) and set(half.tolist()) == {0, 1}


def test_both_kinds_of_photos_count_alike_in_what_comes_back() -> None:
    none, own = (
        Estimate(0.0, 0.0, 0.0, 1),
        Shares(wilson(10, 10), wilson(6, 10), wilson(8, 10), Estimate(0.2, 0, 0, 10)),
    )
    others = Shares(wilson(15, 20), wilson(3, 20), wilson(12, 20), Estimate(0.45, 0, 0, 20))
    both = wilson(9, 10), wilson(8, 10)
    made = RepairPreview("M", "m", "a", "component", "corner", own, others, None, both, both, none, 0)
    assert made.recovered == pytest.approx((0.2 + 0.45) / (0.4 + 0.6))
    table = repair_table([made])
    assert table["others_before"].tolist() == [0.15] and table["turned_after"].isna().all()
    alone = RepairPreview("M", "m", "a", "component", "corner", own, None, None, both, both, none, 0)
    assert alone.recovered == pytest.approx(0.5)


def test_parts_of_several_experiments_are_joined() -> None:
    one = ChangedPhotos(np.array([3]), np.array([True]), np.array([0]), np.ones((1, 2)))
    two = ChangedPhotos(np.array([5, 3]), np.array([False, False]), np.array([1, 2]), np.zeros((2, 2)))
    both = ChangedPhotos.joined([one, two])
    assert both is not None and both.rows.tolist() == [3, 5, 3] and both.taken.tolist() == [True, False, False]
    assert both.predicted.tolist() == [0, 1, 2] and both.features.sum() == 2 and ChangedPhotos.joined([]) is None
