"""Networks in ONNX files give the logits of the same network in torch, whatever layout, batch and outputs they have."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx_files import linear, onnx, save
from torch import nn

from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.errors import CheckpointError, ConfigError
from reportgen.explain.loading import ReadyModel, load_model
from reportgen.inputs.discover import discover_models
from reportgen.models.preprocessing import normalise, resize

pytestmark = pytest.mark.extras

RNG = np.random.default_rng(0)
CLASSES = ("anger", "fear", "happiness", "neutral")
SIZE = 8
WEIGHT = RNG.normal(size=(3 * SIZE * SIZE, 4)).astype(np.float32)
BIAS = RNG.normal(size=4).astype(np.float32)
FREE, ONE = ("batch", 3, SIZE, SIZE), (1, 3, SIZE, SIZE)


class Linear(nn.Module):
    """The network of `onnx_files.linear`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ torch.from_numpy(WEIGHT) + torch.from_numpy(BIAS)


def ready(path: Path, **settings: object) -> ReadyModel:
    return load_model("Net", ModelConfig.model_validate({"checkpoint": path, **settings}), CLASSES, unsafe=False)


def pictures(count: int = 5, channels: int = 3) -> torch.Tensor:
    return torch.randn(count, channels, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [FREE, ONE, (2, 3, SIZE, SIZE)])
