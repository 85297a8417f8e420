"""Two builds on the same images, compared on a page of their own."""

import csv
import re
import shlex
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from junit_rules import validate

from reportgen.__main__ import main
from reportgen.analysis import read_predictions
from reportgen.commands.diff import diff
from reportgen.config import Config
from reportgen.errors import DataError, OutputError
from reportgen.explain.analyse import analyse
from reportgen.inputs.testset import load_test_set
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.progress import SilentProgress

WORKFLOW = Path(__file__).resolve().parents[2] / "docs/model-check.yml"
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
    assert "No change of accuracy is proven for ResNet18." in text
    assert "0 predictions changed: 0 became right, 0 became wrong." in text
    assert "became right, surest" not in text
    assert text.count("+0.0") + text.count("−0.0") >= 7


def test_what_is_not_alike_is_said(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "27 images are in both analyses. None are in the first alone and 1 in the second alone; these count" in text
    assert "The label of 1 image was changed in between; it counts nowhere here." in text
    assert "On the 26 labelled images of both." in text


def test_every_image_is_in_the_table(site, runs):
    with (site / "downloads/changes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 27
    changed = [row for row in rows if row["label_before"] != row["label_after"]]
    assert [row["label_before"] for row in changed] == ["surprise"]
    assert all(row["ResNet18 before"] == row["ResNet18 after"] for row in rows)
    n = sum(row["CNN before"] != row["CNN after"] for row in rows)
    assert f"{n} predictions changed" in (site / "models/cnn.html").read_text(encoding="utf-8")


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


@pytest.fixture(scope="module")
def pair(notebook, tmp_path_factory):
    """`old` and `new`, where every label is what the old model predicts: the new one is proven to be worse."""
    folder = tmp_path_factory.mktemp("pair")
    table = pd.read_pickle(notebook / "processed_data.pkl")["test_df"][["image_path", "emotion"]]
    table.to_csv(folder / "first.csv", index=False)
    torch.manual_seed(4)
    torch.save(CustomCNN().state_dict(), folder / "retrained.pth")

    def analysed(name, data, checkpoint):
        models = {"CNN": {"checkpoint": checkpoint}}
        config = Config(data=data, models=models, image_root=notebook, classes=EMOTIONS, output=folder / name)
        analyse(config, load_test_set(config), folder / name / "analysis", SilentProgress())
        return read_predictions(folder / name / "analysis")

    first = analysed("first", folder / "first.csv", notebook / "custom_cnn_best.pth")
    table["emotion"] = [EMOTIONS[k] for k in first.models[0].predicted]
    table.to_csv(folder / "set.csv", index=False)
    for name, checkpoint in (("old", notebook / "custom_cnn_best.pth"), ("new", folder / "retrained.pth")):
        analysed(name, folder / "set.csv", checkpoint)
        proofs(folder / name)
    return folder


KINDS = ("class order", "leakage", "property", "background", "component", "mark")


def proofs(folder, proven=()):
    """Write the table that a build writes: nothing proven but these (kind, emotion, cue, words, lost)."""
    rows = [("CNN", *line[:3], "proven", line[4], line[4] - 0.1, line[4] + 0.1, 30, line[3]) for line in proven]
    rows += [
        ("CNN", k, "", "", "not proven", *[float("nan")] * 3, 0, "") for k in KINDS if k not in {p[0] for p in proven}
    ]
    columns = ["model", "kind", "emotion", "cue", "state", "lost", "lost_low", "lost_high", "n", "words"]
    (folder / "analysis/tables").mkdir(exist_ok=True)
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "analysis/tables/proofs.parquet")


@pytest.fixture
def compare(pair, notebook, tmp_path, monkeypatch, capfd):
    """Runs the workflow's own `reportgen diff` in a folder with `before` and `after`."""
    (line,) = re.findall(r"reportgen diff (.*(?:\n +--.*)*)", WORKFLOW.read_text(encoding="utf-8"))
    words = shlex.split(line.replace("\\\n", " "))
    monkeypatch.chdir(tmp_path)

    def run(before, after, *more, edit=lambda folder: None, without=()):
        for name, source in (("before", before), ("after", after)):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            shutil.copytree(pair / source, tmp_path / name)
        edit(tmp_path)
        arguments = [word for word in words if word not in without]
        monkeypatch.setattr(sys, "argv", ["reportgen", "diff", *arguments, "--image-root", str(notebook), *more])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        said = capfd.readouterr()
        return SimpleNamespace(
            code=code, out=said.out, err=said.err,
            summary=(tmp_path / "summary.md").read_text(encoding="utf-8") if code in (0, 3) else "",
            junit=validate((tmp_path / "junit.xml").read_bytes()) if code in (0, 3) else None,
        )  # fmt: skip

    return run


def test_the_workflow_passes_where_nothing_got_worse(compare):
    done = compare("old", "old")
    assert done.code == 0, done.err
    assert "## ✅ Passed" in done.summary and "What failed" not in done.summary
    assert done.junit.attrib["failures"] == "0"
    assert "regression: passed in part. All" in done.out and "cheating: passed. All 4 tests passed." in done.out
    # An emotion without an image cannot get worse, and that is said.
    skipped = [case.attrib["message"] for case in done.junit.iter("skipped")]
    assert all("no image has this label" in message or "no group" in message for message in skipped)


def test_the_workflow_fails_with_code_3_and_explains(compare, tmp_path):
    done = compare("old", "new")
    assert done.code == 3
    assert "## ❌ Failed: regression" in done.summary
    (line,) = (line for line in done.summary.splitlines() if "Accuracy of CNN fell" in line)
    assert line.startswith("- **regression**: Accuracy of CNN fell from 100.0") and "after Holm's adjustment" in line
    assert re.search(r"regression: failed\. \d of \d tests failed", done.out)
    assert "failed as asked by --fail-on: regression" in done.out
    failures = [case.attrib["message"] for case in done.junit.iter("failure")]
    assert any(message.startswith("Accuracy of CNN fell from 100.0") for message in failures)
    # The same page is in the output, beside the site.
    assert (tmp_path / "changes/summary.md").read_text(encoding="utf-8") == done.summary
    # ... and so are the checks on its pages.
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (tmp_path / "changes/site/index.html").read_text("utf-8")))
    assert "▲ failed" in page and "Accuracy of CNN fell from 100.0" in page
    # No title reads as if nothing were wrong above a check that fails.
    assert re.search(r"CNN got worse; \d checks? fails?\.", page)
    assert "to have risen; not asked for" in page


