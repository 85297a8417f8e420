"""Checkpoints are read in every usual form, and nothing in them is ever run."""

import argparse
import collections
import datetime
import hashlib
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from faults.payloads import leave_mark
from safetensors.torch import save_file

from reportgen.errors import CheckpointError
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.checkpoints.restricted import Foreign, module_layers, module_state

LEFT_OUT = "faults.payloads.leave_mark"
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
        return leave_mark, (self.flag,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_beside_the_weights_is_left_out_and_not_run(tmp_path, zipped):
    flag, path = tmp_path / "ran", tmp_path / "c.pth"
    torch.save({"state_dict": STATE, "x": Payload(flag), "epoch": 3}, path, _use_new_zipfile_serialization=zipped)
    for unsafe in (False, True):
        checkpoint = read_checkpoint(path, unsafe=unsafe)
        assert same(checkpoint) and checkpoint.facts == {"epoch": 3}
        assert checkpoint.notes == (f"only the weights were read; left out, since they would run code: {LEFT_OUT}",)
    assert not flag.exists()


@pytest.mark.parametrize("where", ["state", "root"])
def test_code_without_weights_is_refused_and_not_run(tmp_path, where):
    flag, path = tmp_path / "ran", tmp_path / "c.pth"
    payload = Payload(flag)
    torch.save({"state": {"a": payload}, "root": payload}[where], path)
    with pytest.raises(
        CheckpointError, match=r"refused, because loading it needs 'faults\.payloads\.leave_mark'.*--unsafe-load"
    ):
        read_checkpoint(path)
    assert not flag.exists()


def test_unsafe_load_is_the_users_choice_and_is_stated(tmp_path):
    path = tmp_path / "c.pth"
    torch.save({"state_dict": Made()}, path)
    with pytest.raises(CheckpointError, match="refused"):
        read_checkpoint(path)
    checkpoint = read_checkpoint(path, unsafe=True)
    assert same(checkpoint)
    assert "--unsafe-load" in checkpoint.notes[0]


def test_a_module_that_only_code_can_make_is_no_second_network(tmp_path):
    path = tmp_path / "c.pth"
    torch.save({"model": Small(), "extra": Made()}, path)
    checkpoint = read_checkpoint(path, unsafe=True)
    assert checkpoint.state.keys() == Small().state_dict().keys()
    assert not [note for note in checkpoint.notes if "also holds" in note]


class Made:
    """Weights that only code can make."""

    def __reduce__(self):
        return make_state, ()


def make_state():
    return dict(STATE)


class Meter(list):
    """A helper of a training script: unknown to whoever reads the checkpoint."""


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(3, 2)
        self.norm = torch.nn.Sequential(torch.nn.BatchNorm1d(2))
        self.register_buffer("transient", torch.ones(1), persistent=False)


def helper_objects():
    meter = Meter([1.0])
    meter.best = 0.7
    return {
        "recorder": meter,
        "args": argparse.Namespace(lr=0.1),
        "out": Path("runs"),
        "when": datetime.datetime(2026, 1, 1),
        "history": collections.defaultdict(list, {"acc": [1, 2]}),
        "count": collections.Counter("aab"),
        "classes": np.array(["sad", "happy"]),
        "names": np.array(["sad", "happy"], dtype=object),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", helper_objects())
def test_helper_objects_beside_the_weights(tmp_path, kind, zipped):
    path = tmp_path / "c.pth"
    torch.save({"state_dict": STATE, kind: helper_objects()[kind]}, path, _use_new_zipfile_serialization=zipped)
    assert same(read_checkpoint(path))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("key", [None, "net", "model", "anything"])
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_the_tensors_of_a_whole_module_are_its_state_dict(tmp_path, key, zipped):
    module = Small()
    torch.save(module if key is None else {key: module}, tmp_path / "c.pth", _use_new_zipfile_serialization=zipped)
    state = read_checkpoint(tmp_path / "c.pth").state
    wanted = module.state_dict()
    assert list(state) == list(wanted)
    assert all(torch.equal(state[name], wanted[name]) for name in wanted)


def test_tensors_that_share_their_numbers_or_are_seen_in_another_order(tmp_path):
    whole = torch.arange(12.0).view(3, 4)
    state = {"whole": whole, "part": whole[1:, ::2], "turned": whole.T, "half": whole.half(), "none": torch.empty(0, 3)}
    state |= {
        "b": torch.tensor([True, False]),
        "bf": whole.bfloat16(),
        "n": torch.tensor(3),
        "p": torch.nn.Parameter(whole),
    }
    for zipped in (True, False):
        torch.save({"net": state, "m": Meter()}, tmp_path / "c.pth", _use_new_zipfile_serialization=zipped)
        read = read_checkpoint(tmp_path / "c.pth").state
        assert read.keys() == state.keys()
        assert all(torch.equal(read[name], state[name]) and read[name].dtype == state[name].dtype for name in state)


@pytest.mark.parametrize(
    "content",
    [
        {"_orig_mod." + name: value for name, value in STATE.items()},
        {"module._orig_mod." + name: value for name, value in STATE.items()},
        {"_orig_mod.module." + name: value for name, value in STATE.items()},
        {"module." + name: value for name, value in STATE.items()} | {"n_averaged": torch.tensor(12)},
        STATE | {"total_ops": torch.zeros(1), "a.total_params": torch.zeros(1)},
        {"state_dict": STATE | {"criterion.weight": torch.ones(7)}, "pytorch-lightning_version": "2.5.0"},
        {"net": STATE, "acc": 71.2},
        {"weights": STATE},
        {"ema_state_dict": STATE},
        {"model_state_dict": STATE, "ema_state_dict": {"other": torch.ones(1)}},
        {"checkpoint": {"model": STATE}},
        {"my own key": STATE, "optimizer": {"state": {}, "param_groups": []}},
        {name: value.half() for name, value in STATE.items()},
    ],
)
def test_what_wrappers_and_scripts_add_is_taken_off(tmp_path, content):
    torch.save(content, tmp_path / "epoch=12-val_acc=0.71 [v2].ckpt")
    state = read_checkpoint(tmp_path / "epoch=12-val_acc=0.71 [v2].ckpt").state
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name].float(), STATE[name]) for name in STATE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_files_are_named_with_a_way_out(tmp_path):
    module = torch.nn.Linear(2, 2).eval()
    torch.jit.script(module).save(tmp_path / "script.pt")
    torch.export.save(torch.export.export(module, (torch.zeros(1, 2),)), tmp_path / "exported.pt2")
    torch.save(STATE, tmp_path / "inner.pth")
    with zipfile.ZipFile(tmp_path / "zipped.pth", "w") as archive:
        archive.write(tmp_path / "inner.pth", "inner.pth")
    (tmp_path / "lfs.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 44800000\n")
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html><title>Virus scan warning</title></html>")
    wanted = {
        "script.pt": r"TorchScript.*torch\.jit\.load",
        "exported.pt2": r"exported program.*torch\.export\.load",
        "zipped.pth": "a zip that holds inner.pth; unpack it",
        "lfs.pth": "git lfs pull",
        "page.pth": "a web page",
    }
    for name, message in wanted.items():
        for unsafe in (False, True):
            with pytest.raises(CheckpointError, match=message):
                read_checkpoint(tmp_path / name, unsafe=unsafe)


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


