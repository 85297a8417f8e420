"""The preview of a repair: on features with a known cue, beside an actual retraining of the last layer in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reportgen.evidence.shortcuts.repair import ChangedPhotos, RepairPreview, balanced, preview_repair
from reportgen.evidence.stats.clustered import clusters

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


def changed(features: np.ndarray, labels: np.ndarray) -> ChangedPhotos:
    """Half of the first emotion's photos without the cue, and some of the others with it."""
    own, others = np.flatnonzero(labels == 0)[::2], np.flatnonzero(labels != 0)[::4]
    rows = np.concatenate([own, others])
    moved = features[rows].copy()
    moved[: len(own), CUE] -= 3.0
    moved[len(own) :, CUE] += 3.0
    return ChangedPhotos(rows, np.arange(len(rows)) < len(own), moved)


def preview(*, relies: bool, seed: int = 0) -> RepairPreview:
    features, labels = photos(seed, cue=True)
    w = layer(relies=relies)
    known = features.astype(np.float32), (features @ w.T - 2.0).astype(np.float32), labels
    group = clusters(None, len(labels))
    found = preview_repair(
        ("M", "m"), "component", "corner", 0, ("a", "b", "c"), known, changed(features, labels), w, group, seed
    )
    assert found is not None
    return found


def retrained(seed: int) -> float:
    """Recall of the first emotion without the cue on new photos, after the layer was trained by gradient descent."""
    features, labels = photos(seed, cue=True)
    more = changed(features, labels)
    x = torch.tensor(np.concatenate([features, more.features]), dtype=torch.float32)
    y = np.concatenate([labels, labels[more.rows]])
    weight = torch.tensor(balanced(y, np.repeat([False, True], [len(labels), len(more.rows)])), dtype=torch.float32)
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
        assert found.known.value > 0.9 and found.without[0].value < 0.4
        actual = (retrained(seed) - found.without[0].value) / (found.known.value - found.without[0].value)
        print(f"recovered {found.recovered:.2f} by the preview, {actual:.2f} by retraining")
        shares.append((found.recovered, actual))
        assert found.recovered > 0.6
        assert found.gain.low > 0 and found.gain.value == pytest.approx(found.without[1].value - found.without[0].value)
        assert found.turned is not None and found.turned[0].value > 0.5 and found.turned[1].value < 0.3
    # The preview learns from half of the photos, the retraining from all.
    ours, actual = np.mean(shares, axis=0)
    assert abs(ours - actual) < 0.15


def test_a_layer_that_does_not_use_the_cue_hardly_changes() -> None:
    found = preview(relies=False)
    assert abs(found.without[1].value - found.without[0].value) <= 0.1 and abs(found.cost.value) <= 0.05
    assert found.accuracy[0].n == 3 * N and found.known.n == N // 2


def test_groups_count_alike() -> None:
    labels, moved = np.array([0, 0, 0, 0, 1, 1]), np.array([False, False, False, True, False, False])
    weight = balanced(labels, moved)
    np.testing.assert_allclose(weight, [1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4, 1 / 4])


def test_too_few_photos_without_the_cue_are_no_preview() -> None:
    features, labels = photos(0, cue=True)
    more = changed(features, labels)
    few = ChangedPhotos(more.rows[:5], more.taken[:5], more.features[:5])
    w = layer(relies=True)
    known = features, features @ w.T, labels
    group = clusters(None, len(labels))
    assert preview_repair(("M", "m"), "mark", "", 0, ("a", "b", "c"), known, few, w, group, 0) is None
