"""The plain counts behind a shortcut: how many photos that get an answer have the property, and how many of all do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.shortcuts.properties import Association, Property
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.types import BoolArray, IntArray

__all__ = ["AnswerSplit", "split_answers"]


@dataclass(frozen=True)
class AnswerSplit:
    """One model's answers to the photos that have a property, and to those that have not.

    Attributes
    ----------
    property
        Its name, such as "colour".
    having, lacking
        As said of photos with it and without it: "in colour", "grey"; of a quantity: "brighter than the median photo",
        "not brighter than it".
    n_having, n_lacking
        Labelled photos of either kind.
    right_having, right_lacking
        Share of right answers among them, with Wilson's interval.
    called
        Per emotion that the model knows by the property: its name, how many photos it gives that answer, and how many
        of these have the property.
    """

    model: str
    property: str
    having: str
    lacking: str
    n_having: int
    n_lacking: int
    right_having: Estimate
    right_lacking: Estimate
    called: tuple[tuple[str, int, int], ...]


def split_answers(
    model: str,
    predicted: IntArray,
    labels: IntArray,
    classes: Sequence[str],
    known_by: Sequence[tuple[str, str]],
    properties: Sequence[Property],
    links: Sequence[Association],
) -> tuple[AnswerSplit, ...]:
    """Count for one model, once per property and direction.

    Parameters
    ----------
    predicted, labels
        (n,) index of the answer and of the label, -1 where unlabelled.
    known_by
        Emotions that the model was shown to know by a property, each with the property's name.
    links
        Tell whether the emotion's photos have more of the property or less.
    """
    signs = {(link.emotion, link.name): link.sign for link in links}
    emotions: dict[tuple[str, int], list[str]] = {}
    for emotion, name in known_by:
        emotions.setdefault((name, signs[emotion, name]), []).append(emotion)
    by_name = {item.name: item for item in properties}
    found = []
    for (name, sign), known in emotions.items():
        item = by_name[name]
        has, having, lacking = _having(item, sign)
        judged = np.isfinite(item.value) & (labels >= 0)
        right = predicted == labels
        called = []
        for emotion in known:
            answered = judged & (predicted == classes.index(emotion))
            called.append((emotion, int(answered.sum()), int((answered & has).sum())))
        n, m = int((judged & has).sum()), int((judged & ~has).sum())
        found.append(
            AnswerSplit(
                model, name, having, lacking, n, m,
                wilson(int((judged & has & right).sum()), n), wilson(int((judged & ~has & right).sum()), m),
                tuple(called),
            )
        )  # fmt: skip
    return tuple(found)


def _having(item: Property, sign: int) -> tuple[BoolArray, str, str]:
    """(n,) photos that have the property, and what those with it and without it are called."""
    words = (item.more, item.less) if sign > 0 else (item.less, item.more)
    if item.binary:
        return np.asarray(item.value == (1.0 if sign > 0 else 0.0)), *words
    middle = np.nanmedian(item.value)
    with np.errstate(invalid="ignore"):
        has = item.value > middle if sign > 0 else item.value < middle
    return np.asarray(has), f"{words[0]} than the median photo", f"not {words[0]}"
