"""View objects that several pages share. Templates print these and compute nothing.

All `href` and `path` fields start at the site's root. `series` is the letter of `series_of`.
"""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.site.pictures.examples import Picture

__all__ = [
    "Bar",
    "BeforeAfter",
    "BeforeAfterOdds",
    "Cell",
    "Crumb",
    "Example",
    "Finding",
    "Gallery",
    "Headline",
    "Legend",
    "Link",
    "MarkRow",
    "ModelLine",
    "Number",
    "Page",
    "PlotMark",
    "Prediction",
    "Thumb",
    "Tile",
    "TransplantPicture",
    "series_of",
]

_SERIES = "abcdef"


def series_of(model: int) -> str:
    """The letter under which model number `model` keeps its colour and its mark on every page."""
    return _SERIES[model % len(_SERIES)]


@dataclass(frozen=True)
class Link:
    """A link; `on` where it leads to the page or section that shows it."""

    text: str
    href: str
    on: bool = False


@dataclass(frozen=True)
class Headline:
    """The main finding and the sentence under it."""

    text: str
    lede: str


@dataclass(frozen=True)
class ModelLine:
    """What an answer says of one model, where models differ."""

    series: str
    model: str
    text: str


@dataclass(frozen=True)
class Finding:
    """The answer to one question: `lead` in bold, `text` after it, a line per model where they differ, and a `note`
    below these. `tone`: bad, mid, good, open.
    """

    question: str
    tone: str
    lead: str
    text: str
    link: Link
    more: Link | None = None
    models: tuple[ModelLine, ...] = ()
    note: str = ""

    @property
    def whole(self) -> str:
        """All but the lead as running text."""
        lines = (f"{line.model}: {line.text}" for line in self.models)
        return " ".join(filter(None, (self.text, *lines, self.note)))


@dataclass(frozen=True)
class Crumb:
    """One step of the way back; without `href` the present page."""

    text: str
    href: str | None = None


@dataclass(frozen=True)
class Page:
    """What every page has.

    Attributes
    ----------
    section
        Which entry of the navigation is on.
    previous, next
        Neighbours for the keys `[` and `]`.
    """

    title: str
    description: str
    section: str
    crumbs: tuple[Crumb, ...] = ()
    previous: Link | None = None
    next: Link | None = None


@dataclass(frozen=True)
class Number:
    """A number with what belongs to it: interval, n, which direction is better."""

    label: str
    value: str
    interval: str = ""
    note: str = ""
    term: str = ""


@dataclass(frozen=True)
class Tile:
    """One picture with its text; `few`: a mean of too few images, shown faded."""

    picture: Picture
    alt: str
    title: str = ""
    note: str = ""
    href: str | None = None
    few: bool = False


@dataclass(frozen=True)
class TransplantPicture:
    """One picture of an exchange; `outline` is the SVG path around what is exchanged, "" without one."""

    tile: Tile
    outline: str = ""


@dataclass(frozen=True)
class BeforeAfterOdds:
    """One emotion's probability for a photo as it is and for the changed one; widths in per cent of a track."""

    emotion: str
    before: float
    after: float
    before_text: str
    after_text: str


@dataclass(frozen=True)
class BeforeAfter:
    """A photo as it is and changed, with what is predicted for each; `odds` of both predictions, where known."""

    before: Tile
    after: Tile
    odds: tuple[BeforeAfterOdds, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """One model's prediction for one image; `verdict` is "right", "wrong" or "unknown" (no label)."""

    series: str
    model: str
    predicted: str
    confidence: str
    verdict: str


@dataclass(frozen=True)
class Example:
    """One image on a page, seen through one or several models."""

    anchor: str
    href: str
    name: str
    truth: str
    tiles: tuple[Tile, ...]
    predictions: tuple[Prediction, ...]
    note: str = ""
    caution: str = ""


@dataclass(frozen=True)
class Gallery:
    """Examples that were chosen by one rule.

    Attributes
    ----------
    columns
        Headings of the tiles, the same for every example; empty where each tile brings its own.
    examples, more
        Shown at once; behind a disclosure.
    total
        How many images the rule applies to; 0 where that is not counted.
    """

    anchor: str
    title: str
    explain: str
    columns: tuple[str, ...]
    examples: tuple[Example, ...]
    more: tuple[Example, ...] = ()
    link: Link | None = None


@dataclass(frozen=True)
class Bar:
    """A labelled bar; `width` in per cent of the track."""

    label: str
    width: float
    text: str
    href: str | None = None
    strong: bool = False
    series: str = ""


@dataclass(frozen=True)
class PlotMark:
    """One model's value on a track, all positions in per cent of its width; `lane` in per cent of its height."""

    series: str
    x: float
    low: float
    high: float
    lane: float
    text: str


@dataclass(frozen=True)
class MarkRow:
    """One row of a dot plot."""

    label: str
    href: str
    note: str
    marks: tuple[PlotMark, ...]
    text: str
    thin: bool
    height: int


@dataclass(frozen=True)
class Cell:
    """One cell of a heat table; `shade` 0..10 picks the tint."""

    text: str
    shade: int
    title: str
    href: str | None = None
    diagonal: bool = False


@dataclass(frozen=True)
class Legend:
    """What the colours of heatmaps mean."""

    ramp: str
    low: str
    high: str
    text: str


@dataclass(frozen=True)
class Thumb:
    """One cell of a sheet, shown through an SVG view box (all in the sheet's pixels)."""

    sheet: str
    sheet_width: int
    sheet_height: int
    x: float
    y: float
    width: float
    height: float
    alt: str
