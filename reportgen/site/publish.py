"""From conclusions to files: draws, renders, packs, and swaps the finished site in.

The new site grows in `.site-new` beside the old one. Only when it is complete and packed does the old one step aside
and the new one take its name, so that a disk that fills up, at whatever moment, leaves the old site and zip; what a
killed build left behind is put right at the next start.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reportgen.config import Config
from reportgen.errors import OutputError
from reportgen.files import write_atomically, write_json
from reportgen.output_guard import (
    MANIFEST,
    MARK,
    SCRATCH,
    SUMMARY,
    SUMMARY_MARK,
    begin_scratch,
    check_single,
    check_site,
    check_written,
    clear_scratch,
    remove_site,
)
from reportgen.progress import Progress
from reportgen.site.bundle.mail import mail
from reportgen.site.bundle.privacy import protect
from reportgen.site.bundle.single_file import single_page
from reportgen.site.bundle.zip import archive_date, write_archive
from reportgen.site.compose import Composed, Detail, compose
from reportgen.site.html.template_files import find_templates
from reportgen.site.pictures.examples import Save
from reportgen.site.report import Report
from reportgen.site.summaries.build import build_summary
from reportgen.site.wording.format import and_list

__all__ = ["MANIFEST", "Composer", "Published", "publish", "publish_site", "repair"]

Advance = Callable[[int], None]
Composer = Callable[[Mapping[str, bytes], Save, Advance], Composed]


@dataclass(frozen=True)
class Published:
    """What was written.

    Attributes
    ----------
    pages
        HTML pages.
    single, mail
        The whole site in one HTML file, and the zip for a mail, where they were asked for.
    warnings
        Lines for the terminal.
    """

    site: Path
    zip: Path | None
    pages: int
    warnings: tuple[str, ...]
    single: Path | None = None
    mail: Path | None = None

    @property
    def index(self) -> Path:
        """The page to open."""
        return self.site / "index.html"


def publish(report: Report, output: Path, config: Config, progress: Progress) -> Published:
    """Write `output/site/`, `output/summary.md`, `output/report.zip` unless switched off, and what else is asked for.

    Raises
    ------
    OutputError
        The folder cannot be written, `output/site` holds files that are not ours, or the report is too large for one
        file or for a mail; then everything else is in place.
    ReportError
        The templates are missing.
    """
    report = protect(report, config.privacy)
    summary = build_summary(report)

    def composer(known: Mapping[str, bytes], save: Save, advance: Advance) -> Composed:
        # A protected picture's name no longer says what it was made from.
        return compose(report, config, known if report.privacy == "none" else {}, save, advance)

    made, files = _make(composer, len(report.analysis.images), output, config, progress)
    warnings, site = list(made.warnings), made.site
    check_written(output / SUMMARY, SUMMARY_MARK)  # again: it may have arrived while the site was made
    write_atomically(output / SUMMARY, summary)
    single, mailed = None, None
    if config.single_file:
        single = output / "report.html"
        with progress.stage("One file"):
            check_single(single)  # again: it may have arrived while the site was made
            router = (find_templates() / "parts" / "single.js").read_text(encoding="utf-8")
            write_atomically(single, single_page(site, files, router, config.single_file_mb))
    if config.mail:
        known = _Known(site, {name: digest for name, (digest, _) in files.items()})

        def write(smaller: Report, settings: Config, detail: Detail, folder: Path, advance: Advance) -> list[str]:
            writer = SiteWriter(folder)
            for path, content in compose(smaller, settings, known, writer, advance, detail).render():
                writer(path, content)
            writer.close()
            return [*writer.files, MANIFEST]

        smaller = mail(report, output, [*files, MANIFEST], write, config, progress)
        mailed = smaller.zip
        if smaller.left_out:
            reason = f"to have {config.mail_mb:g} MB at most"
            warnings.append(f"{mailed.name} leaves out {and_list(smaller.left_out)}, {reason}")
    return replace(made, warnings=tuple(warnings), single=single, mail=mailed)


def publish_site(composer: Composer, images: int, output: Path, config: Config, progress: Progress) -> Published:
    """The same for any site, but for the one file and the mail.

    Parameters
    ----------
    composer
        Draws all pictures, given the files of the last site, what saves one, and what counts images done.
    images
        How many images it draws.
    """
    return _make(composer, images, output, config, progress)[0]


Files = Mapping[str, tuple[str, int]]
"""Hash and size of every file of a site by its path."""


def _make(composer: Composer, images: int, output: Path, config: Config, progress: Progress) -> tuple[Published, Files]:
    site, fresh = output / "site", output / ".site-new"
    repair(output)
    known, writer = _Known(site, check_site(site)), SiteWriter(fresh)
    try:
        begin_scratch(fresh)
    except OSError as error:
        raise OutputError(f"{fresh}: cannot be written ({error.strerror}); check space and permissions") from None
    try:
        return _write(composer, images, output, config, progress, known, writer)
    except Exception:
        shutil.rmtree(fresh, ignore_errors=True)  # half a site is of no use, and its space may be needed
        raise


def _write(
    composer: Composer, images: int, output: Path, config: Config, progress: Progress, known: _Known, writer: SiteWriter
) -> tuple[Published, Files]:
    site, fresh = output / "site", output / ".site-new"
    try:
        with progress.stage("Pictures", images) as step:
            composed = composer(known, writer, step.advance)
        with progress.stage("Pages", composed.pages) as step:
            for path, content in composed.render():
                writer(path, content)
                step.advance()
    except OSError as error:
        raise OutputError(f"{fresh}: cannot be written ({error.strerror}); check space and permissions") from None
    files = dict(sorted(writer.files.items()))
    writer.close()
    total = sum(size for _, size in files.values()) + (fresh / MANIFEST).stat().st_size
    packed, packed_bytes = None, 0
    check_site(site)  # again: a file of the user's may have arrived while this site was made
    if config.zip:
        packed = output / "report.zip"
        with progress.stage("Zip"):
            write_archive(fresh, [*files, MANIFEST], packed, "report", archive_date(), lambda: check_site(site))
        packed_bytes = packed.stat().st_size
    _swap(fresh, site, output)
    pages = sum(name.endswith(".html") for name in files)
    warnings = _warnings(files, packed_bytes or total, config)
    return Published(site, packed, pages, tuple(warnings)), files


class SiteWriter:
    """Writes files below a folder and remembers them; may be called from several threads.

    Attributes
    ----------
    files
        Hash and size of every file by its path.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files: dict[str, tuple[str, int]] = {}

    def __call__(self, path: str, content: bytes) -> None:
        """Write one file."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.files[path] = (hashlib.sha256(content).hexdigest(), len(content))

    def close(self) -> None:
        """Write the manifest beside the files; it is not among them."""
        digests = {name: digest for name, (digest, _) in sorted(self.files.items())}
        write_json(self._root / MANIFEST, {"made_by": MARK, "files": digests})


def repair(output: Path) -> None:
    """Finish or undo what an interrupted build left: half a new site goes, a site that stepped aside comes back.

    Raises
    ------
    OutputError
        The folder cannot be changed, or something in what was left is not ours.
    """
    site, old = output / "site", output / ".site-old"
    try:
        if old.exists():
            if site.exists():
                check_site(old)
                remove_site(old)
            else:
                old.rename(site)
        for name in SCRATCH:
            clear_scratch(output / name)
    except OSError as error:
        raise OutputError(f"{output}: cannot be changed ({error.strerror}); check permissions") from None


class _Known(Mapping[str, bytes]):
    """The last site's files, read when asked for, and only if nobody changed them."""

    def __init__(self, site: Path, listed: Mapping[str, str]) -> None:
        self._site, self._listed = site, listed

    def __getitem__(self, path: str) -> bytes:
        expected = self._listed[path]
        try:
            content = (self._site / path).read_bytes()
        except OSError:
            raise KeyError(path) from None
        if hashlib.sha256(content).hexdigest() != expected:
            raise KeyError(path)
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)


