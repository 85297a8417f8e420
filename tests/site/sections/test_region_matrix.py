"""The matrix of emotions by regions: every cell is a record, says how sure it is, and can be read anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest

from reportgen.config import Config
from reportgen.evidence.importance.background import decisive
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.progress import SilentProgress
from reportgen.site.links import Links
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report
from reportgen.site.sections.region_matrix import MatrixCell, matrix_keys, region_matrices
from reportgen.site.wording.attention import REGION_NAMES, SHOWN
from reportgen.site.wording.format import format_p, signed
from reportgen.site.wording.importance import (
    barrier_words,
    fall_of,
    importance_basis,
    importance_sentence,
    odds_change,
    odds_cut,
    pictures_of,
)

XHTML = "{http://www.w3.org/1999/xhtml}"
TONES = {
    "yes": "strong",
    "no": "off",
    "undetermined": "open",
    "insufficient evidence": "untested",
    "cannot be tested": "untested",
}


def page(published: Published, name: str) -> ElementTree.Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=True)
    return parser.parse((published.site / name).read_text(encoding="utf-8"))


def words(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", " ".join(element.itertext())).strip()


def by_id(root: ElementTree.Element, value: str) -> ElementTree.Element:
    return next(element for element in root.iter() if element.get("id") == value)


def tables(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (t for t in root.iter(f"{XHTML}table") if t.get("class") == "regions")


def used(report: Report, model: str) -> dict[tuple[str, str], RegionImportance]:
    assert report.importance is not None
    return {(u.emotion, u.region): decisive(u) for u in report.importance.regions if u.model == model}


@pytest.fixture
def cells(report: Report) -> Callable[[RegionImportance], MatrixCell]:
    """The cell that a use of the small report's second model becomes."""

    def make(importance: RegionImportance) -> MatrixCell:
        assert report.importance is not None
        rest = [
            u
            for u in report.importance.regions
            if (u.model, u.emotion, u.region) != (importance.model, importance.emotion, importance.region)
        ]
        changed = replace(report, importance=replace(report.importance, regions=(*rest, importance)))
        assert changed.regions is not None
        matrix = region_matrices(changed, Links(changed, ()), changed.regions)[1]
        row = next(row for row in matrix.rows if row.emotion == importance.emotion)
        return row.cells[TRANSPLANTED.index(importance.region)]

    return make


def test_every_cell_is_its_record_and_opens_its_interval(published: Published, report: Report) -> None:
    root = page(published, "index.html")
    assert report.importance is not None
    assert report.regions is not None
    seen = 0
    paths = Links(report, ())
    matrices = region_matrices(report, paths, report.regions)
    for k, (model, matrix, table) in enumerate(zip(report.analysis.models, matrices, tables(root), strict=True)):
        heat = {(row.emotion, cell.region): cell.heat for row in matrix.rows for cell in row.cells}
        uses, made = used(report, model.name), pictures_of(report.importance, model.slug)
        for tr in list(table.iter(f"{XHTML}tr"))[1:]:
            head, *cells = list(tr)
            emotion = words(head).split(" ")[0]
            if len(cells) == 1:
                assert words(cells[0]) == "too few images"
                continue
            for region, td in zip(TRANSPLANTED, cells, strict=True):
                importance = uses[emotion, region]
                assert td.get("class") == ("bad" if importance.cheating else TONES.get(importance.answer, "untested"))
                button = td.find(f"{XHTML}button")
                assert button is not None
                opened = by_id(root, button.get("popovertarget", ""))
                text, where = words(opened), REGION_NAMES[region]
                seen += 1
                assert " ".join(heat[emotion, where].split()) in text and text.startswith(f"{model.name}: {emotion}")
                assert paths.peaks_in(k, emotion, region) in {a.get("href") for a in opened.iter(f"{XHTML}a")}
                if importance.answer == "cannot be tested":
                    assert words(button).startswith("×") and barrier_words(importance) in text
                    continue
                shown = words(button)
                assert shown.startswith(fall_of(importance.drop).replace("\u202f", " ")) == (importance.answer == "yes")
                assert re.search(r"\d", shown) is None or importance.answer == "yes"
                assert text.startswith(f"{model.name}: {emotion}, {where}.")
                pictures = made[report.analysis.classes.index(emotion), region]
                drop = f"{signed(importance.drop)} [{signed(importance.low)}, {signed(importance.high)}]"
                change = odds_change(importance).replace("\u202f", " ")
                assert change.startswith("fall" if importance.drop >= 0 else "rise")
                assert f"the odds of {emotion} {change} (log-odds drop {drop}" in text
                tested = (
                    f"corrected {format_p(importance.p)}), over {importance.receivers} faces and {pictures} pictures"
                )
                assert tested in text
                links = {words(a): a.get("href", "") for a in opened.iter(f"{XHTML}a")}
                assert set(links) == {"The test of its importance", "Images whose heat peaks there"}
                # The number leads to its own row of the transplant test, heat to the explorer, and both say so.
                path, anchor = links["The test of its importance"].split("#")
                row = words(by_id(page(published, path), anchor))
                assert row.startswith(f"{emotion} {where}") and drop in row
                assert links["Images whose heat peaks there"].startswith("explorer.html#")
    assert seen == 2 * 2 * len(TRANSPLANTED)


