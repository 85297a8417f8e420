"""No pickle and no checkpoint runs anything without --unsafe-load."""

from __future__ import annotations

import contextlib
import copyreg
import os
import pickle
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from faults.payloads import FORMS, SHAPES
from faults.scene import make_scene

from reportgen.errors import CheckpointError, DataError
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.pickles.safe_pickle import load_pickle


@pytest.fixture(autouse=True)
def _extension() -> Iterator[None]:
    copyreg.add_extension("os", "mkdir", 0xF0)
    yield
    copyreg.remove_extension("os", "mkdir", 0xF0)


def _ran(path: Path) -> bool:
    """Whether a payload did its work; undoes it."""
    if not path.exists():
        return False
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    return True


@pytest.mark.parametrize("shape", SHAPES)
def test_payloads_are_real(shape: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each does run under the standard unpickler, so that the test below is about something."""
    ran = tmp_path / "ran"
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        pickle.loads(SHAPES[shape](str(ran)))
    assert _ran(ran)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("safetensors", "TorchScript")])
def test_forms_are_real(form: str, tmp_path: Path) -> None:
    """torch.load without protection runs a payload in each form."""
    ran, path = tmp_path / "ran", tmp_path / "c.pth"
    FORMS[form](SHAPES["REDUCE, protocol 2"](str(ran)), path)
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        torch.load(path, weights_only=False)
    assert _ran(ran)


@pytest.mark.parametrize("form", [*FORMS, "test set"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_payload_is_run(shape: str, form: str, tmp_path: Path) -> None:
    ran, path = tmp_path / "ran", tmp_path / "c.pth"
    program = SHAPES[shape](str(ran))
    environment = dict(os.environ)
    if form == "test set":
        path.write_bytes(program)
        with pytest.raises(DataError) as refused:
            load_pickle(path)
    else:
        FORMS[form](program, path)
        with pytest.raises(CheckpointError) as refused:  # type: ignore[assignment]
            read_checkpoint(path)
    assert not _ran(ran)
    assert dict(os.environ) == environment
    message = str(refused.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 500 + len(str(path))


@pytest.mark.parametrize("command", ["check", "build"])
def test_a_settings_file_does_not_switch_the_protection_off(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of a stranger's may bring settings beside its checkpoint."""
    from reportgen.__main__ import main

    make_scene(tmp_path / "scene")
    ran = tmp_path / "ran"
    FORMS["bare pickle"](SHAPES["REDUCE, protocol 2"](str(ran)), tmp_path / "scene/tiny.pth")
    settings = tmp_path / "scene/reportgen.toml"
    settings.write_text("unsafe_load = true\n" + settings.read_text())
    monkeypatch.chdir(tmp_path / "scene")
    for named in ([], ["--config", "reportgen.toml"]):
        monkeypatch.setattr("sys.argv", ["reportgen", command, *named])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 2
        assert re.fullmatch(r"error: reportgen\.toml: unsafe_load: .*--unsafe-load.*\n", capsys.readouterr().err)
        assert not _ran(ran)


def test_there_are_enough_shapes() -> None:
    print(f"payloads: {len(SHAPES)} shapes in {len(FORMS) + 1} forms, {len(SHAPES) * (len(FORMS) + 1)} tries")
    assert len(SHAPES) >= 20
