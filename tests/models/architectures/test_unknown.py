"""Networks that no family knows: named by their file, pickled whole, or drafted as a factory to complete."""

import argparse

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from reportgen.config import ModelConfig, Preprocessing
from reportgen.errors import UnknownArchitectureError
from reportgen.explain.loading import bare_model, read_model_file
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.models.architectures.draft import UNCONFIRMED, draft_factory
from reportgen.models.architectures.family import Recognised
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.registry import build_model, recognise


def statistics(net: nn.Module) -> nn.Module:
    """With norms that do something, so that an activation before or behind one is not the same."""
    torch.manual_seed(2)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.3, 0.3)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.3, 0.3)
    return net.eval()


def pictures(channels: int, side: int) -> torch.Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(1))


class Attributes(nn.Module):
    """As in many notebooks on FER2013: layers as attributes, everything else in `forward`."""

    def __init__(self) -> None:
        super().__init__()
        for place, (before, after) in enumerate(((1, 8), (8, 16), (16, 32)), start=1):
            setattr(self, f"conv{place}", nn.Conv2d(before, after, 3, padding=1))
            setattr(self, f"bn{place}", nn.BatchNorm2d(after))
        self.fc1, self.fc2 = nn.Linear(32 * 36, 24), nn.Linear(24, 7)

    def forward(self, x):
        for place in (1, 2, 3):
            x = functional.max_pool2d(getattr(self, f"bn{place}")(getattr(self, f"conv{place}")(x)).relu(), 2)
        return self.fc2(functional.dropout(self.fc1(x.flatten(1)).relu(), training=self.training))


class Parts(nn.Module):
    """Features and classifier, each a Sequential."""

    def __init__(self) -> None:
        super().__init__()
        layers = []
        for before, after in ((3, 8), (8, 16), (16, 16)):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(16 * 36, 24), nn.ReLU(), nn.Dropout(), nn.Linear(24, 7))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Blocks(nn.Module):
    """Parts within parts, PReLU, a 5 x 5 convolution, a depthwise one, and an average over all cells."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.ModuleDict({"conv": nn.Conv2d(3, 8, 5, padding=2, bias=False), "bn": nn.BatchNorm2d(8)})
        self.stages = nn.ModuleList([nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.PReLU(8))])
        self.fc = nn.Linear(8, 7, bias=False)

    def forward(self, x):
        x = functional.max_pool2d(self.stem["bn"](self.stem["conv"](x)).relu(), 2)
        return self.fc(functional.adaptive_avg_pool2d(self.stages[0](x), 1).flatten(1))


def sequential() -> nn.Sequential:
    """A norm behind the activation, no padding in the second convolution."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(8), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(16), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(16 * 144, 24), nn.ReLU(), nn.Linear(24, 7),
    )  # fmt: skip


def run(text: str) -> nn.Module:
    """The network of a draft that somebody has confirmed."""
    namespace: dict[str, object] = {}
    exec(text.replace(f"{UNCONFIRMED}\n", ""), namespace)
    return namespace["make"]().eval()


USUAL = {"attributes": (Attributes, 1, 48), "parts": (Parts, 3, 48), "sequential": (sequential, 1, 48),
         "blocks": (Blocks, 3, 64)}  # fmt: skip


@pytest.mark.parametrize("name", USUAL)
def test_a_confirmed_draft_is_the_network(name: str) -> None:
    """Where a network is made as usual, the draft computes the same; its names are those of the weights."""
    make, channels, side = USUAL[name]
    net = statistics(make())
    draft = draft_factory("cnn.pth", {f"module.net.{key}": value for key, value in net.state_dict().items()}, {}, None)
    made = run(draft.text)
    made.load_state_dict(net.state_dict(), strict=True)
    with torch.no_grad():
        torch.testing.assert_close(made(pictures(channels, side)), net(pictures(channels, side)), rtol=0, atol=1e-6)
    assert sum("# stride, padding?" in line for line in draft.text.splitlines()) == draft.seen.count("conv ")
    assert all("?" in line for line in draft.text.splitlines() if "relu(" in line or "ReLU()" in line)


def test_a_draft_runs_only_when_somebody_has_read_it() -> None:
    namespace: dict[str, object] = {}
    exec(draft_factory("cnn.pth", Parts().state_dict(), {}, None).text, namespace)
    with pytest.raises(NotImplementedError, match="compare the lines that end in"):
        namespace["make"]()


