"""Checkpoints that say what their classes are called."""

from __future__ import annotations

import argparse
import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from reportgen.config import Config, ModelConfig
from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.statements import checkpoint_statements
from reportgen.inputs.discover import discover_models
from reportgen.inputs.emotions import FER2013_ORDER

STATE = {"a.weight": torch.ones(2, 3)}
NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


class LabelEncoder:
    """As scikit-learn's, which whoever reads the checkpoint need not have."""

    def __init__(self) -> None:
        self.classes_ = np.array(NAMES, dtype=object)


STATEMENTS: dict[str, dict[str, Any]] = {
    "classes": {"classes": list(NAMES)},
    "class_names": {"class_names": NAMES},
    "array": {"classes": np.array(NAMES)},
    "array of objects": {"classes": np.array(NAMES, dtype=object)},
    "class_to_idx": {"class_to_idx": {name: n for n, name in enumerate(NAMES)}},
    "idx_to_class": {"idx_to_class": dict(enumerate(NAMES))},
    "id2label": {"id2label": {str(n): name for n, name in enumerate(NAMES)}},
    "Lightning": {"hyper_parameters": {"lr": 1e-3, "class_names": list(NAMES)}},
    "Namespace": {"args": argparse.Namespace(lr=0.1, classes=list(NAMES))},
    "encoder": {"label_encoder": LabelEncoder()},
    "labels": {"labels": list(NAMES)},
    "capitals": {"EMOTION_LABELS": list(NAMES)},
    "idx2label": {"idx2label": dict(enumerate(NAMES))},
    "label_map": {"label_map": {name: n for n, name in enumerate(NAMES)}},
    "label2id": {"label2id": {name: str(n) for n, name in enumerate(NAMES)}},
    "from 1": {"class_to_idx": {name: n for n, name in enumerate(NAMES, 1)}},
    "pairs": {"classes": list(enumerate(NAMES))},
    "names with ids": {"categories": [{"id": n, "name": name} for n, name in reversed(list(enumerate(NAMES)))]},
    "data set": {"dataset": {"class_to_idx": {name: n for n, name in enumerate(NAMES)}}},
    "deep": {"run": {"data": argparse.Namespace(classes=list(NAMES))}},
    "text of a list": {"classes": str(list(NAMES))},
    "text of a tuple": {"classes": str(tuple(NAMES))},
    "text of an array": {"classes": str(np.array(NAMES))},
    "repr of an array": {"classes": repr(np.array(NAMES))},
    "text of a dict": {"id2label": str(dict(enumerate(NAMES)))},
    "text of the other dict": {"class_to_idx": str({name: n for n, name in enumerate(NAMES)})},
    "JSON": {"class_names": json.dumps(list(NAMES))},
    "commas": {"classes": ", ".join(NAMES)},
    "blanks": {"classes": " ".join(NAMES)},
    "pairs between commas": {"classes": ", ".join(f"{n}: {name}" for n, name in enumerate(NAMES))},
    "YAML in a line": {"classes": f"[{', '.join(NAMES)}]"},
    "a key of its own": {"vocabulary": list(NAMES)},
    "a dict under a key of its own": {"deep": {"my_numbers": {name: n for n, name in enumerate(NAMES)}}},
    "names inside": {"class_mapping": {n: {"name": name} for n, name in enumerate(NAMES)}},
    "bytes": {"class_names": [name.encode() for name in NAMES]},
    "decimals": {"class_to_idx": {name: float(n) for n, name in enumerate(NAMES)}},
    "settings as YAML": {"config": f"lr: 0.1\nclass_names: [{', '.join(NAMES)}]\nseed: 1"},
    "settings as Python": {"args": str(argparse.Namespace(lr=0.1, classes=list(NAMES)))},
    "settings as JSON": {"hparams": json.dumps({"data": {"class_to_idx": {name: n for n, name in enumerate(NAMES)}}})},
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", STATEMENTS)
def test_every_way_to_state_them(tmp_path: Path, kind: str, zipped: bool) -> None:
    content = {"state_dict": STATE, **STATEMENTS[kind]}
    torch.save(content, tmp_path / "c.pth", _use_new_zipfile_serialization=zipped)
    assert checkpoint_statements(tmp_path / "c.pth").classes == NAMES


def test_safetensors_and_hugging_face(tmp_path: Path) -> None:
    save_file(
        STATE, tmp_path / "c.safetensors", {"id2label": json.dumps({str(n): name for n, name in enumerate(NAMES)})}
    )
    assert checkpoint_statements(tmp_path / "c.safetensors").classes == NAMES
    for text in (",".join(NAMES), str(list(NAMES)), str({name: n for n, name in enumerate(NAMES, 1)})):
        save_file(STATE, tmp_path / "c.safetensors", {"classes": text})
        assert checkpoint_statements(tmp_path / "c.safetensors").classes == NAMES
    save_file(STATE, tmp_path / "c.safetensors", {"dataset": json.dumps({"classes": NAMES})})
    assert checkpoint_statements(tmp_path / "c.safetensors").classes == NAMES
    save_file(STATE, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"id2label": dict(enumerate(NAMES))}))
    assert checkpoint_statements(tmp_path / "model.safetensors").classes == NAMES


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"state_dict": STATE, "classes": 7},
        {"state_dict": STATE, "classes": ["tench", "goldfish"]},
        {"state_dict": STATE, "id2label": {0: "LABEL_0", 1: "LABEL_1"}},
        {"state_dict": STATE, "class_to_idx": {"happy": 2, "sad": 3}},
        {"state_dict": STATE, "labels": ["happy", "sad", "happy"]},
        {"state_dict": STATE, "note": "happy people, sad people"},
        {"state_dict": STATE, "accuracy": {"angry": 0.5, "happy": 1.0, "sad": 0.0, "fear": 0.75}},
        {"state_dict": STATE, "classes": "happy people dataset"},
        {"state_dict": STATE, "class_counts": {"happy": 500, "sad": 300}, "emotions": {"happy": 500, "sad": 300}},
        [1, 2],
    ],
)
def test_what_states_none(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "c.pth")
    assert checkpoint_statements(tmp_path / "c.pth").classes == ()


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04", b"\xff" * 100, b"\x80\x02."])
def test_a_broken_file_states_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.pth").write_bytes(content)
    assert checkpoint_statements(tmp_path / "c.pth").classes == ()
    assert checkpoint_statements(tmp_path / "gone.pth").classes == ()


