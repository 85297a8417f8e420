"""What scaling a model's logits would bring, beside its reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.performance.recalibration import Recalibration, Repair
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.html.components import Number
from reportgen.site.report import Report
from reportgen.site.wording.format import (
    count,
    decimal,
    decimal_interval,
    fixed,
    percent,
    percent_interval,
    points,
    points_interval,
    signed,
    too_few,
)

__all__ = ["RepairRow", "RepairSection", "repair_section"]

_NAMES = {"temperature": "temperature scaling", "vector": "vector scaling"}


@dataclass(frozen=True)
class RepairRow:
    """One way of scaling, or none: its name, glossary term, three scores with their change, and what it does."""

    name: str
    term: str
    ece: Number
    brier: Number
    nll: Number
    note: str


@dataclass(frozen=True)
class RepairSection:
    """The sentence, the table, and how it was found."""

    lead: str
    rows: tuple[RepairRow, ...]
    how: str


def repair_section(report: Report, k: int) -> RepairSection | None:
    """The section of model `k`; None where nothing was fitted."""
    found = report.recalibrations[k] if report.recalibrations else None
    if found is None:
        return None
    persons = "persons" if found.nll.named and found.nll.persons is not None else "images"
    whole = RepairRow(
        "as it is",
        "",
        Number("", percent(found.ece.value, 1), percent_interval(found.ece, 1)),
        Number("", decimal(found.brier.value, 3), decimal_interval(found.brier, 3)),
        Number("", decimal(found.nll.value, 3), decimal_interval(found.nll, 3)),
        "",
    )
    return RepairSection(
        _lead(found),
        (whole, *(_row(one) for one in found.repairs)),
        f"From {count(found.images, 'labelled image')}, in {found.folds} parts: each part was scaled by what was "
        f"fitted on the {persons} of the others. Changes are paired, with 95 % intervals; below 0 is better. Nothing "
        "in this report was scaled.",
    )


def _lead(found: Recalibration) -> str:
    one = found.repairs[0]
    by = f"Dividing the logits of {found.model} by {fixed(one.temperature)}"
    errors = f"its calibration error from {percent(found.ece.value, 1)} to {percent(one.ece.value, 1)}"
    if one.helps:
        ways = "lower" if one.ece.value < found.ece.value else "change"
        return (
            f"{by} would lower its log loss by {decimal(-one.nll_change.value, 3)}, and {ways} {errors}. Predictions "
            "would stay the same."
        )
    if one.hurts:
        return f"{by} would not help: on images that it was not fitted on, log loss rises."
    return f"{by} would change little: its log loss does not fall beyond chance."


def _row(one: Repair) -> RepairRow:
    name = _NAMES[one.scaling]
    low, high = one.temperatures
    if one.scaling == "temperature":
        note = (
            f"divides by {fixed(one.temperature)} ({fixed(low)} to {fixed(high)} over the parts); no prediction changes"
        )
    else:
        gain = f"{points(one.accuracy_change.value)} {points_interval(one.accuracy_change)}"
        note = f"{count(one.changed, 'prediction')} change; accuracy {gain}" if one.changed else "no prediction changes"
    return RepairRow(
        name,
        name,
        Number("", percent(one.ece.value, 1), "", f"{points(one.ece_change.value)} {points_interval(one.ece_change)}"),
        Number("", decimal(one.brier.value, 3), "", _change(one.brier_change)),
        Number("", decimal(one.nll.value, 3), "", _change(one.nll_change)),
        note,
    )


def _change(change: Estimate) -> str:
    if change.too_few:
        return too_few(change)
    return f"{signed(change.value, 3)} [{signed(change.low, 3)}, {signed(change.high, 3)}]"
