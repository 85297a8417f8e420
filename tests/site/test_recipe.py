from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from reportgen.config import Columns, Config, ModelConfig, Preprocessing
from reportgen.progress import SilentProgress
from reportgen.site.publish import publish
from reportgen.site.recipe import build_command, settings_file
from reportgen.site.report import Report


def test_defaults_need_no_file() -> None:
    assert settings_file(Config(data=Path("/home/someone/data.pkl"), seed=4, mail=True)) == ""


def test_the_command_names_the_data_set_that_the_user_named() -> None:
    config = Config(
        data=Path("/home/someone/faces"), dataset="rafdb", models={"A": ModelConfig(checkpoint=Path("a.pth"))}
    )
    assert build_command(config) == "reportgen build --data faces --model A=a.pth --dataset rafdb"


def test_what_the_file_says_is_what_was_set() -> None:
    config = Config(
        examples=4,
        overlay="classic",
        classes=("a", 'b "c"', "é"),
        person_pattern=r"^(.*)_\d+\.jpg$",
        columns=Columns(path="file"),
        models={
            "My model": ModelConfig(
                checkpoint=Path("/home/someone/m.pth"),
                target_layer="layer4",
                preprocessing=Preprocessing(width=48, height=48, grey=True, mean=(0.5,), std=(0.5,)),
            ),
            "Plain": ModelConfig(checkpoint=Path("p.pth")),
        },
    )
    text = settings_file(config)
    assert "someone" not in text and "Plain" not in text
    read = Config.model_validate(tomllib.loads(text))
    for name in ("examples", "overlay", "classes", "person_pattern", "columns"):
        assert getattr(read, name) == getattr(config, name)
    assert read.models["My model"].preprocessing == config.models["My model"].preprocessing
    assert read.models["My model"].checkpoint == Path("m.pth")


def test_files_of_labels_are_named_without_their_folders() -> None:
    config = Config(data=Path("t.csv"), labels=(Path("/home/someone/ann.csv"), Path("/home/someone/bob b.tsv")))
    assert build_command(config) == "reportgen build --data t.csv --labels ann.csv 'bob b.tsv'"
    assert settings_file(config) == ""


def test_the_page_cites_with_version_and_hashes(report: Report, tmp_path: Path) -> None:
    manifest = {**report.analysis.manifest, "reportgen": "1.2.3", "fingerprint": "f00d" * 16}
    told = replace(report, analysis=replace(report.analysis, manifest=manifest))
    site = publish(told, tmp_path / "a", Config(zip=False, examples=4), SilentProgress()).site
    page = (site / "method.html").read_text(encoding="utf-8")
    assert "reportgen 1.2.3: report on Custom CNN, ResNet18; processed_data.pkl, 41 images; Grad-CAM, seed 0" in page
    assert "analysis f00df00df00d." in page and "examples = 4" in page
    assert page.count("all photos, in order") == 1
    assert "Made by reportgen 1.2.3" in (site / "index.html").read_text(encoding="utf-8")
    hidden = publish(told, tmp_path / "b", Config(zip=False, privacy="outline"), SilentProgress()).site
    page = (hidden / "method.html").read_text(encoding="utf-8")
    assert "all photos, in order" not in page and "f00d" not in page
