"""The few lines of a notebook."""

import html
import os
import re
import shutil
from pathlib import Path

import html5lib
import pytest

import reportgen
from reportgen.errors import BuildError, ConfigError


@pytest.fixture(scope="module")
def result(notebook, tmp_path_factory):
    folder = Path(shutil.copytree(notebook, tmp_path_factory.mktemp("api") / "notebook"))
    # The card's link is relative to where the notebook runs.
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield reportgen.build(
            folder / "processed_data.pkl",
            {"Mine": folder / "custom_cnn_best.pth", "Other": {"checkpoint": folder / "transfer_learning_best.pth"}},
            output=folder / "output",
            examples=2,
            experiments="quick",
            progress=False,
        )
    finally:
        os.chdir(before)


def test_the_answers_are_those_of_the_first_page(result):
    def words(text):
        return re.sub(r"\s+", " ", text)

    page = words(html.unescape(re.sub(r"<[^>]+>", "", result.index.read_text(encoding="utf-8"))))
    said = result.findings
    assert words(said.headline) in page and words(said.lede) in page
    assert len(said.answers) == 4
    for answer in said.answers:
        assert words(f"{answer.lead} {answer.text}") in page
        assert (result.site / answer.evidence.partition("#")[0]).is_file()


def test_tables_come_by_name_and_a_wrong_name_says_which_there_are(result):
    verdicts = result.table("verdicts")
    assert set(verdicts["model"]) == {"Mine", "Other"}
    with pytest.raises(BuildError, match=r"expected one of .*verdicts"):
        result.table("../verdicts")


def test_the_card_is_valid_escaped_and_links_below_the_notebook(result, monkeypatch, tmp_path):
    monkeypatch.chdir(result.site.parents[1])
    card = result._repr_html_()
    html5lib.HTMLParser(strict=True).parseFragment(card)
    assert html.escape(result.findings.headline) in card
    assert 'href="output/site/index.html"' in card and "<iframe" in card
    assert "<script" not in card
    monkeypatch.chdir(tmp_path)  # a notebook is served nothing from elsewhere
    elsewhere = result._repr_html_()
    assert str(result.index.resolve()) in elsewhere and "href" not in elsewhere and "<iframe" not in elsewhere


def test_warnings_are_escaped(result):
    from dataclasses import replace

    card = replace(result, warnings=("<script>alert(1)</script>",))._repr_html_()
    assert "<script" not in card and "&lt;script&gt;" in card


def test_settings_are_checked_and_given_settings_win(result, tmp_path):
    with pytest.raises(ConfigError, match="exampels"):
        reportgen.build(exampels=3, progress=False)
    config = reportgen.Config(seed=4, models={"A": reportgen.ModelConfig(checkpoint=tmp_path / "a.pth")})
    from reportgen.api import _merged

    merged = _merged(config, {"seed": 5, "models": {"A": {"target_layer": "x"}}})
    assert merged.seed == 5
    assert merged.models["A"].checkpoint == tmp_path / "a.pth" and merged.models["A"].target_layer == "x"


def test_a_report_that_is_gone_is_one_line(result, tmp_path):
    from dataclasses import replace

    with pytest.raises(BuildError, match="build the report again"):
        _ = replace(result, site=tmp_path).findings
