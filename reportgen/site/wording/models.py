"""What is said of a model as a whole: class order, precision, trust in its heatmaps, and which of two is better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from reportgen.analysis import ModelRecords
from reportgen.evidence.importance.trust import Grade, TrustCheck, TrustGrade
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.model_comparison import MIN_DISCORDANT, Comparison
from reportgen.evidence.performance.permuted_classes import PermutedOrder
from reportgen.evidence.performance.scores import FEW, EmotionScore, ModelScores
from reportgen.evidence.performance.stated_accuracy import StatedAccuracy
from reportgen.evidence.reliability import LEAST_SCORE, Doubt, EmotionTrust, ModelTrust, Trust
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.site.report import Report
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    fixed,
    format_p,
    interval_text,
    number,
    paired_test,
    percent,
    percent_estimate,
    percent_interval,
    plural,
    points,
    rate,
    small,
)

__all__ = [
    "CHECK_NAMES",
    "GRADE_WORDS",
    "MACRO_ALL",
    "OVER_MANY",
    "accuracy_of",
    "accuracy_words",
    "check_limit",
    "check_sentence",
    "check_value",
    "class_order_warning",
    "comparison_sentence",
    "everyone",
    "grade_sentence",
    "leakage_sentence",
    "macro_f1_of",
    "more_accurate",
    "named_models",
    "never_sentence",
    "precision_changes",
    "recall_of",
    "score_sentences",
    "state_trust",
    "stated_accuracy_text",
    "stated_accuracy_warning",
    "trust_lead",
    "trust_sentences",
    "trust_words",
]

MACRO_ALL, OVER_MANY = "Macro-F1, all emotions", f"emotions with {FEW} images or more"
"""The two means of F1 are never called alike."""

_TOLERATED = 0.005
_NAMED = 3


def class_order_warning(order: PermutedOrder) -> str:
    """Another order of the outputs fits better: how much, which, and what to do; for the terminal and the report."""
    text = (
        f"The class order looks permuted: {percent(order.accuracy_now, 1)} of {count(order.n, 'image')} are classified "
        f"correctly as it is; {percent(order.accuracy_then, 1)} would be if the outputs stood for "
        f"{', '.join(order.order)}. "
    )
    if len(order.silent) > 1:
        text += f"Outputs that are never the largest cannot be told apart ({', '.join(order.silent)}). "
    return text + "Check the order used in training and set 'classes', or try classes = \"auto\"."


def more_accurate(c: Comparison) -> tuple[str, str, float, float, float]:
    """Which of two models is correct more often, the other one, and by how much: the difference with its interval."""
    gap = c.difference
    if gap.value < 0:
        return c.b, c.a, -gap.value, -gap.high, -gap.low
    return c.a, c.b, gap.value, gap.low, gap.high


def comparison_sentence(c: Comparison) -> str:
    """Which of two models classifies more images correctly, and whether the difference is significant."""
    if c.n == 0:
        return f"No image is labelled, so whether {c.a} or {c.b} is more accurate is unknown."
    first, second, ahead, low, high = more_accurate(c)
    correct, others = (c.both + only for only in (max(c.only_a, c.only_b), min(c.only_a, c.only_b)))
    text = (
        f"{first} classifies {number(correct)} and {second} {number(others)} of {count(c.n, 'image')} correctly "
        f"({percent(correct / c.n, 1)} and {percent(others / c.n, 1)}). "
    )
    if not c.discordant:
        text += "They are correct on the same images, so this test set cannot tell which is better."
    elif c.discordant < MIN_DISCORDANT:
        only = count(c.discordant, "image")
        text += (
            f"Inconclusive: {only} {plural(c.discordant, 'is', 'are')} classified correctly by only one of them, and "
            f"fewer than {MIN_DISCORDANT} such images cannot show a significant difference."
        )
    else:
        clear = "significant" if c.p_value < ALPHA else "not significant"
        text += (
            f"The difference of {points(ahead, sign=False, unit=' percentage points')} (95 % interval "
            f"{points(low, unit='', sign=False)} to {points(high, unit='', sign=False)}) is {clear}: of the "
            f"{number(c.discordant)} images that only one of them classifies correctly, {first} does so for "
            f"{number(max(c.only_a, c.only_b))} ({paired_test(c.difference)}, {format_p(c.p_value)})."
        )
    return f"{text} One checkpoint each compares checkpoints, not architectures."


def precision_changes(models: Sequence[ModelRecords]) -> tuple[str, ...]:
    """What bfloat16 changed, for every model that did not run in float32."""
    found = [(model.name, model.info.get("precision_change")) for model in models]
    return tuple(_precision_change(name, change) for name, change in found if change is not None)


def _precision_change(name: str, change: Mapping[str, Any]) -> str:
    share = wilson(change["predictions"], change["images"])
    changed = count(change["predictions"], "prediction")
    maps = [
        f"{percent(change['map_median'], 1)} in the median image",
        f"{percent(change['map_high'], 1)} in one of 20 images",
    ]
    text = (
        f"{name} ran in bfloat16, numbers of half the length. Compared with float32 on "
        f"{count(change['images'], 'image')}: {changed} changed, {percent_estimate(share, 1)}; the predicted class's "
        f"map differs by {and_list(maps)}. The {percent(change['again'], 1)} of images whose two most likely classes "
        "nearly tied ran again in float32."
    )
    warning = f" That is more than {percent(_TOLERATED, 1)}: compare with float32."
    return text + warning if share.value > _TOLERATED else text


CHECK_NAMES = {
    "Complete": "Completeness",
    "Beyond chance": "Beyond chance",
    "Shows what is used": "Agreement with region importance",
}
"""By name of a check."""


GRADE_WORDS: Mapping[Grade, str] = {
    "A": "All checks that could fail hold: read the heatmaps as coarse reasons.",
    "B": "Heat goes with region importance, but another check fails: read the heatmaps with care.",
    "C": "Do not read these heatmaps as reasons.",
    "": "Not graded: heat could not be compared with the effect of swapping regions.",
}
"""What a grade allows."""


def grade_sentence(grade: TrustGrade) -> str:
    """What a grade allows."""
    if not grade.grade and any(check.measure == "none" for check in grade.checks):
        last = grade.checks[-1].passed
        rest = "; agreement with region importance holds" if last else ""
        return f"Not graded: two of the three checks need layers, and maps by ablation have none{rest}."
    return GRADE_WORDS[grade.grade]


def check_sentence(check: TrustCheck) -> str:
    """One check of trust with its numbers."""
    if check.measure == "importance":
        result = check.estimate
        if result is None:
            return "Regions were not swapped, or for too few emotions to compare."
        return (
            f"Over {number(result.n)} pairs of emotion and region, heat that is specific to the emotion and the effect "
            f"of swapping the region have rank correlation {interval_text(result.value, result.low, result.high)} (an "
            "interval above 0 is required)."
        )
    if check.measure == "none":
        return "Not measured: it needs the model's layers, which an ONNX file does not show."
    if check.measure == "blank":
        return (
            f"{percent(check.value, 1)} of the predicted classes' maps are blank: no more evidence than the same "
            f"features give under scrambled weights (at most {percent(check.limit)} allowed)."
        )
    if math.isnan(check.value):
        return "Too few images to evaluate." if check.passed is None else "The maps do not vary over the images."
    if check.measure == "difference":
        return (
            f"The cells of every map add up to the logit, to within {check.value:.1e} of the largest logit (at most "
            f"{check.limit:g} allowed): the map is the whole of the evidence. With one linear layer behind the mean of "
            "the cells that holds by construction."
        )
    return (
        "The head has several layers, so maps are approximate. Over the images, a map's sum and its logit have rank "
        f"correlation {fixed(check.value)} (median of the emotions; lowest {fixed(check.lowest)}; at least "
        f"{check.limit:g} required)."
    )


def check_value(check: TrustCheck) -> str:
    """The number that decides; a dash where there is none."""
    if check.estimate is not None:
        return interval_text(check.estimate.value, check.estimate.low, check.estimate.high)
    if math.isnan(check.value):
        return "–"
    return {
        "difference": f"{check.value:.1e}", "correlation": fixed(check.value), "blank": percent(check.value, 1)
    }.get(check.measure, "–")  # fmt: skip


def check_limit(check: TrustCheck) -> str:
    """What the number is held against; a dash where there is no number."""
    if math.isnan(check.value):
        return "–"
    return {
        "difference": f"at most {check.limit:g} of the largest logit",
        "correlation": f"rank correlation of at least {check.limit:g}",
        "blank": f"at most {percent(check.limit)} blank",
        "importance": "interval above 0",
    }[check.measure]


def stated_accuracy_warning(model: str, statement: StatedAccuracy) -> str:
    """The checkpoint's own accuracy is far from the one found: by how much, and what may be wrong."""
    found = statement.found
    text = (
        f"The checkpoint of {model} states {statement.name} {percent(statement.stated, 1)}; on these "
        f"{count(found.n, 'image')} its accuracy is {percent_estimate(found, 1)}. "
    )
    if statement.stated > found.value:
        return text + (
            "Check the order of its classes, the preprocessing, and whether these images are like those it was "
            "validated on."
        )
    return text + "Check whether these images were used in training."


