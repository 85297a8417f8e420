"""Mean maps of one model, right and wrong answers apart, and what was left out of them."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.site.html.components import Tile
from reportgen.site.links import Links
from reportgen.site.pictures.mean_maps import MeanMap, MeanMaps
from reportgen.site.report import Report
from reportgen.site.wording.format import count

__all__ = ["MeanPair", "mean_note", "mean_pairs"]


@dataclass(frozen=True)
class MeanPair:
    """Mean maps of one emotion: where the model was right, and where it was wrong."""

    emotion: str
    href: str
    correct: Tile | None
    wrong: Tile | None
    correct_note: str
    wrong_note: str


def mean_pairs(report: Report, links: Links, k: int, means: MeanMaps) -> tuple[MeanPair, ...]:
    """One pair per emotion."""
    pairs = []
    for emotion, name in enumerate(report.classes):
        tiles, notes = [], []
        for which in ("correct", "wrong"):
            mean = means[k].get((emotion, which))
            note = "no such image"
            tile = None
            if mean is not None:
                note = mean_note(mean)
                if mean.picture is not None:
                    alt = (
                        f"Mean {report.methods[k]} map of {report.models[k].name} for {name} over "
                        f"the {count(mean.n, 'image')} "
                        f"it gets {'right' if which == 'correct' else 'wrong'}, on the mean face of {name}"
                    )
                    tile = Tile(mean.picture, alt, few=mean.few)
            tiles.append(tile)
            notes.append(note)
        pairs.append(MeanPair(name, links.emotion_path(emotion), tiles[0], tiles[1], notes[0], notes[1]))
    return tuple(pairs)


def mean_note(mean: MeanMap) -> str:
    """As in "n = 30; 1 blank left out", or why there is no mean."""
    left_out = [f"{mean.null:,} blank"] if mean.null else []
    left_out += [f"{mean.unaligned:,} without landmarks"] if mean.unaligned else []
    if not mean.n:
        return f"none left: {' and '.join(left_out)}" if left_out else "no such image"
    few = ", too few for a mean" if mean.few else ""
    return f"n = {mean.n:,}{few}" + (f"; {' and '.join(left_out)} left out" if left_out else "")
