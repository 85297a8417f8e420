"""Settings files: what they may say, and what has to be said by the user."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from reportgen.commands.build_cache import conclusions_key, site_key
from reportgen.config import Config, ModelConfig, load_config, with_settings
from reportgen.errors import ConfigError
from reportgen.explain.fingerprints import take_fingerprints
from reportgen.inputs.testset import load_test_set
from reportgen.settings import RENAMED, SETTINGS, is_plain, recorded_settings, settings_affecting

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


def test_the_folder_of_settings_that_were_named_is_importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed command does not look for modules in the working directory by itself."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "reportgen.toml").write_text(FACTORY.replace("strange", "beside_the_settings"))
    (tmp_path / "beside_the_settings.py").write_text("def make():\n    return 7\n")
    for _ in range(2):
        load_config(tmp_path / "reportgen.toml", {})
    assert sys.path[-1] == str(tmp_path) and sys.path.count(str(tmp_path)) == 1
    assert importlib.import_module("beside_the_settings").make() == 7


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


OLD = [("sample_images", "max_explained_images", 7), ("training_unweighted", "assume_unweighted_training", True)]


@pytest.mark.parametrize(("old", "new", "value"), OLD)
def test_old_names_go_on_working_with_one_line(found: Path, old: str, new: str, value: int) -> None:
    line = f"{old} is now called {new}"
    found.write_text(f"{old} = {str(value).lower()}\n")
    with pytest.warns(FutureWarning, match=line) as warned:
        assert getattr(load_config(None, {}), new) == value
    assert len(warned) == 1
    with pytest.warns(FutureWarning, match=line):
        assert getattr(Config(**{old: value}), new) == value
    with pytest.warns(FutureWarning, match=line):
        assert getattr(with_settings(Config(seed=3), {old: value}), new) == value
    assert getattr(with_settings(Config(**{new: value}), {"seed": 4}), new) == value


def test_a_new_name_in_a_flag_wins_over_an_old_one_in_the_file_and_both_in_one_place_are_refused(found: Path) -> None:
    found.write_text("sample_images = 7\n")
    with pytest.warns(FutureWarning):
        assert load_config(None, {"max_explained_images": 9}).max_explained_images == 9
    found.write_text("sample_images = 7\nmax_explained_images = 8\n")
    with pytest.raises(ConfigError, match="sample_images is the old name of max_explained_images"):
        load_config(None, {})


@pytest.mark.parametrize("values", ["[nan, 0.5, 0.5]", "[inf, 0.5, 0.5]"])
@pytest.mark.parametrize("key", ["mean", "std"])
def test_statistics_of_the_input_are_finite(tmp_path: Path, key: str, values: str) -> None:
    (tmp_path / "s.toml").write_text(f'[models.X]\ncheckpoint = "x.pth"\npreprocessing = {{ {key} = {values} }}\n')
    with pytest.raises(ConfigError, match=rf"models.X.preprocessing.{key}.*"):
        load_config(tmp_path / "s.toml", {})


def test_every_setting_is_declared_once_with_what_it_affects() -> None:
    assert list(SETTINGS) == list(Config.model_fields)
    for name, declared in SETTINGS.items():
        field = Config.model_fields[name]
        assert declared.help.endswith("."), name
        assert declared.default == (field.default if is_plain(name) or name == "output" else None), name
        assert declared.choices == (get_args(field.annotation) if get_origin(field.annotation) is Literal else ()), name
    assert settings_affecting("presentation") == ("overlay", "colormap")
    assert recorded_settings() == ("method", "precision", "regions", "max_ablated_images", "seed")
    assert not set(RENAMED) & set(SETTINGS) and set(RENAMED.values()) <= set(SETTINGS)


# One other value for every setting that is a word, a number or yes/no. Precision and device reach the records through
# what is measured of a model on a device, and the number of ablated images concerns ONNX files alone: these have tests
# of their own.
OTHER = {
    "output": Path("elsewhere"), "method": "layercam", "regions": "template", "experiments": "quick",
    "max_explained_images": 5, "seed": 1, "assume_unweighted_training": True, "examples": 3, "overlay": "classic",
    "colormap": "jet", "privacy": "blur", "zip": False, "single_file": True, "single_file_mb": 1.0, "mail": True,
    "mail_mb": 1.0, "size_warning_mb": 1.0, "shard_images": 3, "engine": "ray", "unsafe_load": True,
}  # fmt: skip


def test_every_plain_setting_is_tried() -> None:
    elsewhere = {"precision", "device", "max_ablated_images"}
    assert set(OTHER) | elsewhere == {n for n in SETTINGS if is_plain(n)} | {"output"}


@pytest.mark.parametrize("name", OTHER)
def test_a_change_makes_anew_what_it_affects_and_nothing_else(name: str, notebook: Path) -> None:
    models = {"Custom CNN": ModelConfig(checkpoint=notebook / "custom_cnn_best.pth")}
    config = Config(data=notebook / "processed_data.pkl", models=models)
    changed = config.model_copy(update={name: OTHER[name]})
    test_set = load_test_set(config)
    fingerprints = [
        take_fingerprints(test_set, entry, "cpu", [range(len(test_set.frame))]) for entry in (config, changed)
    ]
    affects = SETTINGS[name].affects
    assert (fingerprints[0].whole != fingerprints[1].whole) == ("analysis" in affects)
    keys = [site_key(conclusions_key({}, test_set, entry), entry) for entry in (config, changed)]
    if set(affects) & {"evidence", "site", "presentation"}:
        assert keys[0] != keys[1]
    elif SETTINGS[name].local:
        assert keys[0] == keys[1]
