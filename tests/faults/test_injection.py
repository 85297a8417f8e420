"""Hostile text in every place that a stranger can fill, in a real Chromium."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from faults.scene import EMOTIONS, make_scene

# Each sets `pwned` where a browser, a template engine or a script takes it for more than text.
HOSTILE = (
    '<img src=x onerror="window.pwned=1">',
    '"><svg onload=window.pwned=1>',
    "'-(window.pwned=1)-'",
    "</script><script>window.pwned=1</script>",
    "{{ self.__init__.__globals__ }}{% include 'base.html' %}",
    "${window.pwned=1}`",
    '<iframe srcdoc="<script>parent.pwned=1</script>">',
    '<a href="javascript:window.pwned=1" autofocus onfocus=window.pwned=1>x</a>',
    "<base href=//evil.example/><meta http-equiv=refresh content=0;url=//evil.example>",
    "<style>*{display:none}</style><!--",
    "\u2028window.pwned=1//",
    "javascript:window.pwned=1",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "__proto__",
    "constructor",
)
COLUMNS = (*HOSTILE[:6], "__proto__", "constructor", "toString", "../../evil", "onclick")


def toml(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\u2028", "\\u2028")
    return f'"{escaped}"'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a set in which everything is hostile."""
    from reportgen.commands.build import build
    from reportgen.config import load_config

    root = tmp_path_factory.mktemp("hostile") / "scene"
    make_scene(root)
    import pandas as pd

    rows = pd.read_csv(root / "set.csv")
    names = [f"{text.replace('/', '')}{number}.png" for number, text in enumerate(HOSTILE[: len(EMOTIONS)])]
    for path, name in zip(rows["path"], names, strict=True):
        (root / path).rename(root / "images" / name)
    classes = HOSTILE[: len(EMOTIONS)]
    rows = rows.assign(path=[f"images/{name}" for name in names], emotion=classes, person=HOSTILE[7:14])
    rows = rows.assign(**{column: HOSTILE[number : number + 7] for number, column in enumerate(COLUMNS[:8])})
    rows = rows.assign(**dict.fromkeys(COLUMNS[8:], HOSTILE[3]))
    rows.loc[len(rows)] = [f"images/{HOSTILE[3]}", *[HOSTILE[3]] * (rows.shape[1] - 1)]
    rows.loc[len(rows)] = ["", *[HOSTILE[0]] * (rows.shape[1] - 1)]
    rows.to_json(root / "set.json", orient="records")
    settings = (root / "reportgen.toml").read_text().replace("set.csv", "set.json")
    settings = settings.replace('regions = "none"', 'regions = "template"').replace("examples = 1", "examples = 6")
    head, _, model = settings.partition("[models.Tiny]")
    settings = f"classes = [{', '.join(map(toml, classes))}]\n{head}"
    settings += "".join(f"[models.{toml(name)}]{model}pretraining = {toml(HOSTILE[0])}\n" for name in HOSTILE[:3])
    (root / "reportgen.toml").write_text(settings, encoding="utf-8")
    before = Path.cwd()
    os.chdir(root)
    try:
        result = build(load_config(Path("reportgen.toml"), {}))
    finally:
        os.chdir(before)
    return root / result.site


@pytest.fixture(scope="module")
def compared(hostile: Path) -> Path:
    """The site that compares this set's report with that of other weights."""
    import torch

    from reportgen.commands.build import build
    from reportgen.commands.diff import diff
    from reportgen.config import load_config

    root = hostile.parents[1]
    state = torch.load(root / "tiny.pth", weights_only=True)
    before = Path.cwd()
    os.chdir(root)
    try:
        torch.save({**state, "fc.weight": -state["fc.weight"]}, root / "tiny.pth")
        build(load_config(Path("reportgen.toml"), {"output": Path("after"), "experiments": "off"}))
        settings = load_config(Path("reportgen.toml"), {"output": Path("changes")})
        return root / diff(settings, Path("output"), Path("after")).site
    finally:
        torch.save(state, root / "tiny.pth")
        os.chdir(before)


# What would be in a page if text had become markup.
PROBE = """() => {
    const bad = [];
    for (const element of document.querySelectorAll('*')) {
        for (const attribute of element.attributes) {
            if (/^on/i.test(attribute.name)) bad.push(element.tagName + ' ' + attribute.name);
            if (/^(href|src|action|formaction|data|srcdoc)$/i.test(attribute.name)
                && /^\\s*(javascript|vbscript|data:text)|evil\\.example/i.test(attribute.value)) {
                bad.push(attribute.value);
            }
        }
        if (/^(IFRAME|OBJECT|EMBED|BASE)$/.test(element.tagName)) bad.push(element.tagName);
        if (element.tagName === 'META' && /refresh/i.test(element.httpEquiv)) bad.push('META refresh');
        if (element.tagName === 'SCRIPT' && !/assets\\/[\\w.-]+\\.js$/.test(element.src)) bad.push('inline SCRIPT');
        if (element.tagName === 'STYLE') bad.push('inline STYLE');
    }
    if (window.pwned || Object.prototype.pwned || ({}).polluted) bad.push('a script of a stranger ran');
    return bad;
}"""


