"""What would flip a prediction: the strip of one image, and the table of confused pairs."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.errors.flips import FlipSummary
from reportgen.site.html.components import Thumb, series_of
from reportgen.site.pictures.flip_strips import SIDE
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.errors.flip_sets import (
    action_changes,
    aim,
    flip_in_short,
    flip_sentence,
    flip_steps,
    flip_verdict,
    set_sizes,
    share_of,
    summary_sentence,
)
from reportgen.site.wording.format import count, number, percent_interval

__all__ = ["FlipCell", "FlipRow", "FlipSection", "FlipStrip", "flip_method", "flip_section", "flip_strip"]

_LEADS = 2  # sentences of each model above the table


@dataclass(frozen=True)
class FlipCell:
    """One picture of a strip: what it is, and what the model gives to it; `flips` where the prediction changes."""

    thumb: Thumb
    what: str
    text: str
    flips: bool


@dataclass(frozen=True)
class FlipStrip:
    """One image of one model; the last picture is the face that gives. `short` goes with the pictures on a card."""

    short: str
    sentence: str
    actions: str
    cells: tuple[FlipCell, ...]


@dataclass(frozen=True)
class FlipRow:
    """One pair of one model, in words: images, whose regions they are given, and what these do."""

    series: str
    model: str
    aim: str
    images: str
    target: str
    alone: str
    lead: str
    again: str
    interval: str
    control: str
    verdict: str
    strong: bool
    sizes: str
    actions: str


@dataclass(frozen=True)
class FlipSection:
    """Sentences, how it was made, and one row for each pair."""

    leads: tuple[str, ...]
    how: str
    rows: tuple[FlipRow, ...]
    empty: str


def flip_strip(report: Report, tiles: Tiles, row: int, k: int) -> FlipStrip | None:
    """What it takes to flip the prediction of model `k` for one image; None where it was not tried."""
    slug = report.models[k].slug
    sheet = tiles.flips.get((slug, row))
    if report.flips is None or sheet is None:
        return None
    flip = report.flips.flips[slug][row]
    target, image = report.classes[flip.case.target], report.ids[row]
    words = [*flip_steps(report, flip), ("the face that gives", f"labelled {target}")]
    cells = []
    for place, (what, text) in enumerate(words):
        alt = f"Image {image} {what}" if place < len(flip.steps) else f"The face that gives to image {image}"
        thumb = Thumb(sheet.path, sheet.width, sheet.height, place * SIDE, 0, SIDE, SIDE, alt)
        flips = 0 < place < len(flip.steps) and flip.steps[place].predicted == flip.case.target
        cells.append(FlipCell(thumb, what, text, flips))
    actions = action_changes(flip.actions, "this face")
    return FlipStrip(
        flip_in_short(report, flip),
        flip_sentence(report, flip),
        f"Facial actions there, 0 to 1, of the face that gives: {actions}." if actions else "",
        tuple(cells),
    )


def flip_section(report: Report) -> FlipSection | None:
    """The table of the errors' page; None without labels, or where no experiments were made at all."""
    found = report.flips
    if not report.labelled or (found is None and not report.experiments):
        return None
    if found is None:
        return FlipSection(
            (), "", (), "Not looked for: quick experiments leave it out, as do images without landmarks."
        )
    leads = []
    for model in report.models:
        own = [one for one in found.summaries if one.slug == model.slug and one.again is not None]
        own.sort(key=lambda one: (not one.clear, -_lead_over_control(one), not one.error))
        leads += [summary_sentence(report, one) for one in own[:_LEADS]]
    pictures = count(sum(found.pictures.values()), "changed picture")
    how = (
        f"Counted are images of each model's most frequent confusions, drawn at random; {pictures} were shown. Errors "
        "are given regions of faces with their label, correct images those of the emotion with which theirs is "
        "confused; all of these faces are other persons' and predicted correctly. With few images intervals are wide."
    )
    rows = tuple(_row(report, one) for one in found.summaries)
    empty = "" if rows else "No pair of emotions is confused often enough, with faces that could give."
    return FlipSection(tuple(lead for lead in leads if lead), how, rows, empty)


def _lead_over_control(summary: FlipSummary) -> float:
    again, control = summary.again, summary.control
    return (again.value if again else 0.0) - (control.value if control else 0.0)


def _row(report: Report, summary: FlipSummary) -> FlipRow:
    slugs = [model.slug for model in report.models]
    alone = [(name, round(share.value * share.n)) for name, share in summary.alone.items()]
    named = [f"{REGION_NAMES[name]} {number(n)}" for name, n in sorted(alone, key=lambda one: -one[1]) if n]
    again, control = summary.again, summary.control
    return FlipRow(
        series=series_of(slugs.index(summary.slug)),
        model=summary.model,
        aim=aim(summary),
        images=number(summary.images),
        target=summary.target,
        alone=", ".join(named) or "none",
        lead=REGION_NAMES[summary.lead] if summary.lead else "",
        again=share_of(again) if again else "",
        interval=f"{percent_interval(again)}" if again else "",
        control=share_of(control) if control else "",
        verdict=flip_verdict(summary),
        strong=summary.clear,
        sizes=set_sizes(summary),
        actions=action_changes(summary.actions, "these faces"),
    )


def flip_method(report: Report) -> tuple[tuple[str, str], ...]:
    """Step by step, for the method page; empty where it was not looked for."""
    if report.flips is None:
        return ()
    return (
        (
            "Faces.",
            "Of the most frequent confusions some errors are drawn at random, one person after the other, and some "
            "correct images of the true emotion; beside them the most confident errors, which have pages. An error is "
            "given regions of a face with its label, a correct image of a face with the emotion it is confused with. "
            "The face that gives shows another person, is predicted correctly, and is grey or in colour like the other "
            "where there is one; light and colour are matched as in the transplant test.",
        ),
        (
            "The smallest set.",
            "Each of the six regions is swapped by itself, and the one with the highest log-odds of those that flip "
            "the prediction is named. Where none does, all six are swapped at once. If that flips it, pairs are tried, "
            "first the best region with each other one, then all; then sets of three in the same way. So no smaller "
            "set than the named one flips it.",
        ),
        (
            "How often.",
            "The region that flips most images of a pair was chosen by these very images. It is swapped again from a "
            "second face of the same emotion, and from a face of the emotion that is predicted already. The last is "
            "the control: what changes there is the doing of the swap. The two are compared image by image (sign-flip "
            "test over persons, corrected for the model's pairs).",
        ),
        (
            "What it does not show.",
            "One donor is one face: another may need more or fewer regions. Facial actions are those that differ "
            "most in the swapped regions; they are no proof of what made the difference.",
        ),
    )
