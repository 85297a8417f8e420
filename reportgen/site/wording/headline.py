"""The words on the first page: which finding is the headline, and one sentence for each question.

Rules pick the words from the evidence; where the evidence does not decide, the words say so.
"""

from __future__ import annotations

import numpy as np

from reportgen.evidence.errors.reasons import ReasonFindings
from reportgen.evidence.performance.scores import EmotionScore, ModelScores
from reportgen.site.html.components import Finding, Headline, Link
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    decimal_interval,
    number,
    percent,
    percent_estimate,
    signed,
)
from reportgen.site.wording.importance import emotions_of, used_regions
from reportgen.site.wording.models import grade_sentence
from reportgen.site.wording.shortcuts import cheating_answer, cheating_headline

__all__ = ["LOW", "answer_questions", "best_model", "headline"]

LOW = 0.5
"""Recall around which an emotion counts as mostly recognised or mostly missed."""

_LARGE, _NOTABLE = 1 / 3, 0.1
"""Shares of all errors from which one confused pair, or the shortcut, is the first thing to say."""

# More regions or emotions than this make a card a list.
_NAMED = 2


def headline(report: Report) -> Headline:
    """The main finding in words."""
    if not report.labelled:
        return Headline(
            f"{capital(count(len(report.everything.labels), 'image'))}, and where {_names(report)} found evidence.",
            "None of these images has a label, so nothing here says whether an answer is right.",
        )
    for model, order in zip(report.models, report.class_orders, strict=True):
        if order is not None:
            return Headline(
                f"The classes of {model.name} look permuted.",
                "Every score and heatmap below is to be doubted until the order of the classes is right.",
            )
    lede = _accuracy_sentence(report) + _thin_sentence(report)
    proved = cheating_headline(report, _reading_sentence(report) or lede)
    if proved is not None:
        return proved
    strong, weak = _strong_and_weak(report.scores)
    subject = _subject(report)
    if strong and weak:
        return Headline(
            f"{subject} {_read(report)} {and_list(strong)}, and mostly {_miss(report)} {and_list(weak)}.", lede
        )
    if weak and not strong:
        return Headline(f"{subject} {_miss(report)} more than half of {and_list(weak)}.", lede)
    if strong:
        return Headline(f"{subject} {_read(report)} {and_list(strong)}.", lede)
    best = max(report.scores, key=lambda score: score.accuracy.value)
    text = f"{best.name} is right on {percent(best.accuracy.value)} of {count(best.n, 'image')}."
    return Headline(text, _thin_sentence(report))


def _names(report: Report) -> str:
    return and_list([model.name for model in report.models])


def _subject(report: Report) -> str:
    names = [model.name for model in report.models]
    return names[0] if len(names) == 1 else "Both models" if len(names) == 2 else "All models"


def _read(report: Report) -> str:
    return "recognises" if len(report.models) == 1 else "recognise"


def _miss(report: Report) -> str:
    return "misses" if len(report.models) == 1 else "miss"


def _strong_and_weak(scores: tuple[ModelScores, ...]) -> tuple[list[str], list[str]]:
    """Emotions whose recall lies above, and below, one half in every model, by their intervals."""
    strong, weak = [], []
    for rows in zip(*(score.emotions for score in scores), strict=True):
        if any(row.few for row in rows):
            continue
        if all(row.recall.low > LOW for row in rows):
            strong.append(rows)
        elif all(row.recall.high < LOW for row in rows):
            weak.append(rows)

    def mean(rows: tuple[EmotionScore, ...]) -> float:
        return float(np.mean([row.recall.value for row in rows]))

    return (
        [rows[0].emotion for rows in sorted(strong, key=mean, reverse=True)],
        [rows[0].emotion for rows in sorted(weak, key=mean)],
    )


def _reading_sentence(report: Report) -> str:
    """What the models read from which part of the face; empty where nothing is used beyond doubt."""
    use = report.use
    if use is None or not use.tested:
        return ""
    readers: dict[tuple[str, str], list[str]] = {}
    for found in use.regions:
        if found.answer == "yes" and found.region != "background":
            readers.setdefault((found.region, found.emotion), []).append(found.model)
    everyone = [model.name for model in report.models]
    said = []
    for region in dict.fromkeys(region for region, _ in readers):
        shared = [emotion for (r, emotion), names in readers.items() if r == region and names == everyone]
        if shared:
            also = [
                f"{name} also reads {and_list(own)} there"
                for name in everyone
                if (own := [e for (r, e), names in readers.items() if r == region and names == [name]])
            ]
            verb = "is" if len(shared) == 1 else "are"
            more = f"; {and_list(also)}" if also and len(everyone) > 1 else ""
            said.append(f"{capital(and_list(shared))} {verb} read from the {REGION_NAMES[region]}{more}.")
    for name in everyone if not said else ():
        for region, found_uses in used_regions(use.regions, name)[:1]:
            said.append(f"{name} reads {emotions_of(found_uses)} from the {REGION_NAMES[region]}.")
    return " ".join(said[:2])


