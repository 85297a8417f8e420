"""Optimised modules give the same answers, and hooks still find their layers."""

import sys
import types
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from reportgen.config import ModelConfig, Preprocessing
from reportgen.explain.explainer import Explainer, Question
from reportgen.faces.regions import REGIONS
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel
from reportgen.models.optimise import optimise_for_inference
from reportgen.models.preprocessing import normalise
from reportgen.models.registry import build_model

CPU = torch.device("cpu")


def randomised(module):
    """Batch norms as after training: a fresh one would be folded into nearly nothing."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            part.weight.data.uniform_(0.5, 2)
            part.bias.data.normal_()
    return module.eval().requires_grad_(False)


@pytest.mark.parametrize(("make", "layer"), [(CustomCNN, "conv4"), (TransferLearningModel, "backbone.layer4")])
def test_logits_and_target_layer_stay_equal(make, layer):
    module, x = randomised(make()), torch.randn(2, 3, 64, 64)
    seen = []
    module.get_submodule(layer).register_forward_hook(lambda *args: seen.append(args[2].clone()))
    before = module(x)
    names = {name for name, _ in module.named_modules()}
    optimise_for_inference(module, layer, CPU, x)
    after = module(x)
    scale = before.abs().max()
    assert (after - before).abs().max() < 1e-5 * scale
    # The first call is the one before, the last the one after; tracing calls the hook with placeholders in between.
    assert (seen[0] - seen[-1]).abs().max() < 1e-5 * seen[0].abs().max()
    assert not any(isinstance(part, nn.BatchNorm2d) for part in module.modules())
    assert {name for name, _ in module.named_modules()} == names


class _PoolBehind(nn.Module):
    """A pool right behind the explained layer, which ends with a ReLU."""

    def __init__(self):
        super().__init__()
        self.block, self.behind = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.MaxPool2d(2)

    def forward(self, x):
        return self.behind(self.block(x))


class _NormBehind(_PoolBehind):
    """A batch norm right behind the explained layer, which ends with a convolution."""

    def __init__(self):
        super().__init__()
        self.block, self.behind = nn.Sequential(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4)


@pytest.mark.parametrize("make", [_PoolBehind, _NormBehind])
def test_what_leaves_a_container_that_is_explained_stays_as_it_was(make):
    module, x = randomised(make()), torch.randn(2, 3, 8, 8)
    before, answer = module.block(x), module(x)
    optimise_for_inference(module, "block", CPU, x)
    assert module.block(x).shape == before.shape
    assert torch.allclose(module.block(x), before, atol=1e-5)
    assert torch.allclose(module(x), answer, atol=1e-5)


def test_pool_moves_before_relu_with_an_identical_result():
    module = nn.Sequential(nn.ReLU(), nn.MaxPool2d(3), nn.Identity()).eval()
    x = torch.randn(2, 3, 9, 9)
    before = module(x)
    optimise_for_inference(module, "2", CPU, x)
    assert [type(part).__name__ for part in module] == ["MaxPool2d", "ReLU", "Identity"]
    assert torch.equal(module(x), before)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(8, 8), (9, 7), (2, 3)])
def test_pooling_by_rows_is_identical(layout, size):
    module = nn.Sequential(nn.Identity(), nn.MaxPool2d(2), nn.Identity()).eval()
    x = torch.randn(2, 3, *size).contiguous(memory_format=layout)
    x[0, 0, 1, 1] = float("nan")
    before = module(x)
    optimise_for_inference(module, "2", CPU, torch.randn(1, 3, *size))
    assert not isinstance(module[1], nn.MaxPool2d)
    after = module(x)
    assert torch.equal(after.isnan(), before.isnan())
    assert torch.equal(after.nan_to_num(), before.nan_to_num())
    assert torch.equal(module[1](x[1]), nn.MaxPool2d(2)(x[1]))  # a single image without a batch


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(3),
        nn.MaxPool2d(2, stride=1),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, dilation=2),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d((2, 4)),
        nn.AvgPool2d(2),
    ],
)
def test_any_other_pooling_stays(pool):
    module, x = nn.Sequential(nn.Identity(), pool, nn.Identity()).eval(), torch.randn(1, 3, 8, 8)
    optimise_for_inference(module, "2", CPU, x)
    assert module[1] is pool


def test_a_norm_whose_convolution_is_used_elsewhere_is_not_folded():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            y = self.conv(x)
            return self.bn(y) + y

    module, x = randomised(Shared()), torch.randn(1, 3, 4, 4)
    before = module(x)
    optimise_for_inference(module, "bn", CPU, x)
    torch.testing.assert_close(module(x), before)
    assert isinstance(module.bn, nn.BatchNorm2d)


def test_a_convolution_called_twice_is_not_folded():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            return self.bn(self.conv(self.conv(x)))

    module, x = randomised(Twice()), torch.randn(1, 3, 4, 4)
    before = module(x)
    optimise_for_inference(module, "bn", CPU, x)
    torch.testing.assert_close(module(x), before)


def test_a_module_that_cannot_be_traced_still_works():
    class Depends(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return self.conv(x) if x.sum() > 0 else x

    module, x = Depends().eval(), torch.ones(1, 3, 2, 2)
    before = module(x)
    optimise_for_inference(module, "conv", CPU, x)
    torch.testing.assert_close(module(x), before)


def test_what_folding_would_change_is_not_folded():
    """A mean of ten thousand cancels the bias. Folded, the sum that loses four digits is gone: the answers differ."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Identity())
    randomised(module)
    module[0].bias.fill_(1e4)
    module[1].running_mean.fill_(1e4)
    x = torch.randn(2, 3, 8, 8)
    before, kept = module(x), dict(module.named_modules())
    optimise_for_inference(module, "4", CPU, x)
    assert dict(module.named_modules()) == kept
    assert torch.equal(module(x), before)


