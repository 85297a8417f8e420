"""Photos with a cue and without it, and what is predicted for either: on the first page as the proof of its headline,
and wherever the cue is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.marks import MarkTest
from reportgen.site.html.components import BeforeAfter, BeforeAfterOdds, Tile
from reportgen.site.interactive.photo_strips import PhotoStrip, leakage_strip
from reportgen.site.links import Links
from reportgen.site.pictures.background_swaps import BackgroundPictures
from reportgen.site.pictures.components import ComponentPictures
from reportgen.site.pictures.examples import Picture
from reportgen.site.pictures.marks import MARKED, MarkPictures
from reportgen.site.pictures.shortcuts import EXAMPLES, ShortcutPictures
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import sure
from reportgen.site.wording.shortcuts import ADDED, DONE

__all__ = [
    "HeadlineProof",
    "ProofPictures",
    "background_pairs",
    "headline_proof",
    "lost_pairs",
    "mark_pairs",
    "turned_pairs",
]

_PROOFS = 4  # pairs of photos that fit above the fold


@dataclass(frozen=True)
class ProofPictures:
    """What is drawn of each kind of cue."""

    shortcuts: ShortcutPictures | None
    marks: Sequence[MarkPictures]
    components: ComponentPictures
    backgrounds: BackgroundPictures


@dataclass(frozen=True)
class HeadlineProof:
    """The proof of the headline in pictures: pairs of photos, or photos in two groups; `text` says what they show and
    `ends` what the two ends of the slider are.
    """

    pairs: tuple[BeforeAfter, ...]
    strip: PhotoStrip | None
    text: str
    ends: tuple[str, str]


def headline_proof(report: Report, links: Links, tiles: Tiles, pictures: ProofPictures) -> HeadlineProof | None:
    """Pictures of the largest damage; None where nothing was proved, or nothing of it can be shown."""
    if not report.damages:
        return None
    lead = report.damages[0]
    finding, model = lead.finding, lead.model
    proof = None
    if isinstance(finding, Shortcut) and pictures.shortcuts is not None:
        done = DONE[finding.change]
        proof = HeadlineProof(
            lost_pairs(report, links, finding, pictures.shortcuts),
            None,
            f"Predictions: {model}.",
            ("as they are", done),
        )
    elif isinstance(finding, BackgroundFinding):
        proof = HeadlineProof(
            background_pairs(report, links, finding, pictures.backgrounds),
            None,
            f"Predictions: {model}.",
            ("as they are", "with another emotion's background"),
        )
    elif isinstance(finding, MarkTest) and report.marks is not None:
        number = next(k for k in range(len(pictures.marks)) if any(test is finding for test in report.marks.of(k)))
        proof = HeadlineProof(
            mark_pairs(report, links, finding, lead.emotion, pictures.marks[number])[:_PROOFS],
            None,
            f"Photos with and without the mark, with what {model} predicts.",
            ("as they are", "changed"),
        )
    elif isinstance(finding, Component) and report.components is not None:
        number = next(k for k, one in enumerate(report.components.components) if one is finding)
        proof = HeadlineProof(
            _component_pairs(report, links, finding, pictures.components.get(number, ())),
            None,
            f"The {lead.emotion} photos with most of the component, and where its heat lies, with what {model} "
            "predicts.",
            ("as they are", "with the heat"),
        )
    elif isinstance(finding, Leakage) and report.trained_on is not None:
        strip = leakage_strip(report, links, tiles, model, report.trained_on)
        return None if strip is None else HeadlineProof((), strip, "", ("", ""))
    return None if proof is None or not proof.pairs else proof


def _odds(
    report: Report, before: Sequence[float], after: Sequence[float], emotions: Sequence[int]
) -> tuple[BeforeAfterOdds, ...]:
    """Probabilities of some emotions, each once; `before` and `after` (C,), 0..1."""
    return tuple(
        BeforeAfterOdds(
            report.classes[e],
            round(100 * float(before[e]), 1),
            round(100 * float(after[e]), 1),
            sure(float(before[e])),
            sure(float(after[e])),
        )
        for e in dict.fromkeys(emotions)
    )


def lost_pairs(report: Report, links: Links, shortcut: Shortcut, pictures: ShortcutPictures) -> tuple[BeforeAfter, ...]:
    """Photos that are lost without a property: as they are and changed, each with the prediction."""
    k = [model.name for model in report.models].index(shortcut.model)
    e, done = report.classes.index(shortcut.emotion), DONE[shortcut.change]
    found = []
    for place, (row, taken) in enumerate(
        list(zip(shortcut.images, shortcut.predicted_now, strict=True))[: min(EXAMPLES, _PROOFS)]
    ):
        name, href = report.ids[row], links.image_path(row)
        was, now = report.models[k].probabilities[row], shortcut.probabilities_now[place : place + 1]
        odds = _odds(report, was, now[0], (e, report.classes.index(taken))) if now else ()
        before = Tile(
            pictures.pictures[row, ""],
            f"Image {name}, labelled {shortcut.emotion}, as it is",
            shortcut.emotion,
            sure(float(was[e])),
            href,
        )
        then = odds[-1].after_text if odds else ""
        after = Tile(pictures.pictures[row, shortcut.change], f"Image {name}, {done}", taken, then, href)
        found.append(BeforeAfter(before, after, odds))
    return tuple(found)


def turned_pairs(
    report: Report, links: Links, shortcut: Shortcut, pictures: ShortcutPictures
) -> tuple[BeforeAfter, ...]:
    """Photos of other emotions that a property turned: as they are and with it, each with the prediction; none where
    adding it proved nothing.
    """
    turned, e = shortcut.turned, report.classes.index(shortcut.emotion)
    found: list[BeforeAfter] = []
    if turned is None:
        return ()
    for row, was, now, control in zip(turned.rows, turned.before, turned.added, turned.neutral, strict=True):
        name, href, truth = report.ids[row], links.image_path(row), int(report.labels[row])
        first, other = int(np.argmax(was)), int(np.argmax(control))
        before = Tile(
            pictures.pictures[row, ""],
            f"Image {name}, labelled {report.classes[truth]}, as it is",
            report.classes[first],
            sure(was[first]),
            href,
        )
        after = Tile(
            pictures.added[row, shortcut.change, shortcut.emotion],
            f"Image {name} with {ADDED[shortcut.change]} of {shortcut.emotion} photos; after the equally large "
            f"change: {report.classes[other]}, {sure(control[other])}",
            shortcut.emotion,
            sure(now[e]),
            href,
        )
        found.append(BeforeAfter(before, after, _odds(report, was, now, (truth, e))))
    return tuple(found)


def background_pairs(
    report: Report, links: Links, background: BackgroundFinding, pictures: BackgroundPictures
) -> tuple[BeforeAfter, ...]:
    """Photos that are lost with the background of another emotion's photo."""
    k = [model.name for model in report.models].index(background.model)
    e, found = report.classes.index(background.emotion), []
    for swapped in pictures.get((background.model, background.emotion), ()):
        name, href = report.ids[swapped.row], links.image_path(swapped.row)
        was, now = report.models[k].probabilities[swapped.row], swapped.probabilities
        taken = int(np.argmax(now))
        before = Tile(
            swapped.before,
            f"Image {name}, labelled {background.emotion}, as it is",
            background.emotion,
            sure(float(was[e])),
            href,
        )
        after = Tile(
            swapped.after,
            f"Image {name} with the background of image {report.ids[swapped.donor]}",
            report.classes[taken],
            sure(now[taken]),
            href,
        )
        found.append(BeforeAfter(before, after, _odds(report, was, now, (e, taken))))
    return tuple(found)


