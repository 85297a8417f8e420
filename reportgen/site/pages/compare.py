"""The comparison of the models, pair by pair: who is right where, and where they part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.evidence.examples.mining import Pick
from reportgen.evidence.performance.model_comparison import Comparison
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.site.html.components import Crumb, Example, Gallery, Legend, Link, Number, Page, series_of
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pages.emotion import split
from reportgen.site.report import Report
from reportgen.site.sections.map_similarity import AgreementView, agreement_view
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import (
    and_list,
    count,
    decimal,
    format_p,
    number,
    percent,
    percent_estimate,
    points,
    points_interval,
    shorten,
)
from reportgen.site.wording.models import comparison_sentence

__all__ = ["CompareView", "PairRow", "PairView", "SplitRow", "compare_view", "pair_view"]

_SHOWN = 6
_ORDER = "Most confident first, the emotions in turn."


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
    sentence: str
    numbers: tuple[Number, ...]
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
class CompareView:
    """`compare.html`: the pair where there are two models, the table of all pairs where there are more; and one pair's
    page, `compare/<a>--<b>.html`.
    """

    page: Page
    title: str
    lede: str
    explain: str
    rows: tuple[PairRow, ...]
    pair: PairView | None
    legend: Legend


def compare_view(report: Report, links: Links, tiles: Tiles, legends: Legends) -> CompareView:
    """The page that the navigation leads to."""
    comparisons = report.comparisons
    page = Page("Compare", "Which model is correct where, and where they disagree", "Compare")
    if len(comparisons) == 1:
        return CompareView(page, _title(comparisons[0]), "", "", (), _pair(report, links, tiles, 0), legends.maps())
    adjusted = holm([c.p_value for c in comparisons])
    title, lede = _best(report, adjusted)
    explain = (
        "First minus second model, on the same images, with 95 % intervals. Whether a difference is significant is "
        f"decided by McNemar's exact test, adjusted (Holm) for {len(comparisons)} pairs."
    )
    rows = tuple(_pair_row(report, links, index, float(p)) for index, p in enumerate(adjusted))
    return CompareView(page, title, lede, explain, rows, None, legends.maps())


def pair_view(report: Report, links: Links, tiles: Tiles, legends: Legends, index: int) -> CompareView:
    """One of several pairs."""
    comparisons = report.comparisons
    names = [f"{c.a} and {c.b}" for c in comparisons]
    before, after = index - 1, index + 1
    page = Page(
        names[index],
        f"Where {names[index]} are correct and where they disagree",
        "Compare",
        (Crumb("Compare", "compare.html"), Crumb(names[index])),
        Link(names[before], links.compare_path(before)) if index else None,
        Link(names[after], links.compare_path(after)) if after < len(names) else None,
    )
    pair = _pair(report, links, tiles, index)
    return CompareView(page, _title(comparisons[index]), "", "", (), pair, legends.maps(report.pair_models(index)))


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


def _best(report: Report, adjusted: npt.NDArray[np.float64]) -> tuple[str, str]:
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
        return "Nothing here tells the models apart for certain.", f"{lede} The differences may be chance."
    return f"{best.name} leads, but {and_list(alike, 'or')} may be as good.", (
        f"{lede} Against {and_list(alike)} the difference may be chance."
    )


def _title(comparison: Comparison) -> str:
    if not comparison.n:
        return "Where the two models part."
    if not comparison.decided:
        return f"Nothing here separates {comparison.a} from {comparison.b} for certain."
    better, worse = (comparison.a, comparison.b) if comparison.difference.value > 0 else (comparison.b, comparison.a)
    return f"{better} is correct more often than {worse}, and that is not chance."


def _difference(c: Comparison) -> Number:
    """How far the better one is ahead, with the sign of the sentence above it rather than that of the models' order."""
    ahead, estimate = c.a, c.difference
    if estimate.value < 0:
        ahead, estimate = c.b, Estimate(-estimate.value, -estimate.high, -estimate.low, estimate.n)
    return Number(
        "Difference in accuracy",
        points(estimate.value),
        points_interval(estimate),
        f"in favour of {ahead}" if estimate.value else "",
    )


def _pair(report: Report, links: Links, tiles: Tiles, index: int) -> PairView:
    c = report.comparisons[index]
    a, b = report.pair_models(index)
    numbers: tuple[Number, ...] = ()
    if c.n:
        numbers = (
            _difference(c),
            Number(
                "McNemar test",
                format_p(c.p_value),
                "",
                f"on {count(c.discordant, 'image')} that only one classifies correctly",
                "McNemar",
            ),
            Number("Same answer", percent(c.same_prediction / c.n), "", f"{c.same_prediction:,} of {c.n:,} images"),
            Number(
                "Cohen's kappa",
                decimal(c.kappa),
                "",
                "1 always alike, 0 as chance",
                "kappa",
            ),
        )
    return PairView(
        a=c.a,
        b=c.b,
        series_a=series_of(a),
        series_b=series_of(b),
        sentence=comparison_sentence(c),
        numbers=numbers,
        quadrants=(
            ("Both right", number(c.both), "both"),
            (f"Only {c.a}", number(c.only_a), "only-a"),
            (f"Only {c.b}", number(c.only_b), "only-b"),
            ("Neither", number(c.neither), "neither"),
        )
        if c.n
        else (),
        rows=_rows(report, links, a, b) if c.n else (),
        galleries=_galleries(report, links, tiles, a, b),
        agreement=agreement_view(report, links, tiles, index, a, b),
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
        ("b-right-a-wrong", f"{name_b} right, {name_a} wrong", _ORDER),
        ("a-right-b-wrong", f"{name_a} right, {name_b} wrong", _ORDER),
        (
            "wrong-alike",
            "Wrong in the same way",
            f"Both make the same prediction, which is not the label: an ambiguous face, or a wrong label. {_ORDER}",
        ),
        ("wrong-differently", "Wrong in different ways", f"Three opinions about one face. {_ORDER}"),
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
