"""Finding image files: paths in a test set were often written on another machine."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reportgen.errors import printable

__all__ = ["Locator", "portable_name"]

_ABSOLUTE = re.compile(r"[\\/~]|[A-Za-z]:")
# No system opens longer paths, and looking one up from every one of its parts on takes time with the square.
_LONGEST = 4096
_DEEPEST = 100


class Locator:
    """Looks paths up under several folders and remembers what each folder holds.

    Every folder is listed once instead of asking for every file, which on network drives is the difference
    between seconds and hours.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(dict.fromkeys(root.absolute() for root in roots))
        self.shortened: Counter[str] = Counter()
        self._held: dict[Path, frozenset[str]] = {}
        self._tried: dict[tuple[str, ...], list[tuple[int, Path, frozenset[str]]]] = {}

    def find(self, written: str) -> Path | None:
        """The file for a path as written, or None.

        An absolute path is taken as it is where it exists. Anything else is looked for under each root in
        turn: in full, then without its first part, and so on down to the file's name; backslashes separate
        like slashes.
        """
        if len(written) > _LONGEST:
            return None
        # Making a `Path` is the slowest step here, so only what looks absolute becomes one.
        if _ABSOLUTE.match(written) and Path(written).name in self._names(Path(written).parent):
            return Path(written)
        parts = _parts(written)
        if not 0 < len(parts) <= _DEEPEST:
            return None
        *folders, name = parts
        for start, folder, names in self._candidates(tuple(folders)):
            if name in names:
                if start:
                    self.shortened["/".join(parts[:start])] += 1
                return folder / name
        return None

    def _candidates(self, folders: tuple[str, ...]) -> list[tuple[int, Path, frozenset[str]]]:
        """Existing folders in the order in which they are tried: how many parts were left out, place, names."""
        known = self._tried.get(folders)
        if known is None:
            places = (
                (start, root.joinpath(*folders[start:])) for start in range(len(folders) + 1) for root in self.roots
            )
            known = [(start, place, names) for start, place in places if (names := self._names(place))]
            self._tried[folders] = known
        return known

    def _names(self, folder: Path) -> frozenset[str]:
        """The files in a folder; none where there is no such folder."""
        names = self._held.get(folder)
        if names is None:
            try:
                with os.scandir(folder) as entries:
                    names = frozenset(entry.name for entry in entries if _is_file(entry))
            except (OSError, ValueError):
                names = frozenset()
            self._held[folder] = names
        return names


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # such as links in a circle: one of them must not hide the whole folder
        return False


def portable_name(written: str, file: Path | None, roots: Sequence[Path]) -> str:
    """A path that can be shown: as written where relative, else without this machine's folders."""
    return printable(_without_folders(written, file, roots))


def _without_folders(written: str, file: Path | None, roots: Sequence[Path]) -> str:
    if not _ABSOLUTE.match(written):
        return "/".join(part for part in written.replace("\\", "/").split("/") if part != "..")
    if file is not None:
        for root in roots:
            if file.is_relative_to(root):
                return file.relative_to(root).as_posix()
    return "/".join(_parts(written)[-2:])


def _parts(written: str) -> list[str]:
    text = written.replace("\\", "/")
    if len(text) > 1 and text[1] == ":":
        text = text[2:]
    return [part for part in text.split("/") if part not in ("", ".")]
