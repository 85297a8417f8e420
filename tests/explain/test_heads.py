"""The short way through a head behind a global average, against the general way through autograd."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from reportgen.config import Preprocessing
from reportgen.explain.capture import TargetCapture
from reportgen.explain.explainer import Explainer, Question
from reportgen.explain.heads import AnyHead, PooledHead, output_from_graph
from reportgen.explain.maps import METHODS
from reportgen.explain.tuning import Tuning
from reportgen.models.head import split_head, split_pooling
from reportgen.models.registry import LoadedModel

CHANNELS, CLASSES = 6, 4


class Net(nn.Module):
    """A layer and a head that begins with `pool`."""

    def __init__(self, pool, tail=None):
        super().__init__()
        torch.manual_seed(3)
        self.layer, self.pool = nn.Conv2d(3, CHANNELS, 3), pool
        self.average = nn.AdaptiveAvgPool2d(1)
        self.tail = tail or nn.Sequential(nn.Linear(CHANNELS, 5), nn.ReLU(inplace=True), nn.Linear(5, CLASSES))

    def forward(self, x):
        return self.tail(torch.flatten(self.pool(self.layer(x)), 1))


POOLS = {
    "module": nn.AdaptiveAvgPool2d(1),
    "module with a pair": nn.AdaptiveAvgPool2d((1, 1)),
    "function": lambda x: functional.adaptive_avg_pool2d(x, 1),
    "function with a pair": lambda x: functional.adaptive_avg_pool2d(x, (1, 1)),
    "method": lambda x: x.mean((2, 3)),
    "method that keeps": lambda x: x.mean(dim=[-2, -1], keepdim=True),
    "torch.mean": lambda x: torch.mean(x, dim=(2, 3)),
}


def parts(net, batch=5):
    """Activations as a leaf, logits, head and tail."""
    net = net.eval().requires_grad_(False)
    with TargetCapture(net, "layer") as capture:
        activations, logits = capture.forward(net, torch.randn(batch, 3, 9, 7))
    head = split_head(net, "layer")
    return activations, logits, head, split_pooling(head)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("pool", sorted(POOLS))
def test_the_short_way_gives_the_same(pool, method):
    activations, logits, _, tail = parts(Net(POOLS[pool]))
    assert tail is not None
    short = PooledHead(tail).output(activations.detach(), CLASSES, method)
    whole = output_from_graph(activations, logits, method)
    for a, b in zip(vars(short).values(), vars(whole).values(), strict=True):
        assert a.shape == b.shape
        assert not a.requires_grad
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * float(b.abs().max()))


def test_leaving_cells_out_gives_the_same():
    activations, _, head, tail = parts(Net(POOLS["module"], nn.Linear(CHANNELS, CLASSES)), batch=40)
    layer = activations.detach()
    layer[:, :, 2, 1] *= 40  # a cell that matters: predictions change without it
    cells = torch.stack([torch.full((40,), 2 * layer.shape[3] + 1), torch.arange(40) % 30], dim=1)
    short, whole = PooledHead(tail).without_cells(layer, cells), AnyHead(head).without_cells(layer, cells)
    assert torch.equal(short, whole)
    assert torch.equal(PooledHead(tail).predicted(layer), AnyHead(head).predicted(layer))
    changed = short != AnyHead(head).predicted(layer)[:, None]
    assert changed[:, 0].any()


@pytest.mark.parametrize(
    "pool",
    [
        nn.AdaptiveAvgPool2d(2),
        nn.AdaptiveAvgPool2d((1, 2)),
        nn.AdaptiveMaxPool2d(1),
        lambda x: x.mean((1, 2)),
        lambda x: x.mean(dim=(2, 3), dtype=torch.float64).float(),
        lambda x: functional.relu(x).mean((2, 3)),
        lambda x: x.mean((2, 3)) + x.amax((2, 3)),
    ],
)
def test_no_short_way_where_there_is_none(pool):
    net = Net(pool, nn.LazyLinear(CLASSES))
    net(torch.zeros(2, 3, 9, 7))
    _, _, head, tail = parts(net)
    assert head is not None
    assert tail is None


@pytest.mark.parametrize("pool", [POOLS["module"], lambda x: functional.relu(x).mean((2, 3))])
def test_the_batch_size_changes_nothing(pool):
    rng = np.random.default_rng(0)
    spec = Preprocessing(width=32, height=32)
    net = Net(pool)
    model = LoadedModel(net.eval().requires_grad_(False), "net", "layer", CLASSES, spec)
    with Explainer(model, range(CLASSES), "gradcam", torch.device("cpu")) as explainer:
        masks = np.full((7, *explainer.grid.shape), 0.5, np.float32)
        images = rng.integers(0, 256, (13, 32, 32, 3), np.uint8)
        questions = [Question(row, -1, image, masks) for row, image in enumerate(images)]
        said = [explainer.explain(questions, Tuning(size)) for size in (1, 2, 4, 8)]
    for other in said[1:]:
        for name, value in vars(said[0]).items():
            assert np.abs(vars(other)[name] - value).max() <= 1e-6 * np.abs(value).max(), name
