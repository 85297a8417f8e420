"""Labels to check, the strongest evidence first, with what models, landmarks and the most similar faces say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.site.html.components import Link, Thumb
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.errors.labels import (
    labels_to_look_at,
    labels_worth_a_look,
    landmark_words,
    review_sentence,
)
from reportgen.site.wording.format import and_list, count, number, plural, shorten, sure
from reportgen.site.wording.models import everyone

__all__ = ["ContradictedLabel", "ContradictedLabels", "contradicted_labels"]

_SHOWN = 5


@dataclass(frozen=True)
class ContradictedLabel:
    """One photo: its label, and what models, landmarks and similar faces say instead."""

    thumb: Thumb
    href: str
    name: str
    label: str
    models: str
    landmarks: str
    twins: str


@dataclass(frozen=True)
class ContradictedLabels:
    """The first of the labels that a person should judge, in the order of `labels.html`.

    `left_out` tells of labels that only the models contradict, "" without any. `judge` leads to all of the list, `more`
    to those of them that every model contradicts with confidence; None where there are none.
    """

    lede: str
    rows: tuple[ContradictedLabel, ...]
    judge: Link | None
    more: Link | None
    left_out: str


def contradicted_labels(report: Report, links: Links, tiles: Tiles) -> ContradictedLabels | None:
    """The section; None where no label is contradicted."""
    findings = report.reasons
    if findings is None or not (findings.votes or findings.review):
        return None
    review, who = findings.review, everyone(len(report.models))
    suspects = int(findings.suspects.suspect.sum())
    dropped = sum(not vote.stands for vote in findings.votes)
    few = f" Below are the first {_SHOWN}." if len(review) > _SHOWN else ""
    return ContradictedLabels(
        lede=f"{labels_worth_a_look(report)} {review_sentence(report)}{few}"
        if review
        else f"No label is contradicted by {who} and by landmarks or the most similar faces as well.",
        rows=tuple(_row(report, links, tiles, vote) for vote in review[:_SHOWN]),
        judge=Link(f"Judge {labels_to_look_at(report)} one by one", "labels.html") if review else None,
        more=Link(f"The {number(suspects)} in the explorer", links.explorer("flag:label-suspect"))
        if suspects
        else None,
        left_out=f"{count(dropped, 'more label')} {plural(dropped, 'is', 'are')} contradicted by {who} alone, and left "
        "out."
        if dropped
        else "",
    )


def _row(report: Report, links: Links, tiles: Tiles, vote: LabelVote) -> ContradictedLabel:
    label, said = report.truth(vote.row), report.classes[vote.predicted]
    sures = and_list([f"{sure(float(m.probabilities[vote.row, vote.predicted]))} ({m.name})" for m in report.models])
    landmarks = "not known" if math.isnan(vote.landmarks) else landmark_words(vote.landmarks, said, label)
    return ContradictedLabel(
        thumb=tiles.thumb(vote.row, f"Image {report.ids[vote.row]}, labelled {label}"),
        href=links.image_path(vote.row),
        name=shorten(report.names[vote.row], 30),
        label=label,
        models=f"{said}, {sures}",
        landmarks=landmarks,
        twins=f"{vote.twins_predicted} of {vote.twins} labelled {said}, {vote.twins_label} {label}"
        if vote.twins
        else "not known",
    )
