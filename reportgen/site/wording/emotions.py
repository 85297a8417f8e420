"""What an emotion's page says first: how well the emotion is read, by what, and what the models never say."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.evidence.performance.scores import EmotionScore
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.report import Report
from reportgen.site.wording.format import and_list, capital, count, percent_estimate, rate
from reportgen.site.wording.proofs import known_by

__all__ = ["emotion_lede", "emotion_title", "never_answers", "right_answers"]

_HALF = 0.5


def emotion_title(report: Report, emotion: int) -> str:
    """The main thing about one emotion: what was proved first, else what its recall and precision allow to say."""
    name = report.classes[emotion]
    parts = [score.emotions[emotion] for score in report.scores]
    if not parts[0].n:
        return f"{capital(name)}: nothing to see yet."
    if parts[0].few:
        return f"{capital(name)}: {count(parts[0].n, 'image')}, too few to judge."
    return _proved(report, name, parts) or _recognised(report, name, parts)


def _proved(report: Report, name: str, parts: Sequence[EmotionScore]) -> str:
    models, by = known_by(report, name)
    if not models:
        return ""
    if len(models) < len(report.models):
        return f"{and_list(models)} {'knows' if len(models) == 1 else 'know'} {name} by {by}."
    if all(_missed(part.recall) for part in parts):
        return f"{capital(name)} is mostly missed, and recognised by {by} where it is found."
    return f"{capital(name)} is recognised by {by}."


def _recognised(report: Report, name: str, parts: Sequence[EmotionScore]) -> str:
    models = [score.name for score in report.scores]
    if not any(part.predicted for part in parts):
        return f"{capital(name)} is never answered."
    if all(_missed(part.recall) for part in parts):
        return f"{capital(name)} is mostly missed."
    finders = [i for i, part in enumerate(parts) if _most(part.recall)]
    if not finders:
        return f"{capital(name)} is often missed."
    only = "" if len(finders) == len(parts) else f" by {and_list([models[i] for i in finders])} only"
    if all(_most(parts[i].precision) for i in finders):
        return f"{capital(name)} is mostly recognised{only}."
    # Finding many is cheap for a model that gives the answer to nearly everything.
    careless = [models[i] for i in finders if _missed(parts[i].precision)]
    if not careless:
        return f"{capital(name)} is mostly found{only}."
    called = f"called {name}" if len(careless) == len(finders) else f"that {and_list(careless)} calls {name}"
    if len(careless) > 1 and len(careless) < len(finders):
        called = called.replace("calls", "call")
    return f"{capital(name)} is mostly found{only}, but most photos {called} are something else."


def _most(share: Estimate) -> bool:
    return share.defined and share.low > _HALF


def _missed(share: Estimate) -> bool:
    return share.defined and share.high < _HALF


def emotion_lede(report: Report, emotion: int) -> str:
    """How many each model finds, how many of its answers are right, and which never gives the answer."""
    name, scores = report.classes[emotion], report.scores
    parts = [score.emotions[emotion] for score in scores]
    if not parts[0].n:
        return ""
    said = [f"{score.name} finds {_found(part)}" for score, part in zip(scores, parts, strict=True)]
    text = f"Of {count(parts[0].n, 'image')} labelled {name}, {and_list(said)}."
    right = [
        f"{percent_estimate(part.precision)} of {score.name}'s {part.predicted:,}"
        for score, part in zip(scores, parts, strict=True)
        if part.precision.defined and not part.few
    ]
    if right:
        text += f" Of the answers “{name}”, {and_list(right)} are right."
    never = [score.name for score, part in zip(scores, parts, strict=True) if score.n and not part.predicted]
    if never:
        verb, its = ("answers", "its") if len(never) == 1 else ("answer", "their")
        text += (
            f" {and_list(never)} never {verb} {name}, for any image: {its} heat for it, below, is of a class that is "
            "never chosen."
        )
    return text


def _found(part: EmotionScore) -> str:
    return rate(part) if part.few else percent_estimate(part.recall)


def never_answers(report: Report, k: int, emotion: int) -> bool:
    """Whether model `k` gives this answer to no labelled image, though there are some."""
    score = report.scores[k]
    return score.n > 0 and score.emotions[emotion].predicted == 0


def right_answers(score: EmotionScore) -> str:
    """As in "35 of 140 answers right", or that there are none."""
    if not score.predicted:
        return f"it never answers {score.emotion}"
    return f"{score.correct:,} of {score.predicted:,} {'answer' if score.predicted == 1 else 'answers'} right"
