"""The notebook's two checkpoints under each other's name."""

from __future__ import annotations

from pathlib import Path

from reportgen.analysis import read_analysis
from reportgen.commands.build import build
from reportgen.config import Config
from reportgen.inputs.discover import swapped


def test_swapped_checkpoints_are_said(notebook_copy: Path, tmp_path: Path) -> None:
    one, two = notebook_copy / "custom_cnn_best.pth", notebook_copy / "transfer_learning_best.pth"
    one.rename(notebook_copy / "x")
    two.rename(one)
    (notebook_copy / "x").rename(two)
    data = notebook_copy / "processed_data.pkl"
    result = build(Config(data=data, output=tmp_path / "out", regions="none", examples=1, experiments="off", zip=False))
    found = {model.name: model.info["architecture"] for model in read_analysis(result.analysis).models}
    assert found == {"Custom CNN": "TransferLearningModel", "ResNet18": "CustomCNN"}
    for page in ("custom-cnn", "resnet18"):
        assert "are the checkpoints swapped?" in (result.site / f"models/{page}.html").read_text("utf-8")


def test_only_the_notebooks_names_are_doubted() -> None:
    assert swapped("Custom CNN", "a.pth", "CustomCNN") is None
    assert swapped("ResNet18", "a.pth", "TransferLearningModel") is None
    assert swapped("Custom CNN", "a.pth", "my.models:make") is None
    assert swapped("My CNN", "a.pth", "TransferLearningModel") is None
    assert "a.pth holds the weights of a TransferLearningModel" in str(
        swapped("Custom CNN", "a.pth", "TransferLearningModel")
    )
