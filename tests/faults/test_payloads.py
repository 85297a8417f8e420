"""No pickle and no checkpoint runs anything without --unsafe-load."""

from __future__ import annotations

import contextlib
import copyreg
import os
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from faults.payloads import FORMS, SHAPES, name, whole
from faults.scene import make_scene

from reportgen.errors import InputError
from reportgen.inputs.checkpoints.reading import read_checkpoint
from reportgen.inputs.pickles.safe_pickle import load_pickle


@pytest.fixture(autouse=True)
def _extension() -> Iterator[None]:
    copyreg.add_extension("faults.payloads", "leave_mark", 0xF0)
    yield
    copyreg.remove_extension("faults.payloads", "leave_mark", 0xF0)


def _ran(path: Path) -> bool:
    """Whether a payload left its mark, which is then removed."""
    left = path.exists()
    path.unlink(missing_ok=True)
    return left


@pytest.mark.parametrize("shape", SHAPES)
def test_an_ordinary_unpickler_makes_the_call(shape: str, tmp_path: Path) -> None:
    """So that the test below is about something."""
    ran = tmp_path / "ran"
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        pickle.loads(SHAPES[shape](str(ran)))
    assert _ran(ran)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("safetensors", "TorchScript")])
def test_an_ordinary_loader_makes_the_call_in_every_form(form: str, tmp_path: Path) -> None:
    ran, path = tmp_path / "ran", tmp_path / "c.pth"
    FORMS[form](SHAPES["REDUCE, protocol 2"](str(ran)), path)
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        torch.load(path, weights_only=False)
    assert _ran(ran)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_payload_is_run(shape: str, tmp_path: Path) -> None:
    """In a test set, and in every form of a checkpoint."""
    ran = tmp_path / "ran"
    program = SHAPES[shape](str(ran))
    environment = dict(os.environ)
    readers: dict[str, Callable[[Path], object]] = dict.fromkeys(FORMS, read_checkpoint)
    for form, read in {**readers, "test set": load_pickle}.items():
        path = tmp_path / "c.pth"
        FORMS.get(form, FORMS["bare pickle"])(program, path)
        with pytest.raises(InputError) as refused:
            read(path)
        assert not _ran(ran), form
        message = str(refused.value)
        assert message.startswith(str(path)) and "\n" not in message and len(message) < 500 + len(str(path)), form
    assert dict(os.environ) == environment


@pytest.mark.parametrize(
    "found",
    ["os system", "builtins eval", "builtins exec", "builtins getattr", "builtins __import__", "subprocess Popen",
     "operator methodcaller", "runpy run_path", "marshal loads", "types FunctionType", "pathlib Path.touch",
     "numpy load", "pandas read_pickle", "torch load", "torch.serialization os.system"],
)  # fmt: skip
def test_the_name_of_a_function_is_refused_before_any_call(found: str, tmp_path: Path) -> None:
    program = whole(name(*found.split(" ")))
    readers: dict[str, Callable[[Path], object]] = dict.fromkeys(FORMS, read_checkpoint)
    for form, read in {**readers, "test set": load_pickle}.items():
        FORMS.get(form, FORMS["bare pickle"])(program, tmp_path / "c.pth")
        with pytest.raises(InputError):
            read(tmp_path / "c.pth")


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
