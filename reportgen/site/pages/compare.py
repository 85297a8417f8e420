"""Two models compared: who is correct where, and where they differ.

Different maps are not different reasons: a map does not show what a prediction depends on, and the titles say no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.evidence.attention.map_similarity import OUTCOMES, PLACES, MapAgreement, OutcomeAgreement
from reportgen.evidence.examples.map_agreement import agreement_kind
from reportgen.evidence.examples.mining import Pick
from reportgen.evidence.performance.model_comparison import Comparison
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.site.html.components import Crumb, Example, Gallery, Legend, Link, Page, series_of
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pages.emotion import split
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import (
    and_list,
    capital,
    count,
    decimal,
    decimal_interval,
    format_p,
    number,
    percent,
    percent_estimate,
    points,
    points_interval,
    shorten,
)
from reportgen.site.wording.models import comparison_sentence, more_accurate

__all__ = [
    "AgreementCell",
    "AgreementRow",
    "AgreementView",
    "PairPage",
    "PairRow",
    "PairView",
    "SplitRow",
    "best_model",
    "pair_of",
    "pair_rows",
    "pair_title",
    "pair_view",
]

_SHOWN = 3
_ORDER = "Most confident first, the emotions in turn."


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


@dataclass(frozen=True)
class SplitRow:
    """One emotion split four ways, in the order of `PairView.quadrants`; widths in per cent."""

    emotion: str
    href: str
    n: str
    counts: tuple[str, str, str, str]
    starts: tuple[float, float, float, float]
    widths: tuple[float, float, float, float]
    thin: bool


@dataclass(frozen=True)
class PairView:
    """Two models."""

    a: str
    b: str
    series_a: str
    series_b: str
    same: str
    kappa: str
    quadrants: tuple[tuple[str, str, str], ...]
    rows: tuple[SplitRow, ...]
    galleries: tuple[Gallery, ...]
    agreement: AgreementView | None = None


@dataclass(frozen=True)
class PairRow:
    """Two of several models in the table of all pairs."""

    a: str
    b: str
    series_a: str
    series_b: str
    href: str
    difference: str
    interval: str
    only_a: str
    only_b: str
    same: str
    verdict: str
    decided: bool


@dataclass(frozen=True)
class PairPage:
    """`compare/<a>--<b>.html`: two of several models."""

    page: Page
    title: str
    lede: str
    pair: PairView
    legend: Legend


def pair_view(report: Report, links: Links, tiles: Tiles, legends: Legends, index: int) -> PairPage:
    """One of several pairs."""
    comparisons = report.comparisons
    names = [f"{c.a} and {c.b}" for c in comparisons]
    before, after = index - 1, index + 1
    page = Page(
        names[index],
        f"Where {names[index]} are correct and where they disagree",
        "Models",
        (Crumb("Models", "models.html"), Crumb(names[index])),
        Link(names[before], links.compare_path(before)) if index else None,
        Link(names[after], links.compare_path(after)) if after < len(names) else None,
    )
    title, lede = pair_title(comparisons[index]), comparison_sentence(comparisons[index])
    pair = pair_of(report, links, tiles, index)
    return PairPage(page, title, lede, pair, legends.maps(report.pair_models(index)))


def pair_rows(report: Report, links: Links, adjusted: npt.NDArray[np.float64]) -> tuple[PairRow, ...]:
    """The table of all pairs; `adjusted`: each one's p, corrected."""
    return tuple(_pair_row(report, links, index, float(p)) for index, p in enumerate(adjusted))


def _pair_row(report: Report, links: Links, index: int, p: float) -> PairRow:
    c = report.comparisons[index]
    a, b = report.pair_models(index)
    verdict = f"{'yes' if p < ALPHA else 'inconclusive'}, {format_p(p)}"
    return PairRow(
        c.a,
        c.b,
        series_of(a),
        series_of(b),
        links.compare_path(index),
        points(c.difference.value) if c.n else "–",
        points_interval(c.difference) if c.n else "",
        f"{c.only_a:,}",
        f"{c.only_b:,}",
        percent(c.same_prediction / c.n) if c.n else "–",
        verdict if c.n else "no labels",
        bool(c.n and p < ALPHA),
    )


