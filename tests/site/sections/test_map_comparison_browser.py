"""Comparing by hand: what the script paints is what the pictures show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reportgen.site.pictures.overlays import difference_table, heat_table, upsample
from reportgen.site.publish import Published
from reportgen.site.report import Report

pytestmark = pytest.mark.browser

READ = """canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"""


def _page(browser: Any, published: Published, report: Report, row: int) -> Any:
    page = browser.new_context(has_touch=True).new_page()
    image = report.analysis.images["image_id"].iloc[row]
    page.goto((published.site / "images" / f"{image}.html").resolve().as_uri() + "#map-comparison")
    page.locator("[data-difference] canvas").wait_for()
    page.locator("[data-map-comparison]").scroll_into_view_if_needed()
    page.wait_for_timeout(100)
    return page


def _error(report: Report) -> int:
    """An image with a page that the second model gets wrong while the first is right, and whose maps are not blank."""
    labels, (a, b) = report.analysis.labels, report.analysis.models
    found = [row for row in report.mined.images if row and a.predicted[row] == labels[row] != b.predicted[row]]
    return int(found[0])


def _painted(page: Any, selector: str) -> np.ndarray:
    return np.asarray(page.locator(selector).evaluate(READ), dtype=np.uint8).reshape(168, 168, 4)


def _expected(values: np.ndarray) -> np.ndarray:
    return heat_table("inferno")[np.clip(np.rint(values * 255), 0, 255).astype(int)]


def _close(made: np.ndarray, wanted: np.ndarray) -> bool:
    """Up to one step of the table for rounding; canvases keep colours multiplied by their opacity, so compare those."""
    a, b = (part.astype(float) for part in (made, wanted))
    a[..., :3] *= a[..., 3:] / 255
    b[..., :3] *= b[..., 3:] / 255
    return bool(np.abs(a - b).max() <= 4)


def test_an_error_opens_with_answer_against_label_and_their_difference(
    browser: Any, published: Published, report: Report
) -> None:
    row = _error(report)
    model, label = report.analysis.models[1], int(report.analysis.labels[row])
    page = _page(browser, published, report, row)
    classes = report.analysis.classes
    first, second = (page.locator("[data-pane] select").nth(index) for index in (0, 1))
    assert first.input_value() == f"1 {model.predicted[row]}" and second.input_value() == f"1 {label}"
    # One scale over all classes of the model.
    top = np.maximum(model.maps[row], 0).max()
    raw = [np.maximum(model.maps[row, c], 0) / top for c in (int(model.predicted[row]), label)]
    values = [upsample(np.rint(one * 255).astype(np.float32) / 255, 168, 168, model.grid) for one in raw]
    assert _close(_painted(page, "[data-pane] canvas >> nth=0"), _expected(values[0]))
    assert _close(_painted(page, "[data-pane] canvas >> nth=1"), _expected(values[1]))
    colours, opacity = difference_table()
    index = np.clip(np.rint(127.5 + (values[0] - values[1]) * 127.5), 0, 255).astype(int)
    wanted = np.concatenate([colours[index], 255 * opacity[index]], axis=-1)
    assert _close(_painted(page, "[data-difference] canvas"), wanted)
    said = page.locator("[data-difference] small").inner_text()
    assert said == f"orange {classes[model.predicted[row]]}, ResNet18; violet {classes[label]}, ResNet18"


def test_scale_strength_and_choice(browser: Any, published: Published, report: Report) -> None:
    row = _error(report)
    page = _page(browser, published, report, row)
    weak = int(np.argsort(np.maximum(report.analysis.models[0].maps[row], 0).max(axis=(1, 2)))[0])
    page.locator("[data-pane] select").first.select_option(f"0 {weak}")
    shared = _painted(page, "[data-pane] canvas >> nth=0")[..., 3].max()
    page.get_by_label("Each map on its own scale").check()
    own = _painted(page, "[data-pane] canvas >> nth=0")[..., 3].max()
    assert own >= shared and own == heat_table("inferno")[-1, 3]
    slider = page.get_by_label("Strength of the maps")
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator("[data-pane] canvas").first.evaluate("canvas => canvas.style.opacity") == "0"
    page.keyboard.press("End")
    assert page.locator("[data-pane] canvas").first.evaluate("canvas => canvas.style.opacity") == "1"
    page.locator("[data-pane] select").nth(1).select_option("")
    assert page.locator("[data-difference]").is_hidden()
    assert page.locator("[data-pane] canvas").nth(1).is_hidden()


def test_held_down_the_face_shows_alone(browser: Any, published: Published, report: Report) -> None:
    page = _page(browser, published, report, _error(report))
    picture = page.locator("[data-pane] .stacked").first
    canvas = page.locator("[data-pane] canvas").first
    picture.dispatch_event("pointerdown", {"pointerType": "touch"})
    assert canvas.is_hidden()
    picture.dispatch_event("pointerup", {"pointerType": "touch"})
    assert canvas.is_visible()


def test_error_cards_lead_to_it(browser: Any, published: Published) -> None:
    page = browser.new_context().new_page()
    page.goto((published.site / "errors.html").resolve().as_uri())
    page.locator("#gallery .error h3 a").first.click()
    page.wait_for_url("**/images/*.html")
    page.locator("#map-comparison").wait_for()
