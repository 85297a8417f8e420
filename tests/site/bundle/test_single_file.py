"""The report in one file holds what the folder holds, and nothing from outside."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections import Counter
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import html5lib
import pytest

from reportgen.config import Config
from reportgen.errors import OutputError
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report

XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def single(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("single")
    return publish(report, folder, Config(single_file=True, zip=False), SilentProgress())


@pytest.fixture(scope="module")
def text(single: Published) -> str:
    assert single.single is not None
    return single.single.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(text: str) -> ElementTree.Element:
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=True).parse(text)


def test_every_page_is_an_article_with_its_words(single: Published, tree: ElementTree.Element) -> None:
    articles = {
        element.get("id"): element for element in tree.iter(f"{XHTML}article") if element.get("class") == "page"
    }
    pages = [path.relative_to(single.site).as_posix() for path in single.site.rglob("*.html")]
    assert set(articles) == {f"/{name}" for name in pages}
    for name in pages:
        page = html5lib.parse((single.site / name).read_text(encoding="utf-8"))
        main = next(page.iter(f"{XHTML}main"))
        assert " ".join("".join(main.itertext()).split()) == " ".join("".join(articles[f"/{name}"].itertext()).split())


def test_ids_are_unique_and_every_reference_is_answered(tree: ElementTree.Element) -> None:
    ids = Counter(element.get("id") for element in tree.iter() if element.get("id"))
    assert max(ids.values()) == 1
    links = 0
    for element in tree.iter():
        for name in ("for", "aria-labelledby", "aria-describedby", "popovertarget"):
            for part in (element.get(name) or "").split():
                assert part in ids, f"{name}={part}"
        target = element.get("href") or element.get("src") or ""
        if not target:
            continue
        assert target.startswith(("#", "data:")), target
        if target.startswith("#") and not target.startswith("#/explorer.html!"):
            assert unquote(target[1:]) in ids, target
            links += 1
    assert links > 200
    assert ids["/explorer.html!query"] == 1


def test_the_policy_names_every_script_and_style_by_its_hash(text: str, tree: ElementTree.Element) -> None:
    metas = [element for element in tree.iter(f"{XHTML}meta") if element.get("http-equiv")]
    assert len(metas) == 1
    policy = metas[0].get("content") or ""
    assert "unsafe" not in policy and "self" not in policy and policy.startswith("default-src 'none'; img-src data:;")
    found = 0
    for tag in ("script", "style"):
        for content in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL):
            digest = b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode()
            assert f"'sha256-{digest}'" in policy
            found += 1
    assert found == policy.count("'sha256-") >= 12
    for element in tree.iter():
        assert "style" not in element.attrib and not any(name.startswith("on") for name in element.attrib)


def test_every_rule_of_every_sheet_is_inside_once_and_in_order(single: Published, text: str) -> None:
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(style) == 1
    sheets = {
        path.name.split("-")[0]: path.read_text(encoding="utf-8") for path in (single.site / "assets").glob("*.css")
    }
    assert sheets.keys() == {"site", "pages", "labels"}
    places = {}
    for name, sheet in sheets.items():
        # Pictures are elements of their own kind here, so selectors may read otherwise; what they declare does not.
        declared = re.findall(r"\{([^{}]+)\}", sheet)
        assert len(declared) > 20 and all(f"{{{one}}}" in style[0] for one in declared)
        places[name] = style[0].index(sheet[: sheet.index("{")])
    assert places["site"] < places["pages"] < places["labels"]
    ours = style[0][: style[0].index(".page {")]
    assert ours.count("{") == sum(sheet.count("{") for sheet in sheets.values())


def test_pictures_and_tables_are_inside_once_byte_by_byte(single: Published, tree: ElementTree.Element) -> None:
    stored: Counter[bytes] = Counter()
    for element in tree.iter():
        for name in ("src", "href"):
            value = element.get(name) or ""
            if value.startswith("data:"):
                stored[b64decode(value.partition(",")[2])] += 1
    for folder in ("pictures", "figures", "downloads"):
        for path in (single.site / folder).iterdir():
            if path.suffix in (".webp", ".svg", ".csv", ".json"):
                assert stored[path.read_bytes()] >= 1, path.name
    # Pages refer to a picture they share; the same bytes may still be two files of the site.
    sheets = [path.read_bytes() for path in (single.site / "sheets").iterdir()]
    assert all(stored[content] == 1 for content in sheets)
    downloads = {e.get("download") for e in tree.iter(f"{XHTML}a") if (e.get("href") or "").startswith("data:")}
    assert downloads == {path.name for path in (single.site / "downloads").iterdir()}


def test_the_same_report_gives_the_same_file(report: Report, single: Published, tmp_path: Path) -> None:
    again = publish(report, tmp_path, Config(single_file=True, zip=False), SilentProgress())
    assert again.single is not None and single.single is not None
    assert again.single.read_bytes() == single.single.read_bytes()


def test_a_large_report_is_refused_and_the_site_is_there(report: Report, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"in one file would have \d+ MB, more than single_file_mb = 0.1, .*--mail"):
        publish(report, tmp_path, Config(single_file=True, single_file_mb=0.1), SilentProgress())
    assert (tmp_path / "site" / "index.html").is_file() and (tmp_path / "report.zip").is_file()
    assert not (tmp_path / "report.html").exists()


def test_a_file_of_the_users_is_not_replaced(report: Report, tmp_path: Path) -> None:
    mine = tmp_path / "report.html"
    mine.write_text("<p>my thesis</p>")
    with pytest.raises(OutputError, match=r"report\.html: not written by reportgen"):
        publish(report, tmp_path, Config(single_file=True, zip=False), SilentProgress())
    assert mine.read_text() == "<p>my thesis</p>"


def test_hostile_names_stay_text(hostile: Published) -> None:
    from reportgen.site.bundle.single_file import single_page
    from reportgen.site.html.template_files import find_templates

    names = [path.relative_to(hostile.site).as_posix() for path in hostile.site.rglob("*") if path.is_file()]
    router = (find_templates() / "parts" / "single.js").read_text(encoding="utf-8")
    page = single_page(hostile.site, names, router, 100).decode("utf-8")
    made = html5lib.HTMLParser(strict=True).parse(page)
    # Those of the site, what tells them that all pages are in one file, and the one that shows one at a time.
    assert len(list(made.iter(f"{XHTML}script"))) == 2 + sum(name.endswith(".js") for name in names)
    assert "<script>alert(" not in page and "<img src=x" not in page
    assert all("onerror" not in element.attrib for element in made.iter())
