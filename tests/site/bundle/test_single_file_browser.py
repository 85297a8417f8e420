"""The report in one file, in a real Chromium with its policy in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from reportgen.config import Config
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report

pytestmark = pytest.mark.browser

PLACES = (
    "",
    "#/models/resnet18.html",
    "#/emotions/anger.html",
    "#/errors.html",
    "#/explorer.html",
    "#/method.html",
)
DECODE = """Promise.all([...document.images].filter(image => image.offsetParent).map(image => {
    image.loading = 'eager';
    return image.decode();
}))"""
SIZES = "all => all.map(one => [one.clientWidth, one.clientHeight])"

# Only what rules that name an id decide: pictures are elements of another kind here.
STYLES = """all => all.filter(one => !one.closest('[popover]')).map(one => {
    const style = getComputedStyle(one);
    return [one.tagName, one.className, style.display, style.marginTop, style.paddingTop, style.borderTopWidth,
            style.rowGap, style.scrollMarginTop];
})"""


@pytest.fixture(scope="module")
def made(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(report, tmp_path_factory.mktemp("single"), Config(single_file=True, zip=False), SilentProgress())


@pytest.fixture(scope="module")
def address(made: Published) -> str:
    assert made.single is not None
    return made.single.resolve().as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context()
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request", lambda request: None if request.url.startswith((address, "data:")) else trouble.append(request.url)
    )
    page.goto(address)
    yield page
    assert trouble == []
    context.close()


def visible(page: Any) -> list[str]:
    return [str(i) for i in page.locator(".page:visible").evaluate_all("all => all.map(one => one.id)")]


def arrive(page: Any, identity: str) -> None:
    """Wait until that page is the one to be seen: the browser tells of a new hash only after the click is over."""
    page.locator(f".page[id='{identity}']").wait_for()
    assert visible(page) == [identity]


def test_links_lead_from_page_to_page(page: Any) -> None:
    arrive(page, "/index.html")
    page.get_by_role("navigation", name="Report").get_by_role("link", name="Emotions").click()
    arrive(page, "/emotions.html")
    assert page.title().startswith("Emotions")
    page.locator(".page:visible a[href='#/emotions/anger.html']").first.click()
    arrive(page, "/emotions/anger.html")
    assert page.locator(".bar [aria-current]").inner_text() == "Emotions"
    page.keyboard.press("]")
    arrive(page, "/emotions/fear.html")
    page.go_back()
    arrive(page, "/emotions/anger.html")
    page.keyboard.press("Tab")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    arrive(page, "/emotions/anger.html")
    page.locator(".page:visible .strip a").first.click()
    page.wait_for_url("**#/images/*")
    page.locator(".page[id^='/images/']:visible").wait_for()


@pytest.mark.parametrize("media", ["screen", "print"])
def test_rules_that_name_an_id_hold_on_the_page_that_has_it(
    browser: Any, page: Any, made: Published, address: str, media: Any
) -> None:
    sheets = "".join(path.read_text(encoding="utf-8") for path in (made.site / "assets").glob("*.css"))
    named = set(re.findall(r"#([a-z][a-z-]*)(?=[^{}]*\{)", sheets)) - {"explorer", "static"}
    assert len(named) > 5
    plain = browser.new_page()
    page.emulate_media(media=media)
    plain.emulate_media(media=media)
    compared = set()
    for path in sorted(made.site.glob("*.html")):
        here = sorted(named & set(re.findall(r' id="([^"]+)"', path.read_text(encoding="utf-8"))))
        if not here:
            continue
        plain.goto(path.resolve().as_uri())
        page.goto(f"{address}#/{path.name}")
        arrive(page, f"/{path.name}")
        for identity in here:
            of = "{0}, {0} :is(h3, p, ul, div, section, details, table)"
            there = plain.locator(of.format(f"#{identity}")).evaluate_all(STYLES)
            assert len(there) > 0
            assert page.locator(of.format(f"[id='/{path.name}!{identity}']")).evaluate_all(STYLES) == there, identity
            compared.add(identity)
    assert len(compared) > 5
    plain.close()


def test_the_explorer_filters_and_its_views_are_linked(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect  # scripts hear of an address after the page is shown
    page.goto(page.url.partition("#")[0] + "#/models/resnet18.html")
    # A click opens the images below the matrix; the link itself leads to the explorer.
    leads = page.locator(".page:visible table.confusion a").first.get_attribute("href")
    page.goto(page.url.partition("#")[0] + leads)
    arrive(page, "/explorer.html")
    query = page.locator("form[role=search] input")
    expect(query).to_have_value("true:anger pred:anger model:resnet18")
    query.fill("wrong")
    page.wait_for_url("**#/explorer.html!wrong")
    assert 0 < page.locator(".page:visible ul.shelf:visible > li").count() < 41
    page.locator(".page:visible ul.shelf:visible a.face").first.click()
    page.wait_for_url("**#/explorer.html!wrong&open=*")
    dialog = page.locator("dialog:visible")
    assert dialog.locator("figure").count() == 3
    ids = dialog.locator("use").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert len(ids) >= 5 and all(page.evaluate("id => !!document.querySelector(id)", one) for one in ids)
    dialog.get_by_role("link", name="Everything about this image").click()
    page.wait_for_url("**#/images/*")
    page.locator(".page[id^='/images/']:visible").wait_for()
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.go_back()
    arrive(page, "/explorer.html")
    expect(query).to_have_value("wrong")
    expect(page.locator("dialog:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_every_picture_is_painted(page: Any) -> None:
    for place in PLACES:
        page.goto(page.url.partition("#")[0] + place)
        page.evaluate(DECODE)
        boxes = page.locator("svg.pic:visible").evaluate_all(SIZES)
        assert all(width > 20 and height > 20 for width, height in boxes)
        ids = page.locator("use:visible").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert all(page.evaluate("id => !!document.querySelector(id)", one) for one in set(ids))


def test_no_barriers_and_no_sideways_scrolling(browser: Any, address: str) -> None:
    """The file is searched whole once, as identities have to differ over all pages; then each page as it is seen.

    Hidden pages hold nearly all elements and nothing that a rule looks at, but are walked through by every rule.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(address)
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    for place in PLACES:
        page.goto("about:blank")
        page.goto(address + place)
        (shown,) = visible(page)
        page.locator(".page").evaluate_all("all => all.forEach(one => one.checkVisibility() || one.remove())")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": 1280, "height": 800})
            assert visible(page) == [shown]
            found = axe.run(page)
            assert found.violations_count == 0, f"{place} in {scheme}: {found.generate_report()}"
            for width in (360, 768, 1920):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{place} at {width}"
    context.close()


def test_without_javascript_it_can_be_read(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert visible_without_script(page) == ["/index.html"]
    page.get_by_role("navigation", name="Report").get_by_role("link", name="Method").click()
    assert visible_without_script(page) == ["/method.html"]
    page.goto(address + "#/method.html!limits")
    assert visible_without_script(page) == ["/method.html"]
    page.goto(address + "#/explorer.html")
    assert page.locator(".page:visible ul.shelf > li").count() == 41
    page.goto(address + "#/emotions/anger.html")
    page.locator(".page:visible button.term").first.click()
    assert page.locator("[popover]:popover-open").count() == 1
    context.close()


def visible_without_script(page: Any) -> list[str]:
    ids = []
    for one in page.locator(".page").all():
        if one.is_visible():
            ids.append(one.get_attribute("id"))
    return ids
