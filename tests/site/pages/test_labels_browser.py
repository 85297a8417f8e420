"""Labels judged in a real Chromium by keys alone, from files, and built again with the answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reportgen.commands.build import build
from reportgen.config import Config
from reportgen.evidence.errors import findings
from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.evidence.examples.mining import Mined
from reportgen.site.compose import Detail, compose
from reportgen.site.publish import Published, SiteWriter
from reportgen.site.report import Report
from tests.conftest import draw_face

pytestmark = pytest.mark.browser

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
N = 35


def vote(row: int, predicted: int, similar: tuple[int, ...] = ()) -> LabelVote:
    return LabelVote(row, predicted, 4.0 - row / 100, 3.0, 15, 9, 2, similar)


def doubted(report: Report, n: int = 12) -> Report:
    assert report.reasons is not None
    review = tuple(vote(row, 1 - int(report.labels[row] == 1), (n, n + 1, n + 2)) for row in range(n))
    return replace(report, reasons=replace(report.reasons, review=review))


@pytest.fixture(scope="module")
def site(report: Report, publish_report: Callable[..., Published], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    publish_report(doubted(report), folder, single_file=True, zip=False)
    return folder


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    yield context
    context.close()


def open_page(context: Any, file: Path, fragment: str = "") -> Any:
    page = context.new_page()
    page.trouble = []
    page.on("console", lambda said: page.trouble.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.goto(file.resolve().as_uri() + fragment)
    return page


def shown(page: Any) -> str:
    return str(page.locator(".judge-cases > li:not([hidden]) h3").inner_text())


def saved(page: Any) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert download.value.suggested_filename == "labels.csv"
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def test_set(notebook: Path, tmp_path: Path) -> Config:
    """35 images of seven emotions, and the notebook's two models."""
    rows = []
    for place in range(N):
        name = f"=odd, {place}.png" if place == 3 else f"{place:02d}.png"
        draw_face(place % 7, 40 + place).save(tmp_path / name)
        rows.append({"image_path": name, "emotion": EMOTIONS[place % 7]})
    pd.DataFrame(rows).to_csv(tmp_path / "test.csv", index=False)
    models = {name: {"checkpoint": notebook / f"{name}_best.pth"} for name in ("custom_cnn", "transfer_learning")}
    return Config.model_validate({
        "data": tmp_path / "test.csv", "models": models, "output": tmp_path / "output", "experiments": "off",
        "examples": 1, "zip": False, "classes": EMOTIONS,
    })  # fmt: skip


def test_thirty_labels_by_keyboard_survive_a_reload_and_a_build_takes_them(
    context: Any, test_set: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opinions = tuple(vote(row, (row + 1) % 7) for row in range(N))
    monkeypatch.setattr(findings, "label_votes", lambda *_: opinions)
    data = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    site = build(test_set).site
    page = open_page(context, site / "labels.html")
    assert shown(page) == f"Photo 1 of {N}"
    given = [(row + row % 2) % 7 for row in range(N)]  # every other label is confirmed
    for row in range(30):
        if row == 15:
            page.reload()
            assert page.locator("#judge-count").inner_text() == f"15 of {N} judged"
        assert shown(page) == f"Photo {row + 1} of {N}"
        page.keyboard.press(str(given[row] + 1))
    assert page.locator("#judge-count").inner_text() == f"30 of {N} judged"
    page.fill("#judge-who", "Ann")
    page.keyboard.press("Enter")  # leaves the field, and keys are answers again
    page.reload()
    rows = saved(page)
    assert len(rows) == 30 and all(row["who"] == "Ann" and row["when"].startswith("20") for row in rows)
    assert page.trouble == []
    (tmp_path / "labels.csv").write_text(
        "file,old,new,who,when,note\n"
        + "".join(",".join(f'"{row[name]}"' for name in row) + "\n" for row in rows),
        encoding="utf-8",
    )  # fmt: skip

    # What was judged is doubted no more.
    monkeypatch.setattr(findings, "label_votes", lambda *_: opinions[30:])
    again = build(test_set.model_copy(update={"labels": (tmp_path / "labels.csv",)}))
    manifest = json.loads((again.analysis / "manifest.json").read_text())
    corrections = {one["file"]: one for one in manifest["data"]["corrections"]}
    names = pd.read_csv(tmp_path / "test.csv")["image_path"].tolist()
    assert {names[row]: EMOTIONS[given[row]] for row in range(30)} == {k: c["new"] for k, c in corrections.items()}
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.name in data} == data
    page.goto((again.site / "labels.html").resolve().as_uri())
    assert "30 labels of 35 were judged by hand: 15 changed, 15 confirmed." in page.inner_text("#corrected .lead")
    answers = pd.read_parquet(next((again.analysis / "models/custom-cnn").glob("*.parquet")))
    predicted = np.stack(answers["logits"]).argmax(axis=1)
    old = np.arange(N) % 7
    new = np.where(np.arange(N) < 30, given, old)
    cells = page.locator("#corrected tbody tr").first.locator("td").all_inner_texts()
    for cell, labels in zip(cells, (old, new), strict=False):
        assert cell.split("\u202f")[0] == f"{100 * (predicted == labels).mean():.1f}"
    # The browser still has its answers, although their photos are off the list.
    assert shown(page) == "Photo 1 of 5" and len(saved(page)) == 30
    assert page.trouble == []


