"""What would flip a prediction, in words and as a strip: every outcome says what was tried and what was not."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest

from reportgen.evidence.errors.flips import ActionChange, FlipCase, FlipResult, FlipStep
from reportgen.site.publish import Published
from reportgen.site.report import Report
from reportgen.site.sections.errors.flip_sets import flip_section
from reportgen.site.wording.errors.flip_sets import (
    action_changes,
    flip_in_short,
    flip_sentence,
    flip_steps,
    summary_sentence,
)


def parse(path: Path) -> ElementTree.Element:
    return html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))


def text(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext()))


def by_class(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [one for one in element.iter() if name in (one.get("class") or "").split()]


REPORT: Any = SimpleNamespace(classes=("happiness", "neutral"))
CASE = FlipCase(0, 1, 0, error=True, drawn=True, shown=True, donor=1)
START = FlipStep("", 0.12, 0.8, -2.0, 1)


def result(outcome: Any, *steps: tuple[str, float], alone: tuple[str, ...] = ()) -> FlipResult:
    made = tuple(FlipStep(region, p, 1 - p, 0.0, int(p < 0.5)) for region, p in steps)
    regions = tuple(region for region, _ in steps) if outcome == "set" else ()
    return FlipResult(CASE, outcome, regions, (START, *made), alone)


NONE = "No single region of a face labelled happiness makes the model predict happiness"
BOTH = "With the mouth and the eyes and brows of a face labelled happiness, happiness is predicted: "
SENTENCES = (
    (
        result("set", ("mouth", 0.81), alone=("mouth", "nose")),
        "With the mouth of a face labelled happiness, happiness is predicted: its probability goes from 12 % to 81 %. "
        "The nose alone would do, too.",
    ),
    (
        result("set", ("mouth", 0.4), ("eyes+brows", 0.6)),
        f"{BOTH}its probability goes from 12 % to 60 %. No single region is enough.",
    ),
    (
        result("more", ("all", 0.9)),
        f"{NONE}, and no two or three; all six together do (its probability goes from 12 % to 90 %).",
    ),
    (
        result("none", ("all", 0.3)),
        f"{NONE}, and not even all six together do (its probability goes from 12 % to 30 %). What stays is light, "
        "colour and the head's shape.",
    ),
    (result("open"), f"{NONE}; more regions at once were not tried."),
    (
        result("open", ("all", 0.9)),
        f"{NONE}; all six together do (its probability goes from 12 % to 90 %). Whether two or three are enough was "
        "not looked for to the end.",
    ),
)


@pytest.mark.parametrize(("found", "sentence"), SENTENCES)
def test_a_sentence_says_what_it_takes(found: FlipResult, sentence: str) -> None:
    assert flip_sentence(REPORT, found).replace("\u202f", " ") == sentence


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (result("set", ("mouth", 0.4), ("eyes+brows", 0.6)), "What flips it: the mouth and the eyes and brows of"),
        (result("none", ("all", 0.2)), "Not even all six regions of a face labelled happiness flip it."),
        (result("more", ("all", 0.8)), "and no two or three of them."),
        (result("open", ("all", 0.8)), "No single region of a face labelled happiness flips it; all six together do."),
        (result("open"), "No single region of a face labelled happiness flips it."),
    ],
)
def test_a_card_says_in_short_what_it_takes(found: FlipResult, told: str) -> None:
    assert told in flip_in_short(REPORT, found)


def test_steps_and_actions_are_told_with_their_numbers() -> None:
    found = result("set", ("mouth", 0.4), ("eyes+brows", 0.6))
    assert flip_steps(REPORT, found) == [
        ("as it is", "happiness 12\u202f%"),
        ("with the mouth", "happiness 40\u202f%"),
        ("and the eyes and brows", "happiness 60\u202f%"),
    ]
    changes = (ActionChange("mouthSmile", 0.05, 0.625), ActionChange("browDown", 0.4, 0.0))
    assert (
        action_changes(changes, "this face") == "lip corners up .63 (this face .05) and brows down .00 (this face .40)"
    )


def test_the_page_has_a_row_for_every_pair_and_cards_and_images_have_strips(
    report: Report, published: Published
) -> None:
    assert report.flips is not None and report.flips.summaries
    page = parse(published.site / "errors.html")
    (table,) = by_class(page, "flip-table")
    assert len(list(table.iter("{http://www.w3.org/1999/xhtml}tr"))) == 1 + len(report.flips.summaries)
    section = flip_section(report)
    assert section is not None and section.leads and re.sub(r"\s+", " ", section.leads[0]) in text(page)
    strips = by_class(page, "flip-strip")
    assert strips and all(by_class(strip, "thumb") for strip in strips)
    slug, flips = next(iter(report.flips.flips.items()))
    row = next(row for row in flips if row in report.mined.images)
    image = parse(published.site / "images" / f"{report.ids[row]}.html")
    assert re.sub(r"\s+", " ", flip_sentence(report, flips[row])) in text(image), slug


def test_the_repeated_region_is_told_beside_its_control(report: Report) -> None:
    assert report.flips is not None
    told = [one for one in report.flips.summaries if one.again is not None and one.control is not None]
    for one in told:
        assert one.again is not None and one.control is not None
        sentence, n = summary_sentence(report, one), one.control.n
        hits = round(one.control.value * n)
        assert sentence.startswith(f"{one.model}: ") and f"in {round(one.again.value * one.again.n)} of " in sentence
        assert f" of a face labelled {one.current} in {hits or 'none'} of {n}" in sentence
        assert sentence.endswith(" (inconclusive).") is not one.clear
    assert told
