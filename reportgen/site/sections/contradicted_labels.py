"""Labels that the models contradict, the strongest evidence first, with what landmarks and most similar faces say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.site.html.components import Link, Thumb
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.errors.labels import everyone, labels_to_look_at, landmark_words, review_sentence
from reportgen.site.wording.format import and_list, count, plural, shorten, sure

__all__ = ["ContradictedLabel", "ContradictedLabels", "contradicted_labels"]

_SHOWN = 8


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
    """The section; `left_out` tells of labels that only the models contradict, "" without any."""

    lede: str
    rows: tuple[ContradictedLabel, ...]
    more: Link
    left_out: str
    judge: Link | None


def contradicted_labels(report: Report, links: Links, tiles: Tiles) -> ContradictedLabels | None:
    """The section; None where no label is contradicted. With one model it only leads to the page of labels."""
    findings = report.reasons
    if findings is None or not (findings.votes or findings.review):
        return None
    which = "these, and others with much evidence" if findings.votes else "those with much evidence"
    judge = Link(f"Judge {labels_to_look_at(report)} one by one: {which}", "labels.html") if findings.review else None
    more = Link("All of them in the explorer, to save as CSV", links.explorer("flag:label-suspect"))
    if not findings.votes:
        return ContradictedLabels(review_sentence(report), (), more, "", judge)
    standing = [vote for vote in findings.votes if vote.stands]
    shown, dropped = standing[:_SHOWN], len(findings.votes) - len(standing)
    who = everyone(len(report.models))
    asked = any(vote.twins or not math.isnan(vote.landmarks) for vote in findings.votes)
    second = ", and landmarks or the most similar faces contradict them as well, where known" if asked else ""
    first = f" Below are the {len(shown)} with the most evidence." if len(standing) > len(shown) else ""
    left_out = (
        f"{count(dropped, 'more label')} {plural(dropped, 'is', 'are')} contradicted by {who} alone, and left out."
    )
    none = f"No label is contradicted by {who} and by landmarks or the most similar faces as well."
    return ContradictedLabels(
        lede=none
        if not standing
        else (
            f"{count(len(standing), 'label')} {plural(len(standing), 'is', 'are')} contradicted by {who}{second}. "
            f"Any of them may still be right: how many are wrong was not measured.{first}"
        ),
        rows=tuple(_row(report, links, tiles, vote) for vote in shown),
        more=more,
        left_out=left_out if dropped else "",
        judge=judge,
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
