"""What a repair of a proven cue would bring and cost, on the page of shortcuts."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.shortcuts.repair import RepairPreview
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.html.components import series_of
from reportgen.site.report import Report
from reportgen.site.wording.format import number, percent, percent_interval, points, points_interval
from reportgen.site.wording.performance.repairs import (
    NOT_MADE,
    repair_bring,
    repair_cost,
    repair_cue,
    repair_fit,
    repair_lead,
    repairs_left_out,
)

__all__ = ["RepairPreviews", "RepairShare", "RepairText", "repair_previews"]


@dataclass(frozen=True)
class RepairShare:
    """A share of some photos; `known` is "" where the photos are shown as they are.

    `known`, `before` and `after` are (value, interval); `gain` with its interval is ("", "") where it is not measured.
    """

    what: str
    n: str
    known: tuple[str, str]
    before: tuple[str, str]
    after: tuple[str, str]
    gain: tuple[str, str]


@dataclass(frozen=True)
class RepairText:
    """One preview in words, and its numbers; `fit` is "" where it is the same of all."""

    series: str
    model: str
    emotion: str
    cue: str
    fit: str
    lead: str
    bring: str
    cost: str
    rows: tuple[RepairShare, ...]


@dataclass(frozen=True)
class RepairPreviews:
    """All of them, and those that could not be made; `fit`: what all are fitted on, "" where they differ."""

    previews: tuple[RepairText, ...]
    fit: str
    left_out: str


def repair_previews(report: Report) -> RepairPreviews | None:
    """The section; None where nothing is proven."""
    found = report.repairs
    if found is None:
        return RepairPreviews((), "", NOT_MADE) if report.contaminated and report.experiments else None
    slugs = [model.slug for model in report.models]
    fits = list(dict.fromkeys(repair_fit(one, training=found.training) for one in found.previews))
    # The same emotion of several models side by side, the first proof first.
    first = list(dict.fromkeys(one.emotion for one in found.previews))
    previews = tuple(
        RepairText(
            series_of(slugs.index(one.slug)),
            one.model,
            one.emotion,
            repair_cue(one),
            repair_fit(one, training=found.training) if len(fits) > 1 else "",
            repair_lead(one),
            repair_bring(report, one),
            repair_cost(one),
            _rows(one),
        )
        for one in sorted(found.previews, key=lambda one: first.index(one.emotion))
    )
    return RepairPreviews(previews, fits[0] if len(fits) == 1 else "", repairs_left_out(found))


def _rows(one: RepairPreview) -> tuple[RepairShare, ...]:
    def share(value: Estimate) -> tuple[str, str]:
        return percent(value.value), percent_interval(value)

    def difference(value: Estimate) -> tuple[str, str]:
        return points(value.value), points_interval(value)

    none = "", ""
    parts = [
        (f"{one.emotion}, the cue taken away: recall", one.without),
        ("other emotions, the cue put in: recall", one.others),
        (f"the same, predicted as {one.emotion}", one.turned),
    ]
    rows = [
        RepairShare(
            what, number(part.known.n), share(part.known), share(part.before), share(part.after), difference(part.gain)
        )
        for what, part in parts
        if part is not None
    ]
    recall, accuracy = one.recall, one.accuracy
    of = f"all of {one.emotion}, as they are: recall"
    rows += [
        RepairShare(of, number(recall[0].n), none, share(recall[0]), share(recall[1]), none),
        RepairShare(
            "all, as they are: accuracy", number(accuracy[0].n), none, share(accuracy[0]), share(accuracy[1]),
            difference(one.cost),
        ),
    ]  # fmt: skip
    return tuple(rows)