def test_a_config_of_nothing_but_brackets_states_none(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("[" * 100_000)
    assert checkpoint_statements(tmp_path / "model.safetensors").classes == ()


def test_a_compressed_archive_is_not_unpacked(tmp_path: Path) -> None:
    torch.save({**STATE, "classes": list(NAMES)}, tmp_path / "m.pth")
    assert checkpoint_statements(tmp_path / "m.pth").classes == NAMES
    with zipfile.ZipFile(tmp_path / "m.pth") as stored, zipfile.ZipFile(tmp_path / "z.pth", "w") as packed:
        for entry in stored.infolist():
            way = zipfile.ZIP_DEFLATED if entry.filename.endswith("byteorder") else zipfile.ZIP_STORED
            packed.writestr(entry.filename, stored.read(entry), compress_type=way)
    assert checkpoint_statements(tmp_path / "z.pth").classes == ()


def test_the_settings_win_and_a_difference_is_said(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "classes": list(NAMES)}, tmp_path / "c.pth")
    model = {"X": ModelConfig(checkpoint=tmp_path / "c.pth")}
    found = discover_models(Config(models=model))
    assert found.config.models["X"].classes == NAMES
    assert found.notes == (f"X: class order of the outputs by the names in its checkpoint: {', '.join(NAMES)}",)
    same = discover_models(Config(models=model, classes=FER2013_ORDER))
    assert same.config.models["X"].classes is None and same.notes == ()
    other = discover_models(Config(models=model, classes=sorted(FER2013_ORDER)))
    assert other.config.models["X"].classes is None
    assert "X: its checkpoint states the class order angry" in other.notes[0]
    assert other.notes[0].endswith("the settings count")


@pytest.mark.parametrize(
    "content",
    [
        {"emotions": sorted(NAMES), "class_to_idx": {name: n for n, name in enumerate(NAMES)}},
        {"classes": NAMES, "hparams": {"class_names": sorted(NAMES)}},
        {"classes": NAMES, "id2label": dict(enumerate(NAMES[:6]))},
    ],
)
def test_several_orders_are_refused_unless_the_settings_decide(tmp_path: Path, content: dict[str, Any]) -> None:
    torch.save({"state_dict": STATE, **content}, tmp_path / "c.pth")
    model = {"X": ModelConfig(checkpoint=tmp_path / "c.pth")}
    with pytest.raises(CheckpointError, match=r"c.pth: states several class orders \(.*\); name the right one"):
        discover_models(Config(models=model))
    decided = discover_models(Config(models=model, classes=FER2013_ORDER))
    assert decided.config.models["X"].classes is None
    assert decided.notes[0].startswith("X: its checkpoint states several class orders")
    assert decided.notes[0].endswith("the settings count")


