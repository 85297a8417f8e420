"""What a repair of a proven cue would bring and cost, on the page of shortcuts."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.site.html.components import series_of
from reportgen.site.report import Report
from reportgen.site.wording.performance.repairs import NOT_MADE, repair_bring, repair_cost, repair_cue, repairs_left_out

__all__ = ["RepairPreviews", "RepairText", "repair_previews"]


@dataclass(frozen=True)
class RepairText:
    """One preview in words."""

    series: str
    model: str
    emotion: str
    cue: str
    bring: str
    cost: str


@dataclass(frozen=True)
class RepairPreviews:
    """All of them, and those that could not be made."""

    previews: tuple[RepairText, ...]
    left_out: str


def repair_previews(report: Report) -> RepairPreviews | None:
    """The section; None where nothing is proven."""
    found = report.repairs
    if found is None:
        return RepairPreviews((), NOT_MADE) if report.contaminated and report.experiments else None
    slugs = [model.slug for model in report.models]
    previews = tuple(
        RepairText(
            series_of(slugs.index(one.slug)),
            one.model,
            one.emotion,
            repair_cue(one),
            repair_bring(report, one),
            repair_cost(one),
        )
        for one in found.previews
    )
    return RepairPreviews(previews, repairs_left_out(found))
