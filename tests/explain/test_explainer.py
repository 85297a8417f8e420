"""One model ready to explain: every method, both precisions, what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn

from reportgen.cell_grid import CellGrid
from reportgen.config import ModelConfig, Preprocessing
from reportgen.errors import BuildError, CheckpointError, ConfigError
from reportgen.explain.explainer import Explainer, Question
from reportgen.explain.loading import load_model, output_classes, pick_device
from reportgen.explain.maps import METHODS
from reportgen.explain.tuning import Tuning
from reportgen.faces.regions import REGIONS
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.registry import LoadedModel, build_model

CPU = torch.device("cpu")
SPEC = Preprocessing(width=32, height=32)
EMOTIONS = ("anger", "fear", "sadness")


def questions(count, grid):
    rng = np.random.default_rng(0)
    masks = np.full((7, *grid.shape), 0.5, np.float32)
    return [Question(i, i % 3, rng.integers(0, 256, (32, 32, 3), np.uint8), masks) for i in range(count)]


def small(bias=0.0):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.BatchNorm2d(8), nn.ReLU())
    module = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    module[3].bias.data.fill_(bias)
    return LoadedModel(module.eval().requires_grad_(False), "small", "0", 3, SPEC)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_every_method_and_precision(method, precision):
    with Explainer(small(), range(3), method, CPU, Tuning(4, precision)) as explainer:
        said = explainer.explain(questions(5, explainer.grid))
    with Explainer(small(), range(3), method, CPU) as explainer:
        exact = explainer.explain(questions(5, explainer.grid))
        assert explainer.head_is_separate
    assert said.maps.shape == (5, 3, 8, 8)
    assert said.maps.dtype == said.logits.dtype == np.float32
    tolerance = {"float32": 0.0, "bf16": 0.05}[precision]
    assert np.abs(said.logits - exact.logits).max() <= tolerance * np.abs(exact.logits).max()
    assert np.isfinite(said.maps).all()


def test_gradcam_adds_up_to_the_logits_of_a_linear_head():
    with Explainer(small(bias=0.25), range(3), "gradcam", CPU) as explainer:
        said = explainer.explain(questions(6, explainer.grid))
    np.testing.assert_allclose(said.maps.sum(axis=(2, 3)) + 0.25, said.logits, rtol=1e-4, atol=1e-5)


def test_outputs_come_in_the_reports_order():
    with Explainer(small(), range(3), "gradcam", CPU) as explainer:
        plain = explainer.explain(questions(2, explainer.grid))
    with Explainer(small(), [2, 0, 1], "gradcam", CPU) as explainer:
        moved = explainer.explain(questions(2, explainer.grid))
    assert np.array_equal(moved.logits, plain.logits[:, [2, 0, 1]])
    assert np.array_equal(moved.maps, plain.maps[:, [2, 0, 1]])


def test_no_images_give_empty_arrays_of_the_right_shape():
    with Explainer(small(), range(3), "gradcam", CPU) as explainer:
        said = explainer.explain([])
    assert said.maps.shape == (0, 3, 8, 8)
    assert said.null_share.shape[0] == 0


def test_a_model_that_gives_nan_is_one_line():
    with (
        pytest.raises(BuildError, match="gives NaN or infinity"),
        Explainer(small(bias=float("nan")), range(3), "gradcam", CPU),
    ):
        pass


def test_the_classes_of_a_models_outputs(tmp_path):
    config = ModelConfig(checkpoint=tmp_path / "m.pth")
    assert output_classes("m", 3, config, EMOTIONS) == EMOTIONS
    own = config.model_copy(update={"classes": ("Sad", "angry", "fear")})
    assert output_classes("m", 3, own, EMOTIONS) == ("sadness", "anger", "fear")
    # The report's own names come first, even where one is another's synonym or differs in case.
    named = config.model_copy(update={"classes": ("Contempt ", "joy", "happy")})
    assert output_classes("m", 3, named, ("happy", "joy", "contempt")) == ("contempt", "joy", "happy")
    with pytest.raises(CheckpointError, match=r"'m' has 8 outputs, the test set 3 classes \(anger, fear, sadness\)"):
        output_classes("m", 8, config, EMOTIONS)
    with pytest.raises(ConfigError, match=r"3 classes are named for it .* but it has 4 outputs; name every output"):
        output_classes("m", 4, own, EMOTIONS)
    with pytest.raises(ConfigError, match="lack fear of the test set's"):
        output_classes("m", 3, own.model_copy(update={"classes": ("sad", "angry", "happy")}), EMOTIONS)
    with pytest.raises(ConfigError, match="name one twice"):
        output_classes("m", 4, own.model_copy(update={"classes": ("sad", "angry", "fear", "sadness")}), EMOTIONS)


def test_outputs_that_the_report_has_no_class_for_are_left_out(tmp_path):
    """The rest is the model's own: its logits and maps in the report's order, so its probabilities renormalised."""
    torch.manual_seed(0)
    net = CustomCNN(num_classes=8, hidden=16).eval()
    torch.save(net.state_dict(), tmp_path / "m.pth")
    eight = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
    config = ModelConfig(checkpoint=tmp_path / "m.pth", classes=eight)
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    answers = {}
    for classes in (eight, tuple(sorted(eight[:7]))):
        ready = load_model("m", config, classes, unsafe=False)
        assert ready.outputs == eight and ready.model.layer_name == "conv4"
        assert any("its outputs for contempt are left out" in note for note in ready.notes) == (len(classes) == 7)
        with Explainer(ready.model, ready.order, "gradcam", CPU) as explainer:
            masks = np.zeros((len(REGIONS), *explainer.grid.shape), np.float32)
            answers[classes] = explainer.explain([Question(0, -1, image, masks)])
    whole, seven = answers.values()
    kept = [eight.index(name) for name in sorted(eight[:7])]
    np.testing.assert_allclose(seven.logits[0], whole.logits[0, kept], atol=1e-5)
    np.testing.assert_allclose(seven.maps[0], whole.maps[0, kept], atol=1e-5 * np.abs(whole.maps).max())
    probabilities = np.exp(whole.logits[0]) / np.exp(whole.logits[0]).sum()
    renormalised = probabilities[kept] / probabilities[kept].sum()
    np.testing.assert_allclose(np.exp(seven.logits[0]) / np.exp(seven.logits[0]).sum(), renormalised, atol=1e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_one_line():
    with pytest.raises(ConfigError, match="finds none here; use --device cpu or auto"):
        pick_device("cuda")
    assert pick_device("cpu") == CPU


def test_a_real_architecture_has_a_separate_head(notebook):
    path = notebook / "custom_cnn_best.pth"
    model = build_model("m", read_checkpoint(path).state, ModelConfig(checkpoint=path))
    with Explainer(model, range(7), "gradcam", CPU) as explainer:
        assert explainer.head_is_separate
        assert explainer.grid == CellGrid.even(14, 14)


@pytest.mark.parametrize("batch", [1, 4])
def test_features_are_what_the_last_layer_makes_the_logits_of(batch):
    model = small(bias=0.25)
    weights, bias = model.module[3].weight.detach().numpy().copy(), 0.25
    with Explainer(model, [2, 0, 1], "gradcam", CPU, Tuning(batch, "float32")) as explainer:
        said = explainer.explain(questions(9, explainer.grid))
        np.testing.assert_array_equal(explainer.last_weights, weights[[2, 0, 1]])
    assert said.features.shape == (9, 8)
    np.testing.assert_allclose(said.features @ weights[[2, 0, 1]].T + bias, said.logits, rtol=1e-4, atol=1e-5)


def test_features_of_a_head_that_is_not_pooled_and_of_outputs_left_out():
    torch.manual_seed(1)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU())
    module = nn.Sequential(body, nn.Flatten(), nn.Linear(512, 16), nn.ReLU(), nn.Linear(16, 4))
    model = LoadedModel(module.eval().requires_grad_(False), "small", "0", 4, SPEC).restricted([3, 1, 0])
    with Explainer(model, [0, 1, 2], "gradcam", CPU) as explainer:
        said = explainer.explain(questions(3, explainer.grid))
        assert explainer.last_weights.shape == (3, 16)
        rebuilt = said.features @ explainer.last_weights.T + module[4].bias.detach().numpy()[[3, 1, 0]]
    np.testing.assert_allclose(rebuilt, said.logits, rtol=1e-4, atol=1e-5)


def test_a_model_that_ends_otherwise_has_no_features():
    torch.manual_seed(1)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU())
    module = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 3, 1), nn.Flatten())
    model = LoadedModel(module.eval().requires_grad_(False), "small", "0", 3, SPEC)
    with Explainer(model, range(3), "gradcam", CPU) as explainer:
        assert explainer.explain(questions(2, explainer.grid)).features.shape == (2, 0)
        assert explainer.last_weights.shape == (3, 0)


def test_the_map_of_a_direction_adds_up_to_the_features_along_it():
    rng = np.random.default_rng(2)
    with Explainer(small(), range(3), "gradcam", CPU) as explainer:
        asked = questions(9, explainer.grid)
        features = explainer.explain(asked).features
        directions = rng.normal(0, 1, features.shape).astype(np.float32)
        maps = explainer.direction_maps([question.image for question in asked], directions)
        assert explainer.direction_maps([], directions[:0]).shape == (0, *explainer.grid.shape)
    assert maps.shape == (9, 8, 8)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), (features * directions).sum(axis=1), rtol=1e-4, atol=1e-5)
