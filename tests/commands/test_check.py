"""`check` refuses what `build` would refuse."""

import io

import pytest
import torch
from rich.console import Console

from reportgen.commands.check import check_inputs
from reportgen.config import Config, ModelConfig
from reportgen.errors import CheckpointError, DataError


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
