"""The pass against an independent plain implementation: full backward hook, one image at a time, as notebooks do it."""

import numpy as np
import pytest
import torch

from reportgen.config import ModelConfig
from reportgen.explain.explainer import Explainer, Question
from reportgen.explain.tuning import Tuning
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.images.decoding import decode
from reportgen.models.preprocessing import normalise, resize
from reportgen.models.registry import build_model

CPU = torch.device("cpu")


def plain_maps(module, layer, x, classes):
    """Raw Grad-CAM for one image: the untouched module, hooks both ways, a forward and a backward pass per class."""
    kept = {}
    target = module.get_submodule(layer)
    forward = target.register_forward_hook(lambda m, i, o: kept.__setitem__("a", o))
    backward = target.register_full_backward_hook(lambda m, i, o: kept.__setitem__("g", o[0]))
    maps = []
    for c in classes:
        logits = module(x.clone().requires_grad_(True))
        module.zero_grad()
        logits[0, c].backward()
        weights = kept["g"][0].mean(dim=(1, 2))
        maps.append((weights[:, None, None] * kept["a"][0]).sum(0).detach())
    forward.remove()
    backward.remove()
    return logits[0].detach().numpy(), torch.stack(maps).numpy()


def compare(path, files, classes_of):
    config = ModelConfig(checkpoint=path)
    state = read_checkpoint(path).state
    plain = build_model("m", state, config)
    plain.module.requires_grad_(True)
    images = [resize(decode(file).pixels, config.preprocessing) for file in files]
    with Explainer(build_model("m", state, config), range(7), "gradcam", CPU) as explainer:
        masks = np.zeros((7, *explainer.grid.shape), np.float32)
        questions = [Question(row, -1, image, masks) for row, image in enumerate(images)]
        ours = explainer.explain(questions)
        alone = explainer.explain(questions[:9], Tuning(1))
    np.testing.assert_array_less(np.abs(ours.maps[:9] - alone.maps).max(), 1e-5 * np.abs(alone.maps).max())
    for i, image in enumerate(images):
        classes = classes_of(i, ours.logits[i])
        x = normalise([image], config.preprocessing)
        logits, maps = plain_maps(plain.module, plain.target_layer, x, classes)
        assert np.abs(ours.maps[i, classes] - maps).max() <= 1e-4 * np.abs(maps).max()
        assert np.abs(ours.logits[i] - logits).max() <= 1e-4 * np.abs(logits).max()


@pytest.mark.parametrize("file", ["custom_cnn_best.pth", "transfer_learning_best.pth"])
def test_small_notebook(notebook, file):
    compare(notebook / file, sorted((notebook / "images").iterdir())[:6], lambda i, logits: list(range(7)))


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("file", ["custom_cnn_best.pth", "transfer_learning_best.pth"])
def test_hundred_real_images(fer, file):
    """The predicted class, on every fifth image one more: a full backward pass each takes its time."""
    files = sorted((fer / "images").iterdir())[::20][:100]
    compare(fer / file, files, lambda i, logits: [int(logits.argmax()), *([i % 7] if i % 5 == 0 else [])])


@pytest.mark.real
def test_pixels_equal_pillow_and_torchvision(fer):
    from PIL import Image

    from reportgen.config import Preprocessing
    from reportgen.models.architectures.torchvision_ops import import_torchvision

    t = import_torchvision().transforms
    usual = t.Compose([t.Resize((224, 224)), t.ToTensor(), t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    spec = Preprocessing()
    for file in sorted((fer / "images").iterdir())[:40]:
        expected = usual(Image.open(file).convert("RGB"))
        assert torch.equal(normalise([resize(decode(file).pixels, spec)], spec)[0], expected)
