"""How a report is made smaller, step by step, until it fits into a mail."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reportgen.evidence.examples.mining import Mined
from reportgen.site.report import DataNote, Report
from reportgen.site.wording.format import and_list

__all__ = ["STEPS", "Economy", "lean"]


@dataclass(frozen=True)
class Economy:
    """How much of a report is kept.

    Attributes
    ----------
    tables
        All tables for download; else predictions, scores and answers alone.
    longest, quality
        Longer side in pixels and WebP quality (0..100) of pictures.
    thumb_quality
        The same for the explorer's thumbnails.
    finest
        Cells along a map's longer side in the explorer; finer layers are pooled.
    examples
        At most so many on each list of examples; None for as many as the settings say.
    """

    tables: bool = True
    longest: int = 288
    quality: int = 78
    thumb_quality: int = 68
    finest: int = 28
    examples: int | None = None


_NO_TABLES = Economy(tables=False)
_COARSE = replace(_NO_TABLES, longest=192, quality=55, thumb_quality=45)
_FEW = replace(_COARSE, examples=2)
_FEWEST = replace(_FEW, longest=144, quality=45, thumb_quality=30, finest=7, examples=1)

STEPS: tuple[tuple[str, Economy], ...] = (
    ("the tables for download beyond predictions and scores", _NO_TABLES),
    ("a third of the pictures' resolution, and their finer quality", _COARSE),
    ("all but two examples on each list", _FEW),
    ("all but one example on each list, half of the pictures' resolution, and the explorer's finer maps", _FEWEST),
)
"""What is given up, in this order, each step on top of those before it."""


def lean(report: Report, economy: Economy, left_out: tuple[str, ...]) -> Report:
    """The report with fewer examples, and with a remark on what was left out."""
    mined = report.mined
    if economy.examples is not None:
        mined = Mined(tuple(pick for pick in mined.picks if pick.rank <= economy.examples))
    note = DataNote("Made smaller for mail", f"Left out, against the full report: {and_list(left_out)}.")
    return replace(report, mined=mined, data_notes=(*report.data_notes, note))
