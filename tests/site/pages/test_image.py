"""One image's page: the photo's properties in words, and room for any name on a phone."""

from __future__ import annotations

import math
import re
from typing import Any

import html5lib
import numpy as np
import pytest

from reportgen.evidence.shortcuts.properties import photo_properties
from reportgen.inputs.images.quality import QUALITY_COLUMNS
from reportgen.site.publish import Published
from reportgen.site.report import Report
from reportgen.site.wording.photos import photo_facts

XHTML = "{http://www.w3.org/1999/xhtml}"
NAN = float("nan")


def facts_of(report: Report, row: int) -> dict[str, str]:
    return dict(photo_facts(photo_properties(report.analysis.images), row, (50, 40), "JPEG", 75.0))


def test_properties_are_named_and_placed_in_the_set(published: Published, report: Report) -> None:
    page = next(iter(sorted((published.site / "images").glob("*.html"))))
    root = html5lib.HTMLParser(strict=True).parse(page.read_text(encoding="utf-8"))
    listed = next(e for e in root.iter(f"{XHTML}dl") if any(d.text == "File" for d in e.iter(f"{XHTML}dt")))
    facts = {d[0].text: d[1].text or "" for d in listed}
    row = report.analysis.images["image_id"].tolist().index(page.stem)
    assert {"Colour", "Brightness", "Contrast", "Sharpness", "Size", "Format"} <= set(facts)
    assert not {*QUALITY_COLUMNS, "format", "jpeg_quality", "Content", "Decoding"} & set(facts)
    # No number of many digits, and no hash.
    assert not re.search(r"\d\.\d{3}|[0-9a-f]{12}", " ".join(facts.values()))
    sharp = report.analysis.images["sharpness"].to_numpy()
    below, above = float(np.mean(sharp < sharp[row])), float(np.mean(sharp > sharp[row]))
    word, share = ("sharper", below) if below >= above else ("softer", above)
    assert facts["Sharpness"] == f"{word} than {100 * share:.0f}\u202f% of the photos"


def test_what_most_photos_have_is_no_rank(report: Report) -> None:
    images = report.analysis.images
    coloured = images["colourfulness"] > 0
    one, other = int(np.flatnonzero(coloured)[0]), int(np.flatnonzero(~coloured)[0])
    assert facts_of(report, one)["Colour"] == f"in colour, like {100 * coloured.mean():.0f}\u202f% of the photos"
    assert facts_of(report, other)["Colour"] == f"grey, like {100 * (~coloured).mean():.0f}\u202f% of the photos"
    assert "Colourfulness" in facts_of(report, one) and "Colourfulness" not in facts_of(report, other)
    assert facts_of(report, one)["Format"] == "JPEG, quality about 75 of 100"


def test_a_set_of_one_photo_and_unknown_properties(report: Report) -> None:
    single = report.analysis.images.head(1).assign(sharpness=NAN)
    facts = dict(photo_facts(photo_properties(single), 0, (50, 40), "", NAN))
    assert facts["Size"] == "50 × 40 pixels, the only photo"
    assert not {"Sharpness", "Format"} & set(facts)
    assert not any(re.search(r"\bnan\b", value) for value in facts.values()) and math.isnan(NAN)


@pytest.mark.browser
def test_a_long_file_name_does_not_widen_the_page(
    browser: Any, make_report: Any, publish_report: Any, tmp_path: Any
) -> None:
    long = "a_photo_whose_name_tells_the_whole_story_of_how_and_where_and_by_whom_it_was_taken"
    made = make_report(models=("Only",), path=lambda row: f"images/{long}_{row:03d}.png")
    site = publish_report(made, tmp_path, zip=False).site
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    pages = sorted((site / "images").glob("*.html"))
    for path in (pages[0], pages[len(pages) // 2], pages[-1]):
        page.goto(path.resolve().as_uri())
        for width in (390, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path.name} at {width}"
    context.close()
