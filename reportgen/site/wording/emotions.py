"""What an emotion's page says first: how well the emotion is recognised, by which cue, and who never predicts it."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.evidence.performance.scores import EmotionScore
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.report import Report
from reportgen.site.wording.format import and_list, capital, count, number, plural
from reportgen.site.wording.shortcuts import cue_of

__all__ = ["correct_predictions", "emotion_lede", "emotion_title", "never_predicts"]

_HALF = 0.5


def emotion_title(report: Report, emotion: int) -> str:
    """The main thing about one emotion: what was proved first, else what its recall and precision allow to say."""
    name = report.classes[emotion]
    parts = [score.emotions[emotion] for score in report.scores]
    if not parts[0].n:
        return f"{capital(name)}: no images."
    if parts[0].few:
        return f"{capital(name)}: {count(parts[0].n, 'image')}, too few to evaluate."
    return _proved(report, name, parts) or _recognised(report, name, parts)


def _proved(report: Report, name: str, parts: Sequence[EmotionScore]) -> str:
    models, by = cue_of(report, name)
    if not models:
        return ""
    if len(models) < len(report.models):
        return f"{and_list(models)} {plural(len(models), 'relies', 'rely')} on {by} for {name}."
    if all(_missed(part.recall) for part in parts):
        return f"{capital(name)} is mostly missed, and predictions of it rely on {by}."
    return f"Predictions of {name} rely on {by}."


def _recognised(report: Report, name: str, parts: Sequence[EmotionScore]) -> str:
    models = [score.name for score in report.scores]
    for model, part in zip(models, parts, strict=True):
        if _most(part.recall) or _missed(part.recall):
            report.stated.claim("recall above one half", model, name, holds=_most(part.recall))
    for model, part in zip(models, parts, strict=True):
        report.stated.claim("ever predicted", model, name, holds=part.predicted > 0)
    if not any(part.predicted for part in parts):
        return f"{capital(name)} is never predicted."
    if all(_missed(part.recall) for part in parts):
        return f"{capital(name)} is mostly missed."
    finders = [i for i, part in enumerate(parts) if _most(part.recall)]
    if not finders:
        return f"{capital(name)} is often missed."
    only = "" if len(finders) == len(parts) else f" by {and_list([models[i] for i in finders])} only"
    if all(_most(parts[i].precision) for i in finders):
        return f"{capital(name)} is mostly recognised{only}."
    # A high recall is cheap for a model that predicts the emotion for nearly everything.
    careless = [models[i] for i in finders if _missed(parts[i].precision)]
    if not careless:
        return f"{capital(name)} has high recall{only}."
    by = "" if len(careless) == len(finders) else f" by {and_list(careless)}"
    return f"{capital(name)} has high recall{only}, but most photos predicted as {name}{by} are something else."


def _most(share: Estimate) -> bool:
    return share.defined and share.low > _HALF


def _missed(share: Estimate) -> bool:
    return share.defined and share.high < _HALF


def emotion_lede(report: Report, emotion: int) -> str:
    """Which models never predict the emotion; recall and precision stand with each model."""
    name, scores = report.classes[emotion], report.scores
    parts = [score.emotions[emotion] for score in scores]
    if not parts[0].n:
        return ""
    never = [score.name for score, part in zip(scores, parts, strict=True) if score.n and not part.predicted]
    if not never:
        return ""
    return (
        f"{and_list(never)} never {plural(len(never), 'predicts', 'predict')} {name}: the heat shown for it below "
        "belongs to a class that is never predicted."
    )


def never_predicts(report: Report, k: int, emotion: int) -> bool:
    """Whether model `k` gives this answer to no labelled image, though there are some."""
    score = report.scores[k]
    return score.n > 0 and score.emotions[emotion].predicted == 0


def correct_predictions(score: EmotionScore) -> str:
    """As in "35 of 140 predictions correct", or that there are none."""
    if not score.predicted:
        return f"never predicts {score.emotion}"
    return f"{number(score.correct)} of {count(score.predicted, 'prediction')} correct"
