"""Labels that the models contradict, the strongest evidence first, with what landmarks and most similar faces say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.site.html.components import Link, Thumb
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import and_list, count, fixed, half_up, plural, shorten, sure

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


def contradicted_labels(report: Report, links: Links, tiles: Tiles) -> ContradictedLabels | None:
    """The section; None where no label is contradicted by all models, or there is one model only."""
    findings = report.reasons
    if findings is None or not findings.votes:
        return None
    standing = [vote for vote in findings.votes if vote.stands]
    shown, dropped = standing[:_SHOWN], len(findings.votes) - len(standing)
    everyone = "both models" if len(report.models) == 2 else f"all {len(report.models)} models"
    asked = any(vote.twins or not math.isnan(vote.landmarks) for vote in findings.votes)
    second = ", and landmarks or the most similar faces contradict them as well, where known" if asked else ""
    first = f" Below are the {len(shown)} with the most evidence." if len(standing) > len(shown) else ""
    left_out = (
        f"{count(dropped, 'more label')} {plural(dropped, 'is', 'are')} contradicted by {everyone} alone, and left out."
    )
    none = f"No label is contradicted by {everyone} and by landmarks or the most similar faces as well."
    return ContradictedLabels(
        lede=none
        if not standing
        else (
            f"{count(len(standing), 'label')} {plural(len(standing), 'is', 'are')} contradicted by {everyone}{second}. "
            f"Any of them may still be right: how many are wrong was not measured.{first}"
        ),
        rows=tuple(_row(report, links, tiles, vote) for vote in shown),
        more=Link("All of them in the explorer, to save as CSV", links.explorer("flag:label-suspect")),
        left_out=left_out if dropped else "",
    )


def _row(report: Report, links: Links, tiles: Tiles, vote: LabelVote) -> ContradictedLabel:
    label, said = report.truth(vote.row), report.classes[vote.predicted]
    sures = and_list([f"{sure(float(m.probabilities[vote.row, vote.predicted]))} ({m.name})" for m in report.models])
    if math.isnan(vote.landmarks):
        landmarks = "not known"
    else:
        better, worse = (said, label) if vote.landmarks > 0 else (label, said)
        # Odds beyond a thousand are the floor of a likelihood, not a measurement.
        times = min(math.exp(abs(vote.landmarks)), 1000.0)
        exact = fixed(times, 1) if times < 10 else half_up(times, 0)
        odds = "more than 1,000" if times >= 999.5 else exact
        landmarks = f"{better}: {odds} times as likely as {worse}"
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
