"""How the transplant test works, as shown: worked examples in pictures, and what was done in this report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.importance.findings import LEAST_RECALL
from reportgen.evidence.importance.regions import (
    CHEATING_ALPHA,
    CHEATING_DROP,
    CHEATING_RECALL_DROP,
    MIN_DROP,
    MIN_PERSONS,
)
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.site.html.components import Tile, TransplantPicture
from reportgen.site.links import Links
from reportgen.site.pictures.transplants import OutlinedPicture, Transplant, WorkedExample
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import and_list, capital, count, fixed, number, percent, signed, sure
from reportgen.site.wording.importance import LEAST_FALL, drop_of, odds_cut

__all__ = ["TransplantMethod", "WorkedExampleView", "transplant_method", "worked_examples"]


@dataclass(frozen=True)
class WorkedExampleView:
    """One worked example: two exchanges, each a face, a donor and the result."""

    title: str
    text: str
    rows: tuple[tuple[str, tuple[TransplantPicture, TransplantPicture, TransplantPicture]], ...]
    conclusion: str


@dataclass(frozen=True)
class TransplantMethod:
    """The numbers of the method page's section; `made` is what was done in this report, "" where nothing was."""

    made: str
    regions: str
    least_persons: int
    alpha: str
    least: str
    least_fall: str
    cheating: str
    least_recall: str


def worked_examples(
    report: Report, links: Links, k: int, worked: tuple[WorkedExample, ...]
) -> tuple[WorkedExampleView, ...]:
    """The examples of model `k` in words."""
    return tuple(_worked(report, links, k, one) for one in worked)


def _worked(report: Report, links: Links, k: int, one: WorkedExample) -> WorkedExampleView:
    emotion, region = one.importance.emotion, REGION_NAMES[one.importance.region]
    rows = tuple(
        (lead, (_face(report, links, one), _donor(report, links, one, exchange), _result(report, one, exchange)))
        for lead, exchange in (
            (f"The {region} of the same emotion", one.same),
            (f"The {region} of another emotion", one.other),
        )
    )
    return WorkedExampleView(f"{capital(region)}, {emotion}", _why(report, k, one), rows, _conclusion(report, k, one))


def _face(report: Report, links: Links, one: WorkedExample) -> TransplantPicture:
    note = f"as it is: {sure(one.before.probability)}, log-odds {signed(one.before.log_odds)}"
    return _step(report, links, one.receiver, one.face, f"A face of {one.importance.emotion}", note)


def _donor(report: Report, links: Links, one: WorkedExample, exchange: Transplant) -> TransplantPicture:
    emotion = report.classes[exchange.emotion]
    title = f"Another face of {emotion}" if exchange is one.same else f"A face of {emotion}"
    return _step(
        report, links, exchange.donor, exchange.given, title, f"gives its {REGION_NAMES[one.importance.region]}"
    )


def _step(report: Report, links: Links, row: int, shown: OutlinedPicture, title: str, note: str) -> TransplantPicture:
    alt = f"Image {report.ids[row]}, labelled {report.truth(row)}"
    return TransplantPicture(Tile(shown.picture, alt, title, note, links.image_path(row)), shown.outline)


def _result(report: Report, one: WorkedExample, exchange: Transplant) -> TransplantPicture:
    region = REGION_NAMES[one.importance.region]
    alt = f"Image {report.ids[one.receiver]} with the {region} of image {report.ids[exchange.donor]}"
    title = f"{capital(one.importance.emotion)} {sure(exchange.odds.probability)}"
    return TransplantPicture(Tile(exchange.result, alt, title, f"log-odds {signed(exchange.odds.log_odds)}"))


def _why(report: Report, k: int, one: WorkedExample) -> str:
    importance, shown = one.importance, one.importance.answer == "yes"
    if importance.region == "background":
        if shown:
            return f"Of all emotions {importance.emotion} depends most on what the background shows."
        largest = f"the largest fall of the odds is that of {importance.emotion}"
        return f"In the face's own light and colour, no background was shown to matter for any emotion; {largest}."
    what = f"the {REGION_NAMES[importance.region]} for {importance.emotion}"
    if shown:
        return f"{report.models[k].name} relies on {what} more than on any other part of a face, for any emotion."
    return f"No part of the face was shown to be important; the largest fall of the odds is that of {what}."


