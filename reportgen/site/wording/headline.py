"""The words on the first page: which finding is the headline, and one sentence for each question.

Rules pick the words from the evidence; where the evidence does not decide, the words say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from reportgen.evidence.errors.reasons import ReasonFindings
from reportgen.evidence.errors.rules import ORDER
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.performance.scores import EmotionScore, ModelScores
from reportgen.evidence.reliability import LEAST_SCORE
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.html.components import Finding, Headline, Link, ModelLine, series_of
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.damages import damage_headline
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    number,
    percent,
    percent_estimate,
    plural,
    points,
    too_few,
)
from reportgen.site.wording.importance import emotions_of, odds_cut, recall_too, rival_sentence, the, used_regions
from reportgen.site.wording.models import (
    accuracy_of,
    accuracy_words,
    more_accurate,
    named_models,
    never_sentence,
    score_sentences,
    state_trust,
    trust_lead,
    trust_sentences,
)
from reportgen.site.wording.performance.groups import group_words, worst_gaps
from reportgen.site.wording.performance.votes import human_choice_short
from reportgen.site.wording.shortcuts import CUES, cheating_answer, relies_on_cue

__all__ = ["answer_questions", "best_model", "confused_pair", "headline"]

_HAVE = {
    "low-quality": "low photo quality",
    "dark-eyes": "covered or dark eyes",
    "turned-head": "a turned head",
    "open-mouth": "a mouth open unusually wide",
}
_LARGE, _NOTABLE = 1 / 3, 0.1
"""Shares of all errors from which one confused pair, or the shortcut, is the first thing to say."""

# More regions or emotions than this make a card a list.
_NAMED = 2


def headline(report: Report) -> Headline:
    """The main finding in words."""
    if not report.labelled:
        return Headline(
            f"{count(len(report.everything.labels), 'image')}, and where {_names(report)} found evidence.",
            "None of these images has a label, so whether predictions are correct is unknown.",
        )
    for model, order in zip(report.models, report.class_orders, strict=True):
        if order is not None:
            return Headline(
                f"The classes of {model.name} look permuted.",
                "Do not rely on any score or heatmap below until the order of the classes is right.",
            )
    lede = _accuracy_sentence(report) + _few_sentence(report)
    proved = damage_headline(report, _region_sentence(report) or lede)
    if proved is not None:
        return proved
    strong, weak = _strong_and_weak(report)
    subject, models = _subject(report), len(report.models)
    recognise, miss = plural(models, "recognises", "recognise"), plural(models, "misses", "miss")
    if strong and weak:
        return Headline(f"{subject} {recognise} {and_list(strong)} and mostly {miss} {and_list(weak)}.", lede)
    if weak and not strong:
        return Headline(f"{subject} {miss} more than half of {and_list(weak)}.", lede)
    if strong:
        return Headline(f"{subject} {recognise} {and_list(strong)}.", lede)
    best = max(report.scores, key=lambda score: score.accuracy.value)
    text = f"{best.name} classifies {accuracy_of(report, best)} of {count(best.n, 'image')} correctly."
    return Headline(text, _few_sentence(report))


def _names(report: Report) -> str:
    return and_list([model.name for model in report.models])


def _subject(report: Report) -> str:
    names = [model.name for model in report.models]
    return names[0] if len(names) == 1 else "Both models" if len(names) == 2 else "All models"


def _strong_and_weak(report: Report) -> tuple[list[str], list[str]]:
    """Emotions whose recall lies above, and below, one half in every model, by their intervals."""
    strong, weak = [], []
    for rows in zip(*(score.emotions for score in report.scores), strict=True):
        if any(row.few for row in rows):
            continue
        if all(row.recall.low > LEAST_SCORE for row in rows):
            strong.append(rows)
        elif all(row.recall.high < LEAST_SCORE for row in rows):
            weak.append(rows)

    def mean(rows: tuple[EmotionScore, ...]) -> float:
        return float(np.mean([row.recall.value for row in rows]))

    for score in report.scores:
        for parts, holds in ((strong, True), (weak, False)):
            for rows in parts:
                report.stated.claim("recall above one half", score.name, rows[0].emotion, holds=holds)
    return (
        [rows[0].emotion for rows in sorted(strong, key=mean, reverse=True)],
        [rows[0].emotion for rows in sorted(weak, key=mean)],
    )


def _region_sentence(report: Report) -> str:
    """Which part of the face the models rely on for what; empty where no effect is significant."""
    importance = report.importance
    if importance is None or not importance.tested:
        return ""
    relying: dict[tuple[str, str], list[str]] = {}
    for found in importance.regions:
        if found.answer == "yes" and found.region != "background":
            relying.setdefault((found.region, found.emotion), []).append(found.model)
    sentences = [_shared_region(report, region, relying) for region in dict.fromkeys(region for region, _ in relying)]
    if not any(sentences):
        sentences = [
            f"{model.name} relies on the {REGION_NAMES[region]} for {emotions_of(mine)}."
            for model in report.models
            for region, mine in used_regions(importance.regions, model.name)[:1]
        ]
    return " ".join(list(filter(None, sentences))[:2])


def _shared_region(report: Report, region: str, relying: Mapping[tuple[str, str], Sequence[str]]) -> str:
    """For which emotions all models rely on a region, and for which only one does; empty where they share none."""
    everyone = [model.name for model in report.models]
    here = {emotion: names for (place, emotion), names in relying.items() if place == region}
    shared = [emotion for emotion, names in here.items() if names == everyone]
    if not shared:
        return ""
    verb = plural(len(everyone), "relies", "rely")
    text = f"{_subject(report)} {verb} on the {REGION_NAMES[region]} for {and_list(shared)}"
    own = [(name, [emotion for emotion, names in here.items() if names == [name]]) for name in everyone]
    also = [f"{name} also for {and_list(emotions)}" for name, emotions in own if emotions]
    return f"{text}; {and_list(also)}." if also and len(everyone) > 1 else f"{text}."


def _accuracy_sentence(report: Report) -> str:
    scores = sorted(report.scores, key=lambda score: -score.accuracy.value)
    first = scores[0]
    text = f"{first.name} classifies {accuracy_of(report, first)} of {count(first.n, 'image')} correctly"
    others = [f"{score.name} {accuracy_of(report, score)}" for score in scores[1:]]
    return f"{text}, {and_list(others)}. " if others else f"{text}. "


def _few_sentence(report: Report) -> str:
    few = [row for row in report.scores[0].emotions if row.few]
    if len(few) == 1:
        images = count(few[0].n, "image") if few[0].n else "no image"
        return f"{capital(few[0].emotion)} has {images}: too few to evaluate."
    return f"{capital(and_list([row.emotion for row in few]))} have too few images to evaluate." if few else ""


def _told_models(report: Report) -> Sequence[int]:
    """Models that an answer speaks of: of many the best alone, as each has its own page."""
    return range(len(report.models)) if len(report.models) <= _NAMED else (best_model(report),)


def _each(report: Report, models: Sequence[int], lines: Sequence[str]) -> tuple[ModelLine, ...]:
    """A line per model; none where there is one model, whose name the answer need not repeat."""
    if len(report.models) == 1:
        return ()
    return tuple(
        ModelLine(series_of(k), report.models[k].name, f"{line}.") for k, line in zip(models, lines, strict=True)
    )


def answer_questions(report: Report, links: Links) -> tuple[Finding, ...]:
    """One finding for each of the four questions, in their order."""
    return (cheating_answer(report), _errors(report, links), _definition(report), _trust(report, links))


def _errors(report: Report, links: Links) -> Finding:
    question = "Why did they misclassify?"
    if not report.labelled:
        text = "Without labels there are no errors to explain."
        return Finding(question, "open", "Unknown.", text, Link("All images", "explorer.html"))
    best = best_model(report)
    score = report.scores[best]
    wrong = score.n - int(np.trace(score.confusion))
    if wrong == 0:
        text = f"{score.name} has no error on {count(score.n, 'image')}."
        return Finding(question, "good", "They did not.", text, Link("Scores", f"{links.model_path(best)}#scores"))
    one, other, images = confused_pair(score)
    gone = _by_shortcut(report.reasons, best)
    causes = [f"by confusing {one} and {other}"] if images >= _LARGE * wrong else []
    causes += ["by a shortcut"] if gone >= _NOTABLE * wrong else []
    lead = f"Most often {and_list(causes)}." if causes else "No single confusion or shortcut stands out."
    shown = _told_models(report)
    named = (one, other) if images >= _LARGE * wrong else ()
    told = [_errors_of(report, k, named) for k in shown]
    lines = _each(report, shown, told)
    sentences = [] if lines else [f"{capital(told[0])}."]
    sentences += [*_shortcut_sentence(report, best)]
    which = f"{score.name}'s {'other ' if gone else ''}errors" if lines else f"the {'other ' if gone else ''}errors"
    sentences += [*_quality_sentence(report.reasons, best, which)]
    sentences += [*human_choice_short(report, best)]
    sentences += [*_label_sentence(report)]
    link = Link("Reasons, with examples", "errors.html")
    text = " ".join(sentences)
    return Finding(question, "mid", lead, "" if lines else text, link, models=lines, note=text if lines else "")


def _errors_of(report: Report, k: int, named: Sequence[str] = ()) -> str:
    """As in "of 378 errors 173 confuse them and 57 % [50, 65] have no proven reason"; `named`: emotions told before."""
    score, reasons = report.scores[k], report.reasons
    wrong = score.n - int(np.trace(score.confusion))
    if not wrong:
        return "no error"
    report.stated.number(number(wrong), "errors", score.name)
    one, other, images = confused_pair(score)
    pair = "them" if set(named) == {one, other} else f"{one} and {other}"
    text = f"of {count(wrong, 'error')} {number(images)} {plural(images, 'confuses', 'confuse')} {pair}"
    if reasons is None or not reasons.models[k].errors:
        return text
    share = reasons.models[k].unexplained
    report.stated.number(percent(share.value), "unexplained errors", score.name)
    return f"{text} and {percent_estimate(share)} have no proven reason"


def _quality_sentence(reasons: ReasonFindings | None, k: int, which: str) -> Iterator[str]:
    """How often errors show a property of the photo, where they do so more often than correct predictions."""
    rates = () if reasons is None else reasons.models[k].rates
    telling = [(one, one.ratio) for one in rates if one.flag in _HAVE and one.telling and one.ratio is not None]
    told = [
        # What they are compared with is said once.
        f"{_HAVE[one.flag]} {_times(ratio, compared=not place)}"
        for place, (one, ratio) in enumerate(telling)
    ]
    if told:
        yield f"{capital(which)} have {and_list(told)}."


def _times(ratio: Estimate, *, compared: bool) -> str:
    if math.isinf(ratio.value):
        return "as no correct prediction has"
    return f"{decimal(ratio.value, 1)} times{' as often as correct predictions' if compared else ''}"


def _label_sentence(report: Report) -> Iterator[str]:
    """Labels on which two models make the same error, where none are among what to do next."""
    alike = max((c.wrong_alike for c in report.comparisons), default=0)
    if alike and not (report.reasons is not None and report.reasons.review):
        images = count(alike, "image")
        predict = plural(alike, "has", "have")
        which = "both models" if len(report.models) == 2 else "two models"
        yield f"{images} {predict} the same wrong prediction in {which}: check those labels first."


def confused_pair(score: ModelScores) -> tuple[str, str, int]:
    """The two emotions confused most with each other, the more frequent direction first, and how many images both
    directions have.
    """
    off = score.confusion.copy()
    np.fill_diagonal(off, 0)
    one, other = np.unravel_index(int((off + off.T).argmax()), off.shape)
    if off[one, other] < off[other, one]:
        one, other = other, one
    return score.emotions[one].emotion, score.emotions[other].emotion, int(off[one, other] + off[other, one])


def _by_shortcut(reasons: ReasonFindings | None, k: int) -> int:
    """How many errors of model `k` are due to a shortcut, net of predictions that change anyway; 0 if not beyond
    chance.
    """
    found = None if reasons is None else reasons.models[k].shortcut
    if reasons is None or found is None or not reasons.models[k].rates[ORDER.index("shortcut")].telling:
        return 0
    return found.net


def _shortcut_sentence(report: Report, k: int) -> Iterator[str]:
    """As in "78 predictions change, 43 become right; 18 % of other predictions change, too"."""
    reasons = report.reasons
    found = None if reasons is None else reasons.models[k].shortcut
    if reasons is None or found is None or not _by_shortcut(reasons, k):
        return
    gone, right = found.gone, int((found.gone & (found.predicted == report.labels)).sum())
    changed = int(gone.sum())
    yield (
        f"{number(changed)} wrong {plural(changed, 'prediction changes', 'predictions change')} when the photo is "
        f"shown {_without(report, k)}, and {number(right)} {plural(right, 'becomes', 'become')} right; "
        f"{percent(found.usual)} of other wrong predictions change, too, so about {number(found.net)} are due to a "
        "shortcut."
    )


def _without(report: Report, k: int) -> str:
    """As in "without its colour or its sharpness"."""
    found = report.shortcuts.of(report.models[k].name) if report.shortcuts is not None else ()
    return f"without {and_list(list(dict.fromkeys(CUES[shortcut.change] for shortcut in found)), 'or')}"


def _definition(report: Report) -> Finding:
    question = "What defines each emotion?"
    link = Link("Every emotion, model by model", "emotions.html")
    best = best_model(report)
    if report.importance is not None and report.importance.tested:
        return _defined_by_importance(report, best, question)
    focus = report.regions.focus(report.models[best].name) if report.regions and report.labelled else ()
    if not focus:
        lead = "See the mean maps." if report.labelled else "See the maps."
        return Finding(
            question,
            "open",
            lead,
            f"The {report.method} maps show where the evidence lies. Which part of the face that is was not measured, "
            "or is inconclusive.",
            link,
        )
    name = report.models[best].name
    emotions = list(dict.fromkeys(emotion for f in focus for emotion in f.specific))
    by_cue = [emotion for emotion in emotions if relies_on_cue(report, name, emotion)]
    aside = f", leaving out {and_list(by_cue)}, predicted from a shortcut" if by_cue else ""
    own = [(f.region, tuple(emotion for emotion in f.specific if emotion not in by_cue)) for f in focus]
    specific = [(region, rest) for region, rest in own if rest]
    if specific:
        lead = f"Most of all the {REGION_NAMES[specific[0][0]]}."
        told = [f"the {REGION_NAMES[region]} for {_short(rest)}" for region, rest in specific[:_NAMED]]
        text = f"{name} has more heat than in other emotions' maps on {and_list(told)}{aside}."
    else:
        lead = "No region stands out."
        text = f"No region has more heat of {name} for one emotion than for the others{aside}."
    return Finding(question, "mid", lead, text, link)


def _defined_by_importance(report: Report, best: int, question: str) -> Finding:
    name, importance = report.models[best].name, report.importance
    regions = used_regions(importance.regions, name) if importance is not None else ()
    link = Link("Every emotion", "emotions.html")
    rivals = _rivals(report, name)
    if not regions and rivals:
        first_pair = rivals[0]
        whose = f" ({name})" if len(report.models) > 1 else ""
        lead = f"{capital(the(first_pair.region))} for telling {first_pair.emotion} from {first_pair.against}{whose}."
        text = " ".join(rival_sentence(one) for one in rivals[:_NAMED])
        return Finding(question, "mid", lead, f"{text}{_barred(report, name)}", link)
    if not regions:
        return Finding(
            question,
            "open",
            "Inconclusive.",
            f"No part of the face was shown to matter to {name} for any emotion: swapping it has too small an effect, "
            f"or too few faces were swapped.{_barred(report, name)}",
            link,
        )
    first, found = regions[0]
    lead = f"The {REGION_NAMES[first]} for {_emotions_with_models(report, first, found)}."
    shown = _told_models(report)
    lines = _each(report, shown, [_cuts(report, report.models[k].name) for k in shown])
    # Of several models the signs in the matrix tell what cannot be tested.
    text = "" if lines else f"{capital(_cuts(report, name))}.{_barred(report, name)}"
    return Finding(question, "mid", lead, text, link, models=lines)


def _cuts(report: Report, model: str) -> str:
    """As in "swapping the mouth cuts the odds of happiness by 85 % [69, 93] (recall by 44 points); the nose, of anger
    by 40 % [20, 55] (recall by 9 points)".
    """
    regions = used_regions(report.importance.regions, model) if report.importance is not None else ()
    told: list[str] = []
    for region, found in regions[: 1 + _NAMED]:
        cuts = and_list([f"of {one.emotion} by {odds_cut(one)}{recall_too(one)}" for one in found[:_NAMED]])
        told.append(f"{the(region)}, {cuts}" if told else f"swapping {the(region)} cuts the odds {cuts}")
    return "; ".join(told) or "no part of the face was shown to matter"


def _emotions_with_models(report: Report, region: str, found: Sequence[RegionImportance]) -> str:
    """The emotions, each with the models that rely on the region for it, as in "happiness (both models) and neutral
    (CNN)"; without models where there is but one.
    """
    if len(report.models) == 1 or report.importance is None:
        return emotions_of(found)
    relying = {
        (one.model, one.emotion) for one in report.importance.regions if (one.region, one.answer) == (region, "yes")
    }
    told: dict[str, list[str]] = {}
    for one in found:
        names = [model.name for model in report.models if (model.name, one.emotion) in relying]
        told.setdefault(named_models(report, names), []).append(one.emotion)
    return and_list([f"{and_list(emotions)} ({who})" for who, emotions in told.items()])


def _rivals(report: Report, name: str) -> tuple[RegionImportance, ...]:
    """Regions that were shown to matter between two emotions, but not among all."""
    found = report.importance
    if found is None:
        return ()
    among_all = {(one.emotion, one.region) for one in found.regions if one.model == name and one.answer == "yes"}
    return tuple(one for one in found.strong_rivals(name) if (one.emotion, one.region) not in among_all)


def _barred(report: Report, name: str) -> str:
    """Emotions of which no part of the face can be tested, by reason."""
    found: dict[str, list[str]] = {}
    for one in report.importance.regions if report.importance is not None else ():
        if one.model == name and one.region != "background" and one.answer == "cannot be tested":
            names = found.setdefault(one.barrier, [])
            names += [one.emotion] if one.emotion not in names else []
    reasons = {"low recall": "recall too low", "shortcut": "a shortcut in the way"}
    said = [f"{and_list(names)} ({reasons[barrier]})" for barrier, names in found.items()]
    return f" Cannot be tested: {and_list(said)}." if said else ""


def _short(emotions: tuple[str, ...]) -> str:
    """The emotions, or how many they are where naming them would fill the card."""
    return and_list(emotions) if len(emotions) <= _NAMED else count(len(emotions), "emotion")


def _trust(report: Report, links: Links) -> Finding:
    question = "Can we trust them?"
    if not report.labelled:
        return Finding(
            question, "open", "Unknown.", "Without labels there are no scores.", Link("How to read this", "method.html")
        )
    best = best_model(report)
    shown = _told_models(report)
    answers = [report.trust[k] for k in shown]
    for model in report.trust:
        state_trust(report, model)
    doubts, common, own = trust_sentences(answers)
    scored = score_sentences(report, shown)
    lines = ["; ".join(filter(None, (accuracy_words(report, k), more))) for k, more in zip(shown, own, strict=True)]
    trusted = [len(one.of("trusted")) for one in answers]
    lead = f"{trust_lead(answers).removesuffix('.')}{_not_on(report, shown) if any(trusted) else ''}."
    everywhere = all(len(one.emotions) == n for one, n in zip(answers, trusted, strict=True))
    tone = "good" if everywhere else "mid" if any(trusted) else "bad"
    path, each = links.model_path(best), _each(report, shown, lines)
    doubts = f"{doubts} {never_sentence(report)}".strip()
    text = doubts if each else " ".join((scored, doubts, common)).strip()
    note = " ".join(filter(None, (_more_accurate(report), scored, common))) if each else ""
    scores = Link("Scores", "models.html" if len(report.models) > 1 else f"{path}#scores")
    calibration = Link("Calibration", f"{path}#calibration")
    return Finding(question, tone, lead, text, scores, calibration, models=each, note=note)


def _more_accurate(report: Report) -> str:
    """Which of two models is more accurate, as in "ResNet18 is more accurate by 7.8 points [5.8, 9.9]."; "" of more
    models, and where nothing tells.
    """
    if len(report.comparisons) != 1 or not report.comparisons[0].n:
        return ""
    pair = report.comparisons[0]
    if not pair.decided:
        return "Neither is shown to be more accurate."
    better, _, *sizes = more_accurate(pair)
    ahead, low, high = (points(size, sign=False, unit="") for size in sizes)
    interval = too_few(pair.difference) if pair.difference.too_few else f"[{low}, {high}]"
    return f"{better} is more accurate by {ahead} points {interval}."


def _not_on(report: Report, models: Sequence[int]) -> str:
    """On which photos not, as in "; not on photos in colour": a trusted emotion may fail in a group of photos."""
    names = [report.models[k].name for k in models]
    gaps = [one for one in worst_gaps(report) if one.model in names]
    if not gaps:
        return ""
    group = group_words(gaps[0].grouping, gaps[0].level, report.groups)
    relying = [one.model for one in gaps]
    return f"; not on {group}{'' if set(relying) == set(names) else f' ({named_models(report, relying)})'}"


def best_model(report: Report) -> int:
    """Index of the model with the highest accuracy."""
    return max(range(len(report.models)), key=lambda k: report.scores[k].accuracy.value)
