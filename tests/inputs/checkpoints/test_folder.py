"""A model's folder as Hugging Face and timm lay it out: weights, and what the files beside them say."""

import json

import pytest
import torch
from safetensors.torch import save_file

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.file import checkpoint_sha256
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.checkpoints.statements import checkpoint_statements

NAMES = ["surprise", "anger", "fear"]
VIT = {"image_processor_type": "ViTImageProcessor", "size": {"height": 64, "width": 64}}


def folder(path, config, processor=None, weights="model.safetensors"):
    state = {"head.weight": torch.arange(6.0).reshape(3, 2)}
    if weights.endswith("bin"):
        torch.save(state, path / weights)
    else:
        save_file(state, path / weights)
    (path / "config.json").write_text(json.dumps(config))
    if processor is not None:
        (path / "preprocessor_config.json").write_text(json.dumps(processor))
    return path


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_weights_classes_and_input_come_from_the_folder(tmp_path, weights: str) -> None:
    config = {"id2label": dict(enumerate(NAMES))}
    found = read_checkpoint(folder(tmp_path, config, VIT, weights))
    assert found.state["head.weight"].tolist() == [[0, 1], [2, 3], [4, 5]]
    said = checkpoint_statements(tmp_path)
    assert said.classes == tuple(NAMES)
    assert (said.preprocessing["width"], said.preprocessing["mean"]) == (64, (0.5, 0.5, 0.5))


def test_names_of_timm_count_and_numbered_ones_do_not(tmp_path) -> None:
    assert checkpoint_statements(folder(tmp_path, {"label_names": NAMES})).classes == tuple(NAMES)
    config = {"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}
    assert checkpoint_statements(folder(tmp_path, config)).classes == ()


def test_the_hash_holds_what_the_folder_says(tmp_path) -> None:
    first = checkpoint_sha256(folder(tmp_path, {"a": 1}, VIT))
    assert checkpoint_sha256(folder(tmp_path, {"a": 1}, {**VIT, "do_normalize": False})) != first
    assert checkpoint_sha256(folder(tmp_path, {"a": 1}, VIT)) == first


def test_folders_without_weights_or_with_broken_files_are_one_line(tmp_path) -> None:
    with pytest.raises(CheckpointError, match=r"a folder without model.safetensors or pytorch_model.bin"):
        read_checkpoint(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(CheckpointError, match="its weights are in several parts"):
        read_checkpoint(tmp_path)
    folder(tmp_path, {})
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match=r"config.json: cannot be read"):
        read_checkpoint(tmp_path)
