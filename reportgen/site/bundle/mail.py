"""The zip for a mail: the report as it is where it fits, else made smaller in a stated order."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reportgen.config import Config
from reportgen.errors import OutputError
from reportgen.output_guard import MAILED, MANIFEST, begin_scratch, clear_scratch
from reportgen.progress import Progress
from reportgen.site.bundle.size_reduction import STEPS, lean
from reportgen.site.bundle.zip import archive_date, write_archive
from reportgen.site.compose import compose
from reportgen.site.report import Report
from reportgen.site.writer import SiteWriter

__all__ = ["Mailed", "mail"]


@dataclass(frozen=True)
class Mailed:
    """The zip and what it lacks, as in "the tables for download"; empty where it is the whole report."""

    zip: Path
    left_out: tuple[str, ...]


def mail(
    report: Report, output: Path, names: list[str], known: Mapping[str, bytes], config: Config, progress: Progress
) -> Mailed:
    """Write `output/report-mail.zip`.

    Parameters
    ----------
    report
        The report of the site, with faces and names hidden where that was asked for.
    names, known
        The files of `output/site`, and their content as far as it may be taken over.

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
        for text, economy in STEPS:
            if fresh.stat().st_size <= limit:
                break
            left_out = (*left_out, text)
            settings = config if economy.examples is None else config.model_copy(update={"examples": economy.examples})
            with progress.stage(f"Mail, without {text}", len(report.analysis.images)) as step:
                smaller = folder / "site"
                shutil.rmtree(smaller, ignore_errors=True)
                save = SiteWriter(smaller)
                composed = compose(lean(report, economy, left_out), settings, known, save, step.advance, economy)
                for path, content in composed.render():
                    save(path, content)
                save.close()
                write_archive(smaller, [*save.files, MANIFEST], fresh, "report", archive_date())
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
