"""Whether two models look at the same places where both are right, and where one is.

Different maps are not different reasons: a map does not show what an answer depends on, and the titles say no more.
"""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.attention.map_similarity import OUTCOMES, PLACES, MapAgreement, OutcomeAgreement
from reportgen.evidence.examples.map_agreement import agreement_kind
from reportgen.evidence.examples.mining import Pick
from reportgen.evidence.stats.intervals import wilson
from reportgen.site.html.components import Example, Gallery, Link
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import capital, count, decimal, decimal_interval, percent, percent_estimate, shorten

__all__ = ["AgreementCell", "AgreementRow", "AgreementView", "agreement_view"]

_PLACE_NAMES = {"same": "the same places", "partly": "partly the same", "different": "different places"}


@dataclass(frozen=True)
class AgreementCell:
    """How many images; `shade` 0..10 is their share of the row, `link` leads to the gallery."""

    text: str
    share: str
    shade: int
    link: Link | None


@dataclass(frozen=True)
class AgreementRow:
    """One outcome."""

    name: str
    n: str
    cells: tuple[AgreementCell, ...]
    overlap: str
    overlap_interval: str
    elsewhere: str
    correlation: str
    correlation_interval: str


@dataclass(frozen=True)
class AgreementView:
    """Two models.

    Attributes
    ----------
    title
        The finding as a heading.
    sentences
        What the numbers say.
    explain
        How it was measured.
    disjoint
        Both right, on different places; None where there is no such image.
    others
        Galleries of the other cells.
    """

    anchor: str
    title: str
    sentences: tuple[str, ...]
    explain: str
    places: tuple[str, ...]
    rows: tuple[AgreementRow, ...]
    disjoint: Gallery | None
    others: tuple[Gallery, ...]


def agreement_view(report: Report, links: Links, tiles: Tiles, index: int, a: int, b: int) -> AgreementView | None:
    """The section for pair `index` of the report, models `a` and `b`; None where nothing was compared."""
    if index >= len(report.agreements):
        return None
    found = report.agreements[index]
    if not any(outcome.n for outcome in found.outcomes):
        return None
    galleries = {
        (outcome, place): gallery
        for outcome in OUTCOMES
        for place in PLACES
        if (gallery := _gallery(report, links, tiles, found, a, b, outcome, place)) is not None
    }
    main = galleries.get(("both", "different"))
    return AgreementView(
        anchor="right-for-different-reasons",
        title=_title(found.outcomes[0]),
        sentences=_sentences(found),
        explain=f"Each model's map of its prediction, on a common grid of {found.grid[0]} × {found.grid[1]} cells. "
        "Overlap: of the fifth of the cells with most heat in either map, the share that both have. The same places: "
        "at least half of each fifth is shared (overlap of a third or more). Different places: no more than two random "
        "fifths would share (a ninth or less). Other image: overlap with the other model's map of another image with "
        "the same label and outcome, which is what maps share anyway. Where only one is correct, the two maps "
        "explain different predictions. Heatmaps show no causes: with heat in different places, models may still rely "
        "on the same cue.",
        places=tuple(_PLACE_NAMES[place] for place in PLACES),
        rows=tuple(
            _row(found, outcome, galleries, links.compare_path(index)) for outcome in found.outcomes if outcome.n
        ),
        disjoint=main,
        others=tuple(gallery for gallery in galleries.values() if gallery is not main),
    )


def _title(both: OutcomeAgreement) -> str:
    different = both.counts[PLACES.index("different")]
    if not both.n:
        return "No image that both classify correctly can be compared."
    if not different:
        return "Both correct, never with evidence in different places."
    return f"Both correct, with evidence in different places: {count(different, 'image')}."


def _sentences(found: MapAgreement) -> tuple[str, ...]:
    both = found.outcomes[0]
    if not both.n:
        return ()
    same, _, different = both.counts
    share = wilson(different, both.n)
    lines = [
        f"Both models classify {count(both.n, 'image')} correctly with two maps that are not blank. On {different:,} "
        f"of them ({percent_estimate(share)}) their heatmaps lie in different places, on {same:,} "
        f"({percent(same / both.n)}) in the same."
    ]
    if both.elsewhere.defined:
        lines.append(_beyond(both))
    return tuple(lines)


def _beyond(both: OutcomeAgreement) -> str:
    own, other = both.overlap, both.elsewhere
    numbers = (
        f"mean overlap {decimal(own.value)} {decimal_interval(own)} on the same image, {decimal(other.value)} "
        f"{decimal_interval(other)} with the other model's map of another image"
    )
    if own.low > other.high:
        excess = (own.value - other.value) / own.value
        return (
            f"Most of what they share they would share on any such image: {numbers}."
            if excess < 0.5
            else f"They follow each image alike: {numbers}."
        )
    return f"What they share they would share on any such image: {numbers}."


def _row(
    found: MapAgreement, outcome: OutcomeAgreement, galleries: dict[tuple[str, str], Gallery], here: str
) -> AgreementRow:
    names = {"both": "both right", "only-a": f"only {found.a}", "only-b": f"only {found.b}", "neither": "neither"}
    cells = []
    for place, value in zip(PLACES, outcome.counts, strict=True):
        gallery = galleries.get((outcome.outcome, place))
        cells.append(
            AgreementCell(
                f"{value:,}",
                percent(value / outcome.n),
                -(-10 * value // outcome.n),
                Link(f"{value:,}", f"{here}#{gallery.anchor}") if gallery is not None else None,
            )
        )
    blank = f", {outcome.null_maps:,} blank left out" if outcome.null_maps else ""
    return AgreementRow(
        name=names[outcome.outcome],
        n=f"{count(outcome.n, 'image')}{blank}",
        cells=tuple(cells),
        overlap=decimal(outcome.overlap.value),
        overlap_interval=decimal_interval(outcome.overlap),
        elsewhere=decimal(outcome.elsewhere.value),
        correlation=decimal(outcome.correlation.value),
        correlation_interval=decimal_interval(outcome.correlation),
    )


def _gallery(
    report: Report, links: Links, tiles: Tiles, found: MapAgreement, a: int, b: int, outcome: str, place: str
) -> Gallery | None:
    kind = agreement_kind(outcome, place)
    slugs = report.models[a].slug, report.models[b].slug
    picks = sorted(
        (pick for pick in report.mined.picks if (pick.model, pick.other, pick.kind) == (*slugs, kind)),
        key=lambda pick: pick.rank,
    )
    if not picks:
        return None
    who = {
        "both": "Both right",
        "only-a": f"Only {found.a} right",
        "only-b": f"Only {found.b} right",
        "neither": "Neither right",
    }[outcome]
    order = {"same": "Most overlap first", "partly": "Nearest the middle first", "different": "Least overlap first"}
    return Gallery(
        kind,
        f"{who}, {_PLACE_NAMES[place]}",
        f"{order[place]}, the emotions in turn.",
        ("image", found.a, found.b),
        tuple(_example(report, links, tiles, pick, a, b, float(found.overlap[pick.image])) for pick in picks),
    )


def _example(report: Report, links: Links, tiles: Tiles, pick: Pick, a: int, b: int, overlap: float) -> Example:
    row = pick.image
    return Example(
        anchor=f"{pick.kind}-{report.models[a].slug}-{report.models[b].slug}-{report.ids[row]}",
        href=links.image_path(row),
        name=shorten(report.names[row], 34),
        truth=report.truth(row),
        tiles=(tiles.original(row), tiles.overlay(row, a), tiles.overlay(row, b)),
        predictions=tiles.predictions(row, (a, b)),
        note=capital(f"overlap {decimal(overlap)}"),
    )
