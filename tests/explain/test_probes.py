"""What is asked of the activations: equality with a plain loop, and heads worked out by hand."""

import numpy as np
import torch
from torch import nn

from reportgen.explain.heads import AnyHead
from reportgen.explain.probes import CONTROLS, PERMUTATIONS, ablate_peaks, permutations, random_heads


def plain_random_heads(weights, layer, masks, orders):
    """Mass and share by region of every image's map under every order of the channels, one at a time."""
    mass, share = np.zeros((len(weights), len(orders))), np.zeros((len(weights), len(orders), masks.shape[1]))
    for i, w in enumerate(weights):
        for b, order in enumerate(orders):
            raw = sum(w[order[k]] * layer[i, k] for k in range(len(w)))
            positive = np.maximum(raw, 0)
            mass[i, b] = positive.sum()
            share[i, b] = (positive * masks[i]).sum(axis=(1, 2)) / mass[i, b]
    return mass, share


def test_random_heads_equal_a_plain_loop():
    rng = np.random.default_rng(3)
    weights, layer = rng.normal(size=(5, 12)), rng.normal(size=(5, 12, 3, 4))
    masks = rng.uniform(size=(5, 7, 3, 4))
    orders = permutations(12, seed=8)
    again = np.random.default_rng(8)
    assert np.asarray(orders).tolist() == [again.permutation(12).tolist() for _ in range(PERMUTATIONS)]
    mass, share = plain_random_heads(weights, layer, masks, np.asarray(orders))
    ours = random_heads(*(torch.tensor(value, dtype=torch.float32) for value in (weights, layer, masks)), orders)
    np.testing.assert_allclose(ours.mass, mass, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.share, share, rtol=1e-3, atol=1e-5)


def test_one_channel_has_no_other_order():
    layer = torch.tensor([[[[1.0, 3.0]]]])
    masks = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    found = random_heads(torch.tensor([[2.0]]), layer, masks, permutations(1, seed=0))
    assert set(found.mass.ravel().tolist()) == {8.0}
    assert np.unique(found.share.reshape(-1, 2), axis=0).tolist() == [[0.25, 0.75]]


def test_without_mass_there_is_no_share():
    found = random_heads(torch.tensor([[-1.0]]), torch.ones(1, 1, 2, 2), torch.ones(1, 3, 2, 2), permutations(1, 0))
    assert found.mass.max() == 0
    assert np.isnan(found.share).all()


class SumHead(nn.Module):
    """Class 0 wins where the sum of the activations is above 10."""

    def forward(self, a):
        total = a.sum(dim=(1, 2, 3))
        return torch.stack([total, torch.full_like(total, 10.0)], dim=1)


def test_a_prediction_that_hangs_on_the_peak():
    layer = torch.ones(2, 1, 3, 3)
    layer[0, 0, 1, 1] = 5.0  # total 13, without the peak 8, without another cell 12
    layer[1] = 5.0  # total 45: no single cell matters
    change = ablate_peaks(AnyHead(SumHead()), layer, layer[:, 0], np.array([0, 1]))
    assert change.peak.tolist() == [1.0, 0.0]
    assert change.control.tolist() == [0.0, 0.0]


def test_control_cells_belong_to_the_image_not_to_the_batch():
    torch.manual_seed(0)
    layer = torch.rand(6, 2, 4, 4) * 0.7
    layer[:, 0, 0, 0] = 2.0
    head = AnyHead(nn.Sequential(nn.Flatten(), nn.Linear(32, 3)).eval())
    rows = np.arange(40, 46)
    together = ablate_peaks(head, layer, layer[:, 0], rows)
    alone = [ablate_peaks(head, layer[i : i + 1], layer[i : i + 1, 0], rows[i : i + 1]) for i in range(6)]
    assert together.peak.tolist() == [one.peak[0] for one in alone]
    assert together.control.tolist() == [one.control[0] for one in alone]
    assert set((together.control * CONTROLS).tolist()) <= set(range(CONTROLS + 1))