def best_model(report: Report, adjusted: npt.NDArray[np.float64]) -> tuple[str, str]:
    """Which model is right most often, and which others cannot be told from it."""
    comparisons, scores = report.comparisons, report.scores
    if not comparisons[0].n:
        return (
            "Where the models differ.",
            "Without labels, correct and wrong are unknown; the pairs show where the models disagree.",
        )
    best = max(scores, key=lambda score: score.accuracy.value)
    alike = [
        c.b if c.a == best.name else c.a
        for c, p in zip(comparisons, adjusted, strict=True)
        if best.name in (c.a, c.b) and p >= ALPHA
    ]
    lede = f"{best.name} classifies {percent_estimate(best.accuracy, 1)} of "
    lede += f"{count(best.n, 'image')} correctly, more than any other."
    if not alike:
        return f"{best.name} is correct significantly more often than any other.", lede
    if len(alike) + 1 == len(scores):
        return "No significant differences in accuracy.", f"{lede} The differences may be chance."
    return f"{best.name} leads, but {and_list(alike, 'or')} may be as good.", (
        f"{lede} Against {and_list(alike)} the difference may be chance."
    )


def pair_title(comparison: Comparison) -> str:
    """Which of two models is correct more often."""
    if not comparison.n:
        return f"Where {comparison.a} and {comparison.b} differ."
    if not comparison.decided:
        return f"{comparison.a} and {comparison.b}: no significant difference in accuracy."
    better, worse, *_ = more_accurate(comparison)
    return f"{better} is significantly more accurate than {worse}."


def pair_of(report: Report, links: Links, tiles: Tiles, index: int) -> PairView:
    """The comparison of pair `index`."""
    c = report.comparisons[index]
    a, b = report.pair_models(index)
    same = ""
    if c.n:
        share = percent(c.same_prediction / c.n)
        same = f"Same prediction for {number(c.same_prediction)} of {count(c.n, 'image')} ({share})."
    return PairView(
        a=c.a,
        b=c.b,
        series_a=series_of(a),
        series_b=series_of(b),
        same=same,
        kappa=decimal(c.kappa) if c.n else "",
        quadrants=(
            ("Both correct", number(c.both), "both"),
            (f"Only {c.a}", number(c.only_a), "only-a"),
            (f"Only {c.b}", number(c.only_b), "only-b"),
            ("Neither", number(c.neither), "neither"),
        )
        if c.n
        else (),
        rows=_rows(report, links, a, b) if c.n else (),
        galleries=_galleries(report, links, tiles, a, b),
        agreement=_agreement(report, links, tiles, index, a, b),
    )


def _rows(report: Report, links: Links, a: int, b: int) -> tuple[SplitRow, ...]:
    everything = report.everything
    labels = everything.labels
    right_a, right_b = everything.models[a].predicted == labels, everything.models[b].predicted == labels
    rows = []
    for emotion, name in enumerate(report.classes):
        of = labels == emotion
        n = int(of.sum())
        if not n:
            continue
        parts = [of & right_a & right_b, of & right_a & ~right_b, of & right_b & ~right_a, of & ~right_a & ~right_b]
        counts = [int(part.sum()) for part in parts]
        widths = [round(100 * value / n, 2) for value in counts]
        starts = [round(sum(widths[:i]), 2) for i in range(4)]
        rows.append(
            SplitRow(
                name,
                links.emotion_path(emotion),
                count(n, "image"),
                (number(counts[0]), number(counts[1]), number(counts[2]), number(counts[3])),
                (starts[0], starts[1], starts[2], starts[3]),
                (widths[0], widths[1], widths[2], widths[3]),
                n < 10,
            )
        )
    return tuple(rows)


def _galleries(report: Report, links: Links, tiles: Tiles, a: int, b: int) -> tuple[Gallery, ...]:
    name_a, name_b = report.models[a].name, report.models[b].name
    kinds = (
        ("b-right-a-wrong", f"{name_b} correct, {name_a} wrong", _ORDER),
        ("a-right-b-wrong", f"{name_a} correct, {name_b} wrong", _ORDER),
        (
            "wrong-alike",
            "Wrong in the same way",
            f"An ambiguous face, or a wrong label. {_ORDER}",
        ),
        ("wrong-differently", "Wrong in different ways", _ORDER),
    )
    galleries = []
    for kind, title, explain in kinds:
        picks = report.mined.between(report.models[a].slug, report.models[b].slug, kind)
        if not picks:
            continue
        shown, more = split([_example(report, links, tiles, pick, a, b) for pick in picks], _SHOWN)
        galleries.append(Gallery(kind, title, explain, ("image", name_a, name_b), shown, more))
    return tuple(galleries)


