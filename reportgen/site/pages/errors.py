"""Errors: an overview of all models, and each model's confusions pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.errors.reasons import ModelReasons
from reportgen.site.html.components import Bar, Crumb, Legend, Link, Page, Tile, series_of
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.sections.contradicted_labels import ContradictedLabels, contradicted_labels
from reportgen.site.sections.error_reasons import CardReasons, ReasonTable, card_reasons, reason_table
from reportgen.site.sections.occlusions import OcclusionTest, occlusion_test
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import (
    capital,
    count,
    number,
    percent,
    percent_estimate,
    share_interval,
    shorten,
    sure,
)
from reportgen.site.wording.photos import pick_note
from reportgen.site.wording.reasons import FLAG_NAMES

__all__ = [
    "ConfusedPair",
    "ErrorCard",
    "ErrorsView",
    "ModelErrorsView",
    "ProbabilityRow",
    "errors_view",
    "model_errors_view",
]

_TOP = 3
# Cards of a pair that a page shows at once; the others are folded away.
_OPEN = 1


@dataclass(frozen=True)
class ProbabilityRow:
    """One class: what each model gave it. `true` marks the label."""

    emotion: str
    true: bool
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class ErrorCard:
    """One error: four pictures on one scale, every model's prediction, and why it may have happened."""

    anchor: str
    href: str
    name: str
    note: str
    tiles: tuple[Tile, ...]
    models: tuple[str, ...]
    rows: tuple[ProbabilityRow, ...]
    reasons: CardReasons | None = None
    occlusions: OcclusionTest | None = None


@dataclass(frozen=True)
class ConfusedPair:
    """One confused pair of one model; `more` are the cards that are folded away."""

    anchor: str
    truth: str
    predicted: str
    count: str
    text: str
    share: float
    href: str
    explorer: Link
    cards: tuple[ErrorCard, ...]
    more: tuple[ErrorCard, ...] = ()


@dataclass(frozen=True)
class ModelErrors:
    """One model on the overview: its most frequent pairs, and one example of each of the first."""

    series: str
    model: str
    href: str
    sentence: str
    pairs: tuple[ConfusedPair, ...]
    featured: tuple[ConfusedPair, ...]
    rest: str


@dataclass(frozen=True)
class ErrorsView:
    """`errors.html`."""

    page: Page
    title: str
    lede: str
    models: tuple[ModelErrors, ...]
    legend: Legend
    leads: tuple[str, ...]
    occlusion_note: str
    reasons: ReasonTable | None = None
    labels: ContradictedLabels | None = None


@dataclass(frozen=True)
class ModelErrorsView:
    """`errors/<model>.html`."""

    page: Page
    tabs: tuple[Link, ...]
    title: str
    lede: str
    pairs: tuple[ConfusedPair, ...]
    legend: Legend
    leads: tuple[str, ...]
    occlusion_note: str
    reasons: ReasonTable | None = None


def probability_rows(report: Report, row: int, first: int, top: int | None) -> tuple[ProbabilityRow, ...]:
    """Probabilities of all models: any model's `top` classes (None: all) and the label, sorted by model `first`."""
    label = int(report.labels[row])
    ranked = [np.argsort(-model.probabilities[row], kind="stable") for model in report.models]
    wanted = {int(c) for order in ranked for c in order[:top]} | ({label} if label >= 0 else set())
    return tuple(
        ProbabilityRow(
            report.classes[c],
            c == label,
            tuple(
                Bar(
                    model.name,
                    round(100 * float(model.probabilities[row, c]), 1),
                    sure(float(model.probabilities[row, c])),
                    strong=int(model.predicted[row]) == c,
                    series=series_of(k),
                )
                for k, model in enumerate(report.models)
            ),
        )
        for c in map(int, ranked[first])
        if c in wanted
    )


def error_card(report: Report, links: Links, tiles: Tiles, row: int, k: int, note: str) -> ErrorCard:
    """One error of model `k`."""
    return ErrorCard(
        anchor=f"{report.models[k].slug}-{report.ids[row]}",
        href=links.image_path(row),
        name=shorten(report.names[row], 34),
        note=note,
        tiles=tiles.error_tiles(row, k),
        models=tuple(model.name for model in report.models),
        rows=probability_rows(report, row, k, _TOP),
        reasons=card_reasons(report, links, row, k),
        occlusions=occlusion_test(report, tiles, row, k),
    )


def _pairs(report: Report, links: Links, tiles: Tiles, k: int, *, folded: bool) -> tuple[ConfusedPair, ...]:
    score, model = report.scores[k], report.models[k]
    wrong = score.n - int(np.trace(score.confusion))
    pairs: list[tuple[int, ConfusedPair]] = []
    for truth, row in enumerate(score.confusion):
        for predicted, value in enumerate(row.tolist()):
            if truth == predicted or not value:
                continue
            said, true = report.classes[predicted], report.classes[truth]
            picks = report.mined.confusions(model.slug, true, said)
            anchor = links.pair_anchor(truth, predicted)
            cards = [
                error_card(report, links, tiles, pick.image, k, pick_note(pick))
                for pick in picks[: None if folded else _OPEN]
            ]
            pairs.append((
                value,
                ConfusedPair(
                    anchor=anchor,
                    truth=true,
                    predicted=said,
                    count=number(value),
                    text=f"{count(value, 'image')}, {percent(value / int(row.sum()))} of {true}",
                    share=round(100 * value / wrong, 2),
                    href=f"{links.errors_path(k)}#{anchor}",
                    explorer=Link(
                        _explorer_text(report, value),
                        links.explorer(
                            links.token("true", true), links.token("pred", said), f"model:{model.slug}"
                        ),
                    ),
                    cards=tuple(cards[:_OPEN]),
                    more=tuple(cards[_OPEN:]),
                ),
            ))  # fmt: skip
    return tuple(pair for _, pair in sorted(pairs, key=lambda found: (-found[0], found[1].anchor)))


