"""Photos of two groups side by side, framed by what a model predicts: of two sources, or seen in training and new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.evidence.shortcuts.causes import Cause
from reportgen.evidence.shortcuts.properties import PredictionSplit, photos_having
from reportgen.site.html.components import Thumb, series_of
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.tiles import Tiles
from reportgen.site.wording.format import capital, count, number
from reportgen.site.wording.shortcuts import split_words
from reportgen.types import BoolArray, IntArray

__all__ = ["PhotoStrip", "StripBar", "StripGroup", "StripPhoto", "leakage_strip", "source_strip"]

_SHOWN, _FEW_SHOWN = 48, 14
_TONES = ("right", "first", "second", "wrong")


@dataclass(frozen=True)
class StripPhoto:
    """One photo; `tone` is its frame: right, first or second (an emotion that is told), or wrong."""

    thumb: Thumb
    href: str
    tone: str
    title: str


@dataclass(frozen=True)
class StripBar:
    """All photos of a group by what one model predicts; each part's start and width in per cent, tone and words."""

    series: str
    model: str
    parts: tuple[tuple[float, float, str, str], ...]
    text: str


@dataclass(frozen=True)
class StripGroup:
    """One group of photos; `note` says how many of them are shown."""

    title: str
    bars: tuple[StripBar, ...]
    photos: tuple[StripPhoto, ...]
    note: str


@dataclass(frozen=True)
class PhotoStrip:
    """Two groups; `keys`: tone and words of every frame; `model` is whose predictions frame the photos."""

    groups: tuple[StripGroup, ...]
    keys: tuple[tuple[str, str], ...]
    series: str
    model: str


def source_strip(
    report: Report, links: Links, tiles: Tiles, cause: Cause, splits: Sequence[PredictionSplit]
) -> PhotoStrip | None:
    """Photos with a property that is told to come from one source, persons or copies, and the others.

    Parameters
    ----------
    splits
        Of the models that rely on it, the one whose predictions frame the photos first.
    """
    item = next((item for item in report.properties if item.name == cause.name), None)
    if item is None or not splits:
        return None
    has, *_ = photos_having(item, cause.sign)
    known = np.isfinite(item.value)
    names = [model.name for model in report.models]
    emotions = [emotion for split in splits for emotion, *_ in split.predictions]
    groups = tuple(zip(map(capital, split_words(splits[0])), (known & has, known & ~has), strict=True))
    return _strip(report, links, tiles, [names.index(split.model) for split in splits], emotions, groups, _SHOWN)


def leakage_strip(
    report: Report, links: Links, tiles: Tiles, model: str, trained_on: np.typing.NDArray[np.float64]
) -> PhotoStrip | None:
    """Photos of persons or files that a model was trained on, and of others; None where one of them is missing."""
    groups = (
        ("Persons or files in the training data", trained_on == 1),
        ("New to the model", trained_on == 0),
    )
    if not all((mine & (report.labels >= 0)).any() for _, mine in groups):
        return None
    k = [found.name for found in report.models].index(model)
    return _strip(report, links, tiles, [k], [], groups, _FEW_SHOWN)


def _strip(
    report: Report,
    links: Links,
    tiles: Tiles,
    models: Sequence[int],
    emotions: Sequence[str],
    groups: Sequence[tuple[str, BoolArray]],
    most: int,
) -> PhotoStrip:
    told = [report.classes.index(name) for name in dict.fromkeys(emotions)][: len(_TONES) - 2]
    keys = [
        ("right", "correct"),
        *((tone, f"wrong: {report.classes[e]}") for tone, e in zip(_TONES[1:], told, strict=False)),
        ("wrong", "wrong: another emotion" if told else "wrong"),
    ]
    tones = {k: _tones(report, k, told) for k in models}
    made = []
    for title, chosen in groups:
        rows = np.flatnonzero(chosen & (report.labels >= 0))
        lead = tones[models[0]][rows]
        ordered = rows[np.argsort(lead, kind="stable")]
        # Evenly from the sorted photos: what is shown has the shares of all.
        few = min(most, len(ordered))
        shown = ordered[(np.arange(few) * len(ordered)) // max(few, 1)]
        model = report.models[models[0]]
        photos = tuple(
            StripPhoto(
                tiles.thumb(row, ""),
                links.image_path(row),
                _TONES[tones[models[0]][row]],
                f"labelled {report.truth(row)}, predicted {report.classes[int(model.predicted[row])]}",
            )
            for row in shown.tolist()
        )
        made.append(
            StripGroup(
                f"{title}: {count(len(rows), 'photo')}",
                tuple(_bar(report, k, tones[k][rows], keys) for k in models),
                photos,
                f"{number(few)} of them, evenly chosen" if few < len(rows) else "",
            )
        )
    return PhotoStrip(tuple(made), tuple(keys), series_of(models[0]), report.models[models[0]].name)


def _tones(report: Report, k: int, told: Sequence[int]) -> IntArray:
    """(n,) place in `_TONES`."""
    predicted = report.models[k].predicted
    tone = np.full(len(predicted), len(_TONES) - 1, dtype=np.int64)
    for place, e in enumerate(told, 1):
        tone[predicted == e] = place
    tone[predicted == report.labels] = 0
    return tone


def _bar(report: Report, k: int, tones: IntArray, keys: Sequence[tuple[str, str]]) -> StripBar:
    words = dict(keys)
    counts = [(tone, int((tones == place).sum())) for place, tone in enumerate(_TONES) if tone in words]
    n, start, parts = max(len(tones), 1), 0.0, []
    for tone, found in counts:
        width = 100 * found / n
        parts.append((round(start, 2), round(width, 2), tone, f"{words[tone]}: {number(found)}"))
        start += width
    text = ", ".join(f"{words[tone]} {number(found)}" for tone, found in counts if found)
    return StripBar(series_of(k), report.models[k].name, tuple(parts), text)