def test_the_same_numbers_stand_in_a_table(published: Published, report: Report) -> None:
    figures = [f for f in page(published, "index.html").iter(f"{XHTML}figure") if f.get("class") == "matrix"]
    for model, figure in zip(report.analysis.models, figures, strict=True):
        link = next(a.get("href", "") for a in figure.iter(f"{XHTML}a") if words(a) == "As a table")
        path, anchor = link.split("#")
        table = by_id(page(published, path), anchor)
        assert table.get("aria-label") == f"Numbers of {model.name} by emotion and region"
        rows = [words(row) for row in table.iter(f"{XHTML}tr")][1:]
        uses = used(report, model.name)
        assert len(rows) == 2 * len(TRANSPLANTED)
        for row in rows:
            emotion = row.split(" ")[0]
            importance = next(u for (e, r), u in uses.items() if e == emotion and f" {REGION_NAMES[r]} " in f"{row} ")
            if importance.answer == "cannot be tested":
                assert row.endswith("– – cannot be tested – –")
                continue
            assert odds_cut(importance).replace("\u202f", " ") in row
            assert f"{signed(importance.drop)} [{signed(importance.low)}, {signed(importance.high)}]" in row
            assert format_p(importance.p) in row and f"{importance.receivers} faces" in row


@pytest.mark.parametrize(
    ("answer", "tone", "sign"),
    [
        ("yes", "strong", "●"),
        ("no", "off", ""),
        ("undetermined", "open", "?"),
        ("insufficient evidence", "untested", ""),
        ("cannot be tested", "untested", "×"),
    ],
)
def test_not_decided_is_not_no(
    cells: Callable[[RegionImportance], MatrixCell], report: Report, answer: Any, tone: str, sign: str
) -> None:
    cell = cells(replace(used(report, "ResNet18")["happiness", "nose"], answer=answer))
    assert (cell.tone, cell.sign) == (tone, sign)
    if tone == "untested":
        assert cell.text == "–" and cell.links == cell.links[-1:] and "tested" in cell.tip


def test_what_nothing_bounds_is_not_shown_as_a_number(
    cells: Callable[[RegionImportance], MatrixCell], report: Report
) -> None:
    importance = replace(used(report, "ResNet18")["happiness", "nose"], answer="undetermined", p=float("nan"))
    cell = cells(replace(importance, low=-float("inf"), high=float("inf")))
    assert not re.search(r"\b(nan|inf)\b", f"{cell} {cell.row}")


def test_the_key_tells_what_is_there(report: Report) -> None:
    assert report.regions is not None
    matrices = region_matrices(report, Links(report, ()), report.regions)
    tones = {cell.tone for matrix in matrices for row in matrix.rows for cell in row.cells}
    keys = {key.tone for key in matrix_keys(matrices, tested=True, least="0.2")}
    assert "bad" in tones and keys == {"strong", "off", "open", "bad", "untested"} and tones <= keys
    assert {key.tone for key in matrix_keys((), tested=True, least="0.2")} == keys - {"bad", "untested"}


@pytest.mark.parametrize("name", ["index.html", "models/resnet18.html", "emotions/anger.html"])
def test_where_regions_are_called_important_a_link_leads_to_the_rule(published: Published, name: str) -> None:
    targets = {one.get("href") for one in page(published, name).iter(f"{XHTML}a")}
    assert any(target and target.endswith("method.html#transplants") for target in targets)
    rule = words(by_id(page(published, "method.html"), "transplants"))
    assert "adjusted p below 0.05, and the log-odds drop is above 0.2" in rule