def stated_accuracy_text(statement: StatedAccuracy) -> str:
    """As in "val_acc 71.3 %; found here: 70.1 % [66 %, 74 %]"."""
    return f"{statement.name} {percent(statement.stated, 1)}; found here: {percent_estimate(statement.found, 1)}"


_DOUBTS: Mapping[Doubt, str] = {
    "class order": "its classes look permuted",
    "shortcut": "shortcut",
    "low recall": f"recall below {percent(LEAST_SCORE)}",
    "low precision": f"precision below {percent(LEAST_SCORE)}",
    "leakage": "training leaked into the test set",
    "few images": "too few images",
    "uncertain": f"recall or precision may be below {percent(LEAST_SCORE)}",
}


def trust_lead(models: Sequence[ModelTrust]) -> str:
    """On which emotions each model can be trusted, as in "ResNet18 on happiness and neutral; CNN not yet."."""
    answers = [_where_trusted(model) for model in models]
    if len(set(answers)) == 1:
        return f"{capital(answers[0])}."
    told = [f"{model.model} {answer}" for model, answer in zip(models, answers, strict=True)]
    return f"{'; '.join(told)}."


def _where_trusted(model: ModelTrust) -> str:
    trusted, judged = model.of("trusted"), len(model.emotions)
    if not trusted:
        return "not yet"
    if len(trusted) == judged:
        return f"on all {judged} emotions"
    return f"on {and_list(trusted)} only" if len(trusted) <= _NAMED else f"on {len(trusted)} of {judged} emotions"


