"""The comparison of two models: who is right where, and where they part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reportgen.evidence.agreement import Comparison
from reportgen.evidence.estimate import format_p
from reportgen.evidence.mining import Pick
from reportgen.site.context import Context
from reportgen.site.text import count, percent, points, shorten
from reportgen.site.views import Example, Gallery, Legend, Number, Page
from reportgen.site.views_agreement import AgreementView, agreement_view
from reportgen.site.views_emotion import split

__all__ = ["CompareView", "PairView", "SplitRow", "compare_view"]

_SHOWN = 6


@dataclass(frozen=True)
class SplitRow:
    """One emotion split four ways; widths in per cent."""

    emotion: str
    href: str
    n: int
    counts: tuple[int, int, int, int]
    starts: tuple[float, float, float, float]
    widths: tuple[float, float, float, float]
    thin: bool


@dataclass(frozen=True)
class PairView:
    """Two models."""

    anchor: str
    a: str
    b: str
    series_a: str
    series_b: str
    sentence: str
    numbers: tuple[Number, ...]
    quadrants: tuple[tuple[str, int, str], ...]
    rows: tuple[SplitRow, ...]
    galleries: tuple[Gallery, ...]
    agreement: AgreementView | None = None


@dataclass(frozen=True)
class CompareView:
    """`compare.html`."""

    page: Page
    title: str
    lede: str
    pairs: tuple[PairView, ...]
    legend: Legend


def compare_view(context: Context) -> CompareView:
    """The page for all pairs of models."""
    comparisons = context.report.comparisons
    names = {model.name: k for k, model in enumerate(context.models)}
    return CompareView(
        page=Page("Compare", "Which model is right where, and where they disagree", "Compare"),
        title=_title(comparisons[0]) if len(comparisons) == 1 else "Who is right where",
        lede="",
        pairs=tuple(_pair(context, c, names[c.a], names[c.b], index) for index, c in enumerate(comparisons)),
        legend=context.legend(),
    )


def _title(comparison: Comparison) -> str:
    if not comparison.n:
        return "Where the two models part."
    if not comparison.decided:
        return f"Nothing here separates {comparison.a} from {comparison.b} for certain."
    better, worse = (comparison.a, comparison.b) if comparison.difference.value > 0 else (comparison.b, comparison.a)
    return f"{better} is right more often than {worse}, and that is not chance."


def _pair(context: Context, c: Comparison, a: int, b: int, index: int) -> PairView:
    low, high = c.difference.low, c.difference.high
    numbers: tuple[Number, ...] = ()
    if c.n:
        numbers = (
            Number(
                "Difference in accuracy",
                points(c.difference.value),
                f"[{100 * low:+.1f}, {100 * high:+.1f}]".replace("-", "−"),
                f"{c.a} minus {c.b}",
            ),
            Number(
                "McNemar test",
                format_p(c.p_value),
                "",
                f"on {count(c.discordant, 'image')} that one alone gets right",
                "McNemar",
            ),
            Number("Same answer", percent(c.same_prediction / c.n), "", f"{c.same_prediction:,} of {c.n:,} images"),
            Number(
                "Cohen's kappa",
                f"{c.kappa:.2f}".replace("0.", ".", 1) if not np.isnan(c.kappa) else "–",
                "",
                "1 always alike, 0 as chance",
                "kappa",
            ),
        )
    return PairView(
        anchor=f"pair-{index + 1}",
        a=c.a,
        b=c.b,
        series_a=context.series(a),
        series_b=context.series(b),
        sentence=c.sentence,
        numbers=numbers,
        quadrants=(
            ("Both right", c.both, "both"),
            (f"Only {c.a}", c.only_a, "only-a"),
            (f"Only {c.b}", c.only_b, "only-b"),
            ("Neither", c.neither, "neither"),
        )
        if c.n
        else (),
        rows=_rows(context, a, b) if c.n else (),
        galleries=_galleries(context, a, b, index),
        agreement=agreement_view(context, index, a, b),
    )


def _rows(context: Context, a: int, b: int) -> tuple[SplitRow, ...]:
    labels = context.labels
    right_a, right_b = context.models[a].predicted == labels, context.models[b].predicted == labels
    rows = []
    for emotion, name in enumerate(context.classes):
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
                context.emotion_path(emotion),
                n,
                (counts[0], counts[1], counts[2], counts[3]),
                (starts[0], starts[1], starts[2], starts[3]),
                (widths[0], widths[1], widths[2], widths[3]),
                n < 10,
            )
        )
    return tuple(rows)


def _galleries(context: Context, a: int, b: int, index: int) -> tuple[Gallery, ...]:
    name_a, name_b = context.models[a].name, context.models[b].name
    kinds = (
        ("b-right-a-wrong", f"{name_b} right, {name_a} wrong", "Surest first."),
        ("a-right-b-wrong", f"{name_a} right, {name_b} wrong", "Surest first."),
        (
            "wrong-alike",
            "Wrong in the same way",
            "Both say the same and the label says something else: a hard face, or a wrong label.",
        ),
        ("wrong-differently", "Wrong in different ways", "Three opinions about one face."),
    )
    galleries = []
    for kind, title, explain in kinds:
        picks = context.report.mined.between(context.models[a].slug, context.models[b].slug, kind)
        if not picks:
            continue
        shown, more = split([_example(context, pick, a, b) for pick in picks], _SHOWN)
        # One pair of models is the rule; its galleries have the plain names that other pages link to.
        anchor = kind if index == 0 else f"{kind}-{index + 1}"
        galleries.append(Gallery(anchor, title, explain, ("image", name_a, name_b), shown, more))
    return tuple(galleries)


def _example(context: Context, pick: Pick, a: int, b: int) -> Example:
    row = pick.image
    return Example(
        anchor=f"{context.models[a].slug}-{context.models[b].slug}-{pick.kind}-{context.ids[row]}",
        href=context.image_path(row),
        name=shorten(context.names[row], 34),
        truth=context.truth(row),
        tiles=(context.original(row), context.overlay(row, a), context.overlay(row, b)),
        answers=context.answers(row, (a, b)),
    )
