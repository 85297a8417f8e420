"""Model cards: the head is what Hugging Face reads, the numbers are the report's, and nothing is made up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from reportgen.config import Config
from reportgen.evidence.groups.gaps import Gap
from reportgen.evidence.groups.groupings import Grouping
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.robustness.findings import LevelEffect, RecallChange, RobustnessFindings
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.progress import SilentProgress
from reportgen.site.links import Links
from reportgen.site.pages.model_card import NOT_MEASURED, card_path, model_card
from reportgen.site.publish import publish
from reportgen.site.report import Report

MakeReport = Callable[..., Report]
SECTIONS = [
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses",
    "Ethical considerations", "Caveats and recommendations",
]  # fmt: skip


def card(report: Report, k: int = 0) -> str:
    return model_card(report, Links(report, ()), k).decode("utf-8")


def test_the_sections_are_those_of_model_cards_in_their_order(report: Report) -> None:
    assert re.findall(r"^## (.*)$", card(report), re.MULTILINE) == SECTIONS
    assert card(report).startswith("---\n") and "\n\n\n" not in card(report)


def test_the_numbers_are_the_reports(report: Report) -> None:
    text, score = card(report, 1), report.scores[1]
    assert f"\n# {score.name}\n" in text
    assert f"| Accuracy (higher is better) | {100 * score.accuracy.value:.1f}\u202f% | [" in text
    for row in score.emotions:
        assert f"\n| {row.emotion} | {row.n}" in text
    assert f"- **SHA-256:** {report.models[1].info['sha256']}" in text
    # What was proved of this model is in its card, and of the other one is not.
    assert "- **The model relies on colour for happiness.**" in card(report) or "colour" in text


def test_what_was_not_measured_is_said_to_be_so(make_report: MakeReport) -> None:
    bare = card(make_report())
    assert bare.count(NOT_MEASURED) >= 3 and "Whether the model works alike for groups" in bare
    assert "No changed photos were shown to the model." in bare
    assert "The test set holds no votes of several people." in bare and "Not known to this report." in bare
    unlabelled = card(make_report(labelled=False))
    assert "model-index" not in unlabelled and "The images have no labels." in unlabelled
    assert not re.search(r"\d %|nan|None", unlabelled)


def test_groups_and_changes_of_the_photo_are_told_where_they_were_measured(report: Report) -> None:
    grouping = Grouping("sex", "given", ("female", "male"), np.zeros(len(report.labels), dtype=np.int64))
    gap = Gap(0.4, 0.7, 0.05, 30.0, 50, 60, 20, (0, 2), named=True)
    model = report.models[0].name
    one = GroupGap(model, "sex", "female", "", "accuracy", gap, gap, 0.001, 1.0, by_mix=False, photos=50, share=0.5)
    made = replace(report, groups=GroupFindings((grouping,), (one,)))
    text = card(made)
    assert (
        f"- {model} is correct on 40\u202f% of all 50 photos with sex: female and on 70\u202f% of the 60 others."
        in text
    )
    assert "Scores were compared between groups by the test set's sex." in text
    assert "No group was shown to fare worse by more than" in card(made, 1)

    def effect(change: str, answer: Literal["breaks", "holds"], still: int) -> LevelEffect:
        drop = Estimate((40 - still) / 50, 0.2, 0.5, 50)
        part = RecallChange("", 50, None, 40, still, wilson(40, 50), wilson(still, 50), drop, 0.001, answer)
        return LevelEffect(model, change, len(DISTURBANCES[change].levels) - 1, part, (), None, None)

    effects = effect("blur", "breaks", 20), effect("noise", "holds", 39)
    text = card(replace(report, robustness=RobustnessFindings(effects, 50, 100, (), (), None, {})))
    assert f"{model} predicts 20 of 50 photos correctly, 40 as they are: recall changes by −40 points" in text
    assert "Holds: " in text


def test_hugging_face_reads_the_head(report: Report) -> None:
    hub = pytest.importorskip("huggingface_hub")
    for k, score in enumerate(report.scores):
        read = hub.ModelCard(card(report, k))
        assert read.data.pipeline_tag == "image-classification" and read.data.library_name == "pytorch"
        assert read.data.model_name == score.name
        found = {result.metric_type: result.metric_value for result in read.data.eval_results}
        assert found["accuracy"] == pytest.approx(score.accuracy.value, abs=1e-4)
        assert found["log_loss"] == pytest.approx(score.nll, abs=1e-4) and len(found) == 6
        assert {result.dataset_name for result in read.data.eval_results} == {"processed_data.pkl"}
        assert read.text.lstrip().startswith(f"# {score.name}")


def test_names_are_no_markup(make_report: MakeReport) -> None:
    name = 'A "b": [x](y) | <i>\n- z'
    made = make_report(models=(name,))
    text = card(made)
    body = text.split("\n---\n", 1)[1]
    assert "<i>" not in body and "](y)" not in body and "\n- z" not in body
    hub = pytest.importorskip("huggingface_hub")
    assert hub.ModelCard(text).data.model_name == 'A "b": [x](y) | <i> - z'


def test_cards_are_downloads_and_keep_hidden_names(report: Report, tmp_path: Path) -> None:
    manifest = {**report.analysis.manifest, "data": {"source": "photos of Ann.csv"}}
    made = replace(report, analysis=replace(report.analysis, manifest=manifest))
    site = publish(made, tmp_path, Config(zip=False, examples=2, privacy="blur"), SilentProgress()).site
    method = (site / "method.html").read_text(encoding="utf-8")
    for model in report.models:
        text = (site / card_path(model.slug)).read_text(encoding="utf-8")
        assert card_path(model.slug) in method and f"What was found about {model.name}" in method
        assert "face_" not in text and "person 1" not in text and "/home" not in text