def score_sentences(report: Report, models: Sequence[int]) -> str:
    """Accuracy of an only model, and of each what is shown to inflate it."""
    told = [f"{capital(accuracy_words(report, models[0]))}."] if len(report.models) == 1 else []
    leakages = [report.trust[k].leakage for k in models]
    told += [leakage_sentence(found) for found in leakages if found is not None and found.matters]
    return " ".join(told)


def accuracy_words(report: Report, k: int) -> str:
    """As in "accuracy 73.7 % [70.1, 77.1], mean confidence 59 %"; the confidence where it is proven to be wrong."""
    score = report.scores[k]
    text = f"accuracy {accuracy_of(report, score, 1)} {percent_interval(score.accuracy, 1)}"
    if report.trust[k].confidence == "sound":
        return text
    return f"{text}, mean confidence {percent(score.mean_confidence)}"


def everyone(models: int) -> str:
    """Who predicts the same: "the model", "both models", "all 3 models"."""
    return "the model" if models == 1 else "both models" if models == 2 else f"all {models} models"


def named_models(report: Report, names: Sequence[str], *, first: bool = False) -> str:
    """Some models by their names, or all of several as "both models"; `first` words of a sentence: "Both models"."""
    if not 1 < len(names) == len(report.models):
        return and_list(names)
    return capital(everyone(len(names))) if first else everyone(len(names))


def accuracy_of(report: Report, score: ModelScores, digits: int = 0) -> str:
    """A model's accuracy, wherever it is printed."""
    return report.stated.number(percent(score.accuracy.value, digits), "accuracy", score.name)


def macro_f1_of(report: Report, model: str, macro: Estimate, over: str = "all emotions") -> str:
    """A model's macro-F1 over all emotions or `OVER_MANY`, wherever it is printed."""
    return report.stated.number(decimal(macro.value), f"macro-F1 over {over}", model)


def recall_of(report: Report, model: str, score: EmotionScore) -> str:
    """A model's recall of an emotion, wherever it is printed: in per cent, or "1 of 3" where there are few images."""
    return report.stated.number(rate(score), "recall", model, score.emotion) if score.n else rate(score)


def state_trust(report: Report, trust: ModelTrust) -> None:
    """Note which emotions are said to be trusted and which not."""
    for one in trust.emotions:
        if one.trust != "open":
            report.stated.claim("trusted", trust.model, one.emotion, holds=one.trust == "trusted")
    if trust.grade:
        report.stated.claim("heatmaps may be read", trust.model, holds=trust.grade != "C")


