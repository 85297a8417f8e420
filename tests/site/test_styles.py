"""What templates call their elements is styled or asked for, and what is styled is there: what got lost shows here.

So does a page that lacks one of its style sheets, or waits for one that it does not need.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from reportgen.site.publish import Published

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ASKED_BY_TESTS = {"caution"}
# Put together from a letter or a word and what stands in braces: s{{ shade }}, g{{ grade }}, only-{{ scheme }}.
# Ramps are called like the colour maps that a setting may choose.
_PUT_TOGETHER = re.compile(r"[a-z]\d+|g[ABC]|only-(?:dark|light)|magma|viridis")
_CLASSES = re.compile(r'class="([^"]*)"')
_CLASS = re.compile(r"\.([A-Za-z][\w-]*)")
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]*)"')
_SCRIPT = re.compile(r'<script src="([^"]*)"')
_BRANCHES, _VALUES = re.compile(r"\{%.*?%\}", re.DOTALL), re.compile(r"\{\{.*?\}\}", re.DOTALL)


def sheets() -> dict[str, str]:
    """Every style sheet by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((TEMPLATES / "assets").glob("*.css"))}


def selectors_of(style: str) -> str:
    return re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", style, flags=re.DOTALL)


def name_of(address: str) -> str:
    """The asset that an address with a hash leads to: "site.css"."""
    return re.sub(r"-[0-9a-f]{10}(?=\.)", "", address.rpartition("/")[2])


def classes_of_templates() -> dict[str, str]:
    """Class names that stand in full in a template, with the template that uses them."""
    found = {}
    for template in sorted(TEMPLATES.rglob("*.html")):
        found |= dict.fromkeys(classes_of(template.read_text(encoding="utf-8")), template.name)
    return found


def classes_of(template: str) -> list[str]:
    plain = _VALUES.sub("{}", _BRANCHES.sub(" ", template))
    return [name for value in _CLASSES.findall(plain) for name in value.split() if "{}" not in name]


def test_every_class_is_styled_or_asked_for() -> None:
    style = "\n".join(sheets().values())
    scripts = "\n".join(script.read_text(encoding="utf-8") for script in sorted(TEMPLATES.rglob("*.js")))
    styled = set(_CLASS.findall(style))
    classes = classes_of_templates()
    assert {"proof", "flip-strip", "scroll"} <= classes.keys()
    lost = {name: where for name, where in classes.items() if name not in styled | ASKED_BY_TESTS}
    assert {name: where for name, where in lost.items() if not re.search(rf"\b{name}\b", scripts)} == {}


def test_every_style_is_there_for_something() -> None:
    style = "\n".join(sheets().values())
    selectors = selectors_of(style)
    pages = "\n".join(template.read_text(encoding="utf-8") for template in TEMPLATES.rglob("*.html"))
    sources = [*TEMPLATES.rglob("*.js"), *(TEMPLATES.parent / "reportgen" / "site").rglob("*.py")]
    strings = (re.findall(r'"([^"\n]*)"', source.read_text(encoding="utf-8")) for source in sources)
    words = {word for text in (*_CLASSES.findall(pages), *chain(*strings)) for word in re.findall(r"[\w-]+", text)}
    classes = set(_CLASS.findall(selectors))
    assert {"proof", "flip-strip", "s10", "gA"} <= classes
    assert {name for name in classes - words if not _PUT_TOGETHER.fullmatch(name)} == set()
    assert set(re.findall(r"#([A-Za-z][\w-]*)", selectors)) <= set(re.findall(r'\bid="([\w-]+)"', pages))


def test_every_page_links_the_sheets_of_its_classes(variants: dict[str, Published]) -> None:
    by_sheet = {name: set(_CLASS.findall(selectors_of(style))) for name, style in sheets().items()}
    styled = set().union(*by_sheet.values())
    linked_by: dict[str, set[str]] = {name: set() for name in by_sheet}
    for published in variants.values():
        for path in published.site.rglob("*.html"):
            page, text = path.relative_to(published.site).as_posix(), path.read_text(encoding="utf-8")
            linked = {name_of(address) for address in _STYLE.findall(text)}
            classes = {name for value in _CLASSES.findall(text) for name in value.split()}
            # A page's own scripts call elements by class, too; those of all pages ask for what is there.
            for script in {name_of(address) for address in _SCRIPT.findall(text)} - {"theme.js", "site.js"}:
                source = TEMPLATES / "assets" / script
                if source.is_file():  # else data
                    named = re.findall(r'class(?:Name = |: |=\\?)"([\w -]+)"', source.read_text(encoding="utf-8"))
                    classes |= {name for value in named for name in value.split()}
            known = set().union(*(by_sheet[name] for name in linked))
            assert classes & styled <= known, f"{page} lacks the rules of {sorted(classes & styled - known)}"
            for name in linked:
                linked_by[name].add(page)
    assert linked_by["site.css"] >= {"index.html", "errors.html", "labels.html"}
    assert linked_by["pages.css"] >= {"errors.html", "explorer.html"} and "index.html" not in linked_by["pages.css"]
    assert linked_by["labels.css"] == {"labels.html"}


def test_whatever_the_first_page_may_show_is_styled_by_its_one_sheet() -> None:
    """Also what no report here shows there, such as the strip of photos of a source."""
    parts = (TEMPLATES / "parts" / "components.html").read_text(encoding="utf-8")
    macros = dict(re.findall(r"\{% macro (\w+)\(.*?%\}(.*?)\{% endmacro %\}", parts, re.DOTALL))
    index = (TEMPLATES / "pages" / "index.html").read_text(encoding="utf-8")
    shown, waiting = {"index": index}, re.findall(r"\bui\.(\w+)\(", index)
    while waiting:
        name = waiting.pop()
        if name not in shown:
            shown[name] = macros[name]
            waiting += [other for other in macros if re.search(rf"\b{other}\(", macros[name])]
    assert {"photo_strip", "thumb", "before_after", "region_matrix", "mark"} <= shown.keys()
    classes = {name for text in shown.values() for name in classes_of(text)}
    styled = set(_CLASS.findall(selectors_of("\n".join(sheets().values()))))
    assert {"frame", "cell-key", "answers", "contact"} <= classes
    assert classes & styled - set(_CLASS.findall(selectors_of(sheets()["site.css"]))) == set()


def test_nothing_holds_up_the_first_page_or_the_scheme(variants: dict[str, Published]) -> None:
    """The script that chooses the scheme stands before the sheets, which are all under way before it."""
    for published in variants.values():
        for path in published.site.rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            early, _, late = text.partition("theme-")
            wanted = re.findall(r'<link rel="preload" as="style" href="([^"]*)"', early)
            assert wanted == _STYLE.findall(late) and not _STYLE.search(early), path.name
            assert re.fullmatch(r"[^>]*></script>.*", late[: late.index("\n")]), "it must not be put off"
    text = (variants["two models"].site / "index.html").read_text(encoding="utf-8")
    first = re.search(r'<img src="([^"]*)"', text)
    assert first is not None
    assert re.findall(r'<link rel="preload" as="image" fetchpriority="high" href="([^"]*)">', text) == [first[1]]