def test_any_and_fixed_numbers_of_pictures(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    model = ready(linear(tmp_path / "net.onnx", WEIGHT, BIAS, shape)).model
    assert (model.architecture, model.num_classes, model.forward_only) == ("ONNX", 4, True)
    assert (model.preprocessing.height, model.preprocessing.width) == (SIZE, SIZE)
    assert torch.allclose(model.module(pictures()), Linear()(pictures()), atol=1e-4)


def test_a_file_that_only_says_it_takes_any_number_is_run_one_by_one(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    nodes = [node("Reshape", ["x", "shape"], ["flat"]), node("Gemm", ["flat", "w", "b"], ["scores"])]
    weights = {"w": WEIGHT, "b": BIAS, "shape": np.array([1, 192], np.int64)}
    model = ready(save(tmp_path / "net.onnx", nodes, FREE, {"scores": 4}, weights)).model
    assert torch.allclose(model.module(pictures()), Linear()(pictures()), atol=1e-4)


def test_channels_last_are_fed_as_such(tmp_path: Path) -> None:
    """As Keras writes them: the weights of (H, W, channels) are those of (channels, H, W), reordered."""
    last = WEIGHT.reshape(3, SIZE, SIZE, 4).transpose(1, 2, 0, 3).reshape(-1, 4)
    model = ready(linear(tmp_path / "net.onnx", last, BIAS, ("n", SIZE, SIZE, 3))).model
    assert torch.allclose(model.module(pictures()), Linear()(pictures()), atol=1e-4)


def test_one_channel_takes_grey(tmp_path: Path) -> None:
    model = ready(linear(tmp_path / "net.onnx", WEIGHT[:64], BIAS, ("n", 1, SIZE, SIZE))).model
    assert model.preprocessing.grey and "images are shown to it in grey" in " ".join(model.notes)
    expected = pictures(channels=1).flatten(1) @ torch.from_numpy(WEIGHT[:64]) + torch.from_numpy(BIAS)
    assert torch.allclose(model.module(pictures(channels=1)), expected, atol=1e-4)


def test_probabilities_are_taken_back_to_logits(tmp_path: Path) -> None:
    found = ready(linear(tmp_path / "net.onnx", WEIGHT * 0.05, BIAS, FREE, last="Softmax"))
    assert "its outputs are probabilities" in " ".join(found.notes)
    plain = pictures().flatten(1) @ torch.from_numpy(WEIGHT * 0.05) + torch.from_numpy(BIAS)
    assert torch.allclose(found.model.module(pictures()).softmax(1), plain.softmax(1), atol=1e-5)


def wide(path: Path, **more: object) -> Path:
    """Six numbers: four classes, valence and arousal, as EmotiEffLib's files have them."""
    extra = RNG.normal(size=(192, 2)).astype(np.float32)
    weight, bias = np.concatenate([WEIGHT, extra], axis=1), np.concatenate([BIAS, np.zeros(2, np.float32)])
    return linear(path, weight, bias, FREE, **more)


@pytest.mark.parametrize("how", ["metadata", "classes", "columns"])
def test_valence_and_arousal_beside_the_classes_are_left_out(tmp_path: Path, how: str) -> None:
    path = wide(tmp_path / "net.onnx")
    settings = {"classes": (*CLASSES, "Valence", "arousal")} if how == "classes" else {"output_columns": (0, 1, 2, 3)}
    if how == "metadata":
        path = wide(tmp_path / "net.onnx", metadata={"classes": str([*CLASSES, "valence", "arousal"])})
        found = discover_models(Config(models={"Net": ModelConfig(checkpoint=path)})).config.models["Net"]
        assert (found.classes, found.output_columns) == (CLASSES, (0, 1, 2, 3))
        settings = {"classes": found.classes, "output_columns": found.output_columns}
    loaded = ready(path, **settings)
    assert "of the 6 numbers of its output 2 are no class and left out" in loaded.notes
    assert torch.allclose(loaded.model.module(pictures()), Linear()(pictures()), atol=1e-4)


def test_more_numbers_than_classes_are_never_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="6 outputs, the test set 4 classes"):
        ready(wide(tmp_path / "net.onnx"))


def several(path: Path, names: dict[str, int]) -> Path:
    node = onnx.helper.make_node
    nodes, weights = [node("Flatten", ["x"], ["flat"], axis=1)], {}
    for name, columns in names.items():
        nodes.append(node("MatMul", ["flat", f"w_{name}"], [name]))
        weights[f"w_{name}"] = WEIGHT[:, :columns]
    return save(path, nodes, FREE, names, weights)


@pytest.mark.parametrize(
    ("names", "settings"),
    [
        ({"features": 3, "expression": 4}, {}),
        ({"valence_arousal": 2, "y": 4, "z": 3}, {}),  # by the number of classes
        ({"va": 4, "y": 4}, {}),  # by what is no class
        ({"one": 4, "two": 4}, {"output": "two"}),
    ],
)
def test_the_scores_are_found_among_several_outputs(
    tmp_path: Path, names: dict[str, int], settings: dict[str, str]
) -> None:
    model = ready(several(tmp_path / "net.onnx", names), **settings).model
    assert torch.allclose(model.module(pictures()), pictures().flatten(1) @ torch.from_numpy(WEIGHT), atol=1e-4)


def test_a_predicted_classs_number_beside_the_scores_is_no_score(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    nodes = [node("Flatten", ["x"], ["flat"], axis=1), node("MatMul", ["flat", "w"], ["scores"]),
             node("ArgMax", ["scores"], ["best"], axis=1)]  # fmt: skip
    path = save(tmp_path / "net.onnx", nodes, FREE, {"scores": 4}, {"w": WEIGHT})
    file = onnx.load(path)
    file.graph.output.insert(0, onnx.helper.make_tensor_value_info("best", 7, ["batch", 1]))
    path.write_bytes(file.SerializeToString())
    model = ready(path).model
    assert torch.allclose(model.module(pictures()), pictures().flatten(1) @ torch.from_numpy(WEIGHT), atol=1e-4)


def test_two_outputs_alike_are_refused_with_the_setting(tmp_path: Path) -> None:
    path = several(tmp_path / "net.onnx", {"one": 4, "two": 4})
    with pytest.raises(ConfigError, match="name the right one with 'output' in the settings"):
        ready(path)
    with pytest.raises(ConfigError, match="no output 'three' with scores of classes; found one, two"):
        ready(path, output="three")


@pytest.mark.parametrize(
    ("shape", "kind"),
    [(("n", 5, SIZE, SIZE), 1), (("n", 192), 1), (("n", 3, SIZE, SIZE), 7), (("n", "a", "b", "c"), 1)],
)
def test_an_input_that_is_no_picture_is_refused(tmp_path: Path, shape: tuple[int | str, ...], kind: int) -> None:
    node = onnx.helper.make_node
    nodes = [node("Cast", ["x"], ["y"], to=1), node("Flatten", ["y"], ["scores"], axis=1)]
    path = save(tmp_path / "net.onnx", nodes, shape, {"scores": 4}, {}, kind=kind)
    with pytest.raises(CheckpointError, match="expected one input of pictures") as raised:
        ready(path)
    assert "\n" not in str(raised.value)


def test_what_onnxruntime_refuses_is_one_line(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    path = save(tmp_path / "net.onnx", [node("Gemm", ["x", "gone"], ["scores"])], FREE, {"scores": 4}, {})
    with pytest.raises(CheckpointError, match=r"onnxruntime .* refuses its ONNX file") as raised:
        ready(path)
    assert "\n" not in str(raised.value)


def test_a_small_file_cannot_ask_for_any_amount_of_memory(tmp_path: Path) -> None:
    """1 KB that asks for 5 GiB of zeros: one line instead."""
    node = onnx.helper.make_node
    nodes = [
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("ReduceMean", ["zeros"], ["zero"], keepdims=0),
        node("Flatten", ["x"], ["flat"], axis=1),
        node("MatMul", ["flat", "w"], ["z"]),
        node("Add", ["z", "zero"], ["scores"]),
    ]
    weights = {"shape": np.array([5 << 28], np.int64), "w": WEIGHT}
    path = save(tmp_path / "net.onnx", nodes, FREE, {"scores": 4}, weights)
    with pytest.raises(ConfigError, match="fails on an input of 3x8x8") as raised:
        ready(path)
    assert "\n" not in str(raised.value)


def test_settings_that_do_not_fit_the_file_are_refused(tmp_path: Path) -> None:
    path = linear(tmp_path / "net.onnx", WEIGHT, BIAS, FREE)
    for settings, reason in (
        ({"target_layer": "layer4"}, "remove target_layer"),
        ({"factory": "net:build"}, "remove factory"),
        ({"preprocessing": Preprocessing(width=9)}, "takes 8 pixels"),
        ({"output_columns": (0, 9)}, "names 9, but its output has 4 numbers"),
    ):
        with pytest.raises(ConfigError, match=reason):
            ready(path, **settings)


def test_grey_follows_the_channels(tmp_path: Path) -> None:
    """One channel is grey; three may hold the same grey picture, where the settings say so."""
    one = linear(tmp_path / "one.onnx", WEIGHT[:64], BIAS, ("n", 1, SIZE, SIZE))
    with pytest.raises(ConfigError, match="takes one channel; correct or remove it"):
        ready(one, preprocessing=Preprocessing(grey=False))
    three = linear(tmp_path / "three.onnx", WEIGHT, BIAS, FREE)
    assert ready(three, preprocessing=Preprocessing(grey=True)).model.preprocessing.channels == 3
    assert (
        ready(three, preprocessing=Preprocessing(grey=True, mean=(0.5,), std=(0.5,))).model.preprocessing.mean
        == (0.5,) * 3
    )


def test_the_files_own_word_on_its_input_counts_and_settings_win(tmp_path: Path) -> None:
    metadata = {"mean": "[0.5, 0.5, 0.5]", "std": "0.25, 0.25, 0.25", "imgsz": "[8, 8]",
                "Image.BitmapPixelFormat": "Bgr8"}  # fmt: skip
    path = linear(tmp_path / "net.onnx", WEIGHT, BIAS, ("n", 3, "h", "w"), metadata=metadata)
    spec = ready(path).model.preprocessing
    assert (spec.mean, spec.std, spec.height, spec.width, spec.bgr) == ((0.5,) * 3, (0.25,) * 3, 8, 8, True)
    own = ready(path, preprocessing=Preprocessing(mean=(0.1,), std=(0.2,), bgr=False)).model.preprocessing
    assert (own.mean, own.std, own.bgr) == ((0.1,), (0.2,), False)


def test_pixels_of_0_to_255_are_fed_as_they_are(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    nodes = [node("Cast", ["x"], ["y"], to=1), node("Flatten", ["y"], ["flat"], axis=1),
             node("Gemm", ["flat", "w", "b"], ["scores"])]  # fmt: skip
    path = save(tmp_path / "net.onnx", nodes, FREE, {"scores": 4}, {"w": WEIGHT, "b": BIAS}, kind=2)
    model = ready(path).model
    image = RNG.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    shown = model.module(normalise([resize(image, model.preprocessing)], model.preprocessing))
    assert np.allclose(shown.numpy()[0], image.transpose(2, 0, 1).reshape(-1) @ WEIGHT + BIAS, rtol=1e-4)


def test_red_and_blue_are_exchanged_for_a_model_that_takes_bgr() -> None:
    image = RNG.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    assert np.array_equal(resize(image, Preprocessing(width=8, height=8, bgr=True)), image[..., ::-1])
    grey = image[..., 0]
    assert np.array_equal(resize(grey, Preprocessing(width=8, height=8, bgr=True))[..., 2], grey)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.body(x).mean((2, 3)))
        return scores


@pytest.mark.filterwarnings("ignore")
def test_a_network_as_torch_exports_it_gives_the_same_logits(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="torch.onnx.export needs onnxscript")
    torch.manual_seed(0)
    net = Small().eval()
    torch.onnx.export(
        copy.deepcopy(net), (torch.rand(2, 3, SIZE, SIZE),), tmp_path / "net.onnx", dynamo=True, verbose=False,
        dynamic_shapes=({0: "batch"},),
    )  # fmt: skip
    found = ready(tmp_path / "net.onnx")
    if (tmp_path / "net.onnx.data").exists():  # torch 2.9 and later split even a small network in two
        assert "its weights were read from net.onnx.data" in found.notes
    with torch.no_grad():
        assert torch.allclose(found.model.module(pictures()), net(pictures()), atol=1e-4)