def trust_sentences(models: Sequence[ModelTrust]) -> tuple[str, str, tuple[str, ...]]:
    """Which emotions are not to be trusted and why; how the confidences are, and the heatmaps' grade, as far as that
    holds of all models; and per model what differs, "" where nothing does.
    """
    grades = {one.grade for one in models}
    told = [(title, _doubtful(models, answer)) for title, answer in _DOUBTFUL.items()]
    doubts = " ".join(f"{title}: {emotions}." for title, emotions in told if emotions)
    common, own = list[str](), [list[str]() for _ in models]
    told_of: dict[str, list[str]] = {"Confidences": [_CONFIDENCES[one.confidence] for one in models]}
    if len(grades) > 1:  # of one grade what it allows says enough
        told_of["Heatmap grade"] = [one.grade for one in models]
    for title, each in told_of.items():
        if len(set(each)) == 1:
            common += [f"{title}: {each[0]}."] if each[0] else []
            continue
        for text, lines in zip(each, own, strict=True):
            lines += [f"{small(title)}: {text}"] if text else []
    common += [GRADE_WORDS[grade] for grade in grades if grade and len(grades) == 1]
    if len(grades) > 1 and "C" in grades:
        common.append("Do not read heatmaps of grade C as reasons.")
    return doubts, " ".join(common), tuple("; ".join(lines) for lines in own)


_NEVER = "never predicted"
_DOUBTFUL: Mapping[str, Trust] = {"Not trusted": "not trusted", "Open": "open"}
_CONFIDENCES = {
    "sound": "no significant calibration error",
    "too high": "too high on average",
    "too low": "too low on average",
}


def trust_words(one: EmotionTrust) -> str:
    """The answer for one emotion with its first reason, as in "not trusted: shortcut"."""
    return one.trust if not one.doubts else f"{one.trust}: {_doubt(one)}"


def _doubt(one: EmotionTrust) -> str:
    never = one.doubts[0] == "low recall" and not one.score.predicted
    return _NEVER if never else _DOUBTS[one.doubts[0]]


def _doubtful(models: Sequence[ModelTrust], answer: Trust) -> str:
    """Emotions with this answer by the reason, with models where these differ; "" where there is none.

    As in "anger (recall below 50 %), sadness (CNN: recall below 50 %; ResNet18: shortcut)".
    """
    reasons: dict[str, dict[str, str]] = {}
    for model in models:
        for one in model.emotions:
            if one.trust == answer:
                # Of several models, that one never predicts it at all is a low recall like another, told behind all.
                told = _doubt(one) if len(models) == 1 else _DOUBTS[one.doubts[0]]
                reasons.setdefault(one.emotion, {})[model.model] = told
    by: dict[str, list[str]] = {}
    for emotion, given in reasons.items():
        alike = len(given) == len(models) and len(set(given.values())) == 1
        told = next(iter(given.values())) if alike else "; ".join(f"{name}: {why}" for name, why in given.items())
        by.setdefault(told, []).append(emotion)
    return ", ".join(f"{and_list(emotions)} ({told})" for told, emotions in by.items())


def never_sentence(report: Report) -> str:
    """Emotions that models never predict, by whom, as in "Never predicted: anger (CNN)."; "" where there is none.

    Of an only model those are left out whose doubt says it.
    """
    alone = len(report.models) == 1
    never: dict[str, list[str]] = {}
    for model in report.trust:
        for one in model.emotions:
            if one.score.predicted or not one.score.n:
                continue
            report.stated.claim("ever predicted", model.model, one.emotion, holds=False)
            if not (alone and one.doubts and _doubt(one) == _NEVER):
                never.setdefault(one.emotion, []).append(model.model)
    by: dict[str, list[str]] = {}
    for emotion, names in never.items():
        by.setdefault("" if alone else f" ({named_models(report, names)})", []).append(emotion)
    return f"{capital(_NEVER)}: {', '.join(f'{and_list(names)}{who}' for who, names in by.items())}." if by else ""


def leakage_sentence(leakage: Leakage) -> str:
    """How far accuracy rests on persons or files of the training data."""
    if leakage.nothing_new:
        return (
            f"Every test image is a file of the training data of {leakage.model} or shows a person of it: no score "
            "here tells how it does on new persons."
        )
    text = (
        f"{leakage.model} is correct on {percent_estimate(leakage.on_seen)} of the {number(leakage.on_seen.n)} images "
        f"of persons or files in its training data and on {percent_estimate(leakage.on_new)} of the "
        f"{number(leakage.on_new.n)} others"
    )
    if not leakage.proven:
        return f"{text}; this is not shown to inflate its accuracy."
    low, high = (points(end, 0, sign=False, unit="") for end in (leakage.inflation.low, leakage.inflation.high))
    more = points(leakage.inflation.value, 0, sign=False, unit=" percentage points")
    return f"{text}: its accuracy is inflated by {more} (95 % interval {low} to {high})."
