"""What stands at the top of the report: the largest damage, its cost and its cause, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import html5lib
import pytest

from reportgen.config import Config
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.shortcuts.causes import Cause, PhotoSource
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.progress import SilentProgress
from reportgen.site.links import Links
from reportgen.site.publish import publish
from reportgen.site.report import Report
from reportgen.site.wording.damages import cause_sentence, damage_headline, inseparable, leading_claim
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.next_steps import next_steps

XHTML = "{http://www.w3.org/1999/xhtml}"
COLOUR = Cause("colour", 1, "in colour", "grey", 143, 1908, None, 8, 1276, False, 0.0, (("happiness", 27, 31),))
SOURCE = PhotoSource("JPEG quality", ("75",), 143, 1)


def said(text: str) -> str:
    return text.replace("\u202f", " ")


@pytest.fixture
def by_colour(report: Report) -> Report:
    """Nothing is proved but colour for happiness; what it goes with is known."""
    assert report.shortcuts is not None
    cause = replace(COLOUR, source=SOURCE, few_persons=True)
    return replace(report, shortcuts=replace(report.shortcuts, causes=(cause,)), importance=None, components=None)


def test_the_largest_damage_leads_and_the_rest_follows(report: Report) -> None:
    """Swapped backgrounds cost Custom CNN all predictions of anger, greyscale some of happiness."""
    found = headline(report)
    assert found.text == leading_claim(report) == "Custom CNN relies on the background for anger."
    assert found.lede.startswith("With another emotion's background, recall of anger falls by ")
    assert found.lede.endswith("Next: Custom CNN relies on colour for happiness.")
    sizes = [damage.size for damage in report.damages]
    assert sizes == sorted(sizes, reverse=True) and report.damages[0].emotion == "anger"
    answer = answer_questions(report, Links(report, ()))[0]
    assert answer.lead == "Yes, for anger and happiness (Custom CNN)."


def test_the_cause_stands_below_the_cue(by_colour: Report) -> None:
    found = headline(by_colour)
    (shortcut,) = by_colour.shortcuts.found  # type: ignore[union-attr]
    lede = said(found.lede)
    assert found.text == "Custom CNN relies on colour for happiness."
    before, after = (f"{100 * part.value:.0f} %" for part in (shortcut.before, shortcut.after))
    assert f"recall falls from {before} to {after} for Custom CNN (" in lede
    assert "All 143 photos in colour come from a source of their own and show 8 persons." in lede
    assert "JPEG quality" not in lede  # the page of shortcuts tells how the source was found
    assert "Custom CNN is correct on " in lede and " of these photos and on " in lede and " of the others." in lede


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (replace(COLOUR, few_persons=True), "All 143 photos in colour show 8 persons (the others 1,276)."),
        (replace(COLOUR, copies=0.755), "All 143 photos in colour are mostly copies of one another (76 %)."),
        (
            replace(COLOUR, source=replace(SOURCE, having=140)),
            "140 of 143 photos in colour come from a source of their own. Only these, and one other photo, have JPEG "
            "quality 75.",
        ),
        (
            replace(COLOUR, source=replace(SOURCE, lacking=0)),
            "All 143 photos in colour come from a source of their own. Only these have JPEG quality 75.",
        ),
        (
            replace(COLOUR, source=PhotoSource("JPEG tables", ("1a2b3c4d",), 143, 0)),
            "All 143 photos in colour come from a source of their own. Only these have encoder settings 1a2b3c4d.",
        ),
        (
            replace(COLOUR, source=replace(SOURCE, values=("75", "80"), lacking=12)),
            "All 143 photos in colour come from a source of their own. Only these, and 12 of the 1,908 others, have "
            "JPEG quality 75 or 80.",
        ),
    ],
)  # fmt: skip
def test_a_cause_in_words(report: Report, cause: Cause, text: str) -> None:
    assert said(cause_sentence(report, cause)) == text


@pytest.mark.parametrize(
    ("cause", "together"),
    [
        (replace(COLOUR, few_persons=True), "Colour and 8 persons"),
        (replace(COLOUR, few_persons=True, source=SOURCE), "Colour, the source and 8 persons"),
        (replace(COLOUR, few_persons=True, persons_having=1), "Colour and one person"),
        (replace(COLOUR, source=SOURCE), "Colour and the source"),
        (COLOUR, ""),  # persons are known, but many, so nothing is said of them
        (replace(COLOUR, copies=0.9), ""),
    ],
)
def test_what_cannot_be_told_apart_is_said_only_where_it_goes_together(cause: Cause, together: str) -> None:
    said = f"{together} go together: no comparison of groups can tell which of them makes the gap."
    assert inseparable(cause) == (said if together else "")


def test_evidence_of_a_step_stands_where_its_link_leads(by_colour: Report, tmp_path: Path) -> None:
    """The cause, the persons and the property each have a place of their own on the page of shortcuts."""
    named = by_colour.analysis.images.assign(person=[f"person {row % 9}" for row in range(len(by_colour.labels))])
    known = replace(by_colour, analysis=replace(by_colour.analysis, images=named))
    site = publish(known, tmp_path, Config(), SilentProgress()).site
    hrefs = {step.title: step.link.href for step in next_steps(known, Links(known, ()))}
    root = html5lib.parse((site / "shortcuts.html").read_text(encoding="utf-8"))
    parts = {one.get("id"): " ".join(one.itertext()) for one in root.iter() if one.get("id")}
    told = {
        "Balance the sources.": "come from a source of their own",
        "Split by person.": "persons, with their photos: ",
        "Train on greyscale images.": "Custom CNN relies on colour for happiness",
    }
    for title, words in told.items():
        page, _, anchor = hrefs[title].partition("#")
        assert page == "shortcuts.html" and words in parts[anchor], title
    assert len({hrefs[title] for title in told}) == 3
    # Each person with the photos that have the property, most first, and all of them together.
    listed = said(parts["photos-in-colour-persons"]).split(": ")[1].rstrip(". ")
    counts = [int(part.split()[-1]) for part in listed.split(",")]
    has = next(item for item in known.properties if item.name == "colour").value == 1.0
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == int((has & (known.labels >= 0)).sum()) and "person 3" in listed


def test_the_answers_lead_to_scores_and_calibration(by_colour: Report) -> None:
    answers = answer_questions(by_colour, Links(by_colour, ()))
    assert answers[0].link.href == "shortcuts.html#found"
    assert answers[-1].link.href == "models.html"  # of one model, its own page
    assert answers[-1].more is not None and answers[-1].more.href.endswith(".html#calibration")


def test_what_to_do_follows_from_the_cause_before_the_cue(by_colour: Report) -> None:
    titles = [step.title for step in next_steps(by_colour, Links(by_colour, ()))]
    assert titles[titles.index("Balance the sources.") :][:3] == [
        "Balance the sources.", "Split by person.", "Train on greyscale images.",
    ]  # fmt: skip
    assert by_colour.shortcuts is not None
    alone = replace(by_colour, shortcuts=replace(by_colour.shortcuts, causes=(COLOUR,)))
    assert "Train on greyscale images." in [step.title for step in next_steps(alone, Links(alone, ()))]
    assert "Balance the sources." not in [step.title for step in next_steps(alone, Links(alone, ()))]


def test_leakage_leads_where_it_costs_most_and_stands_beside_the_accuracy(by_colour: Report) -> None:
    inflated = Leakage("ResNet18", wilson(19, 20), wilson(10, 21), Estimate(0.3, 0.2, 0.4, 41))
    leaky = replace(by_colour, leakages=(inflated,))
    found = headline(leaky)
    assert found.text == "The accuracy of ResNet18 is inflated: training leaked into the test set."
    assert said(found.lede).startswith("ResNet18 is correct on 95 % ")
    assert "inflated by 30 percentage points (95 % interval 20 to 40)" in found.lede
    assert found.lede.endswith("Next: Custom CNN relies on colour for happiness.")
    answer = answer_questions(leaky, Links(leaky, ()))[-1]
    assert "its accuracy is inflated by 30 percentage points" in answer.note
    small = replace(by_colour, leakages=(replace(inflated, inflation=Estimate(0.02, 0.01, 0.03, 41)),))
    assert headline(small).text == "Custom CNN relies on colour for happiness."
    assert "the accuracy of ResNet18 is inflated, as training leaked into the test set" in headline(small).lede


def test_nothing_proved_is_no_such_headline(report: Report) -> None:
    innocent = replace(report, shortcuts=None, importance=None, components=None, attention=None)
    assert damage_headline(innocent, "") is None and leading_claim(innocent) == ""


def test_the_first_page_shows_photos_with_the_cue_and_without(by_colour: Report, tmp_path: Path) -> None:
    page = publish(by_colour, tmp_path, Config(), SilentProgress()).site / "index.html"
    root = html5lib.HTMLParser(strict=True).parse(page.read_text(encoding="utf-8"))
    (strip,) = [one for one in root.iter() if one.get("data-before-after") is not None]
    pictures = [one.get("src") or "" for one in strip.iter(f"{XHTML}img")]
    assert len(pictures) == 8 and all((page.parent / path).is_file() for path in pictures)
    assert all(
        "-unchanged-" in one and "-grey-" in other for one, other in zip(pictures[::2], pictures[1::2], strict=True)
    )
    assert "Predictions: Custom CNN." in " ".join(strip.itertext())