def test_a_damaged_part_of_the_weights_is_one_line(tmp_path):
    """torch does not get as far as the numbers where the pickle needs code."""
    torch.save({"state_dict": STATE, "m": Meter()}, tmp_path / "c.pth")
    content = bytearray((tmp_path / "c.pth").read_bytes())
    numbers = content.index(STATE["a.weight"].numpy().tobytes())
    content[numbers : numbers + 4] = b"\xff" * 4
    (tmp_path / "c.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        read_checkpoint(tmp_path / "c.pth")


def test_several_networks_in_one_file(tmp_path):
    average = {name: value + 1 for name, value in STATE.items()}
    torch.save({"state_dict": STATE, "ema_state_dict": average, "again": STATE}, tmp_path / "c.pth")
    checkpoint = read_checkpoint(tmp_path / "c.pth")
    assert same(checkpoint)
    assert checkpoint.notes == ("it also holds weights under 'ema_state_dict', which are not used",)
    torch.save({"student": STATE, "teacher": average}, tmp_path / "c.pth")
    with pytest.raises(CheckpointError, match=r"weights of one shape under 'student', 'teacher'; save those"):
        read_checkpoint(tmp_path / "c.pth")
    nested = {"epoch": 3, "run": {"weights": {"student": STATE, "teacher": average}}}
    torch.save(nested, tmp_path / "c.pth")
    with pytest.raises(CheckpointError, match=r"under 'run\.weights\.student', 'run\.weights\.teacher'; save those"):
        read_checkpoint(tmp_path / "c.pth")
    torch.save({"run": {"model": STATE, "ema": average}, "face": {"b.weight": torch.ones(1)}}, tmp_path / "c.pth")
    checkpoint = read_checkpoint(tmp_path / "c.pth")
    assert same(checkpoint)
    assert [note.split("'")[1] for note in checkpoint.notes] == ["run.ema", "face"]
    optimiser = {"state": {k: {"exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2)} for k in range(2)}}
    torch.save({"mine": STATE, "optimiser": optimiser}, tmp_path / "c.pth")
    assert same(read_checkpoint(tmp_path / "c.pth"))


class Odd:
    """A tensor of a shape or type that torch never writes."""

    def __init__(self, size, kind):
        self.size, self.kind = size, kind

    def __reduce__(self):
        numbers, stride = torch.ones(2).untyped_storage(), (0,) * len(self.size)
        return torch._utils._rebuild_tensor_v3, (numbers, 0, self.size, stride, False, {}, self.kind)


@pytest.mark.parametrize("odd", [Odd((2**70,), torch.float32), Odd((0, 2**70), torch.float32), Odd((2,), print)])
def test_tensors_as_torch_never_writes_them_are_one_line(tmp_path, odd):
    torch.save({"helper": Meter([1]), "w": odd}, tmp_path / "c.pth")
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path / "c.pth")
    assert "\n" not in str(caught.value)


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


def test_modules_within_themselves_have_an_end() -> None:
    """Two of itself in each would be 2 to the power of the depth."""
    module = Foreign("torch.nn.modules.container.Sequential")
    module.state = {"_modules": {"0": module, "1": module}}
    for read in (module_state, module_layers):
        with pytest.raises(ValueError, match="without end"):
            read(module)
