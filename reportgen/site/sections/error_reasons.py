"""Why one error happened, for its card and its page, and what each reason is worth over all errors."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.errors.rates import FlagRate
from reportgen.evidence.errors.reasons import ModelReasons, ReasonFindings
from reportgen.evidence.errors.rules import ORDER, UNEXPLAINED
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.html.components import Link, series_of
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.format import count, fixed, percent, percent_interval, share_interval, too_few
from reportgen.site.wording.reasons import (
    FLAG_COMPARED,
    FLAG_NAMES,
    FLAG_RULES,
    UNTESTED,
    evidence_of,
    flag_title,
    where_of,
)

__all__ = ["CardReasons", "ReasonCell", "ReasonLine", "ReasonRow", "ReasonTable", "card_reasons", "reason_table"]


@dataclass(frozen=True)
class ReasonLine:
    """One reason of one error; the link leads to all errors of the model with the same flag. `counts`: whether it goes
    with errors; else it only holds as well.
    """

    title: str
    text: str
    link: Link
    counts: bool


@dataclass(frozen=True)
class CardReasons:
    """Why one error happened.

    Attributes
    ----------
    lines
        The first is the primary reason.
    where
        Which region speaks for the answer; a description, no reason.
    cleared, untested
        Rules that do not fire, and rules that could not be asked, in a few words each.
    """

    lines: tuple[ReasonLine, ...]
    where: str
    cleared: str
    untested: str


@dataclass(frozen=True)
class ReasonCell:
    """One reason, one model: everything in words, `width` of the bar in per cent of the errors.

    `tested` says how many errors could be asked, where that is not all of them.
    """

    series: str
    model: str
    first: str
    width: float
    raised: Link | None
    tested: str
    in_errors: str
    in_correct: str
    ratio: str
    interval: str
    verdict: str
    tone: str
    share: str = ""
    share_interval: str = ""


@dataclass(frozen=True)
class ReasonRow:
    """One reason over all models; without cells where it could be asked of none, `untested` then says why."""

    name: str
    slug: str
    rule: str
    compared: str
    untested: str
    cells: tuple[ReasonCell, ...]


@dataclass(frozen=True)
class ReasonTable:
    """What the reasons are worth, the unexplained errors first.

    Attributes
    ----------
    models
        Series and name of each, in the order of the rows' cells.
    first
        The rows that are the first reason of any error.
    notes
        What a reader has to know before believing the table.
    """

    models: tuple[tuple[str, str], ...]
    first: tuple[ReasonRow, ...]
    rows: tuple[ReasonRow, ...]
    notes: tuple[str, ...]


_SWAPPED = "Swapped regions, as shown here, tell what this prediction depends on; that is no reason in this sense."


def card_reasons(report: Report, links: Links, row: int, k: int, *, swapped: bool = False) -> CardReasons | None:
    """The reasons of one error of model `k`; None where it is none, or where none were looked for.

    `swapped`: whether what swapped regions do stands beside them, which an error without a reason may seem to deny.
    """
    findings = report.reasons
    if findings is None:
        return None
    reasons = findings.models[k]
    raised = reasons.raised(row)
    if not raised:
        return None
    cleared = [FLAG_NAMES[flag.name].lower() for flag in reasons.flags if flag.tested[row] and not flag.fires[row]]
    untested = [FLAG_NAMES[flag.name].lower() for flag in reasons.flags if not flag.tested[row] and not flag.fires[row]]
    return CardReasons(
        lines=tuple(
            ReasonLine(
                flag_title(report, row, k, name),
                f"{evidence_of(report, reasons, row, k, name)}{_denied(name, swapped=swapped)}",
                _all_with(report, links, k, name),
                name == UNEXPLAINED or reasons.counts(name),
            )
            for name in raised
        ),
        where=where_of(report, reasons, row, k),
        cleared=f"Not: {', '.join(cleared)}." if cleared and raised != (UNEXPLAINED,) else "",
        untested=f"Not tested: {', '.join(untested)}." if untested else "",
    )


def _denied(name: str, *, swapped: bool) -> str:
    return f" {_SWAPPED}" if swapped and name == UNEXPLAINED else ""


def reason_table(report: Report, links: Links, chosen: tuple[int, ...]) -> ReasonTable | None:
    """The table for some models; None where no errors were asked why, or there are none."""
    findings = report.reasons
    if findings is None or not any(findings.models[k].errors for k in chosen):
        return None
    chosen = tuple(k for k in chosen if findings.models[k].errors)
    rest = tuple(_unexplained(report, links, k, findings.models[k]) for k in chosen)
    unexplained = ReasonRow(FLAG_NAMES[UNEXPLAINED], UNEXPLAINED, FLAG_RULES[UNEXPLAINED], "", "", rest)
    rows = (unexplained, *(_row(report, links, findings, chosen, index) for index in range(len(ORDER))))
    return ReasonTable(
        models=tuple((series_of(k), report.models[k].name) for k in chosen),
        first=(unexplained, *(row for row in rows[1:] if any(cell.width for cell in row.cells))),
        rows=rows,
        notes=tuple(note for k in chosen for note in _notes(findings.models[k])),
    )


def _row(report: Report, links: Links, findings: ReasonFindings, chosen: tuple[int, ...], index: int) -> ReasonRow:
    name = ORDER[index]
    models = [findings.models[k] for k in chosen]
    asked = any(model.rates[index].tested for model in models)
    return ReasonRow(
        FLAG_NAMES[name],
        name,
        FLAG_RULES[name],
        FLAG_COMPARED.get(name, ""),
        "" if asked else UNTESTED[models[0].flags[index].untested],
        tuple(_cell(report, links, k, findings.models[k], findings.models[k].rates[index]) for k in chosen)
        if asked
        else (),
    )


def _cell(report: Report, links: Links, k: int, reasons: ModelReasons, rate: FlagRate) -> ReasonCell:
    verdict, tone = ("tested on errors only: does not count", "") if rate.ratio is None else _verdict(rate, rate.ratio)
    if rate.flag == "shortcut" and rate.ratio is not None:
        verdict = verdict.replace("in errors", "than other errors")
    return ReasonCell(
        series=series_of(k),
        model=reasons.model,
        first=f"{rate.primary:,} ({percent(rate.primary / reasons.errors)})",
        width=round(100 * rate.primary / reasons.errors, 2),
        raised=Link(f"{rate.raised:,}", _all_with(report, links, k, rate.flag).href) if rate.raised else None,
        tested=f"of {rate.tested:,} tested" if rate.tested < reasons.errors else "",
        in_errors=_rate(rate.in_errors, rate.errors),
        in_correct=_rate(rate.in_correct, rate.correct),
        ratio=_ratio(rate.ratio),
        interval=_interval(rate.ratio),
        verdict=verdict,
        tone=tone,
        share="" if rate.share is None or not rate.share.defined else percent(rate.share.value),
        share_interval="" if rate.share is None else share_interval(rate.share),
    )


def _unexplained(report: Report, links: Links, k: int, reasons: ModelReasons) -> ReasonCell:
    value = reasons.unexplained
    number = round(value.value * value.n)
    return ReasonCell(
        series=series_of(k),
        model=reasons.model,
        first=f"{number:,} ({percent(value.value)}) {percent_interval(value)}",
        width=round(100 * value.value, 2),
        raised=Link(f"{number:,}", _all_with(report, links, k, UNEXPLAINED).href) if number else None,
        tested="",
        in_errors="",
        in_correct="",
        ratio="",
        interval="",
        verdict="",
        tone="",
    )


def _verdict(rate: FlagRate, ratio: Estimate) -> tuple[str, str]:
    """What a risk ratio says; a flag that is as common in correct images explains nothing."""
    if not ratio.defined:
        return "never seen", ""
    if rate.telling:
        return "more often in errors", "strong"
    if ratio.low > 1:
        return "inconclusive once corrected for all rules", ""
    if ratio.high < 1:
        return "less often in errors: explains nothing", "bad"
    return "inconclusive", ""


def _rate(part: int, whole: int) -> str:
    return f"{percent(part / whole)} ({part:,} of {whole:,})" if whole else ""


def _ratio(ratio: Estimate | None) -> str:
    if ratio is None or not ratio.defined:
        return ""
    return "only in errors" if ratio.value == float("inf") else f"{fixed(ratio.value, 1)} ×"


def _interval(ratio: Estimate | None) -> str:
    if ratio is None or not ratio.defined:
        return ""
    if ratio.too_few:
        return too_few(ratio)
    return f"[{fixed(ratio.low, 1)}, {fixed(ratio.high, 1)}]"


def _notes(reasons: ModelReasons) -> list[str]:
    notes = []
    found = reasons.shortcut
    if found is not None and found.shown.any():
        shown, gone, right = (int(rows.sum()) for rows in (found.shown, found.gone, found.shown & found.right))
        part = "" if shown == found.suspected.sum() else f", of {int(found.suspected.sum()):,} in all"
        others, compared = "", int(found.compared.sum())
        if compared:
            others = (
                f"; of {count(compared, 'error')} with other predictions, changed likewise, "
                f"{_part(int(found.compared_gone.sum()), compared)} also changed prediction and "
                f"{_part(int(found.compared_right.sum()), compared)} became right"
            )
            others += (
                f", so about {found.net:,} are due to the shortcut" if found.net and reasons.counts("shortcut") else ""
            )
        notes.append(
            f"{reasons.model}: of {count(shown, 'error')}{part} predicted as an emotion for which it relies on a "
            f"shortcut, {_part(gone, shown)} lost that prediction without the property and {_part(right, shown)} "
            f"became right{others}. The rates of all other reasons leave them out."
        )
    swap = reasons.swap
    if swap is not None:
        same = "" if swap.ratio.defined and swap.ratio.low > 1 else " This difference may be chance."
        notes.append(
            f"{reasons.model}: of {count(swap.hot, 'error')} with much heat on the background the label gained on "
            f"every other background in {_part(swap.rises, swap.hot)}; of {count(swap.controls, 'error')} without, "
            f"drawn for comparison, in {_part(swap.controls_rise, swap.controls)}.{same}"
        )
    return notes


def _part(part: int, whole: int) -> str:
    return f"{part:,} ({percent(part / whole)})"


def _all_with(report: Report, links: Links, k: int, name: str) -> Link:
    slug = report.models[k].slug
    return Link("all with this flag", links.explorer(f"model:{slug}", f"flag:{name}"))