def _accuracy_sentence(report: Report) -> str:
    scores = sorted(report.scores, key=lambda score: -score.accuracy.value)
    first = scores[0]
    text = f"{first.name} is right on {percent(first.accuracy.value)} of {count(first.n, 'image')}"
    if len(scores) > 1:
        others = [f"{score.name} on {percent(score.accuracy.value)}" for score in scores[1:]]
        text += f", {and_list(others)}"
    return text + ". "


def _thin_sentence(report: Report) -> str:
    thin = [row for row in report.scores[0].emotions if row.few]
    if not thin:
        return ""
    if len(thin) == 1:
        row = thin[0]
        return f"{capital(row.emotion)} has {count(row.n, 'image') if row.n else 'no image'}: too few to say anything."
    return f"{capital(and_list([row.emotion for row in thin]))} have too few images to say anything."


def answer_questions(report: Report, links: Links) -> tuple[Finding, ...]:
    """One finding for each of the four questions, in their order."""
    return (cheating_answer(report), _errors(report, links), _definition(report), _trust(report, links))


def _errors(report: Report, links: Links) -> Finding:
    question = "Why did they misclassify?"
    if not report.labelled:
        return Finding(
            question,
            "open",
            "Unknown.",
            "Without labels there are no errors to explain.",
            Link("All images", "explorer.html"),
        )
    best = best_model(report)
    score = report.scores[best]
    wrong = score.n - int(np.trace(score.confusion))
    if wrong == 0:
        return Finding(
            question,
            "good",
            "They did not.",
            f"{score.name} has no error on {count(score.n, 'image')}.",
            Link("Scores", links.model_path(best)),
        )
    names = [row.emotion for row in score.emotions]
    one, other, there, back = _confused_pair(score)
    text = (
        f"{number(there + back)} of {score.name}'s {count(wrong, 'error')} confuse {names[one]} and {names[other]}: "
        f"{number(there)} {names[one]} read as {names[other]}, {number(back)} the other way round"
    )
    reasons = report.reasons
    gone = _by_shortcut(reasons, best)
    if gone:
        text += (
            f". {number(gone)} ({percent(gone / wrong)}) are a shortcut's: the wrong answer goes when the photo is "
            f"shown {_without(report, best)}"
        )
    suspects = int(reasons.suspects.suspect.sum()) if reasons is not None and reasons.suspects.tested else 0
    quality = None if reasons is None else next(r for r in reasons.models[best].rates if r.flag == "low-quality")
    if quality is not None and quality.telling and quality.ratio is not None:
        which = "the other errors" if gone else "the errors"
        text += (
            f". Low photo quality goes with {percent(quality.in_errors / quality.errors)} of {which}, "
            f"{decimal(quality.ratio.value, 1)} times as often as with correct answers"
        )
    alike = 0 if suspects else max((c.wrong_alike for c in report.comparisons), default=0)
    causes = [f"by confusing {names[one]} and {names[other]}"] if there + back >= _LARGE * wrong else []
    causes += ["by a shortcut"] if gone >= _NOTABLE * wrong else []
    lead = f"Above all {', and '.join(causes)}." if causes else "In many ways."
    if suspects:
        verb = "looks" if suspects == 1 else "look"
        everyone = "both models" if len(report.models) == 2 else "every model"
        text += f". {capital(count(suspects, 'label'))} {verb} wrong to {everyone}: check those first"
    if alike:
        verb = "is" if alike == 1 else "are"
        text += (
            f". {capital(count(alike, 'image'))} {verb} wrong in the same way in two models: look at those labels first"
        )
    return Finding(question, "mid", lead, text + ".", Link("Reasons, with examples", "errors.html"))


def _confused_pair(score: ModelScores) -> tuple[int, int, int, int]:
    """The two emotions confused most with each other: the more frequent direction first, and the count of both."""
    off = score.confusion.copy()
    np.fill_diagonal(off, 0)
    one, other = np.unravel_index(int((off + off.T).argmax()), off.shape)
    if off[one, other] < off[other, one]:
        one, other = other, one
    return int(one), int(other), int(off[one, other]), int(off[other, one])


def _by_shortcut(reasons: ReasonFindings | None, k: int) -> int:
    """How many errors of model `k` go with the property that a shortcut rests on."""
    found = None if reasons is None else reasons.models[k].shortcut
    return 0 if found is None else int(found.gone.sum())


def _without(report: Report, k: int) -> str:
    """As in "without its colour or its sharpness"."""
    found = report.shortcuts.of(report.models[k].name) if report.shortcuts is not None else ()
    return f"without {and_list(list(dict.fromkeys(shortcut.by for shortcut in found)), 'or')}"


