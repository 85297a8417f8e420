"""The site in a real Chromium, opened from files as a reader opens it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from reportgen.site.publish import Published

pytestmark = pytest.mark.browser

PAGES = (
    "index.html",
    "models.html",
    "models/resnet18.html",
    "emotions.html",
    "emotions/anger.html",
    "errors.html",
    "labels.html",
    "shortcuts.html",
    "explorer.html",
    "method.html",
)


def all_pages(published: Published) -> list[str]:
    image = min(path.name for path in (published.site / "images").glob("*.html"))
    return [*PAGES, f"images/{image}"]


def open_page(context: Any, published: Published, name: str) -> tuple[Any, list[str]]:
    page, trouble = context.new_page(), []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    root = published.site.resolve().as_uri() + "/"
    page.on("request", lambda request: None if request.url.startswith((root, "data:")) else trouble.append(request.url))
    page.goto(root + name)
    page.wait_for_load_state("load")
    return page, trouble


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_errors_and_no_barriers(browser: Any, published: Published, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    for name in all_pages(published):
        page, trouble = open_page(context, published, name)
        assert trouble == [], name
        if name == "explorer.html":
            page.locator("#explorer").wait_for()
        found = axe.run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        page.close()
    context.close()


def test_the_policy_lets_everything_of_ours_through(browser: Any, published: Published) -> None:
    context = browser.new_context()
    for name in all_pages(published):
        page, trouble = open_page(context, published, name)
        page.evaluate(
            """Promise.all([...document.images].map(image => {
                image.loading = 'eager';
                return image.offsetParent ? image.decode() : null;
            }))"""
        )
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0 || !image.offsetParent)")
        assert trouble == [], name
        page.close()
    context.close()


_MATCHED = """(style) => {
    const found = [], sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    const dynamic = /::[\\w-]+|:(hover|focus-visible|focus|disabled|target)(?![\\w-])/g;
    const plain = (selector) => selector.replace(dynamic, "").replace(/(^|[\\s>+~,])(?=\\s*(,|$))/g, "$1*");
    const walk = (rules) => {
        for (const rule of rules) {
            if (!rule.selectorText) walk(rule.cssRules || []);
            else if (document.querySelector(plain(rule.selectorText))) found.push(rule.selectorText);
        }
    };
    walk(sheet.cssRules);
    return found;
}"""


def test_a_sheet_that_a_page_does_not_link_has_no_rule_for_it(browser: Any, published: Published) -> None:
    sheets = {path.name: path.read_text(encoding="utf-8") for path in (published.site / "assets").glob("*.css")}
    context, matched = browser.new_context(), 0
    for name in all_pages(published):
        page, _ = open_page(context, published, name)
        if name == "explorer.html":
            page.locator("#explorer").wait_for()
        linked = page.evaluate(
            "[...document.querySelectorAll('link[rel=stylesheet]')].map(l => l.href.split('/').pop())"
        )
        for sheet, style in sheets.items():
            found = page.evaluate(_MATCHED, style)
            assert sheet in linked or found == [], f"{name} does not link {sheet}"
            matched += len(found)
        page.close()
    assert matched > 500
    context.close()


def test_no_sideways_scrolling(browser: Any, published: Published) -> None:
    context = browser.new_context()
    for name in all_pages(published):
        page, _ = open_page(context, published, name)
        for width in (360, 600, 768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
        page.close()
    context.close()


def test_the_explorer_filters_and_keeps_its_state(browser: Any, published: Published) -> None:
    sync = pytest.importorskip("playwright.sync_api")
    context = browser.new_context()
    page, trouble = open_page(context, published, "explorer.html")
    page.locator("#explorer").wait_for()
    assert page.locator("#static").is_hidden()
    status = page.locator("#status")
    sync.expect(status).to_have_text("41 images")
    page.fill("#query", "true:anger wrong")
    sync.expect(status).not_to_have_text("41 images")
    shown = page.locator("#results > li")
    assert 0 < shown.count() < 12
    assert set(page.locator("#results .true").all_inner_texts()) == {"anger"}
    for index in range(shown.count()):
        assert shown.nth(index).locator(".answer.wrong").count() > 0
    assert "true:anger%20wrong" in page.url
    page.reload()
    sync.expect(page.locator("#query")).to_have_value("true:anger wrong")
    page.click("button[data-token='true:happiness']")
    sync.expect(page.locator("#query")).to_have_value("wrong true:anger,happiness")
    page.go_back()
    sync.expect(page.locator("#query")).to_have_value("true:anger wrong")
    page.fill("#query", "face_007")
    sync.expect(status).to_have_text("1 image")
    page.select_option("#layer", "1")
    assert page.locator("#results .over").count() == 1
    with page.expect_download() as download:
        page.click("#csv")
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 2 and "face_007.png" in lines[1]
    page.fill("#query", "nothing-is-called-so")
    sync.expect(page.locator("#results > li")).to_have_count(0)
    assert trouble == []
    context.close()


def test_confusions_lead_into_the_explorer_and_choose_in_the_gallery(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, trouble = open_page(context, published, "errors.html")
    pair = page.locator("#resnet18 [data-pair]").first
    chosen = {key: pair.get_attribute(f"data-{key}") for key in ("model", "true", "predicted")}
    number = int(pair.locator(".val").inner_text().replace(",", ""))
    pair.locator("a").first.click()
    expect = pytest.importorskip("playwright.sync_api").expect  # what a link chooses is heard of once it has led there
    for key, value in chosen.items():
        expect(page.locator(f"select[name={key}]")).to_have_value(value)
    cards = page.locator("#gallery .error:visible")
    assert cards.count() > 0
    for index in range(cards.count()):
        assert {key: cards.nth(index).get_attribute(f"data-{key}") for key in chosen} == chosen
    assert page.locator("#gallery [role=status]").inner_text().startswith(f"{cards.count()} card")
    page.locator("#gallery [role=status] a").click()
    page.wait_for_selector("#results > li")
    assert page.locator("#results > li").count() == number
    page.go_back()
    page.locator("#resnet18 [data-pair] .val").first.click()
    page.wait_for_selector("#results > li")
    assert page.locator("#results > li").count() == number
    assert trouble == []
    context.close()


def test_an_address_of_a_confused_pair_leads_to_the_gallery_once_all_is_loaded(
    browser: Any, published: Published
) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 500})
    file = (published.site / "errors.html").as_uri()
    page.goto(file)
    anchor = page.locator("#resnet18 [data-pair]").first.get_attribute("id")
    page.goto("about:blank")
    page.goto(f"{file}#{anchor}")
    top = "document.getElementById('gallery').getBoundingClientRect().top"
    page.wait_for_function(f"() => {top} >= 0 && {top} < 200")  # below the bar
    # Below the heading every section is named.
    page.goto(file)
    links = page.locator("nav[aria-label='On this page'] a")
    names = [(one.get_attribute("href"), one.inner_text()) for one in links.all()]
    heads = [
        (f"#{one.get_attribute('id')}", one.locator("h2").first.inner_text())
        for one in page.locator("main > section").all()
    ]
    assert len(names) > 2 and names == heads
    page.close()


def test_the_gallery_opens_what_is_folded_while_it_is_filtered(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, _ = open_page(context, published, "errors.html")
    every = page.locator("#gallery .error").count()
    assert page.locator("#gallery .error:visible").count() < every
    page.select_option("select[name=model]", "custom-cnn")
    shown = page.locator("#gallery .error:visible")
    assert shown.count() == page.locator("#gallery .error[data-model=custom-cnn]").count()
    page.select_option("select[name=model]", "")
    assert page.locator("#gallery details.more").get_attribute("open") is None
    context.close()


def test_a_link_to_a_folded_card_opens_it(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, trouble = open_page(context, published, "errors.html")
    folded = page.locator("#gallery details.more .error").first
    assert not folded.is_visible()
    anchor = folded.get_attribute("id")
    address = (published.site / "errors.html").resolve().as_uri() + f"#{anchor}"
    for start in ("about:blank", address.partition("#")[0]):  # on another page, and on the same one
        page.goto(start)
        page.goto(address)
        page.wait_for_function("id => document.getElementById(id).offsetParent !== null", arg=anchor)
    assert trouble == []
    context.close()


def test_keys(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, _ = open_page(context, published, "emotions/anger.html")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.id")
    page.keyboard.press("j")
    second = page.evaluate("document.activeElement.id")
    assert first and second and first != second
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.id") == first
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    page.wait_for_url("**/emotions/fear.html")
    page.keyboard.press("[")
    page.wait_for_url("**/emotions/anger.html")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/images/*.html")
    context.close()


def test_the_scheme_can_be_chosen_and_is_remembered(browser: Any, published: Published) -> None:
    context = browser.new_context(color_scheme="light")
    page, _ = open_page(context, published, "models/resnet18.html")
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    page.click("[data-theme-toggle]")
    after = page.evaluate(paper)
    assert before != after
    page.reload()
    assert page.evaluate(paper) == after
    assert (
        all(one.is_visible() for one in page.locator(".diagram .only-dark").all())
        or page.locator(".diagram").count() == 0
    )
    context.close()


def test_tables_sort(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, _ = open_page(context, published, "models/resnet18.html")
    page.get_by_role("button", name="Sort by images").click()
    first = page.locator("table[data-sortable]").first
    counts = [int(text) for text in first.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert counts and counts == sorted(counts)
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.get_by_role("button", name="Sort by precision").click()
    precision = [text.split("\u202f")[0] for text in first.locator("tbody td:nth-child(5)").all_inner_texts()]
    shares = [0.0 if text.startswith("–") else float(text) for text in precision]  # a dash: never predicted
    assert len(set(shares)) > 1 and shares == sorted(shares)
    context.close()


def test_without_javascript_everything_can_be_read(browser: Any, published: Published) -> None:
    context = browser.new_context(java_script_enabled=False)
    page, _ = open_page(context, published, "explorer.html")
    assert page.locator("#explorer").is_hidden()
    assert page.locator("#static .shelf > li").count() == 41
    assert page.locator("#static svg.thumb").first.is_visible()
    page.goto(published.index.resolve().as_uri())
    page.locator("button.term").first.click()
    assert page.locator("[popover]:popover-open").count() == 1
    context.close()


def test_outside_its_folder_a_page_says_what_to_do(browser: Any, published: Published, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(published.index.read_bytes())
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    assert page.get_by_text("extract the whole zip first").is_visible()
    page.goto(published.index.resolve().as_uri())
    assert page.get_by_text("extract the whole zip first").is_hidden()
    context.close()


def test_the_first_page_prints_on_three_pages_at_most(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, _ = open_page(context, published, "index.html")
    printed = page.pdf(prefer_css_page_size=True)
    assert 1 <= len(re.findall(rb"/Type /Page\b(?!s)", printed)) <= 3
    context.close()


def test_navigation_shows_every_entry_at_every_width(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, _ = open_page(context, published, "emotions/anger.html")
    for width in (320, 360, 480, 700, 900, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for link in page.locator(".bar nav a, .tabs a").all():
            box = link.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, f"{link.inner_text()} at {width}"
    context.close()


def test_nothing_is_cut_off_beyond_a_frame_that_scrolls(browser: Any, published: Published) -> None:
    """On a phone, with everything unfolded: what is wider than the screen stands in a frame that can be scrolled."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    for name in all_pages(published):
        page, _ = open_page(context, published, name)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        beyond = page.evaluate(
            """[...document.querySelectorAll('main *')].filter(one => {
                if (one.closest('svg svg, svg *, .away, .who, dialog') || !one.offsetParent) return false;
                const box = one.getBoundingClientRect();
                if (!box.width || box.right <= innerWidth + 1) return false;
                for (let up = one.parentElement; up; up = up.parentElement)
                    if (/auto|scroll/.test(getComputedStyle(up).overflowX)) return up.tabIndex < 0;
                return true;
            }).map(one => one.outerHTML.slice(0, 90))"""
        )
        assert beyond == [], name
        page.close()


