"""Errors: why images were misclassified, labels to check, and one gallery of all models' errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.errors.reasons import ModelReasons
from reportgen.evidence.errors.rules import ORDER, UNEXPLAINED
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.site.html.components import Legend, Page, Tile, series_of
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.sections.contradicted_labels import ContradictedLabels, contradicted_labels
from reportgen.site.sections.error_reasons import ReasonTable, reason_table
from reportgen.site.sections.errors.flip_sets import FlipSection, FlipStrip, flip_section, flip_strip
from reportgen.site.sections.performance.votes import HumanChoices, human_choices
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import (
    and_list,
    count,
    number,
    percent,
    percent_estimate,
    plural,
    share_interval,
    sure,
)
from reportgen.site.wording.headline import confused_pair
from reportgen.site.wording.importance import apart_sentence
from reportgen.site.wording.performance.votes import choice_words
from reportgen.site.wording.photos import pick_note
from reportgen.site.wording.reasons import FLAG_NAMES, flag_title
from reportgen.site.wording.shortcuts import CUES

__all__ = ["ConfusedPair", "ErrorCard", "ErrorsView", "GalleryFilter", "ModelErrors", "errors_view"]

# Pairs of a model that are listed, and cards of all models that are shown, before the rest is folded away.
_PAIRS = 8
_APART = 2  # sentences on what tells the two emotions apart that are confused most
_CARDS = 12


@dataclass(frozen=True)
class ErrorCard:
    """One error: four pictures on one scale, the prediction, its first reason, and what would flip it.

    `model`, `true`, `predicted` and `reasons`, all that hold, are the values that the gallery is filtered by.
    """

    anchor: str
    href: str
    series: str
    name: str
    truth: str
    answer: str
    confidence: str
    why: str
    votes: str
    tiles: tuple[Tile, ...]
    model: str
    true: str
    predicted: str
    reasons: tuple[str, ...]
    flip: FlipStrip | None = None


@dataclass(frozen=True)
class ConfusedPair:
    """One confused pair of one model; `share` in per cent of its errors, for the bar."""

    anchor: str
    truth: str
    predicted: str
    count: str
    share: float
    explorer: str
    true_value: str
    predicted_value: str


@dataclass(frozen=True)
class ModelErrors:
    """One model: its confused pairs, the most frequent first; `more` are folded away."""

    series: str
    slug: str
    model: str
    sentence: str
    pairs: tuple[ConfusedPair, ...]
    more: tuple[ConfusedPair, ...]


@dataclass(frozen=True)
class GalleryFilter:
    """One choice above the gallery: its key in the cards and in the explorer, and (value, text) of the options."""

    key: str
    label: str
    token: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ErrorsView:
    """`errors.html`; `contents`: anchor and heading of every section; `more` are the cards that are folded away,
    `sampling` says of what the explorer shows a sample.
    """

    page: Page
    title: str
    lede: str
    contents: tuple[tuple[str, str], ...]
    models: tuple[ModelErrors, ...]
    sampling: str
    filters: tuple[GalleryFilter, ...]
    cards: tuple[ErrorCard, ...]
    more: tuple[ErrorCard, ...]
    legend: Legend
    leads: tuple[str, ...]
    reasons: ReasonTable | None = None
    labels: ContradictedLabels | None = None
    flips: FlipSection | None = None
    human: HumanChoices | None = None


def _card(report: Report, links: Links, tiles: Tiles, row: int, k: int, note: str) -> ErrorCard:
    model = report.models[k]
    findings = report.reasons
    raised = findings.models[k].raised(row) if findings is not None else ()
    emotions = links.emotion_slugs
    return ErrorCard(
        anchor=f"{model.slug}-{report.ids[row]}",
        href=links.image_path(row),
        series=series_of(k),
        name=model.name,
        truth=report.truth(row),
        answer=report.classes[int(model.predicted[row])],
        confidence=sure(float(model.confidence[row])),
        why=flag_title(report, row, k, raised[0]) if raised else note,
        votes=choice_words(report, row, k),
        tiles=tiles.error_tiles(row, k),
        model=model.slug,
        true=emotions[int(report.labels[row])],
        predicted=emotions[int(model.predicted[row])],
        reasons=tuple(raised),
        flip=flip_strip(report, tiles, row, k),
    )


def _pairs(report: Report, links: Links, k: int) -> list[tuple[int, int, int]]:
    """How many images, label and prediction of every confused pair of model `k`, the most frequent first."""
    confusion = report.scores[k].confusion
    found = [
        (int(confusion[truth, predicted]), truth, predicted)
        for truth, predicted in np.argwhere(confusion > 0).tolist()
        if truth != predicted
    ]
    return sorted(found, key=lambda pair: (-pair[0], links.pair_anchor(k, pair[1], pair[2])))


def _model_errors(report: Report, links: Links, k: int) -> ModelErrors:
    model, score = report.models[k], report.scores[k]
    wrong, pairs = score.n - int(np.trace(score.confusion)), _pairs(report, links, k)
    listed = tuple(
        ConfusedPair(
            anchor=links.pair_anchor(k, truth, predicted),
            truth=report.classes[truth],
            predicted=report.classes[predicted],
            count=number(images),
            share=round(100 * images / wrong, 2),
            explorer=links.explorer(
                links.token("true", report.classes[truth]),
                links.token("pred", report.classes[predicted]),
                f"model:{model.slug}",
            ),
            true_value=links.emotion_slugs[truth],
            predicted_value=links.emotion_slugs[predicted],
        )
        for images, truth, predicted in pairs
    )
    total = f"{count(wrong, 'error')} in {count(len(pairs), 'pair')} of emotions."
    return ModelErrors(
        series_of(k), model.slug, model.name, total if wrong else "No errors.", listed[:_PAIRS], listed[_PAIRS:]
    )


def _cards(report: Report, links: Links, tiles: Tiles) -> list[ErrorCard]:
    """One card of every confused pair, the most frequent pairs first; then the second of every pair, and so on."""
    found = []
    for k, model in enumerate(report.models):
        for images, truth, predicted in _pairs(report, links, k):
            picks = report.mined.confusions(model.slug, report.classes[truth], report.classes[predicted])
            found += [(turn, -images, truth, predicted, k, pick) for turn, pick in enumerate(picks)]
    found.sort(key=lambda one: one[:5])
    return [_card(report, links, tiles, pick.image, k, pick_note(pick)) for *_, k, pick in found]


def _filters(report: Report, cards: Sequence[ErrorCard]) -> tuple[GalleryFilter, ...]:
    """What the cards differ in; a choice of one is none."""

    def options(key: str, text: str, order: Sequence[str]) -> tuple[tuple[str, str], ...]:
        present = {getattr(card, key): getattr(card, text) for card in cards}
        return tuple(sorted(present.items(), key=lambda option: order.index(option[1])))

    models, reasons = [model.name for model in report.models], {name for card in cards for name in card.reasons}
    named = [(name, FLAG_NAMES[name]) for name in (UNEXPLAINED, *ORDER) if name in reasons]
    choices = (
        GalleryFilter("model", "Model", "model", options("model", "name", models)),
        GalleryFilter("true", "True label", "true", options("true", "truth", report.classes)),
        GalleryFilter("predicted", "Predicted as", "pred", options("predicted", "answer", report.classes)),
        GalleryFilter("reason", "Reason", "flag", tuple(named)),
    )
    return tuple(choice for choice in choices if len(choice.options) > 1)


def errors_view(report: Report, links: Links, tiles: Tiles, legends: Legends) -> ErrorsView:
    """The page."""
    labelled, chosen = bool(report.labelled), tuple(range(len(report.models)))
    cards = _cards(report, links, tiles) if labelled else []
    models = tuple(_model_errors(report, links, k) for k in chosen) if labelled else ()
    reasons, labels = reason_table(report, links, chosen), contradicted_labels(report, links, tiles)
    flips, human = flip_section(report), human_choices(report, links)
    sections = (
        ("reasons", "Why they were misclassified", reasons),
        ("human-choices", "Wrong, but a human choice", human),
        ("confusions", "Most frequent confusions", models),
        ("flips", "What would flip it", flips),
        ("gallery", "Gallery of errors", cards),
        ("contradicted-labels", "Labels to check", labels),
    )
    return ErrorsView(
        page=Page("Errors", "What the models confuse, with the evidence for both classes", "Errors"),
        title=_title(report) if labelled else "Without labels there are no errors.",
        lede=_apart(report) if labelled else "These images have no label, so which predictions are wrong is unknown.",
        contents=tuple((anchor, heading) for anchor, heading, shown in sections if shown),
        models=models,
        sampling=f"Counts are of all {len(report.everything.labels):,} images; the explorer shows those of the sample."
        if report.sampled
        else "",
        filters=_filters(report, cards),
        cards=tuple(cards[:_CARDS]),
        more=tuple(cards[_CARDS:]),
        legend=legends.maps(),
        leads=_leads(report),
        reasons=reasons,
        labels=labels,
        flips=flips,
        human=human,
    )


def _apart(report: Report) -> str:
    """Which emotions are confused most, and what tells them apart where that was shown; else what the page has."""
    pairs = {frozenset(confused_pair(score)[:2]) for score in report.scores}
    pair = next(iter(pairs))
    alike: dict[tuple[str, str], list[RegionImportance]] = {}
    for model in report.models:
        for one in () if report.importance is None else report.importance.strong_rivals(model.name):
            if len(pairs) == 1 and {one.emotion, one.against} == pair:
                alike.setdefault((one.region, one.emotion), []).append(one)
    told = [apart_sentence(rivals) for rivals in alike.values()]
    if not told:
        return "Why images were misclassified, which labels to check, and a gallery of the errors of every model."
    named = [emotion for emotion in report.classes if emotion in pair]
    return f"Most often confused: {and_list(named)}. {' '.join(told[:_APART])}"


def _leads(report: Report) -> tuple[str, ...]:
    """Per model, how much the reasons leave open; empty where no errors were asked why."""
    findings = report.reasons
    if findings is None:
        return ()
    return tuple(" ".join([_lead(model), *_idle_shortcut(report, model)]) for model in findings.models if model.errors)


def _idle_shortcut(report: Report, reasons: ModelReasons) -> Iterator[str]:
    """That a proven shortcut is no proven reason of errors, and why, where that is so."""
    found = reasons.shortcut
    if found is None or not found.shown.any() or reasons.counts("shortcut") or report.shortcuts is None:
        return
    found_cues = list(dict.fromkeys(CUES[one.change] for one in report.shortcuts.of(reasons.model)))
    if not found_cues:
        return
    cues, shortcut = and_list(found_cues), plural(len(found_cues), "shortcut", "shortcuts")
    ratio = reasons.rates[ORDER.index("shortcut")].ratio
    compared, alike = int(found.compared.sum()), int(found.compared_gone.sum())
    few = ", and they show too few persons to compare" if ratio is not None and ratio.too_few else ""
    gone, shown = int(found.gone.sum()), int(found.shown.sum())
    right = int((found.gone & (found.predicted == report.labels)).sum())
    yield (
        f"{count(shown, 'error')} may come from {cues}, its {shortcut}: without {cues}, {number(gone)} "
        f"{plural(gone, 'changes', 'change')} prediction, and {number(right)} of these "
        f"{plural(right, 'becomes', 'become')} correct."
    )
    those = f"{number(alike)} of {count(compared, 'error')} with another prediction"
    others = f"But {those} {plural(alike, 'changes', 'change')}, too{few}: this" if compared else "This"
    yield f"{others} is no proven reason."


def _lead(reasons: ModelReasons) -> str:
    """First the share without a reason that counts, then the most frequent one that does."""
    none = round(reasons.unexplained.value * reasons.unexplained.n)
    text = (
        f"{reasons.model}: {number(none)} of {count(reasons.errors, 'error')} "
        f"({percent_estimate(reasons.unexplained)}) remain unexplained (no proven reason)."
    )
    most = max(reasons.rates, key=lambda rate: rate.primary)
    if not most.primary:
        return text
    first = f"“{FLAG_NAMES[most.flag].lower()}” ({number(most.primary)}, {percent(most.primary / reasons.errors)})"
    text = f"{text} The most frequent first reason is {first}"
    if most.share is None or not most.share.defined:
        return f"{text}."
    if most.flag == "shortcut":
        left = "become correct without its property, net of other errors changed likewise"
    else:
        left = "would be gone if images with it were misclassified no more often than others"
    return f"{text}; {percent(most.share.value)} {share_interval(most.share)} of the errors {left}."


def _title(report: Report) -> str:
    merged: dict[tuple[int, int], int] = {}
    for score in report.scores:
        off = score.confusion.copy()
        np.fill_diagonal(off, 0)
        if off.any():
            truth, predicted = np.unravel_index(int(off.argmax()), off.shape)
            merged[int(truth), int(predicted)] = merged.get((int(truth), int(predicted)), 0) + 1
    if not merged:
        return "No errors."
    pair = max(merged, key=lambda key: merged[key])
    who = "Most often, " if merged[pair] == len(report.models) else "Often, "
    return f"{who}{report.classes[pair[0]]} is predicted as {report.classes[pair[1]]}."