def _definition(report: Report) -> Finding:
    question = "What defines each emotion?"
    link = Link("Every emotion, model by model", "emotions.html")
    best = best_model(report)
    if report.use is not None and report.use.tested:
        return _defined_by_use(report, best, question)
    focus = report.regions.focus(report.models[best].name) if report.regions and report.labelled else ()
    if not focus:
        lead = "See the mean maps." if report.labelled else "See the maps."
        return Finding(
            question,
            "open",
            lead,
            f"The {report.method} maps show where the models find their evidence. Which part of the face that is was "
            "not measured, or not decided, in this report.",
            link,
        )
    name = report.models[best].name
    specific = [f"the {REGION_NAMES[f.region]} for {_short(f.specific)}" for f in focus if f.specific]
    if specific:
        lead = f"Most of all the {REGION_NAMES[focus[0].region]}."
        text = f"More than other emotions' maps, the heat of {name} falls on {and_list(specific[:_NAMED])}."
    else:
        lead = "No region stands out."
        text = f"No region draws more heat of {name} for one emotion than for the others."
    return Finding(question, "mid", lead, text, link)


def _defined_by_use(report: Report, best: int, question: str) -> Finding:
    name, use = report.models[best].name, report.use
    regions = used_regions(use.regions, name) if use is not None else ()
    link, more = Link("Heat against use, by region", "index.html#regions"), Link("Every emotion", "emotions.html")
    if not regions:
        return Finding(
            question,
            "open",
            "Not decided.",
            f"No part of the face was shown to matter to {name} for any emotion: exchanging it costs too little, or "
            "too few faces were exchanged to be sure.",
            link,
            more,
        )
    first, found = regions[0]
    lead = f"The {REGION_NAMES[first]} for {emotions_of(found)}."
    losses = [f"{u.emotion} {signed(u.drop)} [{signed(u.low)}, {signed(u.high)}]" for u in found[:_NAMED]]
    text = f"That is what {name} loses, in log-odds, when it comes from another emotion's face: {and_list(losses)}."
    for region, others in regions[1 : 1 + _NAMED]:
        text += f" The {REGION_NAMES[region]}: {and_list([f'{u.emotion} {signed(u.drop)}' for u in others[:_NAMED]])}."
    return Finding(question, "mid", lead, text, link, more)


def takeaways_link(report: Report) -> Link | None:
    """Where they stand; None where nothing was tested."""
    there = report.regions is not None and report.labelled and report.regions.claims
    return Link("What guides say, tested here", "method.html#takeaways") if there else None


def _short(emotions: tuple[str, ...]) -> str:
    """The emotions, or how many they are where naming them would fill the card."""
    return and_list(emotions) if len(emotions) <= _NAMED else count(len(emotions), "emotion")


def _trust(report: Report, links: Links) -> Finding:
    question = "Can we trust them?"
    if not report.labelled:
        return Finding(
            question, "open", "Unknown.", "Without labels nothing was scored.", Link("How to read this", "method.html")
        )
    best = best_model(report)
    score = report.scores[best]
    good = [row.emotion for row in score.emotions if not row.few and row.recall.low > LOW]
    judged = sum(not row.few for row in score.emotions)
    macro = score.macro_f1_without_few or score.macro_f1
    text = (
        f"{score.name} is right on {percent_estimate(score.accuracy, 1)}, macro-F1 "
        f"{decimal(macro.value)} {decimal_interval(macro)}"
    )
    if score.macro_f1_without_few is not None:
        text += " over emotions with ten images or more"
    text += "."
    if score.ece > score.ece_band[1]:
        direction = "too high" if score.overconfidence > 0 else "too low"
        text += (
            f" Its confidences are {direction}: it is {percent(score.mean_confidence)} sure on average and right on "
            f"{percent(score.accuracy.value)}."
        )
    else:
        text += " Its confidences can be taken at their word."
    grade = next((g for g in report.use.grades if g.model == score.name), None) if report.use else None
    if grade is not None and grade.grade:
        text += f" Its heatmaps have grade {grade.grade} of A to C. {grade_sentence(grade)}"
    text += _never_said(report)
    lead = _reach(good, judged)
    tone = "good" if good and len(good) == judged else "mid" if good else "bad"
    scores = Link("Scores and calibration", links.model_path(best))
    return Finding(question, tone, lead, text, scores, takeaways_link(report))


def best_model(report: Report) -> int:
    """Index of the model with the highest accuracy."""
    return max(range(len(report.models)), key=lambda k: report.scores[k].accuracy.value)


def _reach(good: list[str], judged: int) -> str:
    """On which of the emotions that were judged a model is good."""
    if not good:
        return "Not yet."
    if len(good) == judged:
        return f"On all {judged} emotions judged."
    return f"On {and_list(good)} only." if len(good) <= 3 else f"On {len(good)} of {judged} emotions."


def _never_said(report: Report) -> str:
    """Emotions that are in the test set and never an answer; empty where there are none."""
    said = []
    for score in report.scores:
        never = [row.emotion for row in score.emotions if row.n and not row.predicted]
        if never:
            said.append(f" {score.name} never answers {and_list(never, 'or')}.")
    return "".join(said)
