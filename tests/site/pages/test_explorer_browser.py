"""The explorer in a real Chromium: what words mean, what counts say, where links lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.config import Config
from reportgen.evidence.examples.likeness import map_features, shape_features, sketch
from reportgen.faces.align import face_affines
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def asked(report: Report) -> Report:
    model = report.analysis.models[0]
    wrong = np.flatnonzero((report.analysis.labels >= 0) & (model.predicted != report.analysis.labels)).tolist()
    kinds = (("label-suspect",), ("ambiguous", "low-quality"), ("unexplained", "turned-head", "low-quality"))
    flags = {model.slug: {row: kinds[row % 3] for row in wrong}}
    assert report.reasons is not None
    reasons = replace(report.reasons)
    # Where the property keeps what it found: a suspect label is rare among random answers.
    reasons.__dict__["flags"] = flags
    return replace(report, reasons=reasons)


@pytest.fixture(scope="module")
def site(asked: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(asked, tmp_path_factory.mktemp("asked"), Config(zip=False), SilentProgress())


@pytest.fixture
def page(browser: Any, site: Published) -> Iterator[Any]:
    context = browser.new_context()
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto((site.site / "explorer.html").resolve().as_uri())
    ready(page)
    yield page
    assert trouble == []
    context.close()


def ready(page: Any) -> None:
    """Wait until the script has read its data, which it asks for once the page is painted."""
    page.locator("#explorer").wait_for()


def drawn(page: Any) -> None:
    """Wait for the next frame: what is chosen is drawn within it."""
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))")


def shown(page: Any, query: str) -> int:
    """How many images a filter finds."""
    page.fill("#query", query)
    drawn(page)
    said = page.locator("#status").inner_text()
    return 0 if said.startswith("No match") else int(re.match(r"[\d,]+", said).group().replace(",", ""))  # type: ignore[union-attr]


def test_words_find_what_they_say(page: Any, asked: Report) -> None:
    analysis = asked.analysis
    labels, (a, b) = analysis.labels, analysis.models
    anger, fear = analysis.classes.index("anger"), analysis.classes.index("fear")
    findings = asked.attention
    assert findings is not None
    peak_a, peak_b = (measure.predicted.peak_region for measure in findings.measures)
    mouth = 3
    # Confidences are kept in thousandths, rounded down.
    sure_a, sure_b = (np.floor(model.confidence * 1000) >= 600 for model in (a, b))
    expected = {
        "": np.ones(len(labels), bool),
        "true:anger": labels == anger,
        "TRUE:anger": labels == anger,
        "-true:anger": labels != anger,
        "pred:fear": (a.predicted == fear) | (b.predicted == fear),
        "pred:fear model:resnet": b.predicted == fear,
        "true:anger wrong": (labels == anger) & ((a.predicted != labels) | (b.predicted != labels)),
        "wrong model:custom-cnn": a.predicted != labels,
        "-model:custom-cnn wrong": b.predicted != labels,
        "wrong conf:>0.6": ((a.predicted != labels) & sure_a) | ((b.predicted != labels) & sure_b),
        "pred:fear wrong": ((a.predicted == fear) & (labels != fear)) | ((b.predicted == fear) & (labels != fear)),
        "agree": a.predicted == b.predicted,
        "differ": a.predicted != b.predicted,
        "agree differ": np.zeros(len(labels), bool),
        # Models are compared with each other, whichever of them is asked for the rest.
        "agree model:resnet18": a.predicted == b.predicted,
        "differ model:resnet18": a.predicted != b.predicted,
        "differ wrong model:resnet18": (a.predicted != b.predicted) & (b.predicted != labels),
        "region:mouth": (peak_a == mouth) | (peak_b == mouth),
        "region:mouth model:resnet18": peak_b == mouth,
        "note:grey": analysis.images["notes"].str.contains("grey").to_numpy(),
        "face_00": np.arange(len(labels)) < 10,
        "FACE_007": np.arange(len(labels)) == 7,
        "flag:label-suspect": [row % 3 == 0 and bool(a.predicted[row] != labels[row]) for row in range(len(labels))],
        "flag:low model:custom": [row % 3 > 0 and bool(a.predicted[row] != labels[row]) for row in range(len(labels))],
        "flag:label-suspect model:resnet18": np.zeros(len(labels), bool),
        "true:nothing": np.zeros(len(labels), bool),
    }
    for query, rows in expected.items():
        assert shown(page, query) == int(np.sum(rows)), query


def test_counts_beside_choices_are_what_one_gets(page: Any) -> None:
    for start in ("", "wrong", "true:anger conf:<0.5"):
        shown(page, start)
        page.evaluate("document.querySelectorAll('details.how').forEach(details => { details.open = true; })")
        tokens = page.locator("[data-token]").evaluate_all("all => all.map(one => one.dataset.token)")
        assert len(tokens) > 30 and "flag:label-suspect" in tokens and "pattern:diffuse" in tokens
        for token in tokens[::3]:
            shown(page, start)
            button = page.locator(f'[data-token="{token}"]')
            key = token.partition(":")[0] + ":"
            if button.get_attribute("aria-pressed") == "true" or (":" in token and key in start):
                continue
            promised = int(button.locator("small").inner_text().replace(",", ""))
            button.click()
            assert page.evaluate("document.activeElement.dataset.token") == token
            said = page.locator("#status").inner_text()
            assert said.startswith(f"{promised} image") or (promised == 0 and said.startswith("No match")), token


def test_choices_of_one_kind_are_alternatives_and_counts_say_whose_they_are(page: Any, asked: Report) -> None:
    labels = asked.analysis.labels
    anger, fear = (int((labels == asked.classes.index(name)).sum()) for name in ("anger", "fear"))
    assert "at least one model matches" in page.locator("#counted").inner_text()
    page.locator('[data-token="true:anger"]').click()
    page.locator('[data-token="true:fear"]').click()
    assert page.input_value("#query") == "true:anger,fear"
    assert page.locator("#status").inner_text() == f"{anger + fear} images"
    assert page.locator('#facets [aria-pressed="true"]').count() == 2
    # Beside each stands what it has, whatever else of its kind is chosen.
    assert page.locator('[data-token="true:anger"] small').inner_text() == str(anger)
    page.reload()
    ready(page)
    assert page.input_value("#query") == "true:anger,fear"
    page.locator('[data-token="true:anger"]').click()
    assert page.input_value("#query") == "true:fear"
    page.locator('[data-token="true:fear"]').click()
    assert page.input_value("#query") == ""
    # Right and wrong are no alternatives: together they would be everything.
    page.locator('[data-token="right"]').click()
    page.locator('[data-token="wrong"]').click()
    assert page.input_value("#query") == "wrong"
    shown(page, "model:resnet18")
    assert page.locator("#counted").inner_text() == "Counts are of images whose prediction by ResNet18 matches."


def test_persons_and_sources_are_facets(page: Any, asked: Report) -> None:
    images = asked.analysis.images
    menu = page.get_by_label("Add a person")
    assert menu.locator("option").all_inner_texts() == ["choose…"]  # filled once it is reached for
    menu.focus()
    offered = [one for one in menu.locator("option").all_inner_texts() if one != "choose…"]
    counts = images["person"].value_counts()
    assert sorted(offered) == sorted(f"{name} ({n})" for name, n in counts.items())
    chosen = counts.index[:2].tolist()
    for name in chosen:
        menu.select_option(f"person:{name.replace(' ', '-')}")
    assert page.input_value("#query") == "person:" + ",".join(name.replace(" ", "-") for name in chosen)
    assert page.locator("#status").inner_text() == f"{counts.iloc[:2].sum()} images"
    page.get_by_role("button", name=re.compile(f"^{chosen[0]} ")).click()
    assert page.locator("#status").inner_text() == f"{counts.iloc[1]} images"
    assert shown(page, "person:none") == int(images["person"].isna().sum())
    png = int((images["format"] == "PNG").sum())
    assert shown(page, "format:png") == png
    assert shown(page, "-format:png") == len(images) - png
    grey = int((images["colourfulness"] == 0).sum())
    assert 0 < grey < len(images)
    assert shown(page, "photo:grey") == grey


def test_words_that_mean_nothing_are_hinted(page: Any) -> None:
    hint = page.locator("#hint")
    for typed, meant in {
        "true:angr": "true:anger",
        "true:fear,angr": "true:fear,anger",
        "-true:hapiness": "-true:happiness",
        "lable:fear": "true:fear",
        "region:moth": "region:mouth",
        "wrogn": "wrong",
        "errors": "wrong",
        "happyness": "true:happiness",
        "conf:high": "conf:>0.8",
    }.items():
        shown(page, f"agree {typed}")
        offered = hint.get_by_role("button").all_inner_texts()
        assert meant in offered, f"{typed}: {hint.inner_text()}"
        hint.get_by_role("button", name=meant, exact=True).click()
        assert page.input_value("#query") == f"agree {meant}"
        assert hint.inner_text() == ""
        assert page.evaluate("document.activeElement.id") == "query"
    for known in ("wrong", "true:fear", "true:fe", "person:none", "face_00", "conf:>0.5", "-right", "note:x", "id:0"):
        shown(page, known)
        assert hint.inner_text() == "", known
    shown(page, "xyzzy")
    assert hint.inner_text() == "“xyzzy” is searched in file names, and none has it."
    shown(page, "fear")
    assert hint.get_by_role("button").all_inner_texts() == ["true:fear", "pred:fear"]


def order(page: Any) -> list[str]:
    """Ids of the images shown, in their order."""
    labels = page.locator("#results a.face > svg, #results a.face .stacked:first-child > svg:first-child")
    return [text.split()[1].rstrip(",") for text in labels.evaluate_all("all => all.map(one => one.ariaLabel)")]


def test_orders_are_those_of_the_numbers_they_name(page: Any, asked: Report) -> None:
    analysis = asked.analysis
    # As in the explorer's data: thousandths, rounded down.
    per_mille = [np.minimum(999, np.floor(model.probabilities * 1000)) for model in analysis.models]
    ranked = [np.sort(values, axis=1) for values in per_mille]
    margin = np.min([values[:, -1] - values[:, -2] for values in ranked], axis=0)
    apart = np.abs(per_mille[0] - per_mille[1]).sum(axis=1) / 2
    place = {name: row for row, name in enumerate(analysis.images["image_id"])}
    for name, values in (("margin", margin), ("differ", -apart)):
        page.select_option("#sort", name)
        drawn(page)
        found = values[[place[one] for one in order(page)]]
        assert len(found) == len(values) and (np.diff(found) >= 0).all(), name
    # Only tiles in sight have a text that is seen.
    page.locator("#results > li").first.scroll_into_view_if_needed()
    first = pytest.importorskip("playwright.sync_api").expect(page.locator("#results .key").first)
    first.to_have_text(f"disagreement {apart.max() / 10:.0f}\u202f%", use_inner_text=True)
    shown(page, "model:resnet18")
    page.select_option("#sort", "margin")
    drawn(page)
    own = ranked[1][:, -1] - ranked[1][:, -2]
    assert (np.diff(own[[place[one] for one in order(page)]]) >= 0).all()


def test_similar_images_come_first(page: Any, asked: Report) -> None:
    analysis = asked.analysis
    assert analysis.faces is not None
    shapes = shape_features(analysis.faces.points, face_affines(analysis.faces.points, analysis.faces.source))
    kinds = {"map of ResNet18": map_features(analysis.models[1]), "face": shapes}
    for name, features in kinds.items():
        row = int(np.flatnonzero(np.isfinite(features).all(axis=1))[5])
        page.goto(page.url.partition("#")[0] + f"#open={analysis.images['image_id'][row]}")
        ready(page)
        page.locator("#opened-ways").get_by_role("button", name=name).click()
        assert page.locator("#opened").is_hidden()
        assert f"how similar the {name} is" in page.locator("#like").inner_text()
        found = [analysis.images["image_id"].tolist().index(one) for one in order(page)]
        values = sketch(features).values.astype(float)
        distance = ((values - values[row]) ** 2).sum(axis=1)
        distance[~np.isfinite(features).all(axis=1)] = np.inf
        assert found[0] == row or distance[found[0]] == 0
        # Placed by the same numbers, a column of which may point the other way round.
        assert (np.diff(np.nan_to_num(distance[found], posinf=1e9)) >= -1e-9).all()
    page.get_by_role("button", name="Back to the usual order").click()
    assert page.locator("#like").is_hidden() and page.input_value("#sort") == ""


def test_a_tile_opens_what_is_known_of_its_image(page: Any, asked: Report) -> None:
    analysis = asked.analysis
    shown(page, "wrong")
    number = page.locator("#results > li").count()
    page.locator("#results a.face").nth(1).click()
    dialog = page.locator("#opened")
    assert dialog.is_visible() and page.evaluate("document.activeElement.id") == "opened-title"
    # Maps of other classes are read once an image is opened.
    page.wait_for_function("() => window.reportgenDetails !== undefined")
    identity = page.locator("#opened-title").inner_text().removeprefix("Image ")
    row = analysis.images["image_id"].tolist().index(identity)
    assert page.locator("#opened-place").inner_text() == f"2 of {number}"
    assert f"open={identity}" in page.url
    figures = dialog.locator("figure")
    assert figures.count() == 1 + len(analysis.models)
    for k, model in enumerate(analysis.models):
        figure = figures.nth(1 + k)
        predicted = analysis.classes[model.predicted[row]]
        assert model.name in figure.inner_text() and f"map for {predicted}" in figure.inner_text()
        assert figure.locator(".over").count() == 1
        flagged = asked.reasons.flags.get(model.slug, {}).get(row, ()) if asked.reasons else ()
        assert figure.locator(".flags").count() == bool(flagged)
    rows = dialog.locator("#opened-rows tr")
    assert rows.count() == len(analysis.classes)
    for index in range(rows.count()):
        name = rows.nth(index).locator("button").inner_text()
        said = [text.replace("\u202f%", "") for text in rows.nth(index).locator("td").all_inner_texts()]
        for model, text in zip(analysis.models, said, strict=True):
            value = 100 * float(model.probabilities[row, analysis.classes.index(name)])
            if value < 1 or value >= 99:
                assert text == ("<\u202f1" if value < 1 else ">\u202f99")
            else:
                assert abs(int(text) - value) < 1
    other = rows.last.locator("button")
    other.click()
    assert other.get_attribute("aria-pressed") == "true"
    assert all(f"map for {other.inner_text()}" in figures.nth(1 + k).inner_text() for k in range(len(analysis.models)))
    assert page.evaluate("document.activeElement.textContent") == other.inner_text()
    person = analysis.images["person"][row]
    if isinstance(person, str):
        assert person in dialog.locator("#opened-facts").inner_text()


def test_the_opened_image_keeps_the_keys_to_itself_and_gives_them_back(page: Any) -> None:
    number = shown(page, "true:happiness")
    page.locator("#results a.face").first.click()
    assert page.locator("#opened-previous").is_disabled()
    inside = "document.getElementById('opened').contains(document.activeElement)"
    for key in ("Tab", "Shift+Tab"):
        for _ in range(40):
            page.keyboard.press(key)
            assert page.evaluate(inside)
    for key in ("ArrowRight", "j", "]"):
        page.keyboard.press(key)
    assert page.locator("#opened-place").inner_text() == f"4 of {number}"
    page.keyboard.press("ArrowLeft")
    page.locator("#opened-next").click()
    assert page.evaluate("document.activeElement.id") == "opened-next"
    page.keyboard.press("?")
    assert page.locator("#keys").is_hidden()
    fourth = page.locator("#opened-title").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_url("**#true:happiness")
    page.locator("#opened").wait_for(state="hidden")
    page.wait_for_function("() => document.activeElement.matches('a.face')")
    assert fourth in page.evaluate("document.activeElement.firstElementChild.ariaLabel")
    page.keyboard.press("Enter")
    assert page.locator("#opened-title").inner_text() == fourth
    page.go_back()
    page.wait_for_function("() => !document.getElementById('opened').open")
    assert page.input_value("#query") == "true:happiness"


def test_an_opened_image_has_an_address(browser: Any, site: Published, asked: Report) -> None:
    sync = pytest.importorskip("playwright.sync_api")
    identity = asked.analysis.images["image_id"][7]
    context = browser.new_context()
    page = context.new_page()
    page.goto((site.site / "explorer.html").resolve().as_uri() + f"#open={identity}")
    ready(page)
    sync.expect(page.locator("#opened-title")).to_have_text(f"Image {identity}")
    page.locator("#opened-close").click()
    page.wait_for_url(lambda url: url.endswith("explorer.html#"))  # going back takes a moment
    sync.expect(page.locator("#opened")).to_be_hidden()
    # Within the page the script hears of another address only after it is there.
    page.goto((site.site / "explorer.html").resolve().as_uri() + "#wrong&open=unknown")
    sync.expect(page.locator("#query")).to_have_value("wrong")
    assert page.locator("#opened").is_hidden()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers_where_much_is_open(browser: Any, site: Published, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for view in ("wrong&layer=all&sort=differ", "true:angr", "wrong&open=" + _first_wrong(site)):
        page.goto("about:blank")
        page.goto((site.site / "explorer.html").resolve().as_uri() + "#" + view)
        ready(page)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        page.wait_for_timeout(200)
        found = axe.run(page)
        assert found.violations_count == 0, f"{view}: {found.generate_report()}"
    context.close()


def _first_wrong(site: Published) -> str:
    text = (site.site / "downloads/predictions.csv").read_text(encoding="utf-8").splitlines()
    head = text[0].split(",")
    cells = (line.split(",") for line in text[1:])
    return next(c[0] for c in cells if c[2] and c[2] != c[head.index("resnet18_predicted")])


def test_tiles_have_sizes_and_show_every_models_map(page: Any) -> None:
    widths = []
    for size in ("small", "", "large"):
        page.select_option("#size", size)
        drawn(page)
        widths.append(page.locator("#results a.face").first.bounding_box()["width"])
    assert widths[0] < widths[1] < widths[2]
    page.select_option("#layer", "all")
    drawn(page)
    first = page.locator("#results a.face").first
    assert first.locator(".stacked").count() == first.locator(".over").count() == 2
    left, right = (first.locator(".stacked").nth(k).bounding_box() for k in (0, 1))
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    assert "Custom CNN" in first.locator("svg").first.get_attribute("aria-label")
    assert "size=large" in page.url and "layer=all" in page.url


def test_on_a_phone_the_first_photo_is_on_the_first_screen(browser: Any, site: Published) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 640})
    page = context.new_page()
    page.goto((site.site / "explorer.html").resolve().as_uri())
    ready(page)
    box = page.locator("#results a.face").first.bounding_box()
    assert box["y"] + box["height"] <= 640
    assert page.locator("#facets").is_hidden()
    page.locator("#choices > summary").click()
    assert page.locator("#facets").is_visible()
    page.locator('[data-token="wrong"]').click()
    assert page.locator("#choices > summary").inner_text() == "Filters (1 on)"
    page.locator("#results a.face").first.click()
    dialog = page.locator("#opened")
    assert dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
    maps = [dialog.locator("figure").nth(k).bounding_box() for k in (1, 2)]
    assert maps[0]["y"] == maps[1]["y"]
    context.close()


def test_every_count_of_a_page_leads_to_as_many_images(browser: Any, site: Published) -> None:
    context = browser.new_context()
    page = context.new_page()
    checked = 0
    for name in ("models/resnet18.html", "models/custom-cnn.html"):
        page.goto((site.site / name).resolve().as_uri())
        links = page.locator(
            "table.confusion a, table.patterns .interval a, table[data-sortable] td:nth-child(2) a"
        ).evaluate_all("all => all.map(link => [link.getAttribute('href'), link.textContent])")
        assert len(links) > 15
        for href, text in links:
            page.goto("about:blank")
            page.goto((site.site / "explorer.html").resolve().as_uri() + "#" + href.partition("#")[2])
            ready(page)
            said = page.locator("#status").inner_text()
            assert said.split()[0] == text.split()[0], href
            checked += 1
    assert checked > 30
    context.close()


def test_verdicts_lead_to_the_images(browser: Any, site: Published, asked: Report) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((site.site / "emotions/anger.html").resolve().as_uri())
    page.locator("td.verdict a").first.click()
    page.wait_for_url("**/explorer.html#true:anger*")
    ready(page)
    assert page.input_value("#query") == "true:anger model:custom-cnn -region:background"
    page.goto(site.index.resolve().as_uri())
    page.locator("table.regions button[popovertarget]").nth(1).click()
    page.locator(":popover-open a", has_text="Images whose heat peaks there").click()
    page.wait_for_url("**/explorer.html#true:anger*")
    ready(page)
    assert re.fullmatch(r"true:anger model:custom-cnn region:[a-z+]+", page.input_value("#query"))
    context.close()


@pytest.mark.parametrize(
    ("query", "told"),
    [("flag:ambiguous", "low quality, ambiguous"), ("flag:unexplained", "unexplained; also low quality, turned head")],
)
def test_what_explains_nothing_is_not_told_as_a_reason(page: Any, query: str, told: str) -> None:
    assert shown(page, query) > 0
    assert page.locator("#results .flags").first.text_content() == f"Custom CNN: ⚑ {told}"
    page.locator("#results a.face").first.click()
    assert page.locator("#opened .flags").first.text_content() == f"⚑ {told}"


def test_suspects_can_be_saved(page: Any, asked: Report) -> None:
    number = shown(page, "flag:label-suspect")
    assert number > 0
    assert page.locator("#results .flags").first.text_content() == "Custom CNN: ⚑ contradicted label"
    with page.expect_download() as download:
        page.click("#csv")
    assert download.value.suggested_filename == "images-flag-label-suspect.csv"
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + number
    head = lines[0].split(",")
    assert head[:3] == ["image_id", "file", "label"] and "custom-cnn_flags" in head and "resnet18_peak" in head
    assert all("contradicted label" in line for line in lines[1:])


def test_keys_and_pages(browser: Any, site: Published) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((site.site / "explorer.html").resolve().as_uri())
    ready(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.type("wrong")
    page.wait_for_url("**#wrong")
    page.keyboard.press("Escape")
    assert page.input_value("#query") == ""
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == first
    context.close()


def test_a_model_whose_name_begins_like_another_is_not_taken_for_it(
    browser: Any, make_report: Any, tmp_path: Path
) -> None:
    made = make_report(models=("CNN", "CNN 2"))
    site = publish(made, tmp_path, Config(zip=False), SilentProgress()).site
    context = browser.new_context()
    page = context.new_page()
    page.goto((site / "explorer.html").resolve().as_uri())
    ready(page)
    labels, (first, second) = made.analysis.labels, made.analysis.models
    assert shown(page, "wrong model:cnn") == int((first.predicted != labels).sum())
    assert shown(page, "wrong model:cnn-2") == int((second.predicted != labels).sum())
    assert shown(page, "wrong model:cn") == int(((first.predicted != labels) | (second.predicted != labels)).sum())
    context.close()


def test_results_are_turned_by_keys_and_the_address_keeps_the_page(
    browser: Any, site: Published, tmp_path: Path
) -> None:
    # Pages of 60: the small report has 41 images, so its script is asked for pages of 15.
    import shutil

    sync = pytest.importorskip("playwright.sync_api")
    copy = Path(shutil.copytree(site.site, tmp_path / "site"))
    (script,) = (copy / "assets").glob("explorer-*.js")
    script.write_text(script.read_text().replace("var PAGE = 60;", "var PAGE = 15;"))
    context = browser.new_context()
    page = context.new_page()
    page.goto((copy / "explorer.html").resolve().as_uri())
    ready(page)
    sync.expect(page.locator("#results > li")).to_have_count(15)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("]")
    page.wait_for_url("**#page=1")
    page.keyboard.press("]")
    page.wait_for_url("**#page=2")
    sync.expect(page.locator("#status")).to_have_text("41 images, showing 31 to 41")
    assert page.locator("[data-turn=next]").is_disabled()
    page.reload()
    ready(page)
    sync.expect(page.locator("#status")).to_have_text("41 images, showing 31 to 41")
    page.keyboard.press("[")
    page.wait_for_url("**#page=1")
    page.go_back()
    sync.expect(page.locator("#status")).to_have_text("41 images, showing 31 to 41")
    context.close()