def test_what_the_numbers_rest_on_stands_beside_them(published: Published, report: Report) -> None:
    assert report.importance is not None
    assert importance_basis(report.importance) in words(page(published, "models/resnet18.html"))
    assert "8 faces of the emotion and 32 pictures" in importance_basis(report.importance)
    assert "on 10 faces and 40 pictures" in importance_basis(report.importance)


def test_without_a_test_of_use_the_cells_tell_of_heat(variants: dict[str, Published]) -> None:
    root = page(variants["use not tested"], "index.html")
    text = words(by_id(root, "regions"))
    assert "the effect of swapping the region was not tested" in text and "log-odds" not in text
    heads = [words(th).replace("\u00ad", "") for th in next(tables(root)).iter(f"{XHTML}th")][1 : 1 + len(SHOWN)]
    assert heads == [REGION_NAMES[region] for region in SHOWN]
    opened = next(d for d in root.iter(f"{XHTML}div") if words(d).startswith("Custom CNN: happiness, mouth."))
    assert re.search(r"Enrichment: \d\.\d\d \[\d", words(opened))
    assert [words(a) for a in opened.iter(f"{XHTML}a")] == ["Images whose heat peaks there"]


def test_a_use_that_was_not_tested_says_so() -> None:
    assert importance_sentence(None) == "Effect of swapping not tested: too few faces."


@pytest.fixture(scope="module")
def barred(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The small report where no region of happiness can be tested for its second model."""
    assert report.importance is not None
    regions = tuple(
        replace(one, answer="cannot be tested", barrier="low recall")
        if (one.model, one.emotion) == ("ResNet18", "happiness")
        else one
        for one in report.importance.regions
    )
    changed = replace(report, importance=replace(report.importance, regions=regions))
    return publish(changed, tmp_path_factory.mktemp("barred"), Config(zip=False), SilentProgress())


def test_why_a_row_cannot_be_tested_is_said_once(barred: Published) -> None:
    root = page(barred, "index.html")
    row = next(tr for tr in list(tables(root))[1].iter(f"{XHTML}tr") if words(tr).startswith("happiness ×"))
    buttons = list(row.iter(f"{XHTML}button"))
    assert len(buttons) == len(TRANSPLANTED)
    assert {button.get("aria-label") for button in buttons} == {"–, cannot be tested"}
    (target,) = {button.get("popovertarget", "") for button in buttons}
    text = words(by_id(root, target))
    assert text.count("cannot be tested") == 1 and "recall of happiness is below" in text
    assert all(REGION_NAMES[region] in text for region in TRANSPLANTED)
    assert text.count("nrichment") == len(TRANSPLANTED) == text.count("Images whose heat peaks there")


@pytest.mark.browser
@pytest.mark.parametrize("height", [420, 800])
def test_what_a_row_that_cannot_be_tested_opens_is_whole_on_a_phone(
    browser: Any, barred: Published, height: int
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": height}, has_touch=True)
    page = context.new_page()
    page.goto(barred.index.resolve().as_uri())
    page.locator("tr:has([aria-label='cannot be tested']) button.cell").last.tap()
    opened = page.locator("[popover]:popover-open")
    last = opened.locator("a").nth(len(TRANSPLANTED) - 1)
    last.scroll_into_view_if_needed()
    for part in (opened, last):
        box = part.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height
    context.close()


@pytest.mark.browser
def test_on_a_phone_every_column_is_seen_and_a_tap_shows_the_interval(browser: Any, published: Published) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    inside = "e => { const b = e.getBoundingClientRect(); return b.left >= 0 && b.right <= innerWidth; }"
    page.goto(published.index.resolve().as_uri())
    for what in (".regions th", ".regions td"):
        assert page.locator(what).count() > 0
        for element in page.locator(what).all():
            assert element.evaluate(inside), f"{what}: {element.inner_text()}"
    # No head is wider than its column, which is how a word gets broken or cut.
    assert page.evaluate("[...document.querySelectorAll('.regions th')].every(e => e.scrollWidth <= e.clientWidth)")
    cell = page.locator("button.cell").last
    cell.tap()
    opened = page.locator("[popover]:popover-open")
    assert re.search(r"\[[−+]?\d", opened.inner_text())
    assert opened.evaluate(
        "e => { const b = e.getBoundingClientRect(); return b.top >= 0 && b.bottom <= innerHeight; }"
    )
    context.close()


@pytest.mark.browser
def test_a_cell_opens_without_javascript(browser: Any, published: Published) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(published.index.resolve().as_uri())
    page.locator("button.cell").first.click()
    assert page.locator("[popover]:popover-open").count() == 1
    context.close()
