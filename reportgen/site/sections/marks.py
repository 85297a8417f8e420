"""What the photos of one emotion share: every mark with the mean photos that show it, and what models do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.shortcuts.added_cues import MIN_GAIN
from reportgen.evidence.shortcuts.marks import Mark
from reportgen.site.html.components import BeforeAfter, Tile, series_of
from reportgen.site.interactive.before_after import mark_pairs
from reportgen.site.links import Links
from reportgen.site.pictures.marks import MarkPictures
from reportgen.site.report import Report
from reportgen.site.wording.format import capital
from reportgen.site.wording.marks import mark_facts, mark_name, mark_test, mark_verdict, no_marks

__all__ = ["MarkResult", "MarkView", "Marks", "mark_steps", "marks_view"]


@dataclass(frozen=True)
class MarkResult:
    """One model and one mark; `pairs`: photos before and after, with what the model predicts."""

    series: str
    model: str
    verdict: str
    strong: bool
    test: str
    pairs: tuple[BeforeAfter, ...]


@dataclass(frozen=True)
class MarkView:
    """One mark. `strong`: a model was shown to rely on it; `means`: mean photos that show it, none for a pattern."""

    anchor: str
    title: str
    emotion: str
    href: str
    facts: str
    means: tuple[Tile, ...]
    results: tuple[MarkResult, ...]
    strong: bool


@dataclass(frozen=True)
class Marks:
    """The section; `empty` says why nothing is shown, `looked_for` whether the method page tells how it was done."""

    how: str
    looked_for: bool
    empty: str
    marks: tuple[MarkView, ...]


def marks_view(report: Report, links: Links, pictures: Sequence[MarkPictures]) -> Marks:
    """The section of one report."""
    found = report.marks
    marks = zip(found.marks, pictures, strict=True) if found is not None else ()
    return Marks(
        how=(
            "The mean of an emotion's aligned photos, and the mean of their spectra, are compared with those of the "
            "other emotions. What differs on plain skin, where expressions change little, or as a fine pattern, is "
            "hardly the expression: it may be worn, drawn, or left by how the photos were made."
        ),
        looked_for=found is not None,
        empty=no_marks(report),
        marks=tuple(_view(report, links, number, mark, drawn) for number, (mark, drawn) in enumerate(marks)),
    )


def _view(report: Report, links: Links, number: int, mark: Mark, drawn: MarkPictures) -> MarkView:
    emotion = report.classes[mark.emotion]
    said = (f"Mean photo of {emotion}", "Mean photo of the others", "Difference, doubled")
    means = tuple(Tile(picture, text, text) for picture, text in zip(drawn.means, said, strict=False))
    names = [model.name for model in report.models]
    results = []
    for test in report.marks.of(number) if report.marks is not None else ():
        verdict, strong = mark_verdict(test)
        pairs = mark_pairs(report, links, test, emotion, drawn)
        series = series_of(names.index(test.model))
        results.append(MarkResult(series, test.model, capital(verdict), strong, mark_test(test, emotion), pairs))
    return MarkView(
        anchor=f"mark-{number}",
        title=mark_name(mark),
        emotion=emotion,
        href=links.emotion_path(mark.emotion),
        facts=mark_facts(mark, emotion),
        means=means,
        results=tuple(results),
        strong=any(result.strong for result in results),
    )


def mark_steps(report: Report) -> tuple[tuple[str, str], ...]:
    """How marks are found and tested, step by step; empty where none was looked for."""
    if report.marks is None:
        return ()
    return (
        (
            "Mean photos.",
            "Some photos of every emotion, of as many persons as possible, are aligned by points that expressions "
            "hardly move; from each the median tone of its own skin is subtracted. Every person counts once. An "
            "emotion's mean is compared with the median of the other emotions' means.",
        ),
        (
            "Marks.",
            "On the face a mark is where these differ by 20 of 255, or by 12 with differences in light left out, and "
            "by five standard errors or more, on skin that is neither around the eyes, brows and mouth nor below the "
            "mouth: what expressions change there on average is less. In the spectrum of the whole photo it is where "
            "the emotion has five times the power, measured against other frequencies as fine; what else differs in "
            "the spectrum is counted as part of it. Most of the emotion's photos must carry it, and few others.",
        ),
        (
            "Taken away, and added.",
            "In photos of the emotion, the place is covered by the same place of another emotion's photo that does not "
            "carry it, in the tone of the photo itself; in photos of other emotions, by that of a photo that carries "
            "it. For comparison the same photos get the place of another photo of their own side, which leaves the "
            "same seam. A pattern is brought to the mean strength of the other side's photos, and in the comparison to "
            "that of its own side's.",
        ),
        (
            "Verdict.",
            f"Relied on: of the emotion's photos at least {100 * MIN_GAIN:.0f} percentage points more are lost with "
            "the mark taken away than in the comparison, and than other emotions lose; or with the mark added, that "
            "many more photos of others are predicted as the emotion than in the comparison, at least twice as many as "
            f"become any other (and {200 * MIN_GAIN:.0f} points, where none is lost without it). Tests are paired, "
            "hold both over persons and over the photos that the place comes from, and are corrected over the model's "
            "marks.",
        ),
        (
            "What it cannot see.",
            "What covers the eyes, the brows, the mouth or the chin is not told apart from expressions, and what lies "
            "at a different place in every photo fades from the mean.",
        ),
    )