def test_an_unknown_chain_is_refused_layer_by_layer_with_a_draft(tmp_path) -> None:
    with pytest.raises(UnknownArchitectureError) as caught:
        build_model("m", Attributes().state_dict(), ModelConfig(checkpoint=tmp_path / "cnn.pth"), named=["my_cnn"])
    assert "has a chain of conv 3x3 1 to 8, batch norm, conv 3x3 8 to 16, batch norm, conv 3x3 16 to 32, batch norm, " \
           "linear 1152 to 24, linear 24 to 7, which leave strides, padding, pooling and activations open, and is " \
           "called 'my_cnn'" in str(caught.value)  # fmt: skip
    assert "reportgen check prints a factory" in str(caught.value)
    assert "self.fc1 = nn.Linear(1152, 24)" in caught.value.draft


@pytest.mark.parametrize(
    "state",
    [
        {"a.weight": torch.zeros(8, 3, 3, 3), "b.weight": torch.zeros(8, 16, 3, 3), "c.weight": torch.zeros(7, 8)},
        {"a.weight": torch.zeros(8, 3, 3, 3), "pos": torch.zeros(1, 4), "c.weight": torch.zeros(7, 8)},
        {"a.weight": torch.zeros(8, 3, 3, 3), "b.weight": torch.zeros(7, 9)},
        {"a.weight": torch.zeros(8, 3, 3, 3)},
        {
            "a.weight": torch.zeros(8, 3, 3, 3),
            "b.weight": torch.zeros(16, 8, 3, 3),
            "s.weight": torch.zeros(16, 8, 1, 1),
            "c.weight": torch.zeros(7, 16),
        },
        {"a.weight": torch.zeros(8, 3, 3, 3), "skip.weight": torch.zeros(8, 8, 1, 1), "c.weight": torch.zeros(7, 8)},
        {"a.weight": torch.zeros(8, 3, 3, 3), "x(y).weight": torch.zeros(7, 8)},
        {"a.weight": torch.zeros(8, 3, 3, 3), "a.b.weight": torch.zeros(7, 8)},
        {"a.weight": torch.zeros(0, 3, 3, 3), "b.weight": torch.zeros(7, 8)},
        {},
    ],
)
def test_what_is_no_chain_has_no_draft(state) -> None:
    assert draft_factory("m.pth", state, {}, None) is None


