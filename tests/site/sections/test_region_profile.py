"""What defines each emotion, as shown: every value on the pages is one of the records."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from itertools import product
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest

from reportgen.evidence.attention.human_reference import HUMAN
from reportgen.faces.regions import REGIONS
from reportgen.site.attention import Attention
from reportgen.site.pages import downloads
from reportgen.site.pages.downloads import DESCRIPTIONS
from reportgen.site.plots.enrichment_forest import PANELS
from reportgen.site.plots.face_diagram import shade
from reportgen.site.publish import Published
from reportgen.site.report import Report
from reportgen.site.report_tables import report_tables
from reportgen.site.sections.region_profile import action_name, counted_text
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.claims import ANSWER_WORDS

XHTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"


def page(published: Published, name: str) -> ElementTree.Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=True)
    return parser.parse((published.site / name).read_text(encoding="utf-8"))


def by_id(root: ElementTree.Element, value: str) -> ElementTree.Element:
    return next(element for element in root.iter() if element.get("id") == value)


def words(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", " ".join(element.itertext())).strip()


def found(report: Report) -> Any:
    assert report.attention is not None
    return report.attention


def test_an_emotions_regions_are_those_of_its_profile(published: Published, report: Report) -> None:
    root = page(published, "emotions/anger.html")
    section = by_id(root, "regions")
    profiles = [p for p in found(report).profiles if p.emotion == "anger"]
    table = next(t for t in section.iter(f"{XHTML}table") if "region-list" in t.get("class", ""))
    heads, *rows = (list(part.iter(f"{XHTML}tr")) for part in table if part.tag in (f"{XHTML}thead", f"{XHTML}tbody"))
    assert [words(cell) for cell in heads[1]] == ["heat", "above average?", "odds fall if swapped"] * 2
    (rows,) = rows
    assert len(rows) == len(REGIONS)
    for index, row in enumerate(rows):
        text = words(row)
        for profile in profiles:
            estimate = profile.regions[index]
            assert f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]" in text
    assert f"{HUMAN['anger'].eyes:.2f}" in words(rows[REGIONS.index("eyes+brows")])
    assert f"{HUMAN['anger'].mouth:.2f}" in words(rows[REGIONS.index("mouth")])
    drawn = [svg for svg in section.iter(f"{SVG}svg") if svg.get("role") == "img"]
    assert [svg.get("aria-label", "").split(",")[0] for svg in drawn] == [
        "Face of Custom CNN",
        "Face of ResNet18",
        "Face of people",
    ]
    for svg, profile in zip(drawn, profiles, strict=False):
        tones = [path.get("class") for path in svg.iter(f"{SVG}path")]
        order = ("background", "cheeks+jaw", "forehead", "nose", "mouth", "eyes+brows")
        assert tones == [*(shade(profile.regions[REGIONS.index(region)].value) for region in order), "line"]


def test_the_guides_claim_stands_beside_the_answer(published: Published, report: Report) -> None:
    text = words(by_id(page(published, "emotions/happiness.html"), "regions"))
    answers = [p.naive for p in found(report).profiles if p.emotion == "happiness"]
    said = {"yes": "yes, above-average heat on the mouth", "no": "no, below-average heat there"}
    expected = " ".join(said.get(answer, answer) for answer in answers)
    assert f"The simple table of many guides: mouth {expected}" in text
    assert "cheek raiser (AU 6) and lip corner puller (AU 12)" in text


def test_few_images_are_not_shaded(published: Published) -> None:
    section = by_id(page(published, "emotions/fear.html"), "regions")
    text = words(section)
    assert "too few images" in text and "Enrichment with" not in text
    models = [svg for svg in section.iter(f"{SVG}svg") if svg.get("role") == "img"][:2]
    for svg in models:
        assert {path.get("class") for path in svg.iter(f"{SVG}path")} == {"unknown", "line"}


@pytest.mark.parametrize(
    ("action", "name"),
    [("mouthSmileLeft", "mouth smile, left"), ("jawOpen", "jaw open"), ("_neutral", "neutral face"),
     ("jawLeft", "jaw left"), ("browOuterUpRight", "brow outer up, right")],
)  # fmt: skip
def test_actions_are_said_in_words(action: str, name: str) -> None:
    assert action_name(action) == name


def test_actions_shown_are_the_clear_ones(published: Published, report: Report) -> None:
    clear = [a for a in found(report).actions if a.emotion == "happiness" and a.model == "" and a.clear]
    assert {"mouthSmileLeft", "browDownRight"} <= {a.action for a in clear}
    section = by_id(page(published, "emotions/happiness.html"), "actions")
    table = next(section.iter(f"{XHTML}table"))
    rows = [words(row) for row in table.iter(f"{XHTML}tr")][1:]
    expected = sorted(clear, key=lambda a: -abs(a.effect.value))[:5]
    assert rows == [
        f"{action_name(a.action).capitalize()} {a.effect.value:+.2f} "
        f"[{a.effect.low:+.2f}, {a.effect.high:+.2f}]".replace("-", "−")
        for a in expected
    ]


def test_patches_say_what_and_where(published: Published, report: Report) -> None:
    site = published.site
    root = page(published, "emotions/happiness.html")
    tiles = [element for element in root.iter(f"{XHTML}img") if "/patch-" in element.get("src", "")]
    assert 2 <= len(tiles) <= 12
    ids = report.analysis.images["image_id"].tolist()
    for tile in tiles:
        said = re.fullmatch(
            r"Patch of image (\w+) at the peak of (Custom CNN|ResNet18)'s map for happiness: ([a-z ]+)",
            tile.get("alt", ""),
        )
        assert said is not None
        row = ids.index(said[1])
        k = [model.name for model in report.analysis.models].index(said[2])
        assert report.analysis.labels[row] == report.analysis.models[k].predicted[row] == 2
        region = REGIONS[int(found(report).measures[k].own.peak_region[row])]
        assert said[3] == region.replace("+", " and ")
        assert (site / "emotions" / tile.get("src", "")).is_file()


def test_every_takeaway_is_shown_with_its_numbers(published: Published, report: Report) -> None:
    section = by_id(page(published, "method.html"), "takeaways")
    rows = [words(row) for row in section.iter(f"{XHTML}tr")][1:]
    claims = found(report).claims
    assert len(rows) == len(claims)
    for claim in claims:
        matching = [
            row
            for row in rows
            if f" {ANSWER_WORDS[claim.answer]}" in row and claim.model in row and f"{claim.result.n} im" in row
        ]
        if claim.result.value == claim.result.value:
            shown = {f"{claim.result.value:.{digits}f}".replace("-", "−") for digits in (2, 3)}
            matching = [row for row in matching if any(value in row for value in shown)]
        assert matching, claim
    models = words(page(published, "models.html"))
    assert "Claims of heatmap guides, tested here" in models


def test_the_guide_says_how_often_and_repeats_no_claim_that_was_tested(
    published: Published, report: Report, variants: dict[str, Published]
) -> None:
    section = by_id(page(published, "method.html"), "guide")
    rows = [words(row) for row in section.iter(f"{XHTML}tr")][1:]
    patterns = found(report).patterns
    spread = next(row for row in rows if row.startswith("Heat spread evenly"))
    for one in (pattern for pattern in patterns if pattern.kind == "diffuse"):
        assert re.search(rf"{one.model}: \d+ % \[\d+, \d+\] {len(one.images)} of {one.total}", spread)
    for claim in found(report).claims:
        if claim.kind == "uncertain":
            assert ANSWER_WORDS[claim.answer] in spread and claim.model in spread.partition("here that")[2]
    plain = words(by_id(page(variants["regions not measured"], "method.html"), "guide"))
    assert "measured here" not in plain and "uncertain prediction: compare with the confidence" in plain


def test_the_contents_lead_to_the_sections_that_are_there(variants: dict[str, Published]) -> None:
    for published in variants.values():
        root = page(published, "method.html")
        nav = next(one for one in root.iter(f"{XHTML}nav") if one.get("aria-label") == "On this page")
        anchors = [(link.get("href") or "").removeprefix("#") for link in nav.iter(f"{XHTML}a")]
        assert anchors == [one.get("id") for one in root.iter(f"{XHTML}section")]


def test_the_method_page_counts_where_regions_come_from(published: Published, report: Report) -> None:
    text = words(by_id(page(published, "method.html"), "regions"))
    faces = report.analysis.faces
    assert faces is not None
    for source, said in (("detector", "face found"), ("whole", "no face detected"), ("template", "no landmarks")):
        n = faces.regions_from.count(source)
        assert f"{n} image{'' if n == 1 else 's'} {said}" in text
    # The constructed masks cover whole cells, so nothing spills.
    assert re.search(r"mouth 100\s%", text)


def test_the_means_say_how_many_are_left_out(published: Published, report: Report) -> None:
    faces = report.analysis.faces
    assert faces is not None
    text = words(page(published, "emotions.html"))
    assert f"Without {faces.source.count('template')} images that have no landmarks of their own" in text
    text = words(page(published, "emotions/anger.html"))
    means = text[text.index("Mean maps.") : text.index("Single images.")]
    assert "each image on a scale of its own" not in means and "one scale per model" in means


def test_the_forest_plot_shows_the_profiles(published: Published, report: Report) -> None:
    root = page(published, "models/resnet18.html")
    pictures = list(by_id(root, "regions").iter(f"{XHTML}img"))
    assert [e.get("class") for e in pictures] == ["only-light", "only-dark"]
    assert "anger, happiness" in pictures[0].get("alt", "")
    text = (published.site / "models" / pictures[0].get("src", "")).read_text(encoding="utf-8")
    for word in (
        "anger",
        "happiness",
        "eyes and brows",
        "cheeks and jaw",
        "forehead",
        "background",
        "enrichment: enrichment, 1 = average heat",
    ):
        assert f">{word}<" in text
    assert ">fear<" not in text


def test_means_of_few_images_are_faded(published: Published) -> None:
    for name in ("emotions/fear.html", "emotions.html", "models/custom-cnn.html"):
        root = page(published, name)
        faded = [element for element in root.iter() if "few" in (element.get("class") or "").split()]
        assert faded
        for tile in faded:
            n = re.search(r"(?:n = )?(\d+)(?: images)?, too few for a mean", words(tile))
            assert n is not None and int(n[1]) < 10
    assert "few" not in {e.get("class") for e in page(published, "emotions/happiness.html").iter(f"{XHTML}figure")}


def test_the_region_table_says_undetermined_by_a_sign_with_a_key(published: Published, report: Report) -> None:
    section = by_id(page(published, "emotions/anger.html"), "regions")
    table = next(t for t in section.iter(f"{XHTML}table") if "region-list" in t.get("class", ""))
    assert "inconclusive" not in words(table)
    signs = [e for e in table.iter() if e.get("class") == "unsure"]
    assert {(e.text, e.get("role"), e.get("aria-label")) for e in signs} == {("?", "img", "inconclusive")}
    assert "? inconclusive." in words(section)
    n = found(report).verdicts[0].n
    blank = int((found(report).measures[0].own.null_map & (report.analysis.labels == 0)).sum())
    assert blank == 1 and f"{n} of {n + blank} images, 1 blank map left out" in words(section)
    guessed = sum(
        source == "template" and label == 0
        for source, label in zip(report.analysis.faces.regions_from, report.analysis.labels, strict=True)  # type: ignore[union-attr]
    )
    assert f"leaves out {guessed} image{'' if guessed == 1 else 's'} more" in words(section)


def test_the_forest_plot_stands_beside_its_table(published: Published, report: Report) -> None:
    section = by_id(page(published, "models/resnet18.html"), "regions")
    rows = [words(row) for row in next(section.iter(f"{XHTML}table")).iter(f"{XHTML}tr")][1:]
    profiles = {p.emotion: p for p in found(report).profiles if p.model == "ResNet18"}
    assert len(rows) == 2 * len(PANELS)
    for row, (emotion, region) in zip(rows, product(("anger", "happiness"), PANELS), strict=True):
        value = profiles[emotion].regions[REGIONS.index(region)]
        assert row.startswith(f"{emotion} {REGION_NAMES[region]} {value.value:.2f} [{value.low:.2f}, {value.high:.2f}]")


def test_tables_can_be_downloaded(published: Published, report: Report) -> None:
    tables = {name: table for found, _ in report_tables(report) for name, table in found.items()}
    method = page(published, "method.html")
    links = {element.get("href") for element in method.iter(f"{XHTML}a")}
    for name in ("emotion_regions", "verdicts", "claims", "patterns", "actions"):
        path = f"downloads/{name}.csv"
        assert path in links and path in DESCRIPTIONS
        rows = list(csv.DictReader(io.StringIO((published.site / path).read_text(encoding="utf-8"))))
        assert len(rows) == len(tables[name])
        assert list(rows[0]) == list(tables[name].columns)
    rows = list(csv.DictReader(io.StringIO((published.site / "downloads/emotion_regions.csv").read_text())))
    for row, value in zip(rows, tables["emotion_regions"]["enrichment"], strict=True):
        assert row["enrichment"] == ("" if value != value else f"{value:.6g}")
    columns = list(csv.DictReader(io.StringIO((published.site / "downloads/table_columns.csv").read_text())))
    described = {(row["table"], row["column"]) for row in columns}
    assert {("claims", column) for column in tables["claims"].columns} <= described


def test_large_tables_stay_behind(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_LARGEST", 20_000)
    files = downloads._tables(report_tables(report))
    assert "downloads/claims.csv" in files and "downloads/statistics.csv" not in files


def test_persons_are_counted_where_they_are_known(report: Report) -> None:
    findings = found(report)
    n = next(v.n for v in findings.verdicts if (v.model, v.emotion, v.kind) == ("ResNet18", "anger", "on face"))
    assert counted_text(Attention(findings), "ResNet18", "anger") == f"{n} images"
    known = replace(findings, verdicts=tuple(replace(v, persons=7) for v in findings.verdicts))
    assert counted_text(Attention(known), "ResNet18", "anger") == f"7 persons on {n} images"
