"""What templates call their elements is styled or asked for, and what is styled is there: what got lost shows here."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ASKED_BY_TESTS = {"caution"}
# Put together from a letter or a word and what stands in braces: s{{ shade }}, g{{ grade }}, only-{{ scheme }}.
# Ramps are called like the colour maps that a setting may choose.
_PUT_TOGETHER = re.compile(r"[a-z]\d+|g[ABC]|only-(?:dark|light)|magma|viridis")
_CLASSES = re.compile(r'class="([^"]*)"')
_BRANCHES, _VALUES = re.compile(r"\{%.*?%\}", re.DOTALL), re.compile(r"\{\{.*?\}\}", re.DOTALL)


def classes_of_templates() -> dict[str, str]:
    """Class names that stand in full in a template, with the template that uses them."""
    found = {}
    for template in sorted(TEMPLATES.rglob("*.html")):
        plain = _VALUES.sub("{}", _BRANCHES.sub(" ", template.read_text(encoding="utf-8")))
        names = (name for value in _CLASSES.findall(plain) for name in value.split() if "{}" not in name)
        found |= dict.fromkeys(names, template.name)
    return found


def test_every_class_is_styled_or_asked_for() -> None:
    style = (TEMPLATES / "assets" / "site.css").read_text(encoding="utf-8")
    scripts = "\n".join(script.read_text(encoding="utf-8") for script in sorted(TEMPLATES.rglob("*.js")))
    styled = set(re.findall(r"\.([A-Za-z][\w-]*)", style))
    classes = classes_of_templates()
    assert {"proof", "flip-strip", "scroll"} <= classes.keys()
    lost = {name: where for name, where in classes.items() if name not in styled | ASKED_BY_TESTS}
    assert {name: where for name, where in lost.items() if not re.search(rf"\b{name}\b", scripts)} == {}


def test_every_style_is_there_for_something() -> None:
    style = (TEMPLATES / "assets" / "site.css").read_text(encoding="utf-8")
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", style, flags=re.DOTALL)
    pages = "\n".join(template.read_text(encoding="utf-8") for template in TEMPLATES.rglob("*.html"))
    sources = [*TEMPLATES.rglob("*.js"), *(TEMPLATES.parent / "reportgen" / "site").rglob("*.py")]
    strings = (re.findall(r'"([^"\n]*)"', source.read_text(encoding="utf-8")) for source in sources)
    words = {word for text in (*_CLASSES.findall(pages), *chain(*strings)) for word in re.findall(r"[\w-]+", text)}
    classes = set(re.findall(r"\.([A-Za-z][\w-]*)", selectors))
    assert {"proof", "flip-strip", "s10", "gA"} <= classes
    assert {name for name in classes - words if not _PUT_TOGETHER.fullmatch(name)} == set()
    assert set(re.findall(r"#([A-Za-z][\w-]*)", selectors)) <= set(re.findall(r'\bid="([\w-]+)"', pages))
