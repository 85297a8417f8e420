"""From conclusions to files: draws, renders, packs, and swaps the finished site in.

The new site grows in `.site-new` beside the old one. Only when it is complete does the old one step aside and the new
one take its name; whatever an interrupted build left behind is put right at the next start.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reportgen.analysis import write_json
from reportgen.config import Config
from reportgen.errors import OutputError
from reportgen.progress import Progress
from reportgen.site.archive import archive_date, write_archive
from reportgen.site.build import Composed, compose
from reportgen.site.pictures import Save
from reportgen.site.report import Report

__all__ = ["MANIFEST", "Composer", "Published", "publish", "publish_site", "repair"]

Composer = Callable[[Mapping[str, bytes], Save, Callable[[int], None]], Composed]

MANIFEST = "manifest.json"
_MARK = "reportgen site"
# Litter of desktops, made by looking at a folder: no one misses it.
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Published:
    """What was written.

    Attributes
    ----------
    pages
        HTML pages.
    bytes
        Size of the site unpacked.
    zip_bytes
        Size of the zip, 0 without one.
    warnings
        Lines for the terminal.
    """

    site: Path
    zip: Path | None
    pages: int
    bytes: int
    zip_bytes: int
    warnings: tuple[str, ...]

    @property
    def index(self) -> Path:
        """The page to open."""
        return self.site / "index.html"


def publish(report: Report, output: Path, config: Config, progress: Progress) -> Published:
    """Write `output/site/` and, unless switched off, `output/report.zip`.

    Raises
    ------
    OutputError
        The folder cannot be written, or `output/site` holds files that are not ours.
    ReportError
        The templates are missing.
    """

    def composer(known: Mapping[str, bytes], save: Save, advance: Callable[[int], None]) -> Composed:
        return compose(report, config, known, save, advance)

    return publish_site(composer, len(report.analysis.images), output, config, progress)


def publish_site(composer: Composer, images: int, output: Path, config: Config, progress: Progress) -> Published:
    """The same for any site.

    Parameters
    ----------
    composer
        Draws all pictures, given the files of the last site, what saves one, and what counts images done.
    images
        How many images it draws.
    """
    site, fresh = output / "site", output / ".site-new"
    repair(output)
    known = _Known(site, _check_ours(site))
    writer = _Writer(fresh)
    try:
        fresh.mkdir(parents=True)
        with progress.stage("Pictures", images) as step:
            composed = composer(known, writer, step.advance)
        with progress.stage("Pages", composed.pages) as step:
            for path, content in composed.render():
                writer(path, content)
                step.advance()
    except OSError as error:
        raise OutputError(f"{fresh}: cannot be written ({error.strerror}); check space and permissions") from None
    files = dict(sorted(writer.files.items()))
    write_json(fresh / MANIFEST, {"made_by": _MARK, "files": {name: digest for name, (digest, _) in files.items()}})
    _swap(fresh, site, output)
    total = sum(size for _, size in files.values()) + (site / MANIFEST).stat().st_size
    packed, packed_bytes = None, 0
    if config.zip:
        packed = output / "report.zip"
        with progress.stage("Zip"):
            write_archive(site, [*files, MANIFEST], packed, "report", archive_date())
        packed_bytes = packed.stat().st_size
    pages = sum(name.endswith(".html") for name in files)
    return Published(site, packed, pages, total, packed_bytes, _warnings(files, packed_bytes or total, config))


def repair(output: Path) -> None:
    """Finish or undo what an interrupted build left: half a new site goes, a site that stepped aside comes back.

    Raises
    ------
    OutputError
        The folder cannot be changed.
    """
    site, fresh, old = output / "site", output / ".site-new", output / ".site-old"
    try:
        if old.exists():
            if site.exists():
                shutil.rmtree(old)
            else:
                old.rename(site)
        if fresh.exists():
            shutil.rmtree(fresh)
    except OSError as error:
        raise OutputError(f"{output}: cannot be changed ({error.strerror}); check permissions") from None


def _check_ours(site: Path) -> dict[str, str]:
    """The last site's files and their hashes; refuses a folder with anything else in it."""
    if not site.exists():
        return {}
    if not site.is_dir() or site.is_symlink():
        raise OutputError(f"{site}: is not a folder of ours; move it away or choose another --output")
    try:
        manifest = json.loads((site / MANIFEST).read_text(encoding="utf-8"))
        listed = dict(manifest["files"]) if manifest["made_by"] == _MARK else {}
    except (OSError, ValueError, KeyError, TypeError):
        listed = {}
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if name not in listed and name != MANIFEST and path.name not in _LITTER:
            raise OutputError(
                f"{path}: not written by reportgen; expected only its own files in {site}; move it away or choose "
                "another --output"
            )
    return listed


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


class _Writer:
    """Writes files of the new site and remembers their hashes and sizes; may be called from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files: dict[str, tuple[str, int]] = {}

    def __call__(self, path: str, content: bytes) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.files[path] = (hashlib.sha256(content).hexdigest(), len(content))


def _swap(fresh: Path, site: Path, output: Path) -> None:
    old = output / ".site-old"
    try:
        if site.exists():
            site.rename(old)
        fresh.rename(site)
        if old.exists():
            shutil.rmtree(old)
    except OSError as error:
        raise OutputError(
            f"{site}: cannot be replaced ({error.strerror}); close programs that have it open and build again"
        ) from None


def _warnings(files: Mapping[str, tuple[str, int]], size: int, config: Config) -> tuple[str, ...]:
    warnings = []
    limit = config.size_warning_mb * 1e6
    if size > limit:
        warnings.append(
            f"the report has {size / 1e6:.0f} MB, more than {config.size_warning_mb:g} MB; "
            "fewer --examples make it smaller"
        )
    large = [name for name, (_, length) in files.items() if name.endswith(".html") and length > 1_000_000]
    warnings += [f"{name} has more than 1 MB of HTML and may open slowly" for name in large]
    return tuple(warnings)
