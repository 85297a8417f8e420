"""Optimised modules give the same answers, and hooks still find their layers."""

import pytest
import torch
from torch import nn

from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel
from reportgen.models.optimise import optimise_for_inference

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
    optimise_for_inference(module, layer, CPU)
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
    optimise_for_inference(module, "block", CPU)
    assert module.block(x).shape == before.shape
    assert torch.allclose(module.block(x), before, atol=1e-5)
    assert torch.allclose(module(x), answer, atol=1e-5)


def test_pool_moves_before_relu_with_an_identical_result():
    module = nn.Sequential(nn.ReLU(), nn.MaxPool2d(3), nn.Identity()).eval()
    x = torch.randn(2, 3, 9, 9)
    before = module(x)
    optimise_for_inference(module, "2", CPU)
    assert [type(part).__name__ for part in module] == ["MaxPool2d", "ReLU", "Identity"]
    assert torch.equal(module(x), before)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(8, 8), (9, 7), (2, 3)])
def test_pooling_by_rows_is_identical(layout, size):
    module = nn.Sequential(nn.Identity(), nn.MaxPool2d(2), nn.Identity()).eval()
    x = torch.randn(2, 3, *size).contiguous(memory_format=layout)
    x[0, 0, 1, 1] = float("nan")
    before = module(x)
    optimise_for_inference(module, "2", CPU)
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
    module = nn.Sequential(nn.Identity(), pool, nn.Identity()).eval()
    optimise_for_inference(module, "2", CPU)
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
    optimise_for_inference(module, "bn", CPU)
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
    optimise_for_inference(module, "bn", CPU)
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
    optimise_for_inference(module, "conv", CPU)
    torch.testing.assert_close(module(x), before)
