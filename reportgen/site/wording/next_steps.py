"""What to do next: suggestions that follow from the findings, each tied to its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.reliability import LEAST_SCORE
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.marks import MarkTest
from reportgen.site.html.components import Link
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.attention import where
from reportgen.site.wording.cue_places import first_place, look_there
from reportgen.site.wording.errors.labels import labels_to_look_at
from reportgen.site.wording.format import and_list, capital, count, fixed, number, percent, rate
from reportgen.site.wording.headline import best_model
from reportgen.site.wording.hidden_cues import component_claim
from reportgen.site.wording.input_choice import choice_texts
from reportgen.site.wording.marks import mark_claim
from reportgen.site.wording.models import class_order_warning
from reportgen.site.wording.performance.robustness import in_training, shown_as
from reportgen.site.wording.scope import model_choices
from reportgen.site.wording.shortcuts import proved

__all__ = ["Step", "next_steps"]

_MOST = 7
_MOST_CHANGES = 4  # named in one step


@dataclass(frozen=True)
class Step:
    """One suggestion and the evidence that it follows from; `more`: what else to look at, if anything."""

    title: str
    text: str
    link: Link
    more: Link | None = None


def next_steps(report: Report, links: Links) -> tuple[Step, ...]:
    """Most pressing first; empty where nothing follows."""
    steps = [*_class_order(report, links), *_preprocessing(report, links), *_problems(report)]
    if report.labelled:
        steps += [
            *_shortcuts(report, links),
            *_background(report, links),
            *_thin(report),
            *_balance(report),
            *_labels(report, links),
            *_calibration(report, links),
            *_robustness(report),
        ]
    return tuple(steps[:_MOST])


def _class_order(report: Report, links: Links) -> list[Step]:
    return [
        Step(
            f"Check the class order of {report.models[k].name}.",
            class_order_warning(order),
            Link("scores", f"{links.model_path(k)}#scores"),
        )
        for k, order in enumerate(report.class_orders)
        if order is not None
    ]


def _preprocessing(report: Report, links: Links) -> list[Step]:
    """For each model whose preprocessing was assumed without evidence."""
    return [
        Step(
            f"State the preprocessing of {model.name}.", said.advice, Link("facts", f"{links.model_path(k)}#checkpoint")
        )
        for k, model in enumerate(report.models)
        for choice in model_choices(model)
        for said in choice_texts(model.name, choice)
        if said.advice
    ]


def _problems(report: Report) -> list[Step]:
    problems = len(report.everything.problems)
    if not problems:
        return []
    text = f"{count(problems, 'entry', 'entries')} of the test set could not be used."
    return [Step("Repair the data.", text, Link("list", "method.html#data"))]


def _shortcuts(report: Report, links: Links) -> list[Step]:
    """What to do about what was proved: first the photos' properties, then the background, then what nobody listed."""
    shortcuts = proved(report, Shortcut)
    steps = _causes(report, links, shortcuts)
    changes = list(dict.fromkeys(s.change for s in shortcuts))
    for change in changes:
        mine = [s for s in shortcuts if s.change == change]
        emotions = and_list(list(dict.fromkeys(s.emotion for s in mine)))
        title, text = _CURES[change]
        place = first_place(report, mine)
        text = f"{text} in {emotions}. {'' if place is None else look_there(place)}".rstrip()
        anchor = links.shortcut_anchor(mine[0].model, mine[0].emotion, change)
        more = None
        if change == changes[-1]:  # once for all of them
            if report.repairs is not None and report.repairs.previews:
                more = Link("repair preview", "shortcuts.html#repairs")
            else:
                text += " Until then, go by recall without it."
        steps.append(Step(title, text, Link("evidence", f"shortcuts.html#{anchor}"), more))
    backgrounds = proved(report, BackgroundFinding)
    if backgrounds:
        names = and_list([f"{b.emotion} ({b.model})" for b in backgrounds[:3]])
        first = backgrounds[0]
        what = (
            "what the backgrounds show"
            if "content" in first.cues
            else f"the backgrounds, above all their {first.cues[0]}"
        )
        depend = "The predictions of {} depend" if len(backgrounds) > 1 else "The prediction of {} depends"
        text = f"{depend.format(names)} on it. Look at the images, then crop tighter or vary {what}."
        emotion = report.classes.index(backgrounds[0].emotion)
        steps.append(Step("Remove the background.", text, Link("images", links.emotion_path(emotion))))
    marks = proved(report, MarkTest)
    if marks:
        claims = " ".join(mark_claim(test, report.classes[test.mark.emotion]) for test in marks[:3])
        text = (
            f"{claims} The mean photos show what it is. Take new photos without it or show it equally often in all "
            "emotions, retrain and build again."
        )
        steps.append(Step("Remove what the photos share.", text, Link("mean photos", "shortcuts.html#marks")))
    hidden = proved(report, Component)
    if hidden:
        claims = " ".join(component_claim(c, report.classes[c.emotion]) for c in hidden[:3])
        text = (
            f"{claims} Look at the photos with most of it and name the thing; then crop or mask it, or show it equally "
            "often in all emotions, retrain and build again."
        )
        link = Link("photos", "shortcuts.html#components")
        steps.append(Step("Name the cue beside the face and remove it.", text, link))
    return steps


