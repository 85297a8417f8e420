"""The zip for a mail: the report as it is where it fits, else made smaller in a stated order."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from reportgen.config import Config
from reportgen.errors import OutputError
from reportgen.evidence.examples.mining import Mined
from reportgen.output_guard import MAILED, begin_scratch, clear_scratch
from reportgen.progress import Progress
from reportgen.site.bundle.zip import archive_date, write_archive
from reportgen.site.compose import Detail
from reportgen.site.report import DataNote, Report
from reportgen.site.wording.format import and_list

__all__ = ["STEPS", "Mailed", "mail"]

Write = Callable[[Report, Config, Detail, Path, Callable[[int], None]], list[str]]


_NO_TABLES = Detail(tables=False)
_COARSE = replace(_NO_TABLES, longest=192, quality=55, thumb_quality=45)
_FEW = replace(_COARSE, examples=2)
_FEWEST = replace(_FEW, longest=144, quality=45, thumb_quality=30, finest=7, examples=1)

STEPS: tuple[tuple[str, Detail], ...] = (
    ("the tables for download beyond predictions and scores", _NO_TABLES),
    ("a third of the pictures' resolution, and their finer quality", _COARSE),
    ("all but two examples on each list", _FEW),
    ("all but one example on each list, half of the pictures' resolution, and the explorer's finer maps", _FEWEST),
)
"""What is given up, in this order, each step on top of those before it."""


@dataclass(frozen=True)
class Mailed:
    """The zip, and what was left out, as in "the tables for download"; nothing where it is the whole report."""

    zip: Path
    left_out: tuple[str, ...]


def mail(report: Report, output: Path, names: list[str], write: Write, config: Config, progress: Progress) -> Mailed:
    """Write `output/report-mail.zip`.

    Parameters
    ----------
    report
        The report of the site, with faces and names hidden where that was asked for.
    names
        The files of `output/site`.
    write
        Writes the site of a report, with these settings and this much detail, into a folder; calls its last argument
        with the number of images drawn since the last call, and returns the site's files.

    Raises
    ------
    OutputError
        No step makes it small enough, or it cannot be written.
    """
    target, folder = output / MAILED, output / ".mail-new"
    limit = int(1e6 * config.mail_mb)
    fresh = folder / "report.zip"
    try:
        clear_scratch(folder)
        begin_scratch(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); check space and permissions") from None
    try:
        write_archive(output / "site", names, fresh, "report", archive_date())
        left_out: tuple[str, ...] = ()
        for text, detail in STEPS:
            if fresh.stat().st_size <= limit:
                break
            left_out = (*left_out, text)
            settings = config if detail.examples is None else config.model_copy(update={"examples": detail.examples})
            with progress.stage(f"Mail, without {text}", len(report.analysis.images)) as step:
                smaller = folder / "site"
                shutil.rmtree(smaller, ignore_errors=True)
                files = write(reduced(report, detail, left_out), settings, detail, smaller, step.advance)
                write_archive(smaller, files, fresh, "report", archive_date())
        size = fresh.stat().st_size
        if size > limit:
            raise OutputError(
                f"the smallest version for mail has {size / 1e6:.1f} MB, more than mail_mb = {config.mail_mb:g}; the "
                "site is complete: send it another way, or raise the limit"
            )
        fresh.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror}); check space and permissions") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Mailed(target, left_out)


def reduced(report: Report, detail: Detail, left_out: tuple[str, ...]) -> Report:
    """The report with fewer examples, and with a note on what was left out."""
    mined = report.mined
    if detail.examples is not None:
        mined = Mined(tuple(pick for pick in mined.picks if pick.rank <= detail.examples))
    note = DataNote("Made smaller for mail", f"Left out, against the full report: {and_list(left_out)}.")
    return replace(report, mined=mined, data_notes=(*report.data_notes, note))