class _Net(nn.Module):
    """A small network whose convolution, forward or container is of a kind that folding could break."""

    def __init__(self, kind):
        super().__init__()
        self.conv, self.bn, self.relu = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        self.last, self.fc = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 7)
        if kind == "weight norm":
            self.conv = torch.nn.utils.parametrizations.weight_norm(self.conv)
        if kind == "spectral norm":
            self.conv = torch.nn.utils.parametrizations.spectral_norm(self.conv)
        if kind == "old spectral norm":
            self.conv = torch.nn.utils.spectral_norm(self.conv)
        self.kind = kind

    def forward(self, x):
        with torch.autocast("cpu", torch.bfloat16) if self.kind == "autocast" else nullcontext():
            x = self.relu(self.bn(self.conv(x)))
            if self.kind == "called twice":
                x = self.last(x)
            x = self.last(x).relu()
            x = x.view(x.size(0), 8, -1).mean(2) if self.kind == "view" else x.mean((2, 3))
            return self.fc(x.float() if self.kind == "autocast" else x).float()


KINDS = ("plain", "weight norm", "spectral norm", "old spectral norm", "autocast", "called twice", "view")


@pytest.mark.parametrize("kind", KINDS)
def test_networks_that_folding_could_break_keep_their_answers(kind, tmp_path, monkeypatch):
    """By a factory, from checkpoint to logits and maps of the pass: equal to the network itself, or not explained."""
    torch.manual_seed(1)
    net = randomised(_Net(kind))
    monkeypatch.setitem(sys.modules, "own_nets", types.SimpleNamespace(made=lambda: _Net(kind)))
    spec = Preprocessing(width=32, height=32)
    config = ModelConfig(checkpoint=tmp_path / "m.pth", factory="own_nets:made", preprocessing=spec)
    model = build_model("m", net.state_dict(), config)
    images = list(np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8))
    with Explainer(model, range(7), "gradcam", CPU) as explainer:
        masks = np.zeros((len(REGIONS), *explainer.grid.shape), np.float32)
        found = explainer.explain([Question(0, -1, image, masks) for image in images])
    assert model.layer_name == ("relu" if kind == "called twice" else "last")
    with torch.no_grad():
        expected = net(normalise(images, spec).contiguous()).numpy()
    tolerance = 0.02 if kind == "autocast" else 1e-4  # bfloat16 rounds at other places after folding
    np.testing.assert_allclose(found.logits, expected, atol=tolerance * np.abs(expected).max())
    assert np.abs(found.maps).max() > 0
