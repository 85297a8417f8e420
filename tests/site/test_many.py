"""Many images: only a sample is explained, and the pages say what is said of which. Many models: every pair
has a page, and nothing is lost or on top of another.
"""

import csv
import gzip
import io
import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import AnalysisPredictions, ModelPredictions
from reportgen.evidence.performance.model_comparison import compare_models
from reportgen.evidence.performance.scores import score_model
from reportgen.site.pages import downloads
from reportgen.site.report import DataNote


@pytest.fixture(scope="module")
def sampled(report, publish_report, tmp_path_factory):
    """A report on three times as many images as it looks at, and its site."""
    a = report.analysis
    images = pd.concat([a.images.assign(image_id=a.images["image_id"] + mark) for mark in ("", "-2", "-3")])
    models = tuple(ModelPredictions(m.name, m.slug, m.info, np.tile(m.logits, (3, 1))) for m in a.models)
    answers = AnalysisPredictions(a.folder, a.manifest, images.reset_index(drop=True), a.problems, models)
    labels = answers.labels
    made = replace(
        report,
        predictions=answers,
        scores=tuple(score_model(m.name, labels, m.probabilities, a.classes, 0, draws=50) for m in models),
        comparisons=tuple(compare_models(x, y, labels) for x, y in combinations(models, 2)),
    )
    return made, publish_report(made, tmp_path_factory.mktemp("sampled"))


def test_every_page_that_shows_a_sample_says_so(sampled):
    report, published = sampled
    n, few = len(report.everything.labels), len(report.analysis.labels)
    text = {name: (published.site / f"{name}.html").read_text(encoding="utf-8") for name in ("index", "explorer")}
    assert f"{n:,} test images, {few:,} of them explained" in text["index"]
    assert f"Scores, answers and counts are those of all {n:,} images." in text["index"]
    assert "A sample of the images" in text["explorer"]
    assert f"of {few:,}, by label and prediction" in text["explorer"]
    emotion = (published.site / "emotions/fear.html").read_text(encoding="utf-8")
    assert "the explorer shows those of the sample" in (published.site / "errors.html").read_text(encoding="utf-8")
    shown = int((report.analysis.labels == report.analysis.classes.index("fear")).sum())
    assert f"{shown} of {3 * shown} images of fear in the explorer" in emotion


def test_scores_and_splits_count_every_image(sampled):
    report, published = sampled
    n = len(report.everything.labels)
    text = (published.site / "models.html").read_text(encoding="utf-8")
    comparison = report.comparisons[0]
    assert comparison.n == n
    assert f"Both correct <b>{comparison.both:,}</b>" in text
    counts = [row.split("</div>")[0] for row in text.split('class="val four">')[2:]]  # the first is the heads
    split = [int(v.replace(",", "")) for row in counts for v in re.findall(r"</span> ([\d,]+)</span>", row)]
    assert sum(split) == n


def test_the_table_of_predictions_has_every_image(sampled):
    report, published = sampled
    with (published.site / "downloads/predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image_id"] for row in rows] == report.everything.images["image_id"].tolist()


def test_a_large_table_of_predictions_is_packed_and_says_the_same(sampled, publish_report, tmp_path, monkeypatch):
    report, published = sampled
    monkeypatch.setattr(downloads, "_PLAIN_ROWS", 10)
    monkeypatch.setattr(downloads, "_ROWS_AT_ONCE", 7)
    packed = publish_report(report, tmp_path).site / "downloads"
    assert not (packed / "predictions.csv").exists()
    plain = (published.site / "downloads/predictions.csv").read_bytes()
    assert gzip.decompress((packed / "predictions.csv.gz").read_bytes()) == plain
    assert pd.read_csv(packed / "predictions.csv.gz").equals(pd.read_csv(io.BytesIO(plain)))
    assert "predictions.csv.gz" in (packed.parent / "method.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def four(make_report, publish_report, tmp_path_factory):
    """Four models."""
    made = make_report(models=("A", "B", "C", "D"), measured=True)
    return made, publish_report(made, tmp_path_factory.mktemp("four"))


def test_every_pair_of_several_models_has_a_page_that_the_overview_lists(four):
    report, published = four
    overview = (published.site / "models.html").read_text(encoding="utf-8")
    pages = sorted(path.name for path in (published.site / "compare").glob("*.html"))
    assert pages == ["a--b.html", "a--c.html", "a--d.html", "b--c.html", "b--d.html", "c--d.html"]
    assert all(f'href="compare/{page}"' in overview for page in pages)
    assert "adjusted (Holm) for 6 pairs" in overview
    page = (published.site / "compare/b--c.html").read_text(encoding="utf-8")
    comparison = next(c for c in report.comparisons if (c.a, c.b) == ("B", "C"))
    assert f"Only B <b>{comparison.only_a}</b>" in page
    assert 'href="../compare/a--d.html"' in page  # the pair before


def test_every_model_is_on_every_page_about_all_of_them(four):
    report, published = four
    names = [model.name for model in report.analysis.models]
    for name in ("index.html", "models.html", "errors.html", "emotions/fear.html", "explorer.html"):
        text = (published.site / name).read_text(encoding="utf-8")
        assert all(f">{model}<" in text or f"> {model}<" in text or f"{model}:" in text for model in names), name


def test_recalls_of_many_models_stand_one_below_the_other(four):
    _, published = four
    text = (published.site / "models.html").read_text(encoding="utf-8")
    values = text.split('class="val">')[1].split("</span>")[0]
    assert len(values.split("\n")) == 4


def test_a_long_list_of_remarks_is_cut_and_says_so(report, publish_report, tmp_path):
    pairs = tuple(f"{i}.jpg (fear) ~ {i + 1}.jpg (anger)" for i in range(100_000))
    note = DataNote("Near duplicates", "Many.", pairs, serious=True)
    site = publish_report(replace(report, data_notes=(note,)), tmp_path).site
    method = (site / "method.html").read_text(encoding="utf-8")
    assert "the first 50 of 100,000" in method and "49.jpg (fear)" in method and "60.jpg" not in method
    assert len(method) < 200_000