def test_nothing_sways_until_it_is_asked_for(context: Any, site: Path, report: Report) -> None:
    page = open_page(context, site / "site" / "labels.html")
    case = page.locator(".judge-cases > li:not([hidden])")
    assert case.locator(".judge-told p").first.is_hidden() and case.locator("table").is_hidden()
    said = case.inner_text() + " ".join(case.locator("[aria-label], [alt]").evaluate_all(
        "all => all.filter(one => !one.closest('details')).map(one => one.getAttribute('aria-label') || one.alt)"
    ))  # fmt: skip
    assert not any(name in said for name in (*report.classes, "face_000"))
    page.keyboard.press("p")
    assert case.locator("table").is_visible() and "Labelled anger" in case.inner_text()
    assert f"similar faces are labelled {report.classes[1]}" in case.inner_text()
    assert "Labelled anger" in page.locator("#judge-status").text_content()
    page.keyboard.press("p")
    assert case.locator("table").is_hidden()


def test_skip_undo_notes_and_ways_through(context: Any, site: Path) -> None:
    page = open_page(context, site / "site" / "labels.html")
    page.keyboard.press("s")
    assert shown(page) == "Photo 2 of 12"
    page.keyboard.press("n")
    page.keyboard.type("1 of two, dark")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    assert shown(page) == "Photo 3 of 12" and page.input_value("#judge-note") == ""
    page.keyboard.press("ArrowLeft")
    assert page.input_value("#judge-note") == "1 of two, dark"
    assert page.locator("[data-class=happiness]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("9")  # there are four classes
    assert page.locator("#judge-count").inner_text() == "1 of 12 judged"
    assert saved(page)[0] | {"when": ""} == {
        "file": "images/face_001.png", "old": "anger", "new": "happiness", "who": "", "when": "",
        "note": "1 of two, dark",
    }  # fmt: skip
    page.keyboard.press("u")
    assert shown(page) == "Photo 2 of 12" and page.locator("#judge-count").inner_text() == "0 of 12 judged"
    page.keyboard.press("u")
    assert shown(page) == "Photo 1 of 12" and page.locator("#judge-said").inner_text() == ""
    page.keyboard.press("u")
    assert page.locator("#judge-status").text_content() == "There is nothing to undo."
    page.uncheck("#judge-plain")
    page.keyboard.press("2")
    assert page.locator("#judge-count").inner_text() == "0 of 12 judged"
    page.click("[data-class=fear]")
    assert page.locator("#judge-status").text_content().startswith("Saved as fear. Photo 2 of 12.")


def test_all_are_judged_and_a_skipped_one_is_left(context: Any, site: Path) -> None:
    page = open_page(context, site / "site" / "labels.html")
    for key in ["s", *"12341234123"]:
        page.keyboard.press(key)
    assert page.locator("#judge-count").inner_text() == "11 of 12 judged"
    while shown(page) != "Photo 1 of 12":
        page.keyboard.press("ArrowLeft")
    assert page.locator("#judge-said").inner_text() == "Skipped."
    page.keyboard.press("1")
    assert page.locator("#judge-count").inner_text() == "12 of 12 judged: all done, save labels.csv"
    assert "All are judged." in page.locator("#judge-status").text_content()


def test_where_nothing_is_kept_the_page_says_so_and_goes_on(context: Any, site: Path) -> None:
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get: () => { throw new Error('refused'); } });"
    )
    page = open_page(context, site / "site" / "labels.html")
    assert "save labels.csv before" in page.locator("#judge-warning").inner_text()
    page.keyboard.press("2")
    assert [row["new"] for row in saved(page)] == ["fear"]


def test_the_same_in_one_file(context: Any, site: Path) -> None:
    page = open_page(context, site / "report.html", "#/index.html")
    page.keyboard.press("1")  # no answer on another page
    page.goto((site / "report.html").resolve().as_uri() + "#/labels.html")
    assert shown(page) == "Photo 1 of 12"
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    assert shown(page) == "Photo 3 of 12"
    assert [row["new"] for row in saved(page)] == ["fear"]
    page.reload()
    assert "1 of 12 judged" in page.inner_text("[id$=judge-count]") and page.trouble == []