def test_a_slider_moves_between_a_photo_and_the_changed_one_by_keyboard(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, trouble = open_page(context, published, "shortcuts.html")
    group = page.locator("[data-before-after]").first
    after, slider = group.locator(".photos > :last-child").first, group.locator("input[type=range]")
    boxes = [group.locator(".photos > *").nth(k).bounding_box() for k in (0, 1)]
    assert boxes[0] == boxes[1]  # one over the other
    slider.focus()
    page.keyboard.press("Home")
    assert after.evaluate("e => getComputedStyle(e).clipPath") in ("inset(0px 0px 0px 0%)", "inset(0px)")
    page.keyboard.press("End")
    assert after.evaluate("e => getComputedStyle(e).clipPath") == "inset(0px 0px 0px 100%)"
    assert trouble == []
    context.close()


def test_without_javascript_both_photos_stand_side_by_side(browser: Any, published: Published) -> None:
    context = browser.new_context(java_script_enabled=False)
    page, _ = open_page(context, published, "shortcuts.html")
    group = page.locator("[data-before-after]").first
    first, second = (group.locator(".photos > *").nth(k).bounding_box() for k in (0, 1))
    assert second["x"] >= first["x"] + first["width"] and first["y"] == second["y"]
    assert not group.locator("[data-before-after-control]").is_visible()
    context.close()


def test_a_confusion_matrix_opens_its_images_in_place(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, trouble = open_page(context, published, "models/resnet18.html")
    cell = page.locator("[data-cell]").first
    images = int(cell.inner_text())
    cell.focus()
    page.keyboard.press("Enter")
    panel = page.locator("[data-opened]")
    assert panel.is_visible() and cell.get_attribute("aria-expanded") == "true"
    assert panel.locator("li").count() == min(images, 24)
    assert page.evaluate("document.activeElement.tagName") == "H3"
    assert panel.bounding_box()["width"] <= page.locator("#confusion").bounding_box()["width"]
    panel.get_by_role("button", name="Close").click()
    assert not panel.is_visible() and cell.evaluate("e => e === document.activeElement")
    assert "models/resnet18.html" in page.url and trouble == []
    context.close()


def test_thumbnails_far_down_wait_until_their_place_is_near(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, trouble = open_page(context, published, "index.html")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((published.site / "shortcuts.html").resolve().as_uri())
    page.wait_for_load_state("load")
    waiting = page.locator("#groups [data-later]").count()
    before = set(asked)
    assert waiting > 0 and page.locator("#groups .thumb").count() == 0
    page.locator("#groups summary").click()
    page.locator("#groups .stacked .over").first.wait_for()
    place = page.locator("#groups .stacked").first.bounding_box()
    assert abs(place["width"] - place["height"]) < 1 and any("/sheets/" in url for url in set(asked) - before)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("[data-later]").count() == 0 and page.locator("#groups .thumb").count() == 2 * waiting
    assert trouble == []
    context.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((published.site / "shortcuts.html").resolve().as_uri())
    page.locator("#groups summary").click()
    assert page.locator("#groups .thumb").count() == 2 * waiting
    assert page.locator("#groups .stacked .over").first.is_visible()
    context.close()


def test_the_transplant_player_offers_what_there_is_and_shows_it(browser: Any, published: Published) -> None:
    context = browser.new_context()
    page, trouble = open_page(context, published, "models/custom-cnn.html")
    player = page.locator("[data-player]")
    emotion, region, donor = (player.locator(f"select[name={name}]") for name in ("emotion", "region", "donor"))
    emotion.select_option("happiness")
    region.select_option("mouth")
    donor.select_option("anger")
    shown = player.locator("[data-player-shown]")
    assert shown.locator("img").count() == 3 and "The odds of happiness" in shown.inner_text()
    assert donor.locator("option").all_inner_texts() == ["another face of it", "anger"]
    emotion.select_option("anger")
    assert "The odds of anger" in shown.inner_text() and trouble == []
    context.close()
