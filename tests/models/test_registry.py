"""Checkpoints find their architecture, and what does not fit is named briefly."""

import sys
import types

import pytest
import torch
from torch import nn

from reportgen.config import ModelConfig, Preprocessing
from reportgen.errors import CheckpointError, ConfigError
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.registry import build_model, recognise


def config(tmp_path, **more):
    return ModelConfig(checkpoint=tmp_path / "model.pth", **more)


@pytest.mark.parametrize("classes", [3, 7])
@pytest.mark.parametrize(("make", "layer"), [(CustomCNN, "conv4"), (TransferLearningModel, "backbone.layer4")])
def test_architecture_class_count_and_weights_come_from_the_state(tmp_path, make, layer, classes):
    original = make(classes).eval()
    loaded = build_model("m", original.state_dict(), config(tmp_path))
    assert (loaded.architecture, loaded.target_layer, loaded.num_classes) == (make.__name__, layer, classes)
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(loaded.module(x), original(x))
    assert not loaded.module.training
    assert not any(p.requires_grad for p in loaded.module.parameters())


def test_head_size_comes_from_the_state(tmp_path):
    loaded = build_model("m", CustomCNN(7, hidden=64).state_dict(), config(tmp_path))
    assert loaded.module.fc1.out_features == 64


def test_half_precision_weights_are_widened(tmp_path):
    state = {
        name: value.half() if value.is_floating_point() else value for name, value in CustomCNN().state_dict().items()
    }
    assert build_model("m", state, config(tmp_path)).module.fc1.weight.dtype == torch.float32


def test_unknown_architecture_says_what_it_has_and_what_to_do(tmp_path):
    assert recognise({"encoder.weight": torch.zeros(1)}) is None
    with pytest.raises(CheckpointError, match=r"unknown architecture .*has encoder.weight\); set factory"):
        build_model("m", {"encoder.weight": torch.zeros(1)}, config(tmp_path))


def test_differences_are_named_briefly(tmp_path):
    state = dict(CustomCNN().state_dict())
    del state["conv2.conv.bias"]
    state["extra.weight"] = torch.zeros(1)
    state["conv1.conv.weight"] = torch.zeros(32, 2, 3, 3)
    with pytest.raises(CheckpointError) as caught:
        build_model("m", state, config(tmp_path))
    message = str(caught.value)
    assert "missing conv2.conv.bias" in message
    assert "unexpected extra.weight" in message
    assert "conv1.conv.weight is 32x2x3x3, expected 32x3x3x3" in message
    assert len(message) < 400


def test_a_users_factory(tmp_path):
    entry = config(
        tmp_path,
        factory="torchvision_free:make",
        target_layer="features",
        preprocessing=Preprocessing(width=48, height=48, grey=True, mean=(0.5,), std=(0.5,)),
    )
    with pytest.raises(ConfigError, match="No module named 'torchvision_free'"):
        build_model("m", {}, entry)


def test_a_factory_in_a_module(tmp_path, monkeypatch):
    source = (
        "from torch import nn\n"
        "def make():\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))\n"
        "def wrong():\n    return 3\n"
    )
    (tmp_path / "my_faces.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    import my_faces

    spec = Preprocessing(width=48, height=48, grey=True, mean=(0.5,), std=(0.5,))
    entry = config(tmp_path, factory="my_faces:make", target_layer="0", preprocessing=spec)
    loaded = build_model("m", my_faces.make().state_dict(), entry)
    assert loaded.num_classes == 5
    with pytest.raises(ConfigError, match="gave a int, not a module"):
        build_model("m", {}, entry.model_copy(update={"factory": "my_faces:wrong"}))
    # A training script that reads its arguments at the top ends the process that imports it.
    (tmp_path / "my_script.py").write_text("import argparse\nargparse.ArgumentParser().parse_args(['--unknown'])\n")
    with pytest.raises(ConfigError, match=r"factory 'my_script:make' failed \(SystemExit: 2\)"):
        build_model("m", {}, entry.model_copy(update={"factory": "my_script:make"}))
    with pytest.raises(ConfigError, match="no layer 'nowhere'"):
        build_model("m", my_faces.make().state_dict(), entry.model_copy(update={"target_layer": "nowhere"}))
    unnamed = build_model("m", my_faces.make().state_dict(), entry.model_copy(update={"target_layer": None}))
    assert unnamed.target_layer == "0"
    with pytest.raises(ConfigError, match="fails on an input of 3x48x48"):
        colour = spec.model_copy(update={"grey": False})
        build_model("m", my_faces.make().state_dict(), entry.model_copy(update={"preprocessing": colour}))


class Lit(nn.Module):
    """As a Lightning module: the network under `model`, a metric beside it, and steps of training that nobody calls."""

    def __init__(self):
        super().__init__()
        self.model, self.criterion = small(), nn.CrossEntropyLoss(weight=torch.ones(5))

    def forward(self, x):
        return self.model(x)

    def training_step(self, batch, index):
        raise AssertionError


def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))


FACTORIES = {
    "DataParallel": (lambda: nn.DataParallel(small()), "1", None),
    "Lightning": (Lit, "model.1", None),
    "MNASNet": (lambda: import_torchvision().models.mnasnet0_5(num_classes=5), "layers.13.0.layers.2", None),
    "ScriptModule": (lambda: torch.jit.script(small()), "", "gave a TorchScript module, whose layers cannot be read"),
    "compiled": (lambda: torch.compile(small()), "1", None),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("kind", FACTORIES)
def test_containers_that_factories_return(kind, tmp_path, monkeypatch):
    make, layer, refused = FACTORIES[kind]
    torch.manual_seed(0)
    net = make().eval()
    monkeypatch.setitem(sys.modules, "own_containers", types.SimpleNamespace(make=make))
    spec = Preprocessing(width=64, height=64)
    target = layer if kind == "MNASNet" else None  # looking for one in so many layers takes long
    entry = config(tmp_path, factory="own_containers:make", preprocessing=spec, target_layer=target)
    if refused:
        with pytest.raises(ConfigError, match=refused) as caught:
            build_model("m", net.state_dict(), entry)
        assert "\n" not in str(caught.value)
        return
    loaded = build_model("m", net.state_dict(), entry)
    assert loaded.layer_name.startswith(layer) and loaded.num_classes == 5
    x = torch.randn(2, 3, 64, 64)
    plain = getattr(net, "_orig_mod", net)
    with torch.no_grad():
        assert torch.allclose(loaded.module(x), plain(x), atol=1e-6)
