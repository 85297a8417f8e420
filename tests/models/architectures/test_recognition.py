"""A checkpoint's network is found by its weights: under any prefix, with any head, and never with a part left out."""

import json
import sys

import face_networks
import numpy as np
import pytest
import torch
from torch import nn

from reportgen.config import ModelConfig, Preprocessing
from reportgen.errors import CheckpointError, ConfigError
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.family import Misfit, Recognised
from reportgen.models.architectures.timm import convolutional
from reportgen.models.architectures.timm.library import create
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.registry import build_model, recognise

NETWORKS = {
    "resnet18": "ResNet18", "resnet34": "ResNet34", "resnet50": "ResNet50", "vgg11_bn": "VGG11 with batch norm",
    "vgg16": "VGG16", "densenet121": "DenseNet121", "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_small": "MobileNetV3-Small", "mobilenet_v3_large": "MobileNetV3-Large",
    "efficientnet_b0": "EfficientNet-B0", "efficientnet_b2": "EfficientNet-B2",
    "efficientnet_v2_s": "EfficientNetV2-S", "convnext_tiny": "ConvNeXt-T",
}  # fmt: skip


def network(name: str, classes: int) -> nn.Module:
    """With seeded random weights and statistics, and a last layer of `classes` outputs."""
    torch.manual_seed(7)
    net: nn.Module = import_torchvision().models.get_model(name, weights=None)
    path = [key for key, layer in net.named_modules() if isinstance(layer, nn.Linear)][-1]
    parent, _, attribute = path.rpartition(".")
    setattr(net.get_submodule(parent), attribute, nn.Linear(net.get_submodule(path).in_features, classes))
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return net.eval()


def random_prefix(seed: int) -> str:
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("abcdefgh"), 5)) for _ in range(rng.integers(0, 4))]
    return "".join(f"{word}." for word in words)


def prefixed(net: nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in net.state_dict().items()}


