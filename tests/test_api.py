"""The few lines of a notebook."""

import html
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import html5lib
import pytest

import reportgen
from reportgen.errors import BuildError, ConfigError
from reportgen.preview import preview_frame


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
        assert words(answer.lead) in page
        # Lines of the models start with their names, which on the page have a sign and no colon.
        for sentence in re.split(r"(?<=\.) (?=[A-Z])", words(answer.text)):
            assert re.sub(r"^(Mine|Other): ", r"\1 ", sentence) in page, sentence
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
    assert 'href="output/site/index.html"' in card
    monkeypatch.chdir(tmp_path)  # a notebook is served nothing from elsewhere
    elsewhere = result._repr_html_()
    assert str(result.index.resolve()) in elsewhere and "href" not in elsewhere


class Frame(HTMLParser):
    """Attributes of the card's frame, and every tag of the page in it."""

    def __init__(self, card):
        super().__init__()
        self.frame, self.tags = {}, []
        self.feed(card)
        page = self.frame["srcdoc"]
        html5lib.HTMLParser(strict=True).parse(page)
        self.inside = HTMLParser()
        self.inside.handle_starttag = lambda tag, attrs: self.tags.append((tag, dict(attrs)))
        self.inside.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "iframe":
            self.frame = dict(attrs)


def test_the_preview_holds_the_first_page_and_nothing_that_runs_loads_or_leads_away(result):
    card = result._repr_html_()
    found = Frame(card)
    assert found.frame["sandbox"] == "" and "src" not in found.frame
    assert html.escape(result.findings.headline) in found.frame["srcdoc"]
    shown = found.tags + Frame(preview_frame(result.site, "models/other.html")).tags
    tags = {tag for tag, _ in shown}
    assert {"main", "h1", "img", "style"} <= tags and not tags & {"script", "link", "iframe", "form", "object"}
    for tag, attributes in shown:
        assert not attributes.keys() & {"href", "action", "srcset", "target"}, tag
        assert not [name for name in attributes if name.startswith("on")]
        assert str(attributes.get("src", "data:image/")).startswith("data:image/")
    assert "default-src 'none'" in found.frame["srcdoc"]
    linked = re.findall(r'stylesheet" href="../([^"]*)"', (result.site / "models/other.html").read_text("utf-8"))
    other = preview_frame(result.site, "models/other.html")
    assert len(linked) == 2
    assert all(html.escape((result.site / sheet).read_text(encoding="utf-8")) in other for sheet in linked)
    assert len(card) < 3_000_000


def test_a_preview_without_room_shows_words_for_pictures(result):
    small = Frame(preview_frame(result.site, "models/other.html", limit=0))
    assert not [tag for tag, _ in small.tags if tag == "img"]
    assert "<em>[" in small.frame["srcdoc"]


def test_the_card_stands_without_its_page(result, tmp_path):
    from dataclasses import replace

    shutil.copytree(result.site / "downloads", tmp_path / "downloads")
    card = replace(result, site=tmp_path)._repr_html_()
    assert html.escape(result.findings.headline) in card and "<iframe" not in card


@pytest.mark.browser
def test_the_card_looks_the_same_wherever_it_is_shown(result, browser, tmp_path):
    """In a page without a server that allows nothing, as VS Code and Colab show it: text and pictures, no request."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-src 'self'"
    head = f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
    (tmp_path / "cell.html").write_text(head + result._repr_html_() + result.figure("reliability")._repr_html_())
    page = browser.new_page()
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto((tmp_path / "cell.html").as_uri())
    page.click("summary")
    inside = page.frame_locator("iframe")
    assert inside.locator("h1").inner_text() == result.findings.headline
    style = "e => getComputedStyle(e).getPropertyValue('--heat')"
    assert inside.locator("h1").evaluate(style)  # the site's style is there
    drawn = page.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert len(drawn) == 2 and min(drawn) > 100
    assert [url for url in asked if not url.startswith(("data:", "about:", (tmp_path / "cell.html").as_uri()))] == []
    assert wrong == []
    page.close()


def test_figures_come_by_name_alone_or_together(result):
    assert {"reliability-mine", "reliability-other"} <= set(result.figures)
    mean = next(name for name in result.figures if name.startswith("mean-"))
    both = result.figure("reliability")
    assert [file.name.rpartition("-")[0] for file in both.files] == [
        "reliability-mine-light",
        "reliability-other-light",
    ]
    assert all("Reliability diagram" in words for words in both.words)
    shown = both._repr_html_()
    html5lib.HTMLParser(strict=True).parseFragment(shown)
    assert (
        shown.count('<img src="data:image/svg+xml;base64,') == shown.count("<figcaption>Reliability diagram") == 2
        and "http" not in shown
    )
    dark = result.figure("reliability-mine", dark=True)
    assert [file.name.rpartition("-")[0] for file in dark.files] == ["reliability-mine-dark"]
    assert result.figure(mean, dark=True).files[0].suffix == ".webp"
    with pytest.raises(BuildError, match=r"no figure '\.\./secret'; expected one of .*reliability-mine"):
        result.figure("../secret")


def test_the_summary_is_beside_the_site(result):
    assert result.summary == result.site.parent / "summary.md" and result.summary.is_file()


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
