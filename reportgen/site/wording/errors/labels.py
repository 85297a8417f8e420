"""Labels to look at, and labels that people corrected, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reportgen.evidence.errors.label_votes import ENOUGH
from reportgen.evidence.performance.corrected_labels import CorrectedLabels, labels_by_hand
from reportgen.site.report import DataNote, Report
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    fixed,
    half_up,
    number,
    number_or_none,
    percent,
    plural,
    points,
    points_interval,
)
from reportgen.site.wording.models import everyone

__all__ = [
    "corrected_note",
    "corrected_sentence",
    "label_lede",
    "label_steps",
    "labels_to_look_at",
    "labels_worth_a_look",
    "landmark_words",
    "review_sentence",
]


def labels_to_look_at(report: Report) -> str:
    """How many labels a person should judge, as in "40 labels"."""
    review = report.reasons.review if report.reasons is not None else ()
    return report.stated.number(count(len(review), "label"), "labels to look at")


def labels_worth_a_look(report: Report) -> str:
    """How many labels are on the list, and of how many every model is sure, as in "40 labels are worth a look; for 21
    of them both models predict another emotion with at least their usual confidence."
    """
    findings = report.reasons
    if findings is None or not findings.review:
        return ""
    n, sure = len(findings.review), int(findings.suspects.suspect.sum())
    text = f"{labels_to_look_at(report)} {plural(n, 'is', 'are')} worth a look"
    if not sure:
        return f"{text}."
    which = report.stated.number(number(sure), "contradicted labels")
    where = "for it" if n == 1 else "for all of them" if sure == n else f"for {which} of them"
    models = len(report.models)
    whose = plural(models, "its", "their")
    return f"{text}; {where} {_all_predict(models)} another emotion with at least {whose} usual confidence."


def _all_predict(models: int) -> str:
    """As in "both models predict"."""
    return f"{everyone(models)} {plural(models, 'predicts', 'predict')}"


def _all_contradict(models: int) -> str:
    """As in "both models predict the same other emotion"."""
    return f"{_all_predict(models)} {plural(models, 'another', 'the same other')} emotion"


def review_sentence(report: Report) -> str:
    """What holds for every label on the list, and what is known of how many of them are wrong."""
    if report.analysis.faces is None and len(report.models) == 1:
        return (
            "With one model, a label is only doubted where landmarks or similar faces contradict it as well, and this "
            "report was built without landmarks."
        )
    return (
        f"For each, {_all_contradict(len(report.models))}, and landmarks or the most similar faces, where known, "
        "contradict the label as well. Strongest evidence first. Any of these labels may still be right: how many are "
        "wrong was not measured."
    )


def landmark_words(ratio: float, predicted: str, label: str) -> str:
    """What landmarks say of two emotions, as in "fear: 12 times as likely as anger"; `ratio` is a logarithm."""
    better, worse = (predicted, label) if ratio > 0 else (label, predicted)
    # Odds beyond a thousand are the floor of a likelihood, not a measurement.
    times = min(math.exp(abs(ratio)), 1000.0)
    exact = fixed(times, 1) if times < 10 else half_up(times, 0)
    odds = "more than 1,000" if times >= 999.5 else exact
    return f"{better}: {odds} times as likely as {worse}"


def corrected_sentence(found: CorrectedLabels, models: int) -> str:
    """What people judged, what it changes for each model, and what such a change is worth."""
    judged = found.changed + found.confirmed
    text = (
        f"{count(judged, 'label')} of {number(found.images)} {plural(judged, 'was', 'were')} judged by hand: "
        f"{number_or_none(found.changed)} changed, {number_or_none(found.confirmed)} confirmed."
    )
    if not found.changed:
        return f"{text} The scores stay the same."
    changes = and_list(
        [f"{one.model} {points(one.difference.value)} {points_interval(one.difference)}" for one in found.scores]
    )
    return (
        f"{text} Accuracy changes: {changes}. {capital(number_or_none(found.as_predicted))} of the changed "
        f"labels {plural(found.as_predicted, 'is', 'are')} now what "
        f"{_all_predict(models)}. Where only labels were judged that the models "
        "contradict, accuracy can hardly fall: the gain is no measure of the labels that nobody looked at."
    )


def label_lede(report: Report) -> str:
    """When a label is put before a person, and what becomes of the answer, in short."""
    return (
        f"A label is listed for a person to judge where {_all_contradict(len(report.models))}, and "
        "the shape of the face or the labels of the most similar faces contradict it as well. Scores are then shown "
        "with the labels before and after. How many of the labels listed here are wrong was not measured."
    )


def label_steps(report: Report) -> tuple[tuple[str, str], ...]:
    """How labels are doubted, judged and corrected, as title and sentence of each step; empty without labels."""
    if report.reasons is None:
        return ()
    return (
        (
            "The models contradict the label",
            f"where {_all_contradict(len(report.models))}. Only emotions count of which such predictions, made "
            "with at least the mean confidence of the emotion, are right more often than not (Northcutt et al. 2021): "
            "else a shortcut would put its photos on the list.",
        ),
        (
            "Two second opinions are asked,",
            "neither of which sees a pixel: how likely the shape of the face is under either emotion (linear "
            "discriminant analysis of landmarks and facial actions, learnt from other persons), and how the 15 photos "
            "of other persons with the most similar face are labelled.",
        ),
        (
            "The evidence is added up:",
            "the mean log-odds over the models, the log-likelihood ratio by landmarks, and the logarithm of the ratio "
            f"of both labels among similar faces. A label is listed with {ENOUGH:g} or more, if a second opinion "
            "contradicts it; with several models also where each gives the other emotion its usual confidence. With "
            "one model the second opinions stand in for the second one: predictions of a model that was trained "
            "without the image, the usual remedy, are not to be had of a trained model.",
        ),
        (
            "How well that finds wrong labels",
            f"was measured with labels flipped at random: {percent(0.05)} of those that both models of a real test set "
            f"get right. With two models {percent(0.90)} of them are listed, and {percent(0.96)} of "
            f"what is newly listed is flipped; with one model {percent(0.81)} to {percent(0.84)}, and {percent(0.98)}. "
            "Flipped to the second most likely emotion instead, which is nearer to how people err: "
            f"{percent(0.82)} and {percent(0.95)} with two models, {percent(0.63)} to {percent(0.72)} and "
            f"{percent(0.99)} with one. No limit was chosen on these persons' photos.",
        ),
        (
            "A person judges,",
            "without seeing label, predictions or the file's name unless asked for, since what is seen first sways. "
            "The answers change a copy in memory alone. Scores are shown with the labels before and after, on the same "
            "images, with paired intervals that count persons where they are known. Only listed labels were judged, so "
            "the difference says what these corrections do, not how many labels are wrong.",
        ),
    )


def label_judged(report: Report, row: int) -> str:
    """What a person said of one image's label, as in "Label corrected by hand (build --labels): it was sadness."; ""
    where nobody did.
    """
    judged = labels_by_hand(report.analysis).get(str(report.analysis.images["path"].iloc[row]))
    if judged is None:
        return ""
    old, new = judged
    said = "confirmed by hand (build --labels)" if old == new else f"corrected by hand (build --labels): it was {old}"
    return f"Label {said}."


def corrected_note(report: Report) -> Iterator[DataNote]:
    """That labels were corrected, for the remarks on the data."""
    found = report.corrected
    if found is not None and found.changed:
        text = corrected_sentence(found, len(report.models)).partition(" Where only")[0]
        yield DataNote("Labels were corrected", f"{text} Scores are those of the corrected labels.", serious=True)
