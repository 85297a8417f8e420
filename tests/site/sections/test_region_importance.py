"""What the models use, as shown: every number on the pages is one of the records, every picture one of the test's."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import html5lib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.config import Config
from reportgen.evidence.attention.human_reference import HUMAN
from reportgen.evidence.importance.background import decisive
from reportgen.evidence.importance.findings import ImportanceFindings
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.importance.trust import TrustCheck, TrustGrade
from reportgen.evidence.performance.margins import log_odds
from reportgen.faces.transplant import TRANSPLANTED, Portrait, transplant
from reportgen.progress import SilentProgress
from reportgen.site.links import Links
from reportgen.site.pictures.drawing import Drawn
from reportgen.site.pictures.overlays import resize
from reportgen.site.pictures.transplants import draw_worked_examples, shown_cells, typical_pair
from reportgen.site.plots.importance_forest import importance_plot, importance_rows
from reportgen.site.plots.style import DARK, LIGHT, in_dark
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report
from reportgen.site.report_tables import report_tables
from reportgen.site.sections import patterns as views_patterns
from reportgen.site.sections.patterns import pattern_rows
from reportgen.site.sections.region_importance import ImportancePictures, ImportanceSection, importance_section
from reportgen.site.sections.transplants import transplant_method
from reportgen.site.sections.trust import TrustPanel, trust_panel
from reportgen.site.tiles import Tiles
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import format_p, points, signed
from reportgen.site.wording.importance import (
    STATUS_WORDS,
    background_numbers,
    background_sentence,
    barrier_words,
    fall_of,
    importance_basis,
    importance_sentence,
    swapped_as,
)
from reportgen.site.wording.models import check_sentence, check_value, grade_sentence

XHTML = "{http://www.w3.org/1999/xhtml}"
NAN = float("nan")


def page(published: Published, name: str) -> ElementTree.Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=True)
    return parser.parse((published.site / name).read_text(encoding="utf-8"))


def by_id(root: ElementTree.Element, value: str) -> ElementTree.Element:
    return next(element for element in root.iter() if element.get("id") == value)


def ids(root: ElementTree.Element) -> set[str | None]:
    return {element.get("id") for element in root.iter()}


def words(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", " ".join(element.itertext())).strip()


def found(report: Report) -> ImportanceFindings:
    assert report.importance is not None
    return report.importance


def an_importance(emotion: str, region: str, gap: float, answer: Any = "yes", **more: Any) -> RegionImportance:
    values: dict[str, Any] = {
        "model": "ResNet18", "emotion": emotion, "region": region, "answer": answer, "drop": gap, "low": gap - 0.1,
        "high": gap + 0.1, "recall_drop": 0.1, "p": 0.001 if answer in ("yes", "no") else 0.4, "receivers": 8,
        "persons": 8, "donors": 16, "by_donor": (NAN, NAN, NAN, NAN),
    }  # fmt: skip
    return RegionImportance(**{**values, **more})


@pytest.fixture
def changed(report: Report) -> Callable[[ImportanceFindings], Report]:
    """The small report with other findings."""
    return lambda importance: replace(report, importance=importance)


def section_of(report: Report, k: int) -> ImportanceSection | None:
    return importance_section(report, Links(report, ()), k, ImportancePictures())


def panel_of(report: Report, k: int) -> TrustPanel | None:
    return trust_panel(report, Links(report, ()), k)


def test_the_table_is_the_records(published: Published, report: Report) -> None:
    for model, name in (("Custom CNN", "custom-cnn"), ("ResNet18", "resnet18")):
        section = by_id(page(published, f"models/{name}.html"), "use")
        table = next(t for t in section.iter(f"{XHTML}table") if "uses" in t.get("class", ""))
        rows = [words(row) for row in table.iter(f"{XHTML}tr")][1:]
        uses = [u for u in found(report).regions if u.model == model and u.emotion in ("anger", "happiness")]
        assert len(rows) == len(uses) == 12
        for row, matched in zip(rows, uses, strict=True):
            importance = decisive(matched)  # as in the matrix whose cells lead here
            place = f"{importance.emotion} {REGION_NAMES[importance.region]}{swapped_as(importance)}"
            assert row.startswith(f"{place} ")
            if importance.answer == "cannot be tested":
                assert "× cannot be tested – – – – –" in row
                continue
            assert f"{signed(importance.drop)} [{signed(importance.low)}, {signed(importance.high)}]" in row
            assert f" {points(importance.recall_drop, 0)} " in row
            assert format_p(importance.p) in row
            assert f"{importance.receivers} faces, {importance.persons} persons {importance.donors}" in row
            if matched.unmatched is not None:
                other = matched if importance is matched.unmatched else matched.unmatched
                assert f": {signed(other.drop)}, " in row.rpartition("persons")[2]


def fall(importance: RegionImportance) -> str:
    return f"odds fall by {fall_of(importance.drop)}".replace("\u202f", " ")


def test_the_constructed_truth_is_said(published: Published, report: Report) -> None:
    text = words(by_id(page(published, "models/custom-cnn.html"), "use"))
    importance = {(u.model, u.emotion, u.region): u for u in found(report).regions}
    background = importance["Custom CNN", "anger", "background"]
    assert background.answer == "yes" and f"the background for anger ({fall(background)})" in text
    # The first model is shown to predict anger from the background and happiness from colour: no claim on its faces.
    assert all(u.answer == "cannot be tested" for (model, _, region), u in importance.items()
               if model == "Custom CNN" and region != "background" and u.barrier)  # fmt: skip
    both = ("anger", "happiness")
    assert {importance["Custom CNN", emotion, "mouth"].barrier for emotion in both} == {"shortcut"}
    why = barrier_words(importance["Custom CNN", "anger", "mouth"], both)
    assert f"Cannot be tested: {' and '.join(both)}, as {why}." in text
    assert "Not tested: fear and neutral, with fewer than 6 faces" in text
    # What counts as cheating stands at the top of the section, and once.
    cheated = next(b for b in found(report).backgrounds if b.cheating)
    numbers, sentence = (re.sub(r"\s+", " ", said(cheated)) for said in (background_numbers, background_sentence))
    assert text.count(numbers) == 1 and sentence not in text
    # For the second, happiness hangs on the mouth, and on the forehead only with the donors' own colour and light.
    text = words(by_id(page(published, "models/resnet18.html"), "use"))
    assert f"the mouth for happiness ({fall(importance['ResNet18', 'happiness', 'mouth'])})" in text
    assert "The forehead for happiness" in text and "through colour, not content" in text


def test_every_donor_emotion_has_its_cell(published: Published, report: Report) -> None:
    section = by_id(page(published, "models/resnet18.html"), "use")
    tables = [t for t in section.iter(f"{XHTML}table") if "confusion" in t.get("class", "")]
    assert [words(t.find(f"{XHTML}caption")) for t in tables] == [REGION_NAMES[r] for r in TRANSPLANTED]  # type: ignore[arg-type]
    uses = {(u.emotion, u.region): u for u in found(report).regions if u.model == "ResNet18"}
    made = found(report).swaps["resnet18"]
    for table, region in zip(tables, TRANSPLANTED, strict=True):
        for row in list(table.iter(f"{XHTML}tr"))[1:]:
            head, *cells = list(row)
            importance = uses[words(head), region]
            assert [words(cell) for cell in cells] == [signed(gap) for gap in importance.by_donor]
            for d, (cell, gap) in enumerate(zip(cells, importance.by_donor, strict=True)):
                if math.isfinite(gap):
                    e = report.analysis.classes.index(importance.emotion)
                    n = int((made.design.iloc[made.places(e, region)]["donor_emotion"] == d).sum())
                    assert f"{n} pictures" in cell.get("title", "")
                    assert cell.get("class") == f"s{min(10, math.ceil(max(gap, 0) * 5))}"


def test_heat_is_held_against_use(published: Published, report: Report) -> None:
    assert report.attention is not None
    for k, name in enumerate(("custom-cnn", "resnet18")):
        model = report.analysis.models[k].name
        section = by_id(page(published, f"models/{name}.html"), "regions")
        said = {}
        for row in section.iter(f"{XHTML}dl"):
            for div in row:
                head, places = list(div)
                for place in words(places).split("; "):
                    where, _, emotions = place.partition(" for ")
                    region = next(r for r in TRANSPLANTED if where.removeprefix("the ") == REGION_NAMES[r])
                    for emotion in emotions.replace(" and ", ", ").split(", "):
                        said[emotion, region] = words(head).split(" it ")[0].split(" neither")[0].split(" too")[0]
        claimed = {
            (v.emotion, v.kind.removeprefix("on "))
            for v in report.attention.verdicts
            if v.model == model and v.answer == "yes" and v.kind in ("background", *(f"on {r}" for r in TRANSPLANTED))
        }
        assert set(said) == claimed
        for (emotion, region), status in said.items():
            assert status == found(report).status(model, emotion, region)


def test_rows_of_the_forest_are_the_tested_emotions(report: Report) -> None:
    rows = importance_rows([u for u in found(report).regions if u.model == "ResNet18"], report.analysis.classes)
    assert [row.emotion for row in rows] == ["anger", "happiness"]
    for row in rows:
        assert [importance.region for importance in row.regions] == list(TRANSPLANTED)
        assert [r for r, need in zip(TRANSPLANTED, row.people, strict=True) if need] == list(
            HUMAN[row.emotion].required
        )


def test_the_forest_fills_what_is_beyond_doubt_and_cuts_what_goes_on() -> None:
    def drawn(importance: RegionImportance, emotion: str = "joy") -> str:
        others = [an_importance(emotion, region, 0.0, "no") for region in TRANSPLANTED if region != importance.region]
        uses = sorted([importance, *others], key=lambda u: TRANSPLANTED.index(u.region))
        return importance_plot(importance_rows([replace(u, emotion=emotion) for u in uses], (emotion,)), 0, LIGHT)[
            0
        ].decode()

    hollow = f"fill: {LIGHT.paper}"
    assert drawn(an_importance("joy", "mouth", 1.0)).count(hollow) == 5
    assert drawn(an_importance("joy", "mouth", 1.0, "undetermined")).count(hollow) == 6
    # Too few faces: whatever p says.
    assert drawn(an_importance("joy", "mouth", 1.0, "insufficient evidence", p=0.001)).count(hollow) == 6
    # Both have the same axis: an interval may reach 1.6 times as far as the outermost point.
    plain, wide = (drawn(an_importance("joy", "mouth", 1.0, high=end)) for end in (1.6, 90.0))
    assert wide.count("<use") == plain.count("<use") + 1
    infinite = drawn(an_importance("joy", "mouth", 1.0, "insufficient evidence", low=-math.inf, high=math.inf, p=NAN))
    assert not re.search(r"\b(nan|inf)\b", infinite)
    # Only an emotion that people were studied for has their marks.
    own = an_importance("joy", "mouth", 1.0, high=1.6)
    assert drawn(own, "happiness").count("<use") == plain.count("<use") + len(HUMAN["happiness"].required)


def test_the_forest_comes_out_the_same_every_time_and_keeps_names_as_they_are(report: Report) -> None:
    rows = importance_rows([u for u in found(report).regions if u.model == "ResNet18"], report.analysis.classes)
    first, again, dark = (importance_plot(rows, 1, palette) for palette in (LIGHT, LIGHT, DARK))
    assert first == again
    # Inner names hang on the colours; for the rest a light figure in dark colours is the dark figure.
    inner = re.compile(rb"[mp][0-9a-f]{10}\b")
    assert first[1:] == dark[1:] and first[0] != dark[0]
    assert inner.sub(b"", in_dark(first[0])) == inner.sub(b"", dark[0])
    dollars = importance_plot([replace(rows[0], emotion="$x^2$ <&>")], 0, LIGHT)[0].decode()
    assert "$x^2$ &lt;&amp;&gt;" in dollars


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        # The strongest beyond doubt, even where a doubtful one is larger.
        ([("mouth", 1.0, "yes"), ("nose", 2.0, "undetermined"), ("background", 0.1, "no")], ["mouth", "background"]),
        ([("mouth", 0.1, "no"), ("nose", 0.9, "undetermined")], ["nose"]),
        ([("mouth", 0.9, "insufficient evidence"), ("nose", NAN, "insufficient evidence")], []),
    ],
)
def test_which_cells_are_worked(answers: list[tuple[str, float, str]], shown: list[str]) -> None:
    uses = [an_importance("joy", region, gap, answer) for region, gap, answer in answers]
    assert [importance.region for importance in shown_cells(uses)] == shown


def test_the_pair_nearest_the_mean_is_chosen_among_faces_read_correctly() -> None:
    cell = pd.DataFrame(
        [(0, 1, 0), (0, 1, 2), (0, 3, 0), (0, 3, 0), (0, 3, 2), (0, 5, 0)],
        columns=["emotion", "receiver", "donor_emotion"],
    )
    margin = np.array([2.0, 1.0, 3.0, 2.6, 1.5, 9.0])
    right = np.array([False, False, False, True, False, True])
    always, never = np.ones(6, dtype=bool), np.zeros(6, dtype=bool)
    # Receiver 3 (read correctly) offers 3.0 - 1.5 and 2.6 - 1.5; receiver 1 would be exact; receiver 5 has no other.
    assert typical_pair(cell, margin, always, right, 1.0) == (3, 4)
    assert typical_pair(cell, margin, always, right, 1.4) == (2, 4)
    # With its own emotion's donor in place 3 the answer is lost already.
    assert typical_pair(cell, margin, np.arange(6) != 3, right, 1.0) == (2, 4)
    assert typical_pair(cell, margin, never, right, 1.0) == (3, 4)
    assert typical_pair(cell, margin, always, never, 1.0) == (0, 1)
    own = cell["donor_emotion"] == 0
    assert typical_pair(cell[own], margin[own], always[own], right, 1.0) is None


def test_examples_show_the_tests_own_pictures_and_answers(published: Published, report: Report) -> None:
    faces, made = report.analysis.faces, found(report).swaps["resnet18"]
    assert faces is not None
    design, logits = made.design, made.logits
    saved: dict[str, bytes] = {}
    worked = draw_worked_examples(report, 1, saved.__setitem__)
    assert (worked[0].importance.emotion, worked[0].importance.region) == ("happiness", "mouth")
    section = words(by_id(page(published, "models/resnet18.html"), "transplants"))
    for one in worked:
        face, same, other = (
            Portrait(resize(report.load_image(row), 224, 224), faces.points[row])
            for row in (one.receiver, one.same.donor, one.other.donor)
        )
        assert one.same.emotion == one.emotion != one.other.emotion
        for exchange, donor in ((one.same, same), (one.other, other)):
            expected = transplant(face, donor, one.importance.region)
            with Image.open(io.BytesIO(saved[exchange.result.path])) as picture:
                difference = np.abs(np.asarray(picture.convert("RGB")).astype(int) - expected.astype(int))
            assert difference.mean() < 4  # lossy, no more
            place = np.flatnonzero(
                (design["receiver"] == one.receiver) & (design["donor"] == exchange.donor)
                & (design["region"] == one.importance.region) & (design["kind"] == "matched")
                & (design["emotion"] == one.emotion) & (design["donor_emotion"] == exchange.emotion)
            )  # fmt: skip
            assert exchange.odds.log_odds in log_odds(logits[place], np.full(len(place), one.emotion)).tolist()
            assert exchange.odds.probability == pytest.approx(1 / (1 + math.exp(-exchange.odds.log_odds)))
            assert f"log-odds {signed(exchange.odds.log_odds)}" in section
        gap = one.same.odds.log_odds - one.other.odds.log_odds
        assert f"(log-odds {abs(gap):.2f} {'lower' if gap >= 0 else 'higher'})" in section
        fall = f"{100 * (1 - math.exp(-one.importance.drop)):.0f} % ["
        assert f"they fall by {fall}" in section and f"(log-odds drop {signed(one.importance.drop)} [" in section
    for path, content in saved.items():
        assert (published.site / path).read_bytes() == content


def test_examples_come_out_the_same_every_time(report: Report) -> None:
    first: dict[str, bytes] = {}
    again: dict[str, bytes] = {}
    assert draw_worked_examples(report, 1, first.__setitem__) == draw_worked_examples(report, 1, again.__setitem__)
    assert first == again


def test_examples_hold_no_pixel_but_what_the_report_loads(report: Report) -> None:
    hidden = replace(report, load_image=lambda row: np.full((40, 50, 3), 90, dtype=np.uint8))
    saved: dict[str, bytes] = {}
    assert len(draw_worked_examples(hidden, 1, saved.__setitem__)) == 2
    for content in saved.values():
        with Image.open(io.BytesIO(content)) as picture:
            assert np.ptp(np.asarray(picture.convert("L")).astype(int)) <= 2


def test_hidden_faces_are_told(report: Report, tmp_path: Path) -> None:
    sites = [publish(report, tmp_path / p, Config(privacy=p, zip=False), SilentProgress()) for p in ("none", "outline")]
    plain, hidden = (by_id(page(site, "models/resnet18.html"), "transplants") for site in sites)
    assert "Faces are hidden in this report" in words(hidden) and "Faces are hidden" not in words(plain)
    pictures = [[img.get("src") for img in root.iter(f"{XHTML}img")] for root in (plain, hidden)]
    # The player's choices stand behind the two examples, three pictures each.
    assert len(pictures[0]) == len(pictures[1]) and not set(pictures[0]) & set(pictures[1])
    assert len(pictures[0]) > 12 and len(pictures[0]) % 3 == 0


def test_without_the_test_the_page_says_so(variants: dict[str, Published]) -> None:
    root = page(variants["use not tested"], "models/resnet18.html")
    assert "Not tested: this report was made with “experiments off”" in words(by_id(root, "use"))
    trust = words(by_id(root, "trust"))
    assert "Not graded" in trust and "could not be made" in trust
    assert "transplants" not in ids(root)
    method = words(by_id(page(variants["use not tested"], "method.html"), "transplants"))
    assert "No regions were swapped in this report." in method
    assert {"use", "trust"}.isdisjoint(ids(page(variants["regions not measured"], "models/resnet18.html")))
    assert {"transplants", "trust-grade"}.isdisjoint(ids(page(variants["regions not measured"], "method.html")))


def test_too_few_faces_are_not_blamed_on_the_settings(
    changed: Callable[[ImportanceFindings], Report], report: Report
) -> None:
    nothing = replace(found(report), regions=(), swaps={})
    section = section_of(changed(nothing), 0)
    assert section is not None and "no emotion has 6 labelled faces" in section.empty
    assert draw_worked_examples(replace(report, importance=nothing), 0, {}.__setitem__) == ()


@pytest.mark.parametrize(
    ("matched", "unmatched", "said"),
    [
        ("no", "yes", "it works through colour, not content."),
        ("undetermined", "yes", "shown only so, perhaps through colour, not content."),
        ("yes", "no", "shown only once they are matched."),
        ("yes", "yes", ""),
        ("no", "undetermined", ""),
    ],
)
def test_an_answer_that_hangs_on_colour_is_told(
    changed: Callable[[ImportanceFindings], Report], report: Report, matched: str, unmatched: str, said: str
) -> None:
    importance = an_importance("happiness", "nose", 0.05, matched)
    importance = replace(importance, unmatched=replace(importance, drop=0.4, answer=unmatched, kind="unmatched"))
    rest = [an_importance("happiness", region, 0.0, "no") for region in TRANSPLANTED if region != "nose"]
    section = section_of(changed(replace(found(report), regions=(importance, *rest), backgrounds=())), 1)
    assert section is not None and section.other
    row = next(row for row in section.rows if row.region == "nose")
    assert row.gap == "+0.05" and row.other.startswith("as it is: +0.40, ")
    both = "The nose for happiness: the odds fall by 5 % with colour and light matched, by 33 % with the donors' own "
    both += "colour and light"
    notes = tuple(note.replace("\u202f", " ") for note in section.notes)
    assert notes == ((f"{both}: {said}",) if said else ())


def test_a_background_found_only_as_it_is_has_one_number_everywhere(
    changed: Callable[[ImportanceFindings], Report], report: Report
) -> None:
    wall = an_importance("happiness", "background", 1.9, recall_drop=0.5, p_unadjusted=0.0001, kind="unmatched")
    matched = replace(wall, drop=-0.1, answer="no", kind="matched", unmatched=wall)
    rest = [an_importance("happiness", region, 0.0, "no") for region in TRANSPLANTED if region != "background"]
    section = section_of(changed(replace(found(report), regions=(matched, *rest), backgrounds=())), 1)
    assert section is not None and "the background for happiness (odds fall by 85\u202f%)" in section.lede
    row = next(row for row in section.rows if row.region == "background, as it is")
    assert (row.gap, row.answer) == ("+1.90", "important")
    assert row.other == "in the face's own light and colour: −0.10, not important"
    told = importance_sentence(wall).replace("\u202f", " ")
    assert (
        "of another emotion, as it is, the odds of happiness fall by 85 % [" in told
        and "(log-odds drop +1.90 [" in told
    )


def test_the_grade_is_told_with_its_checks(
    changed: Callable[[ImportanceFindings], Report], published: Published, report: Report
) -> None:
    checks = (
        TrustCheck("Complete", True, 1e-6, 1e-3, "difference"),
        TrustCheck("Beyond chance", False, 0.4, 0.1, "blank"),
        TrustCheck("Shows what is used", None, NAN, 0.0, "importance"),
    )
    grade = TrustGrade("ResNet18", "C", checks)
    panel = panel_of(changed(replace(found(report), grades=(grade,))), 1)
    assert panel is not None
    assert (panel.grade, panel.alt, panel.sentence) == ("C", "Trust grade C", "Do not read these heatmaps as reasons.")
    assert [(c.sign, c.words, c.shown, c.wanted) for c in panel.checks] == [
        ("✓", "holds by construction: not counted", "1.0e-06", "at most 0.001 of the largest logit"),
        ("✕", "does not hold", "40.0\u202f%", "at most 10\u202f% blank"),
        ("?", "could not be made", "–", "–"),
    ]
    assert panel_of(changed(replace(found(report), grades=(grade,))), 0) is None
    for one, name in zip(found(report).grades, ("custom-cnn", "resnet18"), strict=True):
        text = words(by_id(page(published, f"models/{name}.html"), "trust"))
        assert (f"Trust grade {one.grade}" if one.grade else "Not graded") in text and grade_sentence(one) in text
        for check in one.checks:
            for said in (check_sentence(check), check_value(check)):
                assert said.replace("\u202f", " ") in text


def test_the_method_page_says_what_was_done(published: Published, report: Report) -> None:
    root = page(published, "method.html")
    text = words(by_id(root, "transplants"))
    expected = "In this report: 8 faces (10 for the background) of each of 2 emotions, each with 2 donors of its own "
    expected += "emotion and 2 of others, 6 regions, "
    expected += f"{len(found(report).swaps['resnet18'].design)} pictures for every model"
    assert expected in text
    assert "the grade is C: do not read these heatmaps as reasons" in words(by_id(root, "trust-grade"))


def test_the_method_page_says_of_which_emotions_no_part_of_the_face_was_swapped(report: Report) -> None:
    def shown(*idle: str) -> tuple[str, str]:
        left = {}
        for slug, swaps in found(report).swaps.items():
            out = swaps.design["emotion"].isin([report.classes.index(name) for name in idle])
            kept = ~(out & (swaps.design["region"] != "background")).to_numpy()
            left[slug] = replace(swaps, design=swaps.design[kept], logits=swaps.logits[kept])
        changed = replace(report, importance=replace(found(report), swaps=left))
        method = transplant_method(changed)
        assert method is not None and changed.importance is not None
        return method.made, importance_basis(changed.importance)

    made, basis = shown("anger")
    assert "8 faces (10 for the background) of each of 2 emotions" in made and "2 of others, 6 regions" in made
    why = "only backgrounds were swapped: parts of the face cannot be tested for any model."
    assert made.endswith(f"Of anger {why}")
    assert basis.startswith("8 faces of the emotion and 32 pictures with the region swapped; for the background, on 10")
    made, basis = shown("anger", "happiness")
    start = "In this report: 10 faces of each of 2 emotions, each with 2 donors of its own emotion and 2 of others, "
    assert made.startswith(f"{start}1 region, ") and made.endswith(f"Of anger and happiness {why}")
    assert basis == "10 faces of the emotion and 40 pictures with the background swapped"


def test_the_tables_of_use_can_be_downloaded(published: Published, report: Report) -> None:
    columns = list(csv.DictReader(io.StringIO((published.site / "downloads/table_columns.csv").read_text())))
    links = {element.get("href") for element in page(published, "method.html").iter(f"{XHTML}a")}
    for name, table in report_tables(report)[1][0].items():
        assert f"downloads/{name}.csv" in links
        rows = list(csv.DictReader(io.StringIO((published.site / f"downloads/{name}.csv").read_text(encoding="utf-8"))))
        assert len(rows) == len(table) and list(rows[0]) == list(table.columns)
        assert {row["column"] for row in columns if row["table"] == name} == set(table.columns)
    rows = list(csv.DictReader(io.StringIO((published.site / "downloads/use.csv").read_text())))
    for row, gap in zip(rows, found(report).tables["use"]["gap"], strict=True):
        assert row["gap"] == ("" if math.isnan(gap) else f"{gap:.6g}")


def test_every_pattern_on_a_region_carries_its_causal_status(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    attention = report.attention
    assert attention is not None
    claimed = ("happiness", "anger", "fear")
    patterns = tuple(
        replace(p, emotions=claimed) if p.kind in ("on mouth", "on face") else p
        for p in attention.patterns
        if p.model == "ResNet18"
    )
    monkeypatch.setattr(views_patterns, "_spread", lambda *_: [])

    def told(importance: ImportanceFindings | None) -> dict[str, str]:
        made = replace(report, importance=importance, attention=replace(attention, patterns=tuple(
            replace(p, images=p.images[:0]) for p in patterns
        )))  # fmt: skip
        links, nothing = Links(made, ()), Drawn(*np.zeros((2, 0), int), (), (), {}, {})
        assert made.regions is not None
        return {
            row.pattern: row.emotions for row in pattern_rows(made, links, Tiles(made, links, nothing), made.regions, 1)
        }

    importance = found(report)
    mouth = told(importance)["Heat on the mouth"]
    for emotion in claimed:
        group = next(part for part in mouth.split("; ") if emotion in part)
        assert group.endswith(f"({STATUS_WORDS[importance.status('ResNet18', emotion, 'mouth')]})")
    # The face as a whole is not a region that can be exchanged.
    assert told(importance)["Heat on the face"] == "happiness, anger and fear"
    assert told(None)["Heat on the mouth"] == "happiness, anger and fear (swapping not tested)"


def test_odds_are_told_apart_from_predictions_where_they_stand_first(published: Published, report: Report) -> None:
    """Once on a model's page and once on an emotion's, and nowhere where no region is important."""
    assert report.importance is not None
    important = {(one.model, one.emotion) for one in report.importance.regions if one.answer == "yes"}
    words = "lower odds are not"
    for model in report.models:
        text = (published.site / f"models/{model.slug}.html").read_text(encoding="utf-8")
        assert text.count(words) == any(name == model.name for name, _ in important)
    seen = set()
    for emotion in report.classes:
        text = (published.site / f"emotions/{emotion}.html").read_text(encoding="utf-8")
        told = any(name == emotion for _, name in important)
        assert text.count(words) == told
        seen.add(told)
    assert seen == {True, False}
