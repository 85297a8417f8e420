"""Settings files: what they may say, and what has to be said by the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportgen.config import load_config
from reportgen.errors import ConfigError

FACTORY = '[models.A]\ncheckpoint = "a.pth"\nfactory = "strange:make"\n'


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`reportgen.toml` in the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reportgen.toml"


@pytest.mark.parametrize("value", ["true", "false"])
def test_unsafe_load_is_no_setting_of_a_file(found: Path, value: str) -> None:
    found.write_text(f"unsafe_load = {value}\n")
    for path in (None, found):
        with pytest.raises(ConfigError, match=r"reportgen\.toml: unsafe_load: .*--unsafe-load"):
            load_config(path, {"unsafe_load": True})
    found.unlink()
    assert load_config(None, {"unsafe_load": True}).unsafe_load


def test_a_factory_needs_settings_that_the_user_named(found: Path) -> None:
    found.write_text(FACTORY)
    for overrides in ({}, {"unsafe_load": False}, {"models": {"A": {"checkpoint": Path("b.pth")}}}):
        with pytest.raises(ConfigError, match=r"models\.A\.factory = 'strange:make'.*--config reportgen\.toml"):
            load_config(None, overrides)
    allowed = [
        load_config(Path("reportgen.toml"), {}),
        load_config(None, {"unsafe_load": True}),
        load_config(None, {}, runs_models=False),
    ]
    assert {config.models["A"].factory for config in allowed} == {"strange:make"}


def test_a_factory_that_does_not_count_is_no_matter(found: Path) -> None:
    found.write_text(FACTORY)
    other = load_config(None, {"models": {"B": {"checkpoint": Path("b.pth")}}})
    assert list(other.models) == ["B"]
    own = load_config(None, {"models": {"A": {"checkpoint": Path("b.pth"), "factory": "mine:make"}}})
    assert own.models["A"].factory == "mine:make"


def test_a_cluster_needs_settings_that_the_user_named(found: Path) -> None:
    found.write_text('engine = "ray"\nray.address = "ray://somewhere:10001"\n')
    with pytest.raises(ConfigError, match=r"ray\.address = 'ray://somewhere:10001'"):
        load_config(None, {})
    assert load_config(None, {"engine": "local"}).engine == "local"
    assert load_config(found, {}).ray.address == "ray://somewhere:10001"
    found.write_text('engine = "ray"\nray.address = "auto"\n')
    assert load_config(None, {}).engine == "ray"
