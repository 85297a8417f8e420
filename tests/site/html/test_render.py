from __future__ import annotations

import json
from pathlib import Path

import pytest

from reportgen.errors import ReportError
from reportgen.site.html.render import Assets, Terms, load_assets, to_script
from reportgen.site.html.template_files import find_templates


def test_templates_are_found_in_the_package_first(tmp_path: Path) -> None:
    package = tmp_path / "reportgen"
    (package / "templates" / "parts").mkdir(parents=True)
    (tmp_path / "templates" / "parts").mkdir(parents=True)
    with pytest.raises(ReportError, match="installation is incomplete"):
        find_templates(package)
    (tmp_path / "templates" / "parts" / "base.html").touch()
    with pytest.raises(ReportError):
        find_templates(package)  # beside an installed package may lie anything; only a checkout counts
    (tmp_path / "pyproject.toml").touch()
    assert find_templates(package) == tmp_path / "templates"
    (package / "templates" / "parts" / "base.html").touch()
    assert find_templates(package) == package / "templates"


def test_asset_names_follow_their_content() -> None:
    first, second = Assets({"site.css": b"a{}"}), Assets({"site.css": b"b{}"})
    assert first.path("site.css") != second.path("site.css")
    assert first.files == {first.path("site.css"): b"a{}"}


def test_a_style_sheet_loses_comments_and_indents_alone(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    style = """/* a; {b} */
    :root { --a-1: "x"; }
    p :is(a, b):hover, p > q::before { content: "; " attr(c) ": "; margin: 0 auto; }
    @media (max-width: 4rem) { p { --b: 1; } }
    """
    (tmp_path / "assets" / "site.css").write_text(style, encoding="utf-8")
    (tmp_path / "assets" / "site.js").write_text("a ;  b // c", encoding="utf-8")
    assets = load_assets(tmp_path)
    assert assets.files[assets.path("site.js")] == b"a ;  b // c"
    assert assets.files[assets.path("site.css")].decode() == (
        ':root{--a-1:"x"}p :is(a, b):hover, p > q::before{content:"; " attr(c) ": ";margin:0 auto}'
        "@media (max-width: 4rem){p{--b:1}}"
    )


def test_data_cannot_leave_its_script() -> None:
    value = {"name": "</script><!-- \u2028 é", "n": [1, 2.5, None]}
    script = to_script("reportgenData", value).decode("ascii")
    assert "<" not in script
    assert json.loads(script.removeprefix("window.reportgenData=").removesuffix(";\n")) == value


def test_terms_are_marked_and_remembered() -> None:
    terms = Terms({"a b": "first", "c": "second"})
    assert 'popovertarget="term-a-b">A &lt;b&gt;<' in str(terms("a b", "A <b>"))
    assert terms.used == [("term-a-b", "a b", "first")]
    with pytest.raises(KeyError):
        terms("unknown")