def test_the_list_names_every_suspect_and_opens_it_by_keys(context: Any, site: Path) -> None:
    """File name and label of each, behind a fold; no prediction, no probability; what is done is marked."""
    page = open_page(context, site / "site" / "labels.html")
    listed = page.locator("#judge-all")
    assert listed.locator("a").first.is_hidden()  # nothing of it sways before it is asked for
    listed.locator("summary").focus()
    page.keyboard.press("Enter")
    links = listed.locator("a").all()
    rows = page.locator(".judge-cases > li")
    assert len(links) == rows.count() == 12
    for place, link in enumerate(links):
        file, old = (rows.nth(place).get_attribute(f"data-{name}") for name in ("file", "old"))
        told = link.inner_text().split()
        assert told == [str(place + 1), str(file).rsplit("/", 1)[-1], "labelled", old]
    assert "%" not in listed.inner_text()
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert shown(page) == "Photo 3 of 12"
    assert page.evaluate("document.activeElement.textContent") == "Photo 3 of 12"
    assert links[2].get_attribute("aria-current") == "true" and links[0].get_attribute("aria-current") is None
    page.keyboard.press("2")
    page.keyboard.press("s")
    marks = [link.locator("b").inner_text() for link in links]
    assert marks == ["", "", "✓ judged", "skipped", *[""] * 8]
    page.reload()
    page.locator("#judge-all summary").click()
    assert page.locator("#judge-all b").all_inner_texts() == marks
    # An address with a photo opens it, in the folder and where all pages are one file.
    page.goto((site / "site" / "labels.html").resolve().as_uri() + "#photo-7")
    assert shown(page) == "Photo 7 of 12"
    whole = open_page(context, site / "report.html", "#/labels.html")
    whole.locator("[id$=judge-all] summary").click()
    whole.locator("[id$=judge-all] a").nth(4).click()
    assert shown(whole) == "Photo 5 of 12" and whole.evaluate("location.hash") == "#/labels.html"
    assert page.trouble == [] and whole.trouble == []


def test_the_list_leads_to_its_photos_without_javascript(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "site" / "labels.html").resolve().as_uri())
    page.locator("#judge-all summary").click()
    page.locator("#judge-all a").nth(8).click()
    assert page.url.endswith("#photo-9") and page.locator("#photo-9 h3").is_visible()
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (375, "light")])
def test_no_barriers_and_large_buttons(browser: Any, site: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        color_scheme=scheme, bypass_csp=True, viewport={"width": width, "height": 800}, has_touch=width < 600
    )
    page = open_page(context, site / "site" / "labels.html")
    for keys in ("", "2", "p"):
        for key in keys:
            page.keyboard.press(key)
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
    page.locator("#judge-all summary").click()
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    for button in page.locator(".judge-choices button, .judge-moves button, #judge-save").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 44 and box["width"] >= 44
    context.close()


@pytest.mark.parametrize("privacy", ["blur", "outline"])
def test_hidden_faces_cannot_be_judged(
    report: Report, publish_report: Callable[..., Published], tmp_path: Path, privacy: str
) -> None:
    site = publish_report(doubted(report), tmp_path, privacy=privacy, zip=False).site
    text = (site / "labels.html").read_text(encoding="utf-8")
    assert "this report hides the photos" in text and "face_000" not in text
    assert "judge-cases" not in text and "judge-list" not in text


def test_a_report_with_few_examples_as_for_a_mail_shows_thumbnails(
    context: Any, report: Report, tmp_path: Path
) -> None:
    small, write = replace(doubted(report), mined=Mined(())), SiteWriter(tmp_path)
    for path, content in compose(small, Config(), {}, write, lambda _: None, Detail(examples=1)).render():
        write(path, content)
    page = open_page(context, tmp_path / "labels.html")
    assert page.locator(".judge-photo > svg").count() == 12
    page.keyboard.press("1")
    assert shown(page) == "Photo 2 of 12" and page.trouble == []


def test_one_model_needs_a_second_opinion(
    make_report: Callable[..., Report], publish_report: Callable[..., Published], tmp_path: Path
) -> None:
    alone = make_report(models=("Only",), measured=True)
    site = publish_report(doubted(alone, 2), tmp_path / "one", zip=False).site
    assert "For each, the model predicts another emotion" in (site / "labels.html").read_text(encoding="utf-8")
    assert "Judge 2 labels one by one" in (site / "errors.html").read_text(encoding="utf-8")
    plain = publish_report(make_report(models=("Only",)), tmp_path / "none", zip=False).site
    assert "was built without landmarks" in (plain / "labels.html").read_text(encoding="utf-8")
