"""Models whose answer for an image is not always the same, not its own or no number are refused, and say why."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from reportgen.errors import ConfigError
from reportgen.models.layers import find_layer
from reportgen.models.repeatability import check_repeatable


class Net(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.conv, self.act, self.fc = nn.Conv2d(3, 6, 4, stride=4), nn.Hardswish(), nn.Linear(6, 3)
        self.norm = nn.BatchNorm2d(6, track_running_stats=kind != "batch statistics")
        self.kind = kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x))
        if self.kind == "written over":
            x = x.exp()
            x += 1  # the gradient of exp is its result
        x = self.act(x)
        if self.kind == "batch":
            x = x - x.mean(dim=0)
        if self.kind == "dropout":
            x = functional.dropout(x, 0.5)
        x = x.mean((2, 3))
        if self.kind == "detached":
            x = x.detach()
        return self.fc(x)


IMAGES = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def network(kind: str) -> nn.Module:
    torch.manual_seed(0)
    return Net(kind).eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("dropout", r"different outputs for the same images when it runs twice; .* F.dropout without training"),
        ("batch statistics", r"depends on the images beside it \(batch norm 'norm' keeps no running statistics\)"),
        ("batch", r"depends on the images beside it \(its forward mixes the batch's images\)"),
    ],
)
def test_answers_that_are_not_the_images_own_are_refused(kind: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"model 'm': .*{reason}"):
        check_repeatable("m", network(kind), IMAGES)
    check_repeatable("m", network("plain"), IMAGES)


@pytest.mark.parametrize("value", [3e38, float("nan")])
def test_numbers_that_overflow_are_refused_with_the_layer(value: float) -> None:
    net = network("plain")
    nn.init.constant_(net.fc.weight, value)
    with pytest.raises(ConfigError, match=r"gives NaN or infinity .*first behind layer 'fc', whose largest weight is"):
        check_repeatable("m", net, IMAGES * 1e3)


def test_a_layer_whose_gradient_is_cut_or_written_over_is_refused_with_the_cause() -> None:
    image = IMAGES[:1]
    for target in ("act", None):
        with pytest.raises(ConfigError, match=r"'act' gets no gradient: .*\(torch.no_grad or detach\)"):
            find_layer("m", network("detached"), image, target, None)
    with pytest.raises(ConfigError, match=r"'norm' gets no gradient: an in-place operation .*would do: act"):
        find_layer("m", network("written over"), image, "norm", None)
    assert find_layer("m", network("written over"), image, None, None).name == "act"
