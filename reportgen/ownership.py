"""What in an output folder is ours to replace: files that our own records list, and nothing else.

Looked at before anything is computed, so that a name which is already taken costs seconds and not an hour.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from reportgen.analysis import is_part_name, is_temporary_name
from reportgen.errors import OutputError

__all__ = ["MAILED", "MANIFEST", "MARK", "check_output", "check_site"]

MANIFEST = "manifest.json"
MARK = "reportgen site"
MAILED = "report-mail.zip"
# Litter of desktops, made by looking at a folder: no one misses it.
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
_LARGEST_MANIFEST = 256_000_000
_ADVICE = "move it away or choose another --output"


def check_output(output: Path, *, zipped: bool, mailed: bool = False) -> None:
    """Refuse an output folder in which a name of ours is taken by somebody else's file.

    Parameters
    ----------
    zipped, mailed
        Whether `report.zip` and `MAILED` are going to be written.

    Raises
    ------
    OutputError
        `output`, or something in it, is not ours; names it.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file, expected a folder to write into; {_ADVICE}")
    check_site(output / "site")
    _check_analysis(output / "analysis")
    if zipped:
        _check_archive(output / "report.zip", "build with --no-zip")
    if mailed:
        _check_archive(output / MAILED, "build without --mail")


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
    try:
        manifest = json.loads((site / MANIFEST).read_text(encoding="utf-8"))
        listed = dict(manifest["files"]) if manifest["made_by"] == MARK else {}
    except (OSError, ValueError, KeyError, TypeError):
        listed = {}
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        # A manifest that lists nothing is somebody else's, or damaged: then nothing here is known to be ours.
        known = name in listed or (name == MANIFEST and bool(listed))
        if not known and path.name not in _LITTER:
            raise OutputError(f"{path}: not written by reportgen; expected only its own files in {site}; {_ADVICE}")
    return listed


def _check_analysis(folder: Path) -> None:
    """An analysis of ours has our manifest; before that is written, only parts under names that nobody else gives."""
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
        return  # our manifest, hurt by a disk: the parts under our names beside it say so
    for file in files:
        ours = file in parts or is_temporary_name(file.name) or file.name in _LITTER or file.name == "problems.parquet"
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
