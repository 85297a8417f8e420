"""Checkpoints are read in every usual form, and nothing in them is ever run."""

import collections
import hashlib
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.reading import read_checkpoint

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2)}


def same(checkpoint):
    return checkpoint.state.keys() == STATE.keys() and all(torch.equal(checkpoint.state[k], STATE[k]) for k in STATE)


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"model_state_dict": STATE, "epoch": 3},
        {"state_dict": STATE, "val_acc": np.float64(0.5)},
        {"model_state_dict": collections.OrderedDict(STATE), "history": {"loss": [np.float32(1), 2.0]}},
        {"module." + name: value for name, value in STATE.items()},
        {"model_state_dict": STATE, "history": np.arange(3)},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_every_usual_form(tmp_path, content, zipped):
    path = tmp_path / "c.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(path)
    assert same(checkpoint)
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_facts_beside_the_weights(tmp_path):
    torch.save({"state_dict": STATE, "epoch": 4, "val_acc": np.float64(0.75), "history": [1]}, tmp_path / "c.pth")
    assert read_checkpoint(tmp_path / "c.pth").facts == {"epoch": 4, "val_acc": 0.75}


def test_safetensors_is_told_by_its_content_not_its_name(tmp_path):
    save_file(STATE, tmp_path / "c.pth")
    assert same(read_checkpoint(tmp_path / "c.pth"))


def test_prefix_is_stated(tmp_path):
    torch.save({"module." + name: value for name, value in STATE.items()}, tmp_path / "c.pth")
    assert read_checkpoint(tmp_path / "c.pth").notes == ("'module.' prefix removed",)


class Payload:
    def __init__(self, flag):
        self.flag = str(flag)

    def __reduce__(self):
        return os.mkdir, (self.flag,)


@pytest.mark.parametrize("where", ["value", "state", "root"])
def test_code_is_refused_and_not_run(tmp_path, where):
    flag, path = tmp_path / "ran", tmp_path / "c.pth"
    payload = Payload(flag)
    torch.save({"value": {"state_dict": STATE, "x": payload}, "state": {"a": payload}, "root": payload}[where], path)
    with pytest.raises(CheckpointError, match=r"refused, because loading it needs '\w+\.mkdir'.*--unsafe-load"):
        read_checkpoint(path)
    assert not flag.exists()


def test_unsafe_load_is_the_users_choice_and_is_stated(tmp_path):
    flag, path = tmp_path / "ran", tmp_path / "c.pth"
    torch.save({"state_dict": STATE, "x": Payload(flag)}, path)
    checkpoint = read_checkpoint(path, unsafe=True)
    assert same(checkpoint)
    assert "--unsafe-load" in checkpoint.notes[0]


def broken(kind, path):
    torch.save({"state_dict": STATE}, path)
    data = path.read_bytes()
    content = {
        "empty": b"",
        "truncated": data[: len(data) // 2],
        "text": b"hello, this is no checkpoint",
        "jpeg": b"\xff\xd8\xff\xe0" + bytes(100),
        "pickle": pickle.dumps([1, 2, 3]),
        "safetensors": (20).to_bytes(8, "little") + b'{"a":{"dtype":"F32",' + bytes(20),
        "zip": None,
    }[kind]
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../evil.txt", "x")
    else:
        path.write_bytes(content)


@pytest.mark.parametrize("kind", ["empty", "truncated", "text", "jpeg", "pickle", "safetensors", "zip"])
def test_broken_files_give_one_line(tmp_path, kind):
    path = tmp_path / "c.pth"
    broken(kind, path)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 500


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    torch.save({**STATE, "a.bias": torch.tensor([1.0, value])}, tmp_path / "c.pth")
    with pytest.raises(CheckpointError, match=r"NaN or infinity in 'a.bias'"):
        read_checkpoint(tmp_path / "c.pth")


def test_no_tensors_inside(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "c.pth")
    with pytest.raises(CheckpointError, match=r"no tensors inside \(found: epoch\)"):
        read_checkpoint(tmp_path / "c.pth")
