"""Whatever a model returns becomes logits, and an image's logits are its own; else one line says why not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from reportgen.errors import ConfigError
from reportgen.models.layers import find_layer
from reportgen.models.outputs import LogitsModel, logits_model
from reportgen.models.repeatability import check_repeatable

IMAGES = torch.nn.functional.interpolate(
    torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0)), (32, 32), mode="bicubic"
)


class Net(nn.Module):
    """A small network whose logits go through `then`."""

    def __init__(self, then=lambda logits: logits, classes: int = 5) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv, self.fc, self.then = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, classes), then

    def forward(self, x):
        return self.then(self.fc(self.conv(x).relu().mean((2, 3))))


def logits_of(then, classes: int = 5):
    module, count, notes = logits_model("m", Net(then, classes).eval(), IMAGES)
    with torch.no_grad():
        return module, module(IMAGES), Net(classes=classes).eval()(IMAGES), count, notes


def test_logits_stay_as_they_are() -> None:
    module, found, plain, count, notes = logits_of(lambda logits: logits)
    assert isinstance(module, Net) and count == 5 and notes == ()
    assert torch.allclose(found, plain, atol=1e-6)


OTHER = lambda logits: torch.zeros(len(logits), 128)  # noqa: E731


@pytest.mark.parametrize(
    ("then", "used"),
    [
        (lambda y: (y, OTHER(y)), "0"),
        (lambda y: [y, y[:, :1]], "0"),
        (lambda y: (None, y), "1"),
        (lambda y: {"features": OTHER(y), "logits": y}, "logits"),
        (lambda y: {"loss": None, "anything": y}, "anything"),
        (lambda y: {"valence": y[:, :1], "arousal": y[:, 1:2], "classes": y}, "classes"),
    ],
)
def test_scores_are_found_among_other_outputs(then, used) -> None:
    module, found, plain, count, notes = logits_of(then)
    assert isinstance(module, LogitsModel) and count == 5
    assert torch.allclose(found, plain, atol=1e-6)
    assert notes == (f"of its outputs '{used}' is used",)


def test_constant_logits_are_no_sigmoids() -> None:
    for then in (lambda y: y * 0, lambda y: y * 0 + 0.5):
        module, _, _, _, notes = logits_of(then)
        assert isinstance(module, Net) and notes == ()


def test_weights_of_zero_are_no_fault_of_the_layer() -> None:
    net = Net().eval()
    nn.init.zeros_(net.fc.weight)
    assert find_layer("m", net, IMAGES[:1], "conv", None).name == "conv"


def test_scores_that_cannot_be_told_are_one_line() -> None:
    with pytest.raises(ConfigError, match=r"no or several .*one: 2x5, two: 2x5"):
        logits_of(lambda y: {"one": y, "two": y})
    with pytest.raises(ConfigError, match="gives 2x5x3x3 for 2 images"):
        logits_of(lambda y: y[:, :, None, None].expand(-1, -1, 3, 3))


@pytest.mark.parametrize(
    ("then", "note"),
    [
        (lambda y: y.softmax(dim=1), "probabilities"),
        (lambda y: y.log_softmax(dim=1), "logarithms of probabilities"),
        (lambda y: y.sigmoid(), "sigmoids"),
        (lambda y: y[:, :, None, None], None),
    ],
)
def test_probabilities_are_noticed_and_inverted(then, note) -> None:
    _, found, plain, _, notes = logits_of(then)
    assert torch.allclose(found.softmax(dim=1), plain.softmax(dim=1), atol=1e-5)
    assert (len(notes) == 1 and note in notes[0]) if note else notes == ()


@pytest.mark.parametrize("then", [lambda y: y, torch.sigmoid])
def test_one_output_is_the_score_of_the_second_class(then) -> None:
    _, found, plain, count, notes = logits_of(then, classes=1)
    assert count == 2 and found.shape == (2, 2)
    assert torch.allclose(found.softmax(dim=1)[:, 1], plain.sigmoid()[:, 0], atol=1e-5)
    assert "second of two classes" in notes[-1]


def test_a_view_that_counts_on_rows_in_order_works() -> None:
    class Viewing(Net):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8 * 16 * 16, 5)

        def forward(self, x):
            x = self.conv(x)
            return self.fc(x.view(x.size(0), -1))

    net = Viewing().eval()
    expected = net(IMAGES.contiguous())
    module, _, _ = logits_model("m", net, IMAGES)
    assert torch.allclose(module(IMAGES.to(memory_format=torch.channels_last)), expected, atol=1e-6)


def test_a_dropout_that_stays_on_is_named() -> None:
    with pytest.raises(ConfigError, match=r"different outputs for the same images .*F\.dropout"):
        check_repeatable("m", Net(lambda y: functional.dropout(y, 0.5)).eval(), IMAGES)


def test_statistics_of_the_batch_are_named() -> None:
    net = Net()
    net.then = nn.BatchNorm1d(5, track_running_stats=False)
    with pytest.raises(ConfigError, match=r"images beside it \(batch norm 'then' keeps no running statistics\)"):
        check_repeatable("m", net.eval(), IMAGES)
    with pytest.raises(ConfigError, match=r"images beside it \(its forward mixes"):
        check_repeatable("m", Net(lambda y: y - y.mean(dim=0)).eval(), IMAGES)
    check_repeatable("m", Net().eval(), IMAGES)


class Frozen(Net):
    """A backbone that runs without gradients up to `conv`, or throughout."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x):
        if self.how == "backbone":
            with torch.no_grad():
                x = self.conv(x)
            return self.fc(x.relu().mean((2, 3)))
        if self.how == "detached":
            return self.fc(self.conv(x).detach().relu().mean((2, 3)))
        with torch.no_grad():
            return super().forward(x)


def test_a_backbone_without_gradients_works_and_a_forward_without_is_one_line() -> None:
    assert find_layer("m", Frozen("backbone").eval(), IMAGES[:1], "conv", None).name == "conv"
    for how in ("detached", "throughout"):
        with pytest.raises(ConfigError, match=r"target_layer 'conv' (gets no gradient|has a gradient of zero)"):
            find_layer("m", Frozen(how).eval(), IMAGES[:1], "conv", None)
