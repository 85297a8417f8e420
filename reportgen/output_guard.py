"""Which files of an output folder a build may replace: those that our own manifests list, and nothing else.

This is checked before anything is computed, so that a name which is already taken costs seconds and not an hour.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

from reportgen.errors import OutputError
from reportgen.files import is_temporary_name, write_json
from reportgen.shards import is_part_name

__all__ = [
    "JUNIT_NAME",
    "MAILED",
    "MANIFEST",
    "MARK",
    "SCRATCH",
    "SINGLE_MARK",
    "STATE",
    "SUMMARY",
    "SUMMARY_MARK",
    "Kind",
    "begin_scratch",
    "check_output",
    "check_single",
    "check_site",
    "check_written",
    "claim",
    "clear_scratch",
    "remove_site",
]

Kind = Literal["build", "merge", "explain", "diff"]
"""The command whose report an output folder holds."""

MANIFEST = "manifest.json"
MARK = "reportgen site"
MAILED = "report-mail.zip"
STATE = ".reportgen.json"
SCRATCH = (".site-new", ".mail-new")
"""Folders beside the site in which a new site or mail is made."""
SINGLE_MARK = '<meta name="generator" content="reportgen">'
"""Marks the report in one file as ours, before it is replaced."""
SUMMARY = "summary.md"
SUMMARY_MARK = "<!-- reportgen summary -->"
"""First line of every summary: tells it from a file of the user's, and a bot its own comment from others."""
JUNIT_NAME = "reportgen diff"
"""Name of all suites of a file for build servers: tells it from one of the user's."""
# (command before, command now): a merged analysis is like any other, and a build may go on from it.
_GOES_ON = {("merge", "build")}
# Made by desktops when somebody opens a folder; nobody misses them.
# Written before the manifest, so that a killed build leaves them alone.
_BEFORE_MANIFEST = ("input_choices.json", "tuning.json", "problems.parquet")
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
_LARGEST_MANIFEST = 256_000_000
_ADVICE = "move it away or choose another --output"


