"""What is said of whole models: hand-worked sentences."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reportgen.analysis import ModelRecords
from reportgen.evidence.importance.trust import TrustCheck, TrustGrade
from reportgen.evidence.performance.model_comparison import Comparison
from reportgen.evidence.performance.permuted_classes import PermutedOrder
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.paired import mcnemar, paired_difference
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.headline import answer_questions, best_model
from reportgen.site.wording.models import (
    check_limit,
    check_sentence,
    check_value,
    class_order_warning,
    comparison_sentence,
    grade_sentence,
    never_sentence,
    precision_changes,
)


def plain_blanks(text: str) -> str:
    return text.replace("\u202f", " ")


def compared(both: int, only_a: int, only_b: int, neither: int) -> str:
    n, p = both + only_a + only_b + neither, mcnemar(only_a, only_b)
    difference = paired_difference(only_a, only_b, n)
    found = Comparison("A", "B", n, both, only_a, only_b, neither, both, 0, difference, p, p < 0.05, 0.5)
    return plain_blanks(comparison_sentence(found))


def test_the_better_of_two_models_comes_first() -> None:
    assert compared(1404, 108, 269, 270) == (
        "B classifies 1,673 and A 1,512 of 2,051 images correctly (81.6 % and 73.7 %). The difference of "
        "7.8 percentage points (95 % interval 6.0 to 9.7) is significant: of the 377 images that only one of them "
        "classifies correctly, B does so for 269 (exact McNemar test, p < .001). "
        "One checkpoint each compares checkpoints, not architectures."
    )


@pytest.mark.parametrize("names", [("A",), ("A", "B"), ("A", "B", "C")])
def test_answers_tell_two_models_apart_and_of_many_the_best_by_name(
    make_report: Callable[..., Report], names: tuple[str, ...]
) -> None:
    report = make_report(models=names)
    best = names[best_model(report)]
    told = {1: (), 2: names, 3: (best,)}[len(names)]
    _, errors, _, trust = answer_questions(report, Links(report, ()))
    for answer in (errors, trust):
        assert tuple(line.model for line in answer.models) == told
        # An only model needs no name; what holds of all stands below the lines.
        assert answer.whole.count("ccuracy") == (max(len(told), 1) if answer is trust else 0)
        assert told or answer is trust or not answer.note
        assert all(f"{name}: " in answer.whole for name in told)


@pytest.mark.parametrize("names", [("A",), ("A", "B"), ("A", "B", "C")])
def test_emotions_that_are_never_predicted_are_named_with_their_models(
    make_report: Callable[..., Report], names: tuple[str, ...]
) -> None:
    """Fear by all, anger by the first: of both a low or an open recall is told, which is less."""
    report = make_report(models=names)
    never = {names[0]: ("anger", "fear"), **dict.fromkeys(names[1:], ("fear",))}
    made = replace(report)
    made.__dict__["trust"] = tuple(
        replace(
            trust,
            emotions=tuple(
                replace(one, score=replace(one.score, predicted=0 if one.emotion in never[trust.model] else 3))
                for one in trust.emotions
            ),
        )
        for trust in report.trust
    )
    told = {
        1: "Never predicted: anger and fear.",
        2: "Never predicted: anger (A), fear (both models).",
        3: "Never predicted: anger (A), fear (all 3 models).",
    }
    assert never_sentence(made) == told[len(names)]
    assert told[len(names)] in answer_questions(made, Links(made, ()))[-1].whole
    assert "Never predicted" not in never_sentence(report) or any(
        not one.score.predicted for trust in report.trust for one in trust.emotions
    )


def test_of_an_only_model_never_is_told_once(make_report: Callable[..., Report]) -> None:
    report = make_report(models=("A",))
    made = replace(report)
    made.__dict__["trust"] = tuple(
        replace(
            trust,
            emotions=tuple(
                replace(one, doubts=("low recall",), score=replace(one.score, predicted=0)) for one in trust.emotions
            ),
        )
        for trust in report.trust
    )
    answer = answer_questions(made, Links(made, ()))[-1]
    assert never_sentence(made) == "" and answer.whole.casefold().count("never predicted") == 1


def test_what_cannot_be_told_is_said_so() -> None:
    even = compared(50, 9, 7, 4)
    assert "is not significant" in even and "interval −" in even
    assert "Inconclusive: 5 images are classified correctly by only one of them, and fewer than 6" in compared(
        50, 5, 0, 9
    )
    assert "Inconclusive: 1 image is classified" in compared(50, 1, 0, 0)
    assert "correct on the same images" in compared(5, 0, 0, 2)
    assert compared(0, 0, 0, 0) == "No image is labelled, so whether A or B is more accurate is unknown."


def test_a_permuted_order_is_told_with_what_to_do() -> None:
    order = PermutedOrder(0.26, 0.94, ("dog", "cat", "owl"), 1100, ("dog", "owl"))
    assert plain_blanks(class_order_warning(order)) == (
        "The class order looks permuted: 26.0 % of 1,100 images are classified correctly as it is; 94.0 % would be if "
        "the outputs stood for dog, cat, owl. Outputs that are never the largest cannot be told apart (dog, owl). "
        "Check the order used in training and set 'classes', or try classes = \"auto\"."
    )
    one = PermutedOrder(0.26, 0.94, ("dog", "cat", "owl"), 1100, ("owl",))
    assert "told apart" not in class_order_warning(one), "a single silent output is known by elimination"


@pytest.mark.parametrize(
    ("check", "value", "limit", "sentence"),
    [
        (TrustCheck("Complete", True, 2.6e-7, 1e-3, "difference"), "2.6e-07", "at most 0.001 of the largest logit",
         "to within 2.6e-07 of the largest logit"),
        (TrustCheck("Complete", True, 0.95, 0.9, "correlation", lowest=0.91), "0.95",
         "rank correlation of at least 0.9", "correlation 0.95 (median of the emotions; lowest 0.91; at least 0.9"),
        (TrustCheck("Complete", False, math.nan, 0.9, "correlation"), "–", "–", "do not vary"),
        (TrustCheck("Complete", None, math.nan, 1e-3, "difference"), "–", "–", "Too few images to evaluate."),
        (TrustCheck("Beyond chance", True, 0.034, 0.1, "blank"), "3.4 %", "at most 10 % blank", "3.4 % of the"),
        (TrustCheck("Shows what is used", True, 0.31, 0.0, "importance", Estimate(0.31, -0.02, 0.55, 42)),
         "0.31 [−0.02, 0.55]", "interval above 0", "Over 42 pairs"),
        (TrustCheck("Shows what is used", None, math.nan, 0.0, "importance"), "–", "–", "were not swapped"),
    ],
)  # fmt: skip
def test_every_check_has_its_number_limit_and_sentence(
    check: TrustCheck, value: str, limit: str, sentence: str
) -> None:
    assert (plain_blanks(check_value(check)), plain_blanks(check_limit(check))) == (value, limit)
    assert sentence in plain_blanks(check_sentence(check))


def test_every_grade_has_a_sentence_of_its_own() -> None:
    assert len({grade_sentence(TrustGrade("m", grade, ())) for grade in ("A", "B", "C", "")}) == 4


def model(name: str, change: dict[str, object] | None) -> ModelRecords:
    nothing = np.zeros((0, 7), np.float32)
    return ModelRecords(name, name, {"precision_change": change}, nothing, nothing)


def test_what_was_measured_is_said() -> None:
    change = {"images": 64, "predictions": 0, "map_median": 0.0061, "map_high": 0.0136, "again": 0.0234}
    (said,) = precision_changes([model("A", None), model("B", change)])
    said = said.replace("\u202f", " ").replace("\u00a0", " ")
    assert said.startswith("B ran in bfloat16")
    # Wilson's interval of 0 of 64 ends at 1.96^2 / (64 + 1.96^2).
    assert "64 images: 0 predictions changed, 0.0 % [0.0, 5.7]" in said
    assert "differs by 0.6 % in the median image and 1.4 % in one of 20 images" in said
    assert "The 2.3 % of images" in said
    assert "compare with float32" not in said


def test_too_many_changes_are_a_warning() -> None:
    change = {"images": 200, "predictions": 2, "map_median": 0.0, "map_high": 0.0, "again": 0.0}
    assert "more than 0.5" in precision_changes([model("A", change)])[0]
    change = {**change, "predictions": 1}
    assert "more than" not in precision_changes([model("A", change)])[0]


def test_analyses_without_a_word_about_precision_have_none() -> None:
    records = model("A", None)
    records.info.clear()
    assert precision_changes([records]) == ()


@pytest.mark.parametrize(
    ("grade", "passed", "text"),
    [
        ("", True, "maps by ablation have none; agreement with region importance holds."),
        ("", None, "maps by ablation have none."),
        ("C", False, "Do not read these heatmaps as reasons."),
    ],
)
def test_maps_by_ablation_are_not_graded_but_may_be_refused(grade, passed, text):
    absent = [TrustCheck(name, None, math.nan, 0.1, "none") for name in ("Complete", "Beyond chance")]
    checks = (*absent, TrustCheck("Shows what is used", passed, math.nan, 0.0, "importance"))
    assert grade_sentence(TrustGrade("Net", grade, checks)).endswith(text)
    assert check_sentence(absent[0]) == "Not measured: it needs the model's layers, which an ONNX file does not show."
