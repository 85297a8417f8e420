"""What templates call their elements is styled, or something asks for it: a style that got lost shows here."""

from __future__ import annotations

import re
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ASKED_BY_TESTS = {"caution"}
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