def same(found, net: nn.Module, side: int = 64, channels: int = 3) -> bool:
    assert isinstance(found, Recognised), found
    x = torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return torch.equal(found.module.eval()(x), net(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_found_under_any_prefix(name: str) -> None:
    seed = sorted(NETWORKS).index(name)
    net = network(name, classes=3 + seed)
    found = recognise(prefixed(net, random_prefix(seed)))
    assert same(found, net)
    assert (found.title, found.prefix, found.notes) == (NETWORKS[name], random_prefix(seed), ())
    assert found.layer in dict(found.module.named_modules())


HEADS = {
    "linear": (lambda k: nn.Linear(k, 7), 0),
    "no bias": (lambda k: nn.Linear(k, 7, bias=False), 0),
    "dropout": (lambda k: nn.Sequential(nn.Dropout(0.5), nn.Linear(k, 7)), 0),
    "two": (lambda k: nn.Sequential(nn.Linear(k, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 7)), 1),
    "norm": (
        lambda k: nn.Sequential(nn.BatchNorm1d(k), nn.Linear(k, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 7)), 1
    ),
    "norm after": (lambda k: nn.Sequential(nn.Linear(k, 20), nn.ReLU(), nn.BatchNorm1d(20), nn.Linear(20, 7)), 1),
    "norm with room on both sides": (
        lambda k: nn.Sequential(nn.Linear(k, 20), nn.ReLU(), nn.BatchNorm1d(20), nn.Dropout(0.5), nn.Linear(20, 7)), 1
    ),
    "no activation": (lambda k: nn.Sequential(nn.Linear(k, 20), nn.Linear(20, 7)), 0),
    "three": (
        lambda k: nn.Sequential(nn.Flatten(), nn.Linear(k, 30), nn.ReLU(), nn.Linear(30, 20), nn.ReLU(),
                                nn.Dropout(0.2), nn.Linear(20, 7)), 1
    ),
}  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    ("name", "attribute", "width"), [("resnet18", "fc", 512), ("mobilenet_v2", "classifier", 1280)]
)
def test_a_head_is_rebuilt_from_its_shapes(name: str, attribute: str, width: int, head: str) -> None:
    net = network(name, 7)
    make, assumed = HEADS[head]
    torch.manual_seed(3)
    setattr(net, attribute, make(width).eval())
    for layer in net.get_submodule(attribute).modules():
        if isinstance(layer, nn.BatchNorm1d):  # fresh ones do nothing: in front of a ReLU and behind it were the same
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    found = recognise(prefixed(net, "model."))
    assert same(found, net)
    assert len(found.notes) == assumed and all("ReLU is assumed" in note for note in found.notes)


class Wrapped(nn.Module):
    """A body whose own head was taken off, and a head beside it."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(0.3)
        self.first = nn.Linear(512, 40)
        self.second = nn.Linear(40, 7)

    def forward(self, x):
        return self.second(self.drop(self.first(self.body(x).flatten(1)).relu()))


@pytest.mark.parametrize("cut", [False, True])
def test_a_head_beside_the_body(cut: bool) -> None:
    body = network("resnet18", 7)
    body.fc = nn.Identity()
    net = Wrapped(nn.Sequential(*list(body.children())[:-1]) if cut else body).eval()
    found = recognise(net.state_dict())
    assert same(found, net)
    assert any("cut out of a ResNet18" in note for note in found.notes) == cut


def test_an_averaged_vgg_for_small_images() -> None:
    net = network("vgg11_bn", 7)
    net.avgpool, net.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 7)
    found = recognise(net.state_dict())
    assert same(found, net, side=48)
    assert found.notes == ("its head takes 512 numbers: the average over all cells is assumed",)


def test_one_channel_is_shown_grey_images(tmp_path) -> None:
    net = network("resnet18", 7)
    net.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    assert same(recognise(net.state_dict()), net, channels=1)
    config = ModelConfig(checkpoint=tmp_path / "m.pth")
    loaded = build_model("m", net.state_dict(), config)
    assert loaded.preprocessing.grey and loaded.preprocessing.mean == (0.449,)
    assert any("grey" in note for note in loaded.notes)
    cnn = CustomCNN(channels=1).eval()
    assert same(recognise(prefixed(cnn, "net.")), cnn, channels=1)
    own = Preprocessing(grey=True, mean=(0.5,), std=(0.5,))
    assert build_model("m", net.state_dict(), config.model_copy(update={"preprocessing": own})).preprocessing == own


def test_grey_pictures_for_three_channels_are_three_equal_ones(tmp_path) -> None:
    state = network("resnet18", 7).state_dict()
    for given, mean in (({}, (0.485, 0.456, 0.406)), ({"mean": (0.5,), "std": (0.5,)}, (0.5,) * 3)):
        spec = Preprocessing(width=64, height=64, grey=True, **given)
        loaded = build_model("m", state, ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec), explained=False)
        assert loaded.preprocessing.grey and loaded.preprocessing.mean == mean and loaded.preprocessing.channels == 3


@pytest.mark.parametrize("values", [(0.5, 0.5), (), (0.5, 0.5, 0.5)])
def test_means_that_do_not_fit_the_channels_are_one_line(tmp_path, values) -> None:
    spec = Preprocessing(grey=True, mean=values, std=(0.5,))
    with pytest.raises(ConfigError, match=rf"mean has {len(values)} values, but its input has one channel"):
        build_model("m", CustomCNN(channels=1).state_dict(), ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec))


def test_what_training_leaves_beside_the_weights_is_left_out_and_listed() -> None:
    net = network("resnet18", 7)
    state = prefixed(net, "model.") | {"criterion.weight": torch.ones(7), "n_averaged": torch.tensor(3),
                                       "model.layer1.total_ops": torch.zeros(1)}  # fmt: skip
    found = recognise(state)
    assert same(found, net)
    (note,) = found.notes
    assert "criterion.weight" in note and "n_averaged" in note


def test_old_files_without_counters_and_halves_are_read() -> None:
    net = network("resnet34", 7)
    state = {name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()
             if "num_batches" not in name}  # fmt: skip
    found = recognise(state)
    assert isinstance(found, Recognised)
    assert {value.dtype for value in found.module.state_dict().values()} == {torch.float32, torch.int64}


def misfit(state) -> str:
    found = recognise(state)
    assert isinstance(found, Misfit), found
    return f"{found.title}: {found.reason}"


def test_parts_that_the_network_does_not_have_are_refused_by_name() -> None:
    """An attention module between body and head changes every answer, and its weights alone do not tell how."""
    state = network("resnet18", 7).state_dict() | {"attention.conv.weight": torch.zeros(8, 512, 1, 1)}
    assert misfit(state) == "ResNet18: it also has attention.conv.weight"


def test_two_heads_are_refused() -> None:
    net = network("resnet18", 7)
    net.fc = nn.Identity()
    state = net.state_dict() | {"emotion.weight": torch.zeros(7, 512), "arousal.weight": torch.zeros(2, 512)}
    assert "cannot be rebuilt" in misfit(state)


def test_missing_and_other_shapes_are_named() -> None:
    state = network("resnet50", 7).state_dict()
    del state["layer2.0.bn1.bias"]
    assert misfit(state) == "ResNet50: it lacks layer2.0.bn1.bias"
    state = network("resnet50", 7).state_dict()
    state["layer3.0.bn1.bias"] = torch.zeros(3)
    assert misfit(state) == "ResNet50: layer3.0.bn1.bias is 3, expected 256"


@pytest.mark.parametrize(
    "shapes",
    [
        {"layer4.0.conv1.weight": (0,), "conv1.weight": (64, 3, 7, 7), "layer1.0.conv2.weight": (0, 0, 3, 3)}
        | {f"layer{stage}.0.bn1.weight": (0,) for stage in (1, 2, 3)},
        {"encoder.layers.encoder_layer_0.ln_1.weight": (768,), "conv_proj.weight": (768, 3, 0, 0),
         "encoder.pos_embedding": (1, 197, 768), "encoder.layers.encoder_layer_0.mlp.0.weight": (1, 1)},
        {"features.1.0.attn.relative_position_bias_table": (169,), "features.0.0.weight": (96, 3, 4, 4),
         "features.1.0.mlp.0.weight": (384, 0)},
    ],
)  # fmt: skip
def test_shapes_that_no_network_has_are_unknown(shapes: dict[str, tuple[int, ...]]) -> None:
    assert recognise({name: torch.zeros(shape) for name, shape in shapes.items()}) is None


def test_a_stem_of_unknown_stride_is_not_guessed(tmp_path) -> None:
    net = network("resnet18", 7)
    net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    assert not isinstance(recognise(net.state_dict()), Recognised)
    config = ModelConfig(checkpoint=tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"convolution is 64x3x3x3, .*\(as for CIFAR\).*set factory and target"):
        build_model("m", prefixed(net, "a."), config)
    net.conv1 = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 1, 1))
    with pytest.raises(CheckpointError, match=r"stem has several convolutions \(such as ResNet-D\)"):
        build_model("m", net.state_dict(), config)


@pytest.mark.parametrize(
    ("make", "title", "layer"),
    [
        (lambda: face_networks.Dan(heads=2), "DAN", "features"),
        (lambda: face_networks.ResEmoteNet(8), "ResEmoteNet", "res_block3"),
    ],
)
def test_networks_for_expressions_are_rebuilt_from_their_papers(make, title: str, layer: str) -> None:
    torch.manual_seed(4)
    net = make().eval()
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 1.5)
    found = recognise(prefixed(net, random_prefix(3)))
    assert isinstance(found, Recognised), found
    assert (found.title, found.layer, found.notes) == (title, layer, ())
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(found.module.eval()(x), net(x), rtol=1e-4, atol=1e-4)


def faces_state(net: nn.Module, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    return {f"model.{name}": value for name, value in {**net.state_dict(), **more}.items()}


def test_a_mobile_face_net_with_an_embedding_is_refused_with_the_reason() -> None:
    """Between embedding and classes the vector may be brought to length 1, which no weight shows."""
    why = "whether its vector is normalised between the layers, as MobileFaceNet itself does, weights do not show"
    for width in (512, 256):
        net = face_networks.MobileFaceNet()
        net.linear, net.bn = nn.Linear(512, width, bias=False), nn.BatchNorm1d(width)
        assert misfit(faces_state(net)).endswith(why)
        net.fc = nn.Linear(width, 7)
        assert misfit(faces_state(net)).endswith(why)


def test_norms_that_were_used_make_another_network_of_the_names_of_ddamfn() -> None:
    net = face_networks.Ddamfn()
    assert isinstance(recognise(faces_state(net)), Recognised)
    for norm in face_networks.unused_norms(net)[1:-1:17]:
        was, norm.running_mean = norm.running_mean, torch.full_like(norm.running_mean, 0.1)
        assert "its forward uses" in misfit(faces_state(net))
        norm.running_mean = was


@pytest.mark.parametrize(
    ("anchor", "network"),
    [("conv_stem.weight", "EfficientNet or MobileNet"), ("blocks.0.attn.qkv.weight", "ViT"),
     ("stages.0.blocks.0.conv_dw.weight", "ConvNeXt")],
)  # fmt: skip
def test_a_library_that_is_not_installed_is_named(monkeypatch, tmp_path, anchor: str, network: str) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    config = ModelConfig(checkpoint=tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=rf"m.pth: this is timm's {network}; pip install 'reportgen\[timm\]'"):
        build_model("m", {f"net.{anchor}": torch.zeros(8, 3, 3, 3)}, config)
    monkeypatch.setitem(sys.modules, "transformers", None)
    config_json = {"architectures": ["ViTForImageClassification"], "model_type": "vit"}
    with pytest.raises(
        CheckpointError, match=r"this is transformers' ViTForImageClassification; pip install 'reportgen"
    ):
        build_model("m", {"a": torch.zeros(1)}, config, stated=config_json)


@pytest.mark.extras
def test_networks_of_one_form_are_said_and_the_statement_decides(tmp_path) -> None:
    import_torchvision()
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install 'reportgen[timm]'")
    torch.manual_seed(3)
    net = timm.create_model("tf_mobilenetv3_small_075", num_classes=5).eval()
    guessed = recognise(prefixed(net, "a.b."))
    assert guessed.title == "mobilenetv3_small_075 (timm)"
    assert "mobilenetv3_small_075 and tf_mobilenetv3_small_075" in guessed.notes[0]
    stated = recognise(prefixed(net, "a.b."), {"architecture": "tf_mobilenetv3_small_075.in1k"})
    assert same(stated, net) and stated.notes == ()
    assert not same(guessed, net)
    for name in ("hf-hub:somebody/model", "mobilenetv3_small_999"):
        assert recognise(net.state_dict(), {"architecture": name}) is None


@pytest.mark.extras
def test_alike_names_of_timm_are_all_that_are_alike() -> None:
    """Every string of names holds all networks of its family with these names and shapes, and only those."""
    import_torchvision()
    pytest.importorskip("timm", reason="timm is not installed: pip install 'reportgen[timm]'")
    for names in (convolutional.EFFICIENTNETS, convolutional.MOBILENETS):
        shapes = {}
        for name in " ".join(names).split():
            with torch.device("meta"):
                module = create(name)
            shapes[name] = {key: tuple(value.shape) for key, value in module.state_dict().items()}
        for entry in names:
            first, *others = entry.split()
            assert {name for name in shapes if shapes[name] == shapes[first]} == {first, *others}


HOSTILE = {
    "another class": ({"architectures": ["OwnForImageClassification"]}, "none of transformers' own image classifiers"),
    "another library's": ({"architectures": ["TimmWrapperForImageClassification"], "model_type": "timm_wrapper"},
                          "none of transformers' own"),
    "unknown kind": ({"model_type": "own"}, "none of transformers' own"),
    "too many layers": ({"num_hidden_layers": 10**9}, "num_hidden_layers = 1000000000"),
    "far too wide": ({"hidden_size": 49152, "intermediate_size": 4}, "a network of .* numbers, the weights are"),
    "no number": ({"hidden_size": "wide"}, "describes no ViTForImageClassification that transformers"),
    "another depth": ({"num_hidden_layers": 2}, "the file also has vit"),
    "more depth": ({"num_hidden_layers": 4}, "the file lacks vit"),
}  # fmt: skip


@pytest.mark.extras
@pytest.mark.parametrize("name", HOSTILE)
def test_a_config_that_is_not_of_these_weights_is_one_line(name: str, tmp_path) -> None:
    import_torchvision()
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.ViTConfig(
        hidden_size=48, num_hidden_layers=3, num_attention_heads=3, intermediate_size=64, image_size=32, patch_size=16
    )
    state = transformers.ViTForImageClassification(config).state_dict()
    changes, message = HOSTILE[name]
    stated = {
        "model_type": "vit",
        "architectures": ["ViTForImageClassification"],
        **json.loads(config.to_json_string()),
    }
    with pytest.raises(CheckpointError, match=message):
        build_model("m", state, ModelConfig(checkpoint=tmp_path / "m"), stated={**stated, **changes})
