"""Two builds on the same images, compared on a page of their own."""

import csv
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import torch

from reportgen.commands.diff import diff
from reportgen.config import Config
from reportgen.errors import DataError, OutputError
from reportgen.explain.analyse import analyse
from reportgen.inputs.testset import load_test_set
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.progress import SilentProgress

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


@pytest.fixture(scope="module")
def runs(notebook, tmp_path_factory):
    """`old` and `new`: analyses of 27 and 28 images with another checkpoint of "CNN" and the same ResNet18."""
    folder = tmp_path_factory.mktemp("runs")
    table = pd.read_pickle(notebook / "processed_data.pkl")["test_df"][["image_path", "emotion"]]
    table.to_csv(folder / "new.csv", index=False)
    older = table.iloc[:-1].copy()
    older.loc[5, "emotion"] = "surprise"
    older.to_csv(folder / "old.csv", index=False)
    torch.manual_seed(4)
    torch.save(CustomCNN().state_dict(), folder / "retrained.pth")
    for name, checkpoint in (("old", notebook / "custom_cnn_best.pth"), ("new", folder / "retrained.pth")):
        models = {
            "CNN": {"checkpoint": checkpoint},
            "ResNet18": {"checkpoint": notebook / "transfer_learning_best.pth"},
        }
        config = Config(
            data=folder / f"{name}.csv", models=models, image_root=notebook, classes=EMOTIONS, output=folder / name
        )
        analyse(config, load_test_set(config), folder / name / "analysis", SilentProgress())
    return folder


@pytest.fixture(scope="module")
def site(runs, notebook, tmp_path_factory):
    output = tmp_path_factory.mktemp("changes")
    return diff(Config(output=output, image_root=notebook), runs / "old", runs / "new").site


class Links(HTMLParser):
    """Every local reference of a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def test_every_page_is_there_and_nothing_dangles(site):
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    assert pages == ["index.html", "models/cnn.html", "models/resnet18.html"]
    for page in pages:
        links = Links()
        text = (site / page).read_text(encoding="utf-8")
        links.feed(text)
        for link in links.found:
            target, _, anchor = link.partition("#")
            file = (site / page).parent / target if target else site / page
            assert file.is_file(), (page, link)
            if anchor:
                assert f'id="{anchor}"' in file.read_text(encoding="utf-8"), (page, link)
        assert not re.search(r"<script>|<style|style=|https?://", text.replace("http-equiv", ""))


def test_an_unchanged_model_has_not_changed(site):
    text = (site / "models/resnet18.html").read_text(encoding="utf-8")
    assert "Nothing certain changed for ResNet18." in text
    assert "0 answers changed: 0 became right, 0 became wrong." in text
    assert "became right, surest" not in text
    assert text.count("+0.0") + text.count("−0.0") >= 7


def test_what_is_not_alike_is_said(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "27 images are in both analyses; 0 are in the first alone and 1 in the second alone" in text
    assert "The label of 1 images was changed in between" in text
    assert "On the 26 labelled images of both." in text


def test_every_image_is_in_the_table(site, runs):
    with (site / "downloads/changes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 27
    changed = [row for row in rows if row["label_before"] != row["label_after"]]
    assert [row["label_before"] for row in changed] == ["surprise"]
    assert all(row["ResNet18 before"] == row["ResNet18 after"] for row in rows)
    n = sum(row["CNN before"] != row["CNN after"] for row in rows)
    assert f"{n} answers changed" in (site / "models/cnn.html").read_text(encoding="utf-8")


def test_photos_that_are_not_at_hand_are_said_to_be(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = Config(output=tmp_path / "changes", image_root=tmp_path)
    result = diff(config, runs / "old", runs / "new", {"CNN": "CNN"})
    text = (result.site / "index.html").read_text(encoding="utf-8")
    assert "not at hand: the heat is drawn on grey" in text
    assert not (result.site / "models").exists()


def test_the_same_inputs_give_the_same_bytes_and_foreign_files_are_kept(runs, notebook, site, tmp_path):
    config = Config(output=tmp_path, image_root=notebook)
    again = diff(config, runs / "old", runs / "new").site
    files = sorted(path.relative_to(site) for path in site.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert all((site / file).read_bytes() == (again / file).read_bytes() for file in files)
    (again / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"mine.txt"):
        diff(config, runs / "old", runs / "new")


def test_renamed_models_need_a_word(runs, tmp_path):
    with pytest.raises(DataError, match="--pair CNN=Other"):
        diff(Config(output=tmp_path), runs / "old", runs / "new", {"CNN": "Other"})
