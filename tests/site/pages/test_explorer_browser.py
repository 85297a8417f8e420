"""The explorer in a real Chromium: what words mean, what counts say, where links lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.config import Config
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def asked(report: Report) -> Report:
    model = report.analysis.models[0]
    wrong = np.flatnonzero((report.analysis.labels >= 0) & (model.predicted != report.analysis.labels)).tolist()
    flags = {model.slug: {row: ("label-suspect",) if row % 2 else ("low-quality", "ambiguous") for row in wrong}}
    assert report.reasons is not None
    reasons = replace(report.reasons)
    # Where the property keeps what it found: a suspect label is rare among random answers.
    reasons.__dict__["flags"] = flags
    return replace(report, reasons=reasons)


@pytest.fixture(scope="module")
def site(asked: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(asked, tmp_path_factory.mktemp("asked"), Config(zip=False), SilentProgress())


@pytest.fixture
def page(browser: Any, site: Published) -> Iterator[Any]:
    context = browser.new_context()
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto((site.site / "explorer.html").resolve().as_uri())
    yield page
    assert trouble == []
    context.close()


def shown(page: Any, query: str) -> int:
    """How many images a filter finds."""
    page.fill("#query", query)
    # Drawn within the next frame.
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))")
    said = page.locator("#status").inner_text()
    return 0 if said.startswith("No match") else int(re.match(r"[\d,]+", said).group().replace(",", ""))  # type: ignore[union-attr]


def test_words_find_what_they_say(page: Any, asked: Report) -> None:
    analysis = asked.analysis
    labels, (a, b) = analysis.labels, analysis.models
    anger, fear = analysis.classes.index("anger"), analysis.classes.index("fear")
    findings = asked.attention
    assert findings is not None
    peak_a, peak_b = (measure.predicted.peak_region for measure in findings.measures)
    mouth = 3
    # Confidences are kept in thousandths, rounded down.
    sure_a, sure_b = (np.floor(model.confidence * 1000) >= 600 for model in (a, b))
    expected = {
        "": np.ones(len(labels), bool),
        "true:anger": labels == anger,
        "TRUE:anger": labels == anger,
        "-true:anger": labels != anger,
        "pred:fear": (a.predicted == fear) | (b.predicted == fear),
        "pred:fear model:resnet": b.predicted == fear,
        "true:anger wrong": (labels == anger) & ((a.predicted != labels) | (b.predicted != labels)),
        "wrong model:custom-cnn": a.predicted != labels,
        "-model:custom-cnn wrong": b.predicted != labels,
        "wrong conf:>0.6": ((a.predicted != labels) & sure_a) | ((b.predicted != labels) & sure_b),
        "pred:fear wrong": ((a.predicted == fear) & (labels != fear)) | ((b.predicted == fear) & (labels != fear)),
        "agree": a.predicted == b.predicted,
        "differ": a.predicted != b.predicted,
        "agree differ": np.zeros(len(labels), bool),
        "region:mouth": (peak_a == mouth) | (peak_b == mouth),
        "region:mouth model:resnet18": peak_b == mouth,
        "note:grey": analysis.images["notes"].str.contains("grey").to_numpy(),
        "face_00": np.arange(len(labels)) < 10,
        "FACE_007": np.arange(len(labels)) == 7,
        "flag:label-suspect": [row % 2 == 1 and bool(a.predicted[row] != labels[row]) for row in range(len(labels))],
        "flag:low model:custom": [row % 2 == 0 and bool(a.predicted[row] != labels[row]) for row in range(len(labels))],
        "flag:label-suspect model:resnet18": np.zeros(len(labels), bool),
        "true:nothing": np.zeros(len(labels), bool),
    }
    for query, rows in expected.items():
        assert shown(page, query) == int(np.sum(rows)), query


def test_counts_beside_choices_are_what_one_gets(page: Any) -> None:
    for start in ("", "wrong", "true:anger conf:<0.5"):
        shown(page, start)
        page.evaluate("document.querySelectorAll('details.how').forEach(details => { details.open = true; })")
        tokens = page.locator("[data-token]").evaluate_all("all => all.map(one => one.dataset.token)")
        assert len(tokens) > 30 and "flag:label-suspect" in tokens and "pattern:diffuse" in tokens
        for token in tokens[::3]:
            shown(page, start)
            button = page.locator(f'[data-token="{token}"]')
            if button.get_attribute("aria-pressed") == "true":
                continue
            promised = int(button.locator("small").inner_text().replace(",", ""))
            button.click()
            assert page.evaluate("document.activeElement.dataset.token") == token
            said = page.locator("#status").inner_text()
            assert said.startswith(f"{promised} image") or (promised == 0 and said.startswith("No match")), token


def test_grey_and_colour_exclude_each_other_and_counts_say_whose_they_are(page: Any, asked: Report) -> None:
    grey = asked.analysis.images["colourfulness"].to_numpy() == 0
    assert grey.any() and not grey.all()
    assert "at least one model matches" in page.locator("#counted").inner_text()
    page.evaluate("document.querySelectorAll('details.how').forEach(details => { details.open = true; })")
    page.locator('[data-token="photo:grey"]').click()
    assert page.locator("#status").inner_text().startswith(f"{grey.sum()} image")
    page.locator('[data-token="photo:colour"]').click()
    assert page.input_value("#query") == "photo:colour"
    assert page.locator("#status").inner_text().startswith(f"{(~grey).sum()} image")
    page.reload()
    assert page.input_value("#query") == "photo:colour"
    shown(page, "model:resnet18")
    assert page.locator("#counted").inner_text() == "Counts are of images whose prediction by ResNet18 matches."


def test_every_count_of_a_page_leads_to_as_many_images(browser: Any, site: Published) -> None:
    context = browser.new_context()
    page = context.new_page()
    checked = 0
    for name in ("models/resnet18.html", "models/custom-cnn.html"):
        page.goto((site.site / name).resolve().as_uri())
        links = page.locator(
            "table.confusion a, table.patterns .interval a, table[data-sortable] td:nth-child(2) a"
        ).evaluate_all("all => all.map(link => [link.getAttribute('href'), link.textContent])")
        assert len(links) > 15
        for href, text in links:
            page.goto((site.site / "explorer.html").resolve().as_uri() + "#" + href.partition("#")[2])
            page.reload()
            said = page.locator("#status").inner_text()
            assert said.split()[0] == text.split()[0], href
            checked += 1
    assert checked > 30
    context.close()


def test_verdicts_lead_to_the_images(browser: Any, site: Published, asked: Report) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((site.site / "emotions/anger.html").resolve().as_uri())
    page.locator("td.verdict a").first.click()
    page.wait_for_url("**/explorer.html#true:anger*")
    assert page.input_value("#query") == "true:anger model:custom-cnn -region:background"
    page.goto(site.index.resolve().as_uri())
    page.locator("table.regions button[popovertarget]").nth(1).click()
    page.locator(":popover-open a", has_text="Images whose heat peaks there").click()
    page.wait_for_url("**/explorer.html#true:anger*")
    assert re.fullmatch(r"true:anger model:custom-cnn region:[a-z+]+", page.input_value("#query"))
    context.close()


def test_suspects_can_be_saved(page: Any, asked: Report) -> None:
    number = shown(page, "flag:label-suspect")
    assert number > 0
    assert page.locator("#results .flags").first.text_content() == "Custom CNN: ⚑ contradicted label"
    with page.expect_download() as download:
        page.click("#csv")
    assert download.value.suggested_filename == "images-flag-label-suspect.csv"
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + number
    head = lines[0].split(",")
    assert head[:3] == ["image_id", "file", "label"] and "custom-cnn_flags" in head and "resnet18_peak" in head
    assert all("contradicted label" in line for line in lines[1:])


def test_keys_and_pages(browser: Any, site: Published) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((site.site / "explorer.html").resolve().as_uri())
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.type("wrong")
    page.wait_for_url("**#wrong")
    page.keyboard.press("Escape")
    assert page.input_value("#query") == ""
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == first
    context.close()


def test_a_model_whose_name_begins_like_another_is_not_taken_for_it(
    browser: Any, make_report: Any, tmp_path: Path
) -> None:
    made = make_report(models=("CNN", "CNN 2"))
    site = publish(made, tmp_path, Config(zip=False), SilentProgress()).site
    context = browser.new_context()
    page = context.new_page()
    page.goto((site / "explorer.html").resolve().as_uri())
    labels, (first, second) = made.analysis.labels, made.analysis.models
    assert shown(page, "wrong model:cnn") == int((first.predicted != labels).sum())
    assert shown(page, "wrong model:cnn-2") == int((second.predicted != labels).sum())
    assert shown(page, "wrong model:cn") == int(((first.predicted != labels) | (second.predicted != labels)).sum())
    context.close()


def test_results_are_turned_by_keys_and_the_address_keeps_the_page(
    browser: Any, site: Published, tmp_path: Path
) -> None:
    # Pages of 60: the small report has 41 images, so its script is asked for pages of 15.
    import shutil

    sync = pytest.importorskip("playwright.sync_api")
    copy = Path(shutil.copytree(site.site, tmp_path / "site"))
    (script,) = (copy / "assets").glob("explorer-*.js")
    script.write_text(script.read_text().replace("var PAGE = 60;", "var PAGE = 15;"))
    context = browser.new_context()
    page = context.new_page()
    page.goto((copy / "explorer.html").resolve().as_uri())
    sync.expect(page.locator("#results > li")).to_have_count(15)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("]")
    page.wait_for_url("**#page=1")
    page.keyboard.press("]")
    page.wait_for_url("**#page=2")
    sync.expect(page.locator("#status")).to_have_text("41 images, showing 31 to 41")
    assert page.locator("[data-turn=next]").is_disabled()
    page.reload()
    sync.expect(page.locator("#status")).to_have_text("41 images, showing 31 to 41")
    page.keyboard.press("[")
    page.wait_for_url("**#page=1")
    page.go_back()
    sync.expect(page.locator("#status")).to_have_text("41 images, showing 31 to 41")
    context.close()