def test_what_is_tolerated_passes(compare):
    done = compare("old", "new", "--tolerance", "regression=99.5")
    assert done.code == 0 and "this is tolerated" in "".join(done.junit.itertext())
    assert "tolerated: 99.5 points" in done.summary.replace("\\", "")


def test_a_new_shortcut_fails_and_is_named(compare):
    colour = ("property", "fear", "grey", "colour", 0.4)
    done = compare("old", "old", edit=lambda folder: proofs(folder / "after", [colour]))
    assert done.code == 3 and "## ❌ Failed: cheating" in done.summary
    assert "CNN relies on colour for fear, which was not proven before" in done.summary

    def both(folder):
        for name in ("before", "after"):
            proofs(folder / name, [colour])

    known = compare("old", "old", edit=both)
    assert known.code == 0 and "what is proven was proven before" in "".join(known.junit.itertext())


def test_what_was_not_measured_fails_where_that_is_asked_for(compare):
    def older(folder):
        (folder / "before/analysis/tables/proofs.parquet").unlink()

    def damaged(folder):
        path = folder / "before/analysis/tables/proofs.parquet"
        pd.read_parquet(path).assign(lost="much").to_parquet(path)

    assert "did not write it down" in compare("old", "old", edit=damaged).summary
    lax = compare("old", "old", edit=older)
    assert lax.code == 0 and "## ✅ Passed, with gaps" in lax.summary
    assert "made by a version that did not write it down" in lax.summary
    strict = compare("old", "old", "--fail-on", "unmeasured", edit=older)
    assert strict.code == 3 and "## ❌ Failed: unmeasured" in strict.summary
    assert "failed as asked by --fail-on: unmeasured" in strict.out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--fail-on", "speed"], "speed"),
        (["--tolerance", "regression"], "--tolerance regression: expected GATE=POINTS"),
        (["--tolerance", "regression=much"], "tolerances.regression: Input should be a valid number"),
        (["--tolerance", "class-order=1"], "class-order measures no size"),
        (["--tolerance", "cheating=-1"], "greater than or equal to 0"),
    ],
)
def test_a_wrong_gate_or_tolerance_is_refused_before_anything_is_computed(compare, tmp_path, more, message):
    done = compare("old", "old", *more)
    assert done.code == 2 and message in done.err
    assert not (tmp_path / "changes").exists()


def test_a_file_of_the_users_is_not_overwritten(compare, tmp_path):
    (tmp_path / "summary.md").write_text("# Thesis")
    done = compare("old", "old")
    assert done.code == 1 and "summary.md: not written by reportgen" in done.err
    assert (tmp_path / "summary.md").read_text() == "# Thesis"