def check_output(output: Path, kind: Kind, *, zipped: bool, mailed: bool = False, single: bool = False) -> None:
    """Refuse an output folder where one of our names is taken by a foreign file, or by another command's report.

    Parameters
    ----------
    kind
        The command that is going to write.
    zipped, mailed, single
        Whether `report.zip`, `MAILED` and `report.html` are going to be written.

    Raises
    ------
    OutputError
        `output`, or something in it, is not ours or belongs to another command; the message names it.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file, expected a folder to write into; {_ADVICE}")
    _check_kind(output, kind)
    for name in ("site", ".site-old"):
        check_site(output / name)
    for name in SCRATCH:
        _check_scratch(output / name)
    _check_analysis(output / "analysis")
    if zipped:
        _check_archive(output / "report.zip", "build with --no-zip")
    if mailed:
        _check_archive(output / MAILED, "build without --mail")
    if single:
        check_single(output / "report.html")
    check_written(output / SUMMARY, SUMMARY_MARK)


def claim(output: Path, kind: Kind) -> None:
    """Record in a checked folder whose report it will hold; at once, since a killed build leaves results too."""
    known = _state(output / STATE)
    if known.get("kind") != kind:
        write_json(output / STATE, {**known, "kind": kind})


def _check_kind(output: Path, kind: Kind) -> None:
    path = output / STATE
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OutputError(f"{path}: not written by reportgen; {_ADVICE}")
    known = _state(path)
    has_analysis = (output / "analysis" / MANIFEST).is_file()
    # A build that was refused before it wrote anything has left nothing to lose.
    held = known.get("kind") if has_analysis or (output / "site").exists() else None
    if held is None and has_analysis and kind == "diff":
        held = "build"
    if held is not None and held != kind and (held, kind) not in _GOES_ON:
        raise OutputError(
            f"{output}: holds the report of 'reportgen {held}', which 'reportgen {kind}' would replace; choose another "
            "--output"
        )


def _state(path: Path) -> dict[str, Any]:
    """The state file of the last build; empty where there is none.

    Raises
    ------
    OutputError
        The file was not written by us.
    """
    try:
        text = path.read_bytes()
    except OSError:
        return {}
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        found = None
    ours = isinstance(found, dict) and (found.get("kind") in get_args(Kind) or {"key", "alarms"} <= found.keys())
    if not isinstance(found, dict) or (found and not ours):
        raise OutputError(f"{path}: not written by reportgen; {_ADVICE}")
    return found


def check_site(site: Path) -> dict[str, str]:
    """The files of the last site and their hashes, as its own manifest lists them; empty where there is no site.

    Raises
    ------
    OutputError
        The folder holds anything else.
    """
    if not site.exists() and not site.is_symlink():
        return {}
    if not site.is_dir() or site.is_symlink():
        raise OutputError(f"{site}: is not a folder of ours; {_ADVICE}")
    listed = _listed(site)
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        # A manifest that lists nothing is foreign or damaged: then nothing here is known to be ours.
        known = name in listed or (name == MANIFEST and bool(listed))
        if not known and path.name not in _LITTER:
            raise OutputError(f"{path}: not written by reportgen; expected only its own files in {site}; {_ADVICE}")
    return listed


def _listed(site: Path) -> dict[str, str]:
    try:
        manifest = json.loads((site / MANIFEST).read_text(encoding="utf-8"))
        return dict(manifest["files"]) if manifest["made_by"] == MARK else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def remove_site(site: Path) -> None:
    """Remove the files that a site's manifest lists; anything else stays, and so does the folder then.

    Raises
    ------
    OSError
        A file cannot be removed.
    """
    listed = _listed(site)
    # Files are looked up in the list, not the other way: a list may name anything, even files elsewhere.
    for path in sorted(site.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # not empty
                path.rmdir()
        elif path.relative_to(site).as_posix() in listed or path.name in _LITTER:
            path.unlink()
    # Last, so that what a killed build leaves behind is still known to be ours.
    if {path.name for path in site.iterdir()} == {MANIFEST} and listed:
        (site / MANIFEST).unlink()
    with suppress(OSError):
        site.rmdir()


def begin_scratch(folder: Path) -> None:
    """Make one of the folders of `SCRATCH`, with a mark that everything in it is ours to remove.

    Raises
    ------
    OSError
        It cannot be made.
    OutputError
        Its mark cannot be written.
    """
    folder.mkdir(parents=True)
    write_json(folder / MANIFEST, {"made_by": MARK, "files": {}})


def clear_scratch(folder: Path) -> None:
    """Remove a folder of `SCRATCH` that a killed build left behind.

    Raises
    ------
    OSError
        It cannot be removed.
    OutputError
        It is not ours.
    """
    _check_scratch(folder)
    if folder.exists():
        shutil.rmtree(folder)


def _check_scratch(folder: Path) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder of ours; {_ADVICE}")
    try:
        ours = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["made_by"] == MARK
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    for path in () if ours else sorted(folder.rglob("*")):
        if not path.is_dir() and not is_temporary_name(path.name) and path.name not in _LITTER:
            raise OutputError(f"{path}: not written by reportgen; {_ADVICE}")


def check_single(path: Path) -> None:
    """Refuse a `report.html` that is not ours.

    Raises
    ------
    OutputError
        There is one, or it cannot be read.
    """
    check_written(path, SINGLE_MARK, f"{_ADVICE}, or build without --single-file")


def check_written(path: Path, mark: str, advice: str = _ADVICE) -> None:
    """Refuse a file that is there and does not hold our mark at its beginning.

    Raises
    ------
    OutputError
        It is somebody else's, or cannot be read; `advice` says what to do then.
    """
    if not path.exists() and not path.is_symlink():
        return
    try:
        with path.open("rb") as file:
            ours = not path.is_symlink() and mark.encode() in file.read(4096)
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}); check permissions") from None
    if not ours:
        raise OutputError(f"{path}: not written by reportgen; {advice}")


def _check_analysis(folder: Path) -> None:
    """Refuse a folder that is not our analysis: ours has a manifest, or only parts under names of ours."""
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder of ours; {_ADVICE}")
    path = folder / MANIFEST
    damaged = False
    if path.is_file():
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            damaged = True
        else:
            if isinstance(manifest, dict) and {"schema", "fingerprint"} <= manifest.keys():
                return
    files = [file for file in sorted(folder.rglob("*")) if not file.is_dir()]
    parts = {file for file in files if is_part_name(file.name)}
    if damaged and parts:
        return  # our manifest, damaged by a disk: the parts beside it have our names
    for file in files:
        ours = file in parts or is_temporary_name(file.name) or file.name in _LITTER or file.name in _BEFORE_MANIFEST
        if not ours:
            raise OutputError(f"{file}: not written by reportgen, and {folder} has no manifest of its own; {_ADVICE}")


def _check_archive(path: Path, without: str) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if path.is_symlink() or not path.is_file() or not _is_our_archive(path):
        raise OutputError(f"{path}: not written by reportgen; {_ADVICE}, or {without}")


def _is_our_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(f"report/{MANIFEST}")
            if entry.file_size > _LARGEST_MANIFEST:
                return False
            content = json.loads(archive.read(entry))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return False
    return isinstance(content, dict) and content.get("made_by") == MARK