def _causes(report: Report, links: Links, shortcuts: Sequence[Shortcut]) -> list[Step]:
    """What to do about what a property goes with: before the property itself, as other properties go with it, too."""
    steps = []
    asked = [] if report.shortcuts is None else [report.shortcuts.cause(shortcut) for shortcut in shortcuts]
    for cause in dict.fromkeys(cause for cause in asked if cause is not None):
        mine = {s.emotion for s in shortcuts if (s.properties[0], s.association.sign) == (cause.name, cause.sign)}
        counts = [f"{number(n)} of {number(of)} {name}" for name, n, of in cause.emotions if name in mine]
        told = f"{and_list(counts)} photos are {cause.having}"
        link = Link("evidence", links.cause_path(cause.having))
        if cause.source is not None:
            text = f"{told}, of one source. Take every emotion from every source."
            steps.append(Step("Balance the sources.", text, link))
        if cause.few_persons:
            who = count(cause.persons_having, "person")
            text = (
                f"Photos {cause.having} show {who}. Add persons to "
                f"{and_list([name for name, *_ in cause.emotions if name in mine])}, none in both training and test."
            )
            persons = Link("evidence", f"shortcuts.html#{links.persons_anchor(cause.having)}")
            steps.append(Step("Split by person.", text, persons))
        if cause.copied:
            text = f"{percent(cause.copies)} of the photos {cause.having} are copies of one another: keep one of each."
            steps.append(Step("Remove the copies.", text, link))
    return list({step.title: step for step in reversed(steps)}.values())[::-1]


_CURES = {
    "grey": ("Train on greyscale images.", "Removes the colour shortcut"),
    "equalised": ("Normalise brightness and contrast.", "Removes the shortcut through brightness and contrast"),
    "blurred": ("Equalise the sharpness of all photos.", "Removes the shortcut through sharpness"),
    "sharpened": ("Equalise the sharpness of all photos.", "Removes the shortcut through softness"),
    "re-encoded": ("Encode all photos alike.", "Removes the shortcut through image encoding"),
    "deblocked": ("Store all photos at one JPEG quality.", "Removes the shortcut through JPEG blocks"),
    "denoised": ("Bring all photos to one level of noise.", "Removes the shortcut through noise"),
    "zoomed": ("Crop all faces to one size.", "Removes the shortcut through the size of the face"),
    "shifted": ("Crop all faces to one position.", "Removes the shortcut through the position of the face"),
    "straightened": ("Rotate all faces upright.", "Removes the shortcut through the tilt of the head"),
    "flattened": ("Smooth or vary the backgrounds.", "Removes the shortcut through detail in the background"),
    "mirrored": (
        "Mirror photos at random in training.",
        "Removes the shortcut through the side to which the head turns",
    ),
}


def _background(report: Report, links: Links) -> list[Step]:
    importance = report.importance
    found = report.regions.backgrounds() if report.regions else ()
    if not found or (importance is not None and importance.tested):
        return []
    text = (
        f"There is above-average heat on the background for {where(found)}. Build again with experiments on: regions "
        "are then swapped between faces, which shows whether the predictions depend on it."
    )
    emotion = report.classes.index(found[0].emotion)
    return [Step("Test the background.", text, Link("images", links.emotion_path(emotion)))]


def _thin(report: Report) -> list[Step]:
    thin = [row for row in report.scores[0].emotions if row.few]
    if not thin:
        return []
    counts = and_list([f"{row.emotion} {number(row.n)}" for row in thin]) if len(thin) > 1 else number(thin[0].n)
    text = f"Too few test images: {counts}."
    return [Step(f"Collect {and_list([row.emotion for row in thin])}.", text, Link("counts", "models.html#recall"))]


