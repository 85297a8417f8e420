"""The page about shortcuts: what was proved, how, and plain words where there is nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import pytest
from PIL import Image

from reportgen.config import Config
from reportgen.evidence.attention.map_clusters import MapCluster
from reportgen.evidence.stats.intervals import wilson
from reportgen.progress import SilentProgress
from reportgen.site.links import Links
from reportgen.site.pictures.shortcuts import draw_shortcuts
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report
from reportgen.site.wording.damages import leading_claim
from reportgen.site.wording.shortcuts import shortcut_sentence

XHTML = "{http://www.w3.org/1999/xhtml}"


def page(site: Published | Path) -> Any:
    folder = site.site if isinstance(site, Published) else site
    return html5lib.parse((folder / "shortcuts.html").read_text(encoding="utf-8"))


def words(root: Any) -> str:
    return re.sub(r"\s+", " ", " ".join(root.itertext())).replace("\u202f", " ")


def part(root: Any, name: str) -> Any:
    return next(element for element in root.iter() if element.get("id") == name)


def written(report: Report, folder: Path) -> Any:
    return page(publish(report, folder, Config(zip=False), SilentProgress()).site)


def test_a_proved_shortcut_leads_with_its_pictures(published: Published, report: Report) -> None:
    root = page(published)
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    assert (found.model, found.emotion, found.change) == ("Custom CNN", "happiness", "grey")
    assert words(root.find(f".//{XHTML}h1")) == leading_claim(report)
    card = part(root, "custom-cnn-happiness-grey")
    assert shortcut_sentence(report, found).replace("\u202f", " ") in words(card)
    proof, removal = card.iter(f"{XHTML}figure")
    pictures = [img.get("src") for img in removal.iter(f"{XHTML}img")]
    assert len(pictures) == 8
    for before, after in zip(pictures[::2], pictures[1::2], strict=True):
        with Image.open(published.site / after) as image:
            rgb = np.asarray(image.convert("RGB")).astype(int)
            assert np.abs(rgb[..., 0] - rgb[..., 2]).max() < 12  # WebP keeps colour a little apart
        assert "-unchanged-" in before and "-grey-" in after
    # Before them the proof: photos of other emotions that the colour turned.
    given = [img.get("src") for img in proof.iter(f"{XHTML}img")]
    assert len(given) == 8
    for before, after in zip(given[::2], given[1::2], strict=True):
        assert "-unchanged-" in before and "-grey-added-2-" in after
        with Image.open(published.site / before) as image, Image.open(published.site / after) as coloured:
            assert image.size == coloured.size
            first, then = (np.asarray(one.convert("RGB")).astype(int).mean(axis=(0, 1)) for one in (image, coloured))
        # As red as the photos of happiness are by their measures, and as light as before.
        assert then[0] - then[1] == pytest.approx(25.5, abs=6)
        assert first @ [0.299, 0.587, 0.114] == pytest.approx(then @ [0.299, 0.587, 0.114], abs=4)
    assert found.added is not None and found.turned is not None
    text = words(proof)
    assert f"{len(found.turned.rows)} of these {found.added.became}, varied in label and person." in text
    assert "with the colour cast" in text


def test_a_shortcut_that_adding_does_not_prove_shows_no_photos_with_it(report: Report, tmp_path: Path) -> None:
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    removed = replace(report.shortcuts, found=(replace(found, turned=None),))  # type: ignore[type-var]
    card = part(written(replace(report, shortcuts=removed), tmp_path), "custom-cnn-happiness-grey")
    (only,) = card.iter(f"{XHTML}figure")
    assert "with the colour cast" not in words(only) and "labels and persons vary" not in words(card)
    assert len(list(only.iter(f"{XHTML}img"))) == 8


def test_photos_that_the_neutral_change_turns_too_are_not_counted_among_those_shown(
    report: Report, tmp_path: Path
) -> None:
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    assert found.added is not None
    added = replace(found.added, became_neutral=1, images=found.added.images[1:])
    fewer = replace(report.shortcuts, found=(replace(found, added=added),))  # type: ignore[type-var]
    text = words(part(written(replace(report, shortcuts=fewer), tmp_path), "custom-cnn-happiness-grey"))
    assert f"4 of {found.added.became - 1} that only the property turns, varied in label and person." in text


def test_what_photos_without_a_property_show_is_said_plainly(report: Report, tmp_path: Path) -> None:
    """Where the fall alone proves nothing, how many are still correct, and what does prove it."""
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    only_added = replace(report.shortcuts, found=(replace(found, removed=False),))  # type: ignore[type-var]
    card = part(written(replace(report, shortcuts=only_added), tmp_path), "custom-cnn-happiness-grey")
    known, lost = round(found.before.value * found.n), len(found.images)
    left = str(known - lost) if known > lost else "none"
    correct, verb = "image" if known == 1 else "images", "stays" if known - lost == 1 else "stay"
    told = f"Converted to greyscale, {left} of {known} correct {correct} (of {found.n}"
    assert re.search(rf"{re.escape(told)}(, [0-9]+ persons)?\) {verb} correct: no proof by itself\.", words(card))
    # What proves nothing by itself leaves the room to what does.
    proof, removal = card.iter(f"{XHTML}figure")
    assert [len(list(one.iter(f"{XHTML}img"))) for one in (proof, removal)] == [8, 4]
    assert "The 2 surest." in words(card)


def test_the_sections_of_the_page_are_listed_at_its_top(published: Published) -> None:
    root = page(published)
    (index,) = [one for one in root.iter(f"{XHTML}nav") if one.get("class") == "pair-index"]
    anchors = [(link.get("href") or "").removeprefix("#") for link in index.iter(f"{XHTML}a")]
    ids = [one.get("id") for one in root.iter() if one.get("id") in anchors]
    assert anchors == ids and {"found", "recall", "repairs"} <= set(anchors)


def test_before_and_after_are_the_records_own(published: Published, report: Report) -> None:
    table = part(page(published), "grey").find(f".//{XHTML}table")
    rows = [[words(cell).strip() for cell in row] for row in table.iter(f"{XHTML}tr")][1:]
    effects = {(e.emotion, e.model): e for e in report.shortcuts.effects if e.change == "grey"}  # type: ignore[union-attr]
    assert len(rows) == len(effects) == 6
    for emotion, model, n, altered, before, after, *_ in rows:
        effect = effects[emotion, model]
        assert n == str(effect.n) and altered == str(effect.altered)
        for text, recall in ((before, effect.before), (after, effect.after)):
            expected = (
                f"{round(recall.value * effect.n)} of {effect.n}" if effect.n < 10 else f"{100 * recall.value:.0f} %"
            )
            assert text == expected
    assert rows[0][0] == "happiness"  # the suspicious one first


def test_a_change_without_a_finding_is_folded_and_said(published: Published) -> None:
    blurred = part(page(published), "blurred")
    assert "No emotion is shown to lose 10 percentage points of recall or more." in words(blurred)
    assert blurred.find(f"{XHTML}details") is not None
    assert part(page(published), "grey").find(f"{XHTML}figure") is not None


def test_every_change_is_shown_on_one_photo(published: Published) -> None:
    done = part(page(published), "done")
    titles = [caption.text for caption in done.iter(f"{XHTML}figcaption")]
    assert titles[:3] == ["As it is", "Converted to greyscale", "Normalised in brightness and contrast"]
    sources = [img.get("src") or "" for img in done.iter(f"{XHTML}img")]
    kinds = [re.sub(r"pictures/[0-9a-f]{12}-(.*)-[0-9a-f]{10}\.webp", r"\1", source) for source in sources]
    assert kinds == ["unchanged", "grey", "equalised", "blurred", "re-encoded"]
    assert len({source.split("-")[0] for source in sources}) == 1


def test_properties_are_told_with_the_classifiers_score(published: Published, report: Report) -> None:
    text = words(part(page(published), "properties"))
    score = report.shortcuts.score  # type: ignore[union-attr]
    assert f"{100 * score.balanced_accuracy.value:.0f} %" in text  # type: ignore[union-attr]
    assert "Too few images to take part: fear" in text
    assert "all photos have the same JPEG quality" in text
    colour = next(link for link in report.shortcuts.links if (link.name, link.emotion) == ("colour", "happiness"))  # type: ignore[union-attr]
    assert f"{100 * colour.typical:.0f} % ▲" in text


def test_near_duplicates_stand_side_by_side(published: Published) -> None:
    section = part(page(published), "near-duplicates")
    assert "1 pair of nearly the same picture under different labels" in words(section)
    (pair,) = list(section.iter(f"{XHTML}li"))
    assert "labelled anger" in words(pair) and "labelled happiness" in words(pair)


def test_without_experiments_the_page_says_not_tested(variants: dict[str, Published]) -> None:
    text = words(page(variants["three models"]))
    assert "so whether they rely on the cues in the data was not tested" in text
    assert "setting: experiments = off" in text
    assert "Cues in the data" in text
    assert "Shortcuts that were proved" not in text


def test_without_labels_the_page_says_so(variants: dict[str, Published]) -> None:
    text = words(page(variants["no labels"]))
    assert "No image has a label" in text
    assert "Cues in the data" not in text
    assert "nan" not in text.casefold().replace("financ", "")


def test_no_shortcut_no_claim(make_report: Any, tmp_path: Path) -> None:
    made = make_report(measured=True, shortcuts="shown")
    none = replace(made.shortcuts, found=(), effects=tuple(replace(e, answer="no") for e in made.shortcuts.effects))
    root = written(replace(made, shortcuts=none, importance=None, components=None), tmp_path)
    assert words(root.find(f".//{XHTML}h1")).strip() == "No shortcut through the photo was shown."
    assert "No finding does not mean no shortcut" in words(root)


def test_a_report_without_the_question_has_no_such_page(variants: dict[str, Published]) -> None:
    site = variants["regions not measured"].site
    assert not (site / "shortcuts.html").exists()
    assert "Shortcuts" not in words(html5lib.parse((site / "index.html").read_text(encoding="utf-8")))


def test_groups_of_heatmaps_show_their_examples(report: Report, tmp_path: Path) -> None:
    def group(number: int, rows: tuple[int, ...], *, suspect: bool) -> MapCluster:
        return MapCluster(
            "ResNet18", "happiness", number, 2, "mouth", len(rows), 26, (1.0,) * 6, 0.4,
            wilson(1, len(rows)), suspect, rows, "background",
        )  # fmt: skip

    groups = (group(1, tuple(range(15, 33)), suspect=False), group(2, tuple(range(33, 41)), suspect=True))
    made = replace(report, shortcuts=replace(report.shortcuts, clusters=groups))  # type: ignore[type-var]
    section = part(written(made, tmp_path), "groups-resnet18")
    items = list(section.iter(f"{XHTML}li"))
    assert [len(list(item.iter(f"{XHTML}a"))) for item in items] == [6, 6]
    assert "18 maps, 69 %" in words(items[0])
    assert items[1].get("class") == "suspect"
    assert "Suspicious, because small and warm on the background: happiness (8 of 26 maps)." in words(section)


@pytest.mark.parametrize(
    ("models", "proved", "expected"),
    [
        (("A", "B"), [("A", "fear"), ("B", "fear")], "Both models rely on colour for fear."),
        (("A", "B"), [("A", "fear"), ("A", "anger")], "A relies on colour for fear and anger."),
        (("A", "B", "C"), [("A", "fear"), ("C", "fear")], "A and C rely on colour for fear."),
        (("A", "B"), [("A", "fear"), ("B", "anger"), ("B", "fear")], "Both models rely on colour for fear."),
        (("A",), [("A", "fear")], "A relies on colour for fear."),
        (("A", "B"), [("A", "fear"), ("A", "anger"), ("B", "anger")], "A relies on colour for fear."),
        (("A", "B"), [], ""),
    ],
)
def test_the_headline_names_who_knows_what(
    make_report: Any, models: tuple[str, ...], proved: list[tuple[str, str]], expected: str
) -> None:
    made = make_report(models=models, measured=True, shortcuts="shown")
    (first, *_) = made.shortcuts.found
    # The first costs most.
    falls = [replace(first.fall, value=0.9 - 0.1 * k, low=0.8 - 0.1 * k, high=1.0) for k in range(len(proved))]
    found = tuple(
        replace(first, model=model, emotion=emotion, fall=fall)
        for (model, emotion), fall in zip(proved, falls, strict=True)
    )
    report = replace(made, shortcuts=replace(made.shortcuts, found=found), importance=None, components=None)
    assert leading_claim(report) == expected
    if found:
        assert Links(report, ()).shortcut_anchor(*proved[0], "grey") == f"{models[0].lower()}-{proved[0][1]}-grey"


def test_drawing_twice_gives_the_same_bytes(report: Report) -> None:
    drawn: list[dict[str, bytes]] = [{}, {}]
    for files in drawn:
        draw_shortcuts(report, files.__setitem__)
    assert drawn[0] == drawn[1]
    assert drawn[0]
