"""What people voted, on the pages: the figures of the evidence, every word explained, nothing said without votes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.config import Config
from reportgen.evidence.performance.recalibration import recalibrate
from reportgen.evidence.performance.votes import judge_votes
from reportgen.progress import SilentProgress
from reportgen.site.image_sets import image_sets
from reportgen.site.links import Links
from reportgen.site.publish import publish
from reportgen.site.report import Report
from reportgen.site.sections.performance.recalibration import repair_section
from reportgen.site.sections.performance.votes import human_choices, vote_section
from reportgen.site.wording.performance.votes import choice_words, vote_facts

MakeReport = Callable[..., Report]


def with_votes(report: Report, votes: list[list[float]] | None = None) -> Report:
    """Ten raters an image: eight choose the label, one the first class and one none; or the given votes."""
    classes, labels = report.classes, report.labels
    if votes is None:
        counts = 8.0 * np.eye(len(classes))[labels]
        counts[:, 0] += 1
        votes = np.column_stack([counts, np.ones(len(labels))]).tolist()
    table = pd.DataFrame(votes, columns=[*classes, "no class"])
    models = [(model.name, model.probabilities) for model in report.models]
    found = judge_votes(table, report.analysis.images, labels, models, classes, None, 0)
    return replace(report, rater_votes=found)


def test_without_votes_nothing_is_said(report: Report, published: object) -> None:
    assert vote_section(report, Links(report, ())) is None and human_choices(report, Links(report, ())) is None
    assert "votes" not in {one.kind for one in image_sets(report)}
    site = published.site  # type: ignore[attr-defined]
    for name in ("models.html", "errors.html", "index.html", "method.html"):
        text = (site / name).read_text(encoding="utf-8")
        assert "rater" not in text and "human choice" not in text, name
    assert not (site / "downloads" / "votes.csv").exists()


def test_the_pages_hold_the_figures(report: Report, tmp_path: Path) -> None:
    made = with_votes(report)
    site = publish(made, tmp_path, Config(zip=False, examples=4), SilentProgress()).site
    text = re.sub(r"<[^>]+>", " ", (site / "models.html").read_text(encoding="utf-8"))
    text = re.sub(r"[ \n]+", " ", html.unescape(text))
    # 41 images: 12 of anger with nine votes for it of nine, 29 others with eight of nine.
    assert "Several people labelled 41 of 41 labelled images, with 9 votes each (median)" in text
    assert (
        "All of them agree on 12 (29\u202f%)." in text
        and "10.0\u202f% of the votes are for none of the classes" in text
    )
    assert "The label is the majority in 100.0\u202f% of the images that have one." in text
    # Pairs of raters that agree: all of 36, or 28 of 36.
    assert f"Two raters of one image agree in {round(100 * (12 + 29 * 28 / 36) / 41)}\u202f% [" in text
    # Unequal pairs by n - 1: 29 images x 16 / 8 = 58; votes 137, 24, 208, 0 of 369.
    alpha = 1 - 368 * 58 / (369**2 - 137**2 - 24**2 - 208**2)
    assert f"(Krippendorff's alpha) is {alpha:.2f}".replace("0.", ".") in text
    errors = (site / "errors.html").read_text(encoding="utf-8")
    for model in made.models:
        wrong = (model.predicted != made.labels).sum()
        chosen = ((model.predicted != made.labels) & (model.predicted == 0)).sum()
        assert f"{model.name}: {chosen} of {wrong} errors on images with votes" in errors
    assert 'id="human-choices"' in errors and "votes:human-choice" in errors
    index = (site / "index.html").read_text(encoding="utf-8")
    assert "are wrong, but a human choice: at least one rater chose the predicted emotion." in index
    happy = [site / "images" / f"{made.ids[row]}.html" for row in np.flatnonzero(made.labels == 2)]
    image = next(page for page in happy if page.exists()).read_text(encoding="utf-8")
    assert (
        "happiness 8, anger 1, no class 1" in image and "89\u202f% of the votes for one emotion; entropy 0.35" in image
    )
    rows = pd.read_csv(site / "downloads" / "votes.csv")
    assert len(rows) == 2 * 41 and set(rows["consensus"]) == {"all", "most"}
    counts = pd.read_csv(site / "downloads" / "vote_counts.csv")
    assert counts["votes"].sum() == 369
    assert "chosen by 1 of 10 raters" in errors or "chosen by none of 10 raters" in errors


def test_an_image_in_words(report: Report) -> None:
    votes: list[list[float]] = [[0, 0, 0, 0, 0]] * len(report.labels)
    votes[0], votes[1], votes[2] = [3, 2, 0, 0, 1], [0, 0, 0, 0, 4], [1, 1, 1, 1, 0]
    made = with_votes(report, votes)
    assert made.image_votes is not None
    facts = [dict(vote_facts(made, made.image_votes, row)) for row in range(4)]
    assert facts[0]["Votes"] == "anger 3, fear 2, no class 1" and facts[1] == {"Votes": "no class 4"} and not facts[3]
    assert facts[2]["Agreement"] == "25\u202f% of the votes for one emotion; entropy 1.39"
    predicted = int(made.models[0].predicted[0])
    chosen = {0: "3", 1: "2"}.get(predicted, "none")
    assert choice_words(made, 0, 0) == f"chosen by {chosen} of 6 raters" and choice_words(made, 3, 0) == ""
    shares = with_votes(report, [[0.5, 0.25, 0.25, 0, 0]] * len(report.labels))
    assert shares.image_votes is not None
    assert vote_facts(shares, shares.image_votes, 0)[0] == ("Votes", "anger 0.50, fear 0.25, happiness 0.25")
    section = vote_section(shares, Links(shares, ()))
    assert section is not None and "is not defined here: the test set holds shares of votes" in " ".join(
        section.sentences
    )


def test_the_explorer_finds_images_by_their_votes(report: Report) -> None:
    made = with_votes(report)
    found = next(one for one in image_sets(made) if one.kind == "votes")
    assert found.slugs == ("all", "most", "split", "human-choice")
    for bits, model in zip(found.bits, made.models, strict=True):
        assert ((bits & 1 > 0) == (made.labels == 0)).all() and ((bits & 2 > 0) == (made.labels != 0)).all()
        assert not (bits & 4).any()
        assert ((bits & 8 > 0) == ((model.predicted == made.labels) | (model.predicted == 0))).all()


@pytest.mark.parametrize("privacy", ["blur", "outline"])
def test_hidden_names_stay_hidden_beside_votes(report: Report, tmp_path: Path, privacy: str) -> None:
    site = publish(with_votes(report), tmp_path, Config(zip=False, examples=2, privacy=privacy), SilentProgress()).site
    text = (site / "downloads" / "votes.csv").read_text(encoding="utf-8")
    assert "face_" not in text and "person" not in text
    assert "What people voted" in (site / "models.html").read_text(encoding="utf-8")


def test_what_scaling_would_give_is_said_and_nothing_is_scaled(report: Report) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (600, 4))
    labels = np.array([rng.choice(4, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    found = tuple(
        recalibrate(model.name, factor * logits, labels, None, 0)
        for model, factor in zip(report.models, (3, 1), strict=True)
    )
    made = replace(report, recalibrations=found)
    first, second = (repair_section(made, k) for k in range(2))
    assert first is not None and second is not None and found[0] is not None
    by = f"{found[0].repairs[0].temperature:.2f}"
    assert first.lead.startswith(f"Dividing the logits of {report.models[0].name} by {by} would lower its log loss by ")
    assert first.lead.endswith("Predictions would stay the same.")
    assert "would change little" in second.lead
    assert [row.name for row in first.rows] == ["as it is", "temperature scaling", "vector scaling"]
    assert "in 5 parts" in first.how and first.how.endswith("Nothing in this report was scaled.")
    assert repair_section(report, 0) is None