def _example(report: Report, links: Links, tiles: Tiles, pick: Pick, a: int, b: int) -> Example:
    row = pick.image
    return Example(
        anchor=f"{report.models[a].slug}-{report.models[b].slug}-{pick.kind}-{report.ids[row]}",
        href=links.image_path(row),
        name=shorten(report.names[row], 34),
        truth=report.truth(row),
        tiles=(tiles.original(row), tiles.overlay(row, a), tiles.overlay(row, b)),
        predictions=tiles.predictions(row, (a, b)),
    )


def _kinds(report: Report, a: int, b: int) -> str:
    """A warning where two models' maps are of two kinds; else empty."""
    if report.methods[a] == report.methods[b]:
        return ""
    return (
        f"The maps are of two kinds, {report.methods[a]} for {report.models[a].name} and {report.methods[b]} for "
        f"{report.models[b].name}: part of what differs may be owed to that. "
    )


def _agreement(report: Report, links: Links, tiles: Tiles, index: int, a: int, b: int) -> AgreementView | None:
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
        if (gallery := _agreement_gallery(report, links, tiles, found, a, b, outcome, place)) is not None
    }
    main = galleries.get(("both", "different"))
    return AgreementView(
        anchor="right-for-different-reasons",
        title=_agreement_title(found.outcomes[0]),
        sentences=_agreement_sentences(found),
        explain=f"{_kinds(report, a, b)}Each model's map of its prediction, on a common grid of "
        f"{found.grid[0]} × {found.grid[1]} cells. "
        "Overlap: of the fifth of the cells with most heat in either map, the share that both have. The same places: "
        "at least half of each fifth is shared (overlap of a third or more). Different places: no more than two random "
        "fifths would share (a ninth or less). Other image: overlap with the other model's map of another image with "
        "the same label and outcome, which is what maps share anyway. Where only one is correct, the two maps "
        "explain different predictions. Heatmaps show no causes: with heat in different places, models may still rely "
        "on the same cue.",
        places=tuple(_PLACE_NAMES[place] for place in PLACES),
        rows=tuple(
            _agreement_row(found, outcome, galleries, links.compare_path(index))
            for outcome in found.outcomes
            if outcome.n
        ),
        disjoint=main,
        others=tuple(gallery for gallery in galleries.values() if gallery is not main),
    )


def _agreement_title(both: OutcomeAgreement) -> str:
    different = both.counts[PLACES.index("different")]
    if not both.n:
        return "No image that both classify correctly can be compared."
    if not different:
        return "Both correct, never with evidence in different places."
    return f"Both correct, with evidence in different places: {count(different, 'image')}."


def _agreement_sentences(found: MapAgreement) -> tuple[str, ...]:
    both = found.outcomes[0]
    if not both.n:
        return ()
    same, _, different = both.counts
    lines = [
        f"Both models classify {count(both.n, 'image')} correctly with two maps that are not blank. On {different:,} "
        f"of them ({percent_estimate(both.apart)}) their heatmaps lie in different places, on {same:,} "
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


def _agreement_row(
    found: MapAgreement, outcome: OutcomeAgreement, galleries: dict[tuple[str, str], Gallery], here: str
) -> AgreementRow:
    names = {"both": "both correct", "only-a": f"only {found.a}", "only-b": f"only {found.b}", "neither": "neither"}
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


def _agreement_gallery(
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
        "both": "Both correct",
        "only-a": f"Only {found.a} correct",
        "only-b": f"Only {found.b} correct",
        "neither": "Neither correct",
    }[outcome]
    order = {"same": "Most overlap first", "partly": "Nearest the middle first", "different": "Least overlap first"}
    return Gallery(
        kind,
        f"{who}, {_PLACE_NAMES[place]}",
        f"{order[place]}, the emotions in turn.",
        ("image", found.a, found.b),
        tuple(_agreement_example(report, links, tiles, pick, a, b, float(found.overlap[pick.image])) for pick in picks),
    )


def _agreement_example(
    report: Report, links: Links, tiles: Tiles, pick: Pick, a: int, b: int, overlap: float
) -> Example:
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
