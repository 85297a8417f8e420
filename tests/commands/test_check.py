"""`check` refuses what `build` would refuse."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from reportgen.commands.check import check_inputs
from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.errors import CheckpointError, DataError
from reportgen.models.architectures.custom_cnn import CustomCNN


def test_images_of_which_none_can_be_read_are_refused(notebook_copy):
    for number, image in enumerate(sorted(notebook_copy.rglob("*.png")) + sorted(notebook_copy.rglob("*.jpg"))):
        image.write_bytes(b"no image %d" % number)
    shown = io.StringIO()
    with pytest.raises(DataError, match="no image could be read; the first: image: not an image of an accepted format"):
        check_inputs(Config(data=notebook_copy / "processed_data.pkl"), Console(file=shown, width=200))
    assert "left out: 28" in shown.getvalue()


def test_a_network_that_nobody_knows_comes_with_a_factory_to_complete(notebook_copy):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8 * 46 * 46, 7)
    )
    checkpoint = notebook_copy / "cnn.pth"
    torch.save(net.state_dict(), checkpoint)
    shown = io.StringIO()
    config = Config(data=notebook_copy / "processed_data.pkl", models={"CNN": ModelConfig(checkpoint=checkpoint)})
    with pytest.raises(CheckpointError, match="chain of conv 3x3 1 to 8, linear 16928 to 7, which leave strides"):
        check_inputs(config, Console(file=shown, width=80))
    text = shown.getvalue()
    assert 'factory = "network:make"' in text
    assert "            nn.Conv2d(1, 8, 3, stride=1, padding=1),  # stride, padding?\n" in text
    assert "def make():\n    raise NotImplementedError(" in text


def test_images_of_several_shapes_have_a_line_for_what_resizing_does(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "faces" / ("happy", "sad")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        width = 60 if number < 4 else 48
        Image.fromarray(rng.integers(0, 256, (48, width), np.uint8)).save(folder / f"{number}.png")
    torch.manual_seed(0)
    checkpoint = tmp_path / "cnn.pth"
    torch.save(CustomCNN(7).state_dict(), checkpoint)
    shown = io.StringIO()
    cut = Preprocessing(width=48, height=48, resize="shortest edge", resize_to=48)
    models = {"A": ModelConfig(checkpoint=checkpoint), "B": ModelConfig(checkpoint=checkpoint, preprocessing=cut)}
    check_inputs(Config(data=tmp_path / "faces", models=models), Console(file=shown, width=1000))
    refused, stretched = [line for line in shown.getvalue().splitlines() if line.startswith("shapes:")]
    assert refused == (
        "shapes: B sees only the square in the middle of an image, and 4 of 12 images are not square: a build refuses "
        "them; cut the faces out as squares"
    )
    assert stretched == (
        "shapes: images are 1.00 to 1.25 times as wide as high, and 4 of 12 differ from the usual 1.00 by more than a "
        "tenth; all are stretched to one shape for A, which squashes faces differently: cut them to one shape, as for "
        "training"
    )
