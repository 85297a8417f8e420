"""What holds on every page of every kind of report."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import html5lib
import pytest
from PIL import Image

from reportgen.site.publish import Published

XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"

KINDS = (
    "two models",
    "use not tested",
    "regions not measured",
    "hostile names",
    "one model",
    "three models",
    "no labels",
    "one model, no labels",
)
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def parse(path: Path) -> ElementTree.Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=True)
    return parser.parse(path.read_text(encoding="utf-8"))


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


@every_kind
def test_pages_are_valid_to_a_strict_parser(variants: dict[str, Published], kind: str) -> None:
    found = pages(variants[kind].site)
    assert len(found) > 5
    for page in found:
        parse(page)


@every_kind
def test_every_link_leads_somewhere_inside(
    variants: dict[str, Published], kind: str, links_inside: Callable[[Path], int]
) -> None:
    assert links_inside(variants[kind].site) > 50


@every_kind
def test_nothing_is_inline(variants: dict[str, Published], kind: str) -> None:
    for page in pages(variants[kind].site):
        policies = []
        for element in parse(page).iter():
            if not isinstance(element.tag, str):
                continue
            assert element.tag != f"{XHTML}style"
            if element.tag == f"{XHTML}script":
                assert element.get("src") and not (element.text or "").strip()
            for name in element.attrib:
                assert name != "style" and not name.startswith("on"), f"{page.name}: {name}"
            if element.get("http-equiv") == "Content-Security-Policy":
                policies.append(element.get("content") or "")
        assert len(policies) == 1
        assert "default-src 'none'" in policies[0] and "unsafe" not in policies[0]


@every_kind
def test_ids_are_unique(variants: dict[str, Published], kind: str) -> None:
    for page in pages(variants[kind].site):
        ids = [element.get("id") for element in parse(page).iter() if element.get("id")]
        assert len(ids) == len(set(ids)), f"{page.name}: {sorted(i for i in ids if ids.count(i) > 1)[:3]}"


@every_kind
def test_pictures_have_their_size_an_alternative_and_no_metadata(variants: dict[str, Published], kind: str) -> None:
    site = variants[kind].site
    for page in pages(site):
        for element in parse(page).iter(f"{XHTML}img"):
            assert element.get("alt"), page.name
            path = (page.parent / (element.get("src") or "")).resolve()
            if path.suffix == ".webp":
                with Image.open(path) as image:
                    assert image.size == (int(element.get("width") or 0), int(element.get("height") or 0))
    for path in [*site.rglob("*.webp"), *site.rglob("*.png")]:
        with Image.open(path) as image:
            assert not set(image.info) & {"exif", "xmp", "icc_profile", "Software"}, path.name


@every_kind
def test_no_path_of_anyones_disk_is_told(variants: dict[str, Published], kind: str) -> None:
    site = variants[kind].site
    for path in [*site.rglob("*.html"), *site.rglob("*.js"), *site.rglob("*.csv"), *site.rglob("*.json")]:
        text = path.read_text(encoding="utf-8")
        assert "someone" not in text, path.name
        assert str(site) not in text


def test_hostile_names_stay_text(hostile: Published) -> None:
    seen = 0
    for page in pages(hostile.site):
        for element in parse(page).iter():
            if isinstance(element.tag, str):
                assert element.get("onerror") is None
        seen += page.read_text(encoding="utf-8").count("&lt;img src=x onerror=")
        if page.name in ("index.html", "emotions.html"):
            assert "{{ 7 * 7 }}" in page.read_text(encoding="utf-8")
    assert seen > 0
    scripts = [path.read_text() for path in hostile.site.glob("assets/data-*.js")]
    assert len(scripts) == 1 and "<" not in scripts[0]


def test_classes_with_like_names_have_pages_of_their_own(hostile: Published) -> None:
    assert {path.name for path in hostile.site.glob("emotions/*.html")} == {
        "b-anger-b.html",
        "fe-ar.html",
        "7-7.html",
        "fe-ar-2.html",
    }


def test_pages_are_small(published: Published) -> None:
    assert max(page.stat().st_size for page in pages(published.site)) < 1_000_000


def test_the_explorers_data_is_the_analysis(published: Published, report: object) -> None:
    (script,) = published.site.glob("assets/data-*.js")
    data = json.loads(script.read_text().removeprefix("window.reportgenData=").removesuffix(";\n"))
    analysis = report.analysis  # type: ignore[attr-defined]
    assert sorted(data["ids"]) == sorted(analysis.images["image_id"])
    row = {value: index for index, value in enumerate(analysis.images["image_id"])}
    rows = [row[value] for value in data["ids"]]
    assert data["labels"] == analysis.labels[rows].tolist()
    for entry, model in zip(data["models"], analysis.models, strict=True):
        assert entry["predicted"] == model.predicted[rows].tolist()


def test_downloads_hold_every_prediction(published: Published, report: object) -> None:
    analysis = report.analysis  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO((published.site / "downloads/predictions.csv").read_text())))
    assert [row["image_id"] for row in rows] == analysis.images["image_id"].tolist()
    for row, predicted in zip(rows, analysis.models[0].predicted, strict=True):
        assert row["custom-cnn_predicted"] == analysis.classes[predicted]
    described = {
        row["column"] for row in csv.DictReader(io.StringIO((published.site / "downloads/columns.csv").read_text()))
    }
    assert described == set(rows[0])
    scores = json.loads((published.site / "downloads/scores.json").read_text())
    assert [model["name"] for model in scores["models"]] == ["Custom CNN", "ResNet18"]


def test_classes_of_one_slug_have_a_column_each(make_report: object, tmp_path: Path) -> None:
    from reportgen.config import Config
    from reportgen.progress import SilentProgress
    from reportgen.site.publish import publish

    made = make_report(classes=("怒り", "恐れ", "joy!", "joy?"))  # type: ignore[operator]
    site = publish(made, tmp_path, Config(), SilentProgress()).site
    (row, *_) = csv.DictReader(io.StringIO((site / "downloads/predictions.csv").read_text()))
    assert sum(name.startswith("custom-cnn_p_") for name in row) == 4
    described = {row["column"] for row in csv.DictReader(io.StringIO((site / "downloads/columns.csv").read_text()))}
    assert described == set(row)


def test_formulas_in_file_names_are_disarmed(make_report: object, tmp_path: Path) -> None:
    from reportgen.config import Config
    from reportgen.progress import SilentProgress
    from reportgen.site.publish import publish

    made = make_report(path=lambda row: f"=1+{row}.png")  # type: ignore[operator]
    site = publish(made, tmp_path, Config(zip=False), SilentProgress()).site
    rows = list(csv.DictReader(io.StringIO((site / "downloads/predictions.csv").read_text())))
    assert rows[0]["file"] == "'=1+0.png"


def text_of(path: Path) -> str:
    return re.sub(r"\s+", " ", " ".join(parse(path).itertext()))


def test_few_images_are_counted_not_rated(published: Published) -> None:
    assert re.search(r"fear\s+3 images .*? \d of 3 / \d of 3", text_of(published.site / "models.html"))
    assert "too few images" in text_of(published.site / "index.html")
    assert "The test set has no image labelled neutral." in text_of(published.site / "emotions/neutral.html")


def test_a_single_model_has_no_comparison(variants: dict[str, Published]) -> None:
    site = variants["one model"].site
    assert "Both models" not in text_of(site / "index.html")
    assert "Who is correct where" not in text_of(site / "models.html")


def test_without_labels_nothing_is_scored(variants: dict[str, Published]) -> None:
    site = variants["no labels"].site
    for name in ("index.html", "models.html", "errors.html"):
        text = text_of(site / name)
        assert "nan" not in text.lower().replace("financ", "")
    assert len(list(site.glob("images/*.html"))) == 8


@pytest.mark.parametrize("kind", ["two models", "one model", "three models", "no labels"])
def test_the_first_page_explains_the_words_it_takes_for_known(variants: dict[str, Published], kind: str) -> None:
    """Recall, points and brackets, each where it is met and only there; each opens its term by a button."""
    root = html5lib.parse((variants[kind].site / "index.html").read_text(encoding="utf-8"))
    xhtml = "{http://www.w3.org/1999/xhtml}"
    main = next(root.iter(f"{xhtml}main"))
    lines = [one for one in main.iter(f"{xhtml}p") if one.get("class") == "terms"]
    lede = next(one for one in main.iter(f"{xhtml}p") if one.get("class") == "lede")
    answers = next(one for one in main.iter(f"{xhtml}section") if one.get("class") == "answers")
    met = " ".join(["".join(main.find(f".//{xhtml}h1").itertext()), *lede.itertext(), *answers.itertext()])
    expected = [
        term
        for term, pattern in (("recall", r"\brecall\b"), ("percentage-point", r"\bpoints\b"), ("interval", r"\["))
        if re.search(pattern, met)
    ]
    buttons = [one.get("popovertarget") for line in lines for one in line.iter(f"{xhtml}button")]
    assert buttons == [f"term-{term}" for term in expected] and bool(lines) == bool(expected)
    assert bool(expected) == (kind != "no labels")
    if "interval" in expected:
        assert "Brackets: 95 % interval." in " ".join("".join(lines[0].itertext()).split())


@pytest.mark.parametrize("name", ["index.html", "models.html", "errors.html", "emotions/fear.html"])
def test_golden_pages(variants: dict[str, Published], name: str) -> None:
    """The words of a page, hashes scrubbed. After a wanted change: REPORTGEN_GOLDEN=write, and read the diff."""
    import os

    text = text_of(variants["regions not measured"].site / name)
    text = re.sub(r"\b[0-9a-f]{12,64}\b", "HASH", text)
    words = "\n".join(part.strip() for part in re.split(r"(?<=[.!?]) ", text)) + "\n"
    golden = Path(__file__).with_name("golden") / (name.replace("/", "-").removesuffix(".html") + ".txt")
    if os.environ.get("REPORTGEN_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(words, encoding="utf-8")
    assert words == golden.read_text(encoding="utf-8")