def _swap(fresh: Path, site: Path, output: Path) -> None:
    old = output / ".site-old"
    try:
        if site.exists():
            site.rename(old)
            # Nobody finds the folder under its new name: what arrived before is seen now, and goes back.
            check_site(old)
        fresh.rename(site)
        if old.exists():
            remove_site(old)
    except OutputError:
        with suppress(OSError):
            old.rename(site)
        check_site(site)  # says it again, with the name it has now
        raise
    except OSError as error:
        if old.exists() and not site.exists():
            with suppress(OSError):
                old.rename(site)
        raise OutputError(
            f"{site}: cannot be replaced ({error.strerror}); close programs that have it open and build again"
        ) from None


def _warnings(files: Mapping[str, tuple[str, int]], size: int, config: Config) -> tuple[str, ...]:
    warnings = []
    limit = config.size_warning_mb * 1e6
    if size > limit:
        warnings.append(
            f"the report has {size / 1e6:.0f} MB, more than {config.size_warning_mb:g} MB; "
            "a smaller `examples` in reportgen.toml makes it smaller"
        )
    large = [name for name, (_, length) in files.items() if name.endswith(".html") and length > 1_000_000]
    warnings += [f"{name} has more than 1 MB of HTML and may open slowly" for name in large]
    return tuple(warnings)