class Markup(HTMLParser):
    """The same without a browser: what in a page's text would do something and is not ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.bad += [f"{tag} {name}" for name in given if name.startswith("on") or name == "srcdoc"]
        self.bad += [value for value in given.values() if re.match(r"\s*(javascript|vbscript):|//evil", value)]
        if tag in ("iframe", "object", "embed", "base", "style") or given.get("http-equiv", "").lower() == "refresh":
            self.bad.append(tag)
        if tag == "script" and not re.search(r"assets/[\w.-]+\.js$", given.get("src", "")):
            self.bad.append("inline script")


def open_page(context: Any, site: Path, name: str) -> tuple[Any, list[str]]:
    page, trouble = context.new_page(), []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    root = site.resolve().as_uri() + "/"
    page.on("request", lambda request: None if request.url.startswith((root, "data:")) else trouble.append(request.url))
    page.goto(root + name)
    page.wait_for_load_state("load")
    return page, trouble


@pytest.mark.browser
@pytest.mark.slow
def test_hostile_text_stays_text_in_a_browser(browser: Any, hostile: Path) -> None:
    """Every page without its policy, because escaping alone must do; some with it, where an attempt is an error."""
    pages = sorted(path.relative_to(hostile).as_posix() for path in hostile.rglob("*.html"))
    assert len(pages) > 25
    for bypass, chosen in ((True, pages), (False, pages[::5])):
        context = browser.new_context(bypass_csp=bypass)
        for name in chosen:
            page, trouble = open_page(context, hostile, name)
            assert page.evaluate(PROBE) == [], name
            assert trouble == [], name
            page.close()
        context.close()
    print(f"injection: {len(HOSTILE)} texts in {len(pages)} pages")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE[:2] + HOSTILE[6:10])
def test_the_probe_finds_markup(browser: Any, text: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_content(f'<p title="{text}">{text}</p>')
    page.wait_for_timeout(50)
    assert page.evaluate(PROBE) != []
    context.close()


def test_hostile_text_stays_text_without_a_browser(hostile: Path, compared: Path) -> None:
    pages = [page for site in (hostile, compared) for page in sorted(site.rglob("*.html"))]
    assert pages
    for page in pages:
        assert Markup(page.read_text("utf-8")).bad == [], page.name
    for text in (*HOSTILE[:2], HOSTILE[3], *HOSTILE[6:10]):
        assert Markup(f'<p title="{text}">{text}</p>').bad, text


@pytest.mark.browser
@pytest.mark.slow
def test_a_comparison_stays_text_in_a_browser(browser: Any, compared: Path) -> None:
    pages = sorted(path.relative_to(compared).as_posix() for path in compared.rglob("*.html"))
    text = "".join((compared / name).read_text("utf-8") for name in pages)
    for part in ("&lt;img src=x onerror=", "&lt;svg onload=", "&lt;/script&gt;"):
        assert part in text, part
    context = browser.new_context(bypass_csp=True)
    for name in pages:
        page, trouble = open_page(context, compared, name)
        assert page.evaluate(PROBE) == [], name
        assert trouble == [], name
        page.close()
    context.close()


def test_the_texts_are_really_there(hostile: Path) -> None:
    text = "".join(page.read_text("utf-8") for page in hostile.rglob("*.html"))
    for part in ("&lt;img src=x onerror=", "&lt;svg onload=", "{{ self.__init__.__globals__ }}", "${window.pwned=1}`"):
        assert part in text, part


@pytest.mark.browser
@pytest.mark.slow
def test_the_explorer_draws_and_searches_hostile_names(browser: Any, hostile: Path) -> None:
    context = browser.new_context(bypass_csp=True)
    page, trouble = open_page(context, hostile, "explorer.html")
    page.wait_for_selector("#results > li")
    assert page.locator("#results > li").count() == len(EMOTIONS)
    for text in HOSTILE:
        page.fill("#query", text)
        page.wait_for_timeout(50)
        assert page.evaluate(PROBE) == [], text
    url = page.url.split("#")[0].split("?")[0]
    for text in HOSTILE[:8]:
        for mark in ("#", "?q=", "#q="):
            page.goto("about:blank")
            page.goto(url + mark + text)
            page.locator("#explorer").wait_for()
            assert page.evaluate(PROBE) == [], text
    assert trouble == []
    context.close()