def test_numbers_with_gaps_are_no_order_of_outputs(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "class_to_idx": {"angry": 0, "happy": 3, "sad": 4}}, tmp_path / "c.pth")
    model = {"X": ModelConfig(checkpoint=tmp_path / "c.pth")}
    with pytest.raises(CheckpointError, match=r"numbers its classes with gaps \(0 angry, 3 happy, 4 sad\); name those"):
        discover_models(Config(models=model))
    assert discover_models(Config(models=model, classes=FER2013_ORDER)).config.models["X"].classes is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "{" * 5000,
        "['angry'" + ", " * 5000,
        "{'a': 1" + " " * 15_000 + "x",
        "array(" * 3000,
        "1" * 20_000,
        "[happy " * 2000,
        "a" * 19_000 + "=",
        "happy: [" * 2000,
        "classes: [" + "a, " * 1300,
        "x " * 9_000,
    ],
)
def test_text_that_is_no_list_is_left_at_once(tmp_path: Path, text: str) -> None:
    torch.save({"state_dict": STATE, "classes": text, "config": text}, tmp_path / "c.pth")
    started = time.perf_counter()
    assert checkpoint_statements(tmp_path / "c.pth").classes == ()
    assert time.perf_counter() - started < 2


def test_a_checkpoint_of_many_dicts_inside_each_other_ends(tmp_path: Path) -> None:
    inside: dict[str, Any] = {"classes": list(NAMES)}
    for _ in range(8):
        inside = {str(n): inside for n in range(20)}
    torch.save({"state_dict": STATE, "log": inside}, tmp_path / "c.pth")
    started = time.perf_counter()
    assert checkpoint_statements(tmp_path / "c.pth").classes == ()
    assert time.perf_counter() - started < 5


def test_another_spelling_is_no_other_order(tmp_path: Path) -> None:
    other = {name: n for n, name in enumerate(FER2013_ORDER)}
    torch.save({"state_dict": STATE, "classes": NAMES, "hparams": {"class_to_idx": other}}, tmp_path / "c.pth")
    assert checkpoint_statements(tmp_path / "c.pth").classes == NAMES


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ({"img_size": 48}, {"width": 48, "height": 48}),
        ({"input_size": (3, 64, 32)}, {"width": 32, "height": 64}),
        ({"mean": [0.5] * 3, "std": (0.25, 0.25, 0.25)}, {"mean": (0.5,) * 3, "std": (0.25,) * 3}),
        ({"config": {"image_size": [112, 112], "norm_mean": [0.5], "norm_std": [0.5]}},
         {"width": 112, "height": 112, "mean": (0.5,), "std": (0.5,)}),
        ({"pretrained_cfg": {"input_size": (3, 224, 224), "mean": (127.5,) * 3, "std": (127.5,) * 3}},
         {"width": 224, "height": 224, "mean": (0.5,) * 3, "std": (0.5,) * 3}),
        ({"mean": [0.0] * 3, "std": [255.0] * 3}, {"mean": (0.0,) * 3, "std": (1.0,) * 3}),
        ({"transform": {"size": 96}}, {"width": 96, "height": 96}),
        ({"hyper_parameters": argparse.Namespace(img_size=64)}, {"width": 64, "height": 64}),
        ({"size": 48}, {}),
        ({"config": {"size": 48}}, {}),
        ({"mean": [0.5] * 3}, {}),
        ({"mean": 3.0, "std": 1.0, "img_size": "big"}, {}),
        ({"mean": [-0.1] * 3, "std": [0.5] * 3}, {}),
        ({"mean": [0.5] * 3, "std": [0.0] * 3, "img_size": 4}, {}),
    ],
)  # fmt: skip
def test_input_beside_the_weights(tmp_path: Path, beside: dict[str, Any], expected: dict[str, Any]) -> None:
    torch.save({"state_dict": {"fc.weight": torch.zeros(7, 2)}, **beside}, tmp_path / "c.pth")
    assert checkpoint_statements(tmp_path / "c.pth").preprocessing == expected


def test_the_notebooks_models_are_known_by_names_shapes_and_for_one_the_file(notebook: Path, tmp_path: Path) -> None:
    custom, transfer = notebook / "custom_cnn_best.pth", notebook / "transfer_learning_best.pth"
    assert checkpoint_statements(custom).notebook and checkpoint_statements(transfer).notebook
    for file, known in ((custom, True), (transfer, False)):
        shutil.copy(file, tmp_path / "c.pth")
        assert checkpoint_statements(tmp_path / "c.pth").notebook is known
    state = torch.load(custom, weights_only=True)["model_state_dict"]
    save_file(state, tmp_path / "c.safetensors")
    assert checkpoint_statements(tmp_path / "c.safetensors").notebook
    state["fc1.weight"] = torch.zeros(64, 256)
    torch.save(state, tmp_path / "c.pth")
    assert not checkpoint_statements(tmp_path / "c.pth").notebook