def mark_pairs(
    report: Report, links: Links, test: MarkTest, emotion: str, drawn: MarkPictures
) -> tuple[BeforeAfter, ...]:
    """Photos that lose the emotion without the mark, and others that gain it with it; none where nothing was proved."""
    if test.answer != "yes":
        return ()
    found = []
    shown = [(row, True) for row in test.lost_rows[:MARKED]] + [(row, False) for row in test.turned_rows[:MARKED]]
    for row, away in shown:
        if row in drawn.pairs:
            before, after = drawn.pairs[row]
            name, href = report.ids[row], links.image_path(row)
            first, then = (emotion, f"not {emotion}") if away else (f"not {emotion}", emotion)
            done = "without the mark" if away else "with the mark added"
            found.append(
                BeforeAfter(
                    Tile(before, f"Image {name} as it is", first, "as it is", href),
                    Tile(after, f"Image {name} {done}", then, done, href),
                )
            )
    return tuple(found)


def _component_pairs(
    report: Report, links: Links, component: Component, pictures: Sequence[tuple[Picture, ...]]
) -> tuple[BeforeAfter, ...]:
    """The photos with most of a component, and its heat over them."""
    model = next(model for model in report.models if model.name == component.model)
    found = []
    for row, (photo, heat) in list(zip(component.top, pictures, strict=False))[:_PROOFS]:
        name, href = report.ids[row], links.image_path(row)
        taken = int(model.predicted[row])
        found.append(
            BeforeAfter(
                Tile(photo, f"Image {name}, labelled {report.truth(row)}", report.classes[taken],
                     sure(float(model.confidence[row])), href),
                Tile(heat, f"Image {name} with the heat of the component", "heat", "", href),
            )
        )  # fmt: skip
    return tuple(found)