def _explorer_text(report: Report, images: int) -> str:
    if report.sampled:
        return "those of the sample in the explorer"
    return f"all {images:,} in the explorer" if images > 1 else "in the explorer"


def errors_view(report: Report, links: Links, tiles: Tiles, legends: Legends) -> ErrorsView:
    """The overview."""
    models = []
    for k, model in enumerate(report.models):
        score = report.scores[k]
        wrong = score.n - int(np.trace(score.confusion))
        pairs = _pairs(report, links, tiles, k, folded=False)
        shown = pairs[:10]
        rest = len(pairs) - len(shown)
        models.append(
            ModelErrors(
                series_of(k),
                model.name,
                links.errors_path(k),
                f"{capital(count(wrong, 'error'))} in {count(len(pairs), 'pair')} of emotions."
                if wrong
                else "No errors.",
                shown,
                shown[:4],
                f"and {count(rest, 'more pair')}" if rest else "",
            )
        )
    total = [m.sentence for m in models]
    labelled, chosen = bool(report.labelled), tuple(range(len(report.models)))
    return ErrorsView(
        page=Page("Errors", "What the models confuse, with the evidence for both classes", "Errors"),
        title=_title(report) if labelled else "Without labels there are no errors.",
        lede="An error is two maps: the evidence for the prediction, and for the label. Both are drawn "
        "on one scale, so you can see whether the model found the right evidence and weighed it wrongly, or never "
        "found it."
        if labelled and total
        else "These images have no label, so which predictions are wrong is unknown.",
        models=tuple(models) if labelled else (),
        legend=legends.maps(),
        leads=_leads(report, chosen),
        occlusion_note=_occlusion_note(report, chosen, [pair for model in models for pair in model.featured]),
        reasons=reason_table(report, links, chosen),
        labels=contradicted_labels(report, links, tiles),
    )


def _leads(report: Report, chosen: Sequence[int]) -> tuple[str, ...]:
    """Per model, how much the reasons leave open; empty where no errors were asked why."""
    findings = report.reasons
    return tuple(_lead(findings.models[k]) for k in chosen if findings.models[k].errors) if findings else ()


def _lead(reasons: ModelReasons) -> str:
    """First the share without a reason that counts, then the most frequent one that does."""
    none = round(reasons.unexplained.value * reasons.unexplained.n)
    text = (
        f"{reasons.model}: {number(none)} of {count(reasons.errors, 'error')} "
        f"({percent_estimate(reasons.unexplained)}) have no reason that was tested and goes with errors."
    )
    most = max(reasons.rates, key=lambda rate: rate.primary)
    if not most.primary:
        return text
    first = f"“{FLAG_NAMES[most.flag].lower()}” ({number(most.primary)}, {percent(most.primary / reasons.errors)})"
    text = f"{text} The most frequent first reason is {first}"
    if most.share is None or not most.share.defined:
        return f"{text}."
    if most.flag == "shortcut":
        left = "become right without its property, net of other errors changed likewise"
    else:
        left = "would be gone if images with it were misclassified no more often than the others"
    return f"{text}; {percent(most.share.value)} {share_interval(most.share)} of the errors {left}."


def _occlusion_note(report: Report, chosen: Sequence[int], pairs: Sequence[ConfusedPair]) -> str:
    """How to read the bars beside the cards, once for all of them; empty where there are none."""
    findings = report.reasons
    if findings is None or not any(card.occlusions for pair in pairs for card in (*pair.cards, *pair.more)):
        return ""
    strips = [changes for k in chosen for changes in findings.models[k].strips.values()]
    donors = sorted({max(len(change.donors) for change in changes) for changes in strips})
    faces = count(donors[-1], "face") if len(donors) == 1 else f"{max(1, donors[0])} to {count(donors[-1], 'face')}"
    bar = f"another face's of the label's emotion (mean of {faces}); tick: with the region filled in"
    return (
        "Regions of a card, one at a time: how much the label's lead over the strongest other emotion changes, in "
        f"logits, when the region is {bar if donors[-1] else 'filled in'}. Right of the middle (above 0) the region "
        "was evidence against the label. One image each: illustrations, no test."
    )


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


def model_errors_view(report: Report, links: Links, tiles: Tiles, legends: Legends, k: int) -> ModelErrorsView:
    """One model's errors."""
    model, score = report.models[k], report.scores[k]
    pairs = _pairs(report, links, tiles, k, folded=True)
    wrong = score.n - int(np.trace(score.confusion))
    title = f"{model.name} made {count(wrong, 'error')}." if wrong else f"{model.name} made no error."
    if not score.n:
        title = "Without labels there are no errors."
    return ModelErrorsView(
        page=Page(
            f"Errors of {model.name}",
            f"Errors of {model.name} by confused pair",
            "Errors",
            (Crumb("Errors", "errors.html"), Crumb(model.name)),
            Link(report.models[k - 1].name, links.errors_path(k - 1)) if k else None,
            Link(report.models[k + 1].name, links.errors_path(k + 1)) if k + 1 < len(report.models) else None,
        ),
        tabs=links.model_links(k, "errors"),
        title=title,
        lede="Grouped by pair, the most frequent first; a few of each pair, most confident first." if wrong else "",
        pairs=pairs,
        legend=legends.maps((k,)),
        leads=_leads(report, (k,)),
        occlusion_note=_occlusion_note(report, (k,), pairs),
        reasons=reason_table(report, links, (k,)),
    )