def test_a_resnet_of_unknown_stem_has_a_draft(tmp_path) -> None:
    torch.manual_seed(1)
    resnet = import_torchvision().models.resnet
    net = resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=7)
    with pytest.raises(UnknownArchitectureError) as caught:  # no ResNet of a name: nothing is known of the rest
        net.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        build_model("m", net.state_dict(), ModelConfig(checkpoint=tmp_path / "m.pth"))
    assert caught.value.draft == ""
    net = resnet.ResNet(resnet.BasicBlock, [2, 2, 2, 2])
    net.conv1, net.maxpool = nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.Identity()
    net.fc = nn.Sequential(nn.Dropout(), nn.Linear(512, 7))
    with pytest.raises(UnknownArchitectureError) as caught:
        build_model("m", statistics(net).state_dict(), ModelConfig(checkpoint=tmp_path / "m.pth"))
    made = run(caught.value.draft)
    made.load_state_dict(net.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(made(pictures(1, 32)), net(pictures(1, 32)))


def unusual() -> nn.Sequential:
    """What nobody would guess: ELU, an average pool, a stride, another slope."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 8, 3, padding="same"), nn.BatchNorm2d(8, eps=1e-3), nn.ELU(), nn.AvgPool2d(2)),
        nn.Conv2d(8, 16, 5, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Dropout(), nn.Linear(16 * 121, 7, bias=False),
    )  # fmt: skip


@pytest.mark.parametrize("wrap", [lambda net: net, lambda net: {"epoch": 3, "net": net}, nn.DataParallel])
def test_a_pickled_sequential_is_rebuilt_as_it_is(tmp_path, wrap) -> None:
    net = statistics(unusual())
    torch.save(wrap(net), tmp_path / "whole.pth")
    file = read_model_file(tmp_path / "whole.pth", unsafe=False)
    model = bare_model("m", file, ModelConfig(checkpoint=file.path), "abcdefg", explained=True)
    with torch.no_grad():
        assert torch.equal(model.module(pictures(1, 48)), net(pictures(1, 48)))
    assert (model.preprocessing.width, model.preprocessing.grey) == (48, True)
    assert "it takes pictures of 46 to 49 pixels a side, and 48 is assumed" in model.notes
    assert model.target_layer == "2"  # behind the last convolution's activation


class Doubling(nn.ReLU):
    def forward(self, x):
        return 2 * super().forward(x)


def doubled(net: nn.Module) -> nn.Module:
    net[1].register_forward_hook(_double)
    return net


def _double(module, given, output):
    return 2 * output


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Conv2d(1, 8, 3), Doubling(), nn.Flatten(), nn.Linear(8, 7)),
        doubled(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 7))),
        nn.Sequential(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(4096), nn.Flatten(), nn.Linear(8, 7)),
    ],
)
def test_a_sequential_with_anything_else_inside_is_not_rebuilt(tmp_path, net: nn.Module) -> None:
    torch.save(net, tmp_path / "whole.pth")
    file = read_checkpoint(tmp_path / "whole.pth")
    assert not isinstance(recognise(file.state, layers=file.layers), Recognised)


def test_a_pickled_module_leaves_fewer_questions(tmp_path) -> None:
    """Its parts are stated; what `forward` does between them is not."""
    net = Parts()
    net.features[0].stride, net.features[2] = (2, 2), nn.ELU()
    torch.save(net, tmp_path / "whole.pth")
    file = read_checkpoint(tmp_path / "whole.pth")
    text = draft_factory("whole.pth", file.state, file.layers, None).text
    assert "# stride" not in text and "nn.ELU(alpha=1.0)" in text and "stride=(2, 2)" in text
    made = run(text)
    made.load_state_dict(net.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(made(pictures(3, 96)), net.eval()(pictures(3, 96)))


def test_names_of_the_network_are_found_beside_its_weights(tmp_path) -> None:
    state = {"fc.weight": torch.zeros(7, 8)}
    torch.save(
        {"arch": "resnet18", "state_dict": state, "args": argparse.Namespace(model="tf_b0", lr=3)}, tmp_path / "a"
    )
    assert read_checkpoint(tmp_path / "a").named == ("resnet18", "tf_b0")
    save_file(state, tmp_path / "b", metadata={"architecture": "vit_x", "pretrained_cfg": '{"architecture": "vit_y"}'})
    assert read_checkpoint(tmp_path / "b").named == ("vit_x", "vit_y")
    torch.save(state, tmp_path / "c")
    assert read_checkpoint(tmp_path / "c").named == ()


def test_a_name_is_a_hint_that_the_weights_decide() -> None:
    models = import_torchvision().models
    net = statistics(models.resnet18(weights=None, num_classes=7))
    state = {f"a.b.{name}": value for name, value in net.state_dict().items()}
    for name, notes in (
        ("ResNet-18", ()), ("resnet18.a1_in1k", ()), ("my_network", ()), ("hf-hub:somebody/resnet50", ()),
        ("resnet50", ("its file names resnet50, but the weights are those of ResNet18 and count",)),
    ):  # fmt: skip
        found = recognise(state, named=[name])
        assert (found.title, found.layer, found.notes) == ("ResNet18", "layer4", notes)


@pytest.mark.parametrize(("name", "side"), [("mnasnet0_5", 64), ("shufflenet_v2_x0_5", 64), ("alexnet", 224)])
def test_a_network_of_torchvision_is_found_by_its_name(tmp_path, name: str, side: int) -> None:
    """None of its families: the weights alone are refused."""
    torch.manual_seed(1)
    net = import_torchvision().models.get_model(name, weights=None, num_classes=7).eval()
    state = {f"body.{key}": value for key, value in net.state_dict().items()}
    assert not isinstance(recognise(state), Recognised)
    spec = Preprocessing(width=side, height=side)
    model = build_model("m", state, ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec), named=[name])
    with torch.no_grad():
        torch.testing.assert_close(model.module(pictures(3, side)), net(pictures(3, side)))
    assert model.architecture == name and model.target_layer


@pytest.mark.extras
@pytest.mark.parametrize("name", ["resnetblur18", "tf_efficientnet_b0", "ghostnet_100"])
def test_networks_of_one_form_are_told_apart_by_their_names(name: str) -> None:
    import_torchvision()
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install 'reportgen[timm]'")
    torch.manual_seed(1)
    net = timm.create_model(name, num_classes=7).eval()
    found = recognise(net.state_dict(), named=[name])
    assert (found.title, found.notes) == (f"{name} (timm)", ())
    with torch.no_grad():
        torch.testing.assert_close(found.module.eval()(pictures(3, 64)), net(pictures(3, 64)))