def _balance(report: Report) -> list[Step]:
    best = report.scores[best_model(report)]
    large = [row for row in best.emotions if row.n >= best.n / 4]
    poor = [row for row in best.emotions if not row.few and row.recall.high < LEAST_SCORE and row.n < best.n / 10]
    if not large or not poor:
        return []
    share = percent(sum(row.n for row in large) / best.n)
    recalls = and_list([f"{row.emotion} ({rate(row)})" for row in poor])
    names = and_list([row.emotion for row in large])
    whose = f"{best.name}'s recall" if len(report.models) > 1 else "recall"
    text = f"If it is like the test set: {share} {names}, and {whose} of {recalls} is low."
    return [Step("Balance the training set.", text, Link("recall", "models.html#recall"))]


def _labels(report: Report, links: Links) -> list[Step]:
    reasons = report.reasons
    if reasons is not None and (reasons.review or reasons.suspects.tested):
        if not reasons.review:
            return []
        return [Step(f"Check {labels_to_look_at(report)}.", "", Link("one by one", "labels.html"))]
    comparisons = report.comparisons
    index = max(range(len(comparisons)), key=lambda i: comparisons[i].wrong_alike, default=None)
    if index is None or not comparisons[index].wrong_alike:
        return []
    alike = comparisons[index]
    text = (
        f"{alike.a} and {alike.b} predict the same other emotion there. That happens with a wrong label, and with an "
        "ambiguous face."
    )
    title = f"Review {count(alike.wrong_alike, 'label')}."
    return [Step(title, text, Link("gallery", f"{links.compare_path(index)}#wrong-alike"))]


def _calibration(report: Report, links: Links) -> list[Step]:
    scores = report.scores
    off = [k for k, score in enumerate(scores) if score.ece > score.ece_band[1]]
    if not off:
        return []
    text = _scaling(report, off)
    if text:
        first = next(k for k in off if (one := report.recalibrations[k]) is not None and one.repairs[0].helps)
        link = Link("temperature scaling", f"{links.model_path(first)}#repaired")
    else:
        link = Link("reliability", f"{links.model_path(off[0])}#calibration")
        errors = and_list([f"{scores[k].name} is {percent(scores[k].ece)}" for k in off])
        text = (
            f"The calibration error of {errors}, more than expected by chance: divide the logits (outputs before "
            "softmax) by one number fitted on validation data (temperature scaling)."
        )
    return [Step("Calibrate confidences.", text, link)]


def _scaling(report: Report, off: Sequence[int]) -> str:
    """What to divide by and what it brings, as in "Divide the outputs before softmax (logits) by 0.61 in CNN ..."; ""
    where it does not help.

    Measured on images that the divisor was not fitted on.
    """
    found = [report.recalibrations[k] for k in off] if report.recalibrations else []
    helped = [(one.model, one.ece, one.repairs[0]) for one in found if one is not None and one.repairs[0].helps]
    if not helped:
        return ""
    several = len(report.models) > 1
    by = [
        f"{fixed(repair.temperature)}{f' in {model}' if several else ''} ({'' if place else 'calibration error '}"
        f"{percent(ece.value, 1)} to {percent(repair.ece.value, 1)})"
        for place, (model, ece, repair) in enumerate(helped)
    ]
    return f"Divide the logits (outputs before softmax) by {and_list(by)}."


def _robustness(report: Report) -> list[Step]:
    """What to add to the photos in training: the changes that break a model, those that cost most first."""
    if report.robustness is None:
        return []
    broken = [effect for model in report.models for effect in report.robustness.broken(model.name)]
    broken.sort(key=lambda effect: -effect.overall.drop.value)
    if not broken:
        return []
    changes = list(dict.fromkeys(effect.change for effect in broken))[:_MOST_CHANGES]
    first = broken[0]
    text = (
        f"{capital(shown_as(first.change, first.level))}, {first.model} predicts {first.overall.still} of "
        f"{count(first.overall.n, 'photo')} correctly, {first.overall.right} as they are. Where such photos are to be "
        "expected, add the change at random in training."
    )
    title = f"Train with {and_list([in_training(change) for change in changes])}."
    return [Step(title, text, Link("robustness", "robustness.html"))]
