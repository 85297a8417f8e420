"""Labels to look at one by one, for a person to judge; and what corrected labels change."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.analysis import content_hash
from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.evidence.performance.corrected_labels import CorrectedScores
from reportgen.site.html.components import Page, Thumb, Tile, series_of
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.errors.labels import (
    corrected_sentence,
    labels_to_look_at,
    labels_worth_a_look,
    landmark_words,
    review_sentence,
)
from reportgen.site.wording.format import (
    decimal,
    decimal_interval,
    format_p,
    number,
    percent,
    percent_interval,
    points,
    points_interval,
    signed,
    sure,
)

__all__ = ["MOST_JUDGED", "LabelCase", "LabelsView", "ScoreChange", "labels_view"]

MOST_JUDGED = 200
"""Photos on the page: a person judges them in about half an hour."""


@dataclass(frozen=True)
class LabelCase:
    """One photo whose label is to be judged; what would sway a person stands behind a key.

    `thumb` is shown where there is no `photo` in full size. `similar` are the photos with the most similar face, and
    `similar_labels` their labels. `probabilities`: emotion, and each model's probability.
    """

    file: str
    old: str
    href: str
    photo: Tile | None
    thumb: Thumb
    similar: tuple[Thumb, ...]
    similar_labels: str
    name: str
    probabilities: tuple[tuple[str, tuple[str, ...]], ...]
    landmarks: str
    twins: str


@dataclass(frozen=True)
class ScoreChange:
    """One model's scores with the labels as given and as corrected."""

    series: str
    model: str
    accuracy: tuple[str, str]
    accuracy_intervals: tuple[str, str]
    change: str
    change_interval: str
    p: str
    f1: tuple[str, str]
    f1_change: str
    f1_interval: str


@dataclass(frozen=True)
class LabelsView:
    """`labels.html`; `chosen` says how the labels were chosen, `key` names this test set in the browser's storage,
    `why_not` says why nothing can be judged.
    """

    page: Page
    title: str
    lede: str
    chosen: str
    why_not: str
    key: str
    classes: tuple[str, ...]
    models: tuple[tuple[str, str], ...]
    cases: tuple[LabelCase, ...]
    left_out: str
    corrected: str
    moves: tuple[tuple[str, str], ...]
    scores: tuple[ScoreChange, ...]


def labels_view(report: Report, links: Links, tiles: Tiles) -> LabelsView:
    """The page."""
    review = report.reasons.review if report.reasons is not None else ()
    hidden = report.privacy != "none"
    shown = () if hidden else review[:MOST_JUDGED]
    corrected = report.corrected
    title = (
        f"{labels_to_look_at(report)} to look at, one by one"
        if review
        else "No label is contradicted with enough evidence."
    )
    return LabelsView(
        page=Page("Labels to check", "Judge labels one by one and save them", "Errors"),
        title=title,
        lede=f"{labels_worth_a_look(report)} Any of them may still be right." if review else review_sentence(report),
        chosen=review_sentence(report) if review else "",
        why_not="Judging a label takes the photo, and this report hides the photos. Open the report that was built "
        "without --privacy."
        if hidden and review
        else "",
        key=content_hash(*report.classes, *report.ids)[:16],
        classes=report.classes,
        models=tuple((series_of(k), model.name) for k, model in enumerate(report.models)),
        cases=tuple(_case(report, links, tiles, vote, place) for place, vote in enumerate(shown, start=1)),
        left_out=f"The page shows the {MOST_JUDGED} labels with the most evidence; the table has all of them."
        if len(shown) < len(review) and not hidden
        else "",
        corrected=corrected_sentence(corrected, len(report.models)) if corrected is not None else "",
        moves=() if corrected is None else tuple((f"{a} to {b}", number(n)) for a, b, n in corrected.moves),
        scores=() if corrected is None else tuple(_change(k, one) for k, one in enumerate(corrected.scores)),
    )


def _case(report: Report, links: Links, tiles: Tiles, vote: LabelVote, place: int) -> LabelCase:
    row, label = vote.row, report.truth(vote.row)
    said, pictures = report.classes[vote.predicted], tiles.drawn.pictures
    return LabelCase(
        file=str(report.analysis.images["path"].iloc[row]),
        old=label,
        href=links.image_path(row),
        photo=Tile(pictures[row].original, f"Photo {place}", "", "") if row in pictures else None,
        thumb=tiles.thumb(row, f"Photo {place}"),
        similar=tuple(tiles.thumb(other, f"Similar face {k}") for k, other in enumerate(vote.similar, start=1)),
        similar_labels=", ".join(report.truth(other) for other in vote.similar),
        name=report.names[row],
        probabilities=tuple(
            (name, tuple(sure(float(model.probabilities[row, k])) for model in report.models))
            for k, name in enumerate(report.classes)
        ),
        landmarks="" if math.isnan(vote.landmarks) else landmark_words(vote.landmarks, said, label),
        twins=f"{vote.twins_predicted} of the {vote.twins} most similar faces are labelled {said}, "
        f"{vote.twins_label} {label}"
        if vote.twins
        else "",
    )


def _change(k: int, found: CorrectedScores) -> ScoreChange:
    both = (found.before, found.after)
    return ScoreChange(
        series_of(k),
        found.model,
        (percent(found.before.value, 1), percent(found.after.value, 1)),
        (percent_interval(both[0], 1), percent_interval(both[1], 1)),
        points(found.difference.value),
        points_interval(found.difference),
        format_p(found.p_value),
        (decimal(found.f1_before, 3), decimal(found.f1_after, 3)),
        signed(found.f1_difference.value, 3),
        decimal_interval(found.f1_difference, 3),
    )