def _conclusion(report: Report, k: int, one: WorkedExample) -> str:
    importance, found = one.importance, report.importance
    if found is None:
        raise AssertionError("an example is drawn only where regions were swapped")
    pictures = len(found.swaps[report.models[k].slug].places(one.emotion, importance.region))
    gap = one.same.odds.log_odds - one.other.odds.log_odds
    return (
        f"With {report.classes[one.other.emotion]} instead of {importance.emotion} the odds of {importance.emotion} "
        f"are {_share(gap)} what they were (log-odds {fixed(abs(gap))} {'lower' if gap >= 0 else 'higher'}). Over all "
        f"{number(pictures)} pictures of this kind they fall by {odds_cut(importance)} (log-odds drop "
        f"{drop_of(report, importance)} [{signed(importance.low)}, {signed(importance.high)}])."
    )


def _share(gap: float) -> str:
    """Odds after a loss of so many log-odds, as a share of those before: "37 % of", "1.3 times"."""
    factor = math.exp(-gap)
    return f"{sure(factor)} of" if factor < 1 else f"{fixed(factor, 1)} times"


def transplant_method(report: Report) -> TransplantMethod | None:
    """The method page's section; None where neither regions nor labels are known."""
    found = report.importance
    if found is None:
        return None
    return TransplantMethod(
        made=_made(report),
        regions=and_list([REGION_NAMES[region] for region in TRANSPLANTED]),
        least_persons=MIN_PERSONS,
        alpha=f"{ALPHA:g}",
        least=f"{MIN_DROP:g}",
        least_fall=LEAST_FALL,
        least_recall=percent(LEAST_RECALL),
        cheating=(
            f"important, p of its own below {CHEATING_ALPHA:g}, a log-odds drop of at least {CHEATING_DROP:g}, and at "
            f"least {100 * CHEATING_RECALL_DROP:g} percentage points less recall"
        ),
    )


def _made(report: Report) -> str:
    found = report.importance
    if found is None or not found.swaps:
        return ""
    designs = [swaps.matched for swaps in found.swaps.values()]
    faces = [design[design["region"] != "background"] for design in designs]
    beside = [design[design["region"] == "background"] for design in designs]
    swapped = sorted({int(e) for design in designs for e in design["emotion"].unique()})
    # Where no part of any face was swapped, the sentence is about the backgrounds.
    shown = faces if any(map(len, faces)) else beside
    received, received_beside = (
        _span([n for rows in part for n in rows.groupby("emotion")["receiver"].nunique()]) for part in (shown, beside)
    )
    donors: dict[bool, list[int]] = {True: [], False: []}
    for rows in shown:
        first = rows[rows["region"] == rows["region"].iloc[0]] if len(rows) else rows
        same = first["emotion"] == first["donor_emotion"]
        for own, chosen in ((True, same), (False, ~same)):
            donors[own] += first[chosen].groupby(["emotion", "receiver"]).size().tolist()
    more = "" if received == received_beside else f" ({received_beside} for the background)"
    text = (
        f"In this report: {received} faces{more} of each of {count(len(swapped), 'emotion')}, each with "
        f"{_span(donors[True])} {'donor' if _span(donors[True]) == '1' else 'donors'} of its own emotion and "
        f"{_span(donors[False])} of others, {count(len(TRANSPLANTED) if shown is faces else 1, 'region')}, "
        f"{_span([len(swaps.design) for swaps in found.swaps.values()])} pictures for every model."
    )
    idle = [report.classes[e] for e in swapped if not any((rows["emotion"] == e).any() for rows in faces)]
    if idle:
        text += f" Of {and_list(idle)} only backgrounds were swapped: parts of the face cannot be tested for any model."
    return text


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return number(low) if low == high else f"{number(low)} to {number(high)}"
